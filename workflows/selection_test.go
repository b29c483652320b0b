package workflows_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// jury is a comparison whose record is this struct: two places, and so many who qualified.
type jury struct {
	*testsuite.TestWorkflowEnvironment
	mu       sync.Mutex
	board    models.SelectionBoard
	opened   []activities.OpenSelectionInput
	ranked   []activities.SelectionRef
	decided  []models.SelectionDecision
	commands map[string]int
	closed   int
	told     int
	mine     int64 // so many about whom a person may not decide
	refuse   error
}

func newJury(t *testing.T, qualified int64) *jury {
	t.Helper()
	j := &jury{TestWorkflowEnvironment: (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment(), commands: map[string]int{}}
	j.board = models.SelectionBoard{Places: 2, Free: 2, Left: qualified, Unranked: qualified}
	j.SetTestTimeout(time.Minute)
	j.SetStartTime(calendar.MustDate("2026-10-26").At(9, 0))
	a, p := &activities.Selections{}, &activities.Applications{}
	j.RegisterActivity(a)
	j.RegisterActivity(p)
	j.OnActivity(a.OpenSelection, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.OpenSelectionInput) (models.Places, error) {
		j.opened = append(j.opened, in)
		return models.Places{Growth: 30, Development: 10, Gross: 2, Places: 2}, nil
	})
	j.OnActivity(a.RankSelection, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SelectionRef) (models.SelectionBoard, error) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.ranked = append(j.ranked, in)
		j.board.Unranked = 0
		return j.board, nil
	})
	j.OnActivity(a.ConfirmSelection, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.ConfirmSelectionInput) (activities.ConfirmSelectionResult, error) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.refuse != nil {
			return activities.ConfirmSelectionResult{}, j.refuse
		}
		return j.confirm(in.Decision), nil
	})
	j.OnActivity(a.CloseSelection, mock.Anything, mock.Anything).Return(func(context.Context, activities.SelectionRef) (models.SelectionBoard, error) {
		j.closed++
		return j.board, nil
	})
	j.OnActivity(p.NudgeApplications, mock.Anything, mock.Anything).Return(func(context.Context, activities.NudgeApplicationsInput) (int, error) {
		j.told++
		return 0, nil
	})
	return j
}

func (j *jury) confirm(d models.SelectionDecision) activities.ConfirmSelectionResult {
	n, known := j.commands[d.CommandID]
	if !known {
		n = len(d.ApplicationIDs)
		if d.All {
			n = int(j.board.Left - j.board.Unranked)
			if d.Actor != models.ActorSystem {
				n -= int(j.mine)
			}
		}
		j.commands[d.CommandID] = n
		j.decided = append(j.decided, d)
		j.board.Left -= int64(n)
		taken := min(int64(n), j.board.Free)
		j.board.Free, j.board.Proposed, j.board.Waiting = j.board.Free-taken, j.board.Proposed+taken, j.board.Waiting+int64(n)-taken
	}
	return activities.ConfirmSelectionResult{Decided: n, Board: j.board}
}

var selectionState = workflows.SelectionState{CycleID: "110107-2026", District: "110107", Year: 2026, Due: calendar.MustDate("2026-11-05")}

func confirmation(command string, ids ...int64) models.SelectionDecision {
	return models.SelectionDecision{CommandID: command, CycleID: "110107-2026", ApplicationIDs: ids, All: len(ids) == 0, Actor: "user:1"}
}

type confirmed struct {
	rejected, err error
	answer        workflows.SelectionAnswer
	done          bool
}

func (j *jury) send(d models.SelectionDecision) *confirmed {
	c := &confirmed{}
	j.UpdateWorkflow(workflows.UpdateConfirm, d.CommandID, &testsuite.TestUpdateCallback{
		OnReject: func(err error) { c.rejected = err },
		OnAccept: func() {},
		OnComplete: func(r any, err error) {
			c.done, c.err = true, err
			if err == nil {
				c.answer = r.(workflows.SelectionAnswer)
			}
		},
	}, d)
	return c
}

func (j *jury) after(w time.Duration, f func()) { j.RegisterDelayedCallback(f, w) }

func (j *jury) result(t *testing.T) workflows.SelectionResult {
	t.Helper()
	require.True(t, j.IsWorkflowCompleted())
	require.NoError(t, j.GetWorkflowError())
	var r workflows.SelectionResult
	require.NoError(t, j.GetWorkflowResult(&r))
	return r
}

func TestASelectionEndsWhenEverybodyIsDecided(t *testing.T) { // 附三(三)2
	t.Run("at once, where nobody qualified", func(t *testing.T) {
		j := newJury(t, 0)
		j.ExecuteWorkflow(workflows.Selection, selectionState)
		require.Equal(t, workflows.SelectionResult{Places: 2}, j.result(t))
		require.Equal(t, 1, j.closed)
	})
	t.Run("with the last decision, however late", func(t *testing.T) {
		j := newJury(t, 4)
		var first, last *confirmed
		j.after(time.Hour, func() { first = j.send(confirmation("a", 1, 2)) })
		j.after(40*24*time.Hour, func() { last = j.send(confirmation("b")) })
		j.ExecuteWorkflow(workflows.Selection, selectionState)
		require.Equal(t, workflows.SelectionResult{Places: 2, Proposed: 2, Waiting: 2}, j.result(t))
		require.Equal(t, workflows.SelectionAnswer{Decided: 2, Left: 2}, first.answer)
		require.Equal(t, workflows.SelectionAnswer{Decided: 2}, last.answer)
		require.Equal(t, []activities.OpenSelectionInput{{CycleID: "110107-2026", Due: calendar.MustDate("2026-11-05"), Today: calendar.MustDate("2026-10-26")}}, j.opened)
		require.GreaterOrEqual(t, j.told, 3, "after the ranking and each decision")
	})
}

func TestAnAdvanceConfirmsTheProposalForWhoIsLeft(t *testing.T) {
	j := newJury(t, 5)
	j.mine = 1 // the administrator entered one of them
	j.after(time.Hour, func() { j.send(confirmation("a", 1)) })
	j.after(2*time.Hour, func() {
		j.SignalWorkflow(workflows.SignalSelectionFinish, workflows.SelectionFinish{ReasonID: 9, Actor: "user:1"})
	})
	var late *confirmed
	j.after(2*time.Hour+time.Second, func() { late = j.send(confirmation("b", 2)) })
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	require.Equal(t, workflows.SelectionResult{Places: 2, Proposed: 2, Waiting: 3}, j.result(t))
	require.Len(t, j.decided, 3)
	require.Equal(t, models.Actor("user:1"), j.decided[1].Actor)
	require.EqualValues(t, 9, j.decided[1].ReasonID)
	require.Equal(t, models.ActorSystem, j.decided[2].Actor, "who may not decide about one leaves it to the rule")
	require.NotEqual(t, j.decided[1].CommandID, j.decided[2].CommandID)
	require.False(t, late != nil && late.done && late.err == nil)
}

func TestWhoComesToTheSelectionLaterIsRankedToo(t *testing.T) {
	j := newJury(t, 1)
	j.after(time.Hour, func() {
		j.board.Left, j.board.Unranked = 2, 1
		j.SignalWorkflow(workflows.SignalSelectionChanged, workflows.SelectionChanged{Due: calendar.MustDate("2026-11-08")})
	})
	j.after(2*time.Hour, func() { j.board.Left, j.board.Unranked = 3, 1 }) // without a signal
	j.after(3*time.Hour, func() { j.send(confirmation("a", 1, 2)) })
	j.after(4*time.Hour, func() { j.send(confirmation("b")) })
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	require.Equal(t, workflows.SelectionResult{Places: 2, Proposed: 2, Waiting: 1}, j.result(t))
	require.GreaterOrEqual(t, len(j.ranked), 3)
}

func TestAConfirmationThatCannotBeOneIsRefusedWithoutATrace(t *testing.T) {
	j := newJury(t, 2)
	elsewhere, both, odd := confirmation("a", 1), confirmation("b", 1), confirmation("c", 1)
	elsewhere.CycleID, both.All, odd.Outcome = "110108-2026", true, "maybe"
	bad := []models.SelectionDecision{elsewhere, both, odd, confirmation("d", 1, 1), confirmation("", 1)}
	got := make([]*confirmed, len(bad))
	j.after(time.Hour, func() {
		for i, d := range bad {
			got[i] = j.send(d)
		}
	})
	j.after(2*time.Hour, func() {
		j.refuse = temporal.NewNonRetryableApplicationError("名额已满", string(models.CodeConflict), nil)
	})
	var refused *confirmed
	j.after(3*time.Hour, func() { refused = j.send(confirmation("y", 1)) })
	j.after(4*time.Hour, func() { j.refuse = nil; j.send(confirmation("z")) })
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	j.result(t)
	require.Len(t, j.decided, 1)
	for i, c := range got {
		var refusal *temporal.ApplicationError
		require.True(t, errors.As(c.rejected, &refusal), "%d: %v", i, c.rejected)
		require.Regexp(t, `\p{Han}`, refusal.Message())
	}
	var refusal *temporal.ApplicationError
	require.True(t, errors.As(refused.err, &refusal), "what the record refuses reaches whoever decided")
	require.Equal(t, string(models.CodeConflict), refusal.Type())
}

func TestALongSelectionGoesOnAsANewRunAndLosesNothing(t *testing.T) {
	j := newJury(t, 1000)
	for i := range 300 {
		j.after(time.Duration(i+1)*time.Minute, func() { j.send(confirmation("k"+time.Duration(i).String(), int64(i+1))) })
	}
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	require.True(t, j.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(j.GetWorkflowError(), &next))
	var state workflows.SelectionState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
	require.True(t, state.Opened)
	require.EqualValues(t, 700, state.Board.Left)

	again := newJury(t, 700)
	again.board = state.Board
	again.after(time.Hour, func() { again.send(confirmation("rest")) })
	again.ExecuteWorkflow(workflows.Selection, state)
	require.EqualValues(t, 998, again.result(t).Waiting)
	require.Empty(t, again.opened, "places are frozen once")
}

func TestAFinishThatTheRecordRefusesLeavesTheSelectionOpen(t *testing.T) {
	j := newJury(t, 2)
	j.after(time.Hour, func() {
		j.refuse = temporal.NewNonRetryableApplicationError("年度工作现处于“公示”阶段", string(models.CodeConflict), nil)
		j.SignalWorkflow(workflows.SignalSelectionFinish, workflows.SelectionFinish{Actor: "user:1"})
	})
	j.after(2*time.Hour, func() { j.refuse = nil; j.send(confirmation("a")) })
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	require.EqualValues(t, 2, j.result(t).Proposed)
}

// cardOf is the card as Temporal's UI reads it.
func cardOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	v, err := env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdk.WorkflowMetadata
	require.NoError(t, v.Get(&m))
	return m.CurrentDetails
}

func TestTheCardsOfSelectionAndNoticeSayWhereTheyStand(t *testing.T) {
	j := newJury(t, 3)
	var card string
	j.after(time.Hour, func() { card = cardOf(t, j.TestWorkflowEnvironment) })
	j.after(2*time.Hour, func() { j.send(confirmation("all")) })
	j.ExecuteWorkflow(workflows.Selection, selectionState)
	j.result(t)
	for _, words := range []string{"110107 2026 年“名特优新”比选", "**名额**：2 个（成长型 30 户、发展型 10 户", "待区市场监管局确认 3 户", "2026年11月5日", "| 0 | 0 | 0 | 3 | 2 |"} {
		require.Contains(t, card, words)
	}
	b := newBoard(t, "2026-12-28", "2027-01-05")
	b.Announced, b.Objections = false, 1
	b.RegisterDelayedCallback(func() { card = cardOf(t, b.TestWorkflowEnvironment); b.Objections = 0 }, time.Hour)
	b.ExecuteWorkflow(workflows.Notice, noticeState)
	b.result(t)
	for _, words := range []string{"公示至2027年1月5日，异议待办结 1 件", calendar.Unannounced, "| 1 | 2 | 0 | 0 | 0 | 1 |"} {
		require.Contains(t, card, words)
	}
}
