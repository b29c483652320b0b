package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// newestData is the cycle whose deliveries say how certified households stand, and how far its year has come.
type newestData struct {
	cycle     models.Cycle
	reportsIn bool // the annual reports are delivered and the date for the data has passed
	tiersOut  bool // this year's tiers are published
}

// newestDataOf reads what the standing of a district's certified households is judged on; a zero cycle when no registry was delivered.
func (s *Store) newestDataOf(ctx context.Context, district string, rehearsal bool, today calendar.Date) (newestData, error) {
	id, err := s.NewestData(ctx, district, rehearsal)
	if err != nil || id == "" {
		return newestData{}, err
	}
	return s.dataOf(ctx, id, today)
}

// dataOf says how far the year of a cycle has come.
func (s *Store) dataOf(ctx context.Context, cycleID string, today calendar.Date) (d newestData, err error) {
	failed := func(err error) (newestData, error) {
		return d, fmt.Errorf("reading how far %s has come: %w", cycleID, err)
	}
	if d.cycle, err = s.Cycle(ctx, cycleID); err != nil {
		return failed(err)
	}
	// not EXISTS: of two of them side by side MariaDB 10.11 may say that it does not know their column
	err = s.sql.QueryRowContext(ctx, `SELECT (SELECT 1 FROM deliveries WHERE district = ? AND year = ? AND source = ? AND state = ? LIMIT 1) IS NOT NULL,
		(SELECT 1 FROM published_tiers WHERE district = ? AND year = ? LIMIT 1) IS NOT NULL`, d.cycle.District, d.cycle.Year, models.SourceAnnualReport.String(), models.DeliveryAccepted,
		d.cycle.District, d.cycle.Year).Scan(&d.reportsIn, &d.tiersOut)
	if err != nil {
		return failed(err)
	}
	d.reportsIn = d.reportsIn && today > d.cycle.Plan[calendar.PlanDataDue]
	return d, nil
}

// StandingOf says how a certified household stands on the newest data (附一(三)1, 附三(三)1).
func (s *Store) StandingOf(ctx context.Context, certificationID int64, today calendar.Date) (models.Standing, error) {
	standing := models.Standing{On: today}
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return standing, err
	}
	if w.candidate != nil {
		standing.Cycle, standing.DataMark = w.candidate.CycleID, w.candidate.DataMark
	}
	standing.Findings = w.standing()
	return standing, nil
}

// recheckPage bounds the households of one page of a re-check.
const recheckPage = maxCandidates

// RecheckCertified checks the next certified households of a district, after an id, against the newest data (附三(五) 动态管理): a standard that
// is not met any more opens a case, a case whose grounds are gone is closed, who is not registered any more ends, and open evaluations are
// computed again. What was found before is not found twice. Only certifications on the same kind of clock are touched: rehearsed, or real.
func (s *Store) RecheckCertified(ctx context.Context, district string, rehearsal bool, today calendar.Date, after int64) (models.RecheckPage, error) {
	page := models.RecheckPage{Last: after}
	failed := func(err error) (models.RecheckPage, error) {
		return page, fmt.Errorf("checking the certified households of %s again: %w", district, err)
	}
	data, err := s.newestDataOf(ctx, district, rehearsal, today)
	if err != nil {
		return failed(err)
	}
	if data.cycle.ID == "" {
		page.Done = true
		return page, nil
	}
	var list []models.Certification
	if err := s.db.WithContext(ctx).Where("district = ? AND live = 1 AND id > ?", district, after).Order("id").Limit(recheckPage).Find(&list).Error; err != nil {
		return failed(err)
	}
	page.Done = len(list) < recheckPage
	if len(list) == 0 {
		return page, nil
	}
	page.Last = list[len(list)-1].ID
	r := recheck{store: s, data: data, today: today}
	if err := r.read(ctx, list, rehearsal); err != nil {
		return failed(err)
	}
	for i := range list {
		c := &list[i]
		if _, mine := r.laws[c.CycleID]; !mine {
			continue
		}
		page.Checked++
		var found models.RecheckCounts
		if r.asks(c) {
			var refused *models.Error
			switch found, err = s.recheckOne(ctx, c.ID, today); {
			case errors.As(err, &refused): // one household must not keep the others from being checked
				page.Refused = append(page.Refused, c.Number)
				continue
			case err != nil:
				return failed(fmt.Errorf("certification %s: %w", c.Number, err))
			}
			page.Add(found)
		}
		if found.Changed() || c.Events > c.ProcessEvents { // told again when the page is done again
			page.Moved = append(page.Moved, *c)
		}
	}
	return page, nil
}

// HasCertified says whether a district has certified households at all.
func (s *Store) HasCertified(ctx context.Context, district string) (bool, error) {
	var some bool
	if err := s.sql.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM certifications WHERE district = ? AND live = 1)", district).Scan(&some); err != nil {
		return false, fmt.Errorf("looking for certified households of %s: %w", district, err)
	}
	return some, nil
}

// recheck is what a page of certified households is judged on, read with a few statements.
type recheck struct {
	store      *Store
	data       newestData
	today      calendar.Date
	laws       map[string]*policy.Policy // of the cycles on the same kind of clock
	candidates map[string]models.Candidate
	origins    map[int64]models.Origin // by application
	cases      map[int64][]models.Case // by certification: of kind data, and evaluations that go on
	operators  map[string]bool         // by household: whose operator is not the one last known
}

func (r *recheck) read(ctx context.Context, list []models.Certification, rehearsal bool) error {
	r.laws, r.origins, r.cases = map[string]*policy.Policy{}, map[int64]models.Origin{}, map[int64][]models.Case{}
	var usccs []string
	var ids, applications []int64
	other := map[string]bool{}
	for _, c := range list {
		if other[c.CycleID] {
			continue
		}
		if r.laws[c.CycleID] == nil {
			cycle, err := r.store.Cycle(ctx, c.CycleID)
			if err != nil {
				return err
			}
			if other[c.CycleID] = cycle.Clock.Rehearsal() != rehearsal; other[c.CycleID] {
				continue
			}
			if r.laws[c.CycleID], err = r.store.policyByID(ctx, cycle.PolicyID); err != nil {
				return err
			}
		}
		usccs, ids, applications = append(usccs, c.USCC), append(ids, c.ID), append(applications, c.ApplicationID)
	}
	if len(ids) == 0 {
		return nil
	}
	var err error
	if r.candidates, err = r.store.candidatesOf(ctx, r.data.cycle, usccs); err != nil {
		return err
	}
	var origins []struct {
		ID     int64
		Origin models.Origin
	}
	db := r.store.db.WithContext(ctx)
	if err := db.Raw("SELECT id, origin FROM applications WHERE id IN ?", applications).Scan(&origins).Error; err != nil {
		return err
	}
	for _, o := range origins {
		r.origins[o.ID] = o.Origin
	}
	var cases []models.Case
	if err := standingCases(db).Where("certification_id IN ?", ids).Find(&cases).Error; err != nil {
		return err
	}
	for _, k := range cases {
		r.cases[k.CertificationID] = append(r.cases[k.CertificationID], k)
	}
	r.operators, err = changedOperators(db, r.data.cycle, usccs, ids)
	return err
}

// changedOperators finds, among certifications, those whose operator in the newest registry is not the one last known, or of whom none is
// known; what becomes of it noticeOperator says.
func changedOperators(db *gorm.DB, cycle models.Cycle, usccs []string, ids []int64) (map[string]bool, error) {
	var names []struct{ USCC, Operator string }
	if err := db.Raw("SELECT uscc, operator FROM src_registry WHERE district = ? AND year = ? AND uscc IN ?", cycle.District, cycle.Year, usccs).Scan(&names).Error; err != nil {
		return nil, err
	}
	var known []models.OperatorChange
	if err := db.Select("uscc, operator, previous, registry_on").Where("certification_id IN ? AND "+operatorTaken, ids).Order("id").Find(&known).Error; err != nil {
		return nil, err
	}
	last := make(map[string]models.OperatorChange, len(known))
	for _, k := range known {
		last[k.USCC] = k
	}
	changed := map[string]bool{}
	for _, n := range names {
		k, ok := last[n.USCC]
		operator := strings.TrimSpace(n.Operator)
		if operator != "" && (!ok || k.News(operator)) {
			changed[n.USCC] = true
		}
	}
	return changed, nil
}

// standingCases are the cases that a re-check looks at: those of kind data, and evaluations that go on.
func standingCases(tx *gorm.DB) *gorm.DB {
	return tx.Where("(kind = ? OR kind = ? AND live = 1)", models.CaseData, models.CaseEvaluation).Order("id")
}

// asks says whether something about a household is to be written down.
func (r *recheck) asks(c *models.Certification) bool {
	cases := r.cases[c.ID]
	if slices.ContainsFunc(cases, func(k models.Case) bool { return k.Kind == models.CaseEvaluation }) {
		return true
	}
	candidate, ok := r.candidates[c.USCC]
	if !ok {
		return false
	}
	if !candidate.Registered() || r.operators[c.USCC] {
		return true
	}
	v := judgeStanding(r.laws[c.CycleID], &candidate, r.origins[c.ApplicationID], r.today, r.data, cases)
	return len(v.hits) > 0 || v.gone
}

// standingVerdict is what a re-check finds of one household.
type standingVerdict struct {
	hits []models.StandingFinding // that no case speaks of yet
	live *models.Case             // of kind data
	gone bool                     // nothing of what the live case rests on holds any more
}

// judgeStanding compares what the data hold against a household with the cases that are on record.
func judgeStanding(law *policy.Policy, c *models.Candidate, origin models.Origin, today calendar.Date, data newestData, cases []models.Case) (v standingVerdict) {
	findings := law.Standing(c, origin, today, data.reportsIn, data.tiersOut)
	hits := law.Hits(c, findings, today)
	known := map[string]bool{}
	for i, k := range cases {
		if k.Kind != models.CaseData || k.State == models.CaseClosed {
			continue
		}
		if k.State.Live() {
			v.live = &cases[i]
		}
		for _, g := range k.Ground {
			known[g.About] = true
		}
	}
	for _, h := range hits {
		if !known[h.About] {
			v.hits = append(v.hits, h)
		}
	}
	v.gone = v.live != nil && len(v.hits) == 0 && !slices.ContainsFunc(v.live.Ground, func(g models.StandingFinding) bool { return stands(g, findings, hits) })
	return v
}

// stands says whether a ground of a case still holds, or may: what is not known any more has not gone away.
func stands(ground models.StandingFinding, findings, hits []models.StandingFinding) bool {
	if slices.ContainsFunc(hits, func(h models.StandingFinding) bool { return h.About == ground.About }) {
		return true
	}
	return ground.About == "" || slices.ContainsFunc(findings, func(f models.StandingFinding) bool {
		return f.ID == ground.ID && f.Outcome == models.OutcomeNotKnown
	})
}

// recheckOne writes down what the newest data say of one household, all of it in one transaction.
func (s *Store) recheckOne(ctx context.Context, id int64, today calendar.Date) (found models.RecheckCounts, err error) {
	w, err := s.certifiedWork(ctx, id, today)
	if err != nil {
		return found, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		found = models.RecheckCounts{}
		if err := w.lock(s, tx, id); err != nil {
			return err
		}
		if w.c.State != models.CertificationValid {
			return nil // it ended meanwhile
		}
		if w.candidate != nil && !w.candidate.Registered() {
			found.Ended = 1
			return s.endUnregistered(tx, w)
		}
		var cases []models.Case
		if err := standingCases(tx).Where("certification_id = ?", id).Find(&cases).Error; err != nil {
			return err
		}
		for i := range cases {
			if cases[i].Kind != models.CaseEvaluation {
				continue
			}
			changed, err := s.refreshEvaluation(tx, w, &cases[i])
			if err != nil {
				return err
			}
			if changed {
				found.Evaluations++
			}
		}
		if w.candidate == nil {
			return nil
		}
		if err := s.standingChanged(tx, w, cases, &found); err != nil {
			return err
		}
		return s.operatorChanged(tx, w, &found)
	})
	return found, err
}

// operatorChanged shows the operator that the newest registry names to those who look after changes (noticeOperator).
func (s *Store) operatorChanged(tx *gorm.DB, w *certifiedWork, found *models.RecheckCounts) error {
	var names []string
	err := tx.Table("src_registry").Where("district = ? AND year = ? AND uscc = ?", w.c.District, w.candidate.Year, w.c.USCC).Pluck("operator", &names).Error
	if err != nil || len(names) == 0 {
		return err
	}
	before := w.c.Events
	if err := s.noticeOperator(tx, w, names[0]); err != nil {
		return err
	}
	if w.c.Events > before {
		found.Operators++
	}
	return nil
}

// endUnregistered ends the certification of a household that is 注销, 吊销 or 撤销 (附一(三)1, 附三(五)): nothing is left to decide.
func (s *Store) endUnregistered(tx *gorm.DB, w *certifiedWork) error {
	cmd := models.CertifiedCommand{CommandID: fmt.Sprintf("recheck/end/%d", w.c.Events+1), CertificationID: w.c.ID, Event: models.CertifiedEnd,
		Actor: models.ActorSystem, Clause: "附一(三)1、附三(五)"}
	return s.recordCertified(tx, w, cmd, map[string]any{"status": w.candidate.Status, "data": w.candidate.DataMark, "source": w.candidate.SourceText(models.SourceRegistry)})
}

// standingChanged opens a case for what does not hold any more, and closes the one whose grounds are gone.
func (s *Store) standingChanged(tx *gorm.DB, w *certifiedWork, cases []models.Case, found *models.RecheckCounts) error {
	v := judgeStanding(w.law, w.candidate, w.application.Origin, w.today, w.data, cases)
	for _, hit := range v.hits {
		before := w.c.Events
		if _, _, err := s.openCase(tx, w, models.CaseData, []models.StandingFinding{hit}, hit.About, models.ActorSystem, 0); err != nil {
			return err
		}
		if w.c.Events > before {
			found.Opened++
		}
	}
	if !v.gone {
		return nil
	}
	found.Closed++
	return s.closeCase(tx, w, v.live.ID, "部门数据更新后，立项所依据的情形已不存在")
}
