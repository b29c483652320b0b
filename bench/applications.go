package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"bangfu/activities"
	"bangfu/api"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// applicants is how many operators apply at once.
const applicants = 50

var season = calendar.MustDate("2026-09-01")

// applications lets n households apply, 50 at once, each with a draft and its submission through the API, the engine and the letters; and
// then as many more on the record alone, so that it shows where the time goes.
func (b *bench) applications(ctx context.Context, e *engineUnderTest, n int) error {
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer drop()
	say("申报：准备 %s 户", thousands(2*n))
	codes, err := b.seasonDistrict(ctx, st, db, 2*n)
	if err != nil {
		return fmt.Errorf("preparing a district in its season: %w", err)
	}

	letters := &activities.Letters{Store: st, Wake: func(context.Context) error { return nil }}
	w := worker.New(e.client, workflows.QueueMain, worker.Options{MaxConcurrentActivityExecutionSize: 100}) // as worker.Run
	w.RegisterWorkflow(workflows.Application)
	w.RegisterActivity(&activities.Applications{Store: st})
	w.RegisterActivity(letters)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	server := httptest.NewServer(api.New(st, e.client, api.Options{Program: "bench", PublicPerMinute: -1, Logger: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: applicants}, Timeout: time.Minute}
	defer web.CloseIdleConnections()

	drafts, submissions := make([]time.Duration, n), make([]time.Duration, n)
	ids := make([]int64, n)
	whole, err := atOnce(n, func(i int) error {
		begun := time.Now()
		if ids[i], err = b.apply(ctx, web, server.URL+"/api/v1/applications", codes[i], content, http.StatusCreated); err != nil {
			return err
		}
		drafts[i] = time.Since(begun)
		begun = time.Now()
		_, err := b.apply(ctx, web, fmt.Sprintf("%s/api/v1/applications/%d/submit", server.URL, ids[i]), codes[i], nil, http.StatusOK)
		submissions[i] = time.Since(begun)
		return err
	})
	if err != nil {
		return fmt.Errorf("applying through the API: %w", err)
	}
	written, err := b.letters(ctx, db, n, whole)
	if err != nil {
		return err
	}
	events, err := historyLength(ctx, e.client, ids)
	if err != nil {
		return err
	}
	say("申报：经 API 与流程 %s 件，%s，提交 p95 %s，每件 %d 条历史", thousands(n), seconds(whole), p95(submissions), events)

	acts := make([]time.Duration, n)
	alone, err := atOnce(n, func(i int) error {
		begun := time.Now()
		a, err := st.DraftApplication(ctx, models.Application{CycleID: models.CycleID(synth.District, synth.Year), USCC: codes[n+i], Origin: models.OriginOwn,
			EnteredBy: models.HouseholdActor(codes[n+i])}, recordContent)
		if err != nil {
			return err
		}
		_, err = st.ActOnApplication(ctx, models.ApplicationCommand{CommandID: "bench", ApplicationID: a.ID, Event: models.EventSubmit, Actor: a.EnteredBy}, season)
		acts[i] = time.Since(begun)
		return err
	})
	if err != nil {
		return fmt.Errorf("applying on the record alone: %w", err)
	}
	report, err := st.VerifyAudit(ctx, nil)
	if err != nil || !report.Intact {
		return fmt.Errorf("the record after the applications: %s: %w", report.Reason, err)
	}
	b.section(fmt.Sprintf("%s applications, drafted and submitted by %d operators at once", thousands(n), applicants),
		"way", "time", "applications/s", "p95 of a draft", "p95 of a submission")
	b.row(fmt.Sprintf("API, engine (%d history events each), letters written %s later", events, seconds(written)), seconds(whole), rate(n, whole), p95(drafts).String(), p95(submissions).String())
	b.row("the record alone, draft and submission together", seconds(alone), rate(n, alone), "", p95(acts).String())
	return nil
}

var content = map[string]any{"wished": []string{"quality"}, "statement": "三代传承",
	"grounds": []map[string]any{{"category": "quality", "letter": "B", "statement": "区级非遗代表性传承人"}}}

var recordContent = models.ApplicationContent{Wished: []models.Category{models.Quality}, Statement: "三代传承",
	Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B", Statement: "区级非遗代表性传承人"}}}

// seasonDistrict brings a district of n households that all may apply into its stage 申报推荐, each with an operator's session, and gives
// their codes.
func (b *bench) seasonDistrict(ctx context.Context, st *store.Store, db *sql.DB, n int) ([]string, error) {
	if err := st.SetDistrict(ctx, models.ActorConsole, models.District{Code: synth.District, Name: "石景山区", City: "北京市"}); err != nil {
		return nil, err
	}
	if _, err := b.imports(ctx, st, db, n, false); err != nil {
		return nil, err
	}
	year, err := st.PlanYear(ctx, synth.District, synth.Year, nil)
	if err != nil {
		return nil, err
	}
	year.CycleID, year.Attempt, year.Actor, year.Today = models.CycleID(synth.District, synth.Year), 1, models.ActorConsole, season
	year.WorkflowID, year.RequestHash = workflows.CycleWorkflowID(year.CycleID), models.RequestHash(nil, calendar.Clock{})
	year.Clock = calendar.Clock{Start: season, DaysPerSecond: 1e-6, Origin: time.Now().UTC()}
	if err := st.OpenCycle(ctx, year); err != nil {
		return nil, err
	}
	if err := st.EnterStage(ctx, year.CycleID, models.StageApplication, models.CycleRunning, season); err != nil {
		return nil, err
	}
	run := fmt.Sprintf(`INSERT INTO tiering_runs (cycle_id, district, year, number, as_of, policy_id, policy_hash, program, rules, data_mark, state, current, started_at, finished_at)
		VALUES ('%s', '%s', %d, 1, '2026-07-01', %d, '', 'bench', 1, '', 'done', TRUE, NOW(3), NOW(3))`, year.CycleID, synth.District, synth.Year, year.PolicyID)
	for _, q := range []string{
		run,
		"INSERT INTO tiering_results (run_id, uscc, tier, met, not_known) SELECT r.id, g.uscc, 3, 0, 0 FROM src_registry g JOIN tiering_runs r ON r.cycle_id = '" + year.CycleID + "'",
		"DELETE FROM src_city_tiering",
		"DELETE FROM src_credit",
		"UPDATE src_registry SET status = '存续'",
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return nil, err
		}
	}
	codes := make([]string, n)
	const row = "(?, ?, ?, 'code', NOW(3), NOW(3) + INTERVAL 1 DAY)"
	for begin := 0; begin < n; begin += 500 {
		var args []any
		for i := begin; i < min(begin+500, n); i++ {
			codes[i] = synth.USCC(i)
			args = append(args, store.HashToken(operatorToken(codes[i])), synth.District, codes[i])
		}
		q := "INSERT INTO operator_sessions (hash, district, uscc, via, created_at, expires_at) VALUES " + row + strings.Repeat(", "+row, len(args)/3-1) //nolint:gosec // constants and placeholders only
		if _, err := db.ExecContext(ctx, q, args...); err != nil {
			return nil, err
		}
	}
	_, err = db.ExecContext(ctx, "ANALYZE TABLE tiering_results, operator_sessions")
	return codes, err
}

func operatorToken(uscc string) string { return "bfo_bench-session-of-" + uscc }

// apply makes a request as a household's operator and gives the application's id.
func (b *bench) apply(ctx context.Context, web *http.Client, address, uscc string, in any, status int) (int64, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return 0, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+operatorToken(uscc))
	r.Header.Set("Content-Type", "application/json")
	w, err := web.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		return 0, err
	}
	if w.StatusCode != status {
		return 0, fmt.Errorf("%s answers %s: %s", address, w.Status, text)
	}
	var made struct{ ID int64 }
	return made.ID, json.Unmarshal(text, &made)
}

// atOnce does n things, as many at once as there are applicants.
func atOnce(n int, do func(i int) error) (time.Duration, error) {
	errs := make([]error, applicants)
	var wg sync.WaitGroup
	begun := time.Now()
	for c := range applicants {
		wg.Go(func() {
			for i := c; i < n && errs[c] == nil; i += applicants {
				errs[c] = do(i)
			}
		})
	}
	wg.Wait()
	return time.Since(begun), errors.Join(errs...)
}

// letters waits until every applicant's letter is in the outbox, and says how long after the last submission that was.
func (b *bench) letters(ctx context.Context, db *sql.DB, n int, within time.Duration) (time.Duration, error) {
	begun := time.Now()
	for {
		var written int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM outbox WHERE kind = ?", models.MailApplication).Scan(&written); err != nil {
			return 0, err
		}
		switch {
		case written >= n:
			return time.Since(begun), nil
		case time.Since(begun) > within+time.Minute:
			return 0, fmt.Errorf("%d of %d letters are written", written, n)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// historyLength is the longest history of some of the processes.
func historyLength(ctx context.Context, c client.Client, ids []int64) (longest int64, err error) {
	for i := 0; i < len(ids); i += max(1, len(ids)/20) {
		d, err := c.DescribeWorkflowExecution(ctx, workflows.ApplicationWorkflowID(ids[i]), "")
		if err != nil {
			return 0, err
		}
		longest = max(longest, d.GetWorkflowExecutionInfo().GetHistoryLength())
	}
	return longest, nil
}

func p95(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)*95/100].Round(100 * time.Microsecond)
}
