package policy

import (
	"fmt"
	"slices"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Evaluate says of each criterion of 附三(五) whether it is met, and what follows: extended if any is. Where none is met and data are lacking,
// nothing is proposed: what is not known is not held against a household.
//
// How the text is read:
//   - “3年内”: the evaluation.years before the end of the present term, which begins with the certification or with the extension; its first and its
//     last day belong to it.
//   - A compares the last year known of that time with the last full year before it (基期). Growth from nothing has no rate: the bureau weighs it.
//   - C compares with the tier at the certification, or at the evaluation before; 附三(五)C names 生存型 and 成长型 as those from which one rises.
func (p *Policy) Evaluate(in models.EvaluationInput) models.Evaluation {
	c := in.Certification
	e := models.Evaluation{Number: c.Number, Since: p.EvaluatedSince(c), ValidUntil: c.ValidUntil, OpensOn: c.EvaluationOn(p.CertifiedTerms()), On: in.Today,
		Growth: p.Certified.Growth.Words(), Missing: []string{}}
	e.BaseYear = e.Since.Year() - 1
	e.Series = p.series(in, e.BaseYear)
	for _, s := range e.Series {
		if s.Outcome == models.OutcomeNotKnown {
			e.Missing = append(e.Missing, s.Name+"："+s.Change)
		}
	}
	for _, g := range p.Validity.Grounds {
		f := models.StandingFinding{ID: "evaluation." + g.Letter, Clause: p.Validity.Clause + g.Letter, Text: g.Text, Outcome: models.OutcomeNotKnown, Value: "由认定部门判断"}
		switch g.Letter {
		case "A":
			f.Outcome, f.Value, f.Source = grown(e.Series)
		case "B":
			honoured(&f, in, e)
		case "C":
			risen(&f, in)
		case "D":
			recommended(&f, in)
		}
		if f.Outcome == models.OutcomeNotKnown && g.Letter != "A" {
			e.Missing = append(e.Missing, g.Letter+"："+f.Value)
		}
		e.Findings = append(e.Findings, f)
	}
	e.Proposal, e.Summary = proposal(e.Findings, int(p.Validity.Extension.Value.Amount))
	return e
}

// EvaluatedSince is the first day of the time that is evaluated.
func (p *Policy) EvaluatedSince(c models.Certification) calendar.Date {
	start := c.CertifiedOn
	if c.Extensions > 0 {
		start = c.ValidUntil.AddDays(1).AddYears(-int(p.Validity.Extension.Value.Amount))
	}
	return max(start, c.ValidUntil.AddDays(1).AddYears(-int(p.Certified.Years.Value.Amount)))
}

// measure is one of 销售额或者营业收入、缴税、吸纳就业.
type measure struct {
	id, name string
	unit     models.FactKind
	source   models.Source
	of       func(models.EvaluationYear) models.Optional
}

var measured = []measure{
	{"revenue", "营业收入", models.KindMoney, models.SourceAnnualReport, func(y models.EvaluationYear) models.Optional { return y.Revenue }},
	{"tax", "实缴税额", models.KindMoney, models.SourceTax, func(y models.EvaluationYear) models.Optional { return y.Tax }},
	{"insured", "单位参保人数", models.KindNumber, models.SourceSocialSecurity, func(y models.EvaluationYear) models.Optional { return y.Insured }},
}

func (m measure) number(n int64) string {
	if m.unit == models.KindMoney {
		return models.FormatYuan(n)
	}
	return fmt.Sprint(n)
}

// words is a number with its unit.
func (m measure) words(n int64) string {
	if m.unit == models.KindMoney {
		return m.number(n) + "元"
	}
	return m.number(n) + "人"
}

func (p *Policy) series(in models.EvaluationInput, base int) []models.EvaluationSeries {
	last := min(base+int(p.Certified.Years.Value.Amount), in.Today.Year()-1) // the year that runs is not full
	list := make([]models.EvaluationSeries, len(measured))
	for i, m := range measured {
		s := models.EvaluationSeries{ID: m.id, Name: m.name, Unit: "元", Source: in.Sources[m.source]}
		if m.unit != models.KindMoney {
			s.Unit = "人"
		}
		values := map[int]models.Optional{}
		for _, y := range in.Years {
			values[y.Year] = m.of(y)
		}
		newest := 0
		for year := base; year <= last; year++ {
			v := models.EvaluationValue{Year: year}
			if values[year].Known {
				v.Value, newest = m.number(values[year].Value), year
			}
			s.Years = append(s.Years, v)
		}
		s.Outcome, s.Change = m.compare(values, base, newest, p.Certified.Growth)
		list[i] = s
	}
	return list
}

// hundred is 100 percent in hundredths of a percent, as Value.Amount counts a share.
const hundred = 10_000

// compare says whether the measure grew clearly from the base year to the newest year known.
func (m measure) compare(values map[int]models.Optional, base, newest int, growth *Parameter) (models.Outcome, string) {
	from, to := values[base], values[newest]
	switch {
	case !from.Known:
		return models.OutcomeNotKnown, fmt.Sprintf("%d年度（基期）没有数据", base)
	case newest <= base:
		return models.OutcomeNotKnown, fmt.Sprintf("%d年度以后没有数据", base)
	}
	span := fmt.Sprintf("%d年度%s，%d年度%s", base, m.words(from.Value), newest, m.words(to.Value))
	switch {
	case from.Value == 0 && to.Value > 0:
		return models.OutcomeNotKnown, span + "，基期为零，无法计算增长比例，由认定部门判断"
	case from.Value == 0:
		return models.OutcomeNotMet, span + "，没有增长"
	}
	change := (to.Value - from.Value) * hundred // both are at most 10^13: no overflow
	span += "，" + rate(change, from.Value)
	// growth is compared exactly, not as it is rounded for people
	if to.Value > from.Value && change >= from.Value*growth.Value.Amount {
		return models.OutcomeMet, span
	}
	return models.OutcomeNotMet, span
}

// rate words change/from, in hundredths of a percent and cut, not rounded up: 19.999 % is not 20 %.
func rate(change, from int64) string {
	word := "增长"
	if change < 0 {
		word, change = "下降", -change
	}
	n := change / from
	return fmt.Sprintf("%s%d.%02d%%", word, n/100, n%100)
}

// grown is A: one measure is enough.
func grown(series []models.EvaluationSeries) (models.Outcome, string, string) {
	outcome := models.OutcomeNotMet
	var words, sources []string
	for _, s := range series {
		words = append(words, s.Name+"："+s.Change)
		sources = append(sources, s.Source)
		switch {
		case s.Outcome == models.OutcomeMet:
			outcome = models.OutcomeMet
		case s.Outcome == models.OutcomeNotKnown && outcome == models.OutcomeNotMet:
			outcome = models.OutcomeNotKnown
		}
	}
	return outcome, strings.Join(words, "；"), strings.Join(sources, "、")
}

// honoured is B.
func honoured(f *models.StandingFinding, in models.EvaluationInput, e models.Evaluation) {
	f.Source = in.Sources[models.SourceHonours]
	var words []string
	for _, h := range in.Honours {
		if h.On >= e.Since && h.On <= e.ValidUntil && slices.Contains(honourLevels, h.Level) {
			words = append(words, h.String())
		}
	}
	switch {
	case len(words) > 0:
		f.Outcome, f.Value = models.OutcomeMet, strings.Join(words, "；")
	case len(in.NoHonours) > 0:
		years := make([]string, len(in.NoHonours))
		for i, y := range in.NoHonours {
			years[i] = fmt.Sprintf("%d年度", y)
		}
		f.Value = strings.Join(years, "、") + "的表彰奖励数据未交付"
	default:
		f.Outcome, f.Value = models.OutcomeNotMet, e.Since.Chinese()+"以来没有"
	}
}

// risen is C.
func risen(f *models.StandingFinding, in models.EvaluationInput) {
	then := fmt.Sprintf("%d年度为“%s”", in.ThenYear, in.TierThen)
	switch {
	case in.TierThen == models.NoTier:
		f.Value = "没有认定时的分型"
	case in.TierNow == models.NoTier:
		f.Value = then + "，此后没有公布的分型结果"
	default:
		f.Outcome, f.Value = models.OutcomeNotMet, then+fmt.Sprintf("，%d年度为“%s”", in.NowYear, in.TierNow)
		if in.TierThen >= models.Survival && in.TierNow > in.TierThen {
			f.Outcome = models.OutcomeMet
		}
	}
}

// recommended is D.
func recommended(f *models.StandingFinding, in models.EvaluationInput) {
	switch {
	case in.Origin != models.OriginRecommended:
		f.Outcome, f.Value = models.OutcomeNotMet, "自主申报认定，不适用"
	case in.Opinion == models.OpinionAgrees:
		f.Outcome, f.Value = models.OutcomeMet, in.Department+"同意延长"
	case in.Opinion == models.OpinionDisagrees:
		f.Outcome, f.Value = models.OutcomeNotMet, in.Department+"不同意延长"
	case in.Asked:
		f.Value = "已征求" + in.Department + "意见，尚未答复"
	default:
		f.Value = "尚未征求" + in.Department + "意见"
	}
}

// proposal is what follows from the findings.
func proposal(findings []models.StandingFinding, years int) (models.CaseOutcome, string) {
	var met, open []string
	for _, f := range findings {
		letter := strings.TrimPrefix(f.ID, "evaluation.")
		switch f.Outcome {
		case models.OutcomeMet:
			met = append(met, letter)
		case models.OutcomeNotKnown:
			open = append(open, letter)
		}
	}
	switch {
	case len(met) > 0:
		return models.OutcomeExtend, fmt.Sprintf("符合延长情形%s，建议延长%d年", strings.Join(met, "、"), years)
	case len(open) > 0:
		return "", "现有数据不符合任何延长情形，但情形" + strings.Join(open, "、") + "的数据不全，由认定部门判断"
	}
	return models.OutcomeLapse, "不符合任何延长情形，建议不予延长"
}
