package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// clauseStanding is what every case about a certification rests on.
const clauseStanding = "附三(五)"

// openCase says that it is to be decided whether the certification goes on, and why: a case is opened, or the grounds are added to the one
// of its kind that goes on. about tells one matter from another: what is being decided, or was decided before, is not opened again. A
// report and what departments' data show is told to the household at once, an evaluation asks the recommending department; an operator's
// change, and what an officer opens by hand, wait for the bureau's first step. The error is a *models.Error where the certification is over.
func (s *Store) openCase(tx *gorm.DB, w *certifiedWork, kind models.CaseKind, ground []models.StandingFinding, about string, actor models.Actor, reasonID int64) (models.Case, bool, error) {
	if w.c.State != models.CertificationValid && kind != models.CaseFraud {
		return models.Case{}, false, models.Conflict("该认定现为“%s”，不能立项处理“%s”", w.c.State.Name(), kind.Name())
	}
	fingerprint := fingerprintOf(about)
	var known []models.Case
	err := tx.Where("state <> ? AND id IN (SELECT case_id FROM case_grounds WHERE certification_id = ? AND fingerprint = ?)", models.CaseClosed, w.c.ID, fingerprint).
		Order("id DESC").Limit(1).Find(&known).Error
	if err != nil {
		return models.Case{}, false, fmt.Errorf("looking for a case about the same of certification %s: %w", w.c.Number, err)
	}
	if len(known) > 0 {
		return known[0], false, nil
	}
	switch c, err := s.liveCase(tx, w.c.ID, kind); {
	case err == nil:
		return c, false, s.addGrounds(tx, w, &c, ground, fingerprint, actor, reasonID)
	case models.CodeOf(err) != models.CodeNotFound:
		return c, false, err
	}
	c, err := s.newCase(tx, w, kind, ground, fingerprint, actor, reasonID)
	if err != nil {
		return c, false, err
	}
	if err := s.recordCase(tx, w, &c, models.CertifiedOpenCase, actor, reasonID, map[string]any{"kind": kind, "due": c.Due, "data": c.DataMark}); err != nil {
		return c, false, err
	}
	return c, true, s.beginCase(tx, w, &c, actor)
}

func fingerprintOf(about string) string {
	sum := sha256.Sum256([]byte(about))
	return hex.EncodeToString(sum[:])
}

// newCase writes a case, and what the bureau owes for it.
func (s *Store) newCase(tx *gorm.DB, w *certifiedWork, kind models.CaseKind, ground []models.StandingFinding, fingerprint string, actor models.Actor, reasonID int64) (models.Case, error) {
	live := 1
	if ground == nil {
		ground = []models.StandingFinding{}
	}
	c := models.Case{CertificationID: w.c.ID, Number: w.c.Number, CycleID: w.c.CycleID, District: w.c.District, USCC: w.c.USCC, Kind: kind, Year: w.today.Year(),
		State: models.CaseOpen, Live: &live, Ground: ground, Fingerprint: fingerprint, DataMark: w.dataMark(), OpenedOn: w.today, OpenedBy: actor, OpenReasonID: reasonID,
		Due: w.workdays.TermEnd(w.today, w.law.Workdays("case.settle")), PolicyID: w.cycle.PolicyID, UpdatedAt: s.now()}
	err := tx.Create(&c).Error
	if err == nil {
		err = tx.Exec("INSERT INTO case_grounds (certification_id, fingerprint, case_id) VALUES (?, ?, ?)", w.c.ID, fingerprint, c.ID).Error
	}
	if err != nil {
		return c, fmt.Errorf("opening a case about certification %s: %w", w.c.Number, err)
	}
	return c, s.openObligation(tx, caseDuty(c, models.ObligationCase, models.OwnerDepartment, models.BureauCode, "办理“"+kind.Name()+"”事项", c.Due, w.today))
}

// dataMark names the deliveries that the household's newest data were read from.
func (w *certifiedWork) dataMark() string {
	if w.candidate == nil {
		return ""
	}
	return w.candidate.CycleID + " " + w.candidate.DataMark
}

// caseDuty is what somebody owes in a case.
func caseDuty(c models.Case, kind models.ObligationKind, ownerKind models.OwnerKind, owner, what string, due, today calendar.Date) models.Obligation {
	return models.Obligation{CycleID: c.CycleID, District: c.District, Kind: kind, Subject: models.CaseObject(c.ID), OwnerKind: ownerKind, Owner: owner,
		Title: fmt.Sprintf("%s（%s）", what, c.CaseNumber()), Clause: clauseStanding, Due: due, OpenedOn: today}
}

// beginCase takes the first step by itself where there is nothing to weigh before it.
func (s *Store) beginCase(tx *gorm.DB, w *certifiedWork, c *models.Case, actor models.Actor) error {
	event := models.CertifiedEvent("")
	switch {
	case c.Kind == models.CaseEvaluation && w.application.Department != "": // 附三(五)D
		event = models.CertifiedAskOpinion
	case c.Kind == models.CaseReport, c.Kind == models.CaseData && actor == models.ActorSystem:
		event = models.CertifiedHear
	default:
		return nil
	}
	var err error
	if c.State, err = c.Next(event, ""); err != nil {
		return err
	}
	var detail map[string]any
	if event == models.CertifiedAskOpinion {
		detail, err = s.askOpinion(tx, w, c, w.application.Department)
	} else {
		detail, err = s.hear(tx, w, c)
	}
	if err != nil {
		return err
	}
	if err := s.saveCase(tx, w, c, actor); err != nil {
		return err
	}
	return s.recordCase(tx, w, c, event, models.ActorSystem, 0, detail)
}

// addGrounds adds what came later to a case that goes on; who was heard before is heard about it too.
func (s *Store) addGrounds(tx *gorm.DB, w *certifiedWork, c *models.Case, ground []models.StandingFinding, fingerprint string, actor models.Actor, reasonID int64) error {
	from := c.State
	if err := s.hearAnew(tx, w, c); err != nil {
		return err
	}
	for _, g := range ground {
		if i := slices.IndexFunc(c.Ground, func(o models.StandingFinding) bool { return o.ID == g.ID && o.About == g.About }); i >= 0 {
			c.Ground[i] = g
			continue
		}
		c.Ground = append(c.Ground, g)
	}
	c.DataMark = w.dataMark()
	if err := tx.Exec("INSERT INTO case_grounds (certification_id, fingerprint, case_id) VALUES (?, ?, ?)", w.c.ID, fingerprint, c.ID).Error; err != nil {
		return fmt.Errorf("adding grounds to case %d: %w", c.ID, err)
	}
	if err := s.saveCase(tx, w, c, actor); err != nil {
		return err
	}
	return s.recordCase(tx, w, c, models.CertifiedGroundsAdded, actor, reasonID, map[string]any{"from": from, "to": c.State, "hearing_due": c.HearingDue, "data": c.DataMark})
}

// hearAnew takes back what was proposed on less than is known now, and hears who was heard before about the rest too.
func (s *Store) hearAnew(tx *gorm.DB, w *certifiedWork, c *models.Case) (err error) {
	from := c.State
	if c.State, err = c.Next(models.CertifiedGroundsAdded, ""); err != nil {
		return err
	}
	if from == models.CaseProposed {
		c.Outcome, c.ProposedBy, c.ProposedOn, c.ProposalID, c.Clause = "", "", 0, 0, ""
	}
	if c.State == models.CaseHearing {
		_, err = s.hear(tx, w, c)
	}
	return err
}

// closeCase ends a case whose grounds are gone, on record with why; one that is not live stays as it is.
func (s *Store) closeCase(tx *gorm.DB, w *certifiedWork, caseID int64, why string) error {
	c, err := s.lockCase(tx, w.c.ID, caseID)
	if err != nil || !c.State.Live() {
		return err
	}
	if c.State, err = c.Next(models.CertifiedCloseCase, ""); err != nil {
		return err
	}
	reasonID, err := s.addReason(tx, models.ActorSystem, why)
	if err != nil {
		return err
	}
	c.DecidedOn, c.DecidedBy, c.ReasonID = w.today, models.ActorSystem, reasonID
	if err := s.saveCase(tx, w, &c, models.ActorSystem); err != nil {
		return err
	}
	return s.recordCase(tx, w, &c, models.CertifiedCloseCase, models.ActorSystem, reasonID, nil)
}

// endCertified ends what has no object any more when a certification stops being valid: cases about whether it goes on, and what is owed
// about it. A suspicion of fraud is looked into all the same: what was obtained by fraud is revoked also when it is over.
func (s *Store) endCertified(tx *gorm.DB, w *certifiedWork) error {
	var ids []int64
	if err := tx.Model(&models.Case{}).Where("certification_id = ? AND live = 1 AND kind <> ?", w.c.ID, models.CaseFraud).Order("id").Pluck("id", &ids).Error; err != nil {
		return fmt.Errorf("looking for the cases of certification %s: %w", w.c.Number, err)
	}
	for _, id := range ids {
		if err := s.closeCase(tx, w, id, "该认定已"+w.c.State.Name()+"，本事项不再有处理的对象"); err != nil {
			return err
		}
	}
	if err := s.endReports(tx, w); err != nil {
		return err
	}
	about := models.CertificationObject(w.c.Number)
	err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND (subject = ? OR subject LIKE ?) AND state = ?", w.c.CycleID, about, about+"/%", models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationClosed, "done_on": w.today, "done_by": string(models.ActorSystem), "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("closing what is owed about certification %s: %w", w.c.Number, err)
	}
	return nil
}

// recordCase puts a step that the program takes in a case on record.
func (s *Store) recordCase(tx *gorm.DB, w *certifiedWork, c *models.Case, e models.CertifiedEvent, actor models.Actor, reasonID int64, detail map[string]any) error {
	return s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("%s/%s/%d", models.CaseObject(c.ID), e, w.c.Events+1), CertificationID: w.c.ID,
		Event: e, Actor: actor, ReasonID: reasonID, CaseID: c.ID, Clause: clauseStanding}, detail)
}

// saveCase writes a case; when it ended, nothing is owed for it any more.
func (s *Store) saveCase(tx *gorm.DB, w *certifiedWork, c *models.Case, actor models.Actor) error {
	failed := func(err error) error { return fmt.Errorf("keeping case %d: %w", c.ID, err) }
	if !c.State.Live() {
		c.Live = nil
		if c.State == models.CaseDecided {
			if err := s.fulfilObligation(tx, c.CycleID, models.ObligationCase, models.CaseObject(c.ID), models.BureauCode, w.today, actor); err != nil {
				return err
			}
		}
		if err := s.closeSubject(tx, c.CycleID, models.CaseObject(c.ID), w.today, actor); err != nil {
			return failed(err)
		}
		if err := s.settleReports(tx, w, *c, actor); err != nil {
			return err
		}
	}
	c.UpdatedAt = s.now()
	if err := tx.Model(c).Select("*").Omit("id").Updates(*c).Error; err != nil {
		return failed(err)
	}
	return nil
}

func (s *Store) lockCase(tx *gorm.DB, certificationID, id int64) (c models.Case, err error) {
	return takeCase(s.forUpdate(tx).Where("id = ? AND certification_id = ?", id, certificationID))
}

func (s *Store) liveCase(tx *gorm.DB, certificationID int64, kind models.CaseKind) (models.Case, error) {
	return takeCase(s.forUpdate(tx).Where("certification_id = ? AND kind = ? AND live = 1", certificationID, kind))
}

func takeCase(q *gorm.DB) (c models.Case, err error) {
	switch err := q.Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("没有这一事项")
	case err != nil:
		return c, fmt.Errorf("reading a case: %w", err)
	}
	return c, nil
}

// passHearings ends the hearings whose term passed without a word.
func (s *Store) passHearings(tx *gorm.DB, w *certifiedWork) error {
	var due []models.Case
	err := s.forUpdate(tx).Where("certification_id = ? AND state = ? AND hearing_due < ?", w.c.ID, models.CaseHearing, w.today).Order("id").Find(&due).Error
	if err != nil {
		return fmt.Errorf("looking for hearings of certification %s: %w", w.c.Number, err)
	}
	for i := range due {
		c := &due[i]
		if c.State, err = c.Next(models.CertifiedHearingOver, ""); err != nil {
			return err
		}
		c.HeardOn = w.today
		if err := s.closeDuty(tx, c, models.ObligationHearing, w.today); err != nil {
			return err
		}
		if err := s.saveCase(tx, w, c, models.ActorSystem); err != nil {
			return err
		}
		if err := s.recordCase(tx, w, c, models.CertifiedHearingOver, models.ActorSystem, 0, map[string]any{"hearing_due": c.HearingDue}); err != nil {
			return err
		}
	}
	return nil
}

// closeDuty ends what nobody did: it is closed, not done.
func (s *Store) closeDuty(tx *gorm.DB, c *models.Case, kind models.ObligationKind, today calendar.Date) error {
	err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND kind = ? AND subject = ? AND state = ?", c.CycleID, kind, models.CaseObject(c.ID), models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationClosed, "done_on": today, "done_by": string(models.ActorSystem), "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("closing what is owed in case %d: %w", c.ID, err)
	}
	return nil
}

// nextHearing is the day after the earliest term of a hearing that runs; 0 = none.
func (s *Store) nextHearing(tx *gorm.DB, certificationID int64) (calendar.Date, error) {
	var due []calendar.Date
	err := tx.Model(&models.Case{}).Where("certification_id = ? AND state = ?", certificationID, models.CaseHearing).Order("hearing_due").Limit(1).Pluck("hearing_due", &due).Error
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return due[0].AddDays(1), nil
}

// undecidedEvaluation says whether the evaluation goes on: the certification then does not lapse in silence.
func (s *Store) undecidedEvaluation(tx *gorm.DB, certificationID int64) (bool, error) {
	var n int64
	err := tx.Model(&models.Case{}).Where("certification_id = ? AND kind = ? AND live = 1", certificationID, models.CaseEvaluation).Count(&n).Error
	return n > 0, err
}

// Case gives one case; CodeNotFound if there is none.
func (s *Store) Case(ctx context.Context, id int64) (models.Case, error) {
	return takeCase(s.db.WithContext(ctx).Where("id = ?", id))
}

// LiveCases gives the cases of a certification that go on.
func (s *Store) LiveCases(ctx context.Context, certificationID int64) (list []models.Case, err error) {
	if err := s.db.WithContext(ctx).Where("certification_id = ? AND live = 1", certificationID).Order("id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the cases of certification %d: %w", certificationID, err)
	}
	return list, nil
}

// CaseQuery selects cases; an empty field selects all.
type CaseQuery struct {
	District   string
	Kind       models.CaseKind
	State      models.CaseState
	Live       bool   // only those that go on
	USCC       string // household
	Number     string // of the certification
	Department string // asked for its opinion
	Told       bool   // only those that the household may know of
	Before     int64  // 0 = from the newest
	Limit      int
}

// CaseItem is a case as it is listed, with the household's name at certification.
type CaseItem struct {
	models.Case
	Name string
}

// Cases lists cases, the newest first.
func (s *Store) Cases(ctx context.Context, q CaseQuery) ([]CaseItem, error) {
	sel := s.db.WithContext(ctx).Table("cases k").Select("k.*, c.name").Joins("JOIN certifications c ON c.id = k.certification_id")
	for _, f := range [...]struct{ column, value string }{{"k.district", q.District}, {"k.kind", string(q.Kind)}, {"k.state", string(q.State)}, {"k.uscc", q.USCC},
		{"k.number", q.Number}, {"k.department", q.Department}} {
		if f.value != "" {
			sel = sel.Where(f.column+" = ?", f.value)
		}
	}
	if q.Live {
		sel = sel.Where("k.state IN ?", models.LiveCaseStates)
	}
	if q.Told { // models.Case.Told
		sel = sel.Where("(k.kind <> ? OR k.hearing_due IS NOT NULL)", models.CaseFraud)
	}
	if q.Before != 0 {
		sel = sel.Where("k.id < ?", q.Before)
	}
	var list []CaseItem
	if err := sel.Order("k.id DESC").Limit(q.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing cases: %w", err)
	}
	return list, nil
}

// CaseSteps gives what happened in a case, in order.
func (s *Store) CaseSteps(ctx context.Context, id int64) ([]models.CertifiedStep, error) {
	var steps []models.CertifiedStep
	if err := s.db.WithContext(ctx).Table("certified_events").Where("case_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened in case %d: %w", id, err)
	}
	return steps, nil
}

// CommandedCase is the case that a command on a certification was about; 0 before it was carried out.
func (s *Store) CommandedCase(ctx context.Context, certificationID int64, commandID string) (int64, error) {
	var ids []int64
	err := s.db.WithContext(ctx).Table("certified_events").Where("certification_id = ? AND command_id = ?", certificationID, commandID).Limit(1).Pluck("case_id", &ids).Error
	if err != nil {
		return 0, fmt.Errorf("looking for the case of a command: %w", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return ids[0], nil
}
