package models

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"bangfu/models/calendar"
)

// CaseKind is why it is asked whether a certification goes on (附三(五)).
type CaseKind string

// The kinds of cases.
const (
	CaseReport     CaseKind = "report"     // 信息报告缺报或不符合: the yearly report is missing, or fails its review
	CaseOperator   CaseKind = "operator"   // 变更经营者
	CaseData       CaseKind = "data"       // 动态管理: what departments delivered shows that it no longer meets the standards
	CaseEvaluation CaseKind = "evaluation" // 评估: in the last year of validity
	CaseFraud      CaseKind = "fraud"      // 欺诈、贿赂
)

// CaseKinds lists every kind.
var CaseKinds = []CaseKind{CaseReport, CaseOperator, CaseData, CaseEvaluation, CaseFraud}

// Name is the kind in words.
func (k CaseKind) Name() string {
	return map[CaseKind]string{CaseReport: "信息报告", CaseOperator: "变更经营者", CaseData: "动态管理", CaseEvaluation: "期满评估", CaseFraud: "涉嫌以欺诈、贿赂等手段取得认定"}[k]
}

// Outcomes are those that a case of the kind can have, the one in the household's favour first.
func (k CaseKind) Outcomes() []CaseOutcome {
	switch k {
	case CaseEvaluation:
		return []CaseOutcome{OutcomeExtend, OutcomeLapse}
	case CaseFraud:
		return []CaseOutcome{OutcomeKeep, OutcomeRevoke}
	}
	return []CaseOutcome{OutcomeKeep, OutcomeCancel}
}

// CaseOutcome is how a case is decided.
type CaseOutcome string

// The outcomes.
const (
	OutcomeKeep   CaseOutcome = "keep"   // 继续有效
	OutcomeCancel CaseOutcome = "cancel" // 取消认定
	OutcomeExtend CaseOutcome = "extend" // 有效期延长
	OutcomeLapse  CaseOutcome = "lapse"  // 不予延长，期满失效
	OutcomeRevoke CaseOutcome = "revoke" // 撤销认定
)

// Name is the outcome in words.
func (o CaseOutcome) Name() string {
	return map[CaseOutcome]string{OutcomeKeep: "认定继续有效", OutcomeCancel: "取消认定", OutcomeExtend: "延长有效期", OutcomeLapse: "不予延长，有效期满失效", OutcomeRevoke: "撤销认定"}[o]
}

// Adverse says whether the outcome takes something from the household, so that it must be heard first.
func (o CaseOutcome) Adverse() bool {
	return o == OutcomeCancel || o == OutcomeLapse || o == OutcomeRevoke
}

// Event is what the outcome does to the certification; empty = nothing.
func (o CaseOutcome) Event() CertifiedEvent {
	return map[CaseOutcome]CertifiedEvent{OutcomeCancel: CertifiedCancel, OutcomeExtend: CertifiedExtend, OutcomeRevoke: CertifiedRevoke}[o]
}

// CaseState is where a case stands.
type CaseState string

// The states of a case.
const (
	CaseOpen     CaseState = "open"     // 待办理
	CaseHearing  CaseState = "hearing"  // 听取陈述申辩
	CaseHeard    CaseState = "heard"    // 已听取陈述申辩，待拟定意见
	CaseProposed CaseState = "proposed" // 已拟定意见，待另一人决定
	CaseDecided  CaseState = "decided"  // 已决定
	CaseClosed   CaseState = "closed"   // 情形消失，不再处理
)

// CaseStates lists every state in order.
var CaseStates = []CaseState{CaseOpen, CaseHearing, CaseHeard, CaseProposed, CaseDecided, CaseClosed}

// LiveCaseStates are those of a case that goes on.
var LiveCaseStates = []CaseState{CaseOpen, CaseHearing, CaseHeard, CaseProposed}

// Name is the state in words.
func (s CaseState) Name() string {
	return map[CaseState]string{CaseOpen: "待办理", CaseHearing: "听取陈述申辩", CaseHeard: "待拟定意见", CaseProposed: "待决定", CaseDecided: "已决定", CaseClosed: "已终结"}[s]
}

// Live says whether the case goes on.
func (s CaseState) Live() bool { return slices.Contains(LiveCaseStates, s) }

// caseMoves is the whole state machine: an event may follow in the states that it names, and nowhere else.
var caseMoves = map[CertifiedEvent]struct {
	from []CaseState
	to   CaseState // empty = the state stays
}{
	CertifiedHear:         {[]CaseState{CaseOpen, CaseHeard}, CaseHearing}, // heard: once more, about new evidence
	CertifiedState:        {[]CaseState{CaseHearing}, CaseHeard},
	CertifiedHearingOver:  {[]CaseState{CaseHearing}, CaseHeard},
	CertifiedAskOpinion:   {[]CaseState{CaseOpen, CaseHearing, CaseHeard}, ""},
	CertifiedGiveOpinion:  {[]CaseState{CaseOpen, CaseHearing, CaseHeard}, ""},
	CertifiedPropose:      {[]CaseState{CaseOpen, CaseHeard}, CaseProposed},
	CertifiedReturn:       {[]CaseState{CaseProposed}, CaseHeard}, // or open, if nobody was heard: Case.Next
	CertifiedDecide:       {[]CaseState{CaseProposed}, CaseDecided},
	CertifiedCloseCase:    {LiveCaseStates, CaseClosed},
	CertifiedGroundsAdded: {LiveCaseStates, CaseHearing}, // about these too; or open, if nobody was heard: Case.Next
}

// Next gives the state after the event with this outcome (of a proposal), or says (CodeConflict) why it cannot follow. What takes
// something from a household is proposed only after it was heard, or let the term for it pass (附三(五); 行政处罚法第六十二条 by analogy);
// grounds that come later are heard anew. What is decided is what was proposed, or it goes back.
func (c Case) Next(e CertifiedEvent, outcome CaseOutcome) (CaseState, error) {
	m, ok := caseMoves[e]
	if !ok {
		return c.State, Invalid("event", "没有“%s”这个操作", string(e))
	}
	asksOpinion := e == CertifiedAskOpinion || e == CertifiedGiveOpinion
	switch {
	case !slices.Contains(m.from, c.State):
		return c.State, Conflict("该事项现为“%s”，不能%s", c.State.Name(), e.Name())
	case asksOpinion && c.Kind != CaseEvaluation:
		return c.State, Conflict("只有期满评估征求推荐部门意见（附三(五)D）")
	case e == CertifiedPropose && !slices.Contains(c.Kind.Outcomes(), outcome):
		return c.State, Invalid("outcome", "“%s”事项不能拟定“%s”", c.Kind.Name(), outcome.Name())
	case e == CertifiedPropose && outcome.Adverse() && c.State != CaseHeard:
		return c.State, Conflict("拟%s的，须先书面告知并听取该户陈述申辩", outcome.Name())
	case e == CertifiedDecide && outcome != c.Outcome:
		return c.State, Conflict("拟定的意见是“%s”：同意的按此决定，不同意的请退回重新拟定", c.Outcome.Name())
	case m.to == "":
		return c.State, nil
	case (e == CertifiedReturn || e == CertifiedGroundsAdded) && c.HearingDue == 0:
		return CaseOpen, nil
	}
	return m.to, nil
}

// Supports says whether the findings (附三(五)A–D) and the department's opinion (D) allow an outcome of the evaluation: any one of them
// extends; the bureau judges by itself only where no data decide.
func (c Case) Supports(outcome CaseOutcome) error {
	met, unclear := c.Opinion == OpinionAgrees, len(c.Ground) == 0
	for _, f := range c.Ground {
		met, unclear = met || f.Outcome == OutcomeMet, unclear || f.Outcome == OutcomeNotKnown
	}
	switch {
	case c.Kind == CaseEvaluation && outcome == OutcomeLapse && met:
		return Conflict("评估结果符合延长的情形之一，应当延长（附三(五)）；数据有误的，请先更正数据")
	case c.Kind == CaseEvaluation && outcome == OutcomeExtend && !met && !unclear:
		return Conflict("评估结果不符合任何一项延长的情形，不能延长（附三(五)）；数据有误的，请先更正数据")
	}
	return nil
}

// FourEyes refuses who had a hand in a case as the one who decides it (R12): who opened it, proposed, or spoke for the department asked.
func (c Case) FourEyes(e CertifiedEvent, actor Actor) error {
	switch {
	case (e == CertifiedDecide || e == CertifiedReturn) && (actor == c.ProposedBy || actor == c.OpenedBy || actor == c.OpinionBy):
		return Errorf(CodeForbidden, "立项、拟定意见或代表部门提出意见的人不得决定，请由他人办理")
	case e == CertifiedCloseCase && c.Kind == CaseFraud && actor == c.OpenedBy:
		return Errorf(CodeForbidden, "立项的人不得自行终结，请由他人办理")
	}
	return nil
}

// Told says whether the household may know of the case: of a suspicion of fraud it learns when it is heard, not while evidence is collected.
func (c Case) Told() bool { return c.Kind != CaseFraud || c.HearingDue != 0 }

// DocumentPurpose is what a user's document in the case is for: the household's statement, or one that an officer enters on paper while
// it is heard; else the bureau's evidence.
func (c Case) DocumentPurpose(u User, confidential bool) DocumentPurpose {
	switch {
	case confidential:
		return PurposeConfidential
	case u.Role == RoleOperator || c.State == CaseHearing:
		return PurposeStatement
	}
	return PurposeEvidence
}

func (c Case) mayReadDocuments(u User) error {
	if u.Bureau() || u.Role == RoleCity || u.Role == RoleAuditor || u.Role == RoleOperator && u.USCC == c.USCC && c.Told() {
		return nil
	}
	return hidden()
}

// mayAddDocument: evidence comes before the hearing or is followed by another one; the household's documents come while it is heard.
func (c Case) mayAddDocument(u User, purpose DocumentPurpose) error {
	own := u.Role == RoleOperator
	switch {
	case !own && !u.Bureau():
		return Errorf(CodeForbidden, "只有区市场监管局和该户可以上传材料")
	case purpose == PurposeStatement && c.State != CaseHearing:
		return Conflict("该事项现为“%s”，听取陈述申辩期间方可上传材料", c.State.Name())
	case purpose == PurposeStatement:
		return nil
	case own || purpose != PurposeEvidence && purpose != PurposeConfidential:
		return Invalid("purpose", "该户上传陈述申辩材料（statement），区市场监管局上传证据（evidence，保密的 confidential）")
	case c.State != CaseOpen && c.State != CaseHeard:
		return Conflict("该事项现为“%s”，不能补充证据", c.State.Name())
	}
	return nil
}

// MinEvidence is how much the officer who opens a case of fraud writes at least, in characters.
const MinEvidence = 20

// Opinion is what the recommending department says at the evaluation (附三(五)D).
type Opinion string

// The opinions.
const (
	OpinionAgrees    Opinion = "agrees"    // 同意延长
	OpinionDisagrees Opinion = "disagrees" // 不同意延长
)

// Name is the opinion in words.
func (o Opinion) Name() string {
	return map[Opinion]string{OpinionAgrees: "同意延长", OpinionDisagrees: "不同意延长"}[o]
}

// Case is one case about whether a certification goes on. One of a kind at a time per certification.
type Case struct {
	ID              int64
	CertificationID int64
	Number          string // of the certification
	CycleID         string // of the certification
	District        string
	USCC            string `gorm:"column:uscc"`
	Kind            CaseKind
	Year            int // the civil year in which it was opened; report: of the report
	State           CaseState
	Live            *int
	Ground          []StandingFinding `gorm:"serializer:json"` // what it rests on
	Fingerprint     string            // SHA-256 of what it is about: what was decided once is not opened again for the same
	DataMark        string
	OpenedOn        calendar.Date
	OpenedBy        Actor
	OpenReasonID    int64 // fraud: the evidence in words
	Due             calendar.Date
	HearingDue      calendar.Date
	HeardOn         calendar.Date // also when the term passed without a word: then StatementID is 0
	StatementID     int64
	Department      string // asked for its opinion
	OpinionDue      calendar.Date
	Opinion         Opinion
	OpinionID       int64
	OpinionBy       Actor
	Outcome         CaseOutcome
	ProposedBy      Actor
	ProposedOn      calendar.Date
	ProposalID      int64 // the reason of the proposal
	Clause          string
	DecidedBy       Actor
	DecidedOn       calendar.Date
	ReasonID        int64 // of the decision
	PolicyID        int64
	UpdatedAt       time.Time
}

// StandingFinding is what is known of one base standard (附一(三)1, 附三(三)1) or evaluation criterion (附三(五)A–D) of a certified household.
type StandingFinding struct {
	ID      string  `json:"id" doc:"标准编号"`
	Clause  string  `json:"clause" doc:"依据条款"`
	Text    string  `json:"text" doc:"条款原文"`
	Outcome Outcome `json:"outcome" enum:"met,not_met,not_known" doc:"met 符合，not_met 不符合，not_known 没有数据"`
	Value   string  `json:"value" doc:"据以判断的数据"`
	Source  string  `json:"source,omitempty" doc:"数据来源与交付日期"`
	About   string  `json:"about,omitempty" doc:"具体是哪一情形，如列入日期；同一情形决定以后不再立项"`
}

// CaseObject names a case in the audit log and as the subject of documents and obligations.
func CaseObject(id int64) string { return "case/" + strconv.FormatInt(id, 10) }

// CaseNumber is the case's number for people, such as 110107-2026-MTYX-0007-事3.
func (c Case) CaseNumber() string { return fmt.Sprintf("%s-事%d", c.Number, c.ID) }
