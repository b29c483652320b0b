package policy

import (
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"bangfu/models/calendar"
)

var dutyID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Bounds on a duty: its title must fit what is owed, and nobody is asked more than once a month.
const (
	maxDutyName   = 60
	maxDutyClause = 60
	maxDutyTimes  = 12
)

func (r *reader) duties(p *Policy, n *yaml.Node) {
	seen := map[string]bool{}
	r.list("duties", func(n *yaml.Node) {
		var d Duty
		r.fields(n, "职责",
			need("id", func(n *yaml.Node) {
				if d.ID = n.Value; !dutyID.MatchString(n.Value) {
					r.at(n, "职责的 id 应为小写字母、数字和“-”，以字母开头，最长40位")
				}
			}),
			need("clause", r.short(&d.Clause, maxDutyClause)),
			need("name", r.short(&d.Name, maxDutyName)),
			need("text", r.text(&d.Text)),
			need("whom", r.short(&d.Whom, maxDutyName)),
			need("departments", r.list("departments", func(n *yaml.Node) {
				code, ok := r.scalar(n)
				switch {
				case !ok:
				case slices.Contains(d.Departments, code):
					r.at(n, "部门“%s”重复", code)
				case !r.known(p, code):
					r.at(n, "departments 中没有代码为“%s”的部门", code)
				default:
					d.Departments = append(d.Departments, code)
				}
			})),
			need("due", r.list("due", func(n *yaml.Node) { r.dutyDue(p, &d, n) })),
			may("placeholder", r.flag(&d.Placeholder)),
			may("evidence", r.flag(&d.Evidence)))
		if seen[d.ID] && d.ID != "" {
			r.at(n, "职责“%s”重复", d.ID)
		}
		seen[d.ID] = true
		p.DepartmentDuties = append(p.DepartmentDuties, d)
	})(n)
}

// dutyDue reads one date of a duty: later than the one before, and not before the year's work begins.
func (r *reader) dutyDue(p *Policy, d *Duty, n *yaml.Node) {
	md, ok := r.scalar(n)
	if !ok || p.Year == 0 {
		return
	}
	due, err := planDate(p.Year, md)
	if err != nil {
		r.at(n, "%s", err)
		return
	}
	if len(d.Due) >= maxDutyTimes {
		r.at(n, "一项职责每年最多%d次", maxDutyTimes)
		return
	}
	if plan, err := p.Plan(); err == nil && (due < plan[calendar.PlanStart] || due >= plan[calendar.PlanStart].AddYears(1)) {
		r.at(n, "期限“%s”不在本年度工作开始（%s）后的一年之内", md, plan[calendar.PlanStart].Chinese())
	}
	if len(d.Due) > 0 {
		if before, err := planDate(p.Year, d.Due[len(d.Due)-1]); err == nil && due <= before {
			r.at(n, "各次期限应从早到晚排列，不能重复")
		}
	}
	d.Due = append(d.Due, md)
}

// known says whether a code is one of the policy's departments.
func (r *reader) known(p *Policy, code string) bool {
	list := p.Departments
	if len(list) == 0 && r.base != nil {
		list = r.base.Departments
	}
	return slices.ContainsFunc(list, func(d Department) bool { return d.Code == code })
}

// completeDuties gives a file without duties the work plan's, with the names of those who owe them.
func (p *Policy) completeDuties(base *Policy) {
	if base == nil || len(p.DepartmentDuties) > 0 {
		return
	}
	p.DepartmentDuties = base.DepartmentDuties
	for _, d := range base.Departments {
		same := func(o Department) bool { return o.Code == d.Code || o.Name == d.Name }
		if !slices.ContainsFunc(p.Departments, same) {
			p.Departments = append(slices.Clip(p.Departments), d)
		}
	}
}

// short reads a text of at most so many characters.
func (r *reader) short(into *string, most int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(into)(n)
		if utf8.RuneCountInString(*into) > most {
			r.at(n, "文字过长，这里不应超过 %d 字", most)
		}
	}
}
