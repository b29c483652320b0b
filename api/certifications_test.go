package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// closing is the sample district in its certification stage: five households are proposed for six places.
type closing struct {
	t      *testing.T
	server *Server
	store  *store.Store
	tokens map[models.Role]string
	bureau string
	codes  []string // of the proposed households
	today  string
	exec   func(query string, args ...any) // on the database itself
}

const closingPath = "/api/v1/cycles/" + sampletest.Cycle

func newClosing(t *testing.T) *closing {
	t.Helper()
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	raw, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite://")+"?_pragma=busy_timeout(60000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := raw.ExecContext(ctx, query, args...)
		require.NoError(t, err)
	}
	d := &closing{t: t, store: s, tokens: people(t, s), today: "2026-11-23", exec: exec}
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: models.BureauCode, Name: "区市场监管局"}))
	d.bureau = token(t, s, models.User{Email: "b@example.com", Name: "审核员", Role: models.RoleDepartment, District: "110107", Department: models.BureauCode})
	n, err := s.PlanYear(ctx, sampletest.District, sampletest.Year, nil)
	require.NoError(t, err)
	n.CycleID, n.WorkflowID, n.Attempt, n.Actor, n.Today = sampletest.Cycle, workflows.CycleWorkflowID(sampletest.Cycle), 1, "user:1", calendar.MustDate("2026-06-01")
	n.RequestHash = models.RequestHash(nil, calendar.Clock{})
	require.NoError(t, s.OpenCycle(ctx, n))
	run := sampleRun(t, s)
	law, err := s.PolicyByID(ctx, n.PolicyID)
	require.NoError(t, err)
	list, err := s.ResultPage(ctx, run, store.ResultFilter{}, "", 500)
	require.NoError(t, err)
	exec("INSERT INTO places (cycle_id, run_id, growth, development, share, gross, still_valid, places, policy_id, frozen_on, at) VALUES (?, ?, 120, 0, 500, 6, 0, 6, ?, '2026-10-26', ?)", n.CycleID, run.ID, law.ID, time.Now().UTC())
	exec("INSERT INTO notices (cycle_id, number, published_on, working_days, ends_on, announced, sha256, closed_on, at) VALUES (?, 1, '2026-11-06', 5, '2026-11-13', TRUE, '', '2026-11-16', ?)", n.CycleID, time.Now().UTC().Add(time.Minute))
	for seat := 1; seat <= 6; seat++ {
		exec("INSERT INTO place_seats (cycle_id, seat, places) VALUES (?, ?, 6)", n.CycleID, seat)
	}
	all, err := s.Candidates(ctx, n.CycleID, slices.Collect(maps.Keys(sampletest.Expected(t))))
	require.NoError(t, err)
	for _, r := range list {
		c := all[r.USCC]
		if today := calendar.MustDate(d.today); len(d.codes) == 5 || len(law.Bars(&c, models.OriginOwn, today, today)) > 0 {
			continue
		}
		d.codes = append(d.codes, r.USCC)
		seat := len(d.codes)
		exec(`INSERT INTO applications (id, cycle_id, district, year, uscc, name, tier, origin, state, live, category, statement, entered_by, submitted_on, policy_id, run_id, created_at, updated_at)
			VALUES (?, ?, '110107', 2026, ?, ?, ?, 'own', 'proposed', 1, ?, '', ?, '2026-09-01', ?, ?, ?, ?)`,
			seat, n.CycleID, r.USCC, "="+r.Name, r.Effective, models.Categories[seat%4], models.HouseholdActor(r.USCC), law.ID, run.ID, time.Now().UTC(), time.Now().UTC())
		exec("UPDATE place_seats SET application_id = ? WHERE seat = ?", seat, seat)
		exec("INSERT INTO notice_entries (cycle_id, number, application_id, uscc, name, tier, category, state) VALUES (?, 1, ?, ?, '', 2, 'quality', 'listed')", n.CycleID, seat, r.USCC)
	}
	require.Len(t, d.codes, 5)
	d.server = New(s, d.engine(), Options{Program: "test", AdminToken: adminToken, PublicPerMinute: -1, MaxUpload: 4 << 20, Logger: quiet(), PublicURL: "https://bangfu.example.cn/"})
	return d
}

// engine answers the commands as the process of the certification does.
func (d *closing) engine() *mocks.Client {
	engine := &mocks.Client{}
	engine.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		require.Equal(d.t, "certification/"+sampletest.Cycle, o.WorkflowID)
		h := &mocks.WorkflowUpdateHandle{}
		h.On("Get", mock.Anything, mock.Anything).Return(func(_ context.Context, out any) error {
			return d.carryOut(ctx, o, out)
		})
		return h, nil
	})
	return engine
}

func (d *closing) carryOut(ctx context.Context, o client.UpdateWorkflowOptions, out any) (err error) {
	today := calendar.MustDate(d.today)
	switch m := o.Args[0].(type) {
	case models.CertificationOrder:
		require.Equal(d.t, []string{workflows.UpdateCertify, o.UpdateID}, []string{o.UpdateName, m.CommandID})
		p, err := d.store.CertifyProposed(ctx, sampletest.Cycle, m, today, "test", 0, 100)
		if err != nil {
			return err
		}
		a := &activities.Certification{Store: d.store, Program: "test"}
		b, err := a.ReportToCity(ctx, activities.ReportToCityInput{CycleID: sampletest.Cycle, Due: calendar.MustDate("2026-11-30"), Today: today})
		*out.(*workflows.CertificationAnswer) = workflows.CertificationAnswer{CommandID: m.CommandID, Certified: p.Certified, Barred: p.Barred, Conflict: p.Conflict, Unsettled: p.Unsettled, Board: b}
		return err
	case models.CityCommand:
		require.Equal(d.t, []string{workflows.UpdateCity, o.UpdateID}, []string{o.UpdateName, m.CommandID})
		b, err := d.store.ActOnCity(ctx, m, today)
		if e := (*models.Error)(nil); errors.As(err, &e) {
			return temporal.NewNonRetryableApplicationError(e.Message, string(e.Code), nil)
		}
		*out.(*models.CertificationBoard) = b
		return err
	}
	return fmt.Errorf("unknown message %T", o.Args[0])
}

func (d *closing) post(token, path string, in any, status int) models.CertificationBoard {
	d.t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	return answer[models.CertificationBoard](d.t, call(d.t, d.server, token, http.MethodPost, closingPath+path, in), status)
}

func TestAnAdministratorCertifiesAndEveryoneSeesWhatThePlanMakesPublic(t *testing.T) { // R15, 附三(一)
	d := newClosing(t)
	for role, token := range d.tokens {
		if role != models.RoleAdmin {
			problemOf(t, call(t, d.server, token, http.MethodPost, closingPath+"/certification", map[string]any{}), http.StatusForbidden, "forbidden")
		}
	}
	number := models.CertificationNumber("110107", 2026, 2)
	require.Equal(t, http.StatusNotFound, call(t, d.server, "", http.MethodGet, "/public/v1/certifications/"+number, nil).Code)
	problemOf(t, call(t, d.server, adminToken, http.MethodGet, closingPath+"/city/report", nil), http.StatusNotFound, "not-found")

	a := answer[CertifyAnswer](t, call(t, d.server, d.tokens[models.RoleAdmin], http.MethodPost, closingPath+"/certification", map[string]any{"reason": "公示期满"}), http.StatusOK)
	require.Equal(t, 5, a.Certified)
	require.Equal(t, []int64{6, 5, 1}, []int64{a.Board.Places, a.Board.Certified, a.Board.Empty})
	b := answer[models.CertificationBoard](t, call(t, d.server, d.tokens[models.RoleAuditor], http.MethodGet, closingPath+"/certification", nil), http.StatusOK)
	require.Equal(t, a.Board, b)

	p := answer[map[string]any](t, call(t, d.server, "", http.MethodGet, "/public/v1/certifications/"+strings.ToLower(number), nil), http.StatusOK)
	require.Equal(t, "2029-11-22", p["valid_until"])
	delete(p, "$schema")
	require.Len(t, p, 7, "nothing else is public: %v", p)
	for _, key := range []string{"name", "uscc", "tier", "category", "certified_on", "valid_until", "state"} {
		require.NotEmpty(t, p[key], key)
	}
	require.Equal(t, []any{d.codes[1], "优质", "有效"}, []any{p["uscc"], p["category"], p["state"]})

	first := answer[Page[CertificationView]](t, call(t, d.server, d.tokens[models.RoleDepartment], http.MethodGet, closingPath+"/certifications?limit=3", nil), http.StatusOK)
	rest := answer[Page[CertificationView]](t, call(t, d.server, d.tokens[models.RoleCity], http.MethodGet, closingPath+"/certifications?limit=3&after="+first.Next, nil), http.StatusOK)
	require.Len(t, first.Items, 3)
	require.Len(t, rest.Items, 2)
	require.Empty(t, rest.Next)
	require.Equal(t, "https://bangfu.example.cn/verify/"+number, first.Items[1].VerifyURL)
	quality := answer[Page[CertificationView]](t, call(t, d.server, adminToken, http.MethodGet, closingPath+"/certifications?category=%E4%BC%98%E8%B4%A8&state=valid", nil), http.StatusOK)
	require.Len(t, quality.Items, 1)
	stranger := token(t, d.store, models.User{Email: "x@example.com", Name: "他区", Role: models.RoleAdmin, District: "110108"})
	for _, path := range []string{"/certification", "/certifications", "/city/report", "/city/checks", "/certifications/annotations.csv", "/city/report.csv"} {
		require.Equal(t, http.StatusNotFound, call(t, d.server, stranger, http.MethodGet, closingPath+path, nil).Code, path)
	}
	require.Equal(t, http.StatusNotFound, call(t, d.server, stranger, http.MethodPost, closingPath+"/certification", map[string]any{}).Code)
}

func (d *closing) certified() {
	d.t.Helper()
	answer[CertifyAnswer](d.t, call(d.t, d.server, d.tokens[models.RoleAdmin], http.MethodPost, closingPath+"/certification", map[string]any{}), http.StatusOK)
}

func TestACertificateIsVerifiedByItsNumberOnAPageThatNeedsNothingElse(t *testing.T) { // R15
	d := newClosing(t)
	d.certified()
	number := models.CertificationNumber("110107", 2026, 1)
	page := call(t, d.server, "", http.MethodGet, "/verify/"+number, nil)
	require.Equal(t, http.StatusOK, page.Code)
	body := page.Body.String()
	for _, text := range []string{"认定有效", "“特色”个体工商户", d.codes[0], number, "2026年11月23日", "2029年11月22日", "北京市石景山区市场监督管理局", `lang="zh-CN"`, "width=device-width"} {
		require.Contains(t, body, text)
	}
	require.NotContains(t, body, "<script")
	require.NotContains(t, body, "://", "nothing from elsewhere")
	require.Equal(t, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", page.Header().Get("Content-Security-Policy"))
	require.Equal(t, "no-store", page.Header().Get("Cache-Control"))

	for _, asked := range []string{"110107-2026-MTYX-0099", "nonsense", "%3Cscript%3Ealert(1)%3Cscript%3E", strings.Repeat("9", 300)} {
		page := call(t, d.server, "", http.MethodGet, "/verify/"+asked, nil)
		require.Equal(t, http.StatusNotFound, page.Code, asked)
		require.Contains(t, page.Body.String(), "未查到")
		require.NotContains(t, page.Body.String(), "<script")
		require.Contains(t, page.Header().Get("Content-Type"), "text/html")
	}

	path := "/api/v1/certifications/" + number + "/certificate.pdf"
	own, other := operatorToken(t, d.store, "110107", d.codes[0]), operatorToken(t, d.store, "110107", d.codes[1])
	for _, token := range []string{own, adminToken, d.tokens[models.RoleCity], d.bureau} {
		w := call(t, d.server, token, http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Equal(t, kindPDF, w.Header().Get("Content-Type"))
		require.True(t, bytes.HasPrefix(w.Body.Bytes(), []byte("%PDF-")))
	}
	require.Equal(t, http.StatusNotFound, call(t, d.server, other, http.MethodGet, path, nil).Code, "another household's")
	require.Equal(t, http.StatusUnauthorized, call(t, d.server, "", http.MethodGet, path, nil).Code)
	require.Equal(t, http.StatusNotFound, call(t, d.server, own, http.MethodGet, "/api/v1/certifications/x/certificate.pdf", nil).Code)
	d.server.Wait()
}

func TestTheAnnotationsAndTheReportAreTablesThatNoSpreadsheetExecutes(t *testing.T) { // 附三(一), 附三(二)2
	d := newClosing(t)
	d.certified()
	w := call(t, d.server, d.tokens[models.RoleAdmin], http.MethodGet, closingPath+"/certifications/annotations.csv", nil)
	require.Equal(t, http.StatusOK, w.Code)
	rows := table(t, w.Body.String())
	require.Len(t, rows, 5)
	require.True(t, strings.HasPrefix(rows[0]["名称"], "'="), "no formula")
	require.Equal(t, []string{d.codes[0], "“特色”个体工商户", "2026-11-23", "2029-11-22", "110107-2026-MTYX-0001", "石景山区市场监督管理局"},
		[]string{rows[0]["统一社会信用代码"], rows[0]["标注内容"], rows[0]["认定日期"], rows[0]["有效期至"], rows[0]["认定编号"], rows[0]["标注单位"]})
	require.Equal(t, http.StatusForbidden, call(t, d.server, d.tokens[models.RoleDepartment], http.MethodGet, closingPath+"/certifications/annotations.csv", nil).Code)

	report := call(t, d.server, d.tokens[models.RoleCity], http.MethodGet, closingPath+"/city/report.csv", nil)
	require.Equal(t, http.StatusOK, report.Code)
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(report.Body.String(), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, activities.CityReportHeader, lines[0])
	require.Len(t, lines, 6)
	v := answer[CityReportView](t, call(t, d.server, d.tokens[models.RoleCity], http.MethodGet, closingPath+"/city/report", nil), http.StatusOK)
	require.EqualValues(t, 5, v.Certified)
	sum := sha256.Sum256(report.Body.Bytes())
	require.Equal(t, hex.EncodeToString(sum[:]), v.SHA256, "the file is the one that was reported")
	for _, path := range []string{"/certifications/annotations.xlsx", "/city/report.xlsx"} {
		w := call(t, d.server, d.tokens[models.RoleCity], http.MethodGet, closingPath+path, nil)
		require.Equal(t, http.StatusOK, w.Code)
		x, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
		require.NoError(t, err)
		cells, err := x.GetRows(x.GetSheetName(0))
		require.NoError(t, err)
		require.Len(t, cells, 6)
		for i := range cells[1:] {
			for column := range cells[i+1] {
				at, err := excelize.CoordinatesToCellName(column+1, i+2)
				require.NoError(t, err)
				formula, err := x.GetCellFormula(x.GetSheetName(0), at)
				require.NoError(t, err)
				require.Empty(t, formula)
			}
		}
	}
}

func TestTheCityChecksThroughItsWorkListAndTheBureauAnswers(t *testing.T) { // 附三(二)2
	d := newClosing(t)
	d.certified()
	admin, city := d.tokens[models.RoleAdmin], d.tokens[models.RoleCity]
	body := map[string]any{"sample": map[string]any{"size": 1}, "close": nil, "finish": map[string]any{"reason": "x"}, "supplements": map[string]any{"reason": "x"},
		"decision": map[string]any{"outcome": "pass"}, "answers": map[string]any{"answer": "x"}}
	for path, right := range map[string]string{"/city/sample": city, "/city/close": city, "/city/finish": admin, "/city/checks/110107-2026-MTYX-0001/supplements": city,
		"/city/checks/110107-2026-MTYX-0001/decision": city, "/city/checks/110107-2026-MTYX-0001/answers": d.bureau} {
		for _, token := range []string{admin, city, d.bureau, d.tokens[models.RoleDepartment], d.tokens[models.RoleAuditor], operatorToken(t, d.store, "110107", d.codes[0])} {
			bureau := strings.HasSuffix(path, "/answers") && token == admin
			if token == right || bureau {
				continue
			}
			w := call(t, d.server, token, http.MethodPost, closingPath+path, body[path[strings.LastIndex(path, "/")+1:]])
			require.Equal(t, http.StatusForbidden, w.Code, "%s: %s", path, w.Body)
		}
	}
	d.server.Wait()

	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+"/city/sample", map[string]any{}), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+"/city/sample", map[string]any{"size": 1, "percent": 1}), http.StatusUnprocessableEntity, "invalid")
	require.EqualValues(t, 3, d.post(city, "/city/sample", map[string]any{"percent": 50}, http.StatusOK).City.Sampled, "half of five, rounded up")
	v := answer[CityReportView](t, call(t, d.server, d.tokens[models.RoleAuditor], http.MethodGet, closingPath+"/city/report", nil), http.StatusOK)
	require.NotEmpty(t, v.Seed, "a seed was drawn and is on record")
	require.Contains(t, v.Method, "sha256sum")
	list := answer[Page[CityCheckView]](t, call(t, d.server, city, http.MethodGet, closingPath+"/city/checks?limit=2", nil), http.StatusOK)
	require.Len(t, list.Items, 2)
	list = answer[Page[CityCheckView]](t, call(t, d.server, d.bureau, http.MethodGet, closingPath+"/city/checks", nil), http.StatusOK)
	require.Len(t, list.Items, 3)
	var drawn, numbers []string
	for i := range 5 {
		numbers = append(numbers, models.CertificationNumber("110107", 2026, i+1))
	}
	for _, c := range list.Items {
		require.Equal(t, models.CitySampled, c.State)
		drawn = append(drawn, c.Number)
	}
	require.ElementsMatch(t, models.CitySampleOf(v.Seed, numbers, 3), drawn)
	require.Equal(t, http.StatusForbidden, call(t, d.server, d.tokens[models.RoleDepartment], http.MethodGet, closingPath+"/city/checks", nil).Code, "between the city and the bureau")

	check := "/city/checks/" + drawn[0]
	require.EqualValues(t, 1, d.post(city, check+"/supplements", map[string]any{"reason": "请补充商标注册证", "days": 3}, http.StatusOK).City.Asked)
	problemOf(t, call(t, d.server, d.bureau, http.MethodPost, closingPath+check+"/answers", map[string]any{"answer": "见附件", "documents": []string{"没有的"}}), http.StatusUnprocessableEntity, "invalid")
	d.post(d.bureau, check+"/answers", map[string]any{"answer": "商标注册证已核对"}, http.StatusOK)
	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+check+"/decision", map[string]any{"outcome": "refuse", "reason": "不符"}), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+check+"/decision", map[string]any{"outcome": "refuse", "clause": "附三(三)1"}), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+check+"/decision", map[string]any{"outcome": "no_objection"}), http.StatusUnprocessableEntity, "invalid")
	require.EqualValues(t, 1, d.post(city, check+"/decision", map[string]any{"outcome": "refuse", "reason": "商标已失效", "clause": "附三(三)2(1)C"}, http.StatusOK).Refused)
	problemOf(t, call(t, d.server, city, http.MethodPost, closingPath+"/city/close", nil), http.StatusConflict, "conflict")
	d.post(city, "/city/checks/"+drawn[1]+"/decision", map[string]any{"outcome": "pass"}, http.StatusOK)
	done := d.post(admin, "/city/finish", map[string]any{"reason": "市局书面告知抽查结束"}, http.StatusOK)
	require.Equal(t, "2026-11-23", done.City.ClosedOn.String())
	require.Equal(t, []int64{2, 1}, []int64{done.City.Passed, done.City.Refused})

	one := answer[CityCheckDetail](t, call(t, d.server, city, http.MethodGet, closingPath+check, nil), http.StatusOK)
	require.Len(t, one.Steps, 3)
	require.Equal(t, []string{"要求补充材料", "补充材料", "作出“不予认定”结论"}, []string{one.Steps[0].EventName, one.Steps[1].EventName, one.Steps[2].EventName})
	require.Equal(t, "商标已失效", one.Steps[2].Reason)

	// what the city does not recognise is no longer certified, for anybody who asks
	p := answer[PublicCertification](t, call(t, d.server, "", http.MethodGet, "/public/v1/certifications/"+drawn[0], nil), http.StatusOK)
	require.Equal(t, "不予认定", p.State)
	page := call(t, d.server, "", http.MethodGet, "/verify/"+drawn[0], nil).Body.String()
	require.Contains(t, page, "该认定现在无效")
	require.NotContains(t, page, "商标已失效", "reasons are not public")
	problemOf(t, call(t, d.server, adminToken, http.MethodGet, "/api/v1/certifications/"+drawn[0]+"/certificate.pdf", nil), http.StatusConflict, "conflict")
	annotated := table(t, call(t, d.server, admin, http.MethodGet, closingPath+"/certifications/annotations.csv", nil).Body.String())
	require.Len(t, annotated, 4)
}
