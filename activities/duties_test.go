package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAYearWithoutDutiesGetsThemInTheMorningAndDepartmentsAreRemindedAndReported(t *testing.T) { // R23
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		m := newMorning(t, s, calendar.Clock{})
		n, err := s.PlanYear(ctx, shijingshan, 2027, nil)
		require.NoError(t, err)
		n.CycleID, n.WorkflowID, n.Attempt, n.Actor, n.Today, n.Duties = "110107-2027", "cycle/110107-2027", 1, "user:1", calendar.MustDate("2027-06-01"), nil
		require.NoError(t, s.OpenCycle(ctx, n))
		duties := func() int {
			list, err := s.Duties(ctx, store.DutyFilter{CycleID: n.CycleID}, store.ObligationCursor{}, 1000)
			require.NoError(t, err)
			return len(list)
		}
		require.Zero(t, duties())
		m.run("", "2027-06-02")
		opened := duties()
		require.Greater(t, opened, 50)
		m.run("", "2027-06-03")
		require.Equal(t, opened, duties(), "once")

		m.run("", "2027-08-16") // thirty days before 15 September
		digest := m.mails("2027-08-16")["tax1@example.cn digest"]
		for _, want := range []string{"出台并完善“名特优新”培育措施（2027年）", "2027年9月15日", "二(二)5", "办理方式：上传材料，反馈办理情况、完成日期和惠及户数。", "报区市场监管局督办"} {
			require.Contains(t, digest.Text, want)
		}
		m.run("", "2027-09-16")
		escalation := m.mails("2027-09-16")["admin@example.cn escalation"]
		require.Contains(t, escalation.Text, "〔区税务局〕出台并完善“名特优新”培育措施（2027年）")
		require.Contains(t, escalation.Text, "可就该事项发出督办")
		require.NotContains(t, escalation.Text, "问情服务", "which nobody owes yet")
		m.run("", "2027-10-01")
		require.Contains(t, m.mails("2027-10-01")["admin@example.cn escalation"].Text, "〔区私营个体经济协会〕开展“问情服务”活动（2027年第1次）", "by its name, although the district has not entered it")

		// once its year is done, what a department owes goes on
		require.NoError(t, s.EnterStage(ctx, n.CycleID, models.StageDone, models.CycleDone, calendar.MustDate("2028-01-04")))
		m.run("", "2028-03-31")
		require.Contains(t, m.mails("2028-03-31")["tax1@example.cn digest"].Text, "表彰奖励优秀个体工商户（2027年）")
		require.Equal(t, opened, duties())
	})
}
