package files

import (
	"errors"
	"io"

	"bangfu/models"
)

// next reads the next row of the sheet that has a cell.
func (w *workbook) next(rec *record) error {
	for {
		t, err := w.xml.next()
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		if err != nil {
			return w.fault(err)
		}
		switch name := string(w.xml.name); {
		case t == tokenStart && name == "sheetData":
			w.inData = true
		case t == tokenEnd && name == "sheetData":
			w.inData = false // what follows is still read, for the part's check sum stands at its end
		case t == tokenStart && name == "row" && w.inData:
			if err := w.readRow(rec); err != nil {
				return w.fault(err)
			}
			if !blank(rec.cells) || len(rec.flaws) > 0 {
				return nil
			}
		}
	}
}

// readRow reads one row to its end.
func (w *workbook) readRow(rec *record) error {
	w.number++
	if r, ok := w.xml.attr("r"); ok {
		n, ok := number(r)
		if !ok || n < w.number {
			return errXML
		}
		w.number = n
	}
	rec.number, rec.broken, rec.flaws = w.number, "", rec.flaws[:0]
	w.text, w.spans, w.numbers = w.text[:0], w.spans[:0], w.numbers[:0]
	column := -1
	depth := w.xml.depth
	for {
		t, err := w.xml.next()
		if err != nil {
			return err
		}
		if t == tokenEnd && w.xml.depth < depth {
			break
		}
		if t != tokenStart || string(w.xml.name) != "c" {
			continue
		}
		column++
		if r, ok := w.xml.attr("r"); ok {
			if c := columnOf(r); c >= 0 {
				column = c
			} else {
				return errXML
			}
		}
		if err := w.readCell(rec, min(column, MaxColumns)); err != nil {
			return err
		}
		if len(w.text) > MaxLine {
			return refuse("文件“%s”第%d行超过%d字节，不是有效的表格", w.name, w.number, MaxLine)
		}
	}
	// One allocation for the texts of all cells.
	all := string(w.text)
	rec.cells = rec.cells[:0]
	for _, s := range w.spans {
		rec.cells = append(rec.cells, all[s.from:s.to])
	}
	rec.numbering = w.numbers
	return nil
}

// number reads a row's number.
func number(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > 100_000_000 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n > 0
}

// columnOf gives the column of a reference such as AB12, from 0; -1 if it is none.
func columnOf(ref []byte) int {
	n := 0
	for i, c := range ref {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c < 'A' || c > 'Z' {
			if i == 0 || i > 3 {
				return -1
			}
			return n - 1
		}
		if n > 1<<20 {
			return -1
		}
		n = n*26 + int(c-'A') + 1
	}
	return -1
}

// readCell reads one cell to its end and notes its text at the column.
func (w *workbook) readCell(rec *record, column int) error {
	kind := byte('n')
	if t, ok := w.xml.attr("t"); ok {
		switch string(t) {
		case "s":
			kind = 's'
		case "inlineStr":
			kind = 'i'
		case "str", "d":
			kind = 't'
		case "b":
			kind = 'b'
		case "e":
			kind = 'e'
		}
	}
	from, depth := len(w.text), w.xml.depth
	formula, value := false, false
	for {
		t, err := w.xml.next()
		if err != nil {
			return err
		}
		if t == tokenEnd && w.xml.depth < depth {
			break
		}
		if t != tokenStart {
			continue
		}
		switch string(w.xml.name) {
		case "f":
			formula = true
		case "is":
			if w.text, err = richText(w.xml, w.text); err != nil {
				return err
			}
			value = true
		case "v":
			value = true
			if err := w.readValue(kind); err != nil {
				return err
			}
		}
	}
	if len(w.text) == from && (!formula || value) {
		return nil // an empty cell, perhaps with a style
	}
	for len(w.spans) <= column {
		w.spans = append(w.spans, span{})
		w.numbers = append(w.numbers, models.NotNumbered)
	}
	w.spans[column] = span{from, len(w.text)}
	switch {
	case kind == 'e':
		rec.flaws = append(rec.flaws, flaw{column, "单元格是公式错误，请改为实际内容"})
	case formula && !value:
		rec.flaws = append(rec.flaws, flaw{column, "单元格的公式没有结果，请在 Excel 中打开、保存后再提供"})
	case kind == 'n':
		w.numbers[column] = w.since
	}
	return nil
}

// readValue reads a v element to its end.
func (w *workbook) readValue(kind byte) error {
	from, depth := len(w.text), w.xml.depth
	for {
		t, err := w.xml.next()
		if err != nil {
			return err
		}
		if t == tokenText {
			w.text = appendText(w.text, w.xml.text, w.xml.literal)
		}
		if len(w.text)-from > MaxLine {
			return errXMLSize
		}
		if t == tokenEnd && w.xml.depth < depth {
			break
		}
	}
	if kind != 's' {
		return nil
	}
	index := 0
	for _, c := range w.text[from:] {
		if xmlSpace(c) {
			continue
		}
		if c < '0' || c > '9' || index > maxStrings {
			return errXML
		}
		index = index*10 + int(c-'0')
	}
	if len(w.text) == from {
		return nil
	}
	var err error
	w.text, err = w.strings.appendTo(w.text[:from], index)
	return err
}
