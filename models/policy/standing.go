package policy

import (
	"fmt"
	"slices"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// Standing says of every base standard of 附一(三)1 and 附三(三)1 whether a certified household still meets it, on the newest data and today.
// What is not known is never held against a household.
//
//   - The conditions of 附一(三)1 are those of the file, judged on today instead of the tiering date. The annual report of the year before is
//     missed only when the reports are in (reportsIn): delivered, and the date for the data has passed.
//   - The tier counts once this year's tiers are out (tiersOut: published). A recommended household may be of any, an operator of a relaxed
//     身份 of any of 附一(三)2.
//   - “申报或推荐之日前2年内” is read from today: who could not apply today does not meet the standard. Who was revoked is not certified.
func (p *Policy) Standing(c *models.Candidate, origin models.Origin, today calendar.Date, reportsIn, tiersOut bool) []models.StandingFinding {
	j, err := p.Judge(c.Year, today)
	if err != nil {
		return nil // not reached: the policy was compiled when it was loaded
	}
	facts := c.FactsOn(today)
	verdict := j.Judge(&facts)
	var list []models.StandingFinding
	for _, group := range [][]int{p.Tiering.Require, p.Tiering.Exclude} {
		for _, i := range group {
			list = append(list, j.standing(c, i, &facts, verdict, reportsIn))
		}
	}
	list = append(list, p.standingTier(c, origin, tiersOut))
	for _, b := range p.Criteria.Bars {
		if !slices.Contains(notStanding, b.ID) {
			list = append(list, b.standing(c, today))
		}
	}
	return list
}

// notStanding are the bars that are none of a certified household's standards: registered is one of 附一(三)1 already.
var notStanding = []string{BarRegistered, BarRevoked, BarCertified}

// standing is one condition of 附一(三)1.
func (j *Judge) standing(c *models.Candidate, index int, facts *models.Facts, v models.Verdict, reportsIn bool) models.StandingFinding {
	law := j.Conditions()[index]
	f := models.StandingFinding{ID: law.ID, Clause: law.Clause, Text: law.Text, Outcome: Outcome(v, index), Value: j.value(law.Test, facts), Source: sourceTexts(c, law.Sources())}
	if law.Exclude {
		f.Text = "不属于：" + law.Text
	}
	if slices.Contains(law.Test.facts(nil), models.FactReportFiled) && f.Outcome == models.OutcomeNotMet && !reportsIn {
		f.Outcome, f.Value = models.OutcomeNotKnown, fmt.Sprintf("%d年度年度报告尚在报送、归集期间", c.Year-1)
	}
	return f
}

func sourceTexts(c *models.Candidate, sources []models.Source) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = c.SourceText(s)
	}
	return strings.Join(words, "、")
}

// standingTier is 附三(三)1: 原则上从“成长型”和“发展型”个体工商户中认定.
func (p *Policy) standingTier(c *models.Candidate, origin models.Origin, tiersOut bool) models.StandingFinding {
	f := models.StandingFinding{ID: BarTier, Clause: p.Criteria.Clause, Text: p.Criteria.Text, Outcome: models.OutcomeMet}
	tier := fmt.Sprintf("%d年度分型为“%s”", c.Year, c.Tier)
	switch {
	case origin == models.OriginRecommended:
		f.Value = "部门推荐认定，不受分型限制"
	case !tiersOut || c.Tier == models.NoTier:
		f.Outcome, f.Value = models.OutcomeNotKnown, fmt.Sprintf("%d年度分型结果尚未公布", c.Year)
		if tiersOut {
			f.Value = fmt.Sprintf("%d年度没有该户的分型结果", c.Year)
		}
	case p.barredByTier(c, origin) != "":
		f.Outcome, f.Value = models.OutcomeNotMet, tier
	case !slices.Contains(p.Criteria.Tiers, c.Tier):
		f.Value = tier + "，经营者身份为“" + c.OperatorKind + "”，已放宽分类来源"
	default:
		f.Value = tier
	}
	return f
}

// standing is one bar of 附三(三)1, read from today.
func (b Bar) standing(c *models.Candidate, today calendar.Date) models.StandingFinding {
	f := models.StandingFinding{ID: b.ID, Clause: b.Clause, Text: "不属于：" + b.Text, Source: c.SourceText(models.SourceCredit)}
	outcome, why := b.check(c, today, today)
	f.Value = strings.TrimPrefix(why, f.Source+"：")
	switch outcome {
	case models.OutcomeMet:
		f.Outcome = models.OutcomeNotMet
	case models.OutcomeNotMet:
		f.Outcome, f.Value = models.OutcomeMet, "没有"
	default:
		f.Outcome = models.OutcomeNotKnown
	}
	if b.ID != BarPenalty && b.ID != BarDefaulter {
		f.Source = "" // no data speak of it
	}
	return f
}

// Hits are the standards that a re-check (certified.recheck) finds not met, one by one: each listing, each penalty is a hit of its own, named by
// About, so that one that was decided is not opened again and another one is.
func (p *Policy) Hits(c *models.Candidate, findings []models.StandingFinding, today calendar.Date) []models.StandingFinding {
	var hits []models.StandingFinding
	for _, f := range findings {
		if f.Outcome != models.OutcomeNotMet || !slices.Contains(p.Certified.Recheck, f.ID) {
			continue
		}
		for _, one := range p.occurrences(c, f.ID, today) {
			hit := f
			if hit.About = f.ID + "/" + one.about; one.words != "" {
				hit.Value = one.words
			}
			hits = append(hits, hit)
		}
	}
	return hits
}

// occurrence is what exactly makes a standard not met.
type occurrence struct{ about, words string }

// occurrences of a standard that is not met; at least one.
func (p *Policy) occurrences(c *models.Candidate, id string, today calendar.Date) []occurrence {
	var list []occurrence
	listed := func(what string, listings []models.Listing) {
		for _, l := range listings {
			if l.Holds(today) {
				list = append(list, occurrence{l.From.String(), what + "：" + l.String()})
			}
		}
	}
	switch id {
	case BarTier:
		return []occurrence{{fmt.Sprintf("%d/%s", c.Year, c.Tier.Code()), ""}}
	case BarDefaulter:
		listed("失信被执行人", c.Defaulter)
	case BarPenalty:
		if i := slices.IndexFunc(p.Criteria.Bars, func(b Bar) bool { return b.ID == id }); i >= 0 {
			heavy, _ := p.Criteria.Bars[i].openPenalties(c, today, today)
			for _, x := range heavy {
				list = append(list, occurrence{x.On.String() + "/" + x.Kind, x.String()})
			}
		}
	default:
		i := slices.IndexFunc(p.Tiering.Conditions, func(law Condition) bool { return law.ID == id })
		if i < 0 {
			break
		}
		for _, f := range p.Tiering.Conditions[i].Test.facts(nil) {
			switch f {
			case models.FactAbnormal:
				listed("经营异常", c.Abnormal)
			case models.FactDishonest:
				listed("严重违法失信", c.Dishonest)
			case models.FactSuspended:
				list = append(list, occurrence{c.Suspended.From.String(), suspension(c.Suspended)})
			}
		}
	}
	if list == nil {
		return []occurrence{{fmt.Sprint(c.Year), ""}}
	}
	return list
}

func suspension(t models.Term) string {
	s := t.From.Chinese() + "起歇业"
	if t.Until != 0 {
		s += "，至" + t.Until.Chinese()
	}
	return s
}
