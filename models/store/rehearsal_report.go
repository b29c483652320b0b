package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// This file reads what a rehearsal's report shows, from the rehearsal's own record.

// Volumes counts what a rehearsal's progress shows: applications, certifications valid on a day, and mails.
func (s *Store) Volumes(ctx context.Context, today calendar.Date) (applications, certified, mails int64, err error) {
	err = s.sql.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM applications WHERE state <> ?), (SELECT COUNT(*) FROM certifications WHERE state = ? AND valid_until >= ?), (SELECT COUNT(*) FROM outbox)",
		models.ApplicationDraft, models.CertificationValid, today).Scan(&applications, &certified, &mails)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("counting for a rehearsal's progress: %w", err)
	}
	return applications, certified, mails, nil
}

// OwedGroup counts obligations that are alike: whose, of which kind, due and done on which days.
type OwedGroup struct {
	CycleID   string
	OwnerKind models.OwnerKind
	Owner     string // of departments only
	Kind      models.ObligationKind
	State     models.ObligationState
	Due       calendar.Date
	DoneOn    calendar.Date
	N         int64
}

// OwedGroups counts every obligation of a district, by what tells whether it was met in time.
func (s *Store) OwedGroups(ctx context.Context, district string) ([]OwedGroup, error) {
	var list []OwedGroup
	err := s.db.WithContext(ctx).Raw(`SELECT cycle_id, owner_kind, CASE WHEN owner_kind = 'department' THEN owner ELSE '' END AS owner, kind, state, due, done_on, COUNT(*) AS n
		FROM obligations WHERE district = ? GROUP BY cycle_id, owner_kind, CASE WHEN owner_kind = 'department' THEN owner ELSE '' END, kind, state, due, done_on
		ORDER BY 1, 2, 3, 4, 6, 7`, district).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("counting what was owed: %w", err)
	}
	return list, nil
}

// MailGroup counts the mails of a kind that one address would have had in a month.
type MailGroup struct {
	Recipient string
	Kind      models.MailKind
	Month     string // 2026-07
	N         int64
}

// MailGroups counts every mail of a district.
func (s *Store) MailGroups(ctx context.Context, district string) ([]MailGroup, error) {
	var list []MailGroup
	err := s.db.WithContext(ctx).Raw(`SELECT recipient, kind, SUBSTR(on_date, 1, 7) AS month, COUNT(*) AS n FROM outbox WHERE district = ?
		GROUP BY recipient, kind, SUBSTR(on_date, 1, 7) ORDER BY 3, 1, 2`, district).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("counting mails: %w", err)
	}
	return list, nil
}

// RepeatedMails counts the mails that say to the same address on the same day word for word what another one says, but for those about
// signing in: of each code that is handed out the operator is told, also of a second one.
func (s *Store) RepeatedMails(ctx context.Context, district string) (n int64, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT COALESCE(SUM(k - 1), 0) FROM (SELECT COUNT(*) AS k FROM outbox WHERE district = ? AND kind NOT IN ?
		GROUP BY recipient, on_date, kind, subject, text) AS alike`, district, []models.MailKind{models.MailAccess, models.MailAccessCode}).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("looking for repeated mails: %w", err)
	}
	return n, nil
}

// Tally counts what is alike in up to three ways.
type Tally struct {
	Year    int
	A, B, C string
	N       int64
}

// tallies are the counts that a rehearsal's report shows of everything after the certification.
var tallies = map[string]string{
	"certifications": "SELECT year, category AS a, state AS b, '' AS c, COUNT(*) AS n FROM certifications WHERE district = ? GROUP BY year, category, state",
	"reports":        "SELECT year, state AS a, CASE WHEN submitted_on > due THEN 'late' ELSE '' END AS b, '' AS c, COUNT(*) AS n FROM information_reports WHERE district = ? GROUP BY year, state, CASE WHEN submitted_on > due THEN 'late' ELSE '' END",
	"cases":          "SELECT year, kind AS a, state AS b, outcome AS c, COUNT(*) AS n FROM cases WHERE district = ? GROUP BY year, kind, state, outcome",
	"events":         "SELECT CAST(SUBSTR(e.on_date, 1, 4) AS DECIMAL) AS year, e.event AS a, '' AS b, '' AS c, COUNT(*) AS n FROM certified_events e JOIN certifications k ON k.id = e.certification_id WHERE k.district = ? GROUP BY CAST(SUBSTR(e.on_date, 1, 4) AS DECIMAL), e.event",
	"objections":     "SELECT CAST(SUBSTR(cycle_id, 8, 4) AS DECIMAL) AS year, kind AS a, state AS b, outcome AS c, COUNT(*) AS n FROM objections WHERE district = ? GROUP BY CAST(SUBSTR(cycle_id, 8, 4) AS DECIMAL), kind, state, outcome",
}

// Tally counts certifications, reports, cases, events or objections of a district by year and by what became of them.
func (s *Store) Tally(ctx context.Context, what, district string) ([]Tally, error) {
	var list []Tally
	if err := s.db.WithContext(ctx).Raw(tallies[what]+" ORDER BY 1, 2, 3, 4", district).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("counting %s: %w", what, err)
	}
	return list, nil
}

// MailTexts gives the mails of a district in order after an id, with their text and without their HTML.
func (s *Store) MailTexts(ctx context.Context, district string, after int64, limit int) ([]models.Mail, error) {
	var rows []mailRow
	if err := s.db.WithContext(ctx).Omit("html").Where("district = ? AND id > ?", district, after).Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading mails: %w", err)
	}
	list := make([]models.Mail, len(rows))
	for i, r := range rows {
		list[i] = r.mail()
	}
	return list, nil
}
