package policy_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

const sample = "../../deploy/sample-district/"

// cells gives the values of a row by the name of their column.
type cells map[string]models.Value

func read(t *testing.T, source models.Source, name string, visit func(c cells)) {
	t.Helper()
	f, err := os.Open(sample + name)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	require.NoError(t, err)
	r, err := files.Open(f, info.Size(), name, source)
	require.NoError(t, err)
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if len(row.Problems) > 0 {
			continue
		}
		c := cells{}
		for i, column := range models.Specs[source].Columns {
			c[column.Name] = row.Values[i]
		}
		visit(c)
	}
}

func optional(v models.Value) models.Optional {
	if v.Null {
		return models.Optional{}
	}
	return models.Known(v.Number)
}

// sampleFacts assembles the sample district's households as a tiering run does.
func sampleFacts(t *testing.T, asOf calendar.Date) map[string]*models.Facts {
	all := models.Sources(0)
	for s := range models.SourceCount {
		all = all.With(s)
	}
	a := models.NewAssembly(2026, asOf, all)
	households := map[string]*models.Facts{}
	read(t, models.SourceRegistry, "registry.csv", func(c cells) {
		f := a.Start()
		a.Registry(&f, &models.RegistryRow{Founded: c["founded"].Date(), Registered: models.IsRegistered(c["status"].Text),
			Seasonal: optional(c["seasonal"]), SuspendedFrom: c["suspended_from"].Date(), SuspendedTo: c["suspended_to"].Date()})
		households[c["uscc"].Text] = &f
	})
	ofYear := func(source models.Source, name, year string, add func(*models.Facts, cells)) {
		last := map[string]cells{}
		read(t, source, name, func(c cells) {
			if year == "" || c[year].Number == 2025 {
				if source != models.SourceCredit && source != models.SourceIP {
					last[c["uscc"].Text] = c
				} else {
					last[c["uscc"].Text+c["kind"].Text+c["listed_on"].Date().String()+c["certificate"].Text] = c
				}
			}
		})
		for _, c := range last {
			if f := households[c["uscc"].Text]; f != nil {
				add(f, c)
			}
		}
	}
	ofYear(models.SourceAnnualReport, "annual_report.csv", "report_year", func(f *models.Facts, c cells) {
		a.AnnualReport(f, &models.AnnualReportRow{FiledOn: c["filed_on"].Date(), Revenue: optional(c["revenue"])})
	})
	ofYear(models.SourceCredit, "credit.csv", "", func(f *models.Facts, c cells) {
		a.Credit(f, &models.CreditRow{Kind: models.CreditKindOf(c["kind"].Text), ListedOn: c["listed_on"].Date(), RemovedOn: c["removed_on"].Date()})
	})
	ofYear(models.SourceTax, "tax.xlsx", "tax_year", func(f *models.Facts, c cells) {
		a.Tax(f, &models.TaxRow{Registered: optional(c["registered"]), Abnormal: optional(c["abnormal"]),
			General: models.IsGeneralTaxpayer(c["payer"].Text), Paid: optional(c["paid"])})
	})
	ofYear(models.SourceSocialSecurity, "social_security.csv", "insured_year", func(f *models.Facts, c cells) {
		a.SocialSecurity(f, c["insured"].Number)
	})
	ofYear(models.SourceIP, "ip.xlsx", "", func(f *models.Facts, c cells) {
		a.IP(f, &models.IPRow{Trademark: models.IsTrademark(c["kind"].Text), InUse: optional(c["in_use"]), ValidUntil: c["valid_until"].Date()})
	})
	return households
}

func TestTheSampleDistrictGetsTheTiersThatTheWorkPlanGivesIt(t *testing.T) {
	asOf := calendar.MustDate("2026-07-01")
	p, err := policy.Load(policy.Default("110107", 2026))
	require.NoError(t, err)
	judge, err := p.Judge(2026, asOf)
	require.NoError(t, err)
	households := sampleFacts(t, asOf)
	n := 0
	file, err := os.ReadFile(sample + "expected.csv")
	require.NoError(t, err)
	for _, line := range splitLines(file)[1:] {
		uscc, tier := line[0], line[1]
		f := households[uscc]
		require.NotNil(t, f, uscc)
		v := judge.Judge(f)
		require.Equal(t, tier, v.Tier.String(), "%s: %+v", uscc, judge.Explain(f, v))
		n++
	}
	require.Equal(t, 500, n)
	require.Len(t, households, 500)
}

func splitLines(b []byte) (rows [][]string) {
	for _, line := range strings.Split(strings.TrimPrefix(strings.TrimSpace(string(b)), "\ufeff"), "\n") {
		rows = append(rows, strings.Split(strings.TrimSpace(line), ","))
	}
	return rows
}
