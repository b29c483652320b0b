package api

import (
	"context"
	"strings"
	"time"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/policy"
	"bangfu/models/store"
	"bangfu/workflows"
)

// noFee is said wherever an operator applies (三(二)).
const noFee = "申报自愿，全程免费，任何单位和个人不得借此收费、摊派或索要财物。"

// ApplicationItem is an application in a list.
type ApplicationItem struct {
	ID             int64                   `json:"id"`
	Number         string                  `json:"number" doc:"申报编号"`
	Cycle          string                  `json:"cycle" doc:"年度工作编号"`
	USCC           string                  `json:"uscc" doc:"统一社会信用代码"`
	Name           string                  `json:"name" doc:"名称"`
	Street         string                  `json:"street,omitempty" doc:"所属街道"`
	Tier           models.Tier             `json:"tier" doc:"分型"`
	Origin         models.Origin           `json:"origin" enum:"own,recommended"`
	OriginName     string                  `json:"origin_name" doc:"自主申报或部门推荐"`
	Department     string                  `json:"department,omitempty" doc:"推荐部门代码"`
	State          models.ApplicationState `json:"state"`
	StateName      string                  `json:"state_name" doc:"现状"`
	NextStep       string                  `json:"next_step" doc:"下一步"`
	Wished         []models.Category       `json:"wished" doc:"申报的分类，最希望的在前"`
	Category       models.Category         `json:"category,omitempty" doc:"审核认为更适宜的分类"`
	SubmittedOn    string                  `json:"submitted_on,omitempty" doc:"申报或推荐之日"`
	LimitOn        string                  `json:"limit_on,omitempty" doc:"答复或补充的最后一日"`
	Due            string                  `json:"due,omitempty" doc:"本环节应办结的日期"`
	ClosedOn       string                  `json:"closed_on,omitempty" doc:"办结日期"`
	Clause         string                  `json:"clause,omitempty" doc:"最近一次决定的依据"`
	CategoryName   string                  `json:"category_name,omitempty"`
	WishedNames    []string                `json:"wished_names"`
	DepartmentName string                  `json:"department_name,omitempty" doc:"推荐部门"`
}

func dateText(d calendar.Date) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func viewItem(a models.Application) ApplicationItem {
	v := ApplicationItem{ID: a.ID, Number: a.Number(), Cycle: a.CycleID, USCC: a.USCC, Name: a.Name, Street: a.Street, Tier: a.Tier,
		Origin: a.Origin, OriginName: a.Origin.Name(), Department: a.Department, State: a.State, StateName: a.State.Name(), NextStep: a.State.NextStep(),
		Wished: append([]models.Category{}, a.Wished...), WishedNames: []string{}, Category: a.Category, CategoryName: a.Category.Name(),
		SubmittedOn: dateText(a.SubmittedOn), LimitOn: dateText(a.LimitOn), Due: dateText(a.Due), ClosedOn: dateText(a.ClosedOn), Clause: a.Clause}
	for _, c := range a.Wished {
		v.WishedNames = append(v.WishedNames, c.Name())
	}
	return v
}

// GroundView is a ground of an application and what was found about it.
type GroundView struct {
	Category     models.Category `json:"category"`
	CategoryName string          `json:"category_name"`
	Letter       string          `json:"letter"`
	Text         string          `json:"text" doc:"条款原文"`
	Claimed      bool            `json:"claimed" doc:"由申报人或推荐部门提出"`
	Statement    string          `json:"statement,omitempty"`
	Outcome      models.Outcome  `json:"outcome,omitempty" enum:"met,not_met,not_known" doc:"met 符合，not_met 不符合；没有则尚未认定"`
	CheckedBy    string          `json:"checked_by,omitempty" enum:"data,reviewer" doc:"data 以部门数据核对，reviewer 由审核人员认定"`
	Value        string          `json:"value,omitempty" doc:"据以判断的数据"`
}

// ApplicationView is an application with what it says and what happened to it.
type ApplicationView struct {
	ApplicationItem
	Grounds       []GroundView `json:"grounds" doc:"提出的条件"`
	Statement     string       `json:"statement,omitempty" doc:"补充说明"`
	EnteredBy     models.Actor `json:"entered_by,omitempty" doc:"录入人，仅工作人员可见"`
	RecommendedBy models.Actor `json:"recommended_by,omitempty" doc:"推荐人，仅工作人员可见"`
	Reason        string       `json:"reason,omitempty" doc:"最近一次决定的理由"`
	PolicyID      int64        `json:"policy_id" doc:"所依据的政策版本编号"`
	RunID         int64        `json:"run_id" doc:"分型结果出自哪一次判定"`
	DataMark      string       `json:"data_mark" doc:"核对所依据的部门数据"`
	Story         []StepView   `json:"story" doc:"经过"`
	CreatedAt     string       `json:"created_at"`
	UpdatedAt     string       `json:"updated_at"`
	UIURL         string       `json:"ui_url,omitempty" doc:"流程界面，仅工作人员可见"`
}

// StepView is one event of an application's story.
type StepView struct {
	Event  models.ApplicationEvent `json:"event"`
	Name   string                  `json:"name" doc:"事项"`
	On     string                  `json:"on" doc:"日期"`
	At     string                  `json:"at" doc:"时间"`
	By     string                  `json:"by" doc:"由谁"`
	Reason string                  `json:"reason,omitempty" doc:"理由"`
	Clause string                  `json:"clause,omitempty" doc:"依据"`
}

// answerApplication reads what belongs to an application.
func (s *Server) answerApplication(ctx context.Context, u models.User, a models.Application) (*struct{ Body ApplicationView }, error) {
	grounds, _, err := s.groundsOf(ctx, a)
	if err != nil {
		return nil, err
	}
	steps, err := s.Store.ApplicationSteps(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	v := ApplicationView{ApplicationItem: viewItem(a), Grounds: grounds, Statement: a.Statement, PolicyID: a.PolicyID, RunID: a.RunID, DataMark: a.DataMark,
		Story: []StepView{}, CreatedAt: moment(a.CreatedAt), UpdatedAt: moment(a.UpdatedAt)}
	if a.Department != "" {
		names, err := s.Store.DepartmentNames(ctx, a.District, a.Year)
		if err != nil {
			return nil, err
		}
		v.DepartmentName = names[a.Department]
	}
	if u.Role != models.RoleOperator {
		v.EnteredBy, v.RecommendedBy, v.UIURL = a.EnteredBy, a.RecommendedBy, s.uiURL(workflows.ApplicationWorkflowID(a.ID))
	}
	ids := make([]int64, len(steps))
	for i, step := range steps {
		ids[i] = step.ReasonID
	}
	words, err := s.Store.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		w := StepView{Event: step.Event, Name: step.Event.Name(), On: step.OnDate.String(), At: moment(step.At), By: actorWord(step.Actor), Reason: words[step.ReasonID], Clause: step.Clause}
		if step.ReasonID == a.ReasonID {
			v.Reason = w.Reason
		}
		v.Story = append(v.Story, w)
	}
	return &struct{ Body ApplicationView }{v}, nil
}

// actorWord says who acted without saying which person.
func actorWord(a models.Actor) string {
	switch {
	case a == models.ActorSystem:
		return "系统"
	case strings.HasPrefix(string(a), string(models.HouseholdActor(""))):
		return "经营者"
	}
	return "工作人员"
}

// groundsOf gives an application's grounds in the words of its policy.
func (s *Server) groundsOf(ctx context.Context, a models.Application) ([]GroundView, store.PolicyVersion, error) {
	law, err := s.Store.PolicyByID(ctx, a.PolicyID)
	if err != nil {
		return nil, law, err
	}
	grounds, err := s.Store.ApplicationGrounds(ctx, a.ID)
	if err != nil {
		return nil, law, err
	}
	list := make([]GroundView, len(grounds))
	for i, g := range grounds {
		list[i] = GroundView{Category: g.Category, CategoryName: g.Category.Name(), Letter: g.Letter, Claimed: g.Claimed, Statement: g.Statement,
			Outcome: g.Outcome, CheckedBy: g.CheckedBy, Value: g.Value}
		if text, ok := law.Ground(g.Category, g.Letter); ok {
			list[i].Text = text.Text
		}
	}
	return list, law, nil
}

// Receipt is what whoever applied holds in hand: on which data, policy and program the application was taken.
type Receipt struct {
	ApplicationItem
	ReceivedAt    string       `json:"received_at" doc:"受理时间"`
	ReviewDue     string       `json:"review_due" doc:"审核走访截止日期"`
	Grounds       []GroundView `json:"grounds" doc:"提出的条件，以及以部门数据核对的结果"`
	PolicyVersion int          `json:"policy_version" doc:"政策版本"`
	PolicyHash    string       `json:"policy_hash" doc:"政策文件的 SHA-256"`
	RunID         int64        `json:"run_id" doc:"分型结果出自哪一次判定"`
	DataMark      string       `json:"data_mark" doc:"核对所依据的部门数据"`
	Program       string       `json:"program" doc:"程序版本"`
	Notice        string       `json:"notice" doc:"告知"`
}

func (s *Server) receipt(ctx context.Context, a models.Application) (*struct{ Body Receipt }, error) {
	grounds, law, err := s.groundsOf(ctx, a)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Receipt }{Receipt{ApplicationItem: viewItem(a), ReceivedAt: moment(a.UpdatedAt), ReviewDue: dateText(a.Due), Grounds: grounds,
		PolicyVersion: law.Version, PolicyHash: law.Hash, RunID: a.RunID, DataMark: a.DataMark, Program: s.Options.Program,
		Notice: "区市场监管局将进行审核，审核通过的还将上门走访核实。" + noFee}}, nil
}

// PrefillItem is what a department delivered: it is shown, not asked for.
type PrefillItem struct {
	Label       string `json:"label" doc:"项目"`
	Value       string `json:"value"`
	Source      string `json:"source" doc:"数据来源"`
	DeliveredOn string `json:"delivered_on,omitempty" doc:"部门交付日期"`
}

// PrefillGround is a ground that can be claimed, with what the data already say of it.
type PrefillGround struct {
	Letter string `json:"letter"`
	Text   string `json:"text" doc:"条款原文"`
	Check  string `json:"check" enum:"data,evidence,recommendation" doc:"data 以部门数据核对，evidence 需提供材料，recommendation 须由部门推荐"`
	models.GroundCheck
}

// PrefillCategory is a category with its grounds.
type PrefillCategory struct {
	Category models.Category `json:"category"`
	Name     string          `json:"name"`
	Clause   string          `json:"clause"`
	Text     string          `json:"text" doc:"条款原文"`
	Grounds  []PrefillGround `json:"grounds"`
}

// Prefill is everything that an operator sees before applying.
type Prefill struct {
	Cycle         string            `json:"cycle"`
	Until         string            `json:"applications_until" doc:"申报推荐截止日期"`
	Tier          models.Tier       `json:"tier" doc:"本年度分型"`
	Tiers         []models.Tier     `json:"tiers" doc:"可以自主申报的分型"`
	MayApply      bool              `json:"may_apply" doc:"现在可以自主申报"`
	Bars          []models.Bar      `json:"bars" doc:"不得申报的情形"`
	Facts         []PrefillItem     `json:"facts" doc:"部门已掌握的数据，无需再填"`
	Categories    []PrefillCategory `json:"categories"`
	ApplicationID int64             `json:"application_id,omitempty" doc:"本年度进行中的申报件"`
	Notice        string            `json:"notice" doc:"告知"`
}

func (s *Server) prefill(ctx context.Context, u models.User, _ *struct{}) (*struct{ Body Prefill }, error) {
	cycle, err := s.Store.SeasonCycle(ctx, u.District)
	if err != nil {
		return nil, err
	}
	law, err := s.Store.PolicyByID(ctx, cycle.PolicyID)
	if err != nil {
		return nil, err
	}
	c, err := s.Store.Candidate(ctx, cycle.ID, u.USCC)
	if err != nil {
		return nil, err
	}
	today := cycle.Clock.Today(time.Now())
	v := Prefill{Cycle: cycle.ID, Until: cycle.Plan[calendar.PlanApplicationsUntil].String(), Tier: c.Tier, Tiers: law.Criteria.Tiers,
		Bars: append([]models.Bar{}, law.Bars(&c, models.OriginOwn, today, today)...), Facts: []PrefillItem{}, Notice: noFee}
	for _, i := range c.Items {
		v.Facts = append(v.Facts, PrefillItem{Label: i.Label, Value: i.Value, Source: i.Source.Name(), DeliveredOn: dateText(i.DeliveredOn)})
	}
	a := models.Application{USCC: u.USCC, Origin: models.OriginOwn, Tier: c.Tier, SubmittedOn: today}
	for _, category := range law.Criteria.Categories {
		v.Categories = append(v.Categories, prefillCategory(law.Policy, category, &c, a, today))
	}
	live, err := s.Store.LiveApplication(ctx, cycle.ID, u.USCC)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		return nil, err
	}
	v.ApplicationID = live.ID
	v.MayApply = len(v.Bars) == 0 && (live.ID == 0 || live.State == models.ApplicationDraft)
	return &struct{ Body Prefill }{v}, nil
}

func prefillCategory(law *policy.Policy, category policy.Category, c *models.Candidate, a models.Application, today calendar.Date) PrefillCategory {
	v := PrefillCategory{Category: models.Category(category.Code), Name: category.Name, Clause: category.Clause, Text: category.Text, Grounds: []PrefillGround{}}
	for _, g := range category.Grounds {
		v.Grounds = append(v.Grounds, PrefillGround{Letter: g.Letter, Text: g.Text, Check: string(g.Check),
			GroundCheck: law.CheckGround(v.Category, g.Letter, c, a, today)})
	}
	return v
}
