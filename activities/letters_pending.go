package activities

import (
	"context"

	"bangfu/models"
)

func (w *certifiedLetters) tellCase(context.Context, *letter, models.CertifiedStep) error { return nil }
