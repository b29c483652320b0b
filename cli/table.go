package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table writes rows in columns; the first error is given by flush.
type table struct {
	w   *tabwriter.Writer
	err error
}

func newTable(out io.Writer, heads ...any) *table {
	t := &table{w: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.row(heads...)
	return t
}

func (t *table) row(cells ...any) {
	if t.err == nil {
		words := make([]string, len(cells))
		for i, c := range cells {
			words[i] = fmt.Sprint(c)
		}
		_, t.err = fmt.Fprintln(t.w, strings.Join(words, "\t"))
	}
}

func (t *table) flush() error {
	if t.err != nil {
		return t.err
	}
	return t.w.Flush()
}
