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

// plan arranges a visit today.
func (r *reviewing) plan(a models.Application, visitors ...models.Actor) models.Visit {
	r.t.Helper()
	v, err := r.ArrangeVisit(context.Background(), store.VisitChange{ApplicationID: a.ID, Visitors: [2]models.Actor(visitors), PlannedOn: r.today, By: a.Reviewer}, r.today)
	require.NoError(r.t, err)
	return v
}

func (r *reviewing) recorded(v models.Visit, by models.Actor, outcome models.VisitOutcome) models.Visit {
	r.t.Helper()
	v, err := r.RecordVisit(context.Background(), store.VisitRecord{VisitID: v.ID, By: by, VisitedOn: r.today, Outcome: outcome, RecordID: r.reason("现场情况")}, r.today)
	require.NoError(r.t, err)
	return v
}

func sign(v models.Visit) models.ApplicationCommand {
	return models.ApplicationCommand{Event: v.Outcome.Event(), VisitID: v.ID, ReasonID: v.RecordID, Clause: "附三(二)2"}
}

func TestAVisitTakesEffectWhenTheOtherVisitorSignsTheRecord(t *testing.T) { // 附三(二)2, R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 3)
		one, two, three := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		a := r.passed(0)
		v := r.plan(a, one, two)
		_, err := r.act(a, two, models.ApplicationCommand{Event: models.EventPassVisit, VisitID: v.ID})
		refusedAs(t, models.CodeConflict, err, "没有待签认的记录")
		v = r.recorded(v, one, models.VisitMet)
		require.Equal(t, models.VisitRecorded, v.State)
		_, err = r.act(a, one, sign(v))
		refusedAs(t, models.CodeForbidden, err, "须由另一名走访人员签认")
		_, err = r.act(a, three, sign(v))
		refusedAs(t, models.CodeForbidden, err, "不是这次走访的走访人员")
		other := sign(v)
		other.Event = models.EventFailVisit
		_, err = r.act(a, two, other)
		refusedAs(t, models.CodeConflict, err, "已变更")
		stale := sign(v)
		stale.ReasonID--
		_, err = r.act(a, two, stale)
		refusedAs(t, models.CodeConflict, err, "已变更")
		_, err = r.act(r.passed(1), two, sign(v))
		refusedAs(t, models.CodeNotFound, err)
		a = r.acted(a, two, sign(v))
		require.Equal(t, models.ApplicationQualified, a.State)
		require.Equal(t, models.Quality, a.Category)
		v, err = s.Visit(context.Background(), v.ID)
		require.NoError(t, err)
		require.Equal(t, models.VisitSigned, v.State)
		require.Equal(t, two, v.SignedBy)
		require.Equal(t, r.today, v.SignedOn)

		b := r.passed(2)
		w := r.recorded(r.plan(b, two, three), three, models.VisitNotMet)
		b = r.acted(b, two, sign(w))
		require.Equal(t, models.ApplicationRefused, b.State)
		require.Equal(t, w.RecordID, b.ReasonID, "the record is the reason that the applicant reads")
		require.Empty(t, r.owed(b))
	})
}

func TestARecordThatTheOtherDoesNotSignIsWrittenAnew(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 2)
		one, two := r.reviewers[0], r.reviewers[1]
		a := r.passed(0)
		v := r.recorded(r.plan(a, one, two), one, models.VisitMet)
		_, err := s.ReturnVisit(ctx, v.ID, one, r.reason("再想想"))
		refusedAs(t, models.CodeForbidden, err)
		v, err = s.ReturnVisit(ctx, v.ID, two, r.reason("与所见不符"))
		require.NoError(t, err)
		require.Equal(t, models.VisitPlanned, v.State)
		require.Zero(t, v.RecordID)
		v = r.recorded(v, two, models.VisitNotMet)
		require.Equal(t, models.ApplicationRefused, r.acted(a, one, sign(v)).State)
	})
}

func TestAVisitIsPlannedChangedAndCancelledByThoseConcerned(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 4)
		one, two, three, stranger := r.reviewers[0], r.reviewers[1], r.reviewers[2], r.reviewers[3]
		a := r.passed(0)
		arrange := func(c store.VisitChange) (models.Visit, error) {
			if c.Visitors == [2]models.Actor{} {
				c.Visitors = [2]models.Actor{two, three}
			}
			if c.PlannedOn == 0 {
				c.PlannedOn = r.today.AddDays(3)
			}
			c.ApplicationID = a.ID
			return s.ArrangeVisit(ctx, c, r.today)
		}
		for name, c := range map[string]struct {
			change store.VisitChange
			code   models.Code
			words  string
		}{
			"by a stranger":         {store.VisitChange{By: stranger}, models.CodeForbidden, "办理人"},
			"by one alone":          {store.VisitChange{By: one, Visitors: [2]models.Actor{two, two}}, models.CodeInvalid, "两名不同"},
			"on a day that is past": {store.VisitChange{By: one, PlannedOn: r.today.AddDays(-1)}, models.CodeInvalid, "不能早于今天"},
			"in two years":          {store.VisitChange{By: one, PlannedOn: r.today.AddYears(2)}, models.CodeInvalid, "一年"},
			"by another department": {store.VisitChange{By: one, Visitors: [2]models.Actor{two, r.user(models.User{Email: "t@example.com", Role: models.RoleDepartment, District: "110107", Department: "tax"})}}, models.CodeInvalid, "在用用户"},
		} {
			_, err := arrange(c.change)
			require.Error(t, err, name)
			require.Equal(t, c.code, models.CodeOf(err), name)
			require.ErrorContains(t, err, c.words, name)
		}
		v, err := arrange(store.VisitChange{By: one})
		require.NoError(t, err)
		_, err = arrange(store.VisitChange{By: one})
		refusedAs(t, models.CodeConflict, err, "已有未完成的走访")
		_, err = arrange(store.VisitChange{VisitID: v.ID, By: stranger, PlannedOn: r.today})
		refusedAs(t, models.CodeForbidden, err)
		v, err = arrange(store.VisitChange{VisitID: v.ID, By: three, PlannedOn: r.today, ReasonID: r.reason("提前")})
		require.NoError(t, err)
		require.Equal(t, r.today, v.PlannedOn)
		v, err = arrange(store.VisitChange{VisitID: v.ID, By: stranger, Admin: true, Cancel: true, ReasonID: r.reason("店铺装修")})
		require.NoError(t, err)
		require.Equal(t, models.VisitCancelled, v.State)
		require.Equal(t, []string{"visit user " + string(one) + " 2026-10-25"}, r.owed(a), "another visit is to be arranged")
		_, err = s.RecordVisit(ctx, store.VisitRecord{VisitID: v.ID, By: two, VisitedOn: r.today, Outcome: models.VisitMet, RecordID: 1}, r.today)
		refusedAs(t, models.CodeConflict, err, "已取消")
		v = r.plan(a, two, three)
		r.recorded(v, two, models.VisitMet)
		_, err = arrange(store.VisitChange{VisitID: v.ID, By: one, Cancel: true, ReasonID: r.reason("重来")})
		refusedAs(t, models.CodeConflict, err, "不能再更改或取消")

		list, err := s.ApplicationVisits(ctx, a.ID)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, "店铺装修", list[0].Reason)
		require.Equal(t, "现场情况", list[1].Record)
	})
}

func TestOfTwoWhoPlanAVisitAtOnceOneWins(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 3)
		a := r.passed(0)
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.ArrangeVisit(context.Background(), store.VisitChange{ApplicationID: a.ID, Visitors: [2]models.Actor{r.reviewers[1], r.reviewers[2]},
					PlannedOn: r.today, By: a.Reviewer}, r.today)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refusedAs(t, models.CodeConflict, err, "已有未完成的走访")
		}
		require.Equal(t, 1, won)
	})
}

func TestTheVisitsOfAVisitorAreListedByTheirDay(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		one, two, three := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		var ids []int64
		for i, c := range []struct {
			visitors [2]models.Actor
			on       string
		}{{[2]models.Actor{one, two}, "2026-10-12"}, {[2]models.Actor{two, three}, "2026-10-10"}, {[2]models.Actor{one, three}, "2026-10-09"}, {[2]models.Actor{three, two}, "2026-10-10"}} {
			a := r.passed(i)
			v, err := s.ArrangeVisit(ctx, store.VisitChange{ApplicationID: a.ID, Visitors: c.visitors, PlannedOn: calendar.MustDate(c.on), By: one}, r.today)
			require.NoError(t, err)
			ids = append(ids, v.ID)
		}
		q := store.VisitQuery{Visitor: two, States: []models.VisitState{models.VisitPlanned, models.VisitRecorded}, Limit: 1}
		var seen []int64
		for {
			page, err := s.VisitsOf(ctx, q)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			require.NotEmpty(t, page[0].Application.Name)
			seen = append(seen, page[0].ID)
			q.After = store.VisitCursor{On: page[0].PlannedOn, ID: page[0].ID}
		}
		require.Equal(t, []int64{ids[1], ids[3], ids[0]}, seen)
	})
}

func TestAConflictDeclaredLaterTakesTheCaseAndTheVisitFromThem(t *testing.T) { // 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		one, two, three := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		declare := func(who models.Actor, uscc string) models.ConflictOfInterest {
			c, err := s.DeclareConflict(ctx, models.ConflictOfInterest{District: "110107", Actor: who, USCC: uscc, ReasonID: r.reason("亲属"), DeclaredBy: who})
			require.NoError(t, err)
			return c
		}
		a := r.passed(0)
		v := r.recorded(r.plan(a, one, two), two, models.VisitMet)
		c := declare(two, a.USCC)
		require.Equal(t, c.ID, declare(two, a.USCC).ID, "declared once")
		_, err := r.act(a, one, sign(v))
		refusedAs(t, models.CodeConflict, err)
		v, err = s.Visit(ctx, v.ID)
		require.NoError(t, err)
		require.Equal(t, models.VisitCancelled, v.State, "what they recorded counts for nothing")
		require.Equal(t, []string{"visit user " + string(one) + " 2026-10-25"}, r.owed(a))
		declare(one, a.USCC)
		now, err := s.Application(ctx, a.ID)
		require.NoError(t, err)
		require.Empty(t, now.Reviewer)
		require.Equal(t, []string{"visit department scjg 2026-10-25"}, r.owed(a))
		_, err = r.claim(a, one)
		refusedAs(t, models.CodeForbidden, err, "应当回避")
		a = r.claimed(a, three)

		_, err = s.LiftConflict(ctx, c.ID, two, r.reason("无妨"))
		refusedAs(t, models.CodeForbidden, err, "不能解除自己的")
		lifted, err := s.LiftConflict(ctx, c.ID, "user:1", r.reason("误报"))
		require.NoError(t, err)
		require.False(t, lifted.Stands())
		_, err = s.LiftConflict(ctx, c.ID, "user:1", r.reason("再次"))
		refusedAs(t, models.CodeConflict, err)
		_, err = s.LiftConflict(ctx, 999, "user:1", r.reason("再次"))
		refusedAs(t, models.CodeNotFound, err)
		r.plan(a, two, three)
		require.NotEqual(t, c.ID, declare(two, a.USCC).ID, "declared anew after it was lifted")
		list, err := s.ConflictsOfInterest(ctx, store.ConflictQuery{District: "110107", USCC: a.USCC, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 3)
		require.Equal(t, "误报", list[0].LiftReason)
		require.Equal(t, "亲属", list[0].Reason)
	})
}
