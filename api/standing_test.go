package api

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"bangfu/activities/files"
	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/calendar"
)

// deliverCredit delivers rows of 信用监管 for the sample district.
func (d *closing) deliverCredit(rows string) {
	d.t.Helper()
	ctx := context.Background()
	content := []byte("统一社会信用代码,记录类型,列入日期,移出日期\n" + rows)
	r, err := d.store.ReceiveDelivery(ctx, models.Delivery{District: "110107", Year: 2026, Source: models.SourceCredit, Channel: models.ChannelUpload, FileName: "credit.csv", By: "user:1"},
		bytes.NewReader(content), 1<<20)
	require.NoError(d.t, err)
	reader, err := files.Open(bytes.NewReader(content), int64(len(content)), "credit.csv", models.SourceCredit)
	require.NoError(d.t, err)
	receipt, err := d.store.ImportDelivery(ctx, r.ID, reader, nil)
	require.NoError(d.t, err)
	require.NoError(d.t, reader.Close())
	require.Equal(d.t, 1, receipt.Rows.Accepted)
}

// watched is the sample district with five certified households, against one of which a delivery speaks.
func watched(t *testing.T) *closing {
	t.Helper()
	ctx := context.Background()
	d := newClosing(t)
	d.certified()
	_, err := d.store.PublishTiers(ctx, sampletest.Cycle, calendar.MustDate("2026-08-13"))
	require.NoError(t, err)
	for id := int64(1); id <= 5; id++ {
		_, _, err := d.store.FollowCertified(ctx, id, calendar.MustDate(d.today))
		require.NoError(t, err)
	}
	d.deliverCredit(d.codes[1] + ",失信被执行人,2026-10-08,\n")
	page, err := d.store.RecheckCertified(ctx, "110107", false, calendar.MustDate("2026-11-24"), 0)
	require.NoError(t, err)
	require.Equal(t, models.RecheckCounts{Opened: 1}, page.RecheckCounts)
	return d
}

func TestTheBureauSeesHowItsCertifiedHouseholdsStand(t *testing.T) { // R19
	d := watched(t)
	list := func(token, query string) Page[CertifiedView] {
		t.Helper()
		return answer[Page[CertifiedView]](t, call(t, d.server, token, http.MethodGet, "/api/v1/certified"+query, nil), http.StatusOK)
	}
	first := list(d.bureau, "?limit=3")
	rest := list(d.bureau, "?limit=3&after="+first.Next)
	require.Len(t, first.Items, 3)
	require.Len(t, rest.Items, 2)
	require.Empty(t, rest.Next)

	held := list(d.bureau, "?cases=true")
	require.Len(t, held.Items, 1)
	c := held.Items[0]
	require.Equal(t, d.codes[1], c.USCC)
	require.Len(t, c.Cases, 1)
	require.Equal(t, []any{models.CaseData, "动态管理", models.CaseHearing}, []any{c.Cases[0].Kind, c.Cases[0].KindName, c.Cases[0].State})
	require.Equal(t, calendar.MustDate("2027-01-01"), c.BenefitsFrom)
	require.Equal(t, 2026, c.TierYear)
	require.Equal(t, c.Tier, c.TierNow)
	require.NotEmpty(t, c.Next)
	for query, want := range map[string]int{"?state=valid": 5, "?state=revoked": 0, "?category=%E4%BC%98%E8%B4%A8": 1, "?case=data": 1, "?case=evaluation": 0, "?report=owed": 0,
		"?tier=ineligible": 0, "?year=2026": 5, "?year=2025": 0, "?next_by=2026-11-01": 0, "?next_by=2040-01-01": 5, "?uscc=" + d.codes[4]: 1} {
		require.Len(t, list(d.bureau, query).Items, want, query)
	}
	problemOf(t, call(t, d.server, d.bureau, http.MethodGet, "/api/v1/certified?next_by=tomorrow", nil), http.StatusUnprocessableEntity, "invalid")
	require.Len(t, list(d.tokens[models.RoleAuditor], "?district=110107").Items, 5)
	problemOf(t, call(t, d.server, d.tokens[models.RoleDepartment], http.MethodGet, "/api/v1/certified", nil), http.StatusForbidden, "forbidden")
	stranger := token(t, d.store, models.User{Email: "x@example.com", Name: "他区", Role: models.RoleAdmin, District: "110108"})
	require.Empty(t, list(stranger, "").Items)

	counts := answer[CertifiedCounts](t, call(t, d.server, d.bureau, http.MethodGet, "/api/v1/certified/counts", nil), http.StatusOK)
	require.Equal(t, []CertifiedCount{{"valid", "有效", 5}}, counts.States)
	require.Equal(t, []CertifiedCount{{"data", "动态管理", 1}}, counts.Cases)
	sum := int64(0)
	for _, n := range counts.Tiers {
		require.NotEmpty(t, n.Name)
		sum += n.Count
	}
	require.Equal(t, int64(5), sum)
	require.Len(t, counts.Categories, 4)
	require.Empty(t, counts.Reports)
	problemOf(t, call(t, d.server, d.tokens[models.RoleDepartment], http.MethodGet, "/api/v1/certified/counts", nil), http.StatusForbidden, "forbidden")

	w := call(t, d.server, d.bureau, http.MethodGet, "/api/v1/certified.xlsx?state=valid", nil)
	require.Equal(t, http.StatusOK, w.Code)
	book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
	require.NoError(t, err)
	rows, err := book.GetRows("名特优新")
	require.NoError(t, err)
	require.Len(t, rows, 6)
	require.Equal(t, []string{models.CertificationNumber("110107", 2026, 2), d.codes[1]}, rows[2][:2])
	require.Equal(t, "动态管理：听取陈述申辩", rows[2][14])
}

func TestAHouseholdSeesWhatIsHeldAgainstItAndTheNumbersOfItsEvaluation(t *testing.T) { // R19, R20, R24
	d := watched(t)
	path := "/api/v1/certifications/" + models.CertificationNumber("110107", 2026, 2)
	mine, other := operatorToken(t, d.store, "110107", d.codes[1]), operatorToken(t, d.store, "110107", d.codes[0])
	for _, token := range []string{mine, d.bureau, d.tokens[models.RoleAuditor]} {
		standing := answer[models.Standing](t, call(t, d.server, token, http.MethodGet, path+"/standing", nil), http.StatusOK)
		require.Equal(t, sampletest.Cycle, standing.Cycle)
		failing := map[string]models.Outcome{}
		for _, f := range standing.Findings {
			if f.Outcome == models.OutcomeNotMet {
				failing[f.ID] = f.Outcome
				require.Equal(t, "附三(三)1(2)", f.Clause)
				require.Contains(t, f.Source, "信用监管")
			}
		}
		require.Equal(t, map[string]models.Outcome{"dishonest_operator": models.OutcomeNotMet}, failing)

		e := answer[models.Evaluation](t, call(t, d.server, token, http.MethodGet, path+"/evaluation", nil), http.StatusOK)
		require.Equal(t, models.CertificationNumber("110107", 2026, 2), e.Number)
		require.Equal(t, calendar.MustDate("2026-11-23"), e.Since)
		require.Equal(t, 2025, e.BaseYear)
		require.Equal(t, "20%（待确认）", e.Growth)
		require.Len(t, e.Series, 3)
		require.Len(t, e.Findings, 4)
		require.Equal(t, "自主申报认定，不适用", e.Findings[3].Value)
	}
	for _, p := range []string{"/standing", "/evaluation"} {
		for _, token := range []string{other, d.tokens[models.RoleDepartment]} {
			require.Equal(t, http.StatusNotFound, call(t, d.server, token, http.MethodGet, path+p, nil).Code, "who did not recommend it, and other households")
		}
		require.Equal(t, http.StatusNotFound, call(t, d.server, d.bureau, http.MethodGet, "/api/v1/certifications/110107-2026-MTYX-0099"+p, nil).Code)
	}
}
