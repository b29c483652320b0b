package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// bureauOfficer is another officer of the bureau: another pair of eyes.
func (y *years) bureauOfficer(name string) string {
	y.t.Helper()
	return token(y.t, y.store, models.User{Email: name + "@example.com", Name: "审核员", Role: models.RoleDepartment, District: "110107", Department: models.BureauCode})
}

func (y *years) postCase(token string, id int64, step string, in any) CaseDetail {
	y.t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	return answer[CaseDetail](y.t, y.call(token, http.MethodPost, fmt.Sprintf("/api/v1/cases/%d/%s", id, step), in), http.StatusOK)
}

const suspicion = "经查，申报时提交的获奖证书系伪造，发证单位已书面说明。"

func TestARevocationGoesThroughTheApiFromTheEvidenceToTheObjection(t *testing.T) { // 附三(五), R21, R24
	y := newYears(t, "2027-03-01")
	cert := y.certs[0]
	second, third := y.bureauOfficer("second"), y.bureauOfficer("third")
	me, other := y.operator(0), y.operator(1)
	open := "/api/v1/certifications/" + cert.Number + "/cases"
	tax := token(t, y.store, models.User{Email: "tax@example.com", Name: "税务", Role: models.RoleDepartment, District: "110107", Department: "tax"})

	problemOf(t, y.call(tax, http.MethodPost, open, map[string]any{"kind": "fraud", "reason": suspicion}), http.StatusForbidden, "forbidden")
	problemOf(t, y.call(me, http.MethodPost, open, map[string]any{"kind": "fraud", "reason": suspicion}), http.StatusForbidden, "forbidden")
	problemOf(t, y.call(y.bureau, http.MethodPost, open, map[string]any{"kind": "fraud", "reason": "伪造"}), http.StatusUnprocessableEntity, "invalid")
	k := answer[CaseDetail](t, keyedWith(t, y.server, y.bureau, open, "open-1", map[string]any{"kind": "fraud", "reason": suspicion}), http.StatusCreated)
	again := answer[CaseDetail](t, keyedWith(t, y.server, y.bureau, open, "open-1", map[string]any{"kind": "fraud", "reason": suspicion}), http.StatusCreated)
	require.Equal(t, k.ID, again.ID, "the same request again")
	require.Equal(t, []any{models.CaseOpen, suspicion, "2027-04-12"}, []any{k.State, k.OpenReason, k.Due.String()})
	one := fmt.Sprintf("/api/v1/cases/%d", k.ID)
	for who, token := range map[string]string{"household": me, "another": other, "department": tax} {
		problemOf(t, y.call(token, http.MethodGet, one, nil), http.StatusNotFound, "not-found")
		require.Empty(t, answer[Page[CaseView]](t, y.call(token, http.MethodGet, "/api/v1/cases", nil), http.StatusOK).Items, who)
	}
	problemOf(t, y.call(y.bureau, http.MethodPost, one+"/hear", map[string]any{}), http.StatusConflict, "conflict")

	shown := answer[DocumentView](t, uploaded(t, y.server, y.bureau, one+"/documents", "证书.png", picture(t)), http.StatusCreated)
	secret := answer[DocumentView](t, uploaded(t, y.server, second, one+"/documents?confidential=true", "举报.png", picture(t)), http.StatusCreated)
	require.Equal(t, []models.DocumentPurpose{models.PurposeEvidence, models.PurposeConfidential}, []models.DocumentPurpose{shown.Purpose, secret.Purpose})
	k = y.postCase(y.bureau, k.ID, "hear", nil)
	require.Equal(t, "2027-03-08", k.HearingDue)
	seen := answer[CaseDetail](t, y.call(me, http.MethodGet, one, nil), http.StatusOK)
	require.Equal(t, suspicion, seen.OpenReason, "it is told what is held against it")
	require.Empty(t, seen.Steps[0].By)
	list := answer[Page[DocumentView]](t, y.call(me, http.MethodGet, one+"/documents", nil), http.StatusOK)
	require.Len(t, list.Items, 1)
	require.Equal(t, shown.ID, list.Items[0].ID)
	require.Equal(t, http.StatusOK, y.call(me, http.MethodGet, shown.URL, nil).Code)
	for _, token := range []string{me, other, tax, y.tokens[models.RoleAuditor], y.tokens[models.RoleCity]} {
		require.Equal(t, http.StatusNotFound, y.call(token, http.MethodGet, secret.URL, nil).Code, "who told of it stays unknown")
	}
	require.Equal(t, http.StatusOK, y.call(third, http.MethodGet, secret.URL, nil).Code)
	problemOf(t, y.call(other, http.MethodGet, one, nil), http.StatusNotFound, "not-found")
	require.Equal(t, http.StatusCreated, uploaded(t, y.server, me, one+"/documents", "说明.png", picture(t)).Code)
	home := answer[OwnHousehold](t, y.call(me, http.MethodGet, "/api/v1/me/household", nil), http.StatusOK)
	require.Len(t, home.Cases, 1)
	seen = y.postCase(me, k.ID, "statement", map[string]any{"text": "证书由代办人提供，本户不知情。"})
	require.Equal(t, []any{models.CaseHeard, "证书由代办人提供，本户不知情。"}, []any{seen.State, seen.Statement})

	propose := map[string]any{"outcome": "revoke", "reason": "伪造属实，内部意见", "clause": "附三(五)"}
	problemOf(t, y.call(me, http.MethodPost, one+"/proposal", propose), http.StatusForbidden, "forbidden")
	k = y.postCase(second, k.ID, "proposal", propose)
	require.Equal(t, models.OutcomeRevoke, k.Outcome)
	seen = answer[CaseDetail](t, y.call(me, http.MethodGet, one, nil), http.StatusOK)
	require.Empty(t, string(seen.Outcome)+seen.Proposal+seen.Clause, "what is proposed is no decision")
	decide := map[string]any{"outcome": "revoke", "reason": "伪造证书骗取认定，予以撤销。"}
	problemOf(t, y.call(second, http.MethodPost, one+"/decision", decide), http.StatusForbidden, "forbidden")
	problemOf(t, y.call(y.bureau, http.MethodPost, one+"/decision", decide), http.StatusForbidden, "forbidden")
	problemOf(t, y.call(third, http.MethodPost, one+"/decision", map[string]any{"outcome": "keep", "reason": "不同意"}), http.StatusConflict, "conflict")
	k = y.postCase(third, k.ID, "return", map[string]any{"reason": "请补充发证单位说明"})
	require.Equal(t, models.CaseHeard, k.State)
	y.postCase(second, k.ID, "proposal", propose)
	k = y.postCase(third, k.ID, "decision", decide)
	require.Equal(t, models.CaseDecided, k.State)
	seen = answer[CaseDetail](t, y.call(me, http.MethodGet, one, nil), http.StatusOK)
	require.Equal(t, []string{"伪造证书骗取认定，予以撤销。", "附三(五)", "2027-03-15"}, []string{seen.Reason, seen.Clause, seen.ObjectUntil})
	for _, step := range seen.Steps {
		require.NotContains(t, []models.CertifiedEvent{models.CertifiedPropose, models.CertifiedReturn}, step.Event)
	}
	require.NotContains(t, y.call(me, http.MethodGet, one, nil).Body.String(), "内部意见")

	p := answer[PublicCertification](t, y.call("", http.MethodGet, "/public/v1/certifications/"+cert.Number, nil), http.StatusOK)
	require.Equal(t, []string{"已撤销", "2027-03-01"}, []string{p.State, p.EndedOn})
	page := y.call("", http.MethodGet, "/verify/"+cert.Number, nil).Body.String()
	require.Contains(t, page, "已撤销")
	require.Contains(t, page, "2027-03-01")
	csv := y.call(y.tokens[models.RoleAdmin], http.MethodGet, closingPath+"/certifications/annotations.csv", nil).Body.String()
	require.NotContains(t, csv, cert.USCC)
	require.Contains(t, csv, y.certs[1].USCC)
	require.Equal(t, http.StatusConflict, y.call(me, http.MethodGet, "/api/v1/certifications/"+cert.Number+"/certificate.pdf", nil).Code)

	y.server.Temporal = nil // received without its process
	object := map[string]any{"kind": "certification", "certification": cert.Number, "case": k.ID, "statement": "证书真实，请向发证单位复核。"}
	problemOf(t, y.call(other, http.MethodPost, "/api/v1/me/objections", object), http.StatusNotFound, "not-found")
	object["case"] = k.ID + 1
	problemOf(t, y.call(me, http.MethodPost, "/api/v1/me/objections", object), http.StatusNotFound, "not-found")
	object["case"] = k.ID
	y.on("2027-03-16")
	problemOf(t, y.call(me, http.MethodPost, "/api/v1/me/objections", object), http.StatusConflict, "conflict")
	y.on("2027-03-15")
	receipt := answer[ObjectionReceipt](t, y.call(me, http.MethodPost, "/api/v1/me/objections", object), http.StatusCreated)
	require.Equal(t, "certification", receipt.Kind)
	o := answer[ObjectionDetail](t, y.call(third, http.MethodGet, fmt.Sprintf("/api/v1/objections/%d", receipt.ID), nil), http.StatusOK)
	require.Equal(t, k.ID, o.Case)
}

func TestTheDepartmentThatRecommendedSpeaksForItselfAtTheEvaluation(t *testing.T) { // 附三(五)D
	y := newYears(t, "2029-08-01")
	cert := y.certs[0]
	y.exec("UPDATE applications SET origin = 'recommended', department = 'tax' WHERE id = ?", cert.ApplicationID)
	y.exec("UPDATE certifications SET reached = '2029-08-01'")
	y.on("2029-08-16")
	tax := token(t, y.store, models.User{Email: "tax@example.com", Name: "税务", Role: models.RoleDepartment, District: "110107", Department: "tax"})
	require.NoError(t, y.store.SetDepartment(context.Background(), models.ActorConsole, models.Department{District: "110107", Code: "hrss", Name: "区人力资源社会保障局"}))
	hrss := token(t, y.store, models.User{Email: "hrss@example.com", Name: "人社", Role: models.RoleDepartment, District: "110107", Department: "hrss"})

	asked := answer[Page[CaseView]](t, y.call(tax, http.MethodGet, "/api/v1/cases?kind=evaluation", nil), http.StatusOK)
	require.Len(t, asked.Items, 1, "its own only")
	k := asked.Items[0]
	require.Equal(t, []string{cert.Number, "2029-08-30"}, []string{k.Certification, k.OpinionDue})
	one := fmt.Sprintf("/api/v1/cases/%d", k.ID)
	opinion := map[string]any{"opinion": "agrees", "reason": "带动就业明显，同意延长"}
	problemOf(t, y.call(hrss, http.MethodPost, one+"/opinion", opinion), http.StatusNotFound, "not-found")
	problemOf(t, y.call(y.bureau, http.MethodPost, one+"/opinion", opinion), http.StatusForbidden, "forbidden")
	d := y.postCase(tax, k.ID, "opinion", opinion)
	require.Equal(t, []any{models.OpinionAgrees, "带动就业明显，同意延长"}, []any{d.Opinion, d.OpinionText})
	require.NotEmpty(t, d.Ground)
	mine := answer[CaseDetail](t, y.call(y.operator(0), http.MethodGet, one, nil), http.StatusOK)
	require.Empty(t, mine.OpinionText, "not before the decision")
	y.postCase(y.bureau, k.ID, "proposal", map[string]any{"outcome": "extend", "reason": "推荐部门同意", "clause": "附三(五)D"})
	y.postCase(y.bureauOfficer("second"), k.ID, "decision", map[string]any{"outcome": "extend", "reason": "推荐部门同意延长"})
	c, err := y.store.Certification(context.Background(), cert.Number)
	require.NoError(t, err)
	require.Equal(t, []any{calendar.MustDate("2032-11-22"), 1}, []any{c.ValidUntil, c.Extensions})

	all := answer[Page[CaseView]](t, y.call(y.bureau, http.MethodGet, "/api/v1/cases?kind=evaluation&limit=2", nil), http.StatusOK)
	require.Len(t, all.Items, 2)
	rest := answer[Page[CaseView]](t, y.call(y.bureau, http.MethodGet, "/api/v1/cases?kind=evaluation&limit=10&after="+all.Next, nil), http.StatusOK)
	require.Len(t, rest.Items, 3, "five evaluations")
	decided := answer[Page[CaseView]](t, y.call(y.bureau, http.MethodGet, "/api/v1/cases?state=decided&certification="+strings.ToLower(cert.Number), nil), http.StatusOK)
	require.Equal(t, []models.CaseOutcome{models.OutcomeExtend}, []models.CaseOutcome{decided.Items[0].Outcome})
	q := store.CaseQuery{USCC: cert.USCC, Told: true, Limit: 10}
	own, err := y.store.Cases(context.Background(), q)
	require.NoError(t, err)
	require.NotEmpty(t, own)
}
