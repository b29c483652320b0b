package activities

import (
	"context"
	"fmt"

	"bangfu/models"
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
	app, err := a.Store.Application(ctx, c.ApplicationID)
	if err != nil {
		return lasting(err)
	}
	w := certifiedLetters{householdLetters: householdLetters{Letters: a, app: app}, cert: c}
	if err := w.prepare(ctx, ofTheCycle); err != nil {
		return lasting(err)
	}
	return sendNews(ctx, a, steps, func(step models.CertifiedStep) bool { return step.Seq > in.After }, w.write)
}

// certifiedLetters writes the letters about one certification.
type certifiedLetters struct {
	householdLetters
	cert models.Certification

	copied string // what the recommending department reads of the event, set by who tells it; empty = nothing
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
		l.Appeal = w.appeal(step.OnDate)
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
