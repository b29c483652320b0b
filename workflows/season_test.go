package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// season stands for what the cycle asks about its season, and for the processes of its stages.
func (y *year) season(env *testsuite.TestWorkflowEnvironment) {
	env.RegisterActivity(&activities.Seasons{})
	env.RegisterActivity(&activities.Applications{})
	var s *activities.Seasons
	var a *activities.Applications
	env.OnActivity(s.CheckReviews, mock.Anything, mock.Anything).Return(func(context.Context, activities.CycleRef) (models.ReviewBoard, error) {
		return y.reviews, nil
	})
	env.OnActivity(a.LapseApplications, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.LapseApplicationsInput) (int, error) {
		y.lapsed = append(y.lapsed, in)
		return 0, nil
	})
	env.OnActivity(a.NudgeApplications, mock.Anything, mock.Anything).Return(0, nil)
	stand := func(name string) func(ctx workflow.Context) {
		return func(ctx workflow.Context) {
			if f := y.child[name]; f != nil {
				f(ctx)
			}
		}
	}
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.SelectionState) error { stand("Selection")(ctx); return nil }, workflow.RegisterOptions{Name: "Selection"})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.NoticeState) error { stand("Notice")(ctx); return nil }, workflow.RegisterOptions{Name: "Notice"})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.CertificationState) error {
		stand("Certification")(ctx)
		return nil
	}, workflow.RegisterOptions{Name: "Certification"})
}

// seasonYear is a year that stands at the beginning of a stage.
func seasonYear(t *testing.T, stage models.Stage, on string) *year {
	y := newYear(t)
	y.state.Stage, y.state.Opened, y.now = stage, true, calendar.MustDate(on).At(0, 0)
	return y
}

func TestDraftsLapseWhenTheTimeForApplicationsIsOver(t *testing.T) { // 附三(二)1
	y := seasonYear(t, models.StageApplication, "2026-08-16")
	y.stage()
	require.Equal(t, "2026-09-20", y.today())
	require.Len(t, y.lapsed, 1)
	require.Equal(t, []models.ApplicationState{models.ApplicationDraft}, y.lapsed[0].States)
	require.Equal(t, models.ActorSystem, y.lapsed[0].Actor)
}

func TestTheDateOfTheReviewPassesNobodyOver(t *testing.T) { // 附三(二)2
	y := seasonYear(t, models.StageReview, "2026-09-20")
	y.reviews = models.ReviewBoard{Submitted: 3}
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { y.reviews = models.ReviewBoard{} }, 40*day) // the last is decided on 30 October
	}
	y.stage()
	require.Equal(t, "2026-10-30", y.today(), "waited for beyond 25 October")
	require.Empty(t, y.lapsed)
}

func TestAnAdministratorEndsTheReviewWithAReasonThatEachUndecidedOneIsTold(t *testing.T) {
	y := seasonYear(t, models.StageReview, "2026-09-20")
	y.reviews = models.ReviewBoard{Visit: 1}
	y.command(40*day, "k1", models.CommandAdvance)
	y.stage()
	require.Len(t, y.lapsed, 1)
	require.Equal(t, models.UndecidedStates, y.lapsed[0].States)
	require.Equal(t, int64(1), y.lapsed[0].ReasonID)
	require.Equal(t, models.Actor("user:1"), y.lapsed[0].Actor)
}

func TestAPublicNoticeCannotBeShortened(t *testing.T) { // 三(二)
	y := seasonYear(t, models.StageNotice, "2026-11-06")
	y.child = map[string]func(workflow.Context){"Notice": func(ctx workflow.Context) { _ = workflow.Sleep(ctx, 7*day) }}
	refused := y.command(day, "k1", models.CommandAdvance)
	y.stage()
	require.ErrorContains(t, refused.rejected, "公示期不能缩短")
	require.Equal(t, "2026-11-13", y.today())
	require.Equal(t, models.StageCertification, y.state.Stage)
}

func TestAnAdvanceConfirmsTheSelection(t *testing.T) { // 附三(三)2
	y := seasonYear(t, models.StageSelection, "2026-10-26")
	var finish workflows.SelectionFinish
	y.child = map[string]func(workflow.Context){"Selection": func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, workflows.SignalSelectionFinish).Receive(ctx, &finish)
	}}
	y.command(3*day, "k1", models.CommandAdvance)
	y.stage()
	require.Equal(t, workflows.SelectionFinish{ReasonID: 1, Actor: "user:1"}, finish)
	require.Equal(t, "2026-10-29", y.today())
	require.Equal(t, models.StageNotice, y.state.Stage)
}

func TestEachAdvanceOfTheCertificationIsAnOrderOfItsOwn(t *testing.T) { // the certification, then the end of the spot check
	y := seasonYear(t, models.StageCertification, "2026-11-20")
	var orders []string
	y.child = map[string]func(workflow.Context){"Certification": func(ctx workflow.Context) {
		for range 2 {
			var o models.CertificationOrder
			workflow.GetSignalChannel(ctx, workflows.SignalCertificationAdvance).Receive(ctx, &o)
			orders = append(orders, o.CommandID)
		}
	}}
	y.command(day, "k1", models.CommandAdvance)
	y.command(3*day, "k2", models.CommandAdvance)
	y.stage()
	require.Equal(t, []string{"k1", "k2"}, orders)
	require.Equal(t, models.StageBenefits, y.state.Stage)
}

func TestACancelledYearEndsItsApplicationsAndTheStagesProcess(t *testing.T) {
	y := seasonYear(t, models.StageSelection, "2026-10-26")
	var ended error
	y.child = map[string]func(workflow.Context){"Selection": func(ctx workflow.Context) { ended = workflow.Sleep(ctx, 365*day) }}
	y.command(2*day, "k1", models.CommandCancel)
	y.stage()
	require.Error(t, ended, "the comparison is cancelled")
	require.Equal(t, "2026-10-28", y.today())
	require.Len(t, y.lapsed, 1)
	require.Equal(t, models.LiveStates(), y.lapsed[0].States)
}

func TestAProcessOfAStageHearsThatItsDateMoved(t *testing.T) {
	y := seasonYear(t, models.StageCertification, "2026-11-20")
	var due calendar.Date
	y.child = map[string]func(workflow.Context){"Certification": func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, workflows.SignalCertificationDue).Receive(ctx, &due)
	}}
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(workflows.UpdateReschedule, "k1", &callback{}, workflows.Reschedule{CommandID: "k1", ReasonID: 1, Actor: "user:1",
				Changes: map[calendar.PlanKey]calendar.Date{calendar.PlanCertificationDue: calendar.MustDate("2026-12-05")}})
		}, day)
	}
	y.stage()
	require.Equal(t, calendar.MustDate("2026-12-05"), due)
}
