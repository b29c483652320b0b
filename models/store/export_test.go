package store

import "database/sql"

// SQL lets tests do to the database what an intruder would.
func (s *Store) SQL() *sql.DB { return s.sql }

// ForbidLoadData makes the store work as on a server with local_infile off.
func (s *Store) ForbidLoadData() { s.noLoadData = true }
