package models

import (
	"slices"
	"time"

	"bangfu/models/calendar"
)

// CertifiedEvent is what happens to a certified household: to its certification, its yearly reports and its cases (附三(五)).
type CertifiedEvent string

// The events, with who brings them about.
const (
	// The calendar's own.
	CertifiedBenefits     CertifiedEvent = "benefits"      // system: 开始享受扶持政策
	CertifiedReportOpened CertifiedEvent = "report_opened" // system: 布置年度信息报告
	CertifiedReportMissed CertifiedEvent = "report_missed" // system: 逾期未报
	CertifiedEvaluate     CertifiedEvent = "evaluate"      // system: 开始期满评估
	CertifiedAnnounce     CertifiedEvent = "announce"      // system: 预告有效期满
	CertifiedLapse        CertifiedEvent = "lapse"         // system: 有效期满失效

	// Of the certification, by decision of a case or of an objection to it.
	CertifiedExtend   CertifiedEvent = "extend"  // 延长有效期
	CertifiedCancel   CertifiedEvent = "cancel"  // 取消认定
	CertifiedRevoke   CertifiedEvent = "revoke"  // 撤销认定
	CertifiedRestore  CertifiedEvent = "restore" // 恢复认定: an objection was upheld
	CertifiedEnd      CertifiedEvent = "end"     // system: 该户已注销、吊销等，认定终止
	CertifiedSucceed  CertifiedEvent = "succeed" // system: 由新的认定接替
	CertifiedCityLeft CertifiedEvent = "refuse"  // 市级抽查不予认定

	// Of the yearly information report.
	CertifiedFileReport    CertifiedEvent = "file_report"    // operator: 报送信息报告
	CertifiedReturnReport  CertifiedEvent = "return_report"  // bureau: 退回补正
	CertifiedConfirmReport CertifiedEvent = "confirm_report" // bureau: 审核确认继续符合基础标准
	CertifiedFailReport    CertifiedEvent = "fail_report"    // bureau: 审核认为不再符合，转为事项处理

	// Of the operator.
	CertifiedReportOperator CertifiedEvent = "report_operator" // operator, or an officer on record: 报告变更经营者
	CertifiedNoticeOperator CertifiedEvent = "notice_operator" // system: 登记数据显示变更经营者

	// Of a case.
	CertifiedOpenCase     CertifiedEvent = "open_case"     // system, bureau: 立项
	CertifiedGroundsAdded CertifiedEvent = "grounds_added" // system: 新增情形
	CertifiedHear         CertifiedEvent = "hear"          // bureau, system: 告知并听取陈述申辩
	CertifiedState        CertifiedEvent = "state"         // operator: 陈述申辩
	CertifiedHearingOver  CertifiedEvent = "hearing_over"  // system: 逾期未陈述
	CertifiedAskOpinion   CertifiedEvent = "ask_opinion"   // bureau, system: 征求推荐部门意见
	CertifiedGiveOpinion  CertifiedEvent = "give_opinion"  // department: 推荐部门意见
	CertifiedPropose      CertifiedEvent = "propose"       // bureau: 拟定处理意见
	CertifiedReturn       CertifiedEvent = "return"        // bureau, another person: 退回重新拟定
	CertifiedDecide       CertifiedEvent = "decide"        // bureau, another person: 决定
	CertifiedCloseCase    CertifiedEvent = "close_case"    // bureau, system: 情形消失，终结
)

var certifiedEventNames = map[CertifiedEvent]string{
	CertifiedBenefits: "开始享受扶持政策", CertifiedReportOpened: "布置年度信息报告", CertifiedReportMissed: "逾期未报信息报告", CertifiedEvaluate: "开始期满评估",
	CertifiedAnnounce: "预告有效期满", CertifiedLapse: "有效期满失效", CertifiedExtend: "延长有效期", CertifiedCancel: "取消认定", CertifiedRevoke: "撤销认定",
	CertifiedRestore: "恢复认定", CertifiedEnd: "该户不再登记在册，认定终止", CertifiedSucceed: "由新的认定接替", CertifiedCityLeft: "市级抽查不予认定",
	CertifiedFileReport: "报送信息报告", CertifiedReturnReport: "信息报告退回补正", CertifiedConfirmReport: "信息报告审核确认", CertifiedFailReport: "信息报告审核不符合",
	CertifiedReportOperator: "报告变更经营者", CertifiedNoticeOperator: "登记数据显示变更经营者",
	CertifiedOpenCase: "立项处理", CertifiedGroundsAdded: "新增情形", CertifiedHear: "告知并听取陈述申辩", CertifiedState: "陈述申辩", CertifiedHearingOver: "逾期未陈述申辩",
	CertifiedAskOpinion: "征求推荐部门意见", CertifiedGiveOpinion: "推荐部门提出意见", CertifiedPropose: "拟定处理意见", CertifiedReturn: "退回重新拟定",
	CertifiedDecide: "作出决定", CertifiedCloseCase: "情形消失，终结处理",
}

// Name is the event in words.
func (e CertifiedEvent) Name() string { return certifiedEventNames[e] }

// certifiedMoves are the events that change what a certification is worth: from which states, and to which.
var certifiedMoves = map[CertifiedEvent]struct {
	from []CertificationState
	to   CertificationState
}{
	CertifiedLapse:    {[]CertificationState{CertificationValid}, CertificationLapsed},
	CertifiedSucceed:  {[]CertificationState{CertificationValid}, CertificationLapsed},
	CertifiedExtend:   {[]CertificationState{CertificationValid, CertificationLapsed}, CertificationValid}, // lapsed: an objection to the evaluation was upheld
	CertifiedCancel:   {[]CertificationState{CertificationValid}, CertificationCancelled},
	CertifiedEnd:      {[]CertificationState{CertificationValid}, CertificationCancelled},
	CertifiedRevoke:   {[]CertificationState{CertificationValid, CertificationCancelled, CertificationLapsed}, CertificationRevoked}, // what was obtained by fraud is revoked also when it is over
	CertifiedRestore:  {[]CertificationState{CertificationCancelled, CertificationRevoked}, CertificationValid},
	CertifiedCityLeft: {[]CertificationState{CertificationValid}, CertificationRefused},
}

// Moves says whether the event changes what a certification is worth.
func (e CertifiedEvent) Moves() bool { _, ok := certifiedMoves[e]; return ok }

// Next gives what a certification is worth after an event, or says (CodeConflict) why it cannot follow. An event of a report or a case
// leaves it as it is; most of them need a valid one.
func (s CertificationState) Next(e CertifiedEvent) (CertificationState, error) {
	if e.Name() == "" {
		return s, Invalid("event", "没有“%s”这个操作", string(e))
	}
	m, moves := certifiedMoves[e]
	switch {
	case moves && slices.Contains(m.from, s):
		return m.to, nil
	case !moves && (s == CertificationValid || !e.needsValid()):
		return s, nil
	}
	return s, Conflict("该认定现为“%s”，不能%s", s.Name(), e.Name())
}

// needsValid: a report and the calendar's events are of a valid certification only; a case may go on after its end (fraud).
func (e CertifiedEvent) needsValid() bool {
	switch e {
	case CertifiedBenefits, CertifiedReportOpened, CertifiedReportMissed, CertifiedEvaluate, CertifiedAnnounce, CertifiedFileReport, CertifiedReturnReport,
		CertifiedConfirmReport, CertifiedFailReport, CertifiedReportOperator, CertifiedNoticeOperator:
		return true
	}
	return false
}

// OfCase says whether the event is one of a case, named in the command.
func (e CertifiedEvent) OfCase() bool { _, ok := caseMoves[e]; return ok }

// OfReport says whether the event is one of a yearly report, named by its year in the command.
func (e CertifiedEvent) OfReport() bool {
	return e == CertifiedFileReport || e == CertifiedReturnReport || e == CertifiedConfirmReport || e == CertifiedFailReport
}

// CertifiedCommand is what somebody does about a certified household. It carries no text: what people typed is a reason's id.
type CertifiedCommand struct {
	CommandID       string // the client's idempotency key: the same command again changes nothing
	CertificationID int64
	Event           CertifiedEvent
	Actor           Actor
	ReasonID        int64
	Clause          string
	CaseID          int64
	Kind            CaseKind         // open_case
	Outcome         CaseOutcome      // propose, decide
	Opinion         Opinion          // give_opinion
	Department      string           // ask_opinion, give_opinion
	Year            int              // of the report
	ChangeID        int64            // report_operator: the row with the operator's name
	Answers         []StandardAnswer // confirm_report, fail_report: the reviewer's, where no data decide
	Request         string           // what was asked for, as a hash (Asked)
}

// Asked notes what is asked for, with the words that came with it (ApplicationCommand.Asked).
func (c CertifiedCommand) Asked(words ...string) CertifiedCommand {
	parts := []any{c.Event, c.Clause, c.CaseID, c.Kind, c.Outcome, c.Opinion, c.Department, c.Year}
	for _, a := range c.Answers {
		parts = append(parts, a.ID, a.Met)
	}
	c.Request = requestDigest(parts, words)
	return c
}

// Validate refuses what cannot be a command, whatever the record holds.
func (c CertifiedCommand) Validate() error {
	reasoned := c.Event == CertifiedPropose || c.Event == CertifiedDecide || c.Event == CertifiedReturn || c.Event == CertifiedState ||
		c.Event == CertifiedReturnReport || c.Event == CertifiedFailReport || c.Event == CertifiedGiveOpinion
	switch {
	case c.CommandID == "" || len(c.CommandID) > 100 || c.Actor == "":
		return Invalid("command", "操作须有编号（最长100位）和操作人")
	case c.Event.Name() == "":
		return Invalid("event", "没有“%s”这个操作", string(c.Event))
	case c.Event.OfCase() && c.CaseID == 0:
		return Invalid("case", "请指明是哪一事项")
	case c.Event.OfReport() && c.Year == 0:
		return Invalid("year", "请指明是哪一年度的信息报告")
	case c.Event == CertifiedOpenCase && c.Kind.Name() == "":
		return Invalid("kind", "“%s”不是事项的种类", string(c.Kind))
	case (c.Event == CertifiedPropose || c.Event == CertifiedDecide) && c.Outcome.Name() == "":
		return Invalid("outcome", "请写明处理意见")
	case c.Event == CertifiedPropose && c.Clause == "":
		return Invalid("clause", "请写明依据的条款")
	case c.Event == CertifiedGiveOpinion && c.Opinion.Name() == "":
		return Invalid("opinion", "请写明是否同意延长")
	case reasoned && c.ReasonID == 0:
		return Invalid("reason", "请填写理由")
	}
	return nil
}

// CertifiedStep is one event on record.
type CertifiedStep struct {
	CertificationID int64
	Seq             int
	CommandID       string
	Event           CertifiedEvent
	FromState       CertificationState
	ToState         CertificationState
	CaseID          int64
	OnDate          calendar.Date
	ReasonID        int64
	Clause          string
	Detail          string // JSON
	Actor           Actor
	At              time.Time
}

// CertifiedTerms are the dates of a certified household's calendar (附三(五)), as the policy of the year states them.
type CertifiedTerms struct {
	ReportDue    string // month and day by which the yearly information report is due: 07-31
	EvaluationOn string // month and day on which the evaluation begins, in the last year of validity: 08-16
	AnnounceDays int    // days before the end on which the household is told of it
	Extension    int    // years of an extension
}

// Milestone is a date of a certified household's calendar.
type Milestone struct {
	Kind MilestoneKind
	On   calendar.Date
}

// MilestoneKind is what a date of the calendar is for.
type MilestoneKind string

// The milestones.
const (
	MilestoneBenefits MilestoneKind = "benefits" // 1 January after the certification: 开始享受扶持政策
	MilestoneYear     MilestoneKind = "year"     // 1 January: this year's report is owed
	MilestoneMissed   MilestoneKind = "missed"   // the day after the report's last day
	MilestoneEvaluate MilestoneKind = "evaluate" // the evaluation begins
	MilestoneAnnounce MilestoneKind = "announce" // the end is announced
	MilestoneEnd      MilestoneKind = "end"      // the day after the last of validity
	MilestoneHearing  MilestoneKind = "hearing"  // the day after a hearing's term: of a case, not of every household
)

// Name is the milestone in words.
func (k MilestoneKind) Name() string {
	return map[MilestoneKind]string{MilestoneBenefits: "开始享受扶持政策", MilestoneYear: "布置年度信息报告", MilestoneMissed: "信息报告期满", MilestoneEvaluate: "开始期满评估",
		MilestoneAnnounce: "预告有效期满", MilestoneEnd: "有效期满", MilestoneHearing: "陈述申辩期满"}[k]
}

// Milestones lists the dates of the calendar after one date and up to another (both civil dates in Shanghai), in order. Benefits begin on
// BenefitsFrom; each year of validity whose report date falls within it has its report; the evaluation begins in the last year of validity:
// on EvaluationOn if that leaves AnnounceDays before the end, else on the same day a year before, but not before the last year begins.
func (c Certification) Milestones(t CertifiedTerms, after, until calendar.Date) []Milestone {
	var list []Milestone
	add := func(kind MilestoneKind, on calendar.Date) {
		if on > after && on <= until {
			list = append(list, Milestone{kind, on})
		}
	}
	if c.BenefitsFrom <= c.ValidUntil {
		add(MilestoneBenefits, c.BenefitsFrom)
	}
	for year := max(after, c.BenefitsFrom).Year(); year <= min(until, c.ValidUntil).Year(); year++ {
		due := MonthDay(year, t.ReportDue)
		if due < c.BenefitsFrom || due > c.ValidUntil {
			continue
		}
		add(MilestoneYear, max(calendar.NewDate(year, time.January, 1), c.BenefitsFrom))
		add(MilestoneMissed, due.AddDays(1))
	}
	add(MilestoneEvaluate, c.EvaluationOn(t))
	add(MilestoneAnnounce, max(c.ValidUntil.AddDays(-t.AnnounceDays), c.CertifiedOn))
	add(MilestoneEnd, c.ValidUntil.AddDays(1))
	slices.SortStableFunc(list, func(a, b Milestone) int { return int(a.On - b.On) })
	return list
}

// EvaluationOn is the day on which the evaluation of the present term of validity begins.
func (c Certification) EvaluationOn(t CertifiedTerms) calendar.Date {
	last := c.ValidUntil.AddDays(1).AddYears(-1) // the first day of the last year
	on := MonthDay(c.ValidUntil.Year(), t.EvaluationOn)
	if on > c.ValidUntil.AddDays(-t.AnnounceDays) {
		on = MonthDay(c.ValidUntil.Year()-1, t.EvaluationOn)
	}
	return max(on, last)
}

// MonthDay is the date of a month and day such as 07-31 in a year; the zero date for what is none.
func MonthDay(year int, monthDay string) calendar.Date {
	d, err := time.Parse("01-02", monthDay)
	if err != nil {
		return 0
	}
	return calendar.NewDate(year, d.Month(), d.Day())
}

// Beneficiary says whether the household has the benefits of the certification on a date: from BenefitsFrom, while it is valid.
func (c Certification) Beneficiary(on calendar.Date) bool {
	return c.On(on) == CertificationValid && on >= c.BenefitsFrom && (c.EndedOn == 0 || on < c.EndedOn)
}

// Extended is the last day after an extension: years after the last day before (附三(五): 有效期延长3年), also where that is 29 February.
func (c Certification) Extended(years int) calendar.Date {
	return c.ValidUntil.AddDays(1).AddYears(years).AddDays(-1)
}
