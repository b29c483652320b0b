package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
)

// everything delivered, judged on 1 July 2026
func assembly() models.Assembly {
	var all models.Sources
	for s := range models.SourceCount {
		all = all.With(s)
	}
	return models.NewAssembly(2026, calendar.MustDate("2026-07-01"), all)
}

// outcome of a yes/no fact: yes, no or not known
func outcome(f *models.Facts, fact models.Fact) string {
	switch {
	case !f.Has(fact):
		return "not known"
	case f.Bool(fact):
		return "yes"
	}
	return "no"
}

func day(s string) calendar.Date {
	if s == "" {
		return 0
	}
	return calendar.MustDate(s)
}

func TestTheYearBeforeTheCycleCounts(t *testing.T) {
	a := assembly()
	require.Equal(t, 2025, a.DataYear())
	require.Equal(t, 2026, a.Year())
}

func TestRegisteredMeansExistingOnTheRegister(t *testing.T) { // 附一(三)1
	for status, want := range map[string]bool{"存续": true, "在业": true, "开业": true, "吊销": false, "注销": false, "撤销": false, "": false} {
		require.Equal(t, want, models.IsRegistered(status), status)
	}
}

func TestAnAnnualReportCountsWhenItWasSubmitted(t *testing.T) { // 附一(三)1
	a := assembly()
	f := a.Start()
	require.Equal(t, "not known", outcome(&f, models.FactReportFiled), "no row")
	require.False(t, f.Has(models.FactRevenue))

	a.AnnualReport(&f, &models.AnnualReportRow{})
	require.Equal(t, "no", outcome(&f, models.FactReportFiled), "a row without 报送日期 was not submitted")
	require.False(t, f.Has(models.FactRevenue), "an empty amount is not zero")

	a.AnnualReport(&f, &models.AnnualReportRow{FiledOn: day("2026-07-09"), Revenue: models.Known(12_000_000)})
	require.Equal(t, "yes", outcome(&f, models.FactReportFiled), "also when submitted late")
	require.EqualValues(t, 12_000_000, f.Number(models.FactRevenue))
}

func TestAListingIsOpenUntilTheDayBeforeItsRemoval(t *testing.T) { // 附一(三)1(1)(2)
	for _, c := range []struct{ listed, removed, want string }{
		{"2026-07-01", "", "yes"},
		{"2026-07-02", "", "no"},
		{"2024-01-01", "2026-07-01", "no"},
		{"2024-01-01", "2026-07-02", "yes"},
		{"2024-01-01", "2024-01-02", "no"},
	} {
		for _, k := range []struct {
			kind models.CreditKind
			fact models.Fact
		}{{models.CreditAbnormal, models.FactAbnormal}, {models.CreditDishonest, models.FactDishonest}} {
			a := assembly()
			f := a.Start()
			a.Credit(&f, &models.CreditRow{Kind: k.kind, ListedOn: day(c.listed), RemovedOn: day(c.removed)})
			require.Equal(t, c.want, outcome(&f, k.fact), "%v", c)
		}
	}
}

func TestOneOpenListingIsEnoughInWhateverOrder(t *testing.T) {
	open := models.CreditRow{Kind: models.CreditAbnormal, ListedOn: day("2025-01-01")}
	closed := models.CreditRow{Kind: models.CreditAbnormal, ListedOn: day("2023-01-01"), RemovedOn: day("2023-06-01")}
	for _, rows := range [][]models.CreditRow{{open, closed}, {closed, open}} {
		a := assembly()
		f := a.Start()
		for _, r := range rows {
			a.Credit(&f, &r)
		}
		require.Equal(t, "yes", outcome(&f, models.FactAbnormal))
		require.Equal(t, "no", outcome(&f, models.FactDishonest))
	}
}

func TestPenaltiesAndJudgmentDebtorsDoNotTouchTheTier(t *testing.T) { // 附三(三)1, not 附一
	for _, kind := range []string{"行政处罚", "失信被执行人"} {
		a := assembly()
		f := a.Start()
		a.Credit(&f, &models.CreditRow{Kind: models.CreditKindOf(kind), ListedOn: day("2026-01-01")})
		require.Equal(t, a.Start(), f, kind)
	}
	require.Equal(t, models.CreditAbnormal, models.CreditKindOf("经营异常"))
	require.Equal(t, models.CreditDishonest, models.CreditKindOf("严重违法失信"))
}

func TestListsOfHitsSayNoOnlyOnceTheyAreDelivered(t *testing.T) {
	lists := []models.Fact{models.FactAbnormal, models.FactDishonest, models.FactTrademark, models.FactPatent}
	f := assembly().Start()
	for _, fact := range lists {
		require.Equal(t, "no", outcome(&f, fact))
	}
	f = models.NewAssembly(2026, day("2026-07-01"), models.Sources(0).With(models.SourceRegistry)).Start()
	for _, fact := range lists {
		require.Equal(t, "not known", outcome(&f, fact))
	}
}

func TestSuspensionCountsBothItsDaysAndLastsThreeYearsWithoutAnEnd(t *testing.T) { // 附一(三)1(4)
	for _, c := range []struct{ from, to, want string }{
		{"", "", "no"},
		{"2026-07-01", "2026-07-01", "yes"},
		{"2026-07-02", "2027-01-01", "no"},
		{"2025-07-01", "2026-06-30", "no"},
		{"2025-07-01", "2026-07-01", "yes"},
		{"2023-07-01", "", "yes"},
		{"2023-06-30", "", "no"},
		{"", "2026-06-30", "no"},
		{"", "2026-07-01", "not known"},
	} {
		a := assembly()
		f := a.Start()
		a.Registry(&f, &models.RegistryRow{Founded: day("2020-01-01"), Registered: true, SuspendedFrom: day(c.from), SuspendedTo: day(c.to)})
		require.Equal(t, c.want, outcome(&f, models.FactSuspended), "%v", c)
		require.Equal(t, "not known", outcome(&f, models.FactSeasonal), "an empty 季节性经营 is not a no")
	}
}

func TestTaxCellsThatAreEmptyAreNotKnown(t *testing.T) { // 附一(三)1(3), 2, 3
	a := assembly()
	f := a.Start()
	tax := []models.Fact{models.FactTaxRegistered, models.FactTaxAbnormal, models.FactGeneralTaxpayer, models.FactTaxPaid}
	for _, fact := range tax {
		require.False(t, f.Has(fact), "no row")
	}
	a.Tax(&f, &models.TaxRow{Registered: models.Known(1)})
	require.Equal(t, "yes", outcome(&f, models.FactTaxRegistered))
	for _, fact := range tax[1:] {
		require.False(t, f.Has(fact), "an empty cell")
	}
	a.Tax(&f, &models.TaxRow{Registered: models.Known(0), Abnormal: models.Known(1), General: models.IsGeneralTaxpayer("一般纳税人"), Paid: models.Known(0)})
	require.Equal(t, "no", outcome(&f, models.FactTaxRegistered))
	require.Equal(t, "yes", outcome(&f, models.FactTaxAbnormal))
	require.Equal(t, "yes", outcome(&f, models.FactGeneralTaxpayer))
	require.True(t, f.Has(models.FactTaxPaid))
	require.Equal(t, models.Known(0), models.IsGeneralTaxpayer("小规模纳税人"))
	require.Equal(t, models.Optional{}, models.IsGeneralTaxpayer(""))
}

func TestInsuredPersonsOfAMissingRowAreNotZero(t *testing.T) { // 附一(三)2(3)C
	a := assembly()
	f := a.Start()
	require.False(t, f.Has(models.FactInsured))
	a.SocialSecurity(&f, 0)
	require.True(t, f.Has(models.FactInsured))
	require.Zero(t, f.Number(models.FactInsured))
}

func TestRightsCountUpToTheirLastDay(t *testing.T) { // 附一(三)3(3)D E
	for _, c := range []struct {
		until, want string
	}{{"", "yes"}, {"2026-07-01", "yes"}, {"2026-06-30", "no"}} {
		a := assembly()
		f := a.Start()
		a.IP(&f, &models.IPRow{Trademark: true, InUse: models.Known(1), ValidUntil: day(c.until)})
		a.IP(&f, &models.IPRow{ValidUntil: day(c.until)})
		require.Equal(t, c.want, outcome(&f, models.FactTrademark), c.until)
		require.Equal(t, c.want, outcome(&f, models.FactPatent), c.until)
	}
}

func TestATrademarkMustBeInUse(t *testing.T) { // 附一(三)3(3)D
	used, unused, silent, expired := models.IPRow{Trademark: true, InUse: models.Known(1)}, models.IPRow{Trademark: true, InUse: models.Known(0)},
		models.IPRow{Trademark: true}, models.IPRow{Trademark: true, ValidUntil: day("2020-01-01")}
	for _, c := range []struct {
		rows []models.IPRow
		want string
	}{
		{[]models.IPRow{unused}, "no"},
		{[]models.IPRow{silent}, "not known"},
		{[]models.IPRow{expired}, "no"},
		{[]models.IPRow{silent, unused}, "not known"},
		{[]models.IPRow{unused, silent}, "not known"},
		{[]models.IPRow{silent, used}, "yes"},
		{[]models.IPRow{used, silent}, "yes"},
		{[]models.IPRow{used, unused}, "yes"},
	} {
		a := assembly()
		f := a.Start()
		for _, r := range c.rows {
			a.IP(&f, &r)
		}
		require.Equal(t, c.want, outcome(&f, models.FactTrademark), "%v", c.rows)
		require.Equal(t, "no", outcome(&f, models.FactPatent))
	}
}

func TestOnlySourcesOfFactsAreReadByTiering(t *testing.T) {
	require.Equal(t, []models.Source{models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit, models.SourceTax,
		models.SourceSocialSecurity, models.SourceIP}, models.FactSources())
}

func TestWhoMovedIsCountedByDirection(t *testing.T) {
	var m models.Movement
	m.Matrix[models.Survival][models.Growth] = 3
	m.Matrix[models.Ineligible][models.Survival] = 2
	m.Matrix[models.Growth][models.Ineligible] = 4
	m.Matrix[models.NoTier][models.Survival] = 7
	m.Matrix[models.Development][models.NoTier] = 1
	m.Matrix[models.Growth][models.Growth] = 100
	require.EqualValues(t, 5, m.Count(models.DirectionRose))
	require.EqualValues(t, 4, m.Count(models.DirectionFell))
	require.EqualValues(t, 7, m.Count(models.DirectionNew))
	require.EqualValues(t, 1, m.Count(models.DirectionLeft))
}

func TestTheDistributionAddsUp(t *testing.T) { // R4
	var s models.Spread
	s.Add("八角街道", "529", models.Survival, models.NoTier, models.Survival, 5)
	s.Add("八角街道", "621", models.Growth, models.Survival, models.Survival, 2)
	s.Add("", "", models.Growth, models.Growth, models.Growth, 1)
	d := s.Distribution()
	require.EqualValues(t, 8, d.Own.Total())
	require.EqualValues(t, 3, d.City.Total())
	require.EqualValues(t, 8, d.Effective.Total())
	require.EqualValues(t, 7, d.Effective[models.Survival])
	require.EqualValues(t, 2, d.OwnByCity.Differing())
	require.Equal(t, []string{"未填", "八角街道"}, []string{d.Streets[0].Name, d.Streets[1].Name})
	require.EqualValues(t, 7, d.Streets[1].Counts[models.Survival])
	require.Len(t, d.Trades, 3)
	require.Equal(t, "批发和零售业", d.Trades[1].Name)
}
