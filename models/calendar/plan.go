package calendar

import (
	"fmt"
	"sort"
)

// PlanKey names a date of a cycle's plan.
type PlanKey string

// The dates of a plan, in the order in which they must stand (requirements "The year").
const (
	PlanStart             PlanKey = "start"              // 年度工作开始
	PlanDataDue           PlanKey = "data_due"           // 各部门交数截止
	PlanTiering           PlanKey = "tiering"            // 分型判定日 (asOf)
	PlanCityDue           PlanKey = "city_due"           // 市级分型结果下发
	PlanStudyDue          PlanKey = "study_due"          // 联合研判完成
	PlanObjectionsUntil   PlanKey = "objections_until"   // 分型结果异议处理完成
	PlanHandoverDue       PlanKey = "handover_due"       // 汇总至全国名录
	PlanSeasonStart       PlanKey = "season_start"       // 申报推荐开始
	PlanApplicationsUntil PlanKey = "applications_until" // 申报推荐截止
	PlanStandardsDue      PlanKey = "standards_due"      // 标准与措施公示
	PlanReviewDue         PlanKey = "review_due"         // 审核走访完成
	PlanSelectionDue      PlanKey = "selection_due"      // 比选完成
	PlanNoticeUntil       PlanKey = "notice_until"       // 公示与异议处理完成
	PlanCertificationDue  PlanKey = "certification_due"  // 认定完成
	PlanBenefitsStart     PlanKey = "benefits_start"     // 开始享受扶持政策
)

// PlanItem describes one date of the plan.
type PlanItem struct {
	Key     PlanKey
	Name    string
	Clause  string
	Default string // month and day of the cycle's year, 07-01; "+01-01" is of the next year
}

// PlanItems lists every date of a plan in order, with the work plan's default.
var PlanItems = []PlanItem{
	{PlanStart, "年度工作开始", "三(一)", "06-01"},
	{PlanDataDue, "各部门交数截止", "二(一)2", "06-30"},
	{PlanTiering, "分型判定日", "附一(二)1", "07-01"},
	{PlanCityDue, "市级分型结果下发", "二(一)2", "07-15"},
	{PlanStudyDue, "联合研判完成", "二(一)2", "07-25"},
	{PlanObjectionsUntil, "分型结果异议处理完成", "附一(二)3", "08-12"},
	{PlanHandoverDue, "汇总至全国名录", "附一(二)1", "08-15"},
	{PlanSeasonStart, "申报推荐开始", "附三(二)1", "08-16"},
	{PlanApplicationsUntil, "申报推荐截止", "附三(二)1", "09-20"},
	{PlanStandardsDue, "标准与措施公示", "二(一)1", "09-30"},
	{PlanReviewDue, "审核走访完成", "附三(二)2", "10-25"},
	{PlanSelectionDue, "比选完成", "附三(三)2", "11-05"},
	{PlanNoticeUntil, "公示与异议处理完成", "三(二)", "11-20"},
	{PlanCertificationDue, "认定完成", "二(一)3", "11-30"},
	{PlanBenefitsStart, "开始享受扶持政策", "二(一)3", "+01-01"},
}

// Plan is a cycle's dates.
type Plan map[PlanKey]Date

// DefaultPlan is the work plan's calendar for a year.
func DefaultPlan(year int) Plan {
	p := Plan{}
	for _, i := range PlanItems {
		y, md := year, i.Default
		if md[0] == '+' {
			y, md = year+1, md[1:]
		}
		p[i.Key] = MustDate(fmt.Sprintf("%d-%s", y, md))
	}
	return p
}

// With gives a copy of the plan with changes laid over it; an unknown key is an error in Chinese.
func (p Plan) With(changes map[PlanKey]Date) (Plan, error) {
	q := Plan{}
	for _, i := range PlanItems {
		q[i.Key] = p[i.Key]
	}
	keys := make([]string, 0, len(changes))
	//workflowcheck:ignore the order is lost here and made below
	for k := range changes {
		keys = append(keys, string(k))
	}
	sort.Strings(keys)
	for _, k := range keys {
		if _, ok := q[PlanKey(k)]; !ok {
			return nil, fmt.Errorf("计划中没有“%s”这个日期", k)
		}
		if changes[PlanKey(k)] == 0 {
			return nil, fmt.Errorf("计划日期“%s”不能为空", k)
		}
		q[PlanKey(k)] = changes[PlanKey(k)]
	}
	return q, q.Validate()
}

// Validate refuses a plan with a missing date or an impossible order; the error, in Chinese, names both dates.
func (p Plan) Validate() error {
	for i, item := range PlanItems {
		if p[item.Key] == 0 {
			return fmt.Errorf("计划缺少“%s”（%s）", item.Name, item.Key)
		}
		if i == 0 {
			continue
		}
		before := PlanItems[i-1]
		if p[item.Key] < p[before.Key] {
			return fmt.Errorf("“%s”（%s）不能早于“%s”（%s）", item.Name, p[item.Key], before.Name, p[before.Key])
		}
	}
	return nil
}
