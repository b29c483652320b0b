package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"bangfu/models"
	"bangfu/models/calendar"
)

// reader walks a YAML tree strictly and collects every problem instead of stopping at the first.
type reader struct {
	problems Problems
	base     *Policy // what the file lacks; nil while the work plan itself is read
}

// at notes a problem at a node.
func (r *reader) at(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)})
}

// field is one key of a mapping and what reads its value.
type field struct {
	key      string
	required bool
	read     func(*yaml.Node)
}

func need(key string, read func(*yaml.Node)) field { return field{key, true, read} }
func may(key string, read func(*yaml.Node)) field  { return field{key, false, read} }

// fields reads a mapping whose keys are all known beforehand.
func (r *reader) fields(n *yaml.Node, what string, fields ...field) {
	seen := map[string]bool{}
	r.entries(n, what, func(key, value *yaml.Node) {
		seen[key.Value] = true
		for _, f := range fields {
			if f.key == key.Value {
				f.read(value)
				return
			}
		}
		known := make([]string, len(fields))
		for i, f := range fields {
			known[i] = f.key
		}
		r.at(key, "%s中没有“%s”这一项，可用：%s", what, key.Value, strings.Join(known, "、"))
	})
	for _, f := range fields {
		if n.Kind == yaml.MappingNode && f.required && !seen[f.key] {
			r.at(n, "%s缺少“%s”", what, f.key)
		}
	}
}

// entries visits a mapping's pairs in order; a key that comes twice is a problem and visited once.
func (r *reader) entries(n *yaml.Node, what string, visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.at(n, "%s应为“名称: 值”的形式", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value == "" {
			r.at(key, "%s中的名称应为文字", what)
			continue
		}
		if line, again := seen[key.Value]; again {
			r.at(key, "“%s”重复，第 %d 行已有", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value)
	}
}

// list reads a sequence with at least one item.
func (r *reader) list(what string, read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			r.at(n, "%s应为列表，且至少有一项", what)
			return
		}
		for _, item := range n.Content {
			read(item)
		}
	}
}

// maxText bounds every text of the file, in characters.
const maxText = 2000

// scalar gives a text that is not empty; ok is false after a problem was noted.
func (r *reader) scalar(n *yaml.Node) (string, bool) {
	s := strings.TrimSpace(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode:
		r.at(n, "这里应为一段文字，不能是列表或下级项目")
	case s == "" || n.Tag == "!!null":
		r.at(n, "内容不能为空")
	case utf8.RuneCountInString(s) > maxText:
		r.at(n, "文字过长，不应超过 %d 字", maxText)
	default:
		return s, true
	}
	return "", false
}

func (r *reader) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into, _ = r.scalar(n) }
}

// texts reads a list of texts without repetition; it may be empty.
func (r *reader) texts(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.at(n, "这里应为列表，如 [甲, 乙]")
			return
		}
		for _, item := range n.Content {
			s, ok := r.scalar(item)
			switch {
			case ok && slices.Contains(*into, s):
				r.at(item, "“%s”重复", s)
			case ok:
				*into = append(*into, s)
			}
		}
	}
}

func (r *reader) flag(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
			r.at(n, "这里应为 true 或 false")
			return
		}
		*into = n.Value == "true"
	}
}

func (r *reader) number(into *int, low, high int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
			r.at(n, "这里应为 %d 到 %d 的整数", low, high)
			return
		}
		*into = v
	}
}

func (r *reader) date(into *calendar.Date) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d, err := calendar.ParseDate(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || d.Year() < 1980 {
			r.at(n, "这里应为日期，如 2026-07-01")
			return
		}
		*into = d
	}
}

func (r *reader) tier(into *models.Tier) func(*yaml.Node) {
	return func(n *yaml.Node) {
		t, err := models.ParseTier(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			r.at(n, "“%s”不是分型，应为生存型、成长型或发展型", n.Value)
			return
		}
		if t == models.Ineligible {
			r.at(n, "“不符合分型条件”由基础标准得出，不能写在这里")
			return
		}
		*into = t
	}
}

func (r *reader) tiers(into *[]models.Tier) func(*yaml.Node) {
	return r.list("分型", func(n *yaml.Node) {
		var t models.Tier
		r.tier(&t)(n)
		if slices.Contains(*into, t) {
			r.at(n, "“%s”重复", t)
			return
		}
		*into = append(*into, t)
	})
}

// parameter finds the parameter that a node names, and refuses one of another kind.
func (r *reader) parameter(p *Policy, into **Parameter, kind string, ok func(Unit) bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		key, fine := r.scalar(n)
		if !fine {
			return
		}
		q := p.parameter(key)
		switch {
		case q == nil:
			r.at(n, "parameters 中没有“%s”这个参数", key)
		case q.Value.Unit != "" && !ok(q.Value.Unit):
			r.at(n, "参数“%s”的值是“%s”，这里应为%s", key, q.Value, kind)
		default:
			*into = q
		}
	}
}

func unitIs(want Unit) func(Unit) bool { return func(u Unit) bool { return u == want } }
