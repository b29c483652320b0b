package worker

import (
	"context"

	"go.temporal.io/sdk/worker"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// Register names every workflow; what is not named here cannot run.
func Register(r worker.Registry) {
	r.RegisterWorkflow(workflows.Year)
	r.RegisterWorkflow(workflows.Cycle)
	r.RegisterWorkflow(workflows.Delivery)
	r.RegisterWorkflow(workflows.Fetch)
	r.RegisterWorkflow(workflows.Tiering)
	r.RegisterWorkflow(workflows.JointStudy)
	r.RegisterWorkflow(workflows.Application)
	r.RegisterWorkflow(workflows.Objection)
	r.RegisterWorkflow(workflows.Selection)
	r.RegisterWorkflow(workflows.Notice)
	r.RegisterWorkflow(workflows.Certification)
	r.RegisterWorkflow(workflows.CertifiedHousehold)
	r.RegisterWorkflow(workflows.Recheck)
	r.RegisterWorkflow(workflows.HelpNotice)
	r.RegisterWorkflow(workflows.MorningRound)
	r.RegisterWorkflow(workflows.Outbox)
	r.RegisterWorkflow(workflows.Rehearsal)
}

// Activities gives every activity with what it needs.
func Activities(o Options) []any {
	letters := &activities.Letters{Store: o.Store, PublicURL: o.PublicURL, Wake: func(ctx context.Context) error { return workflows.WakeOutbox(ctx, o.Client) }}
	nudge := func(ctx context.Context, a models.Application, clock calendar.Clock) error {
		return workflows.NudgeApplication(ctx, o.Client, a, clock)
	}
	certified := &activities.Certified{Store: o.Store, Letters: letters, Nudge: func(ctx context.Context, c models.Certification, clock calendar.Clock) error {
		return workflows.NudgeCertified(ctx, o.Client, c, clock)
	}}
	standing := &activities.Standing{Store: o.Store, Nudge: certified.Nudge, Start: func(ctx context.Context, c models.Cycle) error {
		return workflows.StartRecheck(ctx, o.Client, c)
	}}
	return []any{
		letters,
		certified,
		standing,
		&activities.Cycles{Store: o.Store},
		&activities.Seasons{Store: o.Store},
		&activities.Deliveries{Store: o.Store},
		&activities.Connections{Store: o.Store, Letters: letters, Folders: o.Folders, MaxFile: o.MaxFile},
		&activities.Tiering{Store: o.Store, Program: o.Program},
		&activities.Study{Store: o.Store},
		&activities.Applications{Store: o.Store, Nudge: nudge},
		&activities.Objections{Store: o.Store},
		&activities.Selections{Store: o.Store},
		&activities.Notices{Store: o.Store},
		&activities.Certification{Store: o.Store, Program: o.Program},
		&activities.Publication{Store: o.Store, Standing: standing},
		&activities.HelpNotices{Store: o.Store, Letters: letters},
		&activities.Rounds{Store: o.Store, Letters: letters, Certified: certified, Nudge: nudge, Receive: func(ctx context.Context, x models.Objection, clock calendar.Clock) error {
			return workflows.StartObjection(ctx, o.Client, x, clock)
		}, Notify: func(ctx context.Context, n models.HelpNotice) error {
			return workflows.StartHelpNotice(ctx, o.Client, n)
		}},
		&o.Rehearsals,
		&activities.Outboxes{Store: o.Store, Mailer: o.Mailer, PerMinute: o.MailsPerMinute},
	}
}
