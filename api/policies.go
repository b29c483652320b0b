package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// PolicyView is a version of a year's policy, without its content.
type PolicyView struct {
	ID          int64              `json:"id" doc:"编号"`
	District    string             `json:"district"`
	Year        int                `json:"year"`
	Version     int                `json:"version" doc:"本区本年度的第几版"`
	Hash        string             `json:"hash" doc:"文件内容的 SHA-256"`
	State       models.PolicyState `json:"state" enum:"draft,in_force,replaced" doc:"draft 草案，in_force 施行，replaced 已被取代"`
	Note        string             `json:"note,omitempty" doc:"说明"`
	CreatedBy   models.Actor       `json:"created_by"`
	CreatedAt   string             `json:"created_at"`
	InForceBy   models.Actor       `json:"in_force_by,omitempty" doc:"由谁施行"`
	InForceAt   string             `json:"in_force_at,omitempty" doc:"最近一次施行的时间"`
	PublishedAt string             `json:"published_at,omitempty" doc:"向社会公布的时间，空为尚未公布"`
}

func viewPolicy(v store.PolicyVersion) PolicyView {
	return PolicyView{ID: v.ID, District: v.District, Year: v.Year, Version: v.Version, Hash: v.Hash, State: v.State, Note: v.Note,
		CreatedBy: v.CreatedBy, CreatedAt: moment(v.CreatedAt), InForceBy: v.InForceBy,
		InForceAt: momentOrEmpty(v.InForceAt), PublishedAt: momentOrEmpty(v.PublishedAt)}
}

func (s *Server) registerPolicies() {
	tags := []string{"当年政策"}
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: tags}
	}
	register(s, readers, op("list-policies", http.MethodGet, "/api/v1/policies", "政策版本列表"), s.listPolicies)
	add := op("add-policy", http.MethodPost, "/api/v1/policies", "存入一份政策文件，作为草案")
	add.DefaultStatus = http.StatusCreated
	add.MaxBodyBytes = policyBody
	register(s, admins, add, s.addPolicy)
	check := op("check-policy", http.MethodPost, "/api/v1/policies/check", "检查一份政策文件，列出所有错误")
	check.MaxBodyBytes = policyBody
	register(s, admins, check, s.checkPolicy)
	register(s, readers, op("get-policy", http.MethodGet, "/api/v1/policies/{id}", "一个政策版本"), s.getPolicy)
	register(s, readers, op("get-policy-content", http.MethodGet, "/api/v1/policies/{id}/content", "政策文件原文（YAML）"), s.getPolicyContent)
	register(s, readers, op("diff-policies", http.MethodGet, "/api/v1/policies/{id}/diff", "与另一版本逐项比较"), s.diffPolicies)
	register(s, admins, op("put-policy-in-force", http.MethodPost, "/api/v1/policies/{id}/force", "施行这一版本，取代现行版本"), s.putPolicyInForce)
	register(s, admins, op("publish-policy", http.MethodPost, "/api/v1/policies/{id}/publish", "向社会公布施行中的标准与措施"), s.publishPolicy)
	s.registerStandards()
}

// policyBody lets a file that is too large reach the check, which says so in words.
const policyBody = policy.MaxSize + 4096

// PolicyFile is a request whose body is the file itself.
type PolicyFile struct {
	RawBody []byte `contentType:"application/yaml" doc:"政策文件（YAML，UTF-8）"`
}

// policyProblem answers a file that is wrong with each of its problems.
func policyProblem(err error) error {
	var problems policy.Problems
	if !errors.As(err, &problems) {
		return err
	}
	list := make([]FieldError, len(problems))
	for i, p := range problems {
		list[i] = FieldError{Field: "content", Message: p.String()}
	}
	return newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("政策文件有 %d 处错误，请逐项改正后再提交", len(problems)), list...)
}

func (s *Server) listPolicies(ctx context.Context, u models.User, in *struct {
	PageInput
	District string `query:"district" maxLength:"6" doc:"区划代码"`
	Year     int    `query:"year" minimum:"0" maximum:"2100"`
}) (*struct{ Body Page[PolicyView] }, error) {
	if in.District == "" {
		in.District = u.District
	}
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	list, err := s.Store.Policies(ctx, store.PolicyFilter{District: in.District, Year: in.Year}, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[PolicyView] }{newPage(list, in.Limit, viewPolicy, func(v store.PolicyVersion) any { return v.ID })}, nil
}

func (s *Server) addPolicy(ctx context.Context, u models.User, in *struct {
	PolicyFile
	Note string `query:"note" maxLength:"500" doc:"说明，如为何修改"`
}) (*struct{ Body PolicyView }, error) {
	p, err := policy.Load(in.RawBody)
	if err != nil {
		return nil, policyProblem(err)
	}
	if err := inDistrict(u, p.District); err != nil {
		return nil, models.Errorf(models.CodeForbidden, "这份政策文件是 %s 区的，您只能存入本区的政策", p.District)
	}
	v, err := s.Store.AddPolicy(ctx, u.Actor(), p.District, p.Year, in.RawBody, in.Note)
	if err != nil {
		return nil, policyProblem(err)
	}
	return &struct{ Body PolicyView }{viewPolicy(v)}, nil
}

// PolicyCheck is what a check of a file found.
type PolicyCheck struct {
	OK           bool             `json:"ok" doc:"没有错误"`
	Problems     []policy.Problem `json:"problems" doc:"所有错误，按行排列"`
	District     string           `json:"district,omitempty"`
	Year         int              `json:"year,omitempty"`
	Hash         string           `json:"hash,omitempty" doc:"文件内容的 SHA-256"`
	Placeholders []string         `json:"placeholders" doc:"仍为占位值、待区里确认的参数"`
}

func (s *Server) checkPolicy(_ context.Context, _ models.User, in *PolicyFile) (*struct{ Body PolicyCheck }, error) {
	out := PolicyCheck{Problems: []policy.Problem{}, Placeholders: []string{}}
	p, err := policy.Load(in.RawBody)
	var problems policy.Problems
	switch {
	case errors.As(err, &problems):
		out.Problems = problems
	case err != nil:
		return nil, err
	default:
		out.OK, out.District, out.Year, out.Hash = true, p.District, p.Year, p.Hash()
		for _, q := range p.Parameters {
			if q.Placeholder {
				out.Placeholders = append(out.Placeholders, q.Name+"："+q.Value.String())
			}
		}
	}
	return &struct{ Body PolicyCheck }{out}, nil
}

// PolicyID names a version in an address.
type PolicyID struct {
	ID int64 `path:"id" minimum:"1" doc:"政策版本的编号"`
}

// versionOf gives a version that the caller may see.
func (s *Server) versionOf(ctx context.Context, u models.User, id int64) (store.PolicyVersion, error) {
	v, err := s.Store.PolicyByID(ctx, id)
	if err == nil {
		err = inDistrict(u, v.District)
	}
	return v, err
}

func (s *Server) getPolicy(ctx context.Context, u models.User, in *PolicyID) (*struct{ Body PolicyView }, error) {
	v, err := s.versionOf(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body PolicyView }{viewPolicy(v)}, nil
}

// PolicyContent answers with the file as it was stored.
type PolicyContent struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) getPolicyContent(ctx context.Context, u models.User, in *PolicyID) (*PolicyContent, error) {
	v, err := s.versionOf(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &PolicyContent{"application/yaml; charset=utf-8", []byte(v.Content)}, nil
}

// PolicyDiff is what a version says otherwise than another.
type PolicyDiff struct {
	From    PolicyView      `json:"from" doc:"原版本"`
	To      PolicyView      `json:"to" doc:"新版本"`
	Changes []policy.Change `json:"changes" doc:"逐项的不同，按文件顺序"`
}

func (s *Server) diffPolicies(ctx context.Context, u models.User, in *struct {
	PolicyID
	With int64 `query:"with" minimum:"1" required:"true" doc:"与哪个版本比较（作为原版本）"`
}) (*struct{ Body PolicyDiff }, error) {
	to, err := s.versionOf(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	from, err := s.versionOf(ctx, u, in.With)
	if err != nil {
		return nil, err
	}
	changes := policy.Diff(from.Policy, to.Policy)
	if changes == nil {
		changes = []policy.Change{}
	}
	return &struct{ Body PolicyDiff }{PolicyDiff{viewPolicy(from), viewPolicy(to), changes}}, nil
}

func (s *Server) putPolicyInForce(ctx context.Context, u models.User, in *PolicyID) (*struct{ Body PolicyView }, error) {
	return s.changePolicy(ctx, u, in.ID, s.Store.PutInForce)
}

func (s *Server) publishPolicy(ctx context.Context, u models.User, in *PolicyID) (*struct{ Body PolicyView }, error) {
	return s.changePolicy(ctx, u, in.ID, s.Store.PublishPolicy)
}

func (s *Server) changePolicy(ctx context.Context, u models.User, id int64, change func(context.Context, models.Actor, int64) error) (*struct{ Body PolicyView }, error) {
	if _, err := s.versionOf(ctx, u, id); err != nil {
		return nil, err
	}
	if err := change(ctx, u.Actor(), id); err != nil {
		return nil, err
	}
	v, err := s.versionOf(ctx, u, id)
	if err != nil {
		return nil, err
	}
	return &struct{ Body PolicyView }{viewPolicy(v)}, nil
}
