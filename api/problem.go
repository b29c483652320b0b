package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bangfu/models"
)

// Problem is an error as a document (RFC 9457).
type Problem struct {
	Type     string       `json:"type" example:"urn:bangfu:problem:not-found" doc:"问题类型，长期不变，供程序判断"`
	Title    string       `json:"title" doc:"问题类型的名称"`
	Status   int          `json:"status" doc:"HTTP 状态码"`
	Detail   string       `json:"detail" doc:"这一次出了什么问题、怎么办"`
	Instance string       `json:"instance,omitempty" doc:"请求编号，报修时请提供"`
	Errors   []FieldError `json:"errors,omitempty" doc:"逐项的问题"`
}

// FieldError is what is wrong with one field.
type FieldError struct {
	Field   string `json:"field,omitempty" doc:"字段，如 reason"`
	Message string `json:"message"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem documents.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells the caller of a part that is away when to come again.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="bangfu"`)
	}
	return h
}

// statuses gives each code its HTTP status, once.
var statuses = map[models.Code]int{
	models.CodeInvalid:      http.StatusUnprocessableEntity,
	models.CodeUnauthorized: http.StatusUnauthorized,
	models.CodeForbidden:    http.StatusForbidden,
	models.CodeNotFound:     http.StatusNotFound,
	models.CodeConflict:     http.StatusConflict,
	models.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	models.CodeUnavailable:  http.StatusServiceUnavailable,
	models.CodeTooMany:      http.StatusTooManyRequests,
	models.CodeInternal:     http.StatusInternalServerError,
}

// kinds gives each status its type, title, and the detail where nothing closer is known.
var kinds = map[int]struct{ name, title, detail string }{
	http.StatusBadRequest:            {"bad-request", "请求无法读取", "请求内容无法读取，请检查格式"},
	http.StatusUnauthorized:          {"unauthorized", "未登录", "请先登录，并在请求中带上令牌"},
	http.StatusForbidden:             {"forbidden", "无权操作", "您的角色无权进行这项操作"},
	http.StatusNotFound:              {"not-found", "没有找到", "没有这项数据"},
	http.StatusMethodNotAllowed:      {"method-not-allowed", "不支持的操作", "这个地址不支持此种请求方法"},
	http.StatusNotAcceptable:         {"not-acceptable", "无法按要求的格式答复", "只能以 application/json 答复"},
	http.StatusRequestTimeout:        {"timeout", "请求超时", "请求内容迟迟没有传完，请重试"},
	http.StatusConflict:              {"conflict", "与现状冲突", "与现有内容或当前状态冲突"},
	http.StatusRequestEntityTooLarge: {"too-large", "内容过大", "请求内容超过了大小限制"},
	http.StatusUnsupportedMediaType:  {"unsupported-media-type", "不支持的内容格式", "请求内容应为 application/json"},
	http.StatusUnprocessableEntity:   {"invalid", "内容不符合要求", "提交的内容不符合要求，请逐项改正后再提交"},
	http.StatusTooManyRequests:       {"too-many", "请求过于频繁", "请求过于频繁，请稍后再试"},
	http.StatusInternalServerError:   {"internal", "系统错误", "系统内部出错，请稍后重试；仍不能解决时请提供请求编号"},
	http.StatusServiceUnavailable:    {"unavailable", "暂时不可用", "系统的一部分暂时不可用，请稍后重试"},
}

// newProblem makes a problem of a status; an empty detail takes the usual one.
func newProblem(status int, detail string, errs ...FieldError) *Problem {
	k, ok := kinds[status]
	if !ok {
		k = kinds[http.StatusInternalServerError]
		if status >= 400 && status < 500 {
			k = kinds[http.StatusBadRequest]
		}
	}
	if detail == "" {
		detail = k.detail
	}
	return &Problem{Type: "urn:bangfu:problem:" + k.name, Title: k.title, Status: status, Detail: detail, Errors: errs}
}

// problem makes the document of any error. What is not the caller's doing is logged with the request's id, and
// its cause stays out of the answer.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	var e *models.Error
	switch {
	case errors.As(err, &p):
		clone := *p
		p = &clone
	case errors.As(err, &e):
		detail := e.Message
		if e.Code == models.CodeInternal {
			detail = ""
		}
		p = newProblem(statuses[e.Code], detail)
		if e.Field != "" {
			p.Errors = []FieldError{{e.Field, e.Message}}
		}
		if e.Cause == nil && e.Code != models.CodeInternal {
			err = nil // nothing to be logged
		}
	case errors.Is(err, context.DeadlineExceeded):
		p = newProblem(http.StatusServiceUnavailable, "处理超时，请稍后重试")
	case errors.Is(err, context.Canceled):
		p = newProblem(http.StatusServiceUnavailable, "请求已中断")
		err = nil
	case tooLarge(err):
		p = newProblem(http.StatusRequestEntityTooLarge, "")
	default:
		p = newProblem(http.StatusInternalServerError, "")
	}
	p.Instance = instance(ctx)
	if err != nil && p.Status >= 500 {
		s.Options.Logger.ErrorContext(ctx, "request failed", "request", requestID(ctx), "status", p.Status, "error", err)
	}
	return p
}

// refuse answers a request with the problem that an error makes.
func (s *Server) refuse(c *gin.Context, err error) {
	p := s.problem(c.Request.Context(), err)
	if c.Writer.Written() {
		c.Abort()
		return
	}
	for k, v := range p.GetHeaders() {
		c.Writer.Header()[k] = v
	}
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(p.Status, p)
}

func instance(ctx context.Context) string {
	if id := requestID(ctx); id != "" {
		return "urn:bangfu:request:" + id
	}
	return ""
}

func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}

// commandError says what became of a command to a workflow: what the workflow answered in its own words
// (an application error whose type is a models.Code, with an optional detail naming the field), or that the engine is away.
func commandError(err error) error {
	if err == nil {
		return nil
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if app, ok := e.(*temporal.ApplicationError); ok { //nolint:errorlint // each link of the chain is asked by itself
			if code := models.Code(app.Type()); statuses[code] != 0 && code != models.CodeInternal {
				var field string
				if app.HasDetails() {
					_ = app.Details(&field)
				}
				return &models.Error{Code: code, Field: field, Message: app.Message()}
			}
		}
	}
	var (
		notFound  *serviceerror.NotFound
		away      *serviceerror.Unavailable
		late      *serviceerror.DeadlineExceeded
		canceled  *serviceerror.Canceled
		exhausted *serviceerror.ResourceExhausted
		notReady  *serviceerror.WorkflowNotReady
		timeout   *client.WorkflowUpdateServiceTimeoutOrCanceledError
	)
	switch {
	case errors.As(err, &notFound):
		return &models.Error{Code: models.CodeConflict, Message: "这项工作的流程没有在运行：可能尚未启动，或已经结束"}
	case errors.As(err, &away), errors.As(err, &late), errors.As(err, &canceled), errors.As(err, &exhausted), errors.As(err, &notReady),
		errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return &models.Error{Code: models.CodeUnavailable, Message: "流程引擎暂时不可用或没有及时答复，操作可能尚未生效，请稍后用同一编号重试", Cause: err}
	}
	return fmt.Errorf("sending a command to a workflow: %w", err)
}

// huma speaks through these variables; they are set once, before anything is registered.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError { return humaProblem(status, errs) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		p := humaProblem(status, errs)
		if ctx != nil {
			p.Instance = instance(ctx.Context())
		}
		return p
	}
	validation.MsgUnexpectedProperty = "没有这一项"
	validation.MsgExpectedRFC3339DateTime = "应为日期时间，如 2026-07-01T09:00:00+08:00"
	validation.MsgExpectedRFC1123DateTime = "应为 RFC 1123 日期时间"
	validation.MsgExpectedRFC3339Date = "应为日期，如 2026-07-01"
	validation.MsgExpectedRFC3339Time = "应为时间，如 09:00:00+08:00"
	validation.MsgExpectedRFC5322Email = "应为电子邮箱地址"
	validation.MsgExpectedRFC5890Hostname = "应为主机名"
	validation.MsgExpectedRFC2673IPv4 = "应为 IPv4 地址"
	validation.MsgExpectedRFC2373IPv6 = "应为 IPv6 地址"
	validation.MsgExpectedRFCIPAddr = "应为 IP 地址"
	validation.MsgExpectedRFC3986URI = "应为网址"
	validation.MsgExpectedRFC4122UUID = "应为 UUID"
	validation.MsgExpectedRFC6570URITemplate = "应为网址模板"
	validation.MsgExpectedRFC6901JSONPointer = "应为 JSON 指针"
	validation.MsgExpectedRFC6901RelativeJSONPointer = "应为相对 JSON 指针"
	validation.MsgExpectedRegexp = "应为正则表达式"
	validation.MsgExpectedMatchAtLeastOneSchema = "不符合任何一种允许的形式"
	validation.MsgExpectedMatchExactlyOneSchema = "应恰好符合一种允许的形式"
	validation.MsgExpectedNotMatchSchema = "是不允许的形式"
	validation.MsgExpectedPropertyNameInObject = "缺少用以区分种类的一项"
	validation.MsgExpectedBoolean = "应为 true 或 false"
	validation.MsgExpectedDuration = "应为时长，如 30m"
	validation.MsgExpectedNumber = "应为数字"
	validation.MsgExpectedInteger = "应为整数"
	validation.MsgExpectedString = "应为文字"
	validation.MsgExpectedBase64String = "应为 Base64 文字"
	validation.MsgExpectedArray = "应为列表"
	validation.MsgExpectedObject = "应为对象"
	validation.MsgExpectedArrayItemsUnique = "列表中有重复的项"
	validation.MsgExpectedOneOf = "应为其中之一：“%s”"
	validation.MsgExpectedMinimumNumber = "应不小于 %v"
	validation.MsgExpectedExclusiveMinimumNumber = "应大于 %v"
	validation.MsgExpectedMaximumNumber = "应不大于 %v"
	validation.MsgExpectedExclusiveMaximumNumber = "应小于 %v"
	validation.MsgExpectedNumberBeMultipleOf = "应为 %v 的倍数"
	validation.MsgExpectedMinLength = "至少 %d 字"
	validation.MsgExpectedMaxLength = "最多 %d 字"
	validation.MsgExpectedBePattern = "应为%s"
	validation.MsgExpectedMatchPattern = "格式应为 %s"
	validation.MsgExpectedMinItems = "至少 %d 项"
	validation.MsgExpectedMaxItems = "最多 %d 项"
	validation.MsgExpectedMinProperties = "至少 %d 项"
	validation.MsgExpectedMaxProperties = "最多 %d 项"
	validation.MsgExpectedRequiredProperty = "缺少必填项 %s"
	validation.MsgExpectedDependentRequiredProperty = "缺少必填项 %s（填写 %s 时必填）"
	huma.ErrorFormatter = func(format string, args ...any) string {
		if !strings.Contains(format, "%") {
			return format // the reason, in English, is left out
		}
		return fmt.Sprintf(format, args...)
	}
}

// humaProblem makes the document of what huma found: fields and messages, never the values that were sent.
func humaProblem(status int, errs []error) *Problem {
	var list []FieldError
	for _, err := range errs {
		if err == nil {
			continue
		}
		f := FieldError{Message: err.Error()}
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			detail := d.ErrorDetail()
			f = FieldError{Field: fieldOf(detail.Location), Message: detail.Message}
		}
		if strings.Contains(f.Message, "request body too large") {
			return newProblem(http.StatusRequestEntityTooLarge, "")
		}
		f.Message = chinese(f.Message)
		list = append(list, f)
	}
	if status >= 500 {
		list = nil
	}
	return newProblem(status, "", list...)
}

// fieldOf drops the part of the request in which a field was: body.plan.tiering is plan.tiering.
func fieldOf(location string) string {
	for _, part := range []string{"body", "query", "path", "header", "form", "cookie"} {
		if location == part {
			return ""
		}
		if rest, ok := strings.CutPrefix(location, part+"."); ok {
			return rest
		}
	}
	return location
}

// english is what huma says in words that it does not let anybody change.
var english = []struct{ begins, chinese string }{
	{"required ", "缺少必填项"},
	{"expected at most one value", "只能填一个值"},
	{"invalid integer", "应为整数"},
	{"invalid float", "应为数字"},
	{"invalid boolean", "应为 true 或 false"},
	{"invalid date/time", "应为日期时间，如 2026-07-01T09:00:00+08:00"},
	{"invalid url", "应为网址"},
	{"cannot read multipart form", "无法读取上传的表单，应为 multipart/form-data"},
	{"File required", "缺少文件"},
	{"At least one file is required", "缺少文件"},
	{"Multiple files received", "只能上传一个文件"},
	{"Failed to open file", "无法读取上传的文件"},
	{"Failed to infer file media type", "无法判断上传文件的类型"},
	{"Invalid mime type", "上传文件的类型不对"},
	{"unexpected end of JSON", "JSON 不完整"},
	{"invalid character", "不是正确的 JSON"},
}

// chinese keeps a message of our own, even with technical words before it, and translates huma's.
func chinese(message string) string {
	if i := strings.IndexFunc(message, func(r rune) bool { return r > utf8.RuneSelf }); i >= 0 {
		if j := strings.LastIndex(message[:i], ": "); j >= 0 {
			return message[j+2:]
		}
		return message
	}
	for _, e := range english {
		if strings.HasPrefix(message, e.begins) {
			return e.chinese
		}
	}
	return "无法识别"
}
