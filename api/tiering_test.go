package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const tieringPath = "/api/v1/cycles/" + sampletest.Cycle + "/tiering"

func TestACyclesTieringIsShownWithDifferencesMovementAndGaps(t *testing.T) { // R3, R4
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		server := newTestServer(s)
		problemOf(t, call(t, server, adminToken, http.MethodGet, tieringPath, nil), http.StatusNotFound, "not-found")

		sampletest.Deliver(t, s)
		run := sampletest.Judge(t, s)
		v := answer[TieringView](t, call(t, server, adminToken, http.MethodGet, tieringPath, nil), http.StatusOK)
		require.Equal(t, sampletest.Cycle, v.Cycle)
		require.Equal(t, sampletest.AsOf, v.AsOf.String())
		require.Equal(t, 1, v.PolicyVersion)
		require.Len(t, v.PolicyHash, 64)
		require.EqualValues(t, 500, v.Households)
		for _, tier := range models.Tiers {
			require.Equal(t, run.Counts[tier], v.OwnCounts[tier.String()])
			require.Equal(t, v.CityCounts[tier.String()], v.Counts[tier.String()], "the city's result stands")
			require.Equal(t, v.OwnCounts[tier.String()]-v.CityCounts[tier.String()], v.Differences.Counts[tier.String()])
		}
		require.True(t, v.Differences.Compared)
		require.Positive(t, v.Differences.Households)
		require.False(t, v.Movement.Known)
		require.Greater(t, len(v.Streets), 3)
		require.Greater(t, len(v.Trades), 3)
		require.NotEmpty(t, v.Gaps)
		require.NotEmpty(t, v.NotKnown)

		runs := answer[Page[RunView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs", nil), http.StatusOK)
		require.Len(t, runs.Items, 1)
		require.True(t, runs.Items[0].Current)
		require.Equal(t, "done", runs.Items[0].State)
		require.Contains(t, runs.Items[0].StartedAt, "+08:00")

		changes := answer[Page[ChangeView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs/1/changes", nil), http.StatusOK)
		require.Empty(t, changes.Items, "a first run changes nothing")
		problemOf(t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs/2/changes", nil), http.StatusNotFound, "not-found")
		fresh := answer[Page[MoverView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/movement?direction=new&limit=3", nil), http.StatusOK)
		require.Len(t, fresh.Items, 3)
		require.Equal(t, fresh.Items[2].USCC, fresh.Next)
		require.NotEmpty(t, fresh.Items[0].Name)
	})
}

func TestChangesBetweenRunsArePaged(t *testing.T) {
	s := open(t)
	server := newTestServer(s)
	sampletest.Deliver(t, s, models.SourceRegistry)
	sampletest.Judge(t, s)
	sampletest.Deliver(t, s, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
	require.Equal(t, 2, sampletest.Judge(t, s).Number)
	all := answer[Page[ChangeView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs/2/changes?limit=1000", nil), http.StatusOK)
	require.NotEmpty(t, all.Items)
	require.Empty(t, all.Next)
	var paged []ChangeView
	for after := ""; ; {
		page := answer[Page[ChangeView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs/2/changes?limit=77&after="+after, nil), http.StatusOK)
		paged = append(paged, page.Items...)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, all.Items, paged)
	for _, c := range paged {
		require.True(t, c.TierChanged)
		require.NotEqual(t, c.From, c.To)
	}
	findings := answer[Page[ChangeView]](t, call(t, server, adminToken, http.MethodGet, tieringPath+"/runs/2/changes?limit=1000&findings=true", nil), http.StatusOK)
	require.Greater(t, len(findings.Items), len(all.Items))
}

func TestEveryHouseholdIsToldWhyAndWhatIsMissing(t *testing.T) { // B1
	s := open(t)
	server := newTestServer(s)
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	for code, tier := range sampletest.Expected(t) {
		v := answer[HouseholdView](t, call(t, server, adminToken, http.MethodGet, fmt.Sprintf("/api/v1/households/%s/tiering/2026", code), nil), http.StatusOK)
		require.Equal(t, tier, v.OwnTier)
		require.Equal(t, models.EffectiveTier(v.DecidedTier, v.CityTier, v.OwnTier), v.Tier)
		require.NotEmpty(t, v.Name)
		require.NotEmpty(t, v.Summary)
		require.Equal(t, 1, v.PolicyVersion)
		require.Empty(t, v.Note)
		for _, f := range v.Findings {
			require.NotEmpty(t, f.Clause)
			require.NotEmpty(t, f.Text)
			require.NotEmpty(t, f.Source)
			require.Contains(t, []models.Outcome{models.OutcomeMet, models.OutcomeNotMet, models.OutcomeNotKnown}, f.Outcome)
		}
		if tier != models.Development {
			require.NotEmpty(t, v.Missing)
			require.NotEqual(t, models.NoTier, v.NextTier)
		}
	}
	for _, path := range []string{"/api/v1/households/92110107MA00000000/tiering/2026", "/api/v1/households/" + anyCode(t) + "/tiering/2025"} {
		problemOf(t, call(t, server, adminToken, http.MethodGet, path, nil), http.StatusNotFound, "not-found")
	}
}

func TestAnotherDistrictsTieringIsAsIfItWereNotThere(t *testing.T) {
	s := open(t)
	server := newTestServer(s)
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	ctx := context.Background()
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110108", Name: "海淀区", City: "北京市"}))
	u, err := s.AddUser(ctx, models.ActorSystem, models.User{Email: "a@example.cn", Name: "审计", Role: models.RoleAuditor, District: "110108"}, "")
	require.NoError(t, err)
	token, _, err := s.CreateToken(ctx, models.ActorSystem, u.ID, "测试", time.Hour)
	require.NoError(t, err)
	for _, path := range []string{tieringPath, tieringPath + "/runs", tieringPath + "/runs/1/changes", tieringPath + "/movement?direction=rose", "/api/v1/households/" + anyCode(t) + "/tiering/2026"} {
		problemOf(t, call(t, server, token, http.MethodGet, path, nil), http.StatusNotFound, "not-found")
	}
}

func anyCode(t *testing.T) string {
	for code := range sampletest.Expected(t) {
		return code
	}
	return ""
}
