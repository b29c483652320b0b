package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/store"
)

// Outboxes sends what is in the outbox.
type Outboxes struct {
	Store     *store.Store
	Mailer    *Mailer
	PerMinute int // mails at most; 0 = as fast as the server takes them
}

// SendResult is what one batch brought, and when the next is due.
type SendResult struct {
	Sent     int
	Deferred int
	Failed   int
	Pending  bool      // mails wait
	NextAt   time.Time // when the first of them is to be tried; it may have come already
}

// batch is how many mails one activity sends; between two the workflow writes its card.
const batch = 200

// SendMails sends the mails that are due, one after the other, at most a batch. A mail is claimed right before it is
// sent and settled right after, so that a sender that dies leaves at most one mail in doubt; that one is tried again
// when its lease is over, under the same Message-ID.
func (a *Outboxes) SendMails(ctx context.Context) (SendResult, error) {
	var r SendResult
	for range batch {
		m, ok, err := a.Store.ClaimMail(ctx)
		if err != nil {
			return r, err
		}
		if !ok {
			break
		}
		event, problem := verdict(a.Mailer.Send(ctx, m))
		// what the server accepted is recorded even if this activity is being cancelled
		if err := a.Store.SettleMail(context.WithoutCancel(ctx), m, event, problem); err != nil {
			return r, err
		}
		switch event {
		case models.MailAccepted:
			r.Sent++
		case models.MailDeferred:
			r.Deferred++
		default:
			r.Failed++
		}
		activity.RecordHeartbeat(ctx, r)
		if err := a.pause(ctx); err != nil {
			return r, err
		}
	}
	var err error
	r.NextAt, r.Pending, err = a.Store.NextMailAt(ctx)
	return r, err
}

// pause keeps the quiet rate.
func (a *Outboxes) pause(ctx context.Context) error {
	if a.PerMinute <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(time.Minute / time.Duration(a.PerMinute))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sending mail: %w", ctx.Err())
	}
}
