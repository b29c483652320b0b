package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// sendFile posts a policy file as it is.
func sendFile(s *Server, token, path string, content []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, bytes.NewReader(content))
	r.Header.Set("Content-Type", "application/yaml")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestAnAdministratorChecksComparesAndPutsAPolicyInForce(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	file := policy.Default("110107", 2026)
	mended := bytes.Replace(file, []byte("value: 20万元\n    placeholder: true"), []byte("value: 25万元"), 1)

	check := answer[PolicyCheck](t, sendFile(s, adminToken, "/api/v1/policies/check", file), http.StatusOK)
	require.True(t, check.OK)
	require.Contains(t, check.Placeholders, "成长型营业收入标准：20 万元", "what the district has yet to confirm is named")

	wrong := bytes.ReplaceAll(file, []byte("at_least: growth.revenue"), []byte("at_least: growth.rvenue"))
	wrong = append(wrong, "extra: 1\n"...)
	check = answer[PolicyCheck](t, sendFile(s, adminToken, "/api/v1/policies/check", wrong), http.StatusOK)
	require.False(t, check.OK)
	require.Len(t, check.Problems, 2)
	require.NotZero(t, check.Problems[0].Line)
	require.Contains(t, check.Problems[0].Message, "growth.rvenue")
	problem := problemOf(t, sendFile(s, adminToken, "/api/v1/policies", wrong), http.StatusUnprocessableEntity, "invalid")
	require.Len(t, problem.Errors, 2)
	require.Regexp(t, `^第 \d+ 行第 \d+ 列：`, problem.Errors[0].Message)

	first := answer[PolicyView](t, sendFile(s, adminToken, "/api/v1/policies?note=%E5%88%9D%E7%A8%BF", file), http.StatusCreated)
	require.Equal(t, models.PolicyDraft, first.State)
	require.Equal(t, "初稿", first.Note)
	again := answer[PolicyView](t, sendFile(s, adminToken, "/api/v1/policies", file), http.StatusCreated)
	require.Equal(t, first.ID, again.ID)
	second := answer[PolicyView](t, sendFile(s, adminToken, "/api/v1/policies", mended), http.StatusCreated)
	require.Equal(t, 2, second.Version)

	content := call(t, s, adminToken, http.MethodGet, "/api/v1/policies/1/content", nil)
	require.Equal(t, http.StatusOK, content.Code)
	require.Equal(t, file, content.Body.Bytes(), "the file comes back byte by byte")

	diff := answer[PolicyDiff](t, call(t, s, adminToken, http.MethodGet, "/api/v1/policies/2/diff?with=1", nil), http.StatusOK)
	require.Len(t, diff.Changes, 1)
	require.Equal(t, "20 万元（待确认）", diff.Changes[0].From)
	require.Equal(t, "25 万元", diff.Changes[0].To)

	inForce := answer[PolicyView](t, call(t, s, adminToken, http.MethodPost, "/api/v1/policies/2/force", nil), http.StatusOK)
	require.Equal(t, models.PolicyInForce, inForce.State)
	page := answer[Page[PolicyView]](t, call(t, s, adminToken, http.MethodGet, "/api/v1/policies?district=110107&limit=1", nil), http.StatusOK)
	require.Len(t, page.Items, 1)
	require.Equal(t, "1", page.Next)
	problemOf(t, call(t, s, adminToken, http.MethodGet, "/api/v1/policies/99", nil), http.StatusNotFound, "not-found")
}

func TestAnAdministratorOfOneDistrictSeesNoOther(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	_, err := db.EnsurePolicy(context.Background(), "110107", 2026)
	require.NoError(t, err)
	require.NoError(t, db.SetDistrict(context.Background(), models.ActorConsole, models.District{Code: "110108", Name: "海淀区", City: "北京市"}))
	token := token(t, db, models.User{Email: "hd@example.cn", Name: "海淀", Role: models.RoleAdmin, District: "110108"})
	problemOf(t, call(t, s, token, http.MethodGet, "/api/v1/policies/1", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, token, http.MethodGet, "/api/v1/policies/1/content", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, token, http.MethodPost, "/api/v1/policies/1/force", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, token, http.MethodPost, "/api/v1/policies/1/publish", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, token, http.MethodGet, "/api/v1/policies?district=110107", nil), http.StatusNotFound, "not-found")
	problemOf(t, sendFile(s, token, "/api/v1/policies", policy.Default("110107", 2026)), http.StatusForbidden, "forbidden")
	page := answer[Page[PolicyView]](t, call(t, s, token, http.MethodGet, "/api/v1/policies", nil), http.StatusOK)
	require.Empty(t, page.Items)
}

func TestTheStandardsArePublicOnceTheyArePublished(t *testing.T) {
	db := open(t)
	s := newTestServer(db)
	ctx := context.Background()
	v, err := db.EnsurePolicy(ctx, "110107", 2026)
	require.NoError(t, err)
	problemOf(t, call(t, s, "", http.MethodGet, "/public/v1/standards?district=110107&year=2026", nil), http.StatusNotFound, "not-found")
	problemOf(t, call(t, s, "", http.MethodGet, "/public/standards/110107/2026", nil), http.StatusNotFound, "not-found")

	published := answer[PolicyView](t, call(t, s, adminToken, http.MethodPost, "/api/v1/policies/1/publish", nil), http.StatusOK)
	require.NotEmpty(t, published.PublishedAt)
	standards := answer[Standards](t, call(t, s, "", http.MethodGet, "/public/v1/standards?district=110107&year=2026", nil), http.StatusOK)
	require.Equal(t, v.Hash, standards.Hash)
	require.Equal(t, 1, standards.Version)
	require.Equal(t, calendar.MustDate("2026-01-01"), standards.ValidFrom)
	var growth StandardParameter
	for _, p := range standards.Parameters {
		if p.Key == "growth.revenue" {
			growth = p
		}
	}
	require.Equal(t, StandardParameter{Key: "growth.revenue", Name: "成长型营业收入标准", Clause: "附一(三)2(2)A",
		Text: "上一年度年报中填报的销售额或者营业收入达到一定数额", Value: "20 万元", Amount: "200000.00", Unit: "元", Placeholder: true}, growth)
	require.Len(t, standards.Base.Exclude, 4)
	require.Equal(t, models.Survival, standards.Tiers[0].Tier)
	require.Len(t, standards.Categories.Categories, 4)
	require.Equal(t, StandardGround{"C", "拥有商标品牌且有一定知名度的", "部门数据核对后凭材料审核：有效商标"}, standards.Categories.Categories[0].Grounds[2])
	require.Contains(t, standards.Categories.Bars, StandardBar{StandardText{"附三(三)1(1)",
		"申报或推荐之日前2年内，有在国家企业信用信息公示系统公示的罚款及以上行政处罚信息，尚未完成信用修复的"}, "行政处罚回溯期2 年；轻于罚款的处罚：警告、通报批评"})
	require.Contains(t, standards.Categories.Comparison.Rules, StandardRule{"附三(三)1", "本年度分型的分值", "成长型 5 分、发展型 10 分（待确认）"})
	require.Contains(t, standards.Validity.Rules, StandardRule{"附三(五)", "期满评估", "有效期最后一年的8月16日开始（待确认）"})

	w := call(t, s, "", http.MethodGet, "/public/standards/110107/2026", nil)
	require.Equal(t, http.StatusOK, w.Code)
	html := w.Body.String()
	for _, want := range []string{"20 万元", "待确认", "附一(三)2(3)D", "知名", "区银行保险产业园管理委员会", v.Hash, "第 1 版", "营业收入 120 万元以上（待确认）", "比选", "部门数据核对：成立年限与信用记录", "同分时依次优先", "有效期满前60天告知（待确认）"} {
		require.Contains(t, html, want)
	}
	for _, never := range []string{"<script", "http://", "https://", "src="} {
		require.NotContains(t, strings.ToLower(html), never, "the page needs nothing from elsewhere")
	}
	problemOf(t, call(t, s, "", http.MethodGet, "/public/standards/110107/x", nil), http.StatusNotFound, "not-found")
}
