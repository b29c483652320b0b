package policy

import (
	"fmt"
	"strings"

	"bangfu/models"
)

// Certified is 附三(五) after the certification: the yearly report, what is checked again with each delivery, the evaluation in the last
// year of validity, and how long ahead the end is announced.
type Certified struct {
	Clause, Text string
	ReportDue    string     // month and day of each year of validity: 07-31
	Recheck      []string   // standards (Standing) whose failing opens a case; everything else is shown only
	EvaluationOn string     // month and day in the last year of validity: 08-16
	Growth       *Parameter // A: the least growth that is clear (明显增长), in percent
	Years        *Parameter // A and B: “3年内”
	AnnounceDays int        // before the last day
	Placeholder  bool       // what the work plan leaves open of it: to be confirmed
}

// CertifiedTerms are the dates of a certified household's calendar (附三(五)).
func (p *Policy) CertifiedTerms() models.CertifiedTerms {
	return models.CertifiedTerms{ReportDue: p.Certified.ReportDue, EvaluationOn: p.Certified.EvaluationOn, AnnounceDays: p.Certified.AnnounceDays,
		Extension: int(p.Validity.Extension.Value.Amount)}
}

// certifiedWords is the calendar of a certified household in words.
func (p *Policy) certifiedWords() Section {
	return Section{"认定以后", append([]Item{{"certified", "动态管理", p.Certified.Clause, p.Certified.Text}}, p.AfterCertification()...)}
}

// AfterCertification is how the policy settles what 附三(五) asks for after the certification, in words.
func (p *Policy) AfterCertification() []Item {
	c, mark := p.Certified, ""
	if c.Placeholder {
		mark = "（待确认）"
	}
	return []Item{
		{"certified.report", "信息报告期限", c.Clause, "有效期内每年" + monthDayWords(c.ReportDue) + "前"},
		{"certified.recheck", "数据更新后重新核对并立项处理的标准", c.Clause, strings.Join(p.standingNames(c.Recheck), "、") + mark},
		{"certified.evaluation", "期满评估", c.Clause, "有效期最后一年的" + monthDayWords(c.EvaluationOn) + "开始" + mark},
		{"certified.growth", "明显增长", c.Clause, c.Growth.Name + "、" + c.Years.Name},
		{"certified.announce", "期满预告", c.Clause, fmt.Sprintf("有效期满前%d天告知", c.AnnounceDays) + mark},
	}
}

// monthDayWords is 07-31 as 7月31日.
func monthDayWords(md string) string {
	d := models.MonthDay(2000, md)
	return strings.TrimPrefix(d.Chinese(), "2000年")
}

// standingNames are the names of standards, in the order given.
func (p *Policy) standingNames(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id
		if s, ok := p.standard(id); ok {
			names[i] = s.name
		}
	}
	return names
}

// standingStandard is one base standard that a certified household must go on meeting.
type standingStandard struct{ id, name, clause, text string }

// barNames are the bars that are standards of a certified household too, in short.
var barNames = map[string]string{BarPenalty: "没有未修复的行政处罚", BarDefaulter: "经营者不是失信被执行人"}

// standingStandards lists the base standards of 附一(三)1 and 附三(三)1 in the order of the file.
func (p *Policy) standingStandards() []standingStandard {
	var list []standingStandard
	for _, group := range [][]int{p.Tiering.Require, p.Tiering.Exclude} {
		for _, i := range group {
			c := p.Tiering.Conditions[i]
			list = append(list, standingStandard{c.ID, c.Name, c.Clause, c.Text})
		}
	}
	list = append(list, standingStandard{BarTier, "分型", p.Criteria.Clause, p.Criteria.Text})
	for _, b := range p.Criteria.Bars {
		if name, ok := barNames[b.ID]; ok {
			list = append(list, standingStandard{b.ID, name, b.Clause, b.Text})
		}
	}
	return list
}

// standard finds a base standard by its id.
func (p *Policy) standard(id string) (standingStandard, bool) {
	for _, s := range p.standingStandards() {
		if s.id == id {
			return s, true
		}
	}
	return standingStandard{}, false
}
