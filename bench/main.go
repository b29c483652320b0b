// Command bench measures what bangfu must hold (issue "Speed"): on MariaDB and a real Temporal server, side by side in one
// run, tiering end to end against one hand-written INSERT … SELECT CASE, import against LOAD DATA, and the policy's
// evaluation alone; and the season's lists under load. It prints a Markdown table at the end.
//
// Environment: BANGFU_TEST_MYSQL (a server whose user may create databases; `make bench` starts a private one),
// TEMPORAL_CLI, BENCH_ROWS (households of the largest district; 1000000), BENCH_ROUNDS (repetitions; 3), BENCH_APPLICATIONS (5000), BENCH_CERTIFICATIONS (20000), BENCH_ONLY (names of the
// measurements in run, separated by commas; all).
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"bangfu/models/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what every measurement needs.
type bench struct {
	server *url.URL // of MariaDB
	dir    string
	rounds int
	tables strings.Builder
}

func run(ctx context.Context) error {
	rows, err := number("BENCH_ROWS", 1_000_000)
	if err != nil {
		return err
	}
	rounds, err := number("BENCH_ROUNDS", 3)
	if err != nil {
		return err
	}
	applying, err := number("BENCH_APPLICATIONS", 5000)
	if err != nil {
		return err
	}
	certifications, err := number("BENCH_CERTIFICATIONS", 20_000)
	if err != nil {
		return err
	}
	server, err := url.Parse(os.Getenv("BANGFU_TEST_MYSQL"))
	if err != nil || server.Host == "" {
		return fmt.Errorf("BANGFU_TEST_MYSQL is not like mysql://user:password@host:3306/; run `make bench`")
	}
	dir, err := os.MkdirTemp("", "bangfu-bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{server: server, dir: dir, rounds: rounds}
	e, err := b.startEngine(ctx)
	if err != nil {
		return err
	}
	defer e.stop()

	for _, m := range []struct {
		name string
		take func() error
	}{
		{"sizes", func() error { return b.sizes(ctx, e, rows) }},
		{"applications", func() error { return b.applications(ctx, e, applying) }},
		{"worklist", func() error { return b.worklist(ctx) }},
		{"round", func() error { return b.round(ctx) }},
		{"certified", func() error { return b.certified(ctx, certifications) }},
		{"standing", func() error { return b.standing(ctx, certifications) }},
	} {
		if only := os.Getenv("BENCH_ONLY"); only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		if err = m.take(); err != nil {
			break // what was measured by then is printed
		}
	}
	machine, unknown := b.machine(ctx)
	fmt.Printf("\n%s\n\n%s", machine, b.tables.String())
	return errors.Join(err, unknown)
}

// sizes measures with districts of three sizes, rows households the largest.
func (b *bench) sizes(ctx context.Context, e *engineUnderTest, rows int) error {
	var sizes []sized
	defer func() { b.linear(sizes) }()
	for _, n := range []int{rows / 100, rows / 10, rows} {
		if n < 100 {
			continue
		}
		s, err := b.size(ctx, e, n, n == rows)
		if err != nil {
			return fmt.Errorf("with %d households: %w", n, err)
		}
		sizes = append(sizes, s)
	}
	return nil
}

// size measures with a district of n households in a database of its own; the largest with all measurements.
func (b *bench) size(ctx context.Context, e *engineUnderTest, n int, largest bool) (s sized, err error) {
	say("%d 户：生成交付文件", n)
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return s, err
	}
	defer drop()
	s, err = b.imports(ctx, st, db, n, largest)
	if err != nil {
		return s, err
	}
	if err := b.tiering(ctx, e, st, db, n, &s, largest); err != nil {
		return s, err
	}
	if largest {
		if err := b.evaluation(ctx, st, n); err != nil {
			return s, err
		}
		if err := b.whatIf(ctx, st, n); err != nil {
			return s, err
		}
		return s, b.publication(ctx, st, db, n)
	}
	return s, nil
}

// sized is what is measured at every size.
type sized struct {
	households int
	imported   int // rows of all sources
	importing  time.Duration
	tiering    time.Duration
	statement  time.Duration // INSERT … SELECT CASE
}

func (b *bench) linear(sizes []sized) {
	b.section("Cost by size", "households", "import of all sources", "rows/s", "tiering through Temporal", "households/s", "INSERT … SELECT CASE", "households/s")
	for _, s := range sizes {
		b.row(thousands(s.households), seconds(s.importing), rate(s.imported, s.importing), seconds(s.tiering), rate(s.households, s.tiering), seconds(s.statement), rate(s.households, s.statement))
	}
}

func (b *bench) machine(ctx context.Context) (string, error) {
	address, drop, err := b.database(ctx)
	if err != nil {
		return "", err
	}
	defer drop()
	db, err := sql.Open("mysql", dsn(address))
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	var version string
	var pool, flush int64
	if err := db.QueryRowContext(ctx, "SELECT VERSION(), @@innodb_buffer_pool_size, @@innodb_flush_log_at_trx_commit").Scan(&version, &pool, &flush); err != nil {
		return "", err
	}
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.Trim(name, "\t :\n")
				break
			}
		}
	}
	load := ""
	if l, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load " + strings.Fields(string(l))[1]
	}
	return fmt.Sprintf("%s, %d CPUs, %s/%s%s, %s, database %s with a buffer pool of %d MB and innodb_flush_log_at_trx_commit=%d on the same machine; median of %d rounds, %s.",
		model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, load, runtime.Version(), version, pool>>20, flush, b.rounds, time.Now().Format(time.DateOnly)), nil
}

// database makes a fresh database and gives its address.
func (b *bench) database(ctx context.Context) (address string, drop func(), err error) {
	name := make([]byte, 6)
	if _, err := rand.Read(name); err != nil {
		return "", nil, err
	}
	u := *b.server
	u.Path = "/bangfu_bench_" + hex.EncodeToString(name)
	execute := func(ctx context.Context, statement string) error {
		server := *b.server
		server.Path = "/"
		db, err := sql.Open("mysql", dsn(server.String()))
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		_, err = db.ExecContext(ctx, statement)
		return err
	}
	if err := execute(ctx, "CREATE DATABASE "+u.Path[1:]+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", nil, fmt.Errorf("making a database: %w", err)
	}
	return u.String(), func() {
		if err := execute(context.WithoutCancel(ctx), "DROP DATABASE "+u.Path[1:]); err != nil {
			say("删除测试库失败：%v", err)
		}
	}, nil
}

// open makes a fresh database with the program's schema, and opens it for the program and beside it, until drop.
func (b *bench) open(ctx context.Context) (_ *store.Store, _ *sql.DB, drop func(), _ error) {
	address, remove, err := b.database(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	st, err := store.Open(ctx, address)
	if err != nil {
		remove()
		return nil, nil, nil, err
	}
	db, err := sql.Open("mysql", dsn(address))
	if err != nil {
		_ = st.Close()
		remove()
		return nil, nil, nil, err
	}
	return st, db, func() {
		_ = db.Close()
		_ = st.Close()
		remove()
	}, nil
}

// dsn is an address as the driver writes it.
func dsn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	c := mysqldriver.NewConfig()
	c.Net, c.Addr, c.User, c.DBName = "tcp", u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/")
	c.Passwd, _ = u.User.Password()
	c.Collation = "utf8mb4_bin"
	return c.FormatDSN()
}

func number(name string, or int) (int, error) {
	v := os.Getenv(name)
	if v == "" {
		return or, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s=%q is not a number above 0", name, v)
	}
	return n, nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

func (b *bench) section(title string, columns ...string) {
	fmt.Fprintf(&b.tables, "\n### %s\n\n| %s |\n|%s\n", title, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
}

func (b *bench) row(cells ...string) { fmt.Fprintf(&b.tables, "| %s |\n", strings.Join(cells, " | ")) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func rate(n int, d time.Duration) string { return thousands(int(float64(n) / d.Seconds())) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
