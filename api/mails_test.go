package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestOfficersSeeWhatTheirOwnDepartmentOwes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		tokens := people(t, db)
		officer := token(t, db, models.User{Email: "tax9@example.com", Name: "税", Role: models.RoleDepartment, District: "110107", Department: "tax"})
		for i, o := range []struct{ district, owner, due string }{
			{"110107", "tax", "2026-06-30"}, {"110107", "tax", "2026-06-29"}, {"110107", "tax", "2099-01-01"}, {"110107", "scjg", "2026-06-30"}, {"110108", "tax", "2026-06-30"}} {
			require.NoError(t, db.OpenObligation(context.Background(), models.Obligation{CycleID: o.district + "-2026", District: o.district, Kind: models.ObligationDelivery,
				Subject: fmt.Sprint(i), Owner: o.owner, Title: "交付", Clause: "二(一)2", Due: calendar.MustDate(o.due), OpenedOn: calendar.MustDate("2026-06-01")}))
		}
		get := func(token, query string) Page[ObligationView] {
			return answer[Page[ObligationView]](t, call(t, s, token, "GET", "/api/v1/obligations"+query, nil), http.StatusOK)
		}
		mine := get(officer, "")
		require.Len(t, mine.Items, 3)
		require.Equal(t, "2026-06-29", mine.Items[0].Due, "what is due first comes first")
		first := get(officer, "?limit=2")
		require.Len(t, first.Items, 2)
		require.Equal(t, "2099-01-01", get(officer, "?limit=2&after="+first.Next).Items[0].Due)
		require.Len(t, get(officer, "?overdue=true&limit=10").Items, 2)
		require.Empty(t, get(officer, "?state=done").Items)
		problemOf(t, call(t, s, officer, "GET", "/api/v1/obligations?owner=scjg", nil), http.StatusForbidden, "forbidden")
		problemOf(t, call(t, s, officer, "GET", "/api/v1/obligations?district=110108", nil), http.StatusNotFound, "not-found")
		problemOf(t, call(t, s, officer, "GET", "/api/v1/obligations?after=x", nil), http.StatusUnprocessableEntity, "invalid")
		require.Len(t, get(tokens[models.RoleAuditor], "?state=all").Items, 5)
		require.Len(t, get(tokens[models.RoleAdmin], "?cycle=110107-2026&owner=scjg").Items, 1)
	})
}

func TestAFailedMailIsListedReadAndResentByAnAdministrator(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		s := newTestServer(db)
		tokens := people(t, db)
		for _, district := range []string{"110107", "110108"} {
			_, err := db.Enqueue(ctx, models.Message{District: district, Kind: models.MailDigest, Recipient: "a@example.cn", OnDate: calendar.MustDate("2026-06-29"), Subject: "提醒", HTML: "<p>税</p>", Text: "税"})
			require.NoError(t, err)
			m, ok, err := db.ClaimMail(ctx)
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, db.SettleMail(ctx, m, models.MailRefused, "拒收"))
		}
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110107"})
		failed := answer[Page[MailView]](t, call(t, s, local, "GET", "/api/v1/mails?state=failed", nil), http.StatusOK)
		require.Len(t, failed.Items, 1)
		path := fmt.Sprintf("/api/v1/mails/%d", failed.Items[0].ID)
		require.Equal(t, "税", answer[MailDetail](t, call(t, s, tokens[models.RoleAuditor], "GET", path, nil), http.StatusOK).Text)
		require.Equal(t, http.StatusForbidden, call(t, s, tokens[models.RoleAuditor], "POST", path+"/resend", nil).Code)
		require.Equal(t, http.StatusForbidden, call(t, s, tokens[models.RoleDepartment], "GET", path, nil).Code)

		again := answer[MailDetail](t, call(t, s, local, "POST", path+"/resend", nil), http.StatusOK)
		require.Equal(t, "queued", again.State)
		require.Empty(t, again.LastError)
		problemOf(t, call(t, s, local, "POST", path+"/resend", nil), http.StatusConflict, "conflict")
		other := answer[Page[MailView]](t, call(t, s, adminToken, "GET", "/api/v1/mails?state=failed", nil), http.StatusOK).Items[0]
		problemOf(t, call(t, s, local, "POST", fmt.Sprintf("/api/v1/mails/%d/resend", other.ID), nil), http.StatusNotFound, "not-found")
		newest := answer[Page[MailView]](t, call(t, s, adminToken, "GET", "/api/v1/mails?limit=1", nil), http.StatusOK)
		older := answer[Page[MailView]](t, call(t, s, adminToken, "GET", "/api/v1/mails?limit=1&after="+newest.Next, nil), http.StatusOK)
		require.Less(t, older.Items[0].ID, newest.Items[0].ID)
		require.Empty(t, older.Next)
	})
}

func TestAnybodyReadsTheHolidaysAndAnAdministratorOfAllEntersAYear(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		known := answer[HolidaysView](t, call(t, s, "", "GET", "/api/v1/holidays/2026", nil), http.StatusOK)
		require.True(t, known.Announced)
		require.Len(t, known.Days, 39)
		unknown := answer[HolidaysView](t, call(t, s, "", "GET", "/api/v1/holidays/2027", nil), http.StatusOK)
		require.False(t, unknown.Announced)
		require.Contains(t, unknown.Note, "暂按周末和固定节日推算")

		var days []map[string]any
		for _, d := range []string{"2027-01-01", "2027-05-01", "2027-10-01", "2027-10-02", "2027-10-03"} {
			days = append(days, map[string]any{"date": d, "kind": "休", "name": "节日"})
		}
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110107"})
		problemOf(t, call(t, s, local, "PUT", "/api/v1/holidays/2027", map[string]any{"days": days}), http.StatusForbidden, "forbidden")
		problemOf(t, call(t, s, adminToken, "PUT", "/api/v1/holidays/2027", map[string]any{"days": days[1:]}), http.StatusUnprocessableEntity, "invalid")
		require.True(t, answer[HolidaysView](t, call(t, s, adminToken, "PUT", "/api/v1/holidays/2027", map[string]any{"days": days}), http.StatusOK).Announced)
		require.Len(t, answer[HolidaysView](t, call(t, s, "", "GET", "/api/v1/holidays/2027", nil), http.StatusOK).Days, 5)
	})
}
