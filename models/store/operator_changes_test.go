package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// draft writes down what is reported and gives the row's id.
func (h *certifiedHousehold) draft(on, name, changed string) int64 {
	h.t.Helper()
	row, err := h.s.DraftOperatorChange(context.Background(), models.OperatorChange{CertificationID: h.c.ID, District: h.c.District, USCC: h.c.USCC,
		CommandID: fmt.Sprintf("draft-%d", h.n), Operator: name, ChangedOn: day(changed), ByActor: h.operator()}, day(on))
	require.NoError(h.t, err)
	return row.ID
}

func (h *certifiedHousehold) report(on, name, changed string) error {
	h.t.Helper()
	return h.try(on, models.CertifiedCommand{Event: models.CertifiedReportOperator, ChangeID: h.draft(on, name, changed)})
}

func (h *certifiedHousehold) notice(on, name string) {
	h.t.Helper()
	require.NoError(h.t, h.s.NoticeOperator(context.Background(), h.c.ID, name, day(on)))
	h.follow(on)
}

func (h *certifiedHousehold) operators() []models.OperatorChange {
	h.t.Helper()
	list, err := h.s.OperatorChanges(context.Background(), h.c.ID)
	require.NoError(h.t, err)
	return list
}

func TestAChangeOfOperatorIsNoticedInTheRegistryAndGoesToADecision(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		first := h.operators()
		require.Len(t, first, 1, "who it was at the certification is kept")
		require.Equal(t, models.OperatorCertified, first[0].Source)
		h.exec("INSERT INTO application_grounds (application_id, category, letter, claimed, statement, outcome, checked_by, value, by_actor) VALUES (?, ?, 'C', TRUE, '', 'met', 'reviewer', '', '')",
			h.c.ApplicationID, models.Quality)
		h.exec("INSERT INTO application_grounds (application_id, category, letter, claimed, statement, outcome, checked_by, value, by_actor) VALUES (?, ?, 'E', TRUE, '', 'met', 'reviewer', '', '')",
			h.c.ApplicationID, models.Quality)
		h.exec("UPDATE certifications SET category = ? WHERE id = ?", models.Quality, h.c.ID)
		h.notice("2027-06-20", first[0].Operator)
		require.Len(t, h.operators(), 1, "the same operator is no news")

		h.notice("2027-06-21", "新经营者甲")
		h.notice("2027-06-22", " 新经营者甲 ")
		require.Len(t, h.operators(), 2)
		require.Equal(t, 1, h.events(models.CertifiedNoticeOperator))
		require.Equal(t, []string{h.c.USCC + " 2027-07-05"}, ownedBy(h, "报告变更经营者"), "it is asked to report: 10 working days")
		cases := h.cases(models.CaseOperator)
		require.Len(t, cases, 1)
		require.Equal(t, models.CaseOpen, cases[0].State)
		found := map[string]models.Outcome{}
		for _, f := range cases[0].Ground {
			found[f.ID] = f.Outcome
		}
		require.Equal(t, models.OutcomeNotKnown, found["quality.C"], "what rested on the operator's person is to be looked at again")
		require.NotContains(t, found, "quality.E")
		require.Equal(t, models.OutcomeMet, found["dishonest_operator"])
		require.Equal(t, models.OutcomeMet, found["registered"])

		require.NoError(t, h.report("2027-06-25", "新经营者甲", "2027-06-01"))
		list := h.operators()
		require.Len(t, list, 2, "reported and noticed is one change")
		require.Equal(t, []any{models.OperatorRegistry, day("2027-06-01"), day("2027-06-25"), day("2027-06-21")},
			[]any{list[1].Source, list[1].ChangedOn, list[1].ReportedOn, list[1].RegistryOn})
		require.Empty(t, ownedBy(h, "报告变更经营者"))
		require.Len(t, h.cases(models.CaseOperator), 1, "one case")
		require.Equal(t, cases[0].ID, list[1].CaseID)
		require.ErrorContains(t, h.try("2027-06-25", models.CertifiedCommand{Event: models.CertifiedCloseCase, CaseID: cases[0].ID, Actor: director, ReasonID: h.why("不必处理")}), "须作出决定")
		require.Equal(t, models.CodeConflict, models.CodeOf(h.report("2027-06-26", "新经营者甲", "2027-06-01")), "nothing changed since")

		steps, err := s.CertifiedSteps(context.Background(), h.c.ID)
		require.NoError(t, err)
		log, err := s.AuditPage(context.Background(), "", 0, 10000)
		require.NoError(t, err)
		written, err := json.Marshal([]any{steps, log, h.cases(models.CaseOperator)})
		require.NoError(t, err)
		require.NotContains(t, string(written), "新经营者甲", "the name is in its own table only")
	})
}

// ownedBy gives what is open under a title.
func ownedBy(h *certifiedHousehold, title string) (list []string) {
	h.t.Helper()
	all, err := h.s.Obligations(context.Background(), store.ObligationFilter{CycleID: sampleCycle, Kind: models.ObligationReport, State: models.ObligationOpen}, store.ObligationCursor{}, 1000)
	require.NoError(h.t, err)
	for _, o := range all {
		if o.Title == title+"（"+h.c.Number+"）" {
			list = append(list, o.Owner+" "+o.Due.String())
		}
	}
	return list
}

func TestAReportedChangeIsTheSameWhenTheRegistryFollows(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		before := h.operators()[0].Operator
		for _, wrong := range []struct{ name, changed string }{{"", "2027-03-01"}, {"乙", "2027-03-03"}, {"乙", "1900-01-01"}} {
			_, err := s.DraftOperatorChange(context.Background(), models.OperatorChange{CertificationID: h.c.ID, CommandID: "x", Operator: wrong.name, ChangedOn: day(wrong.changed)}, day("2027-03-02"))
			require.Equal(t, models.CodeInvalid, models.CodeOf(err), wrong)
		}
		require.Equal(t, models.CodeConflict, models.CodeOf(h.report("2027-03-02", before, "2027-03-01")))
		require.Len(t, h.operators(), 1, "what was refused counts for nothing")
		require.NoError(t, h.report("2027-03-02", "乙", "2027-03-01"))
		require.Len(t, h.cases(models.CaseOperator), 1, "whether the certification goes on is a decision")
		h.notice("2027-03-20", before)
		require.Len(t, h.operators(), 2, "a registry that lags behind takes nothing back")
		h.notice("2027-06-20", "乙")
		list := h.operators()
		require.Len(t, list, 2)
		require.Equal(t, day("2027-06-20"), list[1].RegistryOn)
		require.Zero(t, h.events(models.CertifiedNoticeOperator))
		h.notice("2028-06-20", before)
		require.Len(t, h.operators(), 3, "once the registry had followed, the old name is a change again")

		row := h.draft("2028-07-01", "丙", "2028-06-30")
		err := h.try("2028-07-01", models.CertifiedCommand{Event: models.CertifiedReportOperator, ChangeID: row, Actor: director})
		require.Equal(t, models.CodeInvalid, models.CodeOf(err), "an officer says why")
		h.act("2028-07-01", models.CertifiedCommand{Event: models.CertifiedReportOperator, ChangeID: row, Actor: director, ReasonID: h.why("经营者到窗口口述")})
		require.Equal(t, 2, h.events(models.CertifiedReportOperator))
	})
}

func TestTheDecisionEndsWhatIsAskedAboutTheOperator(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		h.notice("2027-06-21", "丁")
		k := h.cases(models.CaseOperator)[0]
		h.act("2027-06-22", models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: models.OutcomeKeep, Clause: "附三(五)", ReasonID: h.why("条件不变"), Actor: "user:71"})
		h.act("2027-06-23", models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: models.OutcomeKeep, Clause: "附三(五)", ReasonID: h.why("同意"), Actor: "user:72"})
		require.Empty(t, ownedBy(h, "报告变更经营者"))
		require.Equal(t, models.CertificationValid, h.c.State)
	})
}

func TestADecisionWithoutTheReportClosesIt(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := certifiedHouseholds(t, s, 1)[0]
		h.follow("2027-01-01")
		h.follow("2027-08-01")
		k := h.cases(models.CaseReport)[0]
		h.follow("2027-09-01") // its hearing passed
		h.act("2027-09-01", models.CertifiedCommand{Event: models.CertifiedPropose, CaseID: k.ID, Outcome: models.OutcomeKeep, Clause: "附三(五)", ReasonID: h.why("情有可原"), Actor: "user:71"})
		require.Equal(t, models.ReportOwed, h.sheet(2027, "2027-09-01").Report.State, "it can be filed until it is decided")
		h.act("2027-09-02", models.CertifiedCommand{Event: models.CertifiedDecide, CaseID: k.ID, Outcome: models.OutcomeKeep, Clause: "附三(五)", ReasonID: h.why("同意"), Actor: "user:72"})
		require.Equal(t, models.ReportClosed, h.sheet(2027, "2027-09-02").Report.State)
		require.Empty(t, h.owed(models.ObligationReport))
		h.follow("2028-01-01")
		require.Equal(t, models.ReportOwed, h.sheet(2028, "2028-01-01").Report.State, "the next year has its own")
	})
}
