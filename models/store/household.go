package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// PublishedStanding is a household's newest published tier in a district.
type PublishedStanding struct {
	Year        int
	Name        string
	Tier        models.Tier
	PublishedOn calendar.Date
}

// PublishedStanding gives a household's newest published tier in a district; false before one was published.
func (s *Store) PublishedStanding(ctx context.Context, district, uscc string) (p PublishedStanding, ok bool, err error) {
	var rows []PublishedStanding
	err = s.db.WithContext(ctx).Table("published_tiers").Where("uscc = ? AND district = ?", uscc, district).Order("year DESC").Limit(1).Find(&rows).Error
	if err != nil {
		return p, false, fmt.Errorf("reading a household's published tier: %w", err)
	}
	if len(rows) == 0 {
		return p, false, nil
	}
	return rows[0], true, nil
}

// HouseholdApplications gives a household's applications in a district, newest first, and the recommendations on which its consent was asked:
// what a department has only begun to write is not yet its matter.
func (s *Store) HouseholdApplications(ctx context.Context, district, uscc string, limit int) ([]models.Application, error) {
	var rows []applicationRow
	if err := s.db.WithContext(ctx).Where("uscc = ? AND district = ? AND NOT (state = ? AND origin = ?)", uscc, district, models.ApplicationDraft, models.OriginRecommended).
		Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a household's applications: %w", err)
	}
	list := make([]models.Application, len(rows))
	for i, r := range rows {
		list[i] = r.application()
	}
	return list, nil
}

// HouseholdObjection is what a household's overview shows of an objection of its own.
type HouseholdObjection struct {
	ID         int64
	Kind       models.ObjectionKind
	State      models.ObjectionState
	ReceivedOn calendar.Date
	AcceptDue  calendar.Date
	SettleDue  calendar.Date
	SettledOn  calendar.Date
	Outcome    string
}

// HouseholdObjections gives the objections that a household's operator made in a district, newest first. Those that others made to its being
// listed are not its to see.
func (s *Store) HouseholdObjections(ctx context.Context, district, uscc string, limit int) ([]HouseholdObjection, error) {
	var list []HouseholdObjection
	err := s.db.WithContext(ctx).Table("objections").Where("uscc = ? AND district = ? AND by_actor = ?", uscc, district, models.HouseholdActor(uscc)).
		Order("id DESC").Limit(limit).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("reading a household's objections: %w", err)
	}
	return list, nil
}

// HouseholdCertifications gives a household's certifications in a district, newest first.
func (s *Store) HouseholdCertifications(ctx context.Context, district, uscc string, limit int) ([]models.Certification, error) {
	var list []models.Certification
	if err := s.db.WithContext(ctx).Where("uscc = ? AND district = ?", uscc, district).Order("year DESC, id DESC").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading a household's certifications: %w", err)
	}
	return list, nil
}
