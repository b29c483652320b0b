package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
)

// Rehearsals runs and removes rehearsals. What runs one is set by the program's entrance: it needs the API, which activities do not know.
type Rehearsals struct {
	// Run goes on with a rehearsal until it is over; report hears how far it has come. CodeUnavailable: it may go on later.
	Run    func(ctx context.Context, id string, report func(models.RehearsalProgress)) error
	Remove func(ctx context.Context, actor models.Actor, id string) error
}

// RehearsalRef names a rehearsal, and who removes it.
type RehearsalRef struct {
	ID    string
	Actor models.Actor
}

// rehearsalPulse is how often a rehearsal shows that its worker lives, also while it copies a large district.
const rehearsalPulse = 5 * time.Second

// RunRehearsal runs a rehearsal to its end. Natural key: ID; a worker that takes it up again goes on where the last one ended.
func (a *Rehearsals) RunRehearsal(ctx context.Context, in RehearsalRef) (models.RehearsalProgress, error) {
	var last models.RehearsalProgress
	if a.Run == nil {
		return last, lasting(models.Errorf(models.CodeUnavailable, "这个工作进程不能运行演练"))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := activity.GetWorkerStopChannel(ctx)
	progress := make(chan models.RehearsalProgress, 1)
	pulsing := make(chan struct{})
	go func() {
		defer close(pulsing)
		beat := time.NewTicker(rehearsalPulse)
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-stop: // another worker, or this one when it is back, goes on
				cancel()
				return
			case last = <-progress:
			case <-beat.C:
			}
			activity.RecordHeartbeat(ctx, last)
		}
	}()
	err := a.Run(ctx, in.ID, func(p models.RehearsalProgress) {
		select {
		case progress <- p:
		default: // an older one waits to be shown
		}
	})
	cancel()
	<-pulsing
	var fault *models.Error
	if errors.As(err, &fault) && fault.Code != models.CodeUnavailable && fault.Code != models.CodeConflict {
		err = lasting(err)
	}
	return last, err
}

// RemoveRehearsal removes a rehearsal that does not run. Natural key: ID.
func (a *Rehearsals) RemoveRehearsal(ctx context.Context, in RehearsalRef) error {
	if a.Remove == nil {
		return lasting(models.Errorf(models.CodeUnavailable, "这个工作进程不能删除演练"))
	}
	return a.Remove(ctx, in.Actor, in.ID)
}
