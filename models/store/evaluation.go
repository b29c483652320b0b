package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// EvaluationOf computes what the data say today of whether a certification is extended (附三(五)), with the opinion that its case holds.
func (s *Store) EvaluationOf(ctx context.Context, certificationID int64, today calendar.Date) (models.Evaluation, error) {
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return models.Evaluation{}, err
	}
	c, err := s.CertificationByID(ctx, certificationID)
	if err != nil {
		return models.Evaluation{}, err
	}
	w.c = &c
	db := s.db.WithContext(ctx)
	var cases []models.Case
	if err := db.Where("certification_id = ? AND kind = ? AND opened_on >= ?", c.ID, models.CaseEvaluation, c.EvaluationOn(w.terms)).Order("id DESC").Limit(1).Find(&cases).Error; err != nil {
		return models.Evaluation{}, fmt.Errorf("reading the evaluation of certification %s: %w", c.Number, err)
	}
	var k models.Case
	if len(cases) > 0 {
		k = cases[0]
	}
	return s.evaluate(db, w, k)
}

// evaluate computes the evaluation of the present term on everything that was delivered about the household; k is its case, zero if there is none.
func (s *Store) evaluate(tx *gorm.DB, w *certifiedWork, k models.Case) (models.Evaluation, error) {
	in := models.EvaluationInput{Certification: *w.c, Today: w.today, TierThen: w.c.Tier, ThenYear: w.c.Year, Origin: w.application.Origin,
		Department: w.law.DepartmentName(w.application.Department), Asked: k.Department != "", Opinion: k.Opinion}
	since := w.law.EvaluatedSince(*w.c)
	h := history{tx: tx, in: &in, district: w.c.District, uscc: w.c.USCC}
	for year := since.Year() - 1; year <= w.today.Year(); year++ {
		h.years = append(h.years, year)
	}
	for _, read := range []func(since calendar.Date) error{h.numbers, h.honours, h.delivered, h.tiers} {
		if err := read(since); err != nil {
			return models.Evaluation{}, fmt.Errorf("reading the years of certification %s: %w", w.c.Number, err)
		}
	}
	return w.law.Evaluate(in), nil
}

// history reads what was delivered about one household over the years: the rows carry their own year (报告年度, 所属年度), whichever cycle brought
// them; of two that speak of the same year the later cycle's counts.
type history struct {
	tx             *gorm.DB
	in             *models.EvaluationInput
	district, uscc string
	years          []int // of the cycles, from the year before the term began
}

func (h *history) numbers(calendar.Date) error {
	byYear := map[int]*models.EvaluationYear{}
	for _, q := range []struct {
		query string
		set   func(*models.EvaluationYear, models.Optional)
	}{
		{"SELECT report_year AS of_year, revenue AS value FROM src_annual_report", func(y *models.EvaluationYear, v models.Optional) { y.Revenue = v }},
		{"SELECT tax_year AS of_year, paid AS value FROM src_tax", func(y *models.EvaluationYear, v models.Optional) { y.Tax = v }},
		{"SELECT insured_year AS of_year, insured AS value FROM src_social_security", func(y *models.EvaluationYear, v models.Optional) { y.Insured = v }},
	} {
		var rows []struct {
			OfYear int
			Value  sql.NullInt64
		}
		if err := h.tx.Raw(q.query+" WHERE district = ? AND year IN ? AND uscc = ? ORDER BY year", h.district, h.years, h.uscc).Scan(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			if !r.Value.Valid {
				continue
			}
			if byYear[r.OfYear] == nil {
				byYear[r.OfYear] = &models.EvaluationYear{Year: r.OfYear}
			}
			q.set(byYear[r.OfYear], models.Known(r.Value.Int64))
		}
	}
	for _, y := range byYear {
		h.in.Years = append(h.in.Years, *y)
	}
	slices.SortFunc(h.in.Years, func(a, b models.EvaluationYear) int { return a.Year - b.Year })
	return nil
}

func (h *history) honours(calendar.Date) error {
	var rows []struct {
		Title     string
		AwardedOn calendar.Date
		Level     string
		Party     sql.NullInt64
	}
	err := h.tx.Raw("SELECT title, awarded_on, level, party FROM src_honours WHERE district = ? AND year IN ? AND uscc = ? ORDER BY awarded_on, title, year",
		h.district, h.years, h.uscc).Scan(&rows).Error
	for _, r := range rows {
		honour := models.Honour{Title: r.Title, On: r.AwardedOn, Level: r.Level, Party: number(r.Party)}
		if n := len(h.in.Honours); n > 0 && h.in.Honours[n-1].Title == r.Title && h.in.Honours[n-1].On == r.AwardedOn {
			h.in.Honours[n-1] = honour // delivered in several years: the last counts
			continue
		}
		h.in.Honours = append(h.in.Honours, honour)
	}
	return err
}

// delivered notes of which years each source was delivered, and of which no honours were.
func (h *history) delivered(since calendar.Date) error {
	var rows []struct {
		Source string
		Year   int
	}
	err := h.tx.Raw("SELECT DISTINCT source, year FROM deliveries WHERE district = ? AND year IN ? AND state = ? ORDER BY source, year",
		h.district, h.years, models.DeliveryAccepted).Scan(&rows).Error
	if err != nil {
		return err
	}
	var years [models.SourceCount][]string
	honoured := map[int]bool{}
	for _, r := range rows {
		source, err := models.ParseSource(r.Source)
		if err != nil {
			return err
		}
		years[source] = append(years[source], fmt.Sprint(r.Year))
		if source == models.SourceHonours {
			honoured[r.Year] = true
		}
	}
	for source := range models.SourceCount {
		h.in.Sources[source] = source.Name() + "（未交付）"
		if len(years[source]) > 0 {
			h.in.Sources[source] = source.Name() + "（" + strings.Join(years[source], "、") + "年度交付）"
		}
	}
	for year := since.Year() + 1; year <= h.in.Today.Year(); year++ { // the years of the term that have their own delivery
		if !honoured[year] {
			h.in.NoHonours = append(h.in.NoHonours, year)
		}
	}
	return nil
}

// tiers finds the tier now, and for a certification that was extended the tier at the evaluation before.
func (h *history) tiers(since calendar.Date) error {
	var rows []struct {
		Year int
		Tier models.Tier
	}
	err := h.tx.Raw("SELECT year, tier FROM published_tiers WHERE uscc = ? AND district = ? AND year <= ? ORDER BY year", h.uscc, h.district, h.in.Today.Year()).Scan(&rows).Error
	for _, r := range rows {
		switch {
		case h.in.Certification.Extensions > 0 && r.Year > h.in.ThenYear && r.Year <= since.Year():
			h.in.TierThen, h.in.ThenYear = r.Tier, r.Year
		case r.Year > h.in.ThenYear:
			h.in.TierNow, h.in.NowYear = r.Tier, r.Year
		}
	}
	return err
}

// openEvaluation begins the evaluation in the last year of validity: a case that rests on what the data say; the department that recommended the
// household is asked at once (beginCase; 附三(五)).
func (s *Store) openEvaluation(tx *gorm.DB, w *certifiedWork) error {
	e, err := s.evaluate(tx, w, models.Case{})
	if err != nil {
		return err
	}
	about := "evaluation/" + w.c.ValidUntil.String()
	k, opened, err := s.openCase(tx, w, models.CaseEvaluation, e.Findings, about, models.ActorSystem, 0)
	if err != nil || !opened {
		return err
	}
	// it is decided before the household is told of the end, unless that leaves less than the term of a case
	if until := w.c.ValidUntil.AddDays(-w.terms.AnnounceDays); until > k.Due {
		k.Due = until
		if err := tx.Model(&models.Case{}).Where("id = ?", k.ID).Update("due", k.Due).Error; err != nil {
			return fmt.Errorf("setting the term of case %d: %w", k.ID, err)
		}
		duty := caseDuty(k, models.ObligationCase, models.OwnerDepartment, models.BureauCode, "办理“"+k.Kind.Name()+"”事项", k.Due, w.today)
		if err := s.openObligation(tx, duty); err != nil {
			return err
		}
	}
	return s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("calendar/%s/%d", about, k.ID), CertificationID: w.c.ID, Event: models.CertifiedEvaluate, CaseID: k.ID,
		Actor: models.ActorSystem, Clause: clauseStanding}, map[string]any{"valid_until": w.c.ValidUntil, "proposal": e.Proposal, "due": k.Due})
}

// refreshEvaluation computes an evaluation that goes on anew, and keeps on record what has changed. Where the case stands stays, and a proposal
// that the data do not bear any more cannot be decided; but who was heard is heard again about what speaks against the household since.
func (s *Store) refreshEvaluation(tx *gorm.DB, w *certifiedWork, k *models.Case) (changed bool, err error) {
	e, err := s.evaluate(tx, w, *k)
	if err != nil || sameFindings(k.Ground, e.Findings) {
		return false, err
	}
	anew := k.HearingDue != 0 && worse(k.Ground, e.Findings)
	k.Ground = e.Findings
	if w.candidate != nil {
		k.DataMark = w.dataMark()
	}
	detail := map[string]any{"findings": outcomes(e.Findings), "proposal": e.Proposal}
	if anew { // nothing is held against a household about which it was not heard
		if err := s.hearAnew(tx, w, k); err != nil {
			return false, err
		}
		detail["to"], detail["hearing_due"] = k.State, k.HearingDue
	}
	if err := s.saveCase(tx, w, k, models.ActorSystem); err != nil {
		return false, err
	}
	return true, s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("recheck/evaluation/%d", w.c.Events+1), CertificationID: w.c.ID,
		Event: models.CertifiedGroundsAdded, CaseID: k.ID, Actor: models.ActorSystem, Clause: clauseStanding}, detail)
}

// worse says whether an evaluation holds more against the household than the one before.
func worse(before, after []models.StandingFinding) bool {
	rank := []models.Outcome{models.OutcomeNotMet, models.OutcomeNotKnown, models.OutcomeMet}
	return slices.ContainsFunc(after, func(a models.StandingFinding) bool {
		return slices.ContainsFunc(before, func(b models.StandingFinding) bool {
			return a.ID == b.ID && slices.Index(rank, a.Outcome) < slices.Index(rank, b.Outcome)
		})
	})
}

// sameFindings says whether two evaluations say the same: which years were delivered again does not matter.
func sameFindings(a, b []models.StandingFinding) bool {
	return slices.EqualFunc(a, b, func(x, y models.StandingFinding) bool {
		return x.ID == y.ID && x.Outcome == y.Outcome && x.Value == y.Value
	})
}

func outcomes(findings []models.StandingFinding) map[string]models.Outcome {
	m := make(map[string]models.Outcome, len(findings))
	for _, f := range findings {
		m[f.ID] = f.Outcome
	}
	return m
}
