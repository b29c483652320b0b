package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const hrss = models.Actor("user:77")

// helped is the sample district with published tiers, and its Growth households that the registry can reach.
func helped(t *testing.T, s *store.Store) (law store.PolicyVersion, growth []store.Entitled) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: sampletest.District, Name: "石景山区", City: "北京市"}))
	n, err := s.PlanYear(ctx, sampletest.District, sampletest.Year, nil)
	require.NoError(t, err)
	n.CycleID, n.Attempt, n.Actor, n.Today = sampletest.Cycle, 1, models.ActorConsole, calendar.MustDate("2026-06-01")
	require.NoError(t, s.OpenCycle(ctx, n))
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	publish(t, s, "2026-07-26")
	for code, name := range map[string]string{models.BureauCode: "区市场监管局", "hrss": "区人力资源社会保障局"} {
		require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: sampletest.District, Code: code, Name: name, Email: code + "@bm.example.cn"}))
	}
	law, err = s.PolicyByID(ctx, n.PolicyID)
	require.NoError(t, err)
	m, _, err := law.Measure("附二(二)2", 1)
	require.NoError(t, err)
	all, err := s.MeasureHouseholds(ctx, store.MeasureQuery{CycleID: sampletest.Cycle, District: sampletest.District, Year: sampletest.Year, Today: n.Today, Measure: m, Part: 1, Limit: 1000})
	require.NoError(t, err)
	for _, e := range all {
		if e.Email != "" {
			growth = append(growth, e)
		}
	}
	require.NotEmpty(t, growth)
	return law, growth
}

// roundOn makes the morning round of a date.
func roundOn(t *testing.T, a *activities.Rounds, on string) activities.RunRoundResult {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	v, err := env.ExecuteActivity(a.RunRound, activities.RunRoundInput{District: sampletest.District, Today: calendar.MustDate(on)})
	require.NoError(t, err)
	var r activities.RunRoundResult
	require.NoError(t, v.Get(&r))
	return r
}

// written gives the mails of a kind, whole.
func written(t *testing.T, s *store.Store, kind models.MailKind) (list []models.Mail) {
	t.Helper()
	mails, err := s.Mails(context.Background(), store.MailFilter{}, 0, 1000)
	require.NoError(t, err)
	for _, m := range mails {
		if m.Kind == kind {
			whole, err := s.Mail(context.Background(), m.ID)
			require.NoError(t, err)
			list = append(list, whole)
		}
	}
	return list
}

func TestWhatIsPromisedAndNotGivenIsRemindedAndEscalated(t *testing.T) { // R16, also after the year's work is done
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, growth := helped(t, s)
		h, err := s.ActOnHelp(ctx, models.HelpCommand{CommandID: "p", Event: models.HelpPromise, Actor: hrss, CycleID: sampletest.Cycle, USCC: growth[0].USCC, Clause: "附二(二)2", Part: 1,
			Department: "hrss", On: calendar.MustDate("2027-01-18")}, calendar.MustDate("2026-12-01"), nil)
		require.NoError(t, err)
		others, err := s.OpenObligations(ctx, sampletest.Cycle)
		require.NoError(t, err)
		for _, o := range others {
			if o.Kind != models.ObligationHelp {
				require.NoError(t, s.FulfilObligation(ctx, o.CycleID, o.Kind, o.Subject, o.Owner, o.Due, models.ActorSystem))
			}
		}
		require.NoError(t, s.EnterStage(ctx, sampletest.Cycle, models.StageDone, models.CycleDone, calendar.MustDate("2026-12-05")))
		a := &activities.Rounds{Store: s, Letters: &activities.Letters{Store: s}}
		roundOn(t, a, "2027-01-08")
		require.Empty(t, written(t, s, models.MailDigest), "ten days before nothing is due to be said")
		roundOn(t, a, "2027-01-11")
		digests := written(t, s, models.MailDigest)
		require.Len(t, digests, 1)
		require.Equal(t, "hrss@bm.example.cn", digests[0].Recipient)
		for _, want := range []string{"兑现帮扶承诺（" + h.Number() + "）：推动自愿参保", "附二(二)2", "2027年1月18日", "在帮扶列表中答复申请"} {
			require.Contains(t, digests[0].Text, want)
		}
		require.NotContains(t, digests[0].Text, growth[0].Name)
		require.Empty(t, written(t, s, models.MailEscalation))
		roundOn(t, a, "2027-01-19")
		escalations := written(t, s, models.MailEscalation)
		require.Len(t, escalations, 1, "the day after, the bureau learns of it")
		require.Contains(t, escalations[0].Text, "区人力资源社会保障局")
		require.Contains(t, escalations[0].Text, h.Number())
	})
}

func TestANoticeOfHelpNamesItsMeasureAndADiedSenderGoesOn(t *testing.T) { // 附二: 主动提供
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		_, growth := helped(t, s)
		n, err := s.AddHelpNotice(ctx, models.HelpNotice{CycleID: sampletest.Cycle, Kind: models.NoticeTraining, Clause: "附二(二)2", Part: 1, Department: "hrss", Subject: "参保政策宣讲",
			Body: "周五上门宣讲。\n\n<b>免费</b>", OnDate: calendar.MustDate("2026-09-01"), EventOn: calendar.MustDate("2026-09-04"), ByActor: hrss, CommandID: "c"})
		require.NoError(t, err)
		var taken []int64
		rounds := &activities.Rounds{Store: s, Letters: &activities.Letters{Store: s}, Notify: func(_ context.Context, n models.HelpNotice) error {
			taken = append(taken, n.ID)
			return nil
		}}
		roundOn(t, rounds, "2026-09-02")
		require.Equal(t, []int64{n.ID}, taken, "a notice whose process nobody started is taken up in the morning")

		woken := 0
		a := &activities.HelpNotices{Store: s, Letters: &activities.Letters{Store: s, PublicURL: "https://b.example.cn/", Wake: func(context.Context) error {
			if woken++; woken == 1 {
				return errors.New("the engine is away")
			}
			return nil
		}}}
		send := func() (r activities.HelpNoticeResult, err error) {
			env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
			env.RegisterActivity(a)
			v, err := env.ExecuteActivity(a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: n.ID})
			if err == nil {
				err = v.Get(&r)
			}
			return r, err
		}
		_, err = send()
		require.Error(t, err)
		r, err := send()
		require.NoError(t, err)
		require.Equal(t, len(growth), r.Mailed)
		mails := written(t, s, models.MailHelpNotice)
		require.Len(t, mails, len(growth), "each household once, whatever died between")
		for _, want := range []string{"周五上门宣讲。", "区人力资源社会保障局", "推动自愿参保（附二(二)2）", "主动提供，无须申请，全年", "2026年9月4日", "https://b.example.cn/public/access"} {
			require.Contains(t, mails[0].Text, want)
		}
		require.Contains(t, mails[0].HTML, "&lt;b&gt;免费&lt;/b&gt;", "what an officer types is text")
		taken = nil
		roundOn(t, rounds, "2026-09-03")
		require.Empty(t, taken)
	})
}

func TestEachHouseholdIsToldItsOwnMeasuresAndFromWhom(t *testing.T) { // R16: what can I get, and from whom
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		law, growth := helped(t, s)
		n, err := s.AddHelpNotice(ctx, models.HelpNotice{CycleID: sampletest.Cycle, Kind: models.NoticeOwn, Department: models.BureauCode, Subject: "您可以享受的帮扶", Body: "各项帮扶如下。",
			OnDate: calendar.MustDate("2026-09-01"), ByActor: hrss, CommandID: "own"})
		require.NoError(t, err)
		a := &activities.HelpNotices{Store: s, Letters: &activities.Letters{Store: s}}
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(a)
		_, err = env.ExecuteActivity(a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: n.ID})
		require.NoError(t, err)
		found := false
		for _, m := range written(t, s, models.MailHelpNotice) {
			if m.Recipient != growth[0].Email {
				continue
			}
			found = true
			for _, measure := range law.MeasuresFor(models.Growth, "") {
				for _, part := range measure.Parts {
					require.Contains(t, m.Text, part.Words())
				}
			}
			require.NotContains(t, m.Text, "优化登记、许可服务", "another tier's are not its own")
		}
		require.True(t, found)
	})
}

func TestTheLettersAboutHelpReachWhomTheyConcern(t *testing.T) {
	law, err := policy.Load(policy.Default("110107", 2026))
	require.NoError(t, err)
	h := models.Help{ID: 3, District: "110107", CycleID: "110107-2026", Year: 2026, USCC: "92110107MA3AGYGLUW", Name: "某店", Clause: "附二(二)1", Part: 2, Department: "hrss",
		Due: calendar.MustDate("2026-09-15"), DeliveredOn: calendar.MustDate("2026-09-10")}
	w := activities.HelpLetters{District: models.District{Code: "110107", Name: "石景山区"}, PublicURL: "https://b.example.cn", Policy: law, Department: "区人力资源社会保障局",
		Officers: []string{"hrss@bm.example.cn"}, Household: func(string) string { return "shop@example.cn" }, Reason: "不符合条件"}
	operator := models.HouseholdActor(h.USCC)
	for _, c := range []struct {
		event   models.HelpEvent
		actor   models.Actor
		to      string
		subject string
		text    []string
	}{
		{models.HelpRequest, operator, "hrss@bm.example.cn", "【帮扶】有经营者申请帮扶", []string{"“某店”", "2026年9月15日", "https://b.example.cn/docs"}},
		{models.HelpPromise, hrss, "shop@example.cn", "【帮扶】帮扶已承诺", []string{"2026年9月15日", "不收取任何费用", "https://b.example.cn/public/access"}},
		{models.HelpPostpone, hrss, "shop@example.cn", "【帮扶】帮扶兑现日期调整", []string{"2026年9月15日", "不符合条件"}},
		{models.HelpDeliver, hrss, "shop@example.cn", "【帮扶】帮扶已兑现", []string{"2026年9月10日", "与事实不符的"}},
		{models.HelpDecline, hrss, "shop@example.cn", "【帮扶】帮扶申请未予办理", []string{"不符合条件", "附二(二)1"}},
		{models.HelpWithdraw, hrss, "shop@example.cn", "【帮扶】帮扶承诺撤回", []string{"不符合条件"}},
		{models.HelpWithdraw, operator, "hrss@bm.example.cn", "【帮扶】经营者撤回帮扶申请", []string{"无须再答复"}},
		{models.HelpRefuse, operator, "hrss@bm.example.cn", "【帮扶】经营者谢绝帮扶", []string{"无须再兑现"}},
	} {
		mails, err := w.Write(h, models.HelpStep{Seq: 2, Event: c.event, OnDate: calendar.MustDate("2026-09-01"), Actor: c.actor})
		require.NoError(t, err, c.event)
		require.Len(t, mails, 1, c.event)
		require.Equal(t, c.to, mails[0].Recipient)
		require.Equal(t, c.subject, mails[0].Subject)
		require.Equal(t, "help/3/2", mails[0].Key)
		for _, want := range append(c.text, h.Number(), "岗位补贴和社会保险补贴") {
			require.Contains(t, mails[0].Text, want, c.event)
		}
	}
	w.Household, w.Officers = func(string) string { return "" }, nil
	for _, e := range models.HelpEvents {
		for _, actor := range []models.Actor{operator, hrss} {
			mails, err := w.Write(h, models.HelpStep{Event: e, OnDate: 1, Actor: actor})
			require.NoError(t, err)
			require.Empty(t, mails, "who has no address gets no letter")
		}
	}
}
