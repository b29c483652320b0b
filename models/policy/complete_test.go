package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

// storedBefore is a policy as it was stored before the season was built: without ladders, limits, bars and points of it.
func storedBefore(t *testing.T) (string, *Policy) {
	t.Helper()
	b, err := os.ReadFile("testdata/before-season.yaml")
	require.NoError(t, err)
	p, err := Load(b)
	require.NoError(t, err)
	return string(b), p
}

func TestAPolicyStoredBeforeTheSeasonBehavesAsTheWorkPlan(t *testing.T) {
	file, old := storedBefore(t)
	require.NotContains(t, file, "selection:", "the file really is of before")
	require.Equal(t, hashOf([]byte(file)), old.Hash(), "the hash is that of the bytes as stored")
	require.Empty(t, Diff(old, workPlan(t)), "what it lacks is what the work plan says")
	for _, kind := range models.ObligationKinds {
		require.NotEmpty(t, old.Ladders[kind].Steps, kind)
	}
	require.Equal(t, 5, old.Workdays("consent.limit"))
	q, ok := old.Parameter("consent.limit")
	require.True(t, ok)
	require.True(t, q.Placeholder, "what nobody has decided is marked")
	gone := candidate(func(c *models.Candidate) { c.Status = "注销" })
	require.Equal(t, []string{BarRegistered}, ids(old.Bars(gone, invited, applied, applied)))
	got := old.CheckGround(models.Renowned, "C", candidate(nil), models.Application{}, applied)
	require.Equal(t, models.GroundCheck{Outcome: models.OutcomeNotMet, Value: "没有有效商标", Source: "知识产权（2026年6月20日交付）", Decisive: true}, got)
	in := models.ScoreInput{Application: models.Application{Category: models.Renowned, SubmittedOn: applied}, Candidate: candidate(nil),
		Grounds: []models.GroundRef{{Category: models.Renowned, Letter: "A"}}}
	require.Equal(t, workPlan(t).Score(in), old.Score(in))
	require.Equal(t, TieUSCC, old.Selection.Ties[len(old.Selection.Ties)-1])
}

func TestWhatAFileSaysGoesBeforeTheWorkPlan(t *testing.T) {
	file, _ := storedBefore(t)
	mended, err := Load([]byte(strings.NewReplacer(
		"    value: 20年\n", "    value: 30年\n", // quality.age
		"  delivery: { steps: [-14, -7, -3, -1, 0, 1, 3, 7], escalate: 1 }\n", "  delivery: { steps: [-1], escalate: 2 }\n  consent: { steps: [-2, 0], escalate: 3 }\n",
		"    value: 2年\n  quality.age", "    value: 1年\n  quality.age", // penalty.lookback
	).Replace(file)))
	require.NoError(t, err)
	require.Equal(t, models.Ladder{Steps: []int{-2, 0}, Escalate: 3}, mended.Ladders[models.ObligationConsent])
	require.Equal(t, models.Ladder{Steps: []int{-1}, Escalate: 2}, mended.Ladders[models.ObligationDelivery])
	c := candidate(func(c *models.Candidate) {
		c.Founded = day("2000-01-01")
		c.Penalties = []models.Penalty{{On: day("2025-08-19"), Kind: "罚款", Published: true}}
	})
	require.Equal(t, models.OutcomeNotMet, mended.CheckGround(models.Quality, "A", c, models.Application{}, applied).Outcome, "its own years")
	require.Empty(t, mended.Bars(c, own, applied, applied), "its own look-back of one year")

	other, err := Load([]byte(strings.Replace(file, "check: data, text: 拥有商标品牌且有一定知名度的", "check: data, text: 网店评分较高的", 1)))
	require.NoError(t, err)
	require.Equal(t, models.GroundCheck{Outcome: models.OutcomeNotKnown, Value: "凭材料审核"},
		other.CheckGround(models.Renowned, "C", c, models.Application{}, applied), "another ground under the same letter is not decided by trademarks")
}

func TestEveryLimitOfTheProgramIsInWorkingDays(t *testing.T) {
	p := workPlan(t)
	for _, key := range limitKeys {
		require.Positive(t, p.Workdays(key), key)
	}
	require.Equal(t, 15, p.Workdays("objection.settle"))
	require.Equal(t, 5, p.Workdays("notice.days"))
	require.Zero(t, p.Workdays("growth.revenue"))
	require.Zero(t, p.Workdays("no.such"))
	require.Equal(t, 3, replaced(t, "  notice.days:\n    name: 认定公示期\n    clause: 三(二)\n    text: 做好信息公示和异议处理工作\n    value: 5个工作日",
		"  notice.days:\n    name: 认定公示期\n    clause: 三(二)\n    text: 做好信息公示和异议处理工作\n    value: 3个工作日").Workdays("notice.days"))
}

func TestEveryObligationHasANameAndALadder(t *testing.T) {
	p := workPlan(t)
	for _, kind := range models.ObligationKinds {
		require.NotEmpty(t, obligationNames[kind], kind)
		require.NotEmpty(t, p.Ladders[kind].Steps, kind)
		require.Positive(t, p.Ladders[kind].Escalate, kind)
	}
}

func TestThePolicyShowsHowCandidatesAreJudged(t *testing.T) {
	said := map[string]string{}
	for _, s := range workPlan(t).Outline() {
		for _, i := range s.Items {
			said[i.Key] = i.Value
		}
	}
	require.Equal(t, "拥有商标品牌且有一定知名度的（部门数据核对后凭材料审核：有效商标）", said["criteria.renowned.C"])
	require.Equal(t, "在本地长期诚信经营超过20年的（部门数据核对：成立年限与信用记录，优质类长期经营年限）", said["criteria.quality.A"])
	require.Contains(t, said["criteria.bars.penalty"], "，行政处罚回溯期，轻于罚款的处罚：警告、通报批评")
	require.Equal(t, "10 分（待确认）", said["selection.grounds.renowned.A"])
	require.Equal(t, "5 分（待确认）", said["selection.grounds.renowned.E"])
	require.Equal(t, "成长型 5 分、发展型 10 分（待确认）", said["selection.tier"])
	require.Equal(t, "申报或推荐之日前获得的区级以上表彰奖励，逐项计分：区级 2 分、市级 4 分、国家级 6 分，最高 12 分，比选计分的表彰奖励回溯期（待确认）", said["selection.honours"])
	require.Equal(t, "符合的标准较多、分型较高、成立较早、申报或推荐较早、统一社会信用代码较小（待确认）", said["selection.ties"])
	require.Equal(t, "到期前 3 天、到期前 1 天、到期日；逾期第 1 天报区市场监管局", said["ladders.consent"])
	require.Equal(t, []string{"改动 知名A的分值（附三(三)2(1)A）：10 分（待确认） → 12 分（待确认）"},
		lines(Diff(workPlan(t), replaced(t, "有一定品牌影响力的, points: 10", "有一定品牌影响力的, points: 12"))))
}
