package synth

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

func TestSyntheticDeliveriesAreGoodFilesOfTheSameHouseholds(t *testing.T) {
	const n = 3000
	codes := map[string]bool{}
	for i := range n {
		codes[USCC(i)] = true
	}
	require.Len(t, codes, n, "no code comes twice")
	for source := range models.SourceCount {
		var first, second bytes.Buffer
		require.NoError(t, Write(&first, source, n, 7))
		require.NoError(t, Write(&second, source, n, 7))
		require.Equal(t, first.Bytes(), second.Bytes(), "the same seed gives the same file")

		r, err := files.Open(bytes.NewReader(first.Bytes()), int64(first.Len()), source.String()+".csv", source)
		require.NoError(t, err)
		rows := 0
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.Empty(t, row.Problems)
			require.True(t, codes[row.Values[0].Text], "every source speaks of the same households")
			rows++
		}
		require.NoError(t, r.Close())
		require.Positive(t, rows, source.Name())
	}
}

func TestSyntheticHouseholdsAreSpreadOverTheTiersAsPublished(t *testing.T) {
	const n = 200_000
	var counts [5]int
	for i := range n {
		h := New(1, i)
		counts[h.Tier]++
	}
	for tier, share := range map[models.Tier]float64{models.Ineligible: .24, models.Survival: .7134, models.Growth: .044, models.Development: .0026} {
		require.InEpsilon(t, share*n, counts[tier], .1, tier.String())
	}
}

// The tier that a household is made for is the one that the embedded policy gives to what its sources say.
func TestSyntheticHouseholdsGetTheTierThatTheyAreMadeFor(t *testing.T) {
	const n, seed = 5000, 3
	asOf := calendar.NewDate(Year, 7, 1)
	law, err := policy.Load(policy.Default(District, Year))
	require.NoError(t, err)
	judge, err := law.Judge(Year, asOf)
	require.NoError(t, err)
	all := models.Sources(0)
	for s := range models.SourceCount {
		all = all.With(s)
	}
	assembly := models.NewAssembly(Year, asOf, all)
	facts := make(map[string]*models.Facts, n)
	date := func(s string) calendar.Date {
		if s == "" {
			return 0
		}
		return calendar.MustDate(s)
	}
	yes := func(s string) models.Optional {
		if s == "" {
			return models.Optional{}
		}
		if s == "是" {
			return models.Known(1)
		}
		return models.Known(0)
	}
	money := func(s string, times int64) models.Optional {
		fen, err := models.ParseYuan(s)
		require.NoError(t, err)
		return models.Known(fen * times)
	}
	for source := range models.SourceCount {
		first := true
		for c := range Rows(source, n, seed) {
			if first {
				first = false
				continue
			}
			f := facts[c[0]]
			switch source {
			case models.SourceRegistry:
				f := assembly.Start()
				assembly.Registry(&f, &models.RegistryRow{Founded: date(c[3]), Registered: models.IsRegistered(c[4]), Seasonal: yes(c[12]), SuspendedFrom: date(c[13]), SuspendedTo: date(c[14])})
				facts[c[0]] = &f
			case models.SourceAnnualReport:
				assembly.AnnualReport(f, &models.AnnualReportRow{FiledOn: date(c[2]), Revenue: money(c[3], 10_000)})
			case models.SourceCredit:
				assembly.Credit(f, &models.CreditRow{Kind: models.CreditKindOf(c[1]), ListedOn: date(c[2]), RemovedOn: date(c[3])})
			case models.SourceTax:
				assembly.Tax(f, &models.TaxRow{Registered: yes(c[2]), Abnormal: yes(c[3]), General: models.IsGeneralTaxpayer(c[4]), Paid: money(c[5], 1)})
			case models.SourceSocialSecurity:
				insured, err := strconv.ParseInt(c[2], 10, 64)
				require.NoError(t, err)
				assembly.SocialSecurity(f, insured)
			case models.SourceIP:
				assembly.IP(f, &models.IPRow{Trademark: models.IsTrademark(c[1]), InUse: yes(c[3]), ValidUntil: date(c[4])})
			}
		}
	}
	for i := range n {
		h := New(seed, i)
		require.Equal(t, h.Tier.String(), judge.Judge(facts[h.USCC]).Tier.String(), "%+v", h)
	}
}
