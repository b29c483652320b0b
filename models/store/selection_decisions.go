package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// selectionHash is of what was asked for; the reason's id is not, since a repeated request brings its text anew.
func selectionHash(d models.SelectionDecision) string {
	h := sha256.New()
	fmt.Fprintln(h, d.All, d.Outcome, slices.Sorted(slices.Values(d.ApplicationIDs)), d.Request)
	return hex.EncodeToString(h.Sum(nil))
}

type selectionCommandRow struct {
	CycleID     string `gorm:"primaryKey"`
	CommandID   string `gorm:"primaryKey"`
	RequestHash string
	Decided     int
	ReasonID    int64
	Actor       models.Actor
	At          time.Time
}

func (selectionCommandRow) TableName() string { return "selection_commands" }

// ConfirmSelection confirms the proposal of a cycle's comparison, or departs from it for one household, and says how many were decided
// and where the comparison then stands; once per command. What is listed is decided all of it or nothing. With All, those whom the
// actor may not decide about (four eyes, 回避) are left. The error is a *models.Error when the decision is refused; nobody is proposed
// beyond the places, whatever else happens at the same time.
func (s *Store) ConfirmSelection(ctx context.Context, d models.SelectionDecision, today calendar.Date, progress func()) (decided int, board models.SelectionBoard, err error) {
	failed := func(err error) (int, models.SelectionBoard, error) {
		return 0, models.SelectionBoard{}, fmt.Errorf("deciding the comparison of %s: %w", d.CycleID, err)
	}
	if err := d.Validate(); err != nil {
		return failed(err)
	}
	made, done, err := s.selectionCommand(s.db.WithContext(ctx), d)
	if err != nil {
		return failed(err)
	}
	if !done {
		list := d.ApplicationIDs
		for after := 0; d.All; {
			progress()
			if after, err = s.confirmPage(ctx, d, after, today); err != nil {
				return failed(err)
			}
			if after == 0 {
				break
			}
		}
		err = s.tx(ctx, func(tx *gorm.DB) error {
			if _, err := s.lockPlaces(tx, d.CycleID); err != nil {
				return err // first: what is read before a lock is as it was before whoever had it
			}
			locked, err := s.lockApplications(tx, list)
			if err != nil {
				return err
			}
			if made, done, err = s.selectionCommand(tx, d); err != nil || done {
				return err
			}
			if !d.All {
				if err := s.confirm(tx, d, list, locked, today); err != nil {
					return err
				}
			}
			return s.recordConfirmation(tx, d, today, &made)
		})
		if err != nil {
			return failed(err)
		}
	}
	board, err = s.SelectionBoard(ctx, d.CycleID)
	return made.Decided, board, err
}

// SelectionCommandDone says whether the command was carried out; CodeConflict if another decision was made under its id.
func (s *Store) SelectionCommandDone(ctx context.Context, d models.SelectionDecision) (bool, error) {
	_, done, err := s.selectionCommand(s.db.WithContext(ctx), d)
	return done, err
}

// selectionCommand finds a command on record.
func (s *Store) selectionCommand(tx *gorm.DB, d models.SelectionDecision) (made selectionCommandRow, done bool, err error) {
	err = tx.Where("cycle_id = ? AND command_id = ?", d.CycleID, d.CommandID).Take(&made).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return selectionCommandRow{}, false, nil
	case err != nil:
		return made, false, fmt.Errorf("looking for command %s: %w", d.CommandID, err)
	case made.RequestHash != selectionHash(d):
		return made, false, models.Conflict("这个操作编号已用于另一项比选决定，请换一个编号")
	}
	return made, true, nil
}

// recordConfirmation keeps the command with what it did, and closes what the bureau owes when nothing is left to decide.
func (s *Store) recordConfirmation(tx *gorm.DB, d models.SelectionDecision, today calendar.Date, made *selectionCommandRow) error {
	*made = selectionCommandRow{CycleID: d.CycleID, CommandID: d.CommandID, RequestHash: selectionHash(d), ReasonID: d.ReasonID, Actor: d.Actor, At: s.now()}
	err := tx.Raw(`SELECT COUNT(*) FROM application_events e JOIN applications a ON a.id = e.application_id WHERE a.cycle_id = ? AND e.command_id = ?`,
		d.CycleID, d.CommandID).Row().Scan(&made.Decided)
	if err != nil {
		return err
	}
	if err := tx.Create(made).Error; err != nil {
		return err
	}
	board, err := selectionBoard(tx, d.CycleID)
	if err != nil {
		return err
	}
	if board.Done() {
		if err := s.fulfilObligation(tx, d.CycleID, models.ObligationSelection, "", models.BureauCode, today, d.Actor); err != nil {
			return err
		}
	}
	return s.audit(tx, d.Actor, "selection.confirm", "cycle/"+d.CycleID, map[string]any{"command": d.CommandID, "all": d.All, "ids": d.ApplicationIDs,
		"outcome": d.Outcome, "reason_id": d.ReasonID, "decided": made.Decided, "left": board.Left, "on": today})
}

// confirmPage confirms the proposal for the next undecided ones after a place, and gives the place to go on from; 0 = no more.
func (s *Store) confirmPage(ctx context.Context, d models.SelectionDecision, after int, today calendar.Date) (next int, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockPlaces(tx, d.CycleID); err != nil {
			return err
		}
		var page []struct {
			ApplicationID int64
			Place         int
		}
		err := tx.Raw(`SELECT r.application_id, r.place FROM selection_ranks r JOIN applications a ON a.id = r.application_id
			WHERE r.cycle_id = ? AND a.state = ? AND r.place > ? ORDER BY r.place LIMIT ?`+s.locking(), d.CycleID, models.ApplicationQualified, after, rankPage).Scan(&page).Error
		if err != nil || len(page) == 0 {
			next = 0
			return err
		}
		ids := make([]int64, len(page))
		for i, p := range page {
			ids[i], next = p.ApplicationID, p.Place
		}
		locked, err := s.lockApplications(tx, ids)
		if err != nil {
			return err
		}
		return s.confirm(tx, d, ids, locked, today)
	})
	return next, err
}

// confirm decides about applications in the order of their rank; the caller has locked the cycle's places and, before it read anything
// else, the applications.
func (s *Store) confirm(tx *gorm.DB, d models.SelectionDecision, ids []int64, locked []models.Application, today calendar.Date) error {
	var stage models.Stage
	if err := tx.Table("cycles").Select("stage").Where("id = ?", d.CycleID).Row().Scan(&stage); err != nil {
		return fmt.Errorf("reading the stage of %s: %w", d.CycleID, err)
	}
	if stage != models.StageSelection {
		return models.Conflict("年度工作现处于“%s”阶段，比选结果只能在“%s”阶段确定", stage.Info().Name, models.StageSelection.Info().Name)
	}
	applications := make(map[int64]models.Application, len(locked))
	for _, a := range locked {
		applications[a.ID] = a
	}
	if err := proposeByRank(tx, d.CycleID); err != nil {
		return err
	}
	var ranks []rankRow
	if err := tx.Where("cycle_id = ? AND application_id IN ?", d.CycleID, ids).Order("place").Find(&ranks).Error; err != nil {
		return err
	}
	if len(ranks) != len(ids) {
		return models.NotFound("所选申报件中有 %d 件不在本年度的比选排名中", len(ids)-len(ranks))
	}
	var done []int64
	if err := tx.Table("application_events").Where("application_id IN ? AND command_id = ?", ids, d.CommandID).Pluck("application_id", &done).Error; err != nil {
		return err
	}
	for _, r := range ranks {
		a := applications[r.ApplicationID]
		if slices.Contains(done, a.ID) {
			continue
		}
		err := s.mayDecide(tx, a, d.Actor)
		if d.All && models.CodeOf(err) == models.CodeForbidden {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.decideRank(tx, d, r, a, today); err != nil {
			return err
		}
	}
	return proposeByRank(tx, d.CycleID)
}

func (s *Store) decideRank(tx *gorm.DB, d models.SelectionDecision, r rankRow, a models.Application, today calendar.Date) error {
	k, err := r.rank()
	if err != nil {
		return err
	}
	outcome, err := k.Outcome(d, a.State)
	if err != nil {
		return err
	}
	err = s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: d.CommandID, ApplicationID: a.ID, Event: outcome.Event(), Actor: d.Actor,
		ReasonID: d.ReasonID, Clause: selectionClause}, today, map[string]any{"place": r.Place, "score": r.Score, "proposal": r.Proposal})
	if err != nil {
		return err
	}
	departure := int64(0)
	if outcome != r.Proposal {
		departure = d.ReasonID
	}
	return tx.Model(&rankRow{}).Where("cycle_id = ? AND application_id = ?", d.CycleID, a.ID).
		Updates(map[string]any{"decision": outcome, "reason_id": departure, "decided_by": d.Actor, "decided_at": s.now()}).Error
}
