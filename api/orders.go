package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// OrderView is an order to a department to answer (督办).
type OrderView struct {
	ID             int64             `json:"id"`
	Number         string            `json:"number" doc:"督办编号"`
	Cycle          string            `json:"cycle" doc:"年度工作编号"`
	Department     string            `json:"department" doc:"被督办部门代码"`
	DepartmentName string            `json:"department_name"`
	Subject        string            `json:"subject,omitempty" doc:"所督办的事项，如 obligation/12"`
	SubjectName    string            `json:"subject_name,omitempty"`
	Text           string            `json:"text" doc:"督办内容"`
	State          models.OrderState `json:"state" enum:"issued,answered,returned,closed,withdrawn" doc:"issued 待答复，answered 已答复待审核，returned 已退回待重新答复，closed 已办结，withdrawn 已撤销"`
	StateName      string            `json:"state_name"`
	IssuedOn       calendar.Date     `json:"issued_on"`
	IssuedBy       models.Actor      `json:"issued_by"`
	Due            calendar.Date     `json:"due" doc:"答复期限"`
	Overdue        bool              `json:"overdue" doc:"逾期未答复"`
	AnsweredOn     calendar.Date     `json:"answered_on"`
	Answer         string            `json:"answer,omitempty" doc:"最近一次答复"`
	ClosedOn       calendar.Date     `json:"closed_on" doc:"办结或撤销的日期"`
}

// OrderDetail is an order with its history.
type OrderDetail struct {
	OrderView
	Steps []OrderStepView `json:"steps" doc:"经过"`
}

// OrderStepView is one event of an order.
type OrderStepView struct {
	Seq       int               `json:"seq"`
	Event     models.OrderEvent `json:"event" enum:"issue,answer,return,close,withdraw"`
	EventName string            `json:"event_name"`
	On        calendar.Date     `json:"on" doc:"日期"`
	Due       calendar.Date     `json:"due" doc:"由此确定的答复期限"`
	Text      string            `json:"text,omitempty" doc:"内容或理由"`
	By        models.Actor      `json:"by"`
	At        string            `json:"at"`
}

func viewOrder(o models.Order, texts map[int64]string, names map[string]string, today calendar.Date) OrderView {
	return OrderView{ID: o.ID, Number: o.Number(), Cycle: o.CycleID, Department: o.Department, DepartmentName: named(names, o.Department), Subject: o.Subject,
		SubjectName: models.OrderSubjectName(o.Subject), Text: texts[o.TextID], State: o.State, StateName: o.State.Name(), IssuedOn: o.IssuedOn,
		IssuedBy: o.IssuedBy, Due: o.Due, Overdue: o.State.Owed() && o.Due < today, AnsweredOn: o.AnsweredOn, Answer: texts[o.AnswerID], ClosedOn: o.ClosedOn}
}

// OrderInput names an order.
type OrderInput struct {
	ID             int64  `path:"id" minimum:"1" doc:"督办编号中的序号"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}

func (s *Server) registerOrders() {
	tags := []string{"督办"}
	list, one := "/api/v1/cycles/{id}/orders", "/api/v1/orders/{id}"
	register(s, everyone, huma.Operation{OperationID: "list-orders", Method: http.MethodGet, Path: list, Summary: "督办，先发出的在前；部门工作人员只见本部门的", Tags: tags}, s.listOrders)
	register(s, admins, huma.Operation{OperationID: "issue-order", Method: http.MethodPost, Path: list, Summary: "发出督办，要求部门限期答复", Tags: tags, DefaultStatus: http.StatusCreated}, s.issueOrder)
	register(s, everyone, huma.Operation{OperationID: "get-order", Method: http.MethodGet, Path: one, Summary: "一件督办及其经过", Tags: tags}, s.getOrder)
	register(s, officers, huma.Operation{OperationID: "answer-order", Method: http.MethodPost, Path: one + "/answer", Summary: "答复督办；材料先行上传", Tags: tags, DefaultStatus: http.StatusOK}, s.answerOrder)
	register(s, admins, huma.Operation{OperationID: "return-order", Method: http.MethodPost, Path: one + "/return", Summary: "退回答复，写明理由，另定期限", Tags: tags, DefaultStatus: http.StatusOK}, s.returnOrder)
	register(s, admins, huma.Operation{OperationID: "close-order", Method: http.MethodPost, Path: one + "/close", Summary: "办结督办", Tags: tags, DefaultStatus: http.StatusOK}, s.closeOrder)
	register(s, admins, huma.Operation{OperationID: "withdraw-order", Method: http.MethodPost, Path: one + "/withdraw", Summary: "撤销督办，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.withdrawOrder)
}

func (s *Server) cycleToday(c models.Cycle) calendar.Date { return c.Clock.Today(time.Now()) }

func (s *Server) listOrders(ctx context.Context, u models.User, in *struct {
	CycleInput
	Department string            `query:"department" maxLength:"20" doc:"被督办部门代码"`
	State      models.OrderState `query:"state" enum:"issued,answered,returned,closed,withdrawn" doc:"不填为全部"`
	Subject    string            `query:"subject" maxLength:"60" doc:"所督办的事项，如 obligation/12"`
	Overdue    bool              `query:"overdue" doc:"只看逾期未答复的"`
	After      int64             `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit      int               `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[OrderView] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	cycle, err := s.Store.Cycle(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	f := store.OrderFilter{CycleID: in.ID, State: in.State, Subject: in.Subject}
	if f.Department, err = visibleDepartment(u, in.Department); err != nil {
		return nil, err
	}
	if in.Overdue {
		f.OverdueOn = s.cycleToday(cycle)
	}
	list, err := s.Store.Orders(ctx, f, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	views, err := s.viewOrders(ctx, cycle, list)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[OrderView] }{newPage(views, in.Limit, func(v OrderView) OrderView { return v }, func(v OrderView) any { return v.ID })}, nil
}

// viewOrders makes views of orders of one cycle, with the texts and names that they need, read at once.
func (s *Server) viewOrders(ctx context.Context, cycle models.Cycle, list []models.Order) ([]OrderView, error) {
	var ids []int64
	for _, o := range list {
		ids = append(ids, o.TextID, o.AnswerID)
	}
	texts, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	names, err := s.Store.DepartmentNames(ctx, cycle.District, cycle.Year)
	if err != nil {
		return nil, err
	}
	views := make([]OrderView, len(list))
	for i, o := range list {
		views[i] = viewOrder(o, texts, names, s.cycleToday(cycle))
	}
	return views, nil
}

func (s *Server) issueOrder(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Department string `json:"department" minLength:"1" maxLength:"20" doc:"被督办部门代码"`
		Subject    string `json:"subject,omitempty" maxLength:"60" doc:"所督办的事项：obligation/编号、help/编号、objection/编号、application/编号、certification/编号；不填则以督办内容为准"`
		Text       string `json:"text" minLength:"1" maxLength:"2000" doc:"督办内容；不要写个人信息"`
		Days       int    `json:"days,omitempty" minimum:"1" maximum:"60" doc:"答复期限，工作日；不填为政策规定的期限"`
	}
}) (*struct{ Body OrderDetail }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	return s.actOrder(ctx, u, models.Order{CycleID: in.ID, Department: in.Body.Department}, models.OrderCommand{CommandID: commandKey(in.IdempotencyKey),
		Event: models.OrderIssue, Text: in.Body.Text, Days: in.Body.Days, CycleID: in.ID, Department: in.Body.Department, Subject: in.Body.Subject})
}

// visibleOrder gives an order that the caller may see.
func (s *Server) visibleOrder(ctx context.Context, u models.User, id int64) (models.Order, error) {
	o, err := s.Store.Order(ctx, id)
	if err == nil {
		err = ofDepartment(u, o.District, o.Department)
	}
	return o, err
}

func (s *Server) getOrder(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1" doc:"督办编号中的序号"`
}) (*struct{ Body OrderDetail }, error) {
	o, err := s.visibleOrder(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.orderDetail(ctx, o)
}

func (s *Server) orderDetail(ctx context.Context, o models.Order) (*struct{ Body OrderDetail }, error) {
	cycle, err := s.Store.Cycle(ctx, o.CycleID)
	if err != nil {
		return nil, err
	}
	steps, err := s.Store.OrderSteps(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	ids := []int64{o.TextID, o.AnswerID}
	for _, step := range steps {
		ids = append(ids, step.ReasonID)
	}
	texts, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	names, err := s.Store.DepartmentNames(ctx, cycle.District, cycle.Year)
	if err != nil {
		return nil, err
	}
	v := OrderDetail{OrderView: viewOrder(o, texts, names, s.cycleToday(cycle)), Steps: make([]OrderStepView, len(steps))}
	for i, step := range steps {
		v.Steps[i] = OrderStepView{Seq: step.Seq, Event: step.Event, EventName: step.Event.Name(), On: step.OnDate, Due: step.Due,
			Text: texts[step.ReasonID], By: step.Actor, At: moment(step.At)}
	}
	return &struct{ Body OrderDetail }{v}, nil
}

func (s *Server) answerOrder(ctx context.Context, u models.User, in *struct {
	OrderInput
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"2000" doc:"答复内容"`
	}
}) (*struct{ Body OrderDetail }, error) {
	o, err := s.visibleOrder(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if err := o.MayAnswer(u); err != nil {
		return nil, err
	}
	return s.actOrder(ctx, u, o, models.OrderCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.OrderAnswer, Text: in.Body.Text})
}

func (s *Server) returnOrder(ctx context.Context, u models.User, in *struct {
	OrderInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"退回的理由，告知被督办部门"`
		Days   int    `json:"days,omitempty" minimum:"1" maximum:"60" doc:"重新答复的期限，工作日；不填为政策规定的期限"`
	}
}) (*struct{ Body OrderDetail }, error) {
	return s.steerOrder(ctx, u, in.OrderInput, models.OrderCommand{Event: models.OrderReturn, Text: in.Body.Reason, Days: in.Body.Days})
}

func (s *Server) closeOrder(ctx context.Context, u models.User, in *struct {
	OrderInput
	Body struct {
		Remark string `json:"remark,omitempty" maxLength:"2000" doc:"审核意见，可以不填"`
	}
}) (*struct{ Body OrderDetail }, error) {
	return s.steerOrder(ctx, u, in.OrderInput, models.OrderCommand{Event: models.OrderClose, Text: in.Body.Remark})
}

func (s *Server) withdrawOrder(ctx context.Context, u models.User, in *struct {
	OrderInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"撤销的理由，告知被督办部门"`
	}
}) (*struct{ Body OrderDetail }, error) {
	return s.steerOrder(ctx, u, in.OrderInput, models.OrderCommand{Event: models.OrderWithdraw, Text: in.Body.Reason})
}

// steerOrder carries out what an administrator decides about an order.
func (s *Server) steerOrder(ctx context.Context, u models.User, in OrderInput, c models.OrderCommand) (*struct{ Body OrderDetail }, error) {
	o, err := s.visibleOrder(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	c.CommandID = commandKey(in.IdempotencyKey)
	return s.actOrder(ctx, u, o, c)
}

func (s *Server) actOrder(ctx context.Context, u models.User, o models.Order, c models.OrderCommand) (*struct{ Body OrderDetail }, error) {
	c.OrderID, c.Actor = o.ID, u.Actor()
	cycle, err := s.Store.Cycle(ctx, o.CycleID)
	if err != nil {
		return nil, err
	}
	letter, err := s.letters().OrderLetter(ctx, cycle, o.Department)
	if err != nil {
		return nil, err
	}
	if o, err = s.Store.ActOrder(ctx, c, letter); err != nil {
		return nil, err
	}
	s.wakeOutbox(ctx)
	return s.orderDetail(ctx, o)
}
