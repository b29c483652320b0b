package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Study compares our tiers with the city's and keeps what is decided about the differences (二(一)2).
type Study struct{ Store *store.Store }

// comparePage is how many differing households are explained and recorded between two heartbeats.
const comparePage = 500

// CompareStudyInput names the cycle, the date by which departments owe the settlement, and the civil date.
type CompareStudyInput struct {
	CycleID  string
	District string
	Year     int
	Due      calendar.Date
	Today    calendar.Date
}

// CompareStudy compares the cycle's current run with the city's result: each difference with the department whose
// data is in question and why, what is no difference any more made obsolete, and who owes the settlement.
// Idempotent: a difference is one row per cycle and household, and what is on record for this run is not
// explained again, so that another worker goes on where one stopped.
func (a *Study) CompareStudy(ctx context.Context, in CompareStudyInput) (models.StudyBoard, error) {
	run, err := a.Store.CurrentRun(ctx, in.CycleID)
	if err != nil {
		return models.StudyBoard{}, lasting(err)
	}
	if err := a.compare(ctx, run); err != nil {
		return models.StudyBoard{}, lasting(err)
	}
	if err := a.Store.ClearDifferences(ctx, run, func() { activity.RecordHeartbeat(ctx) }); err != nil {
		return models.StudyBoard{}, err
	}
	return a.Store.StudyDuties(ctx, in.District, in.Year, in.Due, in.Today)
}

func (a *Study) compare(ctx context.Context, run models.Run) error {
	law, err := a.Store.PolicyByID(ctx, run.PolicyID)
	if err != nil {
		return err
	}
	judge, err := law.Judge(run.Year, run.AsOf)
	if err != nil {
		return fmt.Errorf("compiling the policy of run %d: %w", run.ID, err)
	}
	delivered, _, err := a.Store.Delivered(ctx, run.District, run.Year)
	if err != nil {
		return err
	}
	facts, err := a.Store.OpenFacts(ctx, run.District, models.NewAssembly(run.Year, run.AsOf, delivered))
	if err != nil {
		return err
	}
	defer func() { _ = facts.Close() }()

	for after := ""; ; {
		activity.RecordHeartbeat(ctx)
		page, err := a.Store.DifferingPage(ctx, run, after, comparePage)
		if err != nil || len(page) == 0 {
			return err
		}
		found := make([]models.Difference, 0, len(page))
		for _, p := range page {
			f, err := facts.One(ctx, p.USCC)
			if err != nil {
				return err
			}
			cause := law.Cause(p.Verdict, p.City, f)
			d := models.Difference{CycleID: run.CycleID, USCC: p.USCC, RunID: run.ID, OwnTier: p.Verdict.Tier, CityTier: p.City,
				Department: models.BureauCode, Why: law.Why(p.Verdict, p.City, cause, judge.Explain(f, p.Verdict).Findings)}
			if source, ok := law.Source(cause); ok {
				d.Source = source.String()
				if owner := law.Sources[source].Department; owner != "" {
					d.Department = owner
				}
			}
			found = append(found, d)
		}
		if err := a.Store.MendDifferences(ctx, run.CycleID, found); err != nil {
			return err
		}
		after = page[len(page)-1].USCC
	}
}

// ReadStudyInput names the cycle's district and year.
type ReadStudyInput struct {
	District string
	Year     int
}

// ReadStudy says where the study stands.
func (a *Study) ReadStudy(ctx context.Context, in ReadStudyInput) (models.StudyBoard, error) {
	return a.Store.StudyBoard(ctx, in.District, in.Year)
}

// DecideStudyInput is a decision and the civil date on which it is made. Natural key: its CycleID and CommandID.
type DecideStudyInput struct {
	Decision models.Decision
	Today    calendar.Date
}

// DecideStudyResult is how many differences the decision settled, and where the study then stands.
type DecideStudyResult struct {
	Settled int
	Board   models.StudyBoard
}

// DecideStudy settles differences, all of them or none.
func (a *Study) DecideStudy(ctx context.Context, in DecideStudyInput) (DecideStudyResult, error) {
	settled, board, err := a.Store.Decide(ctx, in.Decision, in.Today)
	return DecideStudyResult{Settled: settled, Board: board}, lasting(err)
}

// CloseStudyInput says on whose word the study ends while differences are open.
type CloseStudyInput struct {
	CycleID  string
	Today    calendar.Date
	ReasonID int64 // 0: its date has come
	Actor    models.Actor
}

// CloseStudy takes what departments still owe from them: from now on the city's result stands for what is open.
func (a *Study) CloseStudy(ctx context.Context, in CloseStudyInput) error {
	return a.Store.WaiveStudyDuties(ctx, in.CycleID, in.Today, in.ReasonID, in.Actor)
}
