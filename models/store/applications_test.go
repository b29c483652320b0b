package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// owned is the i-th household that may apply, as an applicant.
func (r *reviewing) owned(i int) models.Application {
	return models.Application{CycleID: sampletest.Cycle, USCC: r.households[i], Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(r.households[i])}
}

var qualityB = models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B", Statement: "区级非遗传承人"}}}

func TestAHouseholdHasOneApplicationAtATimeHoweverManyAreBegunAtOnce(t *testing.T) { // 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		made := make([]models.Application, len(errs))
		for i := range errs {
			wg.Go(func() { made[i], errs[i] = s.DraftApplication(ctx, r.owned(0), qualityB) })
		}
		wg.Wait()
		var one models.Application
		for i, err := range errs {
			if err == nil {
				require.Zero(t, one.ID, "two were begun")
				one = made[i]
			}
		}
		require.NotZero(t, one.ID)
		for _, err := range errs {
			if err != nil {
				var e *models.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, models.CodeConflict, e.Code)
				require.Equal(t, models.ApplicationObject(one.ID), e.Field, "the refusal names the one that goes on")
			}
		}
		live, err := s.LiveApplication(ctx, sampletest.Cycle, r.households[0])
		require.NoError(t, err)
		require.Equal(t, one.ID, live.ID)
		require.NotEmpty(t, live.Name, "what the registry holds is not asked for")

		require.NoError(t, s.DiscardDraft(ctx, live.EnteredBy, live.ID, r.today))
		again, err := s.DraftApplication(ctx, r.owned(0), models.ApplicationContent{})
		require.NoError(t, err, "after the first has ended another may begin")
		require.NotEqual(t, one.ID, again.ID)
	})
}

func TestADraftIsSavedAndDiscardedWithWhatItSaid(t *testing.T) { // R8
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		a, err := s.DraftApplication(ctx, r.owned(0), models.ApplicationContent{})
		require.NoError(t, err, "an empty draft can be saved")
		content := models.ApplicationContent{Wished: []models.Category{models.Emerging, models.Quality}, Statement: " 三代传承 ",
			Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B"}, {Category: models.Emerging, Letter: "A", Statement: "直播"}}}
		a, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, content)
		require.NoError(t, err)
		require.Equal(t, content.Wished, a.Wished, "the most wished stays first")
		_, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, models.ApplicationContent{Wished: content.Wished, Grounds: content.Grounds[1:], Statement: content.Statement})
		require.NoError(t, err)
		grounds, err := s.ApplicationGrounds(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, []models.ApplicationGround{{ApplicationID: a.ID, Category: models.Emerging, Letter: "A", Claimed: true, Statement: "直播"}}, grounds)
		a, err = s.Application(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, "三代传承", a.Statement)

		_, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, models.ApplicationContent{Wished: content.Wished, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "Z"}}})
		refusedAs(t, models.CodeInvalid, err, "没有 Z 项")
		_, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, models.ApplicationContent{Wished: content.Wished, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "F"}}})
		refusedAs(t, models.CodeInvalid, err, "须由部门推荐")

		d, err := s.AddDocument(ctx, models.User{Role: models.RoleOperator, District: a.District, USCC: a.USCC}, models.ApplicationObject(a.ID),
			models.PurposeEvidence, evidenceFile("传承人证书"))
		require.NoError(t, err)
		require.NoError(t, s.DiscardDraft(ctx, a.EnteredBy, a.ID, r.today))
		_, err = s.Document(ctx, d.ID)
		refusedAs(t, models.CodeNotFound, err, "没有这个文件")
		a, err = s.Application(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationWithdrawn, a.State)
		require.Empty(t, a.Statement, "what it said is gone")
		grounds, err = s.ApplicationGrounds(ctx, a.ID)
		require.NoError(t, err)
		require.Empty(t, grounds)
		refusedAs(t, models.CodeConflict, s.DiscardDraft(ctx, a.EnteredBy, a.ID, r.today), "已不是草稿")
		_, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, qualityB)
		refusedAs(t, models.CodeConflict, err, "已不是草稿")
	})
}

func TestASubmissionIsTakenOnceWithTheDataPolicyAndTierThatItWasCheckedOn(t *testing.T) { // R8, R24, B7
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		r.write("UPDATE src_registry SET founded = '2000-01-01' WHERE uscc = ?", r.households[0])
		r.write("DELETE FROM src_credit WHERE uscc = ?", r.households[0])
		content := qualityB
		content.Grounds = append([]models.ApplicationGround{{Category: models.Quality, Letter: "A"}}, content.Grounds...)
		a, err := s.DraftApplication(ctx, r.owned(0), content)
		require.NoError(t, err)
		c := models.ApplicationCommand{CommandID: "k1", ApplicationID: a.ID, Event: models.EventSubmit, Actor: a.EnteredBy}
		for range 2 {
			a, err = s.ActOnApplication(ctx, c, r.today)
			require.NoError(t, err)
		}
		candidate, err := s.Candidate(ctx, sampletest.Cycle, a.USCC)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationSubmitted, a.State)
		require.Equal(t, 1, a.Events, "the same command again changes nothing")
		require.Equal(t, r.today, a.SubmittedOn)
		require.Equal(t, calendar.MustDate("2026-10-25"), a.Due, "the plan's review_due")
		require.Equal(t, []any{candidate.Tier, candidate.RunID, candidate.DataMark}, []any{a.Tier, a.RunID, a.DataMark})
		require.NotZero(t, a.PolicyID)
		require.Equal(t, []string{"review department scjg 2026-10-25"}, r.owed(a))
		grounds, err := s.ApplicationGrounds(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, models.OutcomeMet, grounds[0].Outcome, "the registry says that it is more than 20 years old")
		require.Equal(t, models.CheckedByData, grounds[0].CheckedBy)
		require.NotEmpty(t, grounds[0].Value)
		require.Empty(t, grounds[1].Outcome, "evidence is for the reviewer")
		require.Equal(t, "区级非遗传承人", grounds[1].Statement)

		c.Event = models.EventWithdraw
		_, err = s.ActOnApplication(ctx, c, r.today)
		refusedAs(t, models.CodeConflict, err, "编号已用于另一项操作")
		list, err := s.UnnoticedApplications(ctx, sampletest.Cycle, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list, "its own process knows")
	})
}

func TestAnIncompleteBarredOrLateApplicationIsRefusedAndLeavesNothing(t *testing.T) { // R10
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		submit := func(i int, content models.ApplicationContent) (models.Application, error) {
			a, err := s.DraftApplication(ctx, r.owned(i), content)
			require.NoError(t, err)
			_, err = r.act(a, a.EnteredBy, models.ApplicationCommand{Event: models.EventSubmit})
			left, readErr := s.Application(ctx, a.ID)
			require.NoError(t, readErr)
			return left, err
		}
		a, err := submit(0, models.ApplicationContent{})
		refusedAs(t, models.CodeInvalid, err, "至少选择一个申报分类")
		require.Equal(t, models.ApplicationDraft, a.State)
		_, err = submit(1, models.ApplicationContent{Wished: []models.Category{models.Quality}})
		refusedAs(t, models.CodeInvalid, err, "至少选择一项")

		r.write("INSERT INTO src_credit VALUES ('110107', 2026, ?, '失信被执行人', '2026-08-20', NULL, NULL, NULL)", r.households[2])
		a, err = submit(2, qualityB)
		refusedAs(t, models.CodeConflict, err, "附三(三)1(2)")
		require.Equal(t, models.ApplicationDraft, a.State)
		require.Empty(t, r.owed(a))
		steps, err := s.ApplicationSteps(ctx, a.ID)
		require.NoError(t, err)
		require.Empty(t, steps)

		a, err = s.DraftApplication(ctx, r.owned(3), qualityB)
		require.NoError(t, err)
		require.NoError(t, s.EnterStage(ctx, sampletest.Cycle, models.StageApplication, models.CyclePaused, r.today))
		_, err = r.act(a, a.EnteredBy, models.ApplicationCommand{Event: models.EventSubmit})
		refusedAs(t, models.CodeConflict, err, "暂停")
		_, err = s.SeasonCycle(ctx, sampletest.District)
		refusedAs(t, models.CodeConflict, err, "暂停")
		r.stage(models.StageReview)
		_, err = r.act(a, a.EnteredBy, models.ApplicationCommand{Event: models.EventSubmit})
		refusedAs(t, models.CodeConflict, err, "只能在“申报推荐”阶段")
		_, err = s.SeasonCycle(ctx, sampletest.District)
		refusedAs(t, models.CodeConflict, err, "2026年8月16日至2026年9月20日")
	})
}

func TestWhatAnOfficerEntersForAnOperatorNeedsTheSignedForm(t *testing.T) { // 附三(二)2 自主申报
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 1)
		officer := r.reviewers[0]
		a := r.owned(0)
		a.EnteredBy = officer
		a, err := s.DraftApplication(ctx, a, qualityB)
		require.NoError(t, err)
		submit := models.ApplicationCommand{Event: models.EventSubmit}
		_, err = r.act(a, officer, submit)
		refusedAs(t, models.CodeInvalid, err, "签字")
		submit.DocumentID = "nothing"
		_, err = r.act(a, officer, submit)
		refusedAs(t, models.CodeInvalid, err, "签字")
		r.write("INSERT INTO documents (id, district, subject, uscc, purpose, name, media_type, size, sha256, by_actor, at) VALUES ('doc1', '110107', ?, ?, 'evidence', '申报表', 'image/jpeg', 1, '', ?, '2026-09-24 01:00:00')",
			models.ApplicationObject(a.ID), a.USCC, officer)
		submit.DocumentID = "doc1"
		a = r.acted(a, officer, submit)
		steps, err := s.ApplicationSteps(ctx, a.ID)
		require.NoError(t, err)
		require.Contains(t, steps[0].Detail, `"signed_form":"doc1"`, "the form is on record")
		refusedAs(t, models.CodeForbidden, a.FourEyes(officer), "录入")
	})
}

// recommended is a recommendation of the i-th household that waits for its operator.
func (r *reviewing) recommended(i int, by models.Actor, department string) models.Application {
	r.t.Helper()
	a, err := r.DraftApplication(context.Background(), models.Application{CycleID: sampletest.Cycle, USCC: r.households[i], Origin: models.OriginRecommended,
		EnteredBy: by, RecommendedBy: by, Department: department},
		models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "F"}}})
	require.NoError(r.t, err)
	return r.acted(a, by, models.ApplicationCommand{Event: models.EventRecommend, ReasonID: r.reason("老手艺")})
}

func TestARecommendationGoesOnOnlyWithTheOperatorsConsentInTime(t *testing.T) { // 附三(二)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		officer := r.user(models.User{Email: "tax@example.com", Role: models.RoleDepartment, District: sampletest.District, Department: "tax"})
		a := r.recommended(0, officer, "tax")
		recommendedOn := r.today
		require.Equal(t, models.ApplicationConsent, a.State)
		require.Equal(t, calendar.MustDate("2026-10-09"), a.LimitOn, "five working days after 24 September, past the holidays")
		require.Equal(t, []string{"consent household " + a.USCC + " 2026-10-09"}, r.owed(a))
		_, err := r.act(a, models.ActorSystem, models.ApplicationCommand{Event: models.EventConsentOverdue})
		refusedAs(t, models.CodeConflict, err, "期限未到")

		r.today = a.LimitOn
		r.stage(models.StageReview)
		r.today = a.LimitOn
		a = r.acted(a, models.HouseholdActor(a.USCC), models.ApplicationCommand{Event: models.EventConsent})
		require.Equal(t, models.ApplicationSubmitted, a.State)
		require.Equal(t, recommendedOn, a.SubmittedOn, "申报或推荐之日 is the day of the recommendation")
		require.Zero(t, a.LimitOn)
		require.Equal(t, []string{"review department scjg 2026-10-25"}, r.owed(a))
		grounds, err := s.ApplicationGrounds(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, models.OutcomeMet, grounds[0].Outcome, "经相关部门推荐的")

		r.stage(models.StageApplication)
		b := r.recommended(1, officer, "tax")
		r.today = b.LimitOn.AddDays(1)
		_, err = r.act(b, models.HouseholdActor(b.USCC), models.ApplicationCommand{Event: models.EventConsent})
		refusedAs(t, models.CodeConflict, err, "已过")
		b = r.acted(b, models.ActorSystem, models.ApplicationCommand{Event: models.EventConsentOverdue})
		require.Equal(t, models.ApplicationLapsed, b.State)
		require.Empty(t, r.owed(b))

		c := r.recommended(2, officer, "tax")
		c = r.acted(c, models.HouseholdActor(c.USCC), models.ApplicationCommand{Event: models.EventDecline})
		require.Equal(t, models.ApplicationDeclined, c.State)
		_, err = s.DraftApplication(ctx, r.owned(2), qualityB)
		require.NoError(t, err, "who declined may still apply")

		d := r.recommended(3, officer, "tax")
		d = r.acted(d, officer, models.ApplicationCommand{Event: models.EventWithdraw, ReasonID: r.reason("重复推荐")})
		require.Equal(t, models.ApplicationWithdrawn, d.State)
	})
}

func TestARecommendedHouseholdMayBeOfAnyTierAndAnApplicantMayNot(t *testing.T) { // 附三(三)1
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		officer := r.user(models.User{Email: "tax@example.com", Role: models.RoleDepartment, District: sampletest.District, Department: "tax"})
		var survivor string
		for code, tier := range sampletest.Expected(t) {
			candidate, err := s.Candidate(ctx, sampletest.Cycle, code)
			require.NoError(t, err)
			law, err := s.PolicyInForce(ctx, sampletest.District, sampletest.Year)
			require.NoError(t, err)
			if tier == models.Survival && candidate.Tier == models.Survival && len(law.Bars(&candidate, models.OriginRecommended, r.today, r.today)) == 0 {
				survivor = code
				break
			}
		}
		require.NotEmpty(t, survivor)
		r.households = []string{survivor}
		a, err := s.DraftApplication(ctx, r.owned(0), qualityB)
		require.NoError(t, err)
		_, err = r.act(a, a.EnteredBy, models.ApplicationCommand{Event: models.EventSubmit})
		refusedAs(t, models.CodeConflict, err, "附三(三)1")
		require.NoError(t, s.DiscardDraft(ctx, a.EnteredBy, a.ID, r.today))
		require.Equal(t, models.ApplicationConsent, r.recommended(0, officer, "tax").State)
	})
}

func TestASupplementThatIsNotHandedInInTimeLeavesTheReviewWithWhatThereIs(t *testing.T) { // R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		r := reviewed(t, s, 1)
		ask := models.ApplicationCommand{Event: models.EventAskSupplement, ReasonID: r.reason("请补充证书")}
		a := r.acted(r.claimed(r.submitted(0), r.reviewers[0]), r.reviewers[0], ask)
		require.NotZero(t, a.LimitOn)
		_, err := r.act(a, models.ActorSystem, models.ApplicationCommand{Event: models.EventSupplementOverdue})
		refusedAs(t, models.CodeConflict, err, "期限未到")
		_, err = r.act(a, models.HouseholdActor(a.USCC), models.ApplicationCommand{Event: models.EventSupply})
		refusedAs(t, models.CodeConflict, err, "请先上传需要补充的材料")
		supplied := r.acted(a, models.HouseholdActor(a.USCC), models.ApplicationCommand{Event: models.EventSupply, ReasonID: r.reason("证书已遗失，附说明")})
		require.Equal(t, models.ApplicationSubmitted, supplied.State)
		require.Zero(t, supplied.LimitOn)
		require.Equal(t, []string{"review user " + string(r.reviewers[0]) + " 2026-10-25"}, r.owed(supplied), "the reviewer goes on")

		b := r.acted(r.claimed(r.submitted(1), r.reviewers[0]), r.reviewers[0], ask)
		r.today = b.LimitOn.AddDays(1)
		b = r.acted(b, models.ActorSystem, models.ApplicationCommand{Event: models.EventSupplementOverdue})
		require.Equal(t, models.ApplicationSubmitted, b.State)
		require.Equal(t, []string{"review user " + string(r.reviewers[0]) + " 2026-10-25"}, r.owed(b))
		for id, state := range map[string]models.ObligationState{a.USCC: models.ObligationDone, b.USCC: models.ObligationClosed} {
			var found models.ObligationState
			require.NoError(t, s.SQL().QueryRow("SELECT state FROM obligations WHERE kind = 'supplement' AND owner = ?", id).Scan(&found))
			require.Equal(t, state, found, "who did nothing has not fulfilled it")
		}
	})
}

func TestWhatTheWholeCycleDoesIsNotedByEachProcessOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		a := r.submitted(0)
		draft, err := s.DraftApplication(ctx, r.owned(1), qualityB)
		require.NoError(t, err)
		n, err := s.LapseUndecided(ctx, sampletest.Cycle, []models.ApplicationState{models.ApplicationDraft, models.ApplicationSubmitted}, r.today, models.ActorSystem, 0, 100)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		list, err := s.UnnoticedApplications(ctx, sampletest.Cycle, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1, "a draft has no process")
		require.Equal(t, a.ID, list[0].ID)
		known, err := s.NoteApplication(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationLapsed, known.State)
		list, err = s.UnnoticedApplications(ctx, sampletest.Cycle, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list)
		require.NotZero(t, draft.ID)
	})
}

func TestManyHouseholdsApplyAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 0)
		n := min(len(r.households), 40)
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				a, err := s.DraftApplication(ctx, r.owned(i), qualityB)
				if err == nil {
					_, err = s.WriteDraft(ctx, a.EnteredBy, a.ID, qualityB)
				}
				if err == nil {
					_, err = s.ActOnApplication(ctx, models.ApplicationCommand{CommandID: fmt.Sprint("k", i), ApplicationID: a.ID, Event: models.EventSubmit, Actor: a.EnteredBy}, r.today)
				}
				errs[i] = err
			})
		}
		wg.Wait()
		for i, err := range errs {
			require.NoError(t, err, i)
		}
		list, err := s.Applications(ctx, store.ApplicationFilter{CycleID: sampletest.Cycle, State: models.ApplicationSubmitted}, 0, 100)
		require.NoError(t, err)
		require.Len(t, list, n)
		report, err := s.VerifyAudit(ctx, nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}
