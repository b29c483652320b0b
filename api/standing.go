package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// CertifiedView is one certified household as the bureau watches over it (附三(五)).
type CertifiedView struct {
	CertificationView
	BenefitsFrom calendar.Date      `json:"benefits_from" doc:"享受扶持政策的起始日期"`
	Extensions   int                `json:"extensions" doc:"延长次数"`
	Expired      bool               `json:"expired" doc:"有效期已满，评估尚未决定"`
	NextOn       calendar.Date      `json:"next_on" doc:"下一日程的日期，空为没有"`
	Next         string             `json:"next,omitempty" doc:"下一日程"`
	TierNow      models.Tier        `json:"tier_now" doc:"最近公布的分型，空为没有"`
	TierYear     int                `json:"tier_year,omitempty" doc:"该分型的年度"`
	ReportYear   int                `json:"report_year,omitempty" doc:"最近一次信息报告的年度"`
	Report       models.ReportState `json:"report,omitempty" doc:"该信息报告的状态"`
	ReportName   string             `json:"report_name,omitempty"`
	ReportDue    calendar.Date      `json:"report_due" doc:"该信息报告的报送期限"`
	Department   string             `json:"department,omitempty" doc:"推荐部门代码，自主申报的没有"`
	Cases        []CertifiedCase    `json:"cases" doc:"进行中的事项"`
}

// CertifiedCase is a case that goes on.
type CertifiedCase struct {
	ID        int64            `json:"id"`
	Kind      models.CaseKind  `json:"kind"`
	KindName  string           `json:"kind_name"`
	State     models.CaseState `json:"state"`
	StateName string           `json:"state_name"`
	Due       calendar.Date    `json:"due" doc:"办理期限"`
	Overdue   bool             `json:"overdue"`
}

func (s *Server) registerStanding() {
	tags, one := []string{"认定后管理"}, "/api/v1/certifications/{number}"
	register(s, everyone, huma.Operation{OperationID: "list-certified", Method: http.MethodGet, Path: "/api/v1/certified", Summary: "“名特优新”个体工商户：现状、下一日程、信息报告、进行中的事项、最近分型", Tags: tags}, s.listCertified)
	register(s, everyone, huma.Operation{OperationID: "count-certified", Method: http.MethodGet, Path: "/api/v1/certified/counts", Summary: "“名特优新”个体工商户户数：按状态、分类、分型、信息报告，以及进行中的事项", Tags: tags}, s.countCertified)
	register(s, everyone, download("export-certified-xlsx", "/api/v1/certified.xlsx", "“名特优新”个体工商户现状（Excel）", tags, kindXLSX), s.exportCertified)
	register(s, signedIn, huma.Operation{OperationID: "get-standing", Method: http.MethodGet, Path: one + "/standing", Summary: "按最新数据逐项核对一户是否继续符合分型和分类基础标准", Tags: tags}, s.getStanding)
	register(s, signedIn, huma.Operation{OperationID: "get-evaluation", Method: http.MethodGet, Path: one + "/evaluation", Summary: "期满评估：各年度数据、延长情形逐项结果、建议、缺少的数据", Tags: tags}, s.getEvaluation)
}

// CertifiedQuery selects certified households.
type CertifiedQuery struct {
	District string                    `query:"district" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
	Year     int                       `query:"year" minimum:"0" maximum:"2200" doc:"认定年度，不填为各年度"`
	State    models.CertificationState `query:"state" enum:"valid,refused,cancelled,revoked,lapsed" doc:"不填为全部"`
	Category string                    `query:"category" maxLength:"20" doc:"分类，如 知名 或 renowned"`
	Tier     string                    `query:"tier" maxLength:"20" doc:"最近公布的分型，如 成长型 或 growth"`
	Report   models.ReportState        `query:"report" enum:"owed,submitted,returned,confirmed,failed,closed" doc:"最近一次信息报告的状态"`
	Case     models.CaseKind           `query:"case" enum:"report,operator,data,evaluation,fraud" doc:"有该类事项正在进行"`
	Cases    bool                      `query:"cases" doc:"只看有事项正在进行的"`
	NextBy   string                    `query:"next_by" maxLength:"10" doc:"下一日程不晚于该日期，如 2027-07-31"`
	USCC     string                    `query:"uscc" maxLength:"18" doc:"统一社会信用代码"`
}

// certifiedQuery reads what is asked for; of a department's officers only the bureau's see every certified household.
func (s *Server) certifiedQuery(u models.User, in CertifiedQuery) (q store.CertifiedQuery, err error) {
	if u.Role == models.RoleDepartment {
		if err := bureauOnly(u); err != nil {
			return q, err
		}
	}
	q = store.CertifiedQuery{Year: in.Year, State: in.State, Report: in.Report, Case: in.Case, Cases: in.Cases, USCC: strings.ToUpper(strings.TrimSpace(in.USCC))}
	if q.District, err = districtOf(u, in.District); err != nil {
		return q, err
	}
	if in.Category != "" {
		if q.Category, err = models.ParseCategory(in.Category); err != nil {
			return q, err
		}
	}
	if in.Tier != "" {
		if q.Tier, err = models.ParseTier(in.Tier); err != nil {
			return q, err
		}
	}
	if in.NextBy != "" {
		if q.NextBy, err = calendar.ParseDate(in.NextBy); err != nil {
			return q, models.Invalid("next_by", "“%s”不是日期，应如 2027-07-31", in.NextBy)
		}
	}
	return q, nil
}

func (s *Server) listCertified(ctx context.Context, u models.User, in *struct {
	CertifiedQuery
	After int64 `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[CertifiedView] }, error) {
	q, err := s.certifiedQuery(u, in.CertifiedQuery)
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = in.After, in.Limit+1
	list, err := s.Store.Certified(ctx, q)
	if err != nil {
		return nil, err
	}
	v := certifiedViewer{s: s, clocks: map[string]certifiedClock{}}
	if err := v.read(ctx, list); err != nil {
		return nil, err
	}
	return &struct{ Body Page[CertifiedView] }{newPage(list, in.Limit, v.view, func(l store.CertifiedLine) any { return l.ID })}, nil
}

// certifiedClock is what tells a certification's next date: its cycle's clock and terms.
type certifiedClock struct {
	today calendar.Date
	terms models.CertifiedTerms
}

// certifiedViewer makes views of certified households, with what each of their cycles says read once.
type certifiedViewer struct {
	s      *Server
	clocks map[string]certifiedClock
}

func (v *certifiedViewer) read(ctx context.Context, list []store.CertifiedLine) error {
	for _, l := range list {
		if _, ok := v.clocks[l.CycleID]; ok {
			continue
		}
		cycle, err := v.s.Store.Cycle(ctx, l.CycleID)
		if err != nil {
			return err
		}
		law, err := v.s.Store.PolicyByID(ctx, cycle.PolicyID)
		if err != nil {
			return err
		}
		v.clocks[l.CycleID] = certifiedClock{cycle.Clock.Today(time.Now()), law.Policy.CertifiedTerms()}
	}
	return nil
}

func (v *certifiedViewer) view(l store.CertifiedLine) CertifiedView {
	clock := v.clocks[l.CycleID]
	r := CertifiedView{CertificationView: v.s.viewCertification(l.Certification), BenefitsFrom: l.BenefitsFrom, Extensions: l.Extensions, NextOn: l.NextOn,
		TierNow: l.TierNow, TierYear: l.TierYear, ReportYear: l.Report.Year, Report: l.Report.State, ReportName: l.Report.State.Name(), ReportDue: l.Report.Due,
		Department: l.Recommend, Expired: l.State == models.CertificationValid && l.On(clock.today) != l.State, Cases: []CertifiedCase{}}
	if l.NextOn != 0 {
		r.Next = models.MilestoneHearing.Name() // of no other kind, unless the calendar has a date then
		if due := l.Milestones(clock.terms, l.NextOn-1, l.NextOn); len(due) > 0 {
			r.Next = due[0].Kind.Name()
		}
	}
	for _, k := range l.Cases {
		r.Cases = append(r.Cases, CertifiedCase{k.ID, k.Kind, k.Kind.Name(), k.State, k.State.Name(), k.Due, k.Due != 0 && k.Due < clock.today})
	}
	return r
}

func (s *Server) exportCertified(ctx context.Context, u models.User, in *CertifiedQuery) (*huma.StreamResponse, error) {
	q, err := s.certifiedQuery(u, *in)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Audit(ctx, u.Actor(), "certified.export", "department/"+q.District+"/"+models.BureauCode, map[string]any{"state": q.State, "year": q.Year, "case": q.Case, "report": q.Report}); err != nil {
		return nil, err
	}
	e := export{name: "certified-" + q.District, sheet: "名特优新", width: []float64{26, 22, 36, 8, 12, 12, 14, 14, 8, 14, 20, 12, 20, 16, 30}}
	return s.table(ctx, "xlsx", e, func(t files.TableWriter) error {
		if err := t.Row("认定编号", "统一社会信用代码", "名称", "分类", "认定时分型", "状态", "认定日期", "有效期至", "延长次数", "下一日程日期", "下一日程", "最近分型", "信息报告", "推荐部门代码", "进行中的事项"); err != nil {
			return err
		}
		v := certifiedViewer{s: s, clocks: map[string]certifiedClock{}}
		for q.Limit = 1000; ; {
			list, err := s.Store.Certified(ctx, q)
			if err == nil {
				err = v.read(ctx, list)
			}
			if err != nil {
				return err
			}
			for _, l := range list {
				c := v.view(l)
				if err := t.Row(c.Number, c.USCC, c.Name, c.CategoryName, c.Tier.String(), c.StateName, c.CertifiedOn.String(), c.ValidUntil.String(), strconv.Itoa(c.Extensions),
					c.NextOn.String(), c.Next, yearly(c.TierYear, c.TierNow.String()), yearly(c.ReportYear, c.ReportName), c.Department, caseWords(c.Cases)); err != nil {
					return err
				}
				q.After = l.ID
			}
			if len(list) < q.Limit {
				return nil
			}
		}
	}), nil
}

// yearly is what something was in a year: 2027年度成长型; empty without one.
func yearly(year int, words string) string {
	if year == 0 {
		return ""
	}
	return fmt.Sprintf("%d年度%s", year, words)
}

func caseWords(list []CertifiedCase) string {
	words := make([]string, len(list))
	for i, k := range list {
		words[i] = k.KindName + "：" + k.StateName
		if k.Overdue {
			words[i] += "（逾期）"
		}
	}
	return strings.Join(words, "；")
}

// CertifiedCount is how many there are of something.
type CertifiedCount struct {
	Code  string `json:"code"`
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// CertifiedCounts is how many certified households a district has.
type CertifiedCounts struct {
	States     []CertifiedCount `json:"states" doc:"全部认定，按状态"`
	Categories []CertifiedCount `json:"categories" doc:"有效的，按分类"`
	Tiers      []CertifiedCount `json:"tiers" doc:"有效的，按最近公布的分型"`
	Reports    []CertifiedCount `json:"reports" doc:"有效的，按最近一次信息报告的状态"`
	Cases      []CertifiedCount `json:"cases" doc:"进行中的事项，按种类"`
}

func (s *Server) countCertified(ctx context.Context, u models.User, in *struct {
	District string `query:"district" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
}) (*struct{ Body CertifiedCounts }, error) {
	q, err := s.certifiedQuery(u, CertifiedQuery{District: in.District})
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.CertifiedCounts(ctx, q.District)
	if err != nil {
		return nil, err
	}
	named := func(of string, name func(string) (code, name string)) []CertifiedCount {
		list := []CertifiedCount{}
		for _, c := range counts[of] {
			code, words := name(c.Item)
			list = append(list, CertifiedCount{code, words, c.N})
		}
		return list
	}
	return &struct{ Body CertifiedCounts }{CertifiedCounts{
		States:     named("state", func(v string) (string, string) { return v, models.CertificationState(v).Name() }),
		Categories: named("category", func(v string) (string, string) { return v, models.Category(v).Name() }),
		Tiers: named("tier", func(v string) (string, string) {
			n, _ := strconv.Atoi(v)
			if t := models.Tier(n); t != models.NoTier {
				return t.Code(), t.String()
			}
			return "none", "没有公布的分型"
		}),
		Reports: named("report", func(v string) (string, string) { return v, models.ReportState(v).Name() }),
		Cases:   named("case", func(v string) (string, string) { return v, models.CaseKind(v).Name() }),
	}}, nil
}

func (s *Server) getStanding(ctx context.Context, u models.User, in *CertificationInput) (*struct{ Body models.Standing }, error) {
	c, _, err := s.certifiedOf(ctx, u, in.Number)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, c.CycleID)
	if err != nil {
		return nil, err
	}
	standing, err := s.Store.StandingOf(ctx, c.ID, today)
	return &struct{ Body models.Standing }{standing}, err
}

func (s *Server) getEvaluation(ctx context.Context, u models.User, in *CertificationInput) (*struct{ Body models.Evaluation }, error) {
	c, _, err := s.certifiedOf(ctx, u, in.Number)
	if err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, c.CycleID)
	if err != nil {
		return nil, err
	}
	e, err := s.Store.EvaluationOf(ctx, c.ID, today)
	return &struct{ Body models.Evaluation }{e}, err
}
