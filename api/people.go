package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/workflows"
)

// UserView is a user as others may see it.
type UserView struct {
	ID         int64       `json:"id" doc:"编号；初始管理员为0"`
	Email      string      `json:"email,omitempty"`
	Name       string      `json:"name"`
	Role       models.Role `json:"role" enum:"admin,department,city,auditor,operator"`
	District   string      `json:"district,omitempty" doc:"所属区；空为全部区"`
	Department string      `json:"department,omitempty" doc:"所属部门"`
	USCC       string      `json:"uscc,omitempty" doc:"经营者所代表的个体工商户"`
	Disabled   bool        `json:"disabled"`
	CreatedAt  string      `json:"created_at,omitempty"`
}

func viewUser(u models.User) UserView {
	v := UserView{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, District: u.District, Department: u.Department, USCC: u.USCC, Disabled: u.Disabled}
	if !u.CreatedAt.IsZero() {
		v.CreatedAt = moment(u.CreatedAt)
	}
	return v
}

// TokenView is a token without its secret.
type TokenView struct {
	ID         int64  `json:"id"`
	User       int64  `json:"user"`
	Name       string `json:"name" doc:"用途"`
	Prefix     string `json:"prefix" doc:"令牌开头，供辨认"`
	CreatedAt  string `json:"created_at"`
	ExpiresAt  string `json:"expires_at,omitempty" doc:"空为长期有效"`
	LastUsedAt string `json:"last_used_at,omitempty" doc:"最近一次使用（数分钟内）"`
	RevokedAt  string `json:"revoked_at,omitempty"`
}

func viewToken(t models.Token) TokenView {
	return TokenView{ID: t.ID, User: t.UserID, Name: t.Name, Prefix: t.Prefix, CreatedAt: moment(t.CreatedAt),
		ExpiresAt: momentOrEmpty(t.ExpiresAt), LastUsedAt: momentOrEmpty(t.LastUsedAt), RevokedAt: momentOrEmpty(t.RevokedAt)}
}

// DistrictView is a district.
type DistrictView struct {
	Code string `json:"code" doc:"区划代码"`
	Name string `json:"name"`
	City string `json:"city"`
}

// DepartmentView is a department.
type DepartmentView struct {
	District string `json:"district"`
	Code     string `json:"code"`
	Name     string `json:"name"`
	Email    string `json:"email,omitempty" doc:"部门公共邮箱"`
}

func (s *Server) registerPeople() {
	tags := []string{"用户与部门"}
	register(s, admins, huma.Operation{OperationID: "list-users", Method: http.MethodGet, Path: "/api/v1/users", Summary: "用户列表", Tags: tags}, s.listUsers)
	register(s, admins, huma.Operation{OperationID: "create-user", Method: http.MethodPost, Path: "/api/v1/users", Summary: "新建用户", Tags: tags, DefaultStatus: http.StatusCreated}, s.createUser)
	register(s, admins, huma.Operation{OperationID: "update-user", Method: http.MethodPatch, Path: "/api/v1/users/{id}", Summary: "停用或恢复用户", Tags: tags}, s.updateUser)
	register(s, admins, huma.Operation{OperationID: "list-tokens", Method: http.MethodGet, Path: "/api/v1/users/{id}/tokens", Summary: "用户的令牌", Tags: tags}, s.listTokens)
	register(s, admins, huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/api/v1/users/{id}/tokens", Summary: "为用户新建令牌，只显示一次", Tags: tags, DefaultStatus: http.StatusCreated}, s.createToken)
	register(s, admins, huma.Operation{OperationID: "revoke-token", Method: http.MethodDelete, Path: "/api/v1/tokens/{id}", Summary: "撤销令牌", Tags: tags, DefaultStatus: http.StatusNoContent}, s.revokeToken)
	register(s, everyone, huma.Operation{OperationID: "list-districts", Method: http.MethodGet, Path: "/api/v1/districts", Summary: "区列表", Tags: tags}, s.listDistricts)
	register(s, admins, huma.Operation{OperationID: "set-district", Method: http.MethodPut, Path: "/api/v1/districts/{district}", Summary: "新增或修改区", Tags: tags}, s.setDistrict)
	register(s, everyone, huma.Operation{OperationID: "list-departments", Method: http.MethodGet, Path: "/api/v1/districts/{district}/departments", Summary: "区级部门列表", Tags: tags}, s.listDepartments)
	register(s, admins, huma.Operation{OperationID: "set-department", Method: http.MethodPut, Path: "/api/v1/districts/{district}/departments/{code}", Summary: "新增或修改区级部门", Tags: tags}, s.setDepartment)
}

// PageInput asks for a part of a list that is ordered by number.
type PageInput struct {
	After int64 `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (s *Server) listUsers(ctx context.Context, u models.User, in *PageInput) (*struct{ Body Page[UserView] }, error) {
	list, err := s.Store.Users(ctx, u.District, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[UserView] }{newPage(list, in.Limit, viewUser, func(u models.User) any { return u.ID })}, nil
}

func (s *Server) createUser(ctx context.Context, u models.User, in *struct {
	Body struct {
		Email      string      `json:"email" maxLength:"200"`
		Name       string      `json:"name" minLength:"1" maxLength:"100"`
		Role       models.Role `json:"role" enum:"admin,department,city,auditor"`
		District   string      `json:"district,omitempty" maxLength:"6" doc:"空为全部区"`
		Department string      `json:"department,omitempty" maxLength:"20"`
		Password   string      `json:"password,omitempty" maxLength:"200" doc:"空则只能用令牌；至少12位"`
	}
}) (*struct{ Body UserView }, error) {
	b := in.Body
	if u.District != "" && b.District != u.District {
		return nil, models.Errorf(models.CodeForbidden, "您只能新建本区（%s）的用户", u.District)
	}
	var (
		made models.User
		err  error
	)
	add := func() {
		made, err = s.Store.AddUser(ctx, u.Actor(), models.User{Email: b.Email, Name: b.Name, Role: b.Role, District: b.District, Department: b.Department}, b.Password)
	}
	if busy := s.hash(ctx, add); busy != nil {
		return nil, busy
	}
	if err != nil {
		return nil, err
	}
	return &struct{ Body UserView }{viewUser(made)}, nil
}

// theirs gives a user whom the administrator may manage: one of the same district, or any for an administrator of all.
func (s *Server) theirs(ctx context.Context, admin models.User, id int64) (models.User, error) {
	u, err := s.Store.User(ctx, id)
	if err == nil {
		err = inDistrict(admin, u.District)
	}
	return u, err
}

func (s *Server) updateUser(ctx context.Context, u models.User, in *struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Disabled bool `json:"disabled" doc:"true 停用，false 恢复"`
	}
}) (*struct{ Body UserView }, error) {
	other, err := s.theirs(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if other.ID == u.ID && in.Body.Disabled {
		return nil, models.Conflict("不能停用自己")
	}
	if err := s.Store.DisableUser(ctx, u.Actor(), other.ID, in.Body.Disabled); err != nil {
		return nil, err
	}
	other.Disabled = in.Body.Disabled
	return &struct{ Body UserView }{viewUser(other)}, nil
}

func (s *Server) listTokens(ctx context.Context, u models.User, in *struct {
	PageInput
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body Page[TokenView] }, error) {
	other, err := s.theirs(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Tokens(ctx, other.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[TokenView] }{newPage(list, in.Limit, viewToken, func(t models.Token) any { return t.ID })}, nil
}

// NewToken is a token with its secret.
type NewToken struct {
	TokenView
	Token string `json:"token" doc:"令牌，只显示这一次"`
}

func (s *Server) createToken(ctx context.Context, u models.User, in *struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100" doc:"用途"`
		Days int    `json:"days,omitempty" minimum:"1" maximum:"3650" default:"365" doc:"有效天数"`
	}
}) (*struct{ Body NewToken }, error) {
	other, err := s.theirs(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	secret, t, err := s.Store.CreateToken(ctx, u.Actor(), other.ID, in.Body.Name, time.Duration(in.Body.Days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return &struct{ Body NewToken }{NewToken{TokenView: viewToken(t), Token: secret}}, nil
}

func (s *Server) revokeToken(ctx context.Context, u models.User, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{}, error) {
	t, err := s.Store.Token(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.theirs(ctx, u, t.UserID); err != nil {
		return nil, err
	}
	return nil, s.Store.RevokeToken(ctx, u.Actor(), t.ID)
}

func (s *Server) listDistricts(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body Page[DistrictView] }, error) {
	list, err := s.Store.Districts(ctx)
	if err != nil {
		return nil, err
	}
	p := Page[DistrictView]{Items: []DistrictView{}}
	for _, d := range list {
		if u.InDistrict(d.Code) {
			p.Items = append(p.Items, DistrictView(d))
		}
	}
	return &struct{ Body Page[DistrictView] }{p}, nil
}

func (s *Server) setDistrict(ctx context.Context, u models.User, in *struct {
	District string `path:"district" pattern:"^[0-9]{6}$" patternDescription:"6位区划代码"`
	Body     struct {
		Name string `json:"name" minLength:"1" maxLength:"60"`
		City string `json:"city" minLength:"1" maxLength:"60"`
	}
}) (*struct{ Body DistrictView }, error) {
	if err := everywhere(u); err != nil {
		return nil, err
	}
	d := models.District{Code: in.District, Name: in.Body.Name, City: in.Body.City}
	if err := s.Store.SetDistrict(ctx, u.Actor(), d); err != nil {
		return nil, err
	}
	if s.Temporal != nil { // while the engine is away the district is on record, and the same request starts its mornings
		if err := workflows.StartRound(ctx, s.Temporal, d.Code); err != nil {
			return nil, commandError(err)
		}
	}
	return &struct{ Body DistrictView }{DistrictView(d)}, nil
}

func (s *Server) listDepartments(ctx context.Context, u models.User, in *struct {
	District string `path:"district" pattern:"^[0-9]{6}$" patternDescription:"6位区划代码"`
}) (*struct{ Body Page[DepartmentView] }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	list, err := s.Store.Departments(ctx, in.District)
	if err != nil {
		return nil, err
	}
	p := Page[DepartmentView]{Items: make([]DepartmentView, len(list))}
	for i, d := range list {
		p.Items[i] = DepartmentView(d)
	}
	return &struct{ Body Page[DepartmentView] }{p}, nil
}

func (s *Server) setDepartment(ctx context.Context, u models.User, in *struct {
	District string `path:"district" pattern:"^[0-9]{6}$" patternDescription:"6位区划代码"`
	Code     string `path:"code" maxLength:"20"`
	Body     struct {
		Name  string `json:"name" minLength:"1" maxLength:"100"`
		Email string `json:"email,omitempty" maxLength:"200"`
	}
}) (*struct{ Body DepartmentView }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	d := models.Department{District: in.District, Code: in.Code, Name: in.Body.Name, Email: in.Body.Email}
	return &struct{ Body DepartmentView }{DepartmentView(d)}, s.Store.SetDepartment(ctx, u.Actor(), d)
}
