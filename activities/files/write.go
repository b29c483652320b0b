package files

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"bangfu/models"
)

// TableWriter writes a table row by row; the first row is the header.
type TableWriter interface {
	// Row writes one row.
	Row(cells ...string) error
	// Close completes the table; it does not close what lies below.
	Close() error
}

// CSVWriter writes UTF-8 with BOM and CRLF, as Excel reads it, and no cell that a spreadsheet would take for a formula.
type CSVWriter struct {
	w    io.Writer
	line []byte
}

// NewCSVWriter begins a table on w.
func NewCSVWriter(w io.Writer) *CSVWriter {
	return &CSVWriter{w: w, line: append(make([]byte, 0, 2*flushAt), utf8BOM...)}
}

const flushAt = 32 << 10

// Row writes one row.
func (c *CSVWriter) Row(cells ...string) error {
	for i, cell := range cells {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		cell = models.SafeCell(cell)
		if !strings.ContainsAny(cell, "\",\r\n") && (cell == "" || cell[0] != ' ') {
			c.line = append(c.line, cell...)
			continue
		}
		c.line = append(c.line, '"')
		c.line = append(c.line, strings.ReplaceAll(cell, `"`, `""`)...)
		c.line = append(c.line, '"')
	}
	c.line = append(c.line, '\r', '\n')
	if len(c.line) < flushAt {
		return nil
	}
	return c.flush()
}

// Close writes what is left.
func (c *CSVWriter) Close() error { return c.flush() }

func (c *CSVWriter) flush() error {
	if len(c.line) == 0 {
		return nil
	}
	_, err := c.w.Write(c.line)
	c.line = c.line[:0]
	if err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// maxSheetRows is what Excel takes in one sheet.
const maxSheetRows = excelize.TotalRows

// XLSXWriter writes one workbook; every cell is a text, so that codes keep their digits and nothing is a formula. What does not fit in
// one sheet goes on in the next, under the same header.
type XLSXWriter struct {
	w      io.Writer // nil: the workbook is another's
	file   *excelize.File
	stream *excelize.StreamWriter
	name   string
	sheets int
	row    int
	header []any
	widths []float64
	head   int // style of the header
	text   int // style of the other cells
	cells  []any
}

// NewXLSXWriter begins a workbook whose sheet bears the name; widths are the columns' widths in characters, 16 where none is given.
// Nothing reaches w before Close.
func NewXLSXWriter(w io.Writer, name string, widths ...float64) (*XLSXWriter, error) {
	x := &XLSXWriter{w: w, file: excelize.NewFile(), name: name, widths: widths}
	if err := x.styles(); err != nil {
		_ = x.file.Close()
		return nil, err
	}
	return x, nil
}

// NewSheetWriter begins a table on a new sheet of a workbook that has others. Close completes the sheet; the workbook stays the caller's.
func NewSheetWriter(file *excelize.File, name string, widths ...float64) (*XLSXWriter, error) {
	x := &XLSXWriter{file: file, name: name, widths: widths}
	return x, x.styles()
}

func (x *XLSXWriter) styles() (err error) {
	if x.head, err = x.file.NewStyle(&excelize.Style{
		Font:      &excelize.Font{Bold: true},
		Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"DDEBF7"}},
		Alignment: &excelize.Alignment{Vertical: "center", WrapText: true},
		NumFmt:    49,
	}); err == nil {
		x.text, err = x.file.NewStyle(&excelize.Style{NumFmt: 49}) // 文本: mended codes stay codes
	}
	if err != nil {
		return fmt.Errorf("make the styles of a workbook: %w", err)
	}
	return nil
}

// Row writes one row.
func (x *XLSXWriter) Row(cells ...string) error {
	first := x.stream == nil
	if first || x.row == maxSheetRows {
		if err := x.nextSheet(len(cells)); err != nil {
			return err
		}
	}
	x.cells = x.cells[:0]
	style := x.text
	if first {
		style = x.head
	}
	for _, c := range cells {
		x.cells = append(x.cells, excelize.Cell{StyleID: style, Value: strings.ToValidUTF8(c, "\uFFFD")})
	}
	if first {
		x.header = append([]any(nil), x.cells...)
	}
	return x.write(x.cells)
}

func (x *XLSXWriter) write(cells []any) error {
	x.row++
	at, err := excelize.CoordinatesToCellName(1, x.row)
	if err == nil {
		err = x.stream.SetRow(at, cells)
	}
	if err != nil {
		return fmt.Errorf("write row %d of a workbook: %w", x.row, err)
	}
	return nil
}

// nextSheet completes the present sheet and begins another.
func (x *XLSXWriter) nextSheet(columns int) error {
	if x.stream != nil {
		if err := x.stream.Flush(); err != nil {
			return fmt.Errorf("complete a sheet: %w", err)
		}
	}
	x.sheets++
	name := x.name
	var err error
	if x.sheets > 1 {
		name = fmt.Sprintf("%s(%d)", x.name, x.sheets)
	}
	if x.sheets == 1 && x.w != nil {
		err = x.file.SetSheetName("Sheet1", name)
	} else {
		_, err = x.file.NewSheet(name)
	}
	if err == nil {
		x.stream, err = x.file.NewStreamWriter(name)
	}
	for i := 1; err == nil && i <= columns; i++ {
		width := 16.0
		if i <= len(x.widths) {
			width = x.widths[i-1]
		}
		err = x.stream.SetColWidth(i, i, width)
	}
	if err == nil {
		err = x.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
	}
	if err != nil {
		return fmt.Errorf("begin sheet %q: %w", name, err)
	}
	x.row = 0
	if x.header != nil {
		return x.write(x.header)
	}
	return nil
}

// Close completes the workbook and writes it to w; of another's workbook, the sheets that it began.
func (x *XLSXWriter) Close() (err error) {
	defer func() {
		if x.w == nil {
			return
		}
		if e := x.file.Close(); err == nil && e != nil {
			err = fmt.Errorf("remove a workbook's temporary files: %w", e)
		}
	}()
	if x.stream == nil {
		if err := x.nextSheet(0); err != nil {
			return err
		}
	}
	if err := x.stream.Flush(); err != nil {
		return fmt.Errorf("complete a sheet: %w", err)
	}
	if x.w == nil {
		return nil
	}
	if _, err := x.file.WriteTo(x.w); err != nil {
		return fmt.Errorf("write a workbook: %w", err)
	}
	return nil
}
