package policy

import (
	"fmt"
	"slices"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// yearWords fills the years into a policy's advice.
func yearWords(year int) *strings.Replacer {
	return strings.NewReplacer("{上一年度}", fmt.Sprintf("%d年度", year-1), "{本年度}", fmt.Sprintf("%d年度", year))
}

// Outcome reads a condition's outcome off a verdict.
func Outcome(v models.Verdict, condition int) models.Outcome {
	switch bit := uint64(1) << condition; {
	case v.Met&bit != 0:
		return models.OutcomeMet
	case v.NotKnown&bit != 0:
		return models.OutcomeNotKnown
	}
	return models.OutcomeNotMet
}

// Explain puts a verdict into words (B1): every condition with its value, why this tier, and what is missing for
// the next one. f must be the facts that v was judged on.
func (j *Judge) Explain(f *models.Facts, v models.Verdict) models.Explanation {
	e := models.Explanation{Tier: v.Tier, Missing: []string{}}
	for i, c := range j.Conditions() {
		text := c.Text
		if c.Exclude {
			text = "不属于：" + text
		}
		e.Findings = append(e.Findings, models.Finding{
			Clause: c.Clause, Text: text, Outcome: Outcome(v, i), Value: j.value(c.Test, f), Source: j.sourceNames(c),
		})
	}
	if v.Tier == models.Ineligible {
		e.NextTier = j.standards[j.standard(v.Met)].tier
		failed := indexes(j.failed(v.Met, v.NotKnown))
		names := make([]string, len(failed))
		for i, index := range failed {
			c := j.Conditions()[index]
			names[i] = "“" + c.Name + "”" + Outcome(v, index).Name()
			e.Missing = append(e.Missing, j.step(c, f, v, index))
		}
		e.Summary = fmt.Sprintf("不符合分型条件：基础标准中%s。解决后按现有数据可判定为%s。", strings.Join(names, "，"), e.NextTier)
		return e
	}
	e.Summary = j.summary(v)
	if v.Tier < models.Development {
		e.NextTier = v.Tier + 1
		e.Missing = j.missing(f, v, e.NextTier)
	}
	return e
}

// summary says in one sentence which standard gave the tier, and by what.
func (j *Judge) summary(v models.Verdict) string {
	position := j.standard(v.Met)
	s, law := j.standards[position], j.policy.Tiering.Standards[position]
	var by []string
	for _, index := range append(indexes(s.all), indexes(s.any&v.Met)...) {
		by = append(by, j.Conditions()[index].Name)
	}
	if len(by) == 0 {
		return fmt.Sprintf("%s：%s（%s）。", law.Tier, strings.TrimSuffix(law.Text, "的所有个体工商户"), law.Clause)
	}
	return fmt.Sprintf("%s：符合基础标准，且%s（%s）。", law.Tier, strings.Join(by, "、"), law.Clause)
}

// missing says what a household still needs for a higher tier: first what all need, then the ways, of which one is enough.
func (j *Judge) missing(f *models.Facts, v models.Verdict, goal models.Tier) []string {
	out := []string{}
	for i, s := range j.standards {
		if s.tier != goal {
			if v.Met&s.all == s.all && s.any == 0 && s.all != 0 { // a standard before the goal's holds it back: new this year
				for _, index := range indexes(s.all) {
					out = append(out, j.step(j.Conditions()[index], f, v, index))
				}
			}
			continue
		}
		for _, index := range indexes(s.all &^ v.Met) {
			out = append(out, "须先满足——"+j.step(j.Conditions()[index], f, v, index))
		}
		if v.Met&s.any != 0 {
			return out
		}
		for n, index := range j.policy.Tiering.Standards[i].Any {
			lead := "满足其一即可——"
			if n > 0 {
				lead = "或者——"
			}
			out = append(out, lead+j.step(j.Conditions()[index], f, v, index))
		}
		return out
	}
	return out
}

// step is what an operator does about one condition: the policy's advice, or the gap where it can be counted.
func (j *Judge) step(c Condition, f *models.Facts, v models.Verdict, index int) string {
	s := c.Name
	if gaps := j.gaps(c.Test, f); len(gaps) > 0 {
		s = strings.Join(gaps, "，且")
	}
	if c.Advice != "" {
		s = yearWords(j.year).Replace(c.Advice)
	}
	if Outcome(v, index) == models.OutcomeNotKnown {
		sources, departments := j.lacking(c, f)
		s += fmt.Sprintf("；目前%s无数据，可向%s核实", sources, departments)
	}
	return s + "（" + c.Clause + "）"
}

// lacking names the sources that say nothing of the household on this condition, and the departments that owe them.
func (j *Judge) lacking(c Condition, f *models.Facts) (sources, departments string) {
	var names, owners []string
	for _, fact := range c.Test.facts(nil) {
		if f.Has(fact) {
			continue
		}
		source := fact.Info().Source
		if name := source.Name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
		if owner := j.policy.Sources[source].DepartmentName; !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	return strings.Join(names, "、"), strings.Join(owners, "、")
}

// gaps words what a test lacks, leaf by leaf; of alternatives every one.
func (j *Judge) gaps(t Test, f *models.Facts) (out []string) {
	if p, err := compile([]Test{t}, j.year, j.asOf); err != nil {
		return nil // not reached: the whole policy was compiled
	} else if met, _ := p.run(f); met == 1 {
		return nil
	}
	if t.Op != OpFact {
		for _, k := range t.Kids {
			out = append(out, j.gaps(k, f)...)
		}
		return out
	}
	info := t.Fact.Info()
	value := f.Number(t.Fact)
	low, _ := t.limits(j.year, j.asOf)
	switch lower := t.lower(); {
	case info.Kind == models.KindBool || info.Kind == models.KindDate && !f.Has(t.Fact):
		return []string{info.Name}
	case t.AtLeastYears != nil:
		years := int(t.AtLeastYears.Value.Amount)
		return []string{fmt.Sprintf("成立满%d年的日期是 %s%s", years, calendar.Date(value).AddYears(years), t.AtLeastYears.mark())}
	case t.InCycleYear:
		return []string{fmt.Sprintf("%s在%d年", info.Name, j.year)}
	case !f.Has(t.Fact):
		return []string{info.Name + "达到 " + t.bounds()}
	case lower != nil && value < low:
		return []string{fmt.Sprintf("%s还差 %s，现为 %s，标准为 %s", info.Name, lower.Value.like(low-value), lower.Value.like(value), t.bounds())}
	}
	return []string{j.value(t, f)}
}

// lower is the leaf's lower bound.
func (t Test) lower() *Parameter {
	if t.AtLeast != nil {
		return t.AtLeast
	}
	return t.Above
}

// value words the data that a test looked at: "营业收入 19.99 万元，标准为 20 万元以上".
func (j *Judge) value(t Test, f *models.Facts) string {
	var parts []string
	j.values(t, f, &parts)
	return strings.Join(parts, "；")
}

func (j *Judge) values(t Test, f *models.Facts, out *[]string) {
	if t.Op != OpFact {
		for _, k := range t.Kids {
			j.values(k, f, out)
		}
		return
	}
	s := j.leafValue(t, f)
	if !slices.Contains(*out, s) {
		*out = append(*out, s)
	}
}

func (j *Judge) leafValue(t Test, f *models.Facts) string {
	info := t.Fact.Info()
	known := f.Has(t.Fact)
	switch {
	case info.Kind == models.KindBool:
		words := "否"
		switch {
		case !known:
			return info.Name + "：无数据"
		case f.Bool(t.Fact):
			words = "是"
		}
		return info.Name + "：" + words
	case info.Kind == models.KindDate:
		if !known {
			return info.Name + "无数据"
		}
		d := calendar.Date(f.Number(t.Fact))
		s := info.Name + " " + d.String()
		if t.AtLeastYears != nil {
			years := int(t.AtLeastYears.Value.Amount)
			s += fmt.Sprintf("，满%d年的日期是 %s%s，判定日 %s", years, d.AddYears(years), t.AtLeastYears.mark(), j.asOf)
		}
		if t.InCycleYear {
			s += fmt.Sprintf("，判定年度 %d 年", j.year)
		}
		return s
	}
	amount := "无数据"
	if known {
		amount = " " + t.unit().like(f.Number(t.Fact))
	}
	return info.Name + amount + "，标准为 " + t.bounds()
}

// unit is the unit in which the leaf's values are written: its parameter's, so that value and standard compare at a glance.
func (t Test) unit() Value {
	for _, p := range []*Parameter{t.AtLeast, t.Above, t.AtMost, t.Below} {
		if p != nil {
			return p.Value
		}
	}
	return Value{Unit: UnitPersons}
}

// bounds words a leaf's comparisons: "20 万元以上（待确认）", "1 人以上、3 人以下".
func (t Test) bounds() string {
	var s []string
	add := func(p *Parameter, before, after string) {
		if p != nil {
			s = append(s, before+p.Value.String()+after+p.mark())
		}
	}
	add(t.AtLeast, "", "以上")
	add(t.Above, "高于 ", "")
	add(t.AtMost, "", "以下")
	add(t.Below, "低于 ", "")
	return strings.Join(s, "、")
}

// sourceNames names a condition's sources: 年度报告、税务.
func (j *Judge) sourceNames(c Condition) string {
	var s []string
	for _, source := range c.Sources() {
		s = append(s, source.Name())
	}
	return strings.Join(s, "、")
}

// Rule words what the condition means with this policy's amounts: "营业收入 20 万元以上（待确认）".
func (c Condition) Rule() string {
	if c.Exclude {
		return "不属于：" + c.Test.rule()
	}
	return c.Test.rule()
}

func (t Test) rule() string {
	var parts []string
	for _, k := range t.Kids {
		parts = append(parts, k.rule())
	}
	switch t.Op {
	case OpAll:
		return strings.Join(parts, "，且")
	case OpAny:
		return strings.Join(parts, "，或")
	case OpNot:
		return "不是" + parts[0]
	}
	name := t.Fact.Info().Name
	switch {
	case t.AtLeastYears != nil:
		return name + "已满" + t.AtLeastYears.Words()
	case t.InCycleYear:
		return name + "在本年度内"
	case t.Fact.Info().Kind == models.KindBool:
		return name
	}
	return name + " " + t.bounds()
}
