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
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return i.work(working) })
	g.Go(func() error {
		defer stop()
		p := &play{installation: i, people: people, mute: map[string]bool{}, results: map[string][]resultView{}, laid: map[int]bool{}}
		if err := p.run(ctx, report); err != nil {
			return err
		}
		if err := p.awaitMail(ctx); err != nil {
			return err
		}
		files, err = i.files(ctx)
		return err
	})
	err = g.Wait()
	return files, err
}

// awaitMail waits until every mail is held, a minute at most.
func (g *play) awaitMail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, waits, err := g.store.NextMailAt(ctx)
		if err == nil && !waits {
			return nil
		}
		select {
		case <-ctx.Done():
			return models.Errorf(models.CodeUnavailable, "演练已结束，但还有邮件没有写出")
		case <-time.After(200 * time.Millisecond):
		}
	}
}
