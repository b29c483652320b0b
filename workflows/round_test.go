package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// mornings plays morning rounds with skipped time, run after run, until a moment.
type mornings struct {
	t      *testing.T
	suite  testsuite.WorkflowTestSuite
	days   []calendar.Date
	times  []time.Time // at which the rounds were made
	before func(day calendar.Date, env *testsuite.TestWorkflowEnvironment)
	ended  func(day calendar.Date) bool
	runs   int
}

func (m *mornings) play(in workflows.RoundInput, from, until time.Time) workflows.RoundInput {
	m.t.Helper()
	w, err := calendar.NewWorkdays()
	require.NoError(m.t, err)
	for {
		env := m.suite.NewTestWorkflowEnvironment()
		env.SetStartTime(from)
		env.SetTestTimeout(20 * time.Second)
		var a *activities.Rounds
		env.RegisterActivity(&activities.Rounds{})
		env.OnActivity(a.NextRound, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.NextRoundInput) (activities.NextRoundResult, error) {
			return activities.NextRoundResult{Day: w.NextWorkday(in.From), Announced: true}, nil
		})
		env.OnActivity(a.RunRound, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RunRoundInput) (activities.RunRoundResult, error) {
			m.days, m.times = append(m.days, in.Today), append(m.times, env.Now())
			if m.before != nil {
				m.before(in.Today, env)
			}
			return activities.RunRoundResult{Ended: m.ended != nil && m.ended(in.Today)}, nil
		})
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalRoundStop, nil) }, until.Sub(from))
		env.ExecuteWorkflow(workflows.MorningRound, in)
		require.True(m.t, env.IsWorkflowCompleted())
		m.runs++
		err := env.GetWorkflowError()
		if err == nil {
			return in
		}
		var again *workflow.ContinueAsNewError
		require.ErrorAs(m.t, err, &again)
		require.NoError(m.t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		from = env.Now()
	}
}

func TestOverAYearEveryWorkingDayHasItsRoundAtHalfPastEightAndNoOtherDay(t *testing.T) {
	w, err := calendar.NewWorkdays()
	require.NoError(t, err)
	m := &mornings{t: t}
	m.play(workflows.RoundInput{District: "110107"}, calendar.MustDate("2025-06-01").At(7, 0), calendar.MustDate("2026-06-01").At(7, 0))
	var want []calendar.Date
	for d := calendar.MustDate("2025-06-01"); d < calendar.MustDate("2026-06-01"); d++ {
		if w.IsWorkday(d) {
			want = append(want, d)
		}
	}
	require.Equal(t, want, m.days)
	require.NotContains(t, m.days, calendar.MustDate("2026-02-17"), "春节")
	require.Contains(t, m.days, calendar.MustDate("2026-02-14"), "a working Saturday")
	for i, at := range m.times {
		require.True(t, at.Equal(m.days[i].At(8, 30)), "%s at %s", m.days[i], at)
	}
	require.Greater(t, m.runs, 8, "a new history now and then")
}

func TestARoundThatBeginsLateInTheDayIsMadeAtOnceAndNotTwice(t *testing.T) {
	m := &mornings{t: t}
	m.play(workflows.RoundInput{District: "110107"}, calendar.MustDate("2026-06-01").At(14, 0), calendar.MustDate("2026-06-02").At(7, 0))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-06-01")}, m.days)
}

func TestRoundsThatWereMissedAreMadeGoodOnceWithTheDateOfTheDay(t *testing.T) {
	m := &mornings{t: t}
	last := calendar.MustDate("2026-06-01") // Monday; then nobody was there until Thursday noon
	m.play(workflows.RoundInput{District: "110107", Last: last}, calendar.MustDate("2026-06-04").At(12, 0), calendar.MustDate("2026-06-05").At(9, 0))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-06-04"), calendar.MustDate("2026-06-05")}, m.days)
	m = &mornings{t: t} // until Saturday: on Monday
	m.play(workflows.RoundInput{District: "110107", Last: last}, calendar.MustDate("2026-06-06").At(12, 0), calendar.MustDate("2026-06-08").At(9, 0))
	require.Equal(t, []calendar.Date{calendar.MustDate("2026-06-08")}, m.days)
}

func TestARehearsalsRoundGoesByItsOwnClockAndEndsWithItsCycle(t *testing.T) {
	origin := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	clock := calendar.Clock{Start: calendar.MustDate("2026-06-20"), DaysPerSecond: 2, Origin: origin}
	m := &mornings{t: t, ended: func(d calendar.Date) bool { return d >= calendar.MustDate("2026-06-26") }}
	m.play(workflows.RoundInput{District: "110107", CycleID: "110107-2026", Clock: clock}, origin, origin.Add(time.Hour))
	require.Equal(t, "2026-06-22", m.days[0].String(), "the 20th and 21st are a weekend, and 端午")
	require.Equal(t, "2026-06-26", m.days[len(m.days)-1].String())
	require.Len(t, m.days, 5)
	require.Less(t, m.times[4].Sub(origin), 4*time.Second)
}

// sender plays the outbox with what each batch brings.
func playOutbox(t *testing.T, batches []activities.SendResult, during func(env *testsuite.TestWorkflowEnvironment)) (sent []time.Time) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(time.Date(2026, 6, 29, 0, 30, 0, 0, time.UTC))
	env.SetTestTimeout(10 * time.Second)
	var a *activities.Outboxes
	env.RegisterActivity(&activities.Outboxes{})
	env.OnActivity(a.SendMails, mock.Anything).Return(func(context.Context) (activities.SendResult, error) {
		sent = append(sent, env.Now())
		require.LessOrEqual(t, len(sent), len(batches), "nobody asked for another batch")
		return batches[len(sent)-1], nil
	})
	if during != nil {
		during(env)
	}
	env.ExecuteWorkflow(workflows.Outbox, workflows.OutboxState{})
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, sent, len(batches))
	return sent
}

func TestTheSenderIsOverWhenNothingWaitsAndElseComesBackInTime(t *testing.T) {
	start := time.Date(2026, 6, 29, 0, 30, 0, 0, time.UTC)
	playOutbox(t, []activities.SendResult{{Sent: 3}}, nil)

	at := playOutbox(t, []activities.SendResult{{Deferred: 1, Pending: true, NextAt: start.Add(5 * time.Minute)}, {Sent: 1}}, nil)
	require.Equal(t, 5*time.Minute, at[1].Sub(at[0]), "the next retry")

	at = playOutbox(t, []activities.SendResult{{Deferred: 1, Pending: true, NextAt: start.Add(12 * time.Hour)}, {Sent: 2, Pending: true, NextAt: start.Add(12 * time.Hour)}, {Failed: 1}},
		func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalMail, nil) }, time.Hour)
		})
	require.Equal(t, []time.Duration{time.Hour, 11 * time.Hour}, []time.Duration{at[1].Sub(at[0]), at[2].Sub(at[1])}, "new mail does not wait for an old one's retry")

	at = playOutbox(t, []activities.SendResult{{Sent: 200, Pending: true, NextAt: start}, {Sent: 7}}, nil)
	require.Equal(t, at[0], at[1], "a full batch is followed by the next at once")
}

func TestASenderThatThousandsOfLettersWokeGoesOnAsANewRun(t *testing.T) {
	for name, c := range map[string]struct {
		batch activities.SendResult
		over  bool
	}{
		"mail waits":                 {activities.SendResult{Sent: 200, Pending: true}, false},
		"nothing waits, and it ends": {activities.SendResult{Sent: 200}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			env.SetContinueAsNewSuggested(true)
			env.RegisterActivity(&activities.Outboxes{})
			env.OnActivity((*activities.Outboxes)(nil).SendMails, mock.Anything).Return(c.batch, nil).Once()
			env.ExecuteWorkflow(workflows.Outbox, workflows.OutboxState{})
			if c.over {
				require.NoError(t, env.GetWorkflowError())
				return
			}
			require.True(t, workflow.IsContinueAsNewError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
		})
	}
}
