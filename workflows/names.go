// Package workflows says when things happen: one file per process, deterministic, holding identifiers and never
// personal data. Rules of what may follow what live in models; what touches the world lives in activities.
package workflows

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Task queues: bulk work and mail must never make a person wait.
const (
	QueueMain = "bangfu"      // workflows, and activities of one short transaction
	QueueBulk = "bangfu-bulk" // imports, tiering, exports
	QueueMail = "bangfu-mail" // sending
)

// Search attributes, the columns by which Temporal's UI is filtered. SearchAttributes lists them.
var (
	KeyDistrict   = temporal.NewSearchAttributeKeyKeyword("District")   // 110107
	KeyYear       = temporal.NewSearchAttributeKeyInt64("Year")         // 2026
	KeyStage      = temporal.NewSearchAttributeKeyKeyword("Stage")      // 归集数据 …
	KeyDepartment = temporal.NewSearchAttributeKeyKeyword("Department") // department code
	KeySource     = temporal.NewSearchAttributeKeyKeyword("Source")     // source code
	KeyTier       = temporal.NewSearchAttributeKeyKeyword("Tier")       // 成长型 …
	KeyCategory   = temporal.NewSearchAttributeKeyKeyword("Category")   // 知名 …
	KeyDueMonth   = temporal.NewSearchAttributeKeyKeyword("DueMonth")   // 2026-10: the month in which the present step is due
)

// SearchAttributes lists every key as Name=Type, as the temporal program registers them.
func SearchAttributes() []string {
	keys := []temporal.SearchAttributeKey{KeyDistrict, KeyYear, KeyStage, KeyDepartment, KeySource, KeyTier, KeyCategory, KeyDueMonth}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.GetName() + "=" + k.GetValueType().String()
	}
	return list
}

// shownKeyword is a search attribute's value as it is and as it is to be; empty = none.
type shownKeyword struct {
	key      temporal.SearchAttributeKeyKeyword
	old, new string
}

// showKeywords sets the search attributes that change; each time costs an event.
func showKeywords(ctx workflow.Context, list []shownKeyword) error {
	var updates []temporal.SearchAttributeUpdate
	for _, a := range list {
		switch {
		case a.old == a.new:
		case a.new == "":
			updates = append(updates, a.key.ValueUnset())
		default:
			updates = append(updates, a.key.ValueSet(a.new))
		}
	}
	if len(updates) == 0 {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

// Workflow IDs, and with them what runs only once at a time. No personal data.

// CycleWorkflowID is a district's year.
func CycleWorkflowID(cycleID string) string { return "cycle/" + cycleID }

// DeliveryWorkflowID is the import of one delivery.
func DeliveryWorkflowID(deliveryID string) string { return "delivery/" + deliveryID }

// FetchWorkflowID is the watching of one connected source for one cycle.
func FetchWorkflowID(cycleID, source string) string { return "fetch/" + cycleID + "/" + source }

// TieringWorkflowID is the tiering of a cycle on the data of its first so many arrivals.
func TieringWorkflowID(cycleID string, arrivals int) string {
	return "tiering/" + cycleID + "/" + strconv.Itoa(arrivals)
}

// StudyWorkflowID is the joint study of a cycle's differences.
func StudyWorkflowID(cycleID string) string { return "study/" + cycleID }

// ApplicationWorkflowID is one application (申报件) of the season.
func ApplicationWorkflowID(id int64) string { return "application/" + strconv.FormatInt(id, 10) }

// ObjectionWorkflowID is one objection (异议).
func ObjectionWorkflowID(id int64) string { return "objection/" + strconv.FormatInt(id, 10) }

// SelectionWorkflowID is the comparison (比选) of a cycle's qualified applications.
func SelectionWorkflowID(cycleID string) string { return "selection/" + cycleID }

// NoticeWorkflowID is the public notice (公示) of a cycle's proposals.
func NoticeWorkflowID(cycleID string) string { return "notice/" + cycleID }

// CertificationWorkflowID is the certification (认定) of a cycle, with the report to the city.
func CertificationWorkflowID(cycleID string) string { return "certification/" + cycleID }

// CertifiedWorkflowID is the years of one certification, by its number.
func CertifiedWorkflowID(number string) string { return "certified/" + number }

// RecheckWorkflowID is the re-check of a district's certified households, or of those of a rehearsed cycle.
func RecheckWorkflowID(districtOrCycle string) string { return "recheck/" + districtOrCycle }

// RoundWorkflowID is the morning round of a district, or of one rehearsed cycle.
func RoundWorkflowID(districtOrCycle string) string { return "round/" + districtOrCycle }

// OutboxWorkflowID is the one sender of mail.
const OutboxWorkflowID = "outbox"

// settle lets the coroutines beside the main one take in what this task brought them: a message that a waiting receiver was handed is
// in no channel any more, and a run that ended now would lose it. What ends a run asks once more afterwards whether it may.
func settle(ctx workflow.Context) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx) // also when the run is being cancelled
	defer cancel()
	settled := false
	workflow.Go(ctx, func(workflow.Context) { settled = true }) // runs after all others
	_ = workflow.Await(ctx, func() bool { return settled })
}

// remembered is how many of the newest commands a process knows again.
const remembered = 50

// remember adds a command's id to those that were handled, once.
func remember(handled []string, commandID string) []string {
	if slices.Contains(handled, commandID) {
		return handled
	}
	handled = append(handled, commandID)
	return handled[max(0, len(handled)-remembered):]
}

// refusal says whether an activity's error is one that no retry mends.
func refusal(err error) (*temporal.ApplicationError, bool) {
	var app *temporal.ApplicationError
	return app, errors.As(err, &app) && app.NonRetryable()
}

// quick is for activities of one short transaction: retried for as long as the database is away.
func quick(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueMain,
		StartToCloseTimeout: 30 * time.Second,
		Summary:             summary,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
}

// bulk is for long activities that report their progress: a worker that dies is noticed within a minute,
// and another goes on from the last heartbeat.
func bulk(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueBulk,
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    30 * time.Second,
		Summary:             summary,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
}
