package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bangfu/models/calendar"
)

// ApplicationState is where an application (申报) or recommendation (推荐) stands (附三(二)2).
type ApplicationState string

// The states of an application.
const (
	ApplicationDraft      ApplicationState = "draft"      // 草稿
	ApplicationConsent    ApplicationState = "consent"    // 待经营者同意 (recommended)
	ApplicationSubmitted  ApplicationState = "submitted"  // 待审核
	ApplicationSupplement ApplicationState = "supplement" // 待补充材料
	ApplicationVisit      ApplicationState = "visit"      // 审核通过，待走访核实
	ApplicationQualified  ApplicationState = "qualified"  // 走访通过，待比选
	ApplicationWaiting    ApplicationState = "waiting"    // 候补
	ApplicationProposed   ApplicationState = "proposed"   // 拟认定；holds one of the places
	ApplicationCertified  ApplicationState = "certified"  // 已认定
	ApplicationRefused    ApplicationState = "refused"    // 不予认定
	ApplicationUnselected ApplicationState = "unselected" // 比选未入选
	ApplicationDeclined   ApplicationState = "declined"   // 经营者不同意推荐
	ApplicationWithdrawn  ApplicationState = "withdrawn"  // 已撤回
	ApplicationLapsed     ApplicationState = "lapsed"     // 逾期未完成
)

// ApplicationStates lists every state, in the order of the season.
var ApplicationStates = []ApplicationState{ApplicationDraft, ApplicationConsent, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit,
	ApplicationQualified, ApplicationWaiting, ApplicationProposed, ApplicationCertified, ApplicationRefused, ApplicationUnselected,
	ApplicationDeclined, ApplicationWithdrawn, ApplicationLapsed}

var applicationStateNames = map[ApplicationState]string{
	ApplicationDraft: "草稿", ApplicationConsent: "待经营者同意", ApplicationSubmitted: "待审核", ApplicationSupplement: "待补充材料",
	ApplicationVisit: "待走访核实", ApplicationQualified: "待比选", ApplicationWaiting: "候补", ApplicationProposed: "拟认定",
	ApplicationCertified: "已认定", ApplicationRefused: "不予认定", ApplicationUnselected: "比选未入选", ApplicationDeclined: "经营者不同意推荐",
	ApplicationWithdrawn: "已撤回", ApplicationLapsed: "逾期未完成",
}

// Name is the state in words.
func (s ApplicationState) Name() string { return applicationStateNames[s] }

// Live says whether the application still goes on; a household has at most one live application in a cycle.
// A certified one is not live: its certification is.
func (s ApplicationState) Live() bool {
	return slices.Contains([]ApplicationState{ApplicationDraft, ApplicationConsent, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit,
		ApplicationQualified, ApplicationWaiting, ApplicationProposed}, s)
}

// ApplicationEvent is what happens to an application.
type ApplicationEvent string

// The events, with who brings them about.
const (
	EventSubmit            ApplicationEvent = "submit"             // operator: 提交
	EventRecommend         ApplicationEvent = "recommend"          // department: 推荐，征求经营者同意
	EventConsent           ApplicationEvent = "consent"            // operator: 同意推荐
	EventDecline           ApplicationEvent = "decline"            // operator: 不同意推荐
	EventConsentOverdue    ApplicationEvent = "consent_overdue"    // time: 逾期未表示同意
	EventWithdraw          ApplicationEvent = "withdraw"           // operator: 撤回
	EventAskSupplement     ApplicationEvent = "ask_supplement"     // reviewer: 要求限期补充材料
	EventSupply            ApplicationEvent = "supply"             // operator: 补充材料
	EventSupplementOverdue ApplicationEvent = "supplement_overdue" // time: 逾期未补充，按现有材料审核
	EventPassReview        ApplicationEvent = "pass_review"        // reviewer: 审核通过，定分类
	EventRefuse            ApplicationEvent = "refuse"             // reviewer: 审核不通过
	EventPassVisit         ApplicationEvent = "pass_visit"         // second visitor signs: 走访核实通过
	EventFailVisit         ApplicationEvent = "fail_visit"         // second visitor signs: 走访核实不通过
	EventBar               ApplicationEvent = "bar"                // recheck: 出现不得认定的情形
	EventPropose           ApplicationEvent = "propose"            // bureau: 拟认定, or moved up from the waiting list
	EventWaitList          ApplicationEvent = "wait_list"          // bureau: 列为候补
	EventNotSelect         ApplicationEvent = "not_select"         // bureau, or the waiting list's end: 未入选
	EventRemove            ApplicationEvent = "remove"             // objection upheld: 公示异议成立，移出名单
	EventCertify           ApplicationEvent = "certify"            // bureau: 认定
	EventCityRefuse        ApplicationEvent = "city_refuse"        // city: 抽查不予认定
	EventReopen            ApplicationEvent = "reopen"             // objection upheld: 重新审核
	EventRequeue           ApplicationEvent = "requeue"            // objection upheld after the selection: 列为候补
	EventLapse             ApplicationEvent = "lapse"              // stage over: 逾期未完成
)

// applicationMoves is the whole state machine: an event may follow in the states that it names, and nowhere else.
var applicationMoves = map[ApplicationEvent]struct {
	name string
	from []ApplicationState
	to   ApplicationState
	in   []Stage // stages of the cycle in which people may bring it about; nil = any
}{
	EventSubmit:            {"提交申报", []ApplicationState{ApplicationDraft}, ApplicationSubmitted, []Stage{StageApplication}},
	EventRecommend:         {"推荐", []ApplicationState{ApplicationDraft}, ApplicationConsent, []Stage{StageApplication}},
	EventConsent:           {"同意推荐", []ApplicationState{ApplicationConsent}, ApplicationSubmitted, []Stage{StageApplication, StageReview}},
	EventDecline:           {"不同意推荐", []ApplicationState{ApplicationConsent}, ApplicationDeclined, nil},
	EventConsentOverdue:    {"逾期未表示同意", []ApplicationState{ApplicationConsent}, ApplicationLapsed, nil},
	EventWithdraw:          {"撤回", []ApplicationState{ApplicationDraft, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit, ApplicationQualified, ApplicationWaiting, ApplicationProposed}, ApplicationWithdrawn, nil},
	EventAskSupplement:     {"要求补充材料", []ApplicationState{ApplicationSubmitted}, ApplicationSupplement, []Stage{StageApplication, StageReview}},
	EventSupply:            {"补充材料", []ApplicationState{ApplicationSupplement}, ApplicationSubmitted, nil},
	EventSupplementOverdue: {"逾期未补充，按现有材料审核", []ApplicationState{ApplicationSupplement}, ApplicationSubmitted, nil},
	EventPassReview:        {"审核通过", []ApplicationState{ApplicationSubmitted}, ApplicationVisit, []Stage{StageApplication, StageReview}},
	EventRefuse:            {"审核不通过", []ApplicationState{ApplicationSubmitted}, ApplicationRefused, []Stage{StageApplication, StageReview}},
	EventPassVisit:         {"走访核实通过", []ApplicationState{ApplicationVisit}, ApplicationQualified, []Stage{StageApplication, StageReview}},
	EventFailVisit:         {"走访核实不通过", []ApplicationState{ApplicationVisit}, ApplicationRefused, []Stage{StageApplication, StageReview}},
	EventBar:               {"出现不得认定的情形", []ApplicationState{ApplicationSubmitted, ApplicationSupplement, ApplicationVisit, ApplicationQualified, ApplicationWaiting, ApplicationProposed}, ApplicationRefused, nil},
	EventPropose:           {"拟认定", []ApplicationState{ApplicationQualified, ApplicationWaiting}, ApplicationProposed, []Stage{StageSelection, StageNotice}},
	EventWaitList:          {"列为候补", []ApplicationState{ApplicationQualified}, ApplicationWaiting, []Stage{StageSelection}},
	EventNotSelect:         {"未入选", []ApplicationState{ApplicationQualified, ApplicationWaiting}, ApplicationUnselected, nil},
	EventRemove:            {"公示异议成立，移出名单", []ApplicationState{ApplicationProposed}, ApplicationRefused, []Stage{StageNotice}},
	EventCertify:           {"认定", []ApplicationState{ApplicationProposed}, ApplicationCertified, []Stage{StageCertification}},
	EventCityRefuse:        {"市级抽查不予认定", []ApplicationState{ApplicationCertified}, ApplicationRefused, []Stage{StageCertification}},
	EventReopen:            {"异议成立，重新审核", []ApplicationState{ApplicationRefused, ApplicationLapsed}, ApplicationSubmitted, []Stage{StageApplication, StageReview}},
	EventRequeue:           {"异议成立，列为候补", []ApplicationState{ApplicationRefused, ApplicationUnselected}, ApplicationWaiting, []Stage{StageSelection, StageNotice}},
	EventLapse:             {"逾期未完成", []ApplicationState{ApplicationDraft, ApplicationConsent, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit}, ApplicationLapsed, nil},
}

// ApplicationEvents lists every event.
var ApplicationEvents = []ApplicationEvent{EventSubmit, EventRecommend, EventConsent, EventDecline, EventConsentOverdue, EventWithdraw, EventAskSupplement,
	EventSupply, EventSupplementOverdue, EventPassReview, EventRefuse, EventPassVisit, EventFailVisit, EventBar, EventPropose, EventWaitList,
	EventNotSelect, EventRemove, EventCertify, EventCityRefuse, EventReopen, EventRequeue, EventLapse}

// Name is the event in words.
func (e ApplicationEvent) Name() string { return applicationMoves[e].name }

// Next gives the state after the event, or says (CodeConflict) why it cannot follow.
func (s ApplicationState) Next(e ApplicationEvent) (ApplicationState, error) {
	m, ok := applicationMoves[e]
	if !ok {
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	}
	if !slices.Contains(m.from, s) {
		return s, Conflict("申报件现为“%s”，不能%s", s.Name(), m.name)
	}
	return m.to, nil
}

// During says whether people may bring the event about in this stage of the cycle.
func (e ApplicationEvent) During(stage Stage) error {
	in := applicationMoves[e].in
	if len(in) == 0 || slices.Contains(in, stage) {
		return nil
	}
	names := make([]string, len(in))
	for i, s := range in {
		names[i] = s.Info().Name
	}
	return Conflict("年度工作现处于“%s”阶段，%s只能在“%s”阶段进行", stage.Info().Name, e.Name(), strings.Join(names, "、"))
}

// Origin is how an application came about (附三(二)2).
type Origin string

// The origins.
const (
	OriginOwn         Origin = "own"         // 自主申报
	OriginRecommended Origin = "recommended" // 部门推荐
)

// Name is the origin in words.
func (o Origin) Name() string {
	if o == OriginRecommended {
		return "部门推荐"
	}
	return "自主申报"
}

// Application is one household's application of one cycle.
type Application struct {
	ID            int64
	CycleID       string
	District      string
	Year          int
	USCC          string
	Name          string
	Street        string
	Tier          Tier // effective tier when it was made; taken again at submission
	Origin        Origin
	State         ApplicationState
	Wished        []Category    // one or several, the most wished first
	Category      Category      // the one that the review found fitter; empty before
	Statement     string        // the applicant's own words
	EnteredBy     Actor         // who made the draft: the operator, or an officer on their behalf
	RecommendedBy Actor         // the officer who recommends
	Department    string        // the recommending department
	Reviewer      Actor         // who has it on the work list; empty = nobody yet
	LimitOn       calendar.Date // last day for consent or supplements; 0 = no limit runs
	Due           calendar.Date // until when the present step is due
	SubmittedOn   calendar.Date // "申报或推荐之日": of the submission, or of the recommendation
	ClosedOn      calendar.Date
	ReasonID      int64  // of the latest decision
	Clause        string // of the latest decision
	PolicyID      int64
	RunID         int64  // the tiering run that the tier comes from
	DataMark      string // the data that the bars were checked on
	Events        int    // how many events are on record
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Number is the receipt's number, such as 申110107-2026-12.
func (a Application) Number() string { return fmt.Sprintf("申%s-%d", a.CycleID, a.ID) }

// ApplicationObject names an application in the audit log and as the subject of documents.
func ApplicationObject(id int64) string { return "application/" + strconv.FormatInt(id, 10) }

// ApplicationCommand brings an event about. It carries identifiers and codes only: what people wrote is a reason's id.
type ApplicationCommand struct {
	CommandID     string // the client's idempotency key, or the process's own: the same command again changes nothing
	ApplicationID int64
	Event         ApplicationEvent
	Actor         Actor
	ReasonID      int64
	Clause        string
	Category      Category        // pass_review: the fitter category
	Findings      []GroundFinding // pass_review, refuse: what the reviewer found
	VisitID       int64           // pass_visit, fail_visit
	Days          int             // ask_supplement: working days; 0 = the policy's
}

// GroundFinding is a reviewer's finding on one ground (附三(三)2); its reason is text, kept in the record.
type GroundFinding struct {
	Category Category
	Letter   string
	Met      bool
	ReasonID int64
}

// ApplicationStep is one event on record.
type ApplicationStep struct {
	ApplicationID int64
	Seq           int
	CommandID     string
	Event         ApplicationEvent
	FromState     ApplicationState
	ToState       ApplicationState
	OnDate        calendar.Date
	ReasonID      int64
	Clause        string
	Detail        string // JSON
	Actor         Actor
	At            time.Time
}

// FourEyes refuses an officer who entered or recommended the application, or is the household itself, as a decider about it (R12).
func (a Application) FourEyes(actor Actor) error {
	if actor == a.EnteredBy || actor == a.RecommendedBy || actor == HouseholdActor(a.USCC) {
		return Errorf(CodeForbidden, "录入或推荐该申报件的人不得审核、走访或决定，请由他人办理")
	}
	return nil
}
