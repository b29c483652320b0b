package workflows

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that an application takes.
const (
	UpdateAct                = "act"     // a command of a person: models.ApplicationCommand
	SignalApplicationChanged = "changed" // the record changed without the process
)

// ApplicationState is an application's whole state and its workflow's input: nothing else crosses continue-as-new.
type ApplicationState struct {
	ID       int64
	CycleID  string
	District string
	Year     int
	Clock    calendar.Clock

	Record  activities.ApplicationStatus // what the process knows of the record
	Changed bool                         // the record may say more: it is read before anything else
	Told    int                          // events up to this number are told to whom they concern
	Shown   Shown                        // what the search attributes say
	Handled []string                     // newest command IDs: update IDs are known to the engine for one run only
}

// Shown is what the search attributes of an application or an objection say.
type Shown struct {
	Stage, Category, Department, Tier, DueMonth string
}

// ApplicationAnswer is what an application answers to a command that took effect.
type ApplicationAnswer struct {
	State  models.ApplicationState
	Events int
}

// ApplicationStart gives how an application's process is started: by the first command (Update-with-Start), or by a nudge.
func ApplicationStart(a models.Application, clock calendar.Clock) (client.StartWorkflowOptions, ApplicationState) {
	// Told is 0: what was told is not told again, by the letter's key, and what happened without a process was not told at all.
	state := ApplicationState{ID: a.ID, CycleID: a.CycleID, District: a.District, Year: a.Year, Clock: clock,
		Record: activities.ApplicationStatus{State: a.State, Origin: a.Origin, Wished: a.Wished, Category: a.Category, Tier: a.Tier,
			Department: a.Department, LimitOn: a.LimitOn, Due: a.Due, Events: a.Events}}
	return client.StartWorkflowOptions{
		ID: ApplicationWorkflowID(a.ID), TaskQueue: QueueMain,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // one that had ended may be reopened
		StaticSummary:            fmt.Sprintf("“名特优新”%s %s", a.Origin.Name(), a.Number()),
		TypedSearchAttributes:    temporal.NewSearchAttributes(KeyDistrict.ValueSet(a.District), KeyYear.ValueSet(int64(a.Year))),
	}, state
}

// NudgeApplication tells an application's process that the record changed; where none runs, one starts.
func NudgeApplication(ctx context.Context, c client.Client, a models.Application, clock calendar.Clock) error {
	options, state := ApplicationStart(a, clock)
	state.Changed = true
	if _, err := c.SignalWithStartWorkflow(ctx, options.ID, SignalApplicationChanged, nil, options, Application, state); err != nil {
		return fmt.Errorf("telling the process of application %d that it changed: %w", a.ID, err)
	}
	return nil
}

// Application is one application or recommendation from its submission until it is decided (附三(二)2): it takes the commands of
// those who have a hand in it, keeps the terms within which somebody must answer, and tells everybody concerned what happened.
func Application(ctx workflow.Context, state ApplicationState) error {
	p := &application{ApplicationState: state}
	if err := p.setup(ctx); err != nil {
		return err
	}
	return p.run(ctx)
}

type application struct {
	ApplicationState
	a       *activities.Applications
	l       *activities.Letters
	taken   int // messages that this run has looked at
	reading bool
	left    bool // the list under public notice: its process is told
	gone    bool // the record does not have it
	term    *term
	tried   calendar.Date // on which the record did not let the present limit pass
}

// setup registers every handler before anything can block.
func (p *application) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateAct, p.act, workflow.UpdateHandlerOptions{
		Description: "办理申报件", Validator: p.mayAct,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateAct, err)
	}
	workflow.GoNamed(ctx, "changed", func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, SignalApplicationChanged).Receive(ctx, nil)
			p.Changed = true
		}
	})
	return nil
}

func (p *application) run(ctx workflow.Context) error {
	for {
		p.watch(ctx)
		if err := workflow.Await(ctx, func() bool { return p.Changed || p.news() || p.left || p.passed() || p.idle(ctx) }); err != nil {
			return err
		}
		var err error
		switch {
		case p.Changed:
			err = p.read(ctx)
		case p.news():
			err = p.tell(ctx)
		case p.left:
			p.wakeNotice(ctx)
		case p.passed():
			err = p.overdue(ctx)
		default:
			settle(ctx)
			switch {
			case p.Changed || !p.idle(ctx): // something came at the last moment
			case !p.goesOn():
				return nil
			default:
				return workflow.NewContinueAsNewError(ctx, Application, p.ApplicationState)
			}
		}
		if err != nil {
			return err
		}
	}
}

// news says whether something happened that is not told yet.
func (p *application) news() bool { return p.Record.Events > p.Told }

// goesOn says whether a process is needed: a draft has none, and what is decided needs none any more.
func (p *application) goesOn() bool {
	return !p.gone && p.Record.State.Live() && p.Record.State != models.ApplicationDraft
}

// idle says whether this run can end: nothing is left to do in it, and it either is over or has become long. The message that it
// was started with comes first.
func (p *application) idle(ctx workflow.Context) bool {
	return p.taken > 0 && workflow.AllHandlersFinished(ctx) && (!p.goesOn() || p.long(ctx))
}

func (p *application) long(ctx workflow.Context) bool {
	return p.taken >= updatesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

func (p *application) today(ctx workflow.Context) calendar.Date {
	return p.Clock.Today(workflow.Now(ctx))
}

func (p *application) read(ctx workflow.Context) error {
	p.Changed, p.reading = false, true // what comes meanwhile makes it changed again
	p.taken++
	var r activities.ApplicationStatus
	err := here(ctx, "读取申报件现状", p.a.ReadApplication, activities.ReadApplicationInput{ApplicationID: p.ID}, &r)
	p.reading = false
	if _, no := refusal(err); no { // a draft that was discarded
		p.gone = true
		return nil
	}
	p.take(r)
	return err
}

// take keeps the newest of what activities bring.
func (p *application) take(r activities.ApplicationStatus) {
	if r.Events >= p.Record.Events && r.State != "" {
		p.Record = r
	}
}

// tell writes to those whom the news concerns, and shows it to officials. The letter goes into the outbox in the worker that has the
// process: measured, half as many submissions again go through the engine as with an activity of its own.
func (p *application) tell(ctx workflow.Context) error {
	before, upTo := p.Told, p.Record.Events
	p.Told = upTo
	if err := p.show(ctx); err != nil {
		return err
	}
	err := here(ctx, "告知申报人和推荐部门："+p.latest(), p.l.TellApplication, activities.TellApplicationInput{ApplicationID: p.ID, After: before}, nil)
	if _, no := refusal(err); no { // a letter that can never be written must not keep the application from going on
		workflow.GetLogger(ctx).Error("telling of an application failed", "application", p.ID, "error", err)
		return nil
	}
	return err
}

// wakeNotice lets the public notice know that a place has become free, so that the waiting list can move up.
func (p *application) wakeNotice(ctx workflow.Context) {
	p.left = false
	err := workflow.SignalExternalWorkflow(ctx, NoticeWorkflowID(p.CycleID), "", SignalNoticeChanged, NoticeChanged{}).Get(ctx, nil)
	if err != nil { // no list is under notice yet, or not any more
		workflow.GetLogger(ctx).Info("no public notice runs that could be told of a withdrawal", "application", p.ID)
	}
}

func (p *application) latest() string {
	if n := len(p.Record.Steps); n > 0 {
		return p.Record.Steps[n-1].Event.Name()
	}
	return p.Record.State.Name()
}

// mayAct refuses, without a trace in the history, what cannot follow; whether it really can, the record decides.
func (p *application) mayAct(_ workflow.Context, c models.ApplicationCommand) error {
	if c.ApplicationID != p.ID {
		return refused(models.NotFound("没有编号为 %d 的申报件", c.ApplicationID))
	}
	if p.Changed || p.reading || slices.Contains(p.Handled, c.CommandID) {
		return nil // the record says more than is known here; or it gives the same answer again
	}
	_, err := p.Record.State.Next(c.Event)
	return refused(err)
}

// act is idempotent by the command's id, on record and not in the engine's memory of one run.
func (p *application) act(ctx workflow.Context, c models.ApplicationCommand) (ApplicationAnswer, error) {
	p.taken++
	var r activities.ApplicationStatus
	err := here(ctx, c.Event.Name(), p.a.ActOnApplication, activities.ActOnApplicationInput{Command: c, Today: p.today(ctx)}, &r)
	if err != nil {
		app, no := refusal(err)
		p.Changed = p.Changed || no && app.Type() == string(models.CodeConflict) // the record may be ahead of what is known here
		return ApplicationAnswer{}, err
	}
	p.left = p.left || p.Record.State == models.ApplicationProposed && r.State == models.ApplicationWithdrawn
	p.take(r)
	p.Handled = remember(p.Handled, c.CommandID)
	return ApplicationAnswer{State: r.State, Events: r.Events}, nil
}

// term is the timer of a limit that runs.
type term struct {
	on     calendar.Date
	cancel workflow.CancelFunc
	passed bool
}

// limit is the last day on which somebody may answer; 0 = no limit runs.
func (p *application) limit() calendar.Date {
	switch p.Record.State {
	case models.ApplicationConsent, models.ApplicationSupplement:
		return p.Record.LimitOn
	}
	return 0
}

func (p *application) passed() bool { return p.term != nil && p.term.passed }

// watch keeps one timer, for the limit that the record has now.
func (p *application) watch(ctx workflow.Context) {
	on := p.limit()
	if p.term != nil && p.term.on == on {
		return
	}
	if p.term != nil {
		p.term.cancel()
		p.term = nil
	}
	if on == 0 {
		return
	}
	ctx, cancel := workflow.WithCancel(ctx)
	t := &term{on: on, cancel: cancel}
	p.term = t
	// The day after the last, within its first hour: many limits end on one day.
	at := max(on, p.tried).AddDays(1).At(0, int(p.ID%60))
	timer := workflow.NewTimerWithOptions(ctx, p.Clock.Wait(workflow.Now(ctx), at), workflow.TimerOptions{Summary: p.Record.State.Name() + "至" + on.Chinese()})
	workflow.GoNamed(ctx, "term", func(ctx workflow.Context) { t.passed = timer.Get(ctx, nil) == nil })
}

// overdue does what the passing of a limit means. Where the record does not let it pass, it is read, because it may have moved on; if
// the limit still stands then, it is tried again the next day.
func (p *application) overdue(ctx workflow.Context) error {
	p.term.cancel()
	p.term = nil
	c := models.ApplicationCommand{ApplicationID: p.ID, Actor: models.ActorSystem, Event: models.EventSupplementOverdue,
		CommandID: fmt.Sprintf("supplement-overdue/%d", p.Record.Events)}
	if p.Record.State == models.ApplicationConsent {
		c.Event, c.CommandID = models.EventConsentOverdue, fmt.Sprintf("consent-overdue/%d", p.Record.Events)
	}
	_, err := p.act(ctx, c)
	if _, no := refusal(err); no {
		p.Changed, p.tried = true, p.today(ctx)
		return nil
	}
	return err
}

// here does what one short transaction does in the worker that has the process: one event in the history, where an activity of its own
// leaves six. What fails there goes on as such an activity, retried for as long as the database is away: retrying here would add to the
// history with every try until the engine ends the process, and nobody would see in Temporal's UI what it waits for.
func here(ctx workflow.Context, summary string, activity, in, out any) error {
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 30 * time.Second,
		Summary:                summary,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
	}), activity, in).Get(ctx, out)
	if _, no := refusal(err); err == nil || no || ctx.Err() != nil {
		return err
	}
	return workflow.ExecuteActivity(quick(ctx, summary), activity, in).Get(ctx, out)
}

// show sets the card and, where they say something new, the search attributes.
func (p *application) show(ctx workflow.Context) error {
	p.card(ctx)
	r := p.Record
	now := Shown{Stage: r.State.Name(), Category: r.Category.Name(), Department: r.Department, Tier: r.Tier.String()}
	if r.Category == "" && len(r.Wished) > 0 {
		now.Category = r.Wished[0].Name()
	}
	if r.Due != 0 {
		now.DueMonth = r.Due.String()[:len("2026-10")]
	}
	before := p.Shown
	p.Shown = now
	return showKeywords(ctx, []shownKeyword{{KeyStage, before.Stage, now.Stage}, {KeyCategory, before.Category, now.Category},
		{KeyDepartment, before.Department, now.Department}, {KeyTier, before.Tier, now.Tier}, {KeyDueMonth, before.DueMonth, now.DueMonth}})
}

// card is what an official reads in Temporal's UI; the household's name is not in it.
func (p *application) card(ctx workflow.Context) {
	r := p.Record
	var b strings.Builder
	fmt.Fprintf(&b, "## “名特优新”%s %s\n\n**现状**：%s", r.Origin.Name(), models.Application{CycleID: p.CycleID, ID: p.ID}.Number(), r.State.Name())
	switch {
	case p.limit() != 0:
		fmt.Fprintf(&b, "，%s截止", p.limit().Chinese())
	case r.Due != 0:
		fmt.Fprintf(&b, "，应于%s前办结本环节", r.Due.Chinese())
	}
	fmt.Fprintf(&b, "\n\n**下一步**：%s\n\n**分型**：%s\n\n", r.State.NextStep(), r.Tier)
	names := make([]string, len(r.Wished))
	for i, c := range r.Wished {
		names[i] = c.Name()
	}
	fmt.Fprintf(&b, "**申报分类**：%s", strings.Join(names, "、"))
	if r.Category != "" {
		fmt.Fprintf(&b, "；审核认为更适宜：%s", r.Category.Name())
	}
	if r.Department != "" {
		fmt.Fprintf(&b, "\n\n**推荐部门**：%s", r.Department)
	}
	if p.Clock.Rehearsal() {
		fmt.Fprintf(&b, "\n\n**演练**：模拟日期 %s", p.today(ctx).Chinese())
	}
	b.WriteString("\n\n")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "- %s %s\n", s.On.Chinese(), s.Event.Name())
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
