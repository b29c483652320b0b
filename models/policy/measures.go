package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Measure is one of 附二 (per tier) or 附四 (per category).
type Measure struct {
	For    string // 生存型 … or 知名 …
	Clause string
	Name   string
	Parts  []MeasurePart
}

// MeasurePart is what a measure promises in one breath: its text, who is responsible, whether one has to ask, and when.
type MeasurePart struct {
	Text        string
	Departments []string // as the work plan names them
	Codes       []string // of those that are departments; a collective name such as 各相关部门 has none
	Collective  bool     // one of the names has no code: the bureau says who it is
	Help        HelpMode
	Period      Period
}

// HelpMode is whether a household has to ask.
type HelpMode string

// The modes.
const (
	HelpUnasked   HelpMode = "unasked"    // 主动提供（免申即享）
	HelpOnRequest HelpMode = "on_request" // 经营者申请后办理
)

// Name is the mode in words.
func (m HelpMode) Name() string {
	if m == HelpOnRequest {
		return "经营者申请"
	}
	return "主动提供，无须申请"
}

// Period is when a measure is open to a household: all year, once a year, or between two days of the year.
type Period struct {
	Once        bool
	From, Until string // 03-01; empty = all year
}

// Words is the period for people.
func (p Period) Words() string {
	switch {
	case p.Once:
		return onceAYear
	case p.From == "":
		return allYear
	}
	return "每年" + dayWords(p.From) + "至" + dayWords(p.Until)
}

// Includes says whether a date lies in the period; one that ends before it begins goes on over the New Year.
func (p Period) Includes(d calendar.Date) bool {
	if p.From == "" {
		return true
	}
	day := d.String()[5:]
	if p.From <= p.Until {
		return p.From <= day && day <= p.Until
	}
	return day >= p.From || day <= p.Until
}

// The periods that are words.
const (
	allYear   = "全年"
	onceAYear = "每年一次"
)

var periodForm = regexp.MustCompile(`^(\d{2}-\d{2})至(\d{2}-\d{2})$`)

// Help is how help is given, where the work plan leaves it open.
type Help struct {
	Notices     int  // the most notices that a household gets in a year
	BankConsent bool // 附二(二)3: the list for the banks holds only who consented
	Placeholder bool
}

// Measure finds a part of a measure by its clause and number (1 = the first); CodeNotFound, in Chinese, if there is none.
func (p *Policy) Measure(clause string, part int) (Measure, MeasurePart, error) {
	i := slices.IndexFunc(p.Measures, func(m Measure) bool { return m.Clause == clause })
	if i < 0 {
		return Measure{}, MeasurePart{}, models.NotFound("政策中没有条款为“%s”的措施", clause)
	}
	m := p.Measures[i]
	if part < 1 || part > len(m.Parts) {
		return m, MeasurePart{}, models.NotFound("%s“%s”有 %d 项内容，没有第 %d 项", clause, m.Name, len(m.Parts), part)
	}
	return m, m.Parts[part-1], nil
}

// MeasuresFor are the measures of a tier (附二) and, besides, of the category in which the household is certified (附四: 在享受分类
// 培育措施的同时享受分型帮扶措施); none of 附二 for who has no tier or 不符合分型条件, none of 附四 without a category.
func (p *Policy) MeasuresFor(tier models.Tier, category models.Category) []Measure {
	var list []Measure
	for _, m := range p.Measures {
		if m.Fits(tier, category) {
			list = append(list, m)
		}
	}
	return list
}

// Fits says whether the measure is for a household of this tier and of the category in which it is certified ("" = none).
func (m Measure) Fits(tier models.Tier, category models.Category) bool {
	return m.For != "" && (tier > models.Ineligible && m.For == tier.String() || category != "" && m.For == category.Name())
}

// Tier is the tier that the measure is for; NoTier for one of a category.
func (m Measure) Tier() models.Tier {
	t, err := models.ParseTier(m.For)
	if err != nil {
		return models.NoTier
	}
	return t
}

// Category is the category that the measure is for; empty for one of a tier.
func (m Measure) Category() models.Category {
	for code, name := range categoryCodes {
		if name == m.For {
			return models.Category(code)
		}
	}
	return ""
}

// Responsible are the departments that owe a part, with those that the bureau named for its collective names (各相关部门 …): nobody named
// means the bureau itself.
func (part MeasurePart) Responsible(named []string) []string {
	list := slices.Clone(part.Codes)
	if part.Collective {
		if len(named) == 0 {
			named = []string{models.BureauCode}
		}
		for _, code := range named {
			if !slices.Contains(list, code) {
				list = append(list, code)
			}
		}
	}
	return list
}

// DepartmentName is how the policy names a department; its code where it does not.
func (p *Policy) DepartmentName(code string) string {
	for _, d := range p.Departments {
		if d.Code == code {
			return d.Name
		}
	}
	return code
}

// Department is a department that measures name, with its code.
type Department struct{ Name, Code string }

var departmentCode = regexp.MustCompile(`^[a-z0-9_-]{1,20}$`)

func (r *reader) departments(p *Policy, n *yaml.Node) {
	codes := map[string]bool{}
	r.entries(n, "departments", func(key, value *yaml.Node) {
		code, ok := r.scalar(value)
		if !ok {
			return
		}
		if !departmentCode.MatchString(code) {
			r.at(value, "“%s”不是部门代码，应为1至20位小写字母、数字、“-”或“_”", code)
		}
		if codes[code] {
			r.at(value, "部门代码“%s”重复", code)
		}
		codes[code] = true
		p.Departments = append(p.Departments, Department{key.Value, code})
	})
}

func (r *reader) help(p *Policy, n *yaml.Node) {
	r.fields(n, "help",
		need("notices", r.number(&p.Help.Notices, 1, maxNotices)),
		need("bank_consent", r.flag(&p.Help.BankConsent)),
		may("placeholder", r.flag(&p.Help.Placeholder)))
}

// maxNotices bounds the notices that a household gets in a year: one a week.
const maxNotices = 52

func (r *reader) measures(p *Policy, n *yaml.Node) {
	whom := map[string]bool{models.Survival.String(): true, models.Growth.String(): true, models.Development.String(): true}
	for _, name := range categoryCodes {
		whom[name] = true
	}
	clauses := map[string]bool{}
	r.list("measures", func(n *yaml.Node) {
		var m Measure
		r.fields(n, "措施",
			need("for", r.text(&m.For)),
			need("clause", r.text(&m.Clause)),
			need("name", r.text(&m.Name)),
			need("parts", r.list("parts", r.measurePart(&m))))
		if m.For != "" && !whom[m.For] {
			r.at(n, "“%s”不是分型或分类，应为生存型、成长型、发展型、知名、特色、优质或新兴", m.For)
		}
		if clauses[m.Clause] && m.Clause != "" {
			r.at(n, "措施条款“%s”重复", m.Clause)
		}
		clauses[m.Clause] = true
		p.Measures = append(p.Measures, m)
	})(n)
}

func (r *reader) measurePart(m *Measure) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var part MeasurePart
		r.fields(n, "措施内容",
			need("text", r.text(&part.Text)),
			need("departments", r.list("departments", func(n *yaml.Node) {
				s, _ := r.scalar(n)
				part.Departments = append(part.Departments, s)
			})),
			may("help", func(n *yaml.Node) {
				if part.Help = HelpMode(n.Value); part.Help != HelpUnasked && part.Help != HelpOnRequest {
					r.at(n, "help 应为 unasked（主动提供）或 on_request（经营者申请）")
				}
			}),
			may("period", func(n *yaml.Node) {
				s, ok := r.scalar(n)
				span := periodForm.FindStringSubmatch(s)
				switch {
				case !ok:
				case s == allYear:
				case s == onceAYear:
					part.Period.Once = true
				case span != nil && monthDay(span[1]) && monthDay(span[2]):
					part.Period.From, part.Period.Until = span[1], span[2]
				default:
					r.at(n, "period 应为“全年”“每年一次”，或一段日期，如“03-01至05-31”")
				}
			}))
		m.Parts = append(m.Parts, part)
	}
}

// monthDay says whether a text is a day of the year; 29 February is one.
func monthDay(s string) bool {
	_, err := calendar.ParseDate("2000-" + s)
	return err == nil
}

// completeMeasures says of each part what its file does not: whether one has to ask, as the work plan's for the same words, and which of its
// names are departments. A file without departments or help has the work plan's.
func (p *Policy) completeMeasures(base *Policy) {
	if base != nil && len(p.Departments) == 0 {
		p.Departments = base.Departments
	}
	if base != nil && p.Help.Notices == 0 {
		p.Help = base.Help
	}
	for i := range p.Measures {
		p.Measures[i].take(base)
		for j := range p.Measures[i].Parts {
			part := &p.Measures[i].Parts[j]
			if part.Help == "" {
				part.Help = base.helpOf(part.Text)
			}
			p.codes(part)
		}
	}
}

// take gives a measure that says nothing of how its help comes, in the work plan's words, the work plan's parts.
func (m *Measure) take(base *Policy) {
	if base == nil || slices.ContainsFunc(m.Parts, func(part MeasurePart) bool { return part.Help != "" || part.Period != (Period{}) }) {
		return
	}
	i := slices.IndexFunc(base.Measures, func(o Measure) bool { return o.For == m.For && o.Clause == m.Clause })
	if i >= 0 && m.words() == base.Measures[i].words() {
		m.Parts = slices.Clone(base.Measures[i].Parts)
	}
}

// words are the measure's texts as the plan has them: what has the same departments reads on.
func (m Measure) words() string {
	var b strings.Builder
	for i, part := range m.Parts {
		if i > 0 && !slices.Equal(part.Departments, m.Parts[i-1].Departments) {
			b.WriteString("（" + strings.Join(m.Parts[i-1].Departments, "、") + "）")
		}
		b.WriteString(part.Text)
	}
	if n := len(m.Parts); n > 0 {
		b.WriteString("（" + strings.Join(m.Parts[n-1].Departments, "、") + "）")
	}
	return b.String()
}

// helpOf is the mode of the part with this text; where none has it, that one has to ask: nobody is left waiting for
// what nobody brings.
func (p *Policy) helpOf(text string) HelpMode {
	if p != nil {
		for _, m := range p.Measures {
			for _, part := range m.Parts {
				if part.Text == text {
					return part.Help
				}
			}
		}
	}
	return HelpOnRequest
}

func (p *Policy) codes(part *MeasurePart) {
	part.Codes, part.Collective = nil, false
	for _, name := range part.Departments {
		switch code := p.codeOf(name); {
		case code == "":
			part.Collective = true
		case !slices.Contains(part.Codes, code):
			part.Codes = append(part.Codes, code)
		}
	}
}

// codeOf is the code of a department that the policy names; empty for a collective name.
func (p *Policy) codeOf(name string) string {
	for _, d := range p.Departments {
		if d.Name == name {
			return d.Code
		}
	}
	return ""
}

// Words is the part in one line: its text, who, whether one has to ask, and when.
func (part MeasurePart) Words() string {
	return part.Text + "（" + strings.Join(part.Departments, "、") + "；" + part.Help.Name() + "；" + part.Period.Words() + "）"
}

func (p *Policy) measures() Section {
	mark := ""
	if p.Help.Placeholder {
		mark = "（待确认）"
	}
	consent := "不须征得同意"
	if p.Help.BankConsent {
		consent = "须先征得经营者同意"
	}
	s := Section{Title: "帮扶与培育措施", Items: []Item{
		{"help.notices", "每户每年最多收到的帮扶通知", "附二", fmt.Sprintf("%d 份", p.Help.Notices) + mark},
		{"help.bank_consent", "向驻区银行推介“成长型”个体工商户名单", "附二(二)3", consent + mark},
	}}
	for _, d := range p.Departments {
		s.Items = append(s.Items, Item{"departments." + d.Name, d.Name + "的代码", "", d.Code})
	}
	for _, m := range p.Measures {
		var parts []string
		for _, part := range m.Parts {
			parts = append(parts, part.Words())
		}
		s.Items = append(s.Items, Item{"measures." + m.Clause, m.For + "：" + m.Name, m.Clause, strings.Join(parts, "")})
	}
	return s
}
