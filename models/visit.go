package models

import (
	"slices"
	"strconv"
	"time"

	"bangfu/models/calendar"
)

// VisitState is where a site visit (走访核实) stands.
type VisitState string

// The states of a visit.
const (
	VisitPlanned   VisitState = "planned"   // 已安排
	VisitRecorded  VisitState = "recorded"  // 已记录，待另一人签认
	VisitSigned    VisitState = "signed"    // 已签认
	VisitCancelled VisitState = "cancelled" // 已取消
)

// Name is the state in words.
func (s VisitState) Name() string {
	switch s {
	case VisitPlanned:
		return "已安排"
	case VisitRecorded:
		return "已记录，待另一人签认"
	case VisitSigned:
		return "已签认"
	case VisitCancelled:
		return "已取消"
	}
	return string(s)
}

// Open says whether the visit is still to be made, recorded or signed.
func (s VisitState) Open() bool { return s == VisitPlanned || s == VisitRecorded }

// VisitOutcome is what a visit found.
type VisitOutcome string

// The outcomes.
const (
	VisitMet    VisitOutcome = "met"     // 核实相符
	VisitNotMet VisitOutcome = "not_met" // 核实不符
)

// Event is what the signed outcome brings about.
func (o VisitOutcome) Event() ApplicationEvent {
	if o == VisitMet {
		return EventPassVisit
	}
	return EventFailVisit
}

// Visit is one visit to an applicant, by two (附三(二)2): the record of one takes effect when the other has signed it.
type Visit struct {
	ID            int64
	ApplicationID int64
	District      string
	VisitorA      Actor
	VisitorB      Actor
	PlannedOn     calendar.Date
	PlannedBy     Actor
	VisitedOn     calendar.Date
	Outcome       VisitOutcome
	RecordID      int64 // what was seen, as a reason's id
	RecordedBy    Actor
	SignedBy      Actor
	SignedOn      calendar.Date
	State         VisitState
	ReasonID      int64 // of the latest change, return or cancellation
	UpdatedAt     time.Time
}

// VisitObject names a visit in the audit log and as the subject of documents.
func VisitObject(id int64) string { return visitPrefix + strconv.FormatInt(id, 10) }

const visitPrefix = "visit/"

// Visitors gives both visitors.
func (v Visit) Visitors() [2]Actor { return [2]Actor{v.VisitorA, v.VisitorB} }

// MadeBy refuses who is not one of the visitors.
func (v Visit) MadeBy(actor Actor) error {
	visitors := v.Visitors()
	if !slices.Contains(visitors[:], actor) {
		return Errorf(CodeForbidden, "您不是这次走访的走访人员")
	}
	return nil
}

// Plan sets visitors and day: two different people, and a day that is not past.
func (v *Visit) Plan(visitors [2]Actor, on, today calendar.Date) error {
	switch {
	case visitors[0] == "" || visitors[1] == "" || visitors[0] == visitors[1]:
		return Invalid("visitors", "走访须由两名不同的人员进行")
	case on.IsZero() || on < today:
		return Invalid("planned_on", "走访日期不能早于今天（%s）", today.Chinese())
	case on > today.AddYears(1):
		return Invalid("planned_on", "走访日期不能晚于一年之后")
	}
	v.VisitorA, v.VisitorB, v.PlannedOn, v.State = visitors[0], visitors[1], on, VisitPlanned
	return nil
}

// Record takes down what one visitor saw; it takes effect when the other signs.
func (v *Visit) Record(by Actor, on calendar.Date, outcome VisitOutcome, recordID int64, today calendar.Date) error {
	if v.State != VisitPlanned {
		return Conflict("走访%s，不能再作记录", v.State.Name())
	}
	if err := v.MadeBy(by); err != nil {
		return err
	}
	switch {
	case on.IsZero() || on > today:
		return Invalid("visited_on", "走访日期不能晚于今天（%s）", today.Chinese())
	case on < v.PlannedOn:
		return Invalid("visited_on", "走访日期不能早于安排的日期（%s）；提前走访的，请先更改安排", v.PlannedOn.Chinese())
	case outcome != VisitMet && outcome != VisitNotMet:
		return Invalid("outcome", "走访结论应为 met 或 not_met")
	case recordID == 0:
		return Invalid("record", "请写明走访情况")
	}
	v.VisitedOn, v.Outcome, v.RecordID, v.RecordedBy, v.State = on, outcome, recordID, by, VisitRecorded
	return nil
}

// Other refuses everyone but the visitor who has not written the record: nobody signs alone what they wrote (R12).
func (v Visit) Other(by Actor) error {
	if v.State != VisitRecorded {
		return Conflict("走访%s，没有待签认的记录", v.State.Name())
	}
	if err := v.MadeBy(by); err != nil {
		return err
	}
	if by == v.RecordedBy {
		return Errorf(CodeForbidden, "走访记录须由另一名走访人员签认")
	}
	return nil
}
