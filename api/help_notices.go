package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/workflows"
)

// HelpNoticeView is a notice that a department sent to the households that a measure is for.
type HelpNoticeView struct {
	ID             int64                 `json:"id"`
	Cycle          string                `json:"cycle"`
	Kind           models.HelpNoticeKind `json:"kind" enum:"training,subsidy,matching,policy,own"`
	KindName       string                `json:"kind_name"`
	Clause         string                `json:"clause,omitempty" doc:"措施条款；帮扶措施告知没有"`
	Part           int                   `json:"part,omitempty" doc:"项目序号"`
	Department     string                `json:"department"`
	DepartmentName string                `json:"department_name"`
	Subject        string                `json:"subject" doc:"标题"`
	Text           string                `json:"text" doc:"正文"`
	EventOn        string                `json:"event_on,omitempty" doc:"活动日期"`
	On             string                `json:"on" doc:"发出日期"`
	Households     int                   `json:"households" doc:"适用户数"`
	Mailed         int                   `json:"mailed" doc:"已发邮件"`
	Unreachable    int                   `json:"unreachable" doc:"没有登记邮箱，须由街道或部门转告"`
	Exhausted      int                   `json:"exhausted" doc:"本年通知已达上限"`
	DoneAt         string                `json:"done_at,omitempty" doc:"发送完毕的时间；没有的正在发送"`
}

// NoticedHouseholdView is what became of a notice for one household.
type NoticedHouseholdView struct {
	USCC        string             `json:"uscc"`
	Name        string             `json:"name"`
	Street      string             `json:"street,omitempty"`
	Outcome     models.HelpOutcome `json:"outcome" enum:"mailed,unreachable,exhausted"`
	OutcomeName string             `json:"outcome_name"`
}

func (t measureTerms) viewNotice(n models.HelpNotice) HelpNoticeView {
	return HelpNoticeView{ID: n.ID, Cycle: n.CycleID, Kind: n.Kind, KindName: n.Kind.Name(), Clause: n.Clause, Part: n.Part, Department: n.Department,
		DepartmentName: t.departmentName(n.Department), Subject: n.Subject, Text: n.Body, EventOn: n.EventOn.String(), On: n.OnDate.String(), Households: n.Households,
		Mailed: n.Mailed, Unreachable: n.Unreachable, Exhausted: n.Exhausted, DoneAt: momentOrEmpty(n.DoneAt)}
}

func (s *Server) registerHelpNotices() {
	tags := []string{"帮扶通知"}
	register(s, officers, huma.Operation{OperationID: "send-help-notice", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/help-notices",
		Summary: "向一项措施适用的每一户主动发送通知（培训、补贴、对接会、政策）；区市场监管局可以逐户告知其全部措施", Tags: tags, DefaultStatus: http.StatusAccepted}, s.sendHelpNotice)
	register(s, everyone, huma.Operation{OperationID: "list-help-notices", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/help-notices",
		Summary: "已发送的帮扶通知，新的在前；部门工作人员只见本部门的", Tags: tags}, s.listHelpNotices)
	register(s, everyone, huma.Operation{OperationID: "get-help-notice", Method: http.MethodGet, Path: "/api/v1/help-notices/{id}", Summary: "一份帮扶通知", Tags: tags}, s.getHelpNotice)
	register(s, everyone, huma.Operation{OperationID: "list-noticed-households", Method: http.MethodGet, Path: "/api/v1/help-notices/{id}/households",
		Summary: "一份通知的各户结果；没有登记邮箱的由街道或部门转告", Tags: tags}, s.listNoticedHouseholds)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, everyone, download("export-noticed-households-"+format, "/api/v1/help-notices/{id}/households."+format, "一份通知的各户结果（"+format+" 文件）", tags, kind), s.exportNoticedHouseholds(format))
	}
}

func (s *Server) sendHelpNotice(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Kind       string `json:"kind" enum:"training,subsidy,matching,policy,own" doc:"training 培训，subsidy 补贴，matching 对接会，policy 政策，own 逐户告知其全部措施（区市场监管局）"`
		Clause     string `json:"clause,omitempty" maxLength:"60" doc:"措施条款；own 不填"`
		Part       int    `json:"part,omitempty" minimum:"0" maximum:"20" doc:"项目序号"`
		Department string `json:"department,omitempty" maxLength:"20" doc:"区市场监管局代为发送的，写明部门"`
		Subject    string `json:"subject" minLength:"1" maxLength:"60" doc:"标题"`
		Text       string `json:"text" minLength:"1" maxLength:"2000" doc:"正文"`
		EventOn    string `json:"event_on,omitempty" format:"date" doc:"活动日期"`
	}
}) (*struct{ Body HelpNoticeView }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if s.Temporal == nil {
		return nil, models.Errorf(models.CodeUnavailable, "流程引擎暂时不可用，请稍后再试")
	}
	b := in.Body
	n := models.HelpNotice{CycleID: in.ID, Kind: models.HelpNoticeKind(b.Kind), Clause: b.Clause, Part: b.Part, Subject: b.Subject, Body: b.Text, OnDate: t.today, ByActor: u.Actor(),
		CommandID: commandKey(in.IdempotencyKey), RequestHash: store.HashToken(fmt.Sprintf("%s|%s|%d|%s|%s|%s|%s", b.Kind, b.Clause, b.Part, b.Department, b.Subject, b.Text, b.EventOn))}
	if b.EventOn != "" {
		if n.EventOn, err = models.ParseDate(b.EventOn); err != nil {
			return nil, err
		}
	}
	if n.Kind == models.NoticeOwn {
		n.Department, err = models.BureauCode, bureauOnly(u)
	} else {
		n.Part = max(n.Part, 1)
		n.Department, err = t.officeFor(u, b.Clause, n.Part, b.Department)
	}
	if err != nil {
		return nil, err
	}
	if n, err = s.Store.AddHelpNotice(ctx, n); err != nil {
		return nil, err
	}
	if n.DoneAt == nil {
		if err := workflows.StartHelpNotice(ctx, s.Temporal, n); err != nil {
			return nil, away(err, "通知已登记（编号 %d），但流程引擎暂时不可用；恢复后自动发送", n.ID)
		}
	}
	return &struct{ Body HelpNoticeView }{t.viewNotice(n)}, nil
}

func (s *Server) listHelpNotices(ctx context.Context, u models.User, in *struct {
	CycleInput
	PageInput
}) (*struct{ Body Page[HelpNoticeView] }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.HelpNotices(ctx, in.ID, onlyDepartment(u), in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[HelpNoticeView] }{newPage(list, in.Limit, t.viewNotice, func(n models.HelpNotice) any { return n.ID })}, nil
}

// helpNotice reads a notice that the caller may see, with its cycle's terms.
func (s *Server) helpNotice(ctx context.Context, u models.User, id int64) (n models.HelpNotice, t measureTerms, err error) {
	n, err = s.Store.HelpNotice(ctx, id)
	if err == nil && foreign(u) && n.Department != u.Department {
		err = models.NotFound("没有这份通知，或不在您的职责范围内")
	}
	if err == nil {
		t, err = s.measureTerms(ctx, u, n.CycleID)
	}
	return n, t, err
}

func (s *Server) getHelpNotice(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body HelpNoticeView }, error) {
	n, t, err := s.helpNotice(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body HelpNoticeView }{t.viewNotice(n)}, nil
}

// NoticedQuery selects the households of a notice.
type NoticedQuery struct {
	ID      int64  `path:"id" minimum:"1"`
	Outcome string `query:"outcome" enum:"mailed,unreachable,exhausted"`
	Street  string `query:"street" maxLength:"60"`
}

func (s *Server) listNoticedHouseholds(ctx context.Context, u models.User, in *struct {
	NoticedQuery
	After string `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[NoticedHouseholdView] }, error) {
	if _, _, err := s.helpNotice(ctx, u, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Store.NoticedHouseholds(ctx, in.ID, models.HelpOutcome(in.Outcome), in.Street, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[NoticedHouseholdView] }{newPage(list, in.Limit, func(h store.NoticedHousehold) NoticedHouseholdView {
		return NoticedHouseholdView{h.USCC, h.Name, h.Street, h.Outcome, h.Outcome.Name()}
	}, func(h store.NoticedHousehold) any { return h.USCC })}, nil
}

func (s *Server) exportNoticedHouseholds(format string) func(context.Context, models.User, *NoticedQuery) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *NoticedQuery) (*huma.StreamResponse, error) {
		n, _, err := s.helpNotice(ctx, u, in.ID)
		if err != nil {
			return nil, err
		}
		if err := s.Store.Audit(ctx, u.Actor(), "help.notice_export", models.HelpNoticeObject(n.ID), map[string]any{"outcome": in.Outcome, "street": in.Street}); err != nil {
			return nil, err
		}
		e := export{name: fmt.Sprintf("help-notice-%d", n.ID), sheet: "通知结果", width: []float64{22, 36, 16, 20}}
		return s.table(ctx, format, e, func(w files.TableWriter) error {
			if err := w.Row("统一社会信用代码", "名称", "街道", "结果"); err != nil {
				return err
			}
			for after := ""; ; {
				list, err := s.Store.NoticedHouseholds(ctx, n.ID, models.HelpOutcome(in.Outcome), in.Street, after, exportPage)
				if err != nil {
					return err
				}
				for _, h := range list {
					if err := w.Row(h.USCC, models.SafeCell(h.Name), models.SafeCell(h.Street), h.Outcome.Name()); err != nil {
						return err
					}
					after = h.USCC
				}
				if len(list) < exportPage {
					return nil
				}
			}
		}), nil
	}
}
