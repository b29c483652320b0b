package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// StartCycleInput asks for a district's year.
type StartCycleInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
	Body           struct {
		District string                             `json:"district" pattern:"^[0-9]{6}$" doc:"行政区划代码"`
		Year     int                                `json:"year" minimum:"2024" maximum:"2100"`
		Plan     map[calendar.PlanKey]calendar.Date `json:"plan,omitempty" doc:"与默认不同的计划日期"`
		Clock    *calendar.Clock                    `json:"clock,omitempty" doc:"演练时钟，仅限演练"`
	}
}

// StartedCycle is the answer to a start.
type StartedCycle struct {
	ID         string `json:"id"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	UIURL      string `json:"ui_url" doc:"在 Temporal 界面中查看"`
}

// PlanDate is one date of a cycle's plan.
type PlanDate struct {
	Key    calendar.PlanKey `json:"key"`
	Name   string           `json:"name"`
	Date   calendar.Date    `json:"date"`
	Clause string           `json:"clause"`
}

// CycleView is a cycle as administrators see it.
type CycleView struct {
	ID         string             `json:"id"`
	District   string             `json:"district"`
	Year       int                `json:"year"`
	Stage      models.Stage       `json:"stage"`
	StageName  string             `json:"stage_name"`
	State      models.CycleState  `json:"state"`
	Today      calendar.Date      `json:"today" doc:"业务日期（演练时为模拟日期）"`
	Plan       []PlanDate         `json:"plan"`
	Clock      *calendar.Clock    `json:"clock,omitempty"`
	PolicyID   int64              `json:"policy_id"`
	WorkflowID string             `json:"workflow_id"`
	UIURL      string             `json:"ui_url"`
	StartedAt  string             `json:"started_at"`
	Counts     *models.TierCounts `json:"counts,omitempty" doc:"最近一次判定的户数，依次为未判定、不符合分型条件、生存型、成长型、发展型"`
	Owed       []ObligationView   `json:"owed,omitempty" doc:"谁还欠什么：最早到期的100项，全部见应办事项"`

	OwedCounts   []store.OwedCount                 `json:"owed_counts,omitempty" doc:"各类未完成事项的件数"`
	Applications map[models.ApplicationState]int64 `json:"applications,omitempty" doc:"申报件在各状态的件数"`
	Events       []store.CycleEvent                `json:"events,omitempty" doc:"经过"`
}

// owedShown is how many obligations a cycle's view lists; what thousands of applicants and reviewers owe is counted.
const owedShown = 100

func (s *Server) registerCycles() {
	tags := []string{"年度工作"}
	register(s, admins, huma.Operation{OperationID: "start-cycle", Method: http.MethodPost, Path: "/api/v1/cycles", Summary: "启动一个区的年度工作", Tags: tags, DefaultStatus: http.StatusAccepted}, s.startCycle)
	register(s, everyone, huma.Operation{OperationID: "list-cycles", Method: http.MethodGet, Path: "/api/v1/cycles", Summary: "年度工作列表", Tags: tags}, s.listCycles)
	register(s, everyone, huma.Operation{OperationID: "get-cycle", Method: http.MethodGet, Path: "/api/v1/cycles/{id}", Summary: "年度工作：阶段、计划、谁欠什么", Tags: tags}, s.getCycle)
	register(s, admins, huma.Operation{OperationID: "reschedule-cycle", Method: http.MethodPatch, Path: "/api/v1/cycles/{id}/plan", Summary: "调整计划日期", Tags: tags}, s.reschedule)
	register(s, admins, huma.Operation{OperationID: "command-cycle", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/commands", Summary: "推进、暂停、恢复、取消", Tags: tags}, s.commandCycle)
	register(s, admins, huma.Operation{OperationID: "judge-again", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/tiering/runs", Summary: "重新判定全部个体工商户", Tags: tags, DefaultStatus: http.StatusAccepted}, s.judgeAgain)
}

func (s *Server) startCycle(ctx context.Context, u models.User, in *StartCycleInput) (*struct{ Body StartedCycle }, error) {
	b := in.Body
	if err := inDistrict(u, b.District); err != nil {
		return nil, err
	}
	if _, err := s.Store.District(ctx, b.District); err != nil {
		return nil, err
	}
	var clock calendar.Clock
	if b.Clock != nil {
		clock = calendar.Clock{Start: b.Clock.Start, DaysPerSecond: b.Clock.DaysPerSecond}
	}
	if err := clock.Validate(); err != nil {
		return nil, models.Invalid("clock", "%s", err)
	}
	if clock.Rehearsal() && !s.Options.AllowRehearsal {
		return nil, models.Errorf(models.CodeForbidden, "本系统不允许用演练时钟启动年度工作")
	}
	request := models.RequestHash(b.Plan, clock)
	id, attempt := models.CycleID(b.District, b.Year), 1
	old, err := s.Store.Cycle(ctx, id)
	switch {
	case err == nil && old.State == models.CycleCancelled:
		attempt = old.Attempt + 1
	case err == nil && old.RequestHash != request:
		return nil, models.Conflict("%d 年的年度工作已经启动，且计划或时钟不同；要改日期请调整计划", b.Year)
	case err == nil:
		return &struct{ Body StartedCycle }{s.started(old.WorkflowID, old.RunID, id)}, nil
	case models.CodeOf(err) != models.CodeNotFound:
		return nil, err
	}
	year, err := s.Store.PlanYear(ctx, b.District, b.Year, b.Plan)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if clock.Rehearsal() {
		clock.Origin = now.UTC().Truncate(time.Millisecond)
	}
	year.CycleID, year.Clock, year.WorkflowID = id, clock, workflows.CycleWorkflowID(id)
	year.RequestHash, year.Attempt = request, attempt
	year.Actor, year.Today = u.Actor(), clock.Today(now)
	start := s.Temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: workflows.CycleWorkflowID(id), TaskQueue: workflows.QueueMain,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            workflows.CycleSummary(b.District, b.Year),
		TypedSearchAttributes:    workflows.CycleAttributes(b.District, b.Year),
	}, workflows.Cycle, workflows.NewCycleState(year))
	handle, err := s.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{UpdateID: "open", UpdateName: workflows.UpdateOpen,
			WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err != nil {
		return nil, commandError(err)
	}
	var answer workflows.CycleAnswer
	if err := handle.Get(ctx, &answer); err != nil {
		return nil, commandError(err)
	}
	return &struct{ Body StartedCycle }{s.started(workflows.CycleWorkflowID(id), handle.RunID(), id)}, nil
}

func (s *Server) started(workflowID, runID, id string) StartedCycle {
	return StartedCycle{ID: id, WorkflowID: workflowID, RunID: runID, UIURL: s.uiURL(workflowID)}
}

// uiURL is where Temporal's UI shows a workflow.
func (s *Server) uiURL(workflowID string) string {
	if s.Options.TemporalUI == "" {
		return ""
	}
	return s.Options.TemporalUI + "/namespaces/" + s.Options.Namespace + "/workflows/" + url.PathEscape(workflowID)
}

func (s *Server) listCycles(ctx context.Context, u models.User, in *struct {
	After string `query:"after" maxLength:"20"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[CycleView] }, error) {
	cycles, err := s.Store.Cycles(ctx, u.District, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[CycleView] }{newPage(cycles, in.Limit, s.view, func(c models.Cycle) any { return c.ID })}, nil
}

func (s *Server) view(c models.Cycle) CycleView {
	v := CycleView{ID: c.ID, District: c.District, Year: c.Year, Stage: c.Stage, StageName: c.Stage.Info().Name, State: c.State,
		Today: c.Clock.Today(time.Now()), PolicyID: c.PolicyID, WorkflowID: c.WorkflowID, UIURL: s.uiURL(c.WorkflowID),
		StartedAt: moment(c.StartedAt)}
	if c.Clock.Rehearsal() {
		clock := c.Clock
		clock.Origin = clock.Origin.In(calendar.Shanghai)
		v.Clock = &clock
	}
	for _, i := range calendar.PlanItems {
		v.Plan = append(v.Plan, PlanDate{Key: i.Key, Name: i.Name, Date: c.Plan[i.Key], Clause: i.Clause})
	}
	return v
}

// cycle reads a cycle of the caller's district.
func (s *Server) cycle(ctx context.Context, u models.User, id string) (models.Cycle, error) {
	c, err := s.Store.Cycle(ctx, id)
	if err != nil {
		return c, err
	}
	return c, inDistrict(u, c.District)
}

func (s *Server) getCycle(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body CycleView }, error) {
	c, err := s.cycle(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	v := s.view(c)
	owed, err := s.Store.Obligations(ctx, store.ObligationFilter{CycleID: c.ID, State: models.ObligationOpen}, store.ObligationCursor{}, owedShown)
	if err != nil {
		return nil, err
	}
	if v.OwedCounts, err = s.Store.OwedCounts(ctx, c.ID, v.Today); err != nil {
		return nil, err
	}
	if v.Applications, err = s.Store.CountApplications(ctx, c.ID); err != nil {
		return nil, err
	}
	for _, o := range owed {
		v.Owed = append(v.Owed, viewObligation(o))
	}
	run, err := s.Store.CurrentRun(ctx, c.ID)
	switch {
	case err == nil:
		v.Counts = &run.Counts
	case models.CodeOf(err) != models.CodeNotFound:
		return nil, err
	}
	if v.Events, err = s.Store.CycleEvents(ctx, c.ID); err != nil {
		return nil, err
	}
	for i := range v.Events {
		v.Events[i].At = v.Events[i].At.In(calendar.Shanghai)
	}
	return &struct{ Body CycleView }{v}, nil
}

// CycleAnswer is the state after a command took effect.
type CycleAnswer struct {
	Stage     models.Stage      `json:"stage"`
	StageName string            `json:"stage_name"`
	State     models.CycleState `json:"state"`
	Plan      calendar.Plan     `json:"plan"`
}

// command puts the reason on record, sends a command to a cycle and waits until it took effect. message makes what is
// sent, with the command's key (the client's, or a new one) and the reason's id: the text stays in the record.
func (s *Server) command(ctx context.Context, u models.User, id, given, reason, name string, message func(key string, reasonID int64) any) (*struct{ Body CycleAnswer }, error) {
	reasonID, err := s.Store.AddReason(ctx, u.Actor(), reason)
	if err != nil {
		return nil, err
	}
	key := commandKey(given)
	handle, err := s.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.CycleWorkflowID(id), UpdateID: key, UpdateName: name, Args: []any{message(key, reasonID)},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return nil, commandError(err)
	}
	var a workflows.CycleAnswer
	if err := handle.Get(ctx, &a); err != nil {
		return nil, commandError(err)
	}
	return &struct{ Body CycleAnswer }{CycleAnswer{Stage: a.Stage, StageName: a.Stage.Info().Name, State: a.State, Plan: a.Plan}}, nil
}

func (s *Server) reschedule(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Changes map[calendar.PlanKey]calendar.Date `json:"changes" minProperties:"1"`
		Reason  string                             `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body CycleAnswer }, error) {
	c, err := s.cycle(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := c.Plan.With(in.Body.Changes); err != nil {
		return nil, models.Invalid("changes", "%s", err)
	}
	return s.command(ctx, u, c.ID, in.IdempotencyKey, in.Body.Reason, workflows.UpdateReschedule, func(key string, reasonID int64) any {
		return workflows.Reschedule{CommandID: key, Changes: in.Body.Changes, ReasonID: reasonID, Actor: u.Actor()}
	})
}

func (s *Server) commandCycle(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Command models.Command `json:"command" enum:"advance,pause,resume,cancel"`
		Reason  string         `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body CycleAnswer }, error) {
	c, err := s.cycle(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	if c.State == models.CycleDone || c.State == models.CycleCancelled {
		return nil, c.State.Allowed(in.Body.Command)
	}
	if in.Body.Command == models.CommandAdvance && c.Stage == models.StageCertification { // it orders the certification, or finishes the spot check
		if err := u.Actor().Personally(); err != nil {
			return nil, err
		}
	}
	return s.command(ctx, u, c.ID, in.IdempotencyKey, in.Body.Reason, workflows.UpdateCommand, func(key string, reasonID int64) any {
		return workflows.CycleCommand{CommandID: key, Command: in.Body.Command, ReasonID: reasonID, Actor: u.Actor()}
	})
}

func (s *Server) judgeAgain(ctx context.Context, u models.User, in *struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100"`
	Body           struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000"`
	}
}) (*struct{ Body CycleAnswer }, error) {
	c, err := s.cycle(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return s.command(ctx, u, c.ID, in.IdempotencyKey, in.Body.Reason, workflows.UpdateJudge, func(key string, reasonID int64) any {
		return workflows.CycleCommand{CommandID: key, ReasonID: reasonID, Actor: u.Actor()}
	})
}

// commandKey is the number of a command: made of the client's idempotency key, or a new one for a client that gave none. It is never
// one that the program gives by itself (bar/3, lapse/110107-2026/7, discard …), which a client could otherwise take away from it, and
// always ASCII that fits its column, whatever bytes came.
func commandKey(given string) string {
	const mark, most = "key:", 100
	switch {
	case given == "":
		return rand.Text()
	case len(mark+given) <= most && strings.IndexFunc(given, func(r rune) bool { return r < ' ' || r > '~' }) < 0:
		return mark + given
	}
	return mark + store.HashToken(given)
}
