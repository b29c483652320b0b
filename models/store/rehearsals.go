package store

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Volumes counts what a rehearsal's progress shows: applications, certifications valid on a day, and mails.
func (s *Store) Volumes(ctx context.Context, today calendar.Date) (applications, certified, mails int64, err error) {
	err = s.sql.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM applications WHERE state <> ?), (SELECT COUNT(*) FROM certifications WHERE state = ? AND valid_until >= ?), (SELECT COUNT(*) FROM outbox)",
		models.ApplicationDraft, models.CertificationValid, today).Scan(&applications, &certified, &mails)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("counting for a rehearsal's progress: %w", err)
	}
	return applications, certified, mails, nil
}
