package models

import (
	"strconv"

	"bangfu/models/calendar"
)

// StudyReport is the 研判报告 of a cycle (R4, B6): how many households per tier, street and trade, who moved since last
// year, where city and district differ, and what data lacks.
type StudyReport struct {
	CycleID       string
	District      string
	DistrictName  string
	Year          int
	AsOf          calendar.Date
	Run           int // number within the cycle
	PolicyVersion int
	PolicyHash    string
	Distribution  Distribution
	Movement      Movement
	Study         StudyBoard
	Gaps          []DataGap
	NotKnown      []ConditionGap // by condition, in the policy's order; only those that lack something
}

// ConditionGap is for how many households no data decides a condition.
type ConditionGap struct {
	Clause     string `json:"clause" doc:"依据条款"`
	Name       string `json:"name" doc:"条件"`
	Source     string `json:"source" doc:"数据来源"`
	Households int64  `json:"households" doc:"无数据的户数"`
}

// DataGap is what one source lacks in a cycle.
type DataGap struct {
	Source     Source `json:"source" doc:"数据来源代码"`
	Name       string `json:"name" doc:"数据名称"`
	Department string `json:"department" doc:"提供部门"`
	Delivered  bool   `json:"delivered" doc:"本年度已有生效的交付"`
	Missing    int64  `json:"missing" doc:"登记数据中有而该数据中没有的户数"`
	Unmatched  int64  `json:"unmatched" doc:"该数据中有而登记数据中没有的代码数"`
	Rejected   int64  `json:"rejected" doc:"最近一次交付被拒绝的行数"`
	Note       string `json:"note" doc:"缺什么，怎样处理"`
}

// GapKind is which side lacks a household.
type GapKind string

// The kinds.
const (
	GapMissing   GapKind = "missing"   // the registry has it, the source does not
	GapUnmatched GapKind = "unmatched" // the source has it, the registry does not
)

// SourceYear gives the column of a source that names the year of its data, and that year for a cycle; ok is false for
// sources whose rows stand for themselves (a list of hits: no row means none).
func SourceYear(s Source, cycleYear int) (column string, year int, ok bool) {
	switch s {
	case SourceAnnualReport:
		return "report_year", cycleYear - 1, true
	case SourceTax:
		return "tax_year", cycleYear - 1, true
	case SourceSocialSecurity:
		return "insured_year", cycleYear - 1, true
	case SourceCityTiering:
		return "tier_year", cycleYear, true
	}
	return "", 0, false
}

// Explain writes the note of a gap in a cycle of a year.
func (g *DataGap) Explain(cycleYear int) {
	_, year, yearly := SourceYear(g.Source, cycleYear)
	switch {
	case !g.Delivered && g.Source == SourceCityTiering:
		g.Note = "市级结果尚未下发，以本区判定为准"
	case !g.Delivered:
		g.Note = "尚未交付"
	case g.Source == SourceRegistry:
		g.Note = "分型以登记数据中的户为准"
	case g.Source == SourceCityTiering && g.Missing+g.Unmatched > 0:
		g.Note = "市级结果中没有的户以本区判定为准；登记数据中没有的户不列入结果"
	case yearly && g.Missing > 0:
		g.Note = "没有" + strconv.Itoa(year) + "年度数据的户，相应条件按“无数据”处理"
	case !yearly:
		g.Note = "只列有记录的户，没有记录即为没有"
	}
}
