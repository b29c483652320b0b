package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// waitingSQL gives those who wait (候补) in the order of their rank; those without one come last. passed: leave out whom the bureau put
// on the waiting list against the proposal.
func waitingSQL(passed bool) string {
	where := ""
	if passed {
		where = " AND COALESCE(r.reason_id, 0) = 0"
	}
	return `SELECT a.* FROM applications a LEFT JOIN selection_ranks r ON r.cycle_id = a.cycle_id AND r.application_id = a.id
		WHERE a.cycle_id = ? AND a.state = ?` + where + ` ORDER BY CASE WHEN r.place IS NULL THEN 1 ELSE 0 END, r.place, a.id LIMIT ?`
}

// checkWaiting refuses those among the first n who wait who are barred on today's data, until the first n are not.
func (s *Store) checkWaiting(ctx context.Context, c models.Cycle, n int, today calendar.Date) error {
	law, err := s.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return err
	}
	for {
		var first []applicationRow
		if err := s.db.WithContext(ctx).Raw(waitingSQL(false), c.ID, models.ApplicationWaiting, n).Scan(&first).Error; err != nil {
			return fmt.Errorf("reading the waiting list of %s: %w", c.ID, err)
		}
		if len(first) == 0 {
			return nil
		}
		usccs := make([]string, len(first))
		for i, r := range first {
			usccs[i] = r.USCC
		}
		candidates, err := s.Candidates(ctx, c.ID, usccs)
		if err != nil {
			return err
		}
		barred := map[int64][]models.Bar{}
		for _, r := range first {
			candidate := candidates[r.USCC]
			if bars := law.Bars(&candidate, r.Origin, r.SubmittedOn, today); len(bars) > 0 {
				barred[r.ID] = bars
			}
		}
		if len(barred) == 0 {
			return nil
		}
		if err := s.barAll(ctx, barred, today); err != nil {
			return err
		}
	}
}

// moveUp proposes the first of the waiting list, at most as many as places are free; the caller has locked the cycle's places.
func (s *Store) moveUp(tx *gorm.DB, cycleID string, passed bool, today calendar.Date) ([]models.Application, error) {
	free, err := freeSeats(tx, cycleID)
	if err != nil || len(free) == 0 {
		return nil, err
	}
	var rows []applicationRow
	if err := tx.Raw(waitingSQL(passed)+s.locking(), cycleID, models.ApplicationWaiting, len(free)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the waiting list of %s: %w", cycleID, err)
	}
	moved := make([]models.Application, 0, len(rows))
	for _, r := range rows {
		a := r.application()
		err := s.moveApplication(tx, &a, models.ApplicationCommand{CommandID: fmt.Sprintf("move-up/%d", a.Events), ApplicationID: a.ID, Event: models.EventPropose,
			Actor: models.ActorSystem, Clause: selectionClause}, today, map[string]any{"from_waiting_list": true})
		if err != nil {
			return nil, err
		}
		err = tx.Model(&rankRow{}).Where("cycle_id = ? AND application_id = ?", cycleID, a.ID).
			Updates(map[string]any{"decision": models.OutcomePropose, "reason_id": 0, "decided_by": models.ActorSystem, "decided_at": s.now()}).Error
		if err != nil {
			return nil, err
		}
		moved = append(moved, a)
	}
	return moved, nil
}

// locking is forUpdate for a statement in SQL.
func (s *Store) locking() string {
	if s.mysql {
		return " FOR UPDATE"
	}
	return ""
}

// CloseSelection ends a cycle's comparison when everybody is decided: places that were given back meanwhile go to the first of the
// waiting list, those passed over by the bureau excepted, and what the bureau owes is closed. Closing again changes nothing.
func (s *Store) CloseSelection(ctx context.Context, cycleID string, today calendar.Date) (models.SelectionBoard, error) {
	failed := func(err error) (models.SelectionBoard, error) {
		return models.SelectionBoard{}, fmt.Errorf("closing the comparison of %s: %w", cycleID, err)
	}
	c, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	board, err := s.SelectionBoard(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	if board.Free > 0 && board.Waiting > 0 {
		if err := s.checkWaiting(ctx, c, int(board.Free), today); err != nil {
			return failed(err)
		}
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockPlaces(tx, cycleID); err != nil {
			return err
		}
		moved, err := s.moveUp(tx, cycleID, true, today)
		if err != nil {
			return err
		}
		if err := s.fulfilObligation(tx, cycleID, models.ObligationSelection, "", models.BureauCode, today, models.ActorSystem); err != nil {
			return err
		}
		if board, err = selectionBoard(tx, cycleID); err != nil {
			return err
		}
		key := fmt.Sprintf("%d/selection", c.Attempt)
		if known, err := cycleEventKnown(tx, cycleID, key); err != nil || known && len(moved) == 0 {
			return err
		}
		text := fmt.Sprintf("比选完成：名额 %d 个，拟认定 %d 户，候补 %d 户，未入选 %d 户", board.Places, board.Proposed, board.Waiting, board.Unselected)
		if err := s.cycleEvent(tx, cycleID, key, today, models.StageSelection, text, 0, models.ActorSystem); err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "selection.close", "cycle/"+cycleID, map[string]any{"on": today, "board": board, "moved_up": len(moved)})
	})
	if err != nil {
		return failed(err)
	}
	return board, nil
}

// cycleEventKnown says whether a cycle's event is on record.
func cycleEventKnown(tx *gorm.DB, cycleID, key string) (bool, error) {
	var n int64
	if err := tx.Model(&cycleEventRow{}).Where("cycle_id = ? AND event_key = ?", cycleID, key).Count(&n).Error; err != nil {
		return false, fmt.Errorf("looking for the event %s of %s: %w", key, cycleID, err)
	}
	return n > 0, nil
}
