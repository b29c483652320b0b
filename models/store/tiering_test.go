package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// deliverSample delivers files of the sample district, every source unless some are named.
func deliverSample(t *testing.T, s *store.Store, sources ...models.Source) {
	t.Helper()
	sampletest.Deliver(t, s, sources...)
}

// expectedTiers reads expected.csv.
func expectedTiers(t *testing.T) map[string]string {
	t.Helper()
	tiers := map[string]string{}
	for code, tier := range sampletest.Expected(t) {
		tiers[code] = tier.String()
	}
	return tiers
}

const sampleCycle = sampletest.Cycle

func openRun(t *testing.T, s *store.Store, asOf string) models.Run {
	t.Helper()
	law, err := s.EnsurePolicy(context.Background(), "110107", 2026)
	require.NoError(t, err)
	run, err := s.OpenRun(context.Background(), store.RunBasis{CycleID: sampleCycle, District: "110107", Year: 2026, AsOf: calendar.MustDate(asOf),
		PolicyID: law.ID, PolicyHash: law.Hash, Program: "test"}, 16)
	require.NoError(t, err)
	return run
}

// judgeAll judges every part of a run in small pages and finishes it.
func judgeAll(t *testing.T, s *store.Store, run models.Run, page int) models.Run {
	t.Helper()
	parts, err := s.RunParts(context.Background(), run.ID)
	require.NoError(t, err)
	for _, p := range parts {
		judgePages(t, s, run, p.Part, page, -1)
	}
	done, again, err := s.FinishRun(context.Background(), run.ID)
	require.NoError(t, err)
	require.False(t, again)
	return done
}

// judgePages judges up to most pages of a part; -1 = all.
func judgePages(t *testing.T, s *store.Store, run models.Run, part, size, most int) {
	t.Helper()
	ctx := context.Background()
	law, err := s.PolicyByID(ctx, run.PolicyID)
	require.NoError(t, err)
	judge, err := law.Judge(run.Year, run.AsOf)
	require.NoError(t, err)
	delivered, _, err := s.Delivered(ctx, run.District, run.Year)
	require.NoError(t, err)
	w, err := s.OpenResults(ctx, run.ID, part, run.Round)
	require.NoError(t, err)
	defer func() { _ = w.Close() }()
	r, err := s.OpenFacts(ctx, run.District, models.NewAssembly(run.Year, run.AsOf, delivered))
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	for n := 0; n != most; n++ {
		page, err := r.Next(ctx, w.Part().At, w.Part().UpTo, size)
		require.NoError(t, err)
		if len(page.Facts) == 0 {
			return
		}
		verdicts := make([]models.Verdict, len(page.Facts))
		for i := range page.Facts {
			verdicts[i] = judge.Judge(&page.Facts[i])
		}
		require.NoError(t, w.Write(ctx, page, verdicts))
	}
}

// tiers reads a run's results by code.
func tiers(t *testing.T, s *store.Store, runID int64) map[string]string {
	t.Helper()
	rows, err := s.SQL().Query("SELECT uscc, tier FROM tiering_results WHERE run_id = ?", runID)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var code string
		var tier models.Tier
		require.NoError(t, rows.Scan(&code, &tier))
		out[code] = tier.String()
	}
	require.NoError(t, rows.Err())
	return out
}

func TestTheSampleDistrictGetsTheTiersOfTheWorkPlan(t *testing.T) { // 附一(三)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s)
		run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 37)
		require.Equal(t, expectedTiers(t), tiers(t, s, run.ID))
		require.EqualValues(t, 500, run.Counts.Total())
		require.True(t, run.Current)

		counted := models.TierCounts{}
		for _, tier := range expectedTiers(t) {
			n, err := models.ParseTier(tier)
			require.NoError(t, err)
			counted[n]++
		}
		require.Equal(t, counted, run.Counts)
		current, err := s.CurrentRun(context.Background(), sampleCycle)
		require.NoError(t, err)
		require.Equal(t, run, current)
	})
}

func TestOneHouseholdHasTheFactsOfItsPage(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s)
		ctx := context.Background()
		delivered, _, err := s.Delivered(ctx, "110107", 2026)
		require.NoError(t, err)
		a := models.NewAssembly(2026, calendar.MustDate("2026-07-01"), delivered)
		r, err := s.OpenFacts(ctx, "110107", a)
		require.NoError(t, err)
		defer func() { _ = r.Close() }()
		page, err := r.Next(ctx, "", "", 1000)
		require.NoError(t, err)
		require.Len(t, page.Facts, 500)
		for i := 0; i < 500; i += 13 {
			f, err := s.Facts(ctx, "110107", a, page.USCC(i))
			require.NoError(t, err)
			require.Equal(t, page.Facts[i], *f)
		}
		for _, code := range []string{"", "92110107MA00000000", "92110107"} {
			_, err = s.Facts(ctx, "110107", a, code)
			require.Equal(t, models.CodeNotFound, models.CodeOf(err), code)
		}
	})
}

func TestJudgingAgainOnTheSameDataChangesNothing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s, models.SourceRegistry, models.SourceAnnualReport)
		first := judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)
		again := openRun(t, s, "2026-07-01")
		require.Equal(t, first, again, "the same run, done")

		deliverSample(t, s, models.SourceCityTiering, models.SourceHonours)
		require.Equal(t, first, openRun(t, s, "2026-07-01"), "sources that tiering does not read open no run")

		later := openRun(t, s, "2026-07-02")
		require.Equal(t, 2, later.Number, "another tiering date does")
	})
}

func TestANewDeliveryMakesANewRunAndItsChangesAreListed(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s, models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit)
		first := judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)
		before := tiers(t, s, first.ID)
		changes, err := s.RunChanges(ctx, first, false, "", 1000)
		require.NoError(t, err)
		require.Empty(t, changes, "a first run changes nothing")

		deliverSample(t, s, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
		second := openRun(t, s, "2026-07-01")
		require.Equal(t, 2, second.Number)
		current, err := s.CurrentRun(ctx, sampleCycle)
		require.NoError(t, err)
		require.Equal(t, 1, current.Number, "an open run does not count")
		second = judgeAll(t, s, second, 100)
		current, err = s.CurrentRun(ctx, sampleCycle)
		require.NoError(t, err)
		require.Equal(t, 2, current.Number)
		require.Equal(t, before, tiers(t, s, first.ID), "the earlier run stays")

		want := map[string]string{}
		for code, tier := range tiers(t, s, second.ID) {
			if before[code] != tier {
				want[code] = before[code] + "→" + tier
			}
		}
		require.NotEmpty(t, want)
		got, after := map[string]string{}, ""
		for {
			page, err := s.RunChanges(ctx, second, true, after, 7)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, c := range page {
				got[c.USCC] = c.From.String() + "→" + c.To.String()
			}
			after = page[len(page)-1].USCC
		}
		require.Equal(t, want, got)
		all, err := s.RunChanges(ctx, second, false, "", 1000)
		require.NoError(t, err)
		require.Greater(t, len(all), len(want), "findings change more often than tiers")

		runs, err := s.Runs(ctx, sampleCycle, 0, 10)
		require.NoError(t, err)
		require.Len(t, runs, 2)
		require.False(t, runs[0].Current)
		require.True(t, runs[1].Current)
	})
}

func TestAKilledWorkersSuccessorGoesOnAtThePage(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s)
		run := openRun(t, s, "2026-07-01")
		judgePages(t, s, run, 1, 60, 3)
		parts, err := s.RunParts(ctx, run.ID)
		require.NoError(t, err)
		require.EqualValues(t, 180, parts[0].Counts.Total())
		_, _, err = s.FinishRun(ctx, run.ID)
		require.Error(t, err, "a run with unjudged pages cannot be finished")

		taken := openRun(t, s, "2026-07-01")
		require.Equal(t, run.ID, taken.ID)
		require.Equal(t, run.Round, taken.Round, "taken up, not begun anew")
		done := judgeAll(t, s, taken, 60)
		require.Equal(t, expectedTiers(t), tiers(t, s, done.ID))
		require.EqualValues(t, 500, done.Counts.Total(), "nothing twice")
	})
}

func TestALateWorkerWritesNothing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s, models.SourceRegistry)
		run := openRun(t, s, "2026-07-01")
		late, err := s.OpenResults(ctx, run.ID, 1, run.Round)
		require.NoError(t, err)
		defer func() { _ = late.Close() }()
		r, err := s.OpenFacts(ctx, "110107", models.NewAssembly(2026, run.AsOf, 0))
		require.NoError(t, err)
		defer func() { _ = r.Close() }()
		page, err := r.Next(ctx, "", "", 50)
		require.NoError(t, err)

		judgePages(t, s, run, 1, 100, 1)
		wrong := make([]models.Verdict, 50)
		for i := range wrong {
			wrong[i].Tier = models.Development
		}
		require.ErrorIs(t, late.Write(ctx, page, wrong), store.ErrSuperseded)
		require.NotContains(t, tiers(t, s, run.ID), models.Development.String())
		require.Len(t, tiers(t, s, run.ID), 100)

		_, err = s.OpenResults(ctx, run.ID, 1, run.Round+1)
		require.ErrorIs(t, err, store.ErrSuperseded)
	})
}

func TestARunIsBegunAnewWhenADeliveryTakesEffectInTheMiddle(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s, models.SourceRegistry)
		run := openRun(t, s, "2026-07-01")
		judgePages(t, s, run, 1, 100, -1)
		deliverSample(t, s, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
		_, again, err := s.FinishRun(ctx, run.ID)
		require.NoError(t, err)
		require.True(t, again)
		_, err = s.CurrentRun(ctx, sampleCycle)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))

		anew := openRun(t, s, "2026-07-01")
		require.Equal(t, run.ID, anew.ID)
		require.Equal(t, run.Number, anew.Number)
		require.Equal(t, run.Round+1, anew.Round)
		done := judgeAll(t, s, anew, 100)
		require.Equal(t, expectedTiers(t), tiers(t, s, done.ID))
	})
}

func TestALargeDistrictIsDividedIntoPartsThatMissNobody(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list := make([]models.Row, 12_007)
		for i := range list {
			list[i] = row(i+2, text(code(i)), text("商行"), text("张三"), date("2020-01-01"), text("存续"), null, null, null, null, null, null, null, null, null, null)
		}
		deliver(t, s, models.SourceRegistry, "x", list...)
		run := openRun(t, s, "2026-07-01")
		parts, err := s.RunParts(ctx, run.ID)
		require.NoError(t, err)
		require.Len(t, parts, 3)
		var total int64
		for i, p := range parts {
			total += p.Households
			if i > 0 {
				require.Equal(t, parts[i-1].UpTo, p.After)
			}
		}
		require.EqualValues(t, len(list), total)
		require.EqualValues(t, len(list), judgeAll(t, s, run, 5000).Counts.Total())
		require.Len(t, tiers(t, s, run.ID), len(list))
	})
}

func TestAServerWithoutLoadDataTakesTheSameResults(t *testing.T) {
	s, err := store.Open(context.Background(), storetest.MySQL(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	deliverSample(t, s)
	s.ForbidLoadData()
	run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 120)
	require.Equal(t, expectedTiers(t), tiers(t, s, run.ID))
}

func TestTheDistributionAndTheGapsOfTheSampleDistrict(t *testing.T) { // R4
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s)
		run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 120)
		d, err := s.Distribution(ctx, run)
		require.NoError(t, err)
		require.Equal(t, run.Counts, d.Own)
		require.EqualValues(t, 500, d.Effective.Total())
		require.Equal(t, d.City, d.Effective, "the city's result stands where it was delivered")
		var differing int64
		require.NoError(t, s.SQL().QueryRow(`SELECT COUNT(*) FROM tiering_results r JOIN src_city_tiering c ON c.uscc = r.uscc AND c.tier_year = 2026
			WHERE r.run_id = ? AND c.tier <> CASE r.tier WHEN 1 THEN '不符合分型条件' WHEN 2 THEN '生存型' WHEN 3 THEN '成长型' ELSE '发展型' END`, run.ID).Scan(&differing))
		require.Positive(t, differing)
		require.Equal(t, differing, d.OwnByCity.Differing())
		for _, groups := range [][]models.GroupCounts{d.Streets, d.Trades} {
			var n int64
			for _, g := range groups {
				n += g.Counts.Total()
			}
			require.EqualValues(t, 500, n)
			require.Greater(t, len(groups), 3)
		}
		gaps, err := s.NotKnown(ctx, run.ID)
		require.NoError(t, err)
		var n, withGap int64
		for mask, households := range gaps {
			n += households
			if mask != 0 {
				withGap += households
			}
		}
		require.EqualValues(t, 500, n)
		require.Positive(t, withGap)

		_, err = s.SQL().Exec(`INSERT INTO differences (cycle_id, uscc, run_id, own_tier, city_tier, department, source, why, state, decided_tier)
			SELECT ?, uscc, ?, 1, 2, 'x', 'tax', '', 'settled', 4 FROM tiering_results WHERE run_id = ? AND tier = 1 ORDER BY uscc LIMIT 3`, sampleCycle, run.ID, run.ID)
		require.NoError(t, err)
		decided, err := s.Distribution(ctx, run)
		require.NoError(t, err)
		require.Greater(t, decided.Effective[models.Development], d.Effective[models.Development], "a decision of the joint study stands above the city's result")
	})
}

func TestWhoRoseFellCameAndLeftSinceLastYear(t *testing.T) { // R4
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		judged := func(year, run int, households map[int]models.Tier) models.Run {
			_, err := s.SQL().Exec(`INSERT INTO tiering_runs (id, cycle_id, district, year, number, as_of, policy_id, policy_hash, program, rules, data_mark, state, current, counts, started_at)
				VALUES (?, ?, '110107', ?, 1, '2026-07-01', 1, '', '', 1, '', 'done', ?, '{}', '2026-07-01 00:00:00')`, run, models.CycleID("110107", year), year, true)
			require.NoError(t, err)
			for h, tier := range households {
				_, err = s.SQL().Exec("INSERT INTO tiering_results (run_id, uscc, tier, met, not_known) VALUES (?, ?, ?, 0, 0)", run, code(h), int(tier))
				require.NoError(t, err)
				_, err = s.SQL().Exec("INSERT INTO src_registry (district, year, uscc, name, operator, founded, status) VALUES ('110107', ?, ?, ?, '张三', '2020-01-01', '存续')", year, code(h), fmt.Sprintf("商行%d", h))
				require.NoError(t, err)
			}
			r, err := s.CurrentRun(ctx, models.CycleID("110107", year))
			require.NoError(t, err)
			return r
		}
		now := judged(2026, 2, map[int]models.Tier{1: models.Growth, 2: models.Survival, 3: models.Survival, 4: models.Survival, 6: models.Development})
		m, err := s.Movement(ctx, now)
		require.NoError(t, err)
		require.False(t, m.Known, "nothing is known of last year")

		judged(2025, 1, map[int]models.Tier{1: models.Survival, 2: models.Growth, 3: models.Survival, 5: models.Growth, 6: models.Survival})
		// of household 6 the city said otherwise last year, and of 3 the joint study decided otherwise
		_, err = s.SQL().Exec("INSERT INTO src_city_tiering (district, year, uscc, tier_year, tier) VALUES ('110107', 2025, ?, 2025, '发展型')", code(6))
		require.NoError(t, err)
		_, err = s.SQL().Exec(`INSERT INTO differences (cycle_id, uscc, run_id, own_tier, city_tier, department, source, why, state, decided_tier)
			VALUES ('110107-2025', ?, 1, 2, 1, 'x', 'tax', '', 'settled', 1)`, code(3))
		require.NoError(t, err)
		m, err = s.Movement(ctx, now)
		require.NoError(t, err)
		require.True(t, m.Known)
		var want models.TierMatrix
		want[models.Survival][models.Growth] = 1         // 1 rose
		want[models.Growth][models.Survival] = 1         // 2 fell
		want[models.Ineligible][models.Survival] = 1     // 3 rose, by last year's decision
		want[models.NoTier][models.Survival] = 1         // 4 is new
		want[models.Growth][models.NoTier] = 1           // 5 left
		want[models.Development][models.Development] = 1 // 6 stayed, by the city's result
		require.Equal(t, want, m.Matrix)

		for direction, codes := range map[models.Direction][]string{
			models.DirectionRose: {code(1), code(3)}, models.DirectionFell: {code(2)}, models.DirectionNew: {code(4)}, models.DirectionLeft: {code(5)},
		} {
			movers, err := s.Movers(ctx, now, direction, "", 10)
			require.NoError(t, err)
			var got []string
			for _, m := range movers {
				require.True(t, direction.Is(m.From, m.To))
				got = append(got, m.USCC)
			}
			require.Equal(t, codes, got, direction)
			movers, err = s.Movers(ctx, now, direction, codes[0], 10)
			require.NoError(t, err)
			require.Len(t, movers, len(codes)-1)
		}
		_, err = s.Movers(ctx, now, "sideways", "", 10)
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
	})
}
