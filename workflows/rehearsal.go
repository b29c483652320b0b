package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bangfu/activities"
	"bangfu/models"
)

// UpdateRehearsalRemove ends a rehearsal, if it runs, and removes it; answers when it is gone.
const UpdateRehearsalRemove = "remove"

// RehearsalWorkflowID is one rehearsal.
func RehearsalWorkflowID(id string) string { return "rehearsal/" + id }

// RehearsalInput names a rehearsal.
type RehearsalInput struct {
	ID        string
	District  string
	Year      int
	Namespace string // in which the rehearsed processes are
}

// RehearsalStart is how a rehearsal's process is started, and with what.
func RehearsalStart(r models.Rehearsal) (client.StartWorkflowOptions, RehearsalInput) {
	return client.StartWorkflowOptions{
		ID: RehearsalWorkflowID(r.ID), TaskQueue: QueueMain, StaticSummary: fmt.Sprintf("%s %d 年起演练", r.District, r.Year),
		TypedSearchAttributes: temporal.NewSearchAttributes(KeyDistrict.ValueSet(r.District), KeyYear.ValueSet(int64(r.Year)), KeyStage.ValueSet("演练")),
	}, RehearsalInput{ID: r.ID, District: r.District, Year: r.Year, Namespace: r.Namespace()}
}

// Rehearsal has a worker run a rehearsal to its end, or removes it (B3). The rehearsed processes are in a namespace of their own.
func Rehearsal(ctx workflow.Context, in RehearsalInput) error {
	var a *activities.Rehearsals
	var remover models.Actor
	removed := false
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateRehearsalRemove, func(ctx workflow.Context, actor models.Actor) error {
		remover = actor
		return workflow.Await(ctx, func() bool { return removed })
	}, workflow.UpdateHandlerOptions{Description: "结束并删除演练"})
	if err != nil {
		return fmt.Errorf("registering %s: %w", UpdateRehearsalRemove, err)
	}
	rehearsalCard(ctx, in, "进行中")
	running, cancel := workflow.WithCancel(rehearsing(ctx))
	run := workflow.ExecuteActivity(running, a.RunRehearsal, activities.RehearsalRef{ID: in.ID})
	over := false
	workflow.GoNamed(ctx, "run", func(ctx workflow.Context) {
		err = run.Get(ctx, nil)
		over = true
	})
	if waitErr := workflow.Await(ctx, func() bool { return over || remover != "" }); waitErr != nil {
		cancel()
		return waitErr
	}
	if remover == "" {
		settle(ctx) // a removal that came with the end is heard
	}
	if remover == "" {
		rehearsalCard(ctx, in, "已结束")
		return err
	}
	cancel()
	if err := workflow.Await(ctx, func() bool { return over }); err != nil {
		return err
	}
	if err := workflow.ExecuteActivity(bulk(ctx, "删除演练的副本、邮件和流程"), a.RemoveRehearsal, activities.RehearsalRef{ID: in.ID, Actor: remover}).Get(ctx, nil); err != nil {
		return err
	}
	removed = true
	rehearsalCard(ctx, in, "已删除")
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// rehearsing is for the one activity that runs a whole rehearsal: noticed within a minute when its worker is gone, and gone on with.
func rehearsing(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueBulk,
		StartToCloseTimeout: 72 * time.Hour,
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true,
		Summary:             "在副本上以模拟时钟运行",
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	})
}

func rehearsalCard(ctx workflow.Context, in RehearsalInput, state string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("## %s %d 年起演练\n\n**%s**\n\n进展和报告：GET /api/v1/rehearsals/%s\n\n被演练的流程在命名空间 %s 中。\n",
		in.District, in.Year, state, in.ID, in.Namespace))
}
