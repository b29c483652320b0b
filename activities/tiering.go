package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Tiering judges every household of a cycle (附一(三)): a run is planned, its parts are judged by as many workers as
// there are, and it counts once all of them are done.
type Tiering struct {
	Store   *store.Store
	Program string // program version, kept with every run
	Page    int    // households judged in one transaction; 0 = 10,000
}

const (
	maxTieringParts = 16 // how many workers can share a run
	tieringPage     = 10_000
)

// PlanRunInput names the cycle to judge and the tiering date.
type PlanRunInput struct {
	CycleID  string
	District string
	Year     int
	AsOf     calendar.Date
}

// RunPlan is a run and its parts. Done: nothing has changed since it was judged.
type RunPlan struct {
	RunID  int64
	Number int
	Round  int
	Parts  int
	Done   bool
	Counts models.TierCounts
}

// TieringResult is what a run found.
type TieringResult struct {
	RunID  int64
	Number int
	Reused bool // the data, the policy and the date are those of this earlier run
	Counts models.TierCounts
}

// PlanRun opens the run under the policy in force, or finds the one that it would only repeat. Natural key: the
// cycle with the basis of the run (policy, tiering date, data mark).
func (a *Tiering) PlanRun(ctx context.Context, in PlanRunInput) (RunPlan, error) {
	law, err := a.Store.EnsurePolicy(ctx, in.District, in.Year)
	if err != nil {
		return RunPlan{}, lasting(err)
	}
	run, err := a.Store.OpenRun(ctx, store.RunBasis{
		CycleID: in.CycleID, District: in.District, Year: in.Year, AsOf: in.AsOf,
		PolicyID: law.ID, PolicyHash: law.Hash, Program: a.Program,
	}, maxTieringParts)
	if err != nil {
		return RunPlan{}, err
	}
	parts, err := a.Store.RunParts(ctx, run.ID)
	if err != nil {
		return RunPlan{}, err
	}
	return RunPlan{RunID: run.ID, Number: run.Number, Round: run.Round, Parts: len(parts), Done: run.State == models.RunDone, Counts: run.Counts}, nil
}

// JudgePagesInput names one part of a run. Natural key: the run and the part, with the place that it has reached.
type JudgePagesInput struct {
	RunID int64
	Part  int // 1 … RunPlan.Parts
	Round int
}

// JudgedPages is what became of a part.
type JudgedPages struct {
	Households int64
	Superseded bool // another worker finished it, or it was begun anew
}

// JudgePages judges the households of one part, page by page, from where the part stands: how far it has come is
// kept in the transaction of each page, so that a killed worker's successor goes on at the page. The heartbeat
// carries the number judged, never a code.
func (a *Tiering) JudgePages(ctx context.Context, in JudgePagesInput) (JudgedPages, error) {
	judged, err := a.judgePages(ctx, in)
	if errors.Is(err, store.ErrSuperseded) {
		return JudgedPages{Superseded: true}, nil
	}
	return JudgedPages{Households: judged}, lasting(err)
}

func (a *Tiering) judgePages(ctx context.Context, in JudgePagesInput) (int64, error) {
	run, err := a.Store.RunByID(ctx, in.RunID)
	if err != nil {
		return 0, err
	}
	law, err := a.Store.PolicyByID(ctx, run.PolicyID)
	if err != nil {
		return 0, err
	}
	judge, err := law.Judge(run.Year, run.AsOf)
	if err != nil {
		return 0, fmt.Errorf("compiling the policy of run %d: %w", run.ID, err)
	}
	delivered, _, err := a.Store.Delivered(ctx, run.District, run.Year)
	if err != nil {
		return 0, err
	}
	results, err := a.Store.OpenResults(ctx, in.RunID, in.Part, in.Round)
	if err != nil {
		return 0, err
	}
	defer func() { _ = results.Close() }()
	facts, err := a.Store.OpenFacts(ctx, run.District, models.NewAssembly(run.Year, run.AsOf, delivered))
	if err != nil {
		return 0, err
	}
	defer func() { _ = facts.Close() }()

	size := cmp.Or(a.Page, tieringPage)
	verdicts := make([]models.Verdict, 0, size)
	for {
		part := results.Part()
		activity.RecordHeartbeat(ctx, part.Counts.Total())
		page, err := facts.Next(ctx, part.At, part.UpTo, size)
		if err != nil {
			return 0, err
		}
		if len(page.Facts) == 0 {
			return part.Counts.Total(), nil
		}
		verdicts = verdicts[:0]
		for i := range page.Facts {
			verdicts = append(verdicts, judge.Judge(&page.Facts[i]))
		}
		if err := results.Write(ctx, page, verdicts); err != nil {
			return 0, err
		}
	}
}

// FinishRunInput names a run whose parts are all judged.
type FinishRunInput struct{ RunID int64 }

// FinishedRun is a run that counts, or must be judged again because a delivery took effect while it was judged.
type FinishedRun struct {
	Again  bool
	Result TieringResult
}

// FinishRun makes the run the cycle's current one. Natural key: the run.
func (a *Tiering) FinishRun(ctx context.Context, in FinishRunInput) (FinishedRun, error) {
	run, again, err := a.Store.FinishRun(ctx, in.RunID)
	if err != nil {
		return FinishedRun{}, err
	}
	return FinishedRun{Again: again, Result: TieringResult{RunID: run.ID, Number: run.Number, Counts: run.Counts}}, nil
}
