package activities

import (
	"context"
	"errors"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Certified carries out what happens to certified households (附三(五)), tells whom it concerns, and starts their processes.
type Certified struct {
	Store   *store.Store
	Letters *Letters
	// Nudge tells the process of a certification that the record changed, and starts it where none runs (workflows.NudgeCertified).
	Nudge func(ctx context.Context, c models.Certification, clock calendar.Clock) error
}

// CertifiedStatus is what a certified household's process knows of the record. No text, no name: it lies in the engine's history.
type CertifiedStatus struct {
	State        models.CertificationState
	Category     models.Category
	Tier         models.Tier // at certification
	Department   string      // that recommended it
	CertifiedOn  calendar.Date
	BenefitsFrom calendar.Date
	ValidUntil   calendar.Date
	EndedOn      calendar.Date
	Extensions   int
	Next         models.Milestone // zero = nothing is to be done on a date
	Cases        []CertifiedCase  // that go on
	Events       int
	Steps        []CertifiedMilestone // the newest
}

// CertifiedCase is a case that goes on.
type CertifiedCase struct {
	Kind  models.CaseKind
	State models.CaseState
	Due   calendar.Date
}

// CertifiedMilestone is one line of a certified household's story.
type CertifiedMilestone struct {
	On    calendar.Date
	Event models.CertifiedEvent
}

// ActOnCertifiedInput is a command and the civil date. Natural key: the command's CertificationID and CommandID.
type ActOnCertifiedInput struct {
	Command models.CertifiedCommand
	Today   calendar.Date
	Told    int // events up to this number are told to whom they concern
}

// ActOnCertified carries a command out, once, tells of it, and gives the certification as it then is.
func (a *Certified) ActOnCertified(ctx context.Context, in ActOnCertifiedInput) (CertifiedStatus, error) {
	if _, err := a.Store.ActOnCertified(ctx, in.Command, in.Today); err != nil {
		return CertifiedStatus{}, lasting(err)
	}
	return a.follow(ctx, in.Command.CertificationID, in.Today, in.Told)
}

// FollowCertifiedInput names the certification and the civil date.
type FollowCertifiedInput struct {
	CertificationID int64
	Today           calendar.Date
	Told            int // events up to this number are told to whom they concern
}

// FollowCertified does what the certification's calendar asks for by today, tells of what happened, and gives it as it then is. Natural key:
// each date of the calendar, each event's letter; what was done is not done again.
func (a *Certified) FollowCertified(ctx context.Context, in FollowCertifiedInput) (CertifiedStatus, error) {
	return a.follow(ctx, in.CertificationID, in.Today, in.Told)
}

// certifiedSteps is how many of the newest steps a process keeps for its card.
const certifiedSteps = 30

func (a *Certified) follow(ctx context.Context, id int64, today calendar.Date, told int) (CertifiedStatus, error) {
	c, next, err := a.Store.FollowCertified(ctx, id, today)
	if err != nil {
		return CertifiedStatus{}, lasting(err)
	}
	if c.Events > told { // here and not in an activity of its own: each would be an event more, of twenty thousand households
		err := a.Letters.TellCertified(ctx, TellCertifiedInput{CertificationID: id, After: told})
		var never *temporal.ApplicationError
		switch {
		case errors.As(err, &never) && never.NonRetryable(): // a letter that can never be written must not keep the years from going on
			activity.GetLogger(ctx).Error("telling of a certification failed", "certification", c.Number, "error", err)
		case err != nil:
			return CertifiedStatus{}, err
		}
	}
	s := CertifiedStatus{State: c.State, Category: c.Category, Tier: c.Tier, CertifiedOn: c.CertifiedOn, BenefitsFrom: c.BenefitsFrom, ValidUntil: c.ValidUntil,
		EndedOn: c.EndedOn, Extensions: c.Extensions, Next: next, Events: c.Events}
	app, err := a.Store.Application(ctx, c.ApplicationID)
	if err != nil {
		return s, lasting(err)
	}
	s.Department = app.Department
	cases, err := a.Store.LiveCases(ctx, id)
	if err != nil {
		return s, err
	}
	for _, k := range cases {
		s.Cases = append(s.Cases, CertifiedCase{k.Kind, k.State, k.Due})
	}
	steps, err := a.Store.CertifiedSteps(ctx, id)
	if err != nil {
		return s, err
	}
	for _, step := range steps[max(0, len(steps)-certifiedSteps):] {
		if step.Seq <= c.Events { // another may have followed meanwhile
			s.Steps = append(s.Steps, CertifiedMilestone{step.OnDate, step.Event})
		}
	}
	return s, nil
}

// StartCertifiedInput names the cycle and the civil date.
type StartCertifiedInput struct {
	CycleID string
	Today   calendar.Date
}

// StartCertified starts the process of every certification of the cycle that has none, or that does not know what happened. It returns
// how many. Told twice, a process reads once more and finds nothing.
func (a *Certified) StartCertified(ctx context.Context, in StartCertifiedInput) (started int, err error) {
	cycle, err := a.Store.Cycle(ctx, in.CycleID)
	if err != nil {
		return 0, lasting(err)
	}
	var after int64
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &after, &started) // unreadable = from the beginning
	}
	err = a.attend(ctx, cycle, in.Today, after, func(last int64, n int) {
		started += n
		activity.RecordHeartbeat(ctx, last, started)
	})
	return started, err
}

// attend brings to its process, from after an id on, every certification of a cycle of which it does not know what happened or what is due.
func (a *Certified) attend(ctx context.Context, cycle models.Cycle, today calendar.Date, after int64, done func(last int64, n int)) error {
	for {
		page, err := a.Store.UnattendedCertifications(ctx, cycle.ID, today.AddDays(1), after, nudgePage)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := inParallel(page, func(c models.Certification) error { return a.Nudge(ctx, c, cycle.Clock) }); err != nil {
			return err
		}
		after = page[len(page)-1].ID
		done(after, len(page))
	}
}

// inParallel does something with each of a page, nudgeWidth at a time, and gives the first error.
func inParallel[T any](page []T, do func(T) error) error {
	errs := make([]error, nudgeWidth)
	var wg sync.WaitGroup
	for w := range nudgeWidth {
		wg.Go(func() {
			for i := w; i < len(page) && errs[w] == nil; i += nudgeWidth {
				errs[w] = do(page[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
