package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestTheReportAsksWhatNoDepartmentHoldsAndOnlyForGapsOtherwise(t *testing.T) { // 附三(五), 三(二)
	p := workPlan(t)
	require.Equal(t, "07-31", p.CertifiedTerms().ReportDue)
	require.Equal(t, models.Ladder{Steps: []int{-30, -14, -7, -1, 0}, Escalate: 1}, p.Ladders[models.ObligationReport])
	require.Equal(t, []int{10, 20, 10}, []int{p.Workdays("report.return"), p.Workdays("report.review"), p.Workdays("operator.limit")})
	gaps := map[string]string{}
	for _, q := range p.Report.Questions {
		require.NotEmpty(t, q.Clause, q.ID)
		if q.Gap {
			gaps[q.ID] = q.Fact.Info().Key
		}
	}
	require.Equal(t, map[string]string{"revenue": "revenue", "tax": "tax_paid", "insured": "insured"}, gaps, "what departments hold is asked only where they lack it")
	said := map[string]string{}
	for _, s := range p.Outline() {
		for _, i := range s.Items {
			said[i.Key] = i.Value
		}
	}
	require.Equal(t, "{上一年度}的销售额或者营业收入（金额（元），部门没有提供营业收入时才问，必答）（待确认）", said["report.questions.revenue"])
	require.Contains(t, said["criteria.quality.C"], "变更经营者后须重新核实")
	require.Equal(t, []string{"改动 信息报告第7问（附四）：希望得到哪些帮扶（没有可以不填）（文字，最长1000字）（待确认） → 希望得到哪些帮扶（没有可以不填）（文字，最长500字）（待确认）"},
		lines(Diff(p, replaced(t, "希望得到哪些帮扶（没有可以不填）, answer: text, most: 1000", "希望得到哪些帮扶（没有可以不填）, answer: text, most: 500"))))
}

func TestWhatRestsOnTheOperatorsPersonIsMarked(t *testing.T) { // 附三(五): 变更经营者
	marked := map[string]bool{}
	for _, k := range workPlan(t).Criteria.Categories {
		for _, g := range k.Grounds {
			if g.Operator {
				marked[k.Name+g.Letter] = true
			}
		}
	}
	require.Equal(t, map[string]bool{"优质B": true, "优质C": true, "优质D": true, "特色C": true}, marked)
	_, old := storedBefore(t)
	ground, ok := old.Ground(models.Quality, "C")
	require.True(t, ok)
	require.True(t, ground.Operator, "of the same words, also in a file stored before")
}

func TestTheReportsMistakesAreNamed(t *testing.T) {
	file := string(Default("110107", 2026))
	const line = "    - { id: trading, ask: 现在是否仍按认定的分类经营（产品、服务、技艺或者模式）, answer: yes_no, required: true }\n"
	require.Contains(t, file, line)
	for instead, message := range map[string]string{
		"    - { id: trading, ask: 问, answer: number }\n":                              "answer 应为",
		"    - { id: trading, ask: 问, answer: choice, options: [甲] }\n":                "至少两个 options",
		"    - { id: trading, ask: 问, answer: yes_no, options: [甲, 乙] }\n":             "其他形式不写 options",
		"    - { id: trading, ask: 问, answer: yes_no, most: 5 }\n":                     "只有 text 写 most",
		"    - { id: trading, ask: 问, answer: text, most: 5000 }\n":                    "1 到 2000",
		"    - { id: changes, ask: 问, answer: text }\n":                                "重复",
		"    - { id: Trading, ask: 问, answer: text }\n":                                "小写字母",
		"    - { id: trading, ask: 问, answer: money, unless: nothing }\n":              "没有“nothing”这项数据",
		"    - { id: trading, ask: " + strings.Repeat("问", 201) + ", answer: text }\n": "不应超过 200 字",
		"    - { id: trading, answer: text }\n":                                        "缺少“ask”",
	} {
		problems := problemsOf(t, strings.Replace(file, line, instead, 1))
		require.Contains(t, problems.Error(), message, instead)
	}
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, "    - { id: x%d, ask: 问, answer: text }\n", i)
	}
	require.Contains(t, problemsOf(t, strings.Replace(file, line, many.String(), 1)).Error(), "最多30个问题")
}
