package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Reschedule moves dates of a running cycle.
type Reschedule struct {
	CommandID string
	Changes   map[calendar.PlanKey]calendar.Date
	ReasonID  int64
	Actor     models.Actor
}

// CycleCommand tells a running cycle what to do.
type CycleCommand struct {
	CommandID string
	Command   models.Command
	ReasonID  int64
	Actor     models.Actor
}

// CycleAnswer is what a cycle answers to an update.
type CycleAnswer struct {
	Stage models.Stage
	State models.CycleState
	Plan  calendar.Plan
}

func (c *cycle) answer() CycleAnswer {
	return CycleAnswer{Stage: c.Stage, State: c.State, Plan: c.Plan}
}

func (c *cycle) open(ctx workflow.Context) (CycleAnswer, error) {
	err := workflow.Await(ctx, func() bool { return c.Opened })
	return c.answer(), err
}

func (c *cycle) mayReschedule(_ workflow.Context, r Reschedule) error {
	if err := c.State.Allowed(models.CommandCancel); err != nil {
		return refused(err)
	}
	if _, err := c.Plan.With(r.Changes); err != nil {
		return refused(models.Invalid("changes", "%s", err))
	}
	return nil
}

func (c *cycle) reschedule(ctx workflow.Context, r Reschedule) (CycleAnswer, error) {
	if !c.first(r.CommandID) {
		return c.answer(), nil
	}
	plan, err := c.Plan.With(r.Changes)
	if err != nil {
		return CycleAnswer{}, refused(models.Invalid("changes", "%s", err))
	}
	before := c.Plan
	c.Plan = plan
	c.changed = true
	err = workflow.ExecuteActivity(quick(ctx, "调整计划日期"), c.a.Reschedule, activities.RescheduleInput{
		CycleRef: c.ref(ctx), CommandID: r.CommandID, Changes: r.Changes, ReasonID: r.ReasonID, Actor: r.Actor,
	}).Get(ctx, nil)
	if err != nil {
		return CycleAnswer{}, err
	}
	err = workflow.ExecuteActivity(quick(ctx, "通知各部门计划调整"), c.l.AnnouncePlan, activities.AnnouncePlanInput{
		CycleID: c.CycleID, CommandID: r.CommandID, Today: c.today(ctx), Before: before, Changes: r.Changes, ReasonID: r.ReasonID,
	}).Get(ctx, nil)
	return c.answer(), err
}

func (c *cycle) mayCommand(_ workflow.Context, m CycleCommand) error {
	if slices.Contains(c.Handled, m.CommandID) {
		return nil
	}
	if m.Command == models.CommandAdvance && c.Stage == models.StageTiering {
		return refused(models.Conflict("正在判定，完成后自动进入联合研判，无须推进"))
	}
	if m.Command == models.CommandAdvance && (c.leaving || c.advanced && !c.ordering) {
		return refused(models.Errorf(models.CodeUnavailable, "本阶段正在结束，请转入下一阶段后再操作"))
	}
	if m.Command == models.CommandAdvance && c.Stage == models.StageNotice && c.State == models.CycleRunning {
		return refused(models.Conflict("公示期不能缩短；公示期满且异议办结后自动进入认定"))
	}
	return refused(c.State.Allowed(m.Command))
}

func (c *cycle) command(ctx workflow.Context, m CycleCommand) (CycleAnswer, error) {
	if !c.first(m.CommandID) {
		return c.answer(), nil
	}
	switch m.Command {
	case models.CommandAdvance:
		c.advance = m
	case models.CommandPause:
		c.State = models.CyclePaused
	case models.CommandResume:
		c.State = models.CycleRunning
	case models.CommandCancel:
		c.advance = m // its reason is everybody's whose case it ends
		c.State = models.CycleCancelled
	}
	err := workflow.ExecuteActivity(quick(ctx, "执行管理员操作"), c.a.RecordCommand, activities.CommandInput{
		CycleRef: c.ref(ctx), CommandID: m.CommandID, Command: m.Command, Stage: c.Stage, State: c.State, ReasonID: m.ReasonID, Actor: m.Actor,
	}).Get(ctx, nil)
	c.changed = true
	if m.Command == models.CommandAdvance {
		c.advanced = true
		c.orders = append(c.orders, m)
	}
	c.cancelled = c.State == models.CycleCancelled
	return c.answer(), err
}

// mayJudge: judged again only between the first run and the hand-over.
func (c *cycle) mayJudge(workflow.Context, CycleCommand) error {
	if c.Stage != models.StageStudy && c.Stage != models.StagePublication {
		return refused(models.Conflict("当前阶段“%s”不能重新判定", c.Stage.Info().Name))
	}
	return nil
}

func (c *cycle) judgeAgain(_ workflow.Context, m CycleCommand) (CycleAnswer, error) {
	if c.first(m.CommandID) {
		c.DataSeen++ // the main line judges, one run at a time
		c.changed = true
	}
	return c.answer(), nil
}

// first says whether the command is new, and remembers it: update IDs are known to the engine for one run only.
func (c *cycle) first(commandID string) bool {
	if slices.Contains(c.Handled, commandID) {
		return false
	}
	c.Handled = remember(c.Handled, commandID)
	return true
}

// refused carries the code of a models.Error through the engine to the API.
func refused(err error) error {
	if err == nil {
		return nil
	}
	var message = err.Error()
	if e := (*models.Error)(nil); errors.As(err, &e) {
		message = e.Message
	}
	return temporal.NewNonRetryableApplicationError(message, string(models.CodeOf(err)), nil)
}
