package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// certifiedWork is one transaction about a certified household. Everything but c is read before it: a second connection taken within it
// could wait for ever.
type certifiedWork struct {
	c           *models.Certification // locked
	cycle       models.Cycle          // of the certification
	law         *policy.Policy        // of that cycle
	workdays    *calendar.Workdays
	terms       models.CertifiedTerms
	today       calendar.Date
	application models.Application
	candidate   *models.Candidate // newest delivered data of the household; nil when no cycle's registry has it
	data        newestData        // of the candidate: how far its year has come
	byProcess   bool              // the certification's own process does it, and so knows of it
	then        []func() error    // what follows from a command, once that is on record
}

// certifiedWork reads what an event of a certification may need.
func (s *Store) certifiedWork(ctx context.Context, id int64, today calendar.Date) (w *certifiedWork, err error) {
	w = &certifiedWork{today: today}
	c, err := s.CertificationByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if w.cycle, err = s.Cycle(ctx, c.CycleID); err != nil {
		return nil, err
	}
	if w.law, err = s.policyByID(ctx, w.cycle.PolicyID); err != nil {
		return nil, err
	}
	w.terms = w.law.CertifiedTerms()
	if w.workdays, err = s.Workdays(ctx); err != nil {
		return nil, err
	}
	if w.application, err = s.Application(ctx, c.ApplicationID); err != nil {
		return nil, err
	}
	newest, err := s.NewestData(ctx, c.District, w.cycle.Clock.Rehearsal())
	if err != nil || newest == "" {
		return w, err
	}
	candidate, err := s.Candidate(ctx, newest, c.USCC)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		return w, nil
	case err != nil:
		return nil, err
	}
	w.candidate = &candidate
	w.data, err = s.dataOf(ctx, newest, today)
	return w, err
}

// lock takes the certification for this transaction.
func (w *certifiedWork) lock(s *Store, tx *gorm.DB, id int64) error {
	var c models.Certification
	if err := s.forUpdate(tx).Where("id = ?", id).Take(&c).Error; err != nil {
		return fmt.Errorf("locking certification %d: %w", id, err)
	}
	w.c = &c
	return nil
}

// CertificationByID gives a certification; CodeNotFound if there is none.
func (s *Store) CertificationByID(ctx context.Context, id int64) (c models.Certification, err error) {
	switch err := s.db.WithContext(ctx).Where("id = ?", id).Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("没有这项认定")
	case err != nil:
		return c, fmt.Errorf("reading certification %d: %w", id, err)
	}
	return c, nil
}

// NewestData names the cycle whose deliveries are the newest about a district's households: the latest year with a registry; of rehearsed
// cycles only, or of real ones only. Empty when there is none.
func (s *Store) NewestData(ctx context.Context, district string, rehearsal bool) (string, error) {
	var rows []cycleRow
	err := s.db.WithContext(ctx).Where(`district = ? AND state <> ? AND EXISTS (SELECT 1 FROM deliveries d
		WHERE d.district = cycles.district AND d.year = cycles.year AND d.source = ? AND d.state = ?)`,
		district, models.CycleCancelled, models.SourceRegistry.String(), models.DeliveryAccepted).Order("year DESC").Find(&rows).Error
	if err != nil {
		return "", fmt.Errorf("looking for the newest data of %s: %w", district, err)
	}
	for _, r := range rows {
		c, err := r.cycle()
		if err != nil {
			return "", err
		}
		if c.Clock.Rehearsal() == rehearsal {
			return c.ID, nil
		}
	}
	return "", nil
}

// ActOnCertified carries a command out, once: what belongs to the event is written in the same transaction. A command that was carried
// out before changes nothing. The error is a *models.Error when the command is refused.
func (s *Store) ActOnCertified(ctx context.Context, cmd models.CertifiedCommand, today calendar.Date) (models.Certification, error) {
	if err := cmd.Validate(); err != nil {
		return models.Certification{}, err
	}
	w, err := s.certifiedWork(ctx, cmd.CertificationID, today)
	if err != nil {
		return models.Certification{}, err
	}
	w.byProcess = true
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, cmd.CertificationID); err != nil {
			return err
		}
		if done, err := certifiedCommandDone(tx, cmd); err != nil || done {
			return err
		}
		do := cmd
		w.then = nil // the transaction may be tried again
		detail, err := s.certifiedEffect(tx, w, &do)
		if err != nil {
			return err
		}
		if err := s.recordCertified(tx, w, do, detail); err != nil {
			return err
		}
		for _, follow := range w.then {
			if err := follow(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return models.Certification{}, fmt.Errorf("%s of certification %d: %w", cmd.Event, cmd.CertificationID, err)
	}
	return *w.c, nil
}

// CertifiedCommandDone says whether the command was carried out; CodeConflict if another one was under its id.
func (s *Store) CertifiedCommandDone(ctx context.Context, cmd models.CertifiedCommand) (bool, error) {
	return certifiedCommandDone(s.db.WithContext(ctx), cmd)
}

func certifiedCommandDone(tx *gorm.DB, cmd models.CertifiedCommand) (bool, error) {
	return commandDone(tx.Table("certified_events").Where("certification_id = ? AND command_id = ?", cmd.CertificationID, cmd.CommandID), string(cmd.Event), cmd.Actor, cmd.Request)
}

// certifiedEffect does what belongs to an event that somebody brings about, beside the record of it, and completes the command for that.
func (s *Store) certifiedEffect(tx *gorm.DB, w *certifiedWork, cmd *models.CertifiedCommand) (map[string]any, error) {
	switch {
	case cmd.Event.OfCase() || cmd.Event == models.CertifiedOpenCase:
		return s.caseEffect(tx, w, cmd)
	case cmd.Event.OfReport():
		return s.reportEffect(tx, w, *cmd)
	case cmd.Event == models.CertifiedReportOperator:
		return s.operatorEffect(tx, w, *cmd)
	}
	return nil, models.Invalid("event", "“%s”不是由人办理的操作", cmd.Event.Name())
}

// FollowCertified does what a certification's calendar asks for by today, once each and in order (附三(五)), and gives it as it then is
// with the next date on which something is to be done; zero when nothing is.
func (s *Store) FollowCertified(ctx context.Context, id int64, today calendar.Date) (models.Certification, models.Milestone, error) {
	w, err := s.certifiedWork(ctx, id, today)
	if err != nil {
		return models.Certification{}, models.Milestone{}, err
	}
	w.byProcess = true
	var next models.Milestone
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, id); err != nil {
			return err
		}
		if w.c.Reached < w.c.BenefitsFrom { // the year's plan may have moved it
			w.c.BenefitsFrom = w.cycle.Plan[calendar.PlanBenefitsStart]
		}
		if w.c.Reached == w.c.CertifiedOn { // followed for the first time
			if err := s.keepOperator(tx, w); err != nil {
				return err
			}
		}
		for {
			// an extension or an end changes what follows: the list is read anew after each date
			due := w.c.Milestones(w.terms, w.c.Reached, today)
			if len(due) == 0 || w.c.State != models.CertificationValid {
				break
			}
			if err := s.reach(tx, w, due[0]); err != nil {
				return fmt.Errorf("%s on %s: %w", due[0].Kind, due[0].On, err)
			}
		}
		if err := s.passReports(tx, w); err != nil {
			return err
		}
		if err := s.passHearings(tx, w); err != nil {
			return err
		}
		if next, err = s.nextDate(tx, w); err != nil {
			return err
		}
		w.c.Reached, w.c.NextOn, w.c.ProcessEvents = max(w.c.Reached, today), next.On, w.c.Events
		return tx.Model(&models.Certification{}).Where("id = ?", id).
			Updates(map[string]any{"benefits_from": w.c.BenefitsFrom, "reached": w.c.Reached, "next_on": w.c.NextOn, "process_events": w.c.ProcessEvents}).Error
	})
	if err != nil {
		return models.Certification{}, next, fmt.Errorf("following the calendar of certification %d: %w", id, err)
	}
	return *w.c, next, nil
}

// reach does what one date of the calendar asks for, with all others of the same day, and notes that it was reached.
func (s *Store) reach(tx *gorm.DB, w *certifiedWork, first models.Milestone) error {
	for _, m := range w.c.Milestones(w.terms, first.On-1, first.On) {
		if w.c.State != models.CertificationValid {
			break
		}
		if err := s.reachOne(tx, w, m); err != nil {
			return err
		}
	}
	w.c.Reached = first.On
	return nil
}

func (s *Store) reachOne(tx *gorm.DB, w *certifiedWork, m models.Milestone) error {
	record := func(e models.CertifiedEvent, clause string) error {
		return s.recordCertified(tx, w, models.CertifiedCommand{CommandID: fmt.Sprintf("calendar/%s/%s", m.Kind, m.On), CertificationID: w.c.ID, Event: e,
			Actor: models.ActorSystem, Clause: clause}, map[string]any{"on": m.On})
	}
	switch m.Kind {
	case models.MilestoneBenefits:
		return record(models.CertifiedBenefits, "二(一)3")
	case models.MilestoneYear:
		return s.openReport(tx, w, m.On.Year())
	case models.MilestoneMissed:
		return s.missReport(tx, w, m.On.Year())
	case models.MilestoneEvaluate:
		return s.openEvaluation(tx, w)
	case models.MilestoneAnnounce:
		return record(models.CertifiedAnnounce, "附三(五)")
	case models.MilestoneEnd:
		open, err := s.undecidedEvaluation(tx, w.c.ID)
		if err != nil || open { // it is escalated, and its decision says what becomes of the certification
			return err
		}
		return record(models.CertifiedLapse, "附三(五)")
	}
	return fmt.Errorf("no such date of the calendar: %s", m.Kind)
}

// far is further than any term of validity looks ahead: the calendar is searched to here.
const far = 5 * 366

// nextDate is the next date of the calendar, or the day after a hearing's term if that is earlier.
func (s *Store) nextDate(tx *gorm.DB, w *certifiedWork) (next models.Milestone, err error) {
	if w.c.State == models.CertificationValid {
		if list := w.c.Milestones(w.terms, w.today, max(w.today, w.c.ValidUntil).AddDays(far)); len(list) > 0 {
			next = list[0]
		}
	}
	report, err := s.nextReport(tx, w.c.ID)
	if err != nil {
		return next, err
	}
	if w.c.State == models.CertificationValid && report != 0 && (next.On == 0 || report < next.On) {
		next = models.Milestone{Kind: models.MilestoneMissed, On: max(report, w.today+1)}
	}
	hearing, err := s.nextHearing(tx, w.c.ID)
	if err == nil && hearing != 0 && (next.On == 0 || hearing < next.On) {
		next = models.Milestone{Kind: models.MilestoneHearing, On: max(hearing, w.today+1)}
	}
	return next, err
}

// recordCertified is the one place where something happens to a certification: it becomes what the event makes of it, the event goes on
// record, and what has no object any more ends with it. It may be called several times in a transaction, each with a command of its own.
func (s *Store) recordCertified(tx *gorm.DB, w *certifiedWork, cmd models.CertifiedCommand, detail map[string]any) error {
	c, from := w.c, w.c.State
	failed := func(err error) error {
		return fmt.Errorf("recording %s of certification %s: %w", cmd.Event, c.Number, err)
	}
	next, err := c.State.Next(cmd.Event)
	if err != nil {
		return err
	}
	c.Events++
	change := map[string]any{"events": c.Events}
	if w.byProcess {
		c.ProcessEvents = c.Events
		change["process_events"] = c.Events
	}
	if cmd.Event.Moves() {
		if err := s.moveCertified(tx, w, cmd, next); err != nil {
			return failed(err)
		}
		change["state"], change["live"], change["valid_until"], change["ended_on"], change["extensions"] = c.State, c.Live, c.ValidUntil, c.EndedOn, c.Extensions
		change["reason_id"], change["clause"] = c.ReasonID, c.Clause
	}
	err = tx.Model(&models.Certification{}).Where("id = ?", c.ID).Updates(change).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return models.Conflict("该户另有一项有效的认定")
	}
	if err != nil {
		return failed(err)
	}
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return failed(err)
	}
	err = tx.Table("certified_events").Create(map[string]any{"certification_id": c.ID, "seq": c.Events, "command_id": cmd.CommandID, "request_hash": cmd.Request,
		"event": cmd.Event, "from_state": from, "to_state": c.State, "case_id": cmd.CaseID, "on_date": w.today, "reason_id": cmd.ReasonID, "clause": cmd.Clause,
		"detail": string(text), "actor": cmd.Actor, "at": s.now()}).Error
	if err != nil {
		return failed(err)
	}
	switch {
	case from == models.CertificationValid && c.State != from:
		if err := s.endCertified(tx, w); err != nil {
			return failed(err)
		}
	case from != models.CertificationValid && c.State == models.CertificationValid:
		if err := s.restoreReports(tx, w); err != nil {
			return failed(err)
		}
	}
	return s.audit(tx, cmd.Actor, "certified."+string(cmd.Event), models.CertificationObject(c.Number), map[string]any{
		"from": from, "to": c.State, "on": w.today, "valid_until": c.ValidUntil, "case": cmd.CaseID, "reason_id": cmd.ReasonID, "clause": cmd.Clause,
		"command": cmd.CommandID, "detail": json.RawMessage(text)})
}

// moveCertified gives the certification what an event makes of it.
func (s *Store) moveCertified(tx *gorm.DB, w *certifiedWork, cmd models.CertifiedCommand, next models.CertificationState) error {
	c, from := w.c, w.c.State
	c.State, c.ReasonID, c.Clause = next, cmd.ReasonID, cmd.Clause
	switch cmd.Event {
	case models.CertifiedExtend:
		c.ValidUntil, c.Extensions = c.Extended(w.terms.Extension), c.Extensions+1
	case models.CertifiedLapse:
		c.EndedOn = c.ValidUntil.AddDays(1)
	case models.CertifiedRestore:
		var other int64
		if err := tx.Model(&models.Certification{}).Where("uscc = ? AND live = 1 AND id <> ?", c.USCC, c.ID).Count(&other).Error; err != nil {
			return err
		}
		var before models.CertificationState
		var ended calendar.Date
		if from == models.CertificationRevoked {
			var err error
			if before, ended, err = stoodBefore(tx, c); err != nil {
				return err
			}
		}
		switch {
		case before != "":
			c.State, c.EndedOn = before, ended
		case c.ValidUntil < w.today: // it ran out meanwhile: the stain is gone, not the time
			c.State, c.EndedOn = models.CertificationLapsed, c.ValidUntil.AddDays(1)
		case other > 0: // a newer certification has taken its place
			c.State, c.EndedOn = models.CertificationLapsed, w.today
		}
	default:
		c.EndedOn = w.today
	}
	c.Live = nil
	if c.State == models.CertificationValid {
		one := 1
		c.Live, c.EndedOn = &one, 0
	}
	return nil
}

// CertifiedSteps gives what happened to a certification, in order.
func (s *Store) CertifiedSteps(ctx context.Context, id int64) ([]models.CertifiedStep, error) {
	var steps []models.CertifiedStep
	if err := s.db.WithContext(ctx).Table("certified_events").Where("certification_id = ?", id).Order("seq").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("reading what happened to certification %d: %w", id, err)
	}
	return steps, nil
}

// UnattendedCertifications lists, after an id, certifications of a cycle whose process does not know what happened, or which it did not
// follow to a day before: those without a process among them.
func (s *Store) UnattendedCertifications(ctx context.Context, cycleID string, today calendar.Date, after int64, limit int) ([]models.Certification, error) {
	var list []models.Certification
	err := s.db.WithContext(ctx).Where("cycle_id = ? AND id > ? AND (events > process_events OR next_on < ?)", cycleID, after, today).
		Order("id").Limit(limit).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("looking for certifications of %s without attention: %w", cycleID, err)
	}
	return list, nil
}
