package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// reviewing is a district in its review stage: its bureau's reviewers, and households that may apply.
type reviewing struct {
	*store.Store
	t          *testing.T
	reviewers  []models.Actor
	households []string
	today      calendar.Date
	commands   int
}

func reviewed(t *testing.T, s *store.Store, reviewers int) *reviewing {
	t.Helper()
	ctx := context.Background()
	openedCycle(t, s)
	sampletest.Deliver(t, s)
	sampletest.Judge(t, s)
	r := &reviewing{Store: s, t: t, today: calendar.MustDate("2026-09-24")}
	r.stage(models.StageApplication)
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: sampletest.District, Code: models.BureauCode, Name: "区市场监管局"}))
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: sampletest.District, Code: "tax", Name: "区税务局"}))
	for i := range reviewers {
		r.reviewers = append(r.reviewers, r.user(models.User{Email: fmt.Sprintf("r%d@example.com", i), Role: models.RoleDepartment, District: sampletest.District, Department: models.BureauCode}))
	}
	codes := slices.Sorted(maps.Keys(sampletest.Expected(t)))
	all, err := s.Candidates(ctx, sampletest.Cycle, codes)
	require.NoError(t, err)
	law, err := s.PolicyInForce(ctx, sampletest.District, sampletest.Year)
	require.NoError(t, err)
	for _, code := range codes {
		c := all[code]
		if len(law.Bars(&c, models.OriginOwn, r.today, r.today)) == 0 {
			r.households = append(r.households, code)
		}
	}
	require.Greater(t, len(r.households), 10)
	return r
}

func (r *reviewing) user(u models.User) models.Actor {
	r.t.Helper()
	u.Name = "审核员"
	u, err := r.AddUser(context.Background(), models.ActorConsole, u, "")
	require.NoError(r.t, err)
	return u.Actor()
}

func (r *reviewing) stage(stage models.Stage) {
	r.t.Helper()
	require.NoError(r.t, r.EnterStage(context.Background(), sampletest.Cycle, stage, models.CycleRunning, r.today))
}

func (r *reviewing) reason(text string) int64 {
	r.t.Helper()
	id, err := r.AddReason(context.Background(), models.ActorConsole, text)
	require.NoError(r.t, err)
	return id
}

// act carries a command out.
func (r *reviewing) act(a models.Application, by models.Actor, c models.ApplicationCommand) (models.Application, error) {
	r.commands++
	c.CommandID, c.ApplicationID, c.Actor = fmt.Sprintf("test-%d", r.commands), a.ID, by
	return r.ActOnApplication(context.Background(), c, r.today)
}

func (r *reviewing) acted(a models.Application, by models.Actor, c models.ApplicationCommand) models.Application {
	r.t.Helper()
	a, err := r.act(a, by, c)
	require.NoError(r.t, err)
	return a
}

// submitted is the i-th household's application, for 优质 B and C unless others are given.
func (r *reviewing) submitted(i int, grounds ...models.ApplicationGround) models.Application {
	r.t.Helper()
	uscc := r.households[i]
	if len(grounds) == 0 {
		grounds = []models.ApplicationGround{{Category: models.Quality, Letter: "B"}, {Category: models.Quality, Letter: "C"}}
	}
	content := models.ApplicationContent{Grounds: grounds, Statement: "三代传承"}
	for _, g := range grounds {
		if !slices.Contains(content.Wished, g.Category) {
			content.Wished = append(content.Wished, g.Category)
		}
	}
	a, err := r.DraftApplication(context.Background(), models.Application{CycleID: sampletest.Cycle, USCC: uscc, Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(uscc)}, content)
	require.NoError(r.t, err)
	return r.acted(a, models.HouseholdActor(uscc), models.ApplicationCommand{Event: models.EventSubmit})
}

func (r *reviewing) claim(a models.Application, by models.Actor) (models.Application, error) {
	return r.AssignReview(context.Background(), models.ReviewAssignment{ApplicationID: a.ID, To: by, By: by}, r.today)
}

func (r *reviewing) claimed(a models.Application, by models.Actor) models.Application {
	r.t.Helper()
	a, err := r.claim(a, by)
	require.NoError(r.t, err)
	return a
}

// found is a reviewer's finding with a reason.
func (r *reviewing) found(letter string, met bool) models.GroundFinding {
	return models.GroundFinding{Category: models.Quality, Letter: letter, Met: met, ReasonID: r.reason("核对证书原件")}
}

func (r *reviewing) pass(findings ...models.GroundFinding) models.ApplicationCommand {
	return models.ApplicationCommand{Event: models.EventPassReview, Category: models.Quality, Findings: findings}
}

// passed is an application whose review the first reviewer has passed.
func (r *reviewing) passed(i int) models.Application {
	r.t.Helper()
	a := r.claimed(r.submitted(i), r.reviewers[0])
	return r.acted(a, r.reviewers[0], r.pass(r.found("B", true), r.found("C", false)))
}

// owed is who owes what for an application and its visits now: kind and owner.
func (r *reviewing) owed(a models.Application) []string {
	r.t.Helper()
	visits, err := r.ApplicationVisits(context.Background(), a.ID)
	require.NoError(r.t, err)
	subjects := []string{models.ApplicationObject(a.ID)}
	for _, v := range visits {
		subjects = append(subjects, models.VisitObject(v.ID))
	}
	list, err := r.OpenObligations(context.Background(), a.CycleID)
	require.NoError(r.t, err)
	owed := []string{}
	for _, o := range list {
		if slices.Contains(subjects, o.Subject) {
			owed = append(owed, fmt.Sprintf("%s %s %s %s", o.Kind, o.OwnerKind, o.Owner, o.Due))
		}
	}
	slices.Sort(owed)
	return owed
}

func refusedAs(t *testing.T, code models.Code, err error, words ...string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, models.CodeOf(err), err.Error())
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}

func TestOfManyWhoClaimAnApplicationAtOnceOneWins(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 6)
		a := r.submitted(0)
		errs := make([]error, len(r.reviewers))
		var wg sync.WaitGroup
		for i, reviewer := range r.reviewers {
			wg.Go(func() { _, errs[i] = r.claim(a, reviewer) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			if err == nil {
				require.Equal(t, -1, winner, "one only")
				winner = i
				continue
			}
			refusedAs(t, models.CodeConflict, err, "已由他人领取")
		}
		require.GreaterOrEqual(t, winner, 0)
		now, err := s.Application(context.Background(), a.ID)
		require.NoError(t, err)
		require.Equal(t, r.reviewers[winner], now.Reviewer)
		require.Equal(t, []string{fmt.Sprintf("review user %s 2026-10-25", now.Reviewer)}, r.owed(a))
		_, err = r.claim(a, r.reviewers[winner])
		require.NoError(t, err, "claiming what one has changes nothing")
	})
}

func TestTheNextStepIsOwedByWhoHasTheApplicationElseByTheBureau(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		one, two, three := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		a := r.submitted(0)
		bureau := "review department scjg 2026-10-25"
		require.Equal(t, []string{bureau}, r.owed(a))
		a = r.claimed(a, one)
		require.Equal(t, []string{"review user " + string(one) + " 2026-10-25"}, r.owed(a))
		_, err := s.AssignReview(ctx, models.ReviewAssignment{ApplicationID: a.ID, By: two}, r.today)
		refusedAs(t, models.CodeForbidden, err, "只有办理人本人或管理员")
		_, err = s.AssignReview(ctx, models.ReviewAssignment{ApplicationID: a.ID, By: one}, r.today)
		require.NoError(t, err)
		require.Equal(t, []string{bureau}, r.owed(a), "given back")
		a = r.claimed(a, one)
		a, err = s.AssignReview(ctx, models.ReviewAssignment{ApplicationID: a.ID, To: two, By: one, ReasonID: r.reason("出差")}, r.today)
		require.NoError(t, err)
		require.Equal(t, []string{"review user " + string(two) + " 2026-10-25"}, r.owed(a), "handed over")

		a = r.acted(a, two, models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("请补充证书")})
		require.Equal(t, calendar.MustDate("2026-10-09"), a.LimitOn, "5 working days across Mid-Autumn and National Day")
		require.Equal(t, []string{"supplement household " + a.USCC + " 2026-10-09"}, r.owed(a), "the review rests")
		a = r.acted(a, models.HouseholdActor(a.USCC), models.ApplicationCommand{Event: models.EventSupply, ReasonID: r.reason("见说明")})
		require.Equal(t, []string{"review user " + string(two) + " 2026-10-25"}, r.owed(a), "back to the reviewer")

		a = r.acted(a, two, r.pass(r.found("B", true), r.found("C", false)))
		require.Equal(t, []string{"visit user " + string(two) + " 2026-10-25"}, r.owed(a), "a visit is to be arranged")
		v, err := s.ArrangeVisit(ctx, store.VisitChange{ApplicationID: a.ID, Visitors: [2]models.Actor{one, three}, PlannedOn: r.today, By: two}, r.today)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"visit user " + string(one) + " 2026-09-24", "visit user " + string(three) + " 2026-09-24"}, r.owed(a))
		v, err = s.ArrangeVisit(ctx, store.VisitChange{VisitID: v.ID, Visitors: [2]models.Actor{two, three}, PlannedOn: r.today, By: one, ReasonID: r.reason("换人")}, r.today)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"visit user " + string(two) + " 2026-09-24", "visit user " + string(three) + " 2026-09-24"}, r.owed(a))
		v, err = s.RecordVisit(ctx, store.VisitRecord{VisitID: v.ID, By: two, VisitedOn: r.today, Outcome: models.VisitMet, RecordID: r.reason("店面、证书属实")}, r.today)
		require.NoError(t, err)
		a = r.acted(a, three, models.ApplicationCommand{Event: models.EventPassVisit, VisitID: v.ID, ReasonID: v.RecordID})
		require.Equal(t, models.ApplicationQualified, a.State)
		require.Equal(t, calendar.MustDate("2026-11-05"), a.Due)
		require.Empty(t, r.owed(a), "nothing until the selection")
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func TestWhoHandsOutACodeForAHouseholdDecidesNothingAboutIt(t *testing.T) { // R12, 三(二): with the code they could have applied themselves
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		me, other, third := r.reviewers[0], r.reviewers[1], r.reviewers[2]
		a := r.claimed(r.submitted(0), me)
		home := models.Home{District: sampletest.District, Year: sampletest.Year, USCC: a.USCC, Name: a.Name}
		_, _, err := s.IssueAccessCode(ctx, me, home, r.reason("窗口申领"))
		require.NoError(t, err)
		a, err = s.Application(ctx, a.ID)
		require.NoError(t, err)
		require.Empty(t, a.Reviewer, "what they had of the household goes back to the bureau")
		_, err = r.claim(a, me)
		refusedAs(t, models.CodeForbidden, err, "登录码")
		_, err = s.AssignReviews(ctx, models.BulkAssignment{CycleID: a.CycleID, Reviewers: []models.Actor{me}, By: "user:99"}, r.today)
		require.NoError(t, err)
		a, err = s.Application(ctx, a.ID)
		require.NoError(t, err)
		require.Empty(t, a.Reviewer)

		a = r.claimed(a, other)
		a = r.acted(a, other, r.pass(r.found("B", true), r.found("C", false)))
		_, err = s.ArrangeVisit(ctx, store.VisitChange{ApplicationID: a.ID, Visitors: [2]models.Actor{me, third}, PlannedOn: r.today, By: other}, r.today)
		refusedAs(t, models.CodeForbidden, err, "登录码")
		require.Error(t, s.MayDecide(ctx, a, me))
		require.NoError(t, s.MayDecide(ctx, a, other))
	})
}

func TestWhoRecommendsAHouseholdHasNoCodeWithWhichToConsentForIt(t *testing.T) { // 附三(二)2, R9
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 2)
		officer, colleague := r.reviewers[0], r.reviewers[1]
		recommended := func(i int, by models.Actor) (models.Application, error) {
			a, err := s.DraftApplication(ctx, models.Application{CycleID: sampletest.Cycle, USCC: r.households[i], Origin: models.OriginRecommended, EnteredBy: by,
				RecommendedBy: by, Department: models.BureauCode}, models.ApplicationContent{Wished: []models.Category{models.Quality},
				Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "F"}}})
			require.NoError(t, err)
			return r.act(a, by, models.ApplicationCommand{Event: models.EventRecommend, ReasonID: r.reason("行业代表性强")})
		}
		home := func(i int) models.Home {
			return models.Home{District: sampletest.District, Year: sampletest.Year, USCC: r.households[i]}
		}
		_, err := recommended(0, officer)
		require.NoError(t, err)
		_, _, err = s.IssueAccessCode(ctx, officer, home(0), 0)
		refusedAs(t, models.CodeForbidden, err, "同事")
		_, _, err = s.IssueAccessCode(ctx, colleague, home(0), 0)
		require.NoError(t, err)

		_, _, err = s.IssueAccessCode(ctx, officer, home(1), 0)
		require.NoError(t, err)
		_, err = recommended(1, officer)
		refusedAs(t, models.CodeForbidden, err, "登录码")
		_, err = s.DeclareConflict(ctx, models.ConflictOfInterest{District: sampletest.District, Actor: officer, USCC: r.households[2], ReasonID: r.reason("亲属"), DeclaredBy: officer})
		require.NoError(t, err)
		_, err = recommended(2, officer)
		refusedAs(t, models.CodeForbidden, err, "回避")
	})
}

func TestTheInstallationsTokenDecidesNothing(t *testing.T) { // R24: every decision has who; R12: one person with two tokens is one pair of eyes
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		a := r.submitted(0)
		for _, actor := range []models.Actor{models.ActorBootstrap, models.ActorConsole} {
			refusedAs(t, models.CodeForbidden, s.MayDecide(context.Background(), a, actor), "本人账号")
		}
	})
}
