package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/store"
)

// ConflictView is a declared conflict of interest.
type ConflictView struct {
	ID         int64        `json:"id"`
	District   string       `json:"district"`
	Actor      models.Actor `json:"actor" doc:"回避的人"`
	ActorName  string       `json:"actor_name,omitempty"`
	USCC       string       `json:"uscc" doc:"所涉个体工商户"`
	Reason     string       `json:"reason"`
	DeclaredBy models.Actor `json:"declared_by" doc:"声明人"`
	At         string       `json:"at"`
	Standing   bool         `json:"standing" doc:"仍须回避"`
	LiftedBy   models.Actor `json:"lifted_by,omitempty" doc:"解除人"`
	LiftReason string       `json:"lift_reason,omitempty" doc:"解除的理由"`
	LiftedAt   string       `json:"lifted_at,omitempty"`
}

func viewConflict(c store.ConflictItem, names map[models.Actor]string) ConflictView {
	return ConflictView{ID: c.ID, District: c.District, Actor: c.Actor, ActorName: names[c.Actor], USCC: c.USCC, Reason: c.Reason, DeclaredBy: c.DeclaredBy,
		At: moment(c.At), Standing: c.Stands(), LiftedBy: c.LiftedBy, LiftReason: c.LiftReason, LiftedAt: momentOrEmpty(c.LiftedAt)}
}

// deciders review, visit, answer, confirm or spot-check, and so may have to stand aside.
var deciders = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment, models.RoleCity}}

func (s *Server) registerConflicts() {
	tags := []string{"回避"}
	register(s, deciders, huma.Operation{OperationID: "declare-conflict", Method: http.MethodPost, Path: "/api/v1/conflicts", Summary: "声明与一户存在利益关系，回避其事项；管理员可代他人声明", Tags: tags, DefaultStatus: http.StatusCreated}, s.declareConflict)
	register(s, everyone, huma.Operation{OperationID: "list-conflicts", Method: http.MethodGet, Path: "/api/v1/conflicts", Summary: "回避声明；管理员和审计人员见全部，其他人见本人的", Tags: tags}, s.listConflicts)
	register(s, admins, huma.Operation{OperationID: "lift-conflict", Method: http.MethodPost, Path: "/api/v1/conflicts/{id}/lift", Summary: "解除回避，写明理由；不能解除自己的", Tags: tags, DefaultStatus: http.StatusOK}, s.liftConflict)
}

func (s *Server) declareConflict(ctx context.Context, u models.User, in *struct {
	Body struct {
		District string `json:"district,omitempty" maxLength:"6" doc:"区划代码；负责全部区的用户须填写"`
		USCC     string `json:"uscc" minLength:"18" maxLength:"18" doc:"统一社会信用代码"`
		User     int64  `json:"user,omitempty" minimum:"1" doc:"代何人声明；不填为本人"`
		Reason   string `json:"reason" minLength:"1" maxLength:"2000" doc:"利益关系"`
	}
}) (*struct{ Body ConflictView }, error) {
	district, err := districtOf(u, in.Body.District)
	if err != nil {
		return nil, err
	}
	c := models.ConflictOfInterest{District: district, Actor: u.Actor(), DeclaredBy: u.Actor()}
	if c.USCC, err = models.ParseUSCC(in.Body.USCC); err != nil {
		return nil, err
	}
	if in.Body.User != 0 && in.Body.User != u.ID {
		if u.Role != models.RoleAdmin {
			return nil, models.Errorf(models.CodeForbidden, "只有管理员可以代他人声明回避")
		}
		other, err := s.Store.User(ctx, in.Body.User)
		if err != nil {
			return nil, err
		}
		if !other.InDistrict(district) {
			return nil, models.NotFound("没有这个用户")
		}
		c.Actor = other.Actor()
	}
	if _, ok := c.Actor.UserID(); !ok {
		return nil, models.Invalid("user", "请写明由谁回避")
	}
	if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Reason); err != nil {
		return nil, err
	}
	if c, err = s.Store.DeclareConflict(ctx, c); err != nil {
		return nil, err
	}
	return s.conflictView(ctx, c.ID)
}

func (s *Server) conflictView(ctx context.Context, id int64) (*struct{ Body ConflictView }, error) {
	list, err := s.conflicts(ctx, store.ConflictQuery{After: id - 1, Limit: 1})
	if err != nil {
		return nil, err
	}
	return &struct{ Body ConflictView }{list[0]}, nil
}

// conflicts reads declarations with the names of those who stand aside.
func (s *Server) conflicts(ctx context.Context, q store.ConflictQuery) ([]ConflictView, error) {
	list, err := s.Store.ConflictsOfInterest(ctx, q)
	if err != nil {
		return nil, err
	}
	actors := make([]models.Actor, len(list))
	for i, c := range list {
		actors[i] = c.Actor
	}
	names, err := s.Store.ActorNames(ctx, actors)
	if err != nil {
		return nil, err
	}
	views := make([]ConflictView, len(list))
	for i, c := range list {
		views[i] = viewConflict(c, names)
	}
	return views, nil
}

func (s *Server) conflictsOf(ctx context.Context, district, uscc string) ([]ConflictView, error) {
	return s.conflicts(ctx, store.ConflictQuery{District: district, USCC: uscc, Limit: 1000})
}

func (s *Server) listConflicts(ctx context.Context, u models.User, in *struct {
	District string `query:"district" maxLength:"6"`
	USCC     string `query:"uscc" maxLength:"18"`
	After    int64  `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[ConflictView] }, error) {
	q := store.ConflictQuery{District: u.District, USCC: in.USCC, After: in.After, Limit: in.Limit + 1}
	if in.District != "" {
		if err := inDistrict(u, in.District); err != nil {
			return nil, err
		}
		q.District = in.District
	}
	if u.Role != models.RoleAdmin && u.Role != models.RoleAuditor {
		q.Actor = u.Actor()
	}
	list, err := s.conflicts(ctx, q)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[ConflictView] }{newPage(list, in.Limit, func(v ConflictView) ConflictView { return v }, func(v ConflictView) any { return v.ID })}, nil
}

func (s *Server) liftConflict(ctx context.Context, u models.User, in *struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"为什么不再需要回避"`
	}
}) (*struct{ Body ConflictView }, error) {
	c, err := s.Store.ConflictOfInterest(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := inDistrict(u, c.District); err != nil {
		return nil, err
	}
	reason, err := s.Store.AddReason(ctx, u.Actor(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	if _, err := s.Store.LiftConflict(ctx, in.ID, u.Actor(), reason); err != nil {
		return nil, err
	}
	return s.conflictView(ctx, in.ID)
}
