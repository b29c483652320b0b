package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"bangfu/activities"
	"bangfu/deploy/engine"
	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

var asOf = calendar.MustDate("2026-07-01")

// engineUnderTest is a real Temporal server with a client.
type engineUnderTest struct {
	client client.Client
	stop   func()
}

func (b *bench) startEngine(ctx context.Context) (*engineUnderTest, error) {
	say("启动 Temporal")
	e, err := engine.Start(ctx, engine.Options{Dir: b.dir, SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return nil, fmt.Errorf("starting Temporal: %w", err)
	}
	c, err := client.Dial(client.Options{HostPort: e.Address(), Logger: quiet{}})
	if err != nil {
		e.Stop()
		return nil, fmt.Errorf("reaching Temporal: %w", err)
	}
	return &engineUnderTest{client: c, stop: func() { c.Close(); e.Stop() }}, nil
}

// quiet drops the SDK's log: every error comes back as one.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// statement is what somebody would write who knows SQL and this policy by heart: one statement, the joins that the rules
// need, no findings. Its result must be ours.
const statement = `INSERT INTO bench_tiers (uscc, tier)
SELECT g.uscc, CASE
	WHEN g.status NOT IN ('存续', '在业', '开业')
		OR (a.filed_on IS NULL AND g.founded < '2026-01-01')
		OR EXISTS (SELECT 1 FROM src_credit c WHERE c.district = g.district AND c.year = g.year AND c.uscc = g.uscc AND c.kind IN ('经营异常', '严重违法失信')
			AND c.listed_on <= '2026-07-01' AND (c.removed_on IS NULL OR c.removed_on > '2026-07-01'))
		OR COALESCE(t.abnormal, 0) = 1
		OR (g.suspended_from <= '2026-07-01' AND COALESCE(g.suspended_to, g.suspended_from + INTERVAL 3 YEAR) >= '2026-07-01' AND COALESCE(g.seasonal, 0) = 0)
		THEN 1
	WHEN g.founded >= '2026-01-01' THEN 2
	WHEN g.founded <= '2024-07-01' AND t.registered = 1 AND (
		a.revenue >= 120000000 OR (t.payer = '一般纳税人' AND t.paid >= 1000000) OR s.insured >= 4
		OR EXISTS (SELECT 1 FROM src_ip i WHERE i.district = g.district AND i.year = g.year AND i.uscc = g.uscc
			AND (i.kind = '专利' OR i.in_use = 1) AND (i.valid_until IS NULL OR i.valid_until >= '2026-07-01'))) THEN 4
	WHEN g.founded <= '2024-07-01' AND t.registered = 1 AND (a.revenue >= 20000000 OR t.paid >= 100000 OR s.insured BETWEEN 1 AND 3) THEN 3
	ELSE 2 END
FROM src_registry g
LEFT JOIN src_annual_report a ON a.district = g.district AND a.year = g.year AND a.uscc = g.uscc AND a.report_year = 2025
LEFT JOIN src_tax t ON t.district = g.district AND t.year = g.year AND t.uscc = g.uscc AND t.tax_year = 2025
LEFT JOIN src_social_security s ON s.district = g.district AND s.year = g.year AND s.uscc = g.uscc AND s.insured_year = 2025
WHERE g.district = '110107' AND g.year = 2026`

// tiering judges the district through Temporal and by one statement, in turns, and compares the results.
func (b *bench) tiering(ctx context.Context, e *engineUnderTest, st *store.Store, db *sql.DB, n int, s *sized, largest bool) error {
	a := &activities.Tiering{Store: st, Program: "bench"}
	main := worker.New(e.client, workflows.QueueMain, worker.Options{})
	main.RegisterWorkflow(workflows.Tiering)
	bulk := worker.New(e.client, workflows.QueueBulk, worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 4}) // as worker.Run
	for _, w := range []worker.Worker{main, bulk} {
		w.RegisterActivity(a)
		if err := w.Start(); err != nil {
			return err
		}
		defer w.Stop()
	}
	if _, err := st.EnsurePolicy(ctx, synth.District, synth.Year); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE bench_tiers (uscc CHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, tier TINYINT NOT NULL)"); err != nil {
		return err
	}
	var ours, theirs []time.Duration
	for round := range b.rounds {
		if _, err := db.ExecContext(ctx, "TRUNCATE TABLE bench_tiers"); err != nil {
			return err
		}
		begun := time.Now()
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the statement: %w", err)
		}
		theirs = append(theirs, time.Since(begun))

		begun = time.Now()
		in := workflows.TieringInput{CycleID: fmt.Sprintf("bench-%d-%d", n, round), District: synth.District, Year: synth.Year, AsOf: asOf}
		run, err := e.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "tiering/" + in.CycleID, TaskQueue: workflows.QueueMain}, workflows.Tiering, in)
		if err != nil {
			return err
		}
		var result activities.TieringResult
		if err := run.Get(ctx, &result); err != nil {
			return fmt.Errorf("tiering through Temporal: %w", err)
		}
		ours = append(ours, time.Since(begun))
		say("%d 户，第 %d 轮：INSERT … SELECT CASE %s，经 Temporal 判定 %s", n, round+1, seconds(theirs[round]), seconds(ours[round]))

		var differ int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM bench_tiers b LEFT JOIN tiering_results r ON r.run_id = ? AND r.uscc = b.uscc WHERE r.tier IS NULL OR r.tier <> b.tier",
			result.RunID).Scan(&differ); err != nil {
			return err
		}
		if differ > 0 || result.Counts.Total() != int64(n) {
			return fmt.Errorf("%d households have another tier than the statement gave them, %d of %d were judged", differ, result.Counts.Total(), n)
		}
	}
	s.tiering, s.statement = median(ours), median(theirs)
	if !largest {
		return nil
	}
	b.section(fmt.Sprintf("Tiering of %s households, side by side", thousands(n)), "what", "time", "households/s", "against the statement")
	b.row("one `INSERT … SELECT CASE`, the tier only", seconds(s.statement), rate(n, s.statement), "1")
	b.row("bangfu through Temporal, tier and every finding", seconds(s.tiering), rate(n, s.tiering), fmt.Sprintf("**%.2f**", s.statement.Seconds()/s.tiering.Seconds()))
	return b.whereTheTimeGoes(ctx, st, n)
}

// whereTheTimeGoes takes the run apart.
func (b *bench) whereTheTimeGoes(ctx context.Context, st *store.Store, n int) error {
	law, err := st.EnsurePolicy(ctx, synth.District, synth.Year)
	if err != nil {
		return err
	}
	begun := time.Now()
	run, err := st.OpenRun(ctx, store.RunBasis{CycleID: "bench-parts", District: synth.District, Year: synth.Year, AsOf: asOf, PolicyID: law.ID, PolicyHash: law.Hash}, 16)
	if err != nil {
		return err
	}
	planning := time.Since(begun)
	parts, err := st.RunParts(ctx, run.ID)
	if err != nil {
		return err
	}
	judge, err := law.Judge(synth.Year, asOf)
	if err != nil {
		return err
	}
	delivered, _, err := st.Delivered(ctx, synth.District, synth.Year)
	if err != nil {
		return err
	}
	work := func(ctx context.Context, p models.RunPart, write bool) error {
		facts, err := st.OpenFacts(ctx, synth.District, models.NewAssembly(synth.Year, asOf, delivered))
		if err != nil {
			return err
		}
		defer func() { _ = facts.Close() }()
		var w *store.ResultsWriter
		if write {
			if w, err = st.OpenResults(ctx, run.ID, p.Part, p.Round); err != nil {
				return err
			}
			defer func() { _ = w.Close() }()
		}
		var verdicts []models.Verdict
		for at := p.After; ; {
			page, err := facts.Next(ctx, at, p.UpTo, 10_000)
			if err != nil || len(page.Facts) == 0 {
				return err
			}
			at = page.USCC(len(page.Facts) - 1)
			verdicts = verdicts[:0]
			for i := range page.Facts {
				verdicts = append(verdicts, judge.Judge(&page.Facts[i]))
			}
			if write {
				if err := w.Write(ctx, page, verdicts); err != nil {
					return err
				}
			}
		}
	}
	all := func(workers int, write bool) error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(workers)
		for _, p := range parts {
			g.Go(func() error { return work(ctx, p, write) })
		}
		return g.Wait()
	}
	b.section("Where the time of a tiering goes", "step", "time", "households/s")
	b.row("dividing the registry into parts", seconds(planning), rate(n, planning))
	for _, step := range []struct {
		name    string
		workers int
		write   bool
	}{
		{"read the six sources, assemble and judge; 1 at a time", 1, false},
		{"the same, 4 at a time", 4, false},
		{"the same and write the results, 4 at a time, without Temporal", 4, true},
	} {
		begun := time.Now()
		if err := all(step.workers, step.write); err != nil {
			return err
		}
		took := time.Since(begun)
		b.row(step.name, seconds(took), rate(n, took))
	}
	return nil
}

// evaluation measures the policy alone, on facts in memory.
func (b *bench) evaluation(ctx context.Context, st *store.Store, n int) error {
	law, err := st.EnsurePolicy(ctx, synth.District, synth.Year)
	if err != nil {
		return err
	}
	judge, err := law.Judge(synth.Year, asOf)
	if err != nil {
		return err
	}
	delivered, _, err := st.Delivered(ctx, synth.District, synth.Year)
	if err != nil {
		return err
	}
	reader, err := st.OpenFacts(ctx, synth.District, models.NewAssembly(synth.Year, asOf, delivered))
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	page, err := reader.Next(ctx, "", "", n)
	if err != nil {
		return err
	}
	b.section("Policy evaluation alone: tier and every finding, one core, facts in memory", "households", "ns per household", "households/s", "allocations per household")
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		facts := page.Facts[:min(size, len(page.Facts))]
		var tiers models.TierCounts
		r := testing.Benchmark(func(t *testing.B) {
			t.ReportAllocs()
			for range t.N {
				for i := range facts {
					tiers[judge.Judge(&facts[i]).Tier]++
				}
			}
		})
		each := float64(r.NsPerOp()) / float64(len(facts))
		b.row(thousands(len(facts)), fmt.Sprintf("%.0f", each), thousands(int(1e9/each)), fmt.Sprintf("%.2f", float64(r.AllocsPerOp())/float64(len(facts))))
		if len(facts) < size {
			break
		}
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}
