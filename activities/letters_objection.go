package activities

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/store"
)

// TellObjectionInput says that something happened to an objection. Natural key: ObjectionID and each event's number.
type TellObjectionInput struct {
	ObjectionID int64
	After       int // events up to this number were told before; 0 = tell all that were not
}

// TellObjection writes a letter for each event that concerns the objector or the department asked: the receipt, whether it is accepted,
// the reply with reason and clause, and how to go on (附一(二)3, 三(三)). A letter that was written is not written again.
func (a *Letters) TellObjection(ctx context.Context, in TellObjectionInput) error {
	o, err := a.Store.Objection(ctx, in.ObjectionID)
	if err != nil {
		return lasting(err)
	}
	steps, err := a.Store.ObjectionSteps(ctx, o.ID)
	if err != nil {
		return err
	}
	w := objectionLetters{Letters: a, objection: o}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	return sendNews(ctx, a, steps, func(step models.ObjectionStep) bool { return step.Seq > in.After }, w.write)
}

// objectionLetters writes the letters about one objection.
type objectionLetters struct {
	*Letters
	objection  models.Objection
	rehearsal  bool
	household  string          // the name of the household concerned
	kind       models.MailKind // of the letters to the objector
	name       string          // of the objector
	objector   []string
	department string // the name of the department asked
	officers   []string
}

func (w *objectionLetters) prepare(ctx context.Context) error {
	o := w.objection
	cycle, err := w.Store.Cycle(ctx, o.CycleID)
	if err != nil {
		return err
	}
	w.rehearsal = cycle.Clock.Rehearsal()
	if w.household, w.objector, err = w.Store.Reach(ctx, o.District, store.Debtor{Kind: models.OwnerHousehold, Owner: o.USCC}); err != nil {
		return err
	}
	w.kind, w.name = models.MailObjection, w.household
	if o.Kind == models.ObjectionNotice { // not a word of it to the household
		who, err := w.Store.Objector(ctx, o.ID)
		if err != nil {
			return err
		}
		w.kind, w.name, w.objector = models.MailNoticeObjection, who.Name, nil
		if address, ok := who.Email(); ok {
			w.objector = []string{address}
		}
	}
	if o.Department == "" {
		return nil
	}
	if w.department, err = departmentName(ctx, w.Store, o); err != nil {
		return err
	}
	_, w.officers, err = w.Store.Reach(ctx, o.District, store.Debtor{Kind: models.OwnerDepartment, Owner: o.Department})
	return err
}

// write makes the letters of one event; none when nobody needs to hear of it or can be reached.
func (w *objectionLetters) write(ctx context.Context, step models.ObjectionStep) ([]models.Message, error) {
	o := w.objection
	l, err := w.begin(ctx, o.District, step.OnDate, w.rehearsal)
	if err != nil {
		return nil, err
	}
	l.Facts = []letterFact{{"受理编号", o.Number()}, {"事项", o.Kind.Name()}, {"提出日期", o.ReceivedOn.Chinese()}}
	m := models.Message{District: o.District, CycleID: o.CycleID, OnDate: step.OnDate, Key: fmt.Sprintf("%s/%d", models.ObjectionObject(o.ID), step.Seq)}
	if step.Event == models.ObjectionAsk {
		if step.Seq != o.Events { // the request was overtaken: another department was asked, or the answer came
			return nil, nil
		}
		l.To, l.Headline = w.department, "请核实并答复一件异议"
		l.Paragraphs = []string{fmt.Sprintf("一件%s涉及贵单位掌握的数据或事项，请核实后于%s（含当日）前在系统中答复。", o.Kind.Name(), o.AnswerDue.Chinese()),
			"经核实数据有误的，请同时更正并重新交付，系统按更正后的数据重新判定。"}
		l.Facts = append(l.Facts, letterFact{"答复期限", o.AnswerDue.Chinese()})
		l.Appeal = "依据：《工作方案》" + o.Kind.Clause()
		return l.writeAll(models.MailObjection, m, w.officers)
	}
	if err := w.tell(ctx, &l, step); err != nil || l.Headline == "" {
		return nil, err
	}
	l.To = w.name
	if l = l.toOperator(); o.Kind == models.ObjectionNotice { // anyone may object, and nobody signs in for it
		l.Entry = ""
	}
	return l.writeAll(w.kind, m, w.objector)
}

// tell fills the letter with what the event means to the objector; an empty headline means that there is nothing to tell.
func (w *objectionLetters) tell(ctx context.Context, l *letter, step models.ObjectionStep) error {
	o := w.objection
	say := func(headline string, paragraphs ...string) { l.Headline, l.Paragraphs = headline, paragraphs }
	if o.Kind == models.ObjectionNotice {
		l.Facts = append(l.Facts, letterFact{"所涉户", w.household})
	}
	switch step.Event {
	case models.ObjectionReceive:
		say("异议已收到", fmt.Sprintf("您提出的异议已收到，区市场监管局将在%s（含当日）前决定是否受理，并告知您。", o.AcceptDue.Chinese()), "提出异议不收取任何费用，也不影响您享受各项帮扶措施。")
		if o.Kind == models.ObjectionNotice {
			l.Paragraphs = []string{l.Paragraphs[0], "您的姓名和联系方式只有区市场监管局经办人员可以看到，不会告知被异议的一方。提出异议不收取任何费用。"}
		}
	case models.ObjectionAccept:
		say("异议已受理", fmt.Sprintf("您提出的异议已于%s受理，区市场监管局将在%s（含当日）前办结并答复您。", step.OnDate.Chinese(), o.SettleDue.Chinese()))
		l.Facts = append(l.Facts, letterFact{"办结期限", o.SettleDue.Chinese()})
	case models.ObjectionNotAccept:
		say("异议不予受理", "您提出的异议不予受理，理由和依据如下。")
		l.Appeal = fmt.Sprintf("有不同意见的，可以补充理由和材料后在期限内重新提出，也可以向%s市场监管局书面反映；认为工作人员办理不当的，可以投诉。", l.District)
		return w.reason(ctx, l, step)
	case models.ObjectionUphold:
		say("异议成立", "经核实，您提出的异议成立，理由和依据如下。")
		if o.Effect == models.EffectTier {
			l.Paragraphs = append(l.Paragraphs, fmt.Sprintf("贵户的分型结果由“%s”更正为“%s”，已重新公布。", o.TierBefore, o.TierAfter))
			l.Facts = append(l.Facts, letterFact{"原分型结果", o.TierBefore.String()}, letterFact{"更正后", o.TierAfter.String()})
		} else if o.Effect != "" {
			l.Paragraphs = append(l.Paragraphs, "处理结果："+o.Effect.Name()+"。")
		}
		return w.reason(ctx, l, step)
	case models.ObjectionConfirm:
		say("异议不成立", "经核实，维持原结果，理由和依据如下。")
		if o.Kind == models.ObjectionTier {
			l.Facts = append(l.Facts, letterFact{"分型结果", o.TierBefore.String()})
		}
		l.Appeal = fmt.Sprintf("对本答复仍有不同意见的，可以向%s市场监管局书面提出，写明理由并附材料；认为工作人员办理不当的，可以投诉。", l.District)
		return w.reason(ctx, l, step)
	case models.ObjectionWithdraw:
		say("异议已撤回", "该异议的办理就此结束。期限之内，您仍可重新提出。")
	}
	return nil
}

// reason adds the decision's reason and clause.
func (w *objectionLetters) reason(ctx context.Context, l *letter, step models.ObjectionStep) (err error) {
	l.Clause = w.objection.Clause
	l.Reason, err = w.Store.Reason(ctx, step.ReasonID)
	return err
}
