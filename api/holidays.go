package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
)

// HolidayView is one day of the State Council's yearly notice.
type HolidayView struct {
	Date   string `json:"date" format:"date"`
	Kind   string `json:"kind" enum:"休,班" doc:"休：放假；班：调休上班"`
	Name   string `json:"name" minLength:"1" maxLength:"40" doc:"节日"`
	Notice string `json:"notice,omitempty" maxLength:"300" doc:"通知的网址或文号"`
}

// HolidaysView is a year's notice.
type HolidaysView struct {
	Year      int           `json:"year"`
	Announced bool          `json:"announced" doc:"国务院办公厅已公布该年放假安排"`
	Note      string        `json:"note,omitempty"`
	Days      []HolidayView `json:"days"`
}

func (s *Server) registerHolidays() {
	tags := []string{"工作日历"}
	register(s, public, huma.Operation{OperationID: "get-holidays", Method: http.MethodGet, Path: "/api/v1/holidays/{year}", Summary: "某年放假安排", Tags: tags}, s.getHolidays)
	register(s, admins, huma.Operation{OperationID: "set-holidays", Method: http.MethodPut, Path: "/api/v1/holidays/{year}", Summary: "录入国务院办公厅放假通知，整年替换", Tags: tags}, s.setHolidays)
}

func (s *Server) getHolidays(ctx context.Context, _ models.User, in *struct {
	Year int `path:"year" minimum:"2000" maximum:"2100"`
}) (*struct{ Body HolidaysView }, error) {
	w, err := s.Store.Workdays(ctx)
	if err != nil {
		return nil, err
	}
	v := HolidaysView{Year: in.Year, Announced: w.Announced(in.Year), Days: []HolidayView{}}
	if !v.Announced {
		v.Note = calendar.Unannounced
	}
	for _, h := range w.Holidays(in.Year) {
		v.Days = append(v.Days, HolidayView{Date: h.Day.String(), Kind: string(h.Kind), Name: h.Name, Notice: h.Notice})
	}
	return &struct{ Body HolidaysView }{v}, nil
}

func (s *Server) setHolidays(ctx context.Context, u models.User, in *struct {
	Year int `path:"year" minimum:"2000" maximum:"2100"`
	Body struct {
		Days []HolidayView `json:"days" minItems:"1" maxItems:"120"`
	}
}) (*struct{ Body HolidaysView }, error) {
	if err := everywhere(u); err != nil { // the calendar is every district's
		return nil, err
	}
	list := make([]calendar.Holiday, len(in.Body.Days))
	for i, d := range in.Body.Days {
		day, err := calendar.ParseDate(d.Date)
		if err != nil {
			return nil, models.Invalid("days", "“%s”不是日期，应如 2027-01-01", d.Date)
		}
		list[i] = calendar.Holiday{Day: day, Kind: calendar.DayKind(d.Kind), Name: d.Name, Notice: d.Notice}
	}
	if err := s.Store.SetHolidays(ctx, u.Actor(), in.Year, list); err != nil {
		return nil, err
	}
	return s.getHolidays(ctx, u, &struct {
		Year int `path:"year" minimum:"2000" maximum:"2100"`
	}{in.Year})
}
