package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAHouseholdsOverviewHoldsItsOwnCasesOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		exec := func(query string, args ...any) {
			t.Helper()
			_, err := s.SQL().Exec(query, args...)
			require.NoError(t, err)
		}
		const at = "2026-09-01 00:00:00"
		const mine, other = "92110107MA3AGYGLUW", "92110107MA48KGC7L6"
		for i, a := range []struct{ district, uscc, origin, state string }{
			{"110107", mine, "own", "withdrawn"}, {"110107", other, "own", "submitted"}, {"110108", mine, "own", "submitted"},
			{"110107", mine, "recommended", "draft"}, {"110107", mine, "own", "draft"},
		} {
			exec(`INSERT INTO applications (id, cycle_id, district, year, uscc, name, tier, origin, state, statement, entered_by, policy_id, created_at, updated_at)
				VALUES (?, ?, ?, 2026, ?, '某店', 3, ?, ?, '', 'user:1', 1, ?, ?)`, i+1, a.district+"-2026", a.district, a.uscc, a.origin, a.state, at, at)
		}
		applications, err := s.HouseholdApplications(ctx, "110107", mine, 20)
		require.NoError(t, err)
		var ids []int64
		for _, a := range applications {
			ids = append(ids, a.ID)
		}
		require.Equal(t, []int64{5, 1}, ids, "newest first; what a department has only begun to write is not yet its matter")

		for i, o := range []struct {
			uscc string
			by   models.Actor
		}{{mine, models.HouseholdActor(mine)}, {mine, models.ActorPublic}, {other, models.HouseholdActor(other)}} {
			exec(`INSERT INTO objections (id, district, cycle_id, kind, uscc, by_actor, statement, state, receipt_key, received_on, accept_due, at, updated_at)
				VALUES (?, '110107', '110107-2026', 'tier', ?, ?, '', 'received', ?, '2026-09-01', '2026-09-08', ?, ?)`, i+1, o.uscc, o.by, string(rune('a'+i)), at, at)
		}
		objections, err := s.HouseholdObjections(ctx, "110107", mine, 20)
		require.NoError(t, err)
		require.Equal(t, []store.HouseholdObjection{{ID: 1, Kind: models.ObjectionTier, State: models.ObjectionReceived,
			ReceivedOn: calendar.MustDate("2026-09-01"), AcceptDue: calendar.MustDate("2026-09-08")}}, objections, "not those that others made against it")

		for i, c := range []struct {
			uscc string
			year int
		}{{mine, 2023}, {other, 2026}, {mine, 2026}} {
			cycle := models.CycleID("110107", c.year)
			if i < 2 { // the years 2023 and 2026
				exec(`INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at)
					VALUES (?, 1, 100, 0, 500, 5, 0, 5, 1, '2026-11-01', ?)`, cycle, at)
			}
			exec("INSERT INTO place_seats (cycle_id, seat, places) VALUES (?, ?, 5)", cycle, i+1)
			exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state,
				policy_id, policy_hash, run_id, program, at) VALUES (?, ?, ?, ?, '110107', ?, ?, '某店', 3, 'quality', '2026-11-20', '2029-11-19', 'valid', 1, '', 1, 'test', ?)`,
				models.CertificationNumber("110107", c.year, i+1), cycle, i+1, i+1, c.year, c.uscc, at)
		}
		certifications, err := s.HouseholdCertifications(ctx, "110107", mine, 20)
		require.NoError(t, err)
		require.Len(t, certifications, 2)
		require.Equal(t, []int{2026, 2023}, []int{certifications[0].Year, certifications[1].Year})

		_, ok, err := s.PublishedStanding(ctx, "110107", mine)
		require.NoError(t, err)
		require.False(t, ok)
		for _, year := range []int{2025, 2026} {
			exec("INSERT INTO published_tiers (district, year, uscc, name, tier, run_id, published_on) VALUES ('110107', ?, ?, '某店', ?, 1, '2026-07-26')", year, mine, year-2023)
		}
		p, ok, err := s.PublishedStanding(ctx, "110107", mine)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, store.PublishedStanding{Year: 2026, Name: "某店", Tier: models.Growth, PublishedOn: calendar.MustDate("2026-07-26")}, p)
		_, ok, err = s.PublishedStanding(ctx, "110108", mine)
		require.NoError(t, err)
		require.False(t, ok, "of the district that the operator signed in for")
	})
}
