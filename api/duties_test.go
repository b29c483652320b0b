package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// dutyDistrict is a district whose year runs, on 20 November 2026, with people of several departments.
type dutyDistrict struct {
	t      *testing.T
	store  *store.Store
	server *Server
	tokens map[string]string
	cycle  string
}

func newDutyDistrict(t *testing.T, s *store.Store) *dutyDistrict {
	t.Helper()
	ctx := context.Background()
	d := &dutyDistrict{t: t, store: s, server: newTestServer(s), tokens: map[string]string{}, cycle: "/api/v1/cycles/110107-2026"}
	for _, district := range []models.District{{Code: "110107", Name: "石景山区", City: "北京市"}, {Code: "110108", Name: "海淀区", City: "北京市"}} {
		require.NoError(t, s.SetDistrict(ctx, models.ActorConsole, district))
		for code, name := range map[string]string{models.BureauCode: "区市场监管局", "wlj": "区文化和旅游局", "hrss": "区人力资源社会保障局"} {
			require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: district.Code, Code: code, Name: name}))
		}
	}
	for name, u := range map[string]models.User{
		"admin": {Role: models.RoleAdmin, District: "110107"}, "second": {Role: models.RoleAdmin, District: "110107"}, "neighbour": {Role: models.RoleAdmin, District: "110108"},
		"wlj": {Role: models.RoleDepartment, District: "110107", Department: "wlj"}, "hrss": {Role: models.RoleDepartment, District: "110107", Department: "hrss"},
		"bureau": {Role: models.RoleDepartment, District: "110107", Department: models.BureauCode}, "far": {Role: models.RoleDepartment, District: "110108", Department: "wlj"},
		"auditor": {Role: models.RoleAuditor}, "city": {Role: models.RoleCity},
	} {
		u.Email, u.Name = name+"@duty.example.com", name
		d.tokens[name] = token(t, s, u)
	}
	n, err := s.PlanYear(ctx, "110107", 2026, nil)
	require.NoError(t, err)
	n.CycleID, n.Attempt, n.Actor, n.Today = "110107-2026", 1, models.ActorConsole, calendar.MustDate("2026-06-01")
	n.Clock = calendar.Clock{Start: calendar.MustDate("2026-11-20"), DaysPerSecond: 1e-9, Origin: time.Now()} // it stays that day
	require.NoError(t, s.OpenCycle(ctx, n))
	return d
}

func (d *dutyDistrict) call(who, method, path string, in any) *httptest.ResponseRecorder {
	d.t.Helper()
	return call(d.t, d.server, d.tokens[who], method, path, in)
}

// duty finds a duty as somebody sees it.
func (d *dutyDistrict) duty(who, department, duty string) DutyView {
	d.t.Helper()
	page := answer[Page[DutyView]](d.t, d.call(who, "GET", d.cycle+"/duties?duty="+duty+"&department="+department, nil), http.StatusOK)
	require.NotEmpty(d.t, page.Items, duty)
	return page.Items[0]
}

func (d *dutyDistrict) mails(kind models.MailKind) (list []models.Mail) {
	d.t.Helper()
	all, err := d.store.Mails(context.Background(), store.MailFilter{}, 0, 1000)
	require.NoError(d.t, err)
	for _, m := range all {
		if m.Kind == kind {
			whole, err := d.store.Mail(context.Background(), m.ID)
			require.NoError(d.t, err)
			list = append(list, whole)
		}
	}
	return list
}

func TestADepartmentSeesAndReportsItsOwnDutiesOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newDutyDistrict(t, s)
		for _, item := range answer[Page[DutyView]](t, d.call("wlj", "GET", d.cycle+"/duties?limit=1000", nil), http.StatusOK).Items {
			require.Equal(t, "wlj", item.Owner)
			require.Equal(t, "区文化和旅游局", item.OwnerName)
			require.NotEmpty(t, item.Text, "the law's words stand beside it")
		}
		problemOf(t, d.call("wlj", "GET", d.cycle+"/duties?department=hrss", nil), http.StatusForbidden, "forbidden")
		problemOf(t, d.call("neighbour", "GET", d.cycle+"/duties", nil), http.StatusNotFound, "not-found")
		for _, who := range []string{"admin", "bureau", "auditor", "city"} {
			require.Equal(t, "hrss", d.duty(who, "hrss", "training-list").Owner, who)
		}
		first := answer[Page[DutyView]](t, d.call("admin", "GET", d.cycle+"/duties?limit=7&overdue=true", nil), http.StatusOK)
		require.Len(t, first.Items, 7)
		for _, item := range first.Items {
			require.True(t, item.Overdue)
		}
		second := answer[Page[DutyView]](t, d.call("admin", "GET", d.cycle+"/duties?limit=7&overdue=true&after="+first.Next, nil), http.StatusOK)
		require.NotEqual(t, first.Items[6].ID, second.Items[0].ID)
		require.GreaterOrEqual(t, second.Items[0].Due, first.Items[6].Due)

		seminars := d.duty("wlj", "", "seminars")
		require.Equal(t, 1, seminars.Number)
		require.True(t, seminars.Evidence)
		one := fmt.Sprintf("/api/v1/duties/%d", seminars.ID)
		for _, who := range []string{"hrss", "far", "neighbour"} {
			problemOf(t, d.call(who, "GET", one, nil), http.StatusNotFound, "not-found")
			problemOf(t, d.call(who, "GET", one+"/reports", nil), http.StatusNotFound, "not-found")
			problemOf(t, d.call(who, "GET", one+"/documents", nil), http.StatusNotFound, "not-found")
		}
		report := map[string]any{"text": "召开座谈会一次", "done_on": "2026-11-18", "households": 42}
		problemOf(t, d.call("hrss", "POST", one+"/reports", report), http.StatusNotFound, "not-found")
		problemOf(t, d.call("admin", "POST", one+"/reports", report), http.StatusForbidden, "forbidden")
		problemOf(t, d.call("auditor", "POST", one+"/reports", report), http.StatusForbidden, "forbidden")
		require.Contains(t, problemOf(t, d.call("wlj", "POST", one+"/reports", report), http.StatusUnprocessableEntity, "invalid").Detail, "须附材料")
		problemOf(t, uploaded(t, d.server, d.tokens["hrss"], one+"/documents", "x.jpg", picture(t)), http.StatusNotFound, "not-found")
		problemOf(t, uploaded(t, d.server, d.tokens["bureau"], one+"/documents", "x.jpg", picture(t)), http.StatusForbidden, "forbidden")
		document := answer[DocumentView](t, uploaded(t, d.server, d.tokens["wlj"], one+"/documents", "纪要.jpg", picture(t)), http.StatusCreated)
		done := answer[DutyView](t, d.call("wlj", "POST", one+"/reports", report), http.StatusCreated)
		require.Equal(t, []any{models.ObligationDone, "已反馈", "召开座谈会一次", 42, 1}, []any{done.State, done.StateName, done.Report.Text, done.Report.Households, done.Report.Documents})
		require.Equal(t, http.StatusOK, d.call("bureau", "GET", document.URL, nil).Code)
		problemOf(t, d.call("hrss", "GET", document.URL, nil), http.StatusNotFound, "not-found")

		// the bureau wants more: an administrator says what, and by when
		problemOf(t, d.call("bureau", "POST", one+"/return", map[string]any{"reason": "请补充"}), http.StatusForbidden, "forbidden")
		problemOf(t, d.call("neighbour", "POST", one+"/return", map[string]any{"reason": "请补充"}), http.StatusNotFound, "not-found")
		problemOf(t, d.call("admin", "POST", one+"/return", map[string]any{"reason": "请补充", "due": "2026-11-20"}), http.StatusUnprocessableEntity, "invalid")
		back := answer[DutyView](t, d.call("admin", "POST", one+"/return", map[string]any{"reason": "请附问题清单", "due": "2026-12-04"}), http.StatusOK)
		require.Equal(t, []any{models.ObligationOpen, calendar.MustDate("2026-12-04"), "请附问题清单"}, []any{back.State, back.Due, back.Report.ReturnReason})
		mails := d.mails(models.MailDuty)
		require.Len(t, mails, 1)
		require.Equal(t, "wlj@duty.example.com", mails[0].Recipient)
		for _, want := range []string{"职责反馈被退回", "召开座谈会或专题研讨会（2026年第1次）", "2026年12月4日", "请附问题清单", "二(三)7"} {
			require.Contains(t, mails[0].Text, want)
		}
		answer[DutyView](t, d.call("wlj", "POST", one+"/reports", report), http.StatusCreated)
		reports := answer[Page[DutyReportView]](t, d.call("wlj", "GET", one+"/reports", nil), http.StatusOK)
		require.Len(t, reports.Items, 2)
		require.Empty(t, reports.Next)

		other := d.duty("admin", "wlj", "honours")
		one = fmt.Sprintf("/api/v1/duties/%d", other.ID)
		moved := answer[DutyView](t, d.call("admin", "POST", one+"/due", map[string]any{"due": "2027-04-20", "reason": "与表彰大会同期"}), http.StatusOK)
		require.Equal(t, calendar.MustDate("2027-04-20"), moved.Due)
		waived := answer[DutyView](t, d.call("admin", "POST", one+"/waive", map[string]any{"reason": "由区里统一表彰"}), http.StatusOK)
		require.Equal(t, []any{models.ObligationWaived, "由区里统一表彰"}, []any{waived.State, waived.Reason})
		problemOf(t, d.call("wlj", "POST", one+"/reports", report), http.StatusConflict, "conflict")
		w := call(t, d.server, adminToken, "POST", fmt.Sprintf("/api/v1/duties/%d/waive", d.duty("admin", "wlj", "exemplars").ID), map[string]any{"reason": "无"})
		problemOf(t, w, http.StatusForbidden, "forbidden") // a decision names a person
	})
}

func TestAnOrderReachesItsDepartmentAndItsAnswerTheBureau(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newDutyDistrict(t, s)
		late := d.duty("admin", "wlj", "recommendations")
		require.True(t, late.Overdue)
		issue := map[string]any{"department": "wlj", "subject": fmt.Sprintf("obligation/%d", late.ID), "text": "推荐工作逾期，请说明原因和安排", "days": 3}
		for _, who := range []string{"wlj", "bureau", "city", "auditor"} {
			problemOf(t, d.call(who, "POST", d.cycle+"/orders", issue), http.StatusForbidden, "forbidden")
		}
		problemOf(t, d.call("neighbour", "POST", d.cycle+"/orders", issue), http.StatusNotFound, "not-found")
		problemOf(t, d.call("admin", "POST", d.cycle+"/orders", map[string]any{"department": "nobody", "text": "请说明"}), http.StatusUnprocessableEntity, "invalid")
		o := answer[OrderDetail](t, d.call("admin", "POST", d.cycle+"/orders", issue), http.StatusCreated)
		require.Equal(t, fmt.Sprintf("督110107-2026-%d", o.ID), o.Number)
		require.Equal(t, []any{models.OrderIssued, calendar.MustDate("2026-11-25"), "区文化和旅游局", fmt.Sprintf("应办事项%d", late.ID)}, []any{o.State, o.Due, o.DepartmentName, o.SubjectName})
		mails := d.mails(models.MailOrder)
		require.Len(t, mails, 1)
		require.Equal(t, "wlj@duty.example.com", mails[0].Recipient)
		for _, want := range []string{o.Number, "请于2026年11月25日", "推荐工作逾期，请说明原因和安排", "二(三)7", "演练"} {
			require.Contains(t, mails[0].Text, want)
		}

		one := fmt.Sprintf("/api/v1/orders/%d", o.ID)
		problemOf(t, d.call("hrss", "GET", one, nil), http.StatusNotFound, "not-found")
		require.Empty(t, answer[Page[OrderView]](t, d.call("hrss", "GET", d.cycle+"/orders", nil), http.StatusOK).Items)
		problemOf(t, d.call("hrss", "POST", one+"/answer", map[string]any{"text": "不是我"}), http.StatusNotFound, "not-found")
		problemOf(t, d.call("admin", "POST", one+"/answer", map[string]any{"text": "代答"}), http.StatusForbidden, "forbidden")
		require.Len(t, answer[Page[OrderView]](t, d.call("city", "GET", d.cycle+"/orders?state=issued", nil), http.StatusOK).Items, 1)
		answer[DocumentView](t, uploaded(t, d.server, d.tokens["wlj"], one+"/documents", "说明.jpg", picture(t)), http.StatusCreated)
		o = answer[OrderDetail](t, d.call("wlj", "POST", one+"/answer", map[string]any{"text": "本周内完成推荐"}), http.StatusOK)
		require.Equal(t, []any{models.OrderAnswered, "本周内完成推荐"}, []any{o.State, o.Answer})
		problemOf(t, uploaded(t, d.server, d.tokens["wlj"], one+"/documents", "再补.jpg", picture(t)), http.StatusConflict, "conflict")
		var told []string
		for _, m := range d.mails(models.MailOrder) {
			if m.Recipient == "wlj@duty.example.com" {
				continue
			}
			require.Contains(t, m.Text, "区文化和旅游局已答复督办")
			require.Contains(t, m.Text, "本周内完成推荐")
			told = append(told, m.Recipient)
		}
		require.ElementsMatch(t, []string{"admin@duty.example.com", "second@duty.example.com"}, told)
		problemOf(t, d.call("bureau", "POST", one+"/close", map[string]any{}), http.StatusForbidden, "forbidden")
		o = answer[OrderDetail](t, d.call("admin", "POST", one+"/return", map[string]any{"reason": "请写明户数"}), http.StatusOK)
		require.Equal(t, models.OrderReturned, o.State)
		answer[OrderDetail](t, d.call("wlj", "POST", one+"/answer", map[string]any{"text": "推荐四户"}), http.StatusOK)
		o = answer[OrderDetail](t, d.call("second", "POST", one+"/close", map[string]any{"remark": "同意"}), http.StatusOK)
		require.Equal(t, models.OrderClosed, o.State)
		require.Len(t, o.Steps, 5)
		require.Equal(t, []string{"发出", "同意"}, []string{o.Steps[0].EventName, o.Steps[4].Text})
		problemOf(t, d.call("admin", "POST", one+"/withdraw", map[string]any{"reason": "无"}), http.StatusConflict, "conflict")

		var ids []int64
		for range 2 {
			r := httptest.NewRequestWithContext(context.Background(), "POST", d.cycle+"/orders", strings.NewReader(`{"department":"hrss","text":"请报送培训名单"}`))
			r.Header.Set("Authorization", "Bearer "+d.tokens["admin"])
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "order-1")
			w := httptest.NewRecorder()
			d.server.Handler().ServeHTTP(w, r)
			ids = append(ids, answer[OrderDetail](t, w, http.StatusCreated).ID)
		}
		require.Equal(t, ids[0], ids[1], "one request makes one order")
	})
}

func TestTheBureauSeesEveryDepartmentsYearAndADepartmentItsOwn(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newDutyDistrict(t, s)
		research := d.duty("wlj", "", "supply-chain")
		text := `=HYPERLINK("http://evil","x")<script>`
		answer[DutyView](t, d.call("wlj", "POST", fmt.Sprintf("/api/v1/duties/%d/reports", research.ID), map[string]any{"text": text, "done_on": "2026-11-18", "households": 7}), http.StatusCreated)
		answer[OrderDetail](t, d.call("admin", "POST", d.cycle+"/orders", map[string]any{"department": "wlj", "text": "请说明"}), http.StatusCreated)

		all := answer[AccountsView](t, d.call("bureau", "GET", d.cycle+"/account", nil), http.StatusOK)
		require.Equal(t, []any{"石景山区", 2026, calendar.MustDate("2026-11-20")}, []any{all.DistrictName, all.Year, all.On})
		owed := int64(0)
		names := map[string]string{}
		for _, a := range all.Items {
			owed += a.Total.Owed
			names[a.Department] = a.Name
		}
		require.Equal(t, owed, all.Total.Total.Owed)
		require.Equal(t, "区私营个体经济协会", names["xh"])
		require.Equal(t, "区市场监管局", names[models.BureauCode])
		own := answer[AccountsView](t, d.call("wlj", "GET", d.cycle+"/account", nil), http.StatusOK)
		require.Len(t, own.Items, 1)
		require.Equal(t, "wlj", own.Items[0].Department)
		problemOf(t, d.call("wlj", "GET", d.cycle+"/account/hrss", nil), http.StatusForbidden, "forbidden")
		problemOf(t, d.call("neighbour", "GET", d.cycle+"/account", nil), http.StatusNotFound, "not-found")
		problemOf(t, d.call("admin", "GET", d.cycle+"/account/nobody", nil), http.StatusNotFound, "not-found")

		one := answer[AccountDetail](t, d.call("auditor", "GET", d.cycle+"/account/wlj", nil), http.StatusOK)
		require.Equal(t, []int64{1, 7, 1, 1}, []int64{one.Reports, one.Households, one.Orders, one.OrdersOpen})
		require.Len(t, one.Ordered, 1)
		require.NotEmpty(t, one.Unpunctual)
		require.Equal(t, "16.6%", one.Kinds[0].Punctual, "one in time, five overdue")
		require.Equal(t, "部门年度职责", one.Kinds[0].Name)

		for who, path := range map[string]string{"wlj": "/account.xlsx", "admin": "/account.xlsx?department=wlj", "city": "/account.xlsx"} {
			w := d.call(who, "GET", d.cycle+path, nil)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			f, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
			require.NoError(t, err)
			sheets := []string{"履职情况", "按类别", "年度职责", "督办", "逾期与免除"}
			if who == "city" {
				sheets = sheets[:2]
			}
			require.Equal(t, sheets, f.GetSheetList(), who)
			if who == "city" {
				rows, err := f.GetRows("履职情况")
				require.NoError(t, err)
				require.Equal(t, "合计", rows[len(rows)-1][0])
				require.Len(t, rows, 2+len(all.Items)+1)
				continue
			}
			rows, err := f.GetRows("年度职责")
			require.NoError(t, err)
			require.Len(t, rows, 1+len(one.Duties))
			require.True(t, strings.Contains(fmt.Sprint(rows), models.SafeCell(text)), "nothing that was typed is a formula")
		}
		problemOf(t, d.call("wlj", "GET", d.cycle+"/account.xlsx?department=hrss", nil), http.StatusForbidden, "forbidden")
		page := d.call("wlj", "GET", d.cycle+"/account.html", nil)
		require.Equal(t, http.StatusOK, page.Code)
		require.Contains(t, page.Body.String(), "石景山区2026年度履职情况（区文化和旅游局）")
		require.Contains(t, page.Body.String(), "&lt;script&gt;")
		require.NotContains(t, page.Body.String(), "<script>")
		require.NotContains(t, page.Body.String(), "区人力资源社会保障局")
		page = d.call("admin", "GET", d.cycle+"/account.html", nil)
		require.Contains(t, page.Body.String(), "石景山区2026年度各部门履职情况")
		require.Contains(t, page.Body.String(), "区人力资源社会保障局")
		problemOf(t, d.call("wlj", "GET", d.cycle+"/account.html?department=hrss", nil), http.StatusForbidden, "forbidden")
	})
}

func TestTheDutiesStandOnThePageOfTheStandards(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		newDutyDistrict(t, s)
		version, err := s.PolicyInForce(context.Background(), "110107", 2026)
		require.NoError(t, err)
		view := viewStandards(version)
		require.Len(t, view.Duties, len(version.DepartmentDuties))
		var page bytes.Buffer
		require.NoError(t, standardsTemplate.Execute(&page, view))
		require.Contains(t, page.String(), "区私营个体经济协会（区私营个体经济协会）")
		require.Contains(t, page.String(), "每年4次：9月30日、12月31日、次年3月31日、次年5月25日（待确认）")
	})
}
