package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

func (s *Server) registerObjections() {
	tags := []string{"异议"}
	own, one := "/api/v1/me/objections", "/api/v1/objections/{id}"
	created := http.StatusCreated
	register(s, operators, huma.Operation{OperationID: "object", Method: http.MethodPost, Path: own, Summary: "对分型结果、处理决定或认定的取消等决定提出异议，取得受理编号；材料另行上传", Tags: tags, DefaultStatus: created}, s.object)
	register(s, operators, huma.Operation{OperationID: "list-own-objections", Method: http.MethodGet, Path: own, Summary: "本户提出的异议，最新在前", Tags: tags}, s.listOwnObjections)
	register(s, operators, huma.Operation{OperationID: "get-own-objection", Method: http.MethodGet, Path: own + "/{id}", Summary: "本户提出的异议的办理情况", Tags: tags}, s.getOwnObjection)
	register(s, operators, huma.Operation{OperationID: "withdraw-own-objection", Method: http.MethodPost, Path: own + "/{id}/withdraw", Summary: "撤回异议", Tags: tags, DefaultStatus: http.StatusOK}, s.withdrawOwnObjection)
	register(s, signingIn, huma.Operation{OperationID: "object-to-notice", Method: http.MethodPost, Path: "/public/v1/notices/{cycle}/objections", Summary: "公示期内对名单上的户提出异议；须留姓名和联系方式，予以保密", Tags: tags, DefaultStatus: created}, s.objectToNotice)

	register(s, objectionReaders, huma.Operation{OperationID: "list-objections", Method: http.MethodGet, Path: "/api/v1/objections", Summary: "异议，最新在前；部门工作人员只见请本部门答复的", Tags: tags}, s.listObjections)
	register(s, objectionReaders, huma.Operation{OperationID: "get-objection", Method: http.MethodGet, Path: one, Summary: "一件异议的内容、经过和按现有数据的判定", Tags: tags}, s.getObjection)
	register(s, bureau, huma.Operation{OperationID: "accept-objection", Method: http.MethodPost, Path: one + "/accept", Summary: "受理异议", Tags: tags, DefaultStatus: http.StatusOK}, s.acceptObjection)
	register(s, bureau, huma.Operation{OperationID: "decline-objection", Method: http.MethodPost, Path: one + "/decline", Summary: "不予受理，写明理由和依据", Tags: tags, DefaultStatus: http.StatusOK}, s.declineObjection)
	register(s, bureau, huma.Operation{OperationID: "ask-objection", Method: http.MethodPost, Path: one + "/ask", Summary: "转请部门核实答复；可改请其他部门", Tags: tags, DefaultStatus: http.StatusOK}, s.askObjection)
	register(s, officers, huma.Operation{OperationID: "answer-objection", Method: http.MethodPost, Path: one + "/answer", Summary: "被请部门答复", Tags: tags, DefaultStatus: http.StatusOK}, s.answerObjection)
	register(s, bureau, huma.Operation{OperationID: "settle-objection", Method: http.MethodPost, Path: one + "/settle", Summary: "办结异议：成立，或维持原结果，写明理由和依据", Tags: tags, DefaultStatus: http.StatusOK}, s.settleObjection)
	register(s, bureau, huma.Operation{OperationID: "withdraw-objection", Method: http.MethodPost, Path: one + "/withdraw", Summary: "登记异议人书面撤回", Tags: tags, DefaultStatus: http.StatusOK}, s.withdrawObjection)
}

// objectionReaders see objections; who objects to a notice only the bureau sees (objectorFor).
var objectionReaders = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment, models.RoleAuditor}}

// ObjectionInput names an objection.
type ObjectionInput struct {
	ID int64 `path:"id" minimum:"1" doc:"异议编号"`
}

// ObjectionReceipt is what an objector gets at once.
type ObjectionReceipt struct {
	ID         int64         `json:"id" doc:"异议编号"`
	Number     string        `json:"number" doc:"受理编号，请妥善保存"`
	Kind       string        `json:"kind" enum:"tier,notice,decision,certification"`
	ReceivedOn calendar.Date `json:"received_on"`
	AcceptDue  calendar.Date `json:"accept_due" doc:"区市场监管局在此日前决定是否受理"`
	Next       string        `json:"next" doc:"接下来会怎样"`
}

func (s *Server) object(ctx context.Context, u models.User, in *struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Kind          string `json:"kind" enum:"tier,decision,certification" doc:"tier 对公布的分型结果，decision 对申报件的处理决定，certification 对取消、撤销、终止认定或不予延长"`
		Application   int64  `json:"application,omitempty" minimum:"1" doc:"申报件编号；kind 为 decision 时填写"`
		Certification string `json:"certification,omitempty" maxLength:"40" doc:"认定编号；kind 为 certification 时填写"`
		Case          int64  `json:"case,omitempty" minimum:"1" doc:"作出决定的事项编号；kind 为 certification 时填写，未经事项而终止的不填"`
		Statement     string `json:"statement" minLength:"10" maxLength:"4000" doc:"异议的理由"`
	}
}) (*struct{ Body ObjectionReceipt }, error) {
	n := models.NewObjection{Kind: models.ObjectionKind(in.Body.Kind), District: u.District, USCC: u.USCC, ApplicationID: in.Body.Application, By: u.Actor(),
		Statement: in.Body.Statement, CommandID: commandKey(in.IdempotencyKey)}
	if n.Kind == models.ObjectionCertification {
		c, err := s.ownCertification(ctx, u, in.Body.Certification)
		if err != nil {
			return nil, err
		}
		n.CycleID, n.District, n.ApplicationID, n.CaseID = c.CycleID, c.District, c.ApplicationID, in.Body.Case
	}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	var err error
	switch n.Kind {
	case models.ObjectionCertification:
	case models.ObjectionTier:
		n.CycleID, err = s.Store.PublishedCycle(ctx, u.District, u.USCC)
	default:
		var a models.Application
		a, err = s.Store.Application(ctx, n.ApplicationID)
		if err == nil {
			err = ownHousehold(u, a.USCC)
		}
		n.CycleID = a.CycleID
	}
	if err != nil {
		return nil, err
	}
	return s.receiveObjection(ctx, n)
}

func (s *Server) objectToNotice(ctx context.Context, _ models.User, in *struct {
	Cycle          string `path:"cycle" maxLength:"20" doc:"年度工作编号，如 110107-2026"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Application int64  `json:"application,omitempty" minimum:"1" doc:"名单上的申报件编号；与 uscc 填其一"`
		USCC        string `json:"uscc,omitempty" pattern:"^[0-9A-Z]{18}$" doc:"名单上的统一社会信用代码"`
		Name        string `json:"name" minLength:"1" maxLength:"100" doc:"异议人的真实姓名或单位名称，予以保密"`
		Contact     string `json:"contact" minLength:"1" maxLength:"200" doc:"手机或电子邮箱，予以保密；留邮箱的，办理情况发到邮箱"`
		Statement   string `json:"statement" minLength:"10" maxLength:"4000" doc:"异议的理由"`
	}
}) (*struct{ Body ObjectionReceipt }, error) {
	district, _, err := models.ParseCycleID(in.Cycle)
	if err != nil {
		return nil, err
	}
	return s.receiveObjection(ctx, models.NewObjection{Kind: models.ObjectionNotice, District: district, CycleID: in.Cycle, USCC: in.Body.USCC,
		ApplicationID: in.Body.Application, By: models.ActorPublic, Objector: models.Objector{Name: in.Body.Name, Contact: in.Body.Contact},
		Statement: in.Body.Statement, CommandID: commandKey(in.IdempotencyKey)})
}

// receiveObjection takes an objection on record and starts its process. What is on record is received: where the engine is away, the
// process begins with the bureau's first step and then writes the receipt too.
func (s *Server) receiveObjection(ctx context.Context, n models.NewObjection) (*struct{ Body ObjectionReceipt }, error) {
	cycle, err := s.Store.Cycle(ctx, n.CycleID)
	if err != nil {
		return nil, err
	}
	o, err := s.Store.FileObjection(ctx, n, cycle.Clock.Today(time.Now()))
	if err != nil {
		return nil, err
	}
	if o.State == models.ObjectionReceived && s.Temporal != nil {
		if err := s.sendObjection(ctx, o, cycle.Clock, "received", workflows.UpdateObjectionReceived); err != nil {
			s.Options.Logger.WarnContext(ctx, "an objection waits for its process", "objection", o.ID, "error", err)
		}
	}
	return &struct{ Body ObjectionReceipt }{ObjectionReceipt{ID: o.ID, Number: o.Number(), Kind: string(o.Kind), ReceivedOn: o.ReceivedOn, AcceptDue: o.AcceptDue,
		Next: "区市场监管局将在" + o.AcceptDue.Chinese() + "（含当日）前决定是否受理并告知您。提出异议不收取任何费用。"}}, nil
}

// sendObjection brings a message to the objection's process, which it starts where none runs, and waits until it took effect.
func (s *Server) sendObjection(ctx context.Context, o models.Objection, clock calendar.Clock, id, name string, args ...any) error {
	options, state, err := workflows.ObjectionStart(o, clock)
	if err != nil {
		return err
	}
	return s.tellProcess(ctx, options, workflows.Objection, state, message{id, name, args})
}

// actOnObjection carries a command out through the objection's process and gives the objection as it then is. The same command again
// gives the same answer. words, if any, are kept as its reason once it may follow.
func (s *Server) actOnObjection(ctx context.Context, u models.User, o models.Objection, c models.ObjectionCommand, words string) (*struct{ Body ObjectionDetail }, error) {
	c.ObjectionID, c.Actor = o.ID, u.Actor()
	c = c.Asked(words)
	switch done, err := s.Store.ObjectionCommandDone(ctx, c); {
	case err != nil:
		return nil, err
	case done:
		return s.objectionDetail(ctx, u, o)
	}
	if _, err := o.State.Next(o.Kind, c.Event); err != nil {
		return nil, err
	}
	cycle, err := s.Store.Cycle(ctx, o.CycleID)
	if err != nil {
		return nil, err
	}
	if words != "" {
		c.ReasonID = 1
	}
	if err := c.Validate(); err != nil {
		return nil, err // before what was written is kept
	}
	if words != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), words); err != nil {
			return nil, err
		}
	}
	if err := s.sendObjection(ctx, o, cycle.Clock, c.CommandID, workflows.UpdateObjectionAct, c); err != nil {
		return nil, err
	}
	// the engine answers another request under the same number as if it were the first
	if _, err := s.Store.ObjectionCommandDone(ctx, c); err != nil {
		return nil, err
	}
	if o, err = s.Store.Objection(ctx, o.ID); err != nil {
		return nil, err
	}
	return s.objectionDetail(ctx, u, o)
}

// officialObjection reads an objection that an official may see: the bureau and auditors of the district, or a department that it was
// put to.
func (s *Server) officialObjection(ctx context.Context, u models.User, id int64) (models.Objection, error) {
	o, err := s.Store.Objection(ctx, id)
	if err != nil {
		return o, err
	}
	asked := o.Department != "" && o.Department == u.Department
	if inDistrict(u, o.District) != nil || u.Role == models.RoleDepartment && !u.Bureau() && !asked {
		return o, models.NotFound("没有编号为 %d 的异议，或未请贵部门答复", id)
	}
	return o, nil
}

func (s *Server) bureauObjection(ctx context.Context, u models.User, id int64) (models.Objection, error) {
	if err := bureauOnly(u); err != nil {
		return models.Objection{}, err
	}
	return s.officialObjection(ctx, u, id)
}

// ownObjection reads an objection that the operator made; those that others made about the household stay hidden from it.
func (s *Server) ownObjection(ctx context.Context, u models.User, id int64) (models.Objection, error) {
	o, err := s.Store.Objection(ctx, id)
	if err == nil && o.ByActor != u.Actor() {
		err = models.NotFound("没有编号为 %d 的异议，或不是您提出的", id)
	}
	return o, err
}

func (s *Server) acceptObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.bureauObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionAccept}, "")
}

func (s *Server) declineObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"不予受理的理由，将告知异议人"`
		Clause string `json:"clause" minLength:"1" maxLength:"60" doc:"依据的条款，如 附一(二)3"`
	}
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.bureauObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionNotAccept, Clause: in.Body.Clause}, in.Body.Reason)
}

func (s *Server) askObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Department string `json:"department" minLength:"1" maxLength:"20" doc:"部门代码；数据所涉部门见 candidates"`
	}
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.bureauObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionAsk, Department: in.Body.Department}, "")
}

func (s *Server) answerObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Text string `json:"text" minLength:"1" maxLength:"2000" doc:"核实情况和意见；数据有误的请同时更正并重新交付"`
	}
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.officialObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	department := u.Department
	if u.Role == models.RoleAdmin {
		department = models.BureauCode
	}
	if department != o.Department {
		return nil, models.Errorf(models.CodeForbidden, "该异议由被请答复的部门答复")
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionAnswer, Department: department}, in.Body.Text)
}

func (s *Server) settleObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Outcome string `json:"outcome" enum:"upheld,confirmed" doc:"upheld 异议成立，confirmed 异议不成立、维持原结果"`
		Tier    string `json:"tier,omitempty" maxLength:"20" doc:"对分型结果的异议成立时应认定的分型；不填则按现有数据重新判定的结果"`
		Reason  string `json:"reason" minLength:"1" maxLength:"2000" doc:"理由，将告知异议人"`
		Clause  string `json:"clause" minLength:"1" maxLength:"60" doc:"依据的条款"`
	}
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.bureauObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	c := models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionConfirm, Clause: in.Body.Clause}
	if models.ObjectionOutcome(in.Body.Outcome) == models.ObjectionUpheld {
		c.Event = models.ObjectionUphold
	}
	if in.Body.Tier != "" {
		if o.Kind != models.ObjectionTier {
			return nil, models.Invalid("tier", "只有对分型结果的异议可以另定分型")
		}
		if c.Tier, err = models.ParseTier(in.Body.Tier); err != nil {
			return nil, err
		}
	}
	return s.actOnObjection(ctx, u, o, c, in.Body.Reason)
}

func (s *Server) withdrawObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"异议人撤回的情况，如书面申请的日期"`
	}
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.bureauObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionWithdraw}, in.Body.Reason)
}

func (s *Server) withdrawOwnObjection(ctx context.Context, u models.User, in *struct {
	ObjectionInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
}) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.ownObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnObjection(ctx, u, o, models.ObjectionCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.ObjectionWithdraw}, "")
}

func (s *Server) listOwnObjections(ctx context.Context, u models.User, in *PageInput) (*struct{ Body Page[ObjectionView] }, error) {
	return s.objectionPage(ctx, store.ObjectionFilter{District: u.District, By: u.Actor(), USCC: u.USCC}, in.After, in.Limit)
}

func (s *Server) getOwnObjection(ctx context.Context, u models.User, in *ObjectionInput) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.ownObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.objectionDetail(ctx, u, o)
}

func (s *Server) listObjections(ctx context.Context, u models.User, in *struct {
	PageInput
	District    string `query:"district" maxLength:"6"`
	Cycle       string `query:"cycle" maxLength:"20"`
	Kind        string `query:"kind" enum:"tier,notice,decision,certification"`
	State       string `query:"state" enum:"received,not_accepted,accepted,asked,answered,settled,withdrawn"`
	Open        bool   `query:"open" doc:"只看尚未办结的"`
	Application int64  `query:"application" minimum:"0"`
}) (*struct{ Body Page[ObjectionView] }, error) {
	f := store.ObjectionFilter{District: in.District, CycleID: in.Cycle, Kind: models.ObjectionKind(in.Kind), State: models.ObjectionState(in.State), Open: in.Open,
		ApplicationID: in.Application}
	if u.District != "" {
		if f.District != "" && f.District != u.District {
			return nil, inDistrict(u, f.District)
		}
		f.District = u.District
	}
	if u.Role == models.RoleDepartment && !u.Bureau() {
		f.Department = u.Department
	}
	return s.objectionPage(ctx, f, in.After, in.Limit)
}

func (s *Server) objectionPage(ctx context.Context, f store.ObjectionFilter, after int64, limit int) (*struct{ Body Page[ObjectionView] }, error) {
	list, err := s.Store.Objections(ctx, f, after, limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[ObjectionView] }{newPage(list, limit, viewObjection, func(o store.ObjectionItem) any { return o.ID })}, nil
}

func (s *Server) getObjection(ctx context.Context, u models.User, in *ObjectionInput) (*struct{ Body ObjectionDetail }, error) {
	o, err := s.officialObjection(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.objectionDetail(ctx, u, o)
}
