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
