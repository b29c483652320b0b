package activities

import (
	"fmt"
	"strings"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
)

// HelpLetters writes the letters about help (附二, 附四): to the household what was promised, given or declined, to the department what a
// household asks for or does not want. It only computes, so that the letters can be written in the transaction of what they tell.
type HelpLetters struct {
	District   models.District
	PublicURL  string
	Rehearsal  bool
	Policy     *policy.Policy
	Department string                        // its name
	Officers   []string                      // its addresses
	Household  func(uscc string) (to string) // the address that the registry holds; empty if none
	Reason     string
}

// Write makes the letters of one event.
func (w HelpLetters) Write(h models.Help, step models.HelpStep) ([]models.Message, error) {
	l := letter{District: w.District.Name, Date: step.OnDate.Chinese(), URL: strings.TrimSuffix(w.PublicURL, "/"), Rehearsal: w.Rehearsal, Reason: w.Reason, Clause: h.Clause}
	measure := h.Clause // of a measure that the policy has no more there is no other word
	if m, part, err := w.Policy.Measure(h.Clause, h.Part); err == nil {
		measure = m.Name + "：" + part.Text
	}
	l.Facts = []letterFact{{"编号", h.Number()}, {"措施", measure}, {"负责部门", w.Department}}
	message := models.Message{District: h.District, CycleID: h.CycleID, OnDate: step.OnDate, Key: fmt.Sprintf("%s/%d", models.HelpObject(h.ID), step.Seq)}
	if _, operator := step.Actor.Household(); operator {
		return w.toDepartment(l, h, step, message)
	}
	return w.toHousehold(l, h, step, message)
}

func (w HelpLetters) toHousehold(l letter, h models.Help, step models.HelpStep, message models.Message) ([]models.Message, error) {
	to := w.Household(h.USCC)
	if to == "" {
		return nil, nil
	}
	due := func(d calendar.Date) { l.Facts = append(l.Facts, letterFact{"兑现期限", d.Chinese()}) }
	switch step.Event {
	case models.HelpPromise:
		l.Headline, l.Paragraphs = "帮扶已承诺", []string{fmt.Sprintf("%s将为贵户办理以下帮扶，不收取任何费用。不需要的，可以登录后谢绝。", w.Department)}
		due(h.Due)
	case models.HelpPostpone:
		l.Headline, l.Paragraphs = "帮扶兑现日期调整", []string{fmt.Sprintf("%s调整了以下帮扶的兑现日期。", w.Department)}
		due(h.Due)
	case models.HelpDeliver:
		l.Headline, l.Paragraphs = "帮扶已兑现", []string{fmt.Sprintf("%s登记已于%s为贵户办理以下帮扶。与事实不符的，请向区市场监管局反映。", w.Department, h.DeliveredOn.Chinese())}
	case models.HelpDecline:
		l.Headline, l.Paragraphs = "帮扶申请未予办理", []string{"贵户的帮扶申请未予办理，理由如下。有疑问的，请向负责部门或者区市场监管局反映。"}
	case models.HelpWithdraw:
		l.Headline, l.Paragraphs = "帮扶承诺撤回", []string{fmt.Sprintf("%s撤回了以下帮扶承诺，理由如下。有疑问的，请向负责部门或者区市场监管局反映。", w.Department)}
	default:
		return nil, nil
	}
	l.To = h.Name
	return l.toOperator().writeAll(models.MailHelp, message, []string{to})
}

func (w HelpLetters) toDepartment(l letter, h models.Help, step models.HelpStep, message models.Message) ([]models.Message, error) {
	switch step.Event {
	case models.HelpRequest:
		l.Headline, l.Paragraphs = "有经营者申请帮扶", []string{fmt.Sprintf("“%s”申请以下帮扶，请在%s（含当日）前答复：承诺、兑现，或者写明不予办理的理由。", h.Name, h.Due.Chinese())}
	case models.HelpWithdraw:
		l.Headline, l.Paragraphs = "经营者撤回帮扶申请", []string{fmt.Sprintf("“%s”撤回了以下帮扶申请，无须再答复。", h.Name)}
	case models.HelpRefuse:
		l.Headline, l.Paragraphs = "经营者谢绝帮扶", []string{fmt.Sprintf("“%s”谢绝以下帮扶，无须再兑现。", h.Name)}
	default:
		return nil, nil
	}
	if l.URL != "" {
		l.Entry = l.URL + "/docs"
	}
	l.To = w.Department
	return l.writeAll(models.MailHelp, message, w.Officers)
}
