package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"bangfu/models"
)

// NewID gives the next free id for a district's year.
func NewID(o Options, r Rules) string {
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s-%d-%d", r.District, r.Year, n)
		if _, err := os.Stat(directory(o, id)); err != nil {
			return id
		}
	}
}

// Run runs a rehearsal to its end, from where an earlier process left it if there was one; rules are those of a new one. report hears,
// about every second, where it stands. Only one process may run a rehearsal at a time.
func Run(ctx context.Context, o Options, id string, rules Rules, report func(context.Context, Progress) error) error {
	if err := errors.Join(CheckID(id), rules.Validate()); err != nil {
		return err
	}
	i, err := open(ctx, o, id, rules)
	if err != nil {
		return err
	}
	defer i.close()
	people, err := i.gather(ctx)
	if err != nil {
		return err
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
		return i.writeReport(ctx)
	})
	return g.Wait()
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
