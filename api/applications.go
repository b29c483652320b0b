package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

func (s *Server) registerApplications() {
	tags := []string{"申报"}
	one := "/api/v1/applications/{id}"
	register(s, operators, huma.Operation{OperationID: "prefill-application", Method: http.MethodGet, Path: "/api/v1/me/application/prefill", Summary: "申报前看到的一切：部门已掌握的数据、能否申报、各分类的条件；部门已提供的无需再填", Tags: tags}, s.prefill)
	register(s, concerned, huma.Operation{OperationID: "list-applications", Method: http.MethodGet, Path: "/api/v1/applications", Summary: "申报件：经营者看本户的，区市场监管局看全区的，其他部门看本部门推荐的", Tags: tags}, s.listApplications)
	register(s, concerned, huma.Operation{OperationID: "draft-application", Method: http.MethodPost, Path: "/api/v1/applications", Summary: "新建申报草稿；工作人员可为不便使用网络的经营者代为录入", Tags: tags, DefaultStatus: http.StatusCreated}, s.draftApplication)
	register(s, concerned, huma.Operation{OperationID: "get-application", Method: http.MethodGet, Path: one, Summary: "申报件的内容、现状和经过", Tags: tags}, s.getApplication)
	register(s, concerned, huma.Operation{OperationID: "write-application", Method: http.MethodPut, Path: one, Summary: "保存草稿", Tags: tags}, s.writeApplication)
	register(s, concerned, huma.Operation{OperationID: "discard-application", Method: http.MethodDelete, Path: one, Summary: "删除草稿", Tags: tags, DefaultStatus: http.StatusNoContent}, s.discardApplication)
	register(s, concerned, huma.Operation{OperationID: "submit-application", Method: http.MethodPost, Path: one + "/submit", Summary: "提交申报，取得回执", Tags: tags, DefaultStatus: http.StatusOK}, s.submitApplication)
	register(s, concerned, huma.Operation{OperationID: "withdraw-application", Method: http.MethodPost, Path: one + "/withdraw", Summary: "撤回申报", Tags: tags, DefaultStatus: http.StatusOK}, s.withdrawApplication)
	register(s, concerned, huma.Operation{OperationID: "supply-application", Method: http.MethodPost, Path: one + "/supply", Summary: "补充材料已备齐，继续审核", Tags: tags, DefaultStatus: http.StatusOK}, s.supplyApplication)
	register(s, operators, huma.Operation{OperationID: "consent-application", Method: http.MethodPost, Path: one + "/consent", Summary: "同意部门推荐", Tags: tags, DefaultStatus: http.StatusOK}, s.consentApplication)
	register(s, operators, huma.Operation{OperationID: "decline-application", Method: http.MethodPost, Path: one + "/decline", Summary: "不同意部门推荐", Tags: tags, DefaultStatus: http.StatusOK}, s.declineApplication)
}

// act carries a command on an application out through its process, which the first command starts, and gives the application as it
// then is. The same command again gives the same answer. c needs no ApplicationID. The error is a *models.Error when it is refused.
func (s *Server) act(ctx context.Context, a models.Application, c models.ApplicationCommand) (models.Application, error) {
	c.ApplicationID = a.ID
	if c.Request == "" {
		c = c.Asked()
	}
	if _, err := a.State.Next(c.Event); err != nil {
		return s.acted(ctx, a, c, err)
	}
	cycle, err := s.Store.Cycle(ctx, a.CycleID)
	if err != nil {
		return a, err
	}
	if err := c.Event.During(cycle.Stage); err != nil {
		return s.acted(ctx, a, c, err)
	}
	err = s.send(ctx, a, cycle.Clock, c)
	if models.CodeOf(err) == models.CodeConflict && a.State != models.ApplicationDraft {
		// what the whole cycle did may not have reached the process yet
		if err := workflows.NudgeApplication(ctx, s.Temporal, a, cycle.Clock); err != nil {
			return a, commandError(err)
		}
		err = s.send(ctx, a, cycle.Clock, c)
	}
	if err != nil {
		return s.acted(ctx, a, c, err)
	}
	// the engine answers another request under the same number as if it were the first
	if _, err := s.Store.ApplicationCommandDone(ctx, c); err != nil {
		return a, err
	}
	return s.Store.Application(ctx, a.ID)
}

// acted gives the application if the command that was refused had been carried out before, and else the refusal.
func (s *Server) acted(ctx context.Context, a models.Application, c models.ApplicationCommand, refusal error) (models.Application, error) {
	if models.CodeOf(refusal) != models.CodeConflict {
		return a, refusal
	}
	done, err := s.Store.ApplicationCommandDone(ctx, c)
	switch {
	case err != nil:
		return a, err
	case !done:
		return a, refusal
	}
	return s.Store.Application(ctx, a.ID)
}

// send brings a command to the application's process and waits until it took effect.
func (s *Server) send(ctx context.Context, a models.Application, clock calendar.Clock, c models.ApplicationCommand) error {
	options, state := workflows.ApplicationStart(a, clock)
	return s.tellProcess(ctx, options, workflows.Application, state, message{c.CommandID, workflows.UpdateAct, []any{c}})
}

// ApplicationInput names an application.
type ApplicationInput struct {
	ID int64 `path:"id" minimum:"1" doc:"申报件编号"`
}

// application reads an application that concerns the caller: the operator's own, the bureau's district, or one that the
// officer's department recommended or the officer entered.
func (s *Server) application(ctx context.Context, u models.User, id int64) (models.Application, error) {
	a, err := s.Store.Application(ctx, id)
	if err != nil {
		return a, err
	}
	if err := errors.Join(inDistrict(u, a.District), ownHousehold(u, a.USCC)); err != nil {
		return a, models.NotFound("没有编号为 %d 的申报件，或与您无关", id)
	}
	if u.Role == models.RoleDepartment && !u.Bureau() && a.Department != u.Department && a.EnteredBy != u.Actor() {
		return a, models.NotFound("没有编号为 %d 的申报件，或与您无关", id)
	}
	return a, nil
}

// ownApplication reads an application whose applicant the caller is, or for whom the caller entered it.
func (s *Server) ownApplication(ctx context.Context, u models.User, id int64) (models.Application, error) {
	a, err := s.application(ctx, u, id)
	if err == nil && u.Role != models.RoleOperator && u.Actor() != a.EnteredBy {
		err = models.Errorf(models.CodeForbidden, "此项由经营者本人或代为录入的人办理")
	}
	return a, err
}

// GroundInput is a ground that the applicant claims.
type GroundInput struct {
	Category  models.Category `json:"category" enum:"renowned,distinctive,quality,emerging" doc:"分类"`
	Letter    string          `json:"letter" minLength:"1" maxLength:"1" doc:"条件的字母，如 A"`
	Statement string          `json:"statement,omitempty" maxLength:"1000" doc:"说明，证明材料另行上传"`
}

// ContentInput is what an applicant writes; nothing that departments delivered is asked for.
type ContentInput struct {
	Wished    []models.Category `json:"wished,omitempty" maxItems:"4" uniqueItems:"true" enum:"renowned,distinctive,quality,emerging" doc:"申报的分类，最希望的在前：renowned 知名，distinctive 特色，quality 优质，emerging 新兴"`
	Grounds   []GroundInput     `json:"grounds,omitempty" maxItems:"30" doc:"符合的条件"`
	Statement string            `json:"statement,omitempty" maxLength:"2000" doc:"补充说明"`
}

func (in ContentInput) content() models.ApplicationContent {
	c := models.ApplicationContent{Wished: in.Wished, Statement: in.Statement}
	for _, g := range in.Grounds {
		c.Grounds = append(c.Grounds, models.ApplicationGround{Category: g.Category, Letter: g.Letter, Statement: g.Statement, Claimed: true})
	}
	return c
}

func (s *Server) draftApplication(ctx context.Context, u models.User, in *struct {
	Body struct {
		ContentInput
		USCC     string `json:"uscc,omitempty" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码；经营者本人申报时不填"`
		District string `json:"district,omitempty" pattern:"^[0-9]{6}$" doc:"区划代码；只有负责多个区的用户需要填写"`
	}
}) (*struct{ Body ApplicationView }, error) {
	uscc, district := in.Body.USCC, in.Body.District
	if u.Role == models.RoleOperator {
		if uscc != "" && uscc != u.USCC {
			return nil, ownHousehold(u, uscc)
		}
		uscc = u.USCC
	}
	if uscc == "" {
		return nil, models.Invalid("uscc", "代为录入时请填写统一社会信用代码")
	}
	cycle, err := s.seasonCycle(ctx, u, district)
	if err != nil {
		return nil, err
	}
	a, err := s.Store.DraftApplication(ctx, models.Application{CycleID: cycle.ID, USCC: uscc, Origin: models.OriginOwn, EnteredBy: u.Actor()}, in.Body.content())
	if err != nil {
		return nil, err
	}
	return s.answerApplication(ctx, u, a)
}

// seasonCycle is the cycle of the caller's district that takes applications now.
func (s *Server) seasonCycle(ctx context.Context, u models.User, district string) (models.Cycle, error) {
	switch {
	case district == "":
		district = u.District
	default:
		if err := inDistrict(u, district); err != nil {
			return models.Cycle{}, err
		}
	}
	if district == "" {
		return models.Cycle{}, models.Invalid("district", "请填写区划代码")
	}
	return s.Store.SeasonCycle(ctx, district)
}

func (s *Server) writeApplication(ctx context.Context, u models.User, in *struct {
	ApplicationInput
	Body ContentInput
}) (*struct{ Body ApplicationView }, error) {
	a, err := s.ownApplication(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if a, err = s.Store.WriteDraft(ctx, u.Actor(), a.ID, in.Body.content()); err != nil {
		return nil, err
	}
	return s.answerApplication(ctx, u, a)
}

func (s *Server) discardApplication(ctx context.Context, u models.User, in *ApplicationInput) (*struct{}, error) {
	a, err := s.ownApplication(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.discard(ctx, u, a)
}

func (s *Server) discard(ctx context.Context, u models.User, a models.Application) error {
	cycle, err := s.Store.Cycle(ctx, a.CycleID)
	if err != nil {
		return err
	}
	return s.Store.DiscardDraft(ctx, u.Actor(), a.ID, cycle.Clock.Today(time.Now()))
}

// CommandInput is a command on an application that needs no more than its number.
type CommandInput struct {
	ApplicationInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}

func (s *Server) submitApplication(ctx context.Context, u models.User, in *struct {
	CommandInput
	SignedForm string `query:"signed_form" maxLength:"26" doc:"经营者本人签字的申报表的材料编号；只有代为录入的人需要填写"`
}) (*struct{ Body Receipt }, error) {
	a, err := s.ownApplication(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	a, err = s.act(ctx, a, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.EventSubmit, Actor: u.Actor(), Clause: "附三(二)2",
		DocumentID: in.SignedForm})
	if err != nil {
		return nil, err
	}
	return s.receipt(ctx, a)
}

func (s *Server) withdrawApplication(ctx context.Context, u models.User, in *struct {
	CommandInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"撤回的原因，可以不填；代为录入的人撤回时须写明"`
	}
}) (*struct{ Body ApplicationView }, error) {
	a, err := s.ownApplication(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case a.State == models.ApplicationDraft:
		return nil, models.Conflict("草稿尚未提交，无须撤回，可以直接删除")
	case a.State == models.ApplicationConsent:
		return nil, models.Conflict("部门推荐待您答复：请选择同意或不同意；推荐部门可以撤回推荐")
	case u.Role != models.RoleOperator && in.Body.Reason == "":
		return nil, models.Invalid("reason", "代为撤回须写明理由")
	}
	return s.commandOn(ctx, u, a, in.IdempotencyKey, in.Body.Reason, models.ApplicationCommand{Event: models.EventWithdraw})
}

// commandOn keeps the reason, if one was written, and carries the command out.
func (s *Server) commandOn(ctx context.Context, u models.User, a models.Application, key, reason string, c models.ApplicationCommand) (*struct{ Body ApplicationView }, error) {
	c.CommandID, c.Actor = commandKey(key), u.Actor()
	var err error
	if reason != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), reason); err != nil {
			return nil, err
		}
	}
	if a, err = s.act(ctx, a, c.Asked(reason)); err != nil {
		return nil, err
	}
	return s.answerApplication(ctx, u, a)
}

func (s *Server) supplyApplication(ctx context.Context, u models.User, in *struct {
	CommandInput
	Body struct {
		Statement string `json:"statement,omitempty" maxLength:"2000" doc:"说明；材料另行上传"`
	}
}) (*struct{ Body ApplicationView }, error) {
	a, err := s.ownApplication(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.commandOn(ctx, u, a, in.IdempotencyKey, in.Body.Statement, models.ApplicationCommand{Event: models.EventSupply})
}

func (s *Server) consentApplication(ctx context.Context, u models.User, in *CommandInput) (*struct{ Body Receipt }, error) {
	a, err := s.application(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	a, err = s.act(ctx, a, models.ApplicationCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.EventConsent, Actor: u.Actor(), Clause: "附三(二)2"})
	if err != nil {
		return nil, err
	}
	return s.receipt(ctx, a)
}

func (s *Server) declineApplication(ctx context.Context, u models.User, in *struct {
	CommandInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"原因，可以不填"`
	}
}) (*struct{ Body ApplicationView }, error) {
	a, err := s.application(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.commandOn(ctx, u, a, in.IdempotencyKey, in.Body.Reason, models.ApplicationCommand{Event: models.EventDecline})
}

func (s *Server) getApplication(ctx context.Context, u models.User, in *ApplicationInput) (*struct{ Body ApplicationView }, error) {
	a, err := s.application(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.answerApplication(ctx, u, a)
}

// ApplicationQuery selects applications for a list.
type ApplicationQuery struct {
	Cycle string                  `query:"cycle" maxLength:"11" doc:"年度工作编号，如 110107-2026"`
	State models.ApplicationState `query:"state" maxLength:"20" doc:"状态"`
	USCC  string                  `query:"uscc" maxLength:"18" doc:"统一社会信用代码"`
	After int64                   `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int                     `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (s *Server) listApplications(ctx context.Context, u models.User, in *ApplicationQuery) (*struct {
	Body Page[ApplicationItem]
}, error) {
	f := store.ApplicationFilter{District: u.District, CycleID: in.Cycle, State: in.State, USCC: in.USCC}
	if u.Role == models.RoleOperator {
		f.USCC = u.USCC
	} else if !u.Bureau() {
		f.Department = u.Department
	}
	return s.pageOfApplications(ctx, f, in)
}

func (s *Server) pageOfApplications(ctx context.Context, f store.ApplicationFilter, in *ApplicationQuery) (*struct {
	Body Page[ApplicationItem]
}, error) {
	if in.State != "" && !slices.Contains(models.ApplicationStates, in.State) {
		return nil, models.Invalid("state", "“%s”不是申报件的状态", string(in.State))
	}
	list, err := s.Store.Applications(ctx, f, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct {
		Body Page[ApplicationItem]
	}{newPage(list, in.Limit, viewItem, func(a models.Application) any { return a.ID })}, nil
}
