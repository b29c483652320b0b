package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// obligationRow is a row of obligations.
type obligationRow struct {
	ID           int64 `gorm:"primaryKey"`
	CycleID      string
	District     string
	Kind         models.ObligationKind
	Subject      string
	OwnerKind    models.OwnerKind
	Owner        string
	Required     bool
	Title        string
	Clause       string
	Due          calendar.Date
	OpenedOn     calendar.Date
	State        models.ObligationState
	DoneOn       calendar.Date
	DoneBy       string
	ReasonID     int64
	RemindedStep *int
	RemindedOn   calendar.Date
	EscalatedOn  calendar.Date
	UpdatedAt    time.Time
}

func (obligationRow) TableName() string { return "obligations" }

func (r obligationRow) obligation() models.Obligation {
	return models.Obligation{ID: r.ID, CycleID: r.CycleID, District: r.District, Kind: r.Kind, Subject: r.Subject,
		OwnerKind: r.OwnerKind, Owner: r.Owner, Required: r.Required, Title: r.Title, Clause: r.Clause, Due: r.Due,
		OpenedOn: r.OpenedOn, State: r.State, DoneOn: r.DoneOn, DoneBy: r.DoneBy, ReasonID: r.ReasonID,
		Reminded: r.RemindedStep, RemindedOn: r.RemindedOn, EscalatedOn: r.EscalatedOn, UpdatedAt: r.UpdatedAt}
}

// OpenObligation says that this is owed now: it is written if it was not there, opened again if it was closed, and
// moved if its due date is another; a moved or reopened one is reminded from the ladder's beginning. Opening what is
// open with the same date changes nothing.
func (s *Store) OpenObligation(ctx context.Context, o models.Obligation) error {
	return s.tx(ctx, func(tx *gorm.DB) error { return s.openObligation(tx, o) })
}

func (s *Store) openObligation(tx *gorm.DB, o models.Obligation) error {
	failed := func(err error) error {
		return fmt.Errorf("opening obligation %s/%s of %s in %s: %w", o.Kind, o.Subject, o.Owner, o.CycleID, err)
	}
	row := obligationRow{CycleID: o.CycleID, District: o.District, Kind: o.Kind, Subject: o.Subject, OwnerKind: o.OwnerKind,
		Owner: o.Owner, Required: o.Required, Title: o.Title, Clause: o.Clause, Due: o.Due, OpenedOn: o.OpenedOn,
		State: models.ObligationOpen, UpdatedAt: s.now()}
	if row.OwnerKind == "" {
		row.OwnerKind = models.OwnerDepartment
	}
	if o.Due.IsZero() || o.OpenedOn.IsZero() || o.Owner == "" || o.District == "" {
		return failed(errors.New("district, owner, due date and opening date are required"))
	}
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if created.Error != nil {
		return failed(created.Error)
	}
	if created.RowsAffected > 0 {
		return nil
	}
	var old obligationRow
	err := s.forUpdate(tx).Where("cycle_id = ? AND kind = ? AND subject = ? AND owner = ?", o.CycleID, o.Kind, o.Subject, o.Owner).Take(&old).Error
	if err != nil {
		return failed(err)
	}
	change := map[string]any{}
	if old.State != models.ObligationOpen {
		change = map[string]any{"state": models.ObligationOpen, "opened_on": o.OpenedOn, "done_on": nil, "done_by": "", "reason_id": 0}
	}
	if len(change) > 0 || old.Due != o.Due {
		change["due"], change["reminded_step"], change["reminded_on"], change["escalated_on"] = o.Due, nil, nil, nil
	}
	if len(change) > 0 || old.Title != o.Title || old.Clause != o.Clause || old.Required != o.Required {
		change["title"], change["clause"], change["required"], change["updated_at"] = o.Title, o.Clause, o.Required, s.now()
		if err := tx.Model(&obligationRow{ID: old.ID}).Updates(change).Error; err != nil {
			return failed(err)
		}
	}
	return nil
}

// forUpdate locks the rows that are read; SQLite's transactions hold the write lock from their beginning.
func (s *Store) forUpdate(tx *gorm.DB) *gorm.DB {
	if s.mysql {
		return tx.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	return tx
}

// FulfilObligation closes what was owed; nothing happens when it is not open.
func (s *Store) FulfilObligation(ctx context.Context, cycleID string, kind models.ObligationKind, subject, owner string, on calendar.Date, by models.Actor) error {
	return s.fulfilObligation(s.db.WithContext(ctx), cycleID, kind, subject, owner, on, by)
}

func (s *Store) fulfilObligation(tx *gorm.DB, cycleID string, kind models.ObligationKind, subject, owner string, on calendar.Date, by models.Actor) error {
	err := tx.Model(&obligationRow{}).
		Where("cycle_id = ? AND kind = ? AND subject = ? AND owner = ? AND state = ?", cycleID, kind, subject, owner, models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationDone, "done_on": on, "done_by": string(by), "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("fulfilling obligation %s/%s of %s in %s: %w", kind, subject, owner, cycleID, err)
	}
	return nil
}

// WaiveObligation goes on without what is owed, on record with who and why; nothing happens when it is not open.
func (s *Store) WaiveObligation(ctx context.Context, cycleID string, kind models.ObligationKind, subject, owner string, on calendar.Date, by models.Actor, reasonID int64) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		return s.waiveObligation(tx, cycleID, kind, subject, owner, on, by, reasonID)
	})
}

func (s *Store) waiveObligation(tx *gorm.DB, cycleID string, kind models.ObligationKind, subject, owner string, on calendar.Date, by models.Actor, reasonID int64) error {
	waived := tx.Model(&obligationRow{}).
		Where("cycle_id = ? AND kind = ? AND subject = ? AND owner = ? AND state = ?", cycleID, kind, subject, owner, models.ObligationOpen).
		Updates(map[string]any{"state": models.ObligationWaived, "done_on": on, "done_by": string(by), "reason_id": reasonID, "updated_at": s.now()})
	if waived.Error != nil {
		return fmt.Errorf("waiving obligation %s/%s of %s in %s: %w", kind, subject, owner, cycleID, waived.Error)
	}
	if waived.RowsAffected == 0 {
		return nil
	}
	return s.audit(tx, by, "obligation.waive", "cycle/"+cycleID, map[string]any{
		"kind": kind, "subject": subject, "owner": owner, "on": on, "reason_id": reasonID})
}

// MoveDue gives the open obligations of a kind and subject another due date; reminders begin anew.
func (s *Store) MoveDue(ctx context.Context, cycleID string, kind models.ObligationKind, subject string, due calendar.Date) error {
	err := s.db.WithContext(ctx).Model(&obligationRow{}).
		Where("cycle_id = ? AND kind = ? AND subject = ? AND state = ? AND due <> ?", cycleID, kind, subject, models.ObligationOpen, due).
		Updates(map[string]any{"due": due, "reminded_step": nil, "reminded_on": nil, "escalated_on": nil, "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("moving obligation %s/%s in %s: %w", kind, subject, cycleID, err)
	}
	return nil
}

// closeObligations closes what is still owed in a cycle that ended; what is lasting goes on unless the cycle was cancelled.
func (s *Store) closeObligations(tx *gorm.DB, cycleID string, cancelled bool, on calendar.Date) error {
	q := tx.Model(&obligationRow{}).Where("cycle_id = ? AND state = ?", cycleID, models.ObligationOpen)
	if !cancelled {
		q = q.Where("kind NOT IN ?", models.LastingObligations)
		lasting, err := lastingObjections(tx, cycleID)
		if err != nil {
			return err
		}
		if len(lasting) > 0 {
			q = q.Where("subject NOT IN ?", lasting)
		}
	}
	err := q.Updates(map[string]any{"state": models.ObligationClosed, "done_on": on, "done_by": string(models.ActorSystem), "updated_at": s.now()}).Error
	if err != nil {
		return fmt.Errorf("closing the obligations of %s: %w", cycleID, err)
	}
	return nil
}

// OpenObligations lists what is owed in a cycle, by due date; at most 1000.
func (s *Store) OpenObligations(ctx context.Context, cycleID string) ([]models.Obligation, error) {
	return s.Obligations(ctx, ObligationFilter{CycleID: cycleID, State: models.ObligationOpen}, ObligationCursor{}, 1000)
}

// OwedCount counts what is owed of one kind.
type OwedCount struct {
	Kind    models.ObligationKind `json:"kind" doc:"事项类别"`
	Count   int64                 `json:"count" doc:"未完成件数"`
	Overdue int64                 `json:"overdue" doc:"其中逾期"`
	First   calendar.Date         `json:"first" doc:"最早的期限"`
}

// OwedCounts counts what is owed in a cycle, by kind.
func (s *Store) OwedCounts(ctx context.Context, cycleID string, today calendar.Date) ([]OwedCount, error) {
	var list []OwedCount
	err := s.db.WithContext(ctx).Raw(`SELECT kind, COUNT(*) AS count, SUM(CASE WHEN due < ? THEN 1 ELSE 0 END) AS overdue, MIN(due) AS first
		FROM obligations WHERE cycle_id = ? AND state = ? GROUP BY kind ORDER BY MIN(due), kind`, today, cycleID, models.ObligationOpen).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("counting what is owed in %s: %w", cycleID, err)
	}
	return list, nil
}

// ObligationFilter selects obligations; an empty field selects all.
type ObligationFilter struct {
	District  string
	CycleID   string
	Kind      models.ObligationKind
	OwnerKind models.OwnerKind
	Owner     string
	State     models.ObligationState
	DueBefore calendar.Date // due earlier than this
}

// ObligationCursor is the place in a list: after the obligation with this due date and id.
type ObligationCursor struct {
	Due calendar.Date
	ID  int64
}

// Obligations lists obligations by due date and id, after a cursor.
func (s *Store) Obligations(ctx context.Context, f ObligationFilter, after ObligationCursor, limit int) ([]models.Obligation, error) {
	q := s.db.WithContext(ctx).Model(&obligationRow{})
	for _, w := range [...]struct{ column, value string }{
		{"district", f.District}, {"cycle_id", f.CycleID}, {"kind", string(f.Kind)}, {"owner_kind", string(f.OwnerKind)}, {"owner", f.Owner}, {"state", string(f.State)}} {
		if w.value != "" {
			q = q.Where(w.column+" = ?", w.value)
		}
	}
	if f.DueBefore != 0 {
		q = q.Where("due < ?", f.DueBefore)
	}
	if after.ID != 0 {
		q = q.Where("due >= ? AND (due > ? OR id > ?)", after.Due, after.Due, after.ID)
	}
	var rows []obligationRow
	if err := q.Order("due, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing obligations: %w", err)
	}
	list := make([]models.Obligation, len(rows))
	for i, r := range rows {
		list[i] = r.obligation()
	}
	return list, nil
}
