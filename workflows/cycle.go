package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
)

// Messages that a cycle takes.
const (
	UpdateOpen       = "open"       // answers once the cycle is on record; sent with the start
	UpdateReschedule = "reschedule" // moves dates of the plan
	UpdateCommand    = "command"    // advance, pause, resume, cancel
	UpdateJudge      = "judge"      // judges every household again
	SignalDelivered  = "delivered"  // a delivery took effect
)

// NewCycleState is the state in which a cycle begins.
func NewCycleState(n models.NewCycle) CycleState {
	return CycleState{CycleID: n.CycleID, District: n.District, Year: n.Year, Plan: n.Plan, Clock: n.Clock,
		Stage: models.StageCollection, State: models.CycleRunning, Request: n}
}

// Delivered tells a cycle that a delivery took effect.
type Delivered struct {
	Source     string
	DeliveryID string
}

// CycleState is a cycle's whole state and its workflow's input: nothing else crosses continue-as-new.
type CycleState struct {
	CycleID    string
	District   string
	Year       int
	Plan       calendar.Plan
	Clock      calendar.Clock
	Stage      models.Stage
	State      models.CycleState
	Request    models.NewCycle // what opens the record, once; then empty
	Opened     bool
	DataSeen   int      // deliveries that arrived
	DataJudged int      // of them, those that the newest run has read
	Done       []string // what was done, in words, for the card
	Handled    []string // newest command IDs, so that a repeated command is not carried out twice
}

// Cycle is one district's year, from the departments' data to the benefits of the newly certified.
func Cycle(ctx workflow.Context, state CycleState) error {
	c := &cycle{CycleState: state}
	if err := c.setup(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

type cycle struct {
	CycleState
	a         *activities.Cycles
	p         *activities.Publication
	s         *activities.Seasons
	apps      *activities.Applications
	cert      *activities.Certified
	l         *activities.Letters
	advanced  bool // the stage was ended by an administrator; a stage ends once
	changed   bool // something happened that a wait must look at
	cancelled bool
	leaving   bool           // the stage is over: the next one begins with the next run
	seasonal  bool           // the stage is one of the certification season
	awaited   string         // whom the stage waits for, in words
	advance   CycleCommand   // the command that ends the stage
	ordering  bool           // the stage's process takes advances, each as an order of its own
	orders    []CycleCommand // advances of which the stage's process has not heard
}

// setup registers every handler before anything can block.
func (c *cycle) setup(ctx workflow.Context) error {
	handlers := []struct {
		name    string
		handler any
		options workflow.UpdateHandlerOptions
	}{
		{UpdateOpen, c.open, workflow.UpdateHandlerOptions{Description: "年度工作建账"}},
		{UpdateReschedule, c.reschedule, workflow.UpdateHandlerOptions{Description: "调整计划日期", Validator: c.mayReschedule}},
		{UpdateCommand, c.command, workflow.UpdateHandlerOptions{Description: "推进、暂停、恢复、取消", Validator: c.mayCommand}},
		{UpdateJudge, c.judgeAgain, workflow.UpdateHandlerOptions{Description: "重新判定", Validator: c.mayJudge}},
	}
	for _, h := range handlers {
		if err := workflow.SetUpdateHandlerWithOptions(ctx, h.name, h.handler, h.options); err != nil {
			return fmt.Errorf("registering %s: %w", h.name, err)
		}
	}
	workflow.GoNamed(ctx, "deliveries", func(ctx workflow.Context) {
		arrivals := workflow.GetSignalChannel(ctx, SignalDelivered)
		for {
			arrivals.Receive(ctx, nil)
			c.DataSeen++
			c.changed = true
		}
	})
	return nil
}

// run is the year as the work plan tells it (requirements "The year"); one run of the workflow per stage.
func (c *cycle) run(ctx workflow.Context) error {
	if err := c.openRecord(ctx); err != nil {
		return err
	}
	if err := c.enter(ctx); err != nil {
		return err
	}
	var err error
	switch c.Stage {
	case models.StageCollection:
		err = c.collect(ctx)
	case models.StageTiering:
		err = c.tier(ctx)
	case models.StageStudy:
		err = c.study(ctx)
	case models.StagePublication:
		err = c.publish(ctx)
	case models.StageHandover:
		err = c.handOver(ctx)
	default:
		err = c.season(ctx)
	}
	if err != nil {
		return err
	}
	return c.leave(ctx)
}

// leave ends the stage: the year goes on as a new run, so that new code takes over at every border.
func (c *cycle) leave(ctx workflow.Context) error {
	c.leaving = true
	if !c.cancelled {
		c.Done = append(c.Done, fmt.Sprintf("%s 完成“%s”", c.today(ctx).Chinese(), c.Stage.Info().Name))
		c.Done = c.Done[max(0, len(c.Done)-40):]
		c.Stage = c.Stage.Next()
	}
	for first := true; first || !workflow.AllHandlersFinished(ctx); first = false {
		if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
			return err
		}
		settle(ctx)
	}
	if c.cancelled && c.seasonal {
		if err := c.cancelSeason(ctx); err != nil {
			return err
		}
	}
	if c.cancelled || c.Stage == models.StageDone {
		if !c.cancelled {
			c.State = models.CycleDone
		}
		return c.enter(ctx)
	}
	return workflow.NewContinueAsNewError(ctx, Cycle, c.CycleState)
}

func (c *cycle) today(ctx workflow.Context) calendar.Date { return c.Clock.Today(workflow.Now(ctx)) }

// openRecord writes the cycle and what everybody owes in it, once.
func (c *cycle) openRecord(ctx workflow.Context) error {
	if c.Opened {
		return nil
	}
	c.Request.RunID = workflow.GetInfo(ctx).WorkflowExecution.RunID
	err := workflow.ExecuteActivity(quick(ctx, "年度工作建账，登记各部门应办事项"), c.a.OpenCycle, c.Request).Get(ctx, nil)
	if err != nil {
		return err
	}
	err = workflow.ExecuteActivity(quick(ctx, "通知各部门年度工作开始"), c.l.AnnounceStart, activities.AnnounceInput{CycleID: c.CycleID, Today: c.today(ctx)}).Get(ctx, nil)
	if err != nil {
		return err
	}
	connections := c.Request.Connections
	c.Opened, c.Request = true, models.NewCycle{}
	return c.startCompanions(ctx, connections)
}

// startCompanions starts what goes on beside the stages: the fetching of connected sources, and a rehearsal's own
// morning round (real cycles are in their district's). They outlive the cycle's runs and end when it does.
func (c *cycle) startCompanions(ctx workflow.Context, connections []models.Source) error {
	start := func(id, summary string, attributes temporal.SearchAttributes, child, input any) error {
		ctx := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: id, ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
			StaticSummary: summary, TypedSearchAttributes: attributes,
		})
		err := workflow.ExecuteChildWorkflow(ctx, child, input).GetChildWorkflowExecution().Get(ctx, nil)
		if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			return nil
		}
		return err
	}
	for _, source := range connections {
		err := start(FetchWorkflowID(c.CycleID, source.String()), "定时取数："+source.Name(), DeliveryAttributes(c.District, c.Year, source), Fetch, FetchInput{
			CycleID: c.CycleID, District: c.District, Year: c.Year, Source: source, Clock: c.Clock, Until: c.Plan[calendar.PlanHandoverDue]})
		if err != nil {
			return err
		}
	}
	if !c.Clock.Rehearsal() {
		return nil
	}
	return start(RoundWorkflowID(c.CycleID), "演练的每日提醒", temporal.NewSearchAttributes(KeyDistrict.ValueSet(c.District), KeyYear.ValueSet(int64(c.Year))),
		MorningRound, RoundInput{District: c.District, CycleID: c.CycleID, Clock: c.Clock})
}

// enter records the stage and shows it.
func (c *cycle) enter(ctx workflow.Context) error {
	c.card(ctx)
	if err := workflow.UpsertTypedSearchAttributes(ctx, KeyStage.ValueSet(c.Stage.Info().Name)); err != nil {
		return err
	}
	return workflow.ExecuteActivity(quick(ctx, "进入阶段："+c.Stage.Info().Name), c.a.EnterStage, activities.EnterStageInput{
		CycleID: c.CycleID, Stage: c.Stage, State: c.State, Today: c.today(ctx),
	}).Get(ctx, nil)
}

// collect waits until every required source is in and the tiering date has come, or an administrator goes on (R2).
func (c *cycle) collect(ctx workflow.Context) error {
	for {
		var s activities.CollectionStatus
		if err := workflow.ExecuteActivity(quick(ctx, "核对各部门数据是否到齐"), c.a.CheckCollection, c.ref(ctx)).Get(ctx, &s); err != nil {
			return err
		}
		c.awaited = "等待：" + strings.Join(s.Missing, "、")
		if len(s.Missing) == 0 {
			c.awaited = "必需数据已到齐，等待判定日"
		}
		until := calendar.PlanTiering
		if len(s.Missing) > 0 {
			until = "" // no date ends the wait for data: without it only an administrator goes on, with a reason
		}
		if err := c.wait(ctx, until); err != nil {
			return err
		}
		switch {
		case c.cancelled:
			return nil
		case c.advanced && len(s.Missing) > 0:
			return workflow.ExecuteActivity(quick(ctx, "缺少部分数据继续推进，记录在案"), c.a.WaiveMissing, activities.WaiveInput{
				CycleRef: c.ref(ctx), ReasonID: c.advance.ReasonID, Actor: c.advance.Actor,
			}).Get(ctx, nil)
		case c.advanced, len(s.Missing) == 0 && c.reached(ctx, calendar.PlanTiering):
			return nil
		}
	}
}

// tier judges every household (附一(三)).
func (c *cycle) tier(ctx workflow.Context) error { return c.judge(ctx, "分型判定") }

// judge runs one tiering as a child, on the data that have arrived by now.
func (c *cycle) judge(ctx workflow.Context, why string) error {
	seen := c.DataSeen
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            TieringWorkflowID(c.CycleID, seen),
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // a run with the same data is allowed again: it finds nothing to do
		StaticSummary:         fmt.Sprintf("%s %d 年%s", c.District, c.Year, why),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(c.District), KeyYear.ValueSet(int64(c.Year)), KeyStage.ValueSet(why)),
	})
	var r activities.TieringResult
	err := workflow.ExecuteChildWorkflow(ctx, Tiering, TieringInput{
		CycleID: c.CycleID, District: c.District, Year: c.Year, AsOf: c.Plan[calendar.PlanTiering],
	}).Get(ctx, &r)
	if err != nil {
		return err
	}
	c.DataJudged = seen
	c.Done = append(c.Done, fmt.Sprintf("%s第 %d 次：%d 户（不符合 %d，生存型 %d，成长型 %d，发展型 %d）",
		why, r.Number, r.Counts.Total(), r.Counts[models.Ineligible], r.Counts[models.Survival], r.Counts[models.Growth], r.Counts[models.Development]))
	c.card(ctx)
	return nil
}

// study compares with the city's result in a process of its own, in which the departments settle the differences, until
// nothing is open, the date comes or an administrator goes on (二(一)2).
func (c *cycle) study(ctx workflow.Context) error {
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            StudyWorkflowID(c.CycleID),
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         fmt.Sprintf("%s %d 年分型结果联合研判", c.District, c.Year),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(c.District), KeyYear.ValueSet(int64(c.Year)), KeyStage.ValueSet("联合研判")),
	}), JointStudy, StudyState{CycleID: c.CycleID, District: c.District, Year: c.Year, Clock: c.Clock, Due: c.Plan[calendar.PlanStudyDue]})
	settled := false
	workflow.GoNamed(ctx, "study", func(ctx workflow.Context) {
		_ = child.Get(ctx, nil) // its error is returned below
		settled, c.changed = true, true
	})
	c.awaited = "各部门研判与市级结果的差异（见联合研判流程）"
	for {
		if err := c.wait(ctx, calendar.PlanStudyDue); err != nil {
			return err
		}
		switch {
		case settled:
			return child.Get(ctx, nil)
		case c.cancelled || c.advanced || c.reached(ctx, calendar.PlanStudyDue):
			finish := StudyFinish{Actor: models.ActorSystem}
			if c.advanced {
				finish = StudyFinish{ReasonID: c.advance.ReasonID, Actor: c.advance.Actor}
			}
			_ = child.SignalChildWorkflow(ctx, SignalStudyFinish, finish).Get(ctx, nil) // one that has ended has its result on the way
			return child.Get(ctx, nil)
		}
		if err := c.judgeNewData(ctx); err != nil {
			return err
		}
		again := StudyRecompare{Due: c.Plan[calendar.PlanStudyDue]}
		_ = child.SignalChildWorkflow(ctx, SignalStudyRecompare, again).Get(ctx, nil) // one that has ended has its result on the way
	}
}

// publish makes the tiers public and keeps them so while objections are heard (附一(二)2–3).
func (c *cycle) publish(ctx workflow.Context) error {
	for {
		var r activities.PublishResult
		err := workflow.ExecuteActivity(bulk(ctx, "公布分型结果"), c.p.PublishTiers, activities.PublishInput{CycleID: c.CycleID, Today: c.today(ctx)}).Get(ctx, &r)
		if err != nil {
			return err
		}
		c.awaited = fmt.Sprintf("已公布 %d 户的分型结果，受理异议", r.Households)
		if err := c.wait(ctx, calendar.PlanObjectionsUntil); err != nil {
			return err
		}
		if c.cancelled || c.advanced || c.reached(ctx, calendar.PlanObjectionsUntil) {
			return nil
		}
		if err := c.judgeNewData(ctx); err != nil {
			return err
		}
	}
}

// handOver prepares the file for the national register and waits for its receipt (附一(二)1). Without one the year goes
// on when the season begins: the obligation stays open and is escalated.
func (c *cycle) handOver(ctx workflow.Context) error {
	var r activities.HandoverResult
	err := workflow.ExecuteActivity(bulk(ctx, "生成名录汇总文件"), c.p.PrepareHandover, activities.HandoverInput{CycleID: c.CycleID, Today: c.today(ctx)}).Get(ctx, &r)
	if err != nil {
		return err
	}
	workflow.GoNamed(ctx, "receipt", func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, SignalHandedOver).Receive(ctx, nil)
		c.advanced = true // the receipt ends the stage as its date would
	})
	return c.waitForDate(ctx, fmt.Sprintf("名录汇总文件已生成（%d 户），等待上报回执", r.Counts.Total()))
}

// judgeNewData makes a new run when deliveries arrived since the last one.
func (c *cycle) judgeNewData(ctx workflow.Context) error {
	if c.DataSeen == c.DataJudged {
		return nil
	}
	if err := workflow.ExecuteActivity(quick(ctx, "登记新交付的数据"), c.a.CheckCollection, c.ref(ctx)).Get(ctx, nil); err != nil {
		return err
	}
	return c.judge(ctx, "补充数据后重新判定")
}

// waitForDate waits for the stage's date and nothing else.
func (c *cycle) waitForDate(ctx workflow.Context, awaited string) error {
	c.awaited = awaited
	until := c.Stage.Info().Ends
	for !c.cancelled && !c.advanced && !c.reached(ctx, until) {
		if err := c.wait(ctx, until); err != nil {
			return err
		}
	}
	return nil
}

func (c *cycle) reached(ctx workflow.Context, key calendar.PlanKey) bool {
	return c.State == models.CycleRunning && c.today(ctx) >= c.Plan[key]
}

// wait ends when the date comes (if one is given), a command or a delivery came, or the plan moved; never while paused.
func (c *cycle) wait(ctx workflow.Context, until calendar.PlanKey) error {
	return c.waitUntil(ctx, func() calendar.Date { return c.Plan[until] })
}

// waitUntil is wait with a date that is asked for anew each time, since the plan may have moved; zero is no date.
func (c *cycle) waitUntil(ctx workflow.Context, until func() calendar.Date) error {
	c.card(ctx)
	for {
		timerCtx, cancel := workflow.WithCancel(ctx)
		fired := false
		if due := until(); due != 0 && c.State == models.CycleRunning {
			timer := workflow.NewTimerWithOptions(timerCtx, c.Clock.Wait(workflow.Now(ctx), due.At(0, 0)), workflow.TimerOptions{
				Summary: c.Stage.Info().Name + "至" + due.Chinese(),
			})
			workflow.GoNamed(timerCtx, "date", func(ctx workflow.Context) { fired = timer.Get(ctx, nil) == nil })
		}
		err := workflow.Await(ctx, func() bool { // a paused year does not end its stage: what ended it meanwhile counts once it goes on
			return c.changed || c.cancelled || c.State != models.CyclePaused && (fired || c.advanced)
		})
		cancel()
		if err != nil {
			return err
		}
		c.changed = false // what comes while the stage looks ends its next wait at once
		if c.State != models.CyclePaused || c.cancelled {
			return nil
		}
	}
}

func (c *cycle) ref(ctx workflow.Context) activities.CycleRef {
	return activities.CycleRef{CycleID: c.CycleID, District: c.District, Year: c.Year, Today: c.today(ctx)}
}

// card is what an official reads in Temporal's UI.
func (c *cycle) card(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %d 年个体工商户分型分类帮扶\n\n", c.District, c.Year)
	fmt.Fprintf(&b, "**当前阶段**：%s（%s）\n\n", c.Stage.Info().Name, map[models.CycleState]string{
		models.CycleRunning: "进行中", models.CyclePaused: "已暂停", models.CycleCancelled: "已取消", models.CycleDone: "已结束"}[c.State])
	if d := c.Plan[c.Stage.Info().Ends]; d != 0 {
		fmt.Fprintf(&b, "**本阶段截止**：%s\n\n", d.Chinese())
	}
	if c.awaited != "" {
		fmt.Fprintf(&b, "**进展**：%s\n\n", c.awaited)
	}
	if c.State == models.CyclePaused && c.seasonal {
		b.WriteString("**暂停期间**：不转入下一阶段；本阶段的流程和各申报件照常办理，期限照常计算\n\n")
	}
	if c.Clock.Rehearsal() {
		fmt.Fprintf(&b, "**演练**：模拟日期 %s，每秒 %g 天\n\n", c.today(ctx).Chinese(), c.Clock.DaysPerSecond)
	}
	for _, d := range c.Done {
		b.WriteString("- " + d + "\n")
	}
	b.WriteString("\n| 阶段 | 截止 |\n| --- | --- |\n")
	for _, s := range models.Stages {
		mark := ""
		if s.Stage == c.Stage {
			mark = " ◀"
		}
		fmt.Fprintf(&b, "| %s%s | %s |\n", s.Name, mark, c.Plan[s.Ends])
	}
	workflow.SetCurrentDetails(ctx, b.String())
}
