package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
)

// caseDetail is what a step in a case says of itself on record.
type caseDetail struct {
	To         models.CaseState `json:"to"`
	HearingDue calendar.Date    `json:"hearing_due"`
	OpinionDue calendar.Date    `json:"opinion_due"`
}

// tellCase fills the letter with what a step in a case about the certification, or its outcome, means to the household: what is held against
// it and until when it can answer, what was decided and why, and how to object (附三(五), 三(三)). What the bureau weighs among itself, and
// what is confidential, is in none.
func (w *certifiedLetters) tellCase(ctx context.Context, l *letter, step models.CertifiedStep) error {
	var d caseDetail
	if err := json.Unmarshal([]byte(step.Detail), &d); err != nil {
		return fmt.Errorf("reading event %d of certification %d: %w", step.Seq, step.CertificationID, err)
	}
	var c models.Case
	if step.CaseID != 0 {
		var err error
		if c, err = w.Store.Case(ctx, step.CaseID); err != nil {
			return err
		}
		l.Facts = append(l.Facts, letterFact{"事项", c.Kind.Name() + "（" + c.CaseNumber() + "）"})
	}
	say := func(headline string, paragraphs ...string) { l.Headline, l.Paragraphs = headline, paragraphs }
	switch step.Event {
	case models.CertifiedEvaluate:
		say("“名特优新”认定期满评估开始", fmt.Sprintf("贵户的认定有效期至%s。区市场监管局正在评估贵户3年来的发展情况，符合情形之一的，有效期延长3年。以下是现有数据的核对结果。", w.cert.ValidUntil.Chinese()),
			"贵户不需要提交申请。数据有误或者另有佐证的，可以登录系统查看并向区市场监管局提出。", free)
		w.findings(l, c)
	case models.CertifiedHear:
		return w.tellHearing(ctx, l, c, d)
	case models.CertifiedGroundsAdded:
		if d.To == models.CaseHearing {
			return w.tellHearing(ctx, l, c, d)
		}
	case models.CertifiedState:
		say("陈述申辩已收到", "贵户的陈述申辩已收到，区市场监管局将一并考虑后作出决定，并书面告知。")
		l.Reason, l.Clause = "", "" // its own words
		l.Facts = append(l.Facts, letterFact{"办理期限", c.Due.Chinese() + "前"})
	case models.CertifiedAskOpinion:
		w.copied = fmt.Sprintf("贵单位推荐的“%s”认定有效期至%s，正在进行期满评估。推荐认定的个体工商户，经推荐部门同意的，有效期延长3年。请于%s（含当日）前登录系统提出是否同意延长的意见和理由。",
			w.name, w.cert.ValidUntil.Chinese(), d.OpinionDue.Chinese())
		l.Facts = append(l.Facts, letterFact{"提出意见的期限", d.OpinionDue.Chinese()})
	case models.CertifiedDecide:
		switch c.Outcome {
		case models.OutcomeKeep:
			if c.Told() {
				say("认定继续有效", "经审查，贵户的“名特优新”认定继续有效，各项扶持政策不变。")
			}
		case models.OutcomeLapse:
			say("认定有效期不予延长", fmt.Sprintf("经评估并听取陈述申辩，贵户的“名特优新”认定有效期不予延长，于%s期满失效。所属分型的帮扶措施不受影响，符合条件的可以重新申报。", w.cert.ValidUntil.Chinese()))
			l.Appeal = w.appeal(step.OnDate)
			w.copied = fmt.Sprintf("贵单位推荐的“%s”：经期满评估，有效期不予延长，于%s期满失效。", w.name, w.cert.ValidUntil.Chinese())
		}
	case models.CertifiedCloseCase:
		if c.HearingDue != 0 {
			say("事项终结", "此前告知贵户的事项，所依据的情形已不存在，不再处理，贵户不需要再办理。")
		}
	case models.CertifiedCancel:
		say("“名特优新”认定取消", fmt.Sprintf("%s区市场监管局决定自%s起取消贵户的“%s”认定，理由和依据如下。%s所属分型的帮扶措施不受影响。", heard(c), step.OnDate.Chinese(), w.cert.Category.Name(), w.ends(step)))
		l.Appeal = w.appeal(step.OnDate)
		w.copied = fmt.Sprintf("贵单位推荐的“%s”：认定自%s起取消。", w.name, step.OnDate.Chinese())
	case models.CertifiedRevoke:
		bar := step.OnDate.AddYears(w.policy.BarYears())
		say("“名特优新”认定撤销", fmt.Sprintf("%s区市场监管局决定自%s起撤销贵户的“%s”认定，理由和依据如下。%s", heard(c), step.OnDate.Chinese(), w.cert.Category.Name(), w.ends(step)),
			fmt.Sprintf("自被撤销认定之日起5年内（至%s，含当日）不得再次申报。", bar.Chinese()))
		l.Appeal = w.appeal(step.OnDate)
		w.copied = fmt.Sprintf("贵单位推荐的“%s”：认定自%s起撤销，至%s（含当日）不得再次申报或者推荐。", w.name, step.OnDate.Chinese(), bar.Chinese())
	case models.CertifiedExtend:
		say("“名特优新”认定有效期延长", fmt.Sprintf("贵户的“%s”认定有效期延长至%s（含当日），扶持政策继续享受。请继续于每年7月底前完成信息报告。", w.cert.Category.Name(), w.cert.ValidUntil.Chinese()), free)
		w.copied = fmt.Sprintf("贵单位推荐的“%s”：有效期延长至%s。", w.name, w.cert.ValidUntil.Chinese())
	case models.CertifiedRestore:
		w.tellRestored(l, step)
	}
	return nil
}

// tellHearing is the notice before a decision that may take something: what is held against the household, by which clause, what may follow,
// until when and how it can answer.
func (w *certifiedLetters) tellHearing(ctx context.Context, l *letter, c models.Case, d caseDetail) (err error) {
	outcomes := c.Kind.Outcomes()
	l.Headline = "请就“" + c.Kind.Name() + "”事项陈述申辩"
	l.Paragraphs = []string{
		fmt.Sprintf("因下列情形，区市场监管局正在审查贵户的“名特优新”认定，可能作出“%s”的决定。尚未作出决定。", outcomes[len(outcomes)-1].Name()),
		fmt.Sprintf("作出决定之前，贵户有权陈述和申辩。请于%s（含当日）前登录系统填写，可以上传材料，也可以到区市场监管局书面提出；相关材料登录后可以查看。逾期未提出的，区市场监管局根据现有材料决定。", d.HearingDue.Chinese()),
		"陈述申辩不收取任何费用，也不会因此加重处理。",
	}
	if !w.workdays.AnnouncedThrough(c.OpenedOn, d.HearingDue) {
		l.Note = calendar.Unannounced + "。"
	}
	w.findings(l, c)
	l.Facts = append(l.Facts, letterFact{"陈述申辩期限", d.HearingDue.Chinese()})
	l.Reason, l.Clause = "", clauseOf(c)
	if c.OpenReasonID != 0 {
		l.Reason, err = w.Store.Reason(ctx, c.OpenReasonID)
	}
	return err
}

// heard says how the household was heard before the decision: a term that passed in silence was no statement.
func heard(c models.Case) string {
	if c.StatementID == 0 {
		return "经书面告知，贵户在期限内未作陈述申辩，"
	}
	return "经听取陈述申辩，"
}

// ends says what ends with the certification, which may have run out while it was being decided.
func (w *certifiedLetters) ends(step models.CertifiedStep) string {
	if w.cert.ValidUntil < step.OnDate {
		return fmt.Sprintf("认定的有效期已于%s届满，培育措施此前已经终止。", w.cert.ValidUntil.Chinese())
	}
	return "相应的培育措施随之终止。"
}

// clauseOf is what a case rests on, in the work plan's clauses.
func clauseOf(c models.Case) string {
	if len(c.Ground) > 0 {
		return c.Ground[0].Clause
	}
	return "附三(五)"
}

// findings says what the case rests on: of an evaluation every point, else what is not met.
func (w *certifiedLetters) findings(l *letter, c models.Case) {
	for _, f := range c.Ground {
		if c.Kind != models.CaseEvaluation && f.Outcome == models.OutcomeMet {
			continue
		}
		value := strings.TrimRight(f.Text, "。；;.") + "：" + f.Outcome.Name()
		for _, more := range []string{f.Value, f.Source} {
			if more != "" {
				value += "；" + more
			}
		}
		l.Facts = append(l.Facts, letterFact{f.Clause, value})
	}
}

func (w *certifiedLetters) tellRestored(l *letter, step models.CertifiedStep) {
	switch step.ToState {
	case models.CertificationValid:
		l.Headline = "“名特优新”认定恢复"
		l.Paragraphs = []string{fmt.Sprintf("贵户的异议成立，“%s”认定自%s起恢复有效，有效期至%s，扶持政策继续享受。", w.cert.Category.Name(), step.OnDate.Chinese(), w.cert.ValidUntil.Chinese())}
	default:
		l.Headline = "“名特优新”认定记录更正"
		l.Paragraphs = []string{fmt.Sprintf("贵户的异议成立，原决定已撤销，记录更正为“%s”。", step.ToState.Name())}
	}
	w.copied = fmt.Sprintf("贵单位推荐的“%s”：异议成立，认定现为“%s”。", w.name, step.ToState.Name())
}
