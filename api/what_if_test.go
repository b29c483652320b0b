package api

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

func TestAnAdministratorTriesADraftOnTheYearsRealData(t *testing.T) { // B2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		run := sampleRun(t, s)
		srv := newTestServer(s)
		file := bytes.Replace(policy.Default("110107", 2026), []byte("value: 20万元"), []byte("value: 60万元"), 1)
		draft := answer[PolicyView](t, sendFile(srv, adminToken, "/api/v1/policies?note="+url.QueryEscape("试算"), file), http.StatusCreated)
		path := "/api/v1/policies/2/what-if"

		v := answer[WhatIfView](t, call(t, srv, adminToken, "GET", path, nil), http.StatusOK)
		require.Equal(t, draft.Hash, v.Draft.Hash)
		require.Equal(t, run.PolicyHash, v.Base.Hash)
		require.EqualValues(t, 500, v.Households)
		require.Equal(t, tierNumbers(run.Counts), v.Own.Before)
		require.Len(t, v.Changes, 1)
		require.Equal(t, "60 万元（待确认）", v.Changes[0].To)
		require.Positive(t, v.Own.Moving)
		require.Equal(t, v.Own.Moving, v.HeldByCity+v.Counting.Moving)
		require.Len(t, v.Movers, int(v.Own.Moving))
		require.False(t, v.Truncated)
		require.Len(t, v.Moves, 1)
		require.Equal(t, models.Growth, v.Moves[0].From)
		require.Equal(t, []models.WhatIfCount{{ID: "growth.A", Clause: "附一(三)2(2)A", Name: "营业收入达到成长型标准", Households: v.Own.Moving}}, v.Moves[0].Causes)
		require.Equal(t, v.Own.PlacesBefore.Growth-v.Own.Moving, v.Own.PlacesAfter.Growth)
		require.InDelta(t, 5, v.Own.PlacesAfter.Share, 0)
		require.Nil(t, v.FrozenPlaces)
		for _, m := range v.Movers {
			require.Equal(t, models.Growth, m.OwnFrom)
			require.Equal(t, m.Held == "", m.CountingFrom != m.CountingTo)
		}
		same := answer[WhatIfView](t, call(t, srv, adminToken, "GET", "/api/v1/policies/1/what-if", nil), http.StatusOK)
		require.Empty(t, same.Movers)
		require.NotNil(t, same.Changes)

		w := call(t, srv, adminToken, "GET", path+".xlsx", nil)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
		require.NoError(t, err)
		defer func() { require.NoError(t, book.Close()) }()
		require.Equal(t, []string{"总览", "变动依据", "街道", "认定户", "变动户"}, book.GetSheetList())
		rows, err := book.GetRows("变动户")
		require.NoError(t, err)
		require.Len(t, rows, 1+int(v.Own.Moving))
		for i, m := range v.Movers {
			require.Equal(t, []string{m.USCC, m.Name, m.Street, "成长型", "生存型", m.CountingFrom.String(), m.CountingTo.String(), m.Held, "附一(三)2(2)A 营业收入达到成长型标准（符合→不符合）"}, rows[1+i])
		}
		reasons, err := book.GetRows("变动依据")
		require.NoError(t, err)
		require.Equal(t, []string{"成长型 → 生存型", "附一(三)2(2)A", "营业收入达到成长型标准"}, reasons[2][:3])

		w = call(t, srv, adminToken, "GET", path+".html", nil)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		require.Contains(t, w.Header().Get("Content-Type"), "text/html")
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'")
		html := w.Body.String()
		for _, want := range []string{"成长型 → 生存型", "附一(三)2(2)A", "60 万元（待确认）", "营业收入 60 万元以上（待确认）", "试算只供参考", v.Movers[0].USCC, v.Movers[0].Name, draft.Hash, "符合→不符合", "没有受影响的认定户"} {
			require.Contains(t, html, want)
		}
		require.GreaterOrEqual(t, strings.Count(html, "<svg"), 6)
		require.True(t, regexp.MustCompile(`<rect class="s1" x="300" y="\d+" width="[1-9]\d*"`).MatchString(html), "the bars have a length")
		for _, never := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ", "%!"} {
			require.NotContains(t, html, never, "the page needs nothing from elsewhere")
		}

		problemOf(t, call(t, srv, adminToken, "GET", path+"?year=2027", nil), http.StatusNotFound, "not-found")
		problemOf(t, call(t, srv, adminToken, "GET", "/api/v1/policies/99/what-if.xlsx", nil), http.StatusNotFound, "not-found")
		again := sampletest.Judge(t, s)
		require.Equal(t, run, again, "a trial leaves nothing behind")
	})
}

func TestOnePolicyIsTriedAtATime(t *testing.T) {
	s := open(t)
	sampleRun(t, s)
	srv := newTestServer(s)
	srv.trying <- struct{}{}
	for _, form := range []string{"", ".xlsx", ".html"} {
		w := call(t, srv, adminToken, "GET", "/api/v1/policies/1/what-if"+form, nil)
		problemOf(t, w, http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
	<-srv.trying
	for range 2 {
		answer[WhatIfView](t, call(t, srv, adminToken, "GET", "/api/v1/policies/1/what-if", nil), http.StatusOK)
	}
	people := people(t, s)
	for role, token := range people {
		want := http.StatusForbidden
		if role == models.RoleAdmin {
			want = http.StatusOK
		}
		require.Equal(t, want, call(t, srv, token, "GET", "/api/v1/policies/1/what-if", nil).Code, role)
	}
}

func TestAHouseholdsNameCannotWriteIntoThePageOfATrial(t *testing.T) {
	w := whatIf{WhatIf: &models.WhatIf{Movers: []models.WhatIfMover{{USCC: "x", Name: `<script>alert(1)</script>`, From: models.Growth, To: models.Survival}}}}
	var page bytes.Buffer
	require.NoError(t, whatIfTemplate.Execute(&page, newWhatIfPage(w)))
	require.NotContains(t, page.String(), "<script")
	require.Contains(t, page.String(), "&lt;script&gt;")
}

func TestAChartGivesEveryNumberABarOfItsLength(t *testing.T) {
	c := newBarChart("图", []string{"甲", "乙"}, []chartData{{"一", []int64{1_000_000, 0}}, {strings.Repeat("长", 30), []int64{500_000, 1}}})
	require.Equal(t, longestBar, c.Rows[0].Bars[0].Width)
	require.Zero(t, c.Rows[0].Bars[1].Width)
	require.Equal(t, longestBar/2, c.Rows[1].Bars[0].Width)
	require.Equal(t, 1, c.Rows[1].Bars[1].Width, "one household can be seen")
	require.Equal(t, "1,000,000", c.Rows[0].Bars[0].Value)
	require.Equal(t, strings.Repeat("长", 20)+"…", c.Rows[1].Label)
	require.Equal(t, "附一(三)2(3)A 营业收入达到发展型标准", shorten("附一(三)2(3)A 营业收入达到发展型标准", labelLength))
	require.Less(t, c.Rows[1].Bars[1].Y+barHeight, c.Height)
}
