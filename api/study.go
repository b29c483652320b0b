package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// DifferenceView is a household for which the city's result is not ours.
type DifferenceView struct {
	ID             int64                  `json:"id"`
	USCC           string                 `json:"uscc"`
	Name           string                 `json:"name" doc:"名称"`
	OwnTier        models.Tier            `json:"own_tier" doc:"本区判定"`
	CityTier       models.Tier            `json:"city_tier" doc:"市级结果"`
	Tier           models.Tier            `json:"tier" doc:"目前采用的分型：研判决定优先，其次市级结果"`
	DecidedTier    models.Tier            `json:"decided_tier" doc:"研判决定，空为待研判"`
	Department     string                 `json:"department" doc:"数据涉及的部门代码"`
	DepartmentName string                 `json:"department_name"`
	Source         string                 `json:"source" doc:"涉及的数据来源"`
	Why            string                 `json:"why" doc:"差异原因"`
	State          models.DifferenceState `json:"state" enum:"open,settled,obsolete" doc:"open 待研判，settled 已研判，obsolete 已随新数据消除"`
	Reason         string                 `json:"reason,omitempty" doc:"研判理由"`
	DecidedBy      models.Actor           `json:"decided_by,omitempty"`
	DecidedAt      string                 `json:"decided_at,omitempty"`
}

// StudyView is the 研判报告 (R4).
type StudyView struct {
	Cycle         string            `json:"cycle"`
	DistrictName  string            `json:"district_name" doc:"区名"`
	Year          int               `json:"year"`
	AsOf          calendar.Date     `json:"as_of" doc:"判定日"`
	Run           int               `json:"run" doc:"第几次判定"`
	PolicyVersion int               `json:"policy_version" doc:"政策版本"`
	PolicyHash    string            `json:"policy_hash"`
	Study         models.StudyBoard `json:"study" doc:"各部门研判进度"`
	DistributionView
}

func (s *Server) registerStudy() {
	tags := []string{"联合研判"}
	register(s, everyone, huma.Operation{OperationID: "list-differences", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/differences", Summary: "与市级分型结果的差异；部门工作人员只看涉及本部门数据的", Tags: tags}, s.listDifferences)
	register(s, officers, huma.Operation{OperationID: "decide-differences", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/differences/decisions", Summary: "研判差异：采用本区判定、市级结果或另一分型，写明理由", Tags: tags, DefaultStatus: http.StatusOK}, s.decideDifferences)
	register(s, everyone, huma.Operation{OperationID: "get-study", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/study", Summary: "研判报告", Tags: tags}, s.getStudy)
	register(s, everyone, download("get-study-xlsx", "/api/v1/cycles/{id}/study.xlsx", "研判报告（Excel，含图表）", tags, kindXLSX), s.getStudyWorkbook)
	register(s, everyone, huma.Operation{OperationID: "list-gaps", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/study/gaps", Summary: "一项数据中缺少的户，或登记数据中没有的代码", Tags: tags}, s.listGaps)
}

// ownDepartment is the department whose differences the caller may see; "" = every one. Differences tell what departments'
// data say, and an officer is concerned with the own department's.
func ownDepartment(u models.User, asked string) (string, error) {
	if u.Role != models.RoleDepartment {
		return asked, nil
	}
	if asked != "" && asked != u.Department {
		return "", models.Errorf(models.CodeForbidden, "只能查看涉及本部门数据的差异")
	}
	return u.Department, nil
}

func (s *Server) listDifferences(ctx context.Context, u models.User, in *struct {
	CycleInput
	Department string                 `query:"department" maxLength:"20" doc:"部门代码"`
	State      models.DifferenceState `query:"state" enum:"open,settled,obsolete" doc:"不填为待研判和已研判的"`
	After      int64                  `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit      int                    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[DifferenceView] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	department, err := ownDepartment(u, in.Department)
	if err != nil {
		return nil, err
	}
	list, names, err := s.differences(ctx, store.DifferenceQuery{CycleID: in.ID, Department: department, State: in.State, After: in.After, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	view := func(d store.DifferenceItem) DifferenceView { return viewDifference(d, names) }
	return &struct{ Body Page[DifferenceView] }{newPage(list, in.Limit, view, func(d store.DifferenceItem) any { return d.ID })}, nil
}

// differences reads a page of differences and the names of the district's departments.
func (s *Server) differences(ctx context.Context, q store.DifferenceQuery) ([]store.DifferenceItem, map[string]string, error) {
	district, year, err := models.ParseCycleID(q.CycleID)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.Store.Differences(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	names, err := s.Store.DepartmentNames(ctx, district, year)
	return list, names, err
}

func viewDifference(d store.DifferenceItem, names map[string]string) DifferenceView {
	v := DifferenceView{ID: d.ID, USCC: d.USCC, Name: d.Name, OwnTier: d.OwnTier, CityTier: d.CityTier, Tier: d.Effective(), DecidedTier: d.DecidedTier,
		Department: d.Department, DepartmentName: names[d.Department], Source: d.Source, Why: d.Why, State: d.State, Reason: d.Reason,
		DecidedBy: d.DecidedBy, DecidedAt: momentOrEmpty(d.DecidedAt)}
	if v.DepartmentName == "" {
		v.DepartmentName = d.Department
	}
	return v
}

// DecisionAnswer is what became of a decision.
type DecisionAnswer struct {
	Settled int   `json:"settled" doc:"本次研判的差异数"`
	Open    int64 `json:"open" doc:"全区尚待研判的差异数"`
}

func (s *Server) decideDifferences(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		IDs    []int64 `json:"ids" minItems:"1" maxItems:"500" uniqueItems:"true" doc:"差异编号"`
		Tier   string  `json:"tier" minLength:"1" maxLength:"20" doc:"own 采用本区判定，city 采用市级结果，或一种分型"`
		Reason string  `json:"reason" minLength:"1" maxLength:"2000" doc:"研判理由"`
	}
}) (*struct{ Body DecisionAnswer }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	d := models.Decision{CommandID: commandKey(in.IdempotencyKey), CycleID: in.ID, IDs: in.Body.IDs, Choice: in.Body.Tier, Actor: u.Actor(),
		Admin: u.Role == models.RoleAdmin, Officer: u.Department, ReasonID: 1}
	if err := d.Validate(); err != nil {
		return nil, err // before the reason is kept
	}
	var err error
	if d.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), in.Body.Reason); err != nil {
		return nil, err
	}
	handle, err := s.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.StudyWorkflowID(in.ID), UpdateID: d.CommandID, UpdateName: workflows.UpdateDecide, Args: []any{d},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return nil, commandError(err)
	}
	var a workflows.StudyAnswer
	if err := handle.Get(ctx, &a); err != nil {
		return nil, commandError(err)
	}
	return &struct{ Body DecisionAnswer }{DecisionAnswer(a)}, nil
}

func (s *Server) getStudy(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body StudyView }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	r, err := s.Store.StudyReport(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body StudyView }{StudyView{Cycle: r.CycleID, DistrictName: r.DistrictName, Year: r.Year, AsOf: r.AsOf, Run: r.Run,
		PolicyVersion: r.PolicyVersion, PolicyHash: r.PolicyHash, Study: r.Study, DistributionView: viewDistribution(r)}}, nil
}

func (s *Server) getStudyWorkbook(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
	run, _, err := s.currentRun(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.Store.StudyReport(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	department, err := ownDepartment(u, "")
	if err != nil {
		return nil, err
	}
	return s.file(ctx, kindXLSX, "study-"+in.ID+".xlsx", func(w io.Writer) error {
		return s.writeStudyWorkbook(ctx, w, r, run, department)
	}), nil
}

// GapHousehold is a code that one side lacks.
type GapHousehold struct {
	USCC string `json:"uscc"`
}

func (s *Server) listGaps(ctx context.Context, u models.User, in *struct {
	CycleInput
	Source string         `query:"source" required:"true" maxLength:"20" doc:"数据来源代码，如 city_tiering"`
	Kind   models.GapKind `query:"kind" required:"true" enum:"missing,unmatched" doc:"missing 登记数据中有而该数据中没有，unmatched 该数据中有而登记数据中没有"`
	After  string         `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit  int            `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[GapHousehold] }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	district, year, err := models.ParseCycleID(in.ID)
	if err != nil {
		return nil, err
	}
	source, err := models.ParseSource(in.Source)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.GapPage(ctx, district, year, source, in.Kind, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[GapHousehold] }{newPage(list, in.Limit, func(code string) GapHousehold { return GapHousehold{code} }, func(code string) any { return code })}, nil
}
