package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// openCycle opens a cycle of the year by the default policy.
func openCycle(t *testing.T, db *store.Store, district string, year int) models.Cycle {
	t.Helper()
	ctx := context.Background()
	n, err := db.PlanYear(ctx, district, year, nil)
	require.NoError(t, err)
	n.CycleID, n.Attempt, n.Actor, n.Today = models.CycleID(district, year), 1, models.ActorConsole, calendar.NewDate(year, 6, 1)
	require.NoError(t, db.OpenCycle(ctx, n))
	c, err := db.Cycle(ctx, n.CycleID)
	require.NoError(t, err)
	return c
}

func TestAComplaintReachesTheBureauOfItsDistrictOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		s := newTestServer(db)
		tokens := people(t, db)
		register110107(t, db)
		openCycle(t, db, "110107", 2025)
		cycle := openCycle(t, db, "110107", 2026)
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110107"})
		elsewhere := token(t, db, models.User{Email: "elsewhere@example.com", Name: "外区管理员", Role: models.RoleAdmin, District: "110108"})

		const secret = "甲乙丙被要求缴费五百元"
		w := from(t, s, "203.0.113.1", "/public/v1/complaints", `{"district":"110107","about":"收费","statement":"`+secret+`","name":"张三","contact":"whistle@example.cn"}`)
		require.Equal(t, map[string]any{"number": "诉110107-1"}, withoutSchema(answer[map[string]any](t, w, http.StatusCreated)), "a number and nothing else")
		operator := operatorToken(t, db, "110107", withAddress)
		require.Equal(t, "诉110107-2", answer[ComplaintReceipt](t, call(t, s, operator, "POST", "/api/v1/complaints",
			map[string]any{"about": "推荐", "statement": "强行推荐"}), http.StatusCreated).Number)

		for _, path := range []string{"/api/v1/complaints", "/api/v1/complaints/1"} {
			for _, role := range []models.Role{models.RoleDepartment, models.RoleCity, models.RoleAuditor, models.RoleOperator} {
				problemOf(t, call(t, s, tokens[role], "GET", path, nil), http.StatusForbidden, "forbidden")
			}
			problemOf(t, call(t, s, "", "GET", path, nil), http.StatusUnauthorized, "unauthorized")
		}
		require.Empty(t, answer[Page[ComplaintView]](t, call(t, s, elsewhere, "GET", "/api/v1/complaints", nil), http.StatusOK).Items)
		problemOf(t, call(t, s, elsewhere, "GET", "/api/v1/complaints/1", nil), http.StatusNotFound, "not-found")
		problemOf(t, call(t, s, elsewhere, "POST", "/api/v1/complaints/1/answer", map[string]any{"answer": "无"}), http.StatusNotFound, "not-found")

		first := answer[Page[ComplaintView]](t, call(t, s, local, "GET", "/api/v1/complaints?limit=1&state=open", nil), http.StatusOK)
		require.Equal(t, "收费", first.Items[0].About)
		second := answer[Page[ComplaintView]](t, call(t, s, local, "GET", "/api/v1/complaints?limit=1&state=open&after="+first.Next, nil), http.StatusOK)
		require.Equal(t, "household", second.Items[0].By)
		require.Empty(t, second.Next)
		whole := answer[ComplaintDetail](t, call(t, s, local, "GET", "/api/v1/complaints/1", nil), http.StatusOK)
		require.Equal(t, []string{secret, "张三", "whistle@example.cn", ""}, []string{whole.Statement, whole.Name, whole.Contact, whole.USCC})

		// ten working days, owed by the bureau
		owed, err := db.Obligations(ctx, store.ObligationFilter{CycleID: cycle.ID, Owner: models.AdminsCode, State: models.ObligationOpen}, store.ObligationCursor{}, 100)
		require.NoError(t, err)
		due := map[string]calendar.Date{}
		for _, o := range owed {
			if o.Kind == models.ObligationComplaint {
				due[o.Subject] = o.Due
				require.NotContains(t, o.Title, "收费")
			}
		}
		workdays, err := db.Workdays(ctx)
		require.NoError(t, err)
		c, err := db.Complaint(ctx, 1)
		require.NoError(t, err)
		by := workdays.TermEnd(c.ReceivedOn, 10)
		require.Equal(t, map[string]calendar.Date{"complaint/1": by, "complaint/2": by}, due)

		answered := answer[ComplaintDetail](t, call(t, s, local, "POST", "/api/v1/complaints/2/answer", map[string]any{"answer": "已责成整改"}), http.StatusOK)
		require.Equal(t, "answered", answered.State)
		require.Equal(t, withAddress, answered.USCC)
		problemOf(t, call(t, s, local, "POST", "/api/v1/complaints/2/answer", map[string]any{"answer": "又一次"}), http.StatusConflict, "conflict")
		own := answer[Page[OwnComplaint]](t, call(t, s, operator, "GET", "/api/v1/me/complaints", nil), http.StatusOK)
		require.Len(t, own.Items, 1)
		require.Equal(t, "已责成整改", own.Items[0].Answer)
		require.Empty(t, answer[Page[OwnComplaint]](t, call(t, s, tokens[models.RoleOperator], "GET", "/api/v1/me/complaints", nil), http.StatusOK).Items)
		left, err := db.Obligations(ctx, store.ObligationFilter{CycleID: cycle.ID, Owner: models.AdminsCode, State: models.ObligationOpen}, store.ObligationCursor{}, 100)
		require.NoError(t, err)
		require.Len(t, left, len(owed)-1)

		// whoever left an address hears of it, and nobody but the bureau sees that they did
		require.Equal(t, http.StatusOK, call(t, s, local, "POST", "/api/v1/complaints/1/answer", map[string]any{"answer": "已责成退还"}).Code)
		m, ok, err := db.ClaimMail(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "whistle@example.cn", m.Recipient)
		require.Contains(t, m.Text, "已责成退还")
		require.NotContains(t, m.Text+m.HTML, secret)
		require.Contains(t, call(t, s, local, "GET", "/api/v1/mails", nil).Body.String(), "whistle@")
		for _, path := range []string{"/api/v1/mails", fmt.Sprintf("/api/v1/mails/%d", m.ID)} {
			require.NotContains(t, call(t, s, tokens[models.RoleAuditor], "GET", path, nil).Body.String(), "whistle@")
		}

		entries, err := db.AuditPage(ctx, "", 0, 1000)
		require.NoError(t, err)
		var actions []string
		for _, e := range entries {
			for _, text := range []string{secret, "收费", "张三", "whistle@example.cn", "强行", "整改", "退还"} {
				require.NotContains(t, e.Detail, text, "what was written stays out of the record")
			}
			if strings.HasPrefix(e.Action, "complaint.") {
				require.NotContains(t, string(e.Actor), withAddress, "nor does it say who complained")
				actions = append(actions, e.Action+" "+e.Object)
			}
		}
		require.Equal(t, []string{"complaint.receive complaint/1", "complaint.receive complaint/2", "complaint.read complaint/1", "complaint.answer complaint/2", "complaint.answer complaint/1"}, actions)
	})
}

func withoutSchema(m map[string]any) map[string]any {
	delete(m, "$schema")
	return m
}

func TestAComplaintIsTakenWithoutACycleAndRefusedWithAReason(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		send := func(district, about, statement string) *http.Response {
			b, err := json.Marshal(map[string]any{"district": district, "about": about, "statement": statement})
			require.NoError(t, err)
			return from(t, s, fmt.Sprintf("203.0.113.%d", len(about)%200), "/public/v1/complaints", string(b)).Result()
		}
		require.Equal(t, http.StatusCreated, send("110108", "事项", "情况").StatusCode)
		for name, r := range map[string]*http.Response{
			"no such district": send("999999", "事项", "情况"), "nothing said": send("110107", "事项", " "), "too long": send("110107", "事项", strings.Repeat("长", 5001)),
			"title too long": send("110107", strings.Repeat("长", 201), "情况"),
		} {
			require.Equal(t, http.StatusUnprocessableEntity, r.StatusCode, name)
		}
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110108"})
		require.Equal(t, http.StatusOK, call(t, s, local, "POST", "/api/v1/complaints/1/answer", map[string]any{"answer": "已处理"}).Code)
		for range 10 {
			from(t, s, "198.51.100.1", "/public/v1/complaints", `{"district":"110107","about":"事项","statement":"情况"}`)
		}
		require.Equal(t, http.StatusTooManyRequests, from(t, s, "198.51.100.1", "/public/v1/complaints", `{"district":"110107","about":"事项","statement":"情况"}`).Code)
	})
}
