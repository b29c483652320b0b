package files

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

const sampleDir = "../../deploy/sample-district"

// copied is a row that outlives its reader.
type copied struct {
	number   int
	values   []models.Value
	problems []models.Problem
	cells    []string
}

func readAll(t testing.TB, content []byte, name string, source models.Source) ([]copied, *Reader) {
	t.Helper()
	r, err := Open(bytes.NewReader(content), int64(len(content)), name, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	rows, err := drain(r)
	require.NoError(t, err)
	return rows, r
}

func drain(r *Reader) (rows []copied, err error) {
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, copied{row.Number, append([]models.Value(nil), row.Values...), append([]models.Problem(nil), row.Problems...), row.Cells})
	}
}

func TestTheSampleDistrictIsReadWhole(t *testing.T) {
	for _, c := range []struct {
		file    string
		source  models.Source
		rows    int
		unknown []string
	}{
		{"registry.csv", models.SourceRegistry, 500, []string{"备注"}},
		{"annual_report.csv", models.SourceAnnualReport, 839, nil},
		{"credit.csv", models.SourceCredit, 75, nil},
		{"tax.xlsx", models.SourceTax, 829, nil},
		{"social_security.csv", models.SourceSocialSecurity, 326, nil},
		{"ip.xlsx", models.SourceIP, 57, nil},
		{"city_tiering.csv", models.SourceCityTiering, 500, nil},
		{"honours.csv", models.SourceHonours, 10, nil},
	} {
		t.Run(c.file, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(sampleDir, c.file))
			require.NoError(t, err)
			rows, r := readAll(t, content, c.file, c.source)
			require.Equal(t, c.unknown, r.Unknown())
			require.Equal(t, c.rows, len(rows))
			for i, row := range rows {
				require.Empty(t, row.problems, "row %d: %v", row.number, row.cells)
				require.Equal(t, i+2, row.number)
			}
		})
	}
}
