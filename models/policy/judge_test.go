package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bangfu/models"
	"bangfu/models/calendar"
)

var firstOfJuly = calendar.MustDate("2026-07-01")

func workPlan(t testing.TB) *Policy {
	t.Helper()
	p, err := Load(Default("110107", 2026))
	require.NoError(t, err)
	return p
}

func judgeOn(t testing.TB, asOf calendar.Date) *Judge {
	t.Helper()
	j, err := workPlan(t).Judge(2026, asOf)
	require.NoError(t, err)
	return j
}

// household is a household's data as a person would write it down: nil = not known.
type household struct {
	registered, reportFiled, abnormal, dishonest, taxAbnormal, suspended, seasonal *bool
	taxRegistered, general, trademark, patent                                      *bool
	founded                                                                        calendar.Date
	revenue, tax, insured                                                          *int64 // 分, 分, persons
}

func is(v bool) *bool       { return &v }
func number(v int64) *int64 { return &v }
func yuan(v int64) *int64   { return number(v * 100) }

func (h household) facts() *models.Facts {
	f := &models.Facts{}
	f.SetNumber(models.FactFounded, int64(h.founded))
	for fact, v := range map[models.Fact]*bool{
		models.FactRegistered: h.registered, models.FactReportFiled: h.reportFiled, models.FactAbnormal: h.abnormal,
		models.FactDishonest: h.dishonest, models.FactTaxAbnormal: h.taxAbnormal, models.FactSuspended: h.suspended,
		models.FactSeasonal: h.seasonal, models.FactTaxRegistered: h.taxRegistered, models.FactGeneralTaxpayer: h.general,
		models.FactTrademark: h.trademark, models.FactPatent: h.patent,
	} {
		if v != nil {
			f.SetBool(fact, *v)
		}
	}
	for fact, v := range map[models.Fact]*int64{models.FactRevenue: h.revenue, models.FactTaxPaid: h.tax, models.FactInsured: h.insured} {
		if v != nil {
			f.SetNumber(fact, *v)
		}
	}
	return f
}

// settled is a household of 2015 that meets the base standard and none of the particular ones.
func settled() household {
	return household{
		registered: is(true), reportFiled: is(true), abnormal: is(false), dishonest: is(false), taxAbnormal: is(false),
		suspended: is(false), seasonal: is(false), taxRegistered: is(true), general: is(false), trademark: is(false), patent: is(false),
		founded: calendar.MustDate("2015-03-01"), revenue: yuan(0), tax: yuan(0), insured: number(0),
	}
}

func TestEveryClauseOfTheStandardsAtItsBoundary(t *testing.T) {
	day := calendar.MustDate
	cases := []struct {
		name string
		tier models.Tier
		with func(h *household)
	}{
		{"附一(三)2(1) 符合基础标准而不满足成长型和发展型的为生存型", models.Survival, func(*household) {}},

		{"附一(三)1 不是登记在册状态的不符合", models.Ineligible, func(h *household) { h.registered = is(false) }},
		{"附一(三)1 上一年度未报送年度报告的不符合", models.Ineligible, func(h *household) { h.reportFiled = is(false) }},
		{"附一(三)1 没有年度报告数据不能视为已报送", models.Ineligible, func(h *household) { h.reportFiled = nil }},
		{"附一(三)1 当年新成立的不要求年度报告", models.Survival, func(h *household) { h.founded, h.reportFiled = day("2026-01-01"), nil }},
		{"附一(三)1 上年最后一天成立的要求年度报告", models.Ineligible, func(h *household) { h.founded, h.reportFiled = day("2025-12-31"), nil }},
		{"附一(三)1(1) 经营异常的不符合", models.Ineligible, func(h *household) { h.abnormal = is(true) }},
		{"附一(三)1(1) 没有信用数据不作不利判断", models.Survival, func(h *household) { h.abnormal, h.dishonest = nil, nil }},
		{"附一(三)1(2) 严重违法失信的不符合", models.Ineligible, func(h *household) { h.dishonest = is(true) }},
		{"附一(三)1(3) 非正常户的不符合", models.Ineligible, func(h *household) { h.taxAbnormal = is(true) }},
		{"附一(三)1(3) 没有税务数据不作不利判断", models.Survival, func(h *household) { h.taxAbnormal = nil }},
		{"附一(三)1(4) 歇业期内的不符合", models.Ineligible, func(h *household) { h.suspended = is(true) }},
		{"附一(三)1(4) 歇业而季节性经营空白的不符合", models.Ineligible, func(h *household) { h.suspended, h.seasonal = is(true), nil }},
		{"附一(三)1(4) 季节性经营的除外", models.Survival, func(h *household) { h.suspended, h.seasonal = is(true), is(true) }},
		{"附一(三)1 基础标准先于发展型", models.Ineligible, func(h *household) { h.patent, h.abnormal = is(true), is(true) }},

		{"附一(三)2(1) 当年新成立的无论条件如何都是生存型", models.Survival, func(h *household) { h.founded, h.revenue, h.patent = day("2026-06-30"), yuan(5_000_000), is(true) }},
		{"附一(三)2(1) 当年新成立的也须符合基础标准", models.Ineligible, func(h *household) { h.founded, h.dishonest = day("2026-06-30"), is(true) }},

		{"附一(三)2(2) 恰满2年的算", models.Growth, func(h *household) { h.founded, h.insured = day("2024-07-01"), number(1) }},
		{"附一(三)2(2) 差一天满2年的不算", models.Survival, func(h *household) { h.founded, h.insured = day("2024-07-02"), number(1) }},
		{"附一(三)2(2) 未做税务登记的不算", models.Survival, func(h *household) { h.taxRegistered, h.revenue = is(false), yuan(9_000_000) }},
		{"附一(三)2(2) 税务登记无数据的不算", models.Survival, func(h *household) { h.taxRegistered, h.insured = nil, number(4) }},

		{"附一(三)2(2)A 营业收入19.99万元不到成长型", models.Survival, func(h *household) { h.revenue = yuan(199_900) }},
		{"附一(三)2(2)A 差一分钱不到成长型", models.Survival, func(h *household) { h.revenue = number(20_000_000 - 1) }},
		{"附一(三)2(2)A 营业收入20万元为成长型", models.Growth, func(h *household) { h.revenue = yuan(200_000) }},
		{"附一(三)2(2)B 实缴税额999.99元不到成长型", models.Survival, func(h *household) { h.tax = number(99_999) }},
		{"附一(三)2(2)B 实缴税额1000元为成长型", models.Growth, func(h *household) { h.tax = yuan(1000) }},
		{"附一(三)2(2)C 参保0人不算", models.Survival, func(h *household) { h.insured = number(0) }},
		{"附一(三)2(2)C 参保1人为成长型", models.Growth, func(h *household) { h.insured = number(1) }},
		{"附一(三)2(2)C 参保3人为成长型", models.Growth, func(h *household) { h.insured = number(3) }},
		{"附一(三)2(2) 全部无数据为生存型", models.Survival, func(h *household) {
			h.revenue, h.tax, h.insured, h.trademark, h.patent, h.general = nil, nil, nil, nil, nil, nil
		}},

		{"附一(三)2(3)A 营业收入119.99万元为成长型", models.Growth, func(h *household) { h.revenue = yuan(1_199_900) }},
		{"附一(三)2(3)A 营业收入120万元为发展型", models.Development, func(h *household) { h.revenue = yuan(1_200_000) }},
		{"附一(三)2(3)B 小规模纳税人缴税再多也不是发展型", models.Growth, func(h *household) { h.tax = yuan(1_000_000) }},
		{"附一(三)2(3)B 纳税人类型无数据的不是发展型", models.Growth, func(h *household) { h.general, h.tax = nil, yuan(1_000_000) }},
		{"附一(三)2(3)B 一般纳税人缴税9999.99元为成长型", models.Growth, func(h *household) { h.general, h.tax = is(true), number(999_999) }},
		{"附一(三)2(3)B 一般纳税人缴税10000元为发展型", models.Development, func(h *household) { h.general, h.tax = is(true), yuan(10_000) }},
		{"附一(三)2(3)C 参保4人为发展型", models.Development, func(h *household) { h.insured = number(4) }},
		{"附一(三)2(3)D 拥有在用商标的为发展型", models.Development, func(h *household) { h.trademark = is(true) }},
		{"附一(三)2(3)D 商标是否使用无数据的不算", models.Survival, func(h *household) { h.trademark = nil }},
		{"附一(三)2(3)E 拥有专利的为发展型", models.Development, func(h *household) { h.patent = is(true) }},
		{"附一(三)2(3) 未满2年的不是发展型", models.Survival, func(h *household) { h.founded, h.patent = day("2024-07-02"), is(true) }},
		{"附一(三)2(3) 同时满足成长型和发展型的为发展型", models.Development, func(h *household) { h.revenue, h.insured = yuan(200_000), number(4) }},
	}
	j := judgeOn(t, firstOfJuly)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := settled()
			c.with(&h)
			v := j.Judge(h.facts())
			require.Equal(t, c.tier.String(), v.Tier.String())
			require.Zero(t, v.Met&v.NotKnown, "met and not known exclude each other")
		})
	}
}

func TestAHouseholdOf29FebruaryIsTwoYearsOldOn28February(t *testing.T) {
	for asOf, tier := range map[string]models.Tier{
		"2026-02-27": models.Survival, "2026-02-28": models.Growth, "2026-03-01": models.Growth,
	} {
		h := settled()
		h.founded, h.insured = calendar.MustDate("2024-02-29"), number(2)
		require.Equal(t, tier, judgeOn(t, calendar.MustDate(asOf)).Judge(h.facts()).Tier, asOf)
	}
}

func TestTheBoundOfAnAgeIsTheDateItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asOf := calendar.Date(rapid.Int32Range(10_000, 30_000).Draw(t, "asOf"))
		years := rapid.IntRange(0, 30).Draw(t, "years")
		founded := asOf.AddYears(-years).AddDays(rapid.IntRange(-3, 3).Draw(t, "days"))
		require.Equal(t, founded.AddYears(years) <= asOf, founded <= latestStart(asOf, years))
	})
}

func TestEveryConditionIsEvaluatedThoughTheTierIsDecidedEarly(t *testing.T) {
	h := settled()
	h.registered, h.patent, h.insured, h.revenue = is(false), is(true), number(2), nil
	j := judgeOn(t, firstOfJuly)
	v := j.Judge(h.facts())
	require.Equal(t, models.Ineligible, v.Tier)
	got := map[string]models.Outcome{}
	for i, c := range j.Conditions() {
		got[c.ID] = Outcome(v, i)
	}
	require.Equal(t, map[string]models.Outcome{
		"registered": "not_met", "report": "met", "abnormal": "met", "dishonest": "met", "tax_abnormal": "met", "suspended": "met",
		"new": "not_met", "age": "met", "tax_registered": "met",
		"development.A": "not_known", "development.B": "not_met", "development.C": "not_met", "development.D": "not_met", "development.E": "met",
		"growth.A": "not_known", "growth.B": "not_met", "growth.C": "met",
	}, got)
}

// drawn is any household, known or not in each part, with amounts around the limits.
func drawn(t *rapid.T) household {
	flag := func(name string) *bool {
		return rapid.SampledFrom([]*bool{nil, is(true), is(false)}).Draw(t, name)
	}
	amount := func(name string, limits ...int64) *int64 {
		v := rapid.SampledFrom(append(limits, -1, 0)).Draw(t, name)
		if v < 0 {
			return nil
		}
		return number(max(0, v+rapid.Int64Range(-1, 1).Draw(t, name+" beside")))
	}
	day := rapid.SampledFrom([]string{"2024-07-01", "2024-07-02", "2024-06-30", "2025-12-31", "2026-01-01", "2026-07-01", "2026-12-31", "2012-02-29", "2027-01-01"})
	return household{
		registered: flag("registered"), reportFiled: flag("report"), abnormal: flag("abnormal"), dishonest: flag("dishonest"),
		taxAbnormal: flag("tax abnormal"), suspended: flag("suspended"), seasonal: flag("seasonal"), taxRegistered: flag("tax registered"),
		general: flag("general"), trademark: flag("trademark"), patent: flag("patent"), founded: calendar.MustDate(day.Draw(t, "founded")),
		revenue: amount("revenue", 20_000_000, 120_000_000), tax: amount("tax", 100_000, 1_000_000), insured: amount("insured", 1, 3, 4),
	}
}

// byTheContract is the contract's "Tiering reads it like this", written down once more, without policy, masks or trees.
func byTheContract(h household) models.Tier {
	says := func(v *bool, what bool) bool { return v != nil && *v == what }
	least := func(v *int64, limit int64) bool { return v != nil && *v >= limit }
	newThisYear := h.founded.Year() == 2026
	if !says(h.registered, true) || !newThisYear && !says(h.reportFiled, true) {
		return models.Ineligible
	}
	if says(h.abnormal, true) || says(h.dishonest, true) || says(h.taxAbnormal, true) {
		return models.Ineligible
	}
	if says(h.suspended, true) && !says(h.seasonal, true) {
		return models.Ineligible
	}
	if newThisYear || h.founded.AddYears(2) > firstOfJuly || !says(h.taxRegistered, true) {
		return models.Survival
	}
	switch {
	case least(h.revenue, 120_000_000), says(h.general, true) && least(h.tax, 1_000_000), least(h.insured, 4), says(h.trademark, true), says(h.patent, true):
		return models.Development
	case least(h.revenue, 20_000_000), least(h.tax, 100_000), least(h.insured, 1):
		return models.Growth
	}
	return models.Survival
}

func TestTheJudgeAgreesWithTheContractOnEveryHousehold(t *testing.T) {
	j := judgeOn(t, firstOfJuly)
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		require.Equal(t, byTheContract(h).String(), j.Judge(h.facts()).Tier.String())
	})
}

func TestAFavourableFactNeverLowersTheTier(t *testing.T) {
	j := judgeOn(t, firstOfJuly)
	more := func(v *int64) *int64 {
		if v == nil {
			return number(0)
		}
		return number(*v + 1 + *v/2)
	}
	favours := map[string]func(h *household){
		"登记在册": func(h *household) { h.registered = is(true) }, "已报年报": func(h *household) { h.reportFiled = is(true) },
		"移出异常": func(h *household) { h.abnormal = is(false) }, "信用修复": func(h *household) { h.dishonest = is(false) },
		"解除非正常户": func(h *household) { h.taxAbnormal = is(false) }, "恢复营业": func(h *household) { h.suspended = is(false) },
		"季节性经营": func(h *household) { h.seasonal = is(true) }, "税务登记": func(h *household) { h.taxRegistered = is(true) },
		"一般纳税人": func(h *household) { h.general = is(true) }, "商标": func(h *household) { h.trademark = is(true) },
		"专利": func(h *household) { h.patent = is(true) }, "收入增加": func(h *household) { h.revenue = more(h.revenue) },
		"税额增加": func(h *household) { h.tax = more(h.tax) }, "参保增加": func(h *household) { h.insured = more(h.insured) },
	}
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		before := j.Judge(h.facts()).Tier
		for name, favour := range favours {
			better := h
			favour(&better)
			require.GreaterOrEqual(t, j.Judge(better.facts()).Tier, before, name)
		}
	})
}

func TestJudgingDoesNotAllocate(t *testing.T) {
	j := judgeOn(t, firstOfJuly)
	f := settled().facts()
	require.Zero(t, testing.AllocsPerRun(100, func() { j.Judge(f) }))
}

func BenchmarkJudge(b *testing.B) {
	j := judgeOn(b, firstOfJuly)
	kinds := make([]models.Facts, 64) // different households, so that no branch is always taken
	for i := range kinds {
		h := settled()
		h.revenue, h.insured = yuan(int64(i)*40_000), number(int64(i%6))
		if i%4 == 0 {
			h.reportFiled, h.taxRegistered, h.tax = nil, nil, nil
		}
		kinds[i] = *h.facts()
	}
	b.ReportAllocs()
	var sum models.Tier
	n := 0
	for b.Loop() {
		sum += j.Judge(&kinds[n&63]).Tier
		n++
	}
	_ = sum
}
