package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Session is a token for half a day.
type Session struct {
	Token     string   `json:"token" doc:"会话令牌，只显示这一次"`
	ExpiresAt string   `json:"expires_at" doc:"失效时刻"`
	User      UserView `json:"user"`
}

func (s *Server) registerSessions() {
	tags := []string{"登录"}
	register(s, signingIn, huma.Operation{OperationID: "sign-in", Method: http.MethodPost, Path: "/api/v1/sessions", Summary: "登录", Tags: tags, DefaultStatus: http.StatusCreated}, s.signIn)
	register(s, signedIn, huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/api/v1/sessions/current", Summary: "退出登录：当前令牌作废", Tags: tags, DefaultStatus: http.StatusNoContent}, s.signOut)
	register(s, signedIn, huma.Operation{OperationID: "me", Method: http.MethodGet, Path: "/api/v1/me", Summary: "我是谁", Tags: tags}, s.me)
	register(s, everyone, huma.Operation{OperationID: "change-password", Method: http.MethodPut, Path: "/api/v1/me/password", Summary: "修改本人密码，全部会话随之失效", Tags: tags, DefaultStatus: http.StatusNoContent}, s.changePassword)
}

func (s *Server) signIn(ctx context.Context, _ models.User, in *struct {
	Body struct {
		Email    string `json:"email" maxLength:"200"`
		Password string `json:"password" maxLength:"200"`
	}
}) (*struct{ Body Session }, error) {
	// by address of the caller, guard has counted; here by account, so that many addresses do not help either
	if _, reached := count(ctx, s.limits.signIn, "account "+store.HashToken(strings.ToLower(in.Body.Email))); reached {
		return nil, models.Errorf(models.CodeTooMany, "这个账号登录过于频繁，请一分钟后再试")
	}
	var (
		secret string
		t      models.Token
		u      models.User
		err    error
	)
	if busy := s.hash(ctx, func() { secret, t, u, err = s.Store.SignIn(ctx, in.Body.Email, in.Body.Password) }); busy != nil {
		return nil, busy
	}
	if err != nil {
		return nil, err
	}
	return &struct{ Body Session }{Session{Token: secret, ExpiresAt: moment(*t.ExpiresAt), User: viewUser(u)}}, nil
}

func (s *Server) signOut(ctx context.Context, u models.User, _ *struct{}) (*struct{}, error) {
	if o := callerSession(ctx); o.ID != 0 {
		return nil, s.Store.RevokeOperatorSession(ctx, u.Actor(), o)
	}
	t := callerToken(ctx)
	if t.ID == 0 {
		return nil, models.Conflict("初始管理员令牌由系统设置，不能在此作废")
	}
	return nil, s.Store.RevokeToken(ctx, u.Actor(), t.ID)
}

func (s *Server) me(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body UserView }, error) {
	if u.Role == models.RoleOperator {
		home, err := s.Store.HouseholdHome(ctx, u.USCC)
		if err != nil && models.CodeOf(err) != models.CodeNotFound {
			return nil, err
		}
		u.Name = home.Name
	}
	return &struct{ Body UserView }{viewUser(u)}, nil
}

func (s *Server) changePassword(ctx context.Context, u models.User, in *struct {
	Body struct {
		Old string `json:"old" maxLength:"200" doc:"现在的密码"`
		New string `json:"new" maxLength:"200" doc:"新密码，至少12位"`
	}
}) (*struct{}, error) {
	if u.ID == 0 {
		return nil, models.Conflict("初始管理员没有密码")
	}
	if _, reached := count(ctx, s.limits.signIn, "account "+store.HashToken(u.Email)); reached {
		return nil, models.Errorf(models.CodeTooMany, "尝试过于频繁，请一分钟后再试")
	}
	var err error
	if busy := s.hash(ctx, func() {
		if !s.Store.CheckPassword(u, in.Body.Old) {
			err = models.Invalid("old", "现在的密码不正确")
			return
		}
		err = s.Store.SetPassword(ctx, u.Actor(), u, in.Body.New)
	}); busy != nil {
		return nil, busy
	}
	return nil, err
}

// moment writes a moment as the API gives it: RFC 3339 in Beijing's time.
func moment(t time.Time) string { return t.In(calendar.Shanghai).Format(time.RFC3339) }

// momentOrEmpty is empty for a moment that has not come: nil or zero.
func momentOrEmpty(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return moment(*t)
}
