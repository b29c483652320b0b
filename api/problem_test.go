package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"bangfu/models"
)

func TestEveryErrorIsAProblemDocumentInChinese(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	tokens := people(t, db)
	problemOf(t, call(t, s, "", "GET", "/nowhere", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, "", "POST", "/healthz", nil), http.StatusMethodNotAllowed, "method-not-allowed")
	problemOf(t, call(t, s, "", "GET", "/api/v1/me", nil), http.StatusUnauthorized, "unauthorized")
	problemOf(t, call(t, s, tokens[models.RoleCity], "GET", "/api/v1/users", nil), http.StatusForbidden, "forbidden")
	problemOf(t, call(t, s, adminToken, "DELETE", "/api/v1/tokens/99", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, adminToken, "DELETE", "/api/v1/sessions/current", nil), http.StatusConflict, "conflict")

	p := problemOf(t, call(t, s, adminToken, "GET", "/api/v1/users?limit=0&after=x", nil), http.StatusUnprocessableEntity, "invalid")
	require.ElementsMatch(t, []FieldError{{"limit", "应不小于 1"}, {"after", "应为整数"}}, p.Errors)
	p = problemOf(t, call(t, s, adminToken, "POST", "/api/v1/users", map[string]any{"role": "king", "colour": 1}), http.StatusUnprocessableEntity, "invalid")
	require.ElementsMatch(t, []FieldError{{"", "缺少必填项 email"}, {"", "缺少必填项 name"}, {"role", "应为其中之一：“admin, department, city, auditor”"}, {"colour", "没有这一项"}}, p.Errors)
	p = problemOf(t, call(t, s, adminToken, "POST", "/api/v1/users", map[string]any{"role": "admin", "name": "甲", "email": "nobody"}), http.StatusUnprocessableEntity, "invalid")
	require.Equal(t, "email", p.Errors[0].Field)
	problemOf(t, call(t, s, adminToken, "POST", "/api/v1/users", nil), http.StatusBadRequest, "bad-request")
	problemOf(t, call(t, s, adminToken, "POST", "/api/v1/users", map[string]any{"name": strings.Repeat("x", bodyLimit)}), http.StatusRequestEntityTooLarge, "too-large")

	raw := func(contentType, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/v1/users", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", "Bearer "+adminToken)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	w := raw("application/json", `{"password":"geheim`)
	problemOf(t, w, http.StatusBadRequest, "bad-request")
	require.NotContains(t, w.Body.String(), "geheim", "what was sent is not sent back")
	problemOf(t, raw("text/xml", `<a/>`), http.StatusUnsupportedMediaType, "unsupported-media-type")
}

func TestEveryCodeHasOneStatus(t *testing.T) {
	s := newTestServer(open(t))
	for code, status := range map[models.Code]int{
		models.CodeInvalid: 422, models.CodeUnauthorized: 401, models.CodeForbidden: 403, models.CodeNotFound: 404, models.CodeConflict: 409,
		models.CodeTooLarge: 413, models.CodeUnavailable: 503, models.CodeTooMany: 429, models.CodeInternal: 500,
	} {
		p := s.problem(context.Background(), fmt.Errorf("wrapped: %w", models.Errorf(code, "说明")))
		require.Equal(t, status, p.Status, code)
		require.Equal(t, "urn:bangfu:problem:"+string(code), p.Type)
		require.Equal(t, code != models.CodeInternal, p.Detail == "说明")
	}
}

func TestTheCauseOfAnInternalErrorIsInTheLogAndNotInTheAnswer(t *testing.T) {
	var log strings.Builder
	s := New(open(t), nil, Options{AdminToken: adminToken, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	register(s, admins, huma.Operation{OperationID: "boom", Method: "GET", Path: "/api/v1/boom", Summary: "测试"},
		func(context.Context, models.User, *struct{}) (*struct{}, error) {
			return nil, errors.New("table users is on fire")
		})
	s.handle(admins, "GET", "/panic", func(*gin.Context) { panic("the roof is on fire") })
	for path, cause := range map[string]string{"/api/v1/boom": "table users is on fire", "/panic": "the roof is on fire"} {
		w := call(t, s, adminToken, "GET", path+"?q=张三", nil)
		problemOf(t, w, http.StatusInternalServerError, "internal")
		require.NotContains(t, w.Body.String(), "fire")
		require.Contains(t, log.String(), cause)
		require.Contains(t, log.String(), "request="+w.Header().Get("X-Request-Id"))
	}
	require.NotContains(t, log.String(), "张三", "a query that may name a person is not logged")
	require.NotContains(t, log.String(), adminToken)
}

func TestAWorkflowsRefusalReachesThePersonAndAnEngineThatIsAwayIsNoFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		code  models.Code
		field string
	}{
		{"a refusal", temporal.NewNonRetryableApplicationError("本年度工作已取消", string(models.CodeConflict), nil), models.CodeConflict, ""},
		{"a refusal within another", fmt.Errorf("update: %w", temporal.NewApplicationErrorWithCause("outer", "wrapError", temporal.NewNonRetryableApplicationError("日期不对", string(models.CodeInvalid), nil, "plan.tiering"))), models.CodeInvalid, "plan.tiering"},
		{"a refusal of the engine's making", temporal.NewApplicationError("internal", string(models.CodeInternal)), models.CodeInternal, ""},
		{"a bug", errors.New("unexpected"), models.CodeInternal, ""},
		{"an engine that is away", serviceerror.NewUnavailable("down"), models.CodeUnavailable, ""},
		{"an engine that is late", fmt.Errorf("sending: %w", context.DeadlineExceeded), models.CodeUnavailable, ""},
		{"a workflow that is over", serviceerror.NewNotFound("workflow execution already completed"), models.CodeConflict, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := commandError(c.err)
			require.Equal(t, c.code, models.CodeOf(err))
			var e *models.Error
			if errors.As(err, &e) {
				require.Equal(t, c.field, e.Field)
				require.Regexp(t, `\p{Han}`, e.Message)
			}
		})
	}
	require.NoError(t, commandError(nil))
	require.Equal(t, "5", newProblem(http.StatusServiceUnavailable, "").GetHeaders().Get("Retry-After"))
}

func TestAClientsKeyIsNeverOneThatTheProgramGivesItself(t *testing.T) {
	for _, given := range []string{"bar/3", "lapse/110107-2026/7", "discard", "due", "received", "钥匙", "\xff\xfe", strings.Repeat("k", 100), "plain-key"} {
		key := commandKey(given)
		require.True(t, strings.HasPrefix(key, "key:"), given)
		require.LessOrEqual(t, len(key), 100, given)
		require.Equal(t, -1, strings.IndexFunc(key, func(r rune) bool { return r < ' ' || r > '~' }), "it fits an ASCII column: %s", key)
		require.Equal(t, key, commandKey(given), "the same request is the same command")
	}
	require.NotEqual(t, commandKey(strings.Repeat("k", 100)), commandKey(strings.Repeat("k", 99)))
	require.NotEqual(t, commandKey(""), commandKey(""))
}
