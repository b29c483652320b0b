package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// The households of these tests, in the order of their codes.
const (
	growing    = "92110107GROW000001"
	growing2   = "92110107GROW000002" // without an address
	ineligible = "92110107NONE000003"
	renowned   = "92110107SURV000004" // 生存型, certified in 2025 as 知名
	developing = "92110107TOPS000005"
)

var (
	helpDay = calendar.MustDate("2026-09-01")
	hrss    = models.Actor("user:7")
)

// helpYear is a year whose tiers are published, with five households.
func helpYear(t *testing.T, s *store.Store) {
	t.Helper()
	openedCycle(t, s)
	exec := func(query string, args ...any) {
		_, err := s.SQL().ExecContext(context.Background(), query, args...)
		require.NoError(t, err)
	}
	for i, h := range []struct {
		uscc, street, email string
		tier                models.Tier
	}{{growing, "八角街道", "a@example.com", models.Growth}, {growing2, "鲁谷街道", "", models.Growth}, {ineligible, "八角街道", "c@example.com", models.Ineligible},
		{renowned, "八角街道", "d@example.com", models.Survival}, {developing, "鲁谷街道", "e@example.com", models.Development}} {
		name := fmt.Sprintf("第%d店", i+1)
		exec("INSERT INTO published_tiers (district, year, uscc, name, tier, run_id, published_on) VALUES ('110107', 2026, ?, ?, ?, 1, '2026-07-26')", h.uscc, name, h.tier)
		exec("INSERT INTO src_registry (district, year, uscc, name, operator, founded, status, street, email, phone) VALUES ('110107', 2026, ?, ?, '某人', '2015-01-01', '存续', ?, ?, '13800000000')",
			h.uscc, name, h.street, h.email)
	}
	exec("INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at) VALUES ('110107-2025', 1, 100, 0, 10000, 1, 0, 1, 1, '2025-10-26', ?)", time.Now().UTC())
	exec("INSERT INTO place_seats (cycle_id, seat, places, application_id) VALUES ('110107-2025', 1, 1, 1)")
	exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, live, benefits_from, policy_id, policy_hash, run_id, program, at)
		VALUES ('110107-2025-MTYX-0001', '110107-2025', 1, 1, '110107', 2025, ?, '第4店', 1, 'renowned', '2025-11-20', '2028-11-19', 'valid', 1, '2026-01-01', 1, '', 1, 'test', ?)`, renowned, time.Now().UTC())
	for code, name := range map[string]string{"hrss": "区人力资源社会保障局", "bxy": "区银行保险产业园管理委员会", "scjg": "区市场监管局", "wlj": "区文化和旅游局"} {
		require.NoError(t, s.SetDepartment(context.Background(), models.ActorConsole, models.Department{District: "110107", Code: code, Name: name}))
	}
}

// help is a command on a household's help under 附二(二)1, part 2: 岗位补贴和社会保险补贴.
func help(event models.HelpEvent, command, uscc string) models.HelpCommand {
	c := models.HelpCommand{CommandID: command, Event: event, Actor: hrss, CycleID: "110107-2026", USCC: uscc, Clause: "附二(二)1", Part: 2, Department: "hrss"}
	if event == models.HelpRequest {
		c.Actor = models.HouseholdActor(uscc)
	}
	return c
}

// owedHelp is what a department owes for help.
func owedHelp(t *testing.T, s *store.Store, id int64) models.Obligation {
	t.Helper()
	list, err := s.Obligations(context.Background(), store.ObligationFilter{CycleID: "110107-2026", Kind: models.ObligationHelp}, store.ObligationCursor{}, 100)
	require.NoError(t, err)
	for _, o := range list {
		if o.Subject == models.HelpObject(id) {
			return o
		}
	}
	return models.Obligation{}
}

func TestWhatIsAskedForIsOwedUntilItIsAnsweredAndWhatIsPromisedUntilItIsGiven(t *testing.T) { // 附二
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		var told []models.HelpEvent
		letters := func(h models.Help, step models.HelpStep) ([]models.Message, error) {
			told = append(told, step.Event)
			return []models.Message{{District: h.District, CycleID: h.CycleID, Kind: models.MailHelp, Recipient: "x@example.com", OnDate: step.OnDate, Subject: "s",
				Key: fmt.Sprintf("%s/%d", models.HelpObject(h.ID), step.Seq)}}, nil
		}
		words, err := s.AddReason(ctx, models.HouseholdActor(growing), "招用了两名登记失业人员")
		require.NoError(t, err)
		ask := help(models.HelpRequest, "ask", growing)
		ask.ReasonID = words
		h, err := s.ActOnHelp(ctx, ask, helpDay, letters)
		require.NoError(t, err)
		require.Equal(t, models.HelpRequested, h.State)
		require.Equal(t, "八角街道", h.Street)
		o := owedHelp(t, s, h.ID)
		require.Equal(t, models.ObligationOpen, o.State)
		require.Equal(t, "hrss", o.Owner)
		require.Equal(t, calendar.MustDate("2026-09-15"), o.Due, "10 working days")
		require.Equal(t, "答复帮扶申请（"+h.Number()+"）：加大用工支持力度", o.Title)

		again, err := s.ActOnHelp(ctx, ask, helpDay.AddDays(3), letters)
		require.NoError(t, err)
		require.Equal(t, h.ID, again.ID, "the same request is one")
		other := ask
		other.CommandID = "ask2"
		_, err = s.ActOnHelp(ctx, other, helpDay, letters)
		require.ErrorContains(t, err, "已申请，待答复，不能申请", "one at a time")

		promise := models.HelpCommand{CommandID: "p", HelpID: h.ID, Event: models.HelpPromise, Actor: hrss, On: calendar.MustDate("2026-10-20")}
		_, err = s.ActOnHelp(ctx, promise, calendar.MustDate("2026-09-10"), letters)
		require.NoError(t, err)
		o = owedHelp(t, s, h.ID)
		require.Equal(t, models.ObligationOpen, o.State)
		require.Equal(t, calendar.MustDate("2026-10-20"), o.Due)
		require.Contains(t, o.Title, "兑现帮扶承诺")

		counts, err := s.MeasureCounts(ctx, "110107-2026", "hrss", calendar.MustDate("2026-10-21"))
		require.NoError(t, err)
		require.Equal(t, store.MeasureCounts{Promised: 1, Overdue: 1}, counts[store.MeasureKey{Clause: "附二(二)1", Part: 2}], "the day after is overdue")
		counts, err = s.MeasureCounts(ctx, "110107-2026", "hrss", calendar.MustDate("2026-10-20"))
		require.NoError(t, err)
		require.Zero(t, counts[store.MeasureKey{Clause: "附二(二)1", Part: 2}].Overdue, "the day itself is not")

		give := help(models.HelpDeliver, "g", growing) // without the number: what goes on is meant
		give.On = calendar.MustDate("2026-10-19")
		done, err := s.ActOnHelp(ctx, give, calendar.MustDate("2026-10-22"), letters)
		require.NoError(t, err)
		require.Equal(t, h.ID, done.ID)
		require.Equal(t, models.HelpDelivered, done.State)
		require.Equal(t, calendar.MustDate("2026-10-19"), done.DeliveredOn)
		require.Equal(t, models.ObligationDone, owedHelp(t, s, h.ID).State)
		again, err = s.ActOnHelp(ctx, give, calendar.MustDate("2026-10-22"), letters)
		require.NoError(t, err)
		require.Equal(t, h.ID, again.ID, "the same delivery is one")
		give.CommandID = "g2"
		_, err = s.ActOnHelp(ctx, give, calendar.MustDate("2026-10-22"), letters)
		require.ErrorContains(t, err, "2026年10月19日已登记兑现")
		give.On = calendar.MustDate("2026-10-21")
		second, err := s.ActOnHelp(ctx, give, calendar.MustDate("2026-10-22"), letters)
		require.NoError(t, err, "help can be given more than once")
		require.NotEqual(t, h.ID, second.ID)

		require.Equal(t, []models.HelpEvent{"request", "promise", "deliver", "deliver"}, told, "each event is told once")
		steps, err := s.HelpSteps(ctx, h.ID)
		require.NoError(t, err)
		require.Len(t, steps, 3)
		require.Equal(t, words, steps[0].ReasonID)
		counts, err = s.MeasureCounts(ctx, "110107-2026", "", helpDay)
		require.NoError(t, err)
		require.Equal(t, store.MeasureCounts{Served: 1, Delivered: 2}, counts[store.MeasureKey{Clause: "附二(二)1", Part: 2}])
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact, report.Reason)
	})
}

func TestHelpThatEndsWithoutBeingGivenIsOwedNoMore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		reason, err := s.AddReason(ctx, hrss, "不符合补贴条件")
		require.NoError(t, err)
		act := func(c models.HelpCommand) models.Help {
			h, err := s.ActOnHelp(ctx, c, helpDay, nil)
			require.NoError(t, err)
			return h
		}
		then := func(h models.Help, e models.HelpEvent, actor models.Actor) models.Help {
			return act(models.HelpCommand{CommandID: "end", HelpID: h.ID, Event: e, Actor: actor, ReasonID: reason})
		}
		h := then(act(help(models.HelpRequest, "1", growing)), models.HelpDecline, hrss)
		require.Equal(t, models.HelpDeclined, h.State)
		require.Equal(t, models.ObligationDone, owedHelp(t, s, h.ID).State, "an answer is an answer")
		h = then(act(help(models.HelpRequest, "2", growing)), models.HelpWithdraw, models.HouseholdActor(growing))
		require.Equal(t, models.ObligationClosed, owedHelp(t, s, h.ID).State)
		h = then(act(help(models.HelpPromise, "3", growing)), models.HelpRefuse, models.HouseholdActor(growing))
		require.Equal(t, models.HelpRefused, h.State)
		require.Equal(t, models.ObligationClosed, owedHelp(t, s, h.ID).State)
		h = act(help(models.HelpPromise, "4", growing))
		require.Equal(t, calendar.MustDate("2026-10-19"), h.Due, "30 working days where no day was given")
		h = act(models.HelpCommand{CommandID: "later", HelpID: h.ID, Event: models.HelpPostpone, Actor: hrss, ReasonID: reason, On: calendar.MustDate("2026-11-10")})
		require.Equal(t, calendar.MustDate("2026-11-10"), owedHelp(t, s, h.ID).Due)
		h = then(h, models.HelpWithdraw, hrss)
		require.Equal(t, models.ObligationClosed, owedHelp(t, s, h.ID).State)
	})
}

func TestHelpIsOnlyForWhomItsMeasureIsFor(t *testing.T) { // 附二, 附四
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		n := 0
		give := func(uscc, clause, department string, on calendar.Date) error {
			n++
			c := help(models.HelpDeliver, fmt.Sprint(n), uscc)
			c.Clause, c.Part, c.Department, c.On = clause, 1, department, on
			_, err := s.ActOnHelp(ctx, c, helpDay, nil)
			return err
		}
		require.NoError(t, give(growing, "附二(二)2", "hrss", helpDay))
		require.ErrorContains(t, give(developing, "附二(二)2", "hrss", helpDay), "适用于“成长型”个体工商户，该户的分型结果为“发展型”")
		require.ErrorContains(t, give(ineligible, "附二(一)2", "hrss", helpDay), "该户的分型结果为“不符合分型条件”")
		require.ErrorContains(t, give("92110107XXXX000009", "附二(一)2", "hrss", helpDay), "没有2026年度公布的分型结果")
		require.ErrorContains(t, give(growing, "附二(二)2", "wlj", helpDay), "不由“区文化和旅游局”负责")

		require.NoError(t, give(renowned, "附四(一)1", "wlj", helpDay), "a certified household has its category's measures")
		require.NoError(t, give(renowned, "附二(一)2", "hrss", helpDay), "and its tier's besides")
		require.NoError(t, give(renowned, "附四(一)1", "wlj", calendar.MustDate("2026-01-01")), "from 1 January")
		require.ErrorContains(t, give(renowned, "附四(一)1", "wlj", calendar.MustDate("2025-12-31")), "没有已可享受培育措施的认定", "not before")
		_, err := s.SQL().ExecContext(ctx, "UPDATE certifications SET valid_until = '2026-08-31'")
		require.NoError(t, err)
		require.ErrorContains(t, give(renowned, "附四(一)1", "wlj", calendar.MustDate("2026-09-01")), "没有已可享受", "nothing outside the validity")
		require.NoError(t, give(renowned, "附四(一)1", "wlj", calendar.MustDate("2026-08-31")), "but on its last day")
	})
}

func TestWhatWasPromisedToACertifiedHouseholdIsNotGivenAfterItsEnd(t *testing.T) { // 附三(五), 附四
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		act := func(event models.HelpEvent, command, clause, department string, on calendar.Date) (models.Help, error) {
			c := help(event, command, renowned)
			c.Clause, c.Part, c.Department, c.On = clause, 1, department, on
			return s.ActOnHelp(ctx, c, helpDay, nil)
		}
		h, err := act(models.HelpPromise, "promise", "附四(一)1", "wlj", helpDay.AddDays(30))
		require.NoError(t, err)
		_, err = act(models.HelpPromise, "tier", "附二(一)2", "hrss", helpDay.AddDays(30))
		require.NoError(t, err)
		_, err = s.SQL().ExecContext(ctx, "UPDATE certifications SET state = 'revoked', live = NULL, ended_on = '2026-08-31'")
		require.NoError(t, err)
		_, err = act(models.HelpDeliver, "late", "附四(一)1", "wlj", helpDay)
		require.ErrorContains(t, err, "没有可以享受培育措施的认定；已申请的请不予办理，已承诺的请撤回")
		r, err := s.DeliverHelpRows(ctx, "110107-2026", "wlj", hrss, "file", []store.HelpRow{{Number: 2, USCC: renowned, Clause: "附四(一)1", Part: 1, On: helpDay}}, helpDay, nil)
		require.NoError(t, err)
		require.Zero(t, r.Recorded)
		require.Len(t, r.Problems, 1, "nor by a file")
		require.Equal(t, models.ObligationOpen, owedHelp(t, s, h.ID).State)
		_, err = act(models.HelpDeliver, "before", "附四(一)1", "wlj", calendar.MustDate("2026-08-30"))
		require.NoError(t, err, "what was given while it was valid")
		_, err = act(models.HelpDeliver, "of the tier", "附二(一)2", "hrss", helpDay)
		require.NoError(t, err, "the tier's measures go on")
	})
}

func TestACollectiveNameMeansWhomTheBureauNamed(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		give := func(department, command string) error {
			c := help(models.HelpPromise, command, developing)
			c.Clause, c.Part, c.Department = "附二(三)1", 1, department
			_, err := s.ActOnHelp(ctx, c, helpDay, nil)
			return err
		}
		require.ErrorContains(t, give("hrss", "1"), "不由“区人力资源社会保障局”负责")
		require.NoError(t, give("scjg", "2"), "the bureau itself until it said who")
		c := help(models.HelpDeliver, "given", developing)
		c.Clause, c.Part, c.Department = "附二(三)1", 1, "scjg"
		_, err := s.ActOnHelp(ctx, c, helpDay, nil)
		require.NoError(t, err)
		key := store.MeasureKey{Clause: "附二(三)1", Part: 1}
		require.NoError(t, s.NameDepartments(ctx, "110107", key, []string{"hrss", "wlj"}, director, 1))
		require.NoError(t, give("hrss", "3"))
		require.NoError(t, give("wlj", "4"), "each on its own")
		require.ErrorContains(t, give("scjg", "5"), "不由“区市场监管局”负责")
		require.ErrorContains(t, s.NameDepartments(ctx, "110107", key, []string{"hrss", "nobody"}, director, 1), "不在本区的部门之中")
		named, err := s.MeasureDepartments(ctx, "110107")
		require.NoError(t, err)
		require.Equal(t, map[store.MeasureKey][]string{key: {"hrss", "wlj"}}, named)
		require.NoError(t, s.NameDepartments(ctx, "110107", key, nil, director, 1))
		named, err = s.MeasureDepartments(ctx, "110107")
		require.NoError(t, err)
		require.Empty(t, named)
	})
}

func TestWhoStandsAsideGivesNoHelp(t *testing.T) { // R24
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		_, err := s.SQL().ExecContext(ctx, "INSERT INTO conflicts (district, actor, uscc, reason_id, declared_by, at, standing) VALUES ('110107', ?, ?, 1, ?, ?, 1)", hrss, growing, hrss, time.Now().UTC())
		require.NoError(t, err)
		_, err = s.ActOnHelp(ctx, help(models.HelpPromise, "1", growing), helpDay, nil)
		require.ErrorContains(t, err, "应当回避")
		r, err := s.DeliverHelpRows(ctx, "110107-2026", "hrss", hrss, strings.Repeat("a", 64), []store.HelpRow{{Number: 2, USCC: growing, Clause: "附二(二)2", On: helpDay}}, helpDay, nil)
		require.NoError(t, err)
		require.Len(t, r.Problems, 1)
		require.Contains(t, r.Problems[0].Reason, "应当回避")
		_, err = s.ActOnHelp(ctx, help(models.HelpRequest, "2", growing), helpDay, nil)
		require.NoError(t, err, "the operator may ask")
		c := help(models.HelpPromise, "3", growing)
		c.Actor = models.ActorBootstrap
		_, err = s.ActOnHelp(ctx, c, helpDay, nil)
		require.ErrorContains(t, err, "不属于任何个人")
	})
}

func TestATableOfHelpIsTakenRowByRowAndTwiceChangesNothing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		promised, err := s.ActOnHelp(ctx, help(models.HelpPromise, "p", growing2), helpDay, nil)
		require.NoError(t, err)
		yesterday := helpDay.AddDays(-1)
		rows := []store.HelpRow{
			{Number: 2, USCC: growing, Clause: "附二(二)2", On: yesterday, Note: "上门宣讲"},
			{Number: 3, USCC: growing, Clause: "附二(二)2", On: helpDay},
			{Number: 4, USCC: growing, Clause: "附二(二)2", On: helpDay},
			{Number: 5, USCC: growing2, Clause: "附二(二)1", Part: 2, On: helpDay},
			{Number: 6, USCC: growing, Clause: "附二(二)1", On: helpDay},
			{Number: 7, USCC: growing, Clause: "附二(二)9", On: helpDay},
			{Number: 8, USCC: developing, Clause: "附二(二)2", On: helpDay},
			{Number: 9, USCC: "92110107XXXX000009", Clause: "附二(二)2", On: helpDay},
			{Number: 10, USCC: growing, Clause: "附二(二)3", On: helpDay},
			{Number: 11, USCC: growing, Clause: "附二(二)2", On: helpDay.AddDays(1)},
		}
		sum := strings.Repeat("f", 64)
		letters := 0
		write := func(models.Help, models.HelpStep) ([]models.Message, error) { letters++; return nil, nil }
		r, err := s.DeliverHelpRows(ctx, "110107-2026", "hrss", hrss, sum, rows, helpDay, write)
		require.NoError(t, err)
		require.Equal(t, 3, r.Recorded)
		require.Equal(t, 1, r.Unchanged, "twice in the file is once")
		require.Equal(t, 3, letters)
		reasons := map[int]string{}
		for _, p := range r.Problems {
			reasons[p.Number] = p.Column + "：" + p.Reason
		}
		require.Len(t, reasons, 6)
		for row, part := range map[int]string{6: "条款：附二(二)1“加大用工支持力度”有 4 项内容，请填写项目序号", 7: "条款：政策中没有条款为“附二(二)9”的措施", 8: "条款：附二(二)2“推动自愿参保”适用于",
			9: "统一社会信用代码：该户没有2026年度公布的分型结果", 10: "条款：附二(二)3“加强金融支持”有 2 项内容", 11: "日期：兑现日期2026年9月2日晚于今天"} {
			require.Contains(t, reasons[row], part)
		}
		h, err := s.Help(ctx, promised.ID)
		require.NoError(t, err)
		require.Equal(t, models.HelpDelivered, h.State, "what was promised is thereby given")
		require.Equal(t, models.ObligationDone, owedHelp(t, s, h.ID).State)

		again, err := s.DeliverHelpRows(ctx, "110107-2026", "hrss", hrss, sum, rows, helpDay, write)
		require.NoError(t, err)
		require.Zero(t, again.Recorded)
		require.Equal(t, 4, again.Unchanged)
		require.Len(t, again.Problems, 6)
		require.Equal(t, 3, letters)
		list, err := s.HelpList(ctx, store.HelpFilter{CycleID: "110107-2026", State: models.HelpDelivered}, 0, 100)
		require.NoError(t, err)
		require.Len(t, list, 3)
	})
}

func TestWhomAMeasureIsForIsListedWithFiltersAndPages(t *testing.T) { // 附二, 附四
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		law, err := s.PolicyInForce(ctx, "110107", 2026)
		require.NoError(t, err)
		list := func(clause string, change func(*store.MeasureQuery)) (codes []string) {
			q := store.MeasureQuery{CycleID: "110107-2026", District: "110107", Year: 2026, Today: helpDay, Part: 1, Limit: 1}
			if clause != "" {
				q.Measure, _, err = law.Measure(clause, 1)
				require.NoError(t, err)
			}
			if change != nil {
				change(&q)
			}
			for {
				page, err := s.MeasureHouseholds(ctx, q)
				require.NoError(t, err)
				if len(page) == 0 {
					return codes
				}
				codes, q.After = append(codes, page[0].USCC), page[0].USCC
			}
		}
		require.Equal(t, []string{growing, growing2}, list("附二(二)2", nil))
		require.Equal(t, []string{growing2}, list("附二(二)2", func(q *store.MeasureQuery) { q.Street = "鲁谷街道" }))
		require.Equal(t, []string{renowned}, list("附四(一)1", nil))
		require.Equal(t, []string{renowned}, list("附四(一)1", func(q *store.MeasureQuery) { q.Tier, q.Category = models.Survival, "renowned" }))
		require.Empty(t, list("附四(一)1", func(q *store.MeasureQuery) { q.Tier = models.Growth }))
		require.Empty(t, list("附四(一)1", func(q *store.MeasureQuery) { q.Today = calendar.MustDate("2025-12-31") }), "benefits begin on 1 January")
		require.Empty(t, list("附四(一)1", func(q *store.MeasureQuery) { q.Today = calendar.MustDate("2028-11-20") }), "and end with the validity")
		require.Equal(t, []string{renowned}, list("附二(一)1", func(q *store.MeasureQuery) { q.Category = "renowned" }))
		require.Equal(t, []string{growing, growing2, renowned, developing}, list("", nil), "不符合分型条件: no measure is for them")

		c := help(models.HelpDeliver, "g", growing)
		c.Clause, c.Part = "附二(二)2", 1
		_, err = s.ActOnHelp(ctx, c, helpDay, nil)
		require.NoError(t, err)
		yes, no := true, false
		require.Equal(t, []string{growing}, list("附二(二)2", func(q *store.MeasureQuery) { q.Served = &yes }))
		require.Equal(t, []string{growing2}, list("附二(二)2", func(q *store.MeasureQuery) { q.Served = &no }))

		eligible, err := s.Eligible(ctx, "110107", 2026, helpDay)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"生存型": 1, "成长型": 2, "发展型": 1, "不符合分型条件": 1, "知名": 1}, eligible)
		known, err := s.Entitlements(ctx, "110107", 2026, helpDay, []string{growing2, renowned, "92110107XXXX000009"})
		require.NoError(t, err)
		require.Equal(t, map[string]store.Entitled{
			growing2: {USCC: growing2, Name: "第2店", Street: "鲁谷街道", Tier: models.Growth},
			renowned: {USCC: renowned, Name: "第4店", Street: "八角街道", Tier: models.Survival, Category: "renowned", Email: "d@example.com"},
		}, known)
	})
}

func TestAMeasureIsAskedForInItsPeriodAndOnceAYearMeansOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
		parts := strings.SplitAfterN(string(policy.Default("110107", 2026)), "clause: 附二(二)1\n", 2)
		once := strings.Replace(parts[1], "help: on_request\n        period: 全年", "help: on_request\n        period: 每年一次", 1)                                                                                                                // part 2
		both := strings.Replace(once, "给予相应培训补贴。\n        departments: [区人力资源社会保障局]\n        help: on_request\n        period: 全年", "给予相应培训补贴。\n        departments: [区人力资源社会保障局]\n        help: on_request\n        period: 09-02至10-31", 1) // part 4
		require.NotEqual(t, once, both)
		v, err := s.AddPolicy(ctx, models.ActorConsole, "110107", 2026, []byte(parts[0]+both), "")
		require.NoError(t, err)
		require.NoError(t, s.PutInForce(ctx, models.ActorConsole, v.ID))
		helpYear(t, s)

		ask := help(models.HelpRequest, "a", growing)
		ask.Part = 4
		for _, day := range []string{"2026-09-01", "2026-11-01"} {
			ask.CommandID = day
			_, err = s.ActOnHelp(ctx, ask, calendar.MustDate(day), nil)
			require.ErrorContains(t, err, "办理时间为每年9月2日至10月31日", day)
		}
		_, err = s.ActOnHelp(ctx, ask, calendar.MustDate("2026-09-02"), nil)
		require.NoError(t, err)
		promise := help(models.HelpPromise, "p", growing2)
		promise.Part = 4
		_, err = s.ActOnHelp(ctx, promise, calendar.MustDate("2026-11-01"), nil)
		require.NoError(t, err, "the department may of itself")

		_, err = s.ActOnHelp(ctx, help(models.HelpDeliver, "1", growing), helpDay, nil)
		require.NoError(t, err)
		for i, e := range []models.HelpEvent{models.HelpRequest, models.HelpPromise, models.HelpDeliver} {
			_, err = s.ActOnHelp(ctx, help(e, fmt.Sprint("again", i), growing), helpDay.AddDays(30), nil)
			require.ErrorContains(t, err, "每年一次，该户本年度已于2026年9月1日兑现", e)
		}
		_, err = s.ActOnHelp(ctx, help(models.HelpRequest, "2", growing2), helpDay, nil)
		require.NoError(t, err, "others may")
	})
}

func TestManyOfficersAtOncePromiseAHouseholdTheSameHelpOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		const officers = 8
		errs := make([]error, officers)
		var wg sync.WaitGroup
		for i := range officers {
			wg.Go(func() {
				c := help(models.HelpPromise, fmt.Sprint(i), growing)
				_, errs[i] = s.ActOnHelp(ctx, c, helpDay, nil)
			})
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
				continue
			}
			require.Equal(t, models.CodeConflict, models.CodeOf(err), err.Error())
		}
		require.Equal(t, 1, done)
		list, err := s.HelpList(ctx, store.HelpFilter{CycleID: "110107-2026", USCC: growing}, 0, 100)
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

func TestWhatWasPromisedIsOwedThoughThePolicyLostTheMeasure(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		helpYear(t, s)
		h, err := s.ActOnHelp(ctx, help(models.HelpPromise, "p", growing), helpDay, nil)
		require.NoError(t, err)
		_, err = s.SQL().ExecContext(ctx, "UPDATE help SET clause = '附二(二)8' WHERE id = ?", h.ID)
		require.NoError(t, err)
		reason, err := s.AddReason(ctx, hrss, "推迟")
		require.NoError(t, err)
		act := func(e models.HelpEvent, on calendar.Date) error {
			_, err := s.ActOnHelp(ctx, models.HelpCommand{CommandID: string(e), HelpID: h.ID, Event: e, Actor: hrss, On: on, ReasonID: reason}, helpDay, nil)
			return err
		}
		require.NoError(t, act(models.HelpPostpone, helpDay.AddDays(9)))
		require.NoError(t, act(models.HelpDeliver, 0))
		require.Equal(t, models.ObligationDone, owedHelp(t, s, h.ID).State)
	})
}
