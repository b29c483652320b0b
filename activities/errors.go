package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"bangfu/models"
)

// lasting tells the engine not to try again what no retry mends: a refusal (*models.Error) that is not merely a
// part being away. Its code and Chinese message travel through the engine to whoever asked.
func lasting(err error) error {
	var e *models.Error
	if !errors.As(err, &e) || e.Code == models.CodeUnavailable || e.Code == models.CodeInternal {
		return err
	}
	return temporal.NewNonRetryableApplicationError(e.Message, string(e.Code), nil)
}
