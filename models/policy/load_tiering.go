package policy

import (
	"strings"

	"gopkg.in/yaml.v3"

	"bangfu/models"
)

// MaxConditions is how many conditions a verdict's masks hold.
const MaxConditions = 64

// tieringReader reads 附一(三). Conditions get their bits in the order in which the file defines them; a list may
// also name a condition that stands elsewhere, so names are resolved at the end.
type tieringReader struct {
	*reader
	p       *Policy
	ids     map[string]int // condition by id
	names   map[string]string
	pending []reference
}

// reference is a place in a list of conditions that names one.
type reference struct {
	at *yaml.Node
	// list and position are where the index belongs, once the name is known.
	list     *[]int
	position int
}

func (r *reader) tiering(p *Policy, n *yaml.Node) {
	t := &tieringReader{reader: r, p: p, ids: map[string]int{}, names: map[string]string{}}
	r.fields(n, "tiering",
		need("base", func(n *yaml.Node) {
			r.fields(n, "基础标准",
				need("clause", r.text(&p.Tiering.Clause)),
				need("text", r.text(&p.Tiering.Text)),
				need("require", r.list("require", t.condition(&p.Tiering.Require, false))),
				may("exclude", r.list("exclude", t.condition(&p.Tiering.Exclude, true))))
		}),
		need("standards", r.list("standards", t.standard)))
	t.resolve()
	if len(p.Tiering.Conditions) > MaxConditions {
		r.at(n, "条件共 %d 项，最多 %d 项", len(p.Tiering.Conditions), MaxConditions)
	}
	t.checkOrder(n)
	if len(r.problems) == 0 { // what is wrong already would only be said once more
		if _, err := p.Judge(p.Year, p.ValidFrom); err != nil {
			r.at(n, "%s", err)
		}
	}
}

func (t *tieringReader) standard(n *yaml.Node) {
	var s Standard
	t.fields(n, "具体标准",
		need("tier", t.tier(&s.Tier)),
		need("clause", t.text(&s.Clause)),
		need("text", t.text(&s.Text)),
		may("all", t.list("all", t.condition(&s.All, false))),
		may("any", t.list("any", t.condition(&s.Any, false))))
	t.p.Tiering.Standards = append(t.p.Tiering.Standards, s)
}

// checkOrder wants a last standard that takes everybody, and none before it that does.
func (t *tieringReader) checkOrder(n *yaml.Node) {
	for i, s := range t.p.Tiering.Standards {
		last := i == len(t.p.Tiering.Standards)-1
		switch open := len(s.All)+len(s.Any) == 0; {
		case last && !open:
			t.at(n, "最后一项具体标准（%s）不能有条件，其余的个体工商户都归入它", s.Tier)
		case !last && open:
			t.at(n, "具体标准“%s”（第 %d 项）没有条件，其后的标准永远不会用到", s.Tier, i+1)
		}
	}
}

// condition reads one item of a list of conditions: a definition, or the id of a condition defined elsewhere.
func (t *tieringReader) condition(into *[]int, exclude bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			*into = append(*into, -1)
			t.pending = append(t.pending, reference{n, into, len(*into) - 1})
			return
		}
		c := Condition{Exclude: exclude}
		t.fields(n, "条件",
			need("id", t.text(&c.ID)),
			need("clause", t.text(&c.Clause)),
			need("name", t.text(&c.Name)),
			need("text", t.text(&c.Text)),
			need("when", func(n *yaml.Node) { c.Test = t.test(n) }),
			may("advice", func(n *yaml.Node) { c.Advice = t.advice(n) }))
		index := len(t.p.Tiering.Conditions)
		t.p.Tiering.Conditions = append(t.p.Tiering.Conditions, c)
		*into = append(*into, index)
		if c.ID == "" {
			return
		}
		if _, taken := t.ids[c.ID]; taken {
			t.at(n, "条件名“%s”重复", c.ID)
		}
		if other, taken := t.names[c.Name]; taken && c.Name != "" {
			t.at(n, "条件“%s”与“%s”的名称相同：%s", c.ID, other, c.Name)
		}
		t.ids[c.ID], t.names[c.Name] = index, c.ID
	}
}

func (t *tieringReader) advice(n *yaml.Node) string {
	s, _ := t.scalar(n)
	if rest := yearWords(0).Replace(s); strings.ContainsAny(rest, "{}") {
		t.at(n, "建议中只能用 {上一年度} 和 {本年度}")
	}
	return s
}

func (t *tieringReader) resolve() {
	for _, ref := range t.pending {
		index, ok := t.ids[ref.at.Value]
		if !ok {
			t.at(ref.at, "没有名为“%s”的条件", ref.at.Value)
			continue
		}
		(*ref.list)[ref.position] = index
	}
}

// test reads a tree of conditions.
func (t *tieringReader) test(n *yaml.Node) Test {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "fact" {
				return t.leaf(n)
			}
		}
	}
	var x Test
	forms := 0
	branch := func(op Op) func(*yaml.Node) {
		return func(n *yaml.Node) {
			forms++
			x.Op = op
			if op == OpNot {
				x.Kids = []Test{t.test(n)}
				return
			}
			t.list("all、any ", func(n *yaml.Node) { x.Kids = append(x.Kids, t.test(n)) })(n)
		}
	}
	t.fields(n, "when", may("all", branch(OpAll)), may("any", branch(OpAny)), may("not", branch(OpNot)))
	if n.Kind == yaml.MappingNode && forms != 1 {
		t.at(n, "条件应写 fact、all、any、not 中的一个")
	}
	return x
}

// comparisons says which comparisons a kind of fact takes, for messages.
var comparisons = map[models.FactKind]string{
	models.KindBool:   "不用比较",
	models.KindNumber: "可用 at_least、at_most、above、below，后接以“人”为单位的参数",
	models.KindMoney:  "可用 at_least、at_most、above、below，后接金额参数",
	models.KindDate:   "可用 at_least_years（后接以“年”为单位的参数）、in_cycle_year: true",
}

func (t *tieringReader) leaf(n *yaml.Node) Test {
	x := Test{Op: OpFact}
	known := false
	kind := models.KindBool
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "fact" { // first, since the comparisons depend on it
			x.Fact, known = models.FactByKey(n.Content[i+1].Value)
			kind = x.Fact.Info().Kind
			if !known {
				t.at(n.Content[i+1], "没有“%s”这个事实，可用：%s", n.Content[i+1].Value, factKeys())
			}
		}
	}
	compared := 0
	compare := func(into **Parameter) func(*yaml.Node) {
		return func(n *yaml.Node) {
			compared++
			switch {
			case !known:
			case kind == models.KindMoney:
				t.parameter(t.p, into, "金额", Unit.Money)(n)
			case kind == models.KindNumber:
				t.parameter(t.p, into, "人数", unitIs(UnitPersons))(n)
			default:
				t.at(n, "“%s”%s", x.Fact.Info().Name, comparisons[kind])
			}
		}
	}
	onDate := func(read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			compared++
			if known && kind != models.KindDate {
				t.at(n, "“%s”%s", x.Fact.Info().Name, comparisons[kind])
				return
			}
			read(n)
		}
	}
	t.fields(n, "条件",
		need("fact", func(*yaml.Node) {}),
		may("at_least", compare(&x.AtLeast)), may("at_most", compare(&x.AtMost)),
		may("above", compare(&x.Above)), may("below", compare(&x.Below)),
		may("at_least_years", onDate(t.parameter(t.p, &x.AtLeastYears, "年限", unitIs(UnitYears)))),
		may("in_cycle_year", onDate(func(n *yaml.Node) {
			if t.flag(&x.InCycleYear)(n); n.Value == "false" {
				t.at(n, "in_cycle_year 只能为 true；相反的意思请用 not")
			}
		})),
		may("unknown", func(n *yaml.Node) {
			x.Unknown = new(bool)
			t.flag(x.Unknown)(n)
		}))
	if known && kind != models.KindBool && compared == 0 {
		t.at(n, "“%s”要有比较：%s", x.Fact.Info().Name, comparisons[kind])
	}
	return x
}

func factKeys() string {
	keys := make([]string, models.FactCount)
	for f := range models.FactCount {
		keys[f] = f.Info().Key
	}
	return strings.Join(keys, "、")
}
