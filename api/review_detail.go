package api

import (
	"context"

	"bangfu/models"
	"bangfu/models/calendar"
)

// ReviewDetail is everything that a reviewer needs to decide about an application.
type ReviewDetail struct {
	ReviewItem
	Statement     string              `json:"statement" doc:"申报人的陈述"`
	EnteredBy     models.Actor        `json:"entered_by" doc:"录入人"`
	RecommendedBy models.Actor        `json:"recommended_by,omitempty" doc:"推荐人"`
	MayDecide     bool                `json:"may_decide" doc:"您可以审核、走访或决定该件"`
	WhyNot        string              `json:"why_not,omitempty" doc:"您为什么不可以"`
	Facts         []FactView          `json:"facts" doc:"部门已交付的情况，不得要求申报人再次提供"`
	Bars          []models.Bar        `json:"bars" doc:"目前存在的不得认定的情形"`
	BarsNotKnown  []models.Bar        `json:"bars_not_known" doc:"部门数据不能判断的情形，审核人员须核实，审核通过时写明核实情况"`
	Grounds       []ReviewGround      `json:"grounds" doc:"所申报的和已审核的条件"`
	Documents     []DocumentView      `json:"documents" doc:"材料"`
	Visits        []VisitView         `json:"visits" doc:"走访"`
	History       []ReviewStep        `json:"history" doc:"办理经过"`
	Conflicts     []ConflictView      `json:"conflicts" doc:"对该户的回避声明"`
	Supplement    ReviewSupplementDay `json:"supplement" doc:"补充材料的期限"`
}

// FactView is one thing that a department delivered.
type FactView struct {
	Label       string        `json:"label"`
	Value       string        `json:"value"`
	Source      string        `json:"source" doc:"数据来源"`
	DeliveredOn calendar.Date `json:"delivered_on" doc:"交付日期"`
}

// ReviewGround is a ground with what was claimed, what the data say, and what was found.
type ReviewGround struct {
	Category  models.Category    `json:"category"`
	Letter    string             `json:"letter"`
	Text      string             `json:"text" doc:"条件原文"`
	Claimed   bool               `json:"claimed" doc:"申报人主张符合"`
	Statement string             `json:"statement,omitempty" doc:"申报人的说明"`
	Data      models.GroundCheck `json:"data" doc:"部门数据的判定；decisive 为真时审核结论不能与之相反"`
	Outcome   models.Outcome     `json:"outcome,omitempty" doc:"审核结论：met 符合，not_met 不符合；没有为未审核"`
	CheckedBy string             `json:"checked_by,omitempty" enum:"data,reviewer" doc:"data 部门数据，reviewer 审核人员"`
	Reason    string             `json:"reason,omitempty" doc:"审核理由"`
	By        models.Actor       `json:"by,omitempty"`
	On        calendar.Date      `json:"on" doc:"审核日期"`
}

// ReviewStep is one event of the application.
type ReviewStep struct {
	Seq    int                     `json:"seq"`
	Event  models.ApplicationEvent `json:"event"`
	Name   string                  `json:"name" doc:"事项"`
	From   models.ApplicationState `json:"from"`
	To     models.ApplicationState `json:"to"`
	On     calendar.Date           `json:"on"`
	Reason string                  `json:"reason,omitempty"`
	Clause string                  `json:"clause,omitempty"`
	By     models.Actor            `json:"by"`
	ByName string                  `json:"by_name,omitempty"`
	At     string                  `json:"at"`
}

// ReviewSupplementDay is the shortest limit that the policy gives for supplements, and the day it would end if asked for today.
type ReviewSupplementDay struct {
	Days int           `json:"days" doc:"工作日"`
	On   calendar.Date `json:"on" doc:"今天提出时的最后一日"`
}

func (s *Server) getReview(ctx context.Context, u models.User, in *ReviewInput) (*struct{ Body ReviewDetail }, error) {
	a, err := s.reviewable(ctx, u, in.Application)
	if err != nil {
		return nil, err
	}
	cycle, err := s.Store.Cycle(ctx, a.CycleID)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, a.CycleID)
	if err != nil {
		return nil, err
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return nil, err
	}
	candidate, err := s.Store.Candidate(ctx, a.CycleID, a.USCC)
	if err != nil {
		return nil, err
	}
	on := a.SubmittedOn
	if on == 0 {
		on = today
	}
	d := ReviewDetail{Statement: a.Statement, EnteredBy: a.EnteredBy, RecommendedBy: a.RecommendedBy, MayDecide: true,
		Facts: []FactView{}, Bars: append([]models.Bar{}, law.Bars(&candidate, a.Origin, on, today)...),
		BarsNotKnown: append([]models.Bar{}, law.BarsNotKnown(&candidate, a.Origin, on, today)...)}
	if err := s.Store.MayDecide(ctx, a, u.Actor()); err != nil {
		if models.CodeOf(err) != models.CodeForbidden {
			return nil, err
		}
		d.MayDecide, d.WhyNot = false, err.Error()
	}
	for _, item := range candidate.Items {
		d.Facts = append(d.Facts, FactView{Label: item.Label, Value: item.Value, Source: item.Source.Name(), DeliveredOn: item.DeliveredOn})
	}
	workdays, err := s.Store.Workdays(ctx)
	if err != nil {
		return nil, err
	}
	d.Supplement.Days = law.Workdays("supplement.limit")
	d.Supplement.On = workdays.TermEnd(today, d.Supplement.Days)
	if err := s.reviewParts(ctx, a, &d); err != nil {
		return nil, err
	}
	for i, g := range d.Grounds {
		d.Grounds[i].Data = law.CheckGround(g.Category, g.Letter, &candidate, a, on)
		if ground, ok := law.Ground(g.Category, g.Letter); ok {
			d.Grounds[i].Text = ground.Text
		}
	}
	return &struct{ Body ReviewDetail }{d}, nil
}

// reviewParts reads what is on record beside the application: grounds, documents, visits, history, conflicts; with the words of reasons
// and the names of people.
func (s *Server) reviewParts(ctx context.Context, a models.Application, d *ReviewDetail) error {
	grounds, err := s.Store.ApplicationGrounds(ctx, a.ID)
	if err != nil {
		return err
	}
	steps, err := s.Store.ApplicationSteps(ctx, a.ID)
	if err != nil {
		return err
	}
	visits, err := s.Store.ApplicationVisits(ctx, a.ID)
	if err != nil {
		return err
	}
	reasons, actors := []int64{}, []models.Actor{a.Reviewer}
	for _, g := range grounds {
		reasons = append(reasons, g.ReasonID)
	}
	for _, step := range steps {
		reasons, actors = append(reasons, step.ReasonID), append(actors, step.Actor)
	}
	for _, v := range visits {
		actors = append(actors, v.VisitorA, v.VisitorB)
	}
	words, err := s.Store.Reasons(ctx, reasons)
	if err != nil {
		return err
	}
	names, err := s.Store.ActorNames(ctx, actors)
	if err != nil {
		return err
	}
	d.ReviewItem = viewReviewItem(a, names)
	d.Grounds, d.History, d.Visits = []ReviewGround{}, []ReviewStep{}, []VisitView{}
	for _, g := range grounds {
		d.Grounds = append(d.Grounds, ReviewGround{Category: g.Category, Letter: g.Letter, Claimed: g.Claimed, Statement: g.Statement, Outcome: g.Outcome,
			CheckedBy: g.CheckedBy, Reason: words[g.ReasonID], By: g.ByActor, On: g.OnDate})
	}
	for _, step := range steps {
		d.History = append(d.History, ReviewStep{Seq: step.Seq, Event: step.Event, Name: step.Event.Name(), From: step.FromState, To: step.ToState,
			On: step.OnDate, Reason: words[step.ReasonID], Clause: step.Clause, By: step.Actor, ByName: names[step.Actor], At: moment(step.At)})
	}
	for _, v := range visits {
		d.Visits = append(d.Visits, viewVisit(v, names))
	}
	if d.Conflicts, err = s.conflictsOf(ctx, a.District, a.USCC); err != nil {
		return err
	}
	subjects := []string{models.ApplicationObject(a.ID)}
	for _, v := range visits {
		subjects = append(subjects, models.VisitObject(v.ID))
	}
	documents, err := s.Store.Documents(ctx, subjects...)
	if err != nil {
		return err
	}
	d.Documents = []DocumentView{}
	for _, one := range documents {
		d.Documents = append(d.Documents, viewDocument(one))
	}
	return nil
}
