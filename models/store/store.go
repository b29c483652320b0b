// Package store is the only room that speaks to the database: SQLite (one machine) or MySQL/MariaDB.
// Repositories are methods of Store, one file per concept, named as in models.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/glebarez/sqlite"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"bangfu/models"
)

//go:embed migrations
var migrations embed.FS

// Store is the open database. Safe for concurrent use.
type Store struct {
	db    *gorm.DB
	sql   *sql.DB
	mysql bool
	// noLoadData keeps imports from using LOAD DATA although the server allows it.
	noLoadData bool
	// now is the record's clock (real time, UTC, milliseconds as both databases keep them).
	now func() time.Time
	// policies holds each policy version that was read, loaded, by its id: a version's content never changes.
	policies sync.Map
	// statements holds prepared statements by their text.
	statements sync.Map
}

// Open opens the database that dsn names and brings its schema up to date: sqlite://<file>, or
// mysql://user:password@host:3306/name. The error never carries the password.
func Open(ctx context.Context, dsn string) (*Store, error) {
	s, err := Connect(dsn)
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Connect opens the database without touching its schema.
func Connect(dsn string) (*Store, error) {
	s := &Store{now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }}
	dialector, err := s.dialect(dsn)
	if err != nil {
		return nil, err
	}
	s.db, err = gorm.Open(dialector, &gorm.Config{
		Logger:                 logger.Discard, // errors are returned; statements may hold personal data
		NowFunc:                s.now,
		SkipDefaultTransaction: true,
		TranslateError:         true,
		PrepareStmt:            false,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if s.sql, err = s.db.DB(); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	s.sql.SetMaxOpenConns(32)
	s.sql.SetMaxIdleConns(16)
	s.sql.SetConnMaxIdleTime(5 * time.Minute)
	return s, nil
}

func (s *Store) dialect(dsn string) (gorm.Dialector, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite://"):
		file := strings.TrimPrefix(dsn, "sqlite://")
		if file == "" {
			return nil, errors.New("sqlite:// needs a file")
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return nil, fmt.Errorf("making the database's directory: %w", err)
		}
		// immediate: a transaction that will write takes the one write lock at its beginning, so that two never deadlock.
		return sqlite.Open("file:" + file + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(60000)&_pragma=foreign_keys(1)&_txlock=immediate"), nil
	case strings.HasPrefix(dsn, "mysql://"):
		u, err := url.Parse(dsn)
		if err != nil || u.Host == "" || len(u.Path) < 2 {
			return nil, errors.New("the database address is not like mysql://user:password@host:3306/name")
		}
		c := mysqldriver.NewConfig()
		c.Net, c.Addr = "tcp", u.Host
		if u.Port() == "" {
			c.Addr += ":3306"
		}
		c.User = u.User.Username()
		c.Passwd, _ = u.User.Password()
		c.DBName = u.Path[1:]
		c.ParseTime, c.Loc = true, time.UTC
		c.Collation = "utf8mb4_bin"
		c.Params = map[string]string{"time_zone": "'+00:00'"}
		c.MultiStatements = false
		s.mysql = true
		return mysqlDialect{&mysql.Dialector{Config: &mysql.Config{DSN: c.FormatDSN(), DefaultStringSize: 200,
			DisableWithReturning: true, // with RETURNING, MariaDB counts a row that INSERT … DO NOTHING left alone as written
		}}}, nil
	}
	return nil, errors.New("the database address must begin with sqlite:// or mysql://")
}

// mysqlDialect is gorm's, but that it tells what a caller asked wrongly from a database that fails: keys are ASCII columns of bounded
// length, and MariaDB does not even compare them with other characters. A refusal is not tried again, as a failure would be.
type mysqlDialect struct{ *mysql.Dialector }

// Translate makes a refusal (*models.Error) of what the caller wrote, and else what gorm makes of an error.
func (d mysqlDialect) Translate(err error) error {
	var my *mysqldriver.MySQLError
	if errors.As(err, &my) {
		switch my.Number {
		case 1267, 1366, 3854: // compared with, or written into, a column that has no such characters
			return models.Invalid("", "内容中有此处不能使用的字符，请检查编号、代码等是否填写正确")
		case 1406:
			return models.Invalid("", "内容过长")
		}
	}
	return d.Dialector.Translate(err)
}

func (s *Store) provider() (*goose.Provider, error) {
	dialect, dir := goose.DialectSQLite3, "migrations/sqlite"
	if s.mysql {
		dialect, dir = goose.DialectMySQL, "migrations/mysql"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, s.sql, files)
}

// Migrate applies every migration that the database lacks.
func (s *Store) Migrate(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// MigrateDown takes the newest migration back.
func (s *Store) MigrateDown(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := p.Down(ctx); err != nil {
		return fmt.Errorf("taking the newest migration back: %w", err)
	}
	return nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.sql.PingContext(ctx) }

// Close closes the database.
func (s *Store) Close() error { return s.sql.Close() }

// tx runs f in one transaction, again if the database chose it as a deadlock's victim (1213), let it wait too long
// for a lock (1205), or found that another changed what it read (1020, MariaDB since 11.6).
func (s *Store) tx(ctx context.Context, f func(tx *gorm.DB) error) error {
	for attempt := 1; ; attempt++ {
		err := s.db.WithContext(ctx).Transaction(f)
		var my *mysqldriver.MySQLError
		if attempt < 5 && errors.As(err, &my) && (my.Number == 1213 || my.Number == 1205 || my.Number == 1020) {
			continue
		}
		return err
	}
}
