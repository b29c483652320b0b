package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

var (
	applied = calendar.MustDate("2026-08-20")
	own     = models.OriginOwn
	invited = models.OriginRecommended
)

// day reads a date; empty is none.
func day(s string) calendar.Date {
	if s == "" {
		return 0
	}
	return calendar.MustDate(s)
}

// candidate is a growth household against which nothing speaks, with every source delivered.
func candidate(change func(c *models.Candidate)) *models.Candidate {
	c := &models.Candidate{CycleID: "110107-2026", District: "110107", Year: 2026, USCC: "92110107MA00000001", Name: "面馆", Status: "存续",
		Founded: day("2010-03-01"), Tier: models.Growth, RunID: 1}
	for s := range models.SourceCount {
		c.Delivered = c.Delivered.With(s)
		c.DeliveredOn[s] = day("2026-06-20")
	}
	if change != nil {
		change(c)
	}
	return c
}

func ids(bars []models.Bar) []string {
	var list []string
	for _, b := range bars {
		list = append(list, b.ID)
	}
	return list
}

// barredBy asks for the bars on the day of the application.
func barredBy(t *testing.T, p *Policy, origin models.Origin, change func(c *models.Candidate)) []string {
	t.Helper()
	return ids(p.Bars(candidate(change), origin, applied, applied))
}

func TestClauseBaseOwnApplicationsComeFromGrowthAndDevelopment(t *testing.T) { // 附三(三)1
	p := workPlan(t)
	for _, c := range []struct {
		tier   models.Tier
		origin models.Origin
		want   []string
	}{
		{models.Growth, own, nil},
		{models.Development, own, nil},
		{models.Survival, own, []string{BarTier}},
		{models.Ineligible, own, []string{BarTier}},
		{models.NoTier, own, []string{BarTier}},
		{models.Growth, invited, nil},
		{models.Development, invited, nil},
		{models.Survival, invited, nil},
		{models.Ineligible, invited, nil}, // 可以不受此限
		{models.NoTier, invited, nil},
	} {
		require.Equal(t, c.want, barredBy(t, p, c.origin, func(x *models.Candidate) { x.Tier = c.tier }), "%s %s", c.origin, c.tier)
	}
	bars := p.Bars(candidate(func(x *models.Candidate) { x.Tier = models.Survival }), own, applied, applied)
	require.Equal(t, "附三(三)1", bars[0].Clause)
	require.Equal(t, "本年度分型结果为“生存型”，自主申报应为“成长型”或“发展型”；其他个体工商户可以由有关部门推荐", bars[0].Why)
}

func TestClauseBaseThePolicyCanOpenTheSourceToCertainOperators(t *testing.T) { // 附三(三)1 可以适当放宽分类来源
	closed, opened := workPlan(t), replaced(t, "relaxed: []", "relaxed: [退役军人, 残疾人]")
	for _, c := range []struct {
		kind   string
		tier   models.Tier
		policy *Policy
		want   []string
	}{
		{"退役军人", models.Survival, opened, nil},
		{"残疾人", models.Survival, opened, nil},
		{"高校毕业生", models.Survival, opened, []string{BarTier}},
		{"", models.Survival, opened, []string{BarTier}},
		{"退役军人", models.Survival, closed, []string{BarTier}},
		{"退役军人", models.Ineligible, opened, []string{BarTier}}, // no tier at all
		{"退役军人", models.NoTier, opened, []string{BarTier}},
	} {
		require.Equal(t, c.want, barredBy(t, c.policy, own, func(x *models.Candidate) { x.OperatorKind, x.Tier = c.kind, c.tier }), "%s %s", c.kind, c.tier)
	}
}

func TestClauseRegisteredWhoIsNoLongerRegisteredCannotBeCertifiedHoweverItComes(t *testing.T) { // 附一(三)1
	p := workPlan(t)
	for _, status := range []string{"存续", "在业", "开业"} {
		require.Empty(t, barredBy(t, p, own, func(c *models.Candidate) { c.Status = status }), status)
	}
	for _, status := range []string{"注销", "吊销", "撤销"} {
		gone := func(c *models.Candidate) { c.Status = status }
		require.Equal(t, []string{BarRegistered}, barredBy(t, p, own, gone), status)
		require.Equal(t, []string{BarRegistered}, barredBy(t, p, invited, gone), status)
	}
	bars := p.Bars(candidate(func(c *models.Candidate) { c.Status = "注销" }), invited, applied, applied)
	require.Equal(t, models.Bar{ID: BarRegistered, Clause: "附一(三)1", Text: "应当为登记在册状态（即不含吊销、注销、撤销状态）",
		Why: "登记注册（2026年6月20日交付）：登记状态为“注销”"}, bars[0])
}

func TestClausePenaltyInTheTwoYearsBeforeTheApplication(t *testing.T) { // 附三(三)1(1)
	p := workPlan(t)
	for _, c := range []struct {
		name, on, repaired string
		want               bool
	}{
		{"the day before exactly two years ago", "2024-08-19", "", false},
		{"exactly two years ago: 以内包括本数", "2024-08-20", "", true},
		{"the day after", "2024-08-21", "", true},
		{"last month", "2026-07-20", "", true},
		{"on the day of the application", "2026-08-20", "", true},
		{"dated after today: not yet", "2026-08-21", "", false},
		{"repaired long ago", "2025-01-10", "2025-06-01", false},
		{"repaired the day before", "2025-01-10", "2026-08-19", false},
		{"repaired on the day itself", "2025-01-10", "2026-08-20", false},
		{"to be repaired tomorrow", "2025-01-10", "2026-08-21", true},
	} {
		got := barredBy(t, p, own, func(x *models.Candidate) {
			x.Penalties = []models.Penalty{{On: day(c.on), Kind: "罚款", Published: true, RepairedOn: day(c.repaired)}}
		})
		require.Equal(t, c.want, got != nil, c.name)
	}
	bars := p.Bars(candidate(func(x *models.Candidate) {
		x.Penalties = []models.Penalty{{On: day("2025-09-04"), Kind: "责令停产停业", Published: true}, {On: day("2025-10-01"), Kind: "罚款", Published: true},
			{On: day("2025-10-02"), Kind: "警告", Published: true}}
	}), invited, applied, applied)
	require.Equal(t, []models.Bar{{ID: BarPenalty, Clause: "附三(三)1(1)", Text: p.Criteria.Bars[1].Text,
		Why: "信用监管（2026年6月20日交付）：2025年9月4日责令停产停业（未修复）；2025年10月1日罚款（未修复）"}}, bars, "recommended ones too")
}

func TestClausePenaltyOnTheTwentyNinthOfFebruary(t *testing.T) { // 附三(三)1(1)
	p := workPlan(t)
	c := candidate(func(c *models.Candidate) {
		c.Penalties = []models.Penalty{{On: day("2026-02-28"), Kind: "罚款", Published: true}}
	})
	leap := day("2028-02-29")
	require.Equal(t, []string{BarPenalty}, ids(p.Bars(c, invited, leap, leap)), "28 February stands for the 29th where there is none")
	require.Empty(t, p.Bars(c, invited, leap.AddDays(1), leap.AddDays(1)))
}

func TestClausePenaltyOnlyAFineOrHeavierAndOnlyIfPublished(t *testing.T) { // 附三(三)1(1)
	p := workPlan(t)
	for _, c := range []struct {
		kind      string
		published bool
		want      models.Outcome
	}{
		{"罚款", true, models.OutcomeMet},
		{"没收", true, models.OutcomeMet},
		{"责令停产停业", true, models.OutcomeMet},
		{"吊销许可证", true, models.OutcomeMet},
		{"警告", true, models.OutcomeNotMet},
		{"通报批评", true, models.OutcomeNotMet},
		{"警告、通报批评", true, models.OutcomeNotMet},
		{"警告和通报批评", true, models.OutcomeNotMet},
		{"警告, 通报批评；警告", true, models.OutcomeNotMet},
		{"警告、罚款", true, models.OutcomeMet}, // fined beside being warned
		{"警告并处罚款500元", true, models.OutcomeMet},
		{"其他", true, models.OutcomeMet}, // unknown text counts
		{"", true, models.OutcomeNotKnown},
		{"罚款", false, models.OutcomeNotMet},
		{"", false, models.OutcomeNotMet},
	} {
		x := candidate(func(x *models.Candidate) {
			x.Penalties = []models.Penalty{{On: day("2026-01-10"), Kind: c.kind, Published: c.published}}
		})
		bars, unknown := p.Bars(x, own, applied, applied), p.BarsNotKnown(x, own, applied, applied)
		require.Equal(t, c.want == models.OutcomeMet, len(bars) == 1, "%q", c.kind)
		require.Equal(t, c.want == models.OutcomeNotKnown, len(unknown) == 1, "%q", c.kind)
	}
	strict := replaced(t, "lighter: [警告, 通报批评]", "lighter: []")
	require.Equal(t, []string{BarPenalty}, barredBy(t, strict, own, func(c *models.Candidate) {
		c.Penalties = []models.Penalty{{On: day("2026-01-10"), Kind: "警告", Published: true}}
	}), "an empty list is said, not left out")
}

func TestClausePenaltyPublishedIsYesUnlessStated(t *testing.T) { // contract, credit 公示
	for published, want := range map[models.Optional]bool{{}: true, models.Known(1): true, models.Known(0): false} {
		c := candidate(func(c *models.Candidate) {
			c.AddCredit("行政处罚", models.Listing{From: day("2026-01-10")}, "罚款", published)
		})
		require.Equal(t, want, len(workPlan(t).Bars(c, own, applied, applied)) == 1, "%+v", published)
	}
}

func TestClauseDefaulterIsBarredUntilTheDayOfTheRemoval(t *testing.T) { // 附三(三)1(2)
	p := workPlan(t)
	for _, c := range []struct {
		name, from, removed string
		want                bool
	}{
		{"listed, not removed", "2020-01-01", "", true},
		{"listed on the day", "2026-08-20", "", true},
		{"to be listed tomorrow", "2026-08-21", "", false},
		{"removed yesterday", "2026-01-01", "2026-08-19", false},
		{"ban ending today", "2026-01-01", "2026-08-20", false},
		{"ban ending tomorrow", "2026-01-01", "2026-08-21", true},
	} {
		for _, origin := range []models.Origin{own, invited} {
			got := barredBy(t, p, origin, func(x *models.Candidate) {
				x.AddCredit("失信被执行人", models.Listing{From: day(c.from), RemovedOn: day(c.removed)}, "", models.Optional{})
			})
			require.Equal(t, c.want, got != nil, c.name)
			if c.want {
				require.Equal(t, []string{BarDefaulter}, got, c.name)
			}
		}
	}
}

func TestClauseRevokedBarsForFiveYearsFromThatDay(t *testing.T) { // 附三(五)
	p := workPlan(t)
	for _, c := range []struct {
		revoked string
		want    bool
	}{
		{"2021-08-19", false},
		{"2021-08-20", true}, // the same day five years later is the last
		{"2021-08-21", true},
		{"2026-08-20", true},
	} {
		got := barredBy(t, p, invited, func(x *models.Candidate) { x.Revoked = []calendar.Date{day("2015-01-01"), day(c.revoked)} })
		require.Equal(t, c.want, got != nil, c.revoked)
	}
	bars := p.Bars(candidate(func(x *models.Candidate) { x.Revoked = []calendar.Date{day("2021-08-20")} }), own, applied, applied)
	require.Equal(t, "原认定于2021年8月20日被撤销，至2026年8月20日不得再次申报", bars[0].Why)
	require.Equal(t, "附三(五)", bars[0].Clause)
}

func TestClauseOneCategoryWhoWillStillBeCertifiedDoesNotApplyAgain(t *testing.T) { // 附三(四)
	p := workPlan(t)
	for until, want := range map[string]bool{"": false, "2026-12-31": false, "2027-01-01": true, "2028-11-29": true} {
		got := barredBy(t, p, own, func(c *models.Candidate) { c.Certified = day(until) })
		require.Equal(t, want, got != nil, until)
	}
}

func TestBarsAreCheckedAgainWithNewerDataBeforeTheCertification(t *testing.T) { // R10
	p, today := workPlan(t), day("2026-11-25")
	penalty := func(on, repaired string) func(*models.Candidate) {
		return func(c *models.Candidate) {
			c.Penalties = []models.Penalty{{On: day(on), Kind: "罚款", Published: true, RepairedOn: day(repaired)}}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*models.Candidate)
		want   []string
	}{
		{"nothing new", nil, nil},
		{"the two years stay those before the application", penalty("2024-08-20", ""), []string{BarPenalty}},
		{"and do not grow", penalty("2024-08-19", ""), nil},
		{"repaired since", penalty("2025-01-01", "2026-10-01"), nil},
		{"fined since", penalty("2026-10-01", ""), []string{BarPenalty}},
		{"became a defaulter", func(c *models.Candidate) { c.Defaulter = []models.Listing{{From: today}} }, []string{BarDefaulter}},
		{"no longer one", func(c *models.Candidate) {
			c.Defaulter = []models.Listing{{From: day("2026-09-01"), RemovedOn: today}}
		}, nil},
		{"revoked meanwhile", func(c *models.Candidate) { c.Revoked = []calendar.Date{day("2026-10-01")} }, []string{BarRevoked}},
		{"closed meanwhile", func(c *models.Candidate) { c.Status = "注销" }, []string{BarRegistered}},
		{"lost its tier", func(c *models.Candidate) { c.Tier = models.Survival }, []string{BarTier}},
		{"the five years are those of the application", func(c *models.Candidate) { c.Revoked = []calendar.Date{day("2021-08-20")} }, []string{BarRevoked}},
	} {
		require.Equal(t, c.want, ids(p.Bars(candidate(c.change), own, applied, today)), c.name)
	}
}

func TestAMissingSourceIsNotKnownAndNoBar(t *testing.T) { // contract: never "no" by accident
	p := workPlan(t)
	c := candidate(func(c *models.Candidate) { c.Delivered = models.Sources(0).With(models.SourceRegistry) })
	require.Empty(t, p.Bars(c, own, applied, applied), "submission is allowed")
	unknown := p.BarsNotKnown(c, own, applied, applied)
	require.Equal(t, []string{BarPenalty, BarDefaulter}, ids(unknown), "the review sees it")
	require.Equal(t, "信用监管数据尚未交付，不能判断", unknown[0].Why)
	require.Empty(t, p.BarsNotKnown(candidate(nil), own, applied, applied))
}

func TestABarThatNoDataSpeakOfIsLeftToTheReviewer(t *testing.T) { // 深圳: no major safety accident
	p := replaced(t, "      - id: revoked\n", "      - { id: accident, clause: 附三(三)1(3), text: 发生重大安全事故的 }\n      - id: revoked\n")
	require.Empty(t, p.Bars(candidate(nil), own, applied, applied))
	require.Equal(t, []string{"accident"}, ids(p.BarsNotKnown(candidate(nil), own, applied, applied)))
}
