package activities

import (
	"context"

	"bangfu/models"
	"bangfu/models/store"
)

// Seasons is what a cycle asks about its certification season as a whole (附三(二)).
type Seasons struct{ Store *store.Store }

// CheckReviews counts what is not decided yet.
func (a *Seasons) CheckReviews(ctx context.Context, in CycleRef) (models.ReviewBoard, error) {
	return a.Store.OpenReviews(ctx, in.CycleID, in.Today)
}
