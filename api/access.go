package api

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/store"
)

// AccessAnswer is what everybody hears who asks for a link.
type AccessAnswer struct {
	Message string `json:"message"`
}

const accessAnswer = "如果登记数据中有该户的电子邮箱，登录链接将发往该邮箱，30分钟内有效。没有收到的，可向区市场监管局或有关部门领取一次性登录码。"

// AccessCodeView is a one-time code, shown once.
type AccessCodeView struct {
	Code      string `json:"code" doc:"一次性登录码，只显示这一次；须与统一社会信用代码一起使用"`
	ExpiresAt string `json:"expires_at" doc:"失效时刻"`
	Notified  bool   `json:"notified" doc:"已按登记的电子邮箱告知经营者"`
}

func (s *Server) registerAccess() {
	tags := []string{"登录"}
	register(s, signingIn, huma.Operation{OperationID: "request-access", Method: http.MethodPost, Path: "/public/v1/access",
		Summary: "经营者申请登录链接：发往登记的电子邮箱", Tags: tags, DefaultStatus: http.StatusAccepted}, s.requestAccess)
	register(s, signingIn, huma.Operation{OperationID: "open-operator-session", Method: http.MethodPost, Path: "/public/v1/access/sessions",
		Summary: "经营者凭登录链接或一次性登录码登录", Tags: tags, DefaultStatus: http.StatusCreated}, s.openOperatorSession)
	register(s, officers, huma.Operation{OperationID: "issue-access-code", Method: http.MethodPost, Path: "/api/v1/households/{uscc}/access-codes",
		Summary: "为没有登记电子邮箱的经营者发放一次性登录码，留痕并告知", Tags: tags, DefaultStatus: http.StatusCreated}, s.issueAccessCode)
	s.handle(public, http.MethodGet, "/public/access", accessPage, huma.Operation{OperationID: "access-page", Summary: "经营者登录（网页）", Tags: tags})
}

// requestAccess answers everybody alike and at once: whether the household is known, has an address, or asked too often shows neither in the
// answer nor in its time, because the work is done afterwards.
func (s *Server) requestAccess(ctx context.Context, _ models.User, in *struct {
	Body struct {
		USCC string `json:"uscc" minLength:"1" maxLength:"40" doc:"统一社会信用代码"`
	}
}) (*struct{ Body AccessAnswer }, error) {
	uscc, err := models.ParseUSCC(in.Body.USCC)
	if err != nil {
		return nil, err
	}
	select {
	case s.links <- struct{}{}:
	default:
		return nil, models.Errorf(models.CodeUnavailable, "申请登录的人太多，请稍后再试")
	}
	s.beside(ctx, time.Minute, func(ctx context.Context) {
		defer func() { <-s.links }()
		if err := s.sendAccessLink(ctx, uscc); err != nil {
			s.Options.Logger.ErrorContext(ctx, "an access link was not sent", "request", requestID(ctx), "error", err)
		}
	})
	return &struct{ Body AccessAnswer }{AccessAnswer{accessAnswer}}, nil
}

// sendAccessLink mails a link, if the household is in the register with an address and did not ask too often.
func (s *Server) sendAccessLink(ctx context.Context, uscc string) error {
	home, err := s.Store.HouseholdHome(ctx, uscc)
	if models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	district, to, err := s.addressOf(ctx, home)
	if err != nil || to == "" {
		return err
	}
	issued, err := s.Store.IssueAccessLink(ctx, home, func(secret string) (models.Message, error) {
		return activities.AccessLetter(district, s.Options.PublicURL, home, to, secret, time.Now())
	})
	if err == nil && issued {
		s.wakeOutbox(ctx)
	}
	return err
}

// addressOf gives a household's district and the address that the registry holds; empty if it holds none.
func (s *Server) addressOf(ctx context.Context, home models.Home) (district models.District, to string, err error) {
	if district, err = s.Store.District(ctx, home.District); err != nil {
		return district, "", err
	}
	_, list, err := s.Store.Reach(ctx, home.District, store.Debtor{Kind: models.OwnerHousehold, Owner: home.USCC})
	if err != nil || len(list) == 0 {
		return district, "", err
	}
	return district, list[0], nil
}

func (s *Server) openOperatorSession(ctx context.Context, _ models.User, in *struct {
	Body struct {
		Secret string `json:"secret" minLength:"1" maxLength:"200" doc:"登录链接中 # 之后的凭证，或一次性登录码"`
		USCC   string `json:"uscc,omitempty" maxLength:"40" doc:"使用一次性登录码时必填：统一社会信用代码"`
	}
}) (*struct {
	CacheControl string `header:"Cache-Control"`
	Body         Session
}, error) {
	_, isCode := models.ParseAccessCode(in.Body.Secret)
	uscc := ""
	if isCode {
		var err error
		if in.Body.USCC == "" {
			return nil, models.Invalid("uscc", "使用一次性登录码的，请同时填写统一社会信用代码")
		}
		if uscc, err = models.ParseUSCC(in.Body.USCC); err != nil {
			return nil, err
		}
		// guard has counted by the caller's address; here by household, so that many addresses do not help either
		if _, reached := count(ctx, s.limits.signIn, "household "+uscc); reached {
			return nil, models.Errorf(models.CodeTooMany, "这户登录过于频繁，请一分钟后再试")
		}
	}
	token, session, err := s.Store.OpenOperatorSession(ctx, uscc, in.Body.Secret)
	if err != nil {
		return nil, err
	}
	out := &struct {
		CacheControl string `header:"Cache-Control"`
		Body         Session
	}{CacheControl: "no-store"}
	u := models.User{Role: models.RoleOperator, District: session.District, USCC: session.USCC}
	out.Body = Session{Token: token, ExpiresAt: moment(session.ExpiresAt), User: viewUser(u)}
	return out, nil
}

// issueAccessCode hands a code out to an officer of the household's district. The operator hears of it wherever the registry has an address:
// an officer who kept the code could act for the household.
func (s *Server) issueAccessCode(ctx context.Context, u models.User, in *struct {
	USCC string `path:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"理由，如：经营者到窗口申领，已核对身份证件和营业执照"`
	}
}) (*struct {
	CacheControl string `header:"Cache-Control"`
	Body         AccessCodeView
}, error) {
	home, err := s.Store.HouseholdHome(ctx, in.USCC)
	if err == nil {
		err = inDistrict(u, home.District)
	}
	if err != nil {
		return nil, err
	}
	district, to, err := s.addressOf(ctx, home)
	if err != nil {
		return nil, err
	}
	var mails []models.Message
	if to != "" {
		department, err := s.officeOf(ctx, u)
		if err != nil {
			return nil, err
		}
		m, err := activities.AccessCodeLetter(district, s.Options.PublicURL, home, to, department, time.Now())
		if err != nil {
			return nil, err
		}
		mails = append(mails, m)
	}
	reason, err := s.Store.AddReason(ctx, u.Actor(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	code, expires, err := s.Store.IssueAccessCode(ctx, u.Actor(), home, reason, mails...)
	if err != nil {
		return nil, err
	}
	if len(mails) > 0 {
		s.wakeOutbox(ctx)
	}
	out := &struct {
		CacheControl string `header:"Cache-Control"`
		Body         AccessCodeView
	}{CacheControl: "no-store"}
	out.Body = AccessCodeView{Code: models.FormatAccessCode(code), ExpiresAt: moment(expires), Notified: to != ""}
	return out, nil
}

// officeOf names the office that an officer works for.
func (s *Server) officeOf(ctx context.Context, u models.User) (string, error) {
	if u.Role != models.RoleDepartment {
		return "区市场监管局", nil
	}
	d, err := s.Store.Department(ctx, u.District, u.Department)
	return d.Name, err
}

//go:embed access.html
var accessHTML string

// accessPage is the page that a link opens: only a press of its button signs in. It has its own style and script and nothing from elsewhere.
func accessPage(c *gin.Context) {
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src '"+accessScript+"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(accessHTML))
}

// accessScript is the hash by which the browser knows the page's one script.
var accessScript = func() string {
	_, rest, _ := strings.Cut(accessHTML, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()
