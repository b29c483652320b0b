// Package files reads departments' deliveries (contract/data-deliveries.md) as streams of checked rows, and writes the
// program's tables as CSV and .xlsx. Memory stays bounded whatever the size of a file.
package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bangfu/models"
)

// The limits of a file. A file beyond one is refused whole: no department's table comes near them.
const (
	MaxColumns  = 200     // columns of the header
	MaxLine     = 1 << 20 // bytes of one row
	MaxProblems = 200     // characters of a cell kept with a problem
)

// Reader gives a delivery's rows one by one, read and checked.
type Reader struct {
	source  models.Source // models.SourceCount for a table that is no delivery
	title   string        // what the file is a table of
	spec    []models.Column
	columns []models.Column // spec, with the kinds that the file's headers give them
	at      [][]int         // for each column, where it stands in the file; several when aliases stand side by side
	headers []string
	unknown []string
	records records
	rec     record
	row     models.Row
	values  []models.Value
	ended   error
}

// records is a file as a stream of rows of raw cells.
type records interface {
	// next reads the next row that is not blank into rec; io.EOF at the end. The strings stay valid, the slices do not.
	next(rec *record) error
	// read says how many bytes of the file are behind us.
	read() int64
	close() error
}

// record is one row of raw cells.
type record struct {
	number    int // as Excel counts
	cells     []string
	numbering []models.Numbering // of each cell; shorter than cells or nil: texts
	broken    string             // why the whole row cannot be read, Chinese
	flaws     []flaw             // why single cells cannot be read
}

// flaw is why a cell has no value to be read.
type flaw struct {
	cell   int
	reason string
}

// Open finds out by its content what a file is, reads its header and binds it to the source's columns. name is the file's
// name, for messages. A file that must be refused whole gives a *models.Error with CodeInvalid and a Chinese reason; any
// other error is a failure to read, which may pass. Close the Reader after use.
func Open(r io.ReaderAt, size int64, name string, source models.Source) (*Reader, error) {
	return openAs(r, size, name, &Reader{source: source, title: source.Name(), spec: models.Specs[source].Columns})
}

// OpenTable is Open for a table that is no department's delivery: its columns, and its title for messages.
func OpenTable(r io.ReaderAt, size int64, name, title string, columns []models.Column) (*Reader, error) {
	return openAs(r, size, name, &Reader{source: models.SourceCount, title: title, spec: columns})
}

func openAs(r io.ReaderAt, size int64, name string, rd *Reader) (*Reader, error) {
	recs, err := open(r, size, name)
	if err != nil {
		return nil, err
	}
	rd.records = recs
	if err := rd.readHeader(); err != nil {
		return nil, errors.Join(err, recs.close())
	}
	rd.values = make([]models.Value, len(rd.columns))
	return rd, nil
}

// signatures of files that come instead of a table, with what to do about them.
var signatures = []struct{ magic, reason string }{
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "是旧版 Excel（.xls）或加了密码的工作簿，请在 Excel 中去掉密码并另存为 .xlsx"},
	{"%PDF", "是 PDF 文件，请提供 .xlsx 或 .csv 表格"},
	{"Rar!", "是 RAR 压缩包，请解压后逐个提供其中的表格"},
	{"7z\xBC\xAF", "是 7z 压缩包，请解压后逐个提供其中的表格"},
	{"\x1F\x8B", "是 gzip 压缩包，请解压后提供其中的表格"},
	{"\x89PNG", "是图片，请提供 .xlsx 或 .csv 表格"},
	{"\xFF\xD8\xFF", "是图片，请提供 .xlsx 或 .csv 表格"},
	{"\xFF\xFE", "是 UTF-16 编码的文本，请另存为“CSV UTF-8（逗号分隔）”或 .xlsx"},
	{"\xFE\xFF", "是 UTF-16 编码的文本，请另存为“CSV UTF-8（逗号分隔）”或 .xlsx"},
	{"{\\rtf", "是 RTF 文档，请提供 .xlsx 或 .csv 表格"},
}

func open(r io.ReaderAt, size int64, name string) (records, error) {
	if size == 0 {
		return nil, refuse("文件“%s”是空的", name)
	}
	head := make([]byte, min(size, 4096))
	if n, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the start of the file: %w", err)
	} else if n < len(head) {
		return nil, refuse("文件“%s”不完整，请重新提供", name)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return nil, refuse("文件“%s”%s", name, s.reason)
		}
	}
	if bytes.HasPrefix(head, []byte("PK")) {
		return openXLSX(r, size, name)
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte(utf8BOM)), " \t\r\n"))
	for _, mark := range []string{"<html", "<!doctype", "<?xml", "<table", "<meta", "<head"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return nil, refuse("文件“%s”其实是网页或 XML，请在 Excel 中打开后另存为 .xlsx", name)
		}
	}
	if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[{")) {
		return nil, refuse("文件“%s”是 JSON，请提供 .xlsx 或 .csv 表格", name)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, refuse("文件“%s”不是 .xlsx 或 .csv 表格", name)
	}
	if len(text) == 0 && int64(len(head)) == size {
		return nil, refuse("文件“%s”是空的", name)
	}
	return newCSV(r, size), nil
}

// refuse makes the error that refuses a file whole.
func refuse(format string, args ...any) error { return models.Invalid("file", format, args...) }

// Headers gives the file's own headers, trimmed, in the file's order.
func (r *Reader) Headers() []string { return r.headers }

// Unknown gives the headers that mean nothing to the source.
func (r *Reader) Unknown() []string { return r.unknown }

// Read says how many bytes of the file have been read, for progress.
func (r *Reader) Read() int64 { return r.records.read() }

// Close frees what the Reader holds; not the file.
func (r *Reader) Close() error { return r.records.close() }

// Next gives the next row that is not blank, io.EOF after the last. The row is valid until the next call; the texts in it
// stay valid. A row that cannot be taken has Problems. An error that is a *models.Error means that the file as a whole must
// be refused, also after rows of it were read: it may be found damaged at its very end.
func (r *Reader) Next() (*models.Row, error) {
	if r.ended != nil {
		return nil, r.ended
	}
	if err := r.records.next(&r.rec); err != nil {
		r.ended = err
		return nil, err
	}
	rec := &r.rec
	r.row = models.Row{Number: rec.number, Values: r.values, Problems: r.row.Problems[:0]}
	if rec.broken != "" {
		r.reject("", strings.Join(rec.cells, ","), rec.broken)
		return r.rejected(), nil
	}
	for i := range r.columns {
		r.readColumn(i)
	}
	for c := len(r.headers); c < len(rec.cells); c++ {
		if rec.cells[c] != "" {
			r.reject("", rec.cells[c], fmt.Sprintf("本行有%d列，多于表头的%d列，可能是内容里的逗号没有加引号", len(rec.cells), len(r.headers)))
			break
		}
	}
	if len(r.row.Problems) == 0 {
		r.checkRow()
	}
	if len(r.row.Problems) > 0 {
		return r.rejected(), nil
	}
	return &r.row, nil
}

// readColumn reads the cell of one of the source's columns.
func (r *Reader) readColumn(i int) {
	rec, col, at := &r.rec, &r.columns[i], -1
	if len(r.at[i]) > 0 {
		at = r.at[i][0]
	}
	if len(r.at[i]) > 1 {
		// 移出日期 and 修复日期 side by side: each row uses one of them.
		for _, a := range r.at[i] {
			if a < len(rec.cells) && strings.TrimSpace(rec.cells[a]) != "" {
				at = a
				break
			}
		}
	}
	if at < 0 || at >= len(rec.cells) {
		r.values[i] = models.Value{Null: true}
		if col.Required {
			r.reject(col.Header, "", "必填，不能为空")
		}
		return
	}
	for _, f := range rec.flaws {
		if f.cell == at {
			r.reject(r.headers[at], rec.cells[at], f.reason)
			return
		}
	}
	cell := rec.cells[at]
	if cell != "" && cell[0] == '\'' {
		cell = models.PlainCell(cell) // of our own file of rejects, mended and delivered again
	}
	numbering := models.NotNumbered
	if at < len(rec.numbering) {
		numbering = rec.numbering[at]
	}
	var reason string
	if r.values[i], reason = models.ReadCell(col, cell, numbering); reason != "" {
		r.reject(r.headers[at], cell, reason)
	}
}

func (r *Reader) reject(column, value, reason string) {
	r.row.Problems = append(r.row.Problems, models.Problem{Column: column, Value: cut(value), Reason: reason})
}

// cut keeps the first MaxProblems characters.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= MaxProblems {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	n := 0
	for i := range s {
		if n == MaxProblems {
			return strings.ToValidUTF8(s[:i], "\uFFFD") + "…"
		}
		n++
	}
	return s
}

// rejected completes a row that cannot be taken with its cells, serial dates written so that a person can read and mend them.
func (r *Reader) rejected() *models.Row {
	rec := &r.rec
	cells := make([]string, len(rec.cells))
	copy(cells, rec.cells)
	for i := range r.columns {
		for _, a := range r.at[i] {
			if r.columns[i].Kind != models.CellDate || a >= len(rec.numbering) || rec.numbering[a] == models.NotNumbered {
				continue
			}
			if v, reason := models.ReadCell(&r.columns[i], cells[a], rec.numbering[a]); reason == "" && !v.Null {
				cells[a] = v.Date().String()
			}
		}
	}
	r.row.Cells = cells
	return &r.row
}

// checkRow checks what cells say together.
func (r *Reader) checkRow() {
	switch r.source {
	case models.SourceRegistry:
		if r.value("suspended_from").Null && !r.value("suspended_to").Null {
			r.reject("歇业开始日期", "", "有歇业截止日期，却没有歇业开始日期")
		}
		r.checkOrder("suspended_from", "suspended_to")
	case models.SourceCredit:
		r.checkOrder("listed_on", "removed_on")
	}
}

// checkOrder rejects a row whose later date lies before the earlier one.
func (r *Reader) checkOrder(from, to string) {
	a, b := r.value(from), r.value(to)
	if !a.Null && !b.Null && b.Number < a.Number {
		r.reject(r.column(to).Header, b.Date().String(), fmt.Sprintf("早于%s（%s）", r.column(from).Header, a.Date()))
	}
}

func (r *Reader) value(name string) models.Value {
	for i := range r.columns {
		if r.columns[i].Name == name {
			return r.values[i]
		}
	}
	return models.Value{Null: true}
}

func (r *Reader) column(name string) models.Column {
	for _, c := range r.columns {
		if c.Name == name {
			return c
		}
	}
	return models.Column{}
}
