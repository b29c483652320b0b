package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

type holidayRow struct {
	Day    calendar.Date
	Kind   calendar.DayKind
	Name   string
	Notice string
}

func (holidayRow) TableName() string { return "holidays" }

// Workdays gives the working days by the notices that the program brings along and those that an administrator entered.
func (s *Store) Workdays(ctx context.Context) (*calendar.Workdays, error) {
	list, err := s.Holidays(ctx)
	if err != nil {
		return nil, err
	}
	return calendar.NewWorkdays(list...)
}

// Holidays lists what administrators entered of the State Council's notices.
func (s *Store) Holidays(ctx context.Context) ([]calendar.Holiday, error) {
	var rows []holidayRow
	if err := s.db.WithContext(ctx).Order("day").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the holidays: %w", err)
	}
	list := make([]calendar.Holiday, len(rows))
	for i, r := range rows {
		list[i] = calendar.Holiday(r)
	}
	return list, nil
}

// SetHolidays enters the State Council's notice of a year, in place of what was known of it. The error is a
// *models.Error with CodeInvalid for a list that cannot be a notice.
func (s *Store) SetHolidays(ctx context.Context, actor models.Actor, year int, list []calendar.Holiday) error {
	if err := calendar.CheckYear(year, list); err != nil {
		return models.Invalid("days", "%s", err)
	}
	rows := make([]holidayRow, len(list))
	for i, h := range list {
		rows[i] = holidayRow(h)
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		err := tx.Where("day >= ? AND day <= ?", calendar.NewDate(year, 1, 1), calendar.NewDate(year, 12, 31)).Delete(&holidayRow{}).Error
		if err != nil {
			return fmt.Errorf("replacing the holidays of %d: %w", year, err)
		}
		if err := tx.Create(&rows).Error; err != nil {
			return fmt.Errorf("entering the holidays of %d: %w", year, err)
		}
		return s.audit(tx, actor, "holidays.set", fmt.Sprintf("holidays/%d", year), list)
	})
}
