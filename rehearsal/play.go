package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"bangfu/models"
	"bangfu/models/calendar"
)

// cycleView is what the players look at of a year.
type cycleView struct {
	ID    string
	Year  int
	Stage models.Stage
	State models.CycleState
	Today calendar.Date
	Plan  []struct {
		Key  calendar.PlanKey
		Date calendar.Date
	}
	Clock    calendar.Clock
	PolicyID int64 `json:"policy_id"`
}

func (c *cycleView) plan(key calendar.PlanKey) calendar.Date {
	for _, p := range c.Plan {
		if p.Key == key {
			return p.Date
		}
	}
	return 0
}

func (c *cycleView) over() bool {
	return c.State == models.CycleDone || c.State == models.CycleCancelled
}

// resultView is a household in a year's tiering.
type resultView struct {
	USCC string
	Tier models.Tier
}

// play is a rehearsal while people are played. It remembers nothing that matters: everybody decides by what the record says and by the
// rules, so that another process goes on where this one ended.
type play struct {
	*installation
	people *people
	cycles []cycleView
	today  calendar.Date
	stood  calendar.Date // the latest day on which everybody looked what the years with certified households ask

	mu      sync.Mutex
	mute    map[string]bool // what was refused, and is not tried again
	results map[string][]resultView
	laid    map[int]bool // years whose files lie ready

	acts, refused atomic.Int64
	waits         string // why it last had to wait
}

// tick is how often everybody looks what there is to do.
const tick = 150 * time.Millisecond

// atOnce is how many people act at once.
const atOnce = 8

// run plays until the last year is over. report hears, about every second, where it stands.
func (g *play) run(ctx context.Context, report func(models.RehearsalProgress) error) error {
	var reported time.Time
	for {
		began := time.Now()
		over, err := g.step(ctx)
		if err == nil && (over || time.Since(reported) > time.Second) {
			reported = time.Now()
			err = g.tell(ctx, report)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && over:
			return nil
		case err != nil:
			if words := err.Error(); words != g.waits { // the same again every moment tells nothing
				g.waits = words
				g.Logger.WarnContext(ctx, "the rehearsal waits", "rehearsal", g.id, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(10*time.Millisecond, tick-time.Since(began))):
		}
	}
}

// last is the day on which the rehearsal is over: the first year's certifications have been evaluated and extended or lapsed by then.
func (r rules) last() calendar.Date { return calendar.NewDate(r.Year+r.Years, 12, 20) }

// step looks once and does what is to be done.
func (g *play) step(ctx context.Context) (over bool, err error) {
	cycles, err := all[cycleView](ctx, g.people.starter, "/api/v1/cycles", nil)
	if err != nil {
		return false, err
	}
	g.cycles = cycles
	if len(cycles) == 0 {
		return false, g.startYear(ctx, g.rules.Year, calendar.DefaultPlan(g.rules.Year)[calendar.PlanStart])
	}
	g.today = cycles[0].Today
	newest := &cycles[len(cycles)-1]
	// a last year that is late is waited for, but not for ever
	if g.today >= g.rules.last() && (newest.Stage == models.StageBenefits || newest.over() || g.today >= g.rules.last().AddDays(1000)) {
		return true, nil
	}
	if start := calendar.DefaultPlan(newest.Year + 1)[calendar.PlanStart]; newest.Year < g.rules.Year+g.rules.Years && g.today >= start {
		return false, g.startYear(ctx, newest.Year+1, g.today)
	}
	var tasks errgroup.Group // what fails for one keeps nobody else from acting
	for n := range cycles {
		if c := &cycles[n]; !c.over() {
			tasks.Go(func() error { return g.stage(ctx, c) })
		}
	}
	tasks.Go(func() error { return g.objections(ctx) })
	if g.today != g.stood { // once a day is enough for what has weeks
		for n := range cycles {
			tasks.Go(func() error { return g.standing(ctx, &cycles[n]) })
		}
		tasks.Go(func() error { return g.cases(ctx) })
	}
	g.stood = g.today
	return false, tasks.Wait()
}

// startYear has the administrator start a year on its clock, which begins now.
func (g *play) startYear(ctx context.Context, year int, start calendar.Date) error {
	return g.people.starter.post(ctx, "/api/v1/cycles", object{"district": g.rules.District, "year": year,
		"clock": object{"start": start, "days_per_second": g.rules.Speed}}, nil)
}

func (g *play) tell(ctx context.Context, report func(models.RehearsalProgress) error) error {
	p := models.RehearsalProgress{Today: g.today, Until: g.rules.last(), Acts: g.acts.Load(), Refused: g.refused.Load()}
	if len(g.cycles) > 0 {
		newest := g.cycles[len(g.cycles)-1]
		p.From, p.Cycle, p.Stage = g.cycles[0].Clock.Start, newest.ID, newest.Stage.Info().Name
	}
	var err error
	if p.Applications, p.Certified, p.Mails, err = g.store.Volumes(ctx, g.today); err != nil {
		return err
	}
	return report(p)
}

// act has somebody do something, unless the program refused the same before; key tells it from everything else that is done. The error
// is what will be tried again.
func (g *play) act(ctx context.Context, key string, f func() error) error {
	g.mu.Lock()
	muted := g.mute[key]
	g.mu.Unlock()
	if muted {
		return nil
	}
	err := f()
	var no *refusal
	switch {
	case err == nil:
		g.acts.Add(1)
		return nil
	case errors.As(err, &no) && no.status != http.StatusTooManyRequests:
		g.acts.Add(1)
		g.refused.Add(1)
		g.settle(key)
		g.note(key, no.words)
		g.Logger.DebugContext(ctx, "refused in a rehearsal", "rehearsal", g.id, "what", key, "today", g.today.String(), "why", no.words)
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}

// refusedFile lists what the program refused, one JSON object a line.
const refusedFile = "refused.jsonl"

// note keeps what the program refused, for the report; a line that cannot be written is missing there.
func (g *play) note(key, why string) {
	what, _, _ := strings.Cut(strings.TrimPrefix(key, "/api/v1/"), "/")
	line, err := json.Marshal(refusedAct{Today: g.today, What: what, Key: key, Why: why})
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(g.dir, refusedFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(append(line, '\n'))
	_ = f.Close()
}

// refusedAct is something that the program refused.
type refusedAct struct {
	Today calendar.Date `json:"today"`
	What  string        `json:"what"`
	Key   string        `json:"key"`
	Why   string        `json:"why"`
}

// once is act for what is done only once: what was done is not asked for again while this process lives.
func (g *play) once(ctx context.Context, key string, f func() error) error {
	return g.act(ctx, key, func() error {
		err := f()
		if err == nil {
			g.settle(key)
		}
		return err
	})
}

func (g *play) settle(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mute[key] = true
}

// each does something for every item, several at once; one that fails does not keep the others from it.
func each[T any](ctx context.Context, list []T, f func(ctx context.Context, item T) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	var mu sync.Mutex
	var failed error
	for _, item := range list {
		g.Go(func() error {
			if err := f(ctx, item); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait()
	return failed
}

// tiers gives the households of a year's tiering.
func (g *play) tiers(ctx context.Context, c *cycleView) ([]resultView, error) {
	g.mu.Lock()
	list, ok := g.results[c.ID]
	g.mu.Unlock()
	if ok {
		return list, nil
	}
	list, err := all[resultView](ctx, g.people.starter, "/api/v1/cycles/"+c.ID+"/tiering/results", nil)
	if err == nil {
		g.mu.Lock()
		g.results[c.ID] = list
		g.mu.Unlock()
	}
	return list, err
}
