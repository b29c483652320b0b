package api

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// chamber is a district in its comparison: four recommended households for two places, and an engine that decides as the process does.
type chamber struct {
	*Server
	db     *store.Store
	tokens map[models.Role]string
	today  calendar.Date
	sql    *sql.DB
}

const chamberAt = "/api/v1/cycles/110107-2026/selection"

func newChamber(t *testing.T) *chamber {
	t.Helper()
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	c := &chamber{db: s, Server: newTestServer(s), today: calendar.MustDate("2026-10-26")}
	c.tokens = people(t, s)
	openCycle(t, s, "110107", 2026)
	c.sql, err = sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.sql.Close() })
	c.exec(t, `INSERT INTO handovers (cycle_id, run_id, counts, sha256, prepared_on, at) VALUES ('110107-2026', 1, '{"growth":30,"development":10}', 'x', '2026-08-15', '2026-08-15 00:00:00')`)
	for i := range 4 {
		uscc := fmt.Sprintf("92110107MA%07dX", i+1)
		c.exec(t, "INSERT INTO src_registry (district, year, uscc, name, operator, founded, status, email, phone) VALUES ('110107', 2026, ?, ?, '张三', ?, '存续', 'zhang@example.com', '13800000000')",
			uscc, fmt.Sprintf("=商行%d", i+1), fmt.Sprintf("%d-03-01", 2006+5*i))
		c.exec(t, `INSERT INTO applications (cycle_id, district, year, uscc, name, street, tier, origin, state, live, category, statement, entered_by, submitted_on, policy_id, events, created_at, updated_at)
			VALUES ('110107-2026', '110107', 2026, ?, ?, '八宝山街道', 3, 'recommended', 'qualified', 1, 'renowned', '私下的话', 'user:99', '2026-09-01', 1, 3, '2026-09-01 00:00:00', '2026-09-01 00:00:00')`,
			uscc, fmt.Sprintf("=商行%d", i+1))
	}
	require.NoError(t, s.EnterStage(ctx, "110107-2026", models.StageSelection, models.CycleRunning, c.today))
	engine := &mocks.Client{}
	engine.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		require.Equal(t, "selection/110107-2026", o.WorkflowID)
		require.Equal(t, workflows.UpdateConfirm, o.UpdateName)
		d := o.Args[0].(models.SelectionDecision)
		require.Equal(t, d.CommandID, o.UpdateID, "the engine knows the same command by the same number")
		decided, board, err := s.ConfirmSelection(ctx, d, c.today, func() {})
		h := &mocks.WorkflowUpdateHandle{}
		h.On("Get", mock.Anything, mock.Anything).Return(func(_ context.Context, out any) error {
			*out.(*workflows.SelectionAnswer) = workflows.SelectionAnswer{Decided: decided, Left: board.Left, Free: board.Free}
			return err
		})
		return h, nil
	})
	c.Temporal = engine
	return c
}

func (c *chamber) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := c.sql.Exec(statement, args...)
	require.NoError(t, err, statement)
}

func (c *chamber) rank(t *testing.T) {
	t.Helper()
	_, err := c.db.FreezePlaces(context.Background(), "110107-2026", c.today)
	require.NoError(t, err)
	_, err = c.db.RankSelection(context.Background(), "110107-2026", c.today, func() {})
	require.NoError(t, err)
}

func TestPlacesAreShownWithTheNumbersThatTheyCameFrom(t *testing.T) { // 附三(四)
	c := newChamber(t)
	at := "/api/v1/cycles/110107-2026/places"
	problemOf(t, call(t, c.Server, c.tokens[models.RoleAuditor], "GET", at, nil), http.StatusNotFound, "not-found")
	c.rank(t)
	p := answer[PlacesView](t, call(t, c.Server, c.tokens[models.RoleAuditor], "GET", at, nil), http.StatusOK)
	require.EqualValues(t, 30, p.Growth)
	require.EqualValues(t, 10, p.Development)
	require.Equal(t, "5%", p.Share)
	require.EqualValues(t, 2, p.Gross)
	require.EqualValues(t, 2, p.Places)
	require.EqualValues(t, 2, p.Free)
	require.Equal(t, "附三(四)", p.Clause)
	require.Equal(t, c.today, p.FrozenOn)
	elsewhere := token(t, c.db, models.User{Email: "a@hd.example.com", Name: "海淀", Role: models.RoleAdmin, District: "110108"})
	problemOf(t, call(t, c.Server, elsewhere, "GET", at, nil), http.StatusNotFound, "not-found")
}

func TestAnAdministratorConfirmsTheProposalAndDepartsFromItWithAReason(t *testing.T) { // 附三(三)2
	c := newChamber(t)
	c.rank(t)
	v := answer[SelectionView](t, call(t, c.Server, c.tokens[models.RoleAdmin], "GET", chamberAt+"?limit=3", nil), http.StatusOK)
	require.EqualValues(t, 4, v.Left)
	require.Len(t, v.Items, 3)
	require.Equal(t, "3", v.Next)
	require.Equal(t, []int{1, 2, 3}, []int{v.Items[0].Place, v.Items[1].Place, v.Items[2].Place})
	require.NotEmpty(t, v.Items[0].Items)
	require.Equal(t, "知名", v.Items[0].Category)
	require.Equal(t, "部门推荐", v.Items[0].Origin)
	require.Equal(t, models.OutcomePropose, v.Items[0].Proposal)
	last := answer[SelectionView](t, call(t, c.Server, c.tokens[models.RoleAdmin], "GET", chamberAt+"?after=3", nil), http.StatusOK)
	require.Len(t, last.Items, 1)
	require.Empty(t, last.Next)

	post := func(role models.Role, body any) (int, string) {
		w := call(t, c.Server, c.tokens[role], "POST", chamberAt+"/confirmations", body)
		return w.Code, w.Body.String()
	}
	for _, role := range []models.Role{models.RoleDepartment, models.RoleCity, models.RoleAuditor, models.RoleOperator} {
		code, _ := post(role, map[string]any{"all": true})
		require.Equal(t, http.StatusForbidden, code, role)
	}
	first := v.Items[0].ApplicationID
	code, body := post(models.RoleAdmin, map[string]any{"application_ids": []int64{first}, "outcome": "wait_list"})
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "须写明理由")
	for _, bad := range []map[string]any{{}, {"all": true, "application_ids": []int64{first}}, {"all": true, "outcome": "propose"}, {"application_ids": []int64{first}, "outcome": "certify"},
		{"application_ids": []int64{first}, "outcome": "wait_list", "reason": strings.Repeat("长", 2001)}} {
		code, body = post(models.RoleAdmin, bad)
		require.Equal(t, http.StatusUnprocessableEntity, code, body)
	}
	code, body = post(models.RoleAdmin, map[string]any{"application_ids": []int64{first}, "outcome": "wait_list", "reason": "=近期经营不稳定"})
	require.Equal(t, http.StatusOK, code, body)
	require.JSONEq(t, `{"decided":1,"left":3,"free":2}`, strip(t, body))
	code, body = post(models.RoleAdmin, map[string]any{"all": true})
	require.Equal(t, http.StatusOK, code, body)
	require.JSONEq(t, `{"decided":3,"left":0,"free":0}`, strip(t, body))
	code, body = post(models.RoleAdmin, map[string]any{"application_ids": []int64{first}, "outcome": "propose", "reason": "复议"})
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "附三(四)", "no place is free, by the clause")

	csv := call(t, c.Server, c.tokens[models.RoleCity], "GET", chamberAt+".csv", nil)
	rows := table(t, csv.Body.String())
	require.Len(t, rows, 4)
	require.Equal(t, "候补", rows[0]["决定"])
	require.Equal(t, "拟认定", rows[0]["方案"])
	require.Contains(t, rows[0]["理由"], "近期经营不稳定")
	require.NotContains(t, csv.Body.String(), ",=", "no cell can be taken for a formula")
	require.Contains(t, rows[0]["得分明细"], "分")
	book, err := excelize.OpenReader(call(t, c.Server, c.tokens[models.RoleCity], "GET", chamberAt+".xlsx", nil).Body)
	require.NoError(t, err)
	defer func() { _ = book.Close() }()
	cells, err := book.GetRows("比选排名")
	require.NoError(t, err)
	require.Len(t, cells, 5)
}

func TestTheComparisonIsNotOtherDepartmentsToSee(t *testing.T) {
	c := newChamber(t)
	c.rank(t)
	require.NoError(t, c.db.SetDepartment(context.Background(), models.ActorConsole, models.Department{District: "110107", Code: models.BureauCode, Name: "区市场监管局"}))
	officer := token(t, c.db, models.User{Email: "o@scjg.example.com", Name: "甲", Role: models.RoleDepartment, District: "110107", Department: models.BureauCode})
	for _, path := range []string{chamberAt, chamberAt + ".csv", chamberAt + ".xlsx", "/api/v1/cycles/110107-2026/notice"} {
		problemOf(t, call(t, c.Server, c.tokens[models.RoleDepartment], "GET", path, nil), http.StatusForbidden, "forbidden")
		require.Equal(t, http.StatusOK, call(t, c.Server, officer, "GET", path, nil).Code, path)
		require.Equal(t, http.StatusOK, call(t, c.Server, c.tokens[models.RoleAuditor], "GET", path, nil).Code, path)
		require.Equal(t, http.StatusUnauthorized, call(t, c.Server, "", "GET", path, nil).Code, path)
	}
}

func TestAnyoneReadsTheListUnderNoticeAndNothingElse(t *testing.T) { // 三(二)
	c := newChamber(t)
	ctx := context.Background()
	problemOf(t, call(t, c.Server, "", "GET", "/public/v1/notices/110107-2026", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, c.Server, "", "GET", "/public/v1/notices/nonsense", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, c.Server, "", "GET", "/public/v1/notices", nil), http.StatusUnprocessableEntity, "invalid")
	c.rank(t)
	_, _, err := c.db.ConfirmSelection(ctx, models.SelectionDecision{CommandID: "a", CycleID: "110107-2026", All: true, Actor: "user:1"}, c.today, func() {})
	require.NoError(t, err)
	require.NoError(t, c.db.EnterStage(ctx, "110107-2026", models.StageNotice, models.CycleRunning, c.today))
	_, err = c.db.PublishNotice(ctx, "110107-2026", calendar.MustDate("2026-12-28"))
	require.NoError(t, err)

	heads := answer[Page[NoticeView]](t, call(t, c.Server, "", "GET", "/public/v1/notices?district=110107&year=2026", nil), http.StatusOK)
	require.Len(t, heads.Items, 1)
	require.EqualValues(t, 2, heads.Items[0].Households)
	require.Equal(t, calendar.MustDate("2027-01-05"), heads.Items[0].EndsOn)
	require.Equal(t, calendar.Unannounced, heads.Items[0].Note, "reckoned into a year without a calendar")
	require.Len(t, heads.Items[0].SHA256, 64)
	require.Empty(t, answer[Page[NoticeView]](t, call(t, c.Server, "", "GET", "/public/v1/notices?district=110108", nil), http.StatusOK).Items)
	require.Empty(t, answer[Page[NoticeView]](t, call(t, c.Server, "", "GET", "/public/v1/notices?district=110107&after=110107-2026.1", nil), http.StatusOK).Items)

	w := call(t, c.Server, "", "GET", "/public/v1/notices/110107-2026?limit=1", nil)
	v := answer[map[string]any](t, w, http.StatusOK)
	require.Equal(t, "石景山区", v["district"])
	require.Contains(t, v["how_to_object"], "/public/v1/notices/110107-2026/objections")
	item := v["items"].([]any)[0].(map[string]any)
	keys := make([]string, 0, len(item))
	for k := range item {
		keys = append(keys, k)
	}
	require.ElementsMatch(t, []string{"number", "name", "uscc", "tier", "category", "published_on", "ends_on"}, keys)
	for _, secret := range []string{"张三", "zhang@example.com", "13800000000", "私下的话", "user:", "application"} {
		require.NotContains(t, w.Body.String(), secret)
	}
	next := answer[PublicNoticeView](t, call(t, c.Server, "", "GET", "/public/v1/notices/110107-2026?after="+v["next"].(string), nil), http.StatusOK)
	require.Len(t, next.Items, 1)
	require.Empty(t, next.Next)
	for _, after := range []string{"x", "x.1", "0.9", "."} {
		problemOf(t, call(t, c.Server, "", "GET", "/public/v1/notices/110107-2026?after="+after, nil), http.StatusUnprocessableEntity, "invalid")
	}

	a, err := c.db.Application(ctx, 1)
	require.NoError(t, err)
	_, err = c.db.ActOnApplication(ctx, models.ApplicationCommand{CommandID: "w", ApplicationID: a.ID, Event: models.EventWithdraw, Actor: models.HouseholdActor(a.USCC)}, c.today)
	require.NoError(t, err)
	_, err = c.db.TendNotice(ctx, "110107-2026", calendar.MustDate("2026-12-30"), calendar.MustDate("2026-12-29"))
	require.NoError(t, err)
	shown := answer[PublicNoticeView](t, call(t, c.Server, "", "GET", "/public/v1/notices/110107-2026", nil), http.StatusOK)
	require.Len(t, shown.Items, 1, "who withdrew is not shown any more")
	entries := answer[Page[EntryView]](t, call(t, c.Server, c.tokens[models.RoleAuditor], "GET", "/api/v1/cycles/110107-2026/notice", nil), http.StatusOK)
	require.Len(t, entries.Items, 2)
	require.Equal(t, models.EntryWithdrawn, entries.Items[0].State)
	require.Equal(t, models.VacancyTooLate.Name(), entries.Items[0].Vacancy)
}
