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

// The tests' people: an officer of the bureau, another one, an officer of the tax office.
const (
	bureauOfficer  models.Actor = "user:11"
	bureauOfficer2 models.Actor = "user:12"
	taxOfficer     models.Actor = "user:21"
)

const why = "本户的参保人数与实际不符，请核实后重新判定。"

// objectionDistrict is the sample district with a published result: without the city's, and with the household struck from the register by
// a mistake in the data when it was judged.
func objectionDistrict(t *testing.T, s *store.Store, published string) (uscc string, expected models.Tier) {
	t.Helper()
	openedCycle(t, s)
	deliverSample(t, s, models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
	for code, tier := range sampletest.Expected(t) {
		if tier == models.Growth && (uscc == "" || code < uscc) {
			uscc, expected = code, tier
		}
	}
	register(t, s, uscc, "注销")
	judgeAll(t, s, openRun(t, s, "2026-07-01"), 100)
	_, err := s.PublishTiers(context.Background(), sampleCycle, calendar.MustDate(published))
	require.NoError(t, err)
	require.Equal(t, models.Ineligible, publishedTier(t, s, uscc))
	return uscc, expected
}

func register(t *testing.T, s *store.Store, uscc, status string) {
	t.Helper()
	_, err := s.SQL().Exec("UPDATE src_registry SET status = ? WHERE uscc = ?", status, uscc)
	require.NoError(t, err)
}

func publishedTier(t *testing.T, s *store.Store, uscc string) models.Tier {
	t.Helper()
	list, _, err := s.PublicHouseholds(context.Background(), models.PublicQuery{USCC: uscc}, "", 2)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0].Tier
}

func tierObjection(uscc, key string) models.NewObjection {
	return models.NewObjection{Kind: models.ObjectionTier, District: "110107", CycleID: sampleCycle, USCC: uscc, By: models.HouseholdActor(uscc), Statement: why, CommandID: key}
}

func file(t *testing.T, s *store.Store, n models.NewObjection, today string) models.Objection {
	t.Helper()
	o, err := s.FileObjection(context.Background(), n, calendar.MustDate(today))
	require.NoError(t, err)
	return o
}

// actOn carries an event out as who does it; reasons are kept first, as the API does.
func actOn(s *store.Store, o models.Objection, event models.ObjectionEvent, actor models.Actor, today string, change func(*models.ObjectionCommand)) (models.Objection, error) {
	ctx := context.Background()
	reason, err := s.AddReason(ctx, actor, "经核实，情况属实")
	if err != nil {
		return o, err
	}
	c := models.ObjectionCommand{CommandID: fmt.Sprintf("%s/%d", event, o.Events), ObjectionID: o.ID, Event: event, Actor: actor, ReasonID: reason, Clause: "附一(三)1"}
	if event == models.ObjectionAsk || event == models.ObjectionAnswer {
		c.Department = "tax"
	}
	if change != nil {
		change(&c)
	}
	return s.ActOnObjection(ctx, c, calendar.MustDate(today))
}

func must(t *testing.T, s *store.Store, o models.Objection, event models.ObjectionEvent, actor models.Actor, today string) models.Objection {
	t.Helper()
	o, err := actOn(s, o, event, actor, today, nil)
	require.NoError(t, err, event)
	return o
}

func refusedWith(t *testing.T, err error, code models.Code) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, models.CodeOf(err), err)
}

// owed gives what is owed for an objection: kind/owner → due.
func owedFor(t *testing.T, s *store.Store, o models.Objection) map[string]calendar.Date {
	t.Helper()
	list, err := s.OpenObligations(context.Background(), o.CycleID)
	require.NoError(t, err)
	owed := map[string]calendar.Date{}
	for _, x := range list {
		if x.Subject == models.ObjectionObject(o.ID) {
			owed[string(x.Kind)+"/"+x.Owner] = x.Due
		}
	}
	return owed
}

func TestTheTermsOfAnObjectionAreWorkingDaysAlsoOverTheNationalDay(t *testing.T) { // 附一(二)3, R6
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		uscc, _ := objectionDistrict(t, s, "2026-09-24") // Thursday; 25–27 Sep, 1–7 Oct off, Saturday 10 Oct worked
		o := file(t, s, tierObjection(uscc, "k"), "2026-09-29")
		require.Equal(t, models.ObjectionReceived, o.State)
		require.Equal(t, models.Ineligible, o.TierBefore)
		require.Equal(t, "异110107-2026-"+fmt.Sprint(o.ID), o.Number())
		require.Equal(t, calendar.MustDate("2026-10-12"), o.AcceptDue, "30 Sep, 8, 9, 10, 12 Oct")
		require.Equal(t, map[string]calendar.Date{"objection/scjg": o.AcceptDue}, owedFor(t, s, o))

		o = must(t, s, o, models.ObjectionAccept, bureauOfficer, "2026-09-30")
		require.Equal(t, calendar.MustDate("2026-10-27"), o.SettleDue, "15 working days: 8–10, 12–16, 19–23, 26, 27 Oct")
		require.Equal(t, map[string]calendar.Date{"objection/scjg": o.SettleDue}, owedFor(t, s, o), "what is owed moves on")

		o = must(t, s, o, models.ObjectionAsk, bureauOfficer, "2026-09-30")
		require.Equal(t, calendar.MustDate("2026-10-15"), o.AnswerDue, "half of the 15: 7 working days")
		require.Equal(t, map[string]calendar.Date{"objection/scjg": o.SettleDue, "answer/tax": o.AnswerDue}, owedFor(t, s, o))

		o = must(t, s, o, models.ObjectionAnswer, taxOfficer, "2026-10-08")
		require.Equal(t, map[string]calendar.Date{"objection/scjg": o.SettleDue}, owedFor(t, s, o))
		o = must(t, s, o, models.ObjectionConfirm, bureauOfficer, "2026-10-09")
		require.Empty(t, owedFor(t, s, o))
		require.Equal(t, models.ObjectionConfirmed, o.Outcome)
	})
}

func TestAnObjectionToATierIsTakenWithinTheWindowAfterItsPublication(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-09-24")
		// 10 working days after 24 Sep: 28, 29, 30 Sep, 8, 9, 10, 12, 13, 14, 15 Oct
		_, err := s.FileObjection(ctx, tierObjection(uscc, "late"), calendar.MustDate("2026-10-16"))
		refusedWith(t, err, models.CodeConflict)
		require.ErrorContains(t, err, "2026年10月15日")
		o := file(t, s, tierObjection(uscc, "k"), "2026-10-15")
		require.Equal(t, o.ID, file(t, s, tierObjection(uscc, "k"), "2026-10-16").ID, "the same request again is the same objection")
		_, err = s.FileObjection(ctx, tierObjection(uscc, "k2"), calendar.MustDate("2026-10-15"))
		refusedWith(t, err, models.CodeConflict)

		_, err = s.FileObjection(ctx, tierObjection("92110107MA0000000X", "k"), calendar.MustDate("2026-10-15"))
		refusedWith(t, err, models.CodeConflict) // nothing is published of it
		must(t, s, o, models.ObjectionWithdraw, models.HouseholdActor(uscc), "2026-10-15")
		require.NotEqual(t, o.ID, file(t, s, tierObjection(uscc, "k3"), "2026-10-15").ID, "after a withdrawal another one is possible")
	})
}

func TestTheTierIsJudgedAgainFromMendedDataAndFollowsInWhatIsPublic(t *testing.T) { // 附一(二)3
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, expected := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-27")
		o = must(t, s, o, models.ObjectionAccept, bureauOfficer, "2026-07-28")
		_, err := actOn(s, o, models.ObjectionConfirm, bureauOfficer, "2026-07-28", nil)
		refusedWith(t, err, models.CodeConflict) // the department concerned answers first
		candidates, err := s.ObjectionCandidates(ctx, o)
		require.NoError(t, err)
		require.Equal(t, models.SourceRegistry, candidates[0].Source, "what stands in the way comes first")
		require.NotEmpty(t, candidates[0].Department)
		o = must(t, s, o, models.ObjectionAsk, bureauOfficer, "2026-07-28")
		_, err = actOn(s, o, models.ObjectionAnswer, "user:31", "2026-07-29", func(c *models.ObjectionCommand) { c.Department = "hrss" })
		refusedWith(t, err, models.CodeForbidden)
		o = must(t, s, o, models.ObjectionAnswer, taxOfficer, "2026-07-29")

		_, err = actOn(s, o, models.ObjectionUphold, bureauOfficer, "2026-07-30", nil)
		refusedWith(t, err, models.CodeInvalid) // the data say what they said
		register(t, s, uscc, "存续")              // the department delivers mended data
		judged, _, err := s.JudgeAgain(ctx, o)
		require.NoError(t, err)
		require.Equal(t, expected, judged)

		_, err = actOn(s, o, models.ObjectionUphold, taxOfficer, "2026-07-30", nil)
		refusedWith(t, err, models.CodeForbidden) // who answered does not decide
		o = must(t, s, o, models.ObjectionUphold, bureauOfficer, "2026-07-30")
		require.Equal(t, models.ObjectionUpheld, o.Outcome)
		require.Equal(t, models.EffectTier, o.Effect)
		require.Equal(t, [2]models.Tier{models.Ineligible, expected}, [2]models.Tier{o.TierBefore, o.TierAfter})
		require.Equal(t, expected, publishedTier(t, s, uscc))
		h, err := s.HouseholdTier(ctx, "110107", uscc, 2026)
		require.NoError(t, err)
		require.Equal(t, expected, h.Effective)
		require.Equal(t, models.Ineligible, h.Verdict.Tier, "what the run judged stays as it was judged")

		// Later comparisons, the city's result among them, leave what was settled as it was.
		run, err := s.CurrentRun(ctx, sampleCycle)
		require.NoError(t, err)
		require.NoError(t, s.ClearDifferences(ctx, run, nil))
		require.NoError(t, s.MendDifferences(ctx, sampleCycle, []models.Difference{{CycleID: sampleCycle, USCC: uscc, RunID: run.ID, OwnTier: models.Ineligible,
			CityTier: models.Survival, Department: "tax", Source: "tax", Why: "x"}}))
		_, err = s.PublishTiers(ctx, sampleCycle, calendar.MustDate("2026-08-01"))
		require.NoError(t, err)
		require.Equal(t, expected, publishedTier(t, s, uscc))
		board, err := s.StudyBoard(ctx, "110107", 2026)
		require.NoError(t, err)
		require.Zero(t, board.Settled, "it is no difference from the city")
		list, err := s.Differences(ctx, store.DifferenceQuery{CycleID: sampleCycle, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 1)
		_, _, err = s.Decide(ctx, models.Decision{CommandID: "undo", CycleID: sampleCycle, IDs: []int64{list[0].ID}, Choice: models.ChooseOwn, ReasonID: 1,
			Actor: "user:1", Admin: true}, calendar.MustDate("2026-08-01"))
		refusedWith(t, err, models.CodeConflict)

		again := file(t, s, tierObjection(uscc, "again"), "2026-08-03")
		require.Equal(t, expected, again.TierBefore, "the corrected tier can be objected to as it was published")
	})
}

func TestACommandOnAnObjectionCountsOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-27")
		c := models.ObjectionCommand{CommandID: "same", ObjectionID: o.ID, Event: models.ObjectionAccept, Actor: bureauOfficer}
		for range 2 {
			accepted, err := s.ActOnObjection(ctx, c, calendar.MustDate("2026-07-28"))
			require.NoError(t, err)
			require.Equal(t, 2, accepted.Events)
		}
		steps, err := s.ObjectionSteps(ctx, o.ID)
		require.NoError(t, err)
		require.Len(t, steps, 2)
		require.Equal(t, models.ObjectionReceive, steps[0].Event)
		require.Equal(t, models.ObjectionAccept, steps[1].Event)
	})
}

func TestARequestThatIsSentSeveralTimesAtOnceIsOneObjection(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		ids, errs := make([]int64, 8), make([]error, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				o, err := s.FileObjection(context.Background(), tierObjection(uscc, "k"), calendar.MustDate("2026-07-27"))
				ids[i], errs[i] = o.ID, err
			})
		}
		wg.Wait()
		for i := range ids {
			require.NoError(t, errs[i])
			require.Equal(t, ids[0], ids[i])
		}
		list, err := s.Objections(context.Background(), store.ObjectionFilter{USCC: uscc}, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.NotEmpty(t, list[0].Name)
	})
}

func TestATierThatIsConfirmedStaysAsItIsPublished(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-27")
		for _, step := range []models.ObjectionEvent{models.ObjectionAccept, models.ObjectionAsk, models.ObjectionAnswer} {
			o = must(t, s, o, step, taxOfficer, "2026-07-28")
		}
		_, err := actOn(s, o, models.ObjectionUphold, bureauOfficer, "2026-07-29", func(c *models.ObjectionCommand) { c.Tier = models.Ineligible })
		refusedWith(t, err, models.CodeInvalid) // that is what is objected to
		o = must(t, s, o, models.ObjectionConfirm, bureauOfficer, "2026-07-29")
		require.Equal(t, models.Ineligible, o.TierAfter)
		require.Empty(t, o.Effect)
		require.Equal(t, models.Ineligible, publishedTier(t, s, uscc))
		list, err := s.Differences(context.Background(), store.DifferenceQuery{CycleID: sampleCycle, Limit: 10})
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

func TestAnotherDepartmentCanBeAskedWhenTheFirstIsSilent(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-27")
		o = must(t, s, o, models.ObjectionAccept, bureauOfficer, "2026-07-28")
		_, err := actOn(s, o, models.ObjectionAsk, bureauOfficer, "2026-07-28", func(c *models.ObjectionCommand) { c.Department = "nobody" })
		refusedWith(t, err, models.CodeInvalid)
		o = must(t, s, o, models.ObjectionAsk, bureauOfficer, "2026-07-28")
		_, err = actOn(s, o, models.ObjectionConfirm, bureauOfficer, "2026-07-29", nil)
		refusedWith(t, err, models.CodeConflict)
		o, err = actOn(s, o, models.ObjectionAsk, bureauOfficer, "2026-08-31", func(c *models.ObjectionCommand) { c.Department = models.BureauCode })
		require.NoError(t, err)
		require.Equal(t, calendar.MustDate("2026-09-01"), o.AnswerDue, "after the term: the next working day")
		require.Equal(t, map[string]calendar.Date{"objection/scjg": o.SettleDue, "answer/scjg": o.AnswerDue}, owedFor(t, s, o), "the first owes nothing any more")
		o, err = actOn(s, o, models.ObjectionAnswer, bureauOfficer2, "2026-08-31", func(c *models.ObjectionCommand) { c.Department = models.BureauCode })
		require.NoError(t, err)
		_, err = actOn(s, o, models.ObjectionConfirm, bureauOfficer2, "2026-08-31", nil)
		refusedWith(t, err, models.CodeForbidden)
		must(t, s, o, models.ObjectionConfirm, bureauOfficer, "2026-08-31")
	})
}

// enter brings the cycle to a stage.
func enter(t *testing.T, s *store.Store, stage models.Stage) {
	t.Helper()
	_, err := s.SQL().Exec("UPDATE cycles SET stage = ? WHERE id = ?", stage, sampleCycle)
	require.NoError(t, err)
}

// decided puts an application on record whose latest event, by this officer, brought it to the state.
func decided(t *testing.T, s *store.Store, uscc string, state models.ApplicationState, by models.Actor, on string) int64 {
	t.Helper()
	r, err := s.SQL().Exec(`INSERT INTO applications (cycle_id, district, year, uscc, name, tier, origin, state, live, statement, entered_by, closed_on, policy_id, events,
		process_events, created_at, updated_at) VALUES (?, '110107', 2026, ?, '测试户', 3, 'own', ?, ?, '', ?, ?, 1, 1, 1, ?, ?)`, sampleCycle, uscc, state,
		liveMark(state), models.HouseholdActor(uscc), closed(state, on), calendar.MustDate(on).At(9, 0), calendar.MustDate(on).At(9, 0))
	require.NoError(t, err)
	id, err := r.LastInsertId()
	require.NoError(t, err)
	_, err = s.SQL().Exec(`INSERT INTO application_events (application_id, seq, command_id, event, from_state, to_state, on_date, detail, actor, at)
		VALUES (?, 2, 'x', 'refuse', 'submitted', ?, ?, '{}', ?, ?), (?, 1, 's', 'submit', 'draft', 'submitted', ?, '{}', ?, ?)`,
		id, state, on, by, calendar.MustDate(on).At(9, 0), id, on, models.HouseholdActor(uscc), calendar.MustDate(on).At(9, 0))
	require.NoError(t, err)
	_, err = s.SQL().Exec("UPDATE applications SET events = 2, process_events = 2 WHERE id = ?", id)
	require.NoError(t, err)
	return id
}

func liveMark(s models.ApplicationState) any {
	if s.Live() {
		return 1
	}
	return nil
}

func closed(s models.ApplicationState, on string) any {
	if s.Live() {
		return nil
	}
	return on
}

func TestARefusedApplicationIsReviewedAgainByOthersWhenTheObjectionIsUpheld(t *testing.T) { // R12, 三(三)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		object := func(id int64, on string) models.Objection {
			n := models.NewObjection{Kind: models.ObjectionDecision, District: "110107", CycleID: sampleCycle, USCC: uscc, ApplicationID: id,
				By: models.HouseholdActor(uscc), Statement: why, CommandID: "k" + on}
			return must(t, s, file(t, s, n, on), models.ObjectionAccept, bureauOfficer, on)
		}
		enter(t, s, models.StageReview)
		id := decided(t, s, uscc, models.ApplicationRefused, bureauOfficer, "2026-09-24")
		_, err := s.FileObjection(ctx, models.NewObjection{Kind: models.ObjectionDecision, District: "110107", CycleID: sampleCycle, USCC: uscc, ApplicationID: id,
			By: models.HouseholdActor(uscc), Statement: why, CommandID: "late"}, calendar.MustDate("2026-10-16"))
		refusedWith(t, err, models.CodeConflict)
		_, err = s.FileObjection(ctx, models.NewObjection{Kind: models.ObjectionDecision, District: "110107", CycleID: sampleCycle, USCC: "92110107MA3AGYGLUW",
			ApplicationID: id, By: "household:92110107MA3AGYGLUW", Statement: why, CommandID: "other"}, calendar.MustDate("2026-09-28"))
		refusedWith(t, err, models.CodeNotFound)

		o := object(id, "2026-09-28")
		for _, event := range []models.ObjectionEvent{models.ObjectionUphold, models.ObjectionConfirm} {
			_, err = actOn(s, o, event, bureauOfficer, "2026-09-29", nil)
			refusedWith(t, err, models.CodeForbidden) // who refused the application
		}
		o = must(t, s, o, models.ObjectionUphold, bureauOfficer2, "2026-09-29")
		require.Equal(t, models.EffectReopened, o.Effect)
		a, err := s.Application(ctx, id)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationSubmitted, a.State)

		enter(t, s, models.StageNotice)
		_, err = s.SQL().Exec("UPDATE applications SET state = 'refused', live = NULL, closed_on = '2026-10-20' WHERE id = ?", id)
		require.NoError(t, err)
		o = must(t, s, object(id, "2026-10-20"), models.ObjectionUphold, bureauOfficer2, "2026-10-20")
		require.Equal(t, models.EffectNextYear, o.Effect, "nobody comes on the waiting list without a review passed and a visit (附三(二)2)")

		_, err = s.SQL().Exec("UPDATE applications SET state = 'unselected', live = NULL, closed_on = '2026-10-20', category = 'quality' WHERE id = ?", id)
		require.NoError(t, err)
		_, err = s.SQL().Exec(`INSERT INTO application_events (application_id, seq, command_id, event, from_state, to_state, on_date, detail, actor, at)
			VALUES (?, 99, 'visit', 'pass_visit', 'visit', 'qualified', '2026-10-10', '{}', 'user:50', '2026-10-10 09:00:00')`, id)
		require.NoError(t, err)
		o = object(id, "2026-10-21")
		o = must(t, s, o, models.ObjectionUphold, bureauOfficer2, "2026-10-22")
		require.Equal(t, models.EffectRequeued, o.Effect)

		_, err = s.SQL().Exec("UPDATE applications SET state = 'unselected', live = NULL, closed_on = '2026-11-02' WHERE id = ?", id)
		require.NoError(t, err)
		enter(t, s, models.StageCertification)
		o = must(t, s, object(id, "2026-11-03"), models.ObjectionUphold, bureauOfficer2, "2026-11-04")
		require.Equal(t, models.EffectNextYear, o.Effect)
		a, err = s.Application(ctx, id)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationUnselected, a.State, "certified is certified: it takes effect next year")
	})
}

func TestWhoeverObjectsToANoticeDoesSoWhileItIsPublicAndTheListWaits(t *testing.T) { // 三(二), R14
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		enter(t, s, models.StageNotice)
		id := decided(t, s, uscc, models.ApplicationProposed, bureauOfficer, "2026-10-20")
		n := models.NewObjection{Kind: models.ObjectionNotice, District: "110107", CycleID: sampleCycle, USCC: uscc, By: models.ActorPublic,
			Objector: models.Objector{Name: "王某某", Contact: "wang@example.com"}, Statement: why, CommandID: "1"}
		_, err := s.FileObjection(ctx, n, calendar.MustDate("2026-10-27"))
		refusedWith(t, err, models.CodeConflict) // no list is public

		_, err = s.SQL().Exec(`INSERT INTO notices (cycle_id, number, published_on, working_days, ends_on, announced, sha256, at)
			VALUES (?, 1, '2026-10-26', 5, '2026-11-02', ?, '', ?)`, sampleCycle, true, calendar.MustDate("2026-10-26").At(9, 0))
		require.NoError(t, err)
		_, err = s.SQL().Exec("INSERT INTO notice_entries (cycle_id, number, application_id, uscc, name, tier, category, state) VALUES (?, 1, ?, ?, '测试户', 3, 'quality', ?)",
			sampleCycle, id, uscc, models.EntryListed)
		require.NoError(t, err)
		_, err = s.FileObjection(ctx, n, calendar.MustDate("2026-11-03"))
		refusedWith(t, err, models.CodeConflict)
		other := n
		other.USCC = "92110107MA3AGYGLUW"
		_, err = s.FileObjection(ctx, other, calendar.MustDate("2026-10-27"))
		refusedWith(t, err, models.CodeConflict)

		first := file(t, s, n, "2026-11-02") // the last day
		require.Equal(t, id, first.ApplicationID)
		n.Objector.Name = "李某某"
		second := file(t, s, n, "2026-11-02")
		require.NotEqual(t, first.ID, second.ID, "several people may object to one household")
		who, err := s.Objector(ctx, first.ID)
		require.NoError(t, err)
		require.Equal(t, models.Objector{Name: "王某某", Contact: "wang@example.com"}, who)
		open := func() int64 {
			count, err := s.OpenObjections(ctx, sampleCycle, models.ObjectionNotice)
			require.NoError(t, err)
			return count
		}
		require.EqualValues(t, 2, open())

		first = must(t, s, first, models.ObjectionAccept, bureauOfficer, "2026-11-03")
		require.Equal(t, calendar.MustDate("2026-11-10"), first.SettleDue, "5 working days")
		_, err = actOn(s, first, models.ObjectionUphold, bureauOfficer, "2026-11-04", nil)
		refusedWith(t, err, models.CodeForbidden)
		first = must(t, s, first, models.ObjectionUphold, bureauOfficer2, "2026-11-04")
		require.Equal(t, models.EffectRemoved, first.Effect)
		a, err := s.Application(ctx, id)
		require.NoError(t, err)
		require.Equal(t, models.ApplicationRefused, a.State)
		require.EqualValues(t, 1, open())
		_, err = actOn(s, second, models.ObjectionNotAccept, bureauOfficer, "2026-11-04", nil)
		refusedWith(t, err, models.CodeForbidden)
		second = must(t, s, second, models.ObjectionAccept, bureauOfficer, "2026-11-04")
		second = must(t, s, second, models.ObjectionUphold, bureauOfficer2, "2026-11-05")
		require.Equal(t, models.EffectGone, second.Effect, "the first one has removed it")
		require.Zero(t, open())
	})
}

func TestTheRecordOfObjectionsNamesNoObjector(t *testing.T) { // 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-27")
		must(t, s, o, models.ObjectionAccept, bureauOfficer, "2026-07-28")
		page, err := s.AuditPage(ctx, models.ObjectionObject(o.ID), 0, 100)
		require.NoError(t, err)
		require.Len(t, page, 2)
		for _, e := range page {
			require.NotContains(t, e.Detail, why, "what people write stays in the case")
		}
		owed, err := s.Obligations(ctx, store.ObligationFilter{CycleID: sampleCycle, Owner: models.BureauCode}, store.ObligationCursor{}, 100)
		require.NoError(t, err)
		for _, x := range owed {
			require.NotContains(t, x.Title, uscc)
		}
	})
}

func TestWhoMustStandAsideTakesNoStepInAnObjection(t *testing.T) { // R12, 三(二)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		uscc, _ := objectionDistrict(t, s, "2026-07-26")
		o := file(t, s, tierObjection(uscc, "k"), "2026-07-28")
		reason, err := s.AddReason(ctx, bureauOfficer, "亲属经营")
		require.NoError(t, err)
		_, err = s.DeclareConflict(ctx, models.ConflictOfInterest{District: "110107", Actor: bureauOfficer, USCC: uscc, ReasonID: reason, DeclaredBy: bureauOfficer})
		require.NoError(t, err)
		_, err = actOn(s, o, models.ObjectionAccept, bureauOfficer, "2026-07-29", nil)
		refusedWith(t, err, models.CodeForbidden)
		must(t, s, o, models.ObjectionAccept, bureauOfficer2, "2026-07-29")
	})
}
