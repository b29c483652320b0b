package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

func (s *Server) registerReports() {
	tags := []string{"信息报告"}
	list, one := "/api/v1/reports", "/api/v1/certifications/{number}/reports/{year}"
	register(s, everyone, huma.Operation{OperationID: "list-reports", Method: http.MethodGet, Path: list, Summary: "“名特优新”个体工商户年度信息报告及各状态件数", Tags: tags}, s.listReports)
	register(s, everyone, download("export-reports-xlsx", list+".xlsx", "年度信息报告（Excel）", tags, kindXLSX), s.exportReports)
	register(s, bureau, huma.Operation{OperationID: "confirm-reports", Method: http.MethodPost, Path: list + "/confirm", Summary: "成批确认各项基础标准均由部门数据判断符合的信息报告，逐件留痕", Tags: tags, DefaultStatus: http.StatusOK}, s.confirmReports)
	register(s, signedIn, huma.Operation{OperationID: "get-report", Method: http.MethodGet, Path: one, Summary: "一份信息报告：部门已掌握的数据、需要填写的问题、审核结论", Tags: tags}, s.getReport)
	register(s, concerned, huma.Operation{OperationID: "write-report", Method: http.MethodPut, Path: one, Summary: "保存信息报告草稿；工作人员可为不便使用网络的经营者代为录入", Tags: tags}, s.writeReport)
	register(s, concerned, huma.Operation{OperationID: "submit-report", Method: http.MethodPost, Path: one + "/submit", Summary: "报送信息报告，取得回执；代为报送须写明缘由", Tags: tags, DefaultStatus: http.StatusOK}, s.submitReport)
	register(s, bureau, huma.Operation{OperationID: "return-report", Method: http.MethodPost, Path: one + "/return", Summary: "退回补正，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.returnReport)
	register(s, bureau, huma.Operation{OperationID: "confirm-report", Method: http.MethodPost, Path: one + "/confirm", Summary: "审核确认继续符合分型和分类基础标准", Tags: tags, DefaultStatus: http.StatusOK}, s.confirmReport)
	register(s, bureau, huma.Operation{OperationID: "fail-report", Method: http.MethodPost, Path: one + "/fail", Summary: "审核不符合，立项处理，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.failReport)
}

// ReportInput names a report.
type ReportInput struct {
	Number string `path:"number" maxLength:"40" doc:"认定编号，如 110107-2026-MTYX-0007"`
	Year   int    `path:"year" minimum:"2020" maximum:"2200" doc:"报告年度"`
}

// ReportCommandInput is a command on a report.
type ReportCommandInput struct {
	ReportInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}

// certifiedOf reads a certification that concerns the caller, with the department that recommended it.
func (s *Server) certifiedOf(ctx context.Context, u models.User, given string) (c models.Certification, department string, err error) {
	hidden := models.NotFound("没有编号为“%s”的认定，或与您无关", given)
	number, err := models.ParseCertificationNumber(given)
	if err != nil {
		return c, "", hidden
	}
	if c, err = s.Store.Certification(ctx, number); err != nil {
		return c, "", err
	}
	if department, err = s.Store.RecommendedBy(ctx, c.ID); err != nil {
		return c, "", err
	}
	if (models.Report{District: c.District, USCC: c.USCC}).MayRead(u, department) != nil {
		return c, "", hidden
	}
	return c, department, nil
}

// reportSheet reads a report that concerns the caller.
func (s *Server) reportSheet(ctx context.Context, u models.User, in ReportInput) (sheet store.ReportSheet, department string, err error) {
	c, department, err := s.certifiedOf(ctx, u, in.Number)
	if err != nil {
		return sheet, "", err
	}
	today, err := s.todayOf(ctx, c.CycleID)
	if err != nil {
		return sheet, "", err
	}
	sheet, err = s.Store.ReportSheet(ctx, c.ID, in.Year, today)
	return sheet, department, err
}

func (s *Server) getReport(ctx context.Context, u models.User, in *ReportInput) (*struct{ Body ReportView }, error) {
	sheet, department, err := s.reportSheet(ctx, u, *in)
	if err != nil {
		return nil, err
	}
	return s.answerReport(ctx, u, sheet, department)
}

func (s *Server) writeReport(ctx context.Context, u models.User, in *struct {
	ReportInput
	Body struct {
		Answers map[string]string `json:"answers" doc:"各问题的回答，以问题编号为名；未列出的视为未填"`
	}
}) (*struct{ Body ReportView }, error) {
	sheet, department, err := s.reportSheet(ctx, u, in.ReportInput)
	if err == nil {
		err = sheet.Report.MayWrite(u, department)
	}
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, sheet.Certification.CycleID)
	if err != nil {
		return nil, err
	}
	if sheet.Report, err = s.Store.WriteReport(ctx, u.Actor(), sheet.Certification.ID, in.Year, in.Body.Answers, today); err != nil {
		return nil, err
	}
	return s.answerReport(ctx, u, sheet, department)
}

// actOnReport keeps the reason, if one was written, carries the command out and gives the report as it then is.
func (s *Server) actOnReport(ctx context.Context, u models.User, in ReportCommandInput, sheet store.ReportSheet, reason string, c models.CertifiedCommand, words ...string) (store.ReportSheet, error) {
	c.CommandID, c.Actor, c.Year, c.Clause = commandKey(in.IdempotencyKey), u.Actor(), in.Year, "附三(五)"
	var err error
	if reason != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), reason); err != nil {
			return sheet, err
		}
	}
	if _, err = s.actCertified(ctx, sheet.Certification, c.Asked(append(words, reason)...)); err != nil {
		return sheet, err
	}
	sheet, _, err = s.reportSheet(ctx, u, in.ReportInput)
	return sheet, err
}

func (s *Server) submitReport(ctx context.Context, u models.User, in *struct {
	ReportCommandInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"代为报送的缘由；经营者本人报送时不填"`
	}
}) (*struct{ Body ReportReceipt }, error) {
	sheet, department, err := s.reportSheet(ctx, u, in.ReportInput)
	if err != nil {
		return nil, err
	}
	if sheet.Report.State.Open() { // else the same command may come again
		if err := sheet.Report.MayWrite(u, department); err != nil {
			return nil, err
		}
	}
	reason := in.Body.Reason
	if u.Role == models.RoleOperator {
		reason = ""
	}
	if sheet, err = s.actOnReport(ctx, u, in.ReportCommandInput, sheet, reason, models.CertifiedCommand{Event: models.CertifiedFileReport}); err != nil {
		return nil, err
	}
	return s.reportReceipt(ctx, sheet)
}

// reviewOf reads a report for who reviews it.
func (s *Server) reviewOf(ctx context.Context, u models.User, in ReportInput) (store.ReportSheet, error) {
	if err := bureauOnly(u); err != nil {
		return store.ReportSheet{}, err
	}
	sheet, _, err := s.reportSheet(ctx, u, in)
	return sheet, err
}

func (s *Server) returnReport(ctx context.Context, u models.User, in *struct {
	ReportCommandInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"须补正的内容和理由，告知该户"`
	}
}) (*struct{ Body ReportView }, error) {
	sheet, err := s.reviewOf(ctx, u, in.ReportInput)
	if err == nil {
		sheet, err = s.actOnReport(ctx, u, in.ReportCommandInput, sheet, in.Body.Reason, models.CertifiedCommand{Event: models.CertifiedReturnReport})
	}
	if err != nil {
		return nil, err
	}
	return s.answerReport(ctx, u, sheet, "")
}

// StandardAnswerInput is a reviewer's answer on a base standard that no data decide.
type StandardAnswerInput struct {
	ID     string `json:"id" minLength:"1" maxLength:"60" doc:"标准编号"`
	Met    bool   `json:"met" doc:"经核实是否符合"`
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"核实的情况和依据"`
}

// ReviewReportInput is a review's result.
type ReviewReportInput struct {
	ReportCommandInput
	Body struct {
		Answers []StandardAnswerInput `json:"answers,omitempty" maxItems:"30" doc:"部门数据不能判断的标准，逐项填写"`
		Reason  string                `json:"reason,omitempty" maxLength:"2000" doc:"说明；审核不符合的必须写明，告知该户"`
	}
}

func (s *Server) confirmReport(ctx context.Context, u models.User, in *ReviewReportInput) (*struct{ Body ReportView }, error) {
	return s.reviewReport(ctx, u, in, models.CertifiedConfirmReport)
}

func (s *Server) failReport(ctx context.Context, u models.User, in *ReviewReportInput) (*struct{ Body ReportView }, error) {
	return s.reviewReport(ctx, u, in, models.CertifiedFailReport)
}

func (s *Server) reviewReport(ctx context.Context, u models.User, in *ReviewReportInput, event models.CertifiedEvent) (*struct{ Body ReportView }, error) {
	sheet, err := s.reviewOf(ctx, u, in.ReportInput)
	if err != nil {
		return nil, err
	}
	c := models.CertifiedCommand{Event: event}
	var words []string
	for _, a := range in.Body.Answers {
		id, err := s.Store.AddReason(ctx, u.Actor(), a.Reason)
		if err != nil {
			return nil, err
		}
		c.Answers, words = append(c.Answers, models.StandardAnswer{ID: a.ID, Met: a.Met, ReasonID: id}), append(words, a.Reason)
	}
	if sheet, err = s.actOnReport(ctx, u, in.ReportCommandInput, sheet, in.Body.Reason, c, words...); err != nil {
		return nil, err
	}
	return s.answerReport(ctx, u, sheet, "")
}

// maxBulk bounds the reports of one order, each of which is a command of its own.
const maxBulk = 100

// BulkConfirmed is what became of an order to confirm.
type BulkConfirmed struct {
	Confirmed []string   `json:"confirmed" doc:"已确认的认定编号"`
	Left      []BulkLeft `json:"left" doc:"未确认的，须逐件审核"`
	Next      int64      `json:"next,omitempty" doc:"未指明认定编号且还有待审核的，下一批的 after"`
}

// BulkLeft is a report that was not confirmed.
type BulkLeft struct {
	Number string `json:"number" doc:"认定编号"`
	Why    string `json:"why" doc:"原因"`
}

func (s *Server) confirmReports(ctx context.Context, u models.User, in *struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"50" doc:"同一请求重发时保持不变"`
	Body           struct {
		District string   `json:"district,omitempty" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
		Year     int      `json:"year" minimum:"2020" maximum:"2200" doc:"报告年度"`
		Numbers  []string `json:"numbers,omitempty" maxItems:"100" doc:"认定编号；不填为最早报送的100件"`
		After    int64    `json:"after,omitempty" minimum:"0" doc:"不填认定编号时，上一批的 next"`
	}
}) (*struct{ Body BulkConfirmed }, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	out := BulkConfirmed{Confirmed: []string{}, Left: []BulkLeft{}}
	numbers := in.Body.Numbers
	if len(numbers) == 0 {
		district, err := districtOf(u, in.Body.District)
		if err != nil {
			return nil, err
		}
		list, err := s.Store.Reports(ctx, store.ReportQuery{District: district, Year: in.Body.Year, State: models.ReportSubmitted, After: in.Body.After, Limit: maxBulk + 1})
		if err != nil {
			return nil, err
		}
		for i, r := range list {
			if i == maxBulk {
				out.Next = list[i-1].ID
				break
			}
			numbers = append(numbers, r.Number)
		}
	}
	key := in.IdempotencyKey
	if key == "" {
		key = commandKey("")
	}
	for _, number := range numbers {
		err := s.confirmByData(ctx, u, ReportCommandInput{ReportInput{number, in.Body.Year}, key + "/" + number})
		switch models.CodeOf(err) {
		case models.CodeInvalid, models.CodeConflict, models.CodeForbidden, models.CodeNotFound:
			out.Left = append(out.Left, BulkLeft{number, reasonWords(err)})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Confirmed = append(out.Confirmed, number)
	}
	return &struct{ Body BulkConfirmed }{out}, nil
}

// reasonWords is what a refusal says.
func reasonWords(err error) string {
	var refusal *models.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return err.Error()
}

// confirmByData confirms a report of which the data say that every standard is met.
func (s *Server) confirmByData(ctx context.Context, u models.User, in ReportCommandInput) error {
	sheet, err := s.reviewOf(ctx, u, in.ReportInput)
	if err != nil {
		return err
	}
	if sheet.Report.State == models.ReportSubmitted { // no need to ask the process what is plain
		for _, f := range sheet.Standing {
			if f.Outcome != models.OutcomeMet {
				return models.Conflict("“%s”：%s", f.Text, outcomeWords(f))
			}
		}
	}
	_, err = s.actOnReport(ctx, u, in, sheet, "", models.CertifiedCommand{Event: models.CertifiedConfirmReport})
	return err
}

func outcomeWords(f models.StandingFinding) string {
	if f.Outcome == models.OutcomeNotKnown {
		return "部门数据不能判断，请逐件审核"
	}
	return "不符合（" + f.Value + "）"
}

// ReportQuery selects reports.
type ReportQuery struct {
	District string             `query:"district" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
	Cycle    string             `query:"cycle" maxLength:"20" doc:"认定所属的年度工作编号，不填为各年度认定的"`
	Year     int                `query:"year" minimum:"0" maximum:"2200" doc:"报告年度，不填为各年度"`
	State    models.ReportState `query:"state" enum:"owed,submitted,returned,confirmed,failed,closed" doc:"状态"`
	Overdue  bool               `query:"overdue" doc:"只看逾期未报送或者逾期未审核的；演练中的年度请同时写明 cycle"`
}

// query is the caller's question to the store.
func (s *Server) reportQuery(ctx context.Context, u models.User, in ReportQuery) (q store.ReportQuery, err error) {
	if u.Role == models.RoleDepartment {
		if err := bureauOnly(u); err != nil {
			return q, err
		}
	}
	if q.District, err = districtOf(u, in.District); err != nil {
		return q, err
	}
	q.CycleID, q.Year, q.State = in.Cycle, in.Year, in.State
	if in.Overdue {
		q.Overdue, err = s.todayOf(ctx, in.Cycle)
	}
	return q, err
}

// ReportPage is a part of the list with what the whole list holds.
type ReportPage struct {
	Page[ReportItem]
	Counts map[models.ReportState]int64 `json:"counts" doc:"整个列表中各状态有多少件"`
}

func (s *Server) listReports(ctx context.Context, u models.User, in *struct {
	ReportQuery
	After int64 `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body ReportPage }, error) {
	q, err := s.reportQuery(ctx, u, in.ReportQuery)
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = in.After, in.Limit+1
	list, err := s.Store.Reports(ctx, q)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.ReportCounts(ctx, q)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, in.Cycle)
	if err != nil {
		return nil, err
	}
	page := newPage(list, in.Limit, func(r store.ReportLine) ReportItem {
		return viewReportItem(r.Report, r.Number, r.Name, r.Category, today)
	},
		func(r store.ReportLine) any { return r.ID })
	return &struct{ Body ReportPage }{ReportPage{page, counts}}, nil
}

func (s *Server) exportReports(ctx context.Context, u models.User, in *ReportQuery) (*huma.StreamResponse, error) {
	q, err := s.reportQuery(ctx, u, *in)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, in.Cycle)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Audit(ctx, u.Actor(), "report.export", "department/"+q.District+"/"+models.BureauCode, map[string]any{"year": in.Year, "state": in.State, "overdue": in.Overdue}); err != nil {
		return nil, err
	}
	e := export{name: "reports-" + q.District, sheet: "信息报告", width: []float64{26, 22, 36, 10, 10, 14, 14, 14, 10, 14, 14}}
	return s.table(ctx, "xlsx", e, func(t files.TableWriter) error {
		if err := t.Row("认定编号", "统一社会信用代码", "名称", "分类", "报告年度", "状态", "报送期限", "首次报送", "逾期天数", "审核期限", "审核日期"); err != nil {
			return err
		}
		for q.Limit = exportPage; ; {
			list, err := s.Store.Reports(ctx, q)
			if err != nil {
				return err
			}
			for _, r := range list {
				v := viewReportItem(r.Report, r.Number, r.Name, r.Category, today)
				if err := t.Row(r.Number, r.USCC, r.Name, v.CategoryName, strconv.Itoa(r.Year), v.StateName, r.Due.String(), r.FiledOn.String(), strconv.Itoa(v.LateDays), r.ReviewDue.String(), r.ReviewedOn.String()); err != nil {
					return err
				}
				q.After = r.ID
			}
			if len(list) < exportPage {
				return nil
			}
		}
	}), nil
}

// ownReports are the reports of an operator's certifications, by certification.
func (s *Server) ownReports(ctx context.Context, certifications []models.Certification, today calendar.Date) (map[int64][]ReportItem, error) {
	if len(certifications) == 0 {
		return nil, nil
	}
	ids, by := make([]int64, len(certifications)), map[int64]models.Certification{}
	for i, c := range certifications {
		ids[i], by[c.ID] = c.ID, c
	}
	list, err := s.Store.CertificationReports(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := map[int64][]ReportItem{}
	for _, r := range list {
		c := by[r.CertificationID]
		out[c.ID] = append(out[c.ID], viewReportItem(r, c.Number, c.Name, c.Category, today))
	}
	return out, nil
}
