package activities_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const shijingshan = "110107"

// morning is a district with its people and one cycle, and the morning round over it.
type morning struct {
	t     *testing.T
	s     *store.Store
	cycle string
	woken int
}

func newMorning(t *testing.T, s *store.Store, clock calendar.Clock) *morning {
	t.Helper()
	ctx := context.Background()
	m := &morning{t: t, s: s}
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: shijingshan, Name: "石景山区", City: "北京市"}))
	for code, name := range map[string]string{models.BureauCode: "区市场监管局", "swj": "区税务局", "rsj": "区人力社保局", "zscq": "区知识产权局"} {
		email := ""
		if code == "rsj" {
			email = "rsj@example.cn"
		}
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: shijingshan, Code: code, Name: name, Email: email}))
	}
	for _, u := range []models.User{
		{Email: "admin@example.cn", Name: "管理员", Role: models.RoleAdmin, District: shijingshan},
		{Email: "tax1@example.cn", Name: "甲", Role: models.RoleDepartment, District: shijingshan, Department: "swj"},
		{Email: "tax2@example.cn", Name: "乙", Role: models.RoleDepartment, District: shijingshan, Department: "swj"},
		{Email: "left@example.cn", Name: "丙", Role: models.RoleDepartment, District: shijingshan, Department: "swj"},
		{Email: "auditor@example.cn", Name: "审计", Role: models.RoleAuditor, District: shijingshan},
	} {
		made, err := s.AddUser(ctx, models.ActorConsole, u, "")
		require.NoError(t, err)
		if u.Email == "left@example.cn" {
			require.NoError(t, s.DisableUser(ctx, models.ActorConsole, made.ID, true))
		}
	}
	n, err := s.PlanYear(ctx, shijingshan, 2026, nil)
	require.NoError(t, err)
	n.CycleID, n.WorkflowID, n.Attempt, n.Actor, n.Today, n.Clock = "110107-2026", "cycle/110107-2026", 1, "user:1", calendar.MustDate("2026-06-01"), clock
	n.Duties = slices.DeleteFunc(n.Duties, func(o models.Obligation) bool { return o.Kind != models.ObligationDuty })
	require.NoError(t, s.OpenCycle(ctx, n))
	for _, o := range n.Duties { // done: no morning opens them again or speaks of them
		require.NoError(t, s.FulfilObligation(ctx, o.CycleID, o.Kind, o.Subject, o.Owner, n.Today, "user:1"))
	}
	m.cycle = n.CycleID
	return m
}

func (m *morning) owe(owner, subject, due string) {
	m.t.Helper()
	require.NoError(m.t, m.s.OpenObligation(context.Background(), models.Obligation{CycleID: m.cycle, District: shijingshan, Kind: models.ObligationDelivery,
		Subject: subject, Owner: owner, Title: "交付" + subject + "数据", Clause: "二(一)2", Due: calendar.MustDate(due), OpenedOn: calendar.MustDate("2026-06-01")}))
}

// run makes the round of one date as one try of the activity.
func (m *morning) run(cycle, today string) activities.RunRoundResult {
	m.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	a := &activities.Rounds{Store: m.s, Letters: &activities.Letters{Store: m.s, PublicURL: "http://127.0.0.1:8080/", Wake: func(context.Context) error { m.woken++; return nil }}}
	env.RegisterActivity(a)
	v, err := env.ExecuteActivity(a.RunRound, activities.RunRoundInput{District: shijingshan, CycleID: cycle, Today: calendar.MustDate(today)})
	require.NoError(m.t, err)
	var r activities.RunRoundResult
	require.NoError(m.t, v.Get(&r))
	return r
}

// mails are those of a date, whole, by recipient and kind.
func (m *morning) mails(on string) map[string]models.Mail {
	m.t.Helper()
	list, err := m.s.Mails(context.Background(), store.MailFilter{}, 0, 1000)
	require.NoError(m.t, err)
	found := map[string]models.Mail{}
	for _, x := range list {
		if x.OnDate.String() == on {
			whole, err := m.s.Mail(context.Background(), x.ID)
			require.NoError(m.t, err)
			found[fmt.Sprintf("%s %s", x.Recipient, x.Kind)] = whole
		}
	}
	return found
}

func keys(m map[string]models.Mail) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}

func TestEachPersonGetsOneDigestOfWhatTheirDepartmentOwes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		m := newMorning(t, s, calendar.Clock{})
		m.owe("swj", "tax", "2026-06-30")
		m.owe("swj", "other", "2026-07-03")
		m.owe("swj", "far", "2026-12-31")
		m.owe("rsj", "social_security", "2026-06-30")
		m.owe("zscq", "ip", "2026-06-30")
		r := m.run("", "2026-06-23")
		require.Equal(t, activities.RunRoundResult{Reminded: 4, Mails: 4, Unreachable: 1}, r)
		require.Equal(t, 1, m.woken)
		mails := m.mails("2026-06-23")
		require.ElementsMatch(t, []string{"tax1@example.cn digest", "tax2@example.cn digest", "rsj@example.cn digest", "admin@example.cn digest"}, keys(mails))

		tax := mails["tax1@example.cn digest"]
		require.Equal(t, "【帮扶】2 项工作待完成，最早2026年6月30日到期", tax.Subject)
		for _, body := range []string{tax.HTML, tax.Text} {
			for _, want := range []string{"石景山区", "区税务局", "交付tax数据", "2026年6月30日", "还有 5 个工作日", "二(一)2", "2026年7月1日仍未完成的，报区市场监管局督办", "http://127.0.0.1:8080/docs", "来源代码 tax"} {
				require.Contains(t, body, want)
			}
			require.NotContains(t, body, "交付far数据")
			require.NotContains(t, body, "演练")
		}
		bureau := mails["admin@example.cn digest"].Text
		require.Contains(t, bureau, "〔区知识产权局〕交付ip数据")
		require.Contains(t, bureau, "区知识产权局没有登记联系人和邮箱", "whom nobody can reach, the bureau must tell")
	})
}

func TestTheLadderIsClimbedOnceAStepAndARoundAfterTwoDaysDownMakesGoodOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		m := newMorning(t, s, calendar.Clock{})
		m.owe("rsj", "social_security", "2026-06-30")
		require.Zero(t, m.run("", "2026-06-15").Mails, "fifteen days before is too early")
		require.Equal(t, 1, m.run("", "2026-06-16").Reminded)
		require.Zero(t, m.run("", "2026-06-16").Mails, "a repeated round says nothing twice")
		require.Zero(t, m.run("", "2026-06-17").Mails)
		require.Equal(t, 1, m.run("", "2026-06-25").Reminded, "the step of the 23rd, two days late")
		require.Zero(t, m.run("", "2026-06-26").Mails)
		require.Equal(t, 1, m.run("", "2026-06-30").Reminded, "the steps of the 27th, 29th and 30th are one mail")
		require.Contains(t, m.mails("2026-06-30")["rsj@example.cn digest"].Text, "今天到期")

		after := m.run("", "2026-07-01")
		require.Equal(t, activities.RunRoundResult{Reminded: 1, Escalated: 1, Mails: 2}, after)
		escalation := m.mails("2026-07-01")["admin@example.cn escalation"]
		require.Contains(t, escalation.Text, "〔区人力社保局〕交付social_security数据")
		require.Contains(t, escalation.Text, "已逾期 1 个工作日")
		require.Zero(t, m.run("", "2026-07-01").Mails)
		require.Zero(t, m.run("", "2026-07-02").Escalated, "the bureau is told once")

		require.NoError(t, s.FulfilObligation(context.Background(), m.cycle, models.ObligationDelivery, "social_security", "rsj", calendar.MustDate("2026-07-02"), "user:3"))
		require.Zero(t, m.run("", "2026-07-09").Mails, "what is done is not spoken of")
	})
}

func TestAPausedCycleIsSilentAndARehearsalSpeaksOnlyInItsOwnRound(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		m := newMorning(t, s, calendar.Clock{Start: calendar.MustDate("2026-06-20"), DaysPerSecond: 2, Origin: time.Now()})
		m.owe("rsj", "social_security", "2026-06-30")
		require.Zero(t, m.run("", "2026-06-29").Mails, "the district's real round leaves a rehearsal alone")
		command := func(state models.CycleState, id string) {
			require.NoError(t, s.RecordCommand(ctx, store.CycleCommand{CycleID: m.cycle, CommandID: id, Command: models.CommandPause, Stage: models.StageCollection,
				State: state, Today: calendar.MustDate("2026-06-22"), Actor: "user:1"}))
		}
		command(models.CyclePaused, "1")
		require.Zero(t, m.run(m.cycle, "2026-06-23").Mails)
		command(models.CycleRunning, "2")
		require.Equal(t, 1, m.run(m.cycle, "2026-06-24").Mails)
		mail := m.mails("2026-06-24")["rsj@example.cn digest"]
		require.True(t, strings.HasPrefix(mail.Subject, "【演练】"), mail.Subject)
		require.Contains(t, mail.HTML, "演练邮件")
		require.NoError(t, s.EnterStage(ctx, m.cycle, models.StageCollection, models.CycleCancelled, calendar.MustDate("2026-06-25")))
		require.True(t, m.run(m.cycle, "2026-06-26").Ended)
		owed, err := s.OpenObligations(ctx, m.cycle)
		require.NoError(t, err)
		require.Empty(t, owed)
	})
}

func TestARoundOverManyPagesIsOneDigest(t *testing.T) {
	s, err := store.Open(context.Background(), storetest.SQLite(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	m := newMorning(t, s, calendar.Clock{})
	const n = 5000 // per department; several pages
	for i := range n {
		m.owe("rsj", fmt.Sprintf("s%05d", i), "2026-06-29")
	}
	r := m.run("", "2026-06-30")
	require.Equal(t, activities.RunRoundResult{Reminded: n, Escalated: n, Mails: 2}, r)
	text := m.mails("2026-06-30")["rsj@example.cn digest"].Text
	require.Contains(t, text, "以下 5000 项")
	require.Contains(t, text, "另有 4900 项")
	require.Zero(t, m.run("", "2026-06-30").Mails)
}

func TestEveryLetterIsReadableAndTellsWhatItMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		m := newMorning(t, s, calendar.Clock{})
		m.owe("rsj", "social_security", "2026-06-30")
		a := &activities.Letters{Store: s}
		today := calendar.MustDate("2026-06-01")
		for range 2 {
			require.NoError(t, a.AnnounceStart(ctx, activities.AnnounceInput{CycleID: m.cycle, Today: today}))
			reason, err := s.AddReason(ctx, "user:1", "市局推迟<时间>节点")
			require.NoError(t, err)
			require.NoError(t, a.AnnouncePlan(ctx, activities.AnnouncePlanInput{CycleID: m.cycle, CommandID: "c1", Today: today, Before: calendar.DefaultPlan(2026),
				Changes: map[calendar.PlanKey]calendar.Date{calendar.PlanDataDue: calendar.MustDate("2026-07-01")}, ReasonID: reason}))
			require.NoError(t, a.ReportFailure(ctx, activities.FailureInput{District: shijingshan, CycleID: m.cycle, Source: models.SourceSocialSecurity, Owner: "rsj",
				Since: calendar.MustDate("2026-05-30"), Today: today, Problem: "对方返回 503"}))
		}
		mails := m.mails("2026-06-01")
		require.ElementsMatch(t, []string{
			"rsj@example.cn cycle_started", "admin@example.cn cycle_started", "rsj@example.cn plan_changed", "admin@example.cn plan_changed",
			"rsj@example.cn connection", "admin@example.cn connection",
		}, keys(mails))
		started, changed, failing := mails["rsj@example.cn cycle_started"], mails["rsj@example.cn plan_changed"], mails["rsj@example.cn connection"]
		require.Contains(t, started.Text, "交付social_security数据")
		require.Contains(t, started.Text, "2026年7月1日  分型判定日")
		require.Contains(t, changed.Text, "2026年7月1日  各部门交数截止（原 2026年6月30日）")
		require.Contains(t, changed.HTML, "市局推迟&lt;时间&gt;节点")
		require.Contains(t, failing.Text, "对方返回 503")
		for k, x := range mails {
			require.Less(t, len([]rune(x.Subject)), 80, k)
			require.NotRegexp(t, `(?i)<img|<script|src=|@import|<link`, x.HTML, "nothing from outside: "+k)
			require.Contains(t, x.HTML, "width=device-width", k)
		}
	})
}

func TestHouseholdsPersonsTheCityAndTheAdministratorsAreRemindedAtTheirOwnAddresses(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		m := newMorning(t, s, calendar.Clock{})
		_, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "city@example.cn", Name: "市局", Role: models.RoleCity}, "")
		require.NoError(t, err)
		officer, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: "officer@example.cn", Name: "审核员", Role: models.RoleDepartment, District: shijingshan, Department: models.BureauCode}, "")
		require.NoError(t, err)
		owe := func(kind models.ObligationKind, owner models.OwnerKind, whom, title string) {
			require.NoError(t, s.OpenObligation(ctx, models.Obligation{CycleID: m.cycle, District: shijingshan, Kind: kind, Subject: "case/1", OwnerKind: owner, Owner: whom,
				Title: title, Clause: "附三(二)2", Due: calendar.MustDate("2026-06-24"), OpenedOn: calendar.MustDate("2026-06-01")}))
		}
		owe(models.ObligationReview, models.OwnerUser, string(officer.Actor()), "审核一件")
		owe(models.ObligationCityCheck, models.OwnerCity, models.CityCode, "抽查意见")
		owe(models.ObligationComplaint, models.OwnerAdmins, models.AdminsCode, "处理投诉")
		owe(models.ObligationConsent, models.OwnerHousehold, "92110107MA3AGYGLUW", "答复推荐") // not in any registry delivery: the bureau must tell
		r := m.run("", "2026-06-23")
		require.Equal(t, 4, r.Reminded)
		require.Equal(t, 1, r.Unreachable)
		list, err := s.Mails(ctx, store.MailFilter{}, 0, 1000)
		require.NoError(t, err)
		told := map[string]string{} // by recipient
		for _, x := range list {
			mail, err := s.Mail(ctx, x.ID)
			require.NoError(t, err)
			told[mail.Recipient] += mail.Text
		}
		require.Contains(t, told["officer@example.cn"], "审核一件")
		require.Contains(t, told["city@example.cn"], "抽查意见")
		require.Contains(t, told["admin@example.cn"], "答复推荐")
		for address, text := range told {
			require.Equal(t, address == "admin@example.cn", strings.Contains(text, "处理投诉"), "%s: a complaint is the administrators' alone", address)
		}
	})
}
