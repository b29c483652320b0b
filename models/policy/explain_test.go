package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
	"bangfu/models/calendar"
)

// explained gives the explanation of a household, and its findings by the id of their condition.
func explained(t *testing.T, h household) (models.Explanation, map[string]models.Finding) {
	t.Helper()
	j := judgeOn(t, firstOfJuly)
	e := j.Explain(h.facts(), j.Judge(h.facts()))
	findings := map[string]models.Finding{}
	for i, c := range j.Conditions() {
		findings[c.ID] = e.Findings[i]
	}
	return e, findings
}

func TestAFindingShowsItsClauseValueStandardAndSource(t *testing.T) {
	h := settled()
	h.revenue, h.insured, h.suspended = yuan(199_900), nil, is(true)
	h.seasonal = is(true)
	_, findings := explained(t, h)
	require.Equal(t, models.Finding{Clause: "附一(三)2(2)A", Text: "上一年度年报中填报的销售额或者营业收入达到一定数额的", Outcome: models.OutcomeNotMet,
		Value: "营业收入 19.99 万元，标准为 20 万元以上（待确认）", Source: "年度报告"}, findings["growth.A"])
	require.Equal(t, models.OutcomeNotKnown, findings["growth.C"].Outcome)
	require.Equal(t, "单位参保人数无数据，标准为 1 人以上、3 人以下", findings["growth.C"].Value)
	require.Equal(t, "歇业期内：是；季节性经营：是", findings["suspended"].Value)
	require.True(t, strings.HasPrefix(findings["suspended"].Text, "不属于："), "the outcome is of the household's not being in the situation")
	require.Equal(t, "成立日期 2015-03-01，满2年的日期是 2017-03-01，判定日 2026-07-01", findings["age"].Value)
	require.Equal(t, "税务", findings["tax_registered"].Source)
}

func TestWhoIsNotEligibleLearnsWhatToMendFirst(t *testing.T) {
	h := settled()
	h.reportFiled, h.abnormal, h.revenue = is(false), is(true), yuan(300_000)
	e, _ := explained(t, h)
	require.Equal(t, models.Ineligible, e.Tier)
	require.Equal(t, models.Growth, e.NextTier, "what the data would give once the base standard is met")
	require.Equal(t, []string{
		"补报2025年度年度报告（附一(三)1）",
		"向登记机关申请移出经营异常名录（恢复正常记载状态）（附一(三)1(1)）",
	}, e.Missing)
	require.Contains(t, e.Summary, "“已报送上一年度年度报告”不符合")
}

func TestWhoLacksDataLearnsWhereToAsk(t *testing.T) {
	h := settled()
	h.reportFiled, h.revenue = nil, nil
	e, _ := explained(t, h)
	require.Equal(t, []string{"补报2025年度年度报告；目前年度报告无数据，可向区市场监管局核实（附一(三)1）"}, e.Missing)
	require.Contains(t, e.Summary, "无数据")
}

func TestASurvivalHouseholdLearnsTheWaysToGrowthAndTheGapToEach(t *testing.T) {
	h := settled()
	h.founded, h.revenue, h.tax = calendar.MustDate("2024-11-03"), yuan(168_000), yuan(400)
	e, _ := explained(t, h)
	require.Equal(t, models.Survival, e.Tier)
	require.Equal(t, models.Growth, e.NextTier)
	require.Equal(t, []string{
		"须先满足——成立满2年的日期是 2026-11-03（附一(三)2(2)、(3)）",
		"满足其一即可——营业收入还差 3.20 万元，现为 16.80 万元，标准为 20 万元以上（待确认）（附一(三)2(2)A）",
		"或者——实缴税额还差 600.00 元，现为 400.00 元，标准为 1000 元以上（待确认）（附一(三)2(2)B）",
		"或者——单位参保人数还差 1 人，现为 0 人，标准为 1 人以上、3 人以下（附一(三)2(2)C）",
	}, e.Missing)

	h.insured = number(2)
	e, _ = explained(t, h)
	require.Equal(t, []string{"须先满足——成立满2年的日期是 2026-11-03（附一(三)2(2)、(3)）"}, e.Missing, "the ways are not needed once one is gone")
}

func TestWhoIsNewThisYearLearnsThatOnlyTimeHelps(t *testing.T) {
	h := settled()
	h.founded, h.revenue = calendar.MustDate("2026-02-01"), yuan(900_000)
	e, _ := explained(t, h)
	require.Equal(t, models.Survival, e.Tier)
	require.Equal(t, []string{
		"当年新成立的自动划定为生存型，以后年度再按具体标准判定（附一(三)2(1)）",
		"须先满足——成立满2年的日期是 2028-02-01（附一(三)2(2)、(3)）",
	}, e.Missing)
	require.Contains(t, e.Summary, "当年新成立")
}

func TestAGrowthHouseholdLearnsTheWaysToDevelopment(t *testing.T) {
	h := settled()
	h.tax, h.insured = yuan(1500), nil
	e, _ := explained(t, h)
	require.Equal(t, models.Growth, e.Tier)
	require.Equal(t, models.Development, e.NextTier)
	require.Len(t, e.Missing, 5)
	require.Equal(t, "或者——一般纳税人，且实缴税额还差 8500.00 元，现为 1500.00 元，标准为 10000 元以上（待确认）（附一(三)2(3)B）", e.Missing[1])
	require.Equal(t, "或者——单位参保人数达到 4 人以上；目前社会保障无数据，可向区人力资源社会保障局核实（附一(三)2(3)C）", e.Missing[2])
	require.Equal(t, "成长型：符合基础标准，且成立满2年、已做税务登记、实缴税额达到成长型标准（附一(三)2(2)）。", e.Summary)
}

func TestADevelopmentHouseholdLacksNothing(t *testing.T) {
	h := settled()
	h.patent = is(true)
	e, _ := explained(t, h)
	require.Equal(t, models.Development, e.Tier)
	require.Equal(t, models.NoTier, e.NextTier)
	require.NotNil(t, e.Missing, "an empty list in JSON, not null")
	require.Empty(t, e.Missing)
}

func TestEveryHouseholdIsExplainedWhole(t *testing.T) {
	j := judgeOn(t, firstOfJuly)
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		v := j.Judge(h.facts())
		e := j.Explain(h.facts(), v)
		require.Equal(t, v.Tier, e.Tier)
		require.Len(t, e.Findings, len(j.Conditions()))
		require.NotEmpty(t, e.Summary)
		require.Equal(t, v.Tier == models.Development, len(e.Missing) == 0, "everybody below the top learns what is missing")
		for _, f := range e.Findings {
			require.NotEmpty(t, f.Clause)
			require.NotEmpty(t, f.Text)
			require.NotEmpty(t, f.Value)
			require.NotEmpty(t, f.Source)
			if f.Outcome == models.OutcomeNotKnown {
				require.Contains(t, f.Value, "无数据")
			}
		}
		for _, m := range e.Missing {
			require.NotContains(t, m, "{")
		}
	})
}
