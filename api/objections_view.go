package api

import (
	"context"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// ObjectionView is an objection as it is listed.
type ObjectionView struct {
	ID          int64         `json:"id"`
	Number      string        `json:"number" doc:"受理编号"`
	Kind        string        `json:"kind" enum:"tier,notice,decision,certification"`
	KindName    string        `json:"kind_name"`
	State       string        `json:"state" enum:"received,not_accepted,accepted,asked,answered,settled,withdrawn"`
	StateName   string        `json:"state_name"`
	Cycle       string        `json:"cycle"`
	District    string        `json:"district"`
	USCC        string        `json:"uscc" doc:"所涉户"`
	Name        string        `json:"name"`
	Application int64         `json:"application,omitempty" doc:"所涉申报件"`
	Case        int64         `json:"case,omitempty" doc:"所涉认定存续事项"`
	ReceivedOn  calendar.Date `json:"received_on"`
	AcceptDue   calendar.Date `json:"accept_due" doc:"决定是否受理的期限"`
	AcceptedOn  string        `json:"accepted_on,omitempty"`
	SettleDue   string        `json:"settle_due,omitempty" doc:"办结期限"`
	Department  string        `json:"department,omitempty" doc:"被请答复的部门"`
	AnswerDue   string        `json:"answer_due,omitempty" doc:"部门答复期限"`
	Outcome     string        `json:"outcome,omitempty" enum:"upheld,confirmed"`
	OutcomeName string        `json:"outcome_name,omitempty"`
	Effect      string        `json:"effect,omitempty" doc:"异议成立的处理结果"`
	TierBefore  models.Tier   `json:"tier_before,omitempty" doc:"被异议的分型结果"`
	TierAfter   models.Tier   `json:"tier_after,omitempty" doc:"办结后的分型结果"`
	SettledOn   string        `json:"settled_on,omitempty"`
}

// ObjectionDetail is an objection with what was said and done about it.
type ObjectionDetail struct {
	ObjectionView
	Asked      string                   `json:"department_name,omitempty" doc:"被请答复的部门的名称"`
	Statement  string                   `json:"statement" doc:"异议理由"`
	Answer     string                   `json:"answer,omitempty" doc:"部门的答复；异议人在办结后可见"`
	Reason     string                   `json:"reason,omitempty" doc:"不予受理或办结的理由"`
	Clause     string                   `json:"clause,omitempty"`
	Steps      []ObjectionStepView      `json:"steps" doc:"经过"`
	Objector   *ObjectorView            `json:"objector,omitempty" doc:"公示异议的异议人，只有区市场监管局可见"`
	Judged     models.Tier              `json:"judged,omitempty" doc:"按现有数据重新判定的分型；只对办理人员显示"`
	Candidates []ObjectionCandidateView `json:"candidates,omitempty" doc:"距更高分型所差的条件及其数据部门；只对办理人员显示"`
}

// ObjectionStepView is one event.
type ObjectionStepView struct {
	On    calendar.Date `json:"on"`
	Event string        `json:"event"`
	Name  string        `json:"name"`
	State string        `json:"state" doc:"此后的状态"`
	By    models.Actor  `json:"by,omitempty" doc:"办理人；只对工作人员显示"`
}

// ObjectorView is who objects to a notice.
type ObjectorView struct {
	Name    string `json:"name"`
	Contact string `json:"contact"`
}

// ObjectionCandidateView is a department whose data may be in question.
type ObjectionCandidateView struct {
	Department string   `json:"department"`
	Source     string   `json:"source" doc:"数据来源"`
	Conditions []string `json:"conditions"`
}

func viewObjection(o store.ObjectionItem) ObjectionView {
	return ObjectionView{ID: o.ID, Number: o.Number(), Kind: string(o.Kind), KindName: o.Kind.Name(), State: string(o.State), StateName: o.State.Name(),
		Cycle: o.CycleID, District: o.District, USCC: o.USCC, Name: o.Name, Application: o.ApplicationID, Case: o.CaseID, ReceivedOn: o.ReceivedOn, AcceptDue: o.AcceptDue,
		AcceptedOn: o.AcceptedOn.String(), SettleDue: o.SettleDue.String(), Department: o.Department, AnswerDue: o.AnswerDue.String(), Outcome: string(o.Outcome),
		OutcomeName: o.Outcome.Name(), Effect: o.Effect.Name(), TierBefore: o.TierBefore, TierAfter: o.TierAfter, SettledOn: o.SettledOn.String()}
}

// objectionDetail shows an objection to whom it concerns, each as much as is theirs.
func (s *Server) objectionDetail(ctx context.Context, u models.User, o models.Objection) (*struct{ Body ObjectionDetail }, error) {
	item, err := s.Store.ObjectionItem(ctx, o)
	if err != nil {
		return nil, err
	}
	d := ObjectionDetail{ObjectionView: viewObjection(item), Statement: o.Statement, Clause: o.Clause, Steps: []ObjectionStepView{}}
	if o.Department != "" {
		cycle, err := s.Store.Cycle(ctx, o.CycleID)
		if err != nil {
			return nil, err
		}
		names, err := s.Store.DepartmentNames(ctx, o.District, cycle.Year)
		if err != nil {
			return nil, err
		}
		d.Asked = names[o.Department]
	}
	official := u.Role != models.RoleOperator
	steps, err := s.Store.ObjectionSteps(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		v := ObjectionStepView{On: step.OnDate, Event: string(step.Event), Name: step.Event.Name(), State: step.ToState.Name()}
		if official {
			v.By = step.Actor
		}
		d.Steps = append(d.Steps, v)
	}
	if o.ReasonID != 0 {
		if d.Reason, err = s.Store.Reason(ctx, o.ReasonID); err != nil {
			return nil, err
		}
	}
	if o.AnswerID != 0 && (official || !o.State.Live()) {
		if d.Answer, err = s.Store.Reason(ctx, o.AnswerID); err != nil {
			return nil, err
		}
	}
	if d.Objector, err = s.objectorFor(ctx, u, o); err != nil {
		return nil, err
	}
	if official && o.Kind == models.ObjectionTier && o.State.Live() {
		if err := s.judgedAgain(ctx, o, &d); err != nil {
			return nil, err
		}
	}
	return &struct{ Body ObjectionDetail }{d}, nil
}

// objectorFor gives who objects to a notice to the bureau's officers, and to nobody else (三(二)).
func (s *Server) objectorFor(ctx context.Context, u models.User, o models.Objection) (*ObjectorView, error) {
	if o.Kind != models.ObjectionNotice || !u.Bureau() {
		return nil, nil
	}
	who, err := s.Store.Objector(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	return &ObjectorView{Name: who.Name, Contact: who.Contact}, nil
}

// judgedAgain adds what the present data say, and whose data stand between the household and a higher tier.
func (s *Server) judgedAgain(ctx context.Context, o models.Objection, d *ObjectionDetail) (err error) {
	if d.Judged, _, err = s.Store.JudgeAgain(ctx, o); err != nil {
		return err
	}
	list, err := s.Store.ObjectionCandidates(ctx, o)
	if err != nil {
		return err
	}
	for _, c := range list {
		d.Candidates = append(d.Candidates, ObjectionCandidateView{Department: c.Department, Source: c.Source.Name(), Conditions: c.Conditions})
	}
	return nil
}
