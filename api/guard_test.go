package api

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// Every route that the router knows, with every role and with none: nobody passes where the rule does not let
// them, and nobody is kept out where it does.
func TestNobodyDoesWhatTheirRoleDoesNotAllow(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	tokens := people(t, db)
	tokens[""] = ""
	for _, r := range s.engine.Routes() {
		known, ok := s.routes[routeKey{r.Method, r.Path}]
		require.True(t, ok, "%s %s has no rule", r.Method, r.Path)
		require.True(t, known.rule.Public || len(known.rule.Roles) > 0, "%s %s has a rule that denies everyone", r.Method, r.Path)
		for role, token := range tokens {
			// nil handlers' work is not wanted here: only whether guard lets the call through
			passed := admitted(s, token, r.Method, r.Path)
			want := http.StatusOK
			switch {
			case known.rule.Public:
			case role == "":
				want = http.StatusUnauthorized
			case !slices.Contains(known.rule.Roles, role):
				want = http.StatusForbidden
			}
			require.Equal(t, want, passed, "%s %s as %q", r.Method, r.Path, role)
		}
	}
}

// admitted asks guard alone.
func admitted(s *Server, token, method, path string) int {
	e := gin.New()
	e.Use(s.identify, s.guard)
	e.Handle(method, path, func(c *gin.Context) { c.Status(http.StatusOK) })
	r := httptest.NewRequestWithContext(context.Background(), method, strings.NewReplacer(":", "x", "*", "x").Replace(path), nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code
}

func TestNoConceptIsForgotten(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var sources []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		sources = append(sources, b...)
	}
	for _, m := range regexp.MustCompile(`(?m)^func \(s \*Server\) (register\w+\(\))`).FindAllSubmatch(sources, -1) {
		require.Greater(t, bytes.Count(sources, append([]byte("."), m[1]...)), 0, "%s is never called", m[1])
	}
}

func TestARouteWithoutARuleIsDeniedToEveryone(t *testing.T) {
	s := newTestServer(open(t))
	s.engine.GET("/forgotten", func(c *gin.Context) { c.String(http.StatusOK, "secret") })
	s.handle(Rule{}, "GET", "/nobody", func(c *gin.Context) { c.String(http.StatusOK, "secret") })
	for _, path := range []string{"/forgotten", "/nobody"} {
		problemOf(t, call(t, s, adminToken, "GET", path, nil), http.StatusForbidden, "forbidden")
	}
}

func TestEveryOperationIsDocumentedWithItsRule(t *testing.T) {
	s := newTestServer(open(t))
	doc := answer[struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Summary  string
			Security *[]map[string][]string
			Roles    []string `json:"x-roles"`
		}
	}](t, call(t, s, "", "GET", "/openapi.json", nil), http.StatusOK)
	require.Equal(t, "3.1.0", doc.OpenAPI)
	for key, r := range s.routes {
		if !strings.HasPrefix(key.path, "/api/") {
			continue
		}
		op, ok := doc.Paths[humaPath(key.path)][strings.ToLower(key.method)]
		require.True(t, ok, "%s %s is not documented", key.method, key.path)
		require.Regexp(t, `\p{Han}`, op.Summary, key.path)
		require.NotEmpty(t, op.Roles, key.path)
		require.NotNil(t, op.Security, key.path)
		require.Equal(t, r.rule.Public, len(*op.Security) == 0, key.path)
	}
}

func TestOnlyALiveTokenOfAnEnabledUserOpensTheDoor(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		ctx := context.Background()
		s := newTestServer(db)
		u, err := db.AddUser(ctx, models.ActorConsole, models.User{Email: "A@Example.com", Name: "甲", Role: models.RoleAuditor}, "")
		require.NoError(t, err)
		me := func(token string) int { return call(t, s, token, "GET", "/api/v1/me", nil).Code }

		live, lt, err := db.CreateToken(ctx, models.ActorConsole, u.ID, "live", time.Hour)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, me(live))
		require.Equal(t, http.StatusUnauthorized, me(""), "nobody")
		require.Equal(t, http.StatusUnauthorized, me(live+"x"), "not quite the token")
		require.Equal(t, http.StatusUnauthorized, me(lt.Hash), "the hash is not the token")
		require.Equal(t, http.StatusUnauthorized, me("bf_"+strings.Repeat("A", 43)), "an unknown token")

		expired, _, err := db.CreateToken(ctx, models.ActorConsole, u.ID, "expired", -time.Second)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, me(expired), "an expired token")

		require.NoError(t, db.DisableUser(ctx, models.ActorConsole, u.ID, true))
		require.Equal(t, http.StatusUnauthorized, me(live), "a disabled user")
		require.NoError(t, db.DisableUser(ctx, models.ActorConsole, u.ID, false))
		require.Equal(t, http.StatusOK, me(live))
		require.NoError(t, db.RevokeToken(ctx, models.ActorConsole, lt.ID))
		require.Equal(t, http.StatusUnauthorized, me(live), "a revoked token")

		require.Equal(t, http.StatusOK, me(adminToken), "the bootstrap token")
		require.Equal(t, http.StatusUnauthorized, me(adminToken[:len(adminToken)-1]))
		w := call(t, s, "", "GET", "/api/v1/me", nil)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), "Bearer")
	})
}

func TestAnAddressThatAsksTooOftenIsToldWhenToComeAgain(t *testing.T) {
	s := New(open(t), nil, Options{PublicPerMinute: 3, Logger: quiet()})
	for i := range 3 {
		require.Equal(t, http.StatusOK, call(t, s, "", "GET", "/openapi.json", nil).Code, "request %d", i)
	}
	w := call(t, s, "", "GET", "/openapi.json", nil)
	problemOf(t, w, http.StatusTooManyRequests, "too-many")
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, call(t, s, "", "GET", "/healthz", nil).Code, "those who watch the program are not counted")

	r := httptest.NewRequestWithContext(context.Background(), "GET", "/openapi.json", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	w = httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusTooManyRequests, w.Code, "an untrusted header makes nobody somebody else")

	r = httptest.NewRequestWithContext(context.Background(), "GET", "/openapi.json", nil)
	r.RemoteAddr = "203.0.113.9:1234"
	w = httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, "another address is not concerned")
}

func TestPasswordsAreNotGuessedByTheHundred(t *testing.T) {
	s := newTestServer(open(t))
	guess := func(from, email string) int {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/v1/sessions", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":"wrong wrong wrong"}`, email)))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	for i := range 10 {
		require.Equal(t, http.StatusUnauthorized, guess("203.0.113.1:1", fmt.Sprintf("u%d@example.com", i)))
	}
	require.Equal(t, http.StatusTooManyRequests, guess("203.0.113.1:1", "u11@example.com"), "one address, many accounts")
	for i := range 10 {
		require.Equal(t, http.StatusUnauthorized, guess(fmt.Sprintf("203.0.113.%d:1", 10+i), "one@example.com"))
	}
	require.Equal(t, http.StatusTooManyRequests, guess("203.0.113.99:1", "One@example.com"), "one account, many addresses")
}

func TestMetricsAreForThisMachineOrForOverseers(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	tokens := people(t, db)
	get := func(remote, forwarded, token string) int {
		r := httptest.NewRequestWithContext(context.Background(), "GET", "/metrics", nil)
		r.RemoteAddr = remote
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			require.Contains(t, w.Body.String(), "go_goroutines")
		}
		return w.Code
	}
	require.Equal(t, http.StatusOK, get("127.0.0.1:1", "", ""))
	require.Equal(t, http.StatusOK, get("[::1]:1", "", ""))
	require.Equal(t, http.StatusUnauthorized, get("127.0.0.1:1", "203.0.113.9", ""), "through a proxy on this machine")
	require.Equal(t, http.StatusUnauthorized, get("203.0.113.9:1", "", ""))
	require.Equal(t, http.StatusForbidden, get("203.0.113.9:1", "", tokens[models.RoleDepartment]))
	require.Equal(t, http.StatusOK, get("203.0.113.9:1", "", tokens[models.RoleAuditor]))
	call(t, s, "", "GET", "/api/v1/me", nil)
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), "GET", "/metrics", nil)
	r.RemoteAddr = "127.0.0.1:1"
	s.Handler().ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), `bangfu_http_request_duration_seconds_count{method="GET",route="/api/v1/me",status="401"} 1`)
}

func TestAFileOverTheLimitIsRefusedAndNoFormStaysOnTheDisk(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := newTestServer(open(t)) // files of up to 4 MiB
	var seen int64
	register(s, admins, huma.Operation{OperationID: "upload", Method: "POST", Path: "/api/v1/upload", Summary: "测试", MaxBodyBytes: -1},
		func(_ context.Context, _ models.User, in *struct {
			RawBody huma.MultipartFormFiles[struct {
				File huma.FormFile `form:"file" required:"true"`
			}]
		}) (*struct{}, error) {
			seen = in.RawBody.Data().File.Size
			files, err := os.ReadDir(temp)
			require.NoError(t, err)
			require.NotEmpty(t, files, "a large file waits on the disk, not in memory")
			return nil, nil
		})
	upload := func(field string, size int) *httptest.ResponseRecorder {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		f, err := m.CreateFormFile(field, "tax.csv")
		require.NoError(t, err)
		_, err = f.Write(make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, m.Close())
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/v1/upload", &body)
		r.Header.Set("Content-Type", m.FormDataContentType())
		r.Header.Set("Authorization", "Bearer "+adminToken)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	require.Equal(t, http.StatusNoContent, upload("file", 3<<20).Code)
	require.EqualValues(t, 3<<20, seen)
	problemOf(t, upload("file", 6<<20), http.StatusRequestEntityTooLarge, "too-large")
	p := problemOf(t, upload("other", 10), http.StatusUnprocessableEntity, "invalid")
	require.Equal(t, []FieldError{{"file", "缺少文件"}}, p.Errors)
	files, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, files)
}
