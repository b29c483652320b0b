package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"bangfu/activities"
	"bangfu/deploy/engine"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// The day on which the measured certifications live, and the day on which they were made.
var (
	certifiedDay  = calendar.MustDate("2026-12-02")
	certifiedSeat = calendar.MustDate("2026-11-20")
)

// certified starts the processes of n certifications on a local engine of their own, and looks at what they cost while they wait; and then lets
// a few live through their three years on a fast clock, to count the events of a household's year.
func (b *bench) certified(ctx context.Context, n int) error {
	st, db, drop, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer drop()
	say("认定存续：准备 %s 户", thousands(n))
	if err := b.certifiedDistrict(ctx, st, db, n); err != nil {
		return fmt.Errorf("preparing certified households: %w", err)
	}
	dir := filepath.Join(b.dir, "certified")
	e, err := engine.Start(ctx, engine.Options{Dir: dir, SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return fmt.Errorf("starting Temporal: %w", err)
	}
	defer e.Stop()
	c, err := client.Dial(client.Options{HostPort: e.Address(), Logger: quiet{}})
	if err != nil {
		return fmt.Errorf("reaching Temporal: %w", err)
	}
	defer c.Close()
	a := &activities.Certified{Store: st, Letters: &activities.Letters{Store: st, Wake: func(context.Context) error { return nil }}, Nudge: func(ctx context.Context, cert models.Certification, clock calendar.Clock) error {
		return workflows.NudgeCertified(ctx, c, cert, clock)
	}}
	w := worker.New(c, workflows.QueueMain, worker.Options{MaxConcurrentActivityExecutionSize: 100}) // as worker.Run
	w.RegisterWorkflow(workflows.CertifiedHousehold)
	w.RegisterActivity(a)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	cycle := models.CycleID(synth.District, synth.Year)
	begun := time.Now()
	for after := int64(0); ; {
		page, err := st.UnattendedCertifications(ctx, cycle, certifiedDay.AddDays(1), after, 1000)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		clock := calendar.Clock{Start: certifiedDay, DaysPerSecond: 1e-6, Origin: begun.UTC()}
		if _, err := atOnce(len(page), func(i int) error { return a.Nudge(ctx, page[i], clock) }); err != nil {
			return fmt.Errorf("starting the processes: %w", err)
		}
		after = page[len(page)-1].ID
		say("认定存续：已启动到第 %d 户", after)
	}
	if err := waitFor(ctx, 20*time.Minute, func() (bool, error) {
		var left int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM certifications WHERE next_on < ?", certifiedDay).Scan(&left)
		return left == 0, err
	}); err != nil {
		return fmt.Errorf("waiting until each has followed its calendar: %w", err)
	}
	started := time.Since(begun)

	size, err := directorySize(dir)
	if err != nil {
		return err
	}
	const idle = 30 * time.Second
	before, err := cpuTime(e.PID())
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idle):
	}
	after, err := cpuTime(e.PID())
	if err != nil {
		return err
	}
	memory, err := residentMemory(e.PID())
	if err != nil {
		return err
	}
	own, err := residentMemory(os.Getpid())
	if err != nil {
		return err
	}
	events, err := b.certifiedYears(ctx, st, db, c)
	if err != nil {
		return err
	}
	b.section(fmt.Sprintf("%s certifications open at once on the local engine", thousands(n)), "what", "measured")
	b.row("started, each on record and waiting for its next date", fmt.Sprintf("%s (%s/s)", seconds(started), rate(n, started)))
	b.row("the engine's database", fmt.Sprintf("%d MB (%.1f kB each)", size>>20, float64(size)/float64(n)/1000))
	b.row(fmt.Sprintf("the engine's CPU while they wait (%s)", idle), fmt.Sprintf("%.1f %% of a core", float64(after-before)/float64(idle)*100))
	b.row("the engine's memory", fmt.Sprintf("%d MB", memory>>20))
	b.row("the worker's memory (with this program's own)", fmt.Sprintf("%d MB", own>>20))
	b.row("events of a household's year, the longest of 20 households × 4 years without a report (≤ 40)", strconv.FormatInt(events, 10))
	return nil
}

// certifiedDistrict writes a district whose cycle is done, with n certified households.
func (b *bench) certifiedDistrict(ctx context.Context, st *store.Store, db *sql.DB, n int) error {
	if _, err := b.seasonDistrict(ctx, st, db, n); err != nil {
		return err
	}
	cycle := models.CycleID(synth.District, synth.Year)
	if err := st.EnterStage(ctx, cycle, models.StageDone, models.CycleDone, certifiedDay); err != nil {
		return err
	}
	var policy int64
	if err := db.QueryRowContext(ctx, "SELECT policy_id FROM cycles WHERE id = ?", cycle).Scan(&policy); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at)
			SELECT '%s', r.id, %d, 0, 500, %d, 0, %d, %d, '2026-11-01', NOW(3) FROM tiering_runs r WHERE r.cycle_id = '%s'`, cycle, 20*n, n, n, policy, cycle))
	if err != nil {
		return err
	}
	for begin := 0; begin < n; begin += 500 {
		var applications, seats, certifications []string
		for i := begin; i < min(begin+500, n); i++ {
			uscc, id := synth.USCC(i), i+1
			applications = append(applications, fmt.Sprintf("(%d, '%s', '%s', %d, '%s', '北京某某店', '古城街道', 3, 'own', 'certified', NULL, 'quality', 'quality', '', '%s', '', NULL, %d, NOW(3), NOW(3))",
				id, cycle, synth.District, synth.Year, uscc, models.HouseholdActor(uscc), policy))
			seats = append(seats, fmt.Sprintf("('%s', %d, %d, %d)", cycle, id, n, id))
			certifications = append(certifications, fmt.Sprintf("('%s', '%s', %d, %d, '%s', %d, '%s', '北京某某店', 3, 'quality', '%s', '%s', 'valid', 1, '2027-01-01', '%s', '%s', %d, '', 1, 'bench', NOW(3))",
				models.CertificationNumber(synth.District, synth.Year, id), cycle, id, id, synth.District, synth.Year, uscc, certifiedSeat, models.ValidUntil(certifiedSeat, 3), certifiedSeat, certifiedSeat, policy))
		}
		for _, q := range []string{
			`INSERT INTO applications (id, cycle_id, district, year, uscc, name, street, tier, origin, state, live, wished, category, statement,
				entered_by, reviewer, due, policy_id, created_at, updated_at) VALUES ` + strings.Join(applications, ", "),
			"INSERT INTO place_seats (cycle_id, seat, places, application_id) VALUES " + strings.Join(seats, ", "),
			`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until,
				state, live, benefits_from, reached, next_on, policy_id, policy_hash, run_id, program, at) VALUES ` + strings.Join(certifications, ", "),
		} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return err
			}
		}
	}
	_, err = db.ExecContext(ctx, "ANALYZE TABLE applications, certifications, place_seats")
	return err
}

// certifiedYears lets 20 households live through their years on a clock of 20 days a second, and gives the events of the longest run: a run is a year.
func (b *bench) certifiedYears(ctx context.Context, st *store.Store, db *sql.DB, c client.Client) (longest int64, err error) {
	const few = 20
	cycle := models.CycleID(synth.District, synth.Year)
	list, err := st.Certifications(ctx, store.CertificationQuery{CycleID: cycle, Limit: few})
	if err != nil {
		return 0, err
	}
	clock := calendar.Clock{Start: certifiedDay, DaysPerSecond: 20, Origin: time.Now().UTC()}
	text, err := json.Marshal(clock)
	if err != nil {
		return 0, err
	}
	if _, err := db.ExecContext(ctx, "UPDATE cycles SET clock = ? WHERE id = ?", string(text), cycle); err != nil {
		return 0, err
	}
	ids := make([]string, 0, few)
	for _, cert := range list {
		cert.Number += "0000" // beside the one that waits in real time
		options, state := workflows.CertifiedStart(cert, clock)
		if _, err := c.SignalWithStartWorkflow(ctx, options.ID, workflows.SignalCertifiedChanged, nil, options, workflows.CertifiedHousehold, state); err != nil {
			return 0, err
		}
		ids = append(ids, options.ID)
	}
	err = waitFor(ctx, 3*time.Minute, func() (bool, error) {
		var valid int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM certifications WHERE seat <= ? AND reached < '2029-11-20'", few).Scan(&valid)
		return valid == 0, err
	})
	if err != nil {
		return 0, fmt.Errorf("waiting for three years: %w", err)
	}
	for _, id := range ids {
		runs, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", id)})
		if err != nil {
			return 0, err
		}
		for _, r := range runs.GetExecutions() {
			longest = max(longest, r.GetHistoryLength())
		}
	}
	return longest, nil
}

// waitFor asks until it is so.
func waitFor(ctx context.Context, most time.Duration, so func() (bool, error)) error {
	begun := time.Now()
	for {
		switch yes, err := so(); {
		case err != nil:
			return err
		case yes:
			return nil
		case time.Since(begun) > most:
			return errors.New("it took too long")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func directorySize(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, err
}

// cpuTime is what a process has used of the processors, by /proc: fields 14 and 15, in hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	var total time.Duration
	for _, f := range fields[11:13] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ticks) * 10 * time.Millisecond
	}
	return total, nil
}

func residentMemory(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
