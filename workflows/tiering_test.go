package workflows_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

var tieringInput = workflows.TieringInput{CycleID: "110107-2026", District: "110107", Year: 2026, AsOf: calendar.MustDate("2026-07-01")}

func tieringEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	env.SetTestTimeout(10 * time.Second)
	env.RegisterActivity(&activities.Tiering{})
	t.Cleanup(func() { env.AssertExpectations(t) })
	return env
}

func TestEveryPartOfARunIsJudgedOnceBeforeItCounts(t *testing.T) { // 附一(三)
	env := tieringEnv(t)
	var a *activities.Tiering
	counts := models.TierCounts{0, 120, 300, 60, 20}
	env.OnActivity(a.PlanRun, mock.Anything, activities.PlanRunInput{CycleID: "110107-2026", District: "110107", Year: 2026, AsOf: tieringInput.AsOf}).
		Return(activities.RunPlan{RunID: 7, Number: 3, Round: 1, Parts: 5}, nil).Once()
	var mu sync.Mutex
	var judged []int
	env.OnActivity(a.JudgePages, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.JudgePagesInput) (activities.JudgedPages, error) {
		mu.Lock()
		defer mu.Unlock()
		judged = append(judged, in.Part)
		require.Equal(t, int64(7), in.RunID)
		require.Equal(t, 1, in.Round)
		return activities.JudgedPages{Households: 100}, nil
	}).Times(5)
	env.OnActivity(a.FinishRun, mock.Anything, activities.FinishRunInput{RunID: 7}).Return(func(context.Context, activities.FinishRunInput) (activities.FinishedRun, error) {
		require.Len(t, judged, 5)
		return activities.FinishedRun{Result: activities.TieringResult{RunID: 7, Number: 3, Counts: counts}}, nil
	}).Once()

	env.ExecuteWorkflow(workflows.Tiering, tieringInput)
	require.NoError(t, env.GetWorkflowError())
	var result activities.TieringResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, activities.TieringResult{RunID: 7, Number: 3, Counts: counts}, result)
	slices.Sort(judged)
	require.Equal(t, []int{1, 2, 3, 4, 5}, judged)
}

func TestTheSameDataIsNotJudgedAgain(t *testing.T) {
	env := tieringEnv(t)
	var a *activities.Tiering
	counts := models.TierCounts{0, 1, 2, 3, 4}
	env.OnActivity(a.PlanRun, mock.Anything, mock.Anything).Return(activities.RunPlan{RunID: 7, Number: 3, Parts: 5, Done: true, Counts: counts}, nil).Once()
	env.ExecuteWorkflow(workflows.Tiering, tieringInput)
	require.NoError(t, env.GetWorkflowError())
	var result activities.TieringResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, activities.TieringResult{RunID: 7, Number: 3, Reused: true, Counts: counts}, result)
}

func TestARunIsJudgedAnewOnDataThatArrivedMeanwhile(t *testing.T) {
	env := tieringEnv(t)
	var a *activities.Tiering
	env.OnActivity(a.PlanRun, mock.Anything, mock.Anything).Return(activities.RunPlan{RunID: 7, Number: 1, Round: 1, Parts: 2}, nil).Once()
	env.OnActivity(a.PlanRun, mock.Anything, mock.Anything).Return(activities.RunPlan{RunID: 7, Number: 1, Round: 2, Parts: 3}, nil).Once()
	rounds := map[int]int{}
	var mu sync.Mutex
	env.OnActivity(a.JudgePages, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.JudgePagesInput) (activities.JudgedPages, error) {
		mu.Lock()
		defer mu.Unlock()
		rounds[in.Round]++
		return activities.JudgedPages{}, nil
	})
	env.OnActivity(a.FinishRun, mock.Anything, mock.Anything).Return(activities.FinishedRun{Again: true}, nil).Once()
	env.OnActivity(a.FinishRun, mock.Anything, mock.Anything).Return(activities.FinishedRun{Result: activities.TieringResult{RunID: 7, Number: 1}}, nil).Once()
	env.ExecuteWorkflow(workflows.Tiering, tieringInput)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, map[int]int{1: 2, 2: 3}, rounds)
}

func TestDataThatNeverComesToRestEndsTheRunWithItsReason(t *testing.T) {
	env := tieringEnv(t)
	var a *activities.Tiering
	env.OnActivity(a.PlanRun, mock.Anything, mock.Anything).Return(activities.RunPlan{RunID: 7, Number: 1, Round: 1, Parts: 1}, nil)
	env.OnActivity(a.JudgePages, mock.Anything, mock.Anything).Return(activities.JudgedPages{}, nil)
	env.OnActivity(a.FinishRun, mock.Anything, mock.Anything).Return(activities.FinishedRun{Again: true}, nil)
	env.ExecuteWorkflow(workflows.Tiering, tieringInput)
	var refused *temporal.ApplicationError
	require.True(t, errors.As(env.GetWorkflowError(), &refused))
	require.Equal(t, string(models.CodeUnavailable), refused.Type())
	require.Contains(t, refused.Message(), "数据不断更新")
}

func TestAPartThatFailsForGoodEndsTheRun(t *testing.T) {
	env := tieringEnv(t)
	var a *activities.Tiering
	env.OnActivity(a.PlanRun, mock.Anything, mock.Anything).Return(activities.RunPlan{RunID: 7, Number: 1, Round: 1, Parts: 3}, nil)
	env.OnActivity(a.JudgePages, mock.Anything, mock.Anything).Return(activities.JudgedPages{}, temporal.NewNonRetryableApplicationError("没有这次判定", "not-found", nil))
	env.ExecuteWorkflow(workflows.Tiering, tieringInput)
	require.Error(t, env.GetWorkflowError())
}
