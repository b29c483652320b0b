package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
)

// reportDetail is what an event of a report or an operator's change says of itself on record.
type reportDetail struct {
	Year      int           `json:"year"`
	Due       calendar.Date `json:"due"`
	LimitOn   calendar.Date `json:"limit_on"`
	ReviewDue calendar.Date `json:"review_due"`
	LateDays  int           `json:"late_days"`
	ChangedOn calendar.Date `json:"changed_on"`
}

// freeReport is said wherever a certified household is asked for something (三(二)).
const freeReport = "信息报告不收取任何费用；部门已掌握的数据由系统预填，无需另行提供。"

// tellReport fills the letter with what an event of the yearly report, or of a change of operator, means to the household. That a report is
// missing the letter about the case says, with what can still be done.
func (w *certifiedLetters) tellReport(_ context.Context, l *letter, step models.CertifiedStep) error {
	var d reportDetail
	if err := json.Unmarshal([]byte(step.Detail), &d); err != nil {
		return fmt.Errorf("reading event %d of certification %d: %w", step.Seq, step.CertificationID, err)
	}
	say := func(headline string, paragraphs ...string) { l.Headline, l.Paragraphs = headline, paragraphs }
	fact := func(name, value string) { l.Facts = append(l.Facts, letterFact{name, value}) }
	by := func(name string, on calendar.Date) {
		fact(name, on.Chinese()+"（含当日）前")
		if !w.workdays.AnnouncedThrough(step.OnDate, on) {
			l.Note = calendar.Unannounced + "。"
		}
	}
	what := fmt.Sprintf("%d年度信息报告", d.Year)
	switch step.Event {
	case models.CertifiedReportOpened:
		say("请报送"+what, fmt.Sprintf("“名特优新”个体工商户应当于每年7月底前完成信息报告。贵户的%s现在可以填写，请在%s（含当日）前登录系统报送。", what, d.Due.Chinese()),
			"表中已列出各部门掌握的数据，只需核对；请您填写的只是部门没有的几项，可以先保存草稿。不便使用网络的，可以到区市场监管局由工作人员代为录入。",
			"逾期未报送的，区市场监管局将立项处理，决定认定是否继续有效。", freeReport)
		fact("报送期限", d.Due.Chinese()+"（含当日）前")
	case models.CertifiedFileReport:
		say(what+"已收到", fmt.Sprintf("贵户的%s已于%s报送，区市场监管局将进行审核，并对贵户是否继续符合分型和分类基础标准进行确认。", what, step.OnDate.Chinese()), freeReport)
		if d.LateDays > 0 {
			l.Paragraphs = append(l.Paragraphs, fmt.Sprintf("本次报送逾期%d天。已因此立项处理的，由区市场监管局一并作出处理。", d.LateDays))
			fact("逾期", fmt.Sprintf("%d天", d.LateDays))
		}
		fact("回执编号", models.ReportNumber(w.cert.Number, d.Year))
		fact("报送日期", step.OnDate.Chinese())
		by("审核期限", d.ReviewDue)
		l.Reason, l.Clause = "", "" // why an officer filed it is not the household's news
	case models.CertifiedReturnReport:
		say("请补正"+what, fmt.Sprintf("贵户的%s须补正，理由如下。请在%s（含当日）前登录系统修改后重新报送；此前填写的内容都还在。", what, d.LimitOn.Chinese()),
			"逾期未重新报送的，区市场监管局将立项处理，决定认定是否继续有效。", freeReport)
		by("补正期限", d.LimitOn)
	case models.CertifiedConfirmReport:
		say(what+"审核通过", fmt.Sprintf("经审核，确认贵户继续符合分型和分类基础标准，“%s”类认定继续有效。", w.cert.Category.Name()))
	case models.CertifiedFailReport:
		say(what+"审核不符合", "经审核，贵户不再符合部分基础标准，理由如下。这不是取消认定的决定：区市场监管局已就此立项，将告知您有关情形并听取您的陈述申辩，之后再作决定。",
			"部门数据有误的，请在陈述申辩中说明，并请有关部门更正。")
		w.copied = fmt.Sprintf("贵单位推荐的“%s”：%s审核不符合，区市场监管局已立项处理。", w.name, what)
	case models.CertifiedReportOperator:
		say("变更经营者的报告已收到", fmt.Sprintf("贵户于%s变更经营者的报告已收到。区市场监管局将核对认定所依据的条件和基础标准，决定认定是否继续有效，并告知您结果。", d.ChangedOn.Chinese()))
		fact("变更日期", d.ChangedOn.Chinese())
		fact("报告日期", step.OnDate.Chinese())
		l.Reason, l.Clause = "", ""
	case models.CertifiedNoticeOperator:
		say("请报告变更经营者", "登记数据显示贵户已变更经营者。个体工商户变更经营者的，要在变更后及时报告。",
			fmt.Sprintf("请在%s（含当日）前登录系统报告；区市场监管局将核对认定所依据的条件和基础标准，决定认定是否继续有效。登记数据有误的，也请说明。", d.LimitOn.Chinese()), freeReport)
		by("报告期限", d.LimitOn)
	}
	return nil
}
