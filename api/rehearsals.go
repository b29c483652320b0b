package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"go.temporal.io/api/enums/v1"

	"bangfu/models"
	"bangfu/workflows"
)

// RehearsalView is a rehearsal as administrators see it.
type RehearsalView struct {
	ID        string                   `json:"id" doc:"演练编号，如 110107-2026-1"`
	District  string                   `json:"district"`
	Year      int                      `json:"year" doc:"首个年度"`
	State     models.RehearsalState    `json:"state" enum:"running,done,failed"`
	StateName string                   `json:"state_name"`
	Reason    string                   `json:"reason,omitempty" doc:"未能完成的原因"`
	Rules     models.RehearsalRules    `json:"rules" doc:"按哪些规则扮演各方"`
	Progress  models.RehearsalProgress `json:"progress" doc:"进展"`
	StartedBy models.Actor             `json:"started_by"`
	StartedAt string                   `json:"started_at"`
	EndedAt   string                   `json:"ended_at,omitempty"`
	ReportURL string                   `json:"report_url,omitempty" doc:"报告（网页，含图表）"`
	UIURL     string                   `json:"ui_url,omitempty" doc:"在 Temporal 界面中查看"`
}

func (s *Server) viewRehearsal(r models.Rehearsal) RehearsalView {
	v := RehearsalView{ID: r.ID, District: r.District, Year: r.Year, State: r.State, StateName: r.State.Name(), Reason: r.Reason, Rules: r.Rules, Progress: r.Progress,
		StartedBy: r.StartedBy, StartedAt: moment(r.StartedAt), UIURL: s.uiURL(workflows.RehearsalWorkflowID(r.ID))}
	if !r.EndedAt.IsZero() {
		v.EndedAt = moment(r.EndedAt)
	}
	if r.State == models.RehearsalDone {
		v.ReportURL = "/api/v1/rehearsals/" + r.ID + "/report.html"
	}
	return v
}

// RehearsalInput names a rehearsal.
type RehearsalInput struct {
	ID string `path:"id" maxLength:"30" doc:"演练编号，如 110107-2026-1"`
}

func (s *Server) registerRehearsals() {
	tags := []string{"演练"}
	const all, one = "/api/v1/rehearsals", "/api/v1/rehearsals/{id}"
	register(s, admins, huma.Operation{OperationID: "start-rehearsal", Method: http.MethodPost, Path: all, Summary: "演练：在副本上以模拟时钟走完一个年度及其后三年，邮件不发出；没有写的规则用默认值", Tags: tags, DefaultStatus: http.StatusAccepted,
		SkipValidateBody: true}, s.startRehearsal) // the rules say themselves what is wrong with them, in words
	s.api.OpenAPI().Paths[all].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {
		Schema: huma.SchemaFromType(s.api.OpenAPI().Components.Schemas, reflect.TypeFor[models.RehearsalRules]())}}} // after registering: what is left out has a default
	register(s, admins, huma.Operation{OperationID: "list-rehearsals", Method: http.MethodGet, Path: all, Summary: "演练列表", Tags: tags}, s.listRehearsals)
	register(s, admins, huma.Operation{OperationID: "get-rehearsal", Method: http.MethodGet, Path: one, Summary: "一次演练：规则和进展", Tags: tags}, s.getRehearsal)
	register(s, admins, download("get-rehearsal-json", one+"/report.json", "演练报告（JSON）", tags, "application/json"), s.getRehearsalJSON)
	register(s, admins, huma.Operation{OperationID: "list-rehearsal-mails", Method: http.MethodGet, Path: one + "/mails", Summary: "演练中本会发出的邮件，按先后排列", Tags: tags}, s.listRehearsalMails)
	register(s, admins, huma.Operation{OperationID: "remove-rehearsal", Method: http.MethodDelete, Path: one, Summary: "结束并删除一次演练：副本、邮件、流程和报告", Tags: tags, DefaultStatus: http.StatusNoContent}, s.removeRehearsal)
	s.handle(admins, http.MethodGet, "/api/v1/rehearsals/:id/report.html", s.rehearsalPage, huma.Operation{OperationID: "get-rehearsal-report", Summary: "演练报告（网页，含图表）", Tags: tags})
}

// rehearsal reads a rehearsal of the caller's district.
func (s *Server) rehearsal(ctx context.Context, u models.User, id string) (models.Rehearsal, error) {
	if _, _, _, err := models.ParseRehearsalID(id); err != nil {
		return models.Rehearsal{}, models.NotFound("没有编号为“%s”的演练", id)
	}
	r, err := s.Store.Rehearsal(ctx, id)
	if err != nil {
		return r, err
	}
	return r, inDistrict(u, r.District)
}

func (s *Server) startRehearsal(ctx context.Context, u models.User, in *struct {
	RawBody []byte `contentType:"application/json"`
}) (*struct{ Body RehearsalView }, error) {
	rules := models.DefaultRehearsalRules()
	d := json.NewDecoder(bytes.NewReader(in.RawBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		return nil, models.Invalid("body", "规则读不懂：应为 JSON 对象，各项名称见 /docs，比例写作 0 至 100 的整数")
	}
	if err := inDistrict(u, rules.District); err != nil {
		return nil, err
	}
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	if _, err := s.Store.District(ctx, rules.District); err != nil {
		return nil, err
	}
	r, err := s.Store.StartRehearsal(ctx, u.Actor(), rules)
	if err != nil {
		return nil, err
	}
	options, input := workflows.RehearsalStart(r)
	if _, err := s.Temporal.ExecuteWorkflow(ctx, options, workflows.Rehearsal, input); err != nil {
		return nil, errors.Join(commandError(err), s.Store.RemoveRehearsal(context.WithoutCancel(ctx), u.Actor(), r.ID))
	}
	return &struct{ Body RehearsalView }{s.viewRehearsal(r)}, nil
}

func (s *Server) listRehearsals(ctx context.Context, u models.User, in *struct {
	After string `query:"after" maxLength:"30" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[RehearsalView] }, error) {
	list, err := s.Store.Rehearsals(ctx, u.District, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[RehearsalView] }{newPage(list, in.Limit, s.viewRehearsal, func(r models.Rehearsal) any { return r.ID })}, nil
}

func (s *Server) getRehearsal(ctx context.Context, u models.User, in *RehearsalInput) (*struct{ Body RehearsalView }, error) {
	r, err := s.rehearsal(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body RehearsalView }{s.viewRehearsal(r)}, nil
}

func (s *Server) getRehearsalJSON(ctx context.Context, u models.User, in *RehearsalInput) (*huma.StreamResponse, error) {
	b, err := s.rehearsalFile(ctx, u, in.ID, models.RehearsalReportJSON)
	if err != nil {
		return nil, err
	}
	return s.file(ctx, "application/json", "rehearsal-"+in.ID+".json", func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}), nil
}

func (s *Server) rehearsalFile(ctx context.Context, u models.User, id, name string) ([]byte, error) {
	r, err := s.rehearsal(ctx, u, id)
	if err != nil {
		return nil, err
	}
	return s.Store.RehearsalFile(ctx, r.ID, name)
}

// rehearsalPage shows the report; it has its own style and no scripts.
func (s *Server) rehearsalPage(c *gin.Context) {
	ctx := c.Request.Context()
	b, err := s.rehearsalFile(ctx, caller(ctx), c.Param("id"), models.RehearsalReportHTML)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", b)
}

func (s *Server) listRehearsalMails(ctx context.Context, u models.User, in *struct {
	RehearsalInput
	Role  string `query:"role" maxLength:"60" doc:"只看这一类收件人的，如 经营者"`
	After int64  `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[models.HeldMail] }, error) {
	r, err := s.rehearsal(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	var list []models.HeldMail
	for n := in.After + 1; len(list) <= in.Limit; n = models.NextHeldFile(n) {
		b, err := s.Store.RehearsalFile(ctx, r.ID, models.HeldMailsFile(n))
		if models.CodeOf(err) == models.CodeNotFound && r.State == models.RehearsalDone {
			break // behind the last
		}
		if err != nil {
			return nil, err
		}
		var held []models.HeldMail
		if err := json.Unmarshal(b, &held); err != nil {
			return nil, err
		}
		for _, m := range held {
			if m.N > in.After && (in.Role == "" || m.Role == in.Role) {
				list = append(list, m)
			}
		}
	}
	same := func(m models.HeldMail) models.HeldMail { return m }
	return &struct{ Body Page[models.HeldMail] }{newPage(list, in.Limit, same, func(m models.HeldMail) any { return m.N })}, nil
}

func (s *Server) removeRehearsal(ctx context.Context, u models.User, in *RehearsalInput) (*struct{}, error) {
	r, err := s.rehearsal(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	options, input := workflows.RehearsalStart(r)
	options.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	options.WorkflowIDReusePolicy = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	return nil, s.tellProcess(ctx, options, workflows.Rehearsal, input, message{name: workflows.UpdateRehearsalRemove, args: []any{u.Actor()}})
}
