package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Notices keeps the public notice (公示) of a cycle's proposals (三(二)).
type Notices struct{ Store *store.Store }

// PublishNotice makes the list of all who are proposed public, once.
func (a *Notices) PublishNotice(ctx context.Context, in SelectionRef) (models.NoticeBoard, error) {
	board, err := a.Store.PublishNotice(ctx, in.CycleID, in.Today)
	return board, lasting(err)
}

// TendNoticeInput names the cycle and the date by which its certification is due: a period that begins today must end by then.
type TendNoticeInput struct {
	CycleID          string
	CertificationDue calendar.Date
	Today            calendar.Date
}

// TendNotice brings periods, lists and the waiting list up to date. Idempotent: it goes by what is on record.
func (a *Notices) TendNotice(ctx context.Context, in TendNoticeInput) (models.NoticeBoard, error) {
	board, err := a.Store.TendNotice(ctx, in.CycleID, in.CertificationDue, in.Today)
	return board, lasting(err)
}

// CloseNotice ends a notice that is over, and with it the waiting list.
func (a *Notices) CloseNotice(ctx context.Context, in SelectionRef) (models.NoticeBoard, error) {
	board, err := a.Store.CloseNotice(ctx, in.CycleID, in.Today, func() { activity.RecordHeartbeat(ctx) })
	return board, lasting(err)
}
