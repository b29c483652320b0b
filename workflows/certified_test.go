package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// tenure is a certified household whose record is this struct: it follows models.Certification's own calendar.
type tenure struct {
	t        *testing.T
	suite    testsuite.WorkflowTestSuite
	env      *testsuite.TestWorkflowEnvironment
	state    workflows.CertifiedState
	now      time.Time
	cert     models.Certification
	cases    []activities.CertifiedCase
	steps    []activities.CertifiedMilestone
	commands map[string]bool
	extends  int   // so many evaluations extend
	told     []int // up to which event, before each following
	follows  int   // of this run
	runs     []int
	during   map[int]func(env *testsuite.TestWorkflowEnvironment) // by number of the run, from 0
	refuse   error                                                // what following comes to, once
	slow     time.Duration                                        // that a command takes
}

var certifiedTerms = models.CertifiedTerms{ReportDue: "07-31", EvaluationOn: "08-16", AnnounceDays: 60, Extension: 3}

func newTenure(t *testing.T) *tenure {
	on := calendar.MustDate("2026-11-20")
	return &tenure{t: t, commands: map[string]bool{}, during: map[int]func(*testsuite.TestWorkflowEnvironment){}, now: calendar.MustDate("2026-12-02").At(9, 0),
		cert: models.Certification{ID: 7, Number: "110107-2026-MTYX-0007", CertifiedOn: on, BenefitsFrom: calendar.MustDate("2027-01-01"), ValidUntil: models.ValidUntil(on, 3),
			State: models.CertificationValid, Category: models.Quality, Tier: models.Growth, Reached: on},
		state: workflows.CertifiedState{ID: 7, Number: "110107-2026-MTYX-0007", CycleID: "110107-2026", District: "110107", Year: 2026}}
}

func (x *tenure) record(e models.CertifiedEvent, on calendar.Date) {
	next, err := x.cert.State.Next(e)
	require.NoError(x.t, err)
	x.cert.State, x.cert.Events = next, x.cert.Events+1
	if e == models.CertifiedExtend {
		x.cert.ValidUntil, x.cert.Extensions = x.cert.Extended(certifiedTerms.Extension), x.cert.Extensions+1
	}
	x.steps = append(x.steps, activities.CertifiedMilestone{On: on, Event: e})
}

func (x *tenure) status() activities.CertifiedStatus {
	c := x.cert
	s := activities.CertifiedStatus{State: c.State, Category: c.Category, Tier: c.Tier, CertifiedOn: c.CertifiedOn, BenefitsFrom: c.BenefitsFrom, ValidUntil: c.ValidUntil,
		Extensions: c.Extensions, Events: c.Events, Cases: x.cases, Steps: x.steps[max(0, len(x.steps)-30):]}
	if c.State == models.CertificationValid {
		if list := c.Milestones(certifiedTerms, c.Reached, c.ValidUntil.AddDays(10)); len(list) > 0 {
			s.Next = list[0]
		}
	}
	return s
}

func (x *tenure) follow(today calendar.Date) {
	for {
		due := x.cert.Milestones(certifiedTerms, x.cert.Reached, today)
		if len(due) == 0 || x.cert.State != models.CertificationValid {
			break
		}
		x.cert.Reached = due[0].On
		for _, m := range due {
			if m.On != due[0].On {
				continue
			}
			switch m.Kind {
			case models.MilestoneBenefits:
				x.record(models.CertifiedBenefits, today)
			case models.MilestoneYear:
				x.record(models.CertifiedReportOpened, today)
			case models.MilestoneEvaluate:
				if x.cert.Extensions < x.extends {
					x.record(models.CertifiedExtend, today)
				}
			case models.MilestoneEnd:
				x.record(models.CertifiedLapse, today)
			}
		}
	}
	x.cert.Reached = max(x.cert.Reached, today)
}

// run plays one run and takes over the state of the next; false after the last.
func (x *tenure) run() bool {
	x.t.Helper()
	env := x.suite.NewTestWorkflowEnvironment()
	x.env, x.follows = env, 0
	env.SetStartTime(x.now)
	env.SetTestTimeout(20 * time.Second)
	a := &activities.Certified{}
	env.RegisterActivity(a)
	env.OnActivity(a.FollowCertified, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FollowCertifiedInput) (activities.CertifiedStatus, error) {
		x.follows++
		x.told = append(x.told, in.Told)
		if err := x.refuse; err != nil {
			x.refuse = nil
			return activities.CertifiedStatus{}, err
		}
		x.follow(in.Today)
		return x.status(), nil
	})
	env.OnActivity(a.ActOnCertified, mock.Anything, mock.Anything).After(x.slow).Return(func(_ context.Context, in activities.ActOnCertifiedInput) (activities.CertifiedStatus, error) {
		if x.commands[in.Command.CommandID] {
			return x.status(), nil
		}
		if _, err := x.cert.State.Next(in.Command.Event); err != nil {
			return activities.CertifiedStatus{}, conflict(err.Error())
		}
		x.commands[in.Command.CommandID] = true
		x.record(in.Command.Event, in.Today)
		return x.status(), nil
	})
	if f := x.during[len(x.runs)]; f != nil {
		f(env)
	}
	env.ExecuteWorkflow(workflows.CertifiedHousehold, x.state)
	require.True(x.t, env.IsWorkflowCompleted())
	x.runs, x.now = append(x.runs, x.follows), env.Now()
	err := env.GetWorkflowError()
	var next *workflow.ContinueAsNewError
	if !errors.As(err, &next) {
		require.NoError(x.t, err)
		return false
	}
	x.state = workflows.CertifiedState{}
	require.NoError(x.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &x.state))
	return true
}

// TestACertificationIsFollowedThroughTenYears (附三(五)): benefits on 1 January, a report each year, three terms of three years, one run of the
// process for each civil year, and the end when no evaluation extends it any more.
func TestACertificationIsFollowedThroughTenYears(t *testing.T) {
	x := newTenure(t)
	x.extends = 2
	for x.run() {
		require.Less(t, len(x.runs), 20)
	}
	require.Equal(t, models.CertificationLapsed, x.cert.State)
	require.Equal(t, "2035-11-19", x.cert.ValidUntil.String())
	require.Equal(t, calendar.MustDate("2035-11-20"), calendar.DateOf(x.now), "it ends on the day after its last")
	require.Len(t, x.runs, 10, "one run for each civil year from 2026 to 2035")
	var reports []string
	for _, s := range x.steps {
		if s.Event == models.CertifiedReportOpened {
			reports = append(reports, s.On.String())
		}
	}
	require.Equal(t, []string{"2027-01-01", "2028-01-01", "2029-01-01", "2030-01-01", "2031-01-01", "2032-01-01", "2033-01-01", "2034-01-01", "2035-01-01"}, reports)
	for year, follows := range x.runs {
		require.LessOrEqual(t, follows, 6, "run %d asks the record no oftener than its calendar has dates", year)
	}
	require.IsNonDecreasing(t, x.told, "what was told is not told again")
	require.Equal(t, x.cert.Events-1, x.told[len(x.told)-1], "the lapse is told by the last following")
}

// TestYearsOfSilenceAreMadeGood: nobody ran the program for three years; the first run then does everything that was due, in order.
func TestYearsOfSilenceAreMadeGood(t *testing.T) {
	x := newTenure(t)
	x.now = calendar.MustDate("2029-06-01").At(9, 0)
	for x.run() {
		require.Less(t, len(x.runs), 5)
	}
	events := make([]models.CertifiedEvent, len(x.steps))
	for i, s := range x.steps {
		events[i] = s.Event
	}
	require.Equal(t, []models.CertifiedEvent{models.CertifiedBenefits, models.CertifiedReportOpened, models.CertifiedReportOpened, models.CertifiedReportOpened, models.CertifiedLapse}, events)
	require.Equal(t, "2029-06-01", x.steps[3].On.String())
	require.Equal(t, "2029-11-20", x.steps[4].On.String())
}

// TestACommandWhileTheYearTurnsIsNotLost: what is sent around midnight of New Year's Eve takes effect once.
func TestACommandWhileTheYearTurnsIsNotLost(t *testing.T) {
	x := newTenure(t)
	file := models.CertifiedCommand{CommandID: "file-1", CertificationID: 7, Event: models.CertifiedFileReport, Actor: household, Year: 2027}
	answered := 0
	x.slow = 10 * time.Minute
	x.during[0] = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(workflows.UpdateCertifiedAct, "file-1", &testsuite.TestUpdateCallback{
				OnReject: func(err error) { require.NoError(t, err) }, OnAccept: func() {},
				OnComplete: func(_ any, err error) { require.NoError(t, err); answered++ },
			}, file)
		}, calendar.MustDate("2026-12-31").At(23, 58).Sub(x.now)) // its timer fires at 00:07, while the command is on its way
	}
	require.True(t, x.run())
	require.Equal(t, 1, answered)
	require.Equal(t, 2027, x.state.Civil)
	require.Contains(t, x.state.Handled, "file-1")
	n := 0
	for _, s := range x.steps {
		if s.Event == models.CertifiedFileReport {
			n++
		}
	}
	require.Equal(t, 1, n)
}

// TestWhatIsOverStaysOpenWhileACaseAboutItGoesOn: a revocation may follow a cancellation; the process ends when nothing is open.
func TestWhatIsOverStaysOpenWhileACaseAboutItGoesOn(t *testing.T) {
	x := newTenure(t)
	x.cert.State = models.CertificationCancelled
	x.cases = []activities.CertifiedCase{{Kind: models.CaseFraud, State: models.CaseHearing, Due: calendar.MustDate("2027-02-01")}}
	x.during[0] = func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			x.cases = nil
			x.record(models.CertifiedRevoke, calendar.DateOf(env.Now()))
			env.SignalWorkflow(workflows.SignalCertifiedChanged, nil)
		}, 5*24*time.Hour)
	}
	require.False(t, x.run())
	require.Equal(t, calendar.MustDate("2026-12-07"), calendar.DateOf(x.now))
	require.Equal(t, models.CertificationRevoked, x.cert.State)
}

// TestWhatTheRecordRefusesIsTriedAgainTheNextDay and does not end the years.
func TestWhatTheRecordRefusesIsTriedAgainTheNextDay(t *testing.T) {
	x := newTenure(t)
	x.refuse = conflict("稍后再试")
	require.True(t, x.run())
	require.Equal(t, calendar.MustDate("2027-01-01"), calendar.DateOf(x.now))
	require.Equal(t, 3, x.runs[0], "refused, tried again, then 1 January")
	require.Equal(t, models.CertifiedBenefits, x.steps[0].Event)
}

// TestARehearsedCertificationLivesOnItsClock: at 10 days a second three years pass in less than two minutes.
func TestARehearsedCertificationLivesOnItsClock(t *testing.T) {
	x := newTenure(t)
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	x.now = start
	x.state.Clock = calendar.Clock{Start: calendar.MustDate("2026-12-01"), DaysPerSecond: 10, Origin: start}
	for x.run() {
		require.Less(t, len(x.runs), 20)
	}
	require.Equal(t, models.CertificationLapsed, x.cert.State)
	require.Less(t, x.now.Sub(start), 2*time.Minute)
}

// TestNoCommandOfAnotherCertificationIsTaken, nor one that cannot be, without a trace in the history.
func TestNoCommandOfAnotherCertificationIsTaken(t *testing.T) {
	x := newTenure(t)
	var rejected []string
	x.during[0] = func(env *testsuite.TestWorkflowEnvironment) {
		send := func(c models.CertifiedCommand) {
			env.UpdateWorkflow(workflows.UpdateCertifiedAct, c.CommandID, &testsuite.TestUpdateCallback{
				OnReject: func(err error) { rejected = append(rejected, err.Error()) }, OnAccept: func() {}, OnComplete: func(any, error) {},
			}, c)
		}
		env.RegisterDelayedCallback(func() {
			send(models.CertifiedCommand{CommandID: "a", CertificationID: 8, Event: models.CertifiedFileReport, Actor: household, Year: 2027})
			send(models.CertifiedCommand{CommandID: "b", CertificationID: 7, Event: models.CertifiedFileReport, Actor: household})
			send(models.CertifiedCommand{CommandID: "c", CertificationID: 7, Event: models.CertifiedDecide, Actor: "user:1", CaseID: 3, ReasonID: 1})
		}, time.Hour)
	}
	require.True(t, x.run())
	require.Len(t, rejected, 3)
	require.Contains(t, strings.Join(rejected, fmt.Sprintln()), "没有这项认定")
}
