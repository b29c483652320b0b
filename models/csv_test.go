package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestNoCellOfAnExportIsTakenForAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"北京样例五金店":                "北京样例五金店",
		"92110107MA3AGYGLUW":     "92110107MA3AGYGLUW",
		"=HYPERLINK(\"x\")":      "'=HYPERLINK(\"x\")",
		"+8613800000000":         "'+8613800000000",
		"@SUM(A1)":               "'@SUM(A1)",
		"-2+3+cmd|' /C calc'!A0": "'-2+3+cmd|' /C calc'!A0",
		"-12.5":                  "-12.5",
		"-":                      "'-",
		"-1.":                    "'-1.",
		" =1+1":                  "' =1+1",
		"\u3000＝1":               "'\u3000＝1",
		"＋1":                     "'＋1",
		"\t=1":                   "'\t=1",
		"\r\n":                   "'\r\n",
		"1-2":                    "1-2",
		"'=1":                    "'=1",
	} {
		require.Equal(t, want, models.SafeCell(in), "%q", in)
		require.Equal(t, want, models.SafeCell(models.SafeCell(in)), "twice is once: %q", in)
		if in != "'=1" {
			require.Equal(t, in, models.PlainCell(models.SafeCell(in)), "%q comes back", in)
		}
	}
	require.Equal(t, "'引号开头", models.PlainCell("'引号开头"), "only what SafeCell added is taken back")
}
