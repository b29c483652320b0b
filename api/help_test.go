package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// helping is the sample district with published tiers, officers of three departments and the bureau's administrator.
type helping struct {
	*testing.T
	db                            *store.Store
	s                             *Server
	tokens                        map[models.Role]string
	hrss, bxy, tax, bureau, admin string
	growth                        []store.Result // with an address first
	survival                      []store.Result
	today                         calendar.Date
}

func newHelping(t *testing.T, db *store.Store) *helping {
	t.Helper()
	ctx := context.Background()
	h := &helping{T: t, db: db, s: newTestServer(db), tokens: people(t, db), today: calendar.DateOf(time.Now())}
	openCycle(t, db, sampletest.District, sampletest.Year)
	run := sampleRun(t, db)
	publish(t, db, "2026-07-26")
	officer := func(code, name string) string {
		require.NoError(t, db.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: code, Name: name}))
		return token(t, db, models.User{Email: code + "@bm.example.com", Name: name, Role: models.RoleDepartment, District: "110107", Department: code})
	}
	h.hrss, h.bxy, h.bureau = officer("hrss", "区人力资源社会保障局"), officer("bxy", "区银行保险产业园管理委员会"), officer("scjg", "区市场监管局")
	h.tax = h.tokens[models.RoleDepartment]
	h.admin = token(t, db, models.User{Email: "boss@example.com", Name: "管理员", Role: models.RoleAdmin, District: "110107"})
	list, err := db.ResultPage(ctx, run, store.ResultFilter{}, "", 500)
	require.NoError(t, err)
	var without []store.Result
	for _, r := range list {
		_, to, err := db.Reach(ctx, "110107", store.Debtor{Kind: models.OwnerHousehold, Owner: r.USCC})
		require.NoError(t, err)
		switch {
		case r.Effective == models.Survival:
			h.survival = append(h.survival, r)
		case r.Effective == models.Growth && len(to) > 0:
			h.growth = append(h.growth, r)
		case r.Effective == models.Growth:
			without = append(without, r)
		}
	}
	require.NotEmpty(t, h.growth)
	h.growth = append(h.growth, without...)
	return h
}

func (h *helping) measure(clause, rest string) string {
	return "/api/v1/cycles/" + sampletest.Cycle + "/measures/" + url.PathEscape(clause) + rest
}

// mails gives the subjects of what was written of a kind, by recipient.
func (h *helping) mails(kind models.MailKind) map[string][]string {
	list, err := h.db.Mails(context.Background(), store.MailFilter{District: "110107"}, 0, 1000)
	require.NoError(h, err)
	m := map[string][]string{}
	for _, l := range list {
		if l.Kind == kind {
			m[l.Recipient] = append(m[l.Recipient], l.Subject)
		}
	}
	return m
}

func TestAHouseholdAsksForHelpAndTheDepartmentPromisesAndGivesIt(t *testing.T) { // R16, 附二(二)1
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		who := h.growth[0]
		operator := operatorToken(t, db, "110107", who.USCC)
		other := operatorToken(t, db, "110107", h.growth[1].USCC)

		own := answer[OwnHousehold](t, call(t, h.s, operator, "GET", "/api/v1/me/household", nil), http.StatusOK)
		require.Len(t, own.Measures, 4)
		require.Equal(t, "经营者申请", own.Measures[0].Parts[1].HelpName)
		require.Equal(t, "全年", own.Measures[0].Parts[1].Period)

		request := map[string]any{"clause": "附二(二)1", "part": 2, "statement": "招用了两名登记失业人员，申请岗位补贴"}
		asked := answer[HelpView](t, call(t, h.s, operator, "POST", "/api/v1/me/help", request), http.StatusCreated)
		require.Equal(t, "hrss", asked.Department)
		require.Equal(t, models.HelpRequested, asked.State)
		problemOf(t, call(t, h.s, operator, "POST", "/api/v1/me/help", request), http.StatusConflict, "conflict")
		p := problemOf(t, call(t, h.s, operator, "POST", "/api/v1/me/help", map[string]any{"clause": "附二(三)2", "part": 1, "statement": "个转企"}), http.StatusConflict, "conflict")
		require.Contains(t, p.Detail, "适用于“发展型”")
		require.Equal(t, []string{"【帮扶】有经营者申请帮扶"}, h.mails(models.MailHelp)["hrss@bm.example.com"])

		path := fmt.Sprintf("/api/v1/help/%d", asked.ID)
		for _, stranger := range []string{other, h.tax} {
			problemOf(t, call(t, h.s, stranger, "GET", path, nil), http.StatusNotFound, "not-found")
			problemOf(t, call(t, h.s, stranger, "POST", path+"/deliver", map[string]any{}), http.StatusNotFound, "not-found")
		}
		problemOf(t, call(t, h.s, operator, "POST", path+"/promise", map[string]any{}), http.StatusForbidden, "forbidden")
		require.Empty(t, answer[Page[HelpView]](t, call(t, h.s, h.tax, "GET", "/api/v1/cycles/"+sampletest.Cycle+"/help", nil), http.StatusOK).Items)
		problemOf(t, call(t, h.s, h.tax, "GET", "/api/v1/cycles/"+sampletest.Cycle+"/help?department=hrss", nil), http.StatusForbidden, "forbidden")
		require.Len(t, answer[Page[HelpView]](t, call(t, h.s, h.hrss, "GET", "/api/v1/cycles/"+sampletest.Cycle+"/help?state=requested", nil), http.StatusOK).Items, 1)

		problemOf(t, call(t, h.s, h.hrss, "POST", path+"/decline", map[string]any{}), http.StatusUnprocessableEntity, "invalid")
		promised := answer[HelpView](t, call(t, h.s, h.hrss, "POST", path+"/promise", map[string]any{"on": h.today.AddDays(20).String()}), http.StatusOK)
		require.Equal(t, h.today.AddDays(20).String(), promised.Due)
		given := answer[HelpView](t, call(t, h.s, h.hrss, "POST", path+"/deliver", map[string]any{"reason": "补贴已拨付"}), http.StatusOK)
		require.Equal(t, models.HelpDelivered, given.State)
		_, to, err := db.Reach(context.Background(), "110107", store.Debtor{Kind: models.OwnerHousehold, Owner: who.USCC})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"【帮扶】帮扶已承诺", "【帮扶】帮扶已兑现"}, h.mails(models.MailHelp)[to[0]])

		detail := answer[HelpDetail](t, call(t, h.s, operator, "GET", path, nil), http.StatusOK)
		require.Equal(t, "招用了两名登记失业人员，申请岗位补贴", detail.Request)
		require.Len(t, detail.Steps, 3)
		require.Equal(t, models.Actor("department"), detail.Steps[2].By, "an operator is not told the officer's account")
		require.Equal(t, "补贴已拨付", detail.Steps[2].Reason)
		own = answer[OwnHousehold](t, call(t, h.s, operator, "GET", "/api/v1/me/household", nil), http.StatusOK)
		require.Len(t, own.Help, 1)

		year := answer[HouseholdMeasures](t, call(t, h.s, operator, "GET", "/api/v1/households/"+who.USCC+"/measures/2026", nil), http.StatusOK)
		require.Len(t, year.Measures, 4)
		require.Len(t, year.Help, 1)
		problemOf(t, call(t, h.s, other, "GET", "/api/v1/households/"+who.USCC+"/measures/2026", nil), http.StatusNotFound, "not-found")
		foreign := answer[HouseholdMeasures](t, call(t, h.s, h.bxy, "GET", "/api/v1/households/"+who.USCC+"/measures/2026", nil), http.StatusOK)
		require.Len(t, foreign.Measures, 1, "a department sees only its own measures")
		require.Empty(t, foreign.Help)
	})
}

func TestADepartmentSeesWhomItServesAndTheBureauWhatIsNotDelivered(t *testing.T) { // R16
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		cycle := "/api/v1/cycles/" + sampletest.Cycle
		promise := map[string]any{"uscc": h.growth[0].USCC, "clause": "附二(二)2", "part": 1, "event": "promise", "on": h.today.String()}
		problemOf(t, call(t, h.s, h.tax, "POST", cycle+"/help", promise), http.StatusForbidden, "forbidden")
		problemOf(t, call(t, h.s, h.tokens[models.RoleOperator], "POST", cycle+"/help", promise), http.StatusForbidden, "forbidden")
		answer[HelpView](t, call(t, h.s, h.hrss, "POST", cycle+"/help", promise), http.StatusOK)

		all := answer[Page[MeasureView]](t, call(t, h.s, h.bureau, "GET", cycle+"/measures", nil), http.StatusOK).Items
		require.Len(t, all, 40)
		mine := answer[Page[MeasureView]](t, call(t, h.s, h.hrss, "GET", cycle+"/measures", nil), http.StatusOK).Items
		require.Less(t, len(mine), len(all))
		for _, v := range append(all, mine...) {
			if v.Clause != "附二(二)2" {
				require.Zero(t, v.Promised)
				continue
			}
			require.Equal(t, []DepartmentName{{"hrss", "区人力资源社会保障局"}}, v.Responsible)
			require.Equal(t, len(h.growth), v.Eligible)
			require.Equal(t, 1, v.Promised)
			require.Zero(t, v.Overdue, "due today")
		}

		problemOf(t, call(t, h.s, h.tax, "GET", h.measure("附二(二)2", "/households"), nil), http.StatusForbidden, "forbidden")
		page := answer[Page[MeasureHousehold]](t, call(t, h.s, h.hrss, "GET", h.measure("附二(二)2", "/households?limit=1000"), nil), http.StatusOK)
		require.Len(t, page.Items, len(h.growth))
		first := answer[Page[MeasureHousehold]](t, call(t, h.s, h.hrss, "GET", h.measure("附二(二)2", "/households?limit=1"), nil), http.StatusOK)
		require.Equal(t, page.Items[0].USCC, first.Next)
		for _, v := range page.Items {
			require.Equal(t, models.Growth, v.Tier)
			require.Equal(t, v.USCC == h.growth[0].USCC, len(v.Help) == 1)
		}
		unserved := answer[Page[MeasureHousehold]](t, call(t, h.s, h.hrss, "GET", h.measure("附二(二)2", "/households?served=no&limit=1000"), nil), http.StatusOK)
		require.Len(t, unserved.Items, len(h.growth), "a promise is not help")
		problemOf(t, call(t, h.s, h.hrss, "GET", h.measure("附二(二)7", "/households"), nil), http.StatusNotFound, "not-found")

		w := call(t, h.s, h.hrss, "GET", h.measure("附二(二)2", "/households.xlsx"), nil)
		require.Equal(t, http.StatusOK, w.Code)
		book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
		require.NoError(t, err)
		rows, err := book.GetRows("适用户")
		require.NoError(t, err)
		require.Len(t, rows, len(h.growth)+1)
		require.Equal(t, http.StatusOK, call(t, h.s, h.bureau, "GET", cycle+"/help.csv", nil).Code)
	})
}

func TestTheBureauNamesWhoACollectiveNameIs(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		body := map[string]any{"part": 1, "departments": []string{"tax", "hrss"}, "reason": "按职责分工"}
		problemOf(t, call(t, h.s, h.bureau, "PUT", h.measure("附二(三)1", "/departments"), body), http.StatusForbidden, "forbidden")
		named := answer[Page[DepartmentName]](t, call(t, h.s, h.admin, "PUT", h.measure("附二(三)1", "/departments"), body), http.StatusOK)
		require.Equal(t, []DepartmentName{{"tax", "区税务局"}, {"hrss", "区人力资源社会保障局"}}, named.Items)
		require.Equal(t, http.StatusOK, call(t, h.s, h.tax, "GET", h.measure("附二(三)1", "/households"), nil).Code)
		p := problemOf(t, call(t, h.s, h.admin, "PUT", h.measure("附二(二)2", "/departments"), body), http.StatusConflict, "conflict")
		require.Contains(t, p.Detail, "由工作方案写明")
		entries, err := db.AuditPage(context.Background(), "measure/110107", 0, 10)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})
}

// helpFile is a workbook of help given.
func helpFile(t *testing.T, rows ...[]string) []byte {
	t.Helper()
	var b bytes.Buffer
	x, err := files.NewXLSXWriter(&b, "帮扶记录")
	require.NoError(t, err)
	require.NoError(t, x.Row("统一社会信用代码", "条款", "项目序号", "日期", "说明"))
	for _, r := range rows {
		require.NoError(t, x.Row(r...))
	}
	require.NoError(t, x.Close())
	return b.Bytes()
}

func TestATableOfHelpAnswersEveryBadRowAndTakesTheGoodOnes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		path := "/api/v1/cycles/" + sampletest.Cycle + "/help/file"
		on := h.today.String()
		file := helpFile(t, []string{h.growth[0].USCC, "附二(二)2", "", on, "上门宣讲"}, []string{h.growth[1].USCC, "附二(二)2", "1", on, ""},
			[]string{"92110107MA0000000X", "附二(二)2", "", on, ""}, []string{h.growth[0].USCC, "附二(二)2", "", "昨天", ""}, []string{h.survival[0].USCC, "附二(二)2", "", on, ""},
			[]string{h.growth[0].USCC, "", "", on, ""})
		got := answer[HelpFileAnswer](t, uploaded(t, h.s, h.hrss, path, "帮扶.xlsx", file), http.StatusOK)
		require.Equal(t, [4]int{6, 2, 0, 4}, [4]int{got.Rows, got.Recorded, got.Unchanged, got.Refused})
		rows := map[int]HelpFileProblem{}
		for _, p := range got.Problems {
			rows[p.Row] = p
			require.Regexp(t, `\p{Han}`, p.Reason)
		}
		require.Equal(t, "统一社会信用代码", rows[4].Column)
		require.Equal(t, "日期", rows[5].Column)
		require.Equal(t, "条款", rows[6].Column)
		require.Equal(t, HelpFileProblem{7, "条款", "必填，不能为空"}, rows[7])
		again := answer[HelpFileAnswer](t, uploaded(t, h.s, h.hrss, path, "帮扶.xlsx", file), http.StatusOK)
		require.Equal(t, [4]int{6, 0, 2, 4}, [4]int{again.Rows, again.Recorded, again.Unchanged, again.Refused}, "the same file twice changes nothing")
		other := answer[HelpFileAnswer](t, uploaded(t, h.s, h.tax, path, "帮扶.xlsx", file), http.StatusOK)
		require.Zero(t, other.Recorded, "not another department's")
		problemOf(t, uploaded(t, h.s, h.tax, path+"?department=hrss", "帮扶.xlsx", file), http.StatusForbidden, "forbidden")
		require.Contains(t, problemOf(t, uploaded(t, h.s, h.hrss, path, "x.pdf", []byte("%PDF-1.4")), http.StatusUnprocessableEntity, "invalid").Detail, "PDF")
		require.Contains(t, problemOf(t, uploaded(t, h.s, h.hrss, path, "x.csv", []byte("户名,条款\n甲,乙\n")), http.StatusUnprocessableEntity, "invalid").Detail, "缺少必需的列")
		many := "统一社会信用代码,条款,日期\n" + strings.Repeat(h.growth[0].USCC+",附二(二)2,"+on+"\n", models.MaxHelpRows+1)
		require.Contains(t, problemOf(t, uploaded(t, h.s, h.hrss, path, "x.csv", []byte(many)), http.StatusUnprocessableEntity, "invalid").Detail, "一次最多5000行")
		require.Len(t, h.mails(models.MailHelp), 1+b2i(h.hasAddress(h.growth[1])), "who was helped is told, so that what is not so is noticed")
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (h *helping) hasAddress(r store.Result) bool {
	_, to, err := h.db.Reach(context.Background(), "110107", store.Debtor{Kind: models.OwnerHousehold, Owner: r.USCC})
	require.NoError(h, err)
	return len(to) > 0
}

func TestADepartmentOffersHelpToEveryHouseholdThatItFits(t *testing.T) { // R22, 附二(二)3 对接会
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		path := "/api/v1/cycles/" + sampletest.Cycle + "/help-notices"
		notice := map[string]any{"kind": "matching", "clause": "附二(二)3", "part": 2, "subject": "政银个对接会", "text": "欢迎参加。\n请带营业执照。", "event_on": h.today.AddDays(7).String()}
		problemOf(t, call(t, h.s, h.bxy, "POST", path, notice), http.StatusServiceUnavailable, "unavailable")
		engine := &mocks.Client{}
		var started []string
		engine.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
			func(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
				started = append(started, o.ID)
				require.NotContains(t, fmt.Sprint(args...), "对接会", "no text goes through the engine")
				return &mocks.WorkflowRun{}, nil
			})
		engine.On("SignalWithStartWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, nil).Maybe()
		s := New(db, engine, h.s.Options)
		problemOf(t, call(t, s, h.tax, "POST", path, notice), http.StatusForbidden, "forbidden")
		own := map[string]any{"kind": "own", "subject": "您可以享受的帮扶", "text": "各项帮扶如下。"}
		problemOf(t, call(t, s, h.bxy, "POST", path, own), http.StatusForbidden, "forbidden")
		n := answer[HelpNoticeView](t, call(t, s, h.bxy, "POST", path, notice), http.StatusAccepted)
		require.Equal(t, []string{workflows.HelpNoticeWorkflowID(n.ID)}, started)
		require.Empty(t, n.DoneAt)

		a := &activities.HelpNotices{Store: db, Letters: &activities.Letters{Store: db, PublicURL: "https://bangfu.example.com"}}
		perform(t, a, a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: n.ID})
		perform(t, a, a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: n.ID})
		one := fmt.Sprintf("/api/v1/help-notices/%d", n.ID)
		n = answer[HelpNoticeView](t, call(t, s, h.bxy, "GET", one, nil), http.StatusOK)
		require.Equal(t, len(h.growth), n.Households)
		require.Equal(t, n.Households, n.Mailed+n.Unreachable)
		require.NotEmpty(t, n.DoneAt)
		total := 0
		for _, subjects := range h.mails(models.MailHelpNotice) {
			require.Contains(t, subjects, "【帮扶】政银个对接会")
			total += len(subjects)
		}
		require.Equal(t, n.Mailed, total, "each household once")
		problemOf(t, call(t, s, h.tax, "GET", one, nil), http.StatusNotFound, "not-found")
		left := answer[Page[NoticedHouseholdView]](t, call(t, s, h.bureau, "GET", one+"/households?outcome=unreachable&limit=1000", nil), http.StatusOK)
		require.Len(t, left.Items, n.Unreachable)
		require.Equal(t, http.StatusOK, call(t, s, h.bxy, "GET", one+"/households.xlsx?outcome=unreachable", nil).Code)

		n = answer[HelpNoticeView](t, call(t, s, h.bureau, "POST", path, own), http.StatusAccepted)
		perform(t, a, a.SendHelpNotice, activities.SendHelpNoticeInput{NoticeID: n.ID})
		n = answer[HelpNoticeView](t, call(t, s, h.bureau, "GET", fmt.Sprintf("/api/v1/help-notices/%d", n.ID), nil), http.StatusOK)
		require.Greater(t, n.Households, len(h.growth)+len(h.survival)-1)
		require.Len(t, answer[Page[HelpNoticeView]](t, call(t, s, h.bureau, "GET", path, nil), http.StatusOK).Items, 2)
		require.Len(t, answer[Page[HelpNoticeView]](t, call(t, s, h.bxy, "GET", path, nil), http.StatusOK).Items, 1)
	})
}

func TestTheListForTheBanksGoesThroughItsDepartmentAndEveryHandOverIsOnRecord(t *testing.T) { // 附二(二)3
	storetest.Run(t, func(t *testing.T, db *store.Store) {
		h := newHelping(t, db)
		path := "/api/v1/cycles/" + sampletest.Cycle + "/bank-list"
		bank := map[string]any{"bank": "某银行石景山支行"}
		for _, stranger := range []string{h.tax, h.hrss} {
			problemOf(t, call(t, h.s, stranger, "POST", path, bank), http.StatusForbidden, "forbidden")
			problemOf(t, call(t, h.s, stranger, "GET", path, nil), http.StatusForbidden, "forbidden")
		}
		require.Contains(t, problemOf(t, call(t, h.s, h.bxy, "POST", path, bank), http.StatusConflict, "conflict").Detail, "无人同意")

		operator := operatorToken(t, db, "110107", h.growth[0].USCC)
		c := answer[ConsentView](t, call(t, h.s, operator, "POST", "/api/v1/me/consents", map[string]any{"scope": "bank_list"}), http.StatusOK)
		require.True(t, c.Counts)
		paper := answer[ConsentView](t, call(t, h.s, h.bxy, "POST", "/api/v1/households/"+h.growth[1].USCC+"/consents", map[string]any{"scope": "bank_list", "contact": true}), http.StatusCreated)
		require.False(t, paper.Counts, "before its paper is on record")
		documents := fmt.Sprintf("/api/v1/consents/%d/documents", paper.ID)
		problemOf(t, uploaded(t, h.s, h.bureau, documents, "同意书.png", picture(t)), http.StatusForbidden, "forbidden")
		kept := answer[DocumentView](t, uploaded(t, h.s, h.bxy, documents, "同意书.png", picture(t)), http.StatusCreated)
		problemOf(t, call(t, h.s, h.bxy, "DELETE", kept.URL, nil), http.StatusConflict, "conflict")

		w := call(t, h.s, h.bxy, "POST", path, bank)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
		require.NoError(t, err)
		rows, err := book.GetRows("成长型名单")
		require.NoError(t, err)
		require.Len(t, rows, 3)
		for _, r := range rows[1:] {
			if r[0] == h.growth[0].USCC {
				require.LessOrEqual(t, len(strings.Join(r[min(4, len(r)):], "")), 0, "no contact without a consent to that")
			}
		}
		state := answer[BankListState](t, call(t, h.s, h.bureau, "GET", path, nil), http.StatusOK)
		require.True(t, state.ConsentRequired)
		require.Equal(t, [2]int{len(h.growth), 2}, [2]int{state.Growth, state.Consented})
		require.Len(t, state.Items, 1)
		require.Regexp(t, "^[0-9a-f]{64}$", state.Items[0].SHA256)

		mine := answer[OwnConsents](t, call(t, h.s, operator, "GET", "/api/v1/me/consents", nil), http.StatusOK)
		require.Equal(t, "某银行石景山支行", mine.Banks[0].Bank, "the household sees to whom it was named")
		for token, want := range map[string][2]int{h.tax: {0, 0}, h.bxy: {1, 0}, h.bureau: {1, 1}} { // who entered it sees the consent, the bureau everything
			seen := answer[OwnConsents](t, call(t, h.s, token, "GET", "/api/v1/households/"+h.growth[1].USCC+"/consents", nil), http.StatusOK)
			require.Equal(t, want, [2]int{len(seen.Items), len(seen.Banks)})
		}
		require.Equal(t, http.StatusNoContent, call(t, h.s, operator, "DELETE", "/api/v1/me/consents/bank_list", nil).Code)
		problemOf(t, call(t, h.s, operator, "DELETE", "/api/v1/me/consents/bank_list", nil), http.StatusNotFound, "not-found")
		state = answer[BankListState](t, call(t, h.s, h.bxy, "GET", path, nil), http.StatusOK)
		require.Equal(t, 1, state.Consented)
		require.Equal(t, http.StatusNoContent, call(t, h.s, h.bxy, "DELETE", "/api/v1/households/"+h.growth[1].USCC+"/consents/bank_list", nil).Code)
	})
}
