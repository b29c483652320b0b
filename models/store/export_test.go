package store

import (
	"context"
	"database/sql"
	"time"

	"golang.org/x/crypto/argon2"
	"gorm.io/gorm"

	"bangfu/models"
	"bangfu/models/calendar"
)

// SQL lets tests do to the database what an intruder would.
func (s *Store) SQL() *sql.DB { return s.sql }

// WeakHash makes a hash as an earlier version of the program might have.
func WeakHash(password string) string {
	salt := []byte("0123456789abcdef")
	return "$argon2id$v=19$m=1024,t=1,p=1$" + encode.EncodeToString(salt) + "$" + encode.EncodeToString(argon2.IDKey(normalised(password), salt, 1, 1024, 1, 32))
}

// ForbidLoadData makes the store work as on a server with local_infile off.
func (s *Store) ForbidLoadData() { s.noLoadData = true }

// SetNow lets tests choose the moment at which things are recorded.
func (s *Store) SetNow(now func() time.Time) { s.now = now }

// RemoveProposed is what an upheld objection to a notice brings about.
func (s *Store) RemoveProposed(ctx context.Context, applicationID int64, commandID string, actor models.Actor, reasonID int64, clause string, today calendar.Date) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		return s.removeProposed(tx, applicationID, commandID, actor, reasonID, clause, today)
	})
}

// NoticeOperator is what a delivery of the registry that names an operator brings about.
func (s *Store) NoticeOperator(ctx context.Context, certificationID int64, operator string, today calendar.Date) error {
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, certificationID); err != nil {
			return err
		}
		return s.noticeOperator(tx, w, operator)
	})
}

// RecordCertified is what happens to a certification by a decision.
func (s *Store) RecordCertified(ctx context.Context, cmd models.CertifiedCommand, today calendar.Date) error {
	w, err := s.certifiedWork(ctx, cmd.CertificationID, today)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, cmd.CertificationID); err != nil {
			return err
		}
		return s.recordCertified(tx, w, cmd, nil)
	})
}

// OpenCase is what a report, the data or the calendar find about a certified household.
func (s *Store) OpenCase(ctx context.Context, certificationID int64, kind models.CaseKind, ground []models.StandingFinding, about string, today calendar.Date) (c models.Case, opened bool, err error) {
	w, err := s.certifiedWork(ctx, certificationID, today)
	if err != nil {
		return c, false, err
	}
	err = s.tx(ctx, func(tx *gorm.DB) error {
		if err := w.lock(s, tx, certificationID); err != nil {
			return err
		}
		c, opened, err = s.openCase(tx, w, kind, ground, about, models.ActorSystem, 0)
		return err
	})
	return c, opened, err
}
