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

// ReviewItem is an application on a reviewer's list.
type ReviewItem struct {
	ID           int64                   `json:"id"`
	Number       string                  `json:"number" doc:"申报件编号"`
	Cycle        string                  `json:"cycle"`
	USCC         string                  `json:"uscc"`
	Name         string                  `json:"name" doc:"名称"`
	Street       string                  `json:"street,omitempty" doc:"街道"`
	Tier         models.Tier             `json:"tier" doc:"分型"`
	Origin       models.Origin           `json:"origin" enum:"own,recommended" doc:"own 自主申报，recommended 部门推荐"`
	Department   string                  `json:"department,omitempty" doc:"推荐部门代码"`
	State        models.ApplicationState `json:"state"`
	StateName    string                  `json:"state_name"`
	Wished       []models.Category       `json:"wished" doc:"申报的分类，最希望的在前"`
	Category     models.Category         `json:"category,omitempty" doc:"审核认定的分类"`
	Reviewer     models.Actor            `json:"reviewer,omitempty" doc:"办理人，如 user:12；没有为无人办理"`
	ReviewerName string                  `json:"reviewer_name,omitempty"`
	Due          calendar.Date           `json:"due" doc:"本环节期限"`
	LimitOn      calendar.Date           `json:"limit_on" doc:"等待答复、补充的最后一日，没有为空"`
	SubmittedOn  calendar.Date           `json:"submitted_on" doc:"申报或推荐之日"`
}

func viewReviewItem(a models.Application, names map[models.Actor]string) ReviewItem {
	return ReviewItem{ID: a.ID, Number: a.Number(), Cycle: a.CycleID, USCC: a.USCC, Name: a.Name, Street: a.Street, Tier: a.Tier, Origin: a.Origin,
		Department: a.Department, State: a.State, StateName: a.State.Name(), Wished: a.Wished, Category: a.Category, Reviewer: a.Reviewer,
		ReviewerName: names[a.Reviewer], Due: a.Due, LimitOn: a.LimitOn, SubmittedOn: a.SubmittedOn}
}

// ReviewPage is a part of a work list with what the whole list holds.
type ReviewPage struct {
	Page[ReviewItem]
	Counts map[models.ApplicationState]int64 `json:"counts" doc:"整个列表中所查状态各有多少件"`
}

// ReviewInput names an application.
type ReviewInput struct {
	Application int64 `path:"application" minimum:"1" doc:"申报件编号"`
}

// reviewReaders see reviews; handlers check that officers are the bureau's.
var reviewReaders = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment, models.RoleAuditor}}

func (s *Server) registerReviews() {
	tags := []string{"审核走访"}
	register(s, reviewReaders, huma.Operation{OperationID: "list-reviews", Method: http.MethodGet, Path: "/api/v1/reviews", Summary: "审核走访工作列表，按期限排列", Tags: tags}, s.listReviews)
	register(s, reviewReaders, huma.Operation{OperationID: "get-review", Method: http.MethodGet, Path: "/api/v1/reviews/{application}", Summary: "审核一件申报所需的全部情况", Tags: tags}, s.getReview)
	register(s, reviewReaders, huma.Operation{OperationID: "get-review-board", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/reviews", Summary: "年度审核走访进度：尚未办结的件数", Tags: tags}, s.getReviewBoard)
	register(s, bureau, huma.Operation{OperationID: "claim-review", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/claim", Summary: "领取申报件", Tags: tags, DefaultStatus: http.StatusOK}, s.claimReview)
	register(s, bureau, huma.Operation{OperationID: "release-review", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/release", Summary: "退回申报件，由他人领取", Tags: tags, DefaultStatus: http.StatusOK}, s.releaseReview)
	register(s, bureau, huma.Operation{OperationID: "hand-over-review", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/hand-over", Summary: "移交申报件，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.handOverReview)
	register(s, admins, huma.Operation{OperationID: "assign-reviews", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/reviews/assignments", Summary: "成批分派无人办理的申报件：按街道给一人，或轮流分给多人", Tags: tags, DefaultStatus: http.StatusOK}, s.assignReviews)
	register(s, bureau, huma.Operation{OperationID: "pass-review", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/pass", Summary: "审核通过：认定更适宜的分类，逐项写明审核结论", Tags: tags, DefaultStatus: http.StatusOK}, s.passReview)
	register(s, bureau, huma.Operation{OperationID: "refuse-review", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/refuse", Summary: "审核不通过：写明条款和理由", Tags: tags, DefaultStatus: http.StatusOK}, s.refuseReview)
	register(s, bureau, huma.Operation{OperationID: "ask-supplement", Method: http.MethodPost, Path: "/api/v1/reviews/{application}/supplement", Summary: "要求限期补充材料", Tags: tags, DefaultStatus: http.StatusOK}, s.askSupplement)
}

// bureauOrAuditor refuses officers of other departments.
func bureauOrAuditor(u models.User) error {
	if u.Role == models.RoleAuditor {
		return nil
	}
	return bureauOnly(u)
}

// districtOf is the district that a request is about: the one asked for, else the caller's own.
func districtOf(u models.User, asked string) (string, error) {
	if asked == "" {
		asked = u.District
	}
	if asked == "" {
		return "", models.Invalid("district", "您的账号负责全部区，请写明区划代码")
	}
	return asked, inDistrict(u, asked)
}

func (s *Server) listReviews(ctx context.Context, u models.User, in *struct {
	District string                    `query:"district" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
	Cycle    string                    `query:"cycle" maxLength:"20" doc:"年度工作编号，不填为各年度"`
	State    []models.ApplicationState `query:"state" maxItems:"14" doc:"状态，可多个；不填为 submitted、supplement、visit"`
	Mine     string                    `query:"mine" enum:"true,false" doc:"true 只看本人办理的，false 只看无人办理的，不填为全部"`
	Street   string                    `query:"street" maxLength:"100"`
	After    string                    `query:"after" maxLength:"40" doc:"上一页的 next"`
	Limit    int                       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body ReviewPage }, error) {
	if err := bureauOrAuditor(u); err != nil {
		return nil, err
	}
	district, err := districtOf(u, in.District)
	if err != nil {
		return nil, err
	}
	for _, state := range in.State {
		if state.Name() == "" {
			return nil, models.Invalid("state", "没有“%s”这个状态", string(state))
		}
	}
	q := store.ReviewQuery{District: district, Cycle: in.Cycle, States: in.State, Street: in.Street, Limit: in.Limit + 1}
	switch in.Mine {
	case "true":
		me := u.Actor()
		q.Reviewer = &me
	case "false":
		q.Reviewer = new(models.Actor)
	}
	if q.After, err = parseReviewCursor(in.After); err != nil {
		return nil, err
	}
	list, err := s.Store.Reviews(ctx, q)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.ReviewCounts(ctx, q)
	if err != nil {
		return nil, err
	}
	reviewers := make([]models.Actor, len(list))
	for i, a := range list {
		reviewers[i] = a.Reviewer
	}
	names, err := s.Store.ActorNames(ctx, reviewers)
	if err != nil {
		return nil, err
	}
	page := newPage(list, in.Limit, func(a models.Application) ReviewItem { return viewReviewItem(a, names) },
		func(a models.Application) any { return fmt.Sprintf("%s.%d", a.Due, a.ID) })
	return &struct{ Body ReviewPage }{ReviewPage{Page: page, Counts: counts}}, nil
}

func parseReviewCursor(s string) (c models.ReviewCursor, err error) {
	if s == "" {
		return c, nil
	}
	due, id, _ := strings.Cut(s, ".")
	if err = c.Due.UnmarshalText([]byte(due)); err == nil {
		c.ID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil || c.ID < 1 {
		return c, models.Invalid("after", "应为上一页给出的 next")
	}
	return c, nil
}

// reviewable gives an application that the caller, of the bureau, may see.
func (s *Server) reviewable(ctx context.Context, u models.User, id int64) (models.Application, error) {
	if err := bureauOrAuditor(u); err != nil {
		return models.Application{}, err
	}
	a, err := s.Store.Application(ctx, id)
	if err != nil {
		return a, err
	}
	return a, inDistrict(u, a.District)
}

// ReviewBoardView is how many applications wait before the selection can begin.
type ReviewBoardView struct {
	Draft      int64 `json:"draft" doc:"草稿，尚未提交"`
	Consent    int64 `json:"consent" doc:"待经营者同意"`
	Submitted  int64 `json:"submitted" doc:"待审核"`
	Supplement int64 `json:"supplement" doc:"待补充材料"`
	Visit      int64 `json:"visit" doc:"待走访核实"`
	Unassigned int64 `json:"unassigned" doc:"其中无人办理"`
	Overdue    int64 `json:"overdue" doc:"其中逾期"`
	Open       int64 `json:"open" doc:"尚未办结，草稿不计"`
}

func (s *Server) getReviewBoard(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body ReviewBoardView }, error) {
	if err := bureauOrAuditor(u); err != nil {
		return nil, err
	}
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	today, err := s.todayOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.Store.OpenReviews(ctx, in.ID, today)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ReviewBoardView }{ReviewBoardView{Draft: b.Draft, Consent: b.Consent, Submitted: b.Submitted, Supplement: b.Supplement,
		Visit: b.Visit, Unassigned: b.Unassigned, Overdue: b.Overdue, Open: b.Open()}}, nil
}

func (s *Server) claimReview(ctx context.Context, u models.User, in *ReviewInput) (*struct{ Body ReviewItem }, error) {
	return s.assign(ctx, u, models.ReviewAssignment{ApplicationID: in.Application, To: u.Actor(), By: u.Actor()}, "")
}

func (s *Server) releaseReview(ctx context.Context, u models.User, in *ReviewInput) (*struct{ Body ReviewItem }, error) {
	return s.assign(ctx, u, models.ReviewAssignment{ApplicationID: in.Application, By: u.Actor(), Admin: u.Role == models.RoleAdmin}, "")
}

func (s *Server) handOverReview(ctx context.Context, u models.User, in *struct {
	ReviewInput
	Body struct {
		To     int64  `json:"to" minimum:"1" doc:"接办人的用户编号"`
		Reason string `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body ReviewItem }, error) {
	return s.assign(ctx, u, models.ReviewAssignment{ApplicationID: in.Application, To: models.User{ID: in.Body.To}.Actor(), By: u.Actor(),
		Admin: u.Role == models.RoleAdmin}, in.Body.Reason)
}

func (s *Server) assign(ctx context.Context, u models.User, c models.ReviewAssignment, reason string) (*struct{ Body ReviewItem }, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	a, err := s.reviewable(ctx, u, c.ApplicationID)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		if err := c.Allowed(a); err != nil {
			return nil, err // before the reason is kept
		}
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), reason); err != nil {
			return nil, err
		}
	}
	today, err := s.todayOf(ctx, a.CycleID)
	if err != nil {
		return nil, err
	}
	if a, err = s.Store.AssignReview(ctx, c, today); err != nil {
		return nil, err
	}
	return s.reviewItem(ctx, a)
}

func (s *Server) reviewItem(ctx context.Context, a models.Application) (*struct{ Body ReviewItem }, error) {
	names, err := s.Store.ActorNames(ctx, []models.Actor{a.Reviewer})
	if err != nil {
		return nil, err
	}
	return &struct{ Body ReviewItem }{viewReviewItem(a, names)}, nil
}

// BulkAnswer is what became of a bulk assignment.
type BulkAnswer struct {
	Assigned []AssignedTo     `json:"assigned" doc:"各人分到的件数"`
	Left     []LeftUnassigned `json:"left" doc:"未能分派的申报件和原因，最多列出1000件"`
	LeftAll  int              `json:"left_all" doc:"未能分派的总件数"`
}

// AssignedTo is how many applications a reviewer was given.
type AssignedTo struct {
	Reviewer int64 `json:"reviewer" doc:"用户编号"`
	Count    int   `json:"count"`
}

// LeftUnassigned is an application that was left.
type LeftUnassigned struct {
	Application int64  `json:"application"`
	Why         string `json:"why"`
}

func (s *Server) assignReviews(ctx context.Context, u models.User, in *struct {
	CycleInput
	Body struct {
		Street    string  `json:"street,omitempty" maxLength:"100" doc:"只分派这一街道的；不填为全部"`
		Reviewer  int64   `json:"reviewer,omitempty" minimum:"1" doc:"全部给这一人"`
		Reviewers []int64 `json:"reviewers,omitempty" minItems:"1" maxItems:"200" uniqueItems:"true" doc:"轮流分给这些人"`
	}
}) (*struct{ Body BulkAnswer }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	ids := in.Body.Reviewers
	if in.Body.Reviewer != 0 {
		if len(ids) > 0 {
			return nil, models.Invalid("reviewer", "reviewer 与 reviewers 只能填写一项")
		}
		ids = []int64{in.Body.Reviewer}
	}
	if len(ids) == 0 {
		return nil, models.Invalid("reviewers", "请写明分派给谁")
	}
	b := models.BulkAssignment{CycleID: in.ID, Street: in.Body.Street, By: u.Actor()}
	for _, id := range ids {
		b.Reviewers = append(b.Reviewers, models.User{ID: id}.Actor())
	}
	today, err := s.todayOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	done, err := s.Store.AssignReviews(ctx, b, today)
	if err != nil {
		return nil, err
	}
	answer := BulkAnswer{Left: []LeftUnassigned{}, LeftAll: done.LeftAll}
	for i, id := range ids {
		answer.Assigned = append(answer.Assigned, AssignedTo{Reviewer: id, Count: done.Assigned[b.Reviewers[i]]})
	}
	for _, l := range done.Left {
		answer.Left = append(answer.Left, LeftUnassigned{Application: l.ApplicationID, Why: l.Why})
	}
	return &struct{ Body BulkAnswer }{answer}, nil
}
