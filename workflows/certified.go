package workflows

import (
	"context"
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

// Messages that a certified household takes.
const (
	UpdateCertifiedAct     = "act"     // a command of a person: models.CertifiedCommand
	SignalCertifiedChanged = "changed" // the record changed without the process
)

// CertifiedState is a certified household's whole state and its workflow's input: nothing else crosses continue-as-new.
type CertifiedState struct {
	ID       int64 // of the certification
	Number   string
	CycleID  string
	District string
	Year     int // of the certification
	Clock    calendar.Clock

	Civil   int                        // the civil year of this run; 0 = not begun. Set by the process itself from here on
	Record  activities.CertifiedStatus // its events are told to whom they concern
	Shown   Shown
	Handled []string // newest command IDs: update IDs are known to the engine for one run only
}

// CertifiedAnswer is what a certified household answers to a command that took effect.
type CertifiedAnswer struct {
	State  models.CertificationState
	Events int
}

// CertifiedStart gives how a certified household's process is started: by a nudge, or by the first command (Update-with-Start).
func CertifiedStart(c models.Certification, clock calendar.Clock) (client.StartWorkflowOptions, CertifiedState) {
	return client.StartWorkflowOptions{
		ID: CertifiedWorkflowID(c.Number), TaskQueue: QueueMain,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // one that had ended may be restored
		StaticSummary:            fmt.Sprintf("“%s”个体工商户 %s", c.Category.Name(), c.Number),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(c.District), KeyYear.ValueSet(int64(c.Year)),
			KeyCategory.ValueSet(c.Category.Name()), KeyTier.ValueSet(c.Tier.String())),
	}, CertifiedState{ID: c.ID, Number: c.Number, CycleID: c.CycleID, District: c.District, Year: c.Year, Clock: clock}
}

// NudgeCertified tells a certified household's process that the record changed; where none runs, one starts.
func NudgeCertified(ctx context.Context, cl client.Client, c models.Certification, clock calendar.Clock) error {
	options, state := CertifiedStart(c, clock)
	if _, err := cl.SignalWithStartWorkflow(ctx, options.ID, SignalCertifiedChanged, nil, options, CertifiedHousehold, state); err != nil {
		return fmt.Errorf("telling the process of certification %s that it changed: %w", c.Number, err)
	}
	return nil
}

// CertifiedHousehold is the years of a certification, from the day it is made until it is over and nothing about it is open (附三(五)): on each
// date of its calendar (benefits, yearly report, evaluation, end) the record does what is due and tells whom it
// concerns, and people's commands come in between. One run per civil year, so that new code takes over at every border and the history stays short.
func CertifiedHousehold(ctx workflow.Context, state CertifiedState) error {
	p := &certified{CertifiedState: state, changed: true} // what the record says comes before anything else
	if err := p.setup(ctx); err != nil {
		return err
	}
	return p.run(ctx)
}

type certified struct {
	CertifiedState
	a         *activities.Certified
	changed   bool
	following bool
	gone      bool // the record does not have it
	taken     int  // messages that this run has looked at
	timer     *term
	tried     calendar.Date // on which the record did not do what was due
}

// setup registers every handler before anything can block.
func (p *certified) setup(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateCertifiedAct, p.act, workflow.UpdateHandlerOptions{
		Description: "办理认定后的事项", Validator: p.mayAct,
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateCertifiedAct, err)
	}
	workflow.GoNamed(ctx, "changed", func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, SignalCertifiedChanged).Receive(ctx, nil)
			p.changed = true
			p.taken++
		}
	})
	return nil
}

func (p *certified) run(ctx workflow.Context) error {
	for {
		p.watch(ctx)
		if err := workflow.Await(ctx, func() bool { return p.changed || p.due() || p.idle(ctx) }); err != nil {
			return err
		}
		var err error
		switch {
		case p.changed || p.due():
			err = p.follow(ctx)
		default:
			settle(ctx)
			switch {
			case !p.idle(ctx): // something came at the last moment
			case !p.goesOn():
				return nil
			default:
				p.Civil = p.today(ctx).Year()
				return workflow.NewContinueAsNewError(ctx, CertifiedHousehold, p.CertifiedState)
			}
		}
		if err != nil {
			return err
		}
	}
}

// goesOn says whether a process is needed: while the certification is valid, and while something about it is to be decided.
func (p *certified) goesOn() bool {
	return !p.gone && (p.Record.State == "" || p.Record.State == models.CertificationValid || len(p.Record.Cases) > 0)
}

// idle says whether this run can end: nothing is left to do in it, and the certification is over, a new year has begun or the run has become long.
func (p *certified) idle(ctx workflow.Context) bool {
	return !p.changed && !p.due() && !p.following && workflow.AllHandlersFinished(ctx) && (!p.goesOn() || p.Civil != p.today(ctx).Year() || p.long(ctx))
}

func (p *certified) long(ctx workflow.Context) bool {
	return p.taken >= updatesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

func (p *certified) today(ctx workflow.Context) calendar.Date {
	return p.Clock.Today(workflow.Now(ctx))
}

// follow has the record do what is due by today, and takes in what it says.
func (p *certified) follow(ctx workflow.Context) error {
	p.changed, p.following = false, true // what comes meanwhile makes it changed again
	defer func() { p.following = false }()
	p.stop()
	today := p.today(ctx)
	if p.Civil == 0 {
		p.Civil = today.Year()
	}
	var r activities.CertifiedStatus
	err := here(ctx, "按日程办理并核对现状", p.a.FollowCertified, activities.FollowCertifiedInput{CertificationID: p.ID, Today: today, Told: p.Record.Events}, &r)
	if app, no := refusal(err); no {
		if p.gone = app.Type() == string(models.CodeNotFound); !p.gone {
			workflow.GetLogger(ctx).Error("what is due of a certification could not be done", "certification", p.Number, "error", err)
		}
		p.tried = today
		return nil
	}
	if err != nil {
		return err
	}
	p.take(r)
	return p.show(ctx)
}

// take keeps the newest of what activities bring.
func (p *certified) take(r activities.CertifiedStatus) {
	if r.Events >= p.Record.Events && r.State != "" {
		p.Record = r
	}
}

// mayAct refuses, without a trace in the history, what cannot follow; whether it really can, the record decides.
func (p *certified) mayAct(_ workflow.Context, c models.CertifiedCommand) error {
	if c.CertificationID != p.ID {
		return refused(models.NotFound("没有这项认定"))
	}
	if err := c.Validate(); err != nil {
		return refused(err)
	}
	if p.changed || p.following || p.Record.State == "" || slices.Contains(p.Handled, c.CommandID) {
		return nil // the record says more than is known here; or it gives the same answer again
	}
	_, err := p.Record.State.Next(c.Event)
	return refused(err)
}

// act is idempotent by the command's id, on record and not in the engine's memory of one run.
func (p *certified) act(ctx workflow.Context, c models.CertifiedCommand) (CertifiedAnswer, error) {
	p.taken++
	var r activities.CertifiedStatus
	err := here(ctx, c.Event.Name(), p.a.ActOnCertified, activities.ActOnCertifiedInput{Command: c, Today: p.today(ctx), Told: p.Record.Events}, &r)
	if err != nil {
		app, no := refusal(err)
		p.changed = p.changed || no && app.Type() == string(models.CodeConflict) // the record may be ahead of what is known here
		return CertifiedAnswer{}, err
	}
	p.take(r)
	p.Handled = remember(p.Handled, c.CommandID)
	return CertifiedAnswer{State: r.State, Events: r.Events}, p.show(ctx)
}

func (p *certified) due() bool { return p.timer != nil && p.timer.passed }

func (p *certified) stop() {
	if p.timer != nil {
		p.timer.cancel()
		p.timer = nil
	}
}

// spread is over how many minutes of a morning the processes of a date wake: 20,000 have their dates in common.
const spread = 360

// watch keeps one timer, for the next date of the calendar, or for tomorrow when the record refused what was due.
func (p *certified) watch(ctx workflow.Context) {
	on := p.Record.Next.On
	if p.tried != 0 {
		on = p.tried.AddDays(1)
	}
	if p.timer != nil && p.timer.on == on {
		return
	}
	p.stop()
	if on == 0 || p.changed {
		return
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	t := &term{on: on, cancel: cancel}
	p.timer, p.tried = t, 0
	minute := int(p.ID % spread)
	timer := workflow.NewTimerWithOptions(timerCtx, p.Clock.Wait(workflow.Now(ctx), on.At(minute/60, minute%60)), workflow.TimerOptions{
		Summary: p.Record.Next.Kind.Name() + "：" + on.Chinese()})
	workflow.GoNamed(timerCtx, "date", func(ctx workflow.Context) { t.passed = timer.Get(ctx, nil) == nil })
}

// show sets the card and, where they say something new, the search attributes.
func (p *certified) show(ctx workflow.Context) error {
	p.card(ctx)
	r := p.Record
	now := Shown{Stage: "认定" + r.State.Name(), Department: r.Department}
	for _, c := range r.Cases { // how far it is, the card says: each change of a search attribute is an event
		now.Stage = c.Kind.Name()
	}
	if on := r.Next.On; on != 0 {
		now.DueMonth = on.String()[:len("2026-10")]
	}
	before := p.Shown
	p.Shown = now
	return showKeywords(ctx, []shownKeyword{{KeyStage, before.Stage, now.Stage}, {KeyDepartment, before.Department, now.Department},
		{KeyDueMonth, before.DueMonth, now.DueMonth}})
}

// card is what an official reads in Temporal's UI; nobody's name and nobody's words are in it.
func (p *certified) card(ctx workflow.Context) {
	r, today := p.Record, p.today(ctx)
	var b strings.Builder
	fmt.Fprintf(&b, "## “%s”个体工商户 %s\n\n**现状**：%s", r.Category.Name(), p.Number, r.State.Name())
	switch {
	case r.EndedOn != 0:
		fmt.Fprintf(&b, "（自%s起）", r.EndedOn.Chinese())
	case r.ValidUntil < today:
		b.WriteString("（**有效期已满，评估尚未决定**）")
	case r.BenefitsFrom > today:
		fmt.Fprintf(&b, "，%s起享受扶持政策", r.BenefitsFrom.Chinese())
	default:
		b.WriteString("，享受扶持政策")
	}
	fmt.Fprintf(&b, "\n\n**有效期**：%s至%s", r.CertifiedOn.Chinese(), r.ValidUntil.Chinese())
	if r.Extensions > 0 {
		fmt.Fprintf(&b, "（已延长 %d 次）", r.Extensions)
	}
	fmt.Fprintf(&b, "\n\n**认定时分型**：%s", r.Tier)
	if r.Department != "" {
		fmt.Fprintf(&b, "；推荐部门：%s", r.Department)
	}
	if r.Next.On != 0 {
		fmt.Fprintf(&b, "\n\n**下一步**：%s %s", r.Next.On.Chinese(), r.Next.Kind.Name())
	}
	for _, c := range r.Cases {
		fmt.Fprintf(&b, "\n\n**待决事项**：%s（%s", c.Kind.Name(), c.State.Name())
		if c.Due != 0 {
			fmt.Fprintf(&b, "，应于%s前决定", c.Due.Chinese())
			if c.Due < today {
				b.WriteString("，**已逾期**")
			}
		}
		b.WriteString("）")
	}
	if p.Clock.Rehearsal() {
		fmt.Fprintf(&b, "\n\n**演练**：模拟日期 %s", today.Chinese())
	}
	b.WriteString("\n\n")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "- %s %s\n", s.On.Chinese(), s.Event.Name())
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
