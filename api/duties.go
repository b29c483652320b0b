package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// DutyView is a department's standing duty of the year (二(二)至(三)，三).
type DutyView struct {
	ID          int64                  `json:"id" doc:"编号"`
	Cycle       string                 `json:"cycle" doc:"年度工作编号"`
	Duty        string                 `json:"duty" doc:"政策中的职责"`
	Number      int                    `json:"number,omitempty" doc:"本年度第几次；每年一次的没有"`
	Title       string                 `json:"title" doc:"名称"`
	Clause      string                 `json:"clause" doc:"工作方案条款"`
	Text        string                 `json:"text,omitempty" doc:"工作方案原文"`
	Owner       string                 `json:"owner" doc:"责任部门代码"`
	OwnerName   string                 `json:"owner_name" doc:"责任部门"`
	Due         calendar.Date          `json:"due" doc:"反馈期限"`
	Overdue     bool                   `json:"overdue" doc:"逾期未反馈"`
	Evidence    bool                   `json:"evidence" doc:"反馈时须附材料"`
	State       models.ObligationState `json:"state" enum:"open,done,waived,closed" doc:"open 待反馈，done 已反馈，waived 已免除，closed 随年度工作取消"`
	StateName   string                 `json:"state_name"`
	OpenedOn    calendar.Date          `json:"opened_on" doc:"列为应办事项或被退回的日期"`
	DoneOn      calendar.Date          `json:"done_on" doc:"反馈或免除的日期"`
	RemindedOn  calendar.Date          `json:"reminded_on" doc:"最近一次提醒"`
	EscalatedOn calendar.Date          `json:"escalated_on" doc:"报督办日期"`
	Reason      string                 `json:"reason,omitempty" doc:"免除的理由"`
	Report      *DutyReportView        `json:"report,omitempty" doc:"最近一次反馈"`
}

// DutyReportView is what a department reported of a duty.
type DutyReportView struct {
	Seq          int           `json:"seq" doc:"第几次反馈"`
	Text         string        `json:"text" doc:"办理情况"`
	DoneOn       calendar.Date `json:"done_on" doc:"完成日期"`
	Households   int           `json:"households" doc:"惠及户数"`
	Documents    int           `json:"documents" doc:"反馈时的材料份数"`
	ReportedOn   calendar.Date `json:"reported_on" doc:"反馈日期"`
	By           models.Actor  `json:"by" doc:"反馈人"`
	At           string        `json:"at"`
	ReturnedOn   calendar.Date `json:"returned_on" doc:"被退回的日期"`
	ReturnedBy   models.Actor  `json:"returned_by,omitempty"`
	ReturnReason string        `json:"return_reason,omitempty" doc:"退回的理由"`
}

func viewDutyReport(r models.DutyReport, texts map[int64]string) DutyReportView {
	return DutyReportView{Seq: r.Seq, Text: texts[r.TextID], DoneOn: r.DoneOn, Households: r.Households, Documents: r.Documents, ReportedOn: r.ReportedOn,
		By: r.ByActor, At: moment(r.At), ReturnedOn: r.ReturnedOn, ReturnedBy: r.ReturnedBy, ReturnReason: texts[r.ReturnReasonID]}
}

// DutyInput names a duty.
type DutyInput struct {
	ID int64 `path:"id" minimum:"1" doc:"职责编号"`
}

func (s *Server) registerDuties() {
	tags := []string{"部门职责"}
	one := "/api/v1/duties/{id}"
	register(s, everyone, huma.Operation{OperationID: "list-duties", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/duties", Summary: "部门年度职责，按期限排列；部门工作人员只见本部门的", Tags: tags}, s.listDuties)
	register(s, everyone, huma.Operation{OperationID: "get-duty", Method: http.MethodGet, Path: one, Summary: "一项职责", Tags: tags}, s.getDuty)
	register(s, everyone, huma.Operation{OperationID: "list-duty-reports", Method: http.MethodGet, Path: one + "/reports", Summary: "一项职责的反馈，先反馈的在前", Tags: tags}, s.listDutyReports)
	register(s, officers, huma.Operation{OperationID: "report-duty", Method: http.MethodPost, Path: one + "/reports", Summary: "反馈办理情况；须附材料的先上传材料", Tags: tags, DefaultStatus: http.StatusCreated}, s.reportDuty)
	register(s, admins, huma.Operation{OperationID: "return-duty", Method: http.MethodPost, Path: one + "/return", Summary: "退回反馈，写明理由，另定期限", Tags: tags, DefaultStatus: http.StatusOK}, s.returnDuty)
	register(s, admins, huma.Operation{OperationID: "waive-duty", Method: http.MethodPost, Path: one + "/waive", Summary: "免除一项职责，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.waiveDuty)
	register(s, admins, huma.Operation{OperationID: "move-duty", Method: http.MethodPost, Path: one + "/due", Summary: "更改反馈期限，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.moveDuty)
}

// visibleDepartment is the department whose duties and orders the caller may see: an officer the own one, the bureau and those who watch
// any; "" = every one.
func visibleDepartment(u models.User, asked string) (string, error) {
	if u.Role != models.RoleDepartment || u.Bureau() {
		return asked, nil
	}
	if asked != "" && asked != u.Department {
		return "", models.Errorf(models.CodeForbidden, "您只能查看本部门的事项")
	}
	return u.Department, nil
}

// ofDepartment refuses a caller who may not see a department's duties and orders, as if they were not there.
func ofDepartment(u models.User, district, department string) error {
	if err := inDistrict(u, district); err != nil {
		return err
	}
	if _, err := visibleDepartment(u, department); err != nil {
		return models.NotFound("没有这项数据，或不是贵部门的")
	}
	return nil
}

func (s *Server) listDuties(ctx context.Context, u models.User, in *struct {
	CycleInput
	Department string `query:"department" maxLength:"20" doc:"责任部门代码"`
	Duty       string `query:"duty" maxLength:"40" pattern:"^[a-z0-9-]*$" doc:"政策中的职责，如 seminars"`
	State      string `query:"state" enum:"open,done,waived,closed,all" default:"all"`
	Overdue    bool   `query:"overdue" doc:"只看逾期未反馈的"`
	After      string `query:"after" maxLength:"40" doc:"上一页的 next"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[DutyView] }, error) {
	cycle, law, err := s.cycleLaw(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	f := store.DutyFilter{CycleID: in.ID, Duty: in.Duty}
	if f.Owner, err = visibleDepartment(u, in.Department); err != nil {
		return nil, err
	}
	if in.State != "all" {
		f.State = models.ObligationState(in.State)
	}
	today := s.cycleToday(cycle)
	if in.Overdue {
		f.State, f.DueBefore = models.ObligationOpen, today
	}
	after, err := parseObligationCursor(in.After)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Duties(ctx, f, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view, err := s.dutyViewer(ctx, law, today, list)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[DutyView] }{newPage(list, in.Limit, view, func(d store.DutyItem) any {
		return fmt.Sprintf("%s.%d", d.Due, d.ID)
	})}, nil
}

// cycleLaw gives a cycle that the caller may see, with its policy.
func (s *Server) cycleLaw(ctx context.Context, u models.User, id string) (c models.Cycle, law store.PolicyVersion, err error) {
	if err := cycleInDistrict(u, id); err != nil {
		return c, law, err
	}
	if c, err = s.Store.Cycle(ctx, id); err != nil {
		return c, law, err
	}
	law, err = s.Store.PolicyByID(ctx, c.PolicyID)
	return c, law, err
}

// dutyViewer gives what makes views of duties: with the texts and names that they need, read at once.
func (s *Server) dutyViewer(ctx context.Context, law store.PolicyVersion, today calendar.Date, list []store.DutyItem) (func(store.DutyItem) DutyView, error) {
	var ids []int64
	for _, d := range list {
		ids = append(ids, d.ReasonID)
		if d.Report != nil {
			ids = append(ids, d.Report.TextID, d.Report.ReturnReasonID)
		}
	}
	texts, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	names, err := s.Store.DepartmentNames(ctx, law.District, law.Year)
	if err != nil {
		return nil, err
	}
	return func(d store.DutyItem) DutyView {
		id, number := models.ParseDutySubject(d.Subject)
		duty, _ := law.Duty(id)
		v := DutyView{ID: d.ID, Cycle: d.CycleID, Duty: id, Number: number, Title: d.Title, Clause: d.Clause, Text: duty.Text, Owner: d.Owner,
			OwnerName: named(names, d.Owner), Due: d.Due, Overdue: d.State == models.ObligationOpen && d.Due < today, Evidence: duty.Evidence, State: d.State,
			StateName: models.DutyStateName(d.State), OpenedOn: d.OpenedOn, DoneOn: d.DoneOn, RemindedOn: d.RemindedOn, EscalatedOn: d.EscalatedOn,
			Reason: texts[d.ReasonID]}
		if d.Report != nil {
			r := viewDutyReport(*d.Report, texts)
			v.Report = &r
		}
		return v
	}, nil
}

// named is a department's name, or its code where it has none.
func named(names map[string]string, code string) string {
	if n := names[code]; n != "" {
		return n
	}
	return code
}

// visibleDuty gives a duty that the caller may see.
func (s *Server) visibleDuty(ctx context.Context, u models.User, id int64) (models.Obligation, error) {
	o, err := s.Store.Duty(ctx, id)
	if err == nil {
		err = ofDepartment(u, o.District, o.Owner)
	}
	return o, err
}

func (s *Server) getDuty(ctx context.Context, u models.User, in *DutyInput) (*struct{ Body DutyView }, error) {
	o, err := s.visibleDuty(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.answerDuty(ctx, u, o)
}

// answerDuty answers with a duty as it is.
func (s *Server) answerDuty(ctx context.Context, u models.User, o models.Obligation) (*struct{ Body DutyView }, error) {
	cycle, law, err := s.cycleLaw(ctx, u, o.CycleID)
	if err != nil {
		return nil, err
	}
	reports, err := s.Store.DutyReports(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	item := store.DutyItem{Obligation: o}
	if n := len(reports); n > 0 {
		item.Report = &reports[n-1]
	}
	view, err := s.dutyViewer(ctx, law, s.cycleToday(cycle), []store.DutyItem{item})
	if err != nil {
		return nil, err
	}
	return &struct{ Body DutyView }{view(item)}, nil
}

func (s *Server) listDutyReports(ctx context.Context, u models.User, in *DutyInput) (*struct{ Body Page[DutyReportView] }, error) {
	o, err := s.visibleDuty(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	reports, err := s.Store.DutyReports(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, r := range reports {
		ids = append(ids, r.TextID, r.ReturnReasonID)
	}
	texts, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[DutyReportView] }{newPage(reports, len(reports), func(r models.DutyReport) DutyReportView {
		return viewDutyReport(r, texts)
	}, func(r models.DutyReport) any { return r.Seq })}, nil
}

func (s *Server) reportDuty(ctx context.Context, u models.User, in *struct {
	DutyInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Text       string        `json:"text" minLength:"1" maxLength:"2000" doc:"办理情况"`
		DoneOn     calendar.Date `json:"done_on" doc:"完成日期"`
		Households int           `json:"households,omitempty" minimum:"0" maximum:"10000000" doc:"惠及户数"`
	}
}) (*struct{ Body DutyView }, error) {
	o, err := s.visibleDuty(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if err := o.MayReport(u); err != nil {
		return nil, err
	}
	return s.actDuty(ctx, u, o, models.DutyCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.DutyReported, Text: in.Body.Text,
		DoneOn: in.Body.DoneOn, Households: in.Body.Households})
}

func (s *Server) returnDuty(ctx context.Context, u models.User, in *struct {
	DutyInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Reason string        `json:"reason" minLength:"1" maxLength:"2000" doc:"退回的理由，告知责任部门"`
		Due    calendar.Date `json:"due,omitempty" doc:"重新反馈的期限；不填为政策规定的答复督办期限"`
	}
}) (*struct{ Body DutyView }, error) {
	return s.steerDuty(ctx, u, in.ID, models.DutyCommand{CommandID: commandKey(in.IdempotencyKey), Event: models.DutyReturned, Text: in.Body.Reason, Due: in.Body.Due})
}

func (s *Server) waiveDuty(ctx context.Context, u models.User, in *struct {
	DutyInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"免除的理由"`
	}
}) (*struct{ Body DutyView }, error) {
	return s.steerDuty(ctx, u, in.ID, models.DutyCommand{Event: models.DutyWaived, Text: in.Body.Reason})
}

func (s *Server) moveDuty(ctx context.Context, u models.User, in *struct {
	DutyInput
	Body struct {
		Due    calendar.Date `json:"due" doc:"新的期限"`
		Reason string        `json:"reason" minLength:"1" maxLength:"2000" doc:"改期的理由"`
	}
}) (*struct{ Body DutyView }, error) {
	return s.steerDuty(ctx, u, in.ID, models.DutyCommand{Event: models.DutyMoved, Text: in.Body.Reason, Due: in.Body.Due})
}

// steerDuty carries out what an administrator decides about a duty.
func (s *Server) steerDuty(ctx context.Context, u models.User, id int64, c models.DutyCommand) (*struct{ Body DutyView }, error) {
	o, err := s.visibleDuty(ctx, u, id)
	if err != nil {
		return nil, err
	}
	return s.actDuty(ctx, u, o, c)
}

func (s *Server) actDuty(ctx context.Context, u models.User, o models.Obligation, c models.DutyCommand) (*struct{ Body DutyView }, error) {
	c.ObligationID, c.Actor = o.ID, u.Actor()
	var letter store.DutyLetter
	if c.Event == models.DutyReturned {
		cycle, err := s.Store.Cycle(ctx, o.CycleID)
		if err != nil {
			return nil, err
		}
		if letter, err = s.letters().DutyLetter(ctx, cycle, o, c.Text); err != nil {
			return nil, err
		}
	}
	o, err := s.Store.ActDuty(ctx, c, letter)
	if err != nil {
		return nil, err
	}
	if letter != nil {
		s.wakeOutbox(ctx)
	}
	return s.answerDuty(ctx, u, o)
}

// letters writes letters that go with a command's own transaction.
func (s *Server) letters() activities.DepartmentLetters {
	return activities.DepartmentLetters{Letters: &activities.Letters{Store: s.Store, PublicURL: s.Options.PublicURL}}
}

// StandardDuty is a standing duty as the policy lays it on departments.
type StandardDuty struct {
	StandardText
	Duty        string   `json:"duty"`
	Name        string   `json:"name"`
	Whom        string   `json:"whom" doc:"工作方案所称的责任主体"`
	Departments []string `json:"departments" doc:"责任部门"`
	Due         string   `json:"due" doc:"每年几次、反馈期限"`
}

func viewStandardDuty(p *policy.Policy, d policy.Duty) StandardDuty {
	return StandardDuty{StandardText{d.Clause, d.Text}, d.ID, d.Name, d.Whom, p.DepartmentNames(d), d.Often()}
}
