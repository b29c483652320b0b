// Package rehearsal runs a copy of a district through a cycle and the years after it, on the same engine and the same program, by a
// simulated clock and with people who are played by stated rules (B3). Nobody gets mail; what would have been sent is kept and counted.
package rehearsal

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"strings"

	"bangfu/models"
)

// Percent is a share from 0 to 100, written 40 or 40%.
type Percent int

// String writes 40%.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// Set reads 40 or 40%.
func (p *Percent) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	if err != nil {
		return models.Invalid("", "“%s”不是百分比，应为 40%% 这样的写法", s)
	}
	*p = Percent(n)
	return nil
}

// Type names the value to the command line.
func (*Percent) Type() string { return "百分比" }

// Rules say how people are played. The same rules on the same data give the same decisions: each is drawn from the seed, whom it is
// about, and the question.
type Rules struct {
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

// DefaultRules are those of an ordinary district.
func DefaultRules() Rules {
	return Rules{Years: 3, Seed: "1", Speed: 4, Applicants: 40, Recommended: 2, Consents: 80, Supplements: 10, Refusals: 15, FailedVisits: 8, ReviewDays: 15,
		TierObjections: 2, Objections: 10, Upheld: 25, SpotChecks: 50, CityRefusals: 5, LateDeliveries: 15, LateDays: 10, LateReports: 15, MissedReports: 8,
		Growth: 6, Closures: 3, Penalties: 2, Abnormal: 2, Honours: 2, OperatorChanges: 4, Revocations: 2}
}

// rule is one rule in words.
type rule struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Validate refuses rules by which nothing can be rehearsed; the error, in Chinese, names the rule.
func (r Rules) Validate() error {
	if len(r.District) != 6 || strings.Trim(r.District, "0123456789") != "" {
		return models.Invalid("district", "“%s”不是区划代码，应为6位数字", r.District)
	}
	if r.Year < 2024 || r.Year > 2090 {
		return models.Invalid("year", "应为 2024 至 2090")
	}
	if r.Years < 0 || r.Years > 9 {
		return models.Invalid("years", "应为 0 至 9 年")
	}
	if r.Seed == "" || len(r.Seed) > 64 {
		return models.Invalid("seed", "随机种子应为 1 至 64 个字符")
	}
	if r.Speed <= 0 || r.Speed > 20 {
		return models.Invalid("days_per_second", "应大于 0、不超过 20（每秒模拟的天数）")
	}
	for field, p := range r.shares() {
		if *p < 0 || *p > 100 {
			return models.Invalid(field, "应为 0%% 至 100%%")
		}
	}
	if r.ReviewDays < 1 || r.ReviewDays > 60 {
		return models.Invalid("review_days", "应为 1 至 60 天")
	}
	if r.LateDays < 1 || r.LateDays > 120 {
		return models.Invalid("late_days", "应为 1 至 120 天")
	}
	if r.Growth < -50 || r.Growth > 100 {
		return models.Invalid("growth", "应为 -50 至 100")
	}
	if r.LateReports+r.MissedReports > 100 {
		return models.Invalid("late_reports", "逾期提交与不提交的比例合计不能超过 100%%")
	}
	return nil
}

// die gives a number from 0 to n-1, the same whenever the same is asked of the same.
func (r Rules) die(n int, question string, about ...any) int {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\x00%s", r.Seed, question)
	for _, a := range about {
		_, _ = fmt.Fprintf(h, "\x00%v", a)
	}
	// FNV's last bytes hardly move the high bits: mix them
	z := h.Sum64()
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return int((z ^ z>>31) % uint64(n))
}

// chance says whether the share's lot falls on it.
func (r Rules) chance(share Percent, question string, about ...any) bool {
	return r.die(100, question, about...) < int(share)
}

// shares are the rules that are shares, by their names.
func (r *Rules) shares() map[string]*Percent {
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

// words are all rules as the report prints them, in the order in which they stand above.
func (r Rules) words() []rule {
	v := reflect.ValueOf(r)
	list := make([]rule, 0, v.NumField())
	for i := range v.NumField() {
		if f := v.Type().Field(i); !v.Field(i).IsZero() || f.Name != "PolicyID" {
			list = append(list, rule{f.Tag.Get("doc"), fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return list
}

// Flag is a rule as the command line names it.
type Flag struct {
	Name, Usage string
	Value       *Percent
}

// Flags are the rules that are shares, in order, to be set by the command line: late_reports is --late-reports.
func (r *Rules) Flags() []Flag {
	shares := r.shares()
	var list []Flag
	for i := range reflect.TypeFor[Rules]().NumField() {
		f := reflect.TypeFor[Rules]().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if p, ok := shares[name]; ok {
			list = append(list, Flag{Name: strings.ReplaceAll(name, "_", "-"), Usage: f.Tag.Get("doc"), Value: p})
		}
	}
	return list
}
