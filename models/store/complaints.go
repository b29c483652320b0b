package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// AddComplaint keeps a complaint, and the bureau owes its answer within models.ComplaintDays working days, by the calendar of the district's
// newest running cycle; where none runs, nobody is reminded of it. What was written stays out of the record. The error is a *models.Error for
// what cannot be taken.
func (s *Store) AddComplaint(ctx context.Context, c models.Complaint) (models.Complaint, error) {
	c.About, c.Statement, c.ByName, c.Contact = strings.TrimSpace(c.About), strings.TrimSpace(c.Statement), strings.TrimSpace(c.ByName), strings.TrimSpace(c.Contact)
	if err := c.Validate(); err != nil {
		return c, err
	}
	if _, err := s.District(ctx, c.District); err != nil {
		if models.CodeOf(err) == models.CodeNotFound {
			return c, models.Invalid("district", "系统没有代码为“%s”的区", c.District)
		}
		return c, err
	}
	workdays, err := s.Workdays(ctx)
	if err != nil {
		return c, err
	}
	cycle, err := s.newestRunning(ctx, c.District)
	if err != nil {
		return c, err
	}
	c.CycleID, c.State, c.At, c.ReceivedOn = cycle.ID, models.ComplaintOpen, s.now(), cycle.Clock.Today(s.now())
	c.Due = workdays.TermEnd(c.ReceivedOn, models.ComplaintDays)
	err = s.tx(ctx, func(tx *gorm.DB) error {
		c.ID = 0
		if err := tx.Create(&c).Error; err != nil {
			return err
		}
		if c.CycleID != "" {
			if err := s.openObligation(tx, models.Obligation{CycleID: c.CycleID, District: c.District, Kind: models.ObligationComplaint,
				Subject: models.ComplaintObject(c.ID), OwnerKind: models.OwnerAdmins, Owner: models.AdminsCode, Title: "处理举报投诉并答复（" + c.Number() + "）",
				Clause: "三(二)", Due: c.Due, OpenedOn: c.ReceivedOn}); err != nil {
				return err
			}
		}
		// who complains stands in the complaint alone: more people read the record than may know
		return s.audit(tx, models.ActorPublic, "complaint.receive", models.ComplaintObject(c.ID), map[string]any{"on": c.ReceivedOn, "due": c.Due})
	})
	if err != nil {
		return c, fmt.Errorf("keeping a complaint: %w", err)
	}
	return c, nil
}

// newestRunning is a district's running cycle of the newest year; the zero cycle, on real time, if none runs.
func (s *Store) newestRunning(ctx context.Context, district string) (models.Cycle, error) {
	var row cycleRow
	err := s.db.WithContext(ctx).Where("district = ? AND state = ?", district, models.CycleRunning).Order("year DESC").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.Cycle{}, nil
	}
	if err != nil {
		return models.Cycle{}, fmt.Errorf("looking for the cycle of %s: %w", district, err)
	}
	return row.cycle()
}

// Complaint gives one complaint; CodeNotFound if there is none.
func (s *Store) Complaint(ctx context.Context, id int64) (models.Complaint, error) {
	return complaint(s.db.WithContext(ctx), id)
}

func complaint(tx *gorm.DB, id int64) (c models.Complaint, err error) {
	switch err := tx.Where("id = ?", id).Take(&c).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return c, models.NotFound("没有这件举报投诉")
	case err != nil:
		return c, fmt.Errorf("reading complaint %d: %w", id, err)
	}
	return c, nil
}

// ComplaintFilter selects complaints; an empty field selects all.
type ComplaintFilter struct {
	District string
	State    models.ComplaintState
	ByActor  models.Actor
}

// Complaints lists complaints after an id, oldest first.
func (s *Store) Complaints(ctx context.Context, f ComplaintFilter, after int64, limit int) ([]models.Complaint, error) {
	q := s.db.WithContext(ctx).Where("id > ?", after)
	for _, w := range [...]struct{ column, value string }{{"district", f.District}, {"state", string(f.State)}, {"by_actor", string(f.ByActor)}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	var list []models.Complaint
	if err := q.Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing complaints: %w", err)
	}
	return list, nil
}

// AnswerComplaint records the bureau's answer (a reason's id), once, and fulfils what it owes; mails go into the outbox with it. CodeConflict
// for one that was answered.
func (s *Store) AnswerComplaint(ctx context.Context, actor models.Actor, id, answerID int64, mails ...models.Message) (c models.Complaint, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if c, err = complaint(s.forUpdate(tx), id); err != nil {
			return err
		}
		if c.State, err = c.Answer(); err != nil {
			return err
		}
		now := s.now()
		c.AnswerID, c.AnsweredBy, c.AnsweredAt = answerID, actor, &now
		err := tx.Model(&models.Complaint{}).Where("id = ?", id).
			Updates(map[string]any{"state": c.State, "answer_id": answerID, "answered_by": actor, "answered_at": now}).Error
		if err != nil {
			return err
		}
		today := calendar.DateOf(now)
		if c.CycleID != "" {
			if today, err = s.cycleToday(tx, c.CycleID); err != nil {
				return err
			}
			if err := s.fulfilObligation(tx, c.CycleID, models.ObligationComplaint, models.ComplaintObject(id), models.AdminsCode, today, actor); err != nil {
				return err
			}
		}
		if _, err := s.enqueue(tx, mails...); err != nil {
			return err
		}
		return s.audit(tx, actor, "complaint.answer", models.ComplaintObject(id), map[string]any{"on": today, "answer_id": answerID})
	})
	if err != nil {
		return c, fmt.Errorf("answering complaint %d: %w", id, err)
	}
	return c, nil
}
