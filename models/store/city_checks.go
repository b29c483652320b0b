package store

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
)

// CityQuery selects checks of a cycle, by the certification's place after a key; an empty field selects all.
type CityQuery struct {
	CycleID string
	State   models.CityCheckState
	After   int // seat
	Limit   int
}

// CityCheckItem is a check with its texts.
type CityCheckItem struct {
	models.CityCheck
	Asked  string // the latest request, or why it was refused or passed
	Answer string // the bureau's latest answer
}

// CityChecks lists the city's work.
func (s *Store) CityChecks(ctx context.Context, q CityQuery) ([]CityCheckItem, error) {
	sel := s.cityChecks(ctx).Where("k.cycle_id = ? AND c.seat > ?", q.CycleID, q.After)
	if q.State != "" {
		sel = sel.Where("k.state = ?", q.State)
	}
	var list []CityCheckItem
	if err := sel.Order("c.seat").Limit(q.Limit).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the city's checks of %s: %w", q.CycleID, err)
	}
	return list, nil
}

func (s *Store) cityChecks(ctx context.Context) *gorm.DB {
	return s.db.WithContext(ctx).Table("city_checks k").
		Select("c.*, k.state AS check_state, k.limit_on, k.reason_id AS asked_id, k.answer_id, k.by_actor AS checked_by, k.updated_at, COALESCE(r.text, '') AS asked, COALESCE(w.text, '') AS answer").
		Joins("JOIN certifications c ON c.id = k.certification_id").Joins("LEFT JOIN reasons r ON r.id = k.reason_id").Joins("LEFT JOIN reasons w ON w.id = k.answer_id")
}

// CityStepItem is an event with its text and the documents that came with it.
type CityStepItem struct {
	models.CityStep
	Reason    string
	Documents []string `gorm:"-"`
}

// CityCheck gives one check of a cycle with what happened in it, in order; CodeNotFound if the certification is not in the sample.
func (s *Store) CityCheck(ctx context.Context, cycleID, number string) (CityCheckItem, []CityStepItem, error) {
	var list []CityCheckItem
	if err := s.cityChecks(ctx).Where("k.cycle_id = ? AND c.number = ?", cycleID, number).Scan(&list).Error; err != nil {
		return CityCheckItem{}, nil, fmt.Errorf("reading the city's check of %s: %w", number, err)
	}
	if len(list) == 0 {
		return CityCheckItem{}, nil, models.NotFound("编号%s不在抽查样本内", number)
	}
	var steps []CityStepItem
	err := s.db.WithContext(ctx).Table("city_events e").Select("e.*, COALESCE(r.text, '') AS reason").Joins("LEFT JOIN reasons r ON r.id = e.reason_id").
		Where("e.certification_id = ?", list[0].ID).Order("e.at, e.command_id").Scan(&steps).Error
	if err != nil {
		return CityCheckItem{}, nil, fmt.Errorf("reading what happened in the city's check of %s: %w", number, err)
	}
	for i := range steps {
		var detail struct{ Documents []string }
		if err := json.Unmarshal([]byte(steps[i].Detail), &detail); err != nil {
			return CityCheckItem{}, nil, fmt.Errorf("reading what happened in the city's check of %s: %w", number, err)
		}
		steps[i].Documents = detail.Documents
	}
	return list[0], steps, nil
}
