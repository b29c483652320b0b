package api

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"bangfu/activities"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// hall is a district in which objections are made: people, a published result, an engine that does what the objection's process does.
type hall struct {
	*Server
	db       *store.Store
	tokens   map[string]string // by what the holder is
	uscc     string            // of the operator, whose household is struck from the register by a mistake in the data
	today    calendar.Date
	messages []string // everything that was given to the engine
	away     bool     // the engine cannot be reached
}

func newHall(t *testing.T, s *store.Store) *hall {
	t.Helper()
	h := &hall{db: s, today: calendar.DateOf(time.Now()), tokens: map[string]string{}}
	roles := people(t, s)
	for _, d := range []models.Department{{District: "110107", Code: models.BureauCode, Name: "区市场监管局"}, {District: "110107", Code: "hrss", Name: "区人力社保局"},
		{District: "110108", Code: models.BureauCode, Name: "海淀区市场监管局"}} {
		require.NoError(t, s.SetDepartment(context.Background(), models.ActorConsole, d))
	}
	for _, u := range []models.User{
		{Email: "a@scjg.example.com", Name: "甲", Role: models.RoleDepartment, District: "110107", Department: models.BureauCode},
		{Email: "b@scjg.example.com", Name: "乙", Role: models.RoleDepartment, District: "110107", Department: models.BureauCode},
		{Email: "auditor@sjs.example.com", Name: "丙", Role: models.RoleAuditor, District: "110107"},
		{Email: "hrss@sjs.example.com", Name: "丁", Role: models.RoleDepartment, District: "110107", Department: "hrss"},
		{Email: "other@hd.example.com", Name: "戊", Role: models.RoleDepartment, District: "110108", Department: models.BureauCode},
	} {
		h.tokens[u.Email[:strings.Index(u.Email, "@")]] = token(t, s, u)
	}
	for role, secret := range roles {
		h.tokens["role "+string(role)] = secret
	}
	openCycle(t, s, "110107", 2026)
	sampletest.Deliver(t, s, models.SourceRegistry, models.SourceAnnualReport, models.SourceCredit, models.SourceTax, models.SourceSocialSecurity, models.SourceIP)
	for code, tier := range sampletest.Expected(t) {
		if tier == models.Growth && (h.uscc == "" || code < h.uscc) {
			h.uscc = code
		}
	}
	sampletest.Judge(t, s)
	publish(t, s, h.today.String())
	h.tokens["operator"] = operatorToken(t, s, "110107", h.uscc)
	h.Server = newTestServer(s)
	h.Temporal = h.engine(t)
	return h
}

// engine answers as the process of an objection does.
func (h *hall) engine(t *testing.T) client.Client {
	t.Helper()
	engine := &mocks.Client{}
	engine.On("NewWithStartWorkflowOperation", mock.Anything, mock.Anything, mock.Anything).Return(func(o client.StartWorkflowOptions, _ any, args ...any) client.WithStartWorkflowOperation {
		h.note(t, o.ID, o.StaticSummary, args)
		return nil
	})
	engine.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		h.note(t, o.UpdateOptions.UpdateID, o.UpdateOptions.Args)
		if h.away {
			return nil, fmt.Errorf("no engine")
		}
		var err error
		if o.UpdateOptions.UpdateName == workflows.UpdateObjectionAct {
			_, err = h.db.ActOnObjection(ctx, o.UpdateOptions.Args[0].(models.ObjectionCommand), h.today)
		}
		handle := &mocks.WorkflowUpdateHandle{}
		handle.On("Get", mock.Anything, mock.Anything).Return(err)
		return handle, nil
	})
	return engine
}

func (h *hall) note(t *testing.T, what ...any) {
	t.Helper()
	b, err := json.Marshal(what)
	require.NoError(t, err)
	h.messages = append(h.messages, string(b))
}

func (h *hall) post(t *testing.T, who, path string, body any, status int) ObjectionDetail {
	t.Helper()
	w := call(t, h.Server, h.tokens[who], "POST", path, body)
	require.Equal(t, status, w.Code, "%s %s: %s", who, path, w.Body)
	var d ObjectionDetail
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &d))
	return d
}

const grievance = "本户登记状态有误，请核实后重新判定。"

var verdict = map[string]any{"reason": "经核实，登记数据有误，已更正", "clause": "附一(三)1", "outcome": "upheld"}

func TestAnOperatorObjectsAndTheBureauAndTheDepartmentDealWithIt(t *testing.T) { // 附一(二)3
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := newHall(t, s)
		receipt := h.post(t, "operator", "/api/v1/me/objections", map[string]any{"kind": "tier", "statement": grievance}, http.StatusCreated)
		require.Equal(t, fmt.Sprintf("异110107-2026-%d", receipt.ID), receipt.Number)
		one := fmt.Sprintf("/api/v1/objections/%d", receipt.ID)
		h.post(t, "operator", "/api/v1/me/objections", map[string]any{"kind": "tier", "statement": grievance}, http.StatusConflict)

		for _, who := range []string{"role department", "hrss", "other"} {
			require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, call(t, h.Server, h.tokens[who], "POST", one+"/accept", nil).Code, who)
		}
		for _, who := range []string{"operator", "role auditor", "role city", ""} {
			require.Contains(t, []int{http.StatusForbidden, http.StatusUnauthorized}, call(t, h.Server, h.tokens[who], "POST", one+"/accept", nil).Code, who)
		}
		seen := h.post(t, "a", one+"/accept", nil, http.StatusOK)
		require.Equal(t, "accepted", seen.State)
		require.NotEmpty(t, seen.SettleDue)
		require.Equal(t, models.Growth, seen.Judged, "the officer sees what the present data say")
		h.post(t, "a", one+"/settle", verdict, http.StatusConflict)

		require.Equal(t, http.StatusNotFound, call(t, h.Server, h.tokens["role department"], "GET", one, nil).Code, "it was not put to the tax office yet")
		h.post(t, "a", one+"/ask", map[string]any{"department": "tax"}, http.StatusOK)
		require.Equal(t, http.StatusNotFound, call(t, h.Server, h.tokens["hrss"], "GET", one, nil).Code)
		list := answer[Page[ObjectionView]](t, call(t, h.Server, h.tokens["role department"], "GET", "/api/v1/objections?open=true", nil), http.StatusOK)
		require.Len(t, list.Items, 1)
		require.Empty(t, answer[Page[ObjectionView]](t, call(t, h.Server, h.tokens["hrss"], "GET", "/api/v1/objections", nil), http.StatusOK).Items)
		require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, call(t, h.Server, h.tokens["hrss"], "POST", one+"/answer", map[string]any{"text": "无误"}).Code)
		h.post(t, "a", one+"/answer", map[string]any{"text": "无误"}, http.StatusForbidden)
		h.post(t, "role department", one+"/answer", map[string]any{"text": "经核实，数据有误"}, http.StatusOK)

		own := answer[ObjectionDetail](t, call(t, h.Server, h.tokens["operator"], "GET", fmt.Sprintf("/api/v1/me/objections/%d", receipt.ID), nil), http.StatusOK)
		require.Empty(t, own.Answer, "the answer is part of the reply")
		require.Empty(t, own.Steps[1].By)
		require.Empty(t, own.Candidates)

		settled := h.post(t, "b", one+"/settle", map[string]any{"reason": "经核实，登记数据有误，已更正", "clause": "附一(三)1", "outcome": "upheld", "tier": "development"}, http.StatusOK)
		require.Equal(t, "upheld", settled.Outcome)
		require.Equal(t, models.Development, settled.TierAfter)
		public := answer[Page[models.PublicHousehold]](t, call(t, h.Server, "", "GET", "/public/v1/households?q="+h.uscc, nil), http.StatusOK)
		require.Equal(t, models.Development, public.Items[0].Tier)
		own = answer[ObjectionDetail](t, call(t, h.Server, h.tokens["operator"], "GET", fmt.Sprintf("/api/v1/me/objections/%d", receipt.ID), nil), http.StatusOK)
		require.Equal(t, "经核实，数据有误", own.Answer)
		require.Equal(t, "附一(三)1", own.Clause)
		require.Equal(t, http.StatusNotFound, call(t, h.Server, h.tokens["role operator"], "GET", fmt.Sprintf("/api/v1/me/objections/%d", receipt.ID), nil).Code, "another household's")
		for _, m := range h.messages {
			require.NotContains(t, m, grievance, "the engine holds no words")
			require.NotContains(t, m, "数据有误")
		}
	})
}

func TestARepeatedRequestAboutAnObjectionIsAnsweredAlike(t *testing.T) {
	h := newHall(t, open(t))
	receipt := h.post(t, "operator", "/api/v1/me/objections", map[string]any{"kind": "tier", "statement": grievance}, http.StatusCreated)
	withdraw := func(key string) int {
		return sendKeyed(t, h.Server, h.tokens["operator"], fmt.Sprintf("/api/v1/me/objections/%d/withdraw", receipt.ID), key)
	}
	require.Equal(t, http.StatusOK, withdraw("k1"))
	before := len(h.messages)
	require.Equal(t, http.StatusOK, withdraw("k1"))
	require.Equal(t, http.StatusConflict, withdraw("k2"))
	require.Len(t, h.messages, before, "an ended objection starts no process")
}

func TestAnObjectionIsReceivedAlsoWhileTheEngineIsAway(t *testing.T) {
	h := newHall(t, open(t))
	h.away = true
	receipt := h.post(t, "operator", "/api/v1/me/objections", map[string]any{"kind": "tier", "statement": grievance}, http.StatusCreated)
	require.NotEmpty(t, receipt.Number)
	h.away = false
	require.Equal(t, "accepted", h.post(t, "a", fmt.Sprintf("/api/v1/objections/%d/accept", receipt.ID), nil, http.StatusOK).State)
}

func TestWhoObjectsToANoticeIsKnownToTheBureauAlone(t *testing.T) { // 三(二)
	ctx, dsn := context.Background(), storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	h := newHall(t, s)
	application := listed(t, h, dsn)
	const name, contact = "赵实名", "zhao-shiming@example.com"
	public := "/public/v1/notices/" + sampletest.Cycle + "/objections"
	body := map[string]any{"uscc": h.uscc, "name": name, "contact": contact, "statement": "该户曾受行政处罚，公示内容与事实不符。"}
	receipt := h.post(t, "", public, body, http.StatusCreated)
	one := fmt.Sprintf("/api/v1/objections/%d", receipt.ID)
	for _, missing := range []string{"name", "contact", "statement", "uscc"} {
		less := map[string]any{}
		for k, v := range body {
			if k != missing {
				less[k] = v
			}
		}
		h.post(t, "", public, less, http.StatusUnprocessableEntity)
	}
	h.post(t, "a", one+"/accept", nil, http.StatusOK)
	h.post(t, "a", one+"/ask", map[string]any{"department": "tax"}, http.StatusOK)
	a := &activities.Letters{Store: s}
	perform(t, a, a.TellObjection, activities.TellObjectionInput{ObjectionID: receipt.ID})
	mails, err := s.Mails(ctx, store.MailFilter{Recipient: contact}, 0, 10)
	require.NoError(t, err)
	require.Len(t, mails, 2, "receipt and acceptance reach the objector")
	h.Temporal, h.limits = nil, limits{} // from here on it is only read, at every door
	ids := []string{fmt.Sprint(receipt.ID), fmt.Sprint(application), fmt.Sprint(mails[0].ID), sampletest.Cycle, h.uscc, "tier", "110107"}

	seen := answer[ObjectionDetail](t, call(t, h.Server, h.tokens["b"], "GET", one, nil), http.StatusOK)
	require.Equal(t, &ObjectorView{Name: name, Contact: contact}, seen.Objector)
	require.Contains(t, call(t, h.Server, h.tokens["role admin"], "GET", fmt.Sprintf("/api/v1/mails/%d", mails[0].ID), nil).Body.String(), contact)

	for _, who := range []string{"", "operator", "role operator", "role department", "hrss", "role auditor", "auditor", "role city", "other"} {
		for key := range h.routes {
			if key.method != http.MethodGet {
				continue
			}
			for _, id := range ids {
				path := fill(key.path, id)
				w := call(t, h.Server, h.tokens[who], "GET", path, nil)
				require.NotContains(t, w.Body.String(), name, "%s sees %s", who, path)
				require.NotContains(t, w.Body.String(), contact, "%s sees %s", who, path)
				if !strings.Contains(key.path, ":") {
					break
				}
			}
		}
	}
	require.Empty(t, answer[Page[MailView]](t, call(t, h.Server, h.tokens["role auditor"], "GET", "/api/v1/mails?recipient="+contact, nil), http.StatusOK).Items,
		"nor by guessing the address")
	require.Empty(t, answer[Page[ObjectionView]](t, call(t, h.Server, h.tokens["operator"], "GET", "/api/v1/me/objections", nil), http.StatusOK).Items,
		"the household concerned does not hear of it")
	require.Equal(t, http.StatusNotFound, call(t, h.Server, h.tokens["operator"], "GET", fmt.Sprintf("/api/v1/me/objections/%d", receipt.ID), nil).Code)
	for _, m := range h.messages {
		require.NotContains(t, m, name)
		require.NotContains(t, m, contact)
	}
	page, err := s.AuditPage(ctx, "", 0, 10_000)
	require.NoError(t, err)
	for _, e := range page {
		require.NotContains(t, e.Detail+string(e.Actor), name)
		require.NotContains(t, e.Detail+string(e.Actor), contact)
	}
}

// fill puts one value in every place of a path.
func fill(path, value string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if p != "" && (p[0] == ':' || p[0] == '*') {
			parts[i] = value
		}
	}
	return strings.Join(parts, "/")
}

// listed puts the operator's household on a list under notice, and gives its application. dsn is the database's address: what the season
// brings about over months is written as rows.
func listed(t *testing.T, h *hall, dsn string) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite://"))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	day, at := h.today.String(), time.Now().UTC()
	for _, statement := range []string{
		`UPDATE cycles SET stage = 'notice' WHERE id = '110107-2026'`,
		`INSERT INTO applications (id, cycle_id, district, year, uscc, name, tier, origin, state, live, statement, entered_by, policy_id, events, process_events, created_at, updated_at)
			VALUES (77, '110107-2026', '110107', 2026, '` + h.uscc + `', '测试户', 3, 'own', 'proposed', 1, '', 'household:` + h.uscc + `', 1, 1, 1, '` + at.Format("2006-01-02 15:04:05") + `', '` + at.Format("2006-01-02 15:04:05") + `')`,
		`INSERT INTO notices (cycle_id, number, published_on, working_days, ends_on, announced, sha256, at) VALUES ('110107-2026', 1, '` + day + `', 5, '` + h.today.AddDays(7).String() + `', 1, '', '` + at.Format("2006-01-02 15:04:05") + `')`,
		`INSERT INTO notice_entries (cycle_id, number, application_id, uscc, name, tier, category, state) VALUES ('110107-2026', 1, 77, '` + h.uscc + `', '测试户', 3, 'quality', 'listed')`,
	} {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
	return 77
}

// sendKeyed makes one request with an Idempotency-Key and gives its status.
func sendKeyed(t *testing.T, s *Server, token, path, key string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), "POST", path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code
}

func TestAnotherRequestUnderTheSameKeyIsRefusedAndNeverAnsweredAsDone(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		h := newHall(t, s)
		receipt := h.post(t, "operator", "/api/v1/me/objections", map[string]any{"kind": "tier", "statement": grievance}, http.StatusCreated)
		one := fmt.Sprintf("/api/v1/objections/%d", receipt.ID)
		answer[ObjectionDetail](t, keyedWith(t, h.Server, h.tokens["a"], one+"/accept", "k", nil), http.StatusOK)
		answer[ObjectionDetail](t, keyedWith(t, h.Server, h.tokens["a"], one+"/accept", "k", nil), http.StatusOK)
		problemOf(t, keyedWith(t, h.Server, h.tokens["a"], one+"/ask", "k", map[string]any{"department": "tax"}), http.StatusConflict, "conflict")
		answer[ObjectionDetail](t, keyedWith(t, h.Server, h.tokens["a"], one+"/ask", "k2", map[string]any{"department": "tax"}), http.StatusOK)
		problemOf(t, keyedWith(t, h.Server, h.tokens["a"], one+"/ask", "k2", map[string]any{"department": "hrss"}), http.StatusConflict, "conflict")
	})
}
