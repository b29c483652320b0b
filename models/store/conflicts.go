package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
)

// conflictRow is a row of conflicts.
type conflictRow struct {
	ID           int64 `gorm:"primaryKey"`
	District     string
	Actor        models.Actor
	USCC         string `gorm:"column:uscc"`
	ReasonID     int64
	DeclaredBy   models.Actor
	At           time.Time
	Standing     *int // 1 while it stands, NULL once lifted: unique with person and household
	LiftedBy     models.Actor
	LiftReasonID int64
	LiftedAt     *time.Time
}

func (conflictRow) TableName() string { return "conflicts" }

func (r conflictRow) conflict() models.ConflictOfInterest {
	return models.ConflictOfInterest{ID: r.ID, District: r.District, Actor: r.Actor, USCC: r.USCC, ReasonID: r.ReasonID, DeclaredBy: r.DeclaredBy, At: r.At,
		LiftedBy: r.LiftedBy, LiftReasonID: r.LiftReasonID, LiftedAt: r.LiftedAt}
}

func conflictObject(id int64) string { return "conflict/" + strconv.FormatInt(id, 10) }

// mayDecide refuses who has a hand in the application already (four eyes, R12) or must stand aside (回避), as a reviewer, visitor or
// decider about it. Called after the application's row is locked, so that a declaration made meanwhile counts.
func (s *Store) mayDecide(tx *gorm.DB, a models.Application, actor models.Actor) error {
	if err := a.FourEyes(actor); err != nil {
		return err
	}
	return s.standsApart(tx, a.USCC, actor)
}

// standsApart refuses who must keep out of a household's matters: a declared conflict of interest stands (回避), or they handed out a
// code for it, with which whoever holds it acts as the household.
func (s *Store) standsApart(tx *gorm.DB, uscc string, actor models.Actor) error {
	if err := actor.Personally(); err != nil {
		return err
	}
	aside, err := s.asideOf(tx, []string{uscc}, actor)
	if err != nil || len(aside) == 0 {
		return err
	}
	return aside[0].refusal()
}

// aside is somebody who must keep out of a household's matters.
type aside struct {
	Actor models.Actor
	USCC  string `gorm:"column:uscc"`
	Code  bool   // for having handed out a code; else by a declaration
}

func (a aside) refusal() error {
	if a.Code {
		return models.Errorf(models.CodeForbidden, "该办理人为该户发放过登录码，不得推荐、审核、走访或决定该户事项，请由他人办理")
	}
	return models.Errorf(models.CodeForbidden, "该办理人与该户有已声明的利益关系，应当回避，请由他人办理")
}

// asideOf says who of some people must keep out of which households' matters.
func (s *Store) asideOf(tx *gorm.DB, usccs []string, actors ...models.Actor) (list []aside, err error) {
	err = tx.Raw(`SELECT actor, uscc, FALSE AS code FROM conflicts WHERE actor IN ? AND uscc IN ? AND standing = 1
		UNION ALL SELECT issued_by, uscc, TRUE FROM access_secrets WHERE uscc IN ? AND kind = ? AND issued_by IN ? AND created_at > ?`,
		actors, usccs, usccs, models.AccessCode, actors, s.now().Add(-codesKept)).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("looking for who must stand aside: %w", err)
	}
	return list, nil
}

// MayDecide is mayDecide for a list or a page that says beforehand what the caller may do.
func (s *Store) MayDecide(ctx context.Context, a models.Application, actor models.Actor) error {
	return s.mayDecide(s.db.WithContext(ctx), a, actor)
}

// DeclareConflict puts on record that a person stands aside in a household's matters, takes the household's applications off their
// list, and cancels the visits that they were to make. Declaring what stands already changes nothing and gives what is on record.
func (s *Store) DeclareConflict(ctx context.Context, c models.ConflictOfInterest) (models.ConflictOfInterest, error) {
	one := 1
	row := conflictRow{District: c.District, Actor: c.Actor, USCC: c.USCC, ReasonID: c.ReasonID, DeclaredBy: c.DeclaredBy, Standing: &one}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		released, err := s.leave(tx, c, func(models.Application) error { return nil })
		if err != nil {
			return err
		}
		var known conflictRow
		err = tx.Where("actor = ? AND uscc = ? AND standing = 1", c.Actor, c.USCC).Take(&known).Error
		if err == nil {
			row = known
			return nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		row.ID, row.At = 0, s.now()
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return s.audit(tx, c.DeclaredBy, "conflict.declare", conflictObject(row.ID),
			map[string]any{"actor": c.Actor, "uscc": c.USCC, "reason_id": c.ReasonID, "released": released})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // declared at the same moment by two
		return row.conflict(), models.Conflict("这一利益关系刚刚已被声明")
	}
	if err != nil {
		return row.conflict(), fmt.Errorf("declaring a conflict of interest: %w", err)
	}
	return row.conflict(), nil
}

// leave takes a household's applications off the list of who must keep out of its matters, and cancels the visits that they were to make.
// It locks them first, so that who claims or decides now either came before, or sees what follows; may can refuse.
func (s *Store) leave(tx *gorm.DB, c models.ConflictOfInterest, may func(models.Application) error) (released []int64, err error) {
	var live []applicationRow
	if err := s.forUpdate(tx).Where("uscc = ? AND live = 1", c.USCC).Order("id").Find(&live).Error; err != nil {
		return nil, err
	}
	for _, r := range live {
		a := r.application()
		if err := may(a); err != nil {
			return nil, err
		}
		today, err := s.cycleToday(tx, a.CycleID)
		if err != nil {
			return nil, err
		}
		gone, err := s.standAside(tx, &a, c, today)
		if err != nil {
			return nil, err
		}
		if gone {
			released = append(released, a.ID)
		}
	}
	return released, nil
}

// LiftConflict ends a conflict of interest, on record with who and why. The error is CodeNotFound or CodeConflict.
func (s *Store) LiftConflict(ctx context.Context, id int64, by models.Actor, reasonID int64) (models.ConflictOfInterest, error) {
	var row conflictRow
	err := s.tx(ctx, func(tx *gorm.DB) error {
		err := s.forUpdate(tx).Where("id = ?", id).Take(&row).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			return models.NotFound("没有编号为 %d 的回避声明", id)
		case err != nil:
			return fmt.Errorf("reading conflict of interest %d: %w", id, err)
		case row.Standing == nil:
			return models.Conflict("这项回避声明已经解除")
		case row.Actor == by:
			return models.Errorf(models.CodeForbidden, "不能解除自己的回避声明，请由其他管理员办理")
		}
		now := s.now()
		row.Standing, row.LiftedBy, row.LiftReasonID, row.LiftedAt = nil, by, reasonID, &now
		err = tx.Model(&conflictRow{ID: id}).Updates(map[string]any{"standing": nil, "lifted_by": by, "lift_reason_id": reasonID, "lifted_at": now}).Error
		if err != nil {
			return fmt.Errorf("lifting conflict of interest %d: %w", id, err)
		}
		return s.audit(tx, by, "conflict.lift", conflictObject(id), map[string]any{"actor": row.Actor, "uscc": row.USCC, "reason_id": reasonID})
	})
	return row.conflict(), err
}

// ConflictOfInterest gives one declaration; CodeNotFound if there is none.
func (s *Store) ConflictOfInterest(ctx context.Context, id int64) (models.ConflictOfInterest, error) {
	var row conflictRow
	err := s.db.WithContext(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return models.ConflictOfInterest{}, models.NotFound("没有编号为 %d 的回避声明", id)
	}
	if err != nil {
		return models.ConflictOfInterest{}, fmt.Errorf("reading conflict of interest %d: %w", id, err)
	}
	return row.conflict(), nil
}

// ConflictQuery selects declarations, by id after a key; an empty field selects all.
type ConflictQuery struct {
	District string
	Actor    models.Actor
	USCC     string
	After    int64
	Limit    int
}

// ConflictItem is a declaration with its reasons in words.
type ConflictItem struct {
	models.ConflictOfInterest
	Reason     string
	LiftReason string
}

// ConflictsOfInterest lists declarations, lifted ones included.
func (s *Store) ConflictsOfInterest(ctx context.Context, q ConflictQuery) ([]ConflictItem, error) {
	sel := s.db.WithContext(ctx).Table("conflicts c").Select("c.*, COALESCE(r.text, '') AS reason, COALESCE(l.text, '') AS lift_reason").
		Joins("LEFT JOIN reasons r ON r.id = c.reason_id").Joins("LEFT JOIN reasons l ON l.id = c.lift_reason_id").Where("c.id > ?", q.After)
	for _, w := range [...]struct{ column, value string }{{"c.district", q.District}, {"c.actor", string(q.Actor)}, {"c.uscc", q.USCC}} {
		if w.value != "" {
			sel = sel.Where(w.column+" = ?", w.value)
		}
	}
	var out []ConflictItem
	if err := sel.Order("c.id").Limit(q.Limit).Scan(&out).Error; err != nil {
		return nil, fmt.Errorf("listing conflicts of interest: %w", err)
	}
	return out, nil
}
