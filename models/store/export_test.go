package store

import "database/sql"

// SQL lets tests do to the database what an intruder would.
func (s *Store) SQL() *sql.DB { return s.sql }
