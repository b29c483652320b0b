package api

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/store"
)

func (s *Server) registerCases() {
	tags := []string{"认定存续"}
	list, one := "/api/v1/cases", "/api/v1/cases/{id}"
	post := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: tags, DefaultStatus: http.StatusOK}
	}
	register(s, caseReaders, huma.Operation{OperationID: "list-cases", Method: http.MethodGet, Path: list, Summary: "认定存续事项，最新在前；经营者只见本户的，部门只见征求本部门意见的", Tags: tags}, s.listCases)
	register(s, caseReaders, huma.Operation{OperationID: "get-case", Method: http.MethodGet, Path: one, Summary: "一件事项：所依据的情形、陈述申辩、意见、决定和经过", Tags: tags}, s.getCase)
	open := post("open-case", "/api/v1/certifications/{number}/cases", "立项：涉嫌以欺诈、贿赂等手段取得认定，或者已不符合标准；证据另行上传")
	open.DefaultStatus = http.StatusCreated
	register(s, bureau, open, s.openCase)
	register(s, bureau, post("hear-case", one+"/hear", "书面告知并听取陈述申辩；补充证据后须再次听取"), s.hearCase)
	register(s, concerned, post("state-case", one+"/statement", "陈述申辩；工作人员代为登记的，须先上传经营者签字的材料"), s.stateCase)
	register(s, bureau, post("ask-case-opinion", one+"/opinion-request", "征求推荐部门意见（附三(五)D）；部门逾期的可再次征求"), s.askCaseOpinion)
	register(s, officers, post("give-case-opinion", one+"/opinion", "推荐部门意见：是否同意延长"), s.giveCaseOpinion)
	register(s, bureau, post("propose-case", one+"/proposal", "拟定处理意见，由另一人决定"), s.proposeCase)
	register(s, bureau, post("return-case", one+"/return", "不同意拟定的意见，退回重新拟定"), s.returnCase)
	register(s, bureau, post("decide-case", one+"/decision", "按拟定的意见作出决定；拟定的人和立项的人不得决定"), s.decideCase)
	register(s, bureau, post("close-case", one+"/close", "情形消失，终结事项"), s.closeCase)
}

// caseReaders see cases, each as much as is theirs (readCase, caseDetail).
var caseReaders = Rule{Roles: []models.Role{models.RoleOperator, models.RoleAdmin, models.RoleDepartment, models.RoleAuditor}}

// CaseInput names a case.
type CaseInput struct {
	ID int64 `path:"id" minimum:"1" doc:"事项编号"`
}

// CaseCommandInput is a command on a case.
type CaseCommandInput struct {
	CaseInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}

func noCase(id int64) error {
	return models.NotFound("没有编号为 %d 的事项，或与您无关", id)
}

// readCase reads a case that concerns the caller: the bureau and auditors of the district, the household once it may know of it, the
// department that is asked.
func (s *Server) readCase(ctx context.Context, u models.User, id int64) (models.Case, error) {
	k, err := s.Store.Case(ctx, id)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		return k, noCase(id)
	case err != nil:
		return k, err
	}
	own := u.Role == models.RoleOperator && u.USCC == k.USCC && k.Told()
	asked := u.Role == models.RoleDepartment && k.Department != "" && u.Department == k.Department
	if inDistrict(u, k.District) != nil || !own && !asked && !seesCases(u) {
		return k, noCase(id)
	}
	return k, nil
}

// seesCases says who sees what the bureau weighs among itself.
func seesCases(u models.User) bool { return u.Bureau() || u.Role == models.RoleAuditor }

func (s *Server) bureauCase(ctx context.Context, u models.User, id int64) (models.Case, error) {
	if err := bureauOnly(u); err != nil {
		return models.Case{}, err
	}
	return s.readCase(ctx, u, id)
}

func (s *Server) listCases(ctx context.Context, u models.User, in *struct {
	PageInput
	District      string           `query:"district" maxLength:"6"`
	Kind          models.CaseKind  `query:"kind" enum:"report,operator,data,evaluation,fraud"`
	State         models.CaseState `query:"state" enum:"open,hearing,heard,proposed,decided,closed"`
	Live          bool             `query:"live" doc:"只看尚未决定的"`
	USCC          string           `query:"uscc" maxLength:"18"`
	Certification string           `query:"certification" maxLength:"40" doc:"认定编号"`
}) (*struct{ Body Page[CaseView] }, error) {
	q := store.CaseQuery{District: in.District, Kind: in.Kind, State: in.State, Live: in.Live, USCC: in.USCC, Before: in.After, Limit: in.Limit + 1}
	if in.Certification != "" {
		var err error
		if q.Number, err = models.ParseCertificationNumber(in.Certification); err != nil {
			return nil, err
		}
	}
	if u.District != "" {
		if q.District != "" && q.District != u.District {
			return nil, inDistrict(u, q.District)
		}
		q.District = u.District
	}
	switch {
	case u.Role == models.RoleOperator:
		if q.USCC != "" && q.USCC != u.USCC {
			return nil, ownHousehold(u, q.USCC)
		}
		q.USCC, q.Told = u.USCC, true
	case !seesCases(u):
		q.Department = u.Department
	}
	rows, err := s.Store.Cases(ctx, q)
	if err != nil {
		return nil, err
	}
	view := func(k store.CaseItem) CaseView { return viewCase(u, k) }
	return &struct{ Body Page[CaseView] }{newPage(rows, in.Limit, view, func(k store.CaseItem) any { return k.ID })}, nil
}

func (s *Server) getCase(ctx context.Context, u models.User, in *CaseInput) (*struct{ Body CaseDetail }, error) {
	k, err := s.readCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.caseDetail(ctx, u, k)
}

func (s *Server) openCase(ctx context.Context, u models.User, in *struct {
	CertificationInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		Kind   models.CaseKind `json:"kind" enum:"fraud,data" doc:"fraud 涉嫌以欺诈、贿赂等手段取得认定，data 已不符合标准"`
		Reason string          `json:"reason" minLength:"1" maxLength:"2000" doc:"情形和证据；听取陈述申辩时将告知该户，不要写入举报人的信息"`
		Clause string          `json:"clause,omitempty" maxLength:"60" doc:"依据的条款，不填为 附三(五)"`
	}
}) (*struct{ Body CaseDetail }, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	cert, err := s.certification(ctx, in.Number)
	if err == nil {
		err = inDistrict(u, cert.District)
	}
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(strings.TrimSpace(in.Body.Reason)) < models.MinEvidence {
		return nil, models.Invalid("reason", "请写明情形和证据，至少%d字", models.MinEvidence)
	}
	c := models.CertifiedCommand{CommandID: commandKey(in.IdempotencyKey), CertificationID: cert.ID, Event: models.CertifiedOpenCase, Actor: u.Actor(),
		Kind: in.Body.Kind, Clause: strings.TrimSpace(in.Body.Clause)}
	if _, err := s.commandCertified(ctx, cert, c, in.Body.Reason); err != nil {
		return nil, err
	}
	id, err := s.Store.CommandedCase(ctx, cert.ID, c.CommandID)
	if err != nil {
		return nil, err
	}
	return s.getCase(ctx, u, &CaseInput{ID: id})
}

// commandCertified carries a command out whose words, if any, are kept as its reason once it may follow. The same command again keeps
// nothing a second time.
func (s *Server) commandCertified(ctx context.Context, cert models.Certification, c models.CertifiedCommand, words string) (models.Certification, error) {
	c.CertificationID = cert.ID
	c = c.Asked(words)
	switch done, err := s.Store.CertifiedCommandDone(ctx, c); {
	case err != nil:
		return cert, err
	case done:
		return s.Store.CertificationByID(ctx, cert.ID)
	}
	if strings.TrimSpace(words) != "" {
		c.ReasonID = 1
	}
	if err := c.Validate(); err != nil {
		return cert, err // before what was written is kept
	}
	if c.ReasonID != 0 {
		var err error
		if c.ReasonID, err = s.Store.AddReason(ctx, c.Actor, words); err != nil {
			return cert, err
		}
	}
	return s.actCertified(ctx, cert, c)
}

// actOnCase carries a command on a case out and gives the case as it then is.
func (s *Server) actOnCase(ctx context.Context, u models.User, k models.Case, key string, c models.CertifiedCommand, words string) (*struct{ Body CaseDetail }, error) {
	c.CommandID, c.CertificationID, c.CaseID, c.Actor = commandKey(key), k.CertificationID, k.ID, u.Actor()
	done, err := s.Store.CertifiedCommandDone(ctx, c.Asked(words))
	if err != nil {
		return nil, err
	}
	if !done {
		if _, err := k.Next(c.Event, c.Outcome); err != nil {
			return nil, err
		}
		if err := k.FourEyes(c.Event, c.Actor); err != nil {
			return nil, err
		}
		cert, err := s.Store.CertificationByID(ctx, k.CertificationID)
		if err == nil {
			_, err = s.commandCertified(ctx, cert, c, words)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.getCase(ctx, u, &CaseInput{ID: k.ID})
}

func (s *Server) hearCase(ctx context.Context, u models.User, in *CaseCommandInput) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedHear}, "")
}

func (s *Server) stateCase(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"2000" doc:"陈述和申辩"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.readCase(ctx, u, in.ID)
	if err == nil && u.Role != models.RoleOperator {
		err = bureauOnly(u)
	}
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedState}, in.Body.Text)
}

func (s *Server) askCaseOpinion(ctx context.Context, u models.User, in *CaseCommandInput) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedAskOpinion}, "")
}

func (s *Server) giveCaseOpinion(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Opinion models.Opinion `json:"opinion" enum:"agrees,disagrees" doc:"agrees 同意延长，disagrees 不同意延长"`
		Reason  string         `json:"reason" minLength:"1" maxLength:"2000" doc:"理由"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.readCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	department := u.Department
	if u.Role == models.RoleAdmin {
		department = models.BureauCode
	}
	if k.Department == "" || department != k.Department {
		return nil, models.Errorf(models.CodeForbidden, "该事项由被征求意见的推荐部门提出意见")
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedGiveOpinion, Opinion: in.Body.Opinion, Department: department}, in.Body.Reason)
}

func (s *Server) proposeCase(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Outcome models.CaseOutcome `json:"outcome" enum:"keep,cancel,extend,lapse,revoke" doc:"keep 继续有效，cancel 取消，extend 延长，lapse 不予延长，revoke 撤销"`
		Reason  string             `json:"reason" minLength:"1" maxLength:"2000" doc:"拟定的理由，供决定人审阅"`
		Clause  string             `json:"clause" minLength:"1" maxLength:"60" doc:"依据的条款"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedPropose, Outcome: in.Body.Outcome, Clause: in.Body.Clause}, in.Body.Reason)
}

func (s *Server) returnCase(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"退回的理由"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedReturn}, in.Body.Reason)
}

func (s *Server) decideCase(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Outcome models.CaseOutcome `json:"outcome" enum:"keep,cancel,extend,lapse,revoke" doc:"须与拟定的意见一致"`
		Reason  string             `json:"reason" minLength:"1" maxLength:"2000" doc:"决定的理由，将书面告知该户"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedDecide, Outcome: in.Body.Outcome}, in.Body.Reason)
}

func (s *Server) closeCase(ctx context.Context, u models.User, in *struct {
	CaseCommandInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"情形如何消失"`
	}
}) (*struct{ Body CaseDetail }, error) {
	k, err := s.bureauCase(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.actOnCase(ctx, u, k, in.IdempotencyKey, models.CertifiedCommand{Event: models.CertifiedCloseCase}, in.Body.Reason)
}

// ownCertification reads a certification of the operator's household, wherever its district.
func (s *Server) ownCertification(ctx context.Context, u models.User, number string) (models.Certification, error) {
	c, err := s.certification(ctx, number)
	if err == nil {
		err = ownHousehold(u, c.USCC)
	}
	return c, err
}
