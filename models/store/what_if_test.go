package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// draftOf is the work plan's policy with some words of the file changed.
func draftOf(t *testing.T, changes ...string) store.WhatIfDraft {
	t.Helper()
	file := string(policy.Default("110107", 2026))
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, file, changes[i])
		file = strings.Replace(file, changes[i], changes[i+1], 1)
	}
	p, err := policy.Load([]byte(file))
	require.NoError(t, err)
	return store.WhatIfDraft{Policy: p}
}

// tryOut tries a draft on the sample district and gives the result and everybody who moves.
func tryOut(t *testing.T, s *store.Store, draft store.WhatIfDraft) (*models.WhatIf, []models.WhatIfMover) {
	t.Helper()
	b, err := s.WhatIfBasis(context.Background(), "110107", 2026)
	require.NoError(t, err)
	var movers []models.WhatIfMover
	r, err := s.WhatIf(context.Background(), b, draft, func(m models.WhatIfMover) error {
		movers = append(movers, m)
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 500, r.Own.Before().Total())
	require.EqualValues(t, 500, r.Counting.After().Total())
	require.Len(t, movers, int(r.Own.Moving()))
	return r, movers
}

// delivered gives the codes that a query on the delivered rows selects, in order.
func delivered(t *testing.T, s *store.Store, where string) (codes []string) {
	t.Helper()
	list, err := s.SQL().QueryContext(context.Background(), `SELECT g.uscc FROM src_registry g
		LEFT JOIN src_annual_report a ON a.district = g.district AND a.year = g.year AND a.uscc = g.uscc AND a.report_year = 2025
		LEFT JOIN src_tax t ON t.district = g.district AND t.year = g.year AND t.uscc = g.uscc AND t.tax_year = 2025
		LEFT JOIN src_social_security i ON i.district = g.district AND i.year = g.year AND i.uscc = g.uscc AND i.insured_year = 2025
		WHERE g.district = '110107' AND g.year = 2026 AND `+where+` ORDER BY g.uscc`)
	require.NoError(t, err)
	defer func() { _ = list.Close() }()
	for list.Next() {
		var code string
		require.NoError(t, list.Scan(&code))
		codes = append(codes, code)
	}
	require.NoError(t, list.Err())
	return codes
}

// of keeps the codes whose tier by expected.csv is this one.
func of(t *testing.T, codes []string, tier models.Tier) []string {
	expected := sampletest.Expected(t)
	return slices.DeleteFunc(codes, func(c string) bool { return expected[c] != tier })
}

func moved(movers []models.WhatIfMover, from, to models.Tier) (codes []string) {
	for _, m := range movers {
		if m.From == from && m.To == to {
			codes = append(codes, m.USCC)
		}
	}
	return codes
}

var withoutCity = []models.Source{models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP, models.SourceHonours}

func TestADraftMovesExactlyTheHouseholdsBetweenTheOldAndTheNewAmount(t *testing.T) { // B2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s, withoutCity...)
		run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)

		r, movers := tryOut(t, s, draftOf(t, "value: 20万元", "value: 60万元"))
		want := of(t, delivered(t, s, "a.revenue >= 20000000 AND a.revenue < 60000000 AND COALESCE(t.paid, 0) < 100000 AND COALESCE(i.insured, 0) NOT BETWEEN 1 AND 3"), models.Growth)
		require.NotEmpty(t, want)
		require.Equal(t, want, moved(movers, models.Growth, models.Survival), "who lives by the revenue alone")
		require.Len(t, movers, len(want))
		n := int64(len(want))
		require.Equal(t, []models.WhatIfMove{{From: models.Growth, To: models.Survival, Own: n, Counting: n,
			Causes: []models.WhatIfCount{{ID: "growth.A", Clause: "附一(三)2(2)A", Name: "营业收入达到成长型标准", Households: n}}}}, r.Moves)
		require.Equal(t, "附一(三)2(2)A 营业收入达到成长型标准（符合→不符合）", movers[0].Causes[0].String())
		require.Equal(t, run.Counts, r.Own.Before(), "the present policy gives what the run gave")
		require.Equal(t, r.Own.Matrix, r.Counting.Matrix, "no city result: the own judgement counts")

		between := int64(len(delivered(t, s, "a.revenue >= 20000000 AND a.revenue < 60000000")))
		i := slices.IndexFunc(r.Conditions, func(c models.WhatIfCondition) bool { return c.ID == "growth.A" })
		require.Equal(t, []models.OutcomeFlow{{From: models.OutcomeMet, To: models.OutcomeNotMet, Households: between}}, r.Conditions[i].Flows,
			"also those who have their tier by something else")
		require.Equal(t, "营业收入 60 万元以上（待确认）", r.Conditions[i].DraftRule)
		for _, c := range r.Conditions {
			require.EqualValues(t, 500, c.After.Met+c.After.NotMet+c.After.NotKnown)
			require.True(t, c.ID == "growth.A" || c.Changed() == 0, c.ID)
		}
		var streets, falling int64
		for _, street := range r.Streets {
			streets += street.Own.From().Total()
			falling += models.Movement{Matrix: street.Own}.Count(models.DirectionFell)
		}
		require.EqualValues(t, 500, streets)
		require.Equal(t, n, falling)

		// 附三(四): ⌊5 % × (成长型 + 发展型)⌋
		base := run.Counts[models.Growth] + run.Counts[models.Development]
		require.Equal(t, base*5/100, r.Own.Base.Gross)
		require.Equal(t, (base-n)*5/100, r.Own.Draft.Gross)
		require.Equal(t, r.Own.Draft.Gross, r.Own.Draft.Places)

		_, up := tryOut(t, s, draftOf(t, "value: 20万元", "value: 10万元"))
		want = of(t, delivered(t, s, "a.revenue >= 10000000 AND a.revenue < 20000000 AND t.registered = 1 AND g.founded <= '2024-07-01'"), models.Survival)
		require.NotEmpty(t, want)
		require.Equal(t, want, moved(up, models.Survival, models.Growth))
		require.Len(t, up, len(want))
		require.Equal(t, "附一(三)2(2)A 营业收入达到成长型标准（不符合→符合）", up[0].Causes[0].String())

		current, err := s.CurrentRun(context.Background(), sampleCycle)
		require.NoError(t, err)
		require.Equal(t, run, current, "nothing of it is in the record")
	})
}

func TestTheSamePolicyMovesNobody(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s)
		_, err := s.WhatIfBasis(context.Background(), "110107", 2026)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "neither a run nor a policy in force")
		_, err = s.EnsurePolicy(context.Background(), "110107", 2026)
		require.NoError(t, err)
		r, movers := tryOut(t, s, draftOf(t)) // before the first run
		require.Empty(t, movers)
		require.Zero(t, r.Run)
		require.Equal(t, calendar.MustDate("2026-07-01"), r.AsOf, "the plan's tiering date")
		judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)
		r, movers = tryOut(t, s, draftOf(t))
		require.Empty(t, movers)
		require.Empty(t, r.Moves)
		require.Zero(t, r.HeldCity+r.HeldDecided)
		require.Equal(t, r.Counting.Base, r.Counting.Draft)
		require.NotEqual(t, r.Own.Before(), r.Counting.Before(), "the city sees some otherwise")
		for tier, n := range r.Own.Before() {
			require.Equal(t, n, r.Own.Matrix[tier][tier])
		}
		_, err = s.WhatIfBasis(context.Background(), "110107", 2027)
		require.Equal(t, models.CodeNotFound, models.CodeOf(err))
	})
}

func TestAConditionThatADraftAddsOrTakesAwayIsTheCause(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		deliverSample(t, s, withoutCity...)
		run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)

		r, movers := tryOut(t, s, draftOf(t, "    exclude:\n      - id: abnormal", `      - id: insured
        clause: 附一(三)1
        name: 以单位形式参保
        text: 上一年度以单位形式参保
        when: { fact: insured, at_least: growth.insured.min }
    exclude:
      - id: abnormal`))
		insured := delivered(t, s, "COALESCE(i.insured, 0) < 1")
		var want []string
		for _, code := range insured {
			if sampletest.Expected(t)[code] != models.Ineligible {
				want = append(want, code)
			}
		}
		require.NotEmpty(t, want)
		require.Len(t, movers, len(want))
		for i, m := range movers {
			require.Equal(t, want[i], m.USCC)
			require.Equal(t, models.Ineligible, m.To)
			require.Len(t, m.Causes, 1)
			require.Equal(t, "insured", m.Causes[0].ID)
			require.Empty(t, m.Causes[0].From, "the present policy does not ask for it")
		}
		require.Equal(t, run.Counts.Total()-run.Counts[models.Ineligible]-int64(len(want)), r.Own.After().Total()-r.Own.After()[models.Ineligible])

		// growth.C taken away: who has the tier by it alone falls, and it is named although the draft does not have it
		file := string(policy.Default("110107", 2026))
		from := strings.Index(file, "        - id: growth.C")
		to := strings.Index(file[from:], "    - tier: 生存型") + from
		r, movers = tryOut(t, s, draftOf(t, file[from:to], ""))
		want = of(t, delivered(t, s, "i.insured BETWEEN 1 AND 3 AND COALESCE(a.revenue, 0) < 20000000 AND COALESCE(t.paid, 0) < 100000"), models.Growth)
		require.NotEmpty(t, want)
		require.Equal(t, want, moved(movers, models.Growth, models.Survival))
		require.Equal(t, []models.WhatIfCause{{ID: "growth.C", Clause: "附一(三)2(2)C", Name: "以单位形式参保1至3人", From: models.OutcomeMet}}, movers[0].Causes)
		require.Equal(t, "growth.C", r.Conditions[len(r.Conditions)-1].ID)
		require.Zero(t, r.Conditions[len(r.Conditions)-1].After)
	})
}

func TestWhereTheCityOrADecisionStandsADraftMovesNobody(t *testing.T) { // R4
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		deliverSample(t, s)
		run := judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)
		r, movers := tryOut(t, s, draftOf(t, "value: 20万元", "value: 60万元"))
		require.NotEmpty(t, movers)
		var held int64
		for _, m := range movers {
			if m.City != models.NoTier {
				held++
				require.Equal(t, m.City, m.CountingTo())
			}
			require.Equal(t, m.City == models.NoTier, m.CountingFrom() != m.CountingTo())
		}
		require.Positive(t, held)
		require.Equal(t, held, r.HeldCity)
		require.Equal(t, int64(len(movers))-held, r.Counting.Moving())
		require.Equal(t, r.Counting.Moving(), r.Moves[0].Counting)

		free := slices.IndexFunc(movers, func(m models.WhatIfMover) bool { return m.City == models.NoTier })
		if free < 0 {
			free = 0
		}
		_, err := s.SQL().ExecContext(ctx, "INSERT INTO differences (cycle_id, uscc, run_id, own_tier, city_tier, department, source, why, state, decided_tier, reason_id, decided_by) VALUES (?, ?, ?, 3, 2, 'tax', 'tax', '', 'settled', 4, 1, 'user:1')",
			sampleCycle, movers[free].USCC, run.ID)
		require.NoError(t, err)
		again, decided := tryOut(t, s, draftOf(t, "value: 20万元", "value: 60万元"))
		require.EqualValues(t, 1, again.HeldDecided)
		require.Equal(t, models.Development, decided[free].CountingTo())
		require.Equal(t, models.Survival, decided[free].To, "both stay visible")
	})
}

func TestACertifiedHouseholdThatFallsOutIsNamedWithTheClause(t *testing.T) { // 附三(三)1
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 8, 0)
		z.exec("DELETE FROM src_city_tiering")
		certify := func(uscc, origin string, seat int) string {
			z.propose(uscc, "商行", models.Growth, seat)
			id := z.apps[len(z.apps)-1]
			z.exec("UPDATE applications SET origin = ? WHERE id = ?", origin, id)
			number := models.CertificationNumber("110107", 2026, seat)
			z.exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, policy_id, policy_hash, run_id, program, at)
				VALUES (?, ?, ?, ?, '110107', 2026, ?, '商行', 3, 'quality', '2026-11-23', '2099-11-22', 'valid', ?, ?, ?, 'test', '2026-11-23 00:00:00')`,
				number, sampleCycle, seat, id, uscc, z.law.ID, z.law.Hash, z.run.ID)
			return number
		}
		draft := draftOf(t, "value: 20万元", "value: 60万元")
		_, movers := tryOut(t, s, draft)
		fit := map[string]bool{}
		for _, f := range z.fit {
			fit[f.USCC] = true
		}
		var falling []string
		for _, m := range movers {
			if fit[m.USCC] {
				falling = append(falling, m.USCC)
			}
		}
		require.GreaterOrEqual(t, len(falling), 2)
		own := certify(falling[0], "own", 1)
		recommended := certify(falling[1], "recommended", 2)
		stays := z.fit[slices.IndexFunc(z.fit, func(f store.Result) bool { return f.Own == models.Development })]
		certify(stays.USCC, "own", 3)

		r, _ := tryOut(t, s, draft)
		require.EqualValues(t, 3, r.Certified.Valid)
		require.EqualValues(t, 2, r.Certified.Moved)
		require.EqualValues(t, 1, r.Certified.Out)
		require.EqualValues(t, 1, r.Certified.OutOwn)
		require.Len(t, r.Certified.Affected, 2)
		byNumber := map[string]models.WhatIfCertified{}
		for _, c := range r.Certified.Affected {
			byNumber[c.Certification.Number] = c
		}
		out := byNumber[own]
		require.Equal(t, falling[0], out.Certification.USCC)
		require.Equal(t, []models.Tier{models.Growth, models.Survival}, []models.Tier{out.From, out.To})
		require.Len(t, out.Barred, 1)
		require.Equal(t, policy.BarTier, out.Barred[0].ID)
		require.Equal(t, "附三(三)1", out.Barred[0].Clause)
		require.Contains(t, out.Barred[0].Why, "生存型")
		require.Equal(t, "附一(三)2(2)A", out.Causes[0].Clause)
		require.Empty(t, byNumber[recommended].Barred, "部门推荐的可以不受此限")
		require.Equal(t, models.Survival, byNumber[recommended].To)

		require.EqualValues(t, 8, r.Frozen.Places)
		require.Zero(t, r.Counting.Base.StillValid, "what the cycle certified itself is not taken off its own places")

		certify("92110107MA00000000", "own", 4)
		r, _ = tryOut(t, s, draft)
		require.EqualValues(t, 4, r.Certified.Valid)
		require.EqualValues(t, 1, r.Certified.Missing, "this year's registry lacks it: neither policy can judge it")
		require.EqualValues(t, 1, r.Certified.Out)

		// a bar of another length
		z.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on, penalty, published) VALUES ('110107', 2026, ?, '行政处罚', ?, '罚款', 1)",
			stays.USCC, r.Today.AddYears(-3).String())
		r, _ = tryOut(t, s, draftOf(t, "申报或推荐之日前2年内\n    value: 2年", "申报或推荐之日前5年内\n    value: 5年"))
		require.EqualValues(t, 1, r.Certified.Out)
		require.Equal(t, "附三(三)1(1)", r.Certified.Affected[0].Barred[0].Clause)
	})
}

func TestEverybodyWhoMovesIsGivenInOrderAndADeliveryMeanwhileEndsTheTrial(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list := make([]models.Row, 21_003) // three pages
		for i := range list {
			list[i] = row(i+2, text(code(i)), text("商行"), text("张三"), date("2026-02-01"), text("存续"), text("甲街道"), null, null, null, null, null, null, null, null, null)
		}
		deliver(t, s, models.SourceRegistry, "x", list...)
		_, err := s.EnsurePolicy(ctx, "110107", 2026)
		require.NoError(t, err)
		b, err := s.WhatIfBasis(ctx, "110107", 2026)
		require.NoError(t, err)
		draft := draftOf(t, "        - { fact: founded, in_cycle_year: true }", "        - { fact: founded, at_least_years: tiering.age }") // 当年新成立的也须有年报

		var codes []string
		r, err := s.WhatIf(ctx, b, draft, func(m models.WhatIfMover) error {
			codes = append(codes, m.USCC)
			return nil
		})
		require.NoError(t, err)
		require.Len(t, codes, len(list))
		require.True(t, slices.IsSorted(codes))
		require.Len(t, slices.Compact(codes), len(list))
		require.Len(t, r.Movers, models.MaxWhatIfListed)
		require.Equal(t, codes[:3], []string{r.Movers[0].USCC, r.Movers[1].USCC, r.Movers[2].USCC})
		require.EqualValues(t, len(list), r.Own.Matrix[models.Survival][models.Ineligible])
		require.Equal(t, "report", r.Movers[0].Causes[0].ID)
		require.Equal(t, []models.WhatIfStreet{{Name: "甲街道", Own: r.Own.Matrix, Counting: r.Counting.Matrix}}, r.Streets)

		refused := models.Conflict("不要了")
		_, err = s.WhatIf(ctx, b, draft, func(models.WhatIfMover) error { return refused })
		require.ErrorIs(t, err, refused, "who is given the list can end it")

		delivered := false
		_, err = s.WhatIf(ctx, b, draft, func(models.WhatIfMover) error {
			if !delivered {
				delivered = true
				deliver(t, s, models.SourceRegistry, "y", list[:10]...)
			}
			return nil
		})
		require.Equal(t, models.CodeUnavailable, models.CodeOf(err))
	})
}
