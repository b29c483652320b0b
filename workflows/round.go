package workflows

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models/calendar"
)

// SignalRoundStop ends a morning round.
const SignalRoundStop = "stop"

// RoundInput is a morning round's state: whose it is, and which morning it last made.
type RoundInput struct {
	District string
	CycleID  string         // one rehearsed cycle; empty = every cycle of the district that lives in real time
	Clock    calendar.Clock // of the rehearsal
	Last     calendar.Date  // the latest morning
	Result   activities.RunRoundResult
}

// StartRound starts the morning round of a district's real time, if it does not run yet.
func StartRound(ctx context.Context, c client.Client, district string) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: RoundWorkflowID(district), TaskQueue: QueueMain, StaticSummary: district + " 每日提醒",
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    temporal.NewSearchAttributes(KeyDistrict.ValueSet(district)),
	}, MorningRound, RoundInput{District: district})
	if err != nil {
		return fmt.Errorf("starting the morning round of %s: %w", district, err)
	}
	return nil
}

// The hour of the round in Shanghai, and how late a wake-up may be before the day is planned anew: after a standstill
// the mails must speak of the day on which they are written.
const (
	roundHour, roundMinute = 8, 30
	roundLate              = time.Minute
)

// roundsPerRun is how many mornings one run plans before it begins a new history.
const roundsPerRun = 30

// MorningRound reminds, every working-day morning, whoever owes something, and tells the bureau what is overdue. A
// morning that was missed is made good once, on the first working day on which somebody is there to make it.
func MorningRound(ctx workflow.Context, in RoundInput) error {
	r := &morningRound{RoundInput: in, stop: workflow.GetSignalChannel(ctx, SignalRoundStop)}
	for range roundsPerRun {
		day, stopped, err := r.sleep(ctx)
		if err != nil || stopped {
			return err
		}
		if day == 0 {
			continue
		}
		if err := r.make(ctx, day); err != nil {
			return err
		}
		if r.Result.Ended {
			return nil
		}
	}
	if r.stop.ReceiveAsync(nil) {
		return nil
	}
	return workflow.NewContinueAsNewError(ctx, MorningRound, r.RoundInput)
}

type morningRound struct {
	RoundInput
	a    *activities.Rounds
	stop workflow.ReceiveChannel
}

// sleep waits for the next morning and gives its date; none when it woke so late that the day must be planned anew.
func (r *morningRound) sleep(ctx workflow.Context) (day calendar.Date, stopped bool, err error) {
	planned := workflow.Now(ctx)
	from := max(r.Clock.Today(planned), r.Last+1)
	var next activities.NextRoundResult
	err = workflow.ExecuteActivity(quick(ctx, "查询下一个工作日"), r.a.NextRound, activities.NextRoundInput{From: from}).Get(ctx, &next)
	if err != nil {
		return 0, false, err
	}
	r.card(ctx, next)
	wake := planned.Add(r.Clock.Wait(planned, next.Day.At(roundHour, roundMinute)))
	if d := wake.Sub(workflow.Now(ctx)); d > 0 {
		timerCtx, cancel := workflow.WithCancel(ctx)
		defer cancel()
		timer := workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: "下一次提醒：" + next.Day.Chinese() + " 08:30"})
		workflow.NewSelector(ctx).
			AddFuture(timer, func(workflow.Future) {}).
			AddReceive(r.stop, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil); stopped = true }).
			AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
			Select(ctx)
		if stopped || ctx.Err() != nil {
			return 0, stopped, ctx.Err()
		}
	}
	if workflow.Now(ctx).Sub(wake) > roundLate {
		return 0, false, nil
	}
	return next.Day, false, nil
}

// make makes one morning.
func (r *morningRound) make(ctx workflow.Context, day calendar.Date) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueMain,
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    time.Minute,
		Summary:             day.Chinese() + " 提醒与督办",
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	var result activities.RunRoundResult
	err := workflow.ExecuteActivity(ctx, r.a.RunRound, activities.RunRoundInput{District: r.District, CycleID: r.CycleID, Today: day}).Get(ctx, &result)
	if err != nil {
		return err
	}
	r.Last, r.Result = day, result
	return nil
}

// card is what an official reads in Temporal's UI.
func (r *morningRound) card(ctx workflow.Context, next activities.NextRoundResult) {
	text := fmt.Sprintf("## %s 每日提醒\n\n", r.District)
	if r.CycleID != "" {
		text += fmt.Sprintf("**演练**：%s，每秒 %g 天\n\n", r.CycleID, r.Clock.DaysPerSecond)
	}
	if r.Last != 0 {
		text += fmt.Sprintf("**上一次**：%s，提醒 %d 项，督办 %d 项，邮件 %d 封\n\n", r.Last.Chinese(), r.Result.Reminded, r.Result.Escalated, r.Result.Mails)
		if r.Result.Unreachable > 0 {
			text += fmt.Sprintf("**注意**：%d 个部门没有登记联系人和邮箱\n\n", r.Result.Unreachable)
		}
	}
	text += fmt.Sprintf("**下一次**：%s 08:30\n", next.Day.Chinese())
	if !next.Announced {
		text += "\n" + calendar.Unannounced + "。\n"
	}
	workflow.SetCurrentDetails(ctx, text)
}
