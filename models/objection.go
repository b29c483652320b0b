package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bangfu/models/calendar"
)

// ObjectionKind is what an objection (异议) is directed at.
type ObjectionKind string

// The kinds.
const (
	ObjectionTier     ObjectionKind = "tier"     // 对分型结果 (附一(二)3): by the operator
	ObjectionNotice   ObjectionKind = "notice"   // 对公示名单 (三(二)): by anyone, under real name, kept confidential
	ObjectionDecision ObjectionKind = "decision" // 对不予认定等决定 (附三(二)2): by the applicant

	// 对取消、撤销、不予延长等决定 (附三(五)): by the household that was certified, also years after its cycle is done
	ObjectionCertification ObjectionKind = "certification"
)

// ObjectionKinds lists every kind.
var ObjectionKinds = []ObjectionKind{ObjectionTier, ObjectionNotice, ObjectionDecision, ObjectionCertification}

// Name is the kind in words.
func (k ObjectionKind) Name() string {
	return map[ObjectionKind]string{ObjectionTier: "对分型结果的异议", ObjectionNotice: "对公示名单的异议", ObjectionDecision: "对处理决定的异议",
		ObjectionCertification: "对取消、撤销认定或不予延长的异议"}[k]
}

// Clause is the part of the work plan that grants the objection.
func (k ObjectionKind) Clause() string {
	return map[ObjectionKind]string{ObjectionTier: "附一(二)3", ObjectionNotice: "三(二)", ObjectionDecision: "附三(二)2", ObjectionCertification: "附三(五)"}[k]
}

// ObjectionState is where an objection stands.
type ObjectionState string

// The states of an objection.
const (
	ObjectionReceived    ObjectionState = "received"     // 已收到，待受理
	ObjectionNotAccepted ObjectionState = "not_accepted" // 不予受理
	ObjectionAccepted    ObjectionState = "accepted"     // 已受理
	ObjectionAsked       ObjectionState = "asked"        // 待部门答复
	ObjectionAnswered    ObjectionState = "answered"     // 部门已答复，待办结
	ObjectionSettled     ObjectionState = "settled"      // 已办结
	ObjectionWithdrawn   ObjectionState = "withdrawn"    // 已撤回
)

// ObjectionStates lists every state in order.
var ObjectionStates = []ObjectionState{ObjectionReceived, ObjectionNotAccepted, ObjectionAccepted, ObjectionAsked, ObjectionAnswered, ObjectionSettled, ObjectionWithdrawn}

// Name is the state in words.
func (s ObjectionState) Name() string {
	return map[ObjectionState]string{ObjectionReceived: "待受理", ObjectionNotAccepted: "不予受理", ObjectionAccepted: "已受理", ObjectionAsked: "待部门答复",
		ObjectionAnswered: "部门已答复，待办结", ObjectionSettled: "已办结", ObjectionWithdrawn: "已撤回"}[s]
}

// Live says whether the objection still has to be dealt with.
func (s ObjectionState) Live() bool { return slices.Contains(LiveObjectionStates, s) }

// LiveObjectionStates are the states in which an objection still has to be dealt with.
var LiveObjectionStates = []ObjectionState{ObjectionReceived, ObjectionAccepted, ObjectionAsked, ObjectionAnswered}

// ObjectionEvent is what happens to an objection.
type ObjectionEvent string

// The events, with who brings them about.
const (
	ObjectionReceive   ObjectionEvent = "receive"    // objector: 提出异议; the beginning of every objection
	ObjectionAccept    ObjectionEvent = "accept"     // bureau: 受理
	ObjectionNotAccept ObjectionEvent = "not_accept" // bureau: 不予受理
	ObjectionAsk       ObjectionEvent = "ask"        // bureau: 转请部门核实答复, also another department than the one asked before
	ObjectionAnswer    ObjectionEvent = "answer"     // department: 答复
	ObjectionUphold    ObjectionEvent = "uphold"     // bureau: 异议成立
	ObjectionConfirm   ObjectionEvent = "confirm"    // bureau: 异议不成立，维持原结果
	ObjectionWithdraw  ObjectionEvent = "withdraw"   // objector: 撤回
)

// ObjectionEvents lists every event that may follow the receipt.
var ObjectionEvents = []ObjectionEvent{ObjectionAccept, ObjectionNotAccept, ObjectionAsk, ObjectionAnswer, ObjectionUphold, ObjectionConfirm, ObjectionWithdraw}

// objectionMoves is the whole state machine: an event may follow in the states that it names, and nowhere else.
var objectionMoves = map[ObjectionEvent]struct {
	name string
	from []ObjectionState
	to   ObjectionState
}{
	ObjectionAccept:    {"受理", []ObjectionState{ObjectionReceived}, ObjectionAccepted},
	ObjectionNotAccept: {"决定不予受理", []ObjectionState{ObjectionReceived}, ObjectionNotAccepted},
	ObjectionAsk:       {"转请部门答复", []ObjectionState{ObjectionAccepted, ObjectionAsked, ObjectionAnswered}, ObjectionAsked},
	ObjectionAnswer:    {"答复", []ObjectionState{ObjectionAsked}, ObjectionAnswered},
	ObjectionUphold:    {"认定异议成立", []ObjectionState{ObjectionAccepted, ObjectionAnswered}, ObjectionSettled},
	ObjectionConfirm:   {"认定异议不成立", []ObjectionState{ObjectionAccepted, ObjectionAnswered}, ObjectionSettled},
	ObjectionWithdraw:  {"撤回", LiveObjectionStates, ObjectionWithdrawn},
}

// Name is the event in words.
func (e ObjectionEvent) Name() string {
	if e == ObjectionReceive {
		return "提出异议"
	}
	return objectionMoves[e].name
}

// Settles says whether the event is a decision on the substance.
func (e ObjectionEvent) Settles() bool { return e == ObjectionUphold || e == ObjectionConfirm }

// Next gives the state after the event, or says (CodeConflict) why it cannot follow. An objection to a tier is settled only
// after the department concerned has answered (附一(二)3).
func (s ObjectionState) Next(kind ObjectionKind, e ObjectionEvent) (ObjectionState, error) {
	m, ok := objectionMoves[e]
	if !ok {
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	}
	switch {
	case s == ObjectionAsked && e.Settles():
		return s, Conflict("该异议正在等待部门答复，答复后方可办结；部门逾期不答复的，可改请其他部门（包括本局）答复")
	case s == ObjectionAccepted && e.Settles() && kind == ObjectionTier:
		return s, Conflict("对分型结果的异议须先请数据所涉部门答复，再行办结")
	case !slices.Contains(m.from, s):
		return s, Conflict("该异议现为“%s”，不能%s", s.Name(), m.name)
	}
	return m.to, nil
}

// ObjectionOutcome is how an objection was settled.
type ObjectionOutcome string

// The outcomes; the event that settles is named alike.
const (
	ObjectionUpheld    ObjectionOutcome = "upheld"    // 异议成立
	ObjectionConfirmed ObjectionOutcome = "confirmed" // 异议不成立，维持原结果
)

// Name is the outcome in words.
func (o ObjectionOutcome) Name() string {
	return map[ObjectionOutcome]string{ObjectionUpheld: "异议成立", ObjectionConfirmed: "异议不成立，维持原结果"}[o]
}

// ObjectionEffect is what an upheld objection brought about.
type ObjectionEffect string

// The effects; an objection that was not upheld has none.
const (
	EffectTier     ObjectionEffect = "tier"      // 分型结果已更正并公布
	EffectRemoved  ObjectionEffect = "removed"   // 移出公示名单
	EffectGone     ObjectionEffect = "gone"      // 已不在公示名单上
	EffectReopened ObjectionEffect = "reopened"  // 重新审核
	EffectRequeued ObjectionEffect = "requeued"  // 列为候补
	EffectLive     ObjectionEffect = "live"      // 已有进行中的申报件，按其继续办理
	EffectAnew     ObjectionEffect = "anew"      // 可以重新申报或推荐
	EffectNextYear ObjectionEffect = "next_year" // 本年度已无法变更，自下一年度起

	// Of an objection about a certification.
	EffectRestored ObjectionEffect = "restored" // 恢复认定
	EffectExtended ObjectionEffect = "extended" // 延长有效期
	EffectCleared  ObjectionEffect = "cleared"  // 更正记录: the certification has run out or another one has taken its place
)

// Name is the effect in words.
func (e ObjectionEffect) Name() string {
	return map[ObjectionEffect]string{EffectTier: "分型结果已更正并重新公布", EffectRemoved: "已移出公示名单", EffectGone: "所涉户此前已不在拟认定名单上", EffectReopened: "申报重新审核", EffectRequeued: "列为候补",
		EffectLive: "贵户已有进行中的申报件，按该件继续办理", EffectAnew: "该件尚未由贵户提交或同意，不能直接审核；申报期内可重新申报，或由部门重新推荐", EffectRestored: "认定已恢复", EffectExtended: "有效期已延长", EffectCleared: "原决定已撤销、记录已更正；该认定的有效期已满，或已有其他决定、新的认定，现状不变", EffectNextYear: "本年度比选和认定已无法变更，下一年度可再行申报，届时不因原决定受影响"}[e]
}

// ReviewedSoFar is how far an application had come before it was decided: no objection saves the steps that the law asks for.
type ReviewedSoFar struct {
	Applied bool // submitted by the applicant, or the applicant consented to the recommendation (附三(二)2)
	Visited bool // the review found its category, and a visit was signed (附三(二)2)
}

// ReviewEffect is what an upheld objection to a decision about an application brings about in this stage of the cycle: a review of what
// was applied for, or a place in the waiting list for what was reviewed and visited.
func ReviewEffect(stage Stage, state ApplicationState, far ReviewedSoFar) (ObjectionEffect, ApplicationEvent) {
	follows := func(e ApplicationEvent) bool { return state.May(e) && e.During(stage) == nil }
	switch {
	case far.Applied && follows(EventReopen):
		return EffectReopened, EventReopen
	case far.Applied && far.Visited && follows(EventRequeue):
		return EffectRequeued, EventRequeue
	case !far.Applied && stage == StageApplication:
		return EffectAnew, ""
	}
	return EffectNextYear, ""
}

// Objectable says whether an applicant may object to the decision that brought an application to this state (三(三)).
func (s ApplicationState) Objectable() bool {
	return s == ApplicationRefused || s == ApplicationUnselected || s == ApplicationLapsed
}

// Objection is one objection. Who objects to a notice is not in it: Objector is read by itself, by those who may.
type Objection struct {
	ID            int64
	District      string
	CycleID       string
	Kind          ObjectionKind
	USCC          string // the household that it is about
	ApplicationID int64  // notice, decision; certification: from which it came
	CaseID        int64  // certification: in which it was decided; 0 = it ended without one
	ByActor       Actor  // household:<uscc>, or public
	Statement     string
	State         ObjectionState
	Department    string // asked for an answer
	ReceivedOn    calendar.Date
	AcceptDue     calendar.Date
	AcceptedOn    calendar.Date
	SettleDue     calendar.Date // 0 until accepted
	AnswerDue     calendar.Date // the department's; 0 until asked
	AnswerID      int64         // the department's words
	AnsweredBy    Actor
	Outcome       ObjectionOutcome
	Effect        ObjectionEffect
	TierBefore    Tier // tier: the published one
	TierAfter     Tier // tier: after the settlement; 0 before
	ReasonID      int64
	Clause        string
	SettledBy     Actor
	SettledOn     calendar.Date // also of a refusal to accept, and of a withdrawal
	Events        int
	At            time.Time
	UpdatedAt     time.Time
}

// Objector is who objects to a notice: confidential, for the bureau's eyes only (三(二)).
type Objector struct {
	Name    string
	Contact string
}

// Email is the contact, if mail can be sent to it.
func (o Objector) Email() (string, bool) {
	return o.Contact, ValidateEmail("contact", o.Contact) == nil
}

// Lengths of what an objector writes, in characters.
const (
	MinObjection = 10
	MaxObjection = 4000
)

// NewObjection is what somebody objects to.
type NewObjection struct {
	Kind          ObjectionKind
	District      string
	CycleID       string
	USCC          string // tier, decision, certification: the operator's own
	ApplicationID int64  // decision, certification; notice: this or USCC
	CaseID        int64  // certification: the decided case; 0 = it ended without one
	By            Actor
	Objector      Objector // notice
	Statement     string
	CommandID     string // the client's idempotency key: the same request again is the same objection
}

// Validate says what cannot be taken, whatever it is directed at.
func (n NewObjection) Validate() error {
	if err := validateText("statement", n.Statement, MaxObjection); err != nil {
		return err
	}
	if length := utf8.RuneCountInString(strings.TrimSpace(n.Statement)); length < MinObjection {
		return Invalid("statement", "请写明异议的理由，至少%d字", MinObjection)
	}
	switch {
	case n.Kind.Name() == "":
		return Invalid("kind", "“%s”不是异议的种类", string(n.Kind))
	case n.CommandID == "" || n.By == "":
		return Invalid("command", "异议缺少编号或提出人")
	case n.Kind == ObjectionDecision && n.ApplicationID == 0:
		return Invalid("application", "请指明对哪一申报件的决定有异议")
	case n.Kind == ObjectionCertification && n.ApplicationID == 0:
		return Invalid("certification", "请指明对哪一认定的决定有异议")
	case n.Kind == ObjectionNotice && n.ApplicationID == 0 && n.USCC == "":
		return Invalid("application", "请指明对名单上的哪一户有异议")
	case n.Kind != ObjectionNotice:
		return nil
	}
	if err := ValidateName("name", n.Objector.Name, 100); err != nil {
		return Invalid("name", "请以真实姓名或单位名称提出异议（1至100字），我们将予保密")
	}
	if err := ValidateName("contact", n.Objector.Contact, 200); err != nil || !n.Objector.reachable() {
		return Invalid("contact", "请留下联系方式（手机或电子邮箱，1至200字），我们将予保密")
	}
	return nil
}

// minPhone is how many digits a telephone number has at least.
const minPhone = 7

// reachable says that the contact holds an address or a telephone number: an objection that nobody can be asked about could not be looked into.
func (o Objector) reachable() bool {
	digits := 0
	for _, r := range o.Contact {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits >= minPhone || strings.Contains(o.Contact, "@")
}

// ReceiptKey tells one objection from another: the same person, the same request. What it is made of cannot be read from it.
func (n NewObjection) ReceiptKey() string {
	h := sha256.New()
	for _, field := range []string{string(n.By), n.CommandID, string(n.Kind), n.CycleID, n.USCC, strconv.FormatInt(n.ApplicationID, 10),
		n.Objector.Name, n.Objector.Contact, n.Statement} {
		fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	if n.CaseID != 0 {
		fmt.Fprintf(h, "case:%d", n.CaseID)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Number is the receipt's number, such as 异110107-2026-12.
func (o Objection) Number() string { return fmt.Sprintf("异%s-%d", o.CycleID, o.ID) }

// Due is the date by which the bureau's present step is due; 0 when nothing is.
func (o Objection) Due() calendar.Date {
	switch {
	case !o.State.Live():
		return 0
	case o.State == ObjectionReceived:
		return o.AcceptDue
	}
	return o.SettleDue
}

// ObjectionObject names an objection in the audit log and as the subject of documents and obligations.
func ObjectionObject(id int64) string { return "objection/" + strconv.FormatInt(id, 10) }

// ObjectionCommand brings an event about. What people wrote is a reason's id.
type ObjectionCommand struct {
	CommandID   string // the client's idempotency key: the same command again changes nothing
	ObjectionID int64
	Event       ObjectionEvent
	Actor       Actor
	ReasonID    int64  // not_accept, answer, uphold, confirm: the reason or the answer
	Clause      string // not_accept, uphold, confirm
	Department  string // ask: who shall answer; answer: whose answer it is
	Tier        Tier   // uphold an objection to a tier: what the bureau decides; 0 = as judged again
	Request     string // what was asked for, as a hash (Asked)
}

// Asked notes what is asked for, with the words that came with it (ApplicationCommand.Asked).
func (c ObjectionCommand) Asked(words ...string) ObjectionCommand {
	c.Request = requestDigest([]any{c.Event, c.Clause, c.Department, int(c.Tier)}, words)
	return c
}

// Validate refuses what cannot be a command, whatever the objection's state.
func (c ObjectionCommand) Validate() error {
	reasoned := c.Event == ObjectionNotAccept || c.Event.Settles()
	switch {
	case c.CommandID == "" || c.Actor == "":
		return Invalid("command", "操作缺少编号或操作人")
	case c.Event == ObjectionAsk && c.Department == "":
		return Invalid("department", "请指明由哪个部门答复")
	case c.Event == ObjectionAnswer && c.ReasonID == 0:
		return Invalid("text", "请填写答复内容")
	case reasoned && c.ReasonID == 0:
		return Invalid("reason", "请填写理由")
	case reasoned && c.Clause == "":
		return Invalid("clause", "请写明依据的条款")
	case c.Tier != 0 && c.Event != ObjectionUphold:
		return Invalid("tier", "只有异议成立时才可另定分型")
	}
	return nil
}

// ObjectionStep is one event on record.
type ObjectionStep struct {
	ObjectionID int64
	Seq         int
	CommandID   string
	Event       ObjectionEvent
	FromState   ObjectionState
	ToState     ObjectionState
	OnDate      calendar.Date
	ReasonID    int64
	Detail      string // JSON
	Actor       Actor
	At          time.Time
}
