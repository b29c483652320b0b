package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// years is the sample district with its five certified households in the years after.
type years struct {
	*closing
	certs []models.Certification
}

func newYears(t *testing.T, on string) *years {
	t.Helper()
	d := newClosing(t)
	d.certified()
	y := &years{closing: d}
	var err error
	y.certs, err = d.store.Certifications(context.Background(), store.CertificationQuery{CycleID: sampletest.Cycle, Limit: 10})
	require.NoError(t, err)
	require.Len(t, y.certs, 5)
	for _, c := range y.certs {
		_, _, err := d.store.FollowCertified(context.Background(), c.ID, calendar.MustDate("2026-11-23"))
		require.NoError(t, err)
	}
	y.on(on)
	engine := d.server.Temporal.(*mocks.Client)
	engine.On("NewWithStartWorkflowOperation", mock.Anything, mock.Anything, mock.Anything).Return(startOperation{})
	engine.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		h := &mocks.WorkflowUpdateHandle{}
		h.On("Get", mock.Anything, mock.Anything).Return(func(context.Context, any) error {
			_, err := d.store.ActOnCertified(ctx, o.UpdateOptions.Args[0].(models.CertifiedCommand), calendar.MustDate(y.today))
			if e := (*models.Error)(nil); errors.As(err, &e) {
				return temporal.NewNonRetryableApplicationError(e.Message, string(e.Code), nil)
			}
			return err
		})
		return h, nil
	})
	return y
}

// on sets the year's clock, which then all but stands, and follows the certifications' calendars.
func (y *years) on(day string) {
	y.t.Helper()
	y.today = day
	y.exec("UPDATE cycles SET clock = ?", fmt.Sprintf(`{"start":%q,"days_per_second":0.000001,"origin":%q}`, day, time.Now().UTC().Format(time.RFC3339)))
	for _, c := range y.certs {
		_, _, err := y.store.FollowCertified(context.Background(), c.ID, calendar.MustDate(day))
		require.NoError(y.t, err)
	}
}

func (y *years) path(i, year int, more string) string {
	return fmt.Sprintf("/api/v1/certifications/%s/reports/%d%s", y.certs[i].Number, year, more)
}

func (y *years) operator(i int) string {
	y.t.Helper()
	return operatorToken(y.t, y.store, "110107", y.certs[i].USCC)
}

func (y *years) call(token, method, path string, in any) *httptest.ResponseRecorder {
	y.t.Helper()
	return call(y.t, y.server, token, method, path, in)
}

var tradesOn = map[string]any{"answers": map[string]any{"revenue": "350000", "tax": "1200", "insured": "2", "trading": "是", "trading-how": "仍经营原有产品"}}

func (y *years) file(i int) ReportReceipt {
	y.t.Helper()
	me := y.operator(i)
	answer[ReportView](y.t, y.call(me, http.MethodPut, y.path(i, 2027, ""), tradesOn), http.StatusOK)
	return answer[ReportReceipt](y.t, y.call(me, http.MethodPost, y.path(i, 2027, "/submit"), map[string]any{}), http.StatusOK)
}

func TestAnOperatorFilesTheReportAndTheBureauReviewsIt(t *testing.T) { // R17
	y := newYears(t, "2027-07-10")
	me := y.operator(0)
	v := answer[ReportView](t, y.call(me, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.Equal(t, models.ReportOwed, v.State)
	require.True(t, v.Writable)
	require.NotEmpty(t, v.Prefilled, "what departments hold is shown, not asked")
	require.NotEmpty(t, v.Prefilled[0].Source)
	require.Empty(t, v.Findings)
	asks := map[string]string{}
	for _, q := range v.Questions {
		asks[q.ID] = q.Ask
	}
	require.Equal(t, "2026年度的销售额或者营业收入", asks["revenue"])
	problemOf(t, y.call(me, http.MethodPost, y.path(0, 2027, "/submit"), map[string]any{}), http.StatusUnprocessableEntity, "invalid")
	answer[ReportView](t, y.call(me, http.MethodPut, y.path(0, 2027, ""), tradesOn), http.StatusOK)
	again := answer[ReportView](t, y.call(me, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.Equal(t, models.ReportOwed, again.State, "a draft is not filed")
	evidence := uploaded(t, y.server, me, fmt.Sprintf("/api/v1/reports/%d/documents", v.ID), "店面.jpg", picture(t))
	require.Equal(t, http.StatusCreated, evidence.Code, evidence.Body.String())
	receipt := answer[ReportReceipt](t, keyedWith(t, y.server, me, y.path(0, 2027, "/submit"), "key-1", map[string]any{}), http.StatusOK)
	same := answer[ReportReceipt](t, keyedWith(t, y.server, me, y.path(0, 2027, "/submit"), "key-1", map[string]any{}), http.StatusOK)
	require.Equal(t, receipt, same, "the same request again")
	require.Equal(t, y.certs[0].Number+"-报2027", receipt.Number)
	require.NotEmpty(t, receipt.PolicyHash)
	require.False(t, receipt.Late)
	problemOf(t, y.call(me, http.MethodPut, y.path(0, 2027, ""), tradesOn), http.StatusConflict, "conflict")
	require.Equal(t, http.StatusConflict, uploaded(t, y.server, me, fmt.Sprintf("/api/v1/reports/%d/documents", v.ID), "店面.jpg", picture(t)).Code)

	admin := y.tokens[models.RoleAdmin]
	v = answer[ReportView](t, y.call(y.bureau, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.NotEmpty(t, v.Findings)
	require.NotEmpty(t, v.Note, "no holidays of 2027 are announced")
	problemOf(t, y.call(y.bureau, http.MethodPost, y.path(0, 2027, "/return"), map[string]any{"reason": ""}), http.StatusUnprocessableEntity, "invalid")
	v = answer[ReportView](t, y.call(y.bureau, http.MethodPost, y.path(0, 2027, "/return"), map[string]any{"reason": "请写明品牌变化"}), http.StatusOK)
	require.Equal(t, models.ReportReturned, v.State)
	v = answer[ReportView](t, y.call(me, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.Equal(t, "请写明品牌变化", v.Reason)
	require.NotEmpty(t, v.Note)
	answer[ReportReceipt](t, y.call(me, http.MethodPost, y.path(0, 2027, "/submit"), map[string]any{}), http.StatusOK)

	v = answer[ReportView](t, y.call(admin, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	var answers []map[string]any
	for _, f := range v.Findings {
		if f.Outcome == models.OutcomeNotKnown {
			answers = append(answers, map[string]any{"id": f.ID, "met": true, "reason": "现场核实"})
		}
	}
	require.NotEmpty(t, answers)
	problemOf(t, y.call(admin, http.MethodPost, y.path(0, 2027, "/confirm"), map[string]any{}), http.StatusUnprocessableEntity, "invalid")
	v = answer[ReportView](t, y.call(admin, http.MethodPost, y.path(0, 2027, "/confirm"), map[string]any{"answers": answers}), http.StatusOK)
	require.Equal(t, models.ReportConfirmed, v.State)
	own := answer[ReportView](t, y.call(me, http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.NotEmpty(t, own.Findings, "the household sees what was found")
	require.Empty(t, own.EnteredBy)
	home := answer[OwnHousehold](t, y.call(me, http.MethodGet, "/api/v1/me/household", nil), http.StatusOK)
	require.Len(t, home.Certifications[0].Reports, 1)
	require.Equal(t, models.ReportConfirmed, home.Certifications[0].Reports[0].State)
}

func TestWhoMaySeeFillInAndReviewAReport(t *testing.T) { // R17, R24
	y := newYears(t, "2027-07-10")
	stranger := token(t, y.store, models.User{Email: "s@example.com", Name: "他区", Role: models.RoleAdmin, District: "110108"})
	for name, secret := range map[string]string{"another operator": y.operator(1), "another district": stranger, "a department without part": y.tokens[models.RoleDepartment]} {
		for _, r := range []struct{ method, more string }{{"GET", ""}, {"PUT", ""}, {"POST", "/submit"}} {
			var in any = map[string]any{}
			if r.method == "GET" {
				in = nil
			}
			if r.method == "PUT" {
				in = tradesOn
			}
			require.Equal(t, http.StatusNotFound, y.call(secret, r.method, y.path(0, 2027, r.more), in).Code, name+r.more)
		}
	}
	for _, action := range []string{"/return", "/confirm", "/fail"} {
		problemOf(t, y.call(y.tokens[models.RoleDepartment], http.MethodPost, y.path(0, 2027, action), map[string]any{"reason": "x"}), http.StatusForbidden, "forbidden")
	}
	for _, role := range []models.Role{models.RoleAuditor, models.RoleCity} {
		require.Equal(t, http.StatusOK, y.call(y.tokens[role], http.MethodGet, y.path(0, 2027, ""), nil).Code)
		require.Equal(t, http.StatusForbidden, y.call(y.tokens[role], http.MethodPut, y.path(0, 2027, ""), tradesOn).Code)
	}
	require.Equal(t, http.StatusForbidden, y.call(y.tokens[models.RoleDepartment], http.MethodGet, "/api/v1/reports", nil).Code)

	// an officer fills it in for one who cannot, with the reason on record, and then does not review it
	answer[ReportView](t, y.call(y.bureau, http.MethodPut, y.path(0, 2027, ""), tradesOn), http.StatusOK)
	problemOf(t, y.call(y.bureau, http.MethodPost, y.path(0, 2027, "/submit"), map[string]any{}), http.StatusUnprocessableEntity, "invalid")
	answer[ReportReceipt](t, y.call(y.bureau, http.MethodPost, y.path(0, 2027, "/submit"), map[string]any{"reason": "经营者到窗口口述"}), http.StatusOK)
	problemOf(t, y.call(y.bureau, http.MethodPost, y.path(0, 2027, "/confirm"), map[string]any{}), http.StatusForbidden, "forbidden")
	v := answer[ReportView](t, y.call(y.tokens[models.RoleAdmin], http.MethodGet, y.path(0, 2027, ""), nil), http.StatusOK)
	require.Len(t, v.EnteredBy, 1)

	// the department that recommended the household may, too
	y.exec("UPDATE applications SET department = 'tax', origin = 'recommended' WHERE id = ?", y.certs[1].ApplicationID)
	answer[ReportView](t, y.call(y.tokens[models.RoleDepartment], http.MethodPut, y.path(1, 2027, ""), tradesOn), http.StatusOK)
	problemOf(t, y.call(y.operator(1), http.MethodPut, y.path(1, 2027, ""), map[string]any{"answers": map[string]any{"trading-how": strings.Repeat("字", 501)}}), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, y.call(y.operator(1), http.MethodGet, y.path(1, 2028, ""), nil), http.StatusNotFound, "not-found")
}

func TestTheBureauSeesWhatIsOverdueAndConfirmsAtOnceWhatTheDataSay(t *testing.T) { // R17
	y := newYears(t, "2027-07-10")
	y.exec("INSERT INTO published_tiers (district, year, uscc, name, tier, published_on, run_id) SELECT '110107', 2026, uscc, name, 2, '2026-07-26', run_id FROM certifications")
	for i := range 3 {
		y.file(i)
	}
	y.exec("INSERT INTO src_credit (district, year, uscc, kind, listed_on) VALUES ('110107', 2026, ?, '失信被执行人', '2027-03-01')", y.certs[1].USCC)
	admin := y.tokens[models.RoleAdmin]
	out := answer[BulkConfirmed](t, keyedWith(t, y.server, admin, "/api/v1/reports/confirm", "bulk", map[string]any{"district": "110107", "year": 2027}), http.StatusOK)
	require.Equal(t, []string{y.certs[0].Number, y.certs[2].Number}, out.Confirmed)
	require.Len(t, out.Left, 1)
	require.Equal(t, y.certs[1].Number, out.Left[0].Number)
	require.Contains(t, out.Left[0].Why, "失信被执行人")
	for _, i := range []int{0, 2} {
		steps, err := y.store.CertifiedSteps(context.Background(), y.certs[i].ID)
		require.NoError(t, err)
		require.Equal(t, models.CertifiedConfirmReport, steps[len(steps)-1].Event, "each has its record")
	}
	named := map[string]any{"district": "110107", "year": 2027, "numbers": []string{y.certs[0].Number, y.certs[3].Number, "110107-2026-MTYX-9999"}}
	out = answer[BulkConfirmed](t, y.call(admin, http.MethodPost, "/api/v1/reports/confirm", named), http.StatusOK)
	require.Empty(t, out.Confirmed)
	require.Len(t, out.Left, 3)

	v := answer[ReportView](t, y.call(admin, http.MethodPost, y.path(1, 2027, "/fail"), map[string]any{"reason": "列入失信被执行人"}), http.StatusOK)
	require.Equal(t, models.ReportFailed, v.State)
	cases, err := y.store.Cases(context.Background(), store.CaseQuery{Kind: models.CaseReport, Limit: 10})
	require.NoError(t, err)
	require.Len(t, cases, 1)

	y.on("2027-08-02")
	list := answer[ReportPage](t, y.call(admin, http.MethodGet, "/api/v1/reports?district=110107&year=2027&overdue=true&cycle="+sampletest.Cycle, nil), http.StatusOK)
	require.Len(t, list.Items, 2)
	require.True(t, list.Items[0].Late)
	page := answer[ReportPage](t, y.call(y.bureau, http.MethodGet, "/api/v1/reports?year=2027&limit=3", nil), http.StatusOK)
	require.Len(t, page.Items, 3)
	require.Equal(t, map[models.ReportState]int64{models.ReportOwed: 2, models.ReportConfirmed: 2, models.ReportFailed: 1}, page.Counts)
	rest := answer[ReportPage](t, y.call(y.bureau, http.MethodGet, "/api/v1/reports?year=2027&limit=3&after="+page.Next, nil), http.StatusOK)
	require.Len(t, rest.Items, 2)
	w := y.call(y.bureau, http.MethodGet, "/api/v1/reports.xlsx?year=2027", nil)
	require.Equal(t, http.StatusOK, w.Code)
	book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
	require.NoError(t, err)
	rows, err := book.GetRows("信息报告")
	require.NoError(t, err)
	require.Len(t, rows, 6)
	formula, err := book.GetCellFormula("信息报告", "C2")
	require.NoError(t, err)
	require.Empty(t, formula, "a name such as %q is never a formula", rows[1][2])
	home := answer[OwnHousehold](t, y.call(y.operator(3), http.MethodGet, "/api/v1/me/household", nil), http.StatusOK)
	require.Equal(t, models.ReportOwed, home.Certifications[0].Reports[0].State)
}

func TestAnOperatorReportsAChangeOfOperator(t *testing.T) { // R18
	y := newYears(t, "2027-03-10")
	path := "/api/v1/certifications/" + y.certs[0].Number + "/operator-changes"
	me := y.operator(0)
	first := answer[OperatorChanges](t, y.call(me, http.MethodGet, path, nil), http.StatusOK)
	require.Len(t, first.Items, 1)
	problemOf(t, y.call(me, http.MethodPost, path, map[string]any{"name": "新甲", "changed_on": "2027-03-11"}), http.StatusUnprocessableEntity, "invalid")
	in := map[string]any{"name": "新甲", "changed_on": "2027-03-01", "text": "家庭成员接手"}
	list := answer[OperatorChanges](t, keyedWith(t, y.server, me, path, "key-1", in), http.StatusCreated)
	require.Len(t, list.Items, 2)
	require.Equal(t, []any{"新甲", models.OperatorReported, calendar.MustDate("2027-03-10")}, []any{list.Items[1].Operator, list.Items[1].Source, list.Items[1].ReportedOn})
	require.NotZero(t, list.Items[1].CaseID, "whether the certification goes on is a decision")
	require.Equal(t, list, answer[OperatorChanges](t, keyedWith(t, y.server, me, path, "key-1", in), http.StatusCreated))
	other := map[string]any{"name": "新丙", "changed_on": "2027-03-01", "text": "家庭成员接手"}
	problemOf(t, keyedWith(t, y.server, me, path, "key-1", other), http.StatusConflict, "conflict")
	problemOf(t, y.call(me, http.MethodPost, path, in), http.StatusConflict, "conflict")
	require.Equal(t, http.StatusNotFound, y.call(y.operator(1), http.MethodGet, path, nil).Code)
	problemOf(t, y.call(y.bureau, http.MethodPost, path, map[string]any{"name": "新乙", "changed_on": "2027-03-09"}), http.StatusUnprocessableEntity, "invalid")
	list = answer[OperatorChanges](t, y.call(y.bureau, http.MethodPost, path, map[string]any{"name": "新乙", "changed_on": "2027-03-09", "text": "经营者到窗口口述"}), http.StatusCreated)
	require.Len(t, list.Items, 3)

	for _, call := range y.server.Temporal.(*mocks.Client).Calls {
		require.NotContains(t, fmt.Sprintf("%+v", call.Arguments), "新", "no name reaches the engine")
	}
}
