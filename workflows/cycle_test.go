package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// year plays a cycle stage by stage with skipped time: each stage is one run of the workflow.
type year struct {
	t       *testing.T
	suite   testsuite.WorkflowTestSuite
	state   workflows.CycleState
	now     time.Time
	missing []string                                     // required deliveries that are not in
	waived  int                                          // times that the year went on without them
	during  func(env *testsuite.TestWorkflowEnvironment) // what people do in the stage
	env     *testsuite.TestWorkflowEnvironment
	judged  int
	reviews models.ReviewBoard // what is undecided
	lapsed  []activities.LapseApplicationsInput
	child   map[string]func(ctx workflow.Context) // what the processes of a stage do; none = they end at once
	fails   int                                   // so many processes of a stage fail
	started []activities.StartCertifiedInput      // the processes of the certified
	slow    time.Duration                         // that the ending of applications takes

	entering time.Duration // that entering the stage takes
}

func newYear(t *testing.T) *year {
	n := models.NewCycle{CycleID: "110107-2026", District: "110107", Year: 2026, Plan: calendar.DefaultPlan(2026), Attempt: 1}
	return &year{t: t, state: workflows.NewCycleState(n), now: calendar.MustDate("2026-06-01").At(9, 0)}
}

// stage plays one run to its end and takes over the state with which the next one begins.
func (y *year) stage() {
	y.t.Helper()
	env := y.suite.NewTestWorkflowEnvironment()
	y.env = env
	env.SetStartTime(y.now)
	env.SetTestTimeout(10 * time.Second)
	var c *activities.Cycles
	var p *activities.Publication
	env.RegisterActivity(&activities.Cycles{})
	env.RegisterActivity(&activities.Publication{})
	env.RegisterActivity(&activities.Letters{})
	var l *activities.Letters
	env.OnActivity(l.AnnounceStart, mock.Anything, mock.Anything).Return(nil)
	env.OnActivity(l.AnnouncePlan, mock.Anything, mock.Anything).Return(nil)
	env.RegisterWorkflow(workflows.Tiering)
	env.RegisterWorkflowWithOptions(untilFinished, workflow.RegisterOptions{Name: "JointStudy"})
	y.season(env)
	env.OnActivity(c.OpenCycle, mock.Anything, mock.Anything).Return(nil)
	env.OnActivity(c.EnterStage, mock.Anything, mock.Anything).After(y.entering).Return(nil)
	env.OnActivity(c.RecordCommand, mock.Anything, mock.Anything).Return(nil)
	env.OnActivity(c.Reschedule, mock.Anything, mock.Anything).Return(nil)
	env.OnActivity(c.CheckCollection, mock.Anything, mock.Anything).Return(func(context.Context, activities.CycleRef) (activities.CollectionStatus, error) {
		return activities.CollectionStatus{Missing: y.missing}, nil
	})
	env.OnActivity(c.WaiveMissing, mock.Anything, mock.Anything).Return(func(context.Context, activities.WaiveInput) error { y.waived++; return nil })
	env.OnActivity(p.PublishTiers, mock.Anything, mock.Anything).Return(activities.PublishResult{Households: 500}, nil)
	env.OnActivity(p.PrepareHandover, mock.Anything, mock.Anything).Return(activities.HandoverResult{}, nil)
	env.OnWorkflow(workflows.Tiering, mock.Anything, mock.Anything).Return(func(workflow.Context, workflows.TieringInput) (activities.TieringResult, error) {
		y.judged++
		return activities.TieringResult{Number: y.judged}, nil
	})
	if y.during != nil {
		y.during(env)
	}
	env.ExecuteWorkflow(workflows.Cycle, y.state)
	require.True(y.t, env.IsWorkflowCompleted())
	y.now = env.Now()
	y.during = nil
	err := env.GetWorkflowError()
	var next *workflow.ContinueAsNewError
	if errors.As(err, &next) {
		require.NoError(y.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &y.state))
		return
	}
	require.NoError(y.t, err)
	y.state.Stage = models.StageDone
}

// untilFinished stands for a joint study that is not settled before the cycle ends it.
func untilFinished(ctx workflow.Context, _ workflows.StudyState) (workflows.StudyResult, error) {
	workflow.GetSignalChannel(ctx, workflows.SignalStudyFinish).Receive(ctx, nil)
	return workflows.StudyResult{}, nil
}

func (y *year) today() string { return calendar.DateOf(y.now).String() }

// callback collects the answer to an update.
type callback struct {
	rejected, failed error
	answer           any
}

func (c *callback) Accept()                   {}
func (c *callback) Reject(err error)          { c.rejected = err }
func (c *callback) Complete(v any, err error) { c.answer, c.failed = v, err }

func (y *year) command(at time.Duration, id string, command models.Command) *callback {
	answer := &callback{}
	before := y.during
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		if before != nil {
			before(env)
		}
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(workflows.UpdateCommand, id, answer, workflows.CycleCommand{CommandID: id, Command: command, ReasonID: 1, Actor: "user:1"})
		}, at)
	}
	return answer
}

const day = 24 * time.Hour

func TestTheYearGoesByTheWorkPlansDates(t *testing.T) {
	y := newYear(t)
	ends := map[models.Stage]string{
		models.StageCollection: "2026-07-01", models.StageTiering: "2026-07-01", models.StageStudy: "2026-07-25",
		models.StagePublication: "2026-08-12", models.StageHandover: "2026-08-16", models.StageApplication: "2026-09-20",
		models.StageReview:    "2026-10-25", // the next three have processes of their own, which know when they are over
		models.StageSelection: "2026-10-25", models.StageNotice: "2026-10-25", models.StageCertification: "2026-10-25",
		models.StageBenefits: "2027-01-01",
	}
	for _, s := range models.Stages {
		require.Equal(t, s.Stage, y.state.Stage)
		y.stage()
		require.Equal(t, ends[s.Stage], y.today(), s.Name)
	}
	require.Equal(t, models.StageDone, y.state.Stage)
	require.Equal(t, 1, y.judged, "one tiering, since no data came later")
}

func TestCollectionWaitsForARequiredSourceBeyondItsDate(t *testing.T) {
	y := newYear(t)
	y.missing = []string{"交付税务数据（2026年）"}
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			y.missing = nil
			env.SignalWorkflow(workflows.SignalDelivered, workflows.Delivered{Source: "tax", DeliveryID: "110107-2026-tax-1"})
		}, 40*day)
	}
	y.stage()
	require.Equal(t, "2026-07-11", y.today())
	require.Equal(t, models.StageTiering, y.state.Stage)
	require.Zero(t, y.waived)
}

func TestAnAdministratorGoesOnWithoutASourceOnRecord(t *testing.T) {
	y := newYear(t)
	y.missing = []string{"交付税务数据（2026年）"}
	answer := y.command(5*day, "k1", models.CommandAdvance)
	y.stage()
	require.NoError(t, answer.rejected)
	require.NoError(t, answer.failed)
	require.Equal(t, "2026-06-06", y.today())
	require.Equal(t, 1, y.waived)
	require.Equal(t, []string{"k1"}, y.state.Handled)
}

func TestTheSameCommandAgainIsCarriedOutOnce(t *testing.T) {
	y := newYear(t)
	y.state.Handled = []string{"k1"} // carried out in an earlier run
	answer := y.command(day, "k1", models.CommandAdvance)
	y.stage()
	require.NoError(t, answer.rejected)
	require.Equal(t, "2026-07-01", y.today(), "the wait was not ended by the repeated command")
}

func TestNoDatePassesWhileTheYearIsPaused(t *testing.T) {
	y := newYear(t)
	y.command(10*day, "k1", models.CommandPause)
	refused := y.command(12*day, "k2", models.CommandAdvance)
	y.command(60*day, "k3", models.CommandResume)
	y.stage()
	require.ErrorContains(t, refused.rejected, "暂停中")
	require.Equal(t, "2026-07-31", y.today(), "what came due meanwhile happens on resumption")
}

func TestACancelledYearEnds(t *testing.T) {
	y := newYear(t)
	y.command(10*day, "k1", models.CommandCancel)
	y.stage()
	require.Equal(t, "2026-06-11", y.today())
	require.NoError(t, y.env.GetWorkflowError())
}

func TestRunningTimersMoveWithThePlan(t *testing.T) {
	y := newYear(t)
	impossible, moved := &callback{}, &callback{}
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		send := func(id string, answer *callback, key calendar.PlanKey, date string) {
			env.UpdateWorkflow(workflows.UpdateReschedule, id, answer, workflows.Reschedule{CommandID: id, ReasonID: 1, Actor: "user:1",
				Changes: map[calendar.PlanKey]calendar.Date{key: calendar.MustDate(date)}})
		}
		env.RegisterDelayedCallback(func() { send("k1", impossible, calendar.PlanTiering, "2026-12-01") }, day)
		env.RegisterDelayedCallback(func() { send("k2", moved, calendar.PlanTiering, "2026-07-06") }, 2*day)
	}
	y.stage()
	require.ErrorContains(t, impossible.rejected, "不能早于")
	require.NoError(t, moved.rejected)
	require.Equal(t, "2026-07-06", y.today())
}

func TestNewDataAfterTheTieringMakesANewRun(t *testing.T) {
	y := newYear(t)
	y.stage() // collection
	y.stage() // tiering
	y.during = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			env.SignalWorkflow(workflows.SignalDelivered, workflows.Delivered{Source: "social_security", DeliveryID: "110107-2026-social_security-2"})
		}, 3*day)
	}
	y.stage() // study
	require.Equal(t, 2, y.judged)
	require.Equal(t, models.StagePublication, y.state.Stage)
	require.Equal(t, y.state.DataSeen, y.state.DataJudged)
}

func TestARehearsedYearRunsOnItsOwnClock(t *testing.T) {
	y := newYear(t)
	y.state.Clock = calendar.Clock{Start: calendar.MustDate("2026-06-20"), DaysPerSecond: 2, Origin: y.now}
	y.state.Opened = true // its morning round is tested with the round
	y.stage()
	require.Equal(t, 5500*time.Millisecond, y.now.Sub(calendar.MustDate("2026-06-01").At(9, 0)), "11 days at 2 days a second")
}
