package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// OrderState is where an order to answer (督办, 二(三)7) stands.
type OrderState string

// The states of an order.
const (
	OrderIssued    OrderState = "issued"    // 待答复
	OrderAnswered  OrderState = "answered"  // 已答复，待审核
	OrderReturned  OrderState = "returned"  // 已退回，待重新答复
	OrderClosed    OrderState = "closed"    // 已办结
	OrderWithdrawn OrderState = "withdrawn" // 已撤销
)

var orderStates = map[OrderState]string{OrderIssued: "待答复", OrderAnswered: "已答复，待审核", OrderReturned: "已退回，待重新答复", OrderClosed: "已办结", OrderWithdrawn: "已撤销"}

// OrderStates lists every state.
var OrderStates = []OrderState{OrderIssued, OrderAnswered, OrderReturned, OrderClosed, OrderWithdrawn}

// Name is the state in words.
func (s OrderState) Name() string { return orderStates[s] }

// Owed says whether the department owes an answer.
func (s OrderState) Owed() bool { return s == OrderIssued || s == OrderReturned }

// Live says whether anything can still happen to the order.
func (s OrderState) Live() bool { return s.Owed() || s == OrderAnswered }

// OrderEvent is what happens to an order.
type OrderEvent string

// The events: issued → answered → closed, or returned → answered …; withdrawn while it goes on.
const (
	OrderIssue    OrderEvent = "issue"    // 发出
	OrderAnswer   OrderEvent = "answer"   // 答复: the department
	OrderReturn   OrderEvent = "return"   // 退回: the bureau wants more
	OrderClose    OrderEvent = "close"    // 办结
	OrderWithdraw OrderEvent = "withdraw" // 撤销
)

var orderMoves = map[OrderEvent]struct {
	name string
	from []OrderState
	to   OrderState
}{
	OrderIssue:    {"发出", []OrderState{""}, OrderIssued},
	OrderAnswer:   {"答复", []OrderState{OrderIssued, OrderReturned}, OrderAnswered},
	OrderReturn:   {"退回", []OrderState{OrderAnswered}, OrderReturned},
	OrderClose:    {"办结", []OrderState{OrderAnswered}, OrderClosed},
	OrderWithdraw: {"撤销", []OrderState{OrderIssued, OrderReturned, OrderAnswered}, OrderWithdrawn},
}

// OrderEvents lists every event.
var OrderEvents = []OrderEvent{OrderIssue, OrderAnswer, OrderReturn, OrderClose, OrderWithdraw}

// Name is the event in words.
func (e OrderEvent) Name() string { return orderMoves[e].name }

// Next gives the state after the event, or says (CodeConflict) why it cannot follow.
func (s OrderState) Next(e OrderEvent) (OrderState, error) {
	m, ok := orderMoves[e]
	switch {
	case !ok:
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	case !slices.Contains(m.from, s):
		return s, Conflict("该件督办%s，不能%s", s.Name(), m.name)
	}
	return m.to, nil
}

// Order is the bureau's order to a department to answer about something within a limit.
type Order struct {
	ID         int64
	District   string
	CycleID    string
	Department string
	Subject    string // what it is about, such as obligation/12 or objection/4; empty = what its text says
	TextID     int64  // what is asked, as a reason's id
	State      OrderState
	IssuedOn   calendar.Date
	IssuedBy   Actor
	Due        calendar.Date // of the answer
	AnsweredOn calendar.Date // of the latest answer; 0 = none
	AnswerID   int64         // the latest answer's text
	ClosedOn   calendar.Date // when it was closed or withdrawn
	Events     int           // how many events are on record
	UpdatedAt  time.Time
}

// Number is how the order is called: 督110107-2026-3.
func (o Order) Number() string { return fmt.Sprintf("督%s-%d", o.CycleID, o.ID) }

// MayAnswer refuses who does not answer for the department.
func (o Order) MayAnswer(u User) error {
	if o.Department != u.Department && (o.Department != BureauCode || !u.Bureau()) {
		return Errorf(CodeForbidden, "该件督办由被督办的部门答复")
	}
	return nil
}

// OrderObject names an order in the audit log, among what is owed and as the subject of documents.
func OrderObject(id int64) string { return orderPrefix + strconv.FormatInt(id, 10) }

const orderPrefix = "order/"

// orderSubjects are the kinds of things that an order can be about, with their names.
var orderSubjects = map[string]string{"obligation": "应办事项", "help": "帮扶事项", "objection": "异议", "application": "申报件", "certification": "认定"}

// ParseOrderSubject splits what an order is about, such as obligation/12; CodeInvalid for what it cannot be about.
func ParseOrderSubject(subject string) (kind string, id int64, err error) {
	kind, number, _ := strings.Cut(subject, "/")
	id, err = strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 || orderSubjects[kind] == "" || kind+"/"+strconv.FormatInt(id, 10) != subject {
		return "", 0, Invalid("subject", "“%s”不是可以督办的事项，应为 obligation/编号、help/编号、objection/编号、application/编号、certification/编号，或不填", subject)
	}
	return kind, id, nil
}

// OrderSubjectName is what an order is about in words: 应办事项12; empty for an order that is about what its text says.
func OrderSubjectName(subject string) string {
	kind, id, err := ParseOrderSubject(subject)
	if err != nil {
		return ""
	}
	return orderSubjects[kind] + strconv.FormatInt(id, 10)
}

// MaxOrderDays bounds the limit of an order, in working days.
const MaxOrderDays = 60

// OrderCommand brings an event about.
type OrderCommand struct {
	CommandID string // the client's idempotency key: the same command again changes nothing
	OrderID   int64  // 0: issue
	Event     OrderEvent
	Actor     Actor
	Text      string // what is asked or answered; why it is returned or withdrawn; a remark at its close
	Days      int    // issue, return: working days for the answer; 0 = the policy's order.limit

	CycleID    string // issue
	Department string // issue
	Subject    string // issue
}

// Request is a hash of what is asked for: another request under the same CommandID is refused.
func (c OrderCommand) Request() string {
	return requestDigest([]any{c.Event, c.OrderID, c.Days, c.CycleID, c.Department, c.Subject}, []string{c.Text})
}

// Check says what of the command cannot be taken: a *models.Error with its field.
func (c OrderCommand) Check() error {
	if err := c.Actor.Personally(); err != nil {
		return err
	}
	if c.Days < 0 || c.Days > MaxOrderDays {
		return Invalid("days", "期限应为1至%d个工作日", MaxOrderDays)
	}
	if c.Event != OrderIssue {
		return nil
	}
	if c.Department == "" {
		return Invalid("department", "请填写被督办部门的代码")
	}
	if c.Subject != "" {
		_, _, err := ParseOrderSubject(c.Subject)
		return err
	}
	return nil
}

// OrderStep is one event on record.
type OrderStep struct {
	OrderID   int64
	Seq       int
	CommandID string
	Event     OrderEvent
	FromState OrderState
	ToState   OrderState
	OnDate    calendar.Date
	Due       calendar.Date // issue, return: of the answer
	ReasonID  int64
	Actor     Actor
	At        time.Time
}
