package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const adminToken = "bootstrap-token-for-tests-0123456789abcdef"

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open makes a store on a fresh SQLite file, for tests in which the database does not matter.
func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), storetest.SQLite(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newTestServer makes a server without an engine and without a limit on public requests.
func newTestServer(s *store.Store) *Server {
	return New(s, nil, Options{Program: "test", AdminToken: adminToken, PublicPerMinute: -1, MaxUpload: 4 << 20, Logger: quiet()})
}

// call makes one request; in (if not nil) is sent as JSON.
func call(t *testing.T, s *Server, token, method, path string, in any) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		require.NoError(t, err)
		body = bytes.NewReader(b)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, path, body)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// answer reads a JSON answer that must have the status.
func answer[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	var v T
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body.String())
	return v
}

// problemOf reads a problem document and checks what every one must have.
func problemOf(t *testing.T, w *httptest.ResponseRecorder, status int, kind string) Problem {
	t.Helper()
	p := answer[Problem](t, w, status)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.Equal(t, "urn:bangfu:problem:"+kind, p.Type)
	require.Equal(t, status, p.Status)
	require.Regexp(t, `\p{Han}`, p.Title)
	require.Regexp(t, `\p{Han}`, p.Detail)
	require.Equal(t, "urn:bangfu:request:"+w.Header().Get("X-Request-Id"), p.Instance)
	for _, e := range p.Errors {
		require.Regexp(t, `\p{Han}`, e.Message)
	}
	return p
}

// people sets up district 110107 with one user of each role, and a token for each, an operator's too.
func people(t *testing.T, s *store.Store) map[models.Role]string {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
	require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, models.District{Code: "110108", Name: "海淀区", City: "北京市"}))
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: "tax", Name: "区税务局"}))
	tokens := map[models.Role]string{}
	for _, role := range models.Roles {
		u := models.User{Email: string(role) + "@example.com", Name: string(role), Role: role}
		if role == models.RoleDepartment {
			u.District, u.Department = "110107", "tax"
		}
		tokens[role] = token(t, s, u)
	}
	tokens[models.RoleOperator] = operatorToken(t, s, "110107", "92110107MA3AGYGLUW")
	return tokens
}

// token adds a user and gives a token of theirs.
func token(t *testing.T, s *store.Store, u models.User) string {
	t.Helper()
	u, err := s.AddUser(context.Background(), models.ActorConsole, u, "")
	require.NoError(t, err)
	secret, _, err := s.CreateToken(context.Background(), models.ActorConsole, u.ID, "test", 0)
	require.NoError(t, err)
	return secret
}

// operatorToken signs a household's operator in, with a code that was handed out; the household need not be in the register.
func operatorToken(t *testing.T, s *store.Store, district, uscc string) string {
	t.Helper()
	ctx := context.Background()
	code, _, err := s.IssueAccessCode(ctx, models.ActorConsole, models.Home{District: district, USCC: uscc}, 0)
	require.NoError(t, err)
	secret, _, err := s.OpenOperatorSession(ctx, uscc, code)
	require.NoError(t, err)
	return secret
}

func TestAProgramThatCannotReachItsEngineSaysSo(t *testing.T) {
	s := newTestServer(open(t))
	require.Equal(t, http.StatusOK, call(t, s, "", "GET", "/healthz", nil).Code)
	p := problemOf(t, call(t, s, "", "GET", "/readyz", nil), http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, []FieldError{{"engine", "流程引擎连不上"}}, p.Errors)
}
