package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"bangfu/models"
)

// maxPoints bounds what one thing is worth, so that no sum overflows.
const maxPoints = 1000

// honourLevels are the 级别 of delivered honours, lowest first.
var honourLevels = []string{"区级", "市级", "国家级"}

// tieOrder lists every tie as the work plan orders them.
var tieOrder = []Tie{TieGrounds, TieTier, TieFounded, TieSubmitted, TieUSCC}

func (r *reader) selection(p *Policy, n *yaml.Node) {
	s := &p.Selection
	r.fields(n, "selection",
		need("clause", r.text(&s.Clause)),
		need("text", r.text(&s.Text)),
		may("placeholder", r.flag(&s.Placeholder)),
		need("ground", r.number(&s.Ground, 0, maxPoints)),
		need("tier", func(n *yaml.Node) {
			s.Tier.Points = map[models.Tier]int{}
			r.fields(n, "比选的 tier",
				need("clause", r.text(&s.Tier.Clause)),
				need("text", r.text(&s.Tier.Text)),
				need("points", func(n *yaml.Node) {
					r.entries(n, "points", func(key, value *yaml.Node) {
						var t models.Tier
						var points int
						r.tier(&t)(key)
						r.number(&points, 0, maxPoints)(value)
						s.Tier.Points[t] = points
					})
				}))
		}),
		need("honours", func(n *yaml.Node) {
			h := &s.Honours
			h.Points = map[string]int{}
			r.fields(n, "比选的 honours",
				need("clause", r.text(&h.Clause)),
				need("text", r.text(&h.Text)),
				need("parameter", r.parameter(p, &h.Parameter, "年限", unitIs(UnitYears))),
				need("points", func(n *yaml.Node) {
					r.entries(n, "points", func(key, value *yaml.Node) {
						if !slices.Contains(honourLevels, key.Value) {
							r.at(key, "“%s”不是表彰级别，应为%s", key.Value, strings.Join(honourLevels, "、"))
						}
						var points int
						r.number(&points, 0, maxPoints)(value)
						h.Points[key.Value] = points
					})
				}),
				need("most", r.number(&h.Most, 0, maxPoints)))
		}),
		need("years", func(n *yaml.Node) {
			y := &s.Years
			r.fields(n, "比选的 years",
				need("clause", r.text(&y.Clause)),
				need("text", r.text(&y.Text)),
				need("every", r.number(&y.Every, 1, 100)),
				need("points", r.number(&y.Points, 0, maxPoints)),
				need("most", r.number(&y.Most, 0, maxPoints)))
		}),
		need("ties", func(n *yaml.Node) { r.ties(s, n) }))
}

func (r *reader) ties(s *Selection, n *yaml.Node) {
	r.list("ties", func(n *yaml.Node) {
		switch t := Tie(n.Value); {
		case !slices.Contains(tieOrder, t):
			r.at(n, "“%s”不能决定次序，可用 grounds、tier、founded、submitted、uscc", n.Value)
		case slices.Contains(s.Ties, t):
			r.at(n, "“%s”重复", n.Value)
		default:
			s.Ties = append(s.Ties, t)
		}
	})(n)
	if len(s.Ties) > 0 && s.Ties[len(s.Ties)-1] != TieUSCC {
		r.at(n, "ties 的最后一项应为 uscc，否则次序可能不唯一")
	}
}
