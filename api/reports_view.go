package api

import (
	"context"
	"fmt"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// ReportItem is a yearly information report in a list.
type ReportItem struct {
	ID            int64              `json:"id"`
	Number        string             `json:"number" doc:"报告编号"`
	Certification string             `json:"certification" doc:"认定编号"`
	Year          int                `json:"year" doc:"报告年度"`
	USCC          string             `json:"uscc" doc:"统一社会信用代码"`
	Name          string             `json:"name" doc:"名称"`
	Category      models.Category    `json:"category" enum:"renowned,distinctive,quality,emerging"`
	CategoryName  string             `json:"category_name" doc:"知名、特色、优质、新兴"`
	State         models.ReportState `json:"state" enum:"owed,submitted,returned,confirmed,failed,closed"`
	StateName     string             `json:"state_name" doc:"现状"`
	Due           calendar.Date      `json:"due" doc:"报送期限"`
	LimitOn       calendar.Date      `json:"limit_on" doc:"该户须在此日前报送或补正，没有为空"`
	FiledOn       calendar.Date      `json:"filed_on" doc:"首次报送日期"`
	SubmittedOn   calendar.Date      `json:"submitted_on" doc:"最近报送日期"`
	Late          bool               `json:"late" doc:"逾期报送，或者逾期尚未报送"`
	LateDays      int                `json:"late_days,omitempty" doc:"逾期报送的天数"`
	ReviewDue     calendar.Date      `json:"review_due" doc:"审核期限"`
	ReviewOverdue bool               `json:"review_overdue" doc:"逾期未审核"`
	ReviewedOn    calendar.Date      `json:"reviewed_on" doc:"审核日期"`
	URL           string             `json:"url"`
}

func viewReportItem(r models.Report, number, name string, category models.Category, today calendar.Date) ReportItem {
	return ReportItem{ID: r.ID, Number: models.ReportNumber(number, r.Year), Certification: number, Year: r.Year, USCC: r.USCC, Name: name, Category: category,
		CategoryName: category.Name(), State: r.State, StateName: r.State.Name(), Due: r.Due, LimitOn: r.LimitOn, FiledOn: r.FiledOn, SubmittedOn: r.SubmittedOn,
		Late: r.Late(today), LateDays: r.LateDays(), ReviewDue: r.ReviewDue, ReviewOverdue: r.State == models.ReportSubmitted && r.ReviewDue < today,
		ReviewedOn: r.ReviewedOn, URL: reportURL(number, r.Year)}
}

func reportURL(number string, year int) string {
	return fmt.Sprintf("/api/v1/certifications/%s/reports/%d", number, year)
}

// ReportQuestionView is a question of the form with what was answered.
type ReportQuestionView struct {
	ID        string            `json:"id" doc:"问题编号"`
	Clause    string            `json:"clause" doc:"依据条款"`
	Ask       string            `json:"ask" doc:"问题"`
	Kind      models.AnswerKind `json:"kind" enum:"money,people,yes_no,choice,text" doc:"money 金额（元），people 人数，yes_no 是或否，choice 从 options 中选择，text 文字"`
	Options   []string          `json:"options,omitempty"`
	Required  bool              `json:"required" doc:"必答"`
	Most      int               `json:"most" doc:"最长字数"`
	State     models.AskState   `json:"state" enum:"asked,known,waiting" doc:"asked 请填写，known 部门已提供、无需填写，waiting 由部门提供、届时仍没有的再填写"`
	StateName string            `json:"state_name"`
	Answer    string            `json:"answer,omitempty" doc:"回答"`
}

// ReportFindingView is what was found of one base standard.
type ReportFindingView struct {
	models.StandingFinding
	CheckedBy string `json:"checked_by,omitempty" enum:"data,reviewer" doc:"data 由部门数据判断，reviewer 由审核人核实；没有则尚未判断"`
	Reason    string `json:"reason,omitempty" doc:"审核人核实的情况"`
}

// ReportView is a report with its form, what was answered and what was found.
type ReportView struct {
	ReportItem
	Prefilled []PrefillItem        `json:"prefilled" doc:"部门掌握的数据，无需填写；报送后为报送时的"`
	Questions []ReportQuestionView `json:"questions"`
	Writable  bool                 `json:"writable" doc:"您现在可以填写、报送"`
	Findings  []ReportFindingView  `json:"findings" doc:"基础标准逐项核对：审核前为今天的数据，仅工作人员可见"`
	DataMark  string               `json:"data_mark,omitempty" doc:"审核所依据的部门数据"`
	Reason    string               `json:"reason,omitempty" doc:"最近一次退回或审核的理由"`
	EnteredBy []models.Actor       `json:"entered_by,omitempty" doc:"代为填写、报送的人，仅工作人员可见；不得审核"`
	Note      string               `json:"note,omitempty"`
	Notice    string               `json:"notice" doc:"告知"`
	UpdatedAt string               `json:"updated_at"`
}

// reportNotice is said wherever a household fills in a report (三(二)).
const reportNotice = "信息报告不收取任何费用；部门已掌握的数据由系统预填，有误的请在“主要变化”中说明，或者向数据部门提出。"

func (s *Server) answerReport(ctx context.Context, u models.User, sheet store.ReportSheet, department string) (*struct{ Body ReportView }, error) {
	r, c := sheet.Report, sheet.Certification
	today, err := s.todayOf(ctx, c.CycleID)
	if err != nil {
		return nil, err
	}
	v := ReportView{ReportItem: viewReportItem(r, c.Number, c.Name, c.Category, today), Prefilled: []PrefillItem{}, Questions: []ReportQuestionView{}, Findings: []ReportFindingView{},
		DataMark: r.DataMark, Writable: c.State == models.CertificationValid && r.MayWrite(u, department) == nil, Notice: reportNotice, UpdatedAt: moment(r.UpdatedAt)}
	items := r.Prefilled
	if r.State.Open() {
		items = models.ReportItems(sheet.Form.Prefilled)
	}
	for _, i := range items {
		v.Prefilled = append(v.Prefilled, PrefillItem{i.Label, i.Value, i.Source, dateText(i.DeliveredOn)})
	}
	for i, q := range sheet.Form.Questions {
		most := models.MaxAnswer
		if q.Most > 0 {
			most = q.Most
		}
		v.Questions = append(v.Questions, ReportQuestionView{q.ID, q.Clause, q.Words(r.Year), q.Answer, q.Options, q.Required, most, sheet.Form.Asked[i], sheet.Form.Asked[i].Name(), r.Content[q.ID]})
	}
	findings := r.Findings
	if len(findings) == 0 && u.Role != models.RoleOperator {
		if findings, err = models.ReviewFindings(sheet.Standing, nil); err != nil {
			return nil, err
		}
	}
	ids := []int64{r.ReasonID}
	for _, f := range findings {
		ids = append(ids, f.ReasonID)
	}
	words, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	v.Reason = words[r.ReasonID]
	for _, f := range findings {
		v.Findings = append(v.Findings, ReportFindingView{f.StandingFinding, f.CheckedBy, words[f.ReasonID]})
	}
	if u.Role != models.RoleOperator {
		v.EnteredBy = r.EnteredBy
	}
	workdays, err := s.Store.Workdays(ctx)
	if err != nil {
		return nil, err
	}
	for _, on := range []calendar.Date{r.LimitOn, r.ReviewDue} { // a term that ends in a year whose holidays are not announced may move
		if on != 0 && on != r.Due && !workdays.AnnouncedThrough(min(today, on), max(today, on)) {
			v.Note = calendar.Unannounced + "。"
		}
	}
	return &struct{ Body ReportView }{v}, nil
}

// ReportReceipt is what whoever filed a report holds in hand.
type ReportReceipt struct {
	ReportItem
	ReceivedAt    string `json:"received_at" doc:"收到时间"`
	PolicyVersion int    `json:"policy_version" doc:"政策版本"`
	PolicyHash    string `json:"policy_hash" doc:"政策文件的 SHA-256"`
	Program       string `json:"program" doc:"程序版本"`
	Notice        string `json:"notice" doc:"告知"`
}

func (s *Server) reportReceipt(ctx context.Context, sheet store.ReportSheet) (*struct{ Body ReportReceipt }, error) {
	r, c := sheet.Report, sheet.Certification
	cycle, err := s.Store.Cycle(ctx, c.CycleID)
	if err != nil {
		return nil, err
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, c.CycleID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ReportReceipt }{ReportReceipt{ReportItem: viewReportItem(r, c.Number, c.Name, c.Category, today), ReceivedAt: momentOrEmpty(r.FiledAt),
		PolicyVersion: law.Version, PolicyHash: law.Hash, Program: s.Options.Program, Notice: "区市场监管局将审核信息报告，并对是否继续符合分型和分类基础标准进行确认。" + reportNotice}}, nil
}
