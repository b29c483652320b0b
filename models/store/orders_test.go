package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// orderObligation is what somebody owes about an order.
func (y *dutyYear) orderObligation(o models.Order, owner string) models.Obligation {
	y.t.Helper()
	list, err := y.s.Obligations(context.Background(), store.ObligationFilter{CycleID: y.cycle.ID, Kind: models.ObligationOrder, Owner: owner}, store.ObligationCursor{}, 100)
	require.NoError(y.t, err)
	for _, x := range list {
		if x.Subject == models.OrderObject(o.ID) {
			return x
		}
	}
	return models.Obligation{}
}

func TestAnOrderIsAnsweredWithinItsLimitAndClosedByAnother(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		y.on("2026-11-20")
		today := calendar.MustDate("2026-11-20")
		workdays, err := s.Workdays(ctx)
		require.NoError(t, err)
		duty := y.duty("seminars/1", "wlj")
		var told []models.OrderEvent
		act := func(c models.OrderCommand) (models.Order, error) {
			return s.ActOrder(ctx, c, func(_ models.Order, step models.OrderStep, text string) ([]models.Message, error) {
				told = append(told, step.Event)
				require.Equal(t, c.Text, text)
				return nil, nil
			})
		}
		issue := models.OrderCommand{CommandID: "key:1", Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "座谈会至今未召开，请说明原因和安排", CycleID: y.cycle.ID, Department: "wlj",
			Subject: "obligation/" + models.DutyObject(duty.ID)[len("duty/"):]}
		o, err := act(issue)
		require.NoError(t, err)
		require.Equal(t, models.OrderIssued, o.State)
		require.Equal(t, workdays.TermEnd(today, 5), o.Due, "the policy's limit")
		owed := y.orderObligation(o, "wlj")
		require.Equal(t, []any{models.ObligationOpen, o.Due, "答复督办（" + o.Number() + "）"}, []any{owed.State, owed.Due, owed.Title})
		same, err := act(issue)
		require.NoError(t, err)
		require.Equal(t, o.ID, same.ID, "one request makes one order")
		issue.Text = "别的"
		_, err = act(issue)
		require.Equal(t, models.CodeConflict, models.CodeOf(err))

		y.on("2026-11-25")
		answer := models.OrderCommand{CommandID: "key:2", OrderID: o.ID, Event: models.OrderAnswer, Actor: y.wlj.Actor(), Text: "定于本月召开"}
		o, err = act(answer)
		require.NoError(t, err)
		require.Equal(t, models.OrderAnswered, o.State)
		require.Equal(t, models.ObligationDone, y.orderObligation(o, "wlj").State)
		review := y.orderObligation(o, models.AdminsCode)
		require.Equal(t, []any{models.ObligationOpen, models.OwnerAdmins, workdays.TermEnd(calendar.MustDate("2026-11-25"), 5)}, []any{review.State, review.OwnerKind, review.Due}, "the bureau owes its review")

		back := models.OrderCommand{CommandID: "key:3", OrderID: o.ID, Event: models.OrderReturn, Actor: y.admin.Actor(), Text: "请写明日期", Days: 2}
		o, err = act(back)
		require.NoError(t, err)
		require.Equal(t, workdays.TermEnd(calendar.MustDate("2026-11-25"), 2), o.Due)
		require.Equal(t, models.ObligationOpen, y.orderObligation(o, "wlj").State)
		require.Equal(t, o.Due, y.orderObligation(o, "wlj").Due)
		require.Equal(t, models.ObligationDone, y.orderObligation(o, models.AdminsCode).State)
		list, err := s.Orders(ctx, store.OrderFilter{CycleID: y.cycle.ID, OverdueOn: o.Due}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list, "on its last day it is in time")
		list, err = s.Orders(ctx, store.OrderFilter{CycleID: y.cycle.ID, OverdueOn: o.Due + 1}, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)

		y.evidence(y.wlj, models.OrderObject(o.ID), "通知.pdf")
		o, err = act(models.OrderCommand{CommandID: "key:4", OrderID: o.ID, Event: models.OrderAnswer, Actor: y.wlj.Actor(), Text: "定于11月28日召开"})
		require.NoError(t, err)
		_, err = act(models.OrderCommand{CommandID: "key:5", OrderID: o.ID, Event: models.OrderClose, Actor: y.wlj.Actor()})
		require.Equal(t, models.CodeForbidden, models.CodeOf(err), "nobody judges the own answer")
		o, err = act(models.OrderCommand{CommandID: "key:5", OrderID: o.ID, Event: models.OrderClose, Actor: y.other.Actor()})
		require.NoError(t, err)
		require.Equal(t, models.OrderClosed, o.State)
		require.Equal(t, models.ObligationDone, y.orderObligation(o, models.AdminsCode).State)
		_, err = act(models.OrderCommand{CommandID: "key:6", OrderID: o.ID, Event: models.OrderAnswer, Actor: y.wlj.Actor(), Text: "补充"})
		require.Equal(t, models.CodeConflict, models.CodeOf(err))
		_, err = act(answer)
		require.NoError(t, err, "a command that was carried out long ago changes nothing")

		steps, err := s.OrderSteps(ctx, o.ID)
		require.NoError(t, err)
		var events []models.OrderEvent
		for i, step := range steps {
			require.Equal(t, i+1, step.Seq)
			events = append(events, step.Event)
		}
		require.Equal(t, []models.OrderEvent{models.OrderIssue, models.OrderAnswer, models.OrderReturn, models.OrderAnswer, models.OrderClose}, events)
		require.Equal(t, events, told, "each event is told once")
		entries, err := s.DistrictAudit(ctx, "110107", models.OrderObject(o.ID), 0, 20)
		require.NoError(t, err)
		for _, e := range entries {
			require.NotContains(t, e.Detail, "座谈会至今", "the record holds no free text")
		}
		require.Equal(t, "order.close", entries[len(entries)-1].Action)
	})
}

func TestAnOrderGoesOnlyToADepartmentOfTheDistrictAboutSomethingThere(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		issue := models.OrderCommand{CommandID: "key:1", Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "请说明", CycleID: y.cycle.ID, Department: "wlj"}
		for name, spoil := range map[string]func(*models.OrderCommand){
			"a department that is not there": func(c *models.OrderCommand) { c.Department = "nobody" },
			"an obligation that is not":      func(c *models.OrderCommand) { c.Subject = "obligation/999999" },
			"an objection that is not":       func(c *models.OrderCommand) { c.Subject = "objection/1" },
			"nothing asked":                  func(c *models.OrderCommand) { c.Text = "  " },
		} {
			c := issue
			spoil(&c)
			_, err := s.ActOrder(ctx, c, nil)
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), name)
		}
		list, err := s.Orders(ctx, store.OrderFilter{CycleID: y.cycle.ID}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list)
		issue.Department = "xh" // the association is no office of the district, but the policy names it
		o, err := s.ActOrder(ctx, issue, nil)
		require.NoError(t, err)
		o, err = s.ActOrder(ctx, models.OrderCommand{CommandID: "key:2", OrderID: o.ID, Event: models.OrderWithdraw, Actor: y.admin.Actor(), Text: "已当面说明"}, nil)
		require.NoError(t, err)
		require.Equal(t, models.OrderWithdrawn, o.State)
		require.Equal(t, models.ObligationClosed, y.orderObligation(o, "xh").State, "not recorded as done")
	})
}

func TestTheSameRequestAtTheSameTimeMakesOneOrder(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		ids := make([]int64, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				o, err := s.ActOrder(ctx, models.OrderCommand{CommandID: "key:1", Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "请说明", CycleID: y.cycle.ID, Department: "wlj"}, nil)
				if err == nil {
					ids[i] = o.ID
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			require.NotZero(t, id)
			require.Equal(t, ids[0], id)
		}
		list, err := s.Orders(ctx, store.OrderFilter{CycleID: y.cycle.ID}, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

func TestTheAccountSaysWhatADepartmentOwedAndDidInTime(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		report := func(on, subject string) {
			y.on(on)
			o := y.duty(subject, "wlj")
			y.evidence(y.wlj, models.DutyObject(o.ID), subject+".pdf")
			_, err := s.ActDuty(ctx, models.DutyCommand{CommandID: "key:" + subject, ObligationID: o.ID, Event: models.DutyReported, Actor: y.wlj.Actor(), Text: "已办",
				DoneOn: calendar.MustDate(on), Households: 10}, nil)
			require.NoError(t, err)
		}
		report("2026-10-15", "service-month")     // on its last day
		report("2026-11-01", "publicity")         // a day late
		report("2026-11-02", "category-measures") // late
		y.on("2026-11-03")
		_, err := s.ActDuty(ctx, models.DutyCommand{ObligationID: y.duty("flexible-supervision", "wlj").ID, Event: models.DutyWaived, Actor: y.admin.Actor(), Text: "并入市级清单"}, nil)
		require.NoError(t, err)
		o, err := s.ActOrder(ctx, models.OrderCommand{CommandID: "key:o", Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "请说明", CycleID: y.cycle.ID, Department: "wlj"}, nil)
		require.NoError(t, err)
		require.NoError(t, s.OpenObligation(ctx, models.Obligation{CycleID: y.cycle.ID, District: "110107", Kind: models.ObligationVisit, Subject: "visit/1", OwnerKind: models.OwnerUser,
			Owner: string(y.admin.Actor()), Title: "走访", Clause: "附三(二)2", Due: calendar.MustDate("2026-12-01"), OpenedOn: calendar.MustDate("2026-11-03")}))

		today := o.Due + 1
		accounts, err := s.Accounts(ctx, y.cycle.ID, "", today)
		require.NoError(t, err)
		by := map[string]models.Account{}
		for i, a := range accounts {
			by[a.Department] = a
			if i > 0 {
				require.Less(t, accounts[i-1].Department, a.Department, "by code")
			}
		}
		require.NotContains(t, by, models.AdminsCode)
		wlj := by["wlj"]
		require.Equal(t, "区文化和旅游局", wlj.Name)
		require.Equal(t, models.ObligationDuty, wlj.Kinds[0].Kind)
		duties := wlj.Kinds[0].AccountCount
		mine, err := s.Duties(ctx, store.DutyFilter{CycleID: y.cycle.ID, Owner: "wlj"}, store.ObligationCursor{}, 1000)
		require.NoError(t, err)
		require.EqualValues(t, len(mine), duties.Owed)
		require.Equal(t, []int64{1, 2, 1}, []int64{duties.InTime, duties.Late, duties.Waived})
		require.Equal(t, duties.Owed, duties.InTime+duties.Late+duties.Open+duties.Waived+duties.Closed)
		overdue := int64(0)
		for _, d := range mine {
			if d.State == models.ObligationOpen && d.Due < today {
				overdue++
			}
		}
		require.Positive(t, overdue, "推荐 was due on 15 September")
		require.Equal(t, overdue, duties.Overdue)
		require.Equal(t, models.AccountKind{Kind: models.ObligationOrder, AccountCount: models.AccountCount{Owed: 1, Open: 1, Overdue: 1}}, wlj.Kinds[1])
		require.Equal(t, duties.Owed+1, wlj.Total.Owed)
		require.Equal(t, []int64{3, 0, 30, 1, 1, 0}, []int64{wlj.Reports, wlj.Returned, wlj.Households, wlj.Orders, wlj.OrdersOpen, wlj.OrdersWithdrawn})
		bureau := by[models.BureauCode]
		require.Contains(t, bureau.Kinds, models.AccountKind{Kind: models.ObligationVisit, AccountCount: models.AccountCount{Owed: 1, Open: 1}}, "what its people owe is the bureau's")

		late, err := s.Unpunctual(ctx, y.cycle.ID, "wlj", today)
		require.NoError(t, err)
		require.Len(t, late, int(overdue)+1+2+1, "overdue duties, the order, two done late, one waived")
		one, err := s.Accounts(ctx, y.cycle.ID, "wlj", today)
		require.NoError(t, err)
		require.Equal(t, []models.Account{wlj}, one)
		none, err := s.Accounts(ctx, y.cycle.ID, "nobody", today)
		require.NoError(t, err)
		require.True(t, none[0].Empty())
	})
}
