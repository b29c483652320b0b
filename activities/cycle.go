package activities

import (
	"context"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Cycles keeps the record of a cycle: what it is, where it stands, who owes what.
type Cycles struct{ Store *store.Store }

// CycleRef names a cycle and its civil date to an activity.
type CycleRef struct {
	CycleID  string
	District string
	Year     int
	Today    calendar.Date
}

// OpenCycleInput is what a cycle begins with. Natural key: CycleID and Attempt.
type OpenCycleInput = models.NewCycle

// OpenCycle writes the cycle and what everybody owes in it.
func (a *Cycles) OpenCycle(ctx context.Context, in OpenCycleInput) error {
	return a.Store.OpenCycle(ctx, in)
}

// EnterStageInput says which stage a cycle entered. Natural key: CycleID and Stage.
type EnterStageInput struct {
	CycleID string
	Stage   models.Stage
	State   models.CycleState
	Today   calendar.Date
}

// EnterStage records the stage, and what was delivered by its beginning.
func (a *Cycles) EnterStage(ctx context.Context, in EnterStageInput) error {
	if err := a.Store.EnterStage(ctx, in.CycleID, in.Stage, in.State, in.Today); err != nil {
		return err
	}
	_, err := a.Store.NoteDeliveries(ctx, in.CycleID, in.Today)
	return err
}

// CollectionStatus says which required deliveries are missing.
type CollectionStatus struct {
	Missing []string // in words: "税务（区税务局）"
}

// CheckCollection notes what has been delivered, and says what is still missing.
func (a *Cycles) CheckCollection(ctx context.Context, in CycleRef) (CollectionStatus, error) {
	missing, err := a.Store.NoteDeliveries(ctx, in.CycleID, in.Today)
	return CollectionStatus{Missing: missing}, err
}

// WaiveInput goes on without the deliveries that are missing.
type WaiveInput struct {
	CycleRef
	ReasonID int64
	Actor    models.Actor
}

// WaiveMissing puts on record that the year goes on without the missing deliveries, by whom and why.
func (a *Cycles) WaiveMissing(ctx context.Context, in WaiveInput) error {
	return a.Store.WaiveMissing(ctx, in.CycleID, in.Today, in.ReasonID, in.Actor)
}

// RescheduleInput moves dates. Natural key: CycleID and CommandID.
type RescheduleInput struct {
	CycleRef
	CommandID string
	Changes   map[calendar.PlanKey]calendar.Date
	ReasonID  int64
	Actor     models.Actor
}

// Reschedule records the new dates, and moves what is owed with them.
func (a *Cycles) Reschedule(ctx context.Context, in RescheduleInput) error {
	return a.Store.Reschedule(ctx, in.CycleID, in.CommandID, in.Changes, in.ReasonID, in.Actor)
}

// CommandInput is an administrator's command that took effect. Natural key: CycleID and CommandID.
type CommandInput struct {
	CycleRef
	CommandID string
	Command   models.Command
	Stage     models.Stage
	State     models.CycleState
	ReasonID  int64
	Actor     models.Actor
}

// RecordCommand puts a command on record.
func (a *Cycles) RecordCommand(ctx context.Context, in CommandInput) error {
	return a.Store.RecordCommand(ctx, store.CycleCommand{
		CycleID: in.CycleID, CommandID: in.CommandID, Command: in.Command, Stage: in.Stage, State: in.State,
		Today: in.Today, ReasonID: in.ReasonID, Actor: in.Actor,
	})
}

// PlanYearInput names a district's year that begins by itself.
type PlanYearInput struct {
	District string
	Year     int
	Today    calendar.Date
}

// PlanYear gives what the year begins with, by the policy in force.
func (a *Cycles) PlanYear(ctx context.Context, in PlanYearInput) (models.NewCycle, error) {
	n, err := a.Store.PlanYear(ctx, in.District, in.Year, nil)
	n.CycleID, n.Attempt, n.Actor, n.Today = models.CycleID(in.District, in.Year), 1, models.ActorSystem, in.Today
	n.RequestHash = models.RequestHash(nil, calendar.Clock{})
	return n, err
}
