package store_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/paper"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestACaseFileSaysWhoWhenWhyAndOnWhatData(t *testing.T) { // 三(二), R24
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		r := reviewed(t, s, 3)
		one, two := r.reviewers[0], r.reviewers[1]
		a := r.drafted(0)
		u, subject := operatorOf(a), models.ApplicationObject(a.ID)
		d, err := s.AddDocument(ctx, u, subject, models.PurposeEvidence, evidenceFile("evidence"))
		require.NoError(t, err)
		a = r.acted(a, u.Actor(), models.ApplicationCommand{Event: models.EventSubmit})
		a = r.claimed(a, one)
		a = r.acted(a, one, r.pass(r.found("B", true)))
		v := r.plan(a, one, two)
		id, _ := one.UserID()
		visitor, err := s.User(ctx, id)
		require.NoError(t, err)
		_, err = s.AddDocument(ctx, visitor, models.VisitObject(v.ID), models.PurposePhoto, evidenceFile("photo"))
		require.NoError(t, err)
		v = r.recorded(v, one, models.VisitMet)
		a = r.acted(a, two, sign(v))
		_, err = s.Enqueue(ctx, models.Message{District: a.District, CycleID: a.CycleID, Kind: models.MailApplication, Recipient: "someone@example.com", OnDate: r.today, Subject: "x", HTML: "x", Text: "x", Key: subject + "/1"},
			models.Message{District: a.District, CycleID: a.CycleID, Kind: models.MailApplication, Recipient: "other@example.com", OnDate: r.today, Subject: "x", HTML: "x", Text: "x", Key: subject + "9/1"})
		require.NoError(t, err)
		_, err = s.SQL().Exec(`INSERT INTO objections (district, cycle_id, kind, uscc, application_id, by_actor, by_name, contact, statement, state, received_on, accept_due, at, updated_at, receipt_key)
			VALUES (?, ?, 'notice', ?, ?, 'public', '匿名张三', '13800000000', '我是张三，该户不合格', 'received', '2026-10-22', '2026-10-29', '2026-10-22 00:00:00', '2026-10-22 00:00:00', 'k')`, a.District, a.CycleID, a.USCC, a.ID)
		require.NoError(t, err)

		f, err := s.CaseFile(ctx, a.ID, false)
		require.NoError(t, err)
		require.Equal(t, a.Number(), f.Number)
		require.Equal(t, "北京市石景山区", f.District)
		require.NotEmpty(t, f.Facts)
		for _, x := range f.Facts {
			require.NotEmpty(t, x.Source)
		}
		require.Equal(t, []string{"提交申报", "审核通过", "走访核实通过"}, []string{f.Events[0].Name, f.Events[1].Name, f.Events[2].Name})
		require.Equal(t, "经营者", f.Events[0].By)
		require.Equal(t, "区市场监管局 审核员", f.Events[1].By)
		require.Positive(t, f.Events[1].PolicyVersion)
		require.Equal(t, "核对证书原件", f.Grounds[0].Reason)
		require.Equal(t, models.OutcomeMet, f.Grounds[0].Outcome)
		require.NotEmpty(t, f.Grounds[0].Text)
		require.Equal(t, d.SHA256, f.Documents[0].SHA256)
		require.Len(t, f.Documents, 2)
		require.Equal(t, "现场情况", f.Visits[0].Record)
		require.Equal(t, "核实相符", f.Visits[0].Outcome)
		require.Len(t, f.Mails, 1)
		require.Len(t, f.Objections, 1)
		require.Equal(t, "公众", f.Objections[0].By)
		require.NotContains(t, inWords(t, f), "13800000000")
		require.NotContains(t, inWords(t, f), "匿名张三")
		entries := map[string]bool{}
		for i, e := range f.Audit {
			entries[e.Action] = true
			require.Len(t, e.Hash, 64)
			if i > 0 {
				require.Greater(t, e.Seq, f.Audit[i-1].Seq)
			}
			entry := models.AuditEntry{Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: e.Detail, PrevHash: e.PrevHash}
			require.Equal(t, e.Hash, entry.Digest(), "can be checked by itself")
		}
		for _, action := range []string{"application.draft", "document.add", "application.submit", "review.claim", "application.pass_review", "visit.plan", "application.pass_visit"} {
			require.True(t, entries[action], action)
		}

		own, err := s.CaseFile(ctx, a.ID, true)
		require.NoError(t, err)
		require.True(t, own.ForOperator)
		require.Equal(t, "区市场监管局", own.Events[1].By, "officers by their office")
		require.Len(t, own.Documents, 1, "without the visitors' photographs")
		require.Len(t, own.Objections, 1)
		for _, confidential := range []string{"张三", "审核员", string(one), "someone@example.com"} {
			require.NotContains(t, inWords(t, own), confidential)
		}
		for _, file := range []models.CaseFile{f, own} {
			pdf, err := paper.CaseFile(file)
			require.NoError(t, err)
			again, err := paper.CaseFile(file)
			require.NoError(t, err)
			require.Equal(t, pdf, again)
		}
		_, err = s.CaseFile(ctx, 999999, false)
		refusedAs(t, models.CodeNotFound, err)
	})
}

func inWords(t *testing.T, f models.CaseFile) string {
	t.Helper()
	b, err := json.Marshal(f)
	require.NoError(t, err)
	return string(b)
}
