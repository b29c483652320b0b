package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// objectionCase is what a command on an objection is judged by.
type objectionCase struct {
	row      objectionRow
	stage    models.Stage
	law      *policy.Policy
	workdays *calendar.Workdays
	judged   models.Tier // tier: as the present data and the year's policy have it
	mark     string      // tier: of that data
	today    calendar.Date
	about    *certifiedWork // certification
}

// ActOnObjection carries a command out, once: state, deadlines, what is owed, and what an upheld objection brings about are one
// transaction. The error is a *models.Error when the command is refused.
func (s *Store) ActOnObjection(ctx context.Context, c models.ObjectionCommand, today calendar.Date) (models.Objection, error) {
	if err := c.Validate(); err != nil {
		return models.Objection{}, err
	}
	k := objectionCase{today: today}
	o, err := s.Objection(ctx, c.ObjectionID)
	if err != nil {
		return o, err
	}
	cycle, err := s.Cycle(ctx, o.CycleID)
	if err != nil {
		return o, err
	}
	version, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return o, err
	}
	k.law = version.Policy
	if k.workdays, err = s.Workdays(ctx); err != nil {
		return o, err
	}
	if o.Kind == models.ObjectionTier && c.Event.Settles() {
		if k.judged, k.mark, err = s.JudgeAgain(ctx, o); err != nil {
			return o, err
		}
	}
	if o.Kind == models.ObjectionCertification {
		if k.about, err = s.objectedWork(ctx, o, today); err != nil {
			return o, err
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if k.row, err = s.objection(s.forUpdate(tx), c.ObjectionID); err != nil {
			return err
		}
		if done, err := objectionCommandDone(tx, c); err != nil || done {
			return err
		}
		if err := tx.Table("cycles").Select("stage").Where("id = ?", k.row.CycleID).Row().Scan(&k.stage); err != nil {
			return fmt.Errorf("reading the stage of %s: %w", k.row.CycleID, err)
		}
		from := k.row.State
		if k.row.State, err = from.Next(k.row.Kind, c.Event); err != nil {
			return err
		}
		if err := s.standsApart(tx, k.row.USCC, c.Actor); err != nil {
			return err
		}
		k.row.Events++
		detail, err := s.objectionEffect(tx, &k, c)
		if err != nil {
			return err
		}
		return s.moveObjection(tx, &k, from, c, detail)
	})
	if err != nil {
		return o, fmt.Errorf("carrying out %s on objection %d: %w", c.Event, c.ObjectionID, err)
	}
	return k.row.objection(), nil
}

// ObjectionCommandDone says whether the command was carried out; CodeConflict if another one was under its id.
func (s *Store) ObjectionCommandDone(ctx context.Context, c models.ObjectionCommand) (bool, error) {
	return objectionCommandDone(s.db.WithContext(ctx), c)
}

func objectionCommandDone(tx *gorm.DB, c models.ObjectionCommand) (bool, error) {
	return commandDone(tx.Table("objection_events").Where("objection_id = ? AND command_id = ?", c.ObjectionID, c.CommandID), string(c.Event), c.Actor, c.Request)
}

// objectionEffect does what belongs to an event beside the change of state, and gives what the record says of it.
func (s *Store) objectionEffect(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) (detail map[string]any, err error) {
	r := &k.row
	switch c.Event {
	case models.ObjectionAccept:
		term := "objection.settle"
		if r.Kind == models.ObjectionNotice {
			term = "notice.settle"
		}
		r.AcceptedOn, r.SettleDue = k.today, k.workdays.TermEnd(k.today, k.law.Workdays(term))
		return map[string]any{"settle_due": r.SettleDue}, s.openObligation(tx, objectionDuty(r.objection(), "办结", k.today))
	case models.ObjectionAsk:
		return s.askDepartment(tx, k, c)
	case models.ObjectionAnswer:
		if c.Department != r.Department {
			return nil, models.Errorf(models.CodeForbidden, "该异议未请贵部门答复")
		}
		r.AnswerID, r.AnsweredBy = c.ReasonID, c.Actor
		return map[string]any{"department": r.Department}, s.fulfilObligation(tx, r.CycleID, models.ObligationAnswer, models.ObjectionObject(r.ID), r.Department, k.today, c.Actor)
	case models.ObjectionNotAccept:
		r.ReasonID, r.Clause, r.SettledBy, r.SettledOn = c.ReasonID, c.Clause, c.Actor, k.today
		return map[string]any{"clause": c.Clause}, s.otherThanDecider(tx, r, c.Actor)
	case models.ObjectionWithdraw:
		r.SettledOn = k.today
		return nil, nil
	case models.ObjectionUphold, models.ObjectionConfirm:
		return s.settleObjection(tx, k, c)
	}
	return nil, nil
}

// askDepartment makes a department owe the answer: within half of the working days that are left for the settlement, at least one.
func (s *Store) askDepartment(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) (map[string]any, error) {
	r := &k.row
	_, year, err := models.ParseCycleID(r.CycleID)
	if err != nil {
		return nil, err
	}
	names, err := s.departmentNames(tx, r.District, year)
	if err != nil {
		return nil, err
	}
	if names[c.Department] == "" && c.Department != models.BureauCode {
		return nil, models.Invalid("department", "本区没有代码为“%s”的部门", c.Department)
	}
	if before := r.Department; before != "" && before != c.Department {
		err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND kind = ? AND subject = ? AND owner = ? AND state = ?", r.CycleID, models.ObligationAnswer,
			models.ObjectionObject(r.ID), before, models.ObligationOpen).
			Updates(map[string]any{"state": models.ObligationClosed, "done_on": k.today, "done_by": string(c.Actor), "updated_at": s.now()}).Error
		if err != nil {
			return nil, fmt.Errorf("taking the answer from %s: %w", before, err)
		}
	}
	r.Department, r.AnswerID, r.AnsweredBy = c.Department, 0, ""
	r.AnswerDue = k.workdays.TermEnd(k.today, max(1, k.workdays.WorkdaysBetween(k.today, r.SettleDue)/2))
	return map[string]any{"department": r.Department, "answer_due": r.AnswerDue}, s.openObligation(tx, answerDuty(r.objection(), k.today))
}

// otherThanDecider refuses who made the decision objected to, or answered for the department, as who decides about the objection (R12).
func (s *Store) otherThanDecider(tx *gorm.DB, r *objectionRow, actor models.Actor) error {
	refusal := models.Errorf(models.CodeForbidden, "作出被异议的决定、或代表部门答复的人不得办结该异议，请由他人办理")
	if actor == r.AnsweredBy {
		return refusal
	}
	query, args := "SELECT COUNT(*) FROM differences WHERE cycle_id = ? AND uscc = ? AND decided_by = ?", []any{r.CycleID, r.USCC, actor}
	if r.Kind != models.ObjectionTier {
		a, err := s.application(tx, r.ApplicationID)
		if err != nil {
			return err
		}
		if err := s.mayDecide(tx, a, actor); err != nil {
			return err
		}
		// who settled another objection is not thereby who decided; to a removal, who removed it is
		settled := []models.ApplicationEvent{models.EventReopen, models.EventRequeue}
		if r.Kind == models.ObjectionNotice {
			settled = append(settled, models.EventRemove)
		}
		if r.Kind == models.ObjectionCertification {
			return s.otherThanCaseDecider(tx, r, actor)
		}
		query = `SELECT (SELECT COUNT(*) FROM application_events WHERE application_id = ? AND actor = ? AND event NOT IN ?) +
			(SELECT COUNT(*) FROM selection_ranks WHERE cycle_id = ? AND application_id = ? AND decided_by = ?) +
			(SELECT COUNT(*) FROM visits WHERE application_id = ? AND signed_by <> '' AND (visitor_a = ? OR visitor_b = ?))`
		args = []any{a.ID, actor, settled, a.CycleID, a.ID, actor, a.ID, actor, actor}
	}
	var n int64
	if err := tx.Raw(query, args...).Scan(&n).Error; err != nil {
		return fmt.Errorf("looking for who decided what is objected to: %w", err)
	}
	if n > 0 {
		return refusal
	}
	return nil
}

// settleObjection decides about the substance, and brings about what an upheld objection asks for.
func (s *Store) settleObjection(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) (detail map[string]any, err error) {
	r := &k.row
	if err := s.otherThanDecider(tx, r, c.Actor); err != nil {
		return nil, err
	}
	r.ReasonID, r.Clause, r.SettledBy, r.SettledOn, r.Outcome = c.ReasonID, c.Clause, c.Actor, k.today, models.ObjectionConfirmed
	upheld := c.Event == models.ObjectionUphold
	if upheld {
		r.Outcome = models.ObjectionUpheld
	}
	detail = map[string]any{"outcome": r.Outcome, "clause": c.Clause}
	if r.Kind == models.ObjectionTier {
		if err := s.settleTier(tx, k, c); err != nil {
			return nil, err
		}
		detail["tier_before"], detail["tier_after"], detail["judged"], detail["data"] = r.TierBefore, r.TierAfter, k.judged, k.mark
	}
	if upheld && r.Kind == models.ObjectionNotice {
		err = s.takeOffList(tx, k, c)
	}
	if upheld && r.Kind == models.ObjectionDecision {
		err = s.reviewAgain(tx, k, c)
	}
	if upheld && r.Kind == models.ObjectionCertification {
		err = s.standAgain(tx, k, c)
	}
	detail["effect"] = r.Effect
	return detail, err
}

// objectionCommandID is the command with which a settled objection moves its application, once.
func objectionCommandID(id int64) string { return models.ObjectionObject(id) }

// takeOffList removes the household from the list, unless something else has done so already.
func (s *Store) takeOffList(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) error {
	r := &k.row
	a, err := s.application(s.forUpdate(tx), r.ApplicationID)
	if err != nil {
		return err
	}
	if !a.State.May(models.EventRemove) {
		r.Effect = models.EffectGone
		return nil
	}
	r.Effect = models.EffectRemoved
	return s.removeProposed(tx, r.ApplicationID, objectionCommandID(r.ID), c.Actor, c.ReasonID, c.Clause, k.today)
}

// reviewAgain takes the application up again where the season still allows it (R14).
func (s *Store) reviewAgain(tx *gorm.DB, k *objectionCase, c models.ObjectionCommand) error {
	r := &k.row
	a, err := s.application(s.forUpdate(tx), r.ApplicationID)
	if err != nil {
		return err
	}
	var event models.ApplicationEvent
	far, err := reviewedSoFar(tx, a)
	if err != nil {
		return err
	}
	if r.Effect, event = models.ReviewEffect(k.stage, a.State, far); event == "" {
		return nil
	}
	var live int64
	if err := tx.Model(&applicationRow{}).Where("cycle_id = ? AND uscc = ? AND live = 1", a.CycleID, a.USCC).Count(&live).Error; err != nil {
		return fmt.Errorf("looking for another application of the household: %w", err)
	}
	if live > 0 {
		r.Effect = models.EffectLive
		return nil
	}
	return s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: objectionCommandID(r.ID), ApplicationID: a.ID, Event: event, Actor: c.Actor,
		ReasonID: c.ReasonID, Clause: c.Clause}, k.today, map[string]any{"objection": r.ID})
}

// reviewedSoFar reads from an application's events how far it had come.
func reviewedSoFar(tx *gorm.DB, a models.Application) (far models.ReviewedSoFar, err error) {
	var events []models.ApplicationEvent
	if err := tx.Table("application_events").Where("application_id = ?", a.ID).Pluck("event", &events).Error; err != nil {
		return far, fmt.Errorf("reading how far application %d had come: %w", a.ID, err)
	}
	far.Applied = slices.Contains(events, models.EventSubmit) || slices.Contains(events, models.EventConsent)
	far.Visited = a.Category != "" && (slices.Contains(events, models.EventPassVisit) || slices.Contains(events, models.EventFailVisit))
	return far, nil
}

// moveObjection writes the new state with its event on record; nothing is owed any more when it ends.
func (s *Store) moveObjection(tx *gorm.DB, k *objectionCase, from models.ObjectionState, c models.ObjectionCommand, detail map[string]any) error {
	r := &k.row
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("recording %s of objection %d: %w", c.Event, r.ID, err)
	}
	if !r.State.Live() {
		r.Live = nil
		if err := s.fulfilObligation(tx, r.CycleID, models.ObligationObjection, models.ObjectionObject(r.ID), models.BureauCode, k.today, c.Actor); err != nil {
			return err
		}
		if err := s.closeSubject(tx, r.CycleID, models.ObjectionObject(r.ID), k.today, c.Actor); err != nil {
			return fmt.Errorf("closing what is owed for objection %d: %w", r.ID, err)
		}
	}
	r.UpdatedAt = s.now()
	if err := tx.Model(r).Select("*").Omit("id", "at").Updates(*r).Error; err != nil {
		return fmt.Errorf("recording %s of objection %d: %w", c.Event, r.ID, err)
	}
	o := r.objection()
	if err := s.objectionStep(tx, o, c, from, string(text), k.today); err != nil {
		return err
	}
	return s.audit(tx, c.Actor, "objection."+string(c.Event), models.ObjectionObject(r.ID), map[string]any{"from": from, "to": r.State, "on": k.today,
		"reason_id": c.ReasonID, "command": c.CommandID, "detail": json.RawMessage(text)})
}
