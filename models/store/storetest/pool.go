package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models/store"
)

var errNoServer = errors.New(Env + " is not set: run `make test`, which starts a private MariaDB, or set it to mysql://user:password@host:3306/")

// databases is the pool of the package whose tests run.
var databases pool

// pool holds MySQL databases whose schema is up to date, because making sixty tables takes longer than most tests. After a
// test its database is made what it was at first, which is verified; else it is dropped.
type pool struct {
	mu      sync.Mutex
	kept    bool // Main drops the databases at the end
	server  *server
	pattern string // a database that no test touches
	fresh   state  // its state
	idle    []string
	made    []string
}

// state is what tells databases with the same schema apart: each table's checksum and its counter.
type state map[string]table

type table struct{ checksum, counter int64 }

// migrations is the table that changes when a test changes the schema.
const migrations = "goose_db_version"

// Main runs a package's tests, which use databases one after the other, and drops them at the end: for TestMain. In a
// package without it each test makes a database of its own.
func Main(m *testing.M) {
	databases.kept = true
	code := m.Run()
	if err := databases.close(); err != nil {
		fmt.Fprintln(os.Stderr, "dropping the tests' databases:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// pooled gives the address of a fresh MySQL database.
func pooled(t testing.TB) string {
	t.Helper()
	if !databases.kept {
		return MySQL(t)
	}
	name, err := databases.take()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, databases.giveBack(name)) })
	return databases.server.address(name)
}

func (p *pool) take() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh == nil {
		if err := p.prepare(); err != nil {
			return "", err
		}
	}
	if n := len(p.idle); n > 0 {
		name := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return name, nil
	}
	return p.make()
}

func (p *pool) prepare() (err error) {
	if p.server, err = connect(); err != nil {
		return err
	}
	if p.pattern, err = p.make(); err != nil {
		return err
	}
	p.fresh, err = p.state(p.pattern)
	return err
}

func (p *pool) make() (string, error) {
	name, err := p.server.create()
	if err != nil {
		return "", err
	}
	p.made = append(p.made, name)
	s, err := store.Open(context.Background(), p.server.address(name))
	if err != nil {
		return "", err
	}
	return name, s.Close()
}

// giveBack takes out of a database what a test left in it.
func (p *pool) giveBack(name string) error {
	now, err := p.state(name)
	if err != nil {
		return err
	}
	if now[migrations] == p.fresh[migrations] {
		if err := p.clear(name, now); err != nil {
			return err
		}
		if now, err = p.state(name); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if maps.Equal(now, p.fresh) {
		p.idle = append(p.idle, name)
		return nil
	}
	p.made = slices.DeleteFunc(p.made, func(made string) bool { return made == name })
	return p.server.drop(name)
}

// clear empties the tables that a test changed, and puts back what the migrations had put into them.
func (p *pool) clear(name string, now state) error {
	ctx := context.Background()
	conn, err := p.server.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SET foreign_key_checks = 0"); err != nil {
		return err
	}
	for t, s := range now {
		if s == p.fresh[t] {
			continue
		}
		if _, err := conn.ExecContext(ctx, "TRUNCATE TABLE "+name+"."+t); err != nil {
			return fmt.Errorf("clearing a test's database: %w", err)
		}
		if p.fresh[t].checksum == 0 {
			continue
		}
		//nolint:gosec // G202: names of databases and tables that this pool made itself
		if _, err := conn.ExecContext(ctx, "INSERT INTO "+name+"."+t+" SELECT * FROM "+p.pattern+"."+t); err != nil {
			return fmt.Errorf("clearing a test's database: %w", err)
		}
	}
	_, err = conn.ExecContext(ctx, "SET foreign_key_checks = 1")
	return err
}

func (p *pool) state(name string) (state, error) {
	ctx := context.Background()
	conn, err := p.server.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	// MySQL 8 would else give the counters as they were a day ago; MariaDB has no such setting.
	_, _ = conn.ExecContext(ctx, "SET SESSION information_schema_stats_expiry = 0")
	s, tables := state{}, []string{}
	counters, err := conn.QueryContext(ctx, "SELECT table_name, COALESCE(auto_increment, 0) FROM information_schema.tables WHERE table_schema = ?", name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = counters.Close() }()
	for counters.Next() {
		var t string
		var counter int64
		if err := counters.Scan(&t, &counter); err != nil {
			return nil, err
		}
		s[t], tables = table{counter: counter}, append(tables, name+"."+t)
	}
	if err := counters.Err(); err != nil {
		return nil, err
	}
	sums, err := conn.QueryContext(ctx, "CHECKSUM TABLE "+strings.Join(tables, ", "))
	if err != nil {
		return nil, err
	}
	defer func() { _ = sums.Close() }()
	for sums.Next() {
		var t string
		var sum sql.NullInt64
		if err := sums.Scan(&t, &sum); err != nil {
			return nil, err
		}
		t = strings.TrimPrefix(t, name+".")
		s[t] = table{checksum: sum.Int64, counter: s[t].counter}
	}
	return s, sums.Err()
}

func (p *pool) close() error {
	if p.server == nil { // no test needed one
		return nil
	}
	var errs []error
	for _, name := range p.made {
		errs = append(errs, p.server.drop(name))
	}
	return errors.Join(append(errs, p.server.db.Close())...)
}
