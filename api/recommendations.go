package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/store"
)

func (s *Server) registerRecommendations() {
	tags := []string{"推荐"}
	register(s, officers, huma.Operation{OperationID: "recommend", Method: http.MethodPost, Path: "/api/v1/recommendations", Summary: "推荐“名特优新”个体工商户，并征求经营者本人同意", Tags: tags, DefaultStatus: http.StatusCreated}, s.recommend)
	register(s, officers, huma.Operation{OperationID: "list-recommendations", Method: http.MethodGet, Path: "/api/v1/recommendations", Summary: "本部门的推荐及其进展；区市场监管局可看各部门的", Tags: tags}, s.listRecommendations)
	register(s, officers, huma.Operation{OperationID: "withdraw-recommendation", Method: http.MethodPost, Path: "/api/v1/recommendations/{id}/withdraw", Summary: "在经营者答复前撤回推荐", Tags: tags, DefaultStatus: http.StatusOK}, s.withdrawRecommendation)
}

// RecommendationInput is what a department writes; nothing that departments delivered is asked for.
type RecommendationInput struct {
	USCC       string            `json:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
	District   string            `json:"district,omitempty" pattern:"^[0-9]{6}$" doc:"区划代码；只有负责多个区的用户需要填写"`
	Categories []models.Category `json:"categories" minItems:"1" maxItems:"4" uniqueItems:"true" enum:"renowned,distinctive,quality,emerging" doc:"推荐的分类，最适宜的在前"`
	Grounds    []GroundInput     `json:"grounds,omitempty" maxItems:"30" doc:"符合的条件；“经相关部门推荐的”一项自动列入"`
	Reason     string            `json:"reason" minLength:"1" maxLength:"2000" doc:"推荐理由"`
}

// RecommendationView is a recommendation that was made, and how the operator hears of it.
type RecommendationView struct {
	ApplicationView
	AskedBy string `json:"asked_by" enum:"mail,code" doc:"mail 已发邮件征求同意；code 登记数据中没有邮箱，须由推荐人以外的工作人员发给登录码"`
	ToDo    string `json:"to_do,omitempty" doc:"推荐部门还须做什么"`
}

func (s *Server) recommend(ctx context.Context, u models.User, in *struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           RecommendationInput
}) (*struct{ Body RecommendationView }, error) {
	cycle, err := s.seasonCycle(ctx, u, in.Body.District)
	if err != nil {
		return nil, err
	}
	key := commandKey(in.IdempotencyKey)
	a, err := s.draftRecommendation(ctx, u, cycle, in.Body, key)
	if err != nil {
		return nil, err
	}
	if a.State == models.ApplicationDraft {
		c := models.ApplicationCommand{CommandID: key, Event: models.EventRecommend, Actor: u.Actor(), Clause: recommendClause}.Asked(fmt.Sprint(in.Body))
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Reason); err != nil {
			return nil, err
		}
		if a, err = s.act(ctx, a, c); err != nil {
			return nil, err
		}
	}
	answer, err := s.answerApplication(ctx, u, a)
	if err != nil {
		return nil, err
	}
	v := RecommendationView{ApplicationView: answer.Body, AskedBy: "mail"}
	_, to, err := s.Store.Reach(ctx, a.District, store.Debtor{Kind: models.OwnerHousehold, Owner: a.USCC})
	if err != nil {
		return nil, err
	}
	if len(to) == 0 {
		v.AskedBy = "code"
		v.ToDo = "登记数据中没有该户的电子邮箱。请当面核实经营者身份后，由同事或区市场监管局（推荐人本人不得发放）在“登录码”（POST /api/v1/households/" + a.USCC + "/access-codes）中为其开具一次性登录码，由其本人在" + a.LimitOn.Chinese() + "（含当日）前登录答复。"
	}
	return &struct{ Body RecommendationView }{v}, nil
}

// recommendClause is where the plan lets departments recommend.
const recommendClause = "附三(二)2"

// draftRecommendation begins a recommendation, or gives the one that the same request began before. A barred household is refused
// before anything is written.
func (s *Server) draftRecommendation(ctx context.Context, u models.User, cycle models.Cycle, in RecommendationInput, key string) (models.Application, error) {
	live, err := s.Store.LiveApplication(ctx, cycle.ID, in.USCC)
	if err == nil && live.RecommendedBy == u.Actor() {
		done, err := s.Store.ApplicationCommandDone(ctx, models.ApplicationCommand{ApplicationID: live.ID, CommandID: key, Event: models.EventRecommend,
			Actor: u.Actor(), Clause: recommendClause}.Asked(fmt.Sprint(in)))
		if err != nil || done {
			return live, err
		}
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return live, err
	}
	content := ContentInput{Wished: in.Categories, Grounds: in.Grounds}.content()
	for _, c := range in.Categories {
		g, ok := law.Recommended(c)
		if ok && !claims(content.Grounds, g) {
			content.Grounds = append(content.Grounds, g)
		}
	}
	if live.State == models.ApplicationDraft && live.RecommendedBy == u.Actor() { // begun, and broken off
		return s.Store.WriteDraft(ctx, u.Actor(), live.ID, content)
	}
	candidate, err := s.Store.Candidate(ctx, cycle.ID, in.USCC)
	if err != nil {
		return live, err
	}
	today := cycle.Clock.Today(time.Now())
	if err := store.Barred(law.Bars(&candidate, models.OriginRecommended, today, today)); err != nil {
		return live, err
	}
	return s.Store.DraftApplication(ctx, models.Application{CycleID: cycle.ID, USCC: in.USCC, Origin: models.OriginRecommended, EnteredBy: u.Actor(),
		RecommendedBy: u.Actor(), Department: departmentOf(u)}, content)
}

func claims(list []models.ApplicationGround, g models.ApplicationGround) bool {
	for _, c := range list {
		if c.Category == g.Category && c.Letter == g.Letter {
			return true
		}
	}
	return false
}

// departmentOf is the department for which an officer acts: an administrator is the bureau's.
func departmentOf(u models.User) string {
	if u.Bureau() {
		return models.BureauCode
	}
	return u.Department
}

func (s *Server) listRecommendations(ctx context.Context, u models.User, in *struct {
	ApplicationQuery
	Department string `query:"department" maxLength:"20" doc:"部门代码"`
}) (*struct {
	Body Page[ApplicationItem]
}, error) {
	f := store.ApplicationFilter{District: u.District, CycleID: in.Cycle, State: in.State, USCC: in.USCC, Department: in.Department, Origin: models.OriginRecommended}
	if !u.Bureau() {
		if in.Department != "" && in.Department != u.Department {
			return nil, models.Errorf(models.CodeForbidden, "只能查看本部门的推荐")
		}
		f.Department = u.Department
	}
	return s.pageOfApplications(ctx, f, &in.ApplicationQuery)
}

func (s *Server) withdrawRecommendation(ctx context.Context, u models.User, in *struct {
	CommandInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"撤回的理由"`
	}
}) (*struct{ Body ApplicationView }, error) {
	a, err := s.application(ctx, u, in.ID)
	switch {
	case err != nil:
		return nil, err
	case a.Origin != models.OriginRecommended || a.Department != departmentOf(u):
		return nil, models.Errorf(models.CodeForbidden, "只能撤回本部门的推荐")
	case a.State == models.ApplicationDraft:
		return nil, s.discard(ctx, u, a)
	case a.State.Live() && a.State != models.ApplicationConsent:
		return nil, models.Conflict("经营者已经同意，推荐不能再撤回；经营者本人可以撤回")
	}
	return s.commandOn(ctx, u, a, in.IdempotencyKey, in.Body.Reason, models.ApplicationCommand{Event: models.EventWithdraw})
}
