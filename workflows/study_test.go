package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// desk is a joint study whose record is this struct.
type desk struct {
	*testsuite.TestWorkflowEnvironment
	mu        sync.Mutex // activities run side by side
	city      bool
	open      int64
	settled   int64
	commands  map[string]int // what each command settled
	compares  []activities.CompareStudyInput
	decides   int
	closed    []activities.CloseStudyInput
	reads     int
	refuse    error
	lateBoard *models.StudyBoard // what the next decision reports, though more was counted since
}

func newDesk(t *testing.T, city bool, open int64) *desk {
	t.Helper()
	d := &desk{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), city: city, open: open, commands: map[string]int{}}
	d.SetTestTimeout(time.Minute)
	d.SetStartTime(calendar.MustDate("2026-07-02").At(9, 0))
	a := &activities.Study{}
	d.RegisterActivity(a)
	d.OnActivity(a.CompareStudy, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CompareStudyInput) (models.StudyBoard, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.compares = append(d.compares, in)
		return d.board(), nil
	})
	d.OnActivity(a.ReadStudy, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadStudyInput) (models.StudyBoard, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reads++
		return d.board(), nil
	})
	d.OnActivity(a.DecideStudy, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.DecideStudyInput) (activities.DecideStudyResult, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.decides++
		if d.refuse != nil {
			return activities.DecideStudyResult{}, d.refuse
		}
		n, known := d.commands[in.Decision.CommandID]
		if !known {
			n = len(in.Decision.IDs)
			d.commands[in.Decision.CommandID] = n
			d.open, d.settled = d.open-int64(n), d.settled+int64(n)
		}
		r := activities.DecideStudyResult{Settled: n, Board: d.board()}
		if d.lateBoard != nil {
			r.Board, d.lateBoard = *d.lateBoard, nil
		}
		return r, nil
	})
	d.OnActivity(a.CloseStudy, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CloseStudyInput) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.closed = append(d.closed, in)
		return nil
	})
	return d
}

func (d *desk) board() models.StudyBoard {
	b := models.StudyBoard{Compared: d.city, Departments: []models.DepartmentDifferences{}}
	if d.city {
		b.Open, b.Settled = d.open, d.settled
		b.Departments = append(b.Departments, models.DepartmentDifferences{Department: "tax", Name: "区税务局", Open: d.open, Settled: d.settled})
	}
	return b
}

var studyState = workflows.StudyState{CycleID: "110107-2026", District: "110107", Year: 2026, Due: calendar.MustDate("2026-07-25")}

// answered is what became of an update.
type answered struct {
	rejected, err error
	answer        workflows.StudyAnswer
	done          bool
}

func decisionOf(command string, ids ...int64) models.Decision {
	return models.Decision{CommandID: command, CycleID: "110107-2026", IDs: ids, Choice: models.ChooseCity, ReasonID: 7, Actor: "user:3", Officer: "tax"}
}

func (d *desk) decide(m models.Decision) *answered {
	a := &answered{}
	d.UpdateWorkflow(workflows.UpdateDecide, m.CommandID, &testsuite.TestUpdateCallback{
		OnReject: func(err error) { a.rejected = err },
		OnAccept: func() {},
		OnComplete: func(r any, err error) {
			a.done, a.err = true, err
			if err == nil {
				a.answer = r.(workflows.StudyAnswer)
			}
		},
	}, m)
	return a
}

func (d *desk) after(w time.Duration, f func()) { d.RegisterDelayedCallback(f, w) }

func (d *desk) result(t *testing.T) workflows.StudyResult {
	t.Helper()
	require.True(t, d.IsWorkflowCompleted())
	require.NoError(t, d.GetWorkflowError())
	var r workflows.StudyResult
	require.NoError(t, d.GetWorkflowResult(&r))
	return r
}

func TestAStudyEndsOnceTheCityIsInAndNothingIsOpen(t *testing.T) {
	t.Run("at once, where both say the same", func(t *testing.T) {
		d := newDesk(t, true, 0)
		d.ExecuteWorkflow(workflows.JointStudy, studyState)
		require.Equal(t, workflows.StudyResult{Compared: true}, d.result(t))
		require.Empty(t, d.closed)
	})
	t.Run("with the last decision", func(t *testing.T) {
		d := newDesk(t, true, 3)
		var first, last *answered
		d.after(time.Hour, func() { first = d.decide(decisionOf("a", 1, 2)) })
		d.after(48*time.Hour, func() { last = d.decide(decisionOf("b", 3)) })
		d.ExecuteWorkflow(workflows.JointStudy, studyState)
		require.Equal(t, workflows.StudyResult{Compared: true, Differences: 3, Settled: 3}, d.result(t))
		require.Equal(t, workflows.StudyAnswer{Settled: 2, Open: 1}, first.answer)
		require.Equal(t, workflows.StudyAnswer{Settled: 1}, last.answer)
		require.Empty(t, d.closed, "nothing is left to be waived")
	})
	t.Run("not before the city's result comes", func(t *testing.T) {
		d := newDesk(t, false, 0)
		d.after(13*24*time.Hour, func() {
			d.city = true
			d.SignalWorkflow(workflows.SignalStudyRecompare, workflows.StudyRecompare{})
		})
		d.ExecuteWorkflow(workflows.JointStudy, studyState)
		require.True(t, d.result(t).Compared)
		require.Len(t, d.compares, 2)
		require.Equal(t, "2026-07-02", d.compares[0].Today.String())
		require.Equal(t, "2026-07-15", d.compares[1].Today.String(), "the activity is told the civil date")
	})
}

func TestAStudyThatIsOverWaivesWhatIsOpenOnRecord(t *testing.T) {
	d := newDesk(t, true, 5)
	var late *answered
	d.after(time.Hour, func() { d.decide(decisionOf("a", 1)) })
	d.after(2*time.Hour, func() {
		d.SignalWorkflow(workflows.SignalStudyFinish, workflows.StudyFinish{ReasonID: 9, Actor: "user:1"})
		late = d.decide(decisionOf("b", 2))
	})
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	require.Equal(t, workflows.StudyResult{Compared: true, Differences: 5, Open: 4, Settled: 1}, d.result(t))
	require.Equal(t, []activities.CloseStudyInput{{CycleID: "110107-2026", Today: calendar.MustDate("2026-07-02"), ReasonID: 9, Actor: "user:1"}}, d.closed)
	require.False(t, late.done && late.err == nil && d.decides > 2)
}

func TestANewDueDateReachesTheDepartments(t *testing.T) {
	d := newDesk(t, true, 1)
	d.after(time.Hour, func() {
		d.SignalWorkflow(workflows.SignalStudyRecompare, workflows.StudyRecompare{Due: calendar.MustDate("2026-07-30")})
	})
	d.after(2*time.Hour, func() { d.SignalWorkflow(workflows.SignalStudyRecompare, workflows.StudyRecompare{}) })
	d.after(3*time.Hour, func() { d.decide(decisionOf("a", 1)) })
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	d.result(t)
	require.Len(t, d.compares, 3)
	for i, due := range []string{"2026-07-25", "2026-07-30", "2026-07-30"} {
		require.Equal(t, due, d.compares[i].Due.String())
	}
}

func TestADecisionThatCannotBeOneIsRefusedWithoutATrace(t *testing.T) {
	d := newDesk(t, true, 2)
	many := make([]int64, models.MaxDecisions+1)
	for i := range many {
		many[i] = int64(i + 1)
	}
	elsewhere, tierless, nobody := decisionOf("a", 1), decisionOf("b", 1), decisionOf("c", 1)
	elsewhere.CycleID, tierless.Choice, nobody.Officer = "110108-2026", "最高型", ""
	codes := map[string]models.Decision{
		string(models.CodeNotFound):             elsewhere,
		string(models.CodeInvalid):              tierless,
		string(models.CodeForbidden):            nobody,
		string(models.CodeInvalid) + " many":    decisionOf("d", many...),
		string(models.CodeInvalid) + " none":    decisionOf("e"),
		string(models.CodeInvalid) + " twice":   decisionOf("f", 1, 1),
		string(models.CodeInvalid) + " no name": decisionOf("", 1),
	}
	got := map[string]*answered{}
	d.after(time.Hour, func() {
		for code, m := range codes {
			got[code] = d.decide(m)
		}
	})
	d.after(2*time.Hour, func() { d.decide(decisionOf("z", 1, 2)) })
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	d.result(t)
	require.Equal(t, 1, d.decides, "only the good one reached the record")
	for code, a := range got {
		var refusal *temporal.ApplicationError
		require.True(t, errors.As(a.rejected, &refusal), "%s: %v", code, a.rejected)
		require.Equal(t, strings.Fields(code)[0], refusal.Type())
		require.Regexp(t, `\p{Han}`, refusal.Message())
	}
}

func TestWhatTheRecordRefusesReachesWhoeverDecided(t *testing.T) {
	d := newDesk(t, true, 1)
	d.refuse = temporal.NewNonRetryableApplicationError("第 1 项差异由其他部门研判", string(models.CodeForbidden), nil)
	var a *answered
	d.after(time.Hour, func() { a = d.decide(decisionOf("a", 1)) })
	d.after(2*time.Hour, func() { d.refuse = nil; d.decide(decisionOf("b", 1)) })
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	d.result(t)
	var refusal *temporal.ApplicationError
	require.True(t, errors.As(a.err, &refusal))
	require.Equal(t, string(models.CodeForbidden), refusal.Type())
}

func TestAStudyDoesNotEndOnACountThatIsOlderThanAComparison(t *testing.T) {
	d := newDesk(t, true, 1)
	d.after(time.Hour, func() { // both are under way at once, and the decision reports what it counted before the comparison found more
		d.open = 5
		d.lateBoard = &models.StudyBoard{Compared: true, Settled: 1}
		d.SignalWorkflow(workflows.SignalStudyRecompare, workflows.StudyRecompare{})
		d.decide(decisionOf("a", 1))
	})
	d.after(24*time.Hour, func() { d.decide(decisionOf("b", 2, 3, 4, 5)) })
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	require.EqualValues(t, 5, d.result(t).Settled)
	require.Positive(t, d.reads, "overlapping counts are counted again")
}

func TestALongStudyGoesOnAsANewRunAndLosesNothing(t *testing.T) {
	d := newDesk(t, true, 1000)
	for i := range 300 {
		d.after(time.Duration(i+1)*time.Minute, func() { d.decide(decisionOf(fmt.Sprint("k", i), int64(i+1))) })
	}
	d.ExecuteWorkflow(workflows.JointStudy, studyState)
	require.True(t, d.IsWorkflowCompleted())
	var again *workflow.ContinueAsNewError
	require.True(t, errors.As(d.GetWorkflowError(), &again), "%v", d.GetWorkflowError())
	require.EqualValues(t, 700, d.open)

	var state workflows.StudyState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &state))
	require.True(t, state.Compared)
	require.EqualValues(t, 700, state.Board.Open)

	// the new run does not know the old commands: the record does
	next := newDesk(t, true, 700)
	next.settled, next.commands = 300, d.commands
	var repeated *answered
	next.after(time.Hour, func() { repeated = next.decide(decisionOf("k299", 300)) })
	next.after(2*time.Hour, func() {
		next.SignalWorkflow(workflows.SignalStudyFinish, workflows.StudyFinish{Actor: models.ActorSystem})
	})
	next.ExecuteWorkflow(workflows.JointStudy, state)
	require.Equal(t, workflows.StudyResult{Compared: true, Differences: 1000, Open: 700, Settled: 300}, next.result(t))
	require.Equal(t, workflows.StudyAnswer{Settled: 1, Open: 700}, repeated.answer, "the same decision again changes nothing")
	require.Empty(t, next.compares, "nothing changed since it compared")
}
