package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// engine is a Temporal that imports at once, or is away.
type engine struct {
	client.Client
	store    *store.Store
	away     bool
	started  []string
	signaled []string
}

func (e *engine) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if e.away {
		return nil, serviceerror.NewUnavailable("connection refused")
	}
	e.started = append(e.started, o.ID)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a := &activities.Deliveries{Store: e.store}
	env.RegisterActivity(a)
	_, err := env.ExecuteActivity(a.ImportDelivery, activities.ImportInput{DeliveryID: args[0].(workflows.DeliveryInput).DeliveryID})
	return finished{err: err}, nil
}

func (e *engine) SignalWithStartWorkflow(_ context.Context, id, signal string, _ any, _ client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	if e.away {
		return nil, serviceerror.NewUnavailable("connection refused")
	}
	e.signaled = append(e.signaled, signal+" "+id)
	return finished{}, nil
}

type finished struct {
	client.WorkflowRun
	err error
}

func (f finished) Get(context.Context, any) error { return f.err }

func withEngine(t *testing.T) (*Server, *engine, map[models.Role]string) {
	t.Helper()
	db := open(t)
	tokens := people(t, db)
	e := &engine{store: db}
	return New(db, e, Options{Program: "test", AdminToken: adminToken, PublicPerMinute: -1, MaxUpload: 1 << 20, Folders: []string{"/srv/share"}, Logger: quiet()}), e, tokens
}

const taxCSV = "统一社会信用代码,所属年度,税务登记,非正常户,纳税人类型,实缴税额(元),备注\n" +
	"92110107MABGJ15U6K,2025,是,否,小规模纳税人,100,x\n92110107MA3DCG9GLY,2025,是,否,小规模纳税人,很多,x\n"

// send posts a form of parts "name=value"; a part "file:name=content" is a file.
func send(s *Server, token string, parts ...string) *httptest.ResponseRecorder {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		name, value, _ := strings.Cut(p, "=")
		var w io.Writer
		if file, ok := strings.CutPrefix(name, "file:"); ok {
			w, _ = form.CreateFormFile("file", file)
		} else {
			w, _ = form.CreateFormField(name)
		}
		_, _ = io.WriteString(w, value)
	}
	_ = form.Close()
	return post(s, token, form.FormDataContentType(), &body)
}

func post(s *Server, token, contentType string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/v1/deliveries", body)
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestADeliveryAnswersWithItsReceipt(t *testing.T) {
	s, e, _ := withEngine(t)
	w := send(s, adminToken, "source=tax", "district=110107", "year=2026", "file:../../税务.csv="+taxCSV)
	d := answer[map[string]any](t, w, http.StatusCreated)
	require.Equal(t, "110107-2026-tax-1", d["id"])
	require.Equal(t, "tax", d["source"])
	require.Equal(t, "110107", d["district"])
	require.EqualValues(t, 2026, d["year"])
	rows, err := json.Marshal(d["rows"])
	require.NoError(t, err)
	require.JSONEq(t, `{"read":2,"accepted":1,"repeated":0,"rejected":1,"unmatched":1}`, string(rows))
	require.Equal(t, []any{"备注"}, d["unknown_columns"])
	require.Equal(t, "/api/v1/deliveries/110107-2026-tax-1/rejects.csv", d["rejects_url"])
	require.Equal(t, "税务.csv", d["file"])
	require.Equal(t, []string{"delivery/110107-2026-tax-1"}, e.started)

	again := answer[map[string]any](t, send(s, adminToken, "source=tax", "district=110107", "year=2026", "file:b.csv="+taxCSV), http.StatusCreated)
	require.Equal(t, d, again, "the same file twice is the same receipt")
	require.Len(t, e.started, 1)

	require.Equal(t, d, answer[map[string]any](t, call(t, s, adminToken, "GET", "/api/v1/deliveries/110107-2026-tax-1", nil), http.StatusOK))
	list := answer[Page[DeliveryView]](t, call(t, s, adminToken, "GET", "/api/v1/deliveries?district=110107&year=2026&source=tax", nil), http.StatusOK)
	require.Len(t, list.Items, 1)

	csv := call(t, s, adminToken, "GET", d["rejects_url"].(string), nil)
	require.Equal(t, http.StatusOK, csv.Code)
	require.True(t, strings.HasPrefix(csv.Body.String(), "\uFEFF行号,列,值,原因,统一社会信用代码"), csv.Body.String())
	require.Contains(t, csv.Body.String(), "很多")
	xlsx := call(t, s, adminToken, "GET", strings.Replace(d["rejects_url"].(string), ".csv", ".xlsx", 1), nil)
	require.Equal(t, http.StatusOK, xlsx.Code)
	require.True(t, bytes.HasPrefix(xlsx.Body.Bytes(), []byte("PK")))
}

func TestAFormMayNameItsFileFirst(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, _, _ := withEngine(t)
	d := answer[DeliveryView](t, send(s, adminToken, "file:税务.csv="+taxCSV, "year=2026", "district=110107", "source=tax"), http.StatusCreated)
	require.Equal(t, 1, d.Rows.Accepted)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "nobody's data stays on the disk")
}

func TestADeliveryThatCannotBeTakenSaysWhy(t *testing.T) {
	s, e, tokens := withEngine(t)
	full := []string{"source=tax", "district=110107", "year=2026", "file:a.csv=" + taxCSV}
	with := func(n int, part string) []string {
		parts := append([]string{}, full...)
		parts[n] = part
		return parts
	}
	for name, c := range map[string]struct {
		token  string
		parts  []string
		status int
		kind   string
		says   string
	}{
		"another source's file": {adminToken, with(3, "file:a.csv=统一社会信用代码,年度,分型结果\n"), 422, "invalid", "整体退回"},
		"no such source":        {adminToken, with(0, "source=gas"), 422, "invalid", "gas"},
		"no year":               {adminToken, with(2, "year=next"), 422, "invalid", "年份"},
		"no file":               {adminToken, full[:3], 422, "invalid", "文件"},
		"two of a field":        {adminToken, append([]string{"source=ip"}, full...), 422, "invalid", "重复"},
		"a long field":          {adminToken, with(1, "district="+strings.Repeat("1", 1000)), 422, "invalid", "过长"},
		"no such district":      {adminToken, with(1, "district=999999"), 404, "not-found", "区"},
		"too large":             {adminToken, with(3, "file:a.csv="+strings.Repeat("x", 1<<20+1)), 413, "too-large", "上限"},
		"too large, first":      {adminToken, []string{"file:a.csv=" + strings.Repeat("x", 1<<20+1), "source=tax", "district=110107", "year=2026"}, 413, "too-large", "限制"},
		"not theirs":            {tokens[models.RoleDepartment], with(0, "source=registry"), 403, "forbidden", "负责"},
		"not their district":    {tokens[models.RoleDepartment], with(1, "district=110108"), 404, "not-found", "辖区"},
		"an auditor":            {tokens[models.RoleAuditor], full, 403, "forbidden", "无权"},
		"nobody":                {"", full, 401, "unauthorized", "登录"},
	} {
		t.Run(name, func(t *testing.T) {
			p := problemOf(t, send(s, c.token, c.parts...), c.status, c.kind)
			require.Contains(t, p.Detail, c.says)
		})
	}
	problemOf(t, call(t, s, adminToken, "POST", "/api/v1/deliveries", map[string]string{"source": "tax"}), 422, "invalid")
	p := problemOf(t, post(s, adminToken, "multipart/form-data; boundary=b", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf")), 422, "invalid")
	require.Contains(t, p.Detail, "中断")
	require.Len(t, e.started, 1, "only a whole file for somebody who may deliver it is imported, and refused")
	problemOf(t, call(t, s, tokens[models.RoleCity], "GET", "/api/v1/deliveries/110107-2026-tax-1/rejects.csv", nil), 403, "forbidden")
}

func TestWhileTheEngineIsAwayADeliveryDoesNotCountAndTheSameFileTakesItUp(t *testing.T) {
	s, e, _ := withEngine(t)
	e.away = true
	parts := []string{"source=tax", "district=110107", "year=2026", "file:a.csv=" + taxCSV}
	w := send(s, adminToken, parts...)
	p := problemOf(t, w, http.StatusServiceUnavailable, "unavailable")
	require.Contains(t, p.Detail, "尚未生效")
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	newest, err := s.Store.NewestDeliveries(context.Background(), "110107", 2026)
	require.NoError(t, err)
	require.Empty(t, newest)
	e.away = false
	d := answer[DeliveryView](t, send(s, adminToken, parts...), http.StatusCreated)
	require.Equal(t, "110107-2026-tax-1", d.ID)
}

func TestADepartmentDeliversWhatItOwns(t *testing.T) {
	s, _, _ := withEngine(t)
	law, err := s.Store.EnsurePolicy(context.Background(), "110107", 2026)
	require.NoError(t, err)
	owner := law.Sources[models.SourceTax].Department
	require.NoError(t, s.Store.SetDepartment(context.Background(), models.ActorConsole, models.Department{District: "110107", Code: owner, Name: "区税务局"}))
	officer := token(t, s.Store, models.User{Email: "officer@example.com", Name: "officer", Role: models.RoleDepartment, District: "110107", Department: owner})
	d := answer[DeliveryView](t, send(s, officer, "source=tax", "district=110107", "year=2026", "file:a.csv="+taxCSV), http.StatusCreated)
	require.Equal(t, http.StatusOK, call(t, s, officer, "GET", d.RejectsURL, nil).Code)
}

func TestAnAdministratorSetsAConnectionAndRunningYearsLookAtOnce(t *testing.T) {
	s, e, tokens := withEngine(t)
	ctx := context.Background()
	for year, state := range map[int]models.CycleState{2026: models.CycleRunning, 2025: models.CycleDone} {
		id := models.CycleID("110107", year)
		require.NoError(t, s.Store.OpenCycle(ctx, models.NewCycle{CycleID: id, District: "110107", Year: year, Plan: calendar.DefaultPlan(2099),
			WorkflowID: "cycle/" + id, Attempt: 1, Actor: "user:1", Today: calendar.MustDate("2026-06-01")}))
		require.NoError(t, s.Store.EnterStage(ctx, id, models.StageCollection, state, calendar.MustDate("2026-06-01")))
	}
	path := "/api/v1/districts/110107/connections/tax"
	body := map[string]any{"kind": "http", "address": "https://data.example.cn/tax", "secret_env": "BANGFU_SOURCE_TAX"}
	c := answer[ConnectionView](t, call(t, s, adminToken, "PUT", path, body), http.StatusOK)
	require.Equal(t, 60, c.Poll)
	require.Equal(t, 1440, c.ReportAfter)
	require.Equal(t, []string{"look fetch/110107-2026/tax"}, e.signaled)
	list := answer[Page[ConnectionView]](t, call(t, s, adminToken, "GET", "/api/v1/districts/110107/connections", nil), http.StatusOK)
	require.Equal(t, []ConnectionView{c}, list.Items)

	for _, bad := range []map[string]any{
		{"kind": "http", "address": "http://data.example.cn/tax"},
		{"kind": "http", "address": "https://data.example.cn/tax", "secret_env": "PATH"},
		{"kind": "folder", "address": "/etc"},
		{"kind": "ftp", "address": "/srv/share/tax"},
	} {
		problemOf(t, call(t, s, adminToken, "PUT", path, bad), http.StatusUnprocessableEntity, "invalid")
	}
	problemOf(t, call(t, s, tokens[models.RoleDepartment], "PUT", path, body), http.StatusForbidden, "forbidden")
	require.Equal(t, http.StatusNoContent, call(t, s, adminToken, "DELETE", path, nil).Code)
	problemOf(t, call(t, s, adminToken, "DELETE", path, nil), http.StatusNotFound, "not-found")

	e.away = true
	p := problemOf(t, call(t, s, adminToken, "PUT", path, map[string]any{"kind": "folder", "address": "/srv/share/tax", "poll_minutes": 5}), http.StatusServiceUnavailable, "unavailable")
	require.Contains(t, p.Detail, "已保存")
	report, err := s.Store.VerifyAudit(ctx, nil)
	require.NoError(t, err)
	require.True(t, report.Intact, fmt.Sprint(report))
}
