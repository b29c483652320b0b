package policy

import (
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Section is a part of a policy in words.
type Section struct {
	Title string
	Items []Item
}

// Item is one thing that a policy says.
type Item struct {
	Key    string // what it is, the same in every version: parameters.growth.revenue
	Name   string // Chinese
	Clause string
	Value  string // Chinese
}

// Outline puts the whole policy into words, part by part in the order of the file: what `policy show` prints, and
// what Diff compares.
func (p *Policy) Outline() []Section {
	return []Section{p.header(), p.amounts(), p.tiering(), p.standards(), p.sources(), p.reminders(), p.calendarWords(), p.criteria(), p.comparison(), p.rest(), p.certifiedWords(), p.reportWords(), p.measures(), p.dutyWords()}
}

func (p *Policy) header() Section {
	return Section{"总则", []Item{
		{"title", "名称", "", p.Title},
		{"document", "依据文件", "", p.Document},
		{"scope", "适用", "", fmt.Sprintf("%s 区 %d 年度", p.District, p.Year)},
		{"valid", "有效期", "", p.ValidFrom.String() + " 至 " + p.ValidUntil.String()},
		{"confirm", "待确认说明", "", p.Confirm},
	}}
}

func (p *Policy) amounts() Section {
	s := Section{Title: "当年认定标准与期限"}
	for _, q := range p.Parameters {
		s.Items = append(s.Items,
			Item{"parameters." + q.Key, q.Name, q.Clause, q.Words()},
			Item{"texts." + q.Key, q.Name + "的依据文字", q.Clause, q.Text})
	}
	return s
}

func (p *Policy) tiering() Section {
	s := Section{Title: "分型条件", Items: []Item{{"tiering.base", "基础标准", p.Tiering.Clause, p.Tiering.Text}}}
	for _, c := range p.Tiering.Conditions {
		key := "conditions." + c.ID
		s.Items = append(s.Items,
			Item{key + ".when", c.Name + "的判断", c.Clause, c.words()},
			Item{key + ".text", c.Name + "的条文", c.Clause, c.Text})
		if c.Advice != "" {
			s.Items = append(s.Items, Item{key + ".advice", c.Name + "的建议", c.Clause, c.Advice})
		}
	}
	s.Items = append(s.Items,
		Item{"tiering.require", "应当具备", p.Tiering.Clause, p.names(p.Tiering.Require, "、")},
		Item{"tiering.exclude", "不属于以下情形", p.Tiering.Clause, p.names(p.Tiering.Exclude, "、")})
	return s
}

func (p *Policy) names(conditions []int, separator string) string {
	names := make([]string, len(conditions))
	for i, c := range conditions {
		names[i] = p.Tiering.Conditions[c].Name
	}
	return strings.Join(names, separator)
}

func (p *Policy) standards() Section {
	s := Section{Title: "分型标准（自上而下，先符合的为准）"}
	for i, t := range p.Tiering.Standards {
		rule := "其余"
		all, anyOf := p.names(t.All, "、"), p.names(t.Any, "；")
		switch {
		case all != "" && anyOf != "":
			rule = all + "，且满足下列之一：" + anyOf
		case all != "":
			rule = all
		case anyOf != "":
			rule = "满足下列之一：" + anyOf
		}
		key := fmt.Sprintf("standards.%d", i+1)
		s.Items = append(s.Items, Item{key, t.Tier.String(), t.Clause, rule}, Item{key + ".text", t.Tier.String() + "的条文", t.Clause, t.Text})
	}
	return s
}

func (p *Policy) sources() Section {
	s := Section{Title: "数据来源"}
	for source := range models.SourceCount {
		d := p.Sources[source]
		need := "分型判定不必等待"
		if d.Required {
			need = "分型判定必需"
		}
		s.Items = append(s.Items, Item{"sources." + source.String(), source.Name(), d.Clause, fmt.Sprintf("%s（%s），%s", d.DepartmentName, d.Department, need)})
	}
	return s
}

// obligationNames are the ladders' kinds in Chinese.
var obligationNames = map[models.ObligationKind]string{
	models.ObligationDelivery: "交付数据", models.ObligationDifference: "处理差异",
	models.ObligationHandover: "汇总至名录", models.ObligationStandards: "公示标准与措施",
	models.ObligationConsent: "经营者表示同意", models.ObligationSupplement: "补充材料", models.ObligationReview: "审核申报",
	models.ObligationVisit: "走访核实", models.ObligationSelection: "确定拟认定名单", models.ObligationObjection: "受理、办结异议",
	models.ObligationAnswer: "答复异议", models.ObligationCertification: "认定并报市级", models.ObligationCityCheck: "市级抽查",
	models.ObligationCitySupplement: "补充市级要求的材料", models.ObligationComplaint: "答复投诉",
	models.ObligationReport: "年度信息报告", models.ObligationReportReview: "审核信息报告", models.ObligationHearing: "陈述申辩",
	models.ObligationCase: "处理认定存续事项", models.ObligationOpinion: "推荐部门意见", models.ObligationDuty: "部门年度职责",
	models.ObligationOrder: "答复督办",
	models.ObligationHelp:  "答复帮扶申请、兑现帮扶",
}

func (p *Policy) reminders() Section {
	s := Section{Title: "催办"}
	for _, kind := range models.ObligationKinds {
		l := p.Ladders[kind]
		var days []string
		for _, step := range l.Steps {
			switch {
			case step < 0:
				days = append(days, fmt.Sprintf("到期前 %d 天", -step))
			case step == 0:
				days = append(days, "到期日")
			default:
				days = append(days, fmt.Sprintf("逾期 %d 天", step))
			}
		}
		s.Items = append(s.Items, Item{"ladders." + string(kind), obligationNames[kind], "", strings.Join(days, "、") + fmt.Sprintf("；逾期第 %d 天报区市场监管局", l.Escalate)})
	}
	return s
}

// calendarWords is the year's calendar.
func (p *Policy) calendarWords() Section {
	s := Section{Title: "年度日程"}
	plan, err := p.Plan()
	if err != nil { // Load has checked it
		return s
	}
	for _, item := range calendar.PlanItems {
		s.Items = append(s.Items, Item{"plan." + string(item.Key), item.Name, item.Clause, plan[item.Key].String()})
	}
	return s
}

var checkNames = map[Check]string{CheckData: "部门数据核对", CheckDataAndEvidence: "部门数据核对后凭材料审核", CheckEvidence: "材料审核", CheckRecommendation: "部门推荐"}

var datumNames = map[Datum]string{DatumHonestYears: "成立年限与信用记录", DatumTrademark: "有效商标", DatumProperty: "有效专利或商标", DatumPartyHonour: "党建表彰奖励"}

// Words says how the ground is checked: “部门数据核对：有效商标”.
func (g Ground) Words() string {
	if g.Datum == "" {
		return checkNames[g.Check]
	}
	return checkNames[g.Check] + "：" + datumNames[g.Datum]
}

func ground(key, clause string, g Ground) Item {
	return Item{key + "." + g.Letter, g.Letter, clause + g.Letter, g.Text + "（" + g.Words() + termWords(g.Parameter) + operatorWords(g.Operator) + "）"}
}

func termWords(q *Parameter) string {
	if q == nil {
		return ""
	}
	return "，" + q.Name
}

func operatorWords(operator bool) string {
	if operator {
		return "，变更经营者后须重新核实"
	}
	return ""
}

func lighterWords(kinds []string) string {
	if len(kinds) == 0 {
		return ""
	}
	return "，轻于罚款的处罚：" + strings.Join(kinds, "、")
}

// Rule is what the bar's text leaves open, as the policy settles it; empty when it leaves nothing.
func (b Bar) Rule() string {
	var parts []string
	if b.Parameter != nil {
		parts = append(parts, b.Parameter.Name+b.Parameter.Words())
	}
	if len(b.Lighter) > 0 {
		parts = append(parts, strings.TrimPrefix(lighterWords(b.Lighter), "，"))
	}
	return strings.Join(parts, "；")
}

func tierNames(tiers []models.Tier) string {
	names := make([]string, len(tiers))
	for i, t := range tiers {
		names[i] = t.String()
	}
	return strings.Join(names, "、")
}

func (p *Policy) criteria() Section {
	c := p.Criteria
	relaxed := "无"
	if len(c.Relaxed) > 0 {
		relaxed = strings.Join(c.Relaxed, "、")
	}
	s := Section{"“名特优新”分类标准", []Item{
		{"criteria.base", "基础标准", c.Clause, c.Text},
		{"criteria.tiers", "自主申报的分型", c.Clause, tierNames(c.Tiers)},
		{"criteria.relaxed_text", "放宽分类来源", c.Clause, c.RelaxedText},
		{"criteria.relaxed", "已放宽的经营者身份", c.Clause, relaxed},
	}}
	for _, b := range c.Bars {
		s.Items = append(s.Items, Item{"criteria.bars." + b.ID, "不得申报或者推荐", b.Clause, b.Text + termWords(b.Parameter) + lighterWords(b.Lighter)})
	}
	for _, k := range c.Categories {
		s.Items = append(s.Items, Item{"criteria." + k.Code, k.Name, k.Clause, k.Text})
		for _, g := range k.Grounds {
			item := ground("criteria."+k.Code, k.Clause, g)
			item.Name = k.Name + " " + g.Letter
			s.Items = append(s.Items, item)
		}
	}
	return s
}

func (p *Policy) rest() Section {
	v := p.Validity
	s := Section{"数量、有效期与评估", []Item{
		{"places", "数量", p.Places.Clause, p.Places.Text},
		{"places.share", "数量比例", p.Places.Clause, fmt.Sprintf("%s总数的%s", tierNames(p.Places.Tiers), p.Places.Share.Name)},
		{"validity", "有效期", v.Clause, v.Text},
		{"validity.years", "有效期与延长的期限", v.Clause, v.Years.Name + "、" + v.Extension.Name},
		{"validity.extension", "延长", v.Clause, v.ExtensionText},
		{"validity.extension_counts", "延长与名额", p.Places.Clause, map[bool]string{false: "延长的认定占用以后年度的名额（待确认）", true: "延长的认定不占用以后年度的名额"}[v.ExtensionFree]},
	}}
	for _, g := range v.Grounds {
		item := ground("validity", v.Clause, g)
		item.Name = "延长情形 " + g.Letter
		s.Items = append(s.Items, item)
	}
	return s
}

// words is the condition's test in words, parameters by their names: a changed amount is one change, not several.
func (c Condition) words() string {
	s := c.Test.words()
	if c.Exclude {
		return "不属于：" + s
	}
	return s
}

func (t Test) words() string {
	join := func(separator string) string {
		parts := make([]string, len(t.Kids))
		for i, k := range t.Kids {
			parts[i] = k.words()
		}
		return "（" + strings.Join(parts, separator) + "）"
	}
	switch t.Op {
	case OpAll:
		return join(" 且 ")
	case OpAny:
		return join(" 或 ")
	case OpNot:
		return "非" + t.Kids[0].words()
	}
	s := t.Fact.Info().Name
	add := func(q *Parameter, words string) {
		if q != nil {
			s += words + "“" + q.Name + "”"
		}
	}
	add(t.AtLeast, "不低于")
	add(t.Above, "高于")
	add(t.AtMost, "不高于")
	add(t.Below, "低于")
	add(t.AtLeastYears, "已满")
	if t.InCycleYear {
		s += "在本年度内"
	}
	if t.Unknown != nil {
		s += map[bool]string{true: "（无数据按是）", false: "（无数据按否）"}[*t.Unknown]
	}
	return s
}

func (p *Policy) comparison() Section {
	text := Item{"selection", "比选", p.Selection.Clause, p.Selection.Text}
	return Section{"比选", append([]Item{text}, p.Comparison()...)}
}

// Comparison is the 比选 in words: what is worth how many points, and what decides among equals.
func (p *Policy) Comparison() []Item {
	c := p.Selection
	mark := ""
	if c.Placeholder {
		mark = "（待确认）"
	}
	var items []Item
	for _, k := range p.Criteria.Categories {
		for _, g := range k.Grounds {
			items = append(items, Item{"selection.grounds." + k.Code + "." + g.Letter, k.Name + g.Letter + "的分值", k.Clause + g.Letter, points(g.Points) + mark})
		}
	}
	var tiers, honours, order []string
	for _, t := range models.Tiers {
		if n, ok := c.Tier.Points[t]; ok {
			tiers = append(tiers, t.String()+" "+points(n))
		}
	}
	for _, level := range honourLevels {
		honours = append(honours, level+" "+points(c.Honours.Points[level]))
	}
	for _, t := range c.Ties {
		order = append(order, ties[t].words)
	}
	return append(items,
		Item{"selection.tier", c.Tier.Text + "的分值", c.Tier.Clause, strings.Join(tiers, "、") + mark},
		Item{"selection.honours", "表彰奖励的分值", c.Honours.Clause,
			c.Honours.Text + "：" + strings.Join(honours, "、") + "，最高 " + points(c.Honours.Most) + termWords(c.Honours.Parameter) + mark},
		Item{"selection.years", "成立年限的分值", c.Years.Clause,
			fmt.Sprintf("%s：每满 %d 年 %s，最高 %s", c.Years.Text, c.Years.Every, points(c.Years.Points), points(c.Years.Most)) + mark},
		Item{"selection.ties", "同分时依次优先", c.Clause, strings.Join(order, "、") + mark})
}

func points(n int) string { return fmt.Sprintf("%d 分", n) }
