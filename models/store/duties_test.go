package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/document"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// dutyYear is a district whose year runs, on a clock that the test sets.
type dutyYear struct {
	t     *testing.T
	s     *store.Store
	cycle models.Cycle
	now   time.Time
	wlj   models.User // an officer of 区文化和旅游局
	admin models.User
	other models.User // another administrator
}

func newDutyYear(t *testing.T, s *store.Store, began string, edit func(*models.NewCycle)) *dutyYear {
	t.Helper()
	ctx := context.Background()
	y := &dutyYear{t: t, s: s}
	y.on(began)
	s.SetNow(func() time.Time { return y.now })
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "wlj", Name: "区文化和旅游局", Email: "wlj@example.cn"}))
	user := func(email string, role models.Role, department string) models.User {
		u, err := s.AddUser(ctx, models.ActorConsole, models.User{Email: email, Name: "某人", Role: role, District: "110107", Department: department}, "")
		require.NoError(t, err)
		return u
	}
	y.wlj = user("wlj1@example.cn", models.RoleDepartment, "wlj")
	y.admin, y.other = user("admin@example.cn", models.RoleAdmin, ""), user("admin2@example.cn", models.RoleAdmin, "")
	n, err := s.PlanYear(ctx, "110107", 2026, nil)
	require.NoError(t, err)
	n.CycleID, n.Attempt, n.Actor, n.Today = "110107-2026", 1, models.ActorConsole, calendar.MustDate(began)
	if edit != nil {
		edit(&n)
	}
	require.NoError(t, s.OpenCycle(ctx, n))
	y.cycle, err = s.Cycle(ctx, n.CycleID)
	require.NoError(t, err)
	return y
}

// on sets the clock to the morning of a date.
func (y *dutyYear) on(date string) { y.now = calendar.MustDate(date).At(9, 0) }

// duty finds a duty of a department by its subject.
func (y *dutyYear) duty(subject, owner string) models.Obligation {
	y.t.Helper()
	list, err := y.s.Duties(context.Background(), store.DutyFilter{CycleID: y.cycle.ID, Owner: owner}, store.ObligationCursor{}, 1000)
	require.NoError(y.t, err)
	for _, d := range list {
		if d.Subject == subject {
			return d.Obligation
		}
	}
	return models.Obligation{}
}

func (y *dutyYear) evidence(u models.User, subject, name string) {
	y.t.Helper()
	_, err := y.s.AddDocument(context.Background(), u, subject, models.PurposeEvidence, document.Document{Name: name, MediaType: document.PDF, Content: []byte(name)})
	require.NoError(y.t, err)
}

func TestTheDutiesOfTheYearAreOwedFromItsBeginning(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-10-16", nil)
		require.Zero(t, y.duty("service-month", "wlj"), "15 October had passed before anybody was asked")
		seminars := y.duty("seminars/1", "wlj")
		require.Equal(t, calendar.MustDate("2026-11-30"), seminars.Due)
		require.Equal(t, models.ObligationOpen, seminars.State)
		require.Equal(t, "召开座谈会或专题研讨会（2026年第1次）", seminars.Title)

		list, err := s.Duties(ctx, store.DutyFilter{CycleID: y.cycle.ID, Duty: "seminars"}, store.ObligationCursor{}, 1000)
		require.NoError(t, err)
		require.Len(t, list, 12, "six departments, twice")
		var paged []store.DutyItem
		for after := (store.ObligationCursor{}); ; {
			page, err := s.Duties(ctx, store.DutyFilter{CycleID: y.cycle.ID, Duty: "seminars"}, after, 5)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			after = store.ObligationCursor{Due: page[len(page)-1].Due, ID: page[len(page)-1].ID}
		}
		require.Equal(t, list, paged)
		late, err := s.Duties(ctx, store.DutyFilter{CycleID: y.cycle.ID, State: models.ObligationOpen, DueBefore: calendar.MustDate("2026-10-31")}, store.ObligationCursor{}, 1000)
		require.NoError(t, err)
		require.Empty(t, late, "nothing is overdue on the first day")
	})
}

func TestAYearThatBeganBeforeThereWereDutiesGetsThemTheNextMorningOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", func(n *models.NewCycle) {
			var without []models.Obligation
			for _, o := range n.Duties {
				if o.Kind != models.ObligationDuty {
					without = append(without, o)
				}
			}
			n.Duties = without
		})
		require.Zero(t, y.duty("seminars/1", "wlj"))
		y.on("2026-11-24")
		today := calendar.MustDate("2026-11-24")
		opened, err := s.OpenMissingDuties(ctx, y.cycle, today)
		require.NoError(t, err)
		law, err := policy.Load(policy.Default("110107", 2026))
		require.NoError(t, err)
		want := 0
		for _, o := range law.Duties(y.cycle.ID, y.cycle.Plan) {
			if o.Kind == models.ObligationDuty && o.Due >= today {
				want++
			}
		}
		require.Equal(t, want, opened)
		require.NotZero(t, y.duty("seminars/1", "wlj"))
		require.Equal(t, today, y.duty("seminars/1", "wlj").OpenedOn)
		require.Zero(t, y.duty("service-month", "wlj"), "what had fallen due before nobody is reproached with")

		seminars := y.duty("seminars/1", "wlj")
		_, err = s.ActDuty(ctx, models.DutyCommand{ObligationID: seminars.ID, Event: models.DutyWaived, Actor: y.admin.Actor(), Text: "本年度已由区里统一组织"}, nil)
		require.NoError(t, err)
		_, err = s.ActDuty(ctx, models.DutyCommand{ObligationID: y.duty("seminars/2", "wlj").ID, Event: models.DutyMoved, Actor: y.admin.Actor(), Due: calendar.MustDate("2027-05-10"), Text: "与服务周合并"}, nil)
		require.NoError(t, err)
		opened, err = s.OpenMissingDuties(ctx, y.cycle, today+1)
		require.NoError(t, err)
		require.Zero(t, opened)
		require.Equal(t, models.ObligationWaived, y.duty("seminars/1", "wlj").State, "what was waived stays so")
		require.Equal(t, calendar.MustDate("2027-05-10"), y.duty("seminars/2", "wlj").Due, "and what was moved")
	})
}

func TestADutyIsDoneWhenItsDepartmentReportsWithEvidence(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		y.on("2026-11-20")
		o := y.duty("seminars/1", "wlj")
		report := models.DutyCommand{CommandID: "key:1", ObligationID: o.ID, Event: models.DutyReported, Actor: y.wlj.Actor(), Text: "召开座谈会一次，形成问题清单",
			DoneOn: calendar.MustDate("2026-11-18"), Households: 42}
		_, err := s.ActDuty(ctx, report, nil)
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		require.ErrorContains(t, err, "须附材料")
		y.evidence(y.wlj, models.DutyObject(o.ID), "会议纪要.pdf")
		early := report
		early.DoneOn = calendar.MustDate("2026-11-21")
		_, err = s.ActDuty(ctx, early, nil)
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "what is not done yet cannot be reported")

		done, err := s.ActDuty(ctx, report, nil)
		require.NoError(t, err)
		require.Equal(t, models.ObligationDone, done.State)
		require.Equal(t, calendar.MustDate("2026-11-20"), done.DoneOn)
		again, err := s.ActDuty(ctx, report, nil)
		require.NoError(t, err, "the same command again changes nothing")
		require.Equal(t, done, again)
		another := report
		another.Households = 43
		_, err = s.ActDuty(ctx, another, nil)
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "another request under the same number")
		another.CommandID = "key:2"
		_, err = s.ActDuty(ctx, another, nil)
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "it is reported")

		reports, err := s.DutyReports(ctx, o.ID)
		require.NoError(t, err)
		require.Len(t, reports, 1)
		require.Equal(t, []any{1, 42, 1, calendar.MustDate("2026-11-18"), y.wlj.Actor()}, []any{reports[0].Seq, reports[0].Households, reports[0].Documents, reports[0].DoneOn, reports[0].ByActor})
		text, err := s.Reason(ctx, reports[0].TextID)
		require.NoError(t, err)
		require.Equal(t, "召开座谈会一次，形成问题清单", text)
		_, err = s.AddDocument(ctx, y.wlj, models.DutyObject(o.ID), models.PurposeEvidence, document.Document{Name: "补充.pdf", MediaType: document.PDF, Content: []byte("x")})
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "what was reported is the record")
		documents, err := s.Documents(ctx, models.DutyObject(o.ID))
		require.NoError(t, err)
		require.Error(t, s.DeleteDocument(ctx, y.wlj, documents[0].ID))
		entries, err := s.DistrictAudit(ctx, "110107", models.DutyObject(o.ID), 0, 10)
		require.NoError(t, err)
		require.Equal(t, "duty.report", entries[len(entries)-1].Action)
		require.NotContains(t, entries[len(entries)-1].Detail, "问题清单", "the record holds no free text")
	})
}

func TestAReportThatIsSentBackIsOwedAnewByAnotherDate(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		y.on("2026-11-20")
		o := y.duty("supply-chain", "wlj") // without evidence
		report := models.DutyCommand{CommandID: "key:1", ObligationID: o.ID, Event: models.DutyReported, Actor: y.wlj.Actor(), Text: "已开展", DoneOn: calendar.MustDate("2026-11-18"), Households: 5}
		_, err := s.ActDuty(ctx, report, nil)
		require.NoError(t, err)
		letters := 0
		letter := func(o models.Obligation, seq int, on calendar.Date) ([]models.Message, error) {
			letters++
			require.Equal(t, 1, seq)
			return []models.Message{{District: o.District, CycleID: o.CycleID, Kind: models.MailDuty, Recipient: "wlj1@example.cn", OnDate: on, Subject: "退回", Key: "duty"}}, nil
		}
		back := models.DutyCommand{CommandID: "key:back", ObligationID: o.ID, Event: models.DutyReturned, Actor: y.admin.Actor(), Text: "请写明对接的企业和户数"}
		own := back
		own.Actor = y.wlj.Actor()
		_, err = s.ActDuty(ctx, own, letter)
		require.Equal(t, models.CodeForbidden, models.CodeOf(err), "nobody judges the own report")
		open, err := s.ActDuty(ctx, back, letter)
		require.NoError(t, err)
		require.Equal(t, models.ObligationOpen, open.State)
		workdays, err := s.Workdays(ctx)
		require.NoError(t, err)
		require.Equal(t, workdays.TermEnd(calendar.MustDate("2026-11-20"), 5), open.Due, "five working days, as to an order")
		require.Nil(t, open.Reminded, "reminded from the ladder's beginning")
		again, err := s.ActDuty(ctx, back, letter)
		require.NoError(t, err)
		require.Equal(t, open, again)
		require.Equal(t, 1, letters, "told once")
		mails, err := s.Mails(ctx, store.MailFilter{}, 0, 10)
		require.NoError(t, err)
		require.Len(t, mails, 1)

		y.on("2026-11-23")
		report.CommandID, report.Text, report.Households = "key:3", "对接企业三家、个体工商户七户", 7
		done, err := s.ActDuty(ctx, report, nil)
		require.NoError(t, err)
		require.Equal(t, models.ObligationDone, done.State)
		reports, err := s.DutyReports(ctx, o.ID)
		require.NoError(t, err)
		require.Len(t, reports, 2)
		require.Equal(t, calendar.MustDate("2026-11-20"), reports[0].ReturnedOn)
		require.Zero(t, reports[1].ReturnedOn)
		accounts, err := s.Accounts(ctx, y.cycle.ID, "wlj", calendar.MustDate("2026-11-23"))
		require.NoError(t, err)
		require.EqualValues(t, []int64{2, 1, 7}, []int64{accounts[0].Reports, accounts[0].Returned, accounts[0].Households}, "what was sent back reached nobody")
	})
}

func TestTheDutiesOfADoneYearGoOnAndThoseOfACancelledOneEnd(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		for _, c := range []struct {
			state models.CycleState
			duty  models.ObligationState
			order models.OrderState
		}{{models.CycleDone, models.ObligationOpen, models.OrderIssued}, {models.CycleCancelled, models.ObligationClosed, models.OrderWithdrawn}} {
			ctx := context.Background()
			y := &dutyYear{t: t, s: s}
			if c.state == models.CycleDone {
				y = newDutyYear(t, s, "2026-06-01", nil)
			} else { // the next year's
				y.on("2027-06-01")
				s.SetNow(func() time.Time { return y.now })
				n, err := s.PlanYear(ctx, "110107", 2027, nil)
				require.NoError(t, err)
				n.CycleID, n.Attempt, n.Actor, n.Today = "110107-2027", 1, models.ActorConsole, calendar.MustDate("2027-06-01")
				require.NoError(t, s.OpenCycle(ctx, n))
				y.cycle, err = s.Cycle(ctx, n.CycleID)
				require.NoError(t, err)
				y.admin, err = s.UserByEmail(ctx, "admin@example.cn")
				require.NoError(t, err)
			}
			issued, err := s.ActOrder(ctx, models.OrderCommand{CommandID: "key:" + y.cycle.ID, Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "请说明进度", CycleID: y.cycle.ID, Department: "wlj"}, nil)
			require.NoError(t, err)
			require.NoError(t, s.EnterStage(ctx, y.cycle.ID, models.StageDone, c.state, calendar.DateOf(y.now)))
			require.Equal(t, c.duty, y.duty("seminars/2", "wlj").State, c.state)
			o, err := s.Order(ctx, issued.ID)
			require.NoError(t, err)
			require.Equal(t, c.order, o.State)
			steps, err := s.OrderSteps(ctx, o.ID)
			require.NoError(t, err)
			require.Len(t, steps, o.Events, "every event is on record")
			_, err = s.ActOrder(ctx, models.OrderCommand{CommandID: "key:more", Event: models.OrderIssue, Actor: y.admin.Actor(), Text: "再说明", CycleID: y.cycle.ID, Department: "wlj"}, nil)
			if c.state == models.CycleCancelled {
				require.Equal(t, models.CodeConflict, models.CodeOf(err))
				continue
			}
			require.NoError(t, err)
			opened, err := s.OpenMissingDuties(ctx, y.cycle, calendar.DateOf(y.now))
			require.NoError(t, err)
			require.Zero(t, opened)
		}
	})
}

func TestOneReportTakesEffectOfManyAtTheSameTime(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		y := newDutyYear(t, s, "2026-06-01", nil)
		y.on("2026-11-20")
		o := y.duty("supply-chain", "wlj")
		var wg sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wg.Go(func() {
				_, results[i] = s.ActDuty(ctx, models.DutyCommand{CommandID: "key:" + string(rune('a'+i)), ObligationID: o.ID, Event: models.DutyReported, Actor: y.wlj.Actor(),
					Text: "已开展", DoneOn: calendar.MustDate("2026-11-18")}, nil)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			require.Equal(t, models.CodeConflict, models.CodeOf(err))
		}
		require.Equal(t, 1, won)
	})
}
