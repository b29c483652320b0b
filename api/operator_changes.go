package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
)

func (s *Server) registerOperatorChanges() {
	tags := []string{"变更经营者"}
	path := "/api/v1/certifications/{number}/operator-changes"
	register(s, signedIn, huma.Operation{OperationID: "list-operator-changes", Method: http.MethodGet, Path: path, Summary: "一户“名特优新”个体工商户认定以来的经营者及其变更", Tags: tags}, s.listOperatorChanges)
	register(s, concerned, huma.Operation{OperationID: "report-operator-change", Method: http.MethodPost, Path: path, Summary: "报告变更经营者；工作人员代为报告须写明缘由", Tags: tags, DefaultStatus: http.StatusCreated}, s.reportOperatorChange)
}

// OperatorChangeView is who the operator is from a change on.
type OperatorChangeView struct {
	ID         int64                 `json:"id"`
	Operator   string                `json:"operator" doc:"经营者"`
	Previous   string                `json:"previous,omitempty" doc:"变更前的经营者"`
	ChangedOn  calendar.Date         `json:"changed_on" doc:"变更日期，未报告的为空"`
	Source     models.OperatorSource `json:"source" enum:"certified,registry,reported"`
	SourceName string                `json:"source_name" doc:"由何得知"`
	NoticedOn  calendar.Date         `json:"noticed_on" doc:"得知日期"`
	ReportedOn calendar.Date         `json:"reported_on" doc:"报告日期，未报告的为空"`
	RegistryOn calendar.Date         `json:"registry_on" doc:"登记数据显示变更的日期，尚未显示的为空"`
	CaseID     int64                 `json:"case_id,omitempty" doc:"据以处理的事项"`
}

func viewOperatorChange(c models.OperatorChange) OperatorChangeView {
	return OperatorChangeView{c.ID, c.Operator, c.Previous, c.ChangedOn, c.Source, c.Source.Name(), c.NoticedOn, c.ReportedOn, c.RegistryOn, c.CaseID}
}

// OperatorChanges are the changes of one household.
type OperatorChanges struct {
	Items []OperatorChangeView `json:"items" doc:"从认定时起，最新在后"`
}

func (s *Server) listOperatorChanges(ctx context.Context, u models.User, in *CertificationInput) (*struct{ Body OperatorChanges }, error) {
	c, _, err := s.certifiedOf(ctx, u, in.Number)
	if err != nil {
		return nil, err
	}
	return s.operatorChanges(ctx, c)
}

func (s *Server) operatorChanges(ctx context.Context, c models.Certification) (*struct{ Body OperatorChanges }, error) {
	list, err := s.Store.OperatorChanges(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	v := OperatorChanges{Items: []OperatorChangeView{}}
	for _, change := range list {
		v.Items = append(v.Items, viewOperatorChange(change))
	}
	return &struct{ Body OperatorChanges }{v}, nil
}

func (s *Server) reportOperatorChange(ctx context.Context, u models.User, in *struct {
	CertificationInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Name      string        `json:"name" minLength:"1" maxLength:"60" doc:"变更后的经营者姓名"`
		ChangedOn calendar.Date `json:"changed_on" doc:"变更日期"`
		Text      string        `json:"text,omitempty" maxLength:"2000" doc:"说明；工作人员代为报告的，写明缘由"`
	}
}) (*struct{ Body OperatorChanges }, error) {
	cert, _, err := s.certifiedOf(ctx, u, in.Number)
	if err != nil {
		return nil, err
	}
	if u.Role != models.RoleOperator && in.Body.Text == "" {
		return nil, models.Invalid("text", "代为报告须写明缘由，如：经营者到窗口口述，已当面核对")
	}
	c := models.CertifiedCommand{CommandID: commandKey(in.IdempotencyKey), CertificationID: cert.ID, Event: models.CertifiedReportOperator, Actor: u.Actor(), Clause: "附三(五)"}
	c = c.Asked(in.Body.ChangedOn.String(), in.Body.Text) // not the name, not even as a hash: it stays in the database
	switch done, err := s.Store.CertifiedCommandDone(ctx, c); {
	case err != nil:
		return nil, err
	case done:
		return s.reportedBefore(ctx, cert, in.Body.Name)
	}
	today, err := s.todayOf(ctx, cert.CycleID)
	if err != nil {
		return nil, err
	}
	if _, err := cert.On(today).Next(c.Event); err != nil {
		return nil, err
	}
	change, err := s.Store.DraftOperatorChange(ctx, models.OperatorChange{CertificationID: cert.ID, District: cert.District, USCC: cert.USCC, CommandID: c.CommandID,
		Operator: in.Body.Name, ChangedOn: in.Body.ChangedOn, ByActor: u.Actor()}, today)
	if err != nil {
		return nil, err
	}
	c.ChangeID = change.ID
	if in.Body.Text != "" {
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Text); err != nil {
			return nil, err
		}
	}
	if _, err := s.actCertified(ctx, cert, c); err != nil {
		return nil, err
	}
	return s.operatorChanges(ctx, cert)
}

// reportedBefore answers a report that was taken before; one that names somebody else under the same key is another report.
func (s *Server) reportedBefore(ctx context.Context, cert models.Certification, name string) (*struct{ Body OperatorChanges }, error) {
	out, err := s.operatorChanges(ctx, cert)
	if err != nil {
		return nil, err
	}
	name = strings.TrimSpace(name)
	if !slices.ContainsFunc(out.Body.Items, func(v OperatorChangeView) bool { return v.Operator == name && v.ReportedOn != 0 }) {
		return nil, models.Conflict("这个操作编号已用于另一项操作，请换一个编号")
	}
	return out, nil
}
