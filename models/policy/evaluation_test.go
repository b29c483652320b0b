package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

// evaluated is a household certified in November 2026 by its own application, in August 2029, of which nothing speaks for an extension and nothing
// is missing.
func evaluated(change func(in *models.EvaluationInput)) models.EvaluationInput {
	year := func(y int, n int64) models.EvaluationYear {
		return models.EvaluationYear{Year: y, Revenue: models.Known(n * 100), Tax: models.Known(n), Insured: models.Known(2)}
	}
	in := models.EvaluationInput{
		Certification: models.Certification{Number: "110107-2026-MTYX-0001", Year: 2026, Tier: models.Growth, CertifiedOn: day("2026-11-25"), ValidUntil: day("2029-11-24")},
		Today:         day("2029-08-16"), Years: []models.EvaluationYear{year(2025, 100_000), year(2026, 100_000), year(2027, 100_000), year(2028, 100_000)},
		TierThen: models.Growth, ThenYear: 2026, TierNow: models.Growth, NowYear: 2029, Origin: own, Department: "区商务局",
	}
	if change != nil {
		change(&in)
	}
	return in
}

// found gives the outcomes by letter, and the proposal.
func found(t *testing.T, p *Policy, change func(in *models.EvaluationInput)) (map[string]models.Outcome, models.CaseOutcome) {
	t.Helper()
	e := p.Evaluate(evaluated(change))
	m := map[string]models.Outcome{}
	for _, f := range e.Findings {
		m[f.ID[len("evaluation."):]] = f.Outcome
		require.NotEmpty(t, f.Value)
	}
	require.Len(t, m, 4)
	require.NotEmpty(t, e.Summary)
	return m, e.Proposal
}

const (
	yes     = models.OutcomeMet
	no      = models.OutcomeNotMet
	unknown = models.OutcomeNotKnown
)

func TestANoneMetNothingMissingIsProposedToLapse(t *testing.T) {
	m, proposal := found(t, workPlan(t), nil)
	require.Equal(t, map[string]models.Outcome{"A": no, "B": no, "C": no, "D": no}, m)
	require.Equal(t, models.OutcomeLapse, proposal)
}

func TestAClearGrowthOfAnyMeasureIsEnough(t *testing.T) { // 附三(五)A
	p := workPlan(t)
	for name, c := range map[string]struct {
		change   func(in *models.EvaluationInput)
		want     models.Outcome
		proposal models.CaseOutcome
	}{
		"exactly 20 %":                    {func(in *models.EvaluationInput) { in.Years[3].Tax = models.Known(120_000) }, yes, models.OutcomeExtend},
		"a cent less":                     {func(in *models.EvaluationInput) { in.Years[3].Tax = models.Known(119_999) }, no, models.OutcomeLapse},
		"revenue":                         {func(in *models.EvaluationInput) { in.Years[3].Revenue = models.Known(12_000_000) }, yes, models.OutcomeExtend},
		"one more of two":                 {func(in *models.EvaluationInput) { in.Years[3].Insured = models.Known(3) }, yes, models.OutcomeExtend},
		"grown meanwhile, and lost again": {func(in *models.EvaluationInput) { in.Years[2].Tax = models.Known(500_000) }, no, models.OutcomeLapse},
		"last year not known: the one before": {func(in *models.EvaluationInput) {
			in.Years[2].Tax, in.Years[3].Tax = models.Known(120_000), models.Optional{}
		}, yes, models.OutcomeExtend},
		"base year not known":               {func(in *models.EvaluationInput) { in.Years[0].Tax = models.Optional{} }, unknown, ""},
		"nothing known after the base year": {func(in *models.EvaluationInput) { in.Years = in.Years[:1] }, unknown, ""},
		"from nothing":                      {func(in *models.EvaluationInput) { in.Years[0].Tax = models.Known(0) }, unknown, ""},
		"nothing before and after":          {func(in *models.EvaluationInput) { in.Years[0].Tax, in.Years[3].Tax = models.Known(0), models.Known(0) }, no, models.OutcomeLapse},
		"fallen":                            {func(in *models.EvaluationInput) { in.Years[3].Tax = models.Known(1) }, no, models.OutcomeLapse},
		"one not known, another grown": {func(in *models.EvaluationInput) {
			in.Years[0].Tax, in.Years[3].Insured = models.Optional{}, models.Known(3)
		}, yes, models.OutcomeExtend},
		"a year before the base does not help": {func(in *models.EvaluationInput) { in.Years[0].Year = 2024 }, unknown, ""},
		"the year that runs is not full": {func(in *models.EvaluationInput) {
			in.Years = append(in.Years, models.EvaluationYear{Year: 2029, Tax: models.Known(900_000)})
		}, no, models.OutcomeLapse},
	} {
		t.Run(name, func(t *testing.T) {
			m, proposal := found(t, p, c.change)
			require.Equal(t, c.want, m["A"])
			require.Equal(t, c.proposal, proposal)
		})
	}
	none := replaced(t, "任一指标的增长不低于）\n    value: 20%", "任一指标的增长不低于）\n    value: 0.01%")
	m, _ := found(t, none, nil)
	require.Equal(t, no, m["A"], "the same is no growth")
}

func TestTheNumbersAreShownYearByYear(t *testing.T) {
	in := evaluated(func(in *models.EvaluationInput) {
		in.Years[1].Tax = models.Optional{}
		in.Years[3].Tax = models.Known(119_999)
		in.Sources[models.SourceTax] = "税务（2026、2029年度交付）"
	})
	e := workPlan(t).Evaluate(in)
	require.Equal(t, 2025, e.BaseYear)
	require.Equal(t, "20%（待确认）", e.Growth)
	require.Equal(t, models.EvaluationSeries{ID: "tax", Name: "实缴税额", Unit: "元", Source: "税务（2026、2029年度交付）", Outcome: no,
		Years:  []models.EvaluationValue{{Year: 2025, Value: "1000.00"}, {Year: 2026}, {Year: 2027, Value: "1000.00"}, {Year: 2028, Value: "1199.99"}},
		Change: "2025年度1000.00元，2028年度1199.99元，增长19.99%"}, e.Series[1])
	require.Equal(t, "2025年度2人，2028年度2人，增长0.00%", e.Series[2].Change)
	require.Empty(t, e.Missing)
	require.Equal(t, "不符合任何延长情形，建议不予延长", e.Summary)
}

func TestAnHonourCountsFromTheFirstToTheLastDayOfTheTerm(t *testing.T) { // 附三(五)B
	p := workPlan(t)
	honour := func(on, level string) func(in *models.EvaluationInput) {
		return func(in *models.EvaluationInput) {
			in.Honours = []models.Honour{{Title: "诚信经营示范", On: day(on), Level: level}}
		}
	}
	for _, c := range []struct {
		on, level string
		want      models.Outcome
	}{
		{"2026-11-25", "区级", yes}, {"2026-11-24", "国家级", no}, {"2029-11-24", "市级", yes}, {"2029-11-25", "市级", no}, {"2028-02-29", "国家级", yes}, {"2028-02-29", "街道级", no},
	} {
		m, _ := found(t, p, honour(c.on, c.level))
		require.Equal(t, c.want, m["B"], "%s %s", c.on, c.level)
	}
	m, proposal := found(t, p, func(in *models.EvaluationInput) { in.NoHonours = []int{2028} })
	require.Equal(t, unknown, m["B"])
	require.Empty(t, proposal, "what is not known is not held against a household")
	m, _ = found(t, p, func(in *models.EvaluationInput) {
		in.NoHonours = []int{2028}
		honour("2027-05-01", "区级")(in)
	})
	require.Equal(t, yes, m["B"])
}

func TestAHigherTierExtends(t *testing.T) { // 附三(五)C
	p := workPlan(t)
	for _, c := range []struct {
		then, now models.Tier
		want      models.Outcome
	}{
		{models.Growth, models.Development, yes}, {models.Survival, models.Growth, yes}, {models.Survival, models.Development, yes},
		{models.Growth, models.Growth, no}, {models.Development, models.Growth, no}, {models.Growth, models.Ineligible, no},
		{models.Ineligible, models.Growth, no}, // 附三(五)C names the tiers from which one rises
		{models.Growth, models.NoTier, unknown}, {models.NoTier, models.Growth, unknown},
	} {
		m, _ := found(t, p, func(in *models.EvaluationInput) { in.TierThen, in.TierNow = c.then, c.now })
		require.Equal(t, c.want, m["C"], "%s → %s", c.then, c.now)
	}
}

func TestTheRecommendingDepartmentsAgreementExtends(t *testing.T) { // 附三(五)D
	p := workPlan(t)
	for name, c := range map[string]struct {
		origin   models.Origin
		asked    bool
		opinion  models.Opinion
		want     models.Outcome
		proposal models.CaseOutcome
	}{
		"own":        {own, false, "", no, models.OutcomeLapse},
		"not asked":  {invited, false, "", unknown, ""},
		"silent":     {invited, true, "", unknown, ""},
		"agrees":     {invited, true, models.OpinionAgrees, yes, models.OutcomeExtend},
		"disagrees":  {invited, true, models.OpinionDisagrees, no, models.OutcomeLapse},
		"own, asked": {own, true, models.OpinionAgrees, no, models.OutcomeLapse},
	} {
		t.Run(name, func(t *testing.T) {
			m, proposal := found(t, p, func(in *models.EvaluationInput) { in.Origin, in.Asked, in.Opinion = c.origin, c.asked, c.opinion })
			require.Equal(t, c.want, m["D"])
			require.Equal(t, c.proposal, proposal)
		})
	}
}

func TestTheTermThatIsEvaluatedIsThePresentOne(t *testing.T) {
	p := workPlan(t)
	certified := func(on string, extensions int) models.Certification {
		c := models.Certification{CertifiedOn: day(on), ValidUntil: models.ValidUntil(day(on), 3)}
		for range extensions {
			c.ValidUntil = c.Extended(3)
			c.Extensions++
		}
		return c
	}
	for _, c := range []struct {
		on         string
		extensions int
		since      string
	}{
		{"2026-11-25", 0, "2026-11-25"}, {"2026-11-25", 1, "2029-11-25"}, {"2026-11-25", 2, "2032-11-25"},
		{"2028-02-29", 0, "2028-02-29"}, {"2028-02-29", 1, "2031-02-28"}, {"2025-03-01", 0, "2025-03-01"}, {"2025-03-01", 1, "2028-03-01"},
	} {
		require.Equal(t, calendar.MustDate(c.since), p.EvaluatedSince(certified(c.on, c.extensions)), "%s +%d", c.on, c.extensions)
	}
	longer := replaced(t, "text: 认定有效期为3年\n    value: 3年", "text: 认定有效期为5年\n    value: 5年")
	require.Equal(t, day("2028-11-25"), longer.EvaluatedSince(models.Certification{CertifiedOn: day("2026-11-25"), ValidUntil: models.ValidUntil(day("2026-11-25"), 5)}), "3年内")
}
