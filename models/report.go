package models

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bangfu/models/calendar"
)

// ReportState is where a certified household's yearly information report (信息报告) stands (附三(五)).
type ReportState string

// The states of a report.
const (
	ReportOwed      ReportState = "owed"      // 待报送, with or without a draft
	ReportSubmitted ReportState = "submitted" // 待审核
	ReportReturned  ReportState = "returned"  // 退回补正
	ReportConfirmed ReportState = "confirmed" // 审核确认继续符合基础标准
	ReportFailed    ReportState = "failed"    // 审核不符合: a case goes on about it
	ReportClosed    ReportState = "closed"    // 不再需要报送: the certification ended, or it was decided without the report
)

// ReportStates lists every state in order.
var ReportStates = []ReportState{ReportOwed, ReportSubmitted, ReportReturned, ReportConfirmed, ReportFailed, ReportClosed}

// Name is the state in words.
func (s ReportState) Name() string {
	return map[ReportState]string{ReportOwed: "待报送", ReportSubmitted: "待审核", ReportReturned: "退回补正", ReportConfirmed: "审核确认", ReportFailed: "审核不符合",
		ReportClosed: "不再报送"}[s]
}

// Open says whether the household has to file it, and may write it.
func (s ReportState) Open() bool { return s == ReportOwed || s == ReportReturned }

// reportMoves is the whole state machine: an event may follow in the states that it names, and nowhere else.
var reportMoves = map[CertifiedEvent]struct {
	from []ReportState
	to   ReportState
}{
	CertifiedFileReport:    {[]ReportState{ReportOwed, ReportReturned}, ReportSubmitted},
	CertifiedReturnReport:  {[]ReportState{ReportSubmitted}, ReportReturned},
	CertifiedConfirmReport: {[]ReportState{ReportSubmitted}, ReportConfirmed},
	CertifiedFailReport:    {[]ReportState{ReportSubmitted}, ReportFailed},
}

// Next gives the state after the event, or says (CodeConflict) why it cannot follow.
func (s ReportState) Next(e CertifiedEvent) (ReportState, error) {
	m, ok := reportMoves[e]
	if !ok {
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	}
	if !slices.Contains(m.from, s) {
		return s, Conflict("该信息报告现为“%s”，不能%s", s.Name(), e.Name())
	}
	return m.to, nil
}

// AnswerKind is how a question of the report is answered.
type AnswerKind string

// The kinds.
const (
	AnswerMoney  AnswerKind = "money"  // 元, at most two decimals
	AnswerPeople AnswerKind = "people" // a whole number
	AnswerYesNo  AnswerKind = "yes_no" // 是 or 否
	AnswerChoice AnswerKind = "choice" // one of Options
	AnswerText   AnswerKind = "text"
)

// AnswerKinds lists every kind.
var AnswerKinds = []AnswerKind{AnswerMoney, AnswerPeople, AnswerYesNo, AnswerChoice, AnswerText}

// MaxAnswer bounds every answer, in characters.
const MaxAnswer = 2000

// moneyAnswer is an amount in 元.
var moneyAnswer = regexp.MustCompile(`^\d{1,13}(\.\d{1,2})?$`)

// maxPeople bounds an answer that counts people.
const maxPeople = 100000

// ReportQuestion is one thing that the report asks, because no department holds it, or none delivered it (三(二)).
type ReportQuestion struct {
	ID       string
	Clause   string
	Ask      string // {上一年度} and {本年度} stand for the years
	Answer   AnswerKind
	Options  []string // of a choice
	Required bool
	Most     int  // of a text, in characters; 0 = MaxAnswer
	Gap      bool // asked only where departments' data lack Fact
	Fact     Fact // of a gap
}

// Words is the question as the household of a year's report reads it.
func (q ReportQuestion) Words(year int) string {
	return strings.NewReplacer("{上一年度}", fmt.Sprintf("%d年度", year-1), "{本年度}", fmt.Sprintf("%d年度", year)).Replace(q.Ask)
}

// check says what of an answer cannot be taken.
func (q ReportQuestion) check(answer string) error {
	field := "answers." + q.ID
	most := MaxAnswer
	if q.Most > 0 {
		most = q.Most
	}
	if err := validateText(field, answer, most); err != nil {
		return err
	}
	switch q.Answer {
	case AnswerMoney:
		if !moneyAnswer.MatchString(answer) {
			return Invalid(field, "应为金额，以元计，最多两位小数，如 120000 或 1234.50")
		}
	case AnswerPeople:
		if n, err := strconv.Atoi(answer); err != nil || n < 0 || n > maxPeople {
			return Invalid(field, "应为人数，0 至 %d 的整数", maxPeople)
		}
	case AnswerYesNo:
		if answer != "是" && answer != "否" {
			return Invalid(field, "请回答“是”或“否”")
		}
	case AnswerChoice:
		if !slices.Contains(q.Options, answer) {
			return Invalid(field, "请从“%s”中选择", strings.Join(q.Options, "”“"))
		}
	}
	return nil
}

// AskState says whether a question of a gap is asked.
type AskState string

// The states of a question.
const (
	AskNow   AskState = "asked"   // 请填写
	AskKnown AskState = "known"   // 部门已提供，无需填写
	AskLater AskState = "waiting" // 部门将提供，届时仍没有的再填写
)

// Name is the state in words.
func (a AskState) Name() string {
	return map[AskState]string{AskNow: "请填写", AskKnown: "部门已提供，无需填写", AskLater: "由部门在规定期限前提供，届时仍没有的再请您填写"}[a]
}

// ReportForm is what a household's report of a year asks on a date, and what is known without asking.
type ReportForm struct {
	Year      int
	Prefilled []PrefilledItem
	Questions []ReportQuestion
	Asked     []AskState // of each question
}

// NewReportForm makes the form from what departments delivered (nil = nothing of the household). A gap is asked only once it is one: the
// department's data of the year have come without it, or the day by which they are due (dataDue) has passed (三(二)).
func NewReportForm(year int, questions []ReportQuestion, c *Candidate, dataDue, today calendar.Date) ReportForm {
	f := ReportForm{Year: year, Questions: questions, Asked: make([]AskState, len(questions))}
	if c != nil {
		f.Prefilled = c.Items
	}
	for i, q := range questions {
		ofYear := c != nil && c.Year >= year
		switch {
		case !q.Gap:
			f.Asked[i] = AskNow
		case ofYear && c.Facts.Has(q.Fact):
			f.Asked[i] = AskKnown
		case ofYear && c.Delivered.Has(q.Fact.Info().Source) || today > dataDue:
			f.Asked[i] = AskNow
		default:
			f.Asked[i] = AskLater
		}
	}
	return f
}

// Clean gives the answers as they are kept, without empty ones; the error names what cannot be taken. What departments hold is not taken.
func (f ReportForm) Clean(answers map[string]string) (map[string]string, error) {
	kept := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(answers)) {
		answer := strings.TrimSpace(answers[id])
		i := slices.IndexFunc(f.Questions, func(q ReportQuestion) bool { return q.ID == id })
		switch {
		case i < 0 && utf8.RuneCountInString(id) > 40:
			return nil, Invalid("answers", "没有这个问题")
		case i < 0:
			return nil, Invalid("answers."+id, "信息报告中没有这个问题")
		case answer == "":
			continue
		case f.Asked[i] == AskKnown: // the department has said it meanwhile
			continue
		}
		if err := f.Questions[i].check(answer); err != nil {
			return nil, err
		}
		kept[id] = answer
	}
	return kept, nil
}

// Complete says what a report still lacks.
func (f ReportForm) Complete(answers map[string]string) error {
	for i, q := range f.Questions {
		if q.Required && f.Asked[i] == AskNow && answers[q.ID] == "" {
			return Invalid("answers."+q.ID, "请填写：%s", q.Words(f.Year))
		}
	}
	return nil
}

// ReportItem is one line of what departments hold, as a report keeps it.
type ReportItem struct {
	Label       string        `json:"label"`
	Value       string        `json:"value"`
	Source      string        `json:"source"`
	DeliveredOn calendar.Date `json:"delivered_on"`
}

// ReportItems are the lines that a form shows.
func ReportItems(items []PrefilledItem) []ReportItem {
	list := make([]ReportItem, len(items))
	for i, p := range items {
		list[i] = ReportItem{p.Label, p.Value, p.Source.Name(), p.DeliveredOn}
	}
	return list
}

// ReportFinding is what the review found of one base standard: by the data, or where they say nothing by the reviewer, with a reason.
type ReportFinding struct {
	StandingFinding
	CheckedBy string `json:"checked_by"`          // CheckedByData or CheckedByReviewer; empty = nobody yet
	ReasonID  int64  `json:"reason_id,omitempty"` // of the reviewer's
}

// StandardAnswer is a reviewer's answer on a base standard that no data decide; its reason is text, kept in the record.
type StandardAnswer struct {
	ID       string // of the standard
	Met      bool
	ReasonID int64
}

// ReviewFindings lays the reviewer's answers over what the data say: data decide where they can. The error names an answer that is not asked for.
func ReviewFindings(standing []StandingFinding, answers []StandardAnswer) ([]ReportFinding, error) {
	list := make([]ReportFinding, len(standing))
	for i, f := range standing {
		list[i] = ReportFinding{StandingFinding: f}
		if f.Outcome != OutcomeNotKnown {
			list[i].CheckedBy = CheckedByData
		}
	}
	for _, a := range answers {
		i := slices.IndexFunc(list, func(f ReportFinding) bool { return f.ID == a.ID })
		switch {
		case i < 0:
			return nil, Invalid("answers", "没有编号为“%s”的标准", a.ID)
		case list[i].CheckedBy == CheckedByReviewer:
			return nil, Invalid("answers", "标准“%s”重复填写", a.ID)
		case list[i].Outcome != OutcomeNotKnown:
			return nil, Invalid("answers", "标准“%s”已由部门数据判断（%s），不能另行认定；数据有误的，请数据部门更正后重新交付", a.ID, list[i].Value)
		case a.ReasonID == 0:
			return nil, Invalid("answers", "请写明认定“%s”是否符合的理由", a.ID)
		}
		list[i].CheckedBy, list[i].ReasonID, list[i].Outcome = CheckedByReviewer, a.ReasonID, OutcomeNotMet
		list[i].Value = "审核人员核实不符合"
		if a.Met {
			list[i].Outcome, list[i].Value = OutcomeMet, "审核人员核实符合"
		}
	}
	return list, nil
}

// FindingsOf gives the findings with an outcome.
func FindingsOf(list []ReportFinding, outcome Outcome) []StandingFinding {
	var out []StandingFinding
	for _, f := range list {
		if f.Outcome == outcome {
			out = append(out, f.StandingFinding)
		}
	}
	return out
}

// Report is one certified household's information report of one year.
type Report struct {
	ID              int64
	CertificationID int64
	District        string
	USCC            string `gorm:"column:uscc"`
	Year            int
	State           ReportState
	Due             calendar.Date     // last day for filing in time: 07-31, or later for a household that was asked only later
	LimitOn         calendar.Date     // last day of the household's present term: Due, or of the return; 0 = nothing is asked of it
	MissedOn        calendar.Date     // on which the present term was found to have passed; 0 = it was not
	Content         map[string]string `gorm:"serializer:json"` // answers by question
	Prefilled       []ReportItem      `gorm:"serializer:json"` // what departments held when it was filed
	Findings        []ReportFinding   `gorm:"serializer:json"` // of the review
	DataMark        string            // of the data that the findings rest on
	EnteredBy       []Actor           `gorm:"serializer:json"` // the officers who wrote or filed it for the household
	FiledOn         calendar.Date     // first filed
	SubmittedOn     calendar.Date     // last filed
	FiledAt         *time.Time        // moment of the last filing
	ReviewDue       calendar.Date
	ReviewedBy      Actor
	ReviewedOn      calendar.Date
	ReasonID        int64 // of the latest return, confirmation or failing
	UpdatedAt       time.Time
}

// TableName is the table of reports.
func (Report) TableName() string { return "information_reports" }

// MayRead refuses who may not see the report, as if it were not there: it is for the household itself, the department that recommended it,
// the bureau, the city and auditors.
func (r Report) MayRead(u User, department string) error {
	switch {
	case !u.InDistrict(r.District):
	case u.Bureau() || u.Role == RoleCity || u.Role == RoleAuditor, u.Role == RoleOperator && u.USCC == r.USCC,
		u.Role == RoleDepartment && department != "" && u.Department == department:
		return nil
	}
	return NotFound("没有这份信息报告，或不在您的职责范围内")
}

// MayWrite refuses who may not fill in or file the report, or not now: the operator, or an officer of the bureau or of the department that
// recommended the household for one who cannot.
func (r Report) MayWrite(u User, department string) error {
	if err := r.MayRead(u, department); err != nil {
		return err
	}
	if u.Role == RoleCity || u.Role == RoleAuditor {
		return Errorf(CodeForbidden, "信息报告由经营者本人填写；不便使用网络的，由区市场监管局或者推荐部门代为录入")
	}
	if !r.State.Open() {
		return Conflict("该信息报告现为“%s”，不能修改", r.State.Name())
	}
	return nil
}

// Enter notes an officer who wrote or filed the report for the household.
func (r *Report) Enter(actor Actor) {
	if !slices.Contains(r.EnteredBy, actor) {
		r.EnteredBy = append(r.EnteredBy, actor)
	}
}

// Late says whether it was first filed after its date (逾期), or is not filed on a date after it.
func (r Report) Late(today calendar.Date) bool {
	if r.FiledOn != 0 {
		return r.FiledOn > r.Due
	}
	return r.State == ReportOwed && today > r.Due
}

// LateDays is by how many days it was filed late; 0 = in time, or not filed.
func (r Report) LateDays() int { return max(0, int(r.FiledOn-r.Due)) }

// FourEyes refuses as a reviewer who wrote or filed the report for the household, and the household itself (R12).
func (r Report) FourEyes(actor Actor) error {
	if slices.Contains(r.EnteredBy, actor) || actor == HouseholdActor(r.USCC) {
		return Errorf(CodeForbidden, "代该户填写或报送这份信息报告的人不得审核，请由他人办理")
	}
	return nil
}

// ReportObject names a report as the subject of documents.
func ReportObject(id int64) string { return "report/" + strconv.FormatInt(id, 10) }

// ReportSubject names what is owed about a certification's report of a year.
func ReportSubject(number string, year int) string {
	return CertificationObject(number) + "/" + strconv.Itoa(year)
}

// ReportNumber is the report's number for people, such as 110107-2026-MTYX-0007-报2027.
func ReportNumber(certification string, year int) string {
	return fmt.Sprintf("%s-报%d", certification, year)
}
