package files_test

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"bangfu/activities/files"
	"bangfu/deploy/synth"
	"bangfu/models"
)

// memoryLimit is what reading may hold: of a file of a million rows the whole process may hold 300 MB.
const memoryLimit = 200 << 20

// writeXLSX writes the widest source as Excel would, every text a shared string, the hard case for memory.
func writeXLSX(t testing.TB, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	part := func(name string, write func(w *bufio.Writer)) {
		p, err := z.Create(name)
		require.NoError(t, err)
		w := bufio.NewWriterSize(p, 64<<10)
		write(w)
		require.NoError(t, w.Flush())
	}
	text := func(s string) func(*bufio.Writer) { return func(w *bufio.Writer) { _, _ = w.WriteString(s) } }
	part("_rels/.rels", text(`<Relationships><Relationship Id="r1" Type="`+rel+`officeDocument" Target="xl/workbook.xml"/></Relationships>`))
	part("xl/workbook.xml", text(`<workbook xmlns:r="r"><sheets><sheet name="表" sheetId="1" r:id="r1"/></sheets></workbook>`))
	part("xl/_rels/workbook.xml.rels", text(`<Relationships><Relationship Id="r1" Type="`+rel+`worksheet" Target="worksheets/sheet1.xml"/>`+
		`<Relationship Id="r2" Type="`+rel+`sharedStrings" Target="sharedStrings.xml"/></Relationships>`))
	part("xl/worksheets/sheet1.xml", func(w *bufio.Writer) {
		_, _ = w.WriteString(`<worksheet><sheetData>`)
		row, index := 0, 0
		for cells := range synth.Rows(models.SourceRegistry, n, 1) {
			row++
			_, _ = fmt.Fprintf(w, `<row r="%d">`, row)
			for c, cell := range cells {
				if cell != "" {
					_, _ = fmt.Fprintf(w, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, row, index)
					index++
				}
			}
			_, _ = w.WriteString(`</row>`)
		}
		_, _ = w.WriteString(`</sheetData></worksheet>`)
	})
	part("xl/sharedStrings.xml", func(w *bufio.Writer) {
		_, _ = w.WriteString(`<sst>`)
		for cells := range synth.Rows(models.SourceRegistry, n, 1) {
			for _, cell := range cells {
				if cell != "" {
					_, _ = w.WriteString(`<si><t>` + cell + `</t></si>`)
				}
			}
		}
		_, _ = w.WriteString(`</sst>`)
	})
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
}

// held is what the process has from the system, less what it gave back.
func held() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// readCounting reads a file to its end and gives its rows and the most memory that was held.
func readCounting(t testing.TB, path string) (rows int, most uint64) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	r, err := files.Open(f, info.Size(), filepath.Base(path), models.SourceRegistry)
	require.NoError(t, err)
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if len(row.Problems) > 0 {
			t.Fatalf("row %d: %v", row.Number, row.Problems)
		}
		if rows++; rows%20_000 == 0 {
			most = max(most, held())
		}
	}
	require.Equal(t, info.Size(), r.Read(), "progress ends at the end")
	require.NoError(t, r.Close())
	require.NoError(t, f.Close())
	return rows, most
}

// makeFiles writes the registry of n households in both formats.
func makeFiles(t testing.TB, n int) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	csv, xlsx := filepath.Join(dir, "registry.csv"), filepath.Join(dir, "registry.xlsx")
	f, err := os.Create(csv)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, models.SourceRegistry, n, 1))
	require.NoError(t, f.Close())
	writeXLSX(t, xlsx, n)
	return []string{csv, xlsx}
}

// 250,000 rows have 60 MB of shared strings, more than are kept in memory; what a million rows have more is in a file.
// BenchmarkAMillionRows measures those.
func TestLargeFilesStreamInBoundedMemory(t *testing.T) {
	const n = 250_000
	for _, path := range makeFiles(t, n) {
		t.Run(filepath.Ext(path)[1:], func(t *testing.T) {
			debug.FreeOSMemory()
			rows, most := readCounting(t, path)
			require.Equal(t, n, rows)
			t.Logf("%d MB held at most", most>>20)
			require.Less(t, most, uint64(memoryLimit))
		})
	}
}

func BenchmarkAMillionRows(b *testing.B) {
	const n = 1_000_000
	for _, path := range makeFiles(b, n) {
		b.Run(filepath.Ext(path)[1:], func(b *testing.B) {
			debug.FreeOSMemory()
			b.ReportAllocs()
			var most uint64
			for b.Loop() {
				_, m := readCounting(b, path)
				most = max(most, m)
			}
			require.Less(b, most, uint64(memoryLimit))
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(most>>20), "MB-held")
		})
	}
}
