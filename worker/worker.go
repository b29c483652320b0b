// Package worker runs workflows and activities: it registers them, tunes the task queues and stops in order.
package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"bangfu/activities"
	"bangfu/models/store"
	"bangfu/workflows"
)

// Options are what a worker needs.
type Options struct {
	Client         client.Client
	Store          *store.Store
	Mailer         *activities.Mailer
	Program        string   // program version, named in every result
	PublicURL      string   // where people reach the API, for the letters
	Folders        []string // directories under which departments may drop files
	MaxFile        int64    // bytes of one delivered file
	MailsPerMinute int
	Rehearsals     activities.Rehearsals // what runs and removes rehearsals; zero = this worker does not
	Activities     int                   // short activities at once; 0 = 100
	Bulk           int                   // imports and parts of a tiering at once; 0 = 4
}

// Run works on every task queue until ctx is done, then lets running activities finish for a while. What must
// always go on, the districts' morning rounds and the sending of mail, is started if it does not run.
func Run(ctx context.Context, o Options) error {
	if o.Activities == 0 {
		o.Activities = 100
	}
	if o.Bulk == 0 {
		o.Bulk = 4
	}
	main := worker.New(o.Client, workflows.QueueMain, worker.Options{
		WorkerStopTimeout: 10 * time.Second, MaxConcurrentActivityExecutionSize: o.Activities,
	})
	bulk := worker.New(o.Client, workflows.QueueBulk, worker.Options{
		WorkerStopTimeout: 10 * time.Second, DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: o.Bulk,
	})
	mail := worker.New(o.Client, workflows.QueueMail, worker.Options{
		WorkerStopTimeout: 10 * time.Second, DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1,
	})
	Register(main)
	for _, a := range Activities(o) {
		main.RegisterActivity(a)
		bulk.RegisterActivity(a)
		mail.RegisterActivity(a)
	}
	if err := standing(ctx, o); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	stop := make(chan any)
	go func() { <-ctx.Done(); close(stop) }()
	for name, w := range map[string]worker.Worker{workflows.QueueMain: main, workflows.QueueBulk: bulk, workflows.QueueMail: mail} {
		g.Go(func() error {
			if err := w.Run(stop); err != nil {
				return fmt.Errorf("working on %s: %w", name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// standing starts what must always go on.
func standing(ctx context.Context, o Options) error {
	districts, err := o.Store.Districts(ctx)
	if err != nil {
		return err
	}
	for _, d := range districts {
		if err := workflows.StartRound(ctx, o.Client, d.Code); err != nil {
			return err
		}
	}
	return workflows.WakeOutbox(ctx, o.Client)
}
