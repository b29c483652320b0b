package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// visitRow is a row of visits.
type visitRow struct {
	ID            int64 `gorm:"primaryKey"`
	ApplicationID int64
	District      string
	VisitorA      models.Actor
	VisitorB      models.Actor
	PlannedOn     calendar.Date
	PlannedBy     models.Actor
	VisitedOn     calendar.Date
	Outcome       models.VisitOutcome
	RecordID      int64
	RecordedBy    models.Actor
	SignedBy      models.Actor
	SignedOn      calendar.Date
	State         models.VisitState
	Live          *int // 1 until it is signed or cancelled, NULL afterwards: unique with the application
	ReasonID      int64
	UpdatedAt     time.Time
}

func (visitRow) TableName() string { return "visits" }

func (r visitRow) visit() models.Visit {
	return models.Visit{ID: r.ID, ApplicationID: r.ApplicationID, District: r.District, VisitorA: r.VisitorA, VisitorB: r.VisitorB, PlannedOn: r.PlannedOn,
		PlannedBy: r.PlannedBy, VisitedOn: r.VisitedOn, Outcome: r.Outcome, RecordID: r.RecordID, RecordedBy: r.RecordedBy, SignedBy: r.SignedBy,
		SignedOn: r.SignedOn, State: r.State, ReasonID: r.ReasonID, UpdatedAt: r.UpdatedAt}
}

// Visit gives one visit; CodeNotFound if there is none.
func (s *Store) Visit(ctx context.Context, id int64) (models.Visit, error) {
	return s.visit(s.db.WithContext(ctx), id)
}

func (s *Store) visit(tx *gorm.DB, id int64) (models.Visit, error) {
	var r visitRow
	switch err := tx.Where("id = ?", id).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.Visit{}, models.NotFound("没有编号为 %d 的走访", id)
	case err != nil:
		return models.Visit{}, fmt.Errorf("reading visit %d: %w", id, err)
	}
	return r.visit(), nil
}

// saveVisit writes a visit, a new one with its id.
func (s *Store) saveVisit(tx *gorm.DB, v *models.Visit) error {
	v.UpdatedAt = s.now()
	r := visitRow{ID: v.ID, ApplicationID: v.ApplicationID, District: v.District, VisitorA: v.VisitorA, VisitorB: v.VisitorB, PlannedOn: v.PlannedOn,
		PlannedBy: v.PlannedBy, VisitedOn: v.VisitedOn, Outcome: v.Outcome, RecordID: v.RecordID, RecordedBy: v.RecordedBy, SignedBy: v.SignedBy,
		SignedOn: v.SignedOn, State: v.State, ReasonID: v.ReasonID, UpdatedAt: v.UpdatedAt}
	if v.State.Open() {
		one := 1
		r.Live = &one
	}
	err := tx.Save(&r).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return models.Conflict("该申报件已有未完成的走访，请更改或取消后再安排")
	}
	if err != nil {
		return fmt.Errorf("writing a visit of application %d: %w", v.ApplicationID, err)
	}
	v.ID = r.ID
	return nil
}

// VisitChange plans a visit, changes it or cancels it.
type VisitChange struct {
	VisitID       int64 // 0 = plan a new one
	ApplicationID int64 // of a new one
	Visitors      [2]models.Actor
	PlannedOn     calendar.Date
	Cancel        bool
	By            models.Actor
	Admin         bool  // By is an administrator
	ReasonID      int64 // of a change or cancellation
}

// ArrangeVisit plans, changes or cancels a visit to an applicant whose review is passed (附三(二)2): by the reviewer, a visitor or an
// administrator. Visitors are the bureau's, neither of them excluded by four eyes or a conflict of interest. Each owes the visit.
func (s *Store) ArrangeVisit(ctx context.Context, c VisitChange, today calendar.Date) (v models.Visit, err error) {
	of := models.Visit{ApplicationID: c.ApplicationID, PlannedBy: c.By}
	if c.VisitID != 0 {
		if of, err = s.Visit(ctx, c.VisitID); err != nil {
			return of, err
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		v = of
		a, err := s.lockVisited(tx, &v)
		if err != nil {
			return err
		}
		if !c.Admin && a.Reviewer != c.By && v.MadeBy(c.By) != nil {
			return models.Errorf(models.CodeForbidden, "走访由该申报件的办理人、走访人员或管理员安排")
		}
		if v.State != "" && v.State != models.VisitPlanned {
			return models.Conflict("走访%s，不能再更改或取消", v.State.Name())
		}
		action := "visit.change"
		switch {
		case c.Cancel:
			action = "visit.cancel"
			v.State = models.VisitCancelled
		case v.ID == 0:
			action = "visit.plan"
			v.District = a.District
		}
		v.ReasonID = c.ReasonID
		if !c.Cancel {
			if err := v.Plan(c.Visitors, c.PlannedOn, today); err != nil {
				return err
			}
			for _, visitor := range v.Visitors() {
				if err := s.reviewer(tx, a.District, visitor); err != nil {
					return err
				}
				if err := s.mayDecide(tx, a, visitor); err != nil {
					return err
				}
			}
		}
		if err := s.saveVisit(tx, &v); err != nil {
			return err
		}
		if err := s.oweVisit(tx, a, v, today, c.By); err != nil {
			return err
		}
		return s.audit(tx, c.By, action, models.VisitObject(v.ID), map[string]any{"application": a.ID, "visitors": v.Visitors(),
			"planned_on": v.PlannedOn, "reason_id": c.ReasonID})
	})
	return v, err
}

// lockVisited locks the visit's application, which must wait for its visit, and reads the visit again under that lock. It is the first
// statement of a transaction: what is read after it is not older than the lock.
func (s *Store) lockVisited(tx *gorm.DB, v *models.Visit) (models.Application, error) {
	a, err := s.application(s.forUpdate(tx), v.ApplicationID)
	if err != nil {
		return a, err
	}
	if a.State != models.ApplicationVisit {
		return a, models.Conflict("申报件现为“%s”，不在走访核实中", a.State.Name())
	}
	if v.ID != 0 {
		*v, err = s.visit(s.forUpdate(tx), v.ID)
	}
	return a, err
}

// oweVisit makes each visitor owe an open visit by its day, nobody else, and somebody the arranging of one when there is none.
func (s *Store) oweVisit(tx *gorm.DB, a models.Application, v models.Visit, today calendar.Date, by models.Actor) error {
	if err := s.closeSubject(tx, a.CycleID, models.VisitObject(v.ID), today, by); err != nil {
		return fmt.Errorf("recording who owes visit %d: %w", v.ID, err)
	}
	if v.State.Open() {
		for _, visitor := range v.Visitors() {
			err := s.openObligation(tx, models.Obligation{CycleID: a.CycleID, District: a.District, Kind: models.ObligationVisit, Subject: models.VisitObject(v.ID),
				OwnerKind: models.OwnerUser, Owner: string(visitor), Title: "走访核实申报件 " + a.Number(), Clause: clauseReview, Due: v.PlannedOn, OpenedOn: today})
			if err != nil {
				return err
			}
		}
	}
	return s.oweReviews(tx, []*models.Application{&a}, today, by)
}

// VisitRecord is what one visitor saw.
type VisitRecord struct {
	VisitID   int64
	By        models.Actor
	VisitedOn calendar.Date
	Outcome   models.VisitOutcome
	RecordID  int64 // the text, as a reason's id
}

// RecordVisit takes down what one visitor saw. It decides nothing before the other has signed it (models.EventPassVisit, EventFailVisit).
func (s *Store) RecordVisit(ctx context.Context, c VisitRecord, today calendar.Date) (models.Visit, error) {
	return s.changeVisit(ctx, c.VisitID, c.By, "visit.record", func(v *models.Visit) error {
		return v.Record(c.By, c.VisitedOn, c.Outcome, c.RecordID, today)
	})
}

// ReturnVisit gives a record back to be written anew, by the visitor who does not sign it, with a reason.
func (s *Store) ReturnVisit(ctx context.Context, id int64, by models.Actor, reasonID int64) (models.Visit, error) {
	return s.changeVisit(ctx, id, by, "visit.return", func(v *models.Visit) error {
		if err := v.Other(by); err != nil {
			return err
		}
		v.VisitedOn, v.Outcome, v.RecordID, v.RecordedBy, v.State, v.ReasonID = 0, "", 0, "", models.VisitPlanned, reasonID
		return nil
	})
}

func (s *Store) changeVisit(ctx context.Context, id int64, by models.Actor, action string, change func(*models.Visit) error) (v models.Visit, err error) {
	of, err := s.Visit(ctx, id)
	if err != nil {
		return of, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		v = of
		a, err := s.lockVisited(tx, &v)
		if err != nil {
			return err
		}
		if err := change(&v); err != nil {
			return err
		}
		if err := s.mayDecide(tx, a, by); err != nil {
			return err
		}
		if err := s.saveVisit(tx, &v); err != nil {
			return err
		}
		return s.audit(tx, by, action, models.VisitObject(id), map[string]any{"application": a.ID, "visited_on": v.VisitedOn, "outcome": v.Outcome,
			"record_id": v.RecordID, "reason_id": v.ReasonID})
	})
	return v, err
}

// endVisits cancels what is still planned for an application that waits for no visit any more.
func (s *Store) endVisits(tx *gorm.DB, a models.Application, today calendar.Date, by models.Actor) error {
	var open []visitRow
	if err := s.forUpdate(tx).Where("application_id = ? AND live = 1", a.ID).Find(&open).Error; err != nil {
		return fmt.Errorf("reading the visits of application %d: %w", a.ID, err)
	}
	for _, r := range open {
		v := r.visit()
		v.State = models.VisitCancelled
		if err := s.saveVisit(tx, &v); err != nil {
			return err
		}
		if err := s.closeSubject(tx, a.CycleID, models.VisitObject(v.ID), today, by); err != nil {
			return fmt.Errorf("ending visit %d: %w", v.ID, err)
		}
	}
	return nil
}

// standAside takes a household's application off the list of who declared a conflict of interest, and cancels a visit of theirs; it says
// whether there was anything.
func (s *Store) standAside(tx *gorm.DB, a *models.Application, c models.ConflictOfInterest, today calendar.Date) (gone bool, err error) {
	var open []visitRow
	err = s.forUpdate(tx).Where("application_id = ? AND live = 1 AND (visitor_a = ? OR visitor_b = ?)", a.ID, c.Actor, c.Actor).Find(&open).Error
	if err != nil {
		return false, fmt.Errorf("reading the visits of application %d: %w", a.ID, err)
	}
	for _, r := range open {
		v := r.visit()
		v.State, v.ReasonID = models.VisitCancelled, c.ReasonID
		if err := s.saveVisit(tx, &v); err != nil {
			return false, err
		}
		if err := s.oweVisit(tx, *a, v, today, c.DeclaredBy); err != nil {
			return false, err
		}
	}
	if a.Reviewer != c.Actor || !a.State.UnderReview() {
		return len(open) > 0, nil
	}
	return true, s.giveTo(tx, []*models.Application{a}, "", today, c.DeclaredBy)
}

// VisitQuery selects visits by their planned day and id, after a key.
type VisitQuery struct {
	Visitor models.Actor
	States  []models.VisitState
	After   VisitCursor
	Limit   int
}

// VisitCursor is the place in a list: after the visit with this planned day and id.
type VisitCursor struct {
	On calendar.Date
	ID int64
}

// VisitItem is a visit with its application and, in words, what was recorded and why it was changed.
type VisitItem struct {
	models.Visit
	Application models.Application
	Record      string
	Reason      string
}

// VisitsOf lists a visitor's visits in some states: two short walks along an index for each state.
func (s *Store) VisitsOf(ctx context.Context, q VisitQuery) ([]VisitItem, error) {
	var rows []visitRow
	for _, state := range q.States {
		for _, column := range [...]string{"visitor_a", "visitor_b"} {
			sel := s.db.WithContext(ctx).Where(column+" = ? AND state = ?", q.Visitor, state)
			if q.After.ID != 0 {
				sel = sel.Where("planned_on >= ? AND (planned_on > ? OR id > ?)", q.After.On, q.After.On, q.After.ID)
			}
			var part []visitRow
			if err := sel.Order("planned_on, id").Limit(q.Limit).Find(&part).Error; err != nil {
				return nil, fmt.Errorf("listing the visits of %s: %w", q.Visitor, err)
			}
			rows = append(rows, part...)
		}
	}
	slices.SortFunc(rows, func(a, b visitRow) int { return cmp.Or(cmp.Compare(a.PlannedOn, b.PlannedOn), cmp.Compare(a.ID, b.ID)) })
	return s.visitItems(ctx, rows[:min(len(rows), q.Limit)])
}

// ApplicationVisits lists the visits of an application, in the order in which they were planned.
func (s *Store) ApplicationVisits(ctx context.Context, applicationID int64) ([]VisitItem, error) {
	var rows []visitRow
	if err := s.db.WithContext(ctx).Where("application_id = ?", applicationID).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the visits of application %d: %w", applicationID, err)
	}
	return s.visitItems(ctx, rows)
}

// VisitItem gives one visit with its application; CodeNotFound if there is none.
func (s *Store) VisitItem(ctx context.Context, id int64) (VisitItem, error) {
	var rows []visitRow
	if err := s.db.WithContext(ctx).Where("id = ?", id).Find(&rows).Error; err != nil {
		return VisitItem{}, fmt.Errorf("reading visit %d: %w", id, err)
	}
	if len(rows) == 0 {
		return VisitItem{}, models.NotFound("没有编号为 %d 的走访", id)
	}
	items, err := s.visitItems(ctx, rows)
	if err != nil {
		return VisitItem{}, err
	}
	return items[0], nil
}

func (s *Store) visitItems(ctx context.Context, rows []visitRow) ([]VisitItem, error) {
	ids, texts := make([]int64, len(rows)), make([]int64, 0, 2*len(rows))
	for i, r := range rows {
		ids[i] = r.ApplicationID
		texts = append(texts, r.RecordID, r.ReasonID)
	}
	var applications []applicationRow
	if err := s.db.WithContext(ctx).Where("id IN ?", ids).Find(&applications).Error; err != nil {
		return nil, fmt.Errorf("reading the applications of visits: %w", err)
	}
	byID := make(map[int64]models.Application, len(applications))
	for _, r := range applications {
		byID[r.ID] = r.application()
	}
	words, err := s.Reasons(ctx, texts)
	if err != nil {
		return nil, err
	}
	items := make([]VisitItem, len(rows))
	for i, r := range rows {
		items[i] = VisitItem{Visit: r.visit(), Application: byID[r.ApplicationID], Record: words[r.RecordID], Reason: words[r.ReasonID]}
	}
	return items, nil
}
