package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// rechecks plays a re-check; during says what happens while the n-th run (from 1) goes on.
func rechecks(t *testing.T, state workflows.RecheckState, during func(env *testsuite.TestWorkflowEnvironment, n int)) (*testsuite.TestWorkflowEnvironment, []activities.RecheckInput) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(calendar.MustDate("2027-06-10").At(9, 0))
	env.SetTestTimeout(20 * time.Second)
	var a *activities.Standing
	env.RegisterActivity(&activities.Standing{})
	var made []activities.RecheckInput
	env.OnActivity(a.RecheckCertified, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RecheckInput) (activities.RecheckResult, error) {
		made = append(made, in)
		if during != nil {
			during(env, len(made))
		}
		return activities.RecheckResult{Checked: 3, RecheckCounts: models.RecheckCounts{Opened: 1}}, nil
	})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalRecheck, nil) }, 0)
	env.ExecuteWorkflow(workflows.Recheck, state)
	require.True(t, env.IsWorkflowCompleted())
	return env, made
}

func TestOneRecheckIsMadeForADelivery(t *testing.T) {
	env, made := rechecks(t, workflows.RecheckState{District: "110107"}, nil)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []activities.RecheckInput{{District: "110107", Today: calendar.MustDate("2027-06-10")}}, made)
}

func TestDeliveriesDuringARecheckMakeOneMore(t *testing.T) {
	env, made := rechecks(t, workflows.RecheckState{District: "110107"}, func(env *testsuite.TestWorkflowEnvironment, n int) {
		if n == 1 {
			for range 5 {
				env.SignalWorkflow(workflows.SignalRecheck, nil)
			}
		}
	})
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, made, 2)
}

func TestARecheckThatNeverEndsBeginsANewHistory(t *testing.T) {
	env, made := rechecks(t, workflows.RecheckState{District: "110107"}, func(env *testsuite.TestWorkflowEnvironment, _ int) {
		env.SignalWorkflow(workflows.SignalRecheck, nil)
	})
	require.Len(t, made, 100)
	require.True(t, workflow.IsContinueAsNewError(env.GetWorkflowError()))
}

func TestARehearsedRecheckKeepsTheClockOfItsCycle(t *testing.T) {
	clock := calendar.Clock{Start: calendar.MustDate("2029-07-01"), DaysPerSecond: 1e-6, Origin: calendar.MustDate("2027-06-10").At(9, 0)}
	_, made := rechecks(t, workflows.RecheckState{District: "110107", Clock: clock}, nil)
	require.Equal(t, []activities.RecheckInput{{District: "110107", Rehearsal: true, Today: calendar.MustDate("2029-07-01")}}, made)
}

func TestARecheckIsAskedOfTheOneThatRuns(t *testing.T) {
	for id, cycle := range map[string]models.Cycle{
		"recheck/110107":      {ID: "110107-2027", District: "110107"},
		"recheck/110107-2027": {ID: "110107-2027", District: "110107", Clock: calendar.Clock{Start: calendar.MustDate("2027-06-01"), DaysPerSecond: 1}},
	} {
		engine := &mocks.Client{}
		engine.On("SignalWithStartWorkflow", mock.Anything, id, workflows.SignalRecheck, nil, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
			return o.TaskQueue == workflows.QueueMain
		}), mock.Anything, workflows.RecheckState{District: "110107", Clock: cycle.Clock}).Return(nil, nil).Once()
		require.NoError(t, workflows.StartRecheck(context.Background(), engine, cycle))
		engine.AssertExpectations(t)
	}
}

func TestWhatStandingDoesNotReadAsksForNoRecheck(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	var a *activities.Deliveries
	env.RegisterActivity(&activities.Deliveries{})
	env.OnActivity(a.ImportDelivery, mock.Anything, mock.Anything).Return(activities.ImportResult{State: models.DeliveryAccepted}, nil)
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", mock.Anything, mock.Anything).Return(nil)
	env.ExecuteWorkflow(workflows.Delivery, workflows.DeliveryInput{DeliveryID: "110107-2027-ip-1", District: "110107", Year: 2027, Source: models.SourceIP})
	require.NoError(t, env.GetWorkflowError(), "no activity asks for one")
}
