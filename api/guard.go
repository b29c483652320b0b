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

// pace is how often one caller may call a route.
type pace uint8

const (
	paceUsual  pace = iota // public routes by address, the others by user
	paceSignIn             // guesses at passwords
	paceFree               // no limit
)

// limits counts callers, in this process.
type limits struct {
	public, signIn, users *limiter.Limiter
}

func newLimits(publicPerMinute int64) limits {
	counters := func(name string, perMinute int64) *limiter.Limiter {
		if perMinute < 0 {
			return nil
		}
		return limiter.New(memory.NewStoreWithOptions(limiter.StoreOptions{Prefix: name, CleanUpInterval: time.Minute}),
			limiter.Rate{Period: time.Minute, Limit: perMinute})
	}
	return limits{public: counters("public", publicPerMinute), signIn: counters("sign-in", 10), users: counters("user", 3000)}
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
			return tooMany(c)(count(ctx, s.limits.signIn, address))
		}
		return nil
	}
	secret, ok := bearer(c.GetHeader("Authorization"))
	if !ok {
		return newProblem(http.StatusUnauthorized, "")
	}
	token, u, err := s.authenticate(ctx, secret)
	if models.CodeOf(err) == models.CodeUnauthorized {
		if err := tooMany(c)(count(ctx, s.limits.public, "failed "+address)); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := tooMany(c)(count(ctx, s.limits.users, strconv.FormatInt(u.ID, 10))); err != nil {
		return err
	}
	ctx = context.WithValue(context.WithValue(ctx, callerKey, u), tokenKey, token)
	c.Request = c.Request.WithContext(ctx)
	if !slices.Contains(rule.Roles, u.Role) {
		return newProblem(http.StatusForbidden, "")
	}
	s.touch(ctx, token)
	return nil
}

// authenticate knows the bootstrap token and those of users.
func (s *Server) authenticate(ctx context.Context, secret string) (models.Token, models.User, error) {
	if s.adminSum != "" && subtle.ConstantTimeCompare([]byte(store.HashToken(secret)), []byte(s.adminSum)) == 1 {
		return models.Token{}, models.User{Name: "初始管理员", Role: models.RoleAdmin}, nil
	}
	return s.Store.Authenticate(ctx, secret)
}

// touchEvery is how exactly last_used_at is known.
const touchEvery = 5 * time.Minute

// touch notes the token's use, at most once in a while and beside the request: where the database has one writer,
// a request that only reads must not wait for it.
func (s *Server) touch(ctx context.Context, t models.Token) {
	now := time.Now()
	if t.ID == 0 || t.LastUsedAt != nil && now.Sub(*t.LastUsedAt) < touchEvery {
		return
	}
	if last, ok := s.touched.Load(t.ID); ok && now.Sub(last.(time.Time)) < touchEvery {
		return
	}
	s.touched.Store(t.ID, now)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := s.Store.TouchToken(ctx, t.ID); err != nil {
			s.Options.Logger.WarnContext(ctx, "a token's use was not noted", "token", t.ID, "error", err)
		}
	}()
}

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
