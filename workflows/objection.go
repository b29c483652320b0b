package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that an objection takes.
const (
	UpdateObjectionReceived = "received" // answers once the receipt is written; sent with the start
	UpdateObjectionAct      = "act"      // a command of a person: models.ObjectionCommand
)

// ObjectionState is an objection's whole state and its workflow's input.
type ObjectionState struct {
	ID       int64
	CycleID  string
	District string
	Year     int
	Clock    calendar.Clock

	Record  activities.ObjectionStatus // what the process knows of the record; set by the process itself from here on
	Told    int                        // events up to this number are told to whom they concern
	Handled []string                   // command IDs, so that a repeated command is answered and not refused
}

// ObjectionAnswer is what an objection answers.
type ObjectionAnswer struct {
	State  models.ObjectionState
	Events int
}

// ObjectionStart gives how an objection's process is started: with its receipt, or by a command where none runs any more.
func ObjectionStart(o models.Objection, clock calendar.Clock) (client.StartWorkflowOptions, ObjectionState, error) {
	_, year, err := models.ParseCycleID(o.CycleID)
	if err != nil {
		return client.StartWorkflowOptions{}, ObjectionState{}, err
	}
	return client.StartWorkflowOptions{
		ID: ObjectionWorkflowID(o.ID), TaskQueue: QueueMain,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            o.Kind.Name() + " " + o.Number(),
		TypedSearchAttributes:    temporal.NewSearchAttributes(KeyDistrict.ValueSet(o.District), KeyYear.ValueSet(int64(year)), KeyStage.ValueSet(objectionStage(o.State))),
	}, ObjectionState{ID: o.ID, CycleID: o.CycleID, District: o.District, Year: year, Clock: clock}, nil
}

// StartObjection starts an objection's process where none runs; one that runs hears nothing of it.
func StartObjection(ctx context.Context, c client.Client, o models.Objection, clock calendar.Clock) error {
	options, state, err := ObjectionStart(o, clock)
	if err != nil {
		return err
	}
	if _, err := c.ExecuteWorkflow(ctx, options, Objection, state); err != nil {
		return fmt.Errorf("starting the process of objection %d: %w", o.ID, err)
	}
	return nil
}

// objectionStage tells an objection from an application with a state of the same name.
func objectionStage(s models.ObjectionState) string { return "异议" + s.Name() }

// Objection is one objection from its receipt to the reply (附一(二)3, 三(三)). Its deadlines decide nothing: what is overdue is
// escalated (the morning round), shown here, and stays open until people settle it.
func Objection(ctx workflow.Context, state ObjectionState) error {
	p := &objection{ObjectionState: state}
	if err := p.setup(ctx); err != nil {
		return err
	}
	return p.run(ctx)
}

type objection struct {
	ObjectionState
	a        *activities.Objections
	l        *activities.Letters
	n        *activities.Applications
	c        *activities.Certified
	watching calendar.Date // the deadline that the timer is for
	cancel   workflow.CancelFunc
	passed   bool
	followed bool  // whom its end concerns was told
	shown    Shown // what the search attributes say
}

// setup registers every handler before anything can block.
func (p *objection) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateObjectionReceived, p.received, workflow.UpdateHandlerOptions{Description: "收到异议，出具回执"})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateObjectionReceived, err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UpdateObjectionAct, p.act, workflow.UpdateHandlerOptions{Description: "办理异议", Validator: p.mayAct})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateObjectionAct, err)
	}
	return nil
}

func (p *objection) run(ctx workflow.Context) error {
	if err := p.read(ctx); err != nil {
		return err
	}
	for {
		var err error
		switch {
		case p.Record.Events > p.Told:
			err = p.tell(ctx)
		case p.passed: // said on the card; the obligation is escalated by the morning round
			p.passed = false
			p.card(ctx)
		case !p.Record.State.Live() && !p.followed:
			err = p.follow(ctx)
			p.followed = true
		case !p.Record.State.Live() && workflow.AllHandlersFinished(ctx):
			return nil
		default:
			p.watch(ctx)
			err = workflow.Await(ctx, func() bool {
				return p.passed || p.Record.Events > p.Told || !p.Record.State.Live() && (!p.followed || workflow.AllHandlersFinished(ctx))
			})
		}
		if err != nil {
			return err
		}
	}
}

func (p *objection) today(ctx workflow.Context) calendar.Date {
	return p.Clock.Today(workflow.Now(ctx))
}

func (p *objection) read(ctx workflow.Context) error {
	var r activities.ObjectionStatus
	err := workflow.ExecuteActivity(quick(ctx, "读取异议现状"), p.a.ReadObjection, activities.ReadObjectionInput{ObjectionID: p.ID}).Get(ctx, &r)
	p.take(r)
	return err
}

// take keeps the newest of what activities bring.
func (p *objection) take(r activities.ObjectionStatus) {
	if r.Events > p.Record.Events {
		p.Record = r
	}
}

// tell shows the news to officials and writes to those whom it concerns.
func (p *objection) tell(ctx workflow.Context) error {
	before := p.Told
	upTo := p.Record.Events
	if err := p.show(ctx); err != nil {
		return err
	}
	err := workflow.ExecuteActivity(quick(ctx, "书面告知："+p.Record.Steps[len(p.Record.Steps)-1].Event.Name()), p.l.TellObjection, activities.TellObjectionInput{
		ObjectionID: p.ID, After: before,
	}).Get(ctx, nil)
	p.Told = upTo
	if _, no := refusal(err); no { // a letter that can never be written must not keep the objection from going on
		workflow.GetLogger(ctx).Error("telling of an objection failed", "objection", p.ID, "error", err)
		return nil
	}
	return err
}

// received answers once the receipt is written.
func (p *objection) received(ctx workflow.Context) (ObjectionAnswer, error) {
	err := workflow.Await(ctx, func() bool { return p.Told > 0 })
	return p.answer(), err
}

func (p *objection) answer() ObjectionAnswer {
	return ObjectionAnswer{State: p.Record.State, Events: p.Record.Events}
}

// mayAct refuses, without a trace in the history, what cannot follow; whether it really can, the record decides.
func (p *objection) mayAct(_ workflow.Context, c models.ObjectionCommand) error {
	switch {
	case c.ObjectionID != p.ID:
		return refused(models.NotFound("没有编号为 %d 的异议", c.ObjectionID))
	case p.Record.Events == 0 || slices.Contains(p.Handled, c.CommandID):
		return refused(c.Validate()) // the record is not read yet; or it gives the same answer again
	}
	if _, err := p.Record.State.Next(p.Record.Kind, c.Event); err != nil {
		return refused(err)
	}
	return refused(c.Validate())
}

// act is idempotent by the command's id, on record and not in the engine's memory of one run.
func (p *objection) act(ctx workflow.Context, c models.ObjectionCommand) (ObjectionAnswer, error) {
	var r activities.ObjectionStatus
	err := workflow.ExecuteActivity(quick(ctx, c.Event.Name()), p.a.ActOnObjection, activities.ActOnObjectionInput{Command: c, Today: p.today(ctx)}).Get(ctx, &r)
	if err != nil {
		return ObjectionAnswer{}, err
	}
	p.Handled = remember(p.Handled, c.CommandID)
	p.take(r)
	return ObjectionAnswer{State: r.State, Events: r.Events}, nil
}

// follow tells the processes that an ended objection concerns: the notice that waits for it, the application that goes on.
func (p *objection) follow(ctx workflow.Context) error {
	if slices.Contains([]models.ObjectionEffect{models.EffectRemoved, models.EffectReopened, models.EffectRequeued}, p.Record.Effect) {
		err := workflow.ExecuteActivity(bulk(ctx, "告知所涉申报件："+p.Record.Effect.Name()), p.n.NudgeApplications, activities.NudgeApplicationsInput{CycleID: p.CycleID}).Get(ctx, nil)
		if err != nil {
			return err
		}
	}
	if p.Record.Effect == models.EffectRestored || p.Record.Effect == models.EffectExtended || p.Record.Effect == models.EffectCleared {
		err := workflow.ExecuteActivity(bulk(ctx, "告知所涉认定："+p.Record.Effect.Name()), p.c.StartCertified, activities.StartCertifiedInput{CycleID: p.CycleID, Today: p.today(ctx)}).Get(ctx, nil)
		if err != nil {
			return err
		}
	}
	if p.Record.Kind != models.ObjectionNotice {
		return nil
	}
	err := workflow.SignalExternalWorkflow(ctx, NoticeWorkflowID(p.CycleID), "", SignalNoticeChanged, nil).Get(ctx, nil)
	var gone *temporal.UnknownExternalWorkflowExecutionError
	if errors.As(err, &gone) { // the notice is over: nothing waits for this objection
		return nil
	}
	return err
}

// next is the nearest date, still to come, by which somebody has to act; 0 = none.
func (p *objection) next(today calendar.Date) (next calendar.Date) {
	for _, d := range []calendar.Date{p.Record.Due, p.Record.AnswerDue} {
		if d >= today && (next == 0 || d < next) {
			next = d
		}
	}
	return next
}

// watch keeps one timer, for the day after the nearest deadline.
func (p *objection) watch(ctx workflow.Context) {
	due := p.next(p.today(ctx))
	if p.watching == due {
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	p.watching, p.cancel = due, nil
	if due == 0 {
		return
	}
	ctx, p.cancel = workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(ctx, p.Clock.Wait(workflow.Now(ctx), due.AddDays(1).At(0, 0)), workflow.TimerOptions{Summary: "办理期限至" + due.Chinese()})
	workflow.GoNamed(ctx, "deadline", func(ctx workflow.Context) { p.passed = p.passed || timer.Get(ctx, nil) == nil })
}

// show sets the card and the search attributes.
func (p *objection) show(ctx workflow.Context) error {
	p.card(ctx)
	before := p.shown
	p.shown = Shown{Stage: objectionStage(p.Record.State), Department: p.Record.Department}
	if due := p.Record.Due; due != 0 {
		p.shown.DueMonth = due.String()[:len("2026-10")]
	}
	return showKeywords(ctx, []shownKeyword{{KeyStage, before.Stage, p.shown.Stage}, {KeyDepartment, before.Department, p.shown.Department},
		{KeyDueMonth, before.DueMonth, p.shown.DueMonth}})
}

// card is what an official reads in Temporal's UI; nobody's name and nobody's words are in it.
func (p *objection) card(ctx workflow.Context) {
	r, today := p.Record, p.today(ctx)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n**现状**：%s", r.Kind.Name(), models.Objection{CycleID: p.CycleID, ID: p.ID}.Number(), r.State.Name())
	if r.Outcome != "" {
		fmt.Fprintf(&b, "，%s", r.Outcome.Name())
	}
	if r.Effect != "" {
		fmt.Fprintf(&b, "，%s", r.Effect.Name())
	}
	b.WriteString("\n\n")
	if r.TierBefore != models.NoTier {
		fmt.Fprintf(&b, "**公布的分型**：%s", r.TierBefore)
		if r.TierAfter != models.NoTier && r.TierAfter != r.TierBefore {
			fmt.Fprintf(&b, "，更正为%s", r.TierAfter)
		}
		b.WriteString("\n\n")
	}
	if r.State.Live() {
		step := "办结"
		if r.State == models.ObjectionReceived {
			step = "决定是否受理"
		}
		fmt.Fprintf(&b, "**期限**：区市场监管局应于%s前%s%s\n\n", r.Due.Chinese(), step, late(r.Due, today))
		if r.AnswerDue != 0 {
			fmt.Fprintf(&b, "**待答复**：%s应于%s前答复%s\n\n", r.DepartmentName, r.AnswerDue.Chinese(), late(r.AnswerDue, today))
		}
		b.WriteString(map[models.ObjectionKind]string{
			models.ObjectionTier:     "年度工作按日程推进，不等待本异议；异议成立的，随时更正分型结果并重新公布，已冻结的认定名额基数不变\n\n",
			models.ObjectionNotice:   "本异议办结前，所涉名单不得认定\n\n",
			models.ObjectionDecision: "异议成立的，申报件在本年度比选和公示结束前重新办理；此后成立的，自下一年度起\n\n",

			models.ObjectionCertification: "异议成立的，恢复认定或延长有效期；办结前，该户仍计入占用名额的认定\n\n",
		}[r.Kind])
	}
	if p.Clock.Rehearsal() {
		fmt.Fprintf(&b, "**演练**：模拟日期 %s\n\n", today.Chinese())
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "- %s %s\n", s.On.Chinese(), s.Event.Name())
	}
	workflow.SetCurrentDetails(ctx, b.String())
}

// late says that a deadline has passed and what that means: nothing is decided by silence.
func late(due, today calendar.Date) string {
	if due >= today {
		return ""
	}
	return "；**已逾期，报督办，异议仍须办结**"
}
