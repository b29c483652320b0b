package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// startOperation carries what an application's process is started with.
type startOperation struct {
	client.WithStartWorkflowOperation
}

// actingEngine carries commands on applications out as their processes do.
func actingEngine(t *testing.T, s *store.Store, today calendar.Date) *mocks.Client {
	t.Helper()
	engine := &mocks.Client{}
	engine.On("NewWithStartWorkflowOperation", mock.Anything, mock.Anything, mock.Anything).Return(startOperation{})
	engine.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		require.Equal(t, workflows.UpdateAct, o.UpdateOptions.UpdateName)
		c := o.UpdateOptions.Args[0].(models.ApplicationCommand)
		require.Equal(t, c.CommandID, o.UpdateOptions.UpdateID, "the engine knows the same command by the same number")
		_, err := s.ActOnApplication(ctx, c, today)
		h := &mocks.WorkflowUpdateHandle{}
		h.On("Get", mock.Anything, mock.Anything).Return(err)
		return h, nil
	})
	engine.On("SignalWithStartWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, nil)
	return engine
}

// reviewDistrict is the sample district in its review stage, with three reviewers of the bureau and others who are none.
type reviewDistrict struct {
	t      *testing.T
	store  *store.Store
	server *Server
	today  calendar.Date
	ids    map[string]int64
	tokens map[string]string
	fit    []string // households that may apply
}

func newReviewDistrict(t *testing.T, s *store.Store) *reviewDistrict {
	t.Helper()
	ctx := context.Background()
	d := &reviewDistrict{t: t, store: s, today: calendar.MustDate("2026-09-24"), ids: map[string]int64{}, tokens: map[string]string{}}
	people(t, s)
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110107", Code: models.BureauCode, Name: "区市场监管局"}))
	require.NoError(t, s.SetDepartment(ctx, models.ActorConsole, models.Department{District: "110108", Code: models.BureauCode, Name: "区市场监管局"}))
	for name, u := range map[string]models.User{
		"one": {Role: models.RoleDepartment, Department: models.BureauCode}, "two": {Role: models.RoleDepartment, Department: models.BureauCode},
		"three": {Role: models.RoleDepartment, Department: models.BureauCode}, "admin": {Role: models.RoleAdmin}, "tax": {Role: models.RoleDepartment, Department: "tax"},
		"neighbour": {Role: models.RoleDepartment, District: "110108", Department: models.BureauCode}, "auditor": {Role: models.RoleAuditor}, "city": {Role: models.RoleCity},
	} {
		u.Email, u.Name = name+"@bureau.example.com", name
		if u.District == "" {
			u.District = "110107"
		}
		u, err := s.AddUser(ctx, models.ActorConsole, u, "")
		require.NoError(t, err)
		secret, _, err := s.CreateToken(ctx, models.ActorConsole, u.ID, "test", 0)
		require.NoError(t, err)
		d.ids[name], d.tokens[name] = u.ID, secret
	}
	sampletest.Deliver(t, s)
	n, err := s.PlanYear(ctx, sampletest.District, sampletest.Year, nil)
	require.NoError(t, err)
	n.CycleID, n.WorkflowID, n.Attempt, n.Actor, n.Today = sampletest.Cycle, "cycle/"+sampletest.Cycle, 1, "user:1", calendar.MustDate("2026-06-01")
	n.Clock = calendar.Clock{Start: d.today, DaysPerSecond: 1e-9, Origin: time.Now()} // it stays that day
	n.RequestHash = models.RequestHash(nil, n.Clock)
	require.NoError(t, s.OpenCycle(ctx, n))
	sampletest.Judge(t, s)
	require.NoError(t, s.EnterStage(ctx, sampletest.Cycle, models.StageApplication, models.CycleRunning, d.today))
	d.server = New(s, actingEngine(t, s, d.today), Options{Program: "test", PublicPerMinute: -1, MaxUpload: 4 << 20, Logger: quiet()})
	all, err := s.Candidates(ctx, sampletest.Cycle, slices.Collect(maps.Keys(sampletest.Expected(t))))
	require.NoError(t, err)
	law, err := s.PolicyInForce(ctx, sampletest.District, sampletest.Year)
	require.NoError(t, err)
	for _, code := range slices.Sorted(maps.Keys(all)) {
		c := all[code]
		if len(law.Bars(&c, models.OriginOwn, d.today, d.today)) == 0 {
			d.fit = append(d.fit, code)
		}
	}
	return d
}

// submitted is the i-th household's application for 优质 B.
func (d *reviewDistrict) submitted(i int) models.Application {
	d.t.Helper()
	ctx := context.Background()
	operator := models.HouseholdActor(d.fit[i])
	a, err := d.store.DraftApplication(ctx, models.Application{CycleID: sampletest.Cycle, USCC: d.fit[i], Origin: models.OriginOwn, EnteredBy: operator},
		models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B", Statement: "老字号证书"}}, Statement: "三代传承"})
	require.NoError(d.t, err)
	a, err = d.store.ActOnApplication(ctx, models.ApplicationCommand{CommandID: "submit", ApplicationID: a.ID, Event: models.EventSubmit, Actor: operator}, d.today)
	require.NoError(d.t, err)
	return a
}

// does makes a request as somebody and requires the status.
func (d *reviewDistrict) does(who string, status int, method, path string, in any) map[string]any {
	d.t.Helper()
	w := call(d.t, d.server, d.tokens[who], method, path, in)
	if status >= 400 {
		require.Equal(d.t, status, w.Code, "%s %s %s: %s", who, method, path, w.Body)
		require.Regexp(d.t, `\p{Han}`, w.Body.String())
		return nil
	}
	return answer[map[string]any](d.t, w, status)
}

func TestAnApplicationGoesThroughReviewAndVisitByTheAPI(t *testing.T) { // 附三(二)2, R11, R12
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newReviewDistrict(t, s)
		a := d.submitted(0)
		path := fmt.Sprintf("/api/v1/reviews/%d", a.ID)
		list := d.does("one", 200, "GET", "/api/v1/reviews?mine=false", nil)
		require.Len(t, list["items"], 1)
		require.Equal(t, 1.0, list["counts"].(map[string]any)["submitted"])
		d.does("one", 200, "POST", path+"/claim", nil)
		d.does("two", 409, "POST", path+"/claim", nil)
		require.Empty(t, d.does("one", 200, "GET", "/api/v1/reviews?mine=false", nil)["items"])
		require.Len(t, d.does("one", 200, "GET", "/api/v1/reviews?mine=true&state=submitted&state=visit", nil)["items"], 1)
		d.does("one", 422, "GET", "/api/v1/reviews?state=nonsense", nil)

		detail := d.does("one", 200, "GET", path, nil)
		require.Equal(t, a.Number(), detail["number"])
		require.Equal(t, true, detail["may_decide"])
		require.NotEmpty(t, detail["facts"])
		require.Empty(t, detail["bars"])
		require.Len(t, detail["history"], 1)
		ground := detail["grounds"].([]any)[0].(map[string]any)
		require.Equal(t, "B", ground["letter"])
		require.Contains(t, ground["text"], "老字号")
		require.Equal(t, "老字号证书", ground["statement"])
		require.Equal(t, false, ground["data"].(map[string]any)["decisive"])
		require.Equal(t, "one", detail["reviewer_name"])

		d.does("two", 403, "POST", path+"/supplement", map[string]any{"what": "证书原件"})
		d.does("one", 422, "POST", path+"/supplement", map[string]any{"what": "证书原件", "days": 1})
		asked := d.does("one", 200, "POST", path+"/supplement", map[string]any{"what": "证书原件"})
		require.Equal(t, "supplement", asked["state"])
		said, err := s.AddReason(context.Background(), models.HouseholdActor(a.USCC), "原件可在走访时查看")
		require.NoError(t, err)
		_, err = s.ActOnApplication(context.Background(), models.ApplicationCommand{CommandID: "supply", ApplicationID: a.ID, Event: models.EventSupply, Actor: models.HouseholdActor(a.USCC), ReasonID: said}, d.today)
		require.NoError(t, err)

		d.does("one", 200, "POST", path+"/hand-over", map[string]any{"to": d.ids["two"], "reason": "出差"})
		d.does("one", 403, "POST", path+"/pass", map[string]any{"category": "优质"})
		d.does("two", 422, "POST", path+"/pass", map[string]any{"category": "优质"})
		d.does("two", 422, "POST", path+"/pass", map[string]any{"category": "最优"})
		d.does("two", 422, "POST", path+"/pass", map[string]any{"category": "特色", "findings": []any{map[string]any{"category": "特色", "letter": "A", "met": true, "reason": "代表性强"}}})
		passed := d.does("two", 200, "POST", path+"/pass", map[string]any{"category": "优质", "findings": []any{map[string]any{"category": "quality", "letter": "B", "met": true, "reason": "核对原件"}}})
		require.Equal(t, "visit", passed["state"])
		require.Equal(t, "quality", passed["category"])

		visit := map[string]any{"visitors": []int64{d.ids["one"], d.ids["three"]}, "planned_on": d.today}
		d.does("one", 403, "POST", path+"/visits", visit)
		d.does("two", 422, "POST", path+"/visits", map[string]any{"visitors": []int64{d.ids["one"]}, "planned_on": d.today})
		d.does("two", 422, "POST", path+"/visits", map[string]any{"visitors": []int64{d.ids["one"], d.ids["one"]}, "planned_on": d.today})
		d.does("two", 422, "POST", path+"/visits", map[string]any{"visitors": []int64{d.ids["one"], d.ids["tax"]}, "planned_on": d.today})
		v := d.does("two", 201, "POST", path+"/visits", visit)
		d.does("two", 409, "POST", path+"/visits", visit)
		at := fmt.Sprintf("/api/v1/visits/%v", v["id"])
		require.Equal(t, []any{"one", "three"}, v["visitor_names"])
		require.Len(t, d.does("three", 200, "GET", "/api/v1/visits", nil)["items"], 1)
		require.Empty(t, d.does("two", 200, "GET", "/api/v1/visits", nil)["items"])
		d.does("two", 200, "PATCH", at, map[string]any{"visitors": []int64{d.ids["two"], d.ids["three"]}, "planned_on": d.today, "reason": "换人"})
		record := map[string]any{"visited_on": d.today, "met": true, "record": "店面、证书属实"}
		d.does("one", 403, "POST", at+"/record", record)
		d.does("two", 422, "POST", at+"/record", map[string]any{"visited_on": d.today.AddDays(1), "met": true, "record": "属实"})
		d.does("two", 422, "POST", at+"/record", map[string]any{"visited_on": d.today, "met": true, "record": " "})
		d.does("two", 200, "POST", at+"/record", record)
		d.does("two", 403, "POST", at+"/sign", nil)
		d.does("three", 200, "POST", at+"/return", map[string]any{"reason": "门牌号有误"})
		d.does("three", 409, "POST", at+"/sign", nil)
		d.does("two", 200, "POST", at+"/record", record)
		signed := d.does("three", 200, "POST", at+"/sign", nil)
		require.Equal(t, "signed", signed["state"])
		require.Equal(t, signed, d.does("three", 200, "POST", at+"/sign", nil), "once more is the same")
		detail = d.does("auditor", 200, "GET", path, nil)
		require.Equal(t, "qualified", detail["state"])
		require.Len(t, detail["visits"], 1)
		history := detail["history"].([]any)
		require.Len(t, history, 5)
		require.Equal(t, "店面、证书属实", history[4].(map[string]any)["reason"])
		d.does("two", 409, "POST", path+"/refuse", map[string]any{"clause": "附三(三)2", "reason": "不符"})
	})
}

func TestReviewsAreTheBureausOfTheDistrict(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	a := d.submitted(0)
	path := fmt.Sprintf("/api/v1/reviews/%d", a.ID)
	for _, read := range []string{"/api/v1/reviews", path, path + "/visits", "/api/v1/cycles/" + a.CycleID + "/reviews"} {
		for who, status := range map[string]int{"one": 200, "admin": 200, "auditor": 200, "tax": 403, "city": 403} {
			d.does(who, status, "GET", read, nil)
		}
		if read != "/api/v1/reviews" {
			d.does("neighbour", 404, "GET", read, nil)
		}
	}
	require.Empty(t, d.does("neighbour", 200, "GET", "/api/v1/reviews", nil)["items"])
	d.does("neighbour", 404, "GET", "/api/v1/reviews?district=110107", nil)
	for command, in := range map[string]any{"claim": nil, "release": nil, "hand-over": map[string]any{"to": d.ids["one"], "reason": "出差"}, "pass": map[string]any{"category": "优质"},
		"refuse": map[string]any{"clause": "附三(三)2", "reason": "不符"}, "supplement": map[string]any{"what": "证书"},
		"visits": map[string]any{"visitors": []int64{d.ids["one"], d.ids["two"]}, "planned_on": d.today}} {
		for who, status := range map[string]int{"tax": 403, "city": 403, "auditor": 403, "neighbour": 404} {
			d.does(who, status, "POST", path+"/"+command, in)
		}
	}
	bulk := "/api/v1/cycles/" + a.CycleID + "/reviews/assignments"
	d.does("one", 403, "POST", bulk, map[string]any{"reviewer": d.ids["one"]})
	d.does("admin", 422, "POST", bulk, map[string]any{})
	d.does("admin", 422, "POST", bulk, map[string]any{"reviewer": d.ids["one"], "reviewers": []int64{d.ids["two"]}})
	d.does("admin", 422, "POST", bulk, map[string]any{"reviewer": d.ids["neighbour"]})
	done := d.does("admin", 200, "POST", bulk, map[string]any{"reviewers": []int64{d.ids["one"], d.ids["two"]}})
	require.Equal(t, []any{map[string]any{"reviewer": float64(d.ids["one"]), "count": 1.0}, map[string]any{"reviewer": float64(d.ids["two"]), "count": 0.0}}, done["assigned"])
	require.Equal(t, 1.0, d.does("one", 200, "GET", "/api/v1/cycles/"+a.CycleID+"/reviews", nil)["open"])
	d.does("one", 200, "POST", path+"/release", nil)
	for _, clause := range []string{"", "因为我不喜欢", "附三(三)2; drop", strings.Repeat("附", 31)} {
		d.does("one", 422, "POST", path+"/refuse", map[string]any{"clause": clause, "reason": "不符"})
	}
}

func TestAConflictOfInterestIsDeclaredByOneselfAndLiftedByAnotherAdministrator(t *testing.T) { // 三(二), R24
	d := newReviewDistrict(t, open(t))
	a := d.submitted(0)
	path := fmt.Sprintf("/api/v1/reviews/%d", a.ID)
	d.does("one", 200, "POST", path+"/claim", nil)
	declaration := func(more map[string]any) map[string]any {
		m := map[string]any{"uscc": strings.ToLower(a.USCC), "reason": "亲属"}
		maps.Copy(m, more)
		return m
	}
	d.does("auditor", 403, "POST", "/api/v1/conflicts", declaration(nil))
	d.does("one", 403, "POST", "/api/v1/conflicts", declaration(map[string]any{"user": d.ids["two"]}))
	d.does("one", 422, "POST", "/api/v1/conflicts", declaration(map[string]any{"uscc": "92110107MA0000000X"}))
	d.does("one", 404, "POST", "/api/v1/conflicts", declaration(map[string]any{"district": "110108"}))
	d.does("admin", 404, "POST", "/api/v1/conflicts", declaration(map[string]any{"user": d.ids["neighbour"]}))
	mine := d.does("one", 201, "POST", "/api/v1/conflicts", declaration(nil))
	require.Equal(t, a.USCC, mine["uscc"])
	require.Equal(t, true, mine["standing"])
	detail := d.does("one", 200, "GET", path, nil)
	require.Equal(t, false, detail["may_decide"])
	require.Contains(t, detail["why_not"], "回避")
	require.Nil(t, detail["reviewer"], "taken off the list")
	d.does("one", 403, "POST", path+"/claim", nil)
	theirs := d.does("admin", 201, "POST", "/api/v1/conflicts", declaration(map[string]any{"user": d.ids["two"]}))
	d.does("two", 403, "POST", path+"/claim", nil)
	require.Len(t, d.does("one", 200, "GET", "/api/v1/conflicts", nil)["items"], 1, "only one's own")
	require.Len(t, d.does("admin", 200, "GET", "/api/v1/conflicts", nil)["items"], 2)
	require.Len(t, d.does("auditor", 200, "GET", "/api/v1/conflicts?uscc="+a.USCC, nil)["items"], 2)
	require.Empty(t, d.does("neighbour", 200, "GET", "/api/v1/conflicts", nil)["items"])
	lift := func(id any) string { return fmt.Sprintf("/api/v1/conflicts/%v/lift", id) }
	d.does("two", 403, "POST", lift(theirs["id"]), map[string]any{"reason": "误报"})
	require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, call(t, d.server, d.tokens["admin"], "DELETE", fmt.Sprintf("/api/v1/conflicts/%v", theirs["id"]), nil).Code, "nothing is deleted")
	lifted := d.does("admin", 200, "POST", lift(theirs["id"]), map[string]any{"reason": "误报"})
	require.Equal(t, false, lifted["standing"])
	d.does("admin", 409, "POST", lift(theirs["id"]), map[string]any{"reason": "误报"})
	d.does("two", 200, "POST", path+"/claim", nil)
}

func TestARequestForOtherSupplementsUnderTheSameKeyIsRefused(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	me, a := d.draft(0)
	answer[Receipt](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusOK)
	review := fmt.Sprintf("/api/v1/reviews/%d", a.ID)
	answer[ReviewItem](t, call(t, d.server, d.tokens["one"], http.MethodPost, review+"/claim", nil), http.StatusOK)
	ask := func(what string) map[string]any { return map[string]any{"what": what} }
	answer[ReviewItem](t, keyedWith(t, d.server, d.tokens["one"], review+"/supplement", "k", ask("证书")), http.StatusOK)
	answer[ReviewItem](t, keyedWith(t, d.server, d.tokens["one"], review+"/supplement", "k", ask("证书")), http.StatusOK)
	answer[ApplicationView](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/supply"), map[string]any{"statement": "已附"}), http.StatusOK)
	problemOf(t, keyedWith(t, d.server, d.tokens["one"], review+"/supplement", "k", ask("合同")), http.StatusConflict, "conflict")
	answer[ReviewItem](t, keyedWith(t, d.server, d.tokens["one"], review+"/supplement", "k", ask("证书")), http.StatusOK)
	again := answer[ApplicationView](t, call(t, d.server, me, http.MethodGet, applicationPath(a.ID, ""), nil), http.StatusOK)
	require.Equal(t, models.ApplicationSubmitted, again.State, "the same again does nothing")
}

func TestWhoRecommendedCannotWithdrawWhatTheOperatorConsentedTo(t *testing.T) { // 附三(二)2, 三(二) 自愿
	d := newReviewDistrict(t, open(t))
	tax := d.tokens["tax"]
	v := answer[RecommendationView](t, call(t, d.server, tax, http.MethodPost, "/api/v1/recommendations",
		map[string]any{"uscc": d.fit[0], "categories": []string{"quality"}, "reason": "好"}), http.StatusCreated)
	answer[Receipt](t, call(t, d.server, d.operator(0), http.MethodPost, applicationPath(v.ID, "/consent"), nil), http.StatusOK)
	problemOf(t, call(t, d.server, tax, http.MethodPost, applicationPath(v.ID, "/withdraw"), map[string]any{"reason": "误报"}), http.StatusForbidden, "forbidden")
	answer[ApplicationView](t, call(t, d.server, d.operator(0), http.MethodPost, applicationPath(v.ID, "/withdraw"), map[string]any{}), http.StatusOK)
}
