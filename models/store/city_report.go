package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"bangfu/models"
	"bangfu/models/calendar"
)

// cityReportRow is a row of city_reports.
type cityReportRow struct {
	models.CityReport `gorm:"embedded"`
	Content           []byte
}

func (cityReportRow) TableName() string { return "city_reports" }

// ReportToCity keeps the file of a cycle's certifications as it is reported to the city (附三(二)2): the bureau has done what it
// owed, and the city has until due for its spot check; what is reported on that day or later leaves the policy's term for
// supplements. Reporting again changes nothing and gives what stands.
func (s *Store) ReportToCity(ctx context.Context, r models.CityReport, content []byte, due calendar.Date) (models.CertificationBoard, error) {
	var b models.CertificationBoard
	failed := func(err error) (models.CertificationBoard, error) {
		return b, fmt.Errorf("reporting the certifications of %s to the city: %w", r.CycleID, err)
	}
	district, year, err := models.ParseCycleID(r.CycleID)
	if err != nil {
		return b, err
	}
	law, workdays, err := s.cityTerms(ctx, r.CycleID)
	if err != nil {
		return failed(err)
	}
	r.OutcomeDue = due
	if r.ReportedOn >= due {
		r.OutcomeDue = workdays.TermEnd(r.ReportedOn, law.Workdays("city.supplement.limit"))
	}
	r.At = s.now()
	err = s.tx(ctx, func(tx *gorm.DB) error {
		row := cityReportRow{r, content}
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if created.Error != nil {
			return created.Error
		}
		if created.RowsAffected > 0 {
			if err := s.fulfilObligation(tx, r.CycleID, models.ObligationCertification, "", models.BureauCode, r.ReportedOn, models.ActorSystem); err != nil {
				return err
			}
			if r.Certified > 0 {
				err := s.openObligation(tx, models.Obligation{CycleID: r.CycleID, District: district, Kind: models.ObligationCityCheck, OwnerKind: models.OwnerCity,
					Owner: models.CityCode, Title: fmt.Sprintf("抽查%d年“名特优新”个体工商户认定", year), Clause: "附三(二)2", Due: r.OutcomeDue, OpenedOn: r.ReportedOn})
				if err != nil {
					return err
				}
			}
			err := s.audit(tx, models.ActorSystem, "city.report", "cycle/"+r.CycleID, map[string]any{
				"sha256": r.SHA256, "certified": r.Certified, "on": r.ReportedOn, "outcome_due": r.OutcomeDue})
			if err != nil {
				return err
			}
		}
		b, err = s.certificationBoard(tx, r.CycleID)
		return err
	})
	if err != nil {
		return failed(err)
	}
	return b, nil
}

// CityReport gives a cycle's report to the city; CodeNotFound before it was made.
func (s *Store) CityReport(ctx context.Context, cycleID string) (models.CityReport, error) {
	return s.cityReport(s.db.WithContext(ctx), cycleID)
}

func (s *Store) cityReport(tx *gorm.DB, cycleID string) (models.CityReport, error) {
	var r cityReportRow
	switch err := tx.Omit("content").Where("cycle_id = ?", cycleID).Take(&r).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.CityReport{}, models.NotFound("%s 年度的认定结果尚未报市市场监管局", cycleID)
	case err != nil:
		return models.CityReport{}, fmt.Errorf("reading the report of %s to the city: %w", cycleID, err)
	}
	return r.CityReport, nil
}

// ReportedCertification is a certification as the report tells it.
type ReportedCertification struct {
	models.Certification
	Origin        models.Origin
	PolicyVersion int
}

// CityReportPage lists what a report to the city tells, by place after a key.
func (s *Store) CityReportPage(ctx context.Context, cycleID string, after, limit int) ([]ReportedCertification, error) {
	var page []ReportedCertification
	err := s.db.WithContext(ctx).Raw(`SELECT c.*, a.origin, p.version AS policy_version FROM certifications c JOIN applications a ON a.id = c.application_id
		JOIN policies p ON p.id = c.policy_id WHERE c.cycle_id = ? AND c.seat > ? ORDER BY c.seat LIMIT ?`, cycleID, after, limit).Scan(&page).Error
	if err != nil {
		return nil, fmt.Errorf("reading what was certified in %s: %w", cycleID, err)
	}
	return page, nil
}

// CityReportFile gives the report's CSV file, byte for byte as it was made.
func (s *Store) CityReportFile(ctx context.Context, cycleID string) ([]byte, error) {
	var content []byte
	err := s.db.WithContext(ctx).Model(&cityReportRow{}).Select("content").Where("cycle_id = ?", cycleID).Row().Scan(&content)
	if err != nil {
		return nil, fmt.Errorf("reading the file that %s reported to the city: %w", cycleID, err)
	}
	return content, nil
}
