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

// SignalLook makes a fetch look at once, for an administrator who has just set a connection right.
const SignalLook = "look"

// FetchInput is the watching of one connected source for one cycle, and its state.
type FetchInput struct {
	CycleID  string
	District string
	Year     int
	Source   models.Source
	Clock    calendar.Clock
	Until    calendar.Date // the last day on which to look
}

const (
	fetchPatience  = 6 * time.Hour   // of the engine's retries, until the day is asked for anew
	fetchPoll      = time.Hour       // after a look that failed throughout
	fetchQuickest  = 5 * time.Second // of a rehearsal's polls, in real time
	fetchLooks     = 200             // in one run
	fetchRetryMin  = time.Minute
	fetchRetryMost = 30 * time.Minute
)

// Fetch looks at a department's address or folder again and again, and delivers what is new there, until the
// year's results are handed over.
func Fetch(ctx workflow.Context, in FetchInput) error {
	f := &fetch{FetchInput: in, wake: workflow.GetSignalChannel(ctx, SignalLook)}
	for n := 0; n < fetchLooks && !workflow.GetInfo(ctx).GetContinueAsNewSuggested(); n++ {
		if f.today(ctx) > f.Until {
			f.card(ctx, "已到截止日期，不再取数。")
			return nil
		}
		found, err := f.look(ctx)
		if err != nil {
			return err
		}
		if found.Over {
			f.card(ctx, "连接已撤销或年度工作已结束，不再取数。")
			return nil
		}
		if found.DeliveryID != "" {
			if err := f.deliver(ctx, found); err != nil {
				return err
			}
			found.Poll = 0 // a folder may hold more
		}
		if err := f.pause(ctx, found.Poll); err != nil {
			return err
		}
	}
	for f.wake.ReceiveAsync(nil) {
		continue // the next run looks first of all
	}
	return workflow.NewContinueAsNewError(ctx, Fetch, f.FetchInput)
}

type fetch struct {
	FetchInput
	wake workflow.ReceiveChannel
	last string // what the newest delivery came to, in words
	a    *activities.Connections
}

func (f *fetch) today(ctx workflow.Context) calendar.Date { return f.Clock.Today(workflow.Now(ctx)) }

func (f *fetch) input(ctx workflow.Context) activities.LookInput {
	return activities.LookInput{CycleID: f.CycleID, District: f.District, Year: f.Year, Source: f.Source, Today: f.today(ctx), Rehearsal: f.Clock.Rehearsal()}
}

// patiently lets the engine try for hours what depends on the other side.
func (f *fetch) patiently(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: QueueBulk, Summary: summary,
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: 30 * time.Second, ScheduleToCloseTimeout: fetchPatience,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: fetchRetryMin, BackoffCoefficient: 2, MaximumInterval: fetchRetryMost},
	})
}

// look asks once; the engine tries again for hours, then the day is asked for anew.
func (f *fetch) look(ctx workflow.Context) (activities.LookResult, error) {
	var found activities.LookResult
	err := workflow.ExecuteActivity(f.patiently(ctx, "查看"+f.Source.Name()+"数据有无更新"), f.a.LookAtSource, f.input(ctx)).Get(ctx, &found)
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	if err != nil {
		f.card(ctx, fmt.Sprintf("**取数失败**，%s起反复未成；原因见数据连接列表。", f.today(ctx).Chinese()))
		return activities.LookResult{Poll: fetchPoll}, nil //nolint:nilerr // the failure is on record; the next look is due
	}
	if found.Until != 0 {
		f.Until = found.Until // as the plan stands now
	}
	f.card(ctx, "连接正常。"+f.last)
	return found, nil
}

// deliver brings what was found into effect and finishes the look.
func (f *fetch) deliver(ctx workflow.Context, found activities.LookResult) error {
	in := DeliveryInput{DeliveryID: found.DeliveryID, District: f.District, Year: f.Year, Source: f.Source}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: DeliveryWorkflowID(in.DeliveryID), ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary: DeliverySummary(in), TypedSearchAttributes: DeliveryAttributes(f.District, f.Year, f.Source),
	})
	var result activities.ImportResult
	if err := workflow.ExecuteChildWorkflow(child, Delivery, in).Get(ctx, &result); err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return err
	}
	if result.State != "" {
		f.last = fmt.Sprintf("\n\n最近一次交付（%s，%s）：%s", found.DeliveryID, f.today(ctx).Chinese(), receiptCard(result))
		f.card(ctx, "连接正常。"+f.last)
	}
	err := workflow.ExecuteActivity(f.patiently(ctx, "登记取数结果，归置文件"), f.a.SettleSource, activities.SettledInput{
		LookInput: f.input(ctx), DeliveryID: found.DeliveryID, ETag: found.ETag,
	}).Get(ctx, nil)
	if err != nil && ctx.Err() == nil {
		f.card(ctx, "**取到的文件未能归置**；原因见数据连接列表。"+f.last)
		return nil // the next look finds the same file, and settles it
	}
	return err
}

// pause waits for the time of the next look, by the cycle's clock, or for an administrator's word.
func (f *fetch) pause(ctx workflow.Context, poll time.Duration) error {
	if f.Clock.Rehearsal() {
		now := workflow.Now(ctx)
		poll = max(f.Clock.Wait(now, f.Clock.Now(now).Add(poll)), fetchQuickest)
	}
	if poll <= 0 {
		return nil
	}
	waiting, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(waiting, poll, workflow.TimerOptions{Summary: "下次查看" + f.Source.Name() + "数据"})
	workflow.NewSelector(ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(f.wake, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		Select(ctx)
	return ctx.Err()
}

func (f *fetch) card(ctx workflow.Context, text string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("### %s %d 年%s数据定时取数\n\n查看至%s。%s", f.District, f.Year, f.Source.Name(), f.Until.Chinese(), text))
}
