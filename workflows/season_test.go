package workflows_test

import (
	"context"
	"testing"
	"time"

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
	env.RegisterActivity(&activities.Certified{})
	var s *activities.Seasons
	var a *activities.Applications
	env.OnActivity(s.CheckReviews, mock.Anything, mock.Anything).Return(func(context.Context, activities.CycleRef) (models.ReviewBoard, error) {
		return y.reviews, nil
	})
	env.OnActivity(a.LapseApplications, mock.Anything, mock.Anything).After(y.slow).Return(func(_ context.Context, in activities.LapseApplicationsInput) (int, error) {
		y.lapsed = append(y.lapsed, in)
		return 0, nil
	})
	env.OnActivity(a.NudgeApplications, mock.Anything, mock.Anything).Return(0, nil)
	var c *activities.Certified
	env.OnActivity(c.StartCertified, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.StartCertifiedInput) (int, error) {
		y.started = append(y.started, in)
		return 7, nil
	})
	stand := func(ctx workflow.Context, name string) error {
		if f := y.child[name]; f != nil {
			f(ctx)
		}
		if y.fails > 0 {
			y.fails--
			return conflict("尚未登记名录")
		}
		return nil
	}
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.SelectionState) error { return stand(ctx, "Selection") }, workflow.RegisterOptions{Name: "Selection"})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.NoticeState) error { return stand(ctx, "Notice") }, workflow.RegisterOptions{Name: "Notice"})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.CertificationState) error { return stand(ctx, "Certification") }, workflow.RegisterOptions{Name: "Certification"})
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

func TestTwoAdvancesAtOnceAreTwoOrders(t *testing.T) {
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
	y.command(day, "k2", models.CommandAdvance)
	y.stage()
	require.ElementsMatch(t, []string{"k1", "k2"}, orders)
}

func TestAnAdvanceThatComesAsTheStageBeginsReachesItsProcess(t *testing.T) {
	y := seasonYear(t, models.StageSelection, "2026-10-26")
	y.entering = 2 * time.Hour
	heard := false
	y.child = map[string]func(workflow.Context){"Selection": func(ctx workflow.Context) {
		heard = workflow.GetSignalChannel(ctx, workflows.SignalSelectionFinish).Receive(ctx, nil)
	}}
	y.command(time.Hour, "k1", models.CommandAdvance)
	y.stage()
	require.True(t, heard)
	require.Equal(t, models.StageNotice, y.state.Stage)
}

func TestACancelledYearEndsWhateverItsStage(t *testing.T) {
	for _, c := range []struct {
		stage         models.Stage
		begins, child string
	}{
		{models.StageApplication, "2026-08-16", ""}, {models.StageReview, "2026-09-20", ""}, {models.StageSelection, "2026-10-26", "Selection"},
		{models.StageNotice, "2026-11-06", "Notice"}, {models.StageCertification, "2026-11-20", "Certification"}, {models.StageBenefits, "2026-12-01", ""},
	} {
		t.Run(string(c.stage), func(t *testing.T) {
			y := seasonYear(t, c.stage, c.begins)
			y.reviews = models.ReviewBoard{Submitted: 1}
			var ended error
			y.child = map[string]func(workflow.Context){c.child: func(ctx workflow.Context) { ended = workflow.Sleep(ctx, 365*day) }}
			y.command(2*day, "k1", models.CommandCancel)
			y.stage()
			require.Equal(t, calendar.MustDate(c.begins).AddDays(2).String(), y.today())
			require.Equal(t, c.child != "", ended != nil, "the stage's process is cancelled with it")
			require.Len(t, y.lapsed, 1)
			require.Equal(t, models.LiveStates(), y.lapsed[0].States)
			require.Equal(t, int64(1), y.lapsed[0].ReasonID)
		})
	}
}

func TestAYearThatIsCancelledAsAStageEndsEndsItsApplicationsToo(t *testing.T) {
	y := seasonYear(t, models.StageApplication, "2026-08-16")
	y.slow = 2 * time.Hour
	y.command(35*day+time.Hour, "k1", models.CommandCancel) // while the drafts lapse
	y.stage()
	require.Equal(t, models.StageDone, y.state.Stage, "no further run")
	require.Len(t, y.lapsed, 2)
	require.Equal(t, models.LiveStates(), y.lapsed[1].States)
}

func TestAStageThatEndsTakesNoSecondAdvance(t *testing.T) {
	y := seasonYear(t, models.StageReview, "2026-09-20")
	y.reviews = models.ReviewBoard{Visit: 1}
	y.slow = 2 * time.Hour
	y.command(40*day, "k1", models.CommandAdvance)
	again, second := y.command(40*day+time.Hour, "k1", models.CommandAdvance), y.command(40*day+time.Hour, "k2", models.CommandAdvance)
	y.stage()
	require.NoError(t, again.rejected, "the same command is no second one")
	require.ErrorContains(t, second.rejected, "本阶段正在结束")
	require.Equal(t, models.StageSelection, y.state.Stage)
	require.Len(t, y.lapsed, 1)
}

func TestAYearOutlivesTheProcessOfAStage(t *testing.T) {
	for name, advance := range map[string]bool{"it is started again by itself": false, "it is started again at once by an advance": true} {
		t.Run(name, func(t *testing.T) {
			y := seasonYear(t, models.StageSelection, "2026-10-26")
			y.fails = 5
			begun := 0
			y.child = map[string]func(workflow.Context){"Selection": func(workflow.Context) { begun++ }}
			if advance {
				y.fails = 1
				y.command(time.Minute, "k1", models.CommandAdvance)
			}
			start := y.now
			y.stage()
			require.Equal(t, models.StageNotice, y.state.Stage)
			if advance {
				require.Equal(t, 2, begun)
				require.Equal(t, time.Minute, y.now.Sub(start))
				return
			}
			require.Equal(t, 6, begun)
			require.Equal(t, (10+20+40+80+160)*time.Minute, y.now.Sub(start), "more and more rarely")
		})
	}
}

func TestAPausedYearStaysAtTheEndOfItsStage(t *testing.T) {
	y := seasonYear(t, models.StageSelection, "2026-10-26")
	y.child = map[string]func(workflow.Context){"Selection": func(ctx workflow.Context) { _ = workflow.Sleep(ctx, 2*day) }}
	y.command(day, "k1", models.CommandPause)
	y.command(9*day, "k2", models.CommandResume)
	y.stage()
	require.Equal(t, "2026-11-04", y.today(), "no notice is published while the year is paused")
	require.Equal(t, models.StageNotice, y.state.Stage)
}

func TestAReceiptThatComesWhileTheYearIsPausedEndsTheStageOnceItGoesOn(t *testing.T) {
	y := seasonYear(t, models.StageHandover, "2026-08-01")
	y.command(day, "k1", models.CommandPause)
	before := y.during
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		before(env)
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalHandedOver, nil) }, 2*day)
	}
	y.command(4*day, "k2", models.CommandResume)
	y.stage()
	require.Equal(t, "2026-08-05", y.today())
	require.Equal(t, models.StageApplication, y.state.Stage)
}
