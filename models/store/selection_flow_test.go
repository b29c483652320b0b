package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// engine is a test's engine on this record, from nine in the morning of a day on.
func (c *comparing) engine(day string) *testsuite.TestWorkflowEnvironment {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	env.SetStartTime(calendar.MustDate(day).At(9, 0))
	env.RegisterActivity(&activities.Selections{Store: c.Store})
	env.RegisterActivity(&activities.Notices{Store: c.Store})
	env.RegisterActivity(&activities.Applications{Store: c.Store, Nudge: func(context.Context, models.Application, calendar.Clock) error { return nil }})
	return env
}

func (c *comparing) ran(env *testsuite.TestWorkflowEnvironment, out any) {
	c.t.Helper()
	require.True(c.t, env.IsWorkflowCompleted())
	require.NoError(c.t, env.GetWorkflowError())
	require.NoError(c.t, env.GetWorkflowResult(out))
}

// TestFivePercentOf39And40And41HouseholdsFromTheRankingToTheEndOfTheNotice is 附三(四) by its boundaries, through the processes.
func TestFivePercentOf39And40And41HouseholdsFromTheRankingToTheEndOfTheNotice(t *testing.T) {
	for _, test := range []struct{ growth, development, places int64 }{{39, 0, 1}, {30, 10, 2}, {0, 41, 2}} {
		t.Run(fmt.Sprintf("%d", test.growth+test.development), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, s *store.Store) {
				c := compared(t, s, test.growth, test.development)
				ids := c.applyMany(4)

				selection := c.engine("2026-10-26")
				var answer workflows.SelectionAnswer
				selection.RegisterDelayedCallback(func() {
					selection.UpdateWorkflow(workflows.UpdateConfirm, "all", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(err error) { t.Error(err) },
						OnComplete: func(r any, err error) {
							if err != nil {
								t.Error(err)
								return
							}
							answer = r.(workflows.SelectionAnswer)
						}}, models.SelectionDecision{CommandID: "all", CycleID: sampleCycle, All: true, Actor: "user:1"})
				}, 24*time.Hour)
				selection.ExecuteWorkflow(workflows.Selection, workflows.SelectionState{CycleID: sampleCycle, District: "110107", Year: 2026, Due: calendar.MustDate("2026-11-05")})
				var chosen workflows.SelectionResult
				c.ran(selection, &chosen)
				require.Equal(t, workflows.SelectionAnswer{Decided: 4}, answer)
				require.Equal(t, workflows.SelectionResult{Places: test.places, Proposed: test.places, Waiting: 4 - test.places}, chosen)
				open, err := s.OpenObligations(context.Background(), sampleCycle)
				require.NoError(t, err)
				for _, o := range open {
					require.NotEqual(t, models.ObligationSelection, o.Kind, "the bureau owes it no more")
				}

				c.stage(models.StageNotice)
				notice := c.engine("2026-11-06") // Friday
				notice.RegisterDelayedCallback(func() {
					c.today = calendar.MustDate("2026-11-10")
					c.act(ids[0], models.EventWithdraw)
				}, 4*24*time.Hour)
				notice.ExecuteWorkflow(workflows.Notice, workflows.NoticeState{CycleID: sampleCycle, District: "110107", Year: 2026, CertificationDue: calendar.MustDate("2026-11-30")})
				var shown workflows.NoticeResult
				c.ran(notice, &shown)
				require.Equal(t, workflows.NoticeResult{Listed: test.places, Left: 1, MovedUp: 1}, shown)
				require.Equal(t, int(test.places), c.count("SELECT COUNT(*) FROM applications WHERE state = 'proposed'"))
				require.Equal(t, 3-int(test.places), c.count("SELECT COUNT(*) FROM applications WHERE state = 'unselected'"))
				require.Equal(t, calendar.MustDate("2026-11-19"), calendar.DateOf(notice.Now()), "found on the 11th: the working days are 12, 13, 16, 17, 18")
			})
		})
	}
}
