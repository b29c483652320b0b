package policy

import (
	"maps"
	"slices"

	"gopkg.in/yaml.v3"
)

// categoryCodes are the four categories of 附三 by their code.
var categoryCodes = map[string]string{"renowned": "知名", "distinctive": "特色", "quality": "优质", "emerging": "新兴"}

func anyUnit(Unit) bool { return true }

func (r *reader) criteria(p *Policy, n *yaml.Node) {
	c := &p.Criteria
	seen := map[string]bool{}
	r.fields(n, "criteria",
		need("base", func(n *yaml.Node) {
			r.fields(n, "criteria 的 base",
				need("clause", r.text(&c.Clause)),
				need("text", r.text(&c.Text)),
				need("tiers", r.tiers(&c.Tiers)),
				need("relaxed_text", r.text(&c.RelaxedText)),
				need("relaxed", r.texts(&c.Relaxed)),
				need("bars", r.list("bars", func(n *yaml.Node) {
					var b Bar
					r.fields(n, "不得申报的情形",
						need("id", r.text(&b.ID)),
						need("clause", r.text(&b.Clause)),
						need("text", r.text(&b.Text)),
						may("parameter", r.parameter(p, &b.Parameter, "年限", unitIs(UnitYears))),
						may("lighter", func(n *yaml.Node) {
							b.Lighter = []string{} // an empty list is said, not left out
							r.texts(&b.Lighter)(n)
						}))
					if seen["bar "+b.ID] {
						r.at(n, "情形“%s”重复", b.ID)
					}
					seen["bar "+b.ID] = true
					c.Bars = append(c.Bars, b)
				})))
		}),
		need("categories", r.list("categories", func(n *yaml.Node) {
			var k Category
			r.fields(n, "分类",
				need("category", r.text(&k.Code)),
				need("name", r.text(&k.Name)),
				need("clause", r.text(&k.Clause)),
				need("text", r.text(&k.Text)),
				need("grounds", r.grounds(p, &k.Grounds, true)))
			switch name, known := categoryCodes[k.Code]; {
			case !known:
				r.at(n, "没有“%s”这个分类，应为 renowned、distinctive、quality 或 emerging", k.Code)
			case name != k.Name:
				r.at(n, "分类 %s 的名称应为“%s”", k.Code, name)
			case seen[k.Code]:
				r.at(n, "分类“%s”重复", k.Name)
			}
			seen[k.Code] = true
			for i := range k.Grounds {
				k.Grounds[i].Clause = k.Clause + k.Grounds[i].Letter
			}
			c.Categories = append(c.Categories, k)
		})))
	for _, code := range slices.Sorted(maps.Keys(categoryCodes)) {
		if len(c.Categories) > 0 && !seen[code] {
			r.at(n, "criteria 缺少分类“%s”（%s）", categoryCodes[code], code)
		}
	}
}

// grounds reads lettered criteria: of a category, which are compared and checked against data, or of the evaluation (附三(五)).
func (r *reader) grounds(p *Policy, into *[]Ground, compared bool) func(*yaml.Node) {
	return r.list("grounds", func(n *yaml.Node) {
		var g Ground
		check, datum := "", ""
		fields := []field{
			need("letter", r.text(&g.Letter)),
			need("text", r.text(&g.Text)),
			need("check", r.text(&check)),
			may("parameter", r.parameter(p, &g.Parameter, "数值", anyUnit)),
		}
		if compared {
			g.Points = notSaid
			fields = append(fields, may("data", r.text(&datum)), may("points", r.number(&g.Points, 0, maxPoints)), may("operator", r.flag(&g.Operator)))
		}
		r.fields(n, "标准", fields...)
		g.Check, g.Datum = Check(check), Datum(datum)
		if _, known := checkNames[g.Check]; !known && check != "" {
			r.at(n, "check 应为 data、data_and_evidence、evidence 或 recommendation")
		}
		r.datum(n, g)
		if want := string(rune('A' + len(*into))); g.Letter != want {
			r.at(n, "字母应按顺序，这里应为“%s”", want)
		}
		*into = append(*into, g)
	})
}

func (r *reader) places(p *Policy, n *yaml.Node) {
	r.fields(n, "places",
		need("clause", r.text(&p.Places.Clause)),
		need("text", r.text(&p.Places.Text)),
		need("share", r.parameter(p, &p.Places.Share, "比例", unitIs(UnitPercent))),
		need("tiers", r.tiers(&p.Places.Tiers)))
}

func (r *reader) validity(p *Policy, n *yaml.Node) {
	v := &p.Validity
	r.fields(n, "validity",
		need("clause", r.text(&v.Clause)),
		need("text", r.text(&v.Text)),
		need("years", r.parameter(p, &v.Years, "年限", unitIs(UnitYears))),
		need("extension", r.parameter(p, &v.Extension, "年限", unitIs(UnitYears))),
		may("extension_counts", func(n *yaml.Node) {
			counts := true
			r.flag(&counts)(n)
			v.ExtensionFree = !counts
		}),
		need("extension_text", r.text(&v.ExtensionText)),
		need("grounds", r.grounds(p, &v.Grounds, false)))
}
