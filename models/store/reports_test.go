package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// household is a certified household whose years are played.
type certifiedHousehold struct {
	*season
	c models.Certification
	n int // commands so far
}

// certifiedHouseholds are households of the sample district, certified on certifyDay.
func certifiedHouseholds(t *testing.T, s *store.Store, n int) []*certifiedHousehold {
	t.Helper()
	z := newSeason(t, s, n, n)
	z.certify(order(director, "certify"), certifyDay, 100)
	list, err := s.Certifications(context.Background(), store.CertificationQuery{CycleID: sampleCycle, Limit: 100})
	require.NoError(t, err)
	require.Len(t, list, n)
	var out []*certifiedHousehold
	for _, c := range list {
		h := &certifiedHousehold{season: z, c: c}
		h.follow(certifyDay.String())
		out = append(out, h)
	}
	return out
}

func day(s string) calendar.Date { return calendar.MustDate(s) }

func (h *certifiedHousehold) follow(on string) models.Milestone {
	h.t.Helper()
	c, next, err := h.s.FollowCertified(context.Background(), h.c.ID, day(on))
	require.NoError(h.t, err)
	h.c = c
	return next
}

func (h *certifiedHousehold) try(on string, cmd models.CertifiedCommand) error {
	h.t.Helper()
	h.n++
	cmd.CommandID, cmd.CertificationID = fmt.Sprintf("command-%d", h.n), h.c.ID
	if cmd.Actor == "" {
		cmd.Actor = h.operator()
	}
	c, err := h.s.ActOnCertified(context.Background(), cmd.Asked(), day(on))
	if err == nil {
		h.c = c
	}
	return err
}

func (h *certifiedHousehold) act(on string, cmd models.CertifiedCommand) {
	h.t.Helper()
	require.NoError(h.t, h.try(on, cmd))
}

func (h *certifiedHousehold) operator() models.Actor { return models.HouseholdActor(h.c.USCC) }

func (h *certifiedHousehold) why(text string) int64 {
	h.t.Helper()
	id, err := h.s.AddReason(context.Background(), director, text)
	require.NoError(h.t, err)
	return id
}

func (h *certifiedHousehold) sheet(year int, on string) store.ReportSheet {
	h.t.Helper()
	sheet, err := h.s.ReportSheet(context.Background(), h.c.ID, year, day(on))
	require.NoError(h.t, err)
	return sheet
}

// answers are those of a household that trades as before; figures are given where they are asked.
func (h *certifiedHousehold) answers(year int, on string) map[string]string {
	all := map[string]string{"revenue": "350000.50", "tax": "1200", "insured": "2", "trading": "是", "trading-how": "仍经营原有产品", "contact": "王某 13800000000"}
	form := h.sheet(year, on).Form
	for i, q := range form.Questions {
		if form.Asked[i] != models.AskNow {
			delete(all, q.ID)
		}
	}
	return all
}

func (h *certifiedHousehold) write(year int, on string) {
	h.t.Helper()
	_, err := h.s.WriteReport(context.Background(), h.operator(), h.c.ID, year, h.answers(year, on), day(on))
	require.NoError(h.t, err)
}

func (h *certifiedHousehold) file(year int, on string) {
	h.t.Helper()
	h.write(year, on)
	h.act(on, models.CertifiedCommand{Event: models.CertifiedFileReport, Year: year, Clause: "附三(五)"})
}

// unknown answers for the reviewer what no data decide.
func (h *certifiedHousehold) unknown(year int, on string, met bool) (list []models.StandardAnswer) {
	for _, f := range h.sheet(year, on).Standing {
		if f.Outcome == models.OutcomeNotKnown {
			list = append(list, models.StandardAnswer{ID: f.ID, Met: met, ReasonID: h.why("现场核实")})
		}
	}
	return list
}

// owed gives what is open of a kind about the certification, as owner and date.
func (h *certifiedHousehold) owed(kind models.ObligationKind) (list []string) {
	h.t.Helper()
	all, err := h.s.Obligations(context.Background(), store.ObligationFilter{CycleID: sampleCycle, Kind: kind, State: models.ObligationOpen}, store.ObligationCursor{}, 1000)
	require.NoError(h.t, err)
	for _, o := range all {
		if strings.Contains(o.Title, h.c.Number) {
			list = append(list, o.Owner+" "+o.Due.String())
		}
	}
	return list
}

func (h *certifiedHousehold) cases(kind models.CaseKind) (list []models.Case) {
	h.t.Helper()
	all, err := h.s.Cases(context.Background(), store.CaseQuery{Kind: kind, Number: h.c.Number, Limit: 100})
	require.NoError(h.t, err)
	for _, k := range all {
		list = append(list, k.Case)
	}
	return list
}

func (h *certifiedHousehold) events(kinds ...models.CertifiedEvent) (n int) {
	h.t.Helper()
	steps, err := h.s.CertifiedSteps(context.Background(), h.c.ID)
	require.NoError(h.t, err)
	for _, s := range steps {
		for _, k := range kinds {
			if s.Event == k {
				n++
			}
		}
	}
	return n
}

func TestEachYearOfValidityHasItsReport(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		require.Equal(t, day("2029-11-22"), h.c.ValidUntil)
		next := h.follow("2026-12-31")
		require.Equal(t, day("2027-01-01"), next.On)
		_, err := s.ReportSheet(context.Background(), h.c.ID, 2027, day("2026-12-31"))
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "nothing is owed of a year that has not begun")
		for _, year := range []int{2027, 2028, 2029} {
			h.follow(fmt.Sprintf("%d-01-01", year))
			h.follow(fmt.Sprintf("%d-01-01", year)) // once more: nothing new
			due := fmt.Sprintf("%d-07-31", year)
			r := h.sheet(year, fmt.Sprintf("%d-01-01", year)).Report
			require.Equal(t, []any{models.ReportOwed, day(due), day(due)}, []any{r.State, r.Due, r.LimitOn})
			require.Equal(t, []string{h.c.USCC + " " + due}, h.owed(models.ObligationReport))
			h.file(year, due)
			require.Empty(t, h.owed(models.ObligationReport))
			h.act(due, models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: year, Actor: director, Answers: h.unknown(year, due, true)})
			require.Empty(t, h.owed(models.ObligationReportReview))
		}
		require.Equal(t, 3, h.events(models.CertifiedReportOpened))
		require.Zero(t, h.events(models.CertifiedReportMissed))
		h.follow("2029-12-31")
		_, err = s.ReportSheet(context.Background(), h.c.ID, 2030, day("2030-01-02"))
		require.Equal(t, models.CodeNotFound, models.CodeOf(err), "附三(五): within the validity only")
	})
}

func TestAValidityThatEndsBefore31JulyAsksNoReport(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		both := certifiedHouseholds(t, s, 2)
		for i, until := range []string{"2027-07-30", "2027-07-31"} {
			both[i].exec("UPDATE certifications SET valid_until = ? WHERE id = ?", until, both[i].c.ID)
			both[i].follow("2027-01-01")
			require.Equal(t, i, both[i].events(models.CertifiedReportOpened), until)
		}
	})
}

func TestAReportIsInTimeOn31JulyAndLateOn1August(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		both := certifiedHouseholds(t, s, 2)
		punctual, late := both[0], both[1]
		for _, h := range both {
			h.follow("2027-01-01")
			next := h.follow("2027-07-31")
			require.Equal(t, models.Milestone{Kind: models.MilestoneMissed, On: day("2027-08-01")}, next)
			require.Zero(t, h.events(models.CertifiedReportMissed), "the last day counts")
		}
		punctual.file(2027, "2027-07-31")
		for _, h := range both {
			h.follow("2027-08-01")
			h.follow("2027-08-02")
		}
		r := punctual.sheet(2027, "2027-08-02").Report
		require.False(t, r.Late(day("2027-08-02")))
		require.Empty(t, punctual.cases(models.CaseReport))

		require.Equal(t, 1, late.events(models.CertifiedReportMissed))
		cases := late.cases(models.CaseReport)
		require.Len(t, cases, 1, "a missing report goes to a decision")
		require.Equal(t, models.CaseHearing, cases[0].State, "the household is heard at once")
		require.Equal(t, models.OutcomeNotMet, cases[0].Ground[0].Outcome)
		require.Contains(t, cases[0].Ground[0].Value, "至2027年7月31日未报送2027年度信息报告")
		require.NotEmpty(t, late.owed(models.ObligationReport), "it can still be filed")
		require.True(t, late.sheet(2027, "2027-08-02").Report.Late(day("2027-08-02")))
		list, err := s.Reports(ctx, store.ReportQuery{District: "110107", Year: 2027, Overdue: day("2027-08-02"), Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, late.c.Number, list[0].Number)

		err = late.try("2027-08-03", models.CertifiedCommand{Event: models.CertifiedCloseCase, CaseID: cases[0].ID, Actor: director, ReasonID: late.why("算了"), Clause: "附三(五)"})
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "a report that never came is decided about")

		late.file(2027, "2027-08-05")
		r = late.sheet(2027, "2027-08-05").Report
		require.Equal(t, []any{models.ReportSubmitted, 5, true}, []any{r.State, r.LateDays(), r.Late(day("2027-08-05"))})
		cases = late.cases(models.CaseReport)
		require.Len(t, cases, 1)
		require.True(t, cases[0].State.Live(), "the bureau closes it, or decides: never a silent end")
		require.Equal(t, models.OutcomeMet, cases[0].Ground[0].Outcome, "the ground is shown as mended")
		require.Contains(t, cases[0].Ground[0].Value, "已于2027年8月5日补报")
		late.act("2027-08-06", models.CertifiedCommand{Event: models.CertifiedCloseCase, CaseID: cases[0].ID, Actor: director, ReasonID: late.why("已补报"), Clause: "附三(五)"})
		require.Equal(t, models.ReportSubmitted, late.sheet(2027, "2027-08-06").Report.State)
		counts, err := s.ReportCounts(ctx, store.ReportQuery{District: "110107", Year: 2027})
		require.NoError(t, err)
		require.Equal(t, map[models.ReportState]int64{models.ReportSubmitted: 2}, counts)
	})
}

func TestAReportAsksOnlyWhatNoDepartmentDelivered(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		asked := func(on string) map[string]models.AskState {
			form, out := h.sheet(2027, on).Form, map[string]models.AskState{}
			for i, q := range form.Questions {
				out[q.ID] = form.Asked[i]
			}
			return out
		}
		require.NotEmpty(t, h.sheet(2027, "2027-01-02").Form.Prefilled, "what departments hold is shown")
		require.Equal(t, models.AskLater, asked("2027-06-30")["revenue"], "the data of the year may still come: 三(二)")
		require.Equal(t, models.AskNow, asked("2027-07-01")["revenue"])
		require.Equal(t, models.AskNow, asked("2027-01-02")["trading"])

		_, err := s.WriteReport(ctx, h.operator(), h.c.ID, 2027, map[string]string{"revenue": "很多"}, day("2027-07-01"))
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		_, err = s.WriteReport(ctx, h.operator(), h.c.ID, 2027, map[string]string{"trading-how": strings.Repeat("字", 501)}, day("2027-07-01"))
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		_, err = s.WriteReport(ctx, h.operator(), h.c.ID, 2027, map[string]string{"other": "1"}, day("2027-07-01"))
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		_, err = s.WriteReport(ctx, h.operator(), h.c.ID, 2027, map[string]string{"trading": "是"}, day("2027-07-01"))
		require.NoError(t, err)
		err = h.try("2027-07-01", models.CertifiedCommand{Event: models.CertifiedFileReport, Year: 2027})
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "2026年度的销售额或者营业收入")
		h.file(2027, "2027-07-01")
		r := h.sheet(2027, "2027-07-01").Report
		require.Equal(t, "350000.50", r.Content["revenue"])
		require.NotEmpty(t, r.Prefilled, "what departments held when it was filed is kept with it")
		_, err = s.WriteReport(ctx, h.operator(), h.c.ID, 2027, map[string]string{"trading": "否"}, day("2027-07-02"))
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "what is filed is not changed any more")

		h.follow("2029-01-01")
		early := h.answers(2029, "2029-01-05")
		require.NotContains(t, early, "revenue")
		h.file(2029, "2029-01-05")
		require.Equal(t, models.ReportSubmitted, h.sheet(2029, "2029-01-05").Report.State, "who files early is not asked for what departments will deliver")
	})
}

func TestAReturnedReportHasALimitAndWhoLetsItPassGoesToADecision(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		h.file(2027, "2027-07-01")
		r := h.sheet(2027, "2027-07-01").Report
		require.Equal(t, []string{"scjg 2027-07-29"}, h.owed(models.ObligationReportReview), "20 working days")
		require.Equal(t, day("2027-07-29"), r.ReviewDue)
		require.Equal(t, models.CodeInvalid, models.CodeOf(h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedReturnReport, Year: 2027, Actor: director})), "with a reason")
		h.act("2027-07-05", models.CertifiedCommand{Event: models.CertifiedReturnReport, Year: 2027, Actor: director, ReasonID: h.why("请写明品牌变化")})
		r = h.sheet(2027, "2027-07-05").Report
		require.Equal(t, []any{models.ReportReturned, day("2027-07-19"), day("2027-07-31")}, []any{r.State, r.LimitOn, r.Due}, "10 working days")
		require.Equal(t, []string{h.c.USCC + " 2027-07-19"}, h.owed(models.ObligationReport))
		require.Empty(t, h.owed(models.ObligationReportReview))
		w, err := s.Workdays(context.Background())
		require.NoError(t, err)
		require.False(t, w.AnnouncedThrough(day("2027-07-05"), r.LimitOn), "no holidays of 2027 are announced: whoever is told the term is told so")

		require.Equal(t, day("2027-07-20"), h.follow("2027-07-19").On)
		require.Empty(t, h.cases(models.CaseReport))
		h.follow("2027-07-20")
		cases := h.cases(models.CaseReport)
		require.Len(t, cases, 1)
		require.Contains(t, cases[0].Ground[0].Value, "退回补正，至2027年7月19日未重新报送")
		h.file(2027, "2027-07-21")
		r = h.sheet(2027, "2027-07-21").Report
		require.Zero(t, r.LateDays(), "it was first filed in time")
		require.Equal(t, models.OutcomeMet, h.cases(models.CaseReport)[0].Ground[0].Outcome)
		h.follow("2027-08-01")
		require.Equal(t, 1, h.events(models.CertifiedReportMissed), "once")
	})
}

func TestTheReviewGoesByTheDataAndAsksTheReviewerOnlyForTheRest(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		officer, clerk := models.Actor("user:71"), models.Actor("user:72")
		_, err := s.WriteReport(ctx, clerk, h.c.ID, 2027, h.answers(2027, "2027-07-01"), day("2027-07-01"))
		require.NoError(t, err)
		require.Equal(t, models.CodeInvalid, models.CodeOf(h.try("2027-07-01", models.CertifiedCommand{Event: models.CertifiedFileReport, Year: 2027, Actor: officer})), "on record why")
		h.act("2027-07-01", models.CertifiedCommand{Event: models.CertifiedFileReport, Year: 2027, Actor: officer, ReasonID: h.why("经营者到窗口口述")})
		for _, hand := range []models.Actor{officer, clerk, h.operator()} {
			err := h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: hand, Answers: h.unknown(2027, "2027-07-05", true)})
			require.Equal(t, models.CodeForbidden, models.CodeOf(err), hand)
		}
		_, err = s.DeclareConflict(ctx, models.ConflictOfInterest{District: "110107", Actor: "user:73", USCC: h.c.USCC, ReasonID: h.why("亲属"), DeclaredBy: "user:73"})
		require.NoError(t, err)
		err = h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: "user:73", Answers: h.unknown(2027, "2027-07-05", true)})
		require.Equal(t, models.CodeForbidden, models.CodeOf(err), "who declared a conflict stands aside")

		unknown := h.unknown(2027, "2027-07-05", true)
		require.NotEmpty(t, unknown, "the tiers of the year are not published")
		err = h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: director})
		require.Equal(t, models.CodeInvalid, models.CodeOf(err))
		err = h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: director,
			Answers: append(unknown, models.StandardAnswer{ID: "registered", Met: true, ReasonID: h.why("看过")})})
		require.ErrorContains(t, err, "已由部门数据判断")
		err = h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedFailReport, Year: 2027, Actor: director, ReasonID: h.why("不行"), Answers: unknown})
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "nothing fails")
		h.act("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: director, Answers: unknown})
		r := h.sheet(2027, "2027-07-05").Report
		require.Equal(t, []any{models.ReportConfirmed, director, day("2027-07-05")}, []any{r.State, r.ReviewedBy, r.ReviewedOn})
		require.NotEmpty(t, r.DataMark)
		by := map[string]int{}
		for _, f := range r.Findings {
			require.Equal(t, models.OutcomeMet, f.Outcome, f.ID)
			by[f.CheckedBy]++
		}
		require.Equal(t, len(unknown), by[models.CheckedByReviewer])
		require.Positive(t, by[models.CheckedByData])
		require.Empty(t, h.cases(models.CaseReport))
	})
}

func TestAFailingReportOpensACaseWithItsGrounds(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		h.file(2027, "2027-07-01")
		h.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on) VALUES ('110107', 2026, ?, '失信被执行人', '2027-03-01')", h.c.USCC)
		err := h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: director, Answers: h.unknown(2027, "2027-07-05", true)})
		require.Equal(t, models.CodeConflict, models.CodeOf(err), "data decide: %v", err)
		err = h.try("2027-07-05", models.CertifiedCommand{Event: models.CertifiedFailReport, Year: 2027, Actor: director})
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "with a reason")
		h.act("2027-07-05", models.CertifiedCommand{Event: models.CertifiedFailReport, Year: 2027, Actor: director, ReasonID: h.why("列入失信被执行人")})
		require.Equal(t, models.ReportFailed, h.sheet(2027, "2027-07-05").Report.State)
		require.Equal(t, models.CertificationValid, h.c.State, "the report's failing decides nothing by itself")
		cases := h.cases(models.CaseReport)
		require.Len(t, cases, 1)
		require.Equal(t, models.CaseHearing, cases[0].State)
		require.Len(t, cases[0].Ground, 1)
		require.Equal(t, "dishonest_operator", cases[0].Ground[0].ID)
		require.Equal(t, models.CodeConflict, models.CodeOf(h.try("2027-07-06", models.CertifiedCommand{Event: models.CertifiedConfirmReport, Year: 2027, Actor: director})))
	})
}

func TestWhoseReviewAddedTheGroundsDoesNotDecide(t *testing.T) { // R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		h.follow("2027-08-01") // nothing came: the calendar opens the case
		h.file(2027, "2027-08-02")
		h.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on) VALUES ('110107', 2026, ?, '失信被执行人', '2027-03-01')", h.c.USCC)
		h.act("2027-08-03", models.CertifiedCommand{Event: models.CertifiedFailReport, Year: 2027, Actor: director, ReasonID: h.why("列入失信被执行人")})
		k := h.cases(models.CaseReport)[0]
		require.Equal(t, models.ActorSystem, k.OpenedBy)
		require.Len(t, k.Ground, 2)
		step := func(e models.CertifiedEvent, o models.CaseOutcome, by models.Actor, on string) error {
			return h.try(on, models.CertifiedCommand{Event: e, CaseID: k.ID, Outcome: o, Actor: by, Clause: "附三(五)", ReasonID: h.why("写明情形和理由，供决定")})
		}
		require.ErrorContains(t, step(models.CertifiedCloseCase, "", decider.Actor(), "2027-08-04"), "须作出决定", "the report came, but its review failed: not by one pair of eyes")
		require.NoError(t, step(models.CertifiedState, "", h.operator(), "2027-08-04"))
		require.NoError(t, step(models.CertifiedPropose, models.OutcomeCancel, proposer.Actor(), "2027-08-05"))
		require.Equal(t, models.CodeForbidden, models.CodeOf(step(models.CertifiedDecide, models.OutcomeCancel, director, "2027-08-05")), "it rests on what they found")
		require.NoError(t, step(models.CertifiedDecide, models.OutcomeCancel, decider.Actor(), "2027-08-05"))
	})
}

func TestTheEndOfACertificationClosesItsReportAndRestoringItAsksAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		both := certifiedHouseholds(t, s, 2)
		for _, h := range both {
			h.follow("2027-01-01")
		}
		both[1].file(2027, "2027-07-01")
		for i, h := range both {
			require.NoError(t, s.RecordCertified(ctx, models.CertifiedCommand{CommandID: "cancel", CertificationID: h.c.ID, Event: models.CertifiedCancel, Actor: director}, day("2027-07-20")))
			require.Equal(t, models.ReportClosed, h.sheet(2027, "2027-07-20").Report.State)
			require.Empty(t, h.owed(models.ObligationReport))
			require.Empty(t, h.owed(models.ObligationReportReview))
			_, err := s.WriteReport(ctx, h.operator(), h.c.ID, 2027, nil, day("2027-07-21"))
			require.Equal(t, models.CodeConflict, models.CodeOf(err))
			h.follow("2027-08-15")
			require.Zero(t, h.events(models.CertifiedReportMissed), "nobody owes what is over")

			require.NoError(t, s.RecordCertified(ctx, models.CertifiedCommand{CommandID: "restore", CertificationID: h.c.ID, Event: models.CertifiedRestore, Actor: director}, day("2027-08-16")))
			r := h.sheet(2027, "2027-08-16").Report
			require.Equal(t, []models.ReportState{models.ReportOwed, models.ReportSubmitted}[i], r.State)
			h.follow("2027-08-16")
			require.Zero(t, h.events(models.CertifiedReportMissed), "the time in which it was not certified is not held against it")
		}
		require.Equal(t, []string{both[0].c.USCC + " 2027-08-30"}, both[0].owed(models.ObligationReport), "the term of a return")
		require.NotEmpty(t, both[1].owed(models.ObligationReportReview))
		both[0].follow("2027-08-31")
		require.Len(t, both[0].cases(models.CaseReport), 1)
	})
}

func TestWhoIsAskedTooLateHasATermAllTheSame(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		next := h.follow("2027-08-10") // nothing followed the certification since 2026
		require.Zero(t, h.events(models.CertifiedReportMissed))
		require.Equal(t, []string{h.c.USCC + " 2027-08-24"}, h.owed(models.ObligationReport))
		require.LessOrEqual(t, next.On, day("2027-08-25"))
		h.file(2027, "2027-08-24")
		require.False(t, h.sheet(2027, "2027-08-24").Report.Late(day("2027-08-24")))
		h.follow("2027-08-25")
		require.Empty(t, h.cases(models.CaseReport))
	})
}
