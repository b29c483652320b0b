package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Applications carries out what happens to applications (申报件), and tells their processes what happened without them.
type Applications struct {
	Store *store.Store
	// Nudge tells the process of an application that the record changed, and starts it where none runs.
	Nudge func(ctx context.Context, a models.Application, clock calendar.Clock) error
}

// ApplicationStatus is what an application's process knows of the record. No text, no name: it lies in the engine's history.
type ApplicationStatus struct {
	State      models.ApplicationState
	Origin     models.Origin
	Wished     []models.Category
	Category   models.Category
	Tier       models.Tier
	Department string
	LimitOn    calendar.Date
	Due        calendar.Date
	Events     int
	Steps      []ApplicationMilestone
}

// ApplicationMilestone is one line of an application's story.
type ApplicationMilestone struct {
	On    calendar.Date
	Event models.ApplicationEvent
}

// stepsShown is how many of the newest steps a process keeps for its card.
const stepsShown = 60

// ActOnApplicationInput is a command and the civil date. Natural key: the command's ApplicationID and CommandID.
type ActOnApplicationInput struct {
	Command models.ApplicationCommand
	Today   calendar.Date
}

// ActOnApplication carries a command out, once, and gives the application as it then is.
func (a *Applications) ActOnApplication(ctx context.Context, in ActOnApplicationInput) (ApplicationStatus, error) {
	app, err := a.Store.ActOnApplication(ctx, in.Command, in.Today)
	if err != nil {
		return ApplicationStatus{}, lasting(err)
	}
	return a.status(ctx, app)
}

// ReadApplicationInput names the application.
type ReadApplicationInput struct{ ApplicationID int64 }

// ReadApplication gives the application as the record has it, and notes there that its process knows.
func (a *Applications) ReadApplication(ctx context.Context, in ReadApplicationInput) (ApplicationStatus, error) {
	app, err := a.Store.NoteApplication(ctx, in.ApplicationID)
	if err != nil {
		return ApplicationStatus{}, lasting(err)
	}
	return a.status(ctx, app)
}

func (a *Applications) status(ctx context.Context, app models.Application) (ApplicationStatus, error) {
	steps, err := a.Store.ApplicationSteps(ctx, app.ID)
	if err != nil {
		return ApplicationStatus{}, err
	}
	s := ApplicationStatus{State: app.State, Origin: app.Origin, Wished: app.Wished, Category: app.Category, Tier: app.Tier, Department: app.Department,
		LimitOn: app.LimitOn, Due: app.Due, Events: app.Events}
	for _, step := range steps {
		if step.Seq <= app.Events { // another may have followed meanwhile
			s.Steps = append(s.Steps, ApplicationMilestone{step.OnDate, step.Event})
		}
	}
	s.Steps = s.Steps[max(0, len(s.Steps)-stepsShown):]
	return s, nil
}

// NudgeApplicationsInput names the cycle.
type NudgeApplicationsInput struct{ CycleID string }

// How many applications are read at once, and how many processes are told at once.
const (
	nudgePage  = 200
	nudgeWidth = 8
)

// NudgeApplications tells the process of every application of the cycle that changed without it: after the steps that the whole
// cycle takes. It returns how many. Told twice, a process reads once more and finds nothing.
func (a *Applications) NudgeApplications(ctx context.Context, in NudgeApplicationsInput) (nudged int, err error) {
	cycle, err := a.Store.Cycle(ctx, in.CycleID)
	if err != nil {
		return 0, lasting(err)
	}
	var after int64
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &after, &nudged) // unreadable = from the beginning
	}
	for {
		page, err := a.Store.UnnoticedApplications(ctx, in.CycleID, after, nudgePage)
		if err != nil || len(page) == 0 {
			return nudged, err
		}
		if err := a.nudge(ctx, page, cycle.Clock); err != nil {
			return nudged, err
		}
		after, nudged = page[len(page)-1].ID, nudged+len(page)
		activity.RecordHeartbeat(ctx, after, nudged)
	}
}

func (a *Applications) nudge(ctx context.Context, page []models.Application, clock calendar.Clock) error {
	return inParallel(page, func(app models.Application) error { return a.Nudge(ctx, app, clock) })
}

// LapseApplicationsInput says which applications end because their stage is over: by time (models.ActorSystem), or because an
// administrator goes on with a reason.
type LapseApplicationsInput struct {
	CycleID  string
	States   []models.ApplicationState
	Today    calendar.Date
	Actor    models.Actor
	ReasonID int64
}

// lapsePage is how many applications one transaction lets lapse.
const lapsePage = 100

// LapseApplications ends every application of the cycle in these states, page by page; NudgeApplications then tells their
// processes. It returns how many lapsed in this attempt. What has lapsed does not lapse again.
func (a *Applications) LapseApplications(ctx context.Context, in LapseApplicationsInput) (lapsed int, err error) {
	for {
		n, err := a.Store.LapseUndecided(ctx, in.CycleID, in.States, in.Today, in.Actor, in.ReasonID, lapsePage)
		if err != nil || n == 0 {
			return lapsed, lasting(err)
		}
		lapsed += n
		activity.RecordHeartbeat(ctx, lapsed)
	}
}
