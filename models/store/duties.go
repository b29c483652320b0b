package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// DutyItem is a department's standing duty with its latest report.
type DutyItem struct {
	models.Obligation
	Report *models.DutyReport // nil = none yet
}

// DutyFilter selects duties of a cycle; an empty field selects all.
type DutyFilter struct {
	CycleID   string
	Owner     string
	Duty      string // id in the policy
	State     models.ObligationState
	DueBefore calendar.Date
}

// Duties lists duties by due date and id, after a cursor.
func (s *Store) Duties(ctx context.Context, f DutyFilter, after ObligationCursor, limit int) ([]DutyItem, error) {
	q := s.db.WithContext(ctx).Where("cycle_id = ? AND kind = ?", f.CycleID, models.ObligationDuty)
	for _, w := range [...]struct{ column, value string }{{"owner", f.Owner}, {"state", string(f.State)}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if f.Duty != "" {
		q = q.Where("(subject = ? OR subject LIKE ?)", f.Duty, f.Duty+"/%")
	}
	if f.DueBefore != 0 {
		q = q.Where("due < ?", f.DueBefore)
	}
	if after.ID != 0 {
		q = q.Where("due >= ? AND (due > ? OR id > ?)", after.Due, after.Due, after.ID)
	}
	var rows []obligationRow
	if err := q.Order("due, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing the duties of %s: %w", f.CycleID, err)
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	reports, err := dutyReports(s.db.WithContext(ctx), ids...)
	if err != nil {
		return nil, err
	}
	latest := map[int64]*models.DutyReport{}
	for i := range reports {
		latest[reports[i].ObligationID] = &reports[i]
	}
	list := make([]DutyItem, len(rows))
	for i, r := range rows {
		list[i] = DutyItem{r.obligation(), latest[r.ID]}
	}
	return list, nil
}

// dutyReports reads the reports of duties, each duty's in order.
func dutyReports(tx *gorm.DB, ids ...int64) ([]models.DutyReport, error) {
	var list []models.DutyReport
	if len(ids) == 0 {
		return nil, nil
	}
	if err := tx.Where("obligation_id IN ?", ids).Order("obligation_id, seq").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the reports of duties: %w", err)
	}
	return list, nil
}

// Duty gives the obligation of a duty by its id; CodeNotFound if there is none.
func (s *Store) Duty(ctx context.Context, id int64) (models.Obligation, error) {
	return s.duty(s.db.WithContext(ctx), id)
}

func (s *Store) duty(tx *gorm.DB, id int64) (models.Obligation, error) {
	var r obligationRow
	switch err := tx.Where("id = ? AND kind = ?", id, models.ObligationDuty).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Obligation{}, models.NotFound("没有编号为 %d 的部门职责", id)
	case err != nil:
		return models.Obligation{}, fmt.Errorf("reading duty %d: %w", id, err)
	}
	return r.obligation(), nil
}

// DutyReports gives what was reported of a duty, in order.
func (s *Store) DutyReports(ctx context.Context, id int64) ([]models.DutyReport, error) {
	return dutyReports(s.db.WithContext(ctx), id)
}

// DutyLetter writes what the department is told when its report is sent back; seq is the report's.
type DutyLetter func(o models.Obligation, seq int, on calendar.Date) ([]models.Message, error)

// ActDuty carries an event out: a report closes the duty, its return opens it again with another date, the bureau waives or moves it with
// a reason. The same command again changes nothing. letter may be nil. The error is a *models.Error when it is refused.
func (s *Store) ActDuty(ctx context.Context, c models.DutyCommand, letter DutyLetter) (o models.Obligation, err error) {
	if o, err = s.Duty(ctx, c.ObligationID); err != nil {
		return o, err
	}
	cycle, err := s.Cycle(ctx, o.CycleID)
	if err != nil {
		return o, err
	}
	law, err := s.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return o, err
	}
	workdays, err := s.Workdays(ctx)
	if err != nil {
		return o, err
	}
	today := cycle.Clock.Today(s.now())
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if o, err = s.duty(s.forUpdate(tx), c.ObligationID); err != nil {
			return err
		}
		reports, err := dutyReports(tx, o.ID)
		if err != nil {
			return err
		}
		if done, err := dutyCommandDone(o, reports, c); done || err != nil {
			return err
		}
		if _, err := models.NextDuty(o.State, c.Event); err != nil {
			return err
		}
		if err := c.Check(today); err != nil {
			return err
		}
		textID, err := s.addReason(tx, c.Actor, c.Text)
		if err != nil {
			return err
		}
		switch id, _ := models.ParseDutySubject(o.Subject); c.Event {
		case models.DutyReported:
			duty, _ := law.Duty(id)
			return s.reportDuty(tx, o, len(reports)+1, duty.Evidence, c, textID, today)
		case models.DutyWaived:
			return s.waiveObligation(tx, o.CycleID, o.Kind, o.Subject, o.Owner, today, c.Actor, textID)
		case models.DutyReturned:
			if err := s.returnDuty(tx, reports[len(reports)-1], c, textID, today); err != nil {
				return err
			}
		}
		before := o.Due
		if o.Due, o.OpenedOn = c.Due, today; o.Due == 0 {
			o.Due = workdays.TermEnd(today, law.Workdays("order.limit"))
		}
		if err := s.openObligation(tx, o); err != nil {
			return err
		}
		if letter != nil && c.Event == models.DutyReturned {
			mails, err := letter(o, len(reports), today)
			if err != nil {
				return err
			}
			if _, err := s.enqueue(tx, mails...); err != nil {
				return err
			}
		}
		return s.audit(tx, c.Actor, "duty."+string(c.Event), models.DutyObject(o.ID), map[string]any{"subject": o.Subject, "owner": o.Owner, "on": today,
			"due_before": before, "due": o.Due, "reason_id": textID, "command": c.CommandID})
	})
	if err != nil {
		return o, fmt.Errorf("carrying out %s on duty %d: %w", c.Event, c.ObligationID, err)
	}
	return s.Duty(ctx, c.ObligationID)
}

// dutyCommandDone says whether the command was carried out; CodeConflict if another one was under its id.
func dutyCommandDone(o models.Obligation, reports []models.DutyReport, c models.DutyCommand) (bool, error) {
	switch c.Event {
	case models.DutyWaived:
		return o.State == models.ObligationWaived && o.DoneBy == string(c.Actor), nil
	case models.DutyMoved:
		return o.State == models.ObligationOpen && o.Due == c.Due, nil
	}
	for _, r := range reports {
		if r.CommandID == c.CommandID {
			return true, models.Commanded{Event: string(models.DutyReported), Actor: r.ByActor, RequestHash: r.RequestHash}.Same(string(c.Event), c.Actor, c.Request())
		}
		if r.ReturnCommand == c.CommandID {
			return true, models.Commanded{Event: string(models.DutyReturned), Actor: r.ReturnedBy, RequestHash: r.ReturnHash}.Same(string(c.Event), c.Actor, c.Request())
		}
	}
	return false, nil
}

// reportDuty keeps a report and closes the duty.
func (s *Store) reportDuty(tx *gorm.DB, o models.Obligation, seq int, evidence bool, c models.DutyCommand, textID int64, today calendar.Date) error {
	documents, err := s.documents(tx, models.DutyObject(o.ID))
	if err != nil {
		return err
	}
	if evidence && len(documents) == 0 {
		return models.Invalid("", "该项职责须附材料，请先上传办理情况的材料再反馈")
	}
	r := models.DutyReport{ObligationID: o.ID, Seq: seq, CommandID: c.CommandID, RequestHash: c.Request(), TextID: textID, DoneOn: c.DoneOn,
		Households: c.Households, Documents: len(documents), ReportedOn: today, ByActor: c.Actor, At: s.now()}
	if err := tx.Create(&r).Error; err != nil {
		return fmt.Errorf("keeping a report: %w", err)
	}
	if err := s.fulfilObligation(tx, o.CycleID, o.Kind, o.Subject, o.Owner, today, c.Actor); err != nil {
		return err
	}
	return s.audit(tx, c.Actor, "duty.report", models.DutyObject(o.ID), map[string]any{"subject": o.Subject, "owner": o.Owner, "on": today,
		"due": o.Due, "done_on": c.DoneOn, "households": c.Households, "documents": len(documents), "text_id": textID, "command": c.CommandID})
}

// returnDuty marks a report as sent back; whoever made it does not judge it.
func (s *Store) returnDuty(tx *gorm.DB, r models.DutyReport, c models.DutyCommand, reasonID int64, today calendar.Date) error {
	if r.ByActor == c.Actor {
		return models.Errorf(models.CodeForbidden, "本人反馈的情况请由他人审核、退回")
	}
	err := tx.Model(&models.DutyReport{}).Where("id = ?", r.ID).Updates(map[string]any{"returned_on": today, "returned_by": c.Actor,
		"return_reason_id": reasonID, "return_command": c.CommandID, "return_hash": c.Request()}).Error
	if err != nil {
		return fmt.Errorf("sending report %d back: %w", r.ID, err)
	}
	return nil
}

// OpenMissingDuties opens the standing duties of a cycle that are not on record: of a year that began before there were any, or whose
// policy got more of them. What is on record stays as it is, and what fell due before today is not asked for. It returns how many it opened.
func (s *Store) OpenMissingDuties(ctx context.Context, c models.Cycle, today calendar.Date) (opened int, err error) {
	law, err := s.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return 0, err
	}
	type key struct{ Subject, Owner string }
	known := map[key]bool{}
	read := func(tx *gorm.DB) error {
		var list []key
		if err := tx.Model(&obligationRow{}).Where("cycle_id = ? AND kind = ?", c.ID, models.ObligationDuty).Find(&list).Error; err != nil {
			return err
		}
		for _, k := range list {
			known[k] = true
		}
		return nil
	}
	missing := func() (list []models.Obligation) {
		for _, o := range law.Duties(c.ID, c.Plan) {
			if o.Kind == models.ObligationDuty && !o.Missed(today) && !known[key{o.Subject, o.Owner}] {
				o.OpenedOn = today
				list = append(list, o)
			}
		}
		return list
	}
	if err = read(s.db.WithContext(ctx)); err == nil && len(missing()) > 0 { // on most mornings there is nothing to write
		err = s.tx(ctx, func(tx *gorm.DB) error {
			opened = 0
			var state string
			if err := s.forUpdate(tx).Table("cycles").Select("state").Where("id = ?", c.ID).Row().Scan(&state); err != nil {
				return err
			}
			if models.CycleState(state) != models.CycleRunning {
				return nil // it ended meanwhile
			}
			if err := read(tx); err != nil {
				return err
			}
			for _, o := range missing() {
				if err := s.openObligation(tx, o); err != nil {
					return err
				}
				opened++
			}
			return s.audit(tx, models.ActorSystem, "duty.open", "cycle/"+c.ID, map[string]any{"opened": opened, "on": today})
		})
	}
	if err != nil {
		return 0, fmt.Errorf("opening the missing duties of %s: %w", c.ID, err)
	}
	return opened, nil
}
