package rehearsal

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"bangfu/models"
)

// Run runs a rehearsal that is on record to its end, from where an earlier process left it if there was one, and records what became of
// it. report hears, about every second, where it stands. The error is why it stopped: CodeUnavailable when it may go on later, anything
// else for a rehearsal that has failed and is on record as such.
func Run(ctx context.Context, o Options, id string, report func(models.RehearsalProgress)) error {
	record, err := o.Source.Rehearsal(ctx, id)
	if err != nil || record.State != models.RehearsalRunning {
		return err
	}
	unlock, err := lock(o, id)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.Source.PlaceRehearsal(ctx, id, place()); err != nil {
		return err
	}
	files, err := run(ctx, o, record, func(p models.RehearsalProgress) error {
		report(p)
		return o.Source.ReportRehearsal(ctx, id, p)
	})
	var fault *models.Error
	switch {
	case err == nil:
		return o.Source.EndRehearsal(ctx, id, models.RehearsalDone, "", files)
	case ctx.Err() == nil && errors.As(err, &fault) && fault.Code != models.CodeUnavailable:
		return errors.Join(err, o.Source.EndRehearsal(ctx, id, models.RehearsalFailed, fault.Message, nil))
	}
	return err
}

// place names this machine.
func place() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "本机"
	}
	return name
}

func run(ctx context.Context, o Options, record models.Rehearsal, report func(models.RehearsalProgress) error) (files map[string][]byte, err error) {
	i, err := open(ctx, o, record)
	if err != nil {
		return nil, err
	}
	defer i.close()
	people, err := i.gather(ctx)
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, playing := errgroup.WithContext(ctx)
	g.Go(func() error { return i.work(working) })
	g.Go(func() error {
		defer stop()
		p := &play{installation: i, people: people, mute: map[string]bool{}, results: map[string][]resultView{}, laid: map[int]bool{}}
		return p.run(playing, report)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := i.holdRest(ctx); err != nil { // the worker has stopped: nothing happens any more
		return nil, err
	}
	return i.files(ctx)
}

// holdRest holds the mails that no worker got to, also one whose sender died with it in hand, when its lease is over.
func (i *installation) holdRest(ctx context.Context) error {
	for {
		m, ok, err := i.store.ClaimMail(ctx)
		if err != nil {
			return err
		}
		if ok {
			if err := i.mailer.Send(ctx, m); err != nil {
				return err
			}
			if err := i.store.SettleMail(ctx, m, models.MailAccepted, ""); err != nil {
				return err
			}
			continue
		}
		at, waits, err := i.store.NextMailAt(ctx)
		if err != nil || !waits {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(50*time.Millisecond, time.Until(at))):
		}
	}
}
