package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// attending is a morning round that notes what it brings to its process.
type attending struct {
	*testing.T
	rounds   activities.Rounds
	nudged   []int64
	received []int64
	woken    int
}

func newAttending(t *testing.T, s *store.Store) *attending {
	a := &attending{T: t}
	a.rounds = activities.Rounds{Store: s, Letters: &activities.Letters{Store: s, Wake: func(context.Context) error { a.woken++; return nil }},
		Nudge: func(_ context.Context, x models.Application, _ calendar.Clock) error {
			a.nudged = append(a.nudged, x.ID)
			return nil
		},
		Receive: func(_ context.Context, x models.Objection, _ calendar.Clock) error {
			a.received = append(a.received, x.ID)
			return nil
		}}
	return a
}

// morning makes the round of one date anew.
func (a *attending) morning(cycle, today string) {
	a.Helper()
	a.nudged, a.received = nil, nil
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(&a.rounds)
	_, err := env.ExecuteActivity(a.rounds.RunRound, activities.RunRoundInput{District: sampletest.District, CycleID: cycle, Today: calendar.MustDate(today)})
	require.NoError(a, err)
}

func TestTheMorningRoundTakesUpApplicationsThatMovedWhileTheEngineWasAway(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list, today := applied(t, s, 3)
		act := func(a models.Application, c models.ApplicationCommand) models.Application {
			c.ApplicationID, c.CommandID = a.ID, string(c.Event)
			a, err := s.ActOnApplication(ctx, c, today)
			require.NoError(t, err)
			return a
		}
		for _, a := range list[:2] {
			act(a, models.ApplicationCommand{Event: models.EventSubmit, Actor: a.EnteredBy})
		}
		reason, err := s.AddReason(ctx, "user:11", "请补充近期照片")
		require.NoError(t, err)
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: sampletest.District, Code: models.BureauCode, Name: "区市场监管局"}))
		officer, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "review@example.cn", Name: "审核", Role: models.RoleDepartment, District: sampletest.District, Department: models.BureauCode}, "")
		require.NoError(t, err)
		_, err = s.AssignReview(ctx, models.ReviewAssignment{ApplicationID: list[1].ID, To: officer.Actor(), By: "user:999", Admin: true}, today)
		require.NoError(t, err)
		limit := act(list[1], models.ApplicationCommand{Event: models.EventAskSupplement, Actor: officer.Actor(), ReasonID: reason}).LimitOn
		a := newAttending(t, s)
		a.morning("", limit.String())
		require.Empty(t, a.nudged, "their processes know; a draft has none")
		a.morning("", limit.AddDays(1).String())
		require.Equal(t, []int64{list[1].ID}, a.nudged, "a limit that its process should have ended")

		_, err = s.LapseUndecided(ctx, sampletest.Cycle, []models.ApplicationState{models.ApplicationSubmitted}, today, models.ActorSystem, 0, 10)
		require.NoError(t, err)
		a.morning("", limit.String())
		require.Equal(t, []int64{list[0].ID}, a.nudged)
		_, err = s.NoteApplication(ctx, list[0].ID)
		require.NoError(t, err)
		a.morning("", limit.String())
		require.Empty(t, a.nudged)
		require.Equal(t, 4, a.woken, "letters that nobody woke the sender for go out too")
	})
}

func TestTheMorningRoundStartsTheProcessOfEveryObjectionThatIsNotSettled(t *testing.T) { // 附一(二)3
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		c := newCorrespondence(t, s)
		a := newAttending(t, s)
		a.morning("", "2026-09-30")
		require.Equal(t, []int64{c.objection.ID}, a.received)
		c.act(t, models.ObjectionWithdraw, c.objection.ByActor, "2026-09-30", nil)
		a.morning("", "2026-10-09")
		require.Empty(t, a.received)
	})
}
