package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// This file is the second half of a cycle: the certification season (二(一)3, 附三(二)), from mid-August to the certification.

// season goes through one stage of it. A run that was begun by a program without the season waits for its date, as that one did;
// the next run has it.
func (c *cycle) season(ctx workflow.Context) error {
	if workflow.GetVersion(ctx, "season", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return c.waitForDate(ctx, "本阶段的业务功能尚未启用，到期自动转入下一阶段")
	}
	c.seasonal = true
	switch c.Stage {
	case models.StageApplication:
		return c.apply(ctx)
	case models.StageReview:
		return c.review(ctx)
	case models.StageSelection:
		return c.choose(ctx)
	case models.StageNotice:
		return c.announce(ctx)
	case models.StageCertification:
		return c.certify(ctx)
	}
	if workflow.GetVersion(ctx, "certified", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		err := workflow.ExecuteActivity(bulk(ctx, "启动各“名特优新”个体工商户的流程"), c.cert.StartCertified, activities.StartCertifiedInput{CycleID: c.CycleID, Today: c.today(ctx)}).Get(ctx, nil)
		if err != nil {
			return err
		}
	}
	return c.waitForDate(ctx, "认定的“名特优新”个体工商户自次年1月1日起享受扶持政策")
}

// cancelSeason ends what goes on in a cancelled season, with the reason of who cancelled it.
func (c *cycle) cancelSeason(ctx workflow.Context) error {
	return c.lapse(ctx, "年度工作取消，进行中的申报件终止", c.advance.ReasonID, models.ActorSystem, models.LiveStates()...)
}

// apply takes applications and recommendations until the date; drafts that nobody submitted lapse then (附三(二)1).
func (c *cycle) apply(ctx workflow.Context) error {
	if err := c.waitForDate(ctx, "受理自主申报和部门推荐"); err != nil || c.cancelled {
		return err
	}
	return c.lapse(ctx, "申报期结束，未提交的草稿失效", 0, models.ActorSystem, models.ApplicationDraft)
}

// review waits until its date has come and every application is decided (附三(二)2). The date passes nobody over: what is open
// then is escalated and looked at every day, until it is decided or an administrator goes on, with a reason that each of them is told.
func (c *cycle) review(ctx workflow.Context) error {
	for {
		var board models.ReviewBoard
		if err := workflow.ExecuteActivity(quick(ctx, "核对审核走访进展"), c.s.CheckReviews, c.ref(ctx)).Get(ctx, &board); err != nil {
			return err
		}
		c.awaited = board.Words()
		due := c.reached(ctx, calendar.PlanReviewDue)
		switch {
		case c.cancelled, board.Open() == 0 && (due || c.advanced):
			return nil
		case c.advanced:
			return c.lapse(ctx, "审核走访结束，未办结的申报件终止", c.advance.ReasonID, c.advance.Actor, models.UndecidedStates...)
		}
		err := c.waitUntil(ctx, func() calendar.Date {
			if c.reached(ctx, calendar.PlanReviewDue) {
				return c.today(ctx).AddDays(1)
			}
			return c.Plan[calendar.PlanReviewDue]
		})
		if err != nil {
			return err
		}
	}
}

// lapse ends applications that were not finished in time, and lets their processes know.
func (c *cycle) lapse(ctx workflow.Context, summary string, reasonID int64, actor models.Actor, states ...models.ApplicationState) error {
	in := activities.LapseApplicationsInput{CycleID: c.CycleID, States: states, Today: c.today(ctx), Actor: actor, ReasonID: reasonID}
	if err := workflow.ExecuteActivity(bulk(ctx, summary), c.apps.LapseApplications, in).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(bulk(ctx, "告知各申报件的办理结果"), c.apps.NudgeApplications, activities.NudgeApplicationsInput{CycleID: c.CycleID}).Get(ctx, nil)
}

// choose compares the qualified applications and has the bureau confirm (附三(三)2, (四)).
func (c *cycle) choose(ctx workflow.Context) error {
	return c.process(ctx, process{
		id: SelectionWorkflowID(c.CycleID), name: "比选", awaited: "等待区市场监管局确认比选结果（见比选流程）", workflow: Selection,
		state: func() any {
			return SelectionState{CycleID: c.CycleID, District: c.District, Year: c.Year, Clock: c.Clock, Due: c.Plan[calendar.PlanSelectionDue]}
		},
		due: calendar.PlanSelectionDue, moved: func(d calendar.Date) message { return message{SignalSelectionChanged, SelectionChanged{Due: d}} },
		advance: func(a CycleCommand) message {
			return message{SignalSelectionFinish, SelectionFinish{ReasonID: a.ReasonID, Actor: a.Actor}}
		},
	})
}

// announce publishes the list and hears objections (三(二)); nobody can shorten it.
func (c *cycle) announce(ctx workflow.Context) error {
	return c.process(ctx, process{
		id: NoticeWorkflowID(c.CycleID), name: "公示", awaited: "公示拟认定名单，处理异议（见公示流程）", workflow: Notice,
		state: func() any {
			return NoticeState{CycleID: c.CycleID, District: c.District, Year: c.Year, Clock: c.Clock, CertificationDue: c.Plan[calendar.PlanCertificationDue]}
		},
		due: calendar.PlanCertificationDue, moved: func(d calendar.Date) message { return message{SignalNoticeChanged, NoticeChanged{CertificationDue: d}} },
	})
}

// certify certifies and reports to the city (二(一)3, 附三(二)2).
func (c *cycle) certify(ctx workflow.Context) error {
	return c.process(ctx, process{
		id: CertificationWorkflowID(c.CycleID), name: "认定", awaited: "认定、报市市场监管局并接受抽查（见认定流程）", workflow: Certification,
		state: func() any {
			return CertificationState{CycleID: c.CycleID, District: c.District, Year: c.Year, Clock: c.Clock, Due: c.Plan[calendar.PlanCertificationDue]}
		},
		due: calendar.PlanCertificationDue, moved: func(d calendar.Date) message { return message{SignalCertificationDue, d} },
		advance: func(a CycleCommand) message {
			return message{SignalCertificationAdvance, models.CertificationOrder{CommandID: a.CommandID, ReasonID: a.ReasonID, Actor: a.Actor}}
		},
	})
}

// process is a stage that has a process of its own: the stage ends when it does.
type process struct {
	id, name, awaited string
	workflow          any
	state             func() any                  // what it begins with; everything else it takes from the record
	due               calendar.PlanKey            // the plan's date that it keeps
	moved             func(calendar.Date) message // what tells it the date's new value
	advance           func(CycleCommand) message  // what tells it an administrator's advance; nil = it cannot be shortened
}

// message is what a process is told.
type message struct {
	signal  string
	content any
}

// A process that failed is started again after a while that doubles, by the real time: often at first, and without filling the history.
const (
	processAgain = 10 * time.Minute
	processRests = 24 * time.Hour
)

// process goes through such a stage. A process that failed, or that somebody ended in Temporal's UI, is started again, at once when an
// administrator advances: the record says where it stands, and the year does not fail with it. A paused year stays at the stage's end.
func (c *cycle) process(ctx workflow.Context, p process) error {
	if c.ordering = p.advance != nil; !c.ordering {
		c.orders = nil
	}
	defer func() { c.ordering, c.orders, c.advanced = false, nil, false }()
	for rest := processAgain; ; rest = min(2*rest, processRests) {
		err := c.attend(ctx, p)
		if ctx.Err() != nil || c.cancelled {
			return ctx.Err()
		}
		if err == nil {
			break
		}
		workflow.GetLogger(ctx).Error("the process of a stage ended without a result", "process", p.id, "error", err)
		c.awaited = p.name + "流程异常终止，原因见该流程；稍后自动重新启动"
		if c.ordering {
			c.awaited += "，管理员推进的立即重新启动"
		}
		if err := c.again(ctx, rest); err != nil {
			return err
		}
	}
	c.awaited = p.name + "已完成，恢复后转入下一阶段"
	c.card(ctx)
	return workflow.Await(ctx, func() bool { return c.State != models.CyclePaused || c.cancelled })
}

// again waits until a process that failed may be tried once more.
func (c *cycle) again(ctx workflow.Context, rest time.Duration) error {
	c.card(ctx)
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	known, passed := len(c.orders), false
	timer := workflow.NewTimerWithOptions(timerCtx, rest, workflow.TimerOptions{Summary: "重新启动异常终止的流程"})
	workflow.GoNamed(timerCtx, "again", func(ctx workflow.Context) { passed = timer.Get(ctx, nil) == nil })
	return workflow.Await(ctx, func() bool { return passed || len(c.orders) > known || c.cancelled })
}

// attend starts the process and keeps it informed until it ends, or ends it when the year is cancelled.
func (c *cycle) attend(ctx workflow.Context, p process) error {
	c.awaited = p.awaited
	childCtx, cancel := workflow.WithCancel(ctx)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(childCtx, workflow.ChildWorkflowOptions{
		WorkflowID:            p.id,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary:         fmt.Sprintf("%s %d 年“名特优新”%s", c.District, c.Year, p.name),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(c.District), KeyYear.ValueSet(int64(c.Year)), KeyStage.ValueSet(p.name)),
	}), p.workflow, p.state())
	ended := false
	workflow.GoNamed(ctx, p.name, func(ctx workflow.Context) {
		_ = child.Get(ctx, nil) // its error is returned below
		ended = true
	})
	due, heard := c.Plan[p.due], true
	tell := func(m message) {
		heard = child.SignalChildWorkflow(ctx, m.signal, m.content).Get(ctx, nil) == nil
	}
	for !ended && !c.cancelled {
		var err error
		switch {
		case !heard: // it has ended: its result is on the way
			err = workflow.Await(ctx, func() bool { return ended || c.cancelled })
		case c.Plan[p.due] != due:
			due = c.Plan[p.due]
			tell(p.moved(due))
		case len(c.orders) > 0:
			if tell(p.advance(c.orders[0])); heard {
				c.orders = c.orders[1:]
			}
		default:
			c.card(ctx)
			err = workflow.Await(ctx, func() bool { return ended || c.cancelled || c.changed || len(c.orders) > 0 || c.Plan[p.due] != due })
			c.changed = false
		}
		if err != nil {
			return err
		}
	}
	if !ended {
		cancel()
		_ = child.Get(ctx, nil) // that it was cancelled is no news
		return nil
	}
	return child.Get(ctx, nil)
}
