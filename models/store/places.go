package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Places gives a cycle's places; CodeNotFound before they are frozen.
func (s *Store) Places(ctx context.Context, cycleID string) (models.Places, error) {
	return readPlaces(s.db.WithContext(ctx), cycleID)
}

func readPlaces(tx *gorm.DB, cycleID string) (p models.Places, err error) {
	switch err := tx.Where("cycle_id = ?", cycleID).Take(&p).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return p, models.NotFound("%s 年度的认定名额尚未确定，比选开始时核定", cycleID)
	case err != nil:
		return p, fmt.Errorf("reading the places of %s: %w", cycleID, err)
	}
	return p, nil
}

// FreezePlaces fixes how many households a cycle may certify (附三(四)): the share of the 成长型 and 发展型 households that were
// handed over, less the certifications that will still be valid on the next 1 January. Once per cycle: what changes the tiers later
// does not change the base. Only a cycle that was started anew, in which nobody is proposed or certified, gets its places anew.
func (s *Store) FreezePlaces(ctx context.Context, cycleID string, today calendar.Date) (models.Places, error) {
	failed := func(err error) (models.Places, error) {
		return models.Places{}, fmt.Errorf("freezing the places of %s: %w", cycleID, err)
	}
	c, err := s.Cycle(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	law, err := s.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return failed(err)
	}
	h, err := s.Handover(ctx, cycleID)
	if err != nil {
		return failed(err)
	}
	valid, err := s.StillValid(ctx, c.District, law.Policy, calendar.NewDate(c.Year+1, 1, 1), today)
	if err != nil {
		return failed(err)
	}
	p := models.Places{CycleID: cycleID, RunID: h.RunID, Growth: h.Counts[models.Growth], Development: h.Counts[models.Development],
		Share: law.Places.Share.Value.Amount, StillValid: valid, PolicyID: law.ID, FrozenOn: today}
	p.Gross, p.Places = law.PlacesFor(p.Growth, p.Development, p.StillValid)
	var frozen models.Places
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := s.forUpdate(tx).Table("cycles").Select("id").Where("id = ?", cycleID).Row().Scan(new(string)); err != nil {
			return err // the lock that lets one worker freeze
		}
		old, err := readPlaces(tx, cycleID)
		switch {
		case err == nil && !old.At.Before(c.StartedAt):
			frozen = old
			return nil
		case err == nil:
			if held, err := s.clearPlaces(tx, cycleID); err != nil || held {
				frozen = old
				return err
			}
		case models.CodeOf(err) != models.CodeNotFound:
			return err
		}
		p.At, frozen = s.now(), p
		if err := tx.Create(&p).Error; err != nil {
			return err
		}
		seats := make([]seatRow, p.Places)
		for i := range seats {
			seats[i] = seatRow{CycleID: cycleID, Seat: i + 1, Places: p.Places}
		}
		if err := tx.CreateInBatches(seats, 500).Error; err != nil {
			return err
		}
		text := fmt.Sprintf("核定认定名额 %d 个：成长型 %d 户、发展型 %d 户的 %s 为 %d 个，减去次年1月1日仍在有效期内的 %d 户",
			p.Places, p.Growth, p.Development, law.Places.Share.Value, p.Gross, p.StillValid)
		if err := s.cycleEvent(tx, cycleID, fmt.Sprintf("%d/places", c.Attempt), today, models.StageSelection, text, 0, models.ActorSystem); err != nil {
			return err
		}
		return s.audit(tx, models.ActorSystem, "places.freeze", "cycle/"+cycleID, p)
	})
	if err != nil {
		return failed(err)
	}
	return frozen, nil
}

type seatRow struct {
	CycleID       string `gorm:"primaryKey"`
	Seat          int    `gorm:"primaryKey;autoIncrement:false"`
	Places        int64
	ApplicationID *int64
}

func (seatRow) TableName() string { return "place_seats" }

// clearPlaces forgets the places and the ranking of an earlier start of a cycle, unless somebody holds a place or is certified.
func (s *Store) clearPlaces(tx *gorm.DB, cycleID string) (held bool, err error) {
	var n int64
	err = tx.Raw(`SELECT (SELECT COUNT(*) FROM place_seats WHERE cycle_id = ? AND application_id IS NOT NULL) +
		(SELECT COUNT(*) FROM certifications WHERE cycle_id = ?)`, cycleID, cycleID).Scan(&n).Error
	if err != nil || n > 0 {
		return n > 0, err
	}
	for _, table := range [...]string{"place_seats", "selection_ranks", "places"} {
		if err := tx.Exec("DELETE FROM "+table+" WHERE cycle_id = ?", cycleID).Error; err != nil {
			return false, err
		}
	}
	return false, nil
}

// lockPlaces serialises all who give places of a cycle away.
func (s *Store) lockPlaces(tx *gorm.DB, cycleID string) (models.Places, error) {
	return readPlaces(s.forUpdate(tx), cycleID)
}

// freeSeats gives the places that nobody holds, in order; the caller has locked the cycle's places.
func freeSeats(tx *gorm.DB, cycleID string) ([]int, error) {
	var free []int
	err := tx.Model(&seatRow{}).Where("cycle_id = ? AND application_id IS NULL", cycleID).Order("seat").Pluck("seat", &free).Error
	if err != nil {
		return nil, fmt.Errorf("looking for free places of %s: %w", cycleID, err)
	}
	return free, nil
}

// takeSeat gives an application one of its cycle's places; CodeConflict when none is free. A place that is held is never given: there
// are as many rows as places, and each is written only while nobody holds it.
func (s *Store) takeSeat(tx *gorm.DB, a models.Application) error {
	p, err := s.lockPlaces(tx, a.CycleID)
	if err != nil {
		return err
	}
	free, err := freeSeats(tx, a.CycleID)
	if err != nil {
		return err
	}
	for _, seat := range free {
		taken := tx.Exec("UPDATE place_seats SET application_id = ? WHERE cycle_id = ? AND seat = ? AND application_id IS NULL", a.ID, a.CycleID, seat)
		if taken.Error != nil {
			return fmt.Errorf("taking a place of %s: %w", a.CycleID, taken.Error)
		}
		if taken.RowsAffected == 1 {
			return nil
		}
	}
	return models.Conflict("本年度认定名额 %d 个已全部占用（附三(四)），不能再拟认定；可列为候补", p.Places)
}

// freeSeat gives the place back that an application holds.
func freeSeat(tx *gorm.DB, a models.Application) error {
	return tx.Exec("UPDATE place_seats SET application_id = NULL WHERE cycle_id = ? AND application_id = ?", a.CycleID, a.ID).Error
}
