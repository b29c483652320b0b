package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// write changes delivered rows as the import would.
func (r *reviewing) write(statement string, args ...any) {
	r.t.Helper()
	_, err := r.SQL().ExecContext(context.Background(), statement, args...)
	require.NoError(r.t, err, statement)
}

func TestAReviewIsPassedOnlyWithAFindingOnEveryClaimedGroundAndOneOfTheCategoryMet(t *testing.T) { // 附三(三)2, R11
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		a := r.submitted(0)
		_, err := r.act(a, me, r.pass(r.found("B", true), r.found("C", true)))
		refusedAs(t, models.CodeConflict, err, "请先领取")
		a = r.claimed(a, me)
		for name, c := range map[string]struct {
			command models.ApplicationCommand
			code    models.Code
			words   string
		}{
			"one claimed ground without a finding": {r.pass(r.found("B", true)), models.CodeInvalid, "“优质”C 项已申报"},
			"no finding at all":                    {r.pass(), models.CodeInvalid, "已申报，请写明审核结论"},
			"none met":                             {r.pass(r.found("B", false), r.found("C", false)), models.CodeConflict, "至少须有一项条件符合"},
			"a judgement without a reason":         {r.pass(models.GroundFinding{Category: models.Quality, Letter: "B", Met: true}, r.found("C", false)), models.CodeInvalid, "请写明理由"},
			"a ground twice":                       {r.pass(r.found("B", true), r.found("B", false), r.found("C", false)), models.CodeInvalid, "重复"},
			"a letter that the law does not have":  {r.pass(r.found("B", true), r.found("C", true), r.found("Z", true)), models.CodeInvalid, "没有 Z 项"},
			"no category":                          {models.ApplicationCommand{Event: models.EventPassReview}, models.CodeInvalid, "分类"},
		} {
			_, err := r.act(a, me, c.command)
			require.Error(t, err, name)
			require.Equal(t, c.code, models.CodeOf(err), name)
			require.ErrorContains(t, err, c.words, name)
		}
		grounds, err := s.ApplicationGrounds(context.Background(), a.ID)
		require.NoError(t, err)
		for _, g := range grounds {
			require.Empty(t, g.ByActor, "what is refused leaves nothing behind")
		}

		a = r.acted(a, me, r.pass(r.found("B", true), r.found("C", false), r.found("E", true)))
		require.Equal(t, models.ApplicationVisit, a.State)
		require.Equal(t, models.Quality, a.Category)
		grounds, err = s.ApplicationGrounds(context.Background(), a.ID)
		require.NoError(t, err)
		require.Len(t, grounds, 3, "one was found that was not claimed")
		for i, want := range []struct {
			letter  string
			claimed bool
			outcome models.Outcome
		}{{"B", true, models.OutcomeMet}, {"C", true, models.OutcomeNotMet}, {"E", false, models.OutcomeMet}} {
			g := grounds[i]
			require.Equal(t, want.letter, g.Letter)
			require.Equal(t, want.claimed, g.Claimed)
			require.Equal(t, want.outcome, g.Outcome)
			require.Equal(t, models.CheckedByReviewer, g.CheckedBy)
			require.Equal(t, me, g.ByActor)
			require.NotZero(t, g.ReasonID)
		}
	})
}

func TestWhereTheDataDecideTheReviewerCannotContradictThem(t *testing.T) { // 附三(三)2(3)A
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		claimed := []models.ApplicationGround{{Category: models.Quality, Letter: "A"}, {Category: models.Quality, Letter: "B"}}
		for i, c := range []struct {
			founded string
			met     bool
		}{{"2006-09-23", true}, {"2006-09-24", false}} { // of today, 24 Sep 2026: over 20 years, or just 20
			r.write("UPDATE src_registry SET founded = ? WHERE uscc = ?", c.founded, r.households[i])
			r.write("DELETE FROM src_credit WHERE uscc = ?", r.households[i])
			a := r.claimed(r.submitted(i, claimed...), me)
			_, err := r.act(a, me, r.pass(r.found("A", !c.met), r.found("B", true)))
			refusedAs(t, models.CodeConflict, err, "不能与数据相反")
			a = r.acted(a, me, r.pass(r.found("B", true)))
			grounds, err := s.ApplicationGrounds(context.Background(), a.ID)
			require.NoError(t, err)
			require.Equal(t, "A", grounds[0].Letter, "the data are the finding, nobody need repeat them")
			require.Equal(t, models.CheckedByData, grounds[0].CheckedBy)
			require.Equal(t, c.met, grounds[0].Outcome == models.OutcomeMet)
			require.NotEmpty(t, grounds[0].Value)
		}
	})
}

func TestWhoIsBarredMeanwhileCannotPassTheReview(t *testing.T) { // 附三(三)1(2)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		a := r.claimed(r.submitted(0), me)
		r.write("INSERT INTO src_credit VALUES ('110107', 2026, ?, '失信被执行人', '2026-09-20', NULL, NULL, NULL)", a.USCC)
		_, err := r.act(a, me, r.pass(r.found("B", true), r.found("C", false)))
		refusedAs(t, models.CodeConflict, err, "附三(三)1(2)")
		_, err = r.act(a, me, models.ApplicationCommand{Event: models.EventRefuse, Clause: "附三(三)1(2)"})
		refusedAs(t, models.CodeInvalid, err, "条款和理由")
		_, err = r.act(a, me, models.ApplicationCommand{Event: models.EventRefuse, ReasonID: r.reason("失信被执行人")})
		refusedAs(t, models.CodeInvalid, err, "条款和理由")
		a = r.acted(a, me, models.ApplicationCommand{Event: models.EventRefuse, Clause: "附三(三)1(2)", ReasonID: r.reason("失信被执行人"), Findings: []models.GroundFinding{r.found("B", true)}})
		require.Equal(t, models.ApplicationRefused, a.State)
		require.Equal(t, "附三(三)1(2)", a.Clause)
		require.Equal(t, r.today, a.ClosedOn)
		require.Empty(t, r.owed(a))
	})
}

func TestWhatNoDataDecideTheReviewerMustSeeTo(t *testing.T) { // 附三(三)1(1)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		a := r.claimed(r.submitted(0), me)
		r.write("INSERT INTO src_credit VALUES ('110107', 2026, ?, '行政处罚', '2026-08-20', NULL, '', ?)", a.USCC, true)
		_, err := r.act(a, me, r.pass(r.found("B", true), r.found("C", false)))
		refusedAs(t, models.CodeInvalid, err, "附三(三)1(1)")
		seen := r.pass(r.found("B", true), r.found("C", false))
		seen.ReasonID = r.reason("已向处罚机关核实：该处罚为警告，不是罚款")
		require.Equal(t, models.ApplicationVisit, r.acted(a, me, seen).State)
	})
}

func TestAFitterCategoryThanThoseWishedNeedsAReason(t *testing.T) { // 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		a := r.claimed(r.submitted(0), me)
		fitter := models.ApplicationCommand{Event: models.EventPassReview, Category: models.Distinctive,
			Findings: []models.GroundFinding{{Category: models.Distinctive, Letter: "A", Met: true, ReasonID: r.reason("代表性强")}}}
		_, err := r.act(a, me, fitter)
		refusedAs(t, models.CodeInvalid, err, "不是所申报的分类")
		fitter.ReasonID = r.reason("依托本区文旅资源，特色类更适宜")
		a = r.acted(a, me, fitter)
		require.Equal(t, models.Distinctive, a.Category)
		require.Equal(t, []models.Category{models.Quality}, a.Wished, "what was wished stays on record")
		require.Equal(t, fitter.ReasonID, a.ReasonID, "the operator is told why")
		steps, err := s.ApplicationSteps(context.Background(), a.ID)
		require.NoError(t, err)
		require.Contains(t, steps[len(steps)-1].Detail, `"fitter":true`)
	})
}

func TestNobodyReviewsWhatTheyEnteredOrRecommendedOrMustStandAsideFrom(t *testing.T) { // R12, 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		entered, aside, other := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		a := r.submitted(0)
		r.write("UPDATE applications SET entered_by = ? WHERE id = ?", entered, a.ID)
		_, err := s.DeclareConflict(ctx, models.ConflictOfInterest{District: a.District, Actor: aside, USCC: a.USCC, ReasonID: r.reason("亲属"), DeclaredBy: aside})
		require.NoError(t, err)
		for who, why := range map[models.Actor]string{entered: "录入或推荐", aside: "应当回避", "bootstrap": "本人账号", "household:" + models.Actor(a.USCC): "本人账号"} {
			_, err := r.claim(a, who)
			refusedAs(t, models.CodeForbidden, err, why)
			_, err = s.AssignReview(ctx, models.ReviewAssignment{ApplicationID: a.ID, To: who, By: "user:999", Admin: true}, r.today)
			refusedAs(t, models.CodeForbidden, err, why)
		}
		for _, stranger := range []models.Actor{r.user(models.User{Email: "t@example.com", Role: models.RoleDepartment, District: "110107", Department: "tax"}),
			r.user(models.User{Email: "a@example.com", Role: models.RoleAuditor}), "user:999"} {
			_, err := r.claim(a, stranger)
			refusedAs(t, models.CodeInvalid, err, "不是本区市场监管局的在用用户")
		}
		// on the list all the same, as if put there before the conflict was known
		for who, why := range map[models.Actor]string{entered: "录入或推荐", aside: "应当回避"} {
			r.write("UPDATE applications SET reviewer = ? WHERE id = ?", who, a.ID)
			for _, c := range []models.ApplicationCommand{r.pass(r.found("B", true), r.found("C", true)),
				{Event: models.EventRefuse, Clause: "附三(三)2", ReasonID: r.reason("不符")}, {Event: models.EventAskSupplement, ReasonID: r.reason("请补充")}} {
				_, err := r.act(a, who, c)
				refusedAs(t, models.CodeForbidden, err, why)
			}
		}
		r.write("UPDATE applications SET reviewer = '' WHERE id = ?", a.ID)
		a = r.claimed(a, other)
		_, err = r.act(a, aside, r.pass(r.found("B", true), r.found("C", true)))
		refusedAs(t, models.CodeForbidden, err, "由他人办理")
		a = r.acted(a, other, r.pass(r.found("B", true), r.found("C", true)))
		for _, visitors := range [][2]models.Actor{{other, entered}, {aside, other}} {
			_, err := s.ArrangeVisit(ctx, store.VisitChange{ApplicationID: a.ID, Visitors: visitors, PlannedOn: r.today, By: other}, r.today)
			refusedAs(t, models.CodeForbidden, err)
		}
	})
}

func TestSupplementsHaveALimitInWorkingDaysNeverShorterThanThePolicys(t *testing.T) { // 附三(二)2, R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		me := r.reviewers[0]
		a := r.claimed(r.submitted(0), me)
		for _, days := range []int{1, 4, 31, -1} {
			_, err := r.act(a, me, models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("证书"), Days: days})
			refusedAs(t, models.CodeInvalid, err, "5至30个工作日")
		}
		_, err := r.act(a, me, models.ApplicationCommand{Event: models.EventAskSupplement})
		refusedAs(t, models.CodeInvalid, err, "需要补充的材料")
		a = r.acted(a, me, models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("证书"), Days: 6})
		require.Equal(t, calendar.MustDate("2026-10-10"), a.LimitOn)
		require.Equal(t, me, a.Reviewer, "who asked goes on with it")
		_, err = r.act(a, me, r.pass(r.found("B", true), r.found("C", true)))
		refusedAs(t, models.CodeConflict, err, "待补充材料")
		r.today = calendar.MustDate("2026-10-11")
		a = r.acted(a, models.ActorSystem, models.ApplicationCommand{Event: models.EventSupplementOverdue})
		require.Equal(t, []string{"review user " + string(me) + " 2026-10-25"}, r.owed(a))
	})
}

func TestWhatIsReopenedIsNobodysAndDueAgain(t *testing.T) { // R14
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 2)
		a := r.claimed(r.submitted(0), r.reviewers[0])
		a = r.acted(a, r.reviewers[0], models.ApplicationCommand{Event: models.EventRefuse, Clause: "附三(三)2", ReasonID: r.reason("不符")})
		a = r.acted(a, r.reviewers[1], models.ApplicationCommand{Event: models.EventReopen, Clause: "附三(二)2", ReasonID: r.reason("异议成立")})
		require.Equal(t, models.ApplicationSubmitted, a.State)
		require.Empty(t, a.Reviewer)
		require.Equal(t, []string{"review department scjg 2026-10-25"}, r.owed(a))
		r.claimed(a, r.reviewers[1])
	})
}

func TestWhatIsUndecidedAtTheEndOfTheStageIsCountedAndLapses(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 2)
		visit := r.passed(0)
		_, err := s.ArrangeVisit(ctx, store.VisitChange{ApplicationID: visit.ID, Visitors: [2]models.Actor{r.reviewers[0], r.reviewers[1]}, PlannedOn: r.today, By: r.reviewers[0]}, r.today)
		require.NoError(t, err)
		supplement := r.acted(r.claimed(r.submitted(1), r.reviewers[0]), r.reviewers[0], models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("证书")})
		submitted := r.submitted(2)
		_, err = s.DraftApplication(ctx, models.Application{CycleID: sampletest.Cycle, USCC: r.households[3], Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(r.households[3])}, models.ApplicationContent{})
		require.NoError(t, err)
		b, err := s.OpenReviews(ctx, sampletest.Cycle, calendar.MustDate("2026-10-10"))
		require.NoError(t, err)
		require.Equal(t, models.ReviewBoard{Draft: 1, Submitted: 1, Supplement: 1, Visit: 1, Unassigned: 1, Overdue: 1}, b, "the supplements' limit is past")
		require.EqualValues(t, 3, b.Open())

		_, err = s.LapseUndecided(ctx, sampletest.Cycle, []models.ApplicationState{models.ApplicationCertified}, r.today, "user:1", 0, 10)
		refusedAs(t, models.CodeConflict, err)
		states := []models.ApplicationState{models.ApplicationSubmitted, models.ApplicationSupplement, models.ApplicationVisit}
		why := r.reason("审核阶段结束")
		for _, want := range []int{2, 1, 0} {
			n, err := s.LapseUndecided(ctx, sampletest.Cycle, states, r.today, "user:1", why, 2)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		for _, a := range []models.Application{visit, supplement, submitted} {
			now, err := s.Application(ctx, a.ID)
			require.NoError(t, err)
			require.Equal(t, models.ApplicationLapsed, now.State)
			require.Equal(t, why, now.ReasonID)
			require.Empty(t, r.owed(a))
		}
		visits, err := s.ApplicationVisits(ctx, visit.ID)
		require.NoError(t, err)
		require.Equal(t, models.VisitCancelled, visits[0].State, "nobody goes there in vain")
		unnoticed, err := s.UnnoticedApplications(ctx, sampletest.Cycle, 0, 10)
		require.NoError(t, err)
		require.Len(t, unnoticed, 3, "their processes have yet to hear of it")
		b, err = s.OpenReviews(ctx, sampletest.Cycle, r.today)
		require.NoError(t, err)
		require.Equal(t, models.ReviewBoard{Draft: 1}, b)
	})
}

func TestABulkAssignmentDealsInTurnAndLeavesWhatNoneOfThemMayDecide(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		one, two, three := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		list := make([]models.Application, 7)
		for i := range list {
			list[i] = r.submitted(i)
		}
		r.write("UPDATE applications SET street = '古城街道' WHERE id <= ?", list[4].ID)
		r.write("UPDATE applications SET street = '八角街道' WHERE id > ?", list[4].ID)
		r.write("UPDATE applications SET entered_by = ? WHERE id = ?", one, list[0].ID)
		for _, actor := range []models.Actor{one, two} {
			_, err := s.DeclareConflict(ctx, models.ConflictOfInterest{District: "110107", Actor: actor, USCC: list[1].USCC, ReasonID: r.reason("亲属"), DeclaredBy: actor})
			require.NoError(t, err)
		}
		r.claimed(list[4], three)
		b := models.BulkAssignment{CycleID: sampletest.Cycle, Street: "古城街道", Reviewers: []models.Actor{one, two}, By: "user:1"}
		done, err := s.AssignReviews(ctx, b, r.today)
		require.NoError(t, err)
		require.Equal(t, map[models.Actor]int{one: 1, two: 2}, done.Assigned)
		require.Equal(t, 1, done.LeftAll)
		require.Equal(t, list[1].ID, done.Left[0].ApplicationID)
		require.NotEmpty(t, done.Left[0].Why)
		owners := func() (reviewers []models.Actor) {
			for _, a := range list {
				now, err := s.Application(ctx, a.ID)
				require.NoError(t, err)
				reviewers = append(reviewers, now.Reviewer)
			}
			return reviewers
		}
		require.Equal(t, []models.Actor{two, "", one, two, three, "", ""}, owners(), "in turn; what somebody has stays theirs; the other street is left alone")
		require.Equal(t, []string{"review user " + string(one) + " 2026-10-25"}, r.owed(list[2]))
		done, err = s.AssignReviews(ctx, b, r.today)
		require.NoError(t, err)
		require.Equal(t, 0, done.Assigned[one]+done.Assigned[two], "again: only what is still there")
		b.Street, b.Reviewers = "", []models.Actor{three}
		done, err = s.AssignReviews(ctx, b, r.today)
		require.NoError(t, err)
		require.Equal(t, map[models.Actor]int{three: 3}, done.Assigned)
		require.False(t, slices.Contains(owners(), ""))
		b.Reviewers = []models.Actor{three, "user:999"}
		_, err = s.AssignReviews(ctx, b, r.today)
		refusedAs(t, models.CodeInvalid, err, "999")
	})
}

func TestTheWorkListIsReadPageByPageByDueDate(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 2)
		me := r.reviewers[0]
		var ids []int64
		for i := range 9 {
			a := r.claimed(r.submitted(i), r.reviewers[i%3/2])
			if i%3/2 == 0 {
				ids = append(ids, a.ID)
			}
		}
		// 6 are mine: due later first, one in each state, two closed without a due date
		for i, row := range []struct{ state, due any }{{"submitted", "2026-10-20"}, {"visit", "2026-10-10"}, {"supplement", "2026-10-10"}, {"submitted", "2026-09-30"}, {"refused", nil}, {"refused", nil}} {
			r.write("UPDATE applications SET state = ?, due = ? WHERE id = ?", row.state, row.due, ids[i])
		}
		read := func(states ...models.ApplicationState) (seen []int64) {
			q := store.ReviewQuery{District: "110107", States: states, Reviewer: &me, Limit: 1}
			for {
				page, err := s.Reviews(ctx, q)
				require.NoError(t, err)
				if len(page) == 0 {
					return seen
				}
				seen = append(seen, page[0].ID)
				q.After = models.ReviewCursor{Due: page[0].Due, ID: page[0].ID}
			}
		}
		require.Equal(t, []int64{ids[3], ids[1], ids[2], ids[0]}, read())
		require.Equal(t, []int64{ids[4], ids[5], ids[3], ids[1], ids[2], ids[0]}, read(append(slices.Clone(models.ReviewStates), models.ApplicationRefused)...), "without a due date first")
		require.Equal(t, []int64{ids[1]}, read(models.ApplicationVisit))
		counts, err := s.ReviewCounts(ctx, store.ReviewQuery{District: "110107", Reviewer: &me})
		require.NoError(t, err)
		require.Equal(t, map[models.ApplicationState]int64{"submitted": 2, "visit": 1, "supplement": 1}, counts)
		counts, err = s.ReviewCounts(ctx, store.ReviewQuery{District: "110107", Reviewer: &me, States: []models.ApplicationState{models.ApplicationRefused}})
		require.NoError(t, err)
		require.Equal(t, map[models.ApplicationState]int64{"refused": 2}, counts)
		nobody, err := s.Reviews(ctx, store.ReviewQuery{District: "110107", Reviewer: new(models.Actor), Limit: 10})
		require.NoError(t, err)
		require.Empty(t, nobody)
		other, err := s.Reviews(ctx, store.ReviewQuery{District: "110108", Limit: 10})
		require.NoError(t, err)
		require.Empty(t, other)
	})
}

func TestAChangedPlanMovesWhatIsDueByItAndNoVisitThatIsArranged(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 2)
		one, two := r.reviewers[0], r.reviewers[1]
		submitted, waiting, arranged := r.submitted(0), r.passed(1), r.passed(2)
		r.plan(arranged, one, two)
		asked := r.acted(r.claimed(r.submitted(3), one), one, models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("证书")})
		later := map[calendar.PlanKey]calendar.Date{calendar.PlanReviewDue: calendar.MustDate("2026-10-30")}
		require.NoError(t, s.Reschedule(ctx, sampletest.Cycle, "k1", later, r.reason("顺延"), "user:1"))
		require.Equal(t, []string{"review department scjg 2026-10-30"}, r.owed(submitted))
		require.Equal(t, []string{"visit user " + string(one) + " 2026-10-30"}, r.owed(waiting))
		require.ElementsMatch(t, []string{"visit user " + string(one) + " 2026-09-24", "visit user " + string(two) + " 2026-09-24"}, r.owed(arranged))
		require.Equal(t, []string{"supplement household " + asked.USCC + " 2026-10-09"}, r.owed(asked))
		for id, due := range map[int64]string{submitted.ID: "2026-10-30", waiting.ID: "2026-10-30", arranged.ID: "2026-10-30", asked.ID: "2026-10-09"} {
			a, err := s.Application(ctx, id)
			require.NoError(t, err)
			require.Equal(t, calendar.MustDate(due), a.Due)
		}
	})
}
