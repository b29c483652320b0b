package models

import "bangfu/models/calendar"

// EvaluationYear is what departments delivered of one year (年度) of a household.
type EvaluationYear struct {
	Year    int
	Revenue Optional // 分
	Tax     Optional // 分
	Insured Optional
}

// EvaluationInput is everything that the evaluation in the last year of validity rests on (附三(五)).
type EvaluationInput struct {
	Certification Certification
	Today         calendar.Date
	Years         []EvaluationYear // one per year of which something was delivered, in order
	Sources       [SourceCount]string
	Honours       []Honour
	NoHonours     []int // years since the term began of which no honours were delivered
	TierThen      Tier  // at the certification, or at the evaluation before
	ThenYear      int
	TierNow       Tier // NoTier: no later tiering is published
	NowYear       int
	Origin        Origin
	Department    string // that recommended it, by name
	Asked         bool   // for its opinion
	Opinion       Opinion
}

// Evaluation is what the data say of whether a certification is extended (附三(五)): the numbers year by year, a finding per criterion, and what
// follows from them. The bureau decides.
type Evaluation struct {
	Number     string             `json:"number" doc:"认定编号"`
	Since      calendar.Date      `json:"since" doc:"评估期间的第一天"`
	ValidUntil calendar.Date      `json:"valid_until" doc:"有效期的最后一天，也是评估期间的最后一天"`
	OpensOn    calendar.Date      `json:"opens_on" doc:"评估开始日期"`
	On         calendar.Date      `json:"on" doc:"计算日期"`
	BaseYear   int                `json:"base_year" doc:"比较的基期：评估期间开始前的最后一个完整年度"`
	Growth     string             `json:"growth" doc:"明显增长的标准"`
	Series     []EvaluationSeries `json:"series" doc:"各年度数据"`
	Findings   []StandingFinding  `json:"findings" doc:"延长情形逐项结果"`
	Proposal   CaseOutcome        `json:"proposal,omitempty" doc:"按数据得出的建议：extend 延长，lapse 不予延长；空为数据不全，由区市场监管局判断"`
	Summary    string             `json:"summary" doc:"建议及其理由"`
	Missing    []string           `json:"missing" doc:"缺少的数据"`
}

// EvaluationSeries is one measure of growth over the years.
type EvaluationSeries struct {
	ID      string            `json:"id" enum:"revenue,tax,insured"`
	Name    string            `json:"name"`
	Unit    string            `json:"unit" doc:"元或人"`
	Source  string            `json:"source" doc:"数据来源与交付日期"`
	Years   []EvaluationValue `json:"years"`
	Outcome Outcome           `json:"outcome" enum:"met,not_met,not_known" doc:"是否有明显增长"`
	Change  string            `json:"change" doc:"比较结果"`
}

// EvaluationValue is one year of a series.
type EvaluationValue struct {
	Year  int    `json:"year"`
	Value string `json:"value,omitempty" doc:"空为没有数据"`
}
