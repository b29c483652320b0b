package activities_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

const taxHeader = "统一社会信用代码,所属年度,税务登记,非正常户,纳税人类型,实缴税额(元)\n"

// taxFile makes a file of valid rows, for households 0 … n-1.
func taxFile(n int, paid string) string {
	var b strings.Builder
	b.WriteString(taxHeader)
	for i := range n {
		fmt.Fprintf(&b, "%s,2025,是,否,小规模纳税人,%s\n", uscc(i), paid)
	}
	return b.String()
}

// uscc makes a valid code with its check character (GB 32100-2015).
func uscc(n int) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	code := fmt.Sprintf("92110107MA%07d", n)
	sum, weight := 0, 1
	for _, c := range code {
		sum += strings.IndexRune(alphabet, c) * weight
		weight = weight * 3 % 31
	}
	return code + string(alphabet[(31-sum%31)%31])
}

func received(t *testing.T, s *store.Store, source models.Source, name string, content []byte) models.Delivery {
	t.Helper()
	d, err := s.ReceiveDelivery(context.Background(), models.Delivery{District: "110107", Year: 2026, Source: source,
		Channel: models.ChannelUpload, FileName: name, By: "user:1"}, bytes.NewReader(content), 64<<20)
	require.NoError(t, err)
	return d
}

func imported(t *testing.T, s *store.Store, id string) activities.ImportResult {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a := &activities.Deliveries{Store: s}
	env.RegisterActivity(a)
	value, err := env.ExecuteActivity(a.ImportDelivery, activities.ImportInput{DeliveryID: id})
	require.NoError(t, err)
	var r activities.ImportResult
	require.NoError(t, value.Get(&r))
	return r
}

func TestTheSampleDistrictGoesInWithAllItsDisorder(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		for _, f := range []string{"registry.csv", "annual_report.csv", "credit.csv", "tax.xlsx", "social_security.csv", "ip.xlsx", "city_tiering.csv", "honours.csv"} {
			content, err := os.ReadFile(filepath.Join("..", "deploy", "sample-district", f))
			require.NoError(t, err)
			source, err := models.ParseSource(strings.TrimSuffix(f, filepath.Ext(f)))
			require.NoError(t, err)
			d := received(t, s, source, f, content)
			r := imported(t, s, d.ID)
			require.Equal(t, models.DeliveryAccepted, r.State, f)
			require.Equal(t, r.Rows.Read, r.Rows.Accepted+r.Rows.Repeated+r.Rows.Rejected, f)
			require.Positive(t, r.Rows.Accepted, f)
			t.Logf("%s %+v", f, r.Rows)
			require.Equal(t, r, imported(t, s, d.ID), "imported once, however often it is asked for")
		}
	})
}

func TestAFileThatCannotBeTakenIsRefusedWholeWithOneReason(t *testing.T) {
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.Create("xl/worksheets/sheet1.xml")
	require.NoError(t, err)
	for range 200 {
		_, err = w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		before := received(t, s, models.SourceTax, "tax.csv", []byte(taxFile(2, "100")))
		require.Equal(t, models.DeliveryAccepted, imported(t, s, before.ID).State)
		for name, content := range map[string][]byte{
			"a missing column": []byte("统一社会信用代码,所属年度\n" + uscc(1) + ",2025\n"),
			"another source":   []byte("统一社会信用代码,年度,分型结果\n" + uscc(1) + ",2026,生存型\n"),
			"nothing":          {},
			"noise":            bytes.Repeat([]byte{0xFF, 0x00, 0x81}, 1000),
			"a bomb":           bomb.Bytes(),
			"half a workbook":  bomb.Bytes()[:bomb.Len()/2],
		} {
			d := received(t, s, models.SourceTax, "tax.xlsx", content)
			require.Equal(t, models.DeliveryRefused, imported(t, s, d.ID).State, name)
			d, err := s.Delivery(context.Background(), d.ID)
			require.NoError(t, err)
			require.Regexp(t, `\p{Han}`, d.Reason, name)
			newest, err := s.NewestDeliveries(context.Background(), "110107", 2026)
			require.NoError(t, err)
			require.Equal(t, before.ID, newest[0].ID, "what was there before stays")
		}
	})
}

func TestRejectedRowsCanBeMendedInPlaceAndDeliveredAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		content := taxHeader + uscc(1) + ",2025,是,否,小规模纳税人,=1+1\n" + uscc(2) + ",2025,是,否,小规模纳税人,5\n坏代码,二〇二五,是,否,,\n"
		d := received(t, s, models.SourceTax, "tax.csv", []byte(content))
		r := imported(t, s, d.ID)
		require.Equal(t, models.Rows{Read: 3, Accepted: 1, Rejected: 2, Unmatched: 1}, r.Rows)
		var file bytes.Buffer
		table := files.NewCSVWriter(&file)
		require.NoError(t, activities.WriteRejects(context.Background(), s, d.ID, table))
		require.NoError(t, table.Close())
		lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\uFEFF"))).ReadAll()
		require.NoError(t, err)
		require.Equal(t, append([]string{"行号", "列", "值", "原因"}, strings.Split(strings.TrimSpace(taxHeader), ",")...), lines[0])
		require.Len(t, lines, 3)
		require.Equal(t, []string{"2", "实缴税额(元)"}, lines[1][:2])
		require.NotEqual(t, byte('='), lines[1][9][0], "no cell is a formula")
		require.Equal(t, "4", lines[2][0])
		require.Equal(t, "统一社会信用代码；所属年度", lines[2][1], "every problem of a row is named")

		mended := strings.NewReplacer("'=1+1", "2", "坏代码", uscc(3), "二〇二五", "2025").Replace(file.String())
		d = received(t, s, models.SourceTax, "mended.csv", []byte(mended))
		r = imported(t, s, d.ID)
		require.Equal(t, models.Rows{Read: 2, Accepted: 2, Unmatched: 2}, r.Rows)
	})
}
