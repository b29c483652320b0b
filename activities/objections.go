package activities

import (
	"context"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Objections carries out what is done about objections (异议).
type Objections struct{ Store *store.Store }

// ObjectionStatus is what an objection's process knows of the record. No text, no name: it lies in the engine's history.
type ObjectionStatus struct {
	Kind           models.ObjectionKind
	State          models.ObjectionState
	Department     string
	DepartmentName string
	ReceivedOn     calendar.Date
	Due            calendar.Date // of the bureau's present step; 0 when nothing is due
	AnswerDue      calendar.Date // of the department, while it is asked
	Outcome        models.ObjectionOutcome
	Effect         models.ObjectionEffect
	TierBefore     models.Tier
	TierAfter      models.Tier
	Events         int
	Steps          []ObjectionMilestone
}

// ObjectionMilestone is one line of an objection's story.
type ObjectionMilestone struct {
	On    calendar.Date
	Event models.ObjectionEvent
}

// ActOnObjectionInput is a command and the civil date. Natural key: the command's ObjectionID and CommandID.
type ActOnObjectionInput struct {
	Command models.ObjectionCommand
	Today   calendar.Date
}

// ActOnObjection carries a command out, once, and gives the objection as it then is.
func (a *Objections) ActOnObjection(ctx context.Context, in ActOnObjectionInput) (ObjectionStatus, error) {
	o, err := a.Store.ActOnObjection(ctx, in.Command, in.Today)
	if err != nil {
		return ObjectionStatus{}, lasting(err)
	}
	return a.status(ctx, o)
}

// ReadObjectionInput names the objection.
type ReadObjectionInput struct{ ObjectionID int64 }

// ReadObjection gives the objection as the record has it.
func (a *Objections) ReadObjection(ctx context.Context, in ReadObjectionInput) (ObjectionStatus, error) {
	o, err := a.Store.Objection(ctx, in.ObjectionID)
	if err != nil {
		return ObjectionStatus{}, lasting(err)
	}
	return a.status(ctx, o)
}

func (a *Objections) status(ctx context.Context, o models.Objection) (ObjectionStatus, error) {
	steps, err := a.Store.ObjectionSteps(ctx, o.ID)
	if err != nil {
		return ObjectionStatus{}, err
	}
	s := ObjectionStatus{Kind: o.Kind, State: o.State, Department: o.Department, ReceivedOn: o.ReceivedOn, Due: o.Due(), Outcome: o.Outcome, Effect: o.Effect,
		TierBefore: o.TierBefore, TierAfter: o.TierAfter, Events: o.Events}
	if o.State == models.ObjectionAsked {
		s.AnswerDue = o.AnswerDue
	}
	for _, step := range steps {
		if step.Seq <= o.Events { // another may have followed meanwhile
			s.Steps = append(s.Steps, ObjectionMilestone{step.OnDate, step.Event})
		}
	}
	s.Steps = s.Steps[max(0, len(s.Steps)-stepsShown):]
	if o.Department != "" {
		if s.DepartmentName, err = departmentName(ctx, a.Store, o); err != nil {
			return s, err
		}
	}
	return s, nil
}

// departmentName is how the department asked is called.
func departmentName(ctx context.Context, s *store.Store, o models.Objection) (string, error) {
	_, year, err := models.ParseCycleID(o.CycleID)
	if err != nil {
		return "", err
	}
	names, err := s.DepartmentNames(ctx, o.District, year)
	if err != nil {
		return "", err
	}
	if name := names[o.Department]; name != "" {
		return name, nil
	}
	if o.Department == models.BureauCode {
		return "区市场监管局", nil
	}
	return o.Department, nil
}
