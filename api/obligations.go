package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// ObligationView is something owed.
type ObligationView struct {
	ID          int64  `json:"id"`
	Cycle       string `json:"cycle" doc:"年度工作编号"`
	District    string `json:"district"`
	Kind        string `json:"kind" doc:"事项类别代码"`
	KindName    string `json:"kind_name" doc:"事项类别"`
	Subject     string `json:"subject" doc:"所涉事项，如来源代码"`
	Owner       string `json:"owner" doc:"责任部门代码"`
	Required    bool   `json:"required" doc:"不完成则本阶段不能结束"`
	Title       string `json:"title"`
	Clause      string `json:"clause" doc:"工作方案条款"`
	Due         string `json:"due" doc:"期限"`
	State       string `json:"state" enum:"open,done,waived,closed" doc:"open 待办，done 已办，waived 经批准不再等待，closed 随年度工作结束"`
	OpenedOn    string `json:"opened_on"`
	DoneOn      string `json:"done_on,omitempty"`
	RemindedOn  string `json:"reminded_on,omitempty" doc:"最近一次提醒"`
	EscalatedOn string `json:"escalated_on,omitempty" doc:"报督办日期"`
}

func viewObligation(o models.Obligation) ObligationView {
	return ObligationView{ID: o.ID, Cycle: o.CycleID, District: o.District, Kind: string(o.Kind), KindName: policy.ObligationName(o.Kind), Subject: o.Subject, Owner: o.Owner,
		Required: o.Required, Title: o.Title, Clause: o.Clause, Due: o.Due.String(), State: string(o.State), OpenedOn: o.OpenedOn.String(),
		DoneOn: o.DoneOn.String(), RemindedOn: o.RemindedOn.String(), EscalatedOn: o.EscalatedOn.String()}
}

func (s *Server) registerObligations() {
	register(s, everyone, huma.Operation{OperationID: "list-obligations", Method: http.MethodGet, Path: "/api/v1/obligations",
		Summary: "应办事项，按期限排列；部门工作人员只见本部门的", Tags: []string{"应办事项"}}, s.listObligations)
}

func (s *Server) listObligations(ctx context.Context, u models.User, in *struct {
	District string `query:"district" maxLength:"6"`
	Cycle    string `query:"cycle" maxLength:"20"`
	Owner    string `query:"owner" maxLength:"40" doc:"责任部门代码"`
	Kind     string `query:"kind" maxLength:"20" doc:"事项类别代码，如 duty、report"`
	State    string `query:"state" enum:"open,done,waived,closed,all" default:"open"`
	Overdue  bool   `query:"overdue" doc:"只看逾期的；演练中的年度按模拟日期"`
	After    string `query:"after" maxLength:"40" doc:"上一页的 next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[ObligationView] }, error) {
	f := store.ObligationFilter{District: in.District, CycleID: in.Cycle, Owner: in.Owner, Kind: models.ObligationKind(in.Kind)}
	if in.State != "all" {
		f.State = models.ObligationState(in.State)
	}
	if in.District != "" {
		if err := inDistrict(u, in.District); err != nil {
			return nil, err
		}
	}
	if u.District != "" {
		f.District = u.District
	}
	if u.Role == models.RoleDepartment {
		if in.Owner != "" && in.Owner != u.Department {
			return nil, models.Errorf(models.CodeForbidden, "您只能查看本部门的应办事项")
		}
		f.Owner = u.Department
	}
	if in.Overdue {
		today, err := s.todayOf(ctx, in.Cycle)
		if err != nil {
			return nil, err
		}
		f.DueBefore = today
	}
	after, err := parseObligationCursor(in.After)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Obligations(ctx, f, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[ObligationView] }{newPage(list, in.Limit, viewObligation, func(o models.Obligation) any {
		return fmt.Sprintf("%s.%d", o.Due, o.ID)
	})}, nil
}

// todayOf is the civil date on a cycle's clock; the real one where no cycle is named.
func (s *Server) todayOf(ctx context.Context, cycle string) (calendar.Date, error) {
	var clock calendar.Clock
	if cycle != "" {
		c, err := s.Store.Cycle(ctx, cycle)
		if err != nil {
			return 0, err
		}
		clock = c.Clock
	}
	return clock.Today(time.Now()), nil
}

func parseObligationCursor(s string) (c store.ObligationCursor, err error) {
	if s == "" {
		return c, nil
	}
	due, id, _ := strings.Cut(s, ".")
	if c.Due, err = calendar.ParseDate(due); err == nil {
		c.ID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil || c.ID < 1 {
		return c, models.Invalid("after", "应为上一页给出的 next")
	}
	return c, nil
}
