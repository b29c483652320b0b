package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// NoticeView is one list under public notice, without its households.
type NoticeView struct {
	Cycle       string        `json:"cycle"`
	Year        int           `json:"year"`
	Number      int           `json:"number" doc:"第几号名单：1 为首批，其后为候补递补"`
	PublishedOn calendar.Date `json:"published_on" doc:"公示日期，公示期自次日起算"`
	WorkingDays int           `json:"working_days" doc:"公示期的工作日数"`
	EndsOn      calendar.Date `json:"ends_on" doc:"公示期最后一日"`
	Note        string        `json:"note,omitempty" doc:"公示期跨入尚未公布放假安排的年度时的说明"`
	ClosedOn    calendar.Date `json:"closed_on" doc:"结束日期，空为公示中"`
	Households  int64         `json:"households" doc:"在列户数"`
	SHA256      string        `json:"sha256" doc:"名单发布时内容的 SHA-256"`
}

// ListedView is everything that a public notice shows of a household.
type ListedView struct {
	Number      int           `json:"number" doc:"第几号名单"`
	Name        string        `json:"name" doc:"名称"`
	USCC        string        `json:"uscc" doc:"统一社会信用代码"`
	Tier        models.Tier   `json:"tier" doc:"分型"`
	Category    string        `json:"category" doc:"拟认定分类"`
	PublishedOn calendar.Date `json:"published_on" doc:"公示日期"`
	EndsOn      calendar.Date `json:"ends_on" doc:"公示期最后一日"`
}

// PublicNoticeView is a cycle's lists as anyone sees them.
type PublicNoticeView struct {
	Cycle     string `json:"cycle"`
	District  string `json:"district" doc:"区名"`
	Year      int    `json:"year"`
	Clause    string `json:"clause" doc:"依据条款"`
	Objection string `json:"how_to_object" doc:"如何提出异议"`
	Page[ListedView]
}

// EntryView is a household on a list as officials see it.
type EntryView struct {
	Number        int               `json:"number"`
	ApplicationID int64             `json:"application_id"`
	Name          string            `json:"name"`
	USCC          string            `json:"uscc"`
	Tier          models.Tier       `json:"tier"`
	Category      string            `json:"category"`
	State         models.EntryState `json:"state" enum:"listed,removed,withdrawn,barred" doc:"listed 在列，removed 异议成立移出，withdrawn 申请人撤回，barred 出现不得认定的情形"`
	RemovedOn     calendar.Date     `json:"removed_on"`
	Vacancy       string            `json:"vacancy,omitempty" doc:"空出名额的去向"`
	Successor     int64             `json:"successor,omitempty" doc:"递补的申报件"`
}

func (s *Server) registerNotices() {
	tags := []string{"比选与公示"}
	register(s, public, huma.Operation{OperationID: "list-notices", Method: http.MethodGet, Path: "/public/v1/notices", Summary: "一个区的公示，最新在前", Tags: tags}, s.listNotices)
	register(s, public, huma.Operation{OperationID: "get-notice", Method: http.MethodGet, Path: "/public/v1/notices/{cycle}", Summary: "公示中的名单", Tags: tags}, s.getNotice)
	register(s, everyone, huma.Operation{OperationID: "list-notice-entries", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/notice", Summary: "公示名单的经过：移出、撤回、递补、空置", Tags: tags}, s.listNoticeEntries)
}

func viewNotice(n store.NoticeHead) NoticeView {
	_, year, _ := models.ParseCycleID(n.CycleID) // ours
	return NoticeView{Cycle: n.CycleID, Year: year, Number: n.Number, PublishedOn: n.PublishedOn, WorkingDays: n.WorkingDays, EndsOn: n.EndsOn,
		Note: noticeNote(n.Notice), ClosedOn: n.ClosedOn, Households: n.Listed, SHA256: n.SHA256}
}

func noticeNote(n models.Notice) string {
	if n.Announced {
		return ""
	}
	return calendar.Unannounced
}

func (s *Server) listNotices(ctx context.Context, _ models.User, in *struct {
	District string `query:"district" required:"true" pattern:"^[0-9]{6}$" doc:"行政区划代码"`
	Year     int    `query:"year" minimum:"2024" maximum:"2100" doc:"年度，不填为各年度"`
	After    string `query:"after" maxLength:"20" doc:"上一页的 next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[NoticeView] }, error) {
	var key store.NoticeKey
	if in.After != "" {
		cycle, number, err := splitKey(in.After)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return nil, badAfter()
		}
		key = store.NoticeKey{CycleID: cycle, Number: n}
	}
	list, err := s.Store.PublicNotices(ctx, in.District, in.Year, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[NoticeView] }{newPage(list, in.Limit, viewNotice, func(n store.NoticeHead) any { return n.CycleID + "." + strconv.Itoa(n.Number) })}, nil
}

func badAfter() error { return models.Invalid("after", "after 不是上一页给出的值") }

func splitKey(after string) (left, right string, err error) {
	left, right, ok := strings.Cut(after, ".")
	if !ok {
		return "", "", badAfter()
	}
	return left, right, nil
}

// EntriesInput is where a page of a cycle's lists begins and how long it is.
type EntriesInput struct {
	After string `query:"after" maxLength:"40" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (in EntriesInput) key() (store.NoticeEntryKey, error) {
	if in.After == "" {
		return store.NoticeEntryKey{}, nil
	}
	number, uscc, err := splitKey(in.After)
	if err != nil {
		return store.NoticeEntryKey{}, err
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return store.NoticeEntryKey{}, badAfter()
	}
	return store.NoticeEntryKey{Number: n, USCC: uscc}, nil
}

func entryKey(e models.NoticeEntry) any { return strconv.Itoa(e.Number) + "." + e.USCC }

func (s *Server) getNotice(ctx context.Context, _ models.User, in *struct {
	Cycle string `path:"cycle" maxLength:"20" doc:"年度工作编号，如 110107-2026"`
	EntriesInput
}) (*struct{ Body PublicNoticeView }, error) {
	district, year, err := models.ParseCycleID(in.Cycle)
	if err != nil {
		return nil, err
	}
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	d, err := s.Store.District(ctx, district)
	if err != nil {
		return nil, err
	}
	notices, err := s.Store.Notices(ctx, in.Cycle)
	if err != nil {
		return nil, err
	}
	if len(notices) == 0 {
		return nil, models.NotFound("%s %d 年度尚未公示拟认定名单", d.Name, year)
	}
	byNumber := make(map[int]models.Notice, len(notices))
	for _, n := range notices {
		byNumber[n.Number] = n
	}
	list, err := s.Store.NoticeEntries(ctx, in.Cycle, true, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view := func(e models.NoticeEntry) ListedView {
		n := byNumber[e.Number]
		return ListedView{Number: e.Number, Name: e.Name, USCC: e.USCC, Tier: e.Tier, Category: e.Category.Name(), PublishedOn: n.PublishedOn, EndsOn: n.EndsOn}
	}
	how := fmt.Sprintf("公示期内任何人可以对名单提出异议，须写明姓名、联系方式和理由，证据材料可书面提交；姓名和联系方式仅用于核实和答复，予以保密。提交：POST /public/v1/notices/%s/objections，或书面向%s市场监督管理局提出。", in.Cycle, d.Name)
	return &struct{ Body PublicNoticeView }{PublicNoticeView{Cycle: in.Cycle, District: d.Name, Year: year, Clause: "三(二)", Objection: how,
		Page: newPage(list, in.Limit, view, entryKey)}}, nil
}

func (s *Server) listNoticeEntries(ctx context.Context, u models.User, in *struct {
	CycleInput
	EntriesInput
}) (*struct{ Body Page[EntryView] }, error) {
	if err := selectionReader(u, in.ID); err != nil {
		return nil, err
	}
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	list, err := s.Store.NoticeEntries(ctx, in.ID, false, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view := func(e models.NoticeEntry) EntryView {
		return EntryView{Number: e.Number, ApplicationID: e.ApplicationID, Name: e.Name, USCC: e.USCC, Tier: e.Tier, Category: e.Category.Name(), State: e.State,
			RemovedOn: e.RemovedOn, Vacancy: e.Vacancy.Name(), Successor: e.Successor}
	}
	return &struct{ Body Page[EntryView] }{newPage(list, in.Limit, view, entryKey)}, nil
}
