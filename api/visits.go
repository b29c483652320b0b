package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// VisitView is a site visit.
type VisitView struct {
	ID          int64               `json:"id"`
	Application int64               `json:"application" doc:"申报件编号"`
	Number      string              `json:"number"`
	USCC        string              `json:"uscc"`
	Name        string              `json:"name" doc:"名称"`
	Street      string              `json:"street,omitempty"`
	Visitors    [2]models.Actor     `json:"visitors" doc:"两名走访人员"`
	Names       [2]string           `json:"visitor_names"`
	PlannedOn   calendar.Date       `json:"planned_on"`
	PlannedBy   models.Actor        `json:"planned_by"`
	State       models.VisitState   `json:"state" enum:"planned,recorded,signed,cancelled" doc:"planned 已安排，recorded 已记录待另一人签认，signed 已签认，cancelled 已取消"`
	VisitedOn   calendar.Date       `json:"visited_on" doc:"走访日期"`
	Outcome     models.VisitOutcome `json:"outcome,omitempty" enum:"met,not_met" doc:"met 核实相符，not_met 核实不符"`
	Record      string              `json:"record,omitempty" doc:"走访情况"`
	RecordedBy  models.Actor        `json:"recorded_by,omitempty"`
	SignedBy    models.Actor        `json:"signed_by,omitempty"`
	SignedOn    calendar.Date       `json:"signed_on"`
	Reason      string              `json:"reason,omitempty" doc:"更改、取消或退回的理由"`
	UpdatedAt   string              `json:"updated_at"`
}

func viewVisit(v store.VisitItem, names map[models.Actor]string) VisitView {
	a := v.Application
	return VisitView{ID: v.ID, Application: a.ID, Number: a.Number(), USCC: a.USCC, Name: a.Name, Street: a.Street, Visitors: v.Visitors(),
		Names: [2]string{names[v.VisitorA], names[v.VisitorB]}, PlannedOn: v.PlannedOn, PlannedBy: v.PlannedBy, State: v.State, VisitedOn: v.VisitedOn,
		Outcome: v.Outcome, Record: v.Record, RecordedBy: v.RecordedBy, SignedBy: v.SignedBy, SignedOn: v.SignedOn, Reason: v.Reason, UpdatedAt: moment(v.UpdatedAt)}
}

// VisitInput names a visit.
type VisitInput struct {
	ID int64 `path:"id" minimum:"1" doc:"走访编号"`
}

// VisitPlan is who visits and when.
type VisitPlan struct {
	Visitors  []int64       `json:"visitors" minItems:"2" maxItems:"2" uniqueItems:"true" doc:"两名走访人员的用户编号"`
	PlannedOn calendar.Date `json:"planned_on" doc:"走访日期"`
}

func (p VisitPlan) actors() [2]models.Actor {
	return [2]models.Actor{models.User{ID: p.Visitors[0]}.Actor(), models.User{ID: p.Visitors[1]}.Actor()}
}

func (s *Server) registerVisits() {
	tags := []string{"审核走访"}
	register(s, bureau, huma.Operation{OperationID: "plan-visit", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/visits", Summary: "安排走访：两名走访人员和日期", Tags: tags, DefaultStatus: http.StatusCreated}, s.planVisit)
	register(s, reviewReaders, huma.Operation{OperationID: "list-application-visits", Method: http.MethodGet, Path: "/api/v1/reviews/{application}/visits", Summary: "一件申报的走访", Tags: tags}, s.listApplicationVisits)
	register(s, bureau, huma.Operation{OperationID: "list-visits", Method: http.MethodGet, Path: "/api/v1/visits", Summary: "本人的走访，按日期排列", Tags: tags}, s.listVisits)
	register(s, reviewReaders, huma.Operation{OperationID: "get-visit", Method: http.MethodGet, Path: "/api/v1/visits/{id}", Summary: "一次走访", Tags: tags}, s.getVisit)
	register(s, bureau, huma.Operation{OperationID: "change-visit", Method: http.MethodPatch, Path: "/api/v1/visits/{id}", Summary: "更改走访人员或日期，写明理由", Tags: tags}, s.changeVisit)
	register(s, bureau, huma.Operation{OperationID: "cancel-visit", Method: http.MethodPost, Path: "/api/v1/visits/{id}/cancel", Summary: "取消走访，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.cancelVisit)
	register(s, bureau, huma.Operation{OperationID: "record-visit", Method: http.MethodPost, Path: "/api/v1/visits/{id}/record", Summary: "一名走访人员记录走访情况和结论", Tags: tags, DefaultStatus: http.StatusOK}, s.recordVisit)
	register(s, bureau, huma.Operation{OperationID: "return-visit", Method: http.MethodPost, Path: "/api/v1/visits/{id}/return", Summary: "另一名走访人员不同意记录，退回重写，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.returnVisit)
	register(s, bureau, huma.Operation{OperationID: "sign-visit", Method: http.MethodPost, Path: "/api/v1/visits/{id}/sign", Summary: "另一名走访人员签认记录，结论生效", Tags: tags, DefaultStatus: http.StatusOK}, s.signVisit)
}

func (s *Server) planVisit(ctx context.Context, u models.User, in *struct {
	ReviewInput
	Body VisitPlan
}) (*struct{ Body VisitView }, error) {
	return s.arrange(ctx, u, models.Visit{ApplicationID: in.Application}, store.VisitChange{Visitors: in.Body.actors(), PlannedOn: in.Body.PlannedOn}, "")
}

func (s *Server) changeVisit(ctx context.Context, u models.User, in *struct {
	VisitInput
	Body struct {
		VisitPlan
		Reason string `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.arrange(ctx, u, v, store.VisitChange{Visitors: in.Body.actors(), PlannedOn: in.Body.PlannedOn}, in.Body.Reason)
}

func (s *Server) cancelVisit(ctx context.Context, u models.User, in *struct {
	VisitInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.arrange(ctx, u, v, store.VisitChange{Cancel: true}, in.Body.Reason)
}

func (s *Server) arrange(ctx context.Context, u models.User, v models.Visit, c store.VisitChange, reason string) (*struct{ Body VisitView }, error) {
	a, today, err := s.visited(ctx, u, v.ApplicationID)
	if err != nil {
		return nil, err
	}
	c.VisitID, c.ApplicationID, c.By, c.Admin = v.ID, a.ID, u.Actor(), u.Role == models.RoleAdmin
	if reason != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), reason); err != nil {
			return nil, err
		}
	}
	if v, err = s.Store.ArrangeVisit(ctx, c, today); err != nil {
		return nil, err
	}
	return s.visitView(ctx, v.ID)
}

// visited gives the application of a visit, which the caller, of the bureau, may handle, and its today.
func (s *Server) visited(ctx context.Context, u models.User, applicationID int64) (a models.Application, today calendar.Date, err error) {
	if err := bureauOnly(u); err != nil {
		return a, 0, err
	}
	if a, err = s.reviewable(ctx, u, applicationID); err != nil {
		return a, 0, err
	}
	today, err = s.todayOf(ctx, a.CycleID)
	return a, today, err
}

func (s *Server) visitView(ctx context.Context, id int64) (*struct{ Body VisitView }, error) {
	v, err := s.Store.VisitItem(ctx, id)
	if err != nil {
		return nil, err
	}
	names, err := s.Store.ActorNames(ctx, []models.Actor{v.VisitorA, v.VisitorB})
	if err != nil {
		return nil, err
	}
	return &struct{ Body VisitView }{viewVisit(v, names)}, nil
}

func (s *Server) getVisit(ctx context.Context, u models.User, in *VisitInput) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.reviewable(ctx, u, v.ApplicationID); err != nil {
		return nil, err
	}
	return s.visitView(ctx, v.ID)
}

func (s *Server) visitViews(ctx context.Context, list []store.VisitItem) (func(store.VisitItem) VisitView, error) {
	var actors []models.Actor
	for _, v := range list {
		actors = append(actors, v.VisitorA, v.VisitorB)
	}
	names, err := s.Store.ActorNames(ctx, actors)
	return func(v store.VisitItem) VisitView { return viewVisit(v, names) }, err
}

func (s *Server) listApplicationVisits(ctx context.Context, u models.User, in *ReviewInput) (*struct{ Body Page[VisitView] }, error) {
	a, err := s.reviewable(ctx, u, in.Application)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.ApplicationVisits(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	view, err := s.visitViews(ctx, list)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[VisitView] }{newPage(list, len(list), view, nil)}, nil
}

func (s *Server) listVisits(ctx context.Context, u models.User, in *struct {
	State []models.VisitState `query:"state" maxItems:"4" enum:"planned,recorded,signed,cancelled" doc:"状态，可多个；不填为 planned、recorded"`
	After string              `query:"after" maxLength:"40" doc:"上一页的 next"`
	Limit int                 `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[VisitView] }, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	q := store.VisitQuery{Visitor: u.Actor(), States: in.State, Limit: in.Limit + 1}
	if len(q.States) == 0 {
		q.States = []models.VisitState{models.VisitPlanned, models.VisitRecorded}
	}
	if in.After != "" {
		on, id, _ := strings.Cut(in.After, ".")
		var err error
		if q.After.On, err = calendar.ParseDate(on); err == nil {
			q.After.ID, err = strconv.ParseInt(id, 10, 64)
		}
		if err != nil || q.After.ID < 1 {
			return nil, models.Invalid("after", "应为上一页给出的 next")
		}
	}
	list, err := s.Store.VisitsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	view, err := s.visitViews(ctx, list)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[VisitView] }{newPage(list, in.Limit, view, func(v store.VisitItem) any { return fmt.Sprintf("%s.%d", v.PlannedOn, v.ID) })}, nil
}

func (s *Server) recordVisit(ctx context.Context, u models.User, in *struct {
	VisitInput
	Body struct {
		VisitedOn calendar.Date `json:"visited_on" doc:"走访日期"`
		Met       bool          `json:"met" doc:"核实相符"`
		Record    string        `json:"record" minLength:"1" maxLength:"2000" doc:"走访情况"`
	}
}) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	_, today, err := s.visited(ctx, u, v.ApplicationID)
	if err != nil {
		return nil, err
	}
	c := store.VisitRecord{VisitID: v.ID, By: u.Actor(), VisitedOn: in.Body.VisitedOn, Outcome: models.VisitNotMet, RecordID: 1}
	if in.Body.Met {
		c.Outcome = models.VisitMet
	}
	if err := v.Record(c.By, c.VisitedOn, c.Outcome, c.RecordID, today); err != nil {
		return nil, err // before the text is kept
	}
	if c.RecordID, err = s.Store.AddReason(ctx, c.By, in.Body.Record); err != nil {
		return nil, err
	}
	if _, err := s.Store.RecordVisit(ctx, c, today); err != nil {
		return nil, err
	}
	return s.visitView(ctx, v.ID)
}

func (s *Server) returnVisit(ctx context.Context, u models.User, in *struct {
	VisitInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.visited(ctx, u, v.ApplicationID); err != nil {
		return nil, err
	}
	if err := v.Other(u.Actor()); err != nil {
		return nil, err
	}
	reason, err := s.Store.AddReason(ctx, u.Actor(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	if _, err := s.Store.ReturnVisit(ctx, v.ID, u.Actor(), reason); err != nil {
		return nil, err
	}
	return s.visitView(ctx, v.ID)
}

func (s *Server) signVisit(ctx context.Context, u models.User, in *struct {
	VisitInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}) (*struct{ Body VisitView }, error) {
	v, err := s.Store.Visit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	a, _, err := s.visited(ctx, u, v.ApplicationID)
	if err != nil {
		return nil, err
	}
	if v.State == models.VisitSigned && v.SignedBy == u.Actor() {
		return s.visitView(ctx, v.ID) // signed before: the same again
	}
	if err := v.Other(u.Actor()); err != nil {
		return nil, err
	}
	_, err = s.act(ctx, a, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), ApplicationID: a.ID, Event: v.Outcome.Event(),
		Actor: u.Actor(), ReasonID: v.RecordID, Clause: "附三(二)2", VisitID: v.ID})
	if err != nil {
		return nil, err
	}
	return s.visitView(ctx, v.ID)
}
