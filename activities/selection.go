package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Selections freezes the places of a cycle, compares who qualified for them, and keeps what is decided (附三(三)2, (四)).
type Selections struct{ Store *store.Store }

// SelectionRef names a cycle on a civil date.
type SelectionRef struct {
	CycleID string
	Today   calendar.Date
}

// OpenSelectionInput names the cycle and the date by which the bureau owes the confirmation.
type OpenSelectionInput struct {
	CycleID string
	Due     calendar.Date
	Today   calendar.Date
}

// OpenSelection freezes the places, once, and opens what the bureau owes.
func (a *Selections) OpenSelection(ctx context.Context, in OpenSelectionInput) (models.Places, error) {
	p, err := a.Store.FreezePlaces(ctx, in.CycleID, in.Today)
	if err != nil {
		return p, lasting(err)
	}
	return p, lasting(a.Store.OpenSelection(ctx, in.CycleID, in.Due, in.Today))
}

// RankSelection compares all who qualified. Idempotent: the same data give the same ranking, and decisions stand.
func (a *Selections) RankSelection(ctx context.Context, in SelectionRef) (models.SelectionBoard, error) {
	board, err := a.Store.RankSelection(ctx, in.CycleID, in.Today, func() { activity.RecordHeartbeat(ctx) })
	return board, lasting(err)
}

// ConfirmSelectionInput is a decision and the civil date on which it is made. Natural key: its CycleID and CommandID.
type ConfirmSelectionInput struct {
	Decision models.SelectionDecision
	Today    calendar.Date
}

// ConfirmSelectionResult is how many the decision decided, and where the comparison then stands.
type ConfirmSelectionResult struct {
	Decided int
	Board   models.SelectionBoard
}

// ConfirmSelection decides about applications.
func (a *Selections) ConfirmSelection(ctx context.Context, in ConfirmSelectionInput) (ConfirmSelectionResult, error) {
	decided, board, err := a.Store.ConfirmSelection(ctx, in.Decision, in.Today, func() { activity.RecordHeartbeat(ctx) })
	return ConfirmSelectionResult{Decided: decided, Board: board}, lasting(err)
}

// CloseSelection fills places that were given back from the waiting list and closes what the bureau owes.
func (a *Selections) CloseSelection(ctx context.Context, in SelectionRef) (models.SelectionBoard, error) {
	board, err := a.Store.CloseSelection(ctx, in.CycleID, in.Today)
	return board, lasting(err)
}
