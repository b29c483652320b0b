package store_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// certifiedSeason is the sample district after the certification of so many households.
func certifiedSeason(t *testing.T, s *store.Store, n int) (*season, []models.Certification) {
	t.Helper()
	z := newSeason(t, s, n, n)
	z.certify(order(director, "certify"), certifyDay, 100)
	_, err := s.PublishTiers(context.Background(), sampleCycle, calendar.MustDate("2026-08-13"))
	require.NoError(t, err)
	list := z.certifications()
	require.Len(t, list, n)
	for _, c := range list {
		_, _, err := s.FollowCertified(context.Background(), c.ID, certifyDay)
		require.NoError(t, err)
	}
	return z, list
}

// recheck checks every certified household again and gives what was found.
func (z *season) recheck(on string) (counts models.RecheckCounts, moved []string) {
	z.t.Helper()
	for after := int64(0); ; {
		page, err := z.s.RecheckCertified(context.Background(), "110107", false, calendar.MustDate(on), after)
		require.NoError(z.t, err)
		require.Empty(z.t, page.Refused)
		counts.Add(page.RecheckCounts)
		for _, c := range page.Moved {
			moved = append(moved, c.Number)
		}
		if after = page.Last; page.Done {
			return counts, moved
		}
	}
}

func (z *season) list(uscc, kind, from string) {
	z.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on, penalty) VALUES ('110107', 2026, ?, ?, ?, '罚款')", uscc, kind, from)
}

func (z *season) unlist(uscc, kind, from, on string) {
	z.exec("UPDATE src_credit SET removed_on = ? WHERE district = '110107' AND year = 2026 AND uscc = ? AND kind = ? AND listed_on = ?", on, uscc, kind, from)
}

// cases gives a certification's cases in order.
func (z *season) cases(c models.Certification) []models.Case {
	z.t.Helper()
	list, err := z.s.Cases(context.Background(), store.CaseQuery{Number: c.Number, Limit: 100})
	require.NoError(z.t, err)
	cases := make([]models.Case, len(list))
	for i, k := range list {
		cases[len(list)-1-i] = k.Case
	}
	return cases
}

func (z *season) certification(id int64) models.Certification {
	z.t.Helper()
	c, err := z.s.CertificationByID(context.Background(), id)
	require.NoError(z.t, err)
	return c
}

func abouts(k models.Case) (list []string) {
	for _, g := range k.Ground {
		list = append(list, g.About)
	}
	return list
}

func TestAStandardThatIsNotMetAnyMoreOpensACaseOnce(t *testing.T) { // 附三(五) 动态管理
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 3)
		none, moved := z.recheck("2026-12-01")
		require.Equal(t, models.RecheckCounts{}, none)
		require.Empty(t, moved)

		z.list(list[0].USCC, "经营异常", "2026-12-01")
		found, moved := z.recheck("2026-12-02")
		require.Equal(t, models.RecheckCounts{Opened: 1}, found)
		require.Equal(t, []string{list[0].Number}, moved)
		cases := z.cases(list[0])
		require.Len(t, cases, 1)
		require.Equal(t, models.CaseData, cases[0].Kind)
		require.Equal(t, models.CaseHearing, cases[0].State, "the household is heard at once")
		require.Equal(t, []string{"abnormal/2026-12-01"}, abouts(cases[0]))
		require.Equal(t, "附一(三)1(1)", cases[0].Ground[0].Clause)

		again, _ := z.recheck("2026-12-03")
		require.Equal(t, models.RecheckCounts{}, again, "delivered twice, found once")

		z.list(list[0].USCC, "行政处罚", "2026-12-02")
		found, _ = z.recheck("2026-12-04")
		require.Equal(t, models.RecheckCounts{Opened: 1}, found)
		cases = z.cases(list[0])
		require.Len(t, cases, 1, "added to the case that goes on")
		require.Equal(t, []string{"abnormal/2026-12-01", "penalty/2026-12-02/罚款"}, abouts(cases[0]))

		z.unlist(list[0].USCC, "经营异常", "2026-12-01", "2026-12-05")
		found, _ = z.recheck("2026-12-06")
		require.Equal(t, models.RecheckCounts{}, found, "the penalty still stands")
		z.unlist(list[0].USCC, "行政处罚", "2026-12-02", "2026-12-07")
		found, _ = z.recheck("2026-12-07")
		require.Equal(t, models.RecheckCounts{Closed: 1}, found, "repaired: nothing is left to decide")
		require.Equal(t, models.CaseClosed, z.cases(list[0])[0].State)
		require.Equal(t, models.CertificationValid, z.certification(list[0].ID).State)
		none, _ = z.recheck("2026-12-08")
		require.Equal(t, models.RecheckCounts{}, none)
		require.Empty(t, z.cases(list[1]))
	})
}

func TestWhatWasDecidedIsNotOpenedAgainAndAnotherHitIs(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		z.list(list[0].USCC, "经营异常", "2026-12-01")
		z.recheck("2026-12-02")
		z.exec("UPDATE cases SET state = 'decided', live = NULL, outcome = 'keep'")
		found, _ := z.recheck("2026-12-03")
		require.Equal(t, models.RecheckCounts{}, found)
		z.list(list[0].USCC, "经营异常", "2026-12-10")
		found, _ = z.recheck("2026-12-11")
		require.Equal(t, models.RecheckCounts{Opened: 1}, found)
		cases := z.cases(list[0])
		require.Len(t, cases, 2)
		require.Equal(t, []string{"abnormal/2026-12-10"}, abouts(cases[1]))
		z.unlist(list[0].USCC, "经营异常", "2026-12-10", "2026-12-12")
		found, _ = z.recheck("2026-12-12")
		require.Equal(t, models.RecheckCounts{Closed: 1}, found, "what was decided before does not keep the new case open")
	})
}

func TestACaseEndsOnlyWhenEveryListingIsGone(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		z.list(list[0].USCC, "经营异常", "2026-11-25")
		z.list(list[0].USCC, "经营异常", "2026-12-01")
		found, _ := z.recheck("2026-12-02")
		require.Equal(t, models.RecheckCounts{Opened: 2}, found)
		require.Equal(t, []string{"abnormal/2026-11-25", "abnormal/2026-12-01"}, abouts(z.cases(list[0])[0]), "each is told")
		z.unlist(list[0].USCC, "经营异常", "2026-12-01", "2026-12-03")
		found, _ = z.recheck("2026-12-03")
		require.Equal(t, models.RecheckCounts{}, found)
		z.unlist(list[0].USCC, "经营异常", "2026-11-25", "2026-12-04")
		found, _ = z.recheck("2026-12-04")
		require.Equal(t, models.RecheckCounts{Closed: 1}, found)
	})
}

func TestAClosedHouseholdEndsAtOnceAndOneThatIsMissingDoesNot(t *testing.T) { // 附一(三)1, 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 3)
		z.list(list[0].USCC, "经营异常", "2026-12-01")
		z.recheck("2026-12-01")
		z.exec("UPDATE src_registry SET status = '注销' WHERE uscc = ?", list[0].USCC)
		z.exec("UPDATE src_registry SET status = '吊销' WHERE uscc = ?", list[1].USCC)
		z.exec("DELETE FROM src_registry WHERE uscc = ?", list[2].USCC)
		found, moved := z.recheck("2026-12-02")
		require.Equal(t, models.RecheckCounts{Ended: 2}, found)
		require.Len(t, moved, 2)
		for i, want := range []models.CertificationState{models.CertificationCancelled, models.CertificationCancelled, models.CertificationValid} {
			require.Equal(t, want, z.certification(list[i].ID).State, i)
		}
		require.Equal(t, calendar.MustDate("2026-12-02"), z.certification(list[0].ID).EndedOn)
		require.Equal(t, models.CaseClosed, z.cases(list[0])[0].State, "nothing is left to decide")
		steps, err := s.CertifiedSteps(context.Background(), list[1].ID)
		require.NoError(t, err)
		last := steps[len(steps)-1]
		require.Equal(t, models.CertifiedEnd, last.Event)
		require.Equal(t, "附一(三)1、附三(五)", last.Clause)
		require.Contains(t, last.Detail, "吊销")
		found, _ = z.recheck("2026-12-03")
		require.Equal(t, models.RecheckCounts{}, found)
	})
}

func TestAChangedOperatorIsNoticed(t *testing.T) { // 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 2)
		z.exec("UPDATE src_registry SET operator = '新经营者' WHERE uscc = ?", list[0].USCC)
		found, moved := z.recheck("2026-12-02")
		require.Equal(t, models.RecheckCounts{Operators: 1}, found)
		require.Equal(t, []string{list[0].Number}, moved)
		require.Equal(t, models.CaseOperator, z.cases(list[0])[0].Kind)
		found, _ = z.recheck("2026-12-03")
		require.Equal(t, models.RecheckCounts{}, found)
	})
}

func TestProcessesThatDoNotKnowAreToldAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 2)
		z.list(list[1].USCC, "失信被执行人", "2026-12-01")
		_, first := z.recheck("2026-12-02")
		_, second := z.recheck("2026-12-02") // the worker died before it told them
		require.Equal(t, []string{list[1].Number}, first)
		require.Equal(t, first, second)
		_, _, err := s.FollowCertified(context.Background(), list[1].ID, calendar.MustDate("2026-12-02"))
		require.NoError(t, err)
		_, third := z.recheck("2026-12-02")
		require.Empty(t, third)
	})
}

func TestOnlyTheNewestYearWithARegistryCounts(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		z.list(list[0].USCC, "经营异常", "2026-12-01")
		z.nextYear(2027, list[0])
		found, _ := z.recheck("2027-06-10")
		require.Equal(t, models.RecheckCounts{}, found, "what no delivery of the year says is not known")
		standing, err := s.StandingOf(context.Background(), list[0].ID, calendar.MustDate("2027-06-10"))
		require.NoError(t, err)
		require.Equal(t, "110107-2027", standing.Cycle)
		byID := map[string]models.Outcome{}
		for _, f := range standing.Findings {
			byID[f.ID] = f.Outcome
		}
		require.Equal(t, models.OutcomeMet, byID["registered"])
		for _, id := range []string{"report", "abnormal", "tier", "penalty"} {
			require.Equal(t, models.OutcomeNotKnown, byID[id], id)
		}

		// the year's annual reports come, and the date for the data passes
		z.delivered(2027, models.SourceAnnualReport)
		z.exec("INSERT INTO src_annual_report (district, year, uscc, report_year, filed_on) VALUES ('110107', 2027, ?, 2026, NULL)", list[0].USCC)
		found, _ = z.recheck("2027-06-30")
		require.Equal(t, models.RecheckCounts{}, found)
		found, _ = z.recheck("2027-07-01")
		require.Equal(t, models.RecheckCounts{Opened: 1}, found)
		require.Equal(t, []string{"report/2027"}, abouts(z.cases(list[0])[0]))
	})
}

// nextYear opens a later year whose registry holds some households.
func (z *season) nextYear(year int, list ...models.Certification) {
	z.t.Helper()
	plan, err := json.Marshal(calendar.DefaultPlan(year))
	require.NoError(z.t, err)
	id := models.CycleID("110107", year)
	z.exec("INSERT INTO cycles (id, district, year, stage, state, plan, clock, request_hash, policy_id, workflow_id, started_by, started_at, updated_at) SELECT ?, district, ?, 'collection', 'running', ?, clock, request_hash, policy_id, ?, started_by, started_at, updated_at FROM cycles WHERE id = ?",
		id, year, string(plan), "cycle/"+id, sampleCycle)
	z.delivered(year, models.SourceRegistry)
	for _, c := range list {
		z.exec("INSERT INTO src_registry (district, year, uscc, name, operator, founded, status) SELECT district, ?, uscc, name, operator, founded, '存续' FROM src_registry WHERE year = 2026 AND uscc = ?", year, c.USCC)
	}
}

// delivered notes an accepted delivery of a source.
func (z *season) delivered(year int, source models.Source) {
	z.exec("INSERT INTO deliveries (id, district, year, source, sequence, channel, file_name, sha256, size, state, headers, unknown_columns, by_actor, received_at, settled_at) SELECT ?, district, ?, ?, 1, channel, file_name, sha256, size, state, headers, unknown_columns, by_actor, received_at, settled_at FROM deliveries WHERE year = 2026 AND source = 'registry'",
		models.CycleID("110107", year)+"-"+source.String()+"-1", year, source.String())
}
