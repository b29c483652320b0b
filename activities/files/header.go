package files

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"bangfu/models"
)

// readHeader reads the first row that is not blank and binds the source's columns to it.
func (r *Reader) readHeader() error {
	err := r.records.next(&r.rec)
	if errors.Is(err, io.EOF) {
		return refuse("文件里没有表头，也没有数据")
	}
	if err != nil {
		return err
	}
	if r.rec.broken != "" {
		return refuse("表头无法读取：%s", r.rec.broken)
	}
	cells := r.rec.cells
	for len(cells) > 0 && normal(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) > MaxColumns {
		return refuse("表头有%d列，最多%d列", len(cells), MaxColumns)
	}
	r.headers = make([]string, len(cells))
	for i, c := range cells {
		r.headers[i] = cut(strings.TrimSpace(strings.NewReplacer("\n", "", "\r", "", "\uFEFF", "").Replace(c)))
	}
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = normal(c)
		if j := slices.Index(names[:i], names[i]); j >= 0 && names[i] != "" {
			return refuse("表头“%s”在第%d列和第%d列重复出现", r.headers[i], j+1, i+1)
		}
	}
	b := bind(r.spec, names)
	if len(b.missing) > 0 {
		return r.refuseHeader(names, b.missing)
	}
	r.columns, r.at = b.columns, b.at
	for i, name := range names {
		if name != "" && !b.used[i] {
			r.unknown = append(r.unknown, r.headers[i])
		}
	}
	return nil
}

// refuseHeader says why the header does not fit the source, and which it fits instead.
func (r *Reader) refuseHeader(names, missing []string) error {
	for s := range models.SourceCount {
		if s != r.source && len(bind(models.Specs[s].Columns, names).missing) == 0 {
			return refuse("这像是“%s”的文件，不是“%s”的：缺少必需的列“%s”", s.Name(), r.title, strings.Join(missing, "”“"))
		}
	}
	reason := fmt.Sprintf("缺少必需的列“%s”", strings.Join(missing, "”“"))
	if len(names) == 1 {
		for _, sep := range []struct{ char, name string }{{"\t", "制表符"}, {";", "分号"}, {"|", "竖线"}} {
			if strings.Contains(r.rec.cells[0], sep.char) {
				return refuse("列之间是用%s分隔的，请改用逗号分隔，或另存为 .xlsx", sep.name)
			}
		}
	}
	first := r.rec.number
	// A title above the header is the commonest mistake: look whether one of the next rows is the header.
	for range 5 {
		if err := r.records.next(&r.rec); err != nil || r.rec.broken != "" {
			break
		}
		var below []string
		for _, c := range r.rec.cells {
			below = append(below, normal(c))
		}
		if len(bind(r.spec, below).missing) == 0 {
			return refuse("表头应在第1行，这里却在第%d行，请删去它上面的行", r.rec.number)
		}
	}
	return refuse("第%d行不是“%s”的表头：%s", first, r.title, reason)
}

// binding says where a source's columns stand in a header.
type binding struct {
	columns []models.Column
	at      [][]int
	used    []bool
	missing []string // headers of required columns that are not there
}

// bind looks for each of a table's columns among the normalised headers.
func bind(spec []models.Column, names []string) binding {
	b := binding{columns: slices.Clone(spec), at: make([][]int, len(spec)), used: make([]bool, len(names))}
	for i := range b.columns {
		col := &b.columns[i]
		for _, header := range append([]string{col.Header}, col.Aliases...) {
			if at := slices.Index(names, normal(header)); at >= 0 && !b.used[at] {
				b.at[i] = append(b.at[i], at)
				b.used[at] = true
			}
		}
		if len(b.at[i]) == 0 {
			b.bindUnit(i, names)
		}
		if len(b.at[i]) == 0 && col.Required {
			b.missing = append(b.missing, col.Header)
		}
	}
	return b
}

// bindUnit takes 营业收入(元) where 营业收入(万元) is meant, and the reverse: the header's unit holds for its column.
func (b *binding) bindUnit(i int, names []string) {
	kinds := map[string]models.ColumnKind{"(元)": models.CellYuan, "(万元)": models.CellWan}
	col := &b.columns[i]
	if col.Kind != models.CellYuan && col.Kind != models.CellWan {
		return
	}
	base, _, _ := strings.Cut(normal(col.Header), "(")
	for unit, kind := range kinds {
		if at := slices.Index(names, base+unit); at >= 0 && !b.used[at] {
			b.at[i], b.used[at], col.Kind = []int{at}, true, kind
			return
		}
	}
}

// normal is a header as headers are compared: without spaces, marks of required columns and what cannot be seen, half-width, lower case.
func normal(header string) string {
	var b strings.Builder
	for _, r := range header {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			r -= 0xFEE0
		case r == '【', r == '〔':
			r = '('
		case r == '】', r == '〕':
			r = ')'
		case r <= ' ', r == 0xA0, r == 0x3000, r == 0xFEFF, r >= 0x2000 && r <= 0x200F, r == utf8.RuneError:
			continue
		}
		if r == '*' || r == ':' {
			continue
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
