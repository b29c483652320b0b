package store

import (
	"context"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// What the rooms beside this one bring: each function here gives way to the one in its own file.

func (s *Store) caseEffect(*gorm.DB, *certifiedWork, models.CertifiedCommand) (map[string]any, error) {
	return nil, models.Conflict("本功能尚未启用")
}
func (s *Store) passHearings(*gorm.DB, *certifiedWork) error                    { return nil }
func (s *Store) nextHearing(*gorm.DB, int64) (calendar.Date, error)             { return 0, nil }
func (s *Store) undecidedEvaluation(*gorm.DB, int64) (bool, error)              { return false, nil }
func (s *Store) endCertified(*gorm.DB, *certifiedWork) error                    { return nil }
func (s *Store) LiveCases(context.Context, int64) (list []models.Case, _ error) { return list, nil }

func (s *Store) reportEffect(*gorm.DB, *certifiedWork, models.CertifiedCommand) (map[string]any, error) {
	return nil, models.Conflict("本功能尚未启用")
}
func (s *Store) operatorEffect(*gorm.DB, *certifiedWork, models.CertifiedCommand) (map[string]any, error) {
	return nil, models.Conflict("本功能尚未启用")
}
func (s *Store) openReport(*gorm.DB, *certifiedWork, int) error { return nil }
func (s *Store) missReport(*gorm.DB, *certifiedWork, int) error { return nil }
func (s *Store) openEvaluation(*gorm.DB, *certifiedWork) error  { return nil }
