package policy

import (
	"slices"
	"sync"

	"gopkg.in/yaml.v3"

	"bangfu/models"
)

var (
	embeddedOnce   sync.Once
	embeddedPolicy *Policy
)

// embedded is the embedded policy. It is read once and never changed.
func embedded() *Policy {
	embeddedOnce.Do(func() {
		p, err := load([]byte(defaultFile), nil)
		if err != nil {
			panic("the embedded policy: " + err.Error()) // a test reads it
		}
		embeddedPolicy = p
	})
	return embeddedPolicy
}

// notSaid are the points of a ground whose file says none.
const notSaid = -1

// limitKeys are the limits in working days that the program itself asks for (Workdays).
var limitKeys = []string{"objection.accept", "objection.settle", "objection.window", "consent.limit", "supplement.limit", "notice.days", "notice.settle", "city.supplement.limit", "help.answer", "help.deliver", "order.limit",
	"report.return", "report.review", "operator.limit", "case.hearing", "case.settle", "opinion.limit"}

// maxLimit bounds a limit in working days: a year has about 250.
const maxLimit = 250

// Workdays gives a limit (期限) in working days, such as notice.days; 0 for a key that is none of limitKeys.
func (p *Policy) Workdays(key string) int {
	if q := p.parameter(key); q != nil && q.Value.Unit == UnitWorkdays {
		return int(q.Value.Amount)
	}
	return 0
}

// limits checks the limits' unit and adds the parameters that the program needs and the file does not have.
func (r *reader) limits(p *Policy, n *yaml.Node) {
	for _, key := range limitKeys {
		if q := p.parameter(key); q != nil && q.Value.Unit != "" && (q.Value.Unit != UnitWorkdays || q.Value.Amount < 1 || q.Value.Amount > maxLimit) {
			r.at(n, "参数“%s”的值是“%s”，应为 1 到 %d 个工作日", key, q.Value, maxLimit)
		}
	}
	if r.base == nil {
		return
	}
	for _, q := range r.base.Parameters {
		needed := slices.Contains(limitKeys, q.Key) || slices.Contains(otherKeys(r.base), q.Key)
		if needed && p.parameter(q.Key) == nil {
			p.Parameters = append(p.Parameters, q)
		}
	}
}

// otherKeys are the parameters of sections that a file may lack.
func otherKeys(base *Policy) []string {
	return []string{base.Selection.Honours.Parameter.Key, base.Certified.Growth.Key, base.Certified.Years.Key}
}

// datum checks that a ground names data which the program knows, with the term that they need.
func (r *reader) datum(n *yaml.Node, g Ground) {
	if g.Datum == "" {
		return
	}
	if _, known := datumNames[g.Datum]; !known {
		r.at(n, "data 应为 honest_years、trademark、intellectual_property 或 party_honour")
		return
	}
	if g.Check != CheckData && g.Check != CheckDataAndEvidence {
		r.at(n, "写了 data 的标准，check 应为 data 或 data_and_evidence")
	}
	if years := g.Datum == DatumHonestYears || g.Datum == DatumPartyHonour; years && (g.Parameter == nil || g.Parameter.Value.Unit != UnitYears) {
		r.at(n, "data: %s 要有以“年”为单位的 parameter", g.Datum)
	}
}

// complete lays the work plan under what the file does not say: a file stored before the season was built says nothing
// of its reminders, its comparison, and how a ground is read off the data. Called while nobody else has p.
func (p *Policy) complete(base *Policy) {
	for kind, ladder := range base.Ladders {
		if _, said := p.Ladders[kind]; !said {
			p.Ladders[kind] = ladder
		}
	}
	if len(p.Selection.Ties) == 0 {
		p.Selection = base.Selection
		p.Selection.Honours.Parameter = p.own(base.Selection.Honours.Parameter)
	}
	for _, b := range base.Criteria.Bars {
		i := slices.IndexFunc(p.Criteria.Bars, func(o Bar) bool { return o.ID == b.ID })
		if i < 0 {
			b.Parameter = p.own(b.Parameter)
			p.Criteria.Bars = append(p.Criteria.Bars, b)
			continue
		}
		mine := &p.Criteria.Bars[i]
		if mine.Parameter == nil {
			mine.Parameter = p.own(b.Parameter)
		}
		if mine.Lighter == nil {
			mine.Lighter = b.Lighter
		}
	}
	for i := range p.Criteria.Categories {
		k := &p.Criteria.Categories[i]
		for j := range k.Grounds {
			p.completeGround(&k.Grounds[j], base, models.Category(k.Code))
		}
	}
}

func (p *Policy) completeGround(g *Ground, base *Policy, category models.Category) {
	like, known := base.Ground(category, g.Letter)
	if g.Points == notSaid {
		if g.Points = p.Selection.Ground; known {
			g.Points = like.Points
		}
	}
	g.Operator = g.Operator || known && like.Operator && g.Text == like.Text
	// only of the same words: another ground under the letter is not what the work plan's data speak of
	if g.Check == CheckData && g.Datum == "" && known && like.Datum != "" && g.Text == like.Text {
		g.Check, g.Datum = like.Check, like.Datum
		if g.Parameter == nil {
			g.Parameter = p.own(like.Parameter)
		}
	}
}

// own is the policy's parameter of the same key, or else the work plan's.
func (p *Policy) own(q *Parameter) *Parameter {
	if q == nil {
		return nil
	}
	if mine := p.parameter(q.Key); mine != nil && mine.Value.Unit == q.Value.Unit {
		return mine
	}
	return q
}
