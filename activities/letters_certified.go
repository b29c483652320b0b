package activities

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// TellCertifiedInput says that something happened to a certified household. Natural key: CertificationID and each event's number.
type TellCertifiedInput struct {
	CertificationID int64
	After           int // events up to this number were told before; 0 = tell all that were not
}

// TellCertified writes a letter for each event that concerns the household or the department that recommended it: what happened, why, by
// which clause, until when something is to be done, and how to object (附三(五)). A letter that was written is not written again.
func (a *Letters) TellCertified(ctx context.Context, in TellCertifiedInput) error {
	c, err := a.Store.CertificationByID(ctx, in.CertificationID)
	if err != nil {
		return lasting(err)
	}
	steps, err := a.Store.CertifiedSteps(ctx, c.ID)
	if err != nil {
		return err
	}
	w := certifiedLetters{Letters: a, cert: c}
	if err := w.prepare(ctx); err != nil {
		return lasting(err)
	}
	var mails []models.Message
	for _, step := range steps {
		if step.Seq <= in.After {
			continue
		}
		written, err := w.write(ctx, step)
		if err != nil {
			return err
		}
		mails = append(mails, written...)
	}
	if len(mails) == 0 {
		return nil
	}
	return a.send(ctx, mails...)
}

// certifiedLetters writes the letters about one certification.
type certifiedLetters struct {
	*Letters
	cert       models.Certification
	cycle      models.Cycle
	policy     *policy.Policy
	workdays   *calendar.Workdays
	name       string // of the household
	operator   []string
	app        models.Application
	department string // the recommending department's name; empty = own application
	officers   []string

	copied string // what the recommending department reads of the event, set by who tells it; empty = nothing
}

func (w *certifiedLetters) prepare(ctx context.Context) (err error) {
	if w.cycle, err = w.Store.Cycle(ctx, w.cert.CycleID); err != nil {
		return err
	}
	version, err := w.Store.PolicyByID(ctx, w.cycle.PolicyID)
	if err != nil {
		return err
	}
	w.policy = version.Policy
	if w.workdays, err = w.Store.Workdays(ctx); err != nil {
		return err
	}
	if w.app, err = w.Store.Application(ctx, w.cert.ApplicationID); err != nil {
		return err
	}
	if w.name, w.operator, err = w.Store.Reach(ctx, w.cert.District, store.Debtor{Kind: models.OwnerHousehold, Owner: w.cert.USCC}); err != nil {
		return err
	}
	if w.name == "" {
		w.name = w.cert.Name
	}
	if w.app.Department == "" {
		return nil
	}
	names, err := w.Store.DepartmentNames(ctx, w.cert.District, w.cert.Year)
	if err != nil {
		return err
	}
	w.department = names[w.app.Department]
	_, w.officers, err = w.Store.Reach(ctx, w.cert.District, store.Debtor{Kind: models.OwnerDepartment, Owner: w.app.Department})
	return err
}

// write makes the letters of one event; none when nobody needs to hear of it or can be reached.
func (w *certifiedLetters) write(ctx context.Context, step models.CertifiedStep) ([]models.Message, error) {
	l, err := w.begin(ctx, w.cert.District, step.OnDate, w.cycle.Clock.Rehearsal())
	if err != nil {
		return nil, err
	}
	if step.ReasonID != 0 {
		if l.Reason, err = w.Store.Reason(ctx, step.ReasonID); err != nil {
			return nil, err
		}
	}
	l.Clause = step.Clause
	l.Facts = []letterFact{{"认定编号", w.cert.Number}, {"认定分类", w.cert.Category.Name()}, {"有效期至", w.cert.ValidUntil.Chinese()}}
	w.copied = ""
	if err := w.tell(ctx, &l, step); err != nil {
		return nil, err
	}
	m := models.Message{District: w.cert.District, CycleID: w.cert.CycleID, OnDate: step.OnDate, Key: fmt.Sprintf("%s/%d", models.CertificationObject(w.cert.Number), step.Seq)}
	var mails []models.Message
	if l.Headline != "" {
		l.To = w.name
		if mails, err = l.toOperator().writeAll(models.MailCertified, m, w.operator); err != nil {
			return nil, err
		}
	}
	if w.copied == "" || w.app.Department == "" {
		return mails, nil
	}
	l.To, l.Appeal, l.Reason = w.department, "", ""
	l.Headline = "所推荐“名特优新”个体工商户：" + step.Event.Name()
	l.Paragraphs = []string{w.copied}
	m.Key += "/department"
	copies, err := l.writeAll(models.MailCertified, m, w.officers)
	return append(mails, copies...), err
}

// tell fills the letter with what the event means to the household; an empty headline means that there is nothing to tell.
func (w *certifiedLetters) tell(ctx context.Context, l *letter, step models.CertifiedStep) error {
	say := func(headline string, paragraphs ...string) { l.Headline, l.Paragraphs = headline, paragraphs }
	switch step.Event {
	case models.CertifiedBenefits:
		say(fmt.Sprintf("贵户自%s起享受“%s”类扶持政策", w.cert.BenefitsFrom.Chinese(), w.cert.Category.Name()),
			"在有效期内，贵户同时享受本分类的培育措施和所属分型的帮扶措施。登录系统可以查看每项措施的内容、负责部门以及是否需要申请。",
			"请于每年7月底前完成信息报告；变更经营者的，请及时报告。", free)
	case models.CertifiedAnnounce:
		say(fmt.Sprintf("“名特优新”认定有效期将于%s届满", w.cert.ValidUntil.Chinese()),
			"有效期最后一年，区市场监管局对贵户的发展情况进行评估，符合条件的延长3年；未延长的，期满自动失效。",
			"登录系统可以查看评估所依据的数据；数据有误的，请及时提出。")
	case models.CertifiedLapse:
		say("“名特优新”认定有效期届满", fmt.Sprintf("贵户的“%s”认定已于%s期满失效，相应的培育措施随之终止；所属分型的帮扶措施不受影响。", w.cert.Category.Name(), w.cert.ValidUntil.Chinese()),
			"符合条件的，欢迎重新申报。")
		w.copied = fmt.Sprintf("贵单位推荐的“%s”：认定有效期届满失效。", w.name)
	case models.CertifiedEnd:
		say("“名特优新”认定终止", "登记数据显示贵户已不再登记在册，认定随之终止。登记信息有误的，请及时提出异议。")
		l.Appeal = w.appeal(step)
		w.copied = fmt.Sprintf("贵单位推荐的“%s”已不再登记在册，认定终止。", w.name)
	case models.CertifiedSucceed:
		return nil // the letter about the new certification says it
	default:
		switch {
		case step.Event.OfReport(), step.Event == models.CertifiedReportOpened, step.Event == models.CertifiedReportMissed,
			step.Event == models.CertifiedReportOperator, step.Event == models.CertifiedNoticeOperator:
			return w.tellReport(ctx, l, step)
		default:
			return w.tellCase(ctx, l, step)
		}
	}
	return nil
}

// appeal says how to object to a decision (附三(五), 三(三)).
func (w *certifiedLetters) appeal(step models.CertifiedStep) string {
	until := w.workdays.TermEnd(step.OnDate, w.policy.Workdays("objection.window"))
	return fmt.Sprintf("对以上决定有异议的，可以在%s（含当日）前登录系统向区市场监管局提出，写明理由并附材料；也可以书面提出。", until.Chinese())
}
