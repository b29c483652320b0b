package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func publish(t *testing.T, s *store.Store, today string) models.Published {
	t.Helper()
	a := &activities.Publication{Store: s}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	r, err := env.ExecuteActivity(a.PublishTiers, activities.PublishInput{CycleID: sampletest.Cycle, Today: calendar.MustDate(today)})
	require.NoError(t, err)
	var p models.Published
	require.NoError(t, r.Get(&p))
	return p
}

func published(t *testing.T, s *store.Store) map[string]models.PublishedTier {
	t.Helper()
	page, err := s.PublishedPage(context.Background(), sampletest.District, sampletest.Year, "", 1000)
	require.NoError(t, err)
	tiers := map[string]models.PublishedTier{}
	for _, p := range page {
		tiers[p.USCC] = p
	}
	return tiers
}

// The tier that counts (R4): the joint study's decision, else the city's result, else our own.
func TestTheTierThatCountsIsPublishedAndOnlyWhatChangedIsPublishedAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		own := sampletest.Expected(t)
		sampletest.Deliver(t, s, models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
		sampletest.Judge(t, s)
		require.Equal(t, models.Published{Households: 500, Changed: 500}, publish(t, s, "2026-07-20"))
		for code, p := range published(t, s) {
			require.Equal(t, own[code], p.Tier, "without the city's result the district's own stands")
		}
		before := published(t, s)
		require.Equal(t, models.Published{Households: 500}, publish(t, s, "2026-07-21"), "publishing again changes nothing")
		require.Equal(t, before, published(t, s))

		sampletest.Deliver(t, s, models.SourceCityTiering)
		require.False(t, compare(t, s).Open == 0)
		list := differences(t, s, "")
		_, _, err := s.Decide(ctx, decision(t, s, "own", models.ChooseOwn, list[0].ID), studyToday)
		require.NoError(t, err)
		third := models.Development
		for third == list[1].OwnTier || third == list[1].CityTier {
			third--
		}
		_, _, err = s.Decide(ctx, decision(t, s, "third", third.Code(), list[1].ID), studyToday)
		require.NoError(t, err)
		require.Equal(t, models.Published{Households: 500, Changed: 20}, publish(t, s, "2026-07-26"))
		byCity := city(t)
		for code, p := range published(t, s) {
			want, on := byCity[code], "2026-07-20"
			if want != own[code] {
				on = "2026-07-26"
			}
			switch code {
			case list[0].USCC:
				want, on = own[code], "2026-07-20"
			case list[1].USCC:
				want = third
			}
			require.Equal(t, want, p.Tier, code)
			require.Equal(t, on, p.PublishedOn.String(), "what stays the same keeps its day")
		}
		entries, err := s.AuditPage(ctx, "cycle/"+sampletest.Cycle, 0, 1000)
		require.NoError(t, err)
		n := 0
		for _, e := range entries {
			if e.Action == "tiering.publish" {
				n++
			}
		}
		require.Equal(t, 2, n, "a publication that changes nothing leaves no entry")
	})
}
