package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"

	"bangfu/models"
	"bangfu/models/store"
)

type contextKey int

const (
	callerKey contextKey = iota
	tokenKey
	sessionKey
	requestKey
)

// caller is who makes the request; the zero User for a public operation.
func caller(ctx context.Context) models.User {
	u, _ := ctx.Value(callerKey).(models.User)
	return u
}

// callerToken is the token that the request came with; id 0 for the bootstrap token.
func callerToken(ctx context.Context) models.Token {
	t, _ := ctx.Value(tokenKey).(models.Token)
	return t
}

// callerSession is the operator's session that the request came with; id 0 for anybody else.
func callerSession(ctx context.Context) models.OperatorSession {
	o, _ := ctx.Value(sessionKey).(models.OperatorSession)
	return o
}

// pace is how often one caller may call a route.
type pace uint8

const (
	paceUsual  pace = iota // public routes by address, the others by user
	paceSignIn             // guesses at passwords and codes, and what a stranger can make the program write: each route by itself
	paceFree               // no limit
)

// limits counts callers, in this process.
type limits struct {
	public, signIn, users, households *limiter.Limiter
}

func newLimits(publicPerMinute int64) limits {
	counters := func(name string, perMinute int64) *limiter.Limiter {
		if perMinute < 0 {
			return nil
		}
		return limiter.New(memory.NewStoreWithOptions(limiter.StoreOptions{Prefix: name, CleanUpInterval: time.Minute}),
			limiter.Rate{Period: time.Minute, Limit: perMinute})
	}
	return limits{public: counters("public", publicPerMinute), signIn: counters("sign-in", 10),
		users: counters("user", 3000), households: counters("household", 600)}
}

// count counts a call and says whether it is one too many; then retry is when to come again.
func count(ctx context.Context, l *limiter.Limiter, key string) (retry time.Duration, reached bool) {
	if l == nil {
		return 0, false
	}
	c, err := l.Get(ctx, key)
	if err != nil || !c.Reached {
		return 0, false
	}
	return time.Until(time.Unix(c.Reset, 0)), true
}

// guard is the only way in: it knows the route's rule, the caller, and whether both fit. A route without a rule is denied.
func (s *Server) guard(c *gin.Context) {
	path := c.FullPath()
	r, ok := s.routes[routeKey{c.Request.Method, path}]
	r.fill(s.Options.MaxUpload)
	ctx, cancel := context.WithTimeout(c.Request.Context(), r.time)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	control := http.NewResponseController(c.Writer)
	deadline := time.Now().Add(r.time)
	_ = control.SetReadDeadline(deadline) // not every writer has deadlines: tests' have none
	_ = control.SetWriteDeadline(deadline.Add(time.Minute))
	if c.Request.Body != nil {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, r.body)
	}
	defer func() { // the server knows only the request as it came, not the form that was read from this one
		if form := c.Request.MultipartForm; form != nil {
			_ = form.RemoveAll()
		}
	}()
	if path == "" {
		c.Next() // no such route: NoRoute or NoMethod answers
		return
	}
	if !ok || !r.rule.Public && len(r.rule.Roles) == 0 {
		s.refuse(c, models.Errorf(models.CodeForbidden, "这个地址没有对任何人开放"))
		return
	}
	if err := s.admit(c, r.rule); err != nil {
		s.refuse(c, err)
		return
	}
	c.Next()
}

// admit counts the caller, finds out who it is, and says why it may not pass.
func (s *Server) admit(c *gin.Context, rule Rule) error {
	ctx := c.Request.Context()
	address := addressKey(c.ClientIP())
	if rule.Public || rule.Loopback && direct(c.Request) {
		switch rule.pace {
		case paceUsual:
			return tooMany(c)(count(ctx, s.limits.public, address))
		case paceSignIn:
			return tooMany(c)(count(ctx, s.limits.signIn, c.FullPath()+" "+address))
		}
		return nil
	}
	secret, ok := bearer(c.GetHeader("Authorization"))
	if !ok {
		return newProblem(http.StatusUnauthorized, "")
	}
	ctx, u, err := s.authenticate(ctx, secret)
	if models.CodeOf(err) == models.CodeUnauthorized {
		if err := tooMany(c)(count(ctx, s.limits.public, "failed "+address)); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	limit := s.limits.users
	if u.Role == models.RoleOperator {
		limit = s.limits.households
	}
	if err := tooMany(c)(count(ctx, limit, string(u.Actor()))); err != nil {
		return err
	}
	c.Request = c.Request.WithContext(ctx)
	if !slices.Contains(rule.Roles, u.Role) {
		return newProblem(http.StatusForbidden, "")
	}
	s.touch(ctx)
	return nil
}

// authenticate knows the bootstrap token, those of users, and operators' sessions. The context that it gives knows the caller.
func (s *Server) authenticate(ctx context.Context, secret string) (context.Context, models.User, error) {
	if store.IsOperatorToken(secret) {
		o, err := s.Store.AuthenticateOperator(ctx, secret)
		if err != nil {
			return ctx, models.User{}, err
		}
		u := models.User{Role: models.RoleOperator, District: o.District, USCC: o.USCC}
		return context.WithValue(context.WithValue(ctx, callerKey, u), sessionKey, o), u, nil
	}
	token, u, err := s.identifyUser(ctx, secret)
	return context.WithValue(context.WithValue(ctx, callerKey, u), tokenKey, token), u, err
}

func (s *Server) identifyUser(ctx context.Context, secret string) (models.Token, models.User, error) {
	if s.adminSum != "" && subtle.ConstantTimeCompare([]byte(store.HashToken(secret)), []byte(s.adminSum)) == 1 {
		return models.Token{}, models.User{Name: "初始管理员", Role: models.RoleAdmin}, nil
	}
	return s.Store.Authenticate(ctx, secret)
}

// touchEvery is how exactly last_used_at is known.
const touchEvery = 5 * time.Minute

// touch notes the token's use, at most once in a while and beside the request: where the database has one writer,
// a request that only reads must not wait for it.
func (s *Server) touch(ctx context.Context) {
	t := touchedKey{id: callerToken(ctx).ID}
	last, note := callerToken(ctx).LastUsedAt, s.Store.TouchToken
	if o := callerSession(ctx); o.ID != 0 {
		t, last, note = touchedKey{operator: true, id: o.ID}, o.LastUsedAt, s.Store.TouchOperatorSession
	}
	now := time.Now()
	if t.id == 0 || last != nil && now.Sub(*last) < touchEvery {
		return
	}
	if last, ok := s.touched.Load(t); ok && now.Sub(last.(time.Time)) < touchEvery {
		return
	}
	s.touched.Store(t, now)
	s.beside(ctx, time.Minute, func(ctx context.Context) {
		if err := note(ctx, t.id); err != nil {
			s.Options.Logger.WarnContext(ctx, "a token's use was not noted", "operator", t.operator, "token", t.id, "error", err)
		}
	})
}

// touchedKey is a user's token or an operator's session.
type touchedKey struct {
	operator bool
	id       int64
}

// beside does something after the request is answered, for which its caller need not wait. Wait waits for it.
func (s *Server) beside(ctx context.Context, most time.Duration, f func(ctx context.Context)) {
	s.background.Add(1)
	go func() {
		defer s.background.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
		defer cancel()
		f(ctx)
	}()
}

// Wait waits until nothing is done beside requests any more, after the last request was answered.
func (s *Server) Wait() { s.background.Wait() }

func bearer(header string) (string, bool) {
	scheme, secret, ok := strings.Cut(header, " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(secret) != ""
}

// tooMany turns a counter's answer into the error that the caller gets, with the time after which to come again.
func tooMany(c *gin.Context) func(time.Duration, bool) error {
	return func(retry time.Duration, reached bool) error {
		if !reached {
			return nil
		}
		c.Header("Retry-After", strconv.Itoa(max(1, int(retry.Seconds()+1))))
		return models.Errorf(models.CodeTooMany, "请求过于频繁，请稍后再试")
	}
}

// addressKey is an address as it is counted: an IPv6 network of 64 bits is one caller.
func addressKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// direct says whether the request comes from this machine itself and through no proxy.
func direct(r *http.Request) bool {
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" || r.Header.Get("X-Real-Ip") != "" {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// hash takes one of the places for checking passwords, which cost memory.
func (s *Server) hash(ctx context.Context, f func()) error {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		f()
		return nil
	case <-ctx.Done():
		return errors.Join(models.Errorf(models.CodeUnavailable, "登录的人太多，请稍后再试"), ctx.Err())
	}
}
