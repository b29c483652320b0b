package api

import (
	"context"
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
)

// accountWorkbook answers with the accounts as a workbook: of every department, or of one with its duties, orders and what was late.
func (s *Server) accountWorkbook(ctx context.Context, u models.User, in *AccountInput) (*huma.StreamResponse, error) {
	all, _, _, err := s.accounts(ctx, u, in.ID, in.Department)
	if err != nil {
		return nil, err
	}
	department, err := visibleDepartment(u, in.Department)
	if err != nil {
		return nil, err
	}
	var one *AccountDetail
	if department != "" {
		v, err := s.account(ctx, u, in.ID, department)
		if err != nil {
			return nil, err
		}
		one = &v
	}
	return s.file(ctx, kindXLSX, "account-"+in.ID+".xlsx", func(w io.Writer) error { return writeAccountWorkbook(w, all, one) }), nil
}

func writeAccountWorkbook(w io.Writer, all AccountsView, one *AccountDetail) (err error) {
	b := newWorkbook()
	defer func() {
		if e := b.file.Close(); err == nil {
			err = e
		}
	}()
	accountSheet(b, all)
	kindSheet(b, all.Items)
	if one != nil {
		dutySheet(b, one.Duties)
		orderSheet(b, one.Ordered)
		unpunctualSheet(b, one.Unpunctual)
	}
	if b.err != nil {
		return fmt.Errorf("writing the account of %s: %w", all.Cycle, b.err)
	}
	if _, err := b.file.WriteTo(w); err != nil {
		return fmt.Errorf("sending the account of %s: %w", all.Cycle, err)
	}
	return nil
}

func accountSheet(b *workbook, all AccountsView) {
	p := b.sheet("履职情况", 28, 10, 10, 10, 10, 10, 10, 10, 10, 12, 12, 14, 12, 12, 14, 14, 14, 14, 12, 12)
	p.heading(fmt.Sprintf("%s %d 年度各部门履职情况（截至%s）", all.DistrictName, all.Year, all.On.Chinese()))
	p.put(b.head, "部门", "应办件数", "按期办结", "逾期办结", "未办结", "已逾期", "免除", "终止", "按期率", "职责反馈", "被退回", "惠及户数", "督办", "督办未办结",
		"帮扶已兑现", "帮扶待兑现", "帮扶逾期", "差异已研判", "推荐户数", "其中认定")
	items := all.Items
	if len(items) > 1 {
		items = append(items[:len(items):len(items)], all.Total)
	}
	for _, a := range items {
		t := a.Total
		p.put(0, models.SafeCell(a.Name), t.Owed, t.InTime, t.Late, t.Open, t.Overdue, t.Waived, t.Closed, t.Punctual, a.Reports, a.Returned, a.Households,
			a.Orders, a.OrdersOpen, a.HelpDelivered, a.HelpPromised, a.HelpOverdue, a.DifferencesSettled, a.Recommended, a.Certified)
	}
}

func kindSheet(b *workbook, items []AccountView) {
	p := b.sheet("按类别", 28, 24, 10, 10, 10, 10, 10, 10, 10, 10)
	p.put(b.head, "部门", "事项类别", "应办件数", "按期办结", "逾期办结", "未办结", "已逾期", "免除", "终止", "按期率")
	for _, a := range items {
		for _, k := range a.Kinds {
			p.put(0, models.SafeCell(a.Name), k.Name, k.Owed, k.InTime, k.Late, k.Open, k.Overdue, k.Waived, k.Closed, k.Punctual)
		}
	}
}

func dutySheet(b *workbook, duties []DutyView) {
	p := b.sheet("年度职责", 40, 12, 14, 14, 14, 14, 60, 10, 40)
	p.put(b.head, "职责", "条款", "反馈期限", "状态", "反馈日期", "完成日期", "办理情况", "惠及户数", "退回或免除的理由")
	for _, d := range duties {
		var r DutyReportView
		if d.Report != nil {
			r = *d.Report
		}
		reason := d.Reason
		if reason == "" {
			reason = r.ReturnReason
		}
		p.put(0, d.Title, d.Clause, d.Due.String(), d.StateName, r.ReportedOn.String(), r.DoneOn.String(), models.SafeCell(r.Text), r.Households, models.SafeCell(reason))
	}
}

func orderSheet(b *workbook, orders []OrderView) {
	p := b.sheet("督办", 20, 20, 50, 14, 14, 14, 18, 50)
	p.put(b.head, "督办编号", "督办事项", "督办内容", "发出日期", "答复期限", "答复日期", "状态", "答复内容")
	for _, o := range orders {
		p.put(0, o.Number, o.SubjectName, models.SafeCell(o.Text), o.IssuedOn.String(), o.Due.String(), o.AnsweredOn.String(), o.StateName, models.SafeCell(o.Answer))
	}
}

func unpunctualSheet(b *workbook, list []ObligationView) {
	p := b.sheet("逾期与免除", 44, 14, 14, 14, 14)
	p.put(b.head, "事项", "条款", "期限", "办结日期", "状态")
	for _, o := range list {
		p.put(0, models.SafeCell(o.Title), o.Clause, o.Due, o.DoneOn, unpunctualName(o))
	}
}

// unpunctualName says what is wrong with an obligation of an account.
func unpunctualName(o ObligationView) string {
	switch models.ObligationState(o.State) {
	case models.ObligationOpen:
		return "逾期未办"
	case models.ObligationWaived:
		return "已免除"
	}
	return "逾期办结"
}
