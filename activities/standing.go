package activities

import (
	"context"
	"sync/atomic"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Standing checks certified households against what departments deliver (附三(五) 动态管理).
type Standing struct {
	Store *store.Store
	// Nudge tells the process of a certification that the record changed (workflows.NudgeCertified).
	Nudge func(ctx context.Context, c models.Certification, clock calendar.Clock) error
	// Start asks for a re-check of the certified households on a cycle's clock (workflows.StartRecheck).
	Start func(ctx context.Context, c models.Cycle) error
}

// AskRecheckInput names the district and year whose data changed. Natural key: both; asked twice, the households are checked twice and nothing
// is found twice.
type AskRecheckInput struct {
	District string
	Year     int
}

// AskRecheck asks for a re-check of the district's certified households, where there are any.
func (a *Standing) AskRecheck(ctx context.Context, in AskRecheckInput) error {
	return lasting(a.ask(ctx, models.CycleID(in.District, in.Year)))
}

func (a *Standing) ask(ctx context.Context, cycleID string) error {
	cycle, err := a.Store.Cycle(ctx, cycleID)
	if models.CodeOf(err) == models.CodeNotFound {
		return nil // the year has not begun: its data do not count yet
	}
	if err != nil {
		return err
	}
	if some, err := a.Store.HasCertified(ctx, cycle.District); err != nil || !some {
		return err
	}
	return a.Start(ctx, cycle)
}

// RecheckInput names the district, the kind of clock of the certifications that are meant, and the civil date on it.
type RecheckInput struct {
	District  string
	Rehearsal bool
	Today     calendar.Date
}

// RecheckResult is what a re-check found.
type RecheckResult struct {
	Checked int
	Refused int // that could not be checked: see the log
	models.RecheckCounts
}

// recheckProgress is what a re-check tells the engine after each page, and goes on from.
type recheckProgress struct {
	Last   int64
	Result RecheckResult
}

// RecheckCertified checks every certified household of the district on the newest data, page by page, and tells the processes of those about whom
// something was written down. Natural key: certification and what exactly was found; a page that is done again finds nothing new.
func (a *Standing) RecheckCertified(ctx context.Context, in RecheckInput) (RecheckResult, error) {
	var at recheckProgress
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &at) // unreadable = from the beginning
	}
	var told atomic.Pointer[recheckProgress]
	defer beats(ctx, func() any { return *told.Load() })()
	clocks := map[string]calendar.Clock{}
	for {
		now := at
		told.Store(&now)
		activity.RecordHeartbeat(ctx, now)
		page, err := a.Store.RecheckCertified(ctx, in.District, in.Rehearsal, in.Today, at.Last)
		if err != nil {
			return at.Result, err
		}
		if err := a.tell(ctx, page.Moved, clocks); err != nil {
			return at.Result, err
		}
		for _, number := range page.Refused {
			activity.GetLogger(ctx).Error("a certified household could not be checked again", "certification", number)
		}
		at.Last = page.Last
		at.Result.Checked += page.Checked
		at.Result.Refused += len(page.Refused)
		at.Result.Add(page.RecheckCounts)
		if page.Done {
			return at.Result, nil
		}
	}
}

// tell nudges the processes of a page, nudgeWidth at a time.
func (a *Standing) tell(ctx context.Context, moved []models.Certification, clocks map[string]calendar.Clock) error {
	for _, c := range moved {
		if _, ok := clocks[c.CycleID]; ok {
			continue
		}
		cycle, err := a.Store.Cycle(ctx, c.CycleID)
		if err != nil {
			return err
		}
		clocks[c.CycleID] = cycle.Clock
	}
	return inParallel(moved, func(c models.Certification) error { return a.Nudge(ctx, c, clocks[c.CycleID]) })
}
