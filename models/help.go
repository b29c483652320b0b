package models

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"bangfu/models/calendar"
)

// HelpState is where help for one household (帮扶) stands: asked for, promised, given, or not (附二, 附四).
type HelpState string

// The states of help.
const (
	HelpRequested HelpState = "requested" // 已申请，待答复
	HelpPromised  HelpState = "promised"  // 已承诺，待兑现
	HelpDelivered HelpState = "delivered" // 已兑现
	HelpDeclined  HelpState = "declined"  // 未予办理, with the reason
	HelpWithdrawn HelpState = "withdrawn" // 已撤回: the household its request, or the department its promise, with the reason
	HelpRefused   HelpState = "refused"   // 经营者谢绝
)

// HelpStates lists every state.
var HelpStates = []HelpState{HelpRequested, HelpPromised, HelpDelivered, HelpDeclined, HelpWithdrawn, HelpRefused}

var helpStateNames = map[HelpState]string{HelpRequested: "已申请，待答复", HelpPromised: "已承诺，待兑现", HelpDelivered: "已兑现",
	HelpDeclined: "未予办理", HelpWithdrawn: "已撤回", HelpRefused: "经营者谢绝"}

// Name is the state in words.
func (s HelpState) Name() string { return helpStateNames[s] }

// Live says whether somebody still owes something: one at a time per household, part of a measure and department.
func (s HelpState) Live() bool { return s == HelpRequested || s == HelpPromised }

// HelpEvent is what happens to help.
type HelpEvent string

// The events, with who brings them about.
const (
	HelpRequest  HelpEvent = "request"  // operator: 申请
	HelpPromise  HelpEvent = "promise"  // department: 承诺, of itself or on a request, by a date
	HelpPostpone HelpEvent = "postpone" // department: 改期, with the reason
	HelpDeliver  HelpEvent = "deliver"  // department: 兑现
	HelpDecline  HelpEvent = "decline"  // department: 不予办理, with the reason
	HelpWithdraw HelpEvent = "withdraw" // operator its request; department its promise, with the reason
	HelpRefuse   HelpEvent = "refuse"   // operator: 谢绝 what was promised
)

// helpMoves is the whole state machine; "" is help that is not on record yet.
var helpMoves = map[HelpEvent]struct {
	name   string
	from   []HelpState
	to     HelpState
	reason bool // a department has to say why
}{
	HelpRequest:  {"申请", []HelpState{""}, HelpRequested, false},
	HelpPromise:  {"承诺", []HelpState{"", HelpRequested}, HelpPromised, false},
	HelpPostpone: {"改期", []HelpState{HelpPromised}, HelpPromised, true},
	HelpDeliver:  {"兑现", []HelpState{"", HelpRequested, HelpPromised}, HelpDelivered, false},
	HelpDecline:  {"不予办理", []HelpState{HelpRequested}, HelpDeclined, true},
	HelpWithdraw: {"撤回", []HelpState{HelpRequested, HelpPromised}, HelpWithdrawn, true},
	HelpRefuse:   {"谢绝", []HelpState{HelpPromised}, HelpRefused, false},
}

// HelpEvents lists every event.
var HelpEvents = []HelpEvent{HelpRequest, HelpPromise, HelpPostpone, HelpDeliver, HelpDecline, HelpWithdraw, HelpRefuse}

// Name is the event in words.
func (e HelpEvent) Name() string { return helpMoves[e].name }

// Next gives the state after the event, or says (CodeConflict) why it cannot follow.
func (s HelpState) Next(e HelpEvent) (HelpState, error) {
	m, ok := helpMoves[e]
	switch {
	case !ok:
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	case slices.Contains(m.from, s):
		return m.to, nil
	case s == "":
		return s, Conflict("没有可以%s的帮扶", m.name)
	}
	return s, Conflict("该项帮扶%s，不能%s", s.Name(), m.name)
}

// Help is one household's help under one part of a measure by one department.
type Help struct {
	ID          int64
	CycleID     string
	District    string
	Year        int
	USCC        string `gorm:"column:uscc"`
	Name        string
	Street      string
	Clause      string // 附二(二)1
	Part        int    // of the measure: 1 is the first
	Department  string // code
	State       HelpState
	Live        *int          // 1 while somebody owes something, nil afterwards
	RequestedOn calendar.Date // 0: nobody asked
	Due         calendar.Date // by when it is answered, then by when it is given
	DeliveredOn calendar.Date
	RequestID   int64 // the operator's words (reasons)
	ReasonID    int64 // of the newest event
	Events      int
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// TableName is the table of help.
func (Help) TableName() string { return "help" }

// HelpObject names help in the audit log and as the subject of what is owed about it.
func HelpObject(id int64) string { return "help/" + strconv.FormatInt(id, 10) }

// Number is the help's number for people.
func (h Help) Number() string { return fmt.Sprintf("BF%d-%06d", h.Year, h.ID) }

// Overdue says whether what is owed was not done by its date.
func (h Help) Overdue(today calendar.Date) bool { return h.State.Live() && h.Due < today }

// HelpCommand is what somebody does about help. It carries no text.
type HelpCommand struct {
	CommandID string
	HelpID    int64 // 0: USCC, Clause, Part and Department say whose help it is, on record or not yet
	Event     HelpEvent
	Actor     Actor
	Request   string // hash of what was asked, to tell another request under the same id

	CycleID    string
	USCC       string
	Clause     string
	Part       int
	Department string

	On       calendar.Date // HelpPromise, HelpPostpone: by when; HelpDeliver: given on; 0 = the policy's limit, today
	ReasonID int64
}

// helpEarliest is how long ago help may have been given that is recorded only now.
const helpEarliest = 366

// Validate refuses what the command cannot say: dates that cannot be, and what needs a reason and has none.
func (c HelpCommand) Validate(today calendar.Date) error {
	if c.CommandID == "" || len(c.CommandID) > 100 || c.Actor == "" {
		return Invalid("command", "操作须有操作编号和经办人，操作编号最长100位")
	}
	m, ok := helpMoves[c.Event]
	if !ok {
		return Invalid("event", "没有“%s”这个操作", string(c.Event))
	}
	_, operator := c.Actor.Household()
	if m.reason && !operator && c.ReasonID == 0 {
		return Invalid("reason", "%s须写明理由", m.name)
	}
	return c.validDate(today)
}

func (c HelpCommand) validDate(today calendar.Date) error {
	switch c.Event {
	case HelpPromise, HelpPostpone:
		if c.Event == HelpPostpone && c.On == 0 {
			return Invalid("by", "请填写改到哪一天兑现")
		}
		if c.On != 0 && (c.On < today || c.On > today.AddYears(1)) {
			return Invalid("by", "兑现日期应在今天（%s）到一年之内", today.Chinese())
		}
	case HelpDeliver:
		if c.On > today {
			return Invalid("on", "兑现日期%s晚于今天（%s）", c.On.Chinese(), today.Chinese())
		}
		if c.On != 0 && c.On < today.AddDays(-helpEarliest) {
			return Invalid("on", "兑现日期%s早于一年之前，请检查", c.On.Chinese())
		}
	default:
		if c.On != 0 {
			return Invalid("on", "%s没有日期", c.Event.Name())
		}
	}
	return nil
}

// HelpStep is one event of help, in order.
type HelpStep struct {
	HelpID      int64
	Seq         int
	CommandID   string
	RequestHash string
	Event       HelpEvent
	FromState   HelpState
	ToState     HelpState
	OnDate      calendar.Date
	Due         calendar.Date
	ReasonID    int64
	Actor       Actor
	At          time.Time
}

// HelpFile is a table of help given (帮扶记录表): one row per household and day.
var HelpFile = []Column{
	{Header: "统一社会信用代码", Aliases: []string{"信用代码"}, Name: "uscc", Kind: CellUSCC, Required: true},
	{Header: "条款", Aliases: []string{"措施条款"}, Name: "clause", Kind: CellText, Required: true, Max: 40},
	{Header: "项目序号", Aliases: []string{"序号"}, Name: "part", Kind: CellCount},
	{Header: "日期", Aliases: []string{"兑现日期"}, Name: "on", Kind: CellDate, Required: true},
	{Header: "说明", Name: "note", Kind: CellText, Max: 500},
}

// Limits on a table of help given.
const (
	MaxHelpFile = 10 << 20 // bytes
	MaxHelpRows = 5000
)

// officer says whether the user works where the help is given: at its department or the bureau.
func (h Help) officer(u User) bool {
	return u.InDistrict(h.District) && (u.Bureau() || u.Role == RoleDepartment && u.Department == h.Department)
}

// MayRead refuses who may not see the help: it is for the household, its department, the bureau, the city and auditors.
func (h Help) MayRead(u User) error {
	if h.officer(u) || u.InDistrict(h.District) && (u.Role == RoleCity || u.Role == RoleAuditor || u.Role == RoleOperator && u.USCC == h.USCC) {
		return nil
	}
	return NotFound("没有这项帮扶，或不在您的职责范围内")
}

// MayAct refuses whose event it is not: the operator asks, withdraws what was asked and refuses what was promised, the department or the bureau does the rest.
func (h Help) MayAct(u User, e HelpEvent) error {
	if err := h.MayRead(u); err != nil {
		return err
	}
	operator := e == HelpRequest || e == HelpRefuse || e == HelpWithdraw && h.State == HelpRequested
	switch {
	case operator && u.Role != RoleOperator:
		return Errorf(CodeForbidden, "%s由经营者本人办理", e.Name())
	case !operator && !h.officer(u):
		return Errorf(CodeForbidden, "%s由负责部门办理", e.Name())
	}
	return nil
}

// MayAddDocument refuses evidence from others than the household, while its help goes on, and the department, also of what was given.
func (h Help) MayAddDocument(u User) error {
	switch {
	case u.Role == RoleOperator && !h.State.Live(), !h.State.Live() && h.State != HelpDelivered:
		return Conflict("该项帮扶%s，不能再上传材料", h.State.Name())
	case u.Role != RoleOperator && !h.officer(u):
		return Errorf(CodeForbidden, "只有经营者和负责部门可以上传帮扶的材料")
	}
	return nil
}
