package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const passphrase = "梧桐树下-three-Bicycles"

func TestAPersonSignsInWorksAndSignsOut(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		made := answer[UserView](t, call(t, s, adminToken, "POST", "/api/v1/users", map[string]any{"email": "Wang@Example.com", "name": "王", "role": "auditor", "password": passphrase}), http.StatusCreated)
		require.Equal(t, "wang@example.com", made.Email)
		problemOf(t, call(t, s, adminToken, "POST", "/api/v1/users", map[string]any{"email": "wang@example.com", "name": "王", "role": "auditor"}), http.StatusConflict, "conflict")

		signIn := func(email, password string) (int, string) {
			w := call(t, s, "", "POST", "/api/v1/sessions", map[string]any{"email": email, "password": password})
			if w.Code != http.StatusCreated {
				return w.Code, w.Body.String()
			}
			session := answer[Session](t, w, http.StatusCreated)
			require.True(t, strings.HasPrefix(session.Token, "bf_"))
			require.True(t, strings.HasSuffix(session.ExpiresAt, "+08:00"))
			return w.Code, session.Token
		}
		code, token := signIn("WANG@example.com", passphrase)
		require.Equal(t, http.StatusCreated, code)
		code, wrong := signIn("wang@example.com", "wrong wrong wrong")
		require.Equal(t, http.StatusUnauthorized, code)
		code, unknown := signIn("li@example.com", passphrase)
		require.Equal(t, http.StatusUnauthorized, code)
		strip := func(s string) string { return s[:strings.Index(s, "instance")] }
		require.Equal(t, strip(wrong), strip(unknown), "nobody learns who has an account")

		require.Equal(t, made.ID, answer[UserView](t, call(t, s, token, "GET", "/api/v1/me", nil), http.StatusOK).ID)
		code, second := signIn("wang@example.com", passphrase)
		require.Equal(t, http.StatusCreated, code)
		require.Equal(t, http.StatusNoContent, call(t, s, second, "DELETE", "/api/v1/sessions/current", nil).Code)
		require.Equal(t, http.StatusUnauthorized, call(t, s, second, "GET", "/api/v1/me", nil).Code)
		require.Equal(t, http.StatusOK, call(t, s, token, "GET", "/api/v1/me", nil).Code, "the other session goes on")

		change := map[string]any{"old": "wrong wrong wrong", "new": "紫藤花开了-forty-Lanterns"}
		problemOf(t, call(t, s, token, "PUT", "/api/v1/me/password", change), http.StatusUnprocessableEntity, "invalid")
		change["old"] = passphrase
		require.Equal(t, http.StatusNoContent, call(t, s, token, "PUT", "/api/v1/me/password", change).Code)
		require.Equal(t, http.StatusUnauthorized, call(t, s, token, "GET", "/api/v1/me", nil).Code, "a new password ends every session")
		code, _ = signIn("wang@example.com", change["new"].(string))
		require.Equal(t, http.StatusCreated, code)
	})
}

func TestAnAdministratorOfADistrictManagesItsPeopleOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110107"})

		for name, in := range map[string]map[string]any{
			"another district": {"email": "x@example.com", "name": "某", "role": "admin", "district": "110108"},
			"every district":   {"email": "x@example.com", "name": "某", "role": "admin"},
		} {
			w := call(t, s, local, "POST", "/api/v1/users", in)
			require.Equal(t, http.StatusForbidden, w.Code, name)
		}
		made := answer[UserView](t, call(t, s, local, "POST", "/api/v1/users", map[string]any{"email": "x@example.com", "name": "某", "role": "department", "district": "110107", "department": "tax"}), http.StatusCreated)
		path := "/api/v1/users/" + strconv.FormatInt(made.ID, 10)
		problemOf(t, call(t, s, local, "POST", "/api/v1/users", map[string]any{"email": "y@example.com", "name": "某", "role": "department", "district": "110107", "department": "none"}), http.StatusNotFound, "not-found")

		list := answer[Page[UserView]](t, call(t, s, local, "GET", "/api/v1/users", nil), http.StatusOK)
		for _, u := range list.Items {
			require.Equal(t, "110107", u.District)
		}
		all := answer[Page[UserView]](t, call(t, s, adminToken, "GET", "/api/v1/users?limit=2", nil), http.StatusOK)
		require.Len(t, all.Items, 2)
		next := answer[Page[UserView]](t, call(t, s, adminToken, "GET", "/api/v1/users?limit=100&after="+all.Next, nil), http.StatusOK)
		require.Greater(t, next.Items[0].ID, all.Items[1].ID)
		require.Empty(t, next.Next)

		chief := all.Items[0] // an administrator of every district
		require.Equal(t, models.RoleAdmin, chief.Role)
		chiefPath := "/api/v1/users/" + strconv.FormatInt(chief.ID, 10)
		problemOf(t, call(t, s, local, "POST", chiefPath+"/tokens", map[string]any{"name": "偷来的"}), http.StatusNotFound, "not-found")
		problemOf(t, call(t, s, local, "PATCH", chiefPath, map[string]any{"disabled": true}), http.StatusNotFound, "not-found")

		secret := answer[NewToken](t, call(t, s, local, "POST", path+"/tokens", map[string]any{"name": "接口", "days": 30}), http.StatusCreated)
		require.Equal(t, http.StatusOK, call(t, s, secret.Token, "GET", "/api/v1/me", nil).Code)
		w := call(t, s, local, "GET", path+"/tokens", nil)
		require.NotContains(t, w.Body.String(), secret.Token, "shown once")
		require.Len(t, answer[Page[TokenView]](t, w, http.StatusOK).Items, 1)
		require.Equal(t, http.StatusNoContent, call(t, s, local, "DELETE", "/api/v1/tokens/"+strconv.FormatInt(secret.ID, 10), nil).Code)
		require.Equal(t, http.StatusUnauthorized, call(t, s, secret.Token, "GET", "/api/v1/me", nil).Code)

		require.True(t, answer[UserView](t, call(t, s, local, "PATCH", path, map[string]any{"disabled": true}), http.StatusOK).Disabled)
		problemOf(t, call(t, s, local, "PUT", "/api/v1/districts/110107", map[string]any{"name": "石景山", "city": "北京"}), http.StatusForbidden, "forbidden")
		require.Len(t, answer[Page[DistrictView]](t, call(t, s, local, "GET", "/api/v1/districts", nil), http.StatusOK).Items, 1)
		require.Equal(t, http.StatusOK, call(t, s, local, "PUT", "/api/v1/districts/110107/departments/rsj", map[string]any{"name": "区人力社保局"}).Code)
		require.Len(t, answer[Page[DepartmentView]](t, call(t, s, local, "GET", "/api/v1/districts/110107/departments", nil), http.StatusOK).Items, 2)
		problemOf(t, call(t, s, local, "PUT", "/api/v1/districts/110108/departments/rsj", map[string]any{"name": "某局"}), http.StatusNotFound, "not-found")
		require.Equal(t, http.StatusOK, call(t, s, adminToken, "PUT", "/api/v1/districts/110109", map[string]any{"name": "门头沟区", "city": "北京市"}).Code)
	})
}

func userID(t *testing.T, db *store.Store, email string) int64 {
	t.Helper()
	u, err := db.UserByEmail(context.Background(), email)
	require.NoError(t, err)
	return u.ID
}

func TestTheRecordIsReadByOverseersOfTheirDistrictAndVerifiedByThoseOfAll(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		tokens := people(t, db)
		page := answer[Page[AuditView]](t, call(t, s, tokens[models.RoleAuditor], "GET", "/api/v1/audit?object=district/110107", nil), http.StatusOK)
		require.Len(t, page.Items, 1)
		require.Equal(t, "district.set", page.Items[0].Action)
		require.JSONEq(t, `{"name":"石景山区","city":"北京市"}`, string(page.Items[0].Detail))
		report := answer[models.AuditReport](t, call(t, s, adminToken, "GET", "/api/v1/audit/verify", nil), http.StatusOK)
		require.True(t, report.Intact, report.Reason)
		local := token(t, db, models.User{Email: "local@example.com", Name: "区管理员", Role: models.RoleAdmin, District: "110107"})
		problemOf(t, call(t, s, local, "GET", "/api/v1/audit/verify", nil), http.StatusForbidden, "forbidden")

		elsewhere := token(t, db, models.User{Email: "elsewhere@example.com", Name: "外区审计员", Role: models.RoleAuditor, District: "110108"})
		objects := func(token, query string) (list []string) {
			next := ""
			for {
				p := answer[Page[AuditView]](t, call(t, s, token, "GET", "/api/v1/audit?limit=2&after="+next+query, nil), http.StatusOK)
				for _, e := range p.Items {
					list = append(list, e.Object)
				}
				if next = p.Next; next == "" {
					return list
				}
			}
		}
		require.Subset(t, objects(local, ""), []string{"district/110107", "department/110107/tax"})
		require.NotContains(t, objects(local, ""), "district/110108")
		require.NotContains(t, objects(local, ""), "user/1", "of all districts, and so of none")
		require.Equal(t, []string{"district/110108"}, objects(elsewhere, "&object=district/110108"))
		require.Empty(t, objects(elsewhere, "&object=district/110107"), "what is not one's own is as if it were not there")
		problemOf(t, call(t, s, elsewhere, "GET", "/api/v1/audit?district=110107", nil), http.StatusNotFound, "not-found")
		require.Equal(t, objects(elsewhere, ""), objects(adminToken, "&district=110108"))
		require.Contains(t, objects(elsewhere, ""), fmt.Sprintf("user/%d", userID(t, db, "elsewhere@example.com")), "also what concerns its people")
		list, err := db.AuditPage(context.Background(), "", 0, 1000)
		require.NoError(t, err)
		for _, e := range list {
			require.NotContains(t, e.Detail, "@example.com", "people's addresses stay in the users table")
			require.NotContains(t, e.Detail, "bf_")
		}
	})
}
