package store_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"slices"
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

// The people of the bureau: each a pair of eyes of their own.
var (
	opener   = models.User{ID: 11, Role: models.RoleDepartment, Department: models.BureauCode, District: "110107"}
	proposer = models.User{ID: 12, Role: models.RoleDepartment, Department: models.BureauCode, District: "110107"}
	decider  = models.User{ID: 13, Role: models.RoleDepartment, Department: models.BureauCode, District: "110107"}
	settler  = models.User{ID: 14, Role: models.RoleDepartment, Department: models.BureauCode, District: "110107"}
)

// proceeding is a certified household and the cases about it.
type proceeding struct {
	*season
	c        models.Certification
	commands int
}

// step carries a command about the certification out.
func (p *proceeding) step(cmd models.CertifiedCommand, by models.Actor, on string) error {
	p.t.Helper()
	p.commands++
	cmd.CommandID, cmd.CertificationID, cmd.Actor = fmt.Sprintf("step-%d", p.commands), p.c.ID, by
	if cmd.ReasonID == 0 && cmd.Event != models.CertifiedHear && cmd.Event != models.CertifiedAskOpinion {
		cmd.ReasonID = reason(p.t, p.s, "经核对部门数据，写明情形和理由，供决定。")
	}
	if cmd.Event == models.CertifiedPropose && cmd.Clause == "" {
		cmd.Clause = "附三(五)"
	}
	_, err := p.s.ActOnCertified(context.Background(), cmd, calendar.MustDate(on))
	p.c = p.certification(p.c.ID)
	return err
}

func reason(t *testing.T, s *store.Store, text string) int64 {
	t.Helper()
	id, err := s.AddReason(context.Background(), models.ActorConsole, text)
	require.NoError(t, err)
	return id
}

// open opens a case by hand.
func (p *proceeding) open(kind models.CaseKind, on string) models.Case {
	p.t.Helper()
	require.NoError(p.t, p.step(models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: kind}, opener.Actor(), on))
	cases := p.cases(p.c)
	return cases[len(cases)-1]
}

func (p *proceeding) read(k models.Case) models.Case {
	p.t.Helper()
	k, err := p.s.Case(context.Background(), k.ID)
	require.NoError(p.t, err)
	return k
}

// upload hands a picture in; each of its own colour.
func (p *proceeding) upload(u models.User, k models.Case, purpose models.DocumentPurpose) error {
	p.t.Helper()
	p.commands++
	var b bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	img.Pix[0] = byte(p.commands)
	require.NoError(p.t, png.Encode(&b, img))
	clean, err := document.Clean("证据.png", b.Bytes())
	require.NoError(p.t, err)
	_, err = p.s.AddDocument(context.Background(), u, models.CaseObject(k.ID), purpose, clean)
	return err
}

// decided takes a case by hand through hearing, proposal and decision.
func (p *proceeding) decided(kind models.CaseKind, outcome models.CaseOutcome, on string) models.Case {
	p.t.Helper()
	k := p.open(kind, on)
	if kind == models.CaseFraud {
		require.NoError(p.t, p.upload(opener, k, models.PurposeEvidence))
	}
	p.decide(k, outcome, on)
	return p.read(k)
}

func (p *proceeding) decide(k models.Case, outcome models.CaseOutcome, on string) {
	p.t.Helper()
	k = p.read(k)
	if outcome.Adverse() {
		if k.State == models.CaseOpen {
			require.NoError(p.t, p.step(models.CertifiedCommand{Event: models.CertifiedHear, CaseID: k.ID}, opener.Actor(), on))
		}
		require.NoError(p.t, p.step(models.CertifiedCommand{Event: models.CertifiedState, CaseID: k.ID}, models.HouseholdActor(p.c.USCC), on))
	}
	require.NoError(p.t, p.step(models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: outcome}, proposer.Actor(), on))
	require.NoError(p.t, p.step(models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: outcome}, decider.Actor(), on))
}

// duties lists what is owed of a case, and how each stands.
func (p *proceeding) duties(k models.Case) map[models.ObligationKind]models.Obligation {
	p.t.Helper()
	list, err := p.s.Obligations(context.Background(), store.ObligationFilter{CycleID: p.c.CycleID}, store.ObligationCursor{}, 1000)
	require.NoError(p.t, err)
	duties := map[models.ObligationKind]models.Obligation{}
	for _, o := range list {
		if o.Subject == models.CaseObject(k.ID) {
			duties[o.Kind] = o
		}
	}
	return duties
}

func (p *proceeding) events() (list []models.CertifiedEvent) {
	p.t.Helper()
	steps, err := p.s.CertifiedSteps(context.Background(), p.c.ID)
	require.NoError(p.t, err)
	for _, step := range steps {
		list = append(list, step.Event)
	}
	return list
}

// object objects to a decision, and has the objection settled.
func (p *proceeding) object(k models.Case, on string) (models.Objection, error) {
	p.t.Helper()
	p.commands++
	return p.s.FileObjection(context.Background(), models.NewObjection{Kind: models.ObjectionCertification, District: "110107", CycleID: p.c.CycleID, USCC: p.c.USCC,
		ApplicationID: p.c.ApplicationID, CaseID: k.ID, By: models.HouseholdActor(p.c.USCC), Statement: "情形与事实不符，请复核。", CommandID: fmt.Sprintf("object-%d", p.commands)},
		calendar.MustDate(on))
}

func (p *proceeding) uphold(o models.Objection, by models.Actor, on string) (models.Objection, error) {
	p.t.Helper()
	if o.State == models.ObjectionReceived {
		o = must(p.t, p.s, o, models.ObjectionAccept, by, on)
	}
	o, err := actOn(p.s, o, models.ObjectionUphold, by, on, func(c *models.ObjectionCommand) {
		c.ReasonID, c.Clause = reason(p.t, p.s, "经复核，原决定所依据的情形不成立。"), "附三(五)"
	})
	p.c = p.certification(p.c.ID)
	return o, err
}

func (p *proceeding) held(on, today string) int64 {
	p.t.Helper()
	n, err := p.s.StillValid(context.Background(), "110107", p.law.Policy, calendar.MustDate(on), calendar.MustDate(today))
	require.NoError(p.t, err)
	return n
}

func (p *proceeding) follow(on string) models.Milestone {
	p.t.Helper()
	_, next, err := p.s.FollowCertified(context.Background(), p.c.ID, calendar.MustDate(on))
	require.NoError(p.t, err)
	p.c = p.certification(p.c.ID)
	return next
}

// earlier gives places to a year of which nothing else is on record.
func (z *season) earlier(cycle string, places int) {
	z.exec("INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at) VALUES (?, ?, 1000, 0, 10000, ?, 0, ?, ?, '2020-10-26', ?)",
		cycle, z.run.ID, places, places, z.law.ID, time.Now().UTC())
	for seat := range places {
		z.exec("INSERT INTO place_seats (cycle_id, seat, places) VALUES (?, ?, ?)", cycle, seat+1, places)
	}
}

func TestACertificationIsCancelledAfterItsHouseholdWasHeardAndBySomebodyElse(t *testing.T) { // 附三(五), R12, R19
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 2)
		p := &proceeding{season: z, c: list[0]}
		household := models.HouseholdActor(p.c.USCC)
		require.Equal(t, models.CodeForbidden, models.CodeOf(p.step(models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseData}, household, "2027-03-01")))
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseReport}, opener.Actor(), "2027-03-01")),
			"reports come from the calendar")
		k := p.open(models.CaseData, "2027-03-01")
		require.Equal(t, models.CaseOpen, k.State)
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(models.CertifiedCommand{Event: models.CertifiedOpenCase, Kind: models.CaseData}, opener.Actor(), "2027-03-01")), "one of a kind at a time")
		due := p.duties(k)[models.ObligationCase]
		require.Equal(t, []any{models.BureauCode, "2027-04-12", models.ObligationOpen}, []any{due.Owner, due.Due.String(), due.State}, "30 working days")

		step := func(e models.CertifiedEvent, o models.CaseOutcome, by models.Actor, on string) error {
			return p.step(models.CertifiedCommand{Event: e, CaseID: k.ID, Outcome: o}, by, on)
		}
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedPropose, models.OutcomeCancel, proposer.Actor(), "2027-03-01")), "not unheard")
		require.NoError(t, step(models.CertifiedHear, "", opener.Actor(), "2027-03-01"))
		hearing := p.duties(k)[models.ObligationHearing]
		require.Equal(t, []any{p.c.USCC, models.OwnerHousehold, "2027-03-08"}, []any{hearing.Owner, hearing.OwnerKind, hearing.Due.String()}, "5 working days")
		require.Equal(t, models.CodeForbidden, models.CodeOf(step(models.CertifiedState, "", models.HouseholdActor(list[1].USCC), "2027-03-02")), "another's")
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedState, "", proposer.Actor(), "2027-03-02")), "an officer needs the paper")
		require.NoError(t, step(models.CertifiedState, "", household, "2027-03-02"))
		require.Equal(t, models.ObligationDone, p.duties(k)[models.ObligationHearing].State)

		require.NoError(t, step(models.CertifiedPropose, models.OutcomeCancel, proposer.Actor(), "2027-03-03"))
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedDecide, models.OutcomeKeep, decider.Actor(), "2027-03-04")), "not another outcome")
		require.NoError(t, step(models.CertifiedReturn, "", decider.Actor(), "2027-03-04"))
		require.Equal(t, models.CaseHeard, p.read(k).State)
		require.NoError(t, step(models.CertifiedPropose, models.OutcomeCancel, proposer.Actor(), "2027-03-04"))
		conflicted := models.Actor("user:15")
		_, err := s.DeclareConflict(context.Background(), models.ConflictOfInterest{District: "110107", Actor: conflicted, USCC: p.c.USCC, ReasonID: reason(t, s, "亲属"), DeclaredBy: conflicted})
		require.NoError(t, err)
		for _, who := range []models.Actor{opener.Actor(), proposer.Actor(), conflicted, household, models.ActorBootstrap} {
			require.Equal(t, models.CodeForbidden, models.CodeOf(step(models.CertifiedDecide, models.OutcomeCancel, who, "2027-03-05")), who)
		}
		z.exec("UPDATE applications SET recommended_by = 'user:13' WHERE id = ?", p.c.ApplicationID)
		require.Equal(t, models.CodeForbidden, models.CodeOf(step(models.CertifiedDecide, models.OutcomeCancel, decider.Actor(), "2027-03-05")), "who recommended it")
		z.exec("UPDATE applications SET recommended_by = '' WHERE id = ?", p.c.ApplicationID)
		require.NoError(t, step(models.CertifiedDecide, models.OutcomeCancel, decider.Actor(), "2027-03-05"))

		require.Equal(t, []any{models.CertificationCancelled, "2027-03-05", (*int)(nil)}, []any{p.c.State, p.c.EndedOn.String(), p.c.Live})
		require.False(t, p.c.Beneficiary(calendar.MustDate("2027-03-05")))
		k = p.read(k)
		require.Equal(t, []any{models.CaseDecided, models.OutcomeCancel, decider.Actor(), "2027-03-05", "附三(五)", z.law.ID, (*int)(nil)},
			[]any{k.State, k.Outcome, k.DecidedBy, k.DecidedOn.String(), k.Clause, k.PolicyID, k.Live})
		require.NotEmpty(t, k.DataMark)
		require.NotZero(t, k.ReasonID)
		require.Equal(t, models.ObligationDone, p.duties(k)[models.ObligationCase].State)
		events := p.events()
		require.Equal(t, []models.CertifiedEvent{models.CertifiedDecide, models.CertifiedCancel}, events[len(events)-2:], "first the decision, then what follows from it")
		require.Error(t, step(models.CertifiedDecide, models.OutcomeCancel, decider.Actor(), "2027-03-06"), "decided once")
		report, err := s.VerifyAudit(context.Background(), nil)
		require.NoError(t, err)
		require.True(t, report.Intact)
	})
}

func TestAHearingThatPassesWithoutAWordIsOverTheDayAfter(t *testing.T) { // 附三(五)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		p := &proceeding{season: z, c: list[0]}
		p.follow("2027-03-01")
		k, opened, err := s.OpenCase(context.Background(), p.c.ID, models.CaseData, []models.StandingFinding{{ID: "abnormal", Clause: "附一(三)1", Outcome: models.OutcomeNotMet}}, "a", calendar.MustDate("2027-03-01"))
		require.NoError(t, err)
		require.True(t, opened)
		require.Equal(t, models.CaseHearing, k.State, "told at once")
		require.Equal(t, models.Milestone{Kind: models.MilestoneHearing, On: calendar.MustDate("2027-03-09")}, p.follow("2027-03-08"))
		require.Equal(t, models.CaseHearing, p.read(k).State, "the last day counts")
		p.follow("2027-03-09")
		k = p.read(k)
		require.Equal(t, []any{models.CaseHeard, int64(0), "2027-03-09"}, []any{k.State, k.StatementID, k.HeardOn.String()})
		require.Equal(t, models.ObligationClosed, p.duties(k)[models.ObligationHearing].State, "nobody did it")

		_, opened, err = s.OpenCase(context.Background(), p.c.ID, models.CaseData, []models.StandingFinding{{ID: "penalty", Clause: "附三(三)1(1)", Outcome: models.OutcomeNotMet}}, "b", calendar.MustDate("2027-03-10"))
		require.NoError(t, err)
		require.False(t, opened)
		k = p.read(k)
		require.Equal(t, []any{models.CaseHearing, "2027-03-17"}, []any{k.State, k.HearingDue.String()}, "it is heard about what came later too")
		require.Len(t, k.Ground, 2)
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedState, CaseID: k.ID}, models.HouseholdActor(p.c.USCC), "2027-03-11"))
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: models.OutcomeKeep}, proposer.Actor(), "2027-03-11"))
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: models.OutcomeKeep}, decider.Actor(), "2027-03-12"))
		require.Equal(t, models.CertificationValid, p.c.State)
		for _, about := range []string{"a", "b"} {
			_, opened, err := s.OpenCase(context.Background(), p.c.ID, models.CaseData, nil, about, calendar.MustDate("2027-04-01"))
			require.NoError(t, err)
			require.False(t, opened, "what was decided is not opened again")
		}
		require.Len(t, p.cases(p.c), 1)
		_, opened, err = s.OpenCase(context.Background(), p.c.ID, models.CaseData, nil, "c", calendar.MustDate("2027-04-01"))
		require.NoError(t, err)
		require.True(t, opened)
	})
}

func TestFraudIsRevokedOnEvidenceThatTheHouseholdWasHeardAbout(t *testing.T) { // 附三(五), R21
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		z, list := certifiedSeason(t, s, 3)
		p := &proceeding{season: z, c: list[0]}
		z.exec("UPDATE src_registry SET operator = '同名人' WHERE uscc = ?", list[1].USCC)
		reported, err := s.DraftOperatorChange(ctx, models.OperatorChange{CertificationID: p.c.ID, District: "110107", USCC: p.c.USCC, CommandID: "reported", Operator: "同名人",
			ChangedOn: calendar.MustDate("2027-02-20"), ByActor: models.HouseholdActor(p.c.USCC)}, calendar.MustDate("2027-02-25"))
		require.NoError(t, err)
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedReportOperator, ChangeID: reported.ID}, models.HouseholdActor(p.c.USCC), "2027-02-25"), "the registry does not know yet")
		k := p.open(models.CaseFraud, "2027-03-01")
		step := func(e models.CertifiedEvent, o models.CaseOutcome, by models.Actor, on string) error {
			return p.step(models.CertifiedCommand{Event: e, CaseID: k.ID, Outcome: o}, by, on)
		}
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedHear, "", opener.Actor(), "2027-03-01")), "no hearing without evidence")
		require.NoError(t, p.upload(opener, k, models.PurposeConfidential))
		require.NoError(t, step(models.CertifiedHear, "", opener.Actor(), "2027-03-01"))
		require.NoError(t, step(models.CertifiedState, "", models.HouseholdActor(p.c.USCC), "2027-03-02"))
		require.NoError(t, p.upload(opener, p.read(k), models.PurposeEvidence))
		require.Equal(t, models.CodeConflict, models.CodeOf(step(models.CertifiedPropose, models.OutcomeRevoke, proposer.Actor(), "2027-03-03")), "not heard about the new evidence")
		require.NoError(t, step(models.CertifiedHear, "", opener.Actor(), "2027-03-03"))
		require.NoError(t, p.upload(models.User{Role: models.RoleOperator, USCC: p.c.USCC, District: "110107"}, p.read(k), models.PurposeStatement))
		require.NoError(t, step(models.CertifiedState, "", models.HouseholdActor(p.c.USCC), "2027-03-04"))
		require.NoError(t, step(models.CertifiedPropose, models.OutcomeRevoke, proposer.Actor(), "2027-03-05"))
		require.NoError(t, step(models.CertifiedDecide, models.OutcomeRevoke, decider.Actor(), "2027-03-08"))
		require.Equal(t, []any{models.CertificationRevoked, "2027-03-08"}, []any{p.c.State, p.c.EndedOn.String()})

		bars := func(c models.Certification, on string) (barred, unclear bool) {
			candidate, err := s.Candidate(ctx, sampleCycle, c.USCC)
			require.NoError(t, err)
			day := calendar.MustDate(on)
			is := func(b models.Bar) bool { return b.ID == policy.BarRevoked }
			return slices.ContainsFunc(z.law.Bars(&candidate, models.OriginRecommended, day, day), is),
				slices.ContainsFunc(z.law.BarsNotKnown(&candidate, models.OriginRecommended, day, day), is)
		}
		for on, want := range map[string]bool{"2027-03-07": false, "2027-03-08": true, "2032-03-08": true, "2032-03-09": false} {
			own, _ := bars(list[0], on)
			require.Equal(t, want, own, "the household on %s", on)
			barred, unclear := bars(list[1], on)
			require.False(t, barred, "a name is no proof")
			require.Equal(t, want, unclear, "its operator's namesake on %s", on)
			barred, unclear = bars(list[2], on)
			require.False(t, barred || unclear, "somebody else")
		}

		o, err := p.object(k, "2027-03-22")
		require.NoError(t, err, "the last day of the window")
		o = must(t, s, o, models.ObjectionAccept, settler.Actor(), "2027-03-23")
		for _, who := range []models.User{opener, proposer, decider} {
			_, err = p.uphold(o, who.Actor(), "2027-03-23")
			require.Equal(t, models.CodeForbidden, models.CodeOf(err), "not by who opened, proposed or decided")
		}
		o, err = p.uphold(o, settler.Actor(), "2027-03-24")
		require.NoError(t, err)
		require.Equal(t, []any{models.EffectRestored, models.CertificationValid, calendar.Date(0)}, []any{o.Effect, p.c.State, p.c.EndedOn})
		require.NotNil(t, p.c.Live)
		own, _ := bars(list[0], "2027-04-01")
		_, unclear := bars(list[1], "2027-04-01")
		require.False(t, own || unclear, "the ban is lifted")
	})
}

func TestWhoseCertificationIsOverIsNotCancelledButStillRevoked(t *testing.T) { // R21: what was obtained by fraud is revoked also when it is over
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		p := &proceeding{season: z, c: list[0]}
		data := p.open(models.CaseData, "2027-03-01")
		fraud := p.open(models.CaseFraud, "2027-03-01")
		require.NoError(t, s.RecordCertified(context.Background(), models.CertifiedCommand{CommandID: "gone", CertificationID: p.c.ID, Event: models.CertifiedEnd, Actor: models.ActorSystem}, calendar.MustDate("2027-03-02")))
		data = p.read(data)
		require.Equal(t, models.CaseClosed, data.State, "nothing is left to decide")
		require.Equal(t, models.ObligationClosed, p.duties(data)[models.ObligationCase].State)
		require.Equal(t, models.CaseOpen, p.read(fraud).State)
		require.Equal(t, models.ObligationOpen, p.duties(fraud)[models.ObligationCase].State)

		require.NoError(t, p.upload(opener, fraud, models.PurposeEvidence))
		p.decide(fraud, models.OutcomeRevoke, "2027-03-09")
		require.Equal(t, []any{models.CertificationRevoked, "2027-03-09"}, []any{p.c.State, p.c.EndedOn.String()})

		o, err := p.object(fraud, "2027-03-10")
		require.NoError(t, err)
		o, err = p.uphold(o, settler.Actor(), "2027-03-11")
		require.NoError(t, err)
		require.Equal(t, []any{models.EffectCleared, models.CertificationCancelled, "2027-03-02"}, []any{o.Effect, p.c.State, p.c.EndedOn.String()}, "it is what it was before the revocation")

		_, err = p.object(models.Case{}, "2027-03-16")
		require.NoError(t, err, "the end on the record can be objected to as well")
	})
}

func TestACancelledCertificationIsRestoredYearsAfterItsCycleAndItsPlaceIsKeptMeanwhile(t *testing.T) { // 附三(五), 附三(四)
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 2)
		p := &proceeding{season: z, c: list[0]}
		require.NoError(t, s.EnterStage(context.Background(), sampleCycle, models.StageDone, models.CycleDone, calendar.MustDate("2027-01-01")))
		k := p.decided(models.CaseData, models.OutcomeCancel, "2028-03-01")
		require.EqualValues(t, 2, p.held("2029-01-01", "2028-03-15"), "it can still be objected to")
		require.EqualValues(t, 1, p.held("2029-01-01", "2028-03-16"))
		_, err := p.object(k, "2028-03-16")
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "the window is closed")
		o, err := p.object(k, "2028-03-15")
		require.NoError(t, err)
		require.EqualValues(t, 2, p.held("2029-01-01", "2028-04-20"), "the objection goes on")
		require.EqualValues(t, 0, p.held("2030-01-01", "2028-04-20"), "that would run out before in any case")
		events := p.c.Events
		o, err = p.uphold(o, settler.Actor(), "2028-03-20")
		require.NoError(t, err)
		require.Equal(t, []any{models.EffectRestored, models.CertificationValid, "2029-11-22"}, []any{o.Effect, p.c.State, p.c.ValidUntil.String()})
		require.True(t, p.c.Beneficiary(calendar.MustDate("2028-03-20")))
		require.Greater(t, p.c.Events, events)
		unattended, err := s.UnattendedCertifications(context.Background(), sampleCycle, calendar.MustDate("2028-03-20"), 0, 10)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(unattended, func(c models.Certification) bool { return c.ID == p.c.ID }), "its process is to be told")
		p.follow("2028-03-21")
		require.Empty(t, slices.DeleteFunc(p.cases(p.c), func(c models.Case) bool { return !c.State.Live() }), "nothing that passed meanwhile is held against it")

		// upheld when the certification would have run out: cleared, but over
		q := &proceeding{season: z, c: list[1], commands: 100}
		k = q.decided(models.CaseData, models.OutcomeCancel, "2029-11-15")
		o, err = q.object(k, "2029-11-20")
		require.NoError(t, err)
		o, err = q.uphold(o, settler.Actor(), "2029-11-26")
		require.NoError(t, err)
		require.Equal(t, []any{models.EffectCleared, models.CertificationLapsed, "2029-11-23"}, []any{o.Effect, q.c.State, q.c.EndedOn.String()})
	})
}

func TestAnEvaluationThatIsNotDecidedKeepsTheCertificationFromLapsingInSilence(t *testing.T) { // 附三(五), R20
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 3)
		evaluation := func(c models.Certification) (*proceeding, models.Case) {
			p := &proceeding{season: z, c: c, commands: int(c.ID) * 1000}
			k, opened, err := s.OpenCase(context.Background(), c.ID, models.CaseEvaluation, []models.StandingFinding{{ID: "A", Clause: "附三(五)A", Outcome: models.OutcomeNotKnown}}, "evaluation/test", calendar.MustDate("2029-08-16"))
			require.NoError(t, err)
			require.True(t, opened)
			return p, k
		}
		set := func(c models.Certification, reached string) {
			z.exec("UPDATE certifications SET reached = ? WHERE id = ?", reached, c.ID)
		}
		p, k := evaluation(list[0])
		require.EqualValues(t, 1, p.held("2030-01-01", "2029-10-20"), "it may yet be extended")
		set(p.c, "2029-11-01")
		p.follow("2029-12-05")
		require.Equal(t, []any{models.CertificationValid, models.CertificationLapsed}, []any{p.c.State, p.c.On(calendar.MustDate("2029-12-05"))}, "on record, but without benefits")
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(models.CertifiedCommand{Event: models.CertifiedCloseCase, CaseID: k.ID}, decider.Actor(), "2029-12-05")), "it must be decided")
		p.decide(k, models.OutcomeExtend, "2029-12-06")
		require.Equal(t, []any{models.CertificationValid, "2032-11-22", 1}, []any{p.c.State, p.c.ValidUntil.String(), p.c.Extensions}, "from its old last day")
		require.EqualValues(t, 1, p.held("2030-01-01", "2029-12-06"))
		free := *z.law.Policy
		free.Validity.ExtensionFree = true
		n, err := s.StillValid(context.Background(), "110107", &free, calendar.MustDate("2030-01-01"), calendar.MustDate("2029-12-06"))
		require.NoError(t, err)
		require.Zero(t, n, "where the policy says that extensions take no place")

		// decided against after the end: lapsed at once, from the day after its last; an objection extends it all the same
		p, k = evaluation(list[1])
		set(p.c, "2029-11-01")
		p.follow("2029-12-05")
		p.decide(k, models.OutcomeLapse, "2029-12-06")
		require.Equal(t, []any{models.CertificationLapsed, "2029-11-23"}, []any{p.c.State, p.c.EndedOn.String()})
		require.EqualValues(t, 2, p.held("2030-01-01", "2029-12-10"), "it can be objected to")
		o, err := p.object(k, "2029-12-10")
		require.NoError(t, err)
		o, err = p.uphold(o, settler.Actor(), "2029-12-12")
		require.NoError(t, err)
		require.Equal(t, []any{models.EffectExtended, models.CertificationValid, "2032-11-22", calendar.Date(0)}, []any{o.Effect, p.c.State, p.c.ValidUntil.String(), p.c.EndedOn})

		// decided against before the end: it lapses by the calendar
		p, k = evaluation(list[2])
		set(p.c, "2029-11-01")
		p.decide(k, models.OutcomeLapse, "2029-11-05")
		require.Equal(t, models.CertificationValid, p.c.State)
		p.follow("2029-11-23")
		require.Equal(t, []any{models.CertificationLapsed, "2029-11-23"}, []any{p.c.State, p.c.EndedOn.String()})
	})
}

func TestTheRecommendingDepartmentIsAskedAndItsAgreementExtends(t *testing.T) { // 附三(五)D
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z, list := certifiedSeason(t, s, 1)
		p := &proceeding{season: z, c: list[0]}
		z.exec("UPDATE applications SET origin = 'recommended', department = 'tax' WHERE id = ?", p.c.ApplicationID)
		k, _, err := s.OpenCase(context.Background(), p.c.ID, models.CaseEvaluation, []models.StandingFinding{{ID: "A", Outcome: models.OutcomeNotMet}}, "e", calendar.MustDate("2029-08-16"))
		require.NoError(t, err)
		duty := p.duties(k)[models.ObligationOpinion]
		require.Equal(t, []any{"tax", "2029-08-30"}, []any{duty.Owner, duty.Due.String()}, "10 working days")
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedHear, CaseID: k.ID}, opener.Actor(), "2029-08-16"))
		require.NoError(t, p.step(models.CertifiedCommand{Event: models.CertifiedState, CaseID: k.ID}, models.HouseholdActor(p.c.USCC), "2029-08-17"))
		lapse := models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: models.OutcomeLapse}
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(lapse, proposer.Actor(), "2029-08-30")), "the department still has time")
		say := models.CertifiedCommand{Event: models.CertifiedGiveOpinion, CaseID: k.ID, Opinion: models.OpinionAgrees, Department: "hrss"}
		require.Equal(t, models.CodeForbidden, models.CodeOf(p.step(say, "user:20", "2029-08-30")))
		say.Department = "tax"
		require.NoError(t, p.step(say, "user:20", "2029-08-30"))
		require.Equal(t, models.ObligationDone, p.duties(k)[models.ObligationOpinion].State)
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(lapse, proposer.Actor(), "2029-08-31")), "it agrees: extended")
		extend := models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: models.OutcomeExtend}
		require.NoError(t, p.step(extend, proposer.Actor(), "2029-08-31"))
		require.Equal(t, models.CodeForbidden, models.CodeOf(p.step(models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: models.OutcomeExtend}, "user:20", "2029-09-03")), "who spoke for the department")

		// another certification of the household was revoked within five years: no extension, whatever was proposed
		z.earlier("110107-2021", 1)
		z.exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, ended_on, reason_id, policy_id, policy_hash, run_id, program, at)
			SELECT '110107-2021-MTYX-0001', '110107-2021', 1, 999999, district, 2021, uscc, name, tier, category, '2021-11-23', '2024-11-22', 'revoked', '2024-09-03', 0, policy_id, policy_hash, run_id, program, ? FROM certifications WHERE id = ?`,
			time.Now().UTC(), p.c.ID)
		decide := models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: models.OutcomeExtend}
		require.Equal(t, models.CodeConflict, models.CodeOf(p.step(decide, decider.Actor(), "2029-09-03")), "the last day of the ban")
		require.NoError(t, p.step(decide, decider.Actor(), "2029-09-04"), "the day after")
		require.Equal(t, "2032-11-22", p.c.ValidUntil.String())
	})
}

func TestANewCertificationSucceedsTheOneThatRunsOutBeforeItsBenefits(t *testing.T) { // 附三(四): one at a time
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		z := newSeason(t, s, 3, 2)
		old := func(uscc, until string, n int) int64 {
			z.exec(`INSERT INTO certifications (number, cycle_id, seat, application_id, district, year, uscc, name, tier, category, certified_on, valid_until, state, live, reason_id, policy_id, policy_hash, run_id, program, at)
				VALUES (?, '110107-2023', ?, ?, '110107', 2023, ?, '旧', 2, 'quality', '2023-12-01', ?, 'valid', 1, 0, ?, ?, ?, 'test', ?)`,
				fmt.Sprintf("110107-2023-MTYX-%04d", n), n, 900000+n, uscc, until, z.law.ID, z.law.Hash, z.run.ID, time.Now().UTC())
			c, err := s.Certification(context.Background(), fmt.Sprintf("110107-2023-MTYX-%04d", n))
			require.NoError(t, err)
			return c.ID
		}
		z.earlier("110107-2023", 2)
		first := old(z.fit[0].USCC, "2026-12-31", 1)
		second := old(z.fit[1].USCC, "2027-01-01", 2)
		sum := z.certify(order(director, "c1"), certifyDay, 10)
		require.Equal(t, []int{1, 1}, []int{sum.Certified, sum.Barred})
		c := z.certification(first)
		require.Equal(t, []any{models.CertificationLapsed, certifyDay, (*int)(nil)}, []any{c.State, c.EndedOn, c.Live})
		require.Equal(t, models.CertificationValid, z.certification(second).State, "it holds on 1 January: its household stays with it")
	})
}
