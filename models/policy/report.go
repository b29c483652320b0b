package policy

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"bangfu/models"
)

// Report is the yearly information report of certified households (附三(五)): what it asks beside what departments hold. Its date is
// Certified.ReportDue.
type Report struct {
	Clause, Text string
	Questions    []models.ReportQuestion
	Placeholder  bool // the work plan does not state the questions: to be confirmed
}

// Bounds on the form: it must stay short (三(二)).
const (
	maxQuestions = 30
	maxQuestion  = 200
	maxOptions   = 20
	maxOption    = 60
)

func (r *reader) report(p *Policy, n *yaml.Node) {
	r.fields(n, "report",
		need("clause", r.short(&p.Report.Clause, maxDutyClause)),
		need("text", r.text(&p.Report.Text)),
		need("questions", r.list("questions", func(n *yaml.Node) { r.question(p, n) })),
		may("placeholder", r.flag(&p.Report.Placeholder)))
}

func (r *reader) question(p *Policy, n *yaml.Node) {
	var q models.ReportQuestion
	answer := ""
	r.fields(n, "问题",
		need("id", func(n *yaml.Node) {
			if q.ID = n.Value; !dutyID.MatchString(n.Value) {
				r.at(n, "问题的 id 应为小写字母、数字和“-”，以字母开头，最长40位")
			}
		}),
		need("ask", r.short(&q.Ask, maxQuestion)),
		may("clause", r.short(&q.Clause, maxDutyClause)),
		need("answer", r.text(&answer)),
		may("options", func(n *yaml.Node) {
			r.texts(&q.Options)(n)
			if len(q.Options) > maxOptions || slices.ContainsFunc(q.Options, func(o string) bool { return len([]rune(o)) > maxOption }) {
				r.at(n, "最多%d个选项，每个最长%d字", maxOptions, maxOption)
			}
		}),
		may("most", r.number(&q.Most, 1, models.MaxAnswer)),
		may("required", r.flag(&q.Required)),
		may("unless", func(n *yaml.Node) {
			if q.Fact, q.Gap = models.FactByKey(n.Value); !q.Gap {
				r.at(n, "没有“%s”这项数据", n.Value)
			}
		}))
	q.Answer = models.AnswerKind(answer)
	if q.Clause == "" {
		q.Clause = p.Report.Clause
	}
	switch {
	case answer != "" && !slices.Contains(models.AnswerKinds, q.Answer):
		r.at(n, "answer 应为 money、people、yes_no、choice 或 text")
	case (q.Answer == models.AnswerChoice) != (len(q.Options) > 1):
		r.at(n, "choice 须有至少两个 options，其他形式不写 options")
	case q.Most > 0 && q.Answer != models.AnswerText:
		r.at(n, "只有 text 写 most")
	case slices.ContainsFunc(p.Report.Questions, func(o models.ReportQuestion) bool { return o.ID == q.ID }):
		r.at(n, "问题“%s”重复", q.ID)
	case len(p.Report.Questions) == maxQuestions:
		r.at(n, "信息报告最多%d个问题", maxQuestions)
	}
	p.Report.Questions = append(p.Report.Questions, q)
}

// completeReport gives a file without the report's questions the work plan's.
func (p *Policy) completeReport(base *Policy) {
	if base != nil && p.Report.Clause == "" {
		p.Report = base.Report
	}
}

// reportWords is the report in words.
func (p *Policy) reportWords() Section {
	return Section{"年度信息报告", append([]Item{{"report", "年度信息报告", p.Report.Clause, p.Report.Text}}, p.ReportQuestions()...)}
}

// ReportQuestions is what the report asks, in words.
func (p *Policy) ReportQuestions() []Item {
	mark := ""
	if p.Report.Placeholder {
		mark = "（待确认）"
	}
	var items []Item
	for i, q := range p.Report.Questions {
		items = append(items, Item{"report.questions." + q.ID, fmt.Sprintf("信息报告第%d问", i+1), q.Clause, questionWords(q) + mark})
	}
	return items
}

var answerNames = map[models.AnswerKind]string{models.AnswerMoney: "金额（元）", models.AnswerPeople: "人数", models.AnswerYesNo: "是或否", models.AnswerChoice: "选择", models.AnswerText: "文字"}

func questionWords(q models.ReportQuestion) string {
	how := answerNames[q.Answer]
	if len(q.Options) > 0 {
		how += "：" + strings.Join(q.Options, "、")
	}
	if q.Most > 0 {
		how += fmt.Sprintf("，最长%d字", q.Most)
	}
	if q.Gap {
		how += "，部门没有提供" + q.Fact.Info().Name + "时才问"
	}
	if q.Required {
		how += "，必答"
	}
	return q.Ask + "（" + how + "）"
}
