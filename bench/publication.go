package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/api"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// publication takes the district on from its tiering: comparison with the city, publication, hand-over, exports, and the
// public look-up beside a bare handler with the same SQL.
func (b *bench) publication(ctx context.Context, st *store.Store, db *sql.DB, n int) error {
	cycle := models.CycleID(synth.District, synth.Year)
	for _, q := range []string{
		"UPDATE tiering_runs SET cycle_id = '" + cycle + "', number = 1 WHERE id = (SELECT id FROM (SELECT MAX(id) AS id FROM tiering_runs WHERE current) r)",
		"INSERT INTO districts (code, name, city) VALUES ('" + synth.District + "', '石景山区', '北京市')",
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	b.section("After the tiering", "step", "households", "time", "households/s")
	step := func(name string, f func() error) error {
		begun := time.Now()
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		took := time.Since(begun)
		say("%d 户：%s %s", n, name, seconds(took))
		b.row(name, thousands(n), seconds(took), rate(n, took))
		return nil
	}
	today := calendar.MustDate("2026-07-16")
	study, publication := &activities.Study{Store: st}, &activities.Publication{Store: st}
	perform := func(a, method, in any) error {
		suite := &testsuite.WorkflowTestSuite{}
		suite.SetLogger(quiet{})
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(a)
		env.SetTestTimeout(time.Hour)
		_, err := env.ExecuteActivity(method, in)
		return err
	}
	compare := activities.CompareStudyInput{CycleID: cycle, District: synth.District, Year: synth.Year, Due: today, Today: today}
	publish := activities.PublishInput{CycleID: cycle, Today: today}
	server := httptest.NewServer(api.New(st, nil, api.Options{Program: "bench", AdminToken: adminToken, PublicPerMinute: -1, Logger: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	for _, s := range []struct {
		name string
		f    func() error
	}{
		{"comparison with the city's result, every difference explained", func() error { return perform(study, study.CompareStudy, compare) }},
		{"the same again", func() error { return perform(study, study.CompareStudy, compare) }},
		{"publication", func() error { return perform(publication, publication.PublishTiers, publish) }},
		{"the same again", func() error { return perform(publication, publication.PublishTiers, publish) }},
		{"hand-over file", func() error {
			return perform(publication, publication.PrepareHandover, activities.HandoverInput{CycleID: cycle, Today: today})
		}},
		{"study report (JSON)", func() error { return fetch(ctx, server.URL+"/api/v1/cycles/"+cycle+"/study") }},
		{"results.csv", func() error { return fetch(ctx, server.URL+"/api/v1/cycles/"+cycle+"/tiering/results.csv") }},
	} {
		if err := step(s.name, s.f); err != nil {
			return err
		}
	}
	return b.lookUp(ctx, db, server.URL, n)
}

const adminToken = "bench-token-0123456789-0123456789-0123456789"

func fetch(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	if w.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, w.Status)
	}
	_, err = io.Copy(io.Discard, w.Body)
	return err
}

// lookUp asks the public look-up and a bare gin handler with the same SQL, in turns.
func (b *bench) lookUp(ctx context.Context, db *sql.DB, address string, n int) error {
	queries := map[string][]string{}
	for i := range 2000 {
		uscc := synth.USCC(i * (n / 2000))
		var name string
		if err := db.QueryRowContext(ctx, "SELECT name FROM published_tiers WHERE uscc = ?", uscc).Scan(&name); err != nil {
			return fmt.Errorf("a household that should be public: %w", err)
		}
		queries["by code"] = append(queries["by code"], uscc)
		queries["by name"] = append(queries["by name"], name)
		queries["by a beginning that very many share"] = append(queries["by a beginning that very many share"], string([]rune(name)[:4]))
	}
	bare, stop, err := bareHandler(ctx, db)
	if err != nil {
		return err
	}
	defer stop()
	b.section("Public look-up, "+thousands(n)+" households, 4 clients", "query", "bangfu, requests/s", "p95", "bare gin handler, same SQL, requests/s", "p95", "share")
	for _, kind := range []string{"by code", "by name", "by a beginning that very many share"} {
		var ours, theirs []measured
		for range b.rounds {
			for _, one := range []struct {
				address string
				into    *[]measured
			}{{address + "/public/v1/households?q=", &ours}, {bare + "/households?q=", &theirs}} {
				m, err := hammer(ctx, one.address, queries[kind])
				if err != nil {
					return err
				}
				*one.into = append(*one.into, m)
			}
		}
		o, t := middle(ours), middle(theirs)
		say("查询（%s）：%.0f 次/秒，裸处理 %.0f 次/秒", kind, o.rate, t.rate)
		b.row(kind, thousands(int(o.rate)), o.p95.Round(10*time.Microsecond).String(), thousands(int(t.rate)), t.p95.Round(10*time.Microsecond).String(), fmt.Sprintf("%.0f %%", 100*o.rate/t.rate))
	}
	return nil
}

type measured struct {
	rate float64
	p95  time.Duration
}

func middle(m []measured) measured {
	slices.SortFunc(m, func(a, b measured) int {
		if a.rate < b.rate {
			return -1
		}
		return 1
	})
	return m[len(m)/2]
}

// hammer asks every query once, four at a time over kept connections.
func hammer(ctx context.Context, address string, queries []string) (measured, error) {
	const clients = 4
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, len(queries))
	errs := make([]error, clients)
	var wg sync.WaitGroup
	begun := time.Now()
	for c := range clients {
		wg.Go(func() {
			for i := c; i < len(queries) && errs[c] == nil; i += clients {
				one := time.Now()
				errs[c] = ask(ctx, client, address+url.QueryEscape(queries[i]))
				took[i] = time.Since(one)
			}
		})
	}
	wg.Wait()
	whole := time.Since(begun)
	for _, err := range errs {
		if err != nil {
			return measured{}, err
		}
	}
	slices.Sort(took)
	return measured{rate: float64(len(queries)) / whole.Seconds(), p95: took[len(took)*95/100]}, nil
}

func ask(ctx context.Context, client *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	var found struct{ Items []json.RawMessage }
	if err := json.NewDecoder(w.Body).Decode(&found); err != nil {
		return err
	}
	if w.StatusCode != http.StatusOK || len(found.Items) == 0 {
		return fmt.Errorf("%s answers %s with %d items", address, w.Status, len(found.Items))
	}
	_, err = io.Copy(io.Discard, w.Body)
	return err
}

// bareHandler is what somebody would write who needs nothing but the answer: gin and the same statements, prepared.
func bareHandler(ctx context.Context, db *sql.DB) (address string, stop func(), err error) {
	byCode, err := db.PrepareContext(ctx, store.PublicByCodeSQL)
	if err != nil {
		return "", nil, err
	}
	var byName [8]*sql.Stmt // by how many ways of writing the name are looked for
	for i := 1; i < len(byName); i++ {
		if byName[i], err = db.PrepareContext(ctx, store.PublicByNameSQL(i)); err != nil { //nolint:sqlclosecheck // closed with the database
			return "", nil, err
		}
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/households", func(c *gin.Context) {
		q, err := models.ParsePublicQuery(c.Query("q"))
		if err != nil {
			c.AbortWithStatus(http.StatusUnprocessableEntity)
			return
		}
		today := calendar.DateOf(time.Now())
		statement, args := byCode, []any{today, q.USCC}
		if q.USCC == "" {
			statement, args = byName[len(q.Names)], []any{today}
			for _, n := range q.Names {
				args = append(args, n, n+"\U0010FFFF", "", "", 21)
			}
			args = append(args, 21)
		}
		rows, err := statement.QueryContext(c, args...)
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		defer func() { _ = rows.Close() }()
		items := []models.PublicHousehold{}
		for rows.Next() {
			var h models.PublicHousehold
			var year int
			var found string
			if err := rows.Scan(&h.USCC, &year, &h.Name, &h.Tier, &found, &h.Category); err != nil {
				c.AbortWithStatus(http.StatusInternalServerError)
				return
			}
			h.Years = []int{year}
			items = append(items, h)
		}
		if rows.Err() != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.JSON(http.StatusOK, gin.H{"items": items[:min(20, len(items))]})
	})
	s := httptest.NewServer(e)
	return s.URL, s.Close, nil
}
