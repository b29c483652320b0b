package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

var checked = calendar.MustDate("2027-09-01") // the day of a re-check

// standingHousehold is a certified household against which nothing speaks, on the data of 2027.
func standingHousehold(change func(c *models.Candidate)) *models.Candidate {
	return candidate(func(c *models.Candidate) {
		c.CycleID, c.Year = "110107-2027", 2027
		c.Facts.SetBool(models.FactRegistered, true)
		c.Facts.SetNumber(models.FactFounded, int64(c.Founded))
		c.Facts.SetBool(models.FactReportFiled, true)
		c.Facts.SetBool(models.FactTaxAbnormal, false)
		if change != nil {
			change(c)
		}
	})
}

// standing gives the outcomes that are not met or not known, by standard.
func standing(t *testing.T, p *Policy, origin models.Origin, today calendar.Date, reportsIn, tiersOut bool, change func(c *models.Candidate)) map[string]models.Outcome {
	t.Helper()
	list := p.Standing(standingHousehold(change), origin, today, reportsIn, tiersOut)
	require.Len(t, list, 9, "六项基础标准、分型和两种情形")
	open := map[string]models.Outcome{}
	for _, f := range list {
		require.NotEmpty(t, f.Clause, f.ID)
		require.NotEmpty(t, f.Text, f.ID)
		require.NotEmpty(t, f.Value, f.ID)
		if f.Outcome != models.OutcomeMet {
			open[f.ID] = f.Outcome
		}
	}
	return open
}

func TestABaseStandardThatIsNotMetAnyMoreIsFound(t *testing.T) { // 附一(三)1, 附三(三)1
	p, no := workPlan(t), models.OutcomeNotMet
	for name, c := range map[string]struct {
		origin models.Origin
		change func(c *models.Candidate)
		want   map[string]models.Outcome
	}{
		"nothing": {own, nil, map[string]models.Outcome{}},
		"注销":      {own, func(c *models.Candidate) { c.Facts.SetBool(models.FactRegistered, false) }, map[string]models.Outcome{"registered": no}},
		"年报未报送":   {own, func(c *models.Candidate) { c.Facts.SetBool(models.FactReportFiled, false) }, map[string]models.Outcome{"report": no}},
		"没有年报数据":  {own, func(c *models.Candidate) { c.Facts.Known &^= 1 << models.FactReportFiled }, map[string]models.Outcome{"report": models.OutcomeNotKnown}},
		"经营异常": {own, func(c *models.Candidate) { c.Abnormal = []models.Listing{{From: day("2027-03-01")}} },
			map[string]models.Outcome{"abnormal": no}},
		"经营异常已移出": {own, func(c *models.Candidate) {
			c.Abnormal = []models.Listing{{From: day("2027-03-01"), RemovedOn: checked}}
		}, map[string]models.Outcome{}},
		"经营异常次日移出": {own, func(c *models.Candidate) {
			c.Abnormal = []models.Listing{{From: day("2027-03-01"), RemovedOn: checked + 1}}
		}, map[string]models.Outcome{"abnormal": no}},
		"经营异常次日列入": {own, func(c *models.Candidate) { c.Abnormal = []models.Listing{{From: checked + 1}} }, map[string]models.Outcome{}},
		"严重违法失信":   {own, func(c *models.Candidate) { c.Dishonest = []models.Listing{{From: checked}} }, map[string]models.Outcome{"dishonest": no}},
		"税务非正常户":   {own, func(c *models.Candidate) { c.Facts.SetBool(models.FactTaxAbnormal, true) }, map[string]models.Outcome{"tax_abnormal": no}},
		"歇业最后一天": {own, func(c *models.Candidate) { c.Suspended = models.Term{From: day("2027-01-01"), Until: checked} },
			map[string]models.Outcome{"suspended": no}},
		"歇业届满": {own, func(c *models.Candidate) { c.Suspended = models.Term{From: day("2027-01-01"), Until: checked - 1} }, map[string]models.Outcome{}},
		"季节性经营歇业": {own, func(c *models.Candidate) {
			c.Suspended = models.Term{From: day("2027-01-01")}
			c.Facts.SetBool(models.FactSeasonal, true)
		}, map[string]models.Outcome{}},
		"自主申报的生存型": {own, func(c *models.Candidate) { c.Tier = models.Survival }, map[string]models.Outcome{"tier": no}},
		"没有分型结果":   {own, func(c *models.Candidate) { c.Tier = models.NoTier }, map[string]models.Outcome{"tier": models.OutcomeNotKnown}},
		"推荐的生存型":   {invited, func(c *models.Candidate) { c.Tier = models.Survival }, map[string]models.Outcome{}},
		"两年前当日的罚款": {own, func(c *models.Candidate) {
			c.Penalties = []models.Penalty{{On: checked.AddYears(-2), Kind: "罚款", Published: true}}
		}, map[string]models.Outcome{"penalty": no}},
		"两年零一天前的罚款": {own, func(c *models.Candidate) {
			c.Penalties = []models.Penalty{{On: checked.AddYears(-2) - 1, Kind: "罚款", Published: true}}
		}, map[string]models.Outcome{}},
		"当日修复的罚款": {own, func(c *models.Candidate) {
			c.Penalties = []models.Penalty{{On: day("2027-05-01"), Kind: "罚款", Published: true, RepairedOn: checked}}
		}, map[string]models.Outcome{}},
		"警告": {own, func(c *models.Candidate) {
			c.Penalties = []models.Penalty{{On: day("2027-05-01"), Kind: "警告", Published: true}}
		}, map[string]models.Outcome{}},
		"种类不明的处罚": {own, func(c *models.Candidate) { c.Penalties = []models.Penalty{{On: day("2027-05-01"), Published: true}} },
			map[string]models.Outcome{"penalty": models.OutcomeNotKnown}},
		"失信被执行人":   {invited, func(c *models.Candidate) { c.Defaulter = []models.Listing{{From: day("2027-05-01")}} }, map[string]models.Outcome{"dishonest_operator": no}},
		"曾被撤销不在此列": {own, func(c *models.Candidate) { c.Revoked = []calendar.Date{day("2027-05-01")} }, map[string]models.Outcome{}},
		"信用数据未交付": {own, func(c *models.Candidate) {
			c.Delivered &^= models.Sources(0).With(models.SourceCredit)
		}, map[string]models.Outcome{"abnormal": models.OutcomeNotKnown, "dishonest": models.OutcomeNotKnown,
			"penalty": models.OutcomeNotKnown, "dishonest_operator": models.OutcomeNotKnown}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, standing(t, p, c.origin, checked, true, true, c.change)) })
	}
}

func TestWhatIsNotDueYetIsNotHeldAgainstAHousehold(t *testing.T) {
	p := workPlan(t)
	late := func(c *models.Candidate) {
		c.Facts.SetBool(models.FactReportFiled, false)
		c.Tier = models.Survival
	}
	require.Equal(t, map[string]models.Outcome{"report": models.OutcomeNotKnown, "tier": models.OutcomeNotKnown}, standing(t, p, own, day("2027-06-30"), false, false, late))
	require.Equal(t, map[string]models.Outcome{"report": models.OutcomeNotMet, "tier": models.OutcomeNotKnown}, standing(t, p, own, day("2027-07-01"), true, false, late))
	require.Equal(t, map[string]models.Outcome{"report": models.OutcomeNotMet, "tier": models.OutcomeNotMet}, standing(t, p, own, day("2027-08-13"), true, true, late))
}

func TestAnOperatorOfARelaxedKindMayBeOfAnyTierButNotIneligible(t *testing.T) { // 附三(三)1
	p := replaced(t, "relaxed: []", "relaxed: [退役军人]")
	veteran := func(tier models.Tier) func(c *models.Candidate) {
		return func(c *models.Candidate) { c.OperatorKind, c.Tier = "退役军人", tier }
	}
	require.Empty(t, standing(t, p, own, checked, true, true, veteran(models.Survival)))
	require.Equal(t, map[string]models.Outcome{"tier": models.OutcomeNotMet}, standing(t, p, own, checked, true, true, veteran(models.Ineligible)))
}

func TestFactsAreThoseOfTheDayNotOfTheTieringDate(t *testing.T) {
	c := standingHousehold(func(c *models.Candidate) {
		c.Facts.SetBool(models.FactAbnormal, true) // on the tiering date
		c.Abnormal = []models.Listing{{From: day("2027-05-01"), RemovedOn: day("2027-08-01")}}
		c.Properties = []models.Property{{ValidUntil: checked}, {Trademark: true, InUse: models.Known(1), ValidUntil: checked - 1}}
	})
	f := c.FactsOn(checked)
	require.False(t, f.Bool(models.FactAbnormal))
	require.True(t, f.Has(models.FactAbnormal))
	require.True(t, f.Bool(models.FactPatent))
	require.False(t, f.Bool(models.FactTrademark))
	require.True(t, f.Bool(models.FactReportFiled), "what is of a year stays")
	require.True(t, c.Facts.Bool(models.FactAbnormal), "the candidate's own facts are left alone")
}

// abouts are what exactly a re-check finds.
func abouts(t *testing.T, p *Policy, change func(c *models.Candidate)) []string {
	t.Helper()
	c := standingHousehold(change)
	var list []string
	for _, h := range p.Hits(c, p.Standing(c, own, checked, true, true), checked) {
		require.Equal(t, models.OutcomeNotMet, h.Outcome)
		list = append(list, h.About+"="+h.Value)
	}
	return list
}

func TestEachListingAndEachPenaltyIsAHitOfItsOwn(t *testing.T) {
	p := workPlan(t)
	require.Empty(t, abouts(t, p, nil))
	require.Equal(t, []string{"abnormal/2027-03-01=经营异常：2027年3月1日列入，尚未移出", "abnormal/2027-04-01=经营异常：2027年4月1日列入，尚未移出"}, abouts(t, p, func(c *models.Candidate) {
		c.Abnormal = []models.Listing{{From: day("2026-03-01"), RemovedOn: day("2026-05-01")}, {From: day("2027-03-01")}, {From: day("2027-04-01")}}
	}))
	require.Equal(t, []string{"penalty/2027-05-01/罚款=2027年5月1日罚款（未修复）", "penalty/2027-05-01/没收=2027年5月1日没收（未修复）"}, abouts(t, p, func(c *models.Candidate) {
		c.Penalties = []models.Penalty{{On: day("2027-05-01"), Kind: "罚款", Published: true}, {On: day("2027-05-01"), Kind: "没收", Published: true},
			{On: day("2027-05-01"), Kind: "警告", Published: true}}
	}))
	require.Equal(t, []string{"tier/2027/survival=2027年度分型为“生存型”"}, abouts(t, p, func(c *models.Candidate) { c.Tier = models.Survival }))
	require.Equal(t, []string{"suspended/2027-01-01=2027年1月1日起歇业"}, abouts(t, p, func(c *models.Candidate) { c.Suspended.From = day("2027-01-01") }))
	require.Equal(t, []string{"dishonest_operator/2027-05-01=失信被执行人：2027年5月1日列入，尚未移出"}, abouts(t, p, func(c *models.Candidate) {
		c.Defaulter = []models.Listing{{From: day("2027-05-01")}}
	}))
	got := abouts(t, p, func(c *models.Candidate) {
		c.Facts.SetBool(models.FactReportFiled, false)
		c.Facts.SetBool(models.FactTaxAbnormal, true)
	})
	require.Len(t, got, 2)
	require.True(t, strings.HasPrefix(got[0], "report/2027="), got[0])
	require.True(t, strings.HasPrefix(got[1], "tax_abnormal/2027="), got[1])
	require.Empty(t, abouts(t, p, func(c *models.Candidate) { c.Facts.SetBool(models.FactRegistered, false) }), "who is not registered ends without a case")
}

func TestOnlyWhatThePolicyNamesOpensACase(t *testing.T) {
	p := replaced(t, "recheck: [report, abnormal, dishonest, tax_abnormal, suspended, tier, penalty, dishonest_operator]", "recheck: [penalty]")
	require.Empty(t, abouts(t, p, func(c *models.Candidate) { c.Abnormal = []models.Listing{{From: day("2027-03-01")}} }))
	require.Len(t, abouts(t, p, func(c *models.Candidate) {
		c.Penalties = []models.Penalty{{On: day("2027-05-01"), Kind: "罚款", Published: true}}
	}), 1)
}

func TestThePolicySaysWhatComesAfterTheCertification(t *testing.T) { // 附三(五)
	want := models.CertifiedTerms{ReportDue: "07-31", EvaluationOn: "08-16", AnnounceDays: 60, Extension: 3}
	require.Equal(t, want, workPlan(t).CertifiedTerms())
	_, old := storedBefore(t)
	require.Equal(t, want, old.CertifiedTerms(), "a file stored before says it too")
	require.Equal(t, workPlan(t).Certified.Recheck, old.Certified.Recheck)

	changed := replaced(t, "announce_days: 60", "announce_days: 90", "opens: 08-16", "opens: 06-01")
	require.Equal(t, models.CertifiedTerms{ReportDue: "07-31", EvaluationOn: "06-01", AnnounceDays: 90, Extension: 3}, changed.CertifiedTerms())
	require.Equal(t, []string{
		"改动 期满评估（附三(五)）：有效期最后一年的8月16日开始（待确认） → 有效期最后一年的6月1日开始（待确认）",
		"改动 期满预告（附三(五)）：有效期满前60天告知（待确认） → 有效期满前90天告知（待确认）",
	}, lines(Diff(workPlan(t), changed)))

	for from, to := range map[string]string{
		"report: { due: 07-31 }": "report: { due: 02-29 }", "opens: 08-16": "opens: 13-01", "announce_days: 60": "announce_days: 0",
		"tax_abnormal, suspended, tier": "tax_abnormal, nothing, tier",
		"clause: 附三(五)A\n    text: 销售额或者营业收入、缴税、吸纳就业等指标3年内有明显增长（任一指标的增长不低于）\n    value: 20%": "clause: 附三(五)A\n    text: 增长\n    value: 0%",
	} {
		_, err := Load([]byte(strings.Replace(string(Default("110107", 2026)), from, to, 1)))
		require.Error(t, err, to)
	}
}
