package workflows

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models/calendar"
)

// SignalMail tells the sender that there is mail.
const SignalMail = "mail"

// WakeOutbox starts the sender of mail, or wakes it. Whoever put mail into the outbox calls it, and a worker when it
// starts.
func WakeOutbox(ctx context.Context, c client.Client) error {
	_, err := c.SignalWithStartWorkflow(ctx, OutboxWorkflowID, SignalMail, nil, client.StartWorkflowOptions{
		TaskQueue: QueueMain, StaticSummary: "发送邮件",
	}, Outbox, OutboxState{})
	if err != nil {
		return fmt.Errorf("waking the sender of mail: %w", err)
	}
	return nil
}

// OutboxState is what the sender tells in its card; it crosses continue-as-new.
type OutboxState struct {
	Sent   int
	Failed int
	Last   time.Time // of the latest batch
}

// outboxBatches is how many batches one run sends before it begins a new history.
const outboxBatches = 200

// Outbox sends what is in the outbox, waits for the next retry, and is over when nothing waits.
func Outbox(ctx workflow.Context, state OutboxState) error {
	wake := workflow.GetSignalChannel(ctx, SignalMail)
	var a *activities.Outboxes
	for range outboxBatches {
		for wake.ReceiveAsync(nil) { // the batch below sees everything that was there before
		}
		var r activities.SendResult
		if err := workflow.ExecuteActivity(sending(ctx), a.SendMails).Get(ctx, &r); err != nil {
			return err
		}
		state.Sent, state.Failed, state.Last = state.Sent+r.Sent, state.Failed+r.Failed, workflow.Now(ctx)
		outboxCard(ctx, state, r)
		if !r.Pending && wake.Len() == 0 {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() { // each of thousands of letters wakes it: the next run looks first thing
			break
		}
		if !r.Pending {
			continue
		}
		if err := sleepUntilMail(ctx, r.NextAt, wake); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, Outbox, state)
}

// sleepUntilMail waits for the next retry or for new mail.
func sleepUntilMail(ctx workflow.Context, at time.Time, wake workflow.ReceiveChannel) error {
	d := at.Sub(workflow.Now(ctx))
	if d <= 0 {
		return ctx.Err()
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: "等待下一次重试"})
	workflow.NewSelector(ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(wake, func(workflow.ReceiveChannel, bool) {}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
		Select(ctx)
	return ctx.Err()
}

// sending is for one batch of mails: slow by intent, so only its heartbeat is short.
func sending(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueMail,
		StartToCloseTimeout: 8 * time.Hour,
		HeartbeatTimeout:    3 * time.Minute,
		Summary:             "发送到期的邮件",
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	})
}

func outboxCard(ctx workflow.Context, state OutboxState, r activities.SendResult) {
	text := fmt.Sprintf("## 邮件发送\n\n**已发送**：%d 封\n\n**发送失败**：%d 封（可在 API 中查看并重发）\n\n**最近一批**：%s\n",
		state.Sent, state.Failed, state.Last.In(calendar.Shanghai).Format("2006-01-02 15:04"))
	if r.Pending {
		text += fmt.Sprintf("\n**待重试**：%s\n", r.NextAt.In(calendar.Shanghai).Format("2006-01-02 15:04"))
	}
	workflow.SetCurrentDetails(ctx, text)
}
