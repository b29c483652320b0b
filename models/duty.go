package models

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// A department's standing duty of the year (年度职责, 二(二)至(三)，三) is an obligation of kind ObligationDuty. It is open until the
// department reports back (反馈), done from then on, and open again when the bureau sends the report back.

// DutySubject is the subject of a duty's obligation: the duty's id in the policy, with the number of the time where it is owed several times.
func DutySubject(id string, number, times int) string {
	if times == 1 {
		return id
	}
	return id + "/" + strconv.Itoa(number)
}

// ParseDutySubject is the inverse of DutySubject; number is 0 where it is owed once a year.
func ParseDutySubject(subject string) (id string, number int) {
	id, n, _ := strings.Cut(subject, "/")
	number, _ = strconv.Atoi(n)
	return id, number
}

// DutyObject names a duty's obligation in the audit log and as the subject of documents.
func DutyObject(obligationID int64) string { return dutyPrefix + strconv.FormatInt(obligationID, 10) }

const dutyPrefix = "duty/"

// DutyEvent is what happens to a duty.
type DutyEvent string

// The events.
const (
	DutyReported DutyEvent = "report" // 反馈: the department says what it did
	DutyReturned DutyEvent = "return" // 退回: the bureau wants more
	DutyWaived   DutyEvent = "waive"  // 免除: the bureau goes on without it, with a reason
	DutyMoved    DutyEvent = "move"   // 改期
)

var dutyMoves = map[DutyEvent]struct {
	name     string
	from, to ObligationState
}{
	DutyReported: {"反馈", ObligationOpen, ObligationDone},
	DutyReturned: {"退回", ObligationDone, ObligationOpen},
	DutyWaived:   {"免除", ObligationOpen, ObligationWaived},
	DutyMoved:    {"改期", ObligationOpen, ObligationOpen},
}

// DutyEvents lists every event.
var DutyEvents = []DutyEvent{DutyReported, DutyReturned, DutyWaived, DutyMoved}

var dutyStates = map[ObligationState]string{ObligationOpen: "待反馈", ObligationDone: "已反馈", ObligationWaived: "已免除", ObligationClosed: "已随年度工作取消"}

// DutyStateName is a duty's state in words.
func DutyStateName(s ObligationState) string { return dutyStates[s] }

// NextDuty gives a duty's state after the event, or says (CodeConflict) why it cannot follow.
func NextDuty(s ObligationState, e DutyEvent) (ObligationState, error) {
	m, ok := dutyMoves[e]
	switch {
	case !ok:
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	case m.from != s:
		return s, Conflict("该项职责%s，不能%s", DutyStateName(s), m.name)
	}
	return m.to, nil
}

// Missed says whether a duty's date had passed before anybody was asked: a year that is begun late, or got its duties late, does not
// ask for what nobody could have done in time.
func (o Obligation) Missed(today calendar.Date) bool {
	return o.Kind == ObligationDuty && o.Due < today
}

// DutyReport is what a department reports of one duty: what it did and when, whom it reached.
type DutyReport struct {
	ID             int64
	ObligationID   int64
	Seq            int // 1 = the first; one more after each return
	CommandID      string
	RequestHash    string
	TextID         int64         // what was done, as a reason's id
	DoneOn         calendar.Date // when it was done, or ended
	Households     int           // households reached (惠及户数)
	Documents      int           // evidence handed in by then
	ReportedOn     calendar.Date
	ByActor        Actor
	At             time.Time
	ReturnedOn     calendar.Date // 0 = it stands
	ReturnedBy     Actor
	ReturnReasonID int64
	ReturnCommand  string // the command that sent it back
	ReturnHash     string
}

// MayReport refuses who does not report for the duty's department; the bureau's duties are its administrators' too.
func (o Obligation) MayReport(u User) error {
	if o.Owner != u.Department && (o.Owner != BureauCode || !u.Bureau()) {
		return Errorf(CodeForbidden, "该项职责由责任部门反馈")
	}
	return nil
}

// DutyCommand brings an event about.
type DutyCommand struct {
	CommandID    string // the client's idempotency key: the same report again changes nothing
	ObligationID int64
	Event        DutyEvent
	Actor        Actor
	Text         string        // what was done; why it is returned, waived or moved
	DoneOn       calendar.Date // report
	Households   int           // report
	Due          calendar.Date // return, move; 0 = the limit of an order from today
}

// Request is a hash of what is asked for: another request under the same CommandID is refused.
func (c DutyCommand) Request() string {
	return requestDigest([]any{c.Event, c.DoneOn, c.Households, c.Due}, []string{c.Text})
}

// MaxReached bounds the households that a report says were reached.
const MaxReached = 10_000_000

// Check says what of the command cannot be taken today: a *models.Error with its field.
func (c DutyCommand) Check(today calendar.Date) error {
	switch c.Event {
	case DutyReported:
		switch {
		case c.DoneOn.IsZero() || c.DoneOn > today:
			return Invalid("done_on", "完成日期不能晚于今天（%s）", today.Chinese())
		case c.DoneOn < today.AddYears(-1):
			return Invalid("done_on", "完成日期不能早于一年之前")
		case c.Households < 0 || c.Households > MaxReached:
			return Invalid("households", "惠及户数应为0至%d", MaxReached)
		}
	case DutyReturned, DutyWaived, DutyMoved:
		if err := c.Actor.Personally(); err != nil {
			return err
		}
		if c.Due == 0 && c.Event == DutyMoved {
			return Invalid("due", "请填写新的期限")
		}
		if c.Due != 0 && (c.Due <= today || c.Due > today.AddYears(1)) {
			return Invalid("due", "新的期限应在今天（%s）之后、一年之内", today.Chinese())
		}
	}
	return nil
}

// DutyNumber is how a duty's obligation is called in letters: 职责110107-2026-12.
func DutyNumber(o Obligation) string { return fmt.Sprintf("职责%s-%d", o.CycleID, o.ID) }
