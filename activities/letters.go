package activities

import (
	"context"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

//go:embed templates
var templateFiles embed.FS

// One file per models.MailKind, as HTML and as text; layout holds what all share.
var (
	textFuncs     = texttemplate.FuncMap{"add": func(a, b int) int { return a + b }}
	htmlTemplates = htmltemplate.Must(htmltemplate.ParseFS(templateFiles, "templates/*.html"))
	textTemplates = texttemplate.Must(texttemplate.New("mail").Funcs(textFuncs).ParseFS(templateFiles, "templates/*.txt"))
)

// Letters writes the mails that tell departments and the bureau what goes on, into the outbox.
type Letters struct {
	Store     *store.Store
	PublicURL string                      // where people reach the API; may be empty
	Wake      func(context.Context) error // wakes the sender of mail (workflows.WakeOutbox); nil in tests that do not send
}

// letter is what every template knows.
type letter struct {
	Subject   string
	Headline  string
	District  string // its name
	Date      string
	URL       string // where people reach bangfu; may be empty
	Entry     string // where the reader acts; empty = nowhere, nothing to do
	Note      string
	Rehearsal bool

	To      string // whom it addresses, by the department's name
	Items   []letterItem
	Count   int
	More    int    // items beyond those shown
	Orphans string // departments without any address
	Year    int
	Dates   []letterDate
	Reason  string
	Source  string
	Code    string
	Since   string
	Problem string
	Link    string
	Until   string

	Paragraphs []string
	Facts      []letterFact
	Clause     string
	Appeal     string // how to object
}

// letterFact is one line of what a letter is about: 受理编号, 分类 …
type letterFact struct{ Name, Value string }

// letterItem is one thing that is owed.
type letterItem struct {
	Department string // only where it is not the addressee's own
	Title      string
	Clause     string
	Due        string
	Left       string
	After      string // what happens after the date
	How        string
	Overdue    bool
	Soon       bool
}

// letterDate is one date of the plan; Old is what it was, if it changed.
type letterDate struct{ Name, Date, Old string }

// rehearsalMark begins the subject of every mail of a rehearsal.
const rehearsalMark = "【演练】"

// write makes the message to one recipient.
func (l letter) write(kind models.MailKind, m models.Message) (models.Message, error) {
	l.Subject = "【帮扶】" + l.Headline
	if l.Rehearsal {
		l.Subject = rehearsalMark + l.Subject
	}
	var html, text strings.Builder
	if err := htmlTemplates.ExecuteTemplate(&html, string(kind)+".html", l); err != nil {
		return m, fmt.Errorf("writing a mail: %w", err)
	}
	if err := textTemplates.ExecuteTemplate(&text, string(kind)+".txt", l); err != nil {
		return m, fmt.Errorf("writing a mail: %w", err)
	}
	m.Kind, m.Subject, m.HTML, m.Text = kind, l.Subject, html.String(), text.String()
	return m, nil
}

// writeAll makes the message to each recipient.
func (l letter) writeAll(kind models.MailKind, m models.Message, recipients []string) ([]models.Message, error) {
	list := make([]models.Message, 0, len(recipients))
	m, err := l.write(kind, m)
	for _, r := range recipients {
		m.Recipient = r
		list = append(list, m)
	}
	return list, err
}

// begin fills what every letter of a district says.
func (a *Letters) begin(ctx context.Context, district string, on calendar.Date, rehearsal bool) (letter, error) {
	d, err := a.Store.District(ctx, district)
	if err != nil {
		return letter{}, err
	}
	l := letter{District: d.Name, Date: on.Chinese(), URL: strings.TrimSuffix(a.PublicURL, "/"), Rehearsal: rehearsal}
	if l.URL != "" {
		l.Entry = l.URL + "/docs"
	}
	return l, nil
}

// toOperator sends the reader to the page where operators sign in.
func (l letter) toOperator() letter {
	if l.URL != "" {
		l.Entry = l.URL + "/public/access"
	}
	return l
}

func (a *Letters) wake(ctx context.Context) error {
	if a.Wake == nil {
		return nil
	}
	if err := a.Wake(ctx); err != nil {
		return fmt.Errorf("waking the sender of mail: %w", err)
	}
	return nil
}

// send enqueues and wakes; also when nothing is new, because an earlier try may have died between the two.
func (a *Letters) send(ctx context.Context, mails ...models.Message) error {
	if _, err := a.Store.Enqueue(ctx, mails...); err != nil {
		return err
	}
	return a.wake(ctx)
}

// left says in working days how long there is still time, or since when there is none.
func left(w *calendar.Workdays, due, today calendar.Date) string {
	n := w.WorkdaysBetween(today, due)
	switch {
	case due == today:
		return "今天到期"
	case due < today && n == 0:
		return fmt.Sprintf("已逾期 %d 天", today-due)
	case due < today:
		return fmt.Sprintf("已逾期 %d 个工作日", -n)
	case n == 0:
		return fmt.Sprintf("还有 %d 天，期间没有工作日", due-today)
	}
	return fmt.Sprintf("还有 %d 个工作日", n)
}

// howTo says how a kind of obligation is done.
func howTo(o models.Obligation) string {
	switch o.Kind {
	case models.ObligationDelivery:
		return fmt.Sprintf("办理方式：上传数据文件（来源代码 %s），或经已登记的接口、共享目录交付。", o.Subject)
	case models.ObligationDifference:
		return "办理方式：逐户核对本区判定与市级结果的差异，作出处理并写明理由。"
	case models.ObligationHandover:
		return "办理方式：下载汇总文件报送名录，并登记回执。"
	case models.ObligationStandards:
		return "办理方式：核对政策文件后公布标准与措施。"
	case models.ObligationConsent:
		return "办理方式：登录后同意或不同意推荐；没有登录方式的，向推荐部门索取一次性登录码。"
	case models.ObligationSupplement:
		return "办理方式：登录后上传补充材料并提交。"
	case models.ObligationReview:
		return "办理方式：在审核列表中逐项核对所报标准，作出审核结论。"
	case models.ObligationVisit:
		return "办理方式：两人走访后登记走访记录和照片，由另一人签字确认。"
	case models.ObligationSelection:
		return "办理方式：核对比选结果，确认拟认定名单；与比选结果不一致的逐户写明理由。"
	case models.ObligationObjection:
		return "办理方式：在异议列表中受理、转办或办结。"
	case models.ObligationAnswer:
		return "办理方式：核对本部门数据并答复，数据有误的更正后重新交付。"
	case models.ObligationCertification:
		return "办理方式：公示期满且异议办结后作出认定，并报市市场监管局。"
	case models.ObligationCityCheck:
		return "办理方式：抽取样本并逐户作出抽查意见，完成后关闭抽查。"
	case models.ObligationCitySupplement:
		return "办理方式：按市级要求补充说明材料并提交。"
	case models.ObligationComplaint:
		return "办理方式：核实举报投诉并登记处理结果。"
	case models.ObligationReport:
		return "办理方式：登录后填写并提交；部门已掌握的数据已列出，无需再填。没有登录方式的，到区市场监管局索取一次性登录码或者当面代录。"
	case models.ObligationReportReview:
		return "办理方式：在信息报告列表中逐项核对基础标准，作出确认、退回补正或者不符合的结论；全部由数据判断符合的可以批量确认。"
	case models.ObligationHearing:
		return "办理方式：登录后查看立项所依据的情形，提交陈述申辩和材料；也可以书面提交。"
	case models.ObligationCase:
		return "办理方式：听取陈述申辩后拟定处理意见，由另一人作出决定。"
	case models.ObligationOpinion:
		return "办理方式：核对该户近三年的数据，提出是否同意延长的意见并写明理由。"
	case models.ObligationHelp:
		return "办理方式：在帮扶列表中答复申请（承诺、兑现，或者写明不予办理的理由），已承诺的登记兑现。"
	case models.ObligationDuty:
		return "办理方式：上传材料，反馈办理情况、完成日期和惠及户数。"
	case models.ObligationOrder:
		if o.OwnerKind == models.OwnerAdmins {
			return "办理方式：核对督办答复，办结或者写明理由退回。"
		}
		return "办理方式：在督办列表中答复，可附材料。"
	}
	return ""
}

// consequence says what happens when an obligation is not done by its date.
func consequence(o models.Obligation, escalation, today calendar.Date) string {
	switch {
	case o.Kind == models.ObligationConsent:
		return "逾期未答复的，视为不同意，推荐终止。"
	case o.Kind == models.ObligationSupplement:
		return "逾期未补充的，按现有材料审核。"
	case o.Kind == models.ObligationReport:
		return "逾期未报送的，立项处理，决定认定是否继续有效；决定作出前仍可补报。"
	case o.Kind == models.ObligationHearing:
		return "逾期未陈述的，视为放弃陈述申辩，按现有材料作出决定。"
	case o.EscalatedOn != 0 || o.Due < today && escalation <= today:
		return "已逾期，报区市场监管局督办。"
	case o.Owner != models.BureauCode:
		return fmt.Sprintf("%s仍未完成的，报区市场监管局督办。", escalation.Chinese())
	}
	return ""
}

// item describes an obligation to its owner, or to somebody else by the owner's name.
func item(o models.Obligation, ladder models.Ladder, w *calendar.Workdays, today calendar.Date, department string) letterItem {
	after := consequence(o, o.Due.AddDays(ladder.Escalate), today)
	return letterItem{Department: department, Title: o.Title, Clause: o.Clause, Due: o.Due.Chinese(), Left: left(w, o.Due, today),
		After: after, How: howTo(o), Overdue: o.Due < today, Soon: o.Due-today <= 3}
}

// FailureInput says that a source cannot be fetched. Natural key: District, CycleID, Source and Today.
type FailureInput struct {
	District  string
	CycleID   string
	Rehearsal bool
	Source    models.Source
	Owner     string // department code
	Since     calendar.Date
	Today     calendar.Date
	Problem   string // Chinese, without secrets
}

// ReportFailure tells the department and the bureau that a connection fails.
func (a *Letters) ReportFailure(ctx context.Context, in FailureInput) error {
	l, err := a.begin(ctx, in.District, in.Today, in.Rehearsal)
	if err != nil {
		return err
	}
	l.Headline = in.Source.Name() + "数据无法自动取得"
	l.Source, l.Code, l.Since, l.Problem = in.Source.Name(), in.Source.String(), in.Since.Chinese(), in.Problem
	m := models.Message{District: in.District, CycleID: in.CycleID, OnDate: in.Today, Key: in.Source.String()}
	var all []models.Message
	for _, department := range []string{in.Owner, models.BureauCode} {
		to, err := a.Store.Recipients(ctx, in.District, department)
		if err != nil {
			return err
		}
		mails, err := l.writeAll(models.MailConnection, m, to)
		if err != nil {
			return err
		}
		all = append(all, mails...) // who is both gets it once, by the key
	}
	return a.send(ctx, all...)
}

// AnnounceInput says that a cycle began. Natural key: CycleID, and the cycle's attempt.
type AnnounceInput struct {
	CycleID string
	Today   calendar.Date
}

// AnnounceStart tells everybody who owes something in a cycle what it is, and the year's dates.
func (a *Letters) AnnounceStart(ctx context.Context, in AnnounceInput) error {
	c, err := a.Store.Cycle(ctx, in.CycleID)
	if err != nil {
		return err
	}
	var dates []letterDate
	for _, i := range calendar.PlanItems {
		dates = append(dates, letterDate{Name: i.Name, Date: c.Plan[i.Key].Chinese()})
	}
	return a.announce(ctx, c, in.Today, models.MailCycleStarted, fmt.Sprintf("%d 年度工作启动", c.Year), fmt.Sprint(c.Attempt), letter{Dates: dates})
}

// AnnouncePlanInput says that dates of a plan changed. Natural key: CycleID and CommandID.
type AnnouncePlanInput struct {
	CycleID   string
	CommandID string
	Today     calendar.Date
	Before    calendar.Plan
	Changes   map[calendar.PlanKey]calendar.Date
	ReasonID  int64
}

// AnnouncePlan tells everybody who owes something in a cycle which dates changed, and why.
func (a *Letters) AnnouncePlan(ctx context.Context, in AnnouncePlanInput) error {
	c, err := a.Store.Cycle(ctx, in.CycleID)
	if err != nil {
		return err
	}
	var l letter
	for _, i := range calendar.PlanItems {
		if d, ok := in.Changes[i.Key]; ok && d != in.Before[i.Key] {
			l.Dates = append(l.Dates, letterDate{Name: i.Name, Date: d.Chinese(), Old: in.Before[i.Key].Chinese()})
		}
	}
	if len(l.Dates) == 0 {
		return nil
	}
	if in.ReasonID != 0 {
		if l.Reason, err = a.Store.Reason(ctx, in.ReasonID); err != nil {
			return err
		}
	}
	return a.announce(ctx, c, in.Today, models.MailPlanChanged, fmt.Sprintf("%d 年度工作日程调整", c.Year), in.CommandID, l)
}

// announce writes one letter to each department that owes something in the cycle, with what it owes. Who has no
// address hears of it from the bureau's digests.
func (a *Letters) announce(ctx context.Context, c models.Cycle, today calendar.Date, kind models.MailKind, headline, key string, body letter) error {
	l, err := a.begin(ctx, c.District, today, c.Clock.Rehearsal())
	if err != nil {
		return err
	}
	l.Headline, l.Year, l.Dates, l.Reason = l.District+" "+headline, c.Year, body.Dates, body.Reason
	w, err := a.Store.Workdays(ctx)
	if err != nil {
		return err
	}
	if !w.AnnouncedThrough(c.Plan[calendar.PlanStart], c.Plan[calendar.PlanCertificationDue]) {
		l.Note = calendar.Unannounced + "。"
	}
	version, err := a.Store.PolicyByID(ctx, c.PolicyID)
	if err != nil {
		return err
	}
	owed, err := a.Store.Obligations(ctx, store.ObligationFilter{CycleID: c.ID, OwnerKind: models.OwnerDepartment, State: models.ObligationOpen}, store.ObligationCursor{}, page)
	if err != nil {
		return err
	}
	items := map[string][]letterItem{models.BureauCode: nil} // the bureau always hears of it
	for _, o := range owed {
		items[o.Owner] = append(items[o.Owner], item(o, version.Ladders[o.Kind], w, today, ""))
	}
	departments, err := a.Store.Departments(ctx, c.District)
	if err != nil {
		return err
	}
	var mails []models.Message
	for _, d := range departments {
		list, ok := items[d.Code]
		if !ok {
			continue
		}
		to, err := a.Store.Recipients(ctx, c.District, d.Code)
		if err != nil {
			return err
		}
		l.To, l.Items = d.Name, list[:min(len(list), shown)]
		written, err := l.writeAll(kind, models.Message{District: c.District, CycleID: c.ID, OnDate: today, Key: d.Code + "/" + key}, to)
		if err != nil {
			return err
		}
		mails = append(mails, written...)
	}
	return a.send(ctx, mails...)
}
