package policy

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"bangfu/models"
	"bangfu/models/calendar"
)

// The bars that data decide. A file may name others: no data speak of those, so that a reviewer must.
const (
	BarTier       = "tier"               // 附三(三)1: 自主申报的分型 (not one of the file's bars: it follows from criteria.base)
	BarRegistered = "registered"         // 附一(三)1: 登记在册
	BarPenalty    = "penalty"            // 附三(三)1(1)
	BarDefaulter  = "dishonest_operator" // 附三(三)1(2)
	BarRevoked    = "revoked"            // 附三(五)
	BarCertified  = "certified"          // 附三(四): certified already, and still on the day from which this year's benefits run
)

// Bars lists what stands in the way of a household's application of the day on (申报或推荐之日), as the data of today
// show it: at submission both are the same day, before the certification today is later and the data newer. Empty: nothing
// that is known stands in the way; BarsNotKnown lists what no data decide, which the review has to see to.
//
// How the text is read, by the day:
//   - 自主申报 needs a tier of criteria.base.tiers; an operator of a 身份 in relaxed may come from any tier of 附一(三)2,
//     but not from 不符合分型条件: “适当放宽分类来源” opens the source, and that is none. A recommended household may be of
//     any, also 不符合分型条件 (“可以不受此限”), but who is not 登记在册 any more cannot be certified at all.
//   - “申报或推荐之日前2年内”: the days from the same day two years before (that day counts: 以内包括本数,
//     民法典第一千二百五十九条) to the day itself. A penalty between the application and today counts too: who has it
//     could not apply today, and would lose the certification at once (附三(五) 动态管理).
//   - A 修复 or 移出 on today or before frees: it is judged what is “尚未完成”.
//   - “自被撤销认定之日起5年内”: until the same day five years later, that day included; another household of an operator of the same
//     name is for a reviewer to look at.
//   - “同一个体工商户只能认定为一个类型”: who is certified, and still will be on 1 January, holds one of the places already.
func (p *Policy) Bars(c *models.Candidate, origin models.Origin, on, today calendar.Date) []models.Bar {
	return p.bars(c, origin, on, today, models.OutcomeMet)
}

// BarsNotKnown lists the bars that the data delivered do not decide; Why says which source is missing.
func (p *Policy) BarsNotKnown(c *models.Candidate, origin models.Origin, on, today calendar.Date) []models.Bar {
	return p.bars(c, origin, on, today, models.OutcomeNotKnown)
}

// bars gives those of an outcome; “met” is a bar that stands in the way.
func (p *Policy) bars(c *models.Candidate, origin models.Origin, on, today calendar.Date, want models.Outcome) []models.Bar {
	var list []models.Bar
	if why := p.barredByTier(c, origin); why != "" && want == models.OutcomeMet {
		list = append(list, models.Bar{ID: BarTier, Clause: p.Criteria.Clause, Text: p.Criteria.Text, Why: why})
	}
	for _, b := range p.Criteria.Bars {
		if outcome, why := b.check(c, on, today); outcome == want {
			list = append(list, models.Bar{ID: b.ID, Clause: b.Clause, Text: b.Text, Why: why})
		}
	}
	return list
}

// barredByTier says why the tier does not allow an own application; empty when it does. No result of this year is no
// tier: what must be met must be known to be met.
func (p *Policy) barredByTier(c *models.Candidate, origin models.Origin) string {
	if origin == models.OriginRecommended || slices.Contains(p.Criteria.Tiers, c.Tier) {
		return ""
	}
	if slices.Contains(p.Criteria.Relaxed, c.OperatorKind) && c.Tier >= models.Survival {
		return ""
	}
	tier := "没有分型结果"
	if c.Tier != models.NoTier {
		tier = "分型结果为“" + c.Tier.String() + "”"
	}
	return "本年度" + tier + "，自主申报应为" + strings.Join(quoted(p.Criteria.Tiers), "或") + "；其他个体工商户可以由有关部门推荐"
}

func quoted(tiers []models.Tier) []string {
	names := make([]string, len(tiers))
	for i, t := range tiers {
		names[i] = "“" + t.String() + "”"
	}
	return names
}

// check decides one bar: met when it stands in the way. Why is empty unless it is met or not known.
func (b Bar) check(c *models.Candidate, on, today calendar.Date) (models.Outcome, string) {
	switch b.ID {
	case BarRegistered:
		if c.Registered() {
			return models.OutcomeNotMet, ""
		}
		return models.OutcomeMet, c.SourceText(models.SourceRegistry) + "：登记状态为“" + c.Status + "”"
	case BarPenalty:
		return b.penalties(c, on, today)
	case BarDefaulter:
		return b.defaulter(c, today)
	case BarRevoked:
		return b.revoked(c, on, today)
	case BarCertified:
		if c.Certified >= calendar.NewDate(c.Year+1, time.January, 1) {
			return models.OutcomeMet, "已经认定，有效期至" + c.Certified.Chinese()
		}
		return models.OutcomeNotMet, ""
	}
	return models.OutcomeNotKnown, "没有可以核对的数据，由审核人核对"
}

// BarYears is for how many years a household whose certification was revoked may not apply (附三(五)); 0 where the file has no such bar.
func (p *Policy) BarYears() int {
	for _, b := range p.Criteria.Bars {
		if b.ID == BarRevoked && b.Parameter != nil {
			return int(b.Parameter.Value.Amount)
		}
	}
	return 0
}

// revoked bars the household itself outright. Of another household of its operator only the name is known, which proves no identity: a
// reviewer finds out whether it is the same person.
func (b Bar) revoked(c *models.Candidate, on, today calendar.Date) (models.Outcome, string) {
	until := func(day calendar.Date) calendar.Date { return day.AddYears(int(b.Parameter.Value.Amount)) }
	holds := func(day calendar.Date) bool { return day <= today && on <= until(day) }
	for _, day := range c.Revoked {
		if holds(day) {
			return models.OutcomeMet, "原认定于" + day.Chinese() + "被撤销，至" + until(day).Chinese() + "不得再次申报"
		}
	}
	var names []string
	for _, n := range c.Namesakes {
		if holds(n.On) {
			names = append(names, n.Number+"（"+n.On.Chinese()+"撤销，至"+until(n.On).Chinese()+"）")
		}
	}
	if len(names) > 0 {
		return models.OutcomeNotKnown, "本户经营者与下列被撤销认定的个体工商户的经营者同名，是否为同一人由审核人核对：" + strings.Join(names, "、")
	}
	return models.OutcomeNotMet, ""
}

func (b Bar) penalties(c *models.Candidate, on, today calendar.Date) (models.Outcome, string) {
	if !c.Delivered.Has(models.SourceCredit) {
		return models.OutcomeNotKnown, notDelivered(models.SourceCredit)
	}
	heavy, unclear := b.openPenalties(c, on, today)
	source := c.SourceText(models.SourceCredit) + "："
	switch {
	case len(heavy) > 0:
		return models.OutcomeMet, source + penaltyWords(heavy)
	case len(unclear) > 0:
		return models.OutcomeNotKnown, source + penaltyWords(unclear)
	}
	return models.OutcomeNotMet, ""
}

// openPenalties are the published ones of the bar's term that are not repaired: a fine or heavier, and those of which it is not said what they were.
func (b Bar) openPenalties(c *models.Candidate, on, today calendar.Date) (heavy, unclear []models.Penalty) {
	since := on.AddYears(-int(b.Parameter.Value.Amount))
	for _, p := range c.Penalties {
		open := p.RepairedOn == 0 || p.RepairedOn > today
		if !p.Published || !open || p.On < since || p.On > today {
			continue
		}
		switch kinds := penaltyKinds(p.Kind); {
		case len(kinds) == 0:
			unclear = append(unclear, p)
		case slices.ContainsFunc(kinds, func(k string) bool { return !slices.Contains(b.Lighter, k) }):
			heavy = append(heavy, p)
		}
	}
	return heavy, unclear
}

func penaltyWords(list []models.Penalty) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, "；")
}

// penaltyKinds takes a 处罚种类 such as “警告、罚款” apart: who was fined beside being warned was fined.
func penaltyKinds(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("、，,；;/+和及并", r)
	})
}

func (b Bar) defaulter(c *models.Candidate, today calendar.Date) (models.Outcome, string) {
	if !c.Delivered.Has(models.SourceCredit) {
		return models.OutcomeNotKnown, notDelivered(models.SourceCredit)
	}
	for _, l := range c.Defaulter {
		if l.Holds(today) {
			return models.OutcomeMet, c.SourceText(models.SourceCredit) + "：失信被执行人，" + l.String()
		}
	}
	return models.OutcomeNotMet, ""
}

func notDelivered(s models.Source) string { return s.Name() + "数据尚未交付，不能判断" }
