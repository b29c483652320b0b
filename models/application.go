package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// NextStep says, in words, what has to happen next.
func (s ApplicationState) NextStep() string {
	switch s {
	case ApplicationDraft:
		return "填写后提交"
	case ApplicationConsent:
		return "由经营者表示是否同意推荐；逾期未答复的，推荐终止"
	case ApplicationSubmitted:
		return "由区市场监管局审核"
	case ApplicationSupplement:
		return "由申报人补充材料；逾期未补充的，按现有材料审核"
	case ApplicationVisit:
		return "由两名工作人员走访核实"
	case ApplicationQualified:
		return "比选"
	case ApplicationWaiting:
		return "公示中有空出的名额且来得及完整公示的，按名次递补"
	case ApplicationProposed:
		return "公示，期满且异议处理完成后认定"
	}
	return "已办结"
}

// LiveStates lists the states in which an application goes on.
func LiveStates() []ApplicationState {
	return slices.DeleteFunc(slices.Clone(ApplicationStates), func(s ApplicationState) bool { return !s.Live() })
}

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
	EventWithdraw          ApplicationEvent = "withdraw"           // operator: 撤回; before consent the recommending department
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
	EventWithdraw:          {"撤回", []ApplicationState{ApplicationDraft, ApplicationConsent, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit, ApplicationQualified, ApplicationWaiting, ApplicationProposed}, ApplicationWithdrawn, nil},
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
	EventLapse: {"逾期未完成", []ApplicationState{ApplicationDraft, ApplicationConsent, ApplicationSubmitted, ApplicationSupplement, ApplicationVisit,
		ApplicationQualified, ApplicationWaiting, ApplicationProposed}, ApplicationLapsed, nil}, // the last three only when the cycle is cancelled
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

// May says whether the event may follow.
func (s ApplicationState) May(e ApplicationEvent) bool {
	_, err := s.Next(e)
	return err == nil
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
	DocumentID    string          // submit: the form with the operator's own signature, where an officer entered it
	Request       string          // what was asked for, as a hash (Asked); empty for the program's own commands
}

// Asked notes what is asked for, with the words that came with it: under one command's id another request is refused, never answered as
// if it had been carried out.
func (c ApplicationCommand) Asked(words ...string) ApplicationCommand {
	parts := []any{c.Event, c.Clause, c.Category, c.VisitID, c.Days, c.DocumentID}
	for _, f := range c.Findings {
		parts = append(parts, f.Category, f.Letter, f.Met)
	}
	c.Request = requestDigest(parts, words)
	return c
}

// requestDigest is a hash of what a request asks for.
func requestDigest(parts []any, words []string) string {
	h := sha256.New()
	for _, w := range words {
		parts = append(parts, w)
	}
	for _, p := range parts {
		text := fmt.Sprint(p)
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Commanded is a command as the record has it.
type Commanded struct {
	Event       string
	Actor       Actor
	RequestHash string
}

// Same refuses (CodeConflict) a request that is not the one that was carried out under its id.
func (d Commanded) Same(event string, actor Actor, request string) error {
	if d.Event != event || d.Actor != actor || d.RequestHash != "" && request != "" && d.RequestHash != request {
		return Conflict("这个操作编号已用于另一项操作，请换一个编号")
	}
	return nil
}

// GroundFinding is a reviewer's finding on one ground (附三(三)2); its reason is text, kept in the record.
type GroundFinding struct {
	Category Category
	Letter   string
	Met      bool
	ReasonID int64
}

// ApplicationGround is a lettered ground of an application (附三(三)2): claimed with a statement, and what was found about it.
type ApplicationGround struct {
	ApplicationID int64
	Category      Category
	Letter        string
	Claimed       bool
	Statement     string  // the applicant's own words, or the department's
	Outcome       Outcome // empty = nothing was found yet
	CheckedBy     string  // CheckedByData or CheckedByReviewer; empty = nobody yet
	Value         string  // the data that decided
	ReasonID      int64   // of a reviewer's finding
	ByActor       Actor
	OnDate        calendar.Date
}

// Who found whether a ground is met.
const (
	CheckedByData     = "data"     // 以部门数据核对
	CheckedByReviewer = "reviewer" // 审核人员认定
)

// ApplicationContent is what an applicant or a recommending department writes; nothing in it repeats what departments delivered.
type ApplicationContent struct {
	Wished    []Category // one or several, the most wished first; a draft may have none yet
	Grounds   []ApplicationGround
	Statement string
}

// Longest texts of an application, in characters.
const (
	MaxStatement       = 2000
	MaxGroundStatement = 1000
)

// Validate says what cannot be taken whatever the policy: a *models.Error with CodeInvalid and its field.
func (c ApplicationContent) Validate() error {
	if err := validateText("statement", c.Statement, MaxStatement); err != nil {
		return err
	}
	for i, w := range c.Wished {
		if w.Name() == "" {
			return Invalid("wished", "“%s”不是分类，应为知名、特色、优质或新兴", string(w))
		}
		if slices.Contains(c.Wished[:i], w) {
			return Invalid("wished", "“%s”重复填写", w.Name())
		}
	}
	for i, g := range c.Grounds {
		field := fmt.Sprintf("grounds[%d]", i)
		if err := validateText(field+".statement", g.Statement, MaxGroundStatement); err != nil {
			return err
		}
		if !slices.Contains(c.Wished, g.Category) {
			return Invalid(field, "理由须属于所申报的分类，请先填写分类“%s”", g.Category.Name())
		}
		if slices.ContainsFunc(c.Grounds[:i], func(o ApplicationGround) bool { return o.Category == g.Category && o.Letter == g.Letter }) {
			return Invalid(field, "“%s”%s 项重复填写", g.Category.Name(), g.Letter)
		}
	}
	return nil
}

// Complete says what a submission or recommendation still lacks: a category, and a ground in one of those wished.
func (c ApplicationContent) Complete() error {
	if len(c.Wished) == 0 {
		return Invalid("wished", "请至少选择一个申报分类")
	}
	if len(c.Grounds) == 0 {
		return Invalid("grounds", "请在所申报的分类中至少选择一项符合的条件")
	}
	return nil
}

func validateText(field, text string, most int) error {
	if n := utf8.RuneCountInString(text); n > most {
		return Invalid(field, "最长%d字，现为%d字", most, n)
	}
	if !utf8.ValidString(text) {
		return Invalid(field, "含有无法识别的字符，请用 UTF-8 编码")
	}
	return nil
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

// EnteredForOperator says whether an officer entered the application on behalf of an operator without means of their own.
func (a Application) EnteredForOperator() bool {
	return a.Origin == OriginOwn && a.EnteredBy != HouseholdActor(a.USCC)
}

// FourEyes refuses an officer who entered or recommended the application, or is the household itself, as a decider about it (R12).
func (a Application) FourEyes(actor Actor) error {
	if actor == a.EnteredBy || actor == a.RecommendedBy || actor == HouseholdActor(a.USCC) {
		return Errorf(CodeForbidden, "录入或推荐该申报件的人不得审核、走访或决定，请由他人办理")
	}
	return nil
}
