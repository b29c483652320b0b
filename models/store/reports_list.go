package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// RecommendedBy is the department that recommended a certified household; empty for its own application.
func (s *Store) RecommendedBy(ctx context.Context, certificationID int64) (string, error) {
	return recommendedBy(s.db.WithContext(ctx), certificationID)
}

// ReportSheet is a report with its form and what the data say of the household today.
type ReportSheet struct {
	Report        models.Report
	Certification models.Certification
	Form          models.ReportForm
	Standing      []models.StandingFinding
}

// ReportSheet reads everything about a certification's report of a year; CodeNotFound if the year has none.
func (s *Store) ReportSheet(ctx context.Context, certificationID int64, year int, today calendar.Date) (sheet ReportSheet, err error) {
	if sheet.Certification, err = s.CertificationByID(ctx, certificationID); err != nil {
		return sheet, err
	}
	if sheet.Report, err = s.report(s.db.WithContext(ctx), certificationID, year); err != nil {
		return sheet, err
	}
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return sheet, err
	}
	w.c = &sheet.Certification
	sheet.Form, sheet.Standing = w.reportForm(year), w.standing()
	return sheet, nil
}

// ReportQuery selects reports for the bureau's list; zero fields select all.
type ReportQuery struct {
	District string
	CycleID  string // of the certification
	Year     int
	State    models.ReportState
	Overdue  calendar.Date // filed late, or due before this date and neither filed nor reviewed
	After    int64
	Limit    int
}

// ReportLine is one report of the list, with whose it is.
type ReportLine struct {
	models.Report
	Number   string
	Name     string
	Category models.Category
}

// overdueSQL: the household's term or the bureau's has passed.
const overdueSQL = "(r.state IN ? AND r.limit_on < ? OR r.state = ? AND r.review_due < ?)"

func (q ReportQuery) where(db *gorm.DB) *gorm.DB {
	tx := db.Table("information_reports r").Joins("JOIN certifications c ON c.id = r.certification_id").Where("r.district = ?", q.District)
	if q.CycleID != "" {
		tx = tx.Where("c.cycle_id = ?", q.CycleID)
	}
	if q.Year != 0 {
		tx = tx.Where("r.year = ?", q.Year)
	}
	if q.Overdue != 0 {
		tx = tx.Where(overdueSQL, []models.ReportState{models.ReportOwed, models.ReportReturned}, q.Overdue, models.ReportSubmitted, q.Overdue)
	}
	return tx
}

// Reports lists reports by id; what they say is not read.
func (s *Store) Reports(ctx context.Context, q ReportQuery) ([]ReportLine, error) {
	tx := q.where(s.db.WithContext(ctx)).Where("r.id > ?", q.After)
	if q.State != "" {
		tx = tx.Where("r.state = ?", q.State)
	}
	var list []ReportLine
	err := tx.Select(`r.id, r.certification_id, r.district, r.uscc, r.year, r.state, r.due, r.limit_on, r.missed_on, r.filed_on, r.submitted_on, r.review_due,
		r.reviewed_by, r.reviewed_on, c.number, c.name, c.category`).Order("r.id").Limit(q.Limit).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("listing the reports of %s: %w", q.District, err)
	}
	return list, nil
}

// ReportCounts counts the whole list per state, wherever its cursor is.
func (s *Store) ReportCounts(ctx context.Context, q ReportQuery) (map[models.ReportState]int64, error) {
	var rows []struct {
		State models.ReportState
		N     int64
	}
	if err := q.where(s.db.WithContext(ctx)).Select("r.state, COUNT(*) AS n").Group("r.state").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting the reports of %s: %w", q.District, err)
	}
	counts := map[models.ReportState]int64{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// CertificationReports gives the reports of certifications, newest year first; what they say is not read.
func (s *Store) CertificationReports(ctx context.Context, ids []int64) ([]models.Report, error) {
	var list []models.Report
	if err := s.db.WithContext(ctx).Omit("content", "prefilled", "findings", "entered_by").Where("certification_id IN ?", ids).Order("year DESC, id").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("reading the reports of %d certifications: %w", len(ids), err)
	}
	return list, nil
}
