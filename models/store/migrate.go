package store

import (
	"context"
	"fmt"
)

// Schema gives the version that the database's schema has, 0 for an empty database, and the newest that this
// program knows. A database that is ahead was migrated by a newer program.
func (s *Store) Schema(ctx context.Context) (current, newest int64, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, 0, fmt.Errorf("reading the migrations: %w", err)
	}
	current, newest, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return current, newest, nil
}

// OneMachine says that the database is a file of this machine's, which no other machine's program shares.
func (s *Store) OneMachine() bool { return !s.mysql }
