package activities_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// applied brings the sample district into its season, with n households' applications submitted.
func applied(t *testing.T, s *store.Store, n int) (list []models.Application, today calendar.Date) {
	t.Helper()
	ctx := context.Background()
	today = calendar.MustDate("2026-09-24")
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: sampletest.District, Name: "石景山区", City: "北京市"}))
	year, err := s.PlanYear(ctx, sampletest.District, sampletest.Year, nil)
	require.NoError(t, err)
	year.CycleID, year.WorkflowID, year.Attempt, year.Actor, year.Today = sampletest.Cycle, "cycle/"+sampletest.Cycle, 1, "user:1", calendar.MustDate("2026-06-01")
	year.RequestHash = models.RequestHash(nil, calendar.Clock{})
	require.NoError(t, s.OpenCycle(ctx, year))
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	require.NoError(t, s.EnterStage(ctx, sampletest.Cycle, models.StageApplication, models.CycleRunning, today))
	law, err := s.PolicyInForce(ctx, sampletest.District, sampletest.Year)
	require.NoError(t, err)
	for _, code := range slices.Sorted(maps.Keys(sampletest.Expected(t))) {
		c, err := s.Candidate(ctx, sampletest.Cycle, code)
		require.NoError(t, err)
		if len(law.Bars(&c, models.OriginOwn, today, today)) > 0 {
			continue
		}
		a, err := s.DraftApplication(ctx, models.Application{CycleID: sampletest.Cycle, USCC: code, Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(code)},
			models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B"}}})
		require.NoError(t, err)
		if list = append(list, a); len(list) == n {
			return list, today
		}
	}
	t.Fatalf("the sample district has only %d households that may apply", len(list))
	return nil, today
}

func TestACommandOnAnApplicationIsCarriedOutOnceAndTellsTheProcessWhatItNeeds(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		list, today := applied(t, s, 1)
		a := &activities.Applications{Store: s}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		in := activities.ActOnApplicationInput{Today: today, Command: models.ApplicationCommand{CommandID: "k", ApplicationID: list[0].ID, Event: models.EventSubmit, Actor: list[0].EnteredBy}}
		for range 2 {
			v, err := env.ExecuteActivity(a.ActOnApplication, in)
			require.NoError(t, err)
			var r activities.ApplicationStatus
			require.NoError(t, v.Get(&r))
			require.Equal(t, models.ApplicationSubmitted, r.State)
			require.Equal(t, 1, r.Events)
			require.Equal(t, calendar.MustDate("2026-10-25"), r.Due)
			require.Equal(t, []activities.ApplicationMilestone{{On: today, Event: models.EventSubmit}}, r.Steps)
		}
		in.Command.CommandID = "other"
		_, err := env.ExecuteActivity(a.ActOnApplication, in)
		var refusal *temporal.ApplicationError
		require.ErrorAs(t, err, &refusal)
		require.True(t, refusal.NonRetryable(), "what is refused is not tried again")
		require.Equal(t, string(models.CodeConflict), refusal.Type())
	})
}

func TestEveryApplicationThatChangedWithoutItsProcessIsNudgedUntilThatKnows(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		list, today := applied(t, s, 5)
		for _, a := range list[:4] { // the fifth stays a draft
			_, err := s.ActOnApplication(ctx, models.ApplicationCommand{CommandID: "k", ApplicationID: a.ID, Event: models.EventSubmit, Actor: a.EnteredBy}, today)
			require.NoError(t, err)
		}
		var mu sync.Mutex
		var nudged []int64
		away := errors.New("the engine is away")
		a := &activities.Applications{Store: s, Nudge: func(_ context.Context, app models.Application, _ calendar.Clock) error {
			mu.Lock()
			defer mu.Unlock()
			nudged = append(nudged, app.ID)
			if len(nudged) == 2 {
				return away
			}
			return nil
		}}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		v, err := env.ExecuteActivity(a.LapseApplications, activities.LapseApplicationsInput{CycleID: sampletest.Cycle, Today: today, Actor: models.ActorSystem,
			States: []models.ApplicationState{models.ApplicationDraft, models.ApplicationSubmitted}})
		require.NoError(t, err)
		var lapsed int
		require.NoError(t, v.Get(&lapsed))
		require.Equal(t, 5, lapsed)

		nudge := func() (n int, err error) {
			v, err := env.ExecuteActivity(a.NudgeApplications, activities.NudgeApplicationsInput{CycleID: sampletest.Cycle})
			if err == nil {
				err = v.Get(&n)
			}
			return n, err
		}
		_, err = nudge()
		require.ErrorContains(t, err, away.Error(), "the engine tries again")
		nudged = append(nudged[:0], 0, 0) // no more failures
		n, err := nudge()
		require.NoError(t, err)
		require.Equal(t, 4, n, "a draft has no process")
		for i, app := range list[:4] {
			v, err := env.ExecuteActivity(a.ReadApplication, activities.ReadApplicationInput{ApplicationID: app.ID})
			require.NoError(t, err)
			var r activities.ApplicationStatus
			require.NoError(t, v.Get(&r))
			require.Equal(t, models.ApplicationLapsed, r.State)
			require.Len(t, r.Steps, 2)
			n, err := nudge()
			require.NoError(t, err)
			require.Equal(t, 3-i, n)
		}
	})
}
