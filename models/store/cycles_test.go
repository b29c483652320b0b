package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func openedCycle(t *testing.T, s *store.Store) models.NewCycle {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
	n, err := s.PlanYear(ctx, "110107", 2026, nil)
	require.NoError(t, err)
	n.CycleID, n.WorkflowID, n.Attempt, n.Actor, n.Today = "110107-2026", "cycle/110107-2026", 1, "user:1", calendar.MustDate("2026-06-01")
	n.RequestHash = models.RequestHash(nil, calendar.Clock{})
	require.NoError(t, s.OpenCycle(ctx, n))
	return n
}

func TestACycleIsOpenedOnceWithWhatEverybodyOwes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		n := openedCycle(t, s)
		require.NoError(t, s.OpenCycle(ctx, n), "a second try writes nothing and fails not")
		owed, err := s.OpenObligations(ctx, n.CycleID)
		require.NoError(t, err)
		due := map[string]calendar.Date{}
		for _, o := range owed {
			due[string(o.Kind)+"/"+o.Subject] = o.Due
		}
		require.Equal(t, calendar.MustDate("2026-06-30"), due["delivery/tax"])
		require.Equal(t, calendar.MustDate("2026-07-15"), due["delivery/city_tiering"])
		require.Equal(t, calendar.MustDate("2026-08-15"), due["handover/"])
		require.Equal(t, calendar.MustDate("2026-09-30"), due["standards/"])
		events, err := s.CycleEvents(ctx, n.CycleID)
		require.NoError(t, err)
		require.Len(t, events, 1)
	})
}

func TestReschedulingMovesWhatIsOwedOnceAndKeepsWhoWhenWhy(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		n := openedCycle(t, s)
		reason, err := s.AddReason(ctx, "user:1", "市局推迟时间节点")
		require.NoError(t, err)
		changes := map[calendar.PlanKey]calendar.Date{calendar.PlanDataDue: calendar.MustDate("2026-07-03"), calendar.PlanTiering: calendar.MustDate("2026-07-06")}
		for range 2 {
			require.NoError(t, s.Reschedule(ctx, n.CycleID, "k1", changes, reason, "user:1"))
		}
		c, err := s.Cycle(ctx, n.CycleID)
		require.NoError(t, err)
		require.Equal(t, calendar.MustDate("2026-07-06"), c.Plan[calendar.PlanTiering])
		owed, err := s.OpenObligations(ctx, n.CycleID)
		require.NoError(t, err)
		for _, o := range owed {
			if o.Kind == models.ObligationDelivery && o.Subject == "tax" {
				require.Equal(t, calendar.MustDate("2026-07-03"), o.Due)
			}
			if o.Subject == "city_tiering" {
				require.Equal(t, calendar.MustDate("2026-07-15"), o.Due, "it follows another date")
			}
		}
		err = s.Reschedule(ctx, n.CycleID, "k2", map[calendar.PlanKey]calendar.Date{calendar.PlanTiering: calendar.MustDate("2026-05-01")}, reason, "user:1")
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "an impossible order of dates is refused")
	})
}

func TestGoingOnWithoutDataStaysOnRecordAndTheEndClosesWhatIsOwed(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		n := openedCycle(t, s)
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "tax", Name: "区税务局"}))
		today := calendar.MustDate("2026-07-01")
		missing, err := s.NoteDeliveries(ctx, n.CycleID, today)
		require.NoError(t, err)
		require.Contains(t, missing, "交付税务数据（2026年）（区税务局，2026年6月30日前）")
		require.NotContains(t, strings.Join(missing, "、"), "市级分型结果", "tiering does not wait for the city")
		reason, err := s.AddReason(ctx, "user:1", "税务系统升级，先行判定")
		require.NoError(t, err)
		require.NoError(t, s.WaiveMissing(ctx, n.CycleID, today, reason, "user:1"))
		missing, err = s.NoteDeliveries(ctx, n.CycleID, today)
		require.NoError(t, err)
		require.Empty(t, missing)
		require.NoError(t, s.EnterStage(ctx, n.CycleID, models.StageStudy, models.CycleCancelled, today))
		owed, err := s.OpenObligations(ctx, n.CycleID)
		require.NoError(t, err)
		require.Empty(t, owed)
	})
}
