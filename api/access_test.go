package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// The households of register: one with an address, one without, one that no department knows.
const (
	withAddress    = "92110107MA48KGC7L6"
	withoutAddress = "92110107MA5N4LNE4P"
	nowhere        = "92110107MA3AGYGLUW"
)

// register110107 delivers a small 登记注册 file.
func register110107(t *testing.T, db *store.Store) {
	t.Helper()
	ctx := context.Background()
	content := []byte("统一社会信用代码,名称,经营者,成立日期,登记状态,电子邮箱\n" +
		withAddress + ",北京有邮餐饮店,甲,2020-01-01,存续,owner@example.cn\n" +
		withoutAddress + ",北京无邮餐饮店,乙,2020-01-01,存续,\n")
	d, err := db.ReceiveDelivery(ctx, models.Delivery{District: "110107", Year: 2026, Source: models.SourceRegistry, Channel: models.ChannelUpload,
		FileName: "registry.csv", By: "user:1"}, bytes.NewReader(content), 1<<20)
	require.NoError(t, err)
	reader, err := files.Open(bytes.NewReader(content), int64(len(content)), "registry.csv", models.SourceRegistry)
	require.NoError(t, err)
	d, err = db.ImportDelivery(ctx, d.ID, reader, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, d.Rows.Accepted)
	require.NoError(t, reader.Close())
}

// from makes a request from an address.
func from(t *testing.T, s *Server, address, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), "POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address + ":1"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func askForLink(t *testing.T, s *Server, uscc string) {
	t.Helper()
	require.Equal(t, http.StatusAccepted, call(t, s, "", "POST", "/public/v1/access", map[string]any{"uscc": uscc}).Code)
	s.Wait()
}

// mailed gives the secret of the mail that waits for its sender, sends the mail, and gives it as it was.
func mailed(t *testing.T, db *store.Store) (secret string, m models.Mail) {
	t.Helper()
	m, ok, err := db.ClaimMail(context.Background())
	require.NoError(t, err)
	require.True(t, ok)
	found := regexp.MustCompile(`/public/access#([\w-]{43})\s`).FindStringSubmatch(m.Text)
	require.NotNil(t, found, m.Text)
	require.Contains(t, m.HTML, found[1])
	require.NotContains(t, m.Subject, found[1])
	return found[1], m
}

func TestAskingForALinkTellsNobodyWhetherAHouseholdHasAnAddress(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		register110107(t, db)
		var first string
		for i, uscc := range []string{withoutAddress, nowhere, withAddress, withAddress, withAddress, withAddress} {
			w := from(t, s, "203.0.113.1", "/public/v1/access", `{"uscc":"`+uscc+`"}`)
			require.Equal(t, http.StatusAccepted, w.Code)
			if i == 0 {
				first = w.Body.String()
			}
			require.Equal(t, first, w.Body.String(), "the same words for everybody, also when there were too many")
			s.Wait()
		}
		mails, err := db.Mails(context.Background(), store.MailFilter{}, 0, 100)
		require.NoError(t, err)
		require.Len(t, mails, models.AccessLinksPerHour, "to whoever has an address, and not more often than allowed")
		for _, m := range mails {
			require.Equal(t, "owner@example.cn", m.Recipient)
			require.Equal(t, "110107", m.District)
		}
		problemOf(t, from(t, s, "203.0.113.2", "/public/v1/access", `{"uscc":"92110107MA3AGYGLUX"}`), http.StatusUnprocessableEntity, "invalid")
		for range 10 {
			from(t, s, "203.0.113.3", "/public/v1/access", `{"uscc":"`+nowhere+`"}`)
		}
		problemOf(t, from(t, s, "203.0.113.3", "/public/v1/access", `{"uscc":"`+nowhere+`"}`), http.StatusTooManyRequests, "too-many")
		s.Wait()
	})
}

func TestLinksAreCountedAlsoWhenTheyAreAskedForAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		register110107(t, db)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				r := httptest.NewRequestWithContext(context.Background(), "POST", "/public/v1/access", strings.NewReader(`{"uscc":"`+withAddress+`"}`))
				r.Header.Set("Content-Type", "application/json")
				r.RemoteAddr = fmt.Sprintf("203.0.113.%d:1", i)
				s.Handler().ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		wg.Wait()
		s.Wait()
		mails, err := db.Mails(context.Background(), store.MailFilter{}, 0, 100)
		require.NoError(t, err)
		require.Len(t, mails, models.AccessLinksPerHour)
		works := 0
		for range mails {
			secret, _ := mailed(t, db)
			if call(t, s, "", "POST", "/public/v1/access/sessions", map[string]any{"secret": secret}).Code == http.StatusCreated {
				works++
			}
		}
		require.Equal(t, 1, works, "the newest one")
	})
}

func TestAnOperatorSignsInByLinkOnceActsForTheirHouseholdOnlyAndSignsOut(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		people(t, db)
		register110107(t, db)
		askForLink(t, s, " "+strings.ToLower(withAddress))
		secret, _ := mailed(t, db)
		w := call(t, s, "", "POST", "/public/v1/access/sessions", map[string]any{"secret": secret})
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		session := answer[Session](t, w, http.StatusCreated)
		require.Equal(t, UserView{Role: models.RoleOperator, District: "110107", USCC: withAddress}, session.User)
		problemOf(t, call(t, s, "", "POST", "/public/v1/access/sessions", map[string]any{"secret": secret}), http.StatusUnauthorized, "unauthorized")

		me := answer[UserView](t, call(t, s, session.Token, "GET", "/api/v1/me", nil), http.StatusOK)
		require.Equal(t, UserView{Role: models.RoleOperator, Name: "北京有邮餐饮店", District: "110107", USCC: withAddress}, me)
		for _, path := range []string{"/api/v1/users", "/api/v1/audit", "/api/v1/mails", "/api/v1/obligations", "/api/v1/complaints", "/api/v1/households/" + withAddress + "/tiering/2026"} {
			problemOf(t, call(t, s, session.Token, "GET", path, nil), http.StatusForbidden, "forbidden")
		}
		problemOf(t, call(t, s, session.Token, "PUT", "/api/v1/me/password", map[string]any{"old": "x", "new": "y"}), http.StatusForbidden, "forbidden")
		problemOf(t, call(t, s, session.Token, "POST", "/api/v1/households/"+withAddress+"/access-codes", map[string]any{"reason": "x"}), http.StatusForbidden, "forbidden")

		other := operatorToken(t, db, "110107", withAddress)
		require.Equal(t, http.StatusNoContent, call(t, s, session.Token, "DELETE", "/api/v1/sessions/current", nil).Code)
		require.Equal(t, http.StatusUnauthorized, call(t, s, session.Token, "GET", "/api/v1/me", nil).Code, "signed out")
		require.Equal(t, http.StatusUnauthorized, call(t, s, other+"x", "GET", "/api/v1/me", nil).Code)
		require.Equal(t, http.StatusUnauthorized, call(t, s, store.HashToken(other), "GET", "/api/v1/me", nil).Code)
		require.Equal(t, http.StatusOK, call(t, s, other, "GET", "/api/v1/me", nil).Code, "another session goes on")
		s.Wait()

		entries, err := db.AuditPage(context.Background(), models.HouseholdObject(withAddress), 0, 100)
		require.NoError(t, err)
		var actions []string
		for _, e := range entries {
			actions = append(actions, string(e.Actor)+" "+e.Action)
			require.NotContains(t, e.Detail, secret)
			require.NotContains(t, e.Detail, "owner@")
		}
		own := "household:" + withAddress
		require.Equal(t, []string{"public access.link", own + " access.session", "console access.code", own + " access.session", own + " access.sign_out"}, actions)
	})
}

func TestNobodyReadsALinkInTheOutbox(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(db)
		tokens := people(t, db)
		register110107(t, db)
		askForLink(t, s, withAddress)
		secret, m := mailed(t, db)
		look := func(when string) {
			for _, token := range []string{adminToken, tokens[models.RoleAdmin], tokens[models.RoleAuditor]} {
				for _, path := range []string{"/api/v1/mails/1", "/api/v1/mails"} {
					w := call(t, s, token, "GET", path, nil)
					require.Equal(t, http.StatusOK, w.Code)
					require.NotContains(t, w.Body.String(), secret, when)
				}
			}
		}
		look("before it was sent")
		require.NoError(t, db.SettleMail(context.Background(), m, models.MailAccepted, ""))
		look("after")
		problemOf(t, call(t, s, adminToken, "POST", "/api/v1/mails/1/resend", nil), http.StatusConflict, "conflict")
	})
}

func TestAnOfficerHandsOutACodeForAHouseholdOfTheirDistrictOnRecord(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		s := newTestServer(db)
		tokens := people(t, db)
		register110107(t, db)
		elsewhere := token(t, db, models.User{Email: "elsewhere@example.com", Name: "外区", Role: models.RoleAdmin, District: "110108"})
		path := "/api/v1/households/" + withoutAddress + "/access-codes"
		because := map[string]any{"reason": "经营者到窗口申领，已核对证件"}
		for _, role := range []models.Role{models.RoleCity, models.RoleAuditor, models.RoleOperator} {
			problemOf(t, call(t, s, tokens[role], "POST", path, because), http.StatusForbidden, "forbidden")
		}
		problemOf(t, call(t, s, elsewhere, "POST", path, because), http.StatusNotFound, "not-found")
		problemOf(t, call(t, s, tokens[models.RoleDepartment], "POST", path, map[string]any{"reason": " "}), http.StatusUnprocessableEntity, "invalid")
		problemOf(t, call(t, s, tokens[models.RoleDepartment], "POST", "/api/v1/households/"+nowhere+"/access-codes", because), http.StatusNotFound, "not-found")

		w := call(t, s, tokens[models.RoleDepartment], "POST", path, because)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		given := answer[AccessCodeView](t, w, http.StatusCreated)
		require.Regexp(t, `^[2-9A-HJKMNP-Z]{4}(-[2-9A-HJKMNP-Z]{4}){2}$`, given.Code)
		require.False(t, given.Notified, "nowhere to write to")
		open := func(body map[string]any) *httptest.ResponseRecorder {
			return call(t, s, "", "POST", "/public/v1/access/sessions", body)
		}
		p := problemOf(t, open(map[string]any{"secret": given.Code}), http.StatusUnprocessableEntity, "invalid")
		require.Equal(t, "uscc", p.Errors[0].Field)
		problemOf(t, open(map[string]any{"secret": given.Code, "uscc": withAddress}), http.StatusUnauthorized, "unauthorized")
		session := answer[Session](t, open(map[string]any{"secret": strings.ToLower(strings.ReplaceAll(given.Code, "-", " ")), "uscc": withoutAddress}), http.StatusCreated)
		require.Equal(t, withoutAddress, session.User.USCC)
		problemOf(t, open(map[string]any{"secret": given.Code, "uscc": withoutAddress}), http.StatusUnauthorized, "unauthorized")

		entries, err := db.AuditPage(ctx, models.HouseholdObject(withoutAddress), 0, 100)
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.Equal(t, "access.code", entries[0].Action)
		require.Contains(t, entries[1].Detail, `"issued_by":"`+string(entries[0].Actor)+`"`, "who handed out what the session was opened with")
		for _, e := range entries {
			require.NotContains(t, e.Detail, given.Code)
			require.NotContains(t, e.Detail, "窗口")
		}
		local := token(t, db, models.User{Email: "local-auditor@example.com", Name: "区审计员", Role: models.RoleAuditor, District: "110107"})
		seen := answer[Page[AuditView]](t, call(t, s, local, "GET", "/api/v1/audit?object=household/"+withoutAddress, nil), http.StatusOK)
		require.Len(t, seen.Items, 2, "the district's auditor sees it")

		// where there is an address, the operator hears that somebody can act for them
		given = answer[AccessCodeView](t, call(t, s, tokens[models.RoleDepartment], "POST", "/api/v1/households/"+withAddress+"/access-codes", because), http.StatusCreated)
		require.True(t, given.Notified)
		m, ok, err := db.ClaimMail(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, models.MailAccessCode, m.Kind)
		require.Contains(t, m.Text, "区税务局于")
		require.NotContains(t, m.Text+m.HTML, given.Code)
	})
}

func TestCodesAreNotGuessed(t *testing.T) {
	s := newTestServer(open(t))
	guess := func(address, uscc string) int {
		return from(t, s, address, "/public/v1/access/sessions", `{"secret":"ABCD-EFGH-2345","uscc":"`+uscc+`"}`).Code
	}
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, guess("203.0.113.1", nowhere))
	}
	require.Equal(t, http.StatusTooManyRequests, guess("203.0.113.1", withAddress), "one address, another household")
	require.Equal(t, http.StatusTooManyRequests, guess("203.0.113.2", nowhere), "one household, another address")
	require.Equal(t, http.StatusUnauthorized, guess("203.0.113.2", withAddress))
	require.Equal(t, http.StatusUnauthorized, from(t, s, "203.0.113.3", "/public/v1/access/sessions", `{"secret":"`+strings.Repeat("A", 43)+`"}`).Code,
		"a guess at a link is not one at a household's code")
}

func TestEachHouseholdIsCountedByItself(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	people(t, db)
	s.limits.households = newLimits(2).public
	a, b := operatorToken(t, db, "110107", withAddress), operatorToken(t, db, "110107", withoutAddress)
	require.Equal(t, http.StatusOK, call(t, s, a, "GET", "/api/v1/me", nil).Code)
	require.Equal(t, http.StatusOK, call(t, s, operatorToken(t, db, "110107", withAddress), "GET", "/api/v1/me", nil).Code)
	w := call(t, s, a, "GET", "/api/v1/me", nil)
	problemOf(t, w, http.StatusTooManyRequests, "too-many")
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, call(t, s, b, "GET", "/api/v1/me", nil).Code, "another household")
	require.Equal(t, http.StatusOK, call(t, s, adminToken, "GET", "/api/v1/me", nil).Code, "the bootstrap administrator is no operator")
	s.Wait()
}

func TestThePageThatALinkOpensRunsItsOwnScriptOnlyAndUsesNothingUp(t *testing.T) {
	s := newTestServer(open(t))
	w := call(t, s, "", "GET", "/public/access", nil)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, 1, strings.Count(w.Body.String(), "<script"))
	require.NotContains(t, w.Body.String(), "://", "nothing from elsewhere")
	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Regexp(t, `script-src 'sha256-[A-Za-z0-9+/]{43}='`, policy)
	require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
}
