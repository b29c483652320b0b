// Package api is HTTP: it turns a request into one command to a workflow or one read from the store.
// One file per concept; every operation is registered with its rule, and what has no rule is denied.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/models/store"
)

// Server answers HTTP.
type Server struct {
	Store    *store.Store
	Temporal client.Client
	Options  Options

	api      huma.API
	engine   *gin.Engine
	routes   map[routeKey]route
	limits   limits
	metrics  metrics
	hashing  chan struct{} // as many passwords are checked at once as fit in it: each takes 19 MiB
	cleaning chan struct{} // as many files are cleaned at once as fit in it
	links    chan struct{} // as many access links are made at once as fit in it
	trying   chan struct{} // as many policies are tried at once as fit in it: each reads the whole district
	touched  sync.Map      // touchedKey → when its use was last noted
	adminSum string        // HashToken of the bootstrap token; empty without one

	background sync.WaitGroup // what is done beside requests
}

// Options are the settings that the API needs.
type Options struct {
	Program         string // program version
	PublicURL       string // how people reach the API from outside, for the certificates' QR codes; may be empty
	TemporalUI      string // http://127.0.0.1:8233, for links
	Namespace       string
	AllowRehearsal  bool                 // simulated clocks: in dev, or where production allows it
	MaxUpload       int64                // bytes of one delivered file
	Folders         []string             // the directories under which watched folders may lie; none = no folders
	AdminToken      string               // the bootstrap administrator's token, 32 characters or more; empty = none
	TrustedProxies  []string             // addresses or CIDRs whose X-Forwarded-For is believed; none by default
	PublicPerMinute int64                // requests a minute that one address may make without login; 0 = 60, negative = no limit
	Unlimited       bool                 // nobody's requests are counted: a rehearsal, whose callers are all played
	Registry        *prometheus.Registry // what /metrics shows beside HTTP's own; nil = a new one
	Logger          *slog.Logger         // nil = slog.Default()
}

// Rule says who may call an operation. The zero Rule denies everyone.
type Rule struct {
	Public   bool
	Roles    []models.Role
	Loopback bool // also from this machine without login

	pace pace // how often one caller may call
}

// Rules in use.
var (
	public     = Rule{Public: true}
	unmetered  = Rule{Public: true, pace: paceFree} // for those who watch the program
	signingIn  = Rule{Public: true, pace: paceSignIn}
	admins     = Rule{Roles: []models.Role{models.RoleAdmin}}
	officers   = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment}}
	readers    = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleCity, models.RoleAuditor}}
	overseers  = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleAuditor}}
	everyone   = Rule{Roles: models.Roles}
	operators  = Rule{Roles: []models.Role{models.RoleOperator}}                                          // one household's own
	bureau     = Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment}}                      // handlers check bureauOnly
	city       = Rule{Roles: []models.Role{models.RoleCity}}                                              // 市市场监管局
	concerned  = Rule{Roles: []models.Role{models.RoleOperator, models.RoleAdmin, models.RoleDepartment}} // handlers check whose case it is
	signedIn   = Rule{Roles: append([]models.Role{models.RoleOperator}, models.Roles...)}                 // every signed-in caller; handlers check whose case it is
	monitoring = Rule{Roles: overseers.Roles, Loopback: true, pace: paceFree}
)

// How long a request may take, and how large its body may be. Files have longer and more.
const (
	requestTime = 30 * time.Second
	fileTime    = 30 * time.Minute
	bodyLimit   = 1 << 20
)

type routeKey struct{ method, path string } // path as gin writes it: /api/v1/cycles/:id

type route struct {
	rule Rule
	time time.Duration // 0 = requestTime
	body int64         // bytes; 0 = bodyLimit
}

// New makes a server with every route. t may be nil for a server that only reads.
func New(s *store.Store, t client.Client, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.PublicPerMinute == 0 {
		o.PublicPerMinute = 60
	}
	gin.SetMode(gin.ReleaseMode)
	server := &Server{
		Store: s, Temporal: t, Options: o,
		engine: gin.New(), routes: map[routeKey]route{}, limits: newLimits(o.PublicPerMinute), metrics: newMetrics(o.Registry),
		hashing: make(chan struct{}, 4), links: make(chan struct{}, 16), cleaning: make(chan struct{}, 2),
		trying: make(chan struct{}, 1),
	}
	if o.Unlimited {
		server.limits = limits{}
	}
	if o.AdminToken != "" {
		server.adminSum = store.HashToken(o.AdminToken)
	}
	e := server.engine
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed, e.ContextWithFallback = false, true, true
	if err := e.SetTrustedProxies(o.TrustedProxies); err != nil {
		o.Logger.Error("trusted proxies are not addresses; none is trusted", "error", err)
		_ = e.SetTrustedProxies(nil)
	}
	e.Use(server.identify, server.record, server.recover, server.harden, server.guard)
	e.NoRoute(func(c *gin.Context) { server.refuse(c, models.NotFound("没有这个地址")) })
	e.NoMethod(func(c *gin.Context) { server.refuse(c, newProblem(http.StatusMethodNotAllowed, "")) })
	server.api = humagin.New(e, openAPI(o.Program))

	server.registerHealth()
	server.registerDocs()
	server.registerSessions()
	server.registerPeople()
	server.registerAudit()
	server.registerPolicies()
	server.registerWhatIf()
	server.registerCycles()
	server.registerSchedules()
	server.registerDeliveries()
	server.registerConnections()
	server.registerTiering()
	server.registerStudy()
	server.registerPublication()
	server.registerSelection()
	server.registerNotices()
	server.registerCertifications()
	server.registerCases()
	server.registerCity()
	server.registerApplications()
	server.registerRecommendations()
	server.registerObjections()
	server.registerReviews()
	server.registerVisits()
	server.registerConflicts()
	server.registerObligations()
	server.registerDuties()
	server.registerOrders()
	server.registerAccount()
	server.registerMails()
	server.registerHolidays()
	server.registerAccess()
	server.registerHouseholds()
	server.registerComplaints()
	server.registerMeasures()
	server.registerHelp()
	server.registerHelpNotices()
	server.registerConsents()
	server.registerReports()
	server.registerStanding()
	server.registerOperatorChanges()
	server.registerDocuments()
	server.registerCaseFiles()
	server.registerRehearsals()
	return server
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return s.engine }

// register binds an operation to its rule and handler. u is the caller (zero for a public operation). The
// handler checks the district with inDistrict; it returns *models.Error for what the caller did wrong.
// An operation that reads or writes files (MaxBodyBytes set, or a huma.StreamResponse) has more time.
func register[I, O any](s *Server, rule Rule, op huma.Operation, handler func(ctx context.Context, u models.User, in *I) (*O, error)) {
	r := route{rule: rule, body: op.MaxBodyBytes}
	_, stream := any((*O)(nil)).(*huma.StreamResponse)
	if stream || op.MaxBodyBytes != 0 {
		r.time = fileTime
	}
	r.fill(s.Options.MaxUpload)
	op.MaxBodyBytes, op.BodyReadTimeout = r.body, r.time // huma must not be stricter than guard
	describe(&op, rule)
	s.allow(op.Method, ginPath(op.Path), r)
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, caller(ctx), in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// handle binds a rule and a handler that is no JSON operation: a page, a stream, an asset. path is as gin writes
// it. The handler finds its caller with caller(c) and answers errors with s.refuse. op, if given, documents it.
func (s *Server) handle(rule Rule, method, path string, h gin.HandlerFunc, op ...huma.Operation) {
	r := route{rule: rule, time: fileTime}
	r.fill(s.Options.MaxUpload)
	s.allow(method, path, r)
	s.engine.Handle(method, path, h)
	for _, o := range op {
		o.Method, o.Path = method, humaPath(path)
		describe(&o, rule)
		s.api.OpenAPI().AddOperation(&o)
	}
}

func (s *Server) allow(method, path string, r route) { s.routes[routeKey{method, path}] = r }

func (r *route) fill(upload int64) {
	if r.time == 0 {
		r.time = requestTime
	}
	switch {
	case r.body < 0:
		r.body = upload + bodyLimit
	case r.body == 0:
		r.body = bodyLimit
	}
}

// describe writes the rule into the operation's documentation.
func describe(op *huma.Operation, rule Rule) {
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	if rule.Public {
		op.Security = []map[string][]string{}
		op.Extensions["x-roles"] = []string{"public"}
		return
	}
	op.Security = []map[string][]string{{"bearer": {}}}
	op.Extensions["x-roles"] = rule.Roles
}

func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func humaPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if p != "" && (p[0] == ':' || p[0] == '*') {
			parts[i] = "{" + p[1:] + "}"
		}
	}
	return strings.Join(parts, "/")
}

// inDistrict refuses a caller of another district, as if the thing were not there.
func inDistrict(u models.User, district string) error {
	if !u.InDistrict(district) {
		return models.NotFound("没有这项数据，或不在您的辖区内")
	}
	return nil
}

// bureauOnly refuses officers of other departments: 区市场监管局 reviews and certifies (附三(二)2).
func bureauOnly(u models.User) error {
	if !u.Bureau() {
		return models.Errorf(models.CodeForbidden, "此项由区市场监管局办理")
	}
	return nil
}

// ownHousehold refuses an operator who asks for another household, as if it were not there; officials pass.
func ownHousehold(u models.User, uscc string) error {
	if u.Role == models.RoleOperator && u.USCC != uscc {
		return models.NotFound("没有这项数据，或不是您的")
	}
	return nil
}

// everywhere refuses a caller who is bound to one district.
func everywhere(u models.User) error {
	if u.District != "" {
		return models.Errorf(models.CodeForbidden, "此项只对负责全部区的用户开放，您的账号限于%s", u.District)
	}
	return nil
}

// Page is a part of a list: Next is the after of the following page, empty on the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"下一页的 after，最后一页没有"`
}

// newPage makes a page of at most limit items out of one more than that.
func newPage[R, T any](rows []R, limit int, view func(R) T, key func(R) any) Page[T] {
	p := Page[T]{Items: make([]T, 0, min(len(rows), limit))}
	for i, r := range rows {
		if i == limit {
			p.Next = fmt.Sprint(key(rows[i-1]))
			break
		}
		p.Items = append(p.Items, view(r))
	}
	return p
}
