package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
)

// OwnHousehold is what an operator sees first: where the household stands, why, what is missing, and what help there is.
type OwnHousehold struct {
	USCC           string             `json:"uscc"`
	Name           string             `json:"name"`
	District       string             `json:"district"`
	DistrictName   string             `json:"district_name"`
	Year           int                `json:"year,omitempty" doc:"最近一个公布分型结果的年度"`
	Tier           models.Tier        `json:"tier" doc:"公布的分型结果，空为尚未公布"`
	PublishedOn    string             `json:"published_on,omitempty"`
	Tiering        *HouseholdView     `json:"tiering,omitempty" doc:"为什么是这个结果，还缺什么"`
	Note           string             `json:"note,omitempty"`
	Measures       []StandardMeasure  `json:"measures" doc:"可以享受的帮扶（附二）和培育（附四）措施，各由哪些部门负责、是否须申请、何时办理"`
	Help           []HelpView         `json:"help" doc:"本年度的帮扶记录"`
	Certifications []OwnCertification `json:"certifications" doc:"“名特优新”认定，最新在前"`
	Applications   []OwnApplication   `json:"applications" doc:"申报与推荐，最新在前"`
	Objections     []OwnObjection     `json:"objections" doc:"本户提出的异议，最新在前"`
	Cases          []CaseView         `json:"cases" doc:"本户认定是否继续有效的事项，最新在前"`
	Owed           []OwnObligation    `json:"owed" doc:"待办事项，按期限排列"`
}

// OwnCertification is a certification of one's own.
type OwnCertification struct {
	Number       string                    `json:"number"`
	Category     models.Category           `json:"category"`
	CategoryName string                    `json:"category_name" doc:"知名、特色、优质、新兴"`
	CertifiedOn  string                    `json:"certified_on"`
	ValidUntil   string                    `json:"valid_until"`
	State        models.CertificationState `json:"state"`
	StateName    string                    `json:"state_name"`
	Reports      []ReportItem              `json:"reports" doc:"年度信息报告，最新在前"`
}

// OwnApplication is an application of one's own.
type OwnApplication struct {
	ID        int64                   `json:"id"`
	Number    string                  `json:"number" doc:"受理编号"`
	Year      int                     `json:"year"`
	Origin    models.Origin           `json:"origin" enum:"own,recommended"`
	State     models.ApplicationState `json:"state"`
	StateName string                  `json:"state_name"`
	LimitOn   string                  `json:"limit_on,omitempty" doc:"须在此日前表示同意或补充材料"`
	Category  models.Category         `json:"category,omitempty" doc:"审核确定的分类"`
}

// OwnObjection is an objection of one's own.
type OwnObjection struct {
	ID         int64                 `json:"id"`
	Kind       models.ObjectionKind  `json:"kind"`
	KindName   string                `json:"kind_name"`
	State      models.ObjectionState `json:"state"`
	StateName  string                `json:"state_name"`
	ReceivedOn string                `json:"received_on"`
	Due        string                `json:"due,omitempty" doc:"受理或办结的期限"`
	SettledOn  string                `json:"settled_on,omitempty"`
}

// OwnObligation is something that the operator is to do.
type OwnObligation struct {
	Title   string `json:"title"`
	Clause  string `json:"clause" doc:"工作方案条款"`
	Due     string `json:"due" doc:"期限"`
	Subject string `json:"subject" doc:"所涉事项，如 application/12"`
	Overdue bool   `json:"overdue"`
}

func (s *Server) registerHouseholds() {
	register(s, operators, huma.Operation{OperationID: "my-household", Method: http.MethodGet, Path: "/api/v1/me/household",
		Summary: "本户概况：分型结果及依据、还缺什么、可享受的措施、申报、异议、认定、待办", Tags: []string{"经营者"}}, s.ownHousehold)
}

// shownCases is how many of a household's cases of a kind its overview shows.
const shownCases = 20

func (s *Server) ownHousehold(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body OwnHousehold }, error) {
	v := OwnHousehold{USCC: u.USCC, District: u.District, Measures: []StandardMeasure{}, Help: []HelpView{}}
	district, err := s.Store.District(ctx, u.District)
	if err != nil {
		return nil, err
	}
	v.DistrictName = district.Name
	home, err := s.Store.HouseholdHome(ctx, u.USCC)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return nil, err
	}
	v.Name, v.Year = home.Name, home.Year
	if err := s.ownTier(ctx, u, &v); err != nil {
		return nil, err
	}
	var clock calendar.Clock // real time where the year has no cycle
	switch cycle, err := s.Store.Cycle(ctx, models.CycleID(u.District, v.Year)); {
	case err == nil:
		clock = cycle.Clock
	case models.CodeOf(err) != models.CodeNotFound:
		return nil, err
	}
	today := clock.Today(time.Now())
	if err := s.ownCases(ctx, u, today, &v); err != nil {
		return nil, err
	}
	if err := s.ownMeasures(ctx, u, today, &v); err != nil {
		return nil, err
	}
	return &struct{ Body OwnHousehold }{v}, nil
}

// ownTier fills in the published tier with its reasons; before it is published there is nothing to say (附一(二)2).
func (s *Server) ownTier(ctx context.Context, u models.User, v *OwnHousehold) error {
	p, ok, err := s.Store.PublishedStanding(ctx, u.District, u.USCC)
	if err != nil {
		return err
	}
	if !ok {
		v.Note = "本户的分型结果尚未公布。"
		return nil
	}
	v.Year, v.Tier, v.PublishedOn = p.Year, p.Tier, p.PublishedOn.String()
	why, err := s.explain(ctx, u.District, u.USCC, p.Year)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		return nil
	case err != nil:
		return err
	case why.Tier != p.Tier:
		v.Note = "公布之后分型结果有变化，重新公布后生效；以下依据为最新数据。"
	}
	v.Tiering = &why
	return nil
}

// ownCases fills in the household's cases and what is to be done.
func (s *Server) ownCases(ctx context.Context, u models.User, today calendar.Date, v *OwnHousehold) error {
	certifications, err := s.Store.HouseholdCertifications(ctx, u.District, u.USCC, shownCases)
	if err != nil {
		return err
	}
	reports, err := s.ownReports(ctx, certifications, today)
	if err != nil {
		return err
	}
	v.Certifications = []OwnCertification{}
	for _, c := range certifications {
		v.Certifications = append(v.Certifications, OwnCertification{Number: c.Number, Category: c.Category, CategoryName: c.Category.Name(),
			CertifiedOn: c.CertifiedOn.String(), ValidUntil: c.ValidUntil.String(), State: c.State, StateName: c.State.Name(),
			Reports: append([]ReportItem{}, reports[c.ID]...)})
	}
	applications, err := s.Store.HouseholdApplications(ctx, u.District, u.USCC, shownCases)
	if err != nil {
		return err
	}
	v.Applications = []OwnApplication{}
	for _, a := range applications {
		v.Applications = append(v.Applications, OwnApplication{ID: a.ID, Number: a.Number(), Year: a.Year, Origin: a.Origin, State: a.State,
			StateName: a.State.Name(), LimitOn: a.LimitOn.String(), Category: a.Category})
	}
	objections, err := s.Store.HouseholdObjections(ctx, u.District, u.USCC, shownCases)
	if err != nil {
		return err
	}
	v.Objections = []OwnObjection{}
	for _, o := range objections {
		due := o.AcceptDue
		if o.SettleDue != 0 {
			due = o.SettleDue
		}
		if !o.State.Live() {
			due = 0
		}
		v.Objections = append(v.Objections, OwnObjection{ID: o.ID, Kind: o.Kind, KindName: o.Kind.Name(), State: o.State, StateName: o.State.Name(),
			ReceivedOn: o.ReceivedOn.String(), Due: due.String(), SettledOn: o.SettledOn.String()})
	}
	cases, err := s.Store.Cases(ctx, store.CaseQuery{District: u.District, USCC: u.USCC, Told: true, Limit: shownCases})
	if err != nil {
		return err
	}
	v.Cases = []CaseView{}
	for _, k := range cases {
		v.Cases = append(v.Cases, viewCase(u, k))
	}
	owed, err := s.Store.Obligations(ctx, store.ObligationFilter{District: u.District, Owner: u.USCC, State: models.ObligationOpen}, store.ObligationCursor{}, shownCases)
	if err != nil {
		return err
	}
	v.Owed = []OwnObligation{}
	for _, o := range owed {
		v.Owed = append(v.Owed, OwnObligation{Title: o.Title, Clause: o.Clause, Due: o.Due.String(), Subject: o.Subject, Overdue: o.Due < today})
	}
	return nil
}

// ownMeasures fills in the measures of the tier (附二) and of the certification whose benefits run today (附四), by the policy in force, and what
// became of the help of the year.
func (s *Server) ownMeasures(ctx context.Context, u models.User, today calendar.Date, v *OwnHousehold) error {
	law, err := s.Store.PolicyInForce(ctx, u.District, v.Year)
	if models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	known, err := s.Store.Entitlements(ctx, u.District, v.Year, today, []string{u.USCC})
	if err != nil {
		return err
	}
	for _, m := range law.MeasuresFor(v.Tier, known[u.USCC].Category) {
		v.Measures = append(v.Measures, viewMeasure(m))
	}
	t, err := s.measureTerms(ctx, u, models.CycleID(u.District, v.Year))
	if models.CodeOf(err) == models.CodeNotFound {
		return nil // a year without a cycle has no help on record
	}
	if err != nil {
		return err
	}
	list, err := s.Store.HelpList(ctx, store.HelpFilter{CycleID: t.cycle.ID, USCC: u.USCC}, 0, shownCases)
	for _, h := range list {
		v.Help = append(v.Help, t.viewHelp(h))
	}
	return err
}

func viewMeasure(m policy.Measure) StandardMeasure {
	view := StandardMeasure{For: m.For, Clause: m.Clause, Name: m.Name}
	for _, part := range m.Parts {
		view.Parts = append(view.Parts, StandardMeasurePart{part.Text, part.Departments, part.Help, part.Help.Name(), part.Period.Words()})
	}
	return view
}
