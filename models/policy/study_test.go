package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// household is one about whom everything is known and nothing stands in the way: 生存型, 10 万元, 200 元, nobody insured.
func household(change func(f *models.Facts)) *models.Facts {
	f := &models.Facts{}
	f.SetBool(models.FactRegistered, true)
	f.SetNumber(models.FactFounded, int64(calendar.MustDate("2018-03-01")))
	f.SetBool(models.FactReportFiled, true)
	for _, no := range []models.Fact{models.FactAbnormal, models.FactDishonest, models.FactTaxAbnormal, models.FactSuspended,
		models.FactSeasonal, models.FactGeneralTaxpayer, models.FactTrademark, models.FactPatent} {
		f.SetBool(no, false)
	}
	f.SetBool(models.FactTaxRegistered, true)
	f.SetNumber(models.FactRevenue, 10_0000_00)
	f.SetNumber(models.FactTaxPaid, 200_00)
	f.SetNumber(models.FactInsured, 0)
	if change != nil {
		change(f)
	}
	return f
}

func TestADifferenceNamesTheConditionInQuestionAndItsDepartment(t *testing.T) {
	law, err := policy.Load(policy.Default("110107", 2026))
	require.NoError(t, err)
	judge, err := law.Judge(2026, calendar.MustDate("2026-07-01"))
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		change func(f *models.Facts)
		own    models.Tier
		city   models.Tier
		source models.Source
		why    string
	}{
		{"one way up is nearer than the others", func(f *models.Facts) { f.SetNumber(models.FactRevenue, 19_5000_00) },
			models.Survival, models.Growth, models.SourceAnnualReport, "市级为成长型；本区判定为生存型：附一(三)2(2)A 未满足"},
		{"what no data says comes first", func(f *models.Facts) { f.Known &^= 1 << models.FactInsured },
			models.Survival, models.Growth, models.SourceSocialSecurity, "市级为成长型；本区判定为生存型：附一(三)2(2)C 无数据"},
		{"what every way needs comes first", func(f *models.Facts) { f.SetBool(models.FactTaxRegistered, false) },
			models.Survival, models.Growth, models.SourceTax, "市级为成长型；本区判定为生存型：附一(三)2(2)、(3) 未满足（已做税务登记）"},
		{"the only ground of the higher tier", func(f *models.Facts) { f.SetNumber(models.FactInsured, 2) },
			models.Growth, models.Survival, models.SourceSocialSecurity, "市级为生存型；本区判定为成长型：附一(三)2(2)C 已满足"},
		{"a trademark", func(f *models.Facts) { f.SetBool(models.FactTrademark, true) },
			models.Development, models.Survival, models.SourceIP, "市级为生存型；本区判定为发展型：附一(三)2(3)D 已满足"},
		{"what stands in the way", func(f *models.Facts) { f.SetBool(models.FactTaxAbnormal, true) },
			models.Ineligible, models.Survival, models.SourceTax, "市级为生存型；本区判定为不符合分型条件：附一(三)1(3) 未满足"},
		{"the report that was not filed", func(f *models.Facts) { f.SetBool(models.FactReportFiled, false) },
			models.Ineligible, models.Survival, models.SourceAnnualReport, "市级为生存型；本区判定为不符合分型条件：附一(三)1 未满足（已报送上一年度年度报告）"},
		{"new this year, without any tax row", func(f *models.Facts) {
			f.SetNumber(models.FactFounded, int64(calendar.MustDate("2026-03-08")))
			f.Known &^= 1<<models.FactTaxRegistered | 1<<models.FactTaxPaid | 1<<models.FactGeneralTaxpayer
		}, models.Survival, models.Growth, models.SourceRegistry, "市级为成长型；本区判定为生存型：附一(三)2(1) 已满足（当年新成立）"},
		{"deregistered", func(f *models.Facts) { f.SetBool(models.FactRegistered, false) },
			models.Ineligible, models.Survival, models.SourceRegistry, "市级为生存型；本区判定为不符合分型条件：附一(三)1 未满足（登记在册）"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := household(c.change)
			v := judge.Judge(f)
			require.Equal(t, c.own, v.Tier)
			cause := law.Cause(v, c.city, f)
			source, ok := law.Source(cause)
			require.True(t, ok)
			why := law.Why(v, c.city, cause, judge.Explain(f, v).Findings)
			require.Equal(t, c.source.Name(), source.Name(), why)
			require.Contains(t, why, c.why)
			require.LessOrEqual(t, len([]rune(why)), 500, "as long as the record takes")
			t.Log(why)
		})
	}
}

func TestEveryDifferenceThatCanBeHasACause(t *testing.T) {
	law, err := policy.Load(policy.Default("110107", 2026))
	require.NoError(t, err)
	judge, err := law.Judge(2026, calendar.MustDate("2026-07-01"))
	require.NoError(t, err)
	for known := range uint32(1 << models.FactCount) {
		if known%37 != 0 { // a sample of every kind of gap
			continue
		}
		f := household(nil)
		f.Known = known
		v := judge.Judge(f)
		for _, city := range models.Tiers {
			if city == v.Tier {
				continue
			}
			cause := law.Cause(v, city, f)
			require.NotEmpty(t, cause.Flips, "known %b, city %s", known, city)
			require.LessOrEqual(t, len([]rune(law.Why(v, city, cause, judge.Explain(f, v).Findings))), 500)
		}
	}
}
