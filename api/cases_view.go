package api

import (
	"context"
	"slices"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// CaseView is a case as it is listed.
type CaseView struct {
	ID            int64              `json:"id"`
	Number        string             `json:"number" doc:"事项编号"`
	Certification string             `json:"certification" doc:"认定编号"`
	District      string             `json:"district"`
	USCC          string             `json:"uscc"`
	Name          string             `json:"name"`
	Kind          models.CaseKind    `json:"kind" enum:"report,operator,data,evaluation,fraud"`
	KindName      string             `json:"kind_name"`
	State         models.CaseState   `json:"state" enum:"open,hearing,heard,proposed,decided,closed"`
	StateName     string             `json:"state_name"`
	OpenedOn      calendar.Date      `json:"opened_on" doc:"立项日期"`
	Due           calendar.Date      `json:"due" doc:"应作出决定的期限"`
	HearingDue    string             `json:"hearing_due,omitempty" doc:"陈述申辩的期限"`
	HeardOn       string             `json:"heard_on,omitempty" doc:"陈述申辩或者期满的日期"`
	Department    string             `json:"department,omitempty" doc:"被征求意见的推荐部门"`
	OpinionDue    string             `json:"opinion_due,omitempty" doc:"推荐部门提出意见的期限"`
	Outcome       models.CaseOutcome `json:"outcome,omitempty" enum:"keep,cancel,extend,lapse,revoke" doc:"决定；决定之前为拟定的意见，只有区市场监管局可见"`
	OutcomeName   string             `json:"outcome_name,omitempty"`
	DecidedOn     string             `json:"decided_on,omitempty" doc:"决定或终结的日期"`
	Clause        string             `json:"clause,omitempty" doc:"依据的条款"`
}

// CaseDetail is a case with what it rests on, and what was said and done.
type CaseDetail struct {
	CaseView
	Ground      []models.StandingFinding `json:"ground" doc:"所依据的标准、评估情形及数据"`
	OpenReason  string                   `json:"open_reason,omitempty" doc:"立项的情形和证据"`
	Statement   string                   `json:"statement,omitempty" doc:"该户的陈述申辩"`
	Opinion     models.Opinion           `json:"opinion,omitempty" enum:"agrees,disagrees" doc:"推荐部门意见；该户在决定后可见"`
	OpinionText string                   `json:"opinion_text,omitempty"`
	Proposal    string                   `json:"proposal,omitempty" doc:"拟定意见的理由；只有区市场监管局可见"`
	Reason      string                   `json:"reason,omitempty" doc:"决定或终结的理由"`
	DataMark    string                   `json:"data_mark,omitempty" doc:"所依据的数据交付批次"`
	PolicyID    int64                    `json:"policy_id" doc:"所依据的政策版本"`
	ObjectUntil string                   `json:"object_until,omitempty" doc:"可以对决定提出异议的最后一天"`
	Namesakes   []models.Bar             `json:"namesakes,omitempty" doc:"延长前须核对的情形：经营者与被撤销认定的户的经营者同名"`
	Steps       []CaseStepView           `json:"steps" doc:"经过"`
}

// CaseStepView is one step.
type CaseStepView struct {
	On    calendar.Date         `json:"on"`
	Event models.CertifiedEvent `json:"event"`
	Name  string                `json:"name"`
	By    models.Actor          `json:"by,omitempty" doc:"办理人；只对区市场监管局显示"`
}

func viewCase(u models.User, k store.CaseItem) CaseView {
	v := CaseView{ID: k.ID, Number: k.CaseNumber(), Certification: k.Number, District: k.District, USCC: k.USCC, Name: k.Name, Kind: k.Kind, KindName: k.Kind.Name(),
		State: k.State, StateName: k.State.Name(), OpenedOn: k.OpenedOn, Due: k.Due, HearingDue: k.HearingDue.String(), HeardOn: k.HeardOn.String(),
		Department: k.Department, OpinionDue: k.OpinionDue.String(), DecidedOn: k.DecidedOn.String()}
	if k.State == models.CaseDecided || seesCases(u) {
		v.Outcome, v.OutcomeName, v.Clause = k.Outcome, k.Outcome.Name(), k.Clause
	}
	return v
}

// caseDetail shows a case to whom it concerns, each as much as is theirs: the household what is held against it and what was decided, the
// department asked the findings, the bureau and auditors all of it.
func (s *Server) caseDetail(ctx context.Context, u models.User, k models.Case) (*struct{ Body CaseDetail }, error) {
	cert, err := s.Store.CertificationByID(ctx, k.CertificationID)
	if err != nil {
		return nil, err
	}
	d := CaseDetail{CaseView: viewCase(u, store.CaseItem{Case: k, Name: cert.Name}), Ground: k.Ground, PolicyID: k.PolicyID, Steps: []CaseStepView{}}
	inside, own, over := seesCases(u), u.Role == models.RoleOperator, !k.State.Live()
	reasons, err := s.Store.Reasons(ctx, []int64{k.OpenReasonID, k.StatementID, k.OpinionID, k.ProposalID, k.ReasonID})
	if err != nil {
		return nil, err
	}
	if inside || own {
		d.OpenReason, d.Statement, d.Reason = reasons[k.OpenReasonID], reasons[k.StatementID], reasons[k.ReasonID]
	}
	if inside || !own || over {
		d.Opinion, d.OpinionText = k.Opinion, reasons[k.OpinionID]
	}
	if inside {
		d.Proposal, d.DataMark = reasons[k.ProposalID], k.DataMark
		if d.Namesakes, err = s.namesakes(ctx, cert, k); err != nil {
			return nil, err
		}
	}
	if own && k.State == models.CaseDecided && k.Outcome.Adverse() {
		if d.ObjectUntil, err = s.objectUntil(ctx, k); err != nil {
			return nil, err
		}
	}
	steps, err := s.Store.CaseSteps(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		v := CaseStepView{On: step.OnDate, Event: step.Event, Name: step.Event.Name()}
		if inside {
			v.By = step.Actor
		} else if step.Event == models.CertifiedPropose || step.Event == models.CertifiedReturn {
			continue
		}
		d.Steps = append(d.Steps, v)
	}
	return &struct{ Body CaseDetail }{d}, nil
}

// objectUntil is the last day on which the household may object to the decision of a case.
func (s *Server) objectUntil(ctx context.Context, k models.Case) (string, error) {
	cycle, err := s.Store.Cycle(ctx, k.CycleID)
	if err != nil {
		return "", err
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return "", err
	}
	w, err := s.Store.Workdays(ctx)
	if err != nil {
		return "", err
	}
	return w.TermEnd(k.DecidedOn, law.Workdays("objection.window")).String(), nil
}

// namesakes says of an evaluation that goes on whether the operator bears the name of one whose certification was revoked (附三(五)).
func (s *Server) namesakes(ctx context.Context, cert models.Certification, k models.Case) ([]models.Bar, error) {
	if k.Kind != models.CaseEvaluation || !k.State.Live() {
		return nil, nil
	}
	cycle, err := s.Store.Cycle(ctx, cert.CycleID)
	if err != nil {
		return nil, err
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return nil, err
	}
	newest, err := s.Store.NewestData(ctx, cert.District, cycle.Clock.Rehearsal())
	if err != nil || newest == "" {
		return nil, err
	}
	candidate, err := s.Store.Candidate(ctx, newest, cert.USCC)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	today, err := s.todayOf(ctx, cert.CycleID)
	if err != nil {
		return nil, err
	}
	bars := law.BarsNotKnown(&candidate, models.OriginRecommended, today, today)
	return slices.DeleteFunc(bars, func(b models.Bar) bool { return b.ID != policy.BarRevoked }), nil
}
