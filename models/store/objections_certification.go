package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file is about objections to what was decided about a certification (附三(五), 三(三)).

// objectableCertification gives the day of the decision that an objection is directed at; a *models.Error where there is none.
func (s *Store) objectableCertification(tx *gorm.DB, r *objectionRow) (calendar.Date, error) {
	c, err := certificationOf(tx, r.ApplicationID)
	if err != nil {
		return 0, err
	}
	if c.USCC != r.USCC || c.CycleID != r.CycleID {
		return 0, models.NotFound("没有这项认定，或不是您的")
	}
	r.Department = "" // nobody is asked yet
	if r.CaseID == 0 {
		end, err := endOf(tx, c.ID)
		if err != nil {
			return 0, err
		}
		if end.Event != models.CertifiedEnd || c.State == models.CertificationValid {
			return 0, models.Conflict("该认定现为“%s”，请指明对哪一事项的决定有异议", c.State.Name())
		}
		return end.OnDate, nil
	}
	k, err := s.lockCase(tx, c.ID, r.CaseID)
	if err != nil {
		return 0, err
	}
	if k.State != models.CaseDecided || !k.Outcome.Adverse() {
		return 0, models.Conflict("该事项现为“%s”，没有可以提出异议的决定", k.State.Name())
	}
	return k.DecidedOn, nil
}

// endOf is the event with which a certification last stopped being valid; the zero step for one that never did.
func endOf(tx *gorm.DB, certificationID int64) (step models.CertifiedStep, err error) {
	var steps []models.CertifiedStep
	err = tx.Table("certified_events").Where("certification_id = ? AND from_state = ? AND to_state <> from_state", certificationID, models.CertificationValid).
		Order("seq DESC").Limit(1).Find(&steps).Error
	if err != nil {
		return step, fmt.Errorf("reading what ended certification %d: %w", certificationID, err)
	}
	if len(steps) > 0 {
		step = steps[0]
	}
	return step, nil
}

// objectedWork reads what restoring a certification may need, before the transaction.
func (s *Store) objectedWork(ctx context.Context, o models.Objection, today calendar.Date) (*certifiedWork, error) {
	c, err := s.CertificationOf(ctx, o.ApplicationID)
	if err != nil {
		return nil, err
	}
	w, err := s.certifiedWork(ctx, c.ID, today)
	if err == nil {
		w.c = &c
	}
	return w, err
}

// otherThanCaseDecider refuses who had a hand in the decision objected to: who decided, proposed, opened the case or spoke for the department.
func (s *Store) otherThanCaseDecider(tx *gorm.DB, r *objectionRow, actor models.Actor) error {
	var n int64
	err := tx.Raw("SELECT COUNT(*) FROM certified_events WHERE case_id = ? AND case_id <> 0 AND actor = ?", r.CaseID, actor).Scan(&n).Error
	if err != nil {
		return fmt.Errorf("looking for who decided what is objected to: %w", err)
	}
	if n > 0 {
		return models.Errorf(models.CodeForbidden, "办理或决定该事项的人不得办结对它的异议，请由他人办理")
	}
	return nil
}

// standAgain undoes what was decided: what was taken is given back from that day on, as far as the time allows; the history stays.
func (s *Store) standAgain(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) error {
	r, w := &k.row, k.about
	if err := w.lock(s, tx, w.c.ID); err != nil {
		return err
	}
	outcome := models.OutcomeCancel // it ended without a case
	if r.CaseID != 0 {
		decided, err := s.lockCase(tx, w.c.ID, r.CaseID)
		if err != nil {
			return err
		}
		outcome = decided.Outcome
	}
	if outcome == models.OutcomeRevoke {
		if err := tx.Exec("UPDATE revocations SET lifted_on = ? WHERE case_id = ?", k.today, r.CaseID).Error; err != nil {
			return fmt.Errorf("lifting a revocation: %w", err)
		}
	}
	event, err := s.undoing(tx, w, outcome)
	if err != nil {
		return err
	}
	if r.Effect = models.EffectCleared; event == "" {
		return nil
	}
	from, extensions := w.c.State, w.c.Extensions
	err = s.recordCertified(tx, w, models.CertifiedCommand{CommandID: objectionCommandID(r.ID), CertificationID: w.c.ID, Event: event, Actor: c.Actor,
		ReasonID: c.ReasonID, Clause: c.Clause, CaseID: r.CaseID}, map[string]any{"objection": r.ID})
	if err != nil || w.c.State != models.CertificationValid {
		return err
	}
	if r.Effect = models.EffectRestored; w.c.Extensions > extensions {
		r.Effect = models.EffectExtended
	}
	if from == models.CertificationValid {
		return nil
	}
	return s.resume(tx, w)
}

// undoing is the event that undoes an outcome; empty where something else has happened to the certification since, which then stands.
func (s *Store) undoing(tx *gorm.DB, w *certifiedWork, outcome models.CaseOutcome) (models.CertifiedEvent, error) {
	switch {
	case outcome == models.OutcomeCancel && w.c.State == models.CertificationCancelled, outcome == models.OutcomeRevoke && w.c.State == models.CertificationRevoked:
		return models.CertifiedRestore, nil
	case outcome != models.OutcomeLapse || w.c.State != models.CertificationValid && w.c.State != models.CertificationLapsed:
		return "", nil
	}
	end, err := endOf(tx, w.c.ID)
	if err != nil || w.c.State == models.CertificationLapsed && end.Event == models.CertifiedSucceed {
		return "", err
	}
	var other int64
	err = tx.Model(&models.Certification{}).Where("uscc = ? AND live = 1 AND id <> ?", w.c.USCC, w.c.ID).Count(&other).Error
	if err != nil || other > 0 { // a newer certification has taken its place
		return "", err
	}
	if err := s.extensionBarred(tx, w); err != nil {
		return "", err
	}
	return models.CertifiedExtend, nil
}

// resume takes the calendar of a restored certification up again: what could not be done while it was not valid is not held against the
// household (its report: restoreReports), and what its term still asks for begins.
func (s *Store) resume(tx *gorm.DB, w *certifiedWork) error {
	before := w.c.Reached
	w.c.Reached = max(before, w.today)
	if err := tx.Model(&models.Certification{}).Where("id = ?", w.c.ID).Update("reached", w.c.Reached).Error; err != nil {
		return fmt.Errorf("taking up the calendar of certification %s: %w", w.c.Number, err)
	}
	for _, m := range w.c.Milestones(w.terms, before, w.today) {
		if m.Kind == models.MilestoneBenefits || m.Kind == models.MilestoneAnnounce {
			if err := s.reachOne(tx, w, m); err != nil {
				return err
			}
		}
	}
	if w.c.EvaluationOn(w.terms) > w.today {
		return nil
	}
	return s.openEvaluation(tx, w)
}

// stoodBefore gives what a revoked certification was worth before: also who was rightly revoked no longer may have been cancelled before, and
// that stands unless it was itself undone. Zero for one that was valid or had run out: the time alone then says what it is worth.
func stoodBefore(tx *gorm.DB, c *models.Certification) (state models.CertificationState, ended calendar.Date, err error) {
	var steps []models.CertifiedStep
	err = tx.Table("certified_events").Where("certification_id = ? AND to_state = ? AND from_state = ? AND (SELECT MAX(e.seq) FROM certified_events e WHERE e.certification_id = ? AND e.event = ?) > seq",
		c.ID, models.CertificationCancelled, models.CertificationValid, c.ID, models.CertifiedRevoke).Order("seq DESC").Limit(1).Find(&steps).Error
	if err != nil || len(steps) == 0 {
		return "", 0, err
	}
	var since int64
	err = tx.Raw(`SELECT (SELECT COUNT(*) FROM objections WHERE application_id = ? AND kind = ? AND case_id = ? AND outcome = ?) +
		(SELECT COUNT(*) FROM certified_events WHERE certification_id = ? AND event = ? AND from_state = ? AND seq > ?)`, c.ApplicationID, models.ObjectionCertification,
		steps[0].CaseID, models.ObjectionUpheld, c.ID, models.CertifiedRestore, models.CertificationCancelled, steps[0].Seq).Scan(&since).Error
	if err != nil || since > 0 {
		return "", 0, err
	}
	return models.CertificationCancelled, steps[0].OnDate, nil
}

// lastingObjections are the subjects of the objections of a cycle that go on when it is done.
func lastingObjections(tx *gorm.DB, cycleID string) ([]string, error) {
	var ids []int64
	err := tx.Model(&objectionRow{}).Where("cycle_id = ? AND kind = ? AND state IN ?", cycleID, models.ObjectionCertification, models.LiveObjectionStates).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("looking for the objections of %s that go on: %w", cycleID, err)
	}
	subjects := make([]string, len(ids))
	for i, id := range ids {
		subjects[i] = models.ObjectionObject(id)
	}
	return subjects, nil
}
