package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bangfu/models"
	"bangfu/workflows"
)

// ScheduleView is whether a district's year begins by itself, and when next.
type ScheduleView struct {
	District string `json:"district"`
	Enabled  bool   `json:"enabled"`
	Month    int    `json:"month" minimum:"1" maximum:"12" default:"6"`
	Day      int    `json:"day" minimum:"1" maximum:"28" default:"1"`
	Next     string `json:"next,omitempty" doc:"下一次自动启动的时刻"`
}

// SchedulePath names the district; exported, for huma fills no embedded struct that is not.
type SchedulePath struct {
	District string `path:"district" pattern:"^[0-9]{6}$"`
}

func (s *Server) registerSchedules() {
	tags := []string{"年度工作"}
	register(s, admins, huma.Operation{OperationID: "get-schedule", Method: http.MethodGet, Path: "/api/v1/districts/{district}/schedule", Summary: "年度工作自动启动设置", Tags: tags}, s.getSchedule)
	register(s, admins, huma.Operation{OperationID: "set-schedule", Method: http.MethodPut, Path: "/api/v1/districts/{district}/schedule", Summary: "设置年度工作自动启动", Tags: tags}, s.setSchedule)
}

func (s *Server) getSchedule(ctx context.Context, u models.User, in *SchedulePath) (*struct{ Body ScheduleView }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	v, err := s.schedule(ctx, in.District)
	return &struct{ Body ScheduleView }{v}, err
}

func (s *Server) schedule(ctx context.Context, district string) (ScheduleView, error) {
	v := ScheduleView{District: district, Month: 6, Day: 1}
	d, err := s.Temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleID(district)).Describe(ctx)
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return v, nil
	}
	if err != nil {
		return v, commandError(err)
	}
	v.Enabled = !d.Schedule.State.Paused
	for _, c := range d.Schedule.Spec.Calendars {
		if len(c.Month) > 0 && len(c.DayOfMonth) > 0 {
			v.Month, v.Day = c.Month[0].Start, c.DayOfMonth[0].Start
		}
	}
	if v.Enabled && len(d.Info.NextActionTimes) > 0 {
		v.Next = moment(d.Info.NextActionTimes[0])
	}
	return v, nil
}

func (s *Server) setSchedule(ctx context.Context, u models.User, in *struct {
	SchedulePath
	Body struct {
		Enabled bool `json:"enabled"`
		Month   int  `json:"month,omitempty" minimum:"1" maximum:"12" default:"6"`
		Day     int  `json:"day,omitempty" minimum:"1" maximum:"28" default:"1"`
	}
}) (*struct{ Body ScheduleView }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	if _, err := s.Store.District(ctx, in.District); err != nil {
		return nil, err
	}
	spec := client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{{
			Month: []client.ScheduleRange{{Start: in.Body.Month}}, DayOfMonth: []client.ScheduleRange{{Start: in.Body.Day}},
			Hour: []client.ScheduleRange{{Start: 8}}, Comment: "每年启动年度工作",
		}},
		TimeZoneName: "Asia/Shanghai",
	}
	action := &client.ScheduleWorkflowAction{
		ID: workflows.ScheduleID(in.District), Workflow: workflows.Year, TaskQueue: workflows.QueueMain,
		Args: []any{workflows.YearInput{District: in.District}}, StaticSummary: in.District + " 年度工作自动启动",
		TypedSearchAttributes: temporal.NewSearchAttributes(workflows.KeyDistrict.ValueSet(in.District)),
	}
	schedules := s.Temporal.ScheduleClient()
	_, err := schedules.Create(ctx, client.ScheduleOptions{ID: workflows.ScheduleID(in.District), Spec: spec, Action: action, Paused: !in.Body.Enabled, PauseOnFailure: false})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = schedules.GetHandle(ctx, workflows.ScheduleID(in.District)).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(u client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				next := u.Description.Schedule
				next.Spec, next.Action = &spec, action
				next.State.Paused = !in.Body.Enabled
				return &client.ScheduleUpdate{Schedule: &next}, nil
			}})
	}
	if err != nil {
		return nil, commandError(err)
	}
	if err := s.Store.Audit(ctx, u.Actor(), "schedule.set", "district/"+in.District, in.Body); err != nil {
		return nil, err
	}
	v, err := s.schedule(ctx, in.District)
	return &struct{ Body ScheduleView }{v}, err
}
