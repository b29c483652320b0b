package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
)

// SetDistrict adds a district or replaces its names.
func (s *Store) SetDistrict(ctx context.Context, actor models.Actor, d models.District) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name", "city"})}).Create(&d).Error; err != nil {
			return fmt.Errorf("keeping district %s: %w", d.Code, err)
		}
		return s.audit(tx, actor, "district.set", "district/"+d.Code, map[string]string{"name": d.Name, "city": d.City})
	})
}

// District gives a district; CodeNotFound if the installation does not serve it.
func (s *Store) District(ctx context.Context, code string) (models.District, error) {
	var d models.District
	switch err := s.db.WithContext(ctx).Where("code = ?", code).Take(&d).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return d, models.NotFound("没有代码为“%s”的区", code)
	case err != nil:
		return d, fmt.Errorf("reading district %s: %w", code, err)
	}
	return d, nil
}

// Districts lists every district by code.
func (s *Store) Districts(ctx context.Context) ([]models.District, error) {
	var list []models.District
	if err := s.db.WithContext(ctx).Order("code").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing districts: %w", err)
	}
	return list, nil
}

// SetDepartment adds a department to a district or replaces its name and mailbox.
func (s *Store) SetDepartment(ctx context.Context, actor models.Actor, d models.Department) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if _, err := s.District(ctx, d.District); err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "district"}, {Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"name", "email"})}).Create(&d).Error; err != nil {
			return fmt.Errorf("keeping department %s/%s: %w", d.District, d.Code, err)
		}
		return s.audit(tx, actor, "department.set", "department/"+d.District+"/"+d.Code, map[string]string{"name": d.Name, "email": d.Email})
	})
}

// Department gives a department; CodeNotFound if the district has none with this code.
func (s *Store) Department(ctx context.Context, district, code string) (models.Department, error) {
	var d models.Department
	switch err := s.db.WithContext(ctx).Where("district = ? AND code = ?", district, code).Take(&d).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return d, models.NotFound("%s没有代码为“%s”的部门", district, code)
	case err != nil:
		return d, fmt.Errorf("reading department %s/%s: %w", district, code, err)
	}
	return d, nil
}

// Departments lists a district's departments by code.
func (s *Store) Departments(ctx context.Context, district string) ([]models.Department, error) {
	var list []models.Department
	if err := s.db.WithContext(ctx).Where("district = ?", district).Order("code").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("listing the departments of %s: %w", district, err)
	}
	return list, nil
}
