package policy

import (
	"slices"

	"gopkg.in/yaml.v3"

	"bangfu/models"
)

// maxAnnounce bounds how many days ahead the end of a certification is announced: within its last year.
const maxAnnounce = 180

// maxGrowth bounds what is asked of growth: 1000 %, in hundredths of a percent.
const maxGrowth = 100_000

func (r *reader) certified(p *Policy, n *yaml.Node) {
	c := &p.Certified
	r.fields(n, "certified",
		need("clause", r.short(&c.Clause, maxDutyClause)),
		need("text", r.text(&c.Text)),
		need("report", func(n *yaml.Node) { r.fields(n, "certified 的 report", need("due", r.monthDay(&c.ReportDue))) }),
		need("recheck", func(n *yaml.Node) {
			r.texts(&c.Recheck)(n)
			for _, id := range c.Recheck {
				if _, known := p.standard(id); !known && len(r.problems) == 0 {
					r.at(n, "“%s”不是 tiering 的基础标准或 criteria 中可以核对的情形", id)
				}
			}
		}),
		need("evaluation", func(n *yaml.Node) {
			r.fields(n, "certified 的 evaluation",
				need("opens", r.monthDay(&c.EvaluationOn)),
				need("growth", func(n *yaml.Node) {
					r.parameter(p, &c.Growth, "比例", unitIs(UnitPercent))(n)
					if c.Growth != nil && (c.Growth.Value.Amount < 1 || c.Growth.Value.Amount > maxGrowth) {
						r.at(n, "明显增长的比例应大于0，不超过1000%%")
					}
				}),
				need("years", r.parameter(p, &c.Years, "年限", unitIs(UnitYears))))
		}),
		need("announce_days", r.number(&c.AnnounceDays, 1, maxAnnounce)),
		may("placeholder", r.flag(&c.Placeholder)))
}

// monthDay reads a day of any year, such as 07-31.
func (r *reader) monthDay(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || models.MonthDay(2001, n.Value) == 0 || n.Value == "02-29" {
			r.at(n, "这里应为每年都有的月和日，如 07-31")
			return
		}
		*into = n.Value
	}
}

// completeCertified gives a file that says nothing of the years after the certification what the work plan says.
func (p *Policy) completeCertified(base *Policy) {
	if base == nil || p.Certified.Clause != "" {
		return
	}
	p.Certified = base.Certified
	p.Certified.Growth, p.Certified.Years = p.own(base.Certified.Growth), p.own(base.Certified.Years)
	p.Certified.Recheck = slices.DeleteFunc(slices.Clone(base.Certified.Recheck), func(id string) bool {
		_, known := p.standard(id)
		return !known
	})
}
