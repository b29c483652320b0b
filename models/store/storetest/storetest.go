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
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"bangfu/models/store"
)

// Env names the server that MySQL tests use: mysql://user:password@host:3306/, whose user may create databases.
const Env = "BANGFU_TEST_MYSQL"

// Run runs the test twice: on a fresh SQLite file, and on a fresh MariaDB/MySQL database. Where no server is
// named the second half fails, so that nobody takes half a test for a whole one.
func Run(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, SQLite(t))) })
	t.Run("mysql", func(t *testing.T) { test(t, open(t, MySQL(t))) })
}

// SQLite gives the address of a fresh SQLite database, gone after the test.
func SQLite(t testing.TB) string {
	return "sqlite://" + filepath.Join(t.TempDir(), "test.db")
}

// MySQL gives the address of a fresh, empty database on the server that Env names, dropped after the test.
func MySQL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Env)
	if server == "" {
		t.Fatalf("%s is not set: run `make test`, which starts a private MariaDB, or set it to mysql://user:password@host:3306/", Env)
	}
	u, err := url.Parse(server)
	require.NoError(t, err, "reading "+Env)
	name := "bangfu_test_" + random(t)
	execute(t, u, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	t.Cleanup(func() { execute(t, u, "DROP DATABASE "+name) })
	u.Path = "/" + name
	return u.String()
}

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// execute runs one statement on the server, outside any database.
func execute(t testing.TB, u *url.URL, statement string) {
	t.Helper()
	c := mysqldriver.NewConfig()
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Passwd, _ = u.User.Password()
	if u.Port() == "" {
		c.Addr = strings.TrimSuffix(u.Host, ":") + ":3306"
	}
	db, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(context.Background(), statement) // also when the test is over
	require.NoError(t, err, "%s on the server of %s", statement, Env)
}

func random(t testing.TB) string {
	b := make([]byte, 8)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return hex.EncodeToString(b)
}
