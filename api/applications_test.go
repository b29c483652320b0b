package api

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const applicationsPath = "/api/v1/applications"

func applicationPath(id int64, more string) string {
	return fmt.Sprintf("%s/%d%s", applicationsPath, id, more)
}

// operator signs the i-th fit household's operator in.
func (d *reviewDistrict) operator(i int) string {
	d.t.Helper()
	return operatorToken(d.t, d.store, sampletest.District, d.fit[i])
}

// draft begins the i-th household's application for 优质 B.
func (d *reviewDistrict) draft(i int) (token string, v ApplicationView) {
	d.t.Helper()
	token = d.operator(i)
	return token, answer[ApplicationView](d.t, call(d.t, d.server, token, http.MethodPost, applicationsPath, qualityB), http.StatusCreated)
}

var qualityB = map[string]any{"wished": []string{"quality"}, "grounds": []map[string]any{{"category": "quality", "letter": "B", "statement": "区级非遗传承人"}}, "statement": "三代传承"}

func TestAnOperatorAppliesFromTheFormToTheReceipt(t *testing.T) { // R8
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newReviewDistrict(t, s)
		me := d.operator(0)
		form := answer[Prefill](t, call(t, d.server, me, http.MethodGet, "/api/v1/me/application/prefill", nil), http.StatusOK)
		require.True(t, form.MayApply)
		require.Empty(t, form.Bars)
		require.Equal(t, []models.Tier{models.Growth, models.Development}, form.Tiers)
		require.Len(t, form.Categories, 4)
		for i, letters := range []string{"ABCDE", "ABCDE", "ABCDEF", "ABCD"} {
			got := ""
			for _, g := range form.Categories[i].Grounds {
				got += g.Letter
				require.NotEmpty(t, g.Text)
				require.NotEmpty(t, g.Outcome)
			}
			require.Equal(t, letters, got)
		}
		sources := map[string]bool{}
		for _, f := range form.Facts {
			require.NotEmpty(t, f.Label)
			sources[f.Source] = true
			if f.DeliveredOn == "" {
				t.Errorf("%s of %s has no date", f.Label, f.Source)
			}
		}
		require.Greater(t, len(sources), 5, "every department's data are shown, not asked for")
		require.Contains(t, form.Notice, "免费")

		a := answer[ApplicationView](t, call(t, d.server, me, http.MethodPost, applicationsPath, map[string]any{}), http.StatusCreated)
		require.Equal(t, models.ApplicationDraft, a.State)
		require.Equal(t, d.fit[0], a.USCC)
		require.NotEmpty(t, a.Name)
		require.Empty(t, a.UIURL)
		again := problemOf(t, call(t, d.server, me, http.MethodPost, applicationsPath, map[string]any{}), http.StatusConflict, "conflict")
		require.Equal(t, models.ApplicationObject(a.ID), again.Errors[0].Field)
		problemOf(t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusUnprocessableEntity, "invalid")

		saved := answer[ApplicationView](t, call(t, d.server, me, http.MethodPut, applicationPath(a.ID, ""), qualityB), http.StatusOK)
		require.Equal(t, "区级非遗传承人", saved.Grounds[0].Statement)
		require.NotEmpty(t, saved.Grounds[0].Text)

		r := answer[Receipt](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusOK)
		require.Equal(t, fmt.Sprintf("申110107-2026-%d", a.ID), r.Number)
		require.Equal(t, models.ApplicationSubmitted, r.State)
		require.Equal(t, "2026-09-24", r.SubmittedOn)
		require.Equal(t, "2026-10-25", r.ReviewDue)
		require.Equal(t, "test", r.Program)
		require.Len(t, r.PolicyHash, 64)
		require.Equal(t, 1, r.PolicyVersion)
		require.NotZero(t, r.RunID)
		require.Contains(t, r.DataMark, "registry:")

		v := answer[ApplicationView](t, call(t, d.server, me, http.MethodGet, applicationPath(a.ID, ""), nil), http.StatusOK)
		require.Len(t, v.Story, 1)
		require.Equal(t, "经营者", v.Story[0].By)
		require.Equal(t, "提交申报", v.Story[0].Name)
		list := answer[Page[ApplicationItem]](t, call(t, d.server, me, http.MethodGet, applicationsPath, nil), http.StatusOK)
		require.Len(t, list.Items, 1)
		form = answer[Prefill](t, call(t, d.server, me, http.MethodGet, "/api/v1/me/application/prefill", nil), http.StatusOK)
		require.False(t, form.MayApply)
		require.Equal(t, a.ID, form.ApplicationID)

		problemOf(t, call(t, d.server, me, http.MethodPut, applicationPath(a.ID, ""), qualityB), http.StatusConflict, "conflict")
		problemOf(t, call(t, d.server, me, http.MethodDelete, applicationPath(a.ID, ""), nil), http.StatusConflict, "conflict")
		gone := answer[ApplicationView](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/withdraw"), map[string]any{"reason": "来年再报"}), http.StatusOK)
		require.Equal(t, models.ApplicationWithdrawn, gone.State)
		require.Equal(t, "来年再报", gone.Reason)
	})
}

func TestTheSameSubmissionAgainGivesTheSameReceipt(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	me, a := d.draft(0)
	var first Receipt
	for i := range 2 {
		w := keyed(t, d.server, me, applicationPath(a.ID, "/submit"), "key-1")
		r := answer[Receipt](t, w, http.StatusOK)
		if i == 0 {
			first = r
		}
		require.Equal(t, first, r)
	}
	problemOf(t, keyed(t, d.server, me, applicationPath(a.ID, "/submit"), "key-2"), http.StatusConflict, "conflict")
}

func TestWhoIsBarredReadsWhyWithTheClause(t *testing.T) { // R10
	d := newReviewDistrict(t, open(t))
	d.fit = []string{d.barred()}
	me, a := d.draft(0)
	form := answer[Prefill](t, call(t, d.server, me, http.MethodGet, "/api/v1/me/application/prefill", nil), http.StatusOK)
	require.False(t, form.MayApply)
	require.Len(t, form.Bars, 1)
	require.Equal(t, "附三(三)1(1)", form.Bars[0].Clause)
	p := problemOf(t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusConflict, "conflict")
	require.Contains(t, p.Detail, "附三(三)1(1)")
	require.Contains(t, p.Detail, "罚款")
}

// barred is a household that may not apply for nothing but a fine that was not repaired.
func (d *reviewDistrict) barred() string {
	d.t.Helper()
	ctx := context.Background()
	law, err := d.store.PolicyInForce(ctx, sampletest.District, sampletest.Year)
	require.NoError(d.t, err)
	all, err := d.store.Candidates(ctx, sampletest.Cycle, slices.Collect(maps.Keys(sampletest.Expected(d.t))))
	require.NoError(d.t, err)
	for _, code := range slices.Sorted(maps.Keys(all)) {
		c := all[code]
		today := calendar.DateOf(time.Now())
		if bars := law.Bars(&c, models.OriginOwn, today, today); len(bars) == 1 && bars[0].ID == "penalty" {
			return code
		}
	}
	d.t.Fatal("the sample district has no household that is barred for a fine")
	return ""
}

func TestAnApplicationIsItsHouseholdsAndTheBureaus(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	me, a := d.draft(0)
	answer[Receipt](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusOK)
	other := d.operator(1)
	for _, path := range []string{"", "/submit", "/withdraw", "/supply", "/consent", "/decline"} {
		method := http.MethodPost
		if path == "" {
			method = http.MethodGet
		}
		problemOf(t, call(t, d.server, other, method, applicationPath(a.ID, path), map[string]any{}), http.StatusNotFound, "not-found")
		problemOf(t, call(t, d.server, d.tokens["neighbour"], http.MethodGet, applicationPath(a.ID, ""), nil), http.StatusNotFound, "not-found")
	}
	problemOf(t, call(t, d.server, d.tokens["tax"], http.MethodGet, applicationPath(a.ID, ""), nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, d.server, other, http.MethodPost, applicationsPath, map[string]any{"uscc": d.fit[0]}), http.StatusNotFound, "not-found")
	v := answer[ApplicationView](t, call(t, d.server, d.tokens["one"], http.MethodGet, applicationPath(a.ID, ""), nil), http.StatusOK)
	require.Equal(t, models.HouseholdActor(d.fit[0]), v.EnteredBy)
	problemOf(t, call(t, d.server, d.tokens["one"], http.MethodPost, applicationPath(a.ID, "/withdraw"), map[string]any{}), http.StatusForbidden, "forbidden")
	require.Empty(t, answer[Page[ApplicationItem]](t, call(t, d.server, other, http.MethodGet, applicationsPath, nil), http.StatusOK).Items)
	require.Empty(t, answer[Page[ApplicationItem]](t, call(t, d.server, d.tokens["tax"], http.MethodGet, applicationsPath, nil), http.StatusOK).Items)
	require.Empty(t, answer[Page[ApplicationItem]](t, call(t, d.server, d.tokens["neighbour"], http.MethodGet, applicationsPath, nil), http.StatusOK).Items)
	require.Len(t, answer[Page[ApplicationItem]](t, call(t, d.server, d.tokens["one"], http.MethodGet, applicationsPath+"?state=submitted", nil), http.StatusOK).Items, 1)
	problemOf(t, call(t, d.server, d.tokens["one"], http.MethodGet, applicationsPath+"?state=x", nil), http.StatusUnprocessableEntity, "invalid")
}

func TestAnOfficerEntersForAnOperatorWithoutMeans(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	officer := d.tokens["one"]
	problemOf(t, call(t, d.server, officer, http.MethodPost, applicationsPath, qualityB), http.StatusUnprocessableEntity, "invalid")
	in := map[string]any{"uscc": d.fit[0]}
	for k, v := range qualityB {
		in[k] = v
	}
	a := answer[ApplicationView](t, call(t, d.server, officer, http.MethodPost, applicationsPath, in), http.StatusCreated)
	p := problemOf(t, call(t, d.server, officer, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusUnprocessableEntity, "invalid")
	require.Contains(t, p.Detail, "签字")
	problemOf(t, call(t, d.server, d.tokens["two"], http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusForbidden, "forbidden")
	r := answer[Receipt](t, call(t, d.server, d.operator(0), http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusOK)
	require.Equal(t, models.ApplicationSubmitted, r.State, "the operator's own submission needs no signature")
	require.Equal(t, http.StatusNoContent, func() int {
		token, b := d.draft(1)
		return call(t, d.server, token, http.MethodDelete, applicationPath(b.ID, ""), nil).Code
	}())
}

func TestADepartmentRecommendsAndSeesWhatBecameOfIt(t *testing.T) { // R9
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newReviewDistrict(t, s)
		at, tax := "/api/v1/recommendations", d.tokens["tax"]
		in := func(i int) map[string]any {
			return map[string]any{"uscc": d.fit[i], "categories": []string{"quality"}, "reason": "老手艺，口碑好"}
		}
		v := answer[RecommendationView](t, call(t, d.server, tax, http.MethodPost, at, in(0)), http.StatusCreated)
		require.Equal(t, models.ApplicationConsent, v.State)
		require.Equal(t, "区税务局", v.DepartmentName)
		require.Equal(t, "2026-10-09", v.LimitOn)
		require.Equal(t, "mail", v.AskedBy)
		require.Empty(t, v.ToDo)
		require.Equal(t, "F", v.Grounds[0].Letter, "经相关部门推荐的")
		require.Equal(t, models.OutcomeMet, v.Grounds[0].Outcome)
		require.Equal(t, "老手艺，口碑好", v.Reason)
		w := answer[RecommendationView](t, call(t, d.server, tax, http.MethodPost, at, in(1)), http.StatusCreated)
		problemOf(t, call(t, d.server, d.tokens["one"], http.MethodPost, at, in(1)), http.StatusConflict, "conflict")

		me := d.operator(0)
		problemOf(t, call(t, d.server, me, http.MethodPost, applicationPath(v.ID, "/withdraw"), map[string]any{}), http.StatusConflict, "conflict")
		r := answer[Receipt](t, call(t, d.server, me, http.MethodPost, applicationPath(v.ID, "/consent"), nil), http.StatusOK)
		require.Equal(t, models.ApplicationSubmitted, r.State)
		require.Equal(t, "2026-09-24", r.SubmittedOn)
		problemOf(t, call(t, d.server, tax, http.MethodPost, fmt.Sprintf("%s/%d/withdraw", at, v.ID), map[string]any{"reason": "误报"}), http.StatusConflict, "conflict")
		gone := answer[ApplicationView](t, call(t, d.server, d.operator(1), http.MethodPost, applicationPath(w.ID, "/decline"), map[string]any{}), http.StatusOK)
		require.Equal(t, models.ApplicationDeclined, gone.State)

		x := answer[RecommendationView](t, call(t, d.server, d.tokens["one"], http.MethodPost, at, in(2)), http.StatusCreated)
		require.Equal(t, models.BureauCode, x.Department)
		problemOf(t, call(t, d.server, tax, http.MethodPost, fmt.Sprintf("%s/%d/withdraw", at, x.ID), map[string]any{"reason": "误报"}), http.StatusNotFound, "not-found")
		back := answer[ApplicationView](t, call(t, d.server, d.tokens["two"], http.MethodPost, fmt.Sprintf("%s/%d/withdraw", at, x.ID), map[string]any{"reason": "误报"}), http.StatusOK)
		require.Equal(t, models.ApplicationWithdrawn, back.State)

		mine := answer[Page[ApplicationItem]](t, call(t, d.server, tax, http.MethodGet, at, nil), http.StatusOK)
		require.Len(t, mine.Items, 2)
		require.Equal(t, []string{"待审核", "经营者不同意推荐"}, []string{mine.Items[0].StateName, mine.Items[1].StateName})
		problemOf(t, call(t, d.server, tax, http.MethodGet, at+"?department=scjg", nil), http.StatusForbidden, "forbidden")
		require.Len(t, answer[Page[ApplicationItem]](t, call(t, d.server, d.tokens["one"], http.MethodGet, at, nil), http.StatusOK).Items, 3)
	})
}

func TestWhereTheRegistryHasNoAddressTheDepartmentHandsOutACode(t *testing.T) { // R9
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	d := newReviewDistrict(t, s)
	db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite://"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(ctx, "UPDATE src_registry SET email = NULL WHERE uscc = ?", d.fit[0])
	require.NoError(t, err)
	v := answer[RecommendationView](t, call(t, d.server, d.tokens["tax"], http.MethodPost, "/api/v1/recommendations",
		map[string]any{"uscc": d.fit[0], "categories": []string{"quality"}, "reason": "好"}), http.StatusCreated)
	require.Equal(t, "code", v.AskedBy)
	require.Contains(t, v.ToDo, "登录码")
	require.Contains(t, v.ToDo, "2026年10月9日")
}

func TestABarredHouseholdIsNotRecommendedAndNothingIsLeft(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	barred := d.barred()
	p := problemOf(t, call(t, d.server, d.tokens["tax"], http.MethodPost, "/api/v1/recommendations", map[string]any{"uscc": barred, "categories": []string{"quality"}, "reason": "好"}), http.StatusConflict, "conflict")
	require.Contains(t, p.Detail, "附三(三)1(1)")
	_, err := d.store.LiveApplication(context.Background(), sampletest.Cycle, barred)
	require.Equal(t, models.CodeNotFound, models.CodeOf(err))
}

func TestTheSameRecommendationAgainIsOne(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	in := map[string]any{"uscc": d.fit[0], "categories": []string{"quality"}, "reason": "好"}
	// the first request breaks off between the draft and the command
	engine := &mocks.Client{}
	engine.On("NewWithStartWorkflowOperation", mock.Anything, mock.Anything, mock.Anything).Return(startOperation{})
	engine.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("away"))
	working := d.server.Temporal
	d.server.Temporal = engine
	problemOf(t, keyedWith(t, d.server, d.tokens["tax"], "/api/v1/recommendations", "key-1", in), http.StatusServiceUnavailable, "unavailable")
	d.server.Temporal = working
	first := answer[RecommendationView](t, keyedWith(t, d.server, d.tokens["tax"], "/api/v1/recommendations", "key-1", in), http.StatusCreated)
	second := answer[RecommendationView](t, keyedWith(t, d.server, d.tokens["tax"], "/api/v1/recommendations", "key-1", in), http.StatusCreated)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, models.ApplicationConsent, second.State)
	require.Len(t, second.Story, 1)
}

func TestACommandReachesAProcessThatEndsOrLags(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	me, a := d.draft(0)
	answer[Receipt](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/submit"), nil), http.StatusOK)

	engine := &mocks.Client{}
	engine.On("NewWithStartWorkflowOperation", mock.Anything, mock.Anything, mock.Anything).Return(startOperation{})
	sent, nudged := 0, 0
	engine.On("SignalWithStartWorkflow", mock.Anything, fmt.Sprintf("application/%d", a.ID), mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Run(func(mock.Arguments) { nudged++ }).Return(nil, nil)
	engine.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		sent++
		h := &mocks.WorkflowUpdateHandle{}
		switch sent {
		case 1: // it ended as the command arrived
			return nil, serviceerror.NewNotFound("workflow execution already completed")
		case 2: // it has not heard what the whole cycle did
			h.On("Get", mock.Anything, mock.Anything).Return(temporal.NewNonRetryableApplicationError("申报件现为“草稿”，不能撤回", string(models.CodeConflict), nil))
		default:
			_, err := d.store.ActOnApplication(ctx, o.UpdateOptions.Args[0].(models.ApplicationCommand), d.today)
			h.On("Get", mock.Anything, mock.Anything).Return(err)
		}
		return h, nil
	})
	d.server.Temporal = engine
	v := answer[ApplicationView](t, call(t, d.server, me, http.MethodPost, applicationPath(a.ID, "/withdraw"), map[string]any{}), http.StatusOK)
	require.Equal(t, models.ApplicationWithdrawn, v.State)
	require.Equal(t, 3, sent)
	require.Equal(t, 1, nudged)
}

func TestAnApplicationTakesNoMoreThanItsLimits(t *testing.T) {
	d := newReviewDistrict(t, open(t))
	me := d.operator(0)
	for name, in := range map[string]map[string]any{
		"a long statement":    {"statement": strings.Repeat("字", models.MaxStatement+1)},
		"a category twice":    {"wished": []string{"quality", "quality"}},
		"no category":         {"wished": []string{"famous"}},
		"a ground elsewhere":  {"wished": []string{"quality"}, "grounds": []map[string]any{{"category": "emerging", "letter": "A"}}},
		"a ground unknown":    {"wished": []string{"quality"}, "grounds": []map[string]any{{"category": "quality", "letter": "Z"}}},
		"only a department's": {"wished": []string{"quality"}, "grounds": []map[string]any{{"category": "quality", "letter": "F"}}},
		"what is delivered":   {"revenue": "100"},
	} {
		t.Run(name, func(t *testing.T) {
			problemOf(t, call(t, d.server, me, http.MethodPost, applicationsPath, in), http.StatusUnprocessableEntity, "invalid")
		})
	}
	require.NoError(t, d.store.EnterStage(context.Background(), sampletest.Cycle, models.StageReview, models.CycleRunning, d.today))
	p := problemOf(t, call(t, d.server, me, http.MethodPost, applicationsPath, map[string]any{}), http.StatusConflict, "conflict")
	require.Contains(t, p.Detail, "2026年9月20日")
	problemOf(t, call(t, d.server, me, http.MethodGet, "/api/v1/me/application/prefill", nil), http.StatusConflict, "conflict")
}

// keyed posts without a body under an idempotency key.
func keyed(t *testing.T, s *Server, token, path, key string) *httptest.ResponseRecorder {
	t.Helper()
	return keyedWith(t, s, token, path, key, nil)
}

func keyedWith(t *testing.T, s *Server, token, path, key string, in any) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	if in != nil {
		require.NoError(t, json.NewEncoder(&body).Encode(in))
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, &body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}
