package activities

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// clauseOrder is where the plan asks for 督办和反馈.
const clauseOrder = "二(三)7"

// departmentLetters is what letters to a department and the bureau's administrators need, read before the transaction that writes them.
type departmentLetters struct {
	letter
	cycle      models.Cycle
	department string // its name
	officers   []string
	admins     []string
}

func (a *Letters) toDepartment(ctx context.Context, cycle models.Cycle, department string) (d departmentLetters, err error) {
	d.cycle = cycle
	if d.letter, err = a.begin(ctx, cycle.District, 0, cycle.Clock.Rehearsal()); err != nil {
		return d, err
	}
	names, err := a.Store.DepartmentNames(ctx, cycle.District, cycle.Year)
	if err != nil {
		return d, err
	}
	if d.department = names[department]; d.department == "" {
		d.department = department
	}
	if _, d.officers, err = a.Store.Reach(ctx, cycle.District, store.Debtor{Kind: models.OwnerDepartment, Owner: department}); err != nil {
		return d, err
	}
	_, d.admins, err = a.Store.Reach(ctx, cycle.District, store.Debtor{Kind: models.OwnerAdmins, Owner: models.AdminsCode})
	return d, err
}

func (d departmentLetters) message(object string, seq int, on calendar.Date) models.Message {
	return models.Message{District: d.cycle.District, CycleID: d.cycle.ID, OnDate: on, Key: fmt.Sprintf("%s/%d", object, seq)}
}

// DepartmentLetters are letters to departments that the API writes within the transaction of what they tell: no activities, and so not of Letters.
type DepartmentLetters struct{ *Letters }

// OrderLetter gives what writes the letters about an order to a department (二(三)7): to the department when it is issued, sent back or
// withdrawn, to the bureau's administrators when it is answered.
func (a DepartmentLetters) OrderLetter(ctx context.Context, cycle models.Cycle, department string) (store.OrderLetter, error) {
	d, err := a.toDepartment(ctx, cycle, department)
	if err != nil {
		return nil, err
	}
	return func(o models.Order, step models.OrderStep, text string) ([]models.Message, error) {
		l, to := d.letter, d.officers
		l.To, l.Date = d.department, step.OnDate.Chinese()
		l.Facts = []letterFact{{"督办编号", o.Number()}, {"发出日期", o.IssuedOn.Chinese()}}
		if about := models.OrderSubjectName(o.Subject); about != "" {
			l.Facts = append(l.Facts, letterFact{"督办事项", about})
		}
		switch step.Event {
		case models.OrderIssue:
			l.Headline = "督办：请于" + o.Due.Chinese() + "前答复"
			l.Paragraphs = []string{fmt.Sprintf("区市场监管局就以下事项督办，请于%s（含当日）前在系统中答复，可附材料。逾期未答复的，报区市场监管局，并计入年度履职情况。", o.Due.Chinese())}
			l.Facts = append(l.Facts, letterFact{"督办内容", text}, letterFact{"答复期限", o.Due.Chinese()})
			l.Appeal = "依据：《工作方案》" + clauseOrder
		case models.OrderReturn:
			l.Headline = "督办答复被退回，请重新答复"
			l.Paragraphs = []string{fmt.Sprintf("贵单位的答复已退回，理由如下，请于%s（含当日）前重新答复。", o.Due.Chinese())}
			l.Facts = append(l.Facts, letterFact{"答复期限", o.Due.Chinese()})
			l.Reason, l.Clause = text, clauseOrder
		case models.OrderWithdraw:
			l.Headline = "督办已撤销，无须答复"
			l.Paragraphs = []string{"该件督办已撤销，理由如下，贵单位无须再答复。"}
			l.Reason, l.Clause = text, clauseOrder
		case models.OrderAnswer:
			to, l.To = d.admins, ""
			l.Headline = d.department + "已答复督办，请审核"
			l.Paragraphs = []string{d.department + "已答复督办，请审核：符合要求的予以办结，不符合要求的写明理由退回。"}
			l.Facts = append(l.Facts, letterFact{"答复期限", o.Due.Chinese()}, letterFact{"答复内容", text})
		default: // its close is seen in the list
			return nil, nil
		}
		return l.writeAll(models.MailOrder, d.message(models.OrderObject(o.ID), step.Seq, step.OnDate), to)
	}, nil
}

// DutyLetter gives what tells a department that its report of a duty is sent back, and why.
func (a DepartmentLetters) DutyLetter(ctx context.Context, cycle models.Cycle, o models.Obligation, reason string) (store.DutyLetter, error) {
	d, err := a.toDepartment(ctx, cycle, o.Owner)
	if err != nil {
		return nil, err
	}
	return func(o models.Obligation, seq int, on calendar.Date) ([]models.Message, error) {
		l := d.letter
		l.To, l.Date, l.Headline = d.department, on.Chinese(), "职责反馈被退回，请补充后重新反馈"
		l.Paragraphs = []string{fmt.Sprintf("贵单位对以下职责的反馈已退回，理由如下，请于%s（含当日）前补充并重新反馈。", o.Due.Chinese())}
		l.Facts = []letterFact{{"职责", o.Title}, {"反馈期限", o.Due.Chinese()}}
		l.Reason, l.Clause = reason, o.Clause
		return l.writeAll(models.MailDuty, d.message(models.DutyObject(o.ID), seq, on), d.officers)
	}, nil
}
