package store_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestCandidatesAreReadWithTheFactsAndTiersOfTheTiering(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		openedCycle(t, s)
		deliverSample(t, s)
		run := judgeAll(t, s, openRun(t, s, sampletest.AsOf), 100)
		codes := slices.Sorted(maps.Keys(expectedTiers(t)))
		all, err := s.Candidates(ctx, sampleCycle, append(slices.Clone(codes), "92110107MA0000000X", codes[0]))
		require.NoError(t, err)
		require.Len(t, all, len(codes), "who is not registered is left out, who is named twice is read once")

		delivered, _, err := s.Delivered(ctx, sampletest.District, sampletest.Year)
		require.NoError(t, err)
		facts, err := s.OpenFacts(ctx, sampletest.District, models.NewAssembly(sampletest.Year, run.AsOf, delivered))
		require.NoError(t, err)
		defer func() { _ = facts.Close() }()
		credit, ip, honours := 0, 0, 0
		for _, code := range codes {
			c := all[code]
			f, err := facts.One(ctx, code)
			require.NoError(t, err)
			require.Equal(t, *f, c.Facts, "the same reading as the tiering's: %s", code)
			require.Equal(t, run.ID, c.RunID)
			require.Equal(t, f.Bool(models.FactRegistered), c.Registered(), code)
			credit += len(c.Penalties) + len(c.Abnormal) + len(c.Dishonest) + len(c.Defaulter)
			ip += len(c.Properties)
			honours += len(c.Honours)
		}
		for _, code := range []string{codes[0], codes[len(codes)/2], codes[len(codes)-1]} {
			h, err := s.HouseholdTier(ctx, sampletest.District, code, sampletest.Year)
			require.NoError(t, err)
			require.Equal(t, h.Effective, all[code].Tier)
			require.Equal(t, h.Name, all[code].Name)
		}
		for table, n := range map[string]int{"src_credit": credit, "src_ip": ip, "src_honours": honours} {
			var rows int
			require.NoError(t, s.SQL().QueryRow("SELECT COUNT(*) FROM "+table+" x JOIN src_registry g ON g.district = x.district AND g.year = x.year AND g.uscc = x.uscc").Scan(&rows))
			require.Equal(t, rows, n, "every row of %s belongs to one household", table)
			require.Positive(t, n, table)
		}
		one, err := s.Candidate(ctx, sampleCycle, codes[0])
		require.NoError(t, err)
		require.Equal(t, all[codes[0]], one)
		_, err = s.Candidate(ctx, sampleCycle, "92110107MA0000000X")
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		_, err = s.Candidate(ctx, "110107-2031", codes[0])
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
		none, err := s.Candidates(ctx, sampleCycle, nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

// dataOf reads one household after rows were written as the import would have.
func dataOf(t *testing.T, s *store.Store, uscc string, statements ...string) models.Candidate {
	t.Helper()
	ctx := context.Background()
	conn, err := s.SQL().Conn(ctx)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for _, statement := range statements {
		_, err := conn.ExecContext(ctx, statement)
		require.NoError(t, err, statement)
	}
	c, err := s.Candidate(ctx, sampleCycle, uscc)
	require.NoError(t, err)
	return c
}

func TestACandidateHasEveryRowWithItsDates(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		openedCycle(t, s)
		deliverSample(t, s)
		codes := slices.Sorted(maps.Keys(expectedTiers(t)))
		uscc := codes[0]
		key := "'110107', 2026, '" + uscc + "', "
		c := dataOf(t, s, uscc,
			"DELETE FROM src_credit WHERE uscc = '"+uscc+"'", "DELETE FROM src_ip WHERE uscc = '"+uscc+"'", "DELETE FROM src_honours WHERE uscc = '"+uscc+"'",
			"UPDATE src_registry SET operator_kind = '退役军人', street = NULL WHERE uscc = '"+uscc+"'",
			"INSERT INTO src_credit VALUES ("+key+"'行政处罚', '2025-01-01', NULL, '罚款', NULL)",
			"INSERT INTO src_credit VALUES ("+key+"'行政处罚', '2025-02-01', '2025-03-01', NULL, 0)",
			"INSERT INTO src_credit VALUES ("+key+"'失信被执行人', '2024-01-01', '2026-08-20', NULL, NULL)",
			"INSERT INTO src_credit VALUES ("+key+"'经营异常', '2026-01-01', NULL, NULL, NULL)",
			"INSERT INTO src_credit VALUES ("+key+"'严重违法失信', '2023-01-01', '2024-01-01', NULL, NULL)",
			"INSERT INTO src_ip VALUES ("+key+"'商标', 'T1', 1, '2030-01-01')",
			"INSERT INTO src_ip VALUES ("+key+"'专利', 'P1', NULL, NULL)",
			"INSERT INTO src_honours VALUES ("+key+"'先锋', '2025-07-01', '区级', 1)")
		day := calendar.MustDate
		require.Equal(t, "退役军人", c.OperatorKind)
		require.Empty(t, c.Street)
		require.Equal(t, []models.Penalty{{On: day("2025-01-01"), Kind: "罚款", Published: true}, {On: day("2025-02-01"), RepairedOn: day("2025-03-01")}}, c.Penalties)
		require.Equal(t, []models.Listing{{From: day("2024-01-01"), RemovedOn: day("2026-08-20")}}, c.Defaulter)
		require.Equal(t, []models.Listing{{From: day("2026-01-01")}}, c.Abnormal)
		require.Equal(t, []models.Listing{{From: day("2023-01-01"), RemovedOn: day("2024-01-01")}}, c.Dishonest)
		require.Equal(t, []models.Property{{}, {Trademark: true, InUse: models.Known(1), ValidUntil: day("2030-01-01")}}, c.Properties)
		require.Equal(t, []models.Honour{{Title: "先锋", On: day("2025-07-01"), Level: "区级", Party: models.Known(1)}}, c.Honours)
		require.True(t, c.Facts.Bool(models.FactAbnormal))
		require.False(t, c.Facts.Bool(models.FactDishonest), "removed before the tiering date")
		require.Equal(t, models.NoTier, c.Tier, "nothing was judged yet")
		require.Zero(t, c.RunID)
		items := map[string]models.PrefilledItem{}
		for _, i := range c.Items {
			items[i.Label] = i
			require.Equal(t, c.DeliveredOn[i.Source], i.DeliveredOn)
			require.NotZero(t, i.DeliveredOn, i.Label)
		}
		require.Equal(t, "2025年1月1日罚款（未修复）；2025年2月1日行政处罚（种类未注明）（未公示）（2025年3月1日修复）", items["行政处罚"].Value)
		require.Equal(t, "专利；商标（实际使用），有效期至2030年1月1日", items["商标、专利"].Value)
		require.Equal(t, "2025年7月1日“先锋”（区级，党建）", items["表彰奖励"].Value)
		require.Equal(t, "无数据", items["所属街道"].Value)
	})
}

func TestACandidatesDataMarkSaysWhichDeliveriesItWasReadFrom(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		openedCycle(t, s)
		deliverSample(t, s, models.SourceRegistry, models.SourceHonours)
		uscc := slices.Min(slices.Collect(maps.Keys(expectedTiers(t))))
		c := dataOf(t, s, uscc)
		require.Equal(t, "registry:1/1 honours:1/1", c.DataMark)
		require.False(t, c.Delivered.Has(models.SourceCredit))
		require.Zero(t, c.DeliveredOn[models.SourceCredit])
		require.Equal(t, "信用监管（未交付）", c.SourceText(models.SourceCredit))
		deliverSample(t, s, models.SourceCredit)
		require.Equal(t, "registry:1/1 credit:1/1 honours:1/1", dataOf(t, s, uscc).DataMark, "newer data, another mark")
	})
}

func TestACandidateKnowsItsEarlierCertifications(t *testing.T) { // 附三(五), 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		openedCycle(t, s)
		deliverSample(t, s, models.SourceRegistry)
		codes := slices.Sorted(maps.Keys(expectedTiers(t)))
		unbound := "SET FOREIGN_KEY_CHECKS = 0" // the places of earlier years are not what this is about
		if slices.Contains(tablesOf(t, s), "sqlite_sequence") {
			unbound = "PRAGMA foreign_keys = OFF"
		}
		n := 0
		certification := func(cycle, uscc, until, state, ended string) string {
			n++
			if ended != "NULL" {
				ended = "'" + ended + "'"
			}
			id := strconv.Itoa(n)
			return "INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, ended_on, policy_id, policy_hash, run_id, program, at) " +
				"VALUES ('N" + id + "', '" + cycle + "', " + id + ", " + id + ", '110107', 2025, '" + uscc + "', '店', 3, 'quality', '2023-11-30', '" + until + "', '" + state + "', " + ended + ", 1, '', 1, '', '2023-11-30 00:00:00')"
		}
		c := dataOf(t, s, codes[0], unbound,
			certification("110107-2020", codes[0], "2023-11-29", "revoked", "2021-08-20"),
			certification("110107-2021", codes[0], "2024-11-29", "revoked", "2022-01-05"),
			certification("110107-2022", codes[0], "2025-11-29", "lapsed", "2025-11-29"),
			certification("110107-2024", codes[0], "2027-11-29", "valid", "NULL"),
			certification(sampleCycle, codes[1], "2029-11-29", "valid", "NULL"),
			certification("110107-2019", codes[1], "2022-11-29", "cancelled", "2021-01-01"))
		day := calendar.MustDate
		require.Equal(t, []calendar.Date{day("2021-08-20"), day("2022-01-05")}, c.Revoked)
		require.Equal(t, day("2027-11-29"), c.Certified)
		other := dataOf(t, s, codes[1])
		require.Empty(t, other.Revoked, "a cancellation is no revocation")
		require.Zero(t, other.Certified, "the cycle's own certification is not an earlier one")
	})
}

func tablesOf(t *testing.T, s *store.Store) (names []string) {
	t.Helper()
	rows, err := s.SQL().Query("SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		return nil // not SQLite
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	return names
}
