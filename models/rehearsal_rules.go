package models

import (
	"reflect"
	"strconv"
	"strings"
)

// Percent is a share from 0 to 100, written 40 or 40%.
type Percent int

// String writes 40%.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// Set reads 40 or 40%.
func (p *Percent) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	if err != nil {
		return Invalid("", "“%s”不是百分比，应为 40%% 这样的写法", s)
	}
	*p = Percent(n)
	return nil
}

// Type names the value to the command line.
func (*Percent) Type() string { return "百分比" }

// RehearsalRules say how people are played. The same rules on the same data give the same decisions: each is drawn from the seed, whom it is
// about, and the question.
type RehearsalRules struct {
	District string  `json:"district" doc:"行政区划代码"`
	Year     int     `json:"year" doc:"首个年度"`
	Years    int     `json:"years" doc:"首个年度之后再模拟几年"`
	PolicyID int64   `json:"policy_id,omitempty" doc:"首个年度用哪个政策版本，不填用施行中的"`
	Seed     string  `json:"seed" doc:"随机种子：同样的规则、数据和种子，决定相同"`
	Speed    float64 `json:"days_per_second" doc:"每秒模拟几天"`

	Applicants      Percent `json:"applicants" doc:"可自主申报的户中提出申报的比例"`
	Recommended     Percent `json:"recommended" doc:"其余户中被部门推荐的比例"`
	Consents        Percent `json:"consents" doc:"被推荐户中同意推荐的比例"`
	Supplements     Percent `json:"supplements" doc:"审核中要求补充材料的比例"`
	Refusals        Percent `json:"refusals" doc:"审核不通过的比例"`
	FailedVisits    Percent `json:"failed_visits" doc:"走访核实不符的比例"`
	ReviewDays      int     `json:"review_days" doc:"审核人员最长几天办理一件"`
	TierObjections  Percent `json:"tier_objections" doc:"对分型结果提出异议的户的比例"`
	Objections      Percent `json:"objections" doc:"公示名单中被提出异议的户的比例"`
	Upheld          Percent `json:"upheld" doc:"异议成立的比例"`
	SpotChecks      Percent `json:"spot_checks" doc:"市级抽查的比例"`
	CityRefusals    Percent `json:"city_refusals" doc:"被抽查户中市级不予认定的比例"`
	LateDeliveries  Percent `json:"late_deliveries" doc:"部门逾期交付数据的比例"`
	LateDays        int     `json:"late_days" doc:"逾期的最长天数"`
	LateReports     Percent `json:"late_reports" doc:"认定户逾期提交信息报告的比例"`
	MissedReports   Percent `json:"missed_reports" doc:"认定户不提交信息报告的比例"`
	Growth          int     `json:"growth" doc:"营业收入平均每年增长的百分数，可为负"`
	Closures        Percent `json:"closures" doc:"每年注销的比例"`
	Penalties       Percent `json:"penalties" doc:"每年受到罚款处罚的比例"`
	Abnormal        Percent `json:"abnormal" doc:"每年列入经营异常的比例"`
	Honours         Percent `json:"honours" doc:"每年获得区级表彰的比例"`
	OperatorChanges Percent `json:"operator_changes" doc:"每年变更经营者的比例"`
	Revocations     Percent `json:"revocations" doc:"每年认定户中被举报弄虚作假的比例"`
}

// DefaultRehearsalRules are those of an ordinary district.
func DefaultRehearsalRules() RehearsalRules {
	return RehearsalRules{Years: 3, Seed: "1", Speed: 4, Applicants: 40, Recommended: 2, Consents: 80, Supplements: 10, Refusals: 15, FailedVisits: 8, ReviewDays: 15,
		TierObjections: 2, Objections: 10, Upheld: 25, SpotChecks: 50, CityRefusals: 5, LateDeliveries: 15, LateDays: 10, LateReports: 15, MissedReports: 8,
		Growth: 6, Closures: 3, Penalties: 2, Abnormal: 2, Honours: 2, OperatorChanges: 4, Revocations: 2}
}

// Validate refuses rules by which nothing can be rehearsed; the error, in Chinese, names the rule.
func (r RehearsalRules) Validate() error {
	if len(r.District) != 6 || strings.Trim(r.District, "0123456789") != "" {
		return Invalid("district", "“%s”不是区划代码，应为6位数字", r.District)
	}
	if r.Year < 2024 || r.Year > 2090 {
		return Invalid("year", "应为 2024 至 2090")
	}
	if r.Years < 0 || r.Years > 9 {
		return Invalid("years", "应为 0 至 9 年")
	}
	if r.Seed == "" || len(r.Seed) > 64 {
		return Invalid("seed", "随机种子应为 1 至 64 个字符")
	}
	if r.Speed <= 0 || r.Speed > 20 {
		return Invalid("days_per_second", "应大于 0、不超过 20（每秒模拟的天数）")
	}
	for field, p := range r.shares() {
		if *p < 0 || *p > 100 {
			return Invalid(field, "应为 0%% 至 100%%")
		}
	}
	if r.ReviewDays < 1 || r.ReviewDays > 60 {
		return Invalid("review_days", "应为 1 至 60 天")
	}
	if r.LateDays < 1 || r.LateDays > 120 {
		return Invalid("late_days", "应为 1 至 120 天")
	}
	if r.Growth < -50 || r.Growth > 100 {
		return Invalid("growth", "应为 -50 至 100")
	}
	if r.LateReports+r.MissedReports > 100 {
		return Invalid("late_reports", "逾期提交与不提交的比例合计不能超过 100%%")
	}
	return nil
}

// shares are the rules that are shares, by their names.
func (r *RehearsalRules) shares() map[string]*Percent {
	return map[string]*Percent{
		"applicants":       &r.Applicants,
		"recommended":      &r.Recommended,
		"consents":         &r.Consents,
		"supplements":      &r.Supplements,
		"refusals":         &r.Refusals,
		"failed_visits":    &r.FailedVisits,
		"tier_objections":  &r.TierObjections,
		"objections":       &r.Objections,
		"upheld":           &r.Upheld,
		"spot_checks":      &r.SpotChecks,
		"city_refusals":    &r.CityRefusals,
		"late_deliveries":  &r.LateDeliveries,
		"late_reports":     &r.LateReports,
		"missed_reports":   &r.MissedReports,
		"closures":         &r.Closures,
		"penalties":        &r.Penalties,
		"abnormal":         &r.Abnormal,
		"honours":          &r.Honours,
		"operator_changes": &r.OperatorChanges,
		"revocations":      &r.Revocations,
	}
}

// RehearsalFlag is a rule as the command line names it.
type RehearsalFlag struct {
	Name, Usage string
	Value       *Percent
}

// Flags are the rules that are shares, in order, to be set by the command line: late_reports is --late-reports.
func (r *RehearsalRules) Flags() []RehearsalFlag {
	shares := r.shares()
	var list []RehearsalFlag
	for i := range reflect.TypeFor[RehearsalRules]().NumField() {
		f := reflect.TypeFor[RehearsalRules]().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if p, ok := shares[name]; ok {
			list = append(list, RehearsalFlag{Name: strings.ReplaceAll(name, "_", "-"), Usage: f.Tag.Get("doc"), Value: p})
		}
	}
	return list
}
