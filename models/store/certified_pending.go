package store

import (
	"gorm.io/gorm"

	"bangfu/models"
)

// What the rooms beside this one bring: each function here gives way to the one in its own file.

func (s *Store) reportEffect(*gorm.DB, *certifiedWork, models.CertifiedCommand) (map[string]any, error) {
	return nil, models.Conflict("本功能尚未启用")
}
func (s *Store) operatorEffect(*gorm.DB, *certifiedWork, models.CertifiedCommand) (map[string]any, error) {
	return nil, models.Conflict("本功能尚未启用")
}
func (s *Store) openReport(*gorm.DB, *certifiedWork, int) error { return nil }
func (s *Store) missReport(*gorm.DB, *certifiedWork, int) error { return nil }
func (s *Store) openEvaluation(*gorm.DB, *certifiedWork) error  { return nil }
