package api

import (
	"bytes"
	"context"
	_ "embed" // the verification page
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/paper"
	"bangfu/models/store"
	"bangfu/workflows"
)

const kindPDF = "application/pdf"

// CertificationView is a certification for officials.
type CertificationView struct {
	Number        string                    `json:"number" doc:"认定编号"`
	Cycle         string                    `json:"cycle"`
	ApplicationID int64                     `json:"application_id" doc:"申报件"`
	USCC          string                    `json:"uscc"`
	Name          string                    `json:"name"`
	Tier          models.Tier               `json:"tier" doc:"认定时的分型"`
	Category      models.Category           `json:"category"`
	CategoryName  string                    `json:"category_name"`
	CertifiedOn   calendar.Date             `json:"certified_on"`
	ValidUntil    calendar.Date             `json:"valid_until" doc:"有效期的最后一天"`
	State         models.CertificationState `json:"state" enum:"valid,refused,cancelled,revoked,lapsed"`
	StateName     string                    `json:"state_name"`
	EndedOn       calendar.Date             `json:"ended_on" doc:"终止日期，空为没有终止"`
	PolicyHash    string                    `json:"policy_hash" doc:"所依据政策文件的 SHA-256"`
	Program       string                    `json:"program" doc:"程序版本"`
	VerifyURL     string                    `json:"verify_url,omitempty" doc:"公众查验地址"`
}

func (s *Server) viewCertification(c models.Certification) CertificationView {
	return CertificationView{Number: c.Number, Cycle: c.CycleID, ApplicationID: c.ApplicationID, USCC: c.USCC, Name: c.Name, Tier: c.Tier, Category: c.Category,
		CategoryName: c.Category.Name(), CertifiedOn: c.CertifiedOn, ValidUntil: c.ValidUntil, State: c.State, StateName: c.State.Name(), EndedOn: c.EndedOn,
		PolicyHash: c.PolicyHash, Program: c.Program, VerifyURL: s.verifyURL(c.Number)}
}

// verifyURL is where anybody verifies a certificate; empty where nobody said how people reach the API.
func (s *Server) verifyURL(number string) string {
	if s.Options.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.Options.PublicURL, "/") + "/verify/" + number
}

// PublicCertification is everything that the plan makes public of a certification (附三(一)); nothing may be added that it does not name.
type PublicCertification struct {
	Name        string        `json:"name" doc:"名称"`
	USCC        string        `json:"uscc" doc:"统一社会信用代码"`
	Tier        models.Tier   `json:"tier" doc:"认定时的分型"`
	Category    string        `json:"category" doc:"认定分类：知名、特色、优质或新兴"`
	CertifiedOn calendar.Date `json:"certified_on" doc:"认定日期"`
	ValidUntil  calendar.Date `json:"valid_until" doc:"有效期至"`
	State       string        `json:"state" doc:"有效、不予认定、已取消、已撤销或有效期满"`
	EndedOn     string        `json:"ended_on,omitempty" doc:"自此日起无效"`
}

func (s *Server) registerCertifications() {
	tags, open := []string{"认定"}, []string{"公众查询"}
	register(s, admins, huma.Operation{OperationID: "certify", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/certification", Summary: "下达认定：公示期满且异议办结的拟认定户，复核后认定", Tags: tags, DefaultStatus: http.StatusOK}, s.certify)
	register(s, everyone, huma.Operation{OperationID: "get-certification", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/certification", Summary: "认定进展：名额、已认定、空出的名额及原因、市级抽查", Tags: tags}, s.getCertification)
	register(s, everyone, huma.Operation{OperationID: "list-certifications", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/certifications", Summary: "本年度认定的“名特优新”个体工商户", Tags: tags}, s.listCertifications)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, readers, download("export-certification-annotations-"+format, "/api/v1/cycles/{id}/certifications/annotations."+format, "国家企业信用信息公示系统“名特优新”标注文件（"+format+" 文件）", tags, kind), s.exportCertificationAnnotations(format))
	}
	register(s, signedIn, download("get-certificate", "/api/v1/certifications/{number}/certificate.pdf", "认定证书（PDF，带查验二维码）", tags, kindPDF), s.getCertificate)
	register(s, public, huma.Operation{OperationID: "public-certification", Method: http.MethodGet, Path: "/public/v1/certifications/{number}", Summary: "按认定编号查验认定", Tags: open}, s.publicCertification)
	s.handle(public, http.MethodGet, "/verify/:number", s.verifyPage, huma.Operation{OperationID: "verify-page", Summary: "按认定编号查验认定（网页，证书二维码指向这里）", Tags: open})
}

// CertifyAnswer is what became of an order to certify.
type CertifyAnswer struct {
	Certified int                       `json:"certified" doc:"本次认定户数"`
	Barred    int                       `json:"barred" doc:"复核出现不得认定情形的户数，名额空出"`
	Conflict  int                       `json:"conflict" doc:"您曾录入、推荐或应当回避的户数，须由其他管理员下达认定"`
	Unsettled int                       `json:"unsettled" doc:"公示未结束或异议未办结的户数，暂不能认定"`
	Board     models.CertificationBoard `json:"board" doc:"认定进展"`
}

func (s *Server) certify(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Reason string `json:"reason,omitempty" maxLength:"2000" doc:"说明，可不填"`
	}
}) (*struct{ Body CertifyAnswer }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	if err := u.Actor().Personally(); err != nil {
		return nil, err
	}
	order := models.CertificationOrder{CommandID: commandKey(in.IdempotencyKey), Actor: u.Actor()}
	if strings.TrimSpace(in.Body.Reason) != "" {
		var err error
		if order.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Reason); err != nil {
			return nil, err
		}
	}
	var a workflows.CertificationAnswer
	if err := s.updateCertification(ctx, in.ID, order.CommandID, workflows.UpdateCertify, order, &a); err != nil {
		return nil, err
	}
	return &struct{ Body CertifyAnswer }{CertifyAnswer{a.Certified, a.Barred, a.Conflict, a.Unsettled, a.Board}}, nil
}

// updateCertification sends a command to a cycle's certification and waits until it took effect.
func (s *Server) updateCertification(ctx context.Context, cycleID, key, name string, message, answer any) error {
	handle, err := s.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.CertificationWorkflowID(cycleID), UpdateID: key, UpdateName: name, Args: []any{message},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, answer)
	}
	return commandError(err)
}

func (s *Server) getCertification(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body models.CertificationBoard }, error) {
	c, err := s.cycle(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.Store.CertificationBoard(ctx, c.ID)
	return &struct{ Body models.CertificationBoard }{b}, err
}

func (s *Server) listCertifications(ctx context.Context, u models.User, in *struct {
	CycleInput
	Category string                    `query:"category" maxLength:"20" doc:"分类，如 知名 或 renowned"`
	State    models.CertificationState `query:"state" enum:"valid,refused,cancelled,revoked,lapsed"`
	After    int                       `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit    int                       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[CertificationView] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	q := store.CertificationQuery{CycleID: in.ID, State: in.State, After: in.After, Limit: in.Limit + 1}
	if in.Category != "" {
		var err error
		if q.Category, err = models.ParseCategory(in.Category); err != nil {
			return nil, err
		}
	}
	list, err := s.Store.Certifications(ctx, q)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[CertificationView] }{newPage(list, in.Limit, s.viewCertification, func(c models.Certification) any { return c.Seat })}, nil
}

// exportCertificationAnnotations is what the national credit publicity system marks certified households with (附三(一)): those
// whose certification holds.
func (s *Server) exportCertificationAnnotations(format string) func(context.Context, models.User, *CycleInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
		cycle, err := s.cycle(ctx, u, in.ID)
		if err != nil {
			return nil, err
		}
		d, err := s.Store.District(ctx, cycle.District)
		if err != nil {
			return nil, err
		}
		if err := s.Store.Audit(ctx, u.Actor(), "certification.annotations", "cycle/"+cycle.ID, map[string]any{"format": format}); err != nil {
			return nil, err
		}
		e := export{name: "certification-annotations-" + cycle.ID, sheet: "标注", width: []float64{36, 22, 20, 14, 14, 26, 24}}
		return s.table(ctx, format, e, func(t files.TableWriter) error {
			if err := t.Row("名称", "统一社会信用代码", "标注内容", "认定日期", "有效期至", "认定编号", "标注单位"); err != nil {
				return err
			}
			by, today := d.Name+"市场监督管理局", cycle.Clock.Today(time.Now())
			for after := 0; ; {
				page, err := s.Store.Certifications(ctx, store.CertificationQuery{CycleID: cycle.ID, State: models.CertificationValid, After: after, Limit: exportPage})
				if err != nil || len(page) == 0 {
					return err
				}
				for _, c := range page {
					if after = c.Seat; c.On(today) != models.CertificationValid { // run out, while its evaluation is not decided
						continue
					}
					if err := t.Row(c.Name, c.USCC, c.Annotation(), c.CertifiedOn.String(), c.ValidUntil.String(), c.Number, by); err != nil {
						return err
					}
				}
			}
		}), nil
	}
}

// CertificationInput names a certification.
type CertificationInput struct {
	Number string `path:"number" maxLength:"40" doc:"认定编号，如 110107-2026-MTYX-0007"`
}

// certification reads a certification and what it is worth on its cycle's date.
func (s *Server) certification(ctx context.Context, given string) (models.Certification, error) {
	number, err := models.ParseCertificationNumber(given)
	if err != nil {
		return models.Certification{}, models.NotFound("没有这个认定编号，请核对证书上的编号")
	}
	c, err := s.Store.Certification(ctx, number)
	if err != nil {
		return c, err
	}
	today, err := s.todayOf(ctx, c.CycleID)
	c.State = c.On(today)
	return c, err
}

func (s *Server) getCertificate(ctx context.Context, u models.User, in *CertificationInput) (*huma.StreamResponse, error) {
	c, err := s.certification(ctx, in.Number)
	if err == nil {
		err = inDistrict(u, c.District)
	}
	if err == nil {
		err = ownHousehold(u, c.USCC)
	}
	if err != nil {
		return nil, err
	}
	if c.State != models.CertificationValid {
		return nil, models.Conflict("编号%s的认定现为“%s”，不再出具证书", c.Number, c.State.Name())
	}
	d, err := s.Store.District(ctx, c.District)
	if err != nil {
		return nil, err
	}
	pdf, err := paper.Certificate(c, d.City+d.Name, s.verifyURL(c.Number))
	if err != nil {
		return nil, fmt.Errorf("writing the certificate %s: %w", c.Number, err)
	}
	return s.file(ctx, kindPDF, "certificate-"+c.Number+".pdf", func(w io.Writer) error {
		_, err := w.Write(pdf)
		return err
	}), nil
}

// viewPublicCertification shows a certification as it stands on its cycle's date.
func viewPublicCertification(c models.Certification) PublicCertification {
	ended := c.EndedOn
	if c.State == models.CertificationLapsed && ended == 0 { // run out, while its evaluation is not decided
		ended = c.ValidUntil.AddDays(1)
	}
	return PublicCertification{Name: c.Name, USCC: c.USCC, Tier: c.Tier, Category: c.Category.Name(), CertifiedOn: c.CertifiedOn,
		ValidUntil: c.ValidUntil, State: c.State.Name(), EndedOn: ended.String()}
}

func (s *Server) publicCertification(ctx context.Context, _ models.User, in *CertificationInput) (*struct{ Body PublicCertification }, error) {
	c, err := s.certification(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	return &struct{ Body PublicCertification }{viewPublicCertification(c)}, nil
}

//go:embed verify.html
var verifyFile string

var verifyTemplate = template.Must(template.New("verify").Parse(verifyFile))

// verification is what the verification page shows.
type verification struct {
	PublicCertification
	Found      bool
	Valid      bool
	Number     string // as it was asked for, if none was found
	Department string // who certified
}

func (s *Server) verifyPage(c *gin.Context) {
	ctx := c.Request.Context()
	v := verification{Number: c.Param("number")}
	if len(v.Number) > 60 {
		v.Number = "（编号过长）"
	}
	found, err := s.certification(ctx, c.Param("number"))
	status := http.StatusOK
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		status = http.StatusNotFound
	case err != nil:
		s.refuse(c, err)
		return
	default:
		d, err := s.Store.District(ctx, found.District)
		if err != nil {
			s.refuse(c, err)
			return
		}
		v.Number, v.PublicCertification, v.Found, v.Valid = found.Number, viewPublicCertification(found), true, found.State == models.CertificationValid
		v.Department = d.City + d.Name + "市场监督管理局"
	}
	var page bytes.Buffer
	if err := verifyTemplate.Execute(&page, v); err != nil {
		s.refuse(c, fmt.Errorf("writing the page that verifies a certification: %w", err))
		return
	}
	// The page has its own small style sheet and nothing else: no script, nothing from elsewhere. What it says holds now only.
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.Header("Cache-Control", "no-store")
	c.Data(status, "text/html; charset=utf-8", page.Bytes())
}
