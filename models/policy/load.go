package policy

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"bangfu/models"
	"bangfu/models/calendar"
)

// MaxSize is the largest policy file that is read, in bytes.
const MaxSize = 1 << 20

// Load reads and checks a policy file. Its error is Problems: everything that is wrong, with lines and in Chinese.
//
// A file written before a part of the format existed is complete all the same: the embedded work plan says what it
// does not (complete.go).
func Load(b []byte) (*Policy, error) { return load(b, embedded()) }

// load reads a file; what it lacks comes from base, nil for the work plan itself.
func load(b []byte, base *Policy) (*Policy, error) {
	root, problems := parse(b)
	if problems != nil {
		return nil, problems
	}
	r := &reader{base: base}
	p := &Policy{hash: hashOf(b)}
	r.policy(p, root)
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	if base != nil {
		p.complete(base)
	}
	p.completeMeasures(base)
	p.completeDuties(base)
	p.completeCertified(base)
	p.completeReport(base)
	return p, nil
}

// parse gives the one document of the file as a tree without anchors: an alias would let a small file unfold
// into a large one, and hide where a value stands.
func parse(b []byte) (*yaml.Node, Problems) {
	whole := func(message string) Problems { return Problems{{Message: message}} }
	switch {
	case len(b) > MaxSize:
		return nil, whole("政策文件超过 1 MB，不予读取")
	case !utf8.Valid(b):
		return nil, whole("政策文件应为 UTF-8 编码")
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc, second yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, whole("政策文件是空的")
	} else if err != nil {
		return nil, syntaxProblem(err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, Problems{{Line: second.Line, Message: "一个文件只能有一份政策，不能用“---”分成几份"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(err)
	}
	var aliases Problems
	findAliases(&doc, 0, &aliases)
	if len(aliases) > 0 {
		return nil, aliases
	}
	return doc.Content[0], nil
}

// maxDepth bounds the nesting of the file; the default policy needs 9.
const maxDepth = 32

func findAliases(n *yaml.Node, depth int, out *Problems) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		*out = append(*out, Problem{n.Line, n.Column, "不支持 YAML 的锚点（&）与引用（*），请把内容直接写出"})
		return
	case depth > maxDepth:
		*out = append(*out, Problem{n.Line, n.Column, "层级过深"})
		return
	}
	for _, c := range n.Content {
		findAliases(c, depth+1, out)
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// syntaxProblem keeps the line of the YAML reader's error; its English wording would not help the person.
func syntaxProblem(err error) Problems {
	p := Problem{Message: "不是正确的 YAML，请检查缩进、冒号后的空格、引号和括号是否成对"}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
	}
	return Problems{p}
}

var districtCode = regexp.MustCompile(`^\d{6}$`)

func (r *reader) policy(p *Policy, root *yaml.Node) {
	// Parameters come first whatever their place in the file, since the rest points into them.
	later := map[string]*yaml.Node{}
	keep := func(key string) field { return need(key, func(n *yaml.Node) { later[key] = n }) }
	format := 0
	r.fields(root, "政策文件",
		need("format", r.number(&format, Format, Format)),
		need("title", r.text(&p.Title)),
		need("document", r.text(&p.Document)),
		need("district", func(n *yaml.Node) {
			if p.District = n.Value; !districtCode.MatchString(n.Value) {
				r.at(n, "区划代码应为 6 位数字，并加引号，如 \"110107\"")
			}
		}),
		need("year", r.number(&p.Year, 2020, 2100)),
		need("valid_from", r.date(&p.ValidFrom)),
		need("valid_until", r.date(&p.ValidUntil)),
		may("confirm", r.text(&p.Confirm)),
		keep("parameters"), keep("tiering"), keep("sources"), keep("ladders"), keep("plan"),
		keep("criteria"), may("selection", func(n *yaml.Node) { later["selection"] = n }), keep("places"), keep("validity"),
		may("departments", func(n *yaml.Node) { later["departments"] = n }), may("help", func(n *yaml.Node) { later["help"] = n }), keep("measures"),
		may("duties", func(n *yaml.Node) { later["duties"] = n }), may("certified", func(n *yaml.Node) { later["certified"] = n }), may("report", func(n *yaml.Node) { later["report"] = n }))
	if p.ValidFrom != 0 && p.ValidUntil != 0 && p.ValidFrom > p.ValidUntil {
		r.at(root, "valid_from（%s）晚于 valid_until（%s）", p.ValidFrom, p.ValidUntil)
	}
	for _, part := range []struct {
		key  string
		read func(*Policy, *yaml.Node)
	}{
		{"parameters", r.parameters}, {"tiering", r.tiering}, {"sources", r.sources}, {"ladders", r.ladders},
		{"plan", r.plan}, {"criteria", r.criteria}, {"selection", r.selection}, {"places", r.places}, {"validity", r.validity},
		{"departments", r.departments}, {"help", r.help}, {"measures", r.measures}, {"duties", r.duties}, {"certified", r.certified}, {"report", r.report},
	} {
		if n := later[part.key]; n != nil {
			part.read(p, n)
		}
	}
}

func (r *reader) parameters(p *Policy, n *yaml.Node) {
	names := map[string]string{}
	r.entries(n, "parameters", func(key, value *yaml.Node) {
		q := Parameter{Key: key.Value}
		r.fields(value, "参数“"+key.Value+"”",
			need("name", r.text(&q.Name)),
			need("clause", r.text(&q.Clause)),
			need("text", r.text(&q.Text)),
			need("value", func(n *yaml.Node) {
				s, ok := r.scalar(n)
				if !ok {
					return
				}
				v, err := ParseValue(s)
				if err != nil {
					r.at(n, "%s", err)
				}
				q.Value = v
			}),
			may("placeholder", r.flag(&q.Placeholder)))
		if other, taken := names[q.Name]; taken && q.Name != "" {
			r.at(key, "参数“%s”与“%s”同名：%s", key.Value, other, q.Name)
		}
		names[q.Name] = key.Value
		p.Parameters = append(p.Parameters, q)
	})
	r.limits(p, n)
}

func (r *reader) sources(p *Policy, n *yaml.Node) {
	var fields []field
	for s := range models.SourceCount {
		duty := &p.Sources[s]
		fields = append(fields, need(s.String(), func(n *yaml.Node) {
			r.fields(n, "数据来源“"+s.String()+"”",
				need("department", r.text(&duty.Department)),
				need("department_name", r.text(&duty.DepartmentName)),
				need("required", r.flag(&duty.Required)),
				need("clause", r.text(&duty.Clause)))
		}))
	}
	r.fields(n, "sources", fields...)
}

func (r *reader) ladders(p *Policy, n *yaml.Node) {
	p.Ladders = map[models.ObligationKind]models.Ladder{}
	var fields []field
	for _, kind := range models.ObligationKinds {
		fields = append(fields, may(string(kind), func(n *yaml.Node) {
			var l models.Ladder
			r.fields(n, "催办“"+string(kind)+"”",
				need("steps", r.list("steps", func(n *yaml.Node) {
					step := 0
					r.number(&step, -90, 90)(n)
					if len(l.Steps) > 0 && step <= l.Steps[len(l.Steps)-1] {
						r.at(n, "催办日应从早到晚排列，不能重复")
					}
					l.Steps = append(l.Steps, step)
				})),
				need("escalate", r.number(&l.Escalate, 0, 90)))
			p.Ladders[kind] = l
		}))
	}
	r.fields(n, "ladders", fields...)
}

func (r *reader) plan(p *Policy, n *yaml.Node) {
	p.dates = map[calendar.PlanKey]string{}
	before := len(r.problems)
	var fields []field
	for _, item := range calendar.PlanItems {
		fields = append(fields, may(string(item.Key), func(n *yaml.Node) {
			md, ok := r.scalar(n)
			if !ok {
				return
			}
			if _, err := planDate(p.Year, md); err != nil {
				r.at(n, "%s", err)
			}
			p.dates[item.Key] = md
		}))
	}
	r.fields(n, "plan", fields...)
	if len(r.problems) > before || p.Year == 0 {
		return
	}
	if _, err := p.Plan(); err != nil {
		r.at(n, "%s", err)
	}
}
