package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// StillValid counts a district's certifications that are valid on a date: those that were neither ended before nor have
// run out (附三(四): they take places of the next selection).
func (s *Store) StillValid(ctx context.Context, district string, on calendar.Date) (int64, error) {
	var n int64
	err := s.db.WithContext(ctx).Model(&models.Certification{}).
		Where("district = ? AND state = ? AND certified_on <= ? AND valid_until >= ?", district, models.CertificationValid, on, on).Count(&n).Error
	if err != nil {
		return 0, fmt.Errorf("counting the certifications of %s that are valid on %s: %w", district, on, err)
	}
	return n, nil
}
