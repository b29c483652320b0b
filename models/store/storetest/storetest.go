// Package storetest runs a test on every database that bangfu supports, each time on a fresh one.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"bangfu/models/store"
)

// Env names the server that MySQL tests use: mysql://user:password@host:3306/, whose user may create databases.
const Env = "BANGFU_TEST_MYSQL"

// Run runs the test twice: on a fresh SQLite file, and on a fresh MariaDB/MySQL database. Where no server is
// named the second half fails, so that nobody takes half a test for a whole one. Tests that Run runs are parallel
// to each other: each has a database of its own.
func Run(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, SQLite(t))) })
	t.Run("mysql", func(t *testing.T) { test(t, open(t, pooled(t))) })
}

// migrated is a SQLite file whose schema is up to date.
var migrated = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "bangfu-storetest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "test.db")
	s, err := store.Open(context.Background(), "sqlite://"+file)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // what was written is in the file itself now
		return nil, err
	}
	return os.ReadFile(file)
})

// SQLite gives the address of a fresh SQLite database whose schema is up to date, gone after the test.
func SQLite(t testing.TB) string {
	t.Helper()
	content, err := migrated()
	require.NoError(t, err, "preparing a SQLite database")
	file := filepath.Join(t.TempDir(), "test.db")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return "sqlite://" + file
}

// MySQL gives the address of a fresh, empty database on the server that Env names, dropped after the test.
func MySQL(t testing.TB) string {
	t.Helper()
	c, err := connect()
	require.NoError(t, err)
	name, err := c.create()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.drop(name))
		_ = c.db.Close()
	})
	return c.address(name)
}

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// server is the one that Env names.
type server struct {
	url *url.URL
	db  *sql.DB // outside any database
}

func connect() (*server, error) {
	env := os.Getenv(Env)
	if env == "" {
		return nil, errNoServer
	}
	u, err := url.Parse(env)
	if err != nil {
		return nil, errNoServer
	}
	c := mysqldriver.NewConfig()
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Passwd, _ = u.User.Password()
	if u.Port() == "" {
		c.Addr = strings.TrimSuffix(u.Host, ":") + ":3306"
	}
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return nil, err
	}
	return &server{url: u, db: db}, nil
}

func (c *server) address(database string) string {
	u := *c.url
	u.Path = "/" + database
	return u.String()
}

func (c *server) create() (name string, err error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	name = "bangfu_test_" + hex.EncodeToString(b)
	_, err = c.db.ExecContext(context.Background(), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return name, err
}

func (c *server) drop(name string) error {
	_, err := c.db.ExecContext(context.Background(), "DROP DATABASE "+name) // also when the test is over
	return err
}
