package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

var taxDelivery = workflows.DeliveryInput{DeliveryID: "110107-2026-tax-1", District: "110107", Year: 2026, Source: models.SourceTax}

func deliver(t *testing.T, result activities.ImportResult, signal error) (got activities.ImportResult, told, asked int) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	var a *activities.Deliveries
	env.RegisterActivity(&activities.Deliveries{})
	var standing *activities.Standing
	env.RegisterActivity(&activities.Standing{})
	env.OnActivity(standing.AskRecheck, mock.Anything, activities.AskRecheckInput{District: "110107", Year: 2026}).Return(func(context.Context, activities.AskRecheckInput) error {
		asked++
		return nil
	})
	env.OnActivity(a.ImportDelivery, mock.Anything, activities.ImportInput{DeliveryID: taxDelivery.DeliveryID}).Return(result, nil)
	env.OnSignalExternalWorkflow(mock.Anything, "cycle/110107-2026", "", workflows.SignalDelivered, workflows.Delivered{Source: "tax", DeliveryID: taxDelivery.DeliveryID}).
		Return(func(string, string, string, string, any) error { told++; return signal })
	env.ExecuteWorkflow(workflows.Delivery, taxDelivery)
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, env.GetWorkflowResult(&got))
	return got, told, asked
}

func TestADeliveryThatTookEffectIsToldToItsYear(t *testing.T) {
	want := activities.ImportResult{State: models.DeliveryAccepted, Rows: models.Rows{Read: 3, Accepted: 3}}
	got, told, asked := deliver(t, want, nil)
	require.Equal(t, want, got)
	require.Equal(t, 1, told)
	require.Equal(t, 1, asked, "certified households are checked again (附三(五))")
}

func TestADeliveryBeforeTheYearBeginsIsNoError(t *testing.T) {
	want := activities.ImportResult{State: models.DeliveryAccepted}
	got, told, asked := deliver(t, want, &temporal.UnknownExternalWorkflowExecutionError{})
	require.Equal(t, want, got)
	require.Equal(t, 1, told)
	require.Equal(t, 1, asked)
}

func TestARefusedDeliveryIsNotToldToTheYear(t *testing.T) {
	_, told, asked := deliver(t, activities.ImportResult{State: models.DeliveryRefused}, nil)
	require.Zero(t, told)
	require.Zero(t, asked)
}

// watch plays a fetch with the looks' results by number, beginning with 1.
func watch(t *testing.T, in workflows.FetchInput, look func(n int, at calendar.Date) (activities.LookResult, error)) (*testsuite.TestWorkflowEnvironment, *[]string) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(calendar.MustDate("2026-06-10").At(9, 0))
	env.SetTestTimeout(10 * time.Second)
	var a *activities.Connections
	env.RegisterActivity(&activities.Connections{})
	env.RegisterWorkflowWithOptions(func(_ workflow.Context, in workflows.DeliveryInput) (activities.ImportResult, error) {
		return activities.ImportResult{State: models.DeliveryAccepted}, nil
	}, workflow.RegisterOptions{Name: "Delivery"})
	n, settled := 0, &[]string{}
	env.OnActivity(a.LookAtSource, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.LookInput) (activities.LookResult, error) {
		n++
		return look(n, in.Today)
	})
	env.OnActivity(a.SettleSource, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SettledInput) error {
		*settled = append(*settled, in.DeliveryID+in.ETag)
		return nil
	})
	env.ExecuteWorkflow(workflows.Fetch, in)
	require.True(t, env.IsWorkflowCompleted())
	return env, settled
}

var taxFetch = workflows.FetchInput{CycleID: "110107-2026", District: "110107", Year: 2026, Source: models.SourceTax, Until: calendar.MustDate("2026-06-12")}

func TestASourceIsLookedAtUntilTheResultsAreHandedOver(t *testing.T) {
	looks := 0
	env, settled := watch(t, taxFetch, func(n int, at calendar.Date) (activities.LookResult, error) {
		looks = n
		r := activities.LookResult{Poll: 6 * time.Hour, Until: calendar.MustDate("2026-06-11")} // the plan was moved
		require.LessOrEqual(t, at, r.Until)
		if n == 2 {
			r.DeliveryID, r.ETag = "110107-2026-tax-1", `"a"`
		}
		return r, nil
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{`110107-2026-tax-1"a"`}, *settled)
	require.Equal(t, 8, looks, "every six hours from 10 June 9:00 to the end of 11 June, and at once after a delivery")
}

func TestASourceThatIsTakenOffTheListIsNotLookedAtAgain(t *testing.T) {
	looks := 0
	env, _ := watch(t, taxFetch, func(n int, _ calendar.Date) (activities.LookResult, error) {
		looks = n
		return activities.LookResult{Over: true}, nil
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 1, looks)
}

func TestAFailingSourceIsTriedForHoursAndThenWithTheNewDay(t *testing.T) {
	days := map[calendar.Date]int{}
	env, _ := watch(t, taxFetch, func(_ int, at calendar.Date) (activities.LookResult, error) {
		days[at]++
		return activities.LookResult{}, temporal.NewApplicationError("税务取数失败：对方系统出错（503）", "connection")
	})
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, days, 3)
	require.Greater(t, days[calendar.MustDate("2026-06-11")], 20)
}

func TestALongWatchGoesOnAsANewRun(t *testing.T) {
	in := taxFetch
	in.Until = calendar.MustDate("2026-08-15")
	env, _ := watch(t, in, func(int, calendar.Date) (activities.LookResult, error) {
		return activities.LookResult{Poll: time.Minute, Until: in.Until}, nil
	})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
}

func TestARehearsalLooksByItsOwnClock(t *testing.T) {
	in := taxFetch
	in.Clock = calendar.Clock{Start: calendar.MustDate("2026-06-01"), DaysPerSecond: 0.1, Origin: calendar.MustDate("2026-06-10").At(9, 0)}
	looks := 0
	env, _ := watch(t, in, func(n int, _ calendar.Date) (activities.LookResult, error) {
		looks = n
		return activities.LookResult{Poll: time.Hour, Until: in.Until}, nil
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 24, looks, "twelve days in two minutes, a look every five seconds")
}
