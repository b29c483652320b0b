package api

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
	"bangfu/workflows"
)

// sampleRun brings the sample district up to the comparison with the city's result.
func sampleRun(t *testing.T, s *store.Store) models.Run {
	t.Helper()
	sampletest.Deliver(t, s)
	run := sampletest.Judge(t, s)
	a := &activities.Study{Store: s}
	perform(t, a, a.CompareStudy, activities.CompareStudyInput{CycleID: run.CycleID, District: run.District, Year: run.Year,
		Due: calendar.MustDate("2026-07-25"), Today: calendar.MustDate("2026-07-16")})
	return run
}

// perform runs one activity.
func perform(t *testing.T, a, method, in any) {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	_, err := env.ExecuteActivity(method, in)
	require.NoError(t, err)
}

func publish(t *testing.T, s *store.Store, today string) {
	t.Helper()
	a := &activities.Publication{Store: s}
	perform(t, a, a.PublishTiers, activities.PublishInput{CycleID: sampletest.Cycle, Today: calendar.MustDate(today)})
}

// studyEngine answers decisions as the joint study does, and takes signals.
func studyEngine(t *testing.T, s *store.Store) *mocks.Client {
	t.Helper()
	engine := &mocks.Client{}
	engine.On("SignalWorkflow", mock.Anything, "cycle/"+sampletest.Cycle, "", workflows.SignalHandedOver, nil).Return(nil)
	engine.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(func(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
		require.Equal(t, "study/"+sampletest.Cycle, o.WorkflowID)
		require.Equal(t, workflows.UpdateDecide, o.UpdateName)
		d := o.Args[0].(models.Decision)
		require.Equal(t, d.CommandID, o.UpdateID, "the engine knows the same command by the same number")
		settled, board, err := s.Decide(ctx, d, calendar.MustDate("2026-07-16"))
		h := &mocks.WorkflowUpdateHandle{}
		h.On("Get", mock.Anything, mock.Anything).Return(func(_ context.Context, out any) error {
			*out.(*workflows.StudyAnswer) = workflows.StudyAnswer{Settled: settled, Open: board.Open}
			return err
		})
		return h, nil
	})
	return engine
}

func table(t *testing.T, body string) []map[string]string {
	t.Helper()
	require.True(t, strings.HasPrefix(body, "\ufeff"), "UTF-8 with BOM")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	var out []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, h := range rows[0] {
			m[h] = r[i]
		}
		out = append(out, m)
	}
	return out
}

func TestAnyoneLooksAHouseholdUpAndSeesWhatThePlanMakesPublicAndNothingElse(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		run := sampleRun(t, s)
		srv := newTestServer(s)
		list, err := s.ResultPage(context.Background(), run, store.ResultFilter{}, "", 500)
		require.NoError(t, err)
		h := list[7]
		find := func(q string) Page[map[string]any] {
			return answer[Page[map[string]any]](t, call(t, srv, "", "GET", "/public/v1/households?q="+url.QueryEscape(q), nil), http.StatusOK)
		}
		require.Empty(t, find(h.USCC).Items, "nothing is public before it is published")

		publish(t, s, "2026-07-26")
		for _, q := range []string{h.USCC, strings.ToLower(h.USCC), " " + h.USCC[:8] + "　" + h.USCC[8:], h.Name, h.Name + " ", "　" + h.Name, fullWidthDigits(h.Name)} {
			found := find(q)
			require.Len(t, found.Items, 1, q)
			require.Equal(t, map[string]any{"name": h.Name, "uscc": h.USCC, "tier": h.Effective.String(), "category": "", "years": []any{2026.0}}, found.Items[0])
		}
		require.Empty(t, find("没有这样的名称").Items)
		require.Empty(t, find(h.Name[3:]).Items, "the beginning of a name, not any part of it")
		require.Empty(t, find("%%").Items)
		require.Empty(t, find("__").Items)
		for _, q := range []string{"", "北", " 北 ", "92110107MA3AGYGLUX", strings.Repeat("北", 61)} {
			w := call(t, srv, "", "GET", "/public/v1/households?q="+url.QueryEscape(q), nil)
			require.Equal(t, http.StatusUnprocessableEntity, w.Code, "%q: %s", q, w.Body)
		}

		seen := map[string]bool{}
		for next, n := "", 0; ; n++ {
			p := answer[Page[models.PublicHousehold]](t, call(t, srv, "", "GET", "/public/v1/households?limit=70&after="+next+"&q="+url.QueryEscape("北京"), nil), http.StatusOK)
			for _, item := range p.Items {
				require.False(t, seen[item.USCC], "once")
				seen[item.USCC] = true
			}
			if next = p.Next; next == "" {
				require.Equal(t, 7, n)
				break
			}
			require.NotContains(t, next, "北", "no name stands in an address")
		}
		require.Len(t, seen, 500)
	})
}

func fullWidthDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, s)
}

func TestTheResultsOfEveryHouseholdAreListedAndExported(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampleRun(t, s)
		tokens := people(t, s)
		srv := newTestServer(s)
		expected := sampletest.Expected(t)
		at := "/api/v1/cycles/" + sampletest.Cycle + "/tiering/results"

		rows := table(t, call(t, srv, tokens[models.RoleAuditor], "GET", at+".csv", nil).Body.String())
		require.Len(t, rows, 500)
		differ, growth := 0, 0
		for i, r := range rows {
			require.Equal(t, expected[r["统一社会信用代码"]].String(), r["本区判定"])
			require.Equal(t, r["市级结果"], r["分型结果"], "the city's result stands unless decided otherwise")
			require.Regexp(t, `^第1版（[0-9a-f]{8}）$`, r["政策版本"])
			require.NotEmpty(t, r["名称"])
			require.NotEmpty(t, r["行业门类"])
			if i > 0 {
				require.Less(t, rows[i-1]["统一社会信用代码"], r["统一社会信用代码"])
			}
			if r["本区判定"] != r["市级结果"] {
				differ++
			}
			if r["分型结果"] == "成长型" {
				growth++
			}
		}
		require.Equal(t, 21, differ)
		require.Len(t, table(t, call(t, srv, tokens[models.RoleAuditor], "GET", at+".csv?tier=growth", nil).Body.String()), growth)

		w := call(t, srv, tokens[models.RoleAdmin], "GET", at+".xlsx", nil)
		require.Equal(t, kindXLSX, w.Header().Get("Content-Type"))
		book, err := excelize.OpenReader(w.Body)
		require.NoError(t, err)
		defer func() { _ = book.Close() }()
		cells, err := book.GetRows("分型结果")
		require.NoError(t, err)
		require.Len(t, cells, 501)

		n, next := 0, ""
		for {
			p := answer[Page[ResultView]](t, call(t, srv, tokens[models.RoleCity], "GET", at+"?tier="+url.QueryEscape("成长型")+"&limit=50&after="+next, nil), http.StatusOK)
			n += len(p.Items)
			if next = p.Next; next == "" {
				break
			}
		}
		require.Equal(t, growth, n)
		street := rows[0]["街道"]
		p := answer[Page[ResultView]](t, call(t, srv, tokens[models.RoleCity], "GET", at+"?limit=1000&street="+url.QueryEscape(street), nil), http.StatusOK)
		require.NotEmpty(t, p.Items)
		for _, r := range p.Items {
			require.Equal(t, street, r.Street)
		}
		problemOf(t, call(t, srv, tokens[models.RoleCity], "GET", at+"?tier=x", nil), http.StatusUnprocessableEntity, "invalid")
		elsewhere := token(t, s, models.User{Email: "a@hd.example.com", Name: "海淀", Role: models.RoleAdmin, District: "110108"})
		problemOf(t, call(t, srv, elsewhere, "GET", at+".csv", nil), http.StatusNotFound, "not-found")
	})
}

func TestAnOfficerSettlesTheDifferencesOfTheOwnDepartment(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampleRun(t, s)
		tokens := people(t, s)
		srv := newTestServer(s)
		srv.Temporal = studyEngine(t, s)
		at := "/api/v1/cycles/" + sampletest.Cycle + "/differences"

		all := answer[Page[DifferenceView]](t, call(t, srv, tokens[models.RoleAdmin], "GET", at, nil), http.StatusOK)
		require.Len(t, all.Items, 21)
		mine := answer[Page[DifferenceView]](t, call(t, srv, tokens[models.RoleDepartment], "GET", at, nil), http.StatusOK)
		require.NotEmpty(t, mine.Items)
		require.Less(t, len(mine.Items), 21)
		for _, d := range mine.Items {
			require.Equal(t, "tax", d.Department)
			require.Equal(t, "区税务局", d.DepartmentName)
			require.Equal(t, d.CityTier, d.Tier)
			require.NotEmpty(t, d.Name)
			require.NotEmpty(t, d.Why)
		}
		problemOf(t, call(t, srv, tokens[models.RoleDepartment], "GET", at+"?department=hrss", nil), http.StatusForbidden, "forbidden")

		var notMine int64
		for _, d := range all.Items {
			if d.Department != "tax" {
				notMine = d.ID
			}
		}
		decide := func(token, tier string, ids ...int64) (w int, body string) {
			r := call(t, srv, token, "POST", at+"/decisions", map[string]any{"ids": ids, "tier": tier, "reason": "经核对原始数据"})
			return r.Code, r.Body.String()
		}
		code, body := decide(tokens[models.RoleDepartment], "own", mine.Items[0].ID)
		require.Equal(t, http.StatusOK, code, body)
		require.JSONEq(t, `{"settled":1,"open":20}`, strip(t, body))
		code, _ = decide(tokens[models.RoleDepartment], "own", notMine)
		require.Equal(t, http.StatusForbidden, code)
		code, _ = decide(tokens[models.RoleDepartment], "own", mine.Items[0].ID)
		require.Equal(t, http.StatusConflict, code)
		code, _ = decide(tokens[models.RoleAdmin], "最高型", notMine)
		require.Equal(t, http.StatusUnprocessableEntity, code)
		code, _ = decide(tokens[models.RoleAuditor], "own", notMine)
		require.Equal(t, http.StatusForbidden, code)

		settled := answer[Page[DifferenceView]](t, call(t, srv, tokens[models.RoleAuditor], "GET", at+"?state=settled", nil), http.StatusOK)
		require.Len(t, settled.Items, 1)
		require.Equal(t, settled.Items[0].OwnTier, settled.Items[0].Tier)
		require.Equal(t, "经核对原始数据", settled.Items[0].Reason)

		results := table(t, call(t, srv, tokens[models.RoleAuditor], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/tiering/results.csv", nil).Body.String())
		for _, r := range results {
			if r["统一社会信用代码"] == settled.Items[0].USCC {
				require.Equal(t, r["本区判定"], r["分型结果"], "the decision stands above the city's result")
				require.Equal(t, r["本区判定"], r["研判决定"])
			}
		}
	})
}

// strip drops the link to the schema.
func strip(t *testing.T, body string) string {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &m))
	delete(m, "$schema")
	b, err := json.Marshal(m)
	require.NoError(t, err)
	return string(b)
}

func TestTheStudyReportCountsEveryHouseholdAndDrawsCharts(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		sampleRun(t, s)
		tokens := people(t, s)
		srv := newTestServer(s)
		r := answer[StudyView](t, call(t, srv, tokens[models.RoleCity], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/study", nil), http.StatusOK)
		require.EqualValues(t, 500, r.Households)
		require.Equal(t, "石景山区", r.DistrictName)
		require.Equal(t, TierNumbers{"不符合分型条件": 112, "生存型": 206, "成长型": 119, "发展型": 63}, r.Counts)
		require.Equal(t, TierNumbers{"不符合分型条件": 116, "生存型": 201, "成长型": 116, "发展型": 67}, r.OwnCounts)
		require.Equal(t, r.Counts, r.CityCounts)
		var streets, trades int64
		for _, g := range r.Streets {
			streets += g.Households
		}
		for _, g := range r.Trades {
			trades += g.Households
			require.NotEmpty(t, g.Name)
		}
		require.EqualValues(t, 500, streets)
		require.EqualValues(t, 500, trades)
		require.EqualValues(t, 21, r.Study.Open)
		require.EqualValues(t, 21, r.Differences.Households)
		require.Len(t, r.Gaps, int(models.SourceCount))
		gaps := map[models.Source]models.DataGap{}
		for _, g := range r.Gaps {
			gaps[g.Source] = g
			require.True(t, g.Delivered, g.Name)
		}
		require.Positive(t, gaps[models.SourceTax].Missing)
		require.Zero(t, gaps[models.SourceCityTiering].Missing)
		require.Zero(t, gaps[models.SourceCredit].Missing, "a list of hits lacks nobody")
		missing := answer[Page[GapHousehold]](t, call(t, srv, tokens[models.RoleCity], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/study/gaps?source=tax&kind=missing&limit=1000", nil), http.StatusOK)
		require.Len(t, missing.Items, int(gaps[models.SourceTax].Missing))

		w := call(t, srv, tokens[models.RoleCity], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/study.xlsx", nil)
		require.Equal(t, http.StatusOK, w.Code)
		content := w.Body.Bytes()
		book, err := excelize.OpenReader(bytes.NewReader(content))
		require.NoError(t, err)
		defer func() { _ = book.Close() }()
		require.Equal(t, []string{"总览", "分型", "街道", "行业", "变动", "差异", "数据缺口"}, book.GetSheetList())
		total, err := book.GetCellValue("分型", "B6")
		require.NoError(t, err)
		require.Equal(t, "500", total)
		rows, err := book.GetRows("差异")
		require.NoError(t, err)
		require.Len(t, rows, 22)
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		require.NoError(t, err)
		charts := 0
		for _, f := range archive.File {
			if strings.HasPrefix(f.Name, "xl/charts/chart") {
				charts++
			}
		}
		require.GreaterOrEqual(t, charts, 6)
	})
}

func TestTheHandOverFileStaysAsItWasAndItsReceiptFulfilsTheDuty(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		sampleRun(t, s)
		tokens := people(t, s)
		srv := newTestServer(s)
		engine := studyEngine(t, s)
		srv.Temporal = engine
		at := "/api/v1/cycles/" + sampletest.Cycle
		problemOf(t, call(t, srv, tokens[models.RoleAdmin], "GET", at+"/handover", nil), http.StatusNotFound, "not-found")
		problemOf(t, call(t, srv, tokens[models.RoleAdmin], "GET", at+"/annotations.csv", nil), http.StatusNotFound, "not-found")
		receipt := map[string]any{"receipt": "MLHZ-2026-0001", "received_on": "2026-08-14"}
		problemOf(t, call(t, srv, tokens[models.RoleAdmin], "POST", at+"/handover/receipt", receipt), http.StatusConflict, "conflict")

		require.NoError(t, s.OpenObligation(ctx, models.Obligation{CycleID: sampletest.Cycle, District: sampletest.District, Kind: models.ObligationHandover,
			Owner: models.BureauCode, Title: "汇总", Clause: "附一(二)1", Due: calendar.MustDate("2026-08-15"), OpenedOn: calendar.MustDate("2026-06-01")}))
		publish(t, s, "2026-07-26")
		a := &activities.Publication{Store: s}
		prepare := func(today string) HandoverView {
			perform(t, a, a.PrepareHandover, activities.HandoverInput{CycleID: sampletest.Cycle, Today: calendar.MustDate(today)})
			return answer[HandoverView](t, call(t, srv, tokens[models.RoleAuditor], "GET", at+"/handover", nil), http.StatusOK)
		}
		first := prepare("2026-08-13")
		require.EqualValues(t, 500, first.Households)
		file := call(t, srv, tokens[models.RoleAuditor], "GET", at+"/handover.csv", nil).Body.String()
		sum := sha256.Sum256([]byte(file))
		require.Equal(t, hex.EncodeToString(sum[:]), first.SHA256)
		rows := table(t, file)
		require.Len(t, rows, 500)
		require.Equal(t, "2026", rows[0]["年度"])
		require.Equal(t, "110107", rows[0]["区划代码"])
		require.Equal(t, first, prepare("2026-08-14"), "prepared again, the same tiers make the same file")

		book, err := excelize.OpenReader(call(t, srv, tokens[models.RoleAuditor], "GET", at+"/handover.xlsx", nil).Body)
		require.NoError(t, err)
		defer func() { _ = book.Close() }()
		cells, err := book.GetRows("名录汇总")
		require.NoError(t, err)
		require.Len(t, cells, 501)
		require.Equal(t, activities.HandoverHeader, cells[0])
		require.Equal(t, rows[0]["名称"], cells[1][1])

		marks := table(t, call(t, srv, tokens[models.RoleCity], "GET", at+"/annotations.csv", nil).Body.String())
		require.Len(t, marks, 500)
		require.Equal(t, "石景山区市场监督管理局", marks[0]["标注单位"])

		early := map[string]any{"receipt": "MLHZ-2026-0001", "received_on": "2026-08-01"}
		problemOf(t, call(t, srv, tokens[models.RoleAdmin], "POST", at+"/handover/receipt", early), http.StatusUnprocessableEntity, "invalid")
		require.Equal(t, http.StatusForbidden, call(t, srv, tokens[models.RoleDepartment], "POST", at+"/handover/receipt", receipt).Code)
		for range 2 {
			h := answer[HandoverView](t, call(t, srv, tokens[models.RoleAdmin], "POST", at+"/handover/receipt", receipt), http.StatusOK)
			require.Equal(t, "MLHZ-2026-0001", h.Receipt)
		}
		engine.AssertNumberOfCalls(t, "SignalWorkflow", 2)
		owed, err := s.OpenObligations(ctx, sampletest.Cycle)
		require.NoError(t, err)
		for _, o := range owed {
			require.NotEqual(t, models.ObligationHandover, o.Kind, "the duty is fulfilled")
		}

		// a decision after the hand-over changes what is public, and the file needs a receipt of its own
		list, err := s.Differences(ctx, store.DifferenceQuery{CycleID: sampletest.Cycle, Limit: 1})
		require.NoError(t, err)
		reason, err := s.AddReason(ctx, "user:1", "复核")
		require.NoError(t, err)
		_, _, err = s.Decide(ctx, models.Decision{CommandID: "k", CycleID: sampletest.Cycle, IDs: []int64{list[0].ID}, Choice: models.ChooseOwn, ReasonID: reason, Actor: "user:1", Admin: true}, calendar.MustDate("2026-08-15"))
		require.NoError(t, err)
		publish(t, s, "2026-08-16")
		second := prepare("2026-08-16")
		require.NotEqual(t, first.SHA256, second.SHA256)
		require.Empty(t, second.Receipt)
		var old bytes.Buffer
		require.NoError(t, s.HandoverFile(ctx, models.Handover{CycleID: sampletest.Cycle, SHA256: first.SHA256}, &old))
		require.Equal(t, file, old.String(), "what was handed over can be read for ever")
	})
}

func TestTheStudyReportNamesWhoRoseAndFellSinceLastYear(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		run := sampleRun(t, s)
		list, err := s.ResultPage(ctx, run, store.ResultFilter{Tier: models.Growth}, "", 2)
		require.NoError(t, err)
		rose, fell := list[0], list[1]
		content := []byte("统一社会信用代码,年度,分型结果\n" + rose.USCC + ",2025,生存型\n" + fell.USCC + ",2025,发展型\n")
		d, err := s.ReceiveDelivery(ctx, models.Delivery{District: sampletest.District, Year: sampletest.Year, Source: models.SourceCityTiering,
			Channel: models.ChannelUpload, FileName: "city2025.csv", By: "user:1"}, bytes.NewReader(content), 1<<20)
		require.NoError(t, err)
		reader, err := files.Open(bytes.NewReader(content), int64(len(content)), "city2025.csv", models.SourceCityTiering)
		require.NoError(t, err)
		_, err = s.ImportDelivery(ctx, d.ID, reader, nil)
		require.NoError(t, err)

		tokens := people(t, s)
		srv := newTestServer(s)
		r := answer[StudyView](t, call(t, srv, tokens[models.RoleCity], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/study", nil), http.StatusOK)
		require.EqualValues(t, 500, r.Households, "last year's result counts nobody twice")
		require.EqualValues(t, 1, r.Movement.Rose)
		require.EqualValues(t, 1, r.Movement.Fell)
		require.EqualValues(t, 498, r.Movement.New)
		book, err := excelize.OpenReader(call(t, srv, tokens[models.RoleCity], "GET", "/api/v1/cycles/"+sampletest.Cycle+"/study.xlsx", nil).Body)
		require.NoError(t, err)
		defer func() { _ = book.Close() }()
		rows, err := book.GetRows("变动")
		require.NoError(t, err)
		require.Contains(t, rows, []string{rose.USCC, rose.Name, "生存型", "成长型"})
		require.Contains(t, rows, []string{fell.USCC, fell.Name, "发展型", "成长型"})
		require.Contains(t, rows, []string{"上年没有（新增）", "112", "206", "117", "63", "0"})
	})
}
