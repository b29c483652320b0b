package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// MeasureView is a part of a measure with who is responsible, and where it stands in a cycle.
type MeasureView struct {
	For         string           `json:"for" doc:"适用的分型或分类"`
	Clause      string           `json:"clause" doc:"条款"`
	Name        string           `json:"name" doc:"措施"`
	Part        int              `json:"part" doc:"项目序号，从 1 起"`
	Text        string           `json:"text" doc:"内容"`
	Departments []string         `json:"departments" doc:"工作方案写明的负责部门"`
	Responsible []DepartmentName `json:"responsible" doc:"负责部门；集体名称由区市场监管局明确，未明确的由区市场监管局负责"`
	Collective  bool             `json:"collective" doc:"含有集体名称（如各相关部门）"`
	Help        policy.HelpMode  `json:"help" enum:"unasked,on_request" doc:"unasked 主动提供，on_request 经营者申请"`
	HelpName    string           `json:"help_name"`
	Period      string           `json:"period" doc:"办理时间"`
	Eligible    int              `json:"eligible" doc:"适用户数"`
	Served      int              `json:"served" doc:"已兑现户数"`
	Delivered   int              `json:"delivered" doc:"已兑现次数"`
	Requested   int              `json:"requested" doc:"待答复的申请"`
	Promised    int              `json:"promised" doc:"已承诺、待兑现"`
	Overdue     int              `json:"overdue" doc:"逾期未答复或未兑现"`
	Declined    int              `json:"declined" doc:"未予办理"`
}

// DepartmentName is a department with its code.
type DepartmentName struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// MeasureHousehold is a household that a measure is for.
type MeasureHousehold struct {
	USCC     string      `json:"uscc"`
	Name     string      `json:"name"`
	Street   string      `json:"street,omitempty"`
	Tier     models.Tier `json:"tier"`
	Category string      `json:"category,omitempty" doc:"已可享受培育措施的认定：知名、特色、优质、新兴"`
	Help     []HelpView  `json:"help" doc:"该项措施本年度的帮扶记录"`
}

// HouseholdMeasures is what a household may get in a year, from whom, and what became of it.
type HouseholdMeasures struct {
	USCC     string            `json:"uscc"`
	Name     string            `json:"name"`
	Year     int               `json:"year"`
	Tier     models.Tier       `json:"tier"`
	Category string            `json:"category,omitempty" doc:"已可享受培育措施的认定"`
	Measures []StandardMeasure `json:"measures" doc:"可以享受的措施"`
	Help     []HelpView        `json:"help" doc:"帮扶记录"`
}

// measureTerms is a cycle with what its measures need to be shown.
type measureTerms struct {
	cycle models.Cycle
	law   store.PolicyVersion
	named map[store.MeasureKey][]string
	names map[string]string // of departments
	today calendar.Date
}

func (s *Server) measureTerms(ctx context.Context, u models.User, cycleID string) (t measureTerms, err error) {
	if err := cycleInDistrict(u, cycleID); err != nil {
		return t, err
	}
	if t.cycle, err = s.Store.Cycle(ctx, cycleID); err != nil {
		return t, err
	}
	if t.law, err = s.Store.PolicyByID(ctx, t.cycle.PolicyID); err != nil {
		return t, err
	}
	if t.named, err = s.Store.MeasureDepartments(ctx, t.cycle.District); err != nil {
		return t, err
	}
	if t.names, err = s.Store.DepartmentNames(ctx, t.cycle.District, t.cycle.Year); err != nil {
		return t, err
	}
	t.today = t.cycle.Clock.Today(time.Now())
	return t, nil
}

// responsible gives who owes a part of a measure.
func (t measureTerms) responsible(clause string, number int, part policy.MeasurePart) []string {
	return part.Responsible(t.named[store.MeasureKey{Clause: clause, Part: number}])
}

// departmentName is how a department is called: as the district does, or the policy.
func (t measureTerms) departmentName(code string) string {
	if n := t.names[code]; n != "" {
		return n
	}
	return t.law.DepartmentName(code)
}

// own finds a part of a measure that the caller's department owes; officials of no department, and of the bureau, see every one.
func (t measureTerms) own(u models.User, clause string, number int) (policy.Measure, policy.MeasurePart, error) {
	m, part, err := t.law.Measure(clause, number)
	if err == nil && foreign(u) && !slices.Contains(t.responsible(clause, number, part), u.Department) {
		err = models.Errorf(models.CodeForbidden, "%s“%s”第 %d 项不由您的部门负责", m.Clause, m.Name, number)
	}
	return m, part, err
}

// concerns says whether the caller may see a measure's work: whose department owes a part of it, and who is of no department, or the bureau.
func (t measureTerms) concerns(u models.User, m policy.Measure) bool {
	if !foreign(u) {
		return true
	}
	for i, part := range m.Parts {
		if slices.Contains(t.responsible(m.Clause, i+1, part), u.Department) {
			return true
		}
	}
	return false
}

// foreign says whether the caller works for a department other than the bureau, and so sees only its own measures.
func foreign(u models.User) bool { return u.Role == models.RoleDepartment && !u.Bureau() }

// onlyDepartment is the department to which the caller's lists are bound; empty for those who see all.
func onlyDepartment(u models.User) string {
	if foreign(u) {
		return u.Department
	}
	return ""
}

func (s *Server) registerMeasures() {
	tags := []string{"帮扶措施"}
	register(s, everyone, huma.Operation{OperationID: "list-measures", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/measures",
		Summary: "帮扶与培育措施：负责部门、适用户数、已兑现、待兑现、逾期；部门工作人员只见本部门的", Tags: tags}, s.listMeasures)
	register(s, everyone, huma.Operation{OperationID: "list-measure-households", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/measures/{clause}/households",
		Summary: "一项措施适用的个体工商户及帮扶记录", Tags: tags}, s.listMeasureHouseholds)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, everyone, download("export-measure-households-"+format, "/api/v1/cycles/{id}/measures/{clause}/households."+format,
			"一项措施适用的个体工商户及帮扶记录（"+format+" 文件）", tags, kind), s.exportMeasureHouseholds(format))
	}
	register(s, admins, huma.Operation{OperationID: "name-measure-departments", Method: http.MethodPut, Path: "/api/v1/cycles/{id}/measures/{clause}/departments",
		Summary: "明确集体名称（各相关部门等）所指的部门，留痕", Tags: tags}, s.nameMeasureDepartments)
	register(s, signedIn, huma.Operation{OperationID: "household-measures", Method: http.MethodGet, Path: "/api/v1/households/{uscc}/measures/{year}",
		Summary: "一户一年可以享受的措施、由谁负责、办理情况", Tags: tags}, s.householdMeasures)
}

func (s *Server) listMeasures(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body Page[MeasureView] }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	eligible, err := s.Store.Eligible(ctx, t.cycle.District, t.cycle.Year, t.today)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.MeasureCounts(ctx, in.ID, onlyDepartment(u), t.today)
	if err != nil {
		return nil, err
	}
	out := Page[MeasureView]{Items: []MeasureView{}}
	for _, m := range t.law.Measures {
		for i, part := range m.Parts {
			who := t.responsible(m.Clause, i+1, part)
			if foreign(u) && !slices.Contains(who, u.Department) {
				continue
			}
			v := MeasureView{For: m.For, Clause: m.Clause, Name: m.Name, Part: i + 1, Text: part.Text, Departments: part.Departments, Collective: part.Collective,
				Help: part.Help, HelpName: part.Help.Name(), Period: part.Period.Words(), Eligible: eligible[m.For]}
			for _, code := range who {
				v.Responsible = append(v.Responsible, DepartmentName{code, t.departmentName(code)})
			}
			c := counts[store.MeasureKey{Clause: m.Clause, Part: i + 1}]
			v.Served, v.Delivered, v.Requested, v.Promised, v.Overdue, v.Declined = c.Served, c.Delivered, c.Requested, c.Promised, c.Overdue, c.Declined
			out.Items = append(out.Items, v)
		}
	}
	return &struct{ Body Page[MeasureView] }{out}, nil
}

// MeasureInput names a measure of a cycle.
type MeasureInput struct {
	CycleInput
	Clause string `path:"clause" maxLength:"60" doc:"条款，如 附二(二)3"`
}

// MeasureFilter selects the households of a part of a measure.
type MeasureFilter struct {
	Part     int    `query:"part" minimum:"1" maximum:"20" default:"1" doc:"项目序号"`
	Tier     string `query:"tier" enum:"生存型,成长型,发展型,不符合分型条件"`
	Category string `query:"category" enum:"renowned,distinctive,quality,emerging"`
	Street   string `query:"street" maxLength:"60"`
	Served   string `query:"served" enum:"yes,no" doc:"yes 已兑现过，no 尚未兑现"`
}

// query makes the store's query; the caller's department must owe the part.
func (f MeasureFilter) query(u models.User, t measureTerms, clause string) (q store.MeasureQuery, err error) {
	q = store.MeasureQuery{CycleID: t.cycle.ID, District: t.cycle.District, Year: t.cycle.Year, Today: t.today, Part: f.Part, Category: models.Category(f.Category), Street: f.Street}
	if q.Measure, _, err = t.own(u, clause, f.Part); err != nil {
		return q, err
	}
	if f.Tier != "" {
		if q.Tier, err = models.ParseTier(f.Tier); err != nil {
			return q, models.Invalid("tier", "“%s”不是分型", f.Tier)
		}
	}
	if f.Served != "" {
		served := f.Served == "yes"
		q.Served = &served
	}
	return q, nil
}

func (s *Server) listMeasureHouseholds(ctx context.Context, u models.User, in *struct {
	MeasureInput
	MeasureFilter
	After string `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[MeasureHousehold] }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	q, err := in.query(u, t, in.Clause)
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = in.After, in.Limit+1
	list, help, err := s.measureHouseholds(ctx, u, q)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[MeasureHousehold] }{newPage(list, in.Limit, func(e store.Entitled) MeasureHousehold {
		v := MeasureHousehold{USCC: e.USCC, Name: e.Name, Street: e.Street, Tier: e.Tier, Category: e.Category.Name(), Help: []HelpView{}}
		for _, h := range help[e.USCC] {
			v.Help = append(v.Help, t.viewHelp(h))
		}
		return v
	}, func(e store.Entitled) any { return e.USCC })}, nil
}

// measureHouseholds reads a page of households with their help under the part, as far as the caller may see it.
func (s *Server) measureHouseholds(ctx context.Context, u models.User, q store.MeasureQuery) ([]store.Entitled, map[string][]models.Help, error) {
	list, err := s.Store.MeasureHouseholds(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	codes := make([]string, len(list))
	for i, e := range list {
		codes[i] = e.USCC
	}
	help, err := s.Store.HelpOf(ctx, q.CycleID, store.MeasureKey{Clause: q.Measure.Clause, Part: q.Part}, codes)
	for uscc, of := range help {
		help[uscc] = slices.DeleteFunc(of, func(h models.Help) bool { return h.MayRead(u) != nil })
	}
	return list, help, err
}

func (s *Server) exportMeasureHouseholds(format string) func(context.Context, models.User, *struct {
	MeasureInput
	MeasureFilter
}) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *struct {
		MeasureInput
		MeasureFilter
	}) (*huma.StreamResponse, error) {
		t, err := s.measureTerms(ctx, u, in.ID)
		if err != nil {
			return nil, err
		}
		q, err := in.query(u, t, in.Clause)
		if err != nil {
			return nil, err
		}
		if err := s.Store.Audit(ctx, u.Actor(), "measure.export", "cycle/"+in.ID, map[string]any{"clause": in.Clause, "part": in.Part, "format": format}); err != nil {
			return nil, err
		}
		e := export{name: "measure-households-" + in.ID, sheet: "适用户", width: []float64{22, 36, 16, 12, 12, 24, 14, 14}}
		return s.table(ctx, format, e, func(w files.TableWriter) error {
			if err := w.Row("统一社会信用代码", "名称", "街道", "分型", "认定分类", "办理情况", "期限", "最近兑现日期"); err != nil {
				return err
			}
			for q.Limit = exportPage; ; {
				list, help, err := s.measureHouseholds(ctx, u, q)
				if err != nil {
					return err
				}
				for _, h := range list {
					state, due, on := helpCells(help[h.USCC])
					if err := w.Row(h.USCC, models.SafeCell(h.Name), models.SafeCell(h.Street), h.Tier.String(), h.Category.Name(), state, due, on); err != nil {
						return err
					}
					q.After = h.USCC
				}
				if len(list) < exportPage {
					return nil
				}
			}
		}), nil
	}
}

// helpCells says in a table where a household's help stands.
func helpCells(list []models.Help) (state, due, on string) {
	var states []string
	for _, h := range list {
		if states = append(states, h.State.Name()); h.State.Live() {
			due = h.Due.String()
		}
		if h.DeliveredOn != 0 {
			on = h.DeliveredOn.String()
		}
	}
	return strings.Join(states, "、"), due, on
}

func (s *Server) nameMeasureDepartments(ctx context.Context, u models.User, in *struct {
	MeasureInput
	Body struct {
		Part        int      `json:"part" minimum:"1" maximum:"20" doc:"项目序号"`
		Departments []string `json:"departments" maxItems:"30" doc:"部门代码；空为交回区市场监管局"`
		Reason      string   `json:"reason" minLength:"1" maxLength:"2000" doc:"依据或说明"`
	}
}) (*struct{ Body Page[DepartmentName] }, error) {
	t, err := s.measureTerms(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	m, part, err := t.law.Measure(in.Clause, in.Body.Part)
	if err != nil {
		return nil, err
	}
	if !part.Collective {
		return nil, models.Conflict("%s“%s”第 %d 项的负责部门由工作方案写明，不另行明确", m.Clause, m.Name, in.Body.Part)
	}
	if err := u.Actor().Personally(); err != nil {
		return nil, err
	}
	reason, err := s.Store.AddReason(ctx, u.Actor(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	key := store.MeasureKey{Clause: in.Clause, Part: in.Body.Part}
	if err := s.Store.NameDepartments(ctx, t.cycle.District, key, in.Body.Departments, u.Actor(), reason); err != nil {
		return nil, err
	}
	out := Page[DepartmentName]{Items: []DepartmentName{}}
	for _, code := range part.Responsible(in.Body.Departments) {
		out.Items = append(out.Items, DepartmentName{code, t.departmentName(code)})
	}
	return &struct{ Body Page[DepartmentName] }{out}, nil
}

func (s *Server) householdMeasures(ctx context.Context, u models.User, in *struct {
	USCC string `path:"uscc" pattern:"^[0-9A-Z]{18}$" doc:"统一社会信用代码"`
	Year int    `path:"year" minimum:"2020" maximum:"2100"`
}) (*struct{ Body HouseholdMeasures }, error) {
	if err := ownHousehold(u, in.USCC); err != nil {
		return nil, err
	}
	home, err := s.Store.HouseholdHome(ctx, in.USCC)
	if err != nil {
		return nil, err
	}
	v, err := s.measuresOf(ctx, u, home.District, in.USCC, in.Year)
	if err != nil {
		return nil, err
	}
	if v.Name == "" {
		v.Name = home.Name
	}
	return &struct{ Body HouseholdMeasures }{v}, nil
}

// measuresOf gives what a household may get in a year, as far as the caller may see it.
func (s *Server) measuresOf(ctx context.Context, u models.User, district, uscc string, year int) (HouseholdMeasures, error) {
	v := HouseholdMeasures{USCC: uscc, Year: year, Measures: []StandardMeasure{}, Help: []HelpView{}}
	t, err := s.measureTerms(ctx, u, models.CycleID(district, year))
	if err != nil {
		return v, err
	}
	known, err := s.Store.Entitlements(ctx, district, year, t.today, []string{uscc})
	if err != nil {
		return v, err
	}
	e := known[uscc]
	v.Name, v.Tier, v.Category = e.Name, e.Tier, e.Category.Name()
	for _, m := range t.law.MeasuresFor(e.Tier, e.Category) {
		if t.concerns(u, m) {
			v.Measures = append(v.Measures, viewMeasure(m))
		}
	}
	list, err := s.Store.HelpList(ctx, store.HelpFilter{CycleID: t.cycle.ID, USCC: uscc, Department: onlyDepartment(u)}, 0, shownCases)
	if err != nil {
		return v, err
	}
	for _, h := range list {
		v.Help = append(v.Help, t.viewHelp(h))
	}
	return v, nil
}
