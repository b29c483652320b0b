package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/store"
)

// attend brings to its process what is on record while the engine was away, or whose process somebody ended: applications that moved or
// whose limit passed unnoticed, objections that are not settled, and certifications whose calendar nobody follows. Where the process knows already, nothing happens.
func (r *round) attend(ctx context.Context) error {
	cycles, err := r.Store.Cycles(ctx, r.District, "", page)
	if err != nil {
		return err
	}
	for _, c := range cycles {
		if c.Clock.Rehearsal() != (r.CycleID != "") || r.CycleID != "" && c.ID != r.CycleID {
			continue
		}
		if c.State == models.CycleRunning { // it may have begun before there were duties
			if _, err := r.Store.OpenMissingDuties(ctx, c, r.Today); err != nil {
				return err
			}
		}
		if err := r.attendApplications(ctx, c); err != nil {
			return err
		}
		if err := r.attendObjections(ctx, c); err != nil {
			return err
		}
		if err := r.attendHelpNotices(ctx, c); err != nil {
			return err
		}
		if r.Certified == nil || r.Certified.Nudge == nil {
			continue
		}
		err := r.Certified.attend(ctx, c, r.Today.AddDays(-2), 0, func(int64, int) { activity.RecordHeartbeat(ctx) }) // its own timer had a day to do it
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *round) attendApplications(ctx context.Context, c models.Cycle) error {
	for after := int64(0); r.Nudge != nil; {
		list, err := r.Store.UnattendedApplications(ctx, c.ID, r.Today, after, nudgePage)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, a := range list {
			if err := r.Nudge(ctx, a, c.Clock); err != nil {
				return err
			}
			after = a.ID
			activity.RecordHeartbeat(ctx)
		}
	}
	return nil
}

func (r *round) attendObjections(ctx context.Context, c models.Cycle) error {
	for before := int64(0); r.Receive != nil; {
		list, err := r.Store.Objections(ctx, store.ObjectionFilter{CycleID: c.ID, Open: true}, before, nudgePage)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, o := range list {
			if err := r.Receive(ctx, o.Objection, c.Clock); err != nil {
				return err
			}
			before = o.ID
			activity.RecordHeartbeat(ctx)
		}
	}
	return nil
}

func (r *round) attendHelpNotices(ctx context.Context, c models.Cycle) error {
	for after := int64(0); r.Notify != nil; {
		list, err := r.Store.OpenHelpNotices(ctx, c.ID, after, nudgePage)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, n := range list {
			if err := r.Notify(ctx, n); err != nil {
				return err
			}
			after = n.ID
			activity.RecordHeartbeat(ctx)
		}
	}
	return nil
}
