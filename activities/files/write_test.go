package files

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"bangfu/models"
)

var table = [][]string{
	{"行号", "列", "值", "原因"},
	{"2", "名称", "=HYPERLINK(\"http://x\")", "a,b \"c\"\nd"},
	{"3", "统一社会信用代码", "92110107MABGJ15U6K", ""},
	{"4", "实缴税额(元)", "-12.5", " 前有空格"},
	{"5", "值", "@SUM(1)", "+1"},
}

func TestACSVOpensInExcelWithoutFormulas(t *testing.T) {
	var b bytes.Buffer
	w := NewCSVWriter(&b)
	for _, row := range table {
		require.NoError(t, w.Row(row...))
	}
	require.NoError(t, w.Close())
	require.True(t, strings.HasPrefix(b.String(), utf8BOM))
	require.Contains(t, b.String(), "\r\n")
	got, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), utf8BOM))).ReadAll()
	require.NoError(t, err)
	for i, row := range table {
		for j, cell := range row {
			require.Equal(t, models.SafeCell(cell), got[i][j])
		}
	}
	require.Equal(t, "'=HYPERLINK(\"http://x\")", got[1][2])
	require.Equal(t, "-12.5", got[3][2])
}

func TestAWorkbookIsWrittenAsTexts(t *testing.T) {
	var b bytes.Buffer
	w, err := NewXLSXWriter(&b, "拒收", 8, 24)
	require.NoError(t, err)
	for _, row := range table {
		require.NoError(t, w.Row(row...))
	}
	require.NoError(t, w.Close())
	f, err := excelize.OpenReader(&b)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	require.Equal(t, []string{"拒收"}, f.GetSheetList())
	for i, row := range table {
		for j, cell := range row {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			require.NoError(t, err)
			got, err := f.GetCellValue("拒收", at)
			require.NoError(t, err)
			require.Equal(t, cell, got)
			formula, err := f.GetCellFormula("拒收", at)
			require.NoError(t, err)
			require.Empty(t, formula)
		}
	}
}

func TestWhatWasWrittenCanBeDeliveredAgain(t *testing.T) {
	var b, x bytes.Buffer
	xw, err := NewXLSXWriter(&x, "登记注册")
	require.NoError(t, err)
	for _, w := range []TableWriter{NewCSVWriter(&b), xw} {
		require.NoError(t, w.Row("行号", "列", "值", "原因", "统一社会信用代码", "名称", "日期", "级别"))
		require.NoError(t, w.Row("2", "级别", "县级", "应为", codeA, "=诚信", "2025-05-01", "区级"))
		require.NoError(t, w.Close())
	}
	for name, content := range map[string][]byte{"a.csv": b.Bytes(), "a.xlsx": x.Bytes()} {
		rows, r := readAll(t, content, name, models.SourceHonours)
		require.Equal(t, []string{"行号", "列", "值", "原因"}, r.Unknown())
		require.Len(t, rows, 1)
		require.Empty(t, rows[0].problems)
		require.Equal(t, "=诚信", rows[0].values[1].Text)
	}
}
