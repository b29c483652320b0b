package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a policy file, for the person who writes it.
type Problem struct {
	Line    int    `json:"line" doc:"行号，0 表示整个文件"`
	Column  int    `json:"column" doc:"列号（按字符）"`
	Message string `json:"message" doc:"错误说明"`
}

// String is 第 42 行第 7 列：…
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return p.Message
	case p.Column == 0:
		return fmt.Sprintf("第 %d 行：%s", p.Line, p.Message)
	}
	return fmt.Sprintf("第 %d 行第 %d 列：%s", p.Line, p.Column, p.Message)
}

// Problems is everything wrong with a file, in the order of its lines. Load returns it as its error.
type Problems []Problem

// Error lists every problem, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
