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

// evaluated gives the outcomes of a certification's evaluation by letter.
func (z *season) evaluated(id int64, on string) (map[string]models.Outcome, models.Evaluation) {
	z.t.Helper()
	e, err := z.s.EvaluationOf(context.Background(), id, calendar.MustDate(on))
	require.NoError(z.t, err)
	m := map[string]models.Outcome{}
	for _, f := range e.Findings {
		m[f.ID[len("evaluation."):]] = f.Outcome
	}
	return m, e
}

// years gives a household revenue, tax and staff of the years from 2025 on, each delivered in the year after, and the sources of these years.
func (z *season) years(c models.Certification, tax ...int64) {
	z.t.Helper()
	z.exec("DELETE FROM src_annual_report WHERE uscc = ?", c.USCC)
	z.exec("DELETE FROM src_tax WHERE uscc = ?", c.USCC)
	z.exec("DELETE FROM src_social_security WHERE uscc = ?", c.USCC)
	z.exec("DELETE FROM src_honours WHERE uscc = ?", c.USCC)
	for i, paid := range tax {
		of, in := 2025+i, 2026+i
		if in > 2026 {
			z.nextYear(in, c)
			for _, source := range []models.Source{models.SourceAnnualReport, models.SourceTax, models.SourceSocialSecurity, models.SourceHonours} {
				z.delivered(in, source)
			}
			z.exec("INSERT INTO published_tiers (district, year, uscc, name, tier, run_id, published_on) VALUES ('110107', ?, ?, ?, ?, 1, ?)", in, c.USCC, c.Name, c.Tier, calendar.NewDate(in, 8, 13))
		}
		z.exec("INSERT INTO src_annual_report (district, year, uscc, report_year, filed_on, revenue) VALUES ('110107', ?, ?, ?, ?, 1000000)", in, c.USCC, of, calendar.NewDate(in, 5, 1))
		z.exec("INSERT INTO src_tax (district, year, uscc, tax_year, registered, paid) VALUES ('110107', ?, ?, ?, 1, ?)", in, c.USCC, of, paid)
		z.exec("INSERT INTO src_social_security (district, year, uscc, insured_year, insured) VALUES ('110107', ?, ?, ?, 2)", in, c.USCC, of)
	}
}

// follow carries a certification's calendar on up to a date.
func (z *season) follow(id int64, on string) models.Certification {
	z.t.Helper()
	c, _, err := z.s.FollowCertified(context.Background(), id, calendar.MustDate(on))
	require.NoError(z.t, err)
	return c
}

// kept is a certification's cases of a kind.
func (z *season) kept(c models.Certification, kind models.CaseKind) (list []models.Case) {
	z.t.Helper()
	for _, k := range z.cases(c) {
		if k.Kind == kind {
			list = append(list, k)
		}
	}
	return list
}

func TestTheEvaluationOpensInTheLastYearWithTheNumbersOfTheYears(t *testing.T) { // 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		c := list[0]
		z.years(c, 100_000, 100_000, 100_000, 119_999)
		z.follow(c.ID, "2029-08-15")
		require.Empty(t, z.kept(c, models.CaseEvaluation))
		m, e := z.evaluated(c.ID, "2029-08-15")
		require.Equal(t, map[string]models.Outcome{"A": models.OutcomeNotMet, "B": models.OutcomeNotMet, "C": models.OutcomeNotMet, "D": models.OutcomeNotMet}, m, e.Missing)
		require.Equal(t, models.OutcomeLapse, e.Proposal)
		require.Equal(t, calendar.MustDate("2029-08-16"), e.OpensOn)
		require.Equal(t, []models.EvaluationValue{{Year: 2025, Value: "1000.00"}, {Year: 2026, Value: "1000.00"}, {Year: 2027, Value: "1000.00"}, {Year: 2028, Value: "1199.99"}}, e.Series[1].Years)
		require.Equal(t, "税务（2026、2027、2028、2029年度交付）", e.Series[1].Source)

		z.follow(c.ID, "2029-08-16")
		cases := z.kept(c, models.CaseEvaluation)
		require.Len(t, cases, 1)
		require.Equal(t, models.CaseOpen, cases[0].State)
		days, err := s.Workdays(context.Background())
		require.NoError(t, err)
		due := max(c.ValidUntil.AddDays(-60), days.TermEnd(calendar.MustDate("2029-08-16"), z.law.Policy.Workdays("case.settle")))
		require.Equal(t, due, cases[0].Due, "before the end is announced, but within no less than the term of a case")
		var owed calendar.Date
		require.NoError(t, s.SQL().QueryRowContext(context.Background(), "SELECT due FROM obligations WHERE kind = 'case' AND subject = ?", models.CaseObject(cases[0].ID)).Scan(&owed))
		require.Equal(t, due, owed)
		require.Len(t, cases[0].Ground, 4)
		z.follow(c.ID, "2029-08-17")
		require.Len(t, z.kept(c, models.CaseEvaluation), 1, "opened once")

		// a delivery mends the last year: the grounds are computed anew, on record, once
		z.exec("UPDATE src_tax SET paid = 120000 WHERE uscc = ? AND tax_year = 2028", c.USCC)
		found, moved := z.recheck("2029-08-20")
		require.Equal(t, 1, found.Evaluations)
		require.Equal(t, []string{c.Number}, moved)
		k := z.kept(c, models.CaseEvaluation)[0]
		require.Equal(t, models.OutcomeMet, k.Ground[0].Outcome)
		require.Equal(t, "附三(五)A", k.Ground[0].Clause)
		require.Equal(t, models.CaseOpen, k.State)
		found, _ = z.recheck("2029-08-21")
		require.Zero(t, found.Evaluations, "the same again is nothing new")
		steps, err := s.CaseSteps(context.Background(), k.ID)
		require.NoError(t, err)
		var events []models.CertifiedEvent
		for _, step := range steps {
			events = append(events, step.Event)
		}
		require.Equal(t, []models.CertifiedEvent{models.CertifiedOpenCase, models.CertifiedEvaluate, models.CertifiedGroundsAdded}, events)
		m, e = z.evaluated(c.ID, "2029-08-21")
		require.Equal(t, models.OutcomeMet, m["A"])
		require.Equal(t, models.OutcomeExtend, e.Proposal)
	})
}

func TestWhoWasHeardInItsEvaluationIsHeardAgainAboutWhatSpeaksAgainstItSince(t *testing.T) { // 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		p := &proceeding{season: z, c: list[0]}
		z.years(p.c, 100_000, 100_000, 100_000, 100_000)
		z.exec("DELETE FROM src_tax WHERE uscc = ? AND tax_year = 2025", p.c.USCC)
		p.follow("2029-08-16")
		k := z.kept(p.c, models.CaseEvaluation)[0]
		require.Equal(t, models.OutcomeNotKnown, k.Ground[0].Outcome)
		step := func(e models.CertifiedEvent, o models.CaseOutcome, by models.Actor, on string) error {
			return p.step(models.CertifiedCommand{Event: e, CaseID: k.ID, Outcome: o}, by, on)
		}
		require.NoError(t, step(models.CertifiedHear, "", opener.Actor(), "2029-08-17"))
		require.NoError(t, step(models.CertifiedState, "", models.HouseholdActor(p.c.USCC), "2029-08-20"))
		require.NoError(t, step(models.CertifiedPropose, models.OutcomeLapse, proposer.Actor(), "2029-08-21"))

		z.exec("INSERT INTO src_tax (district, year, uscc, tax_year, registered, paid) VALUES ('110107', 2027, ?, 2025, 1, 100000)", p.c.USCC)
		found, _ := z.recheck("2029-08-22")
		require.Equal(t, 1, found.Evaluations)
		k = p.read(k)
		require.Equal(t, models.OutcomeNotMet, k.Ground[0].Outcome)
		require.Equal(t, []any{models.CaseHearing, models.CaseOutcome(""), calendar.Date(0)}, []any{k.State, k.Outcome, k.HeardOn}, "it was heard when nobody knew")
		require.Greater(t, k.HearingDue, calendar.MustDate("2029-08-22"))
		require.Equal(t, models.ObligationOpen, p.duties(k)[models.ObligationHearing].State)
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedDecide, models.OutcomeLapse, decider.Actor(), "2029-08-23")), "not unheard")

		require.NoError(t, step(models.CertifiedState, "", models.HouseholdActor(p.c.USCC), "2029-08-23"))
		z.exec("UPDATE src_tax SET paid = 50000 WHERE uscc = ? AND tax_year = 2025", p.c.USCC)
		z.recheck("2029-08-24")
		require.Equal(t, []any{models.OutcomeMet, models.CaseHeard}, []any{p.read(k).Ground[0].Outcome, p.read(k).State}, "what speaks for it needs no hearing")
	})
}

func TestAnEvaluationSaysWhichDataAreMissing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		c := list[0]
		z.years(c, 100_000, 100_000, 100_000, 100_000)
		z.exec("DELETE FROM src_tax WHERE uscc = ? AND tax_year = 2025", c.USCC)
		z.exec("DELETE FROM deliveries WHERE source = 'honours' AND year = 2028")
		m, e := z.evaluated(c.ID, "2029-08-16")
		require.Equal(t, map[string]models.Outcome{"A": models.OutcomeNotKnown, "B": models.OutcomeNotKnown, "C": models.OutcomeNotMet, "D": models.OutcomeNotMet}, m)
		require.Empty(t, e.Proposal)
		require.Equal(t, []string{"实缴税额：2025年度（基期）没有数据", "B：2028年度的表彰奖励数据未交付"}, e.Missing)

		// a later year's file names the base year too
		z.exec("INSERT INTO src_tax (district, year, uscc, tax_year, registered, paid) VALUES ('110107', 2027, ?, 2025, 1, 50000)", c.USCC)
		m, _ = z.evaluated(c.ID, "2029-08-16")
		require.Equal(t, models.OutcomeMet, m["A"])
		z.exec("INSERT INTO src_honours (district, year, uscc, title, awarded_on, level) VALUES ('110107', 2027, ?, '示范', '2027-05-01', '区级'), ('110107', 2029, ?, '示范', '2027-05-01', '市级')", c.USCC, c.USCC)
		m, e = z.evaluated(c.ID, "2029-08-16")
		require.Equal(t, models.OutcomeMet, m["B"])
		require.Equal(t, "2027年5月1日“示范”（市级）", e.Findings[1].Value, "delivered twice, it is one")
		z.exec("UPDATE published_tiers SET tier = ? WHERE uscc = ? AND year = 2029", models.Development, c.USCC)
		z.exec("UPDATE certifications SET tier = ? WHERE id = ?", models.Growth, c.ID)
		m, _ = z.evaluated(c.ID, "2029-08-16")
		require.Equal(t, models.OutcomeMet, m["C"])
	})
}

func TestAFurtherExtensionComparesWithTheEvaluationBefore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		c := list[0]
		z.years(c, 100_000, 100_000, 100_000, 100_000, 200_000, 200_000, 200_000)
		z.exec("UPDATE certifications SET extensions = 1, valid_until = ?, tier = ? WHERE id = ?", c.Extended(3), models.Survival, c.ID)
		z.exec("UPDATE published_tiers SET tier = ? WHERE uscc = ? AND year >= 2028", models.Growth, c.USCC)
		m, e := z.evaluated(c.ID, "2032-08-16")
		require.Equal(t, calendar.MustDate("2029-11-23"), e.Since)
		require.Equal(t, 2028, e.BaseYear)
		require.Equal(t, models.OutcomeNotMet, m["C"], "it had risen before the evaluation of 2029")
		require.Contains(t, e.Findings[2].Value, "2029年度为“成长型”，2032年度为“成长型”")
		require.Equal(t, models.OutcomeMet, m["A"], "2028 to 2031")
	})
}

func TestTheRecommendingDepartmentIsAskedAtOnce(t *testing.T) { // 附三(五)D
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		c := list[0]
		z.years(c, 100_000, 100_000, 100_000, 100_000)
		z.exec("UPDATE applications SET origin = 'recommended', department = 'swj' WHERE id = ?", c.ApplicationID)
		z.follow(c.ID, "2029-08-16")
		k := z.kept(c, models.CaseEvaluation)[0]
		require.Equal(t, "swj", k.Department)
		m, e := z.evaluated(c.ID, "2029-08-17")
		require.Equal(t, models.OutcomeNotKnown, m["D"])
		require.Empty(t, e.Proposal, "the department is silent")
		for opinion, want := range map[models.Opinion]models.CaseOutcome{models.OpinionAgrees: models.OutcomeExtend, models.OpinionDisagrees: models.OutcomeLapse} {
			z.exec("UPDATE cases SET opinion = ? WHERE id = ?", opinion, k.ID)
			_, e = z.evaluated(c.ID, "2029-08-18")
			require.Equal(t, want, e.Proposal)
		}
	})
}
