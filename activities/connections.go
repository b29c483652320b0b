// Package activities touches the world: departments' files, the database, mail. Every activity is idempotent by the
// natural key that its input names.
package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
)

// Connections calls the departments' addresses and watches their folders: only those on the administrators' list (R2).
type Connections struct {
	Store   *store.Store
	Letters *Letters
	Folders []string // the directories under which watched folders may lie; none = no folders
	MaxFile int64    // bytes of one file

	Settle time.Duration // how long a file must stay as it is to be complete; 0 = 5 seconds
	Idle   time.Duration // how long an address may be silent; 0 = 1 minute
}

// LookInput names the source to look at. Natural key: the file found, by its hash.
type LookInput struct {
	CycleID   string
	District  string
	Year      int
	Source    models.Source
	Today     calendar.Date
	Rehearsal bool
}

// LookResult is what was found.
type LookResult struct {
	Over       bool          // nothing will come any more: the connection is off the list, or the year is over
	Until      calendar.Date // the last day on which to look
	Poll       time.Duration // until the next look
	DeliveryID string        // a new file, to be imported
	ETag       string        // what the address calls it
}

// LookAtSource looks whether a department has something new, and takes it in. What fails is noted, told to the
// department and the bureau once it has lasted for the connection's time, and tried again by the engine.
func (a *Connections) LookAtSource(ctx context.Context, in LookInput) (LookResult, error) {
	var taken atomic.Int64
	defer beats(ctx, func() any { return taken.Load() })()
	cycle, err := a.Store.Cycle(ctx, in.CycleID)
	if err != nil {
		return LookResult{}, lasting(err)
	}
	out := LookResult{Until: cycle.Plan[calendar.PlanHandoverDue], Over: cycle.State == models.CycleCancelled || cycle.State == models.CycleDone}
	c, err := a.Store.Connection(ctx, in.District, in.Source)
	if models.CodeOf(err) == models.CodeNotFound || out.Over {
		out.Over = true
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Poll = time.Duration(c.Poll) * time.Minute

	found, err := a.look(ctx, c, in.Year, &taken)
	if err != nil {
		return out, a.failed(ctx, in, err)
	}
	switch {
	case found.delivery.ID == "":
		return out, a.Store.ConnectionWorked(ctx, in.District, in.Source, in.Year, "")
	case found.delivery.State.Settled(): // the same file as before
		return out, a.settle(ctx, in, c, found)
	}
	out.DeliveryID, out.ETag = found.delivery.ID, found.etag
	return out, nil
}

// finding is a file that a look brought; without delivery, there is nothing new.
type finding struct {
	delivery models.Delivery
	etag     string
}

func (a *Connections) look(ctx context.Context, c models.Connection, year int, taken *atomic.Int64) (finding, error) {
	if err := c.Validate(a.Folders); err != nil { // the installation's own limits may have become narrower
		return finding{}, err
	}
	meta := models.Delivery{District: c.District, Year: year, Source: c.Source, Channel: c.Kind, By: "connection:" + c.Source.String()}
	if c.Kind == models.ChannelFolder {
		return a.lookIntoFolder(ctx, c, meta, taken)
	}
	return a.lookAtAddress(ctx, c, meta, taken)
}

// SettledInput names a delivery that a look brought and that has been imported.
type SettledInput struct {
	LookInput
	DeliveryID string
	ETag       string
}

// SettleSource finishes a look: the address's file is remembered so that it is not read again, the folder's is moved
// with its receipt. A file that was refused counts as a failure of the connection. Natural key: DeliveryID.
func (a *Connections) SettleSource(ctx context.Context, in SettledInput) error {
	d, err := a.Store.Delivery(ctx, in.DeliveryID)
	if err != nil {
		return lasting(err)
	}
	if !d.State.Settled() {
		return fmt.Errorf("delivery %s is still being imported", d.ID)
	}
	c, err := a.Store.Connection(ctx, in.District, in.Source)
	if models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return a.settle(ctx, in.LookInput, c, finding{d, in.ETag})
}

func (a *Connections) settle(ctx context.Context, in LookInput, c models.Connection, f finding) error {
	if c.Kind == models.ChannelFolder {
		if err := a.putAway(ctx, c, f.delivery); err != nil {
			return a.failed(ctx, in, err)
		}
		return a.Store.ConnectionWorked(ctx, in.District, in.Source, in.Year, "")
	}
	if f.delivery.State == models.DeliveryRefused {
		return a.note(ctx, in, "取到的文件被整体退回："+f.delivery.Reason)
	}
	return a.Store.ConnectionWorked(ctx, in.District, in.Source, in.Year, f.etag)
}

// failure is why a look failed, in words for people, and when the other side wants to be asked again.
type failure struct {
	reason string
	after  time.Duration // 0 = by the engine's policy
}

func (f *failure) Error() string { return f.reason }

// failed notes a failed look and gives the engine the error by which it tries again. Only words of our own leave:
// an address's answers may hold anything.
func (a *Connections) failed(ctx context.Context, in LookInput, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the worker stops; the department is not to blame
	}
	var f *failure
	var m *models.Error
	switch {
	case errors.As(err, &f):
	case errors.As(err, &m):
		f = &failure{reason: m.Message}
	default:
		return err // ours, not theirs: the database or the disk
	}
	if err := a.note(ctx, in, f.reason); err != nil {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(in.Source.Name()+"取数失败："+f.reason, "connection", temporal.ApplicationErrorOptions{
		NextRetryDelay: f.after, Category: temporal.ApplicationErrorCategoryBenign})
}

// note puts a failure on record and tells it when its time has come.
func (a *Connections) note(ctx context.Context, in LookInput, reason string) error {
	since, report, err := a.Store.ConnectionFailed(ctx, in.District, in.Source, reason)
	if err != nil || !report {
		return err
	}
	law, err := a.Store.EnsurePolicy(ctx, in.District, in.Year)
	if err != nil {
		return err
	}
	day := calendar.DateOf(since)
	if in.Rehearsal {
		day = in.Today
	}
	if err := a.Letters.ReportFailure(ctx, FailureInput{
		District: in.District, CycleID: in.CycleID, Rehearsal: in.Rehearsal, Source: in.Source,
		Owner: law.Sources[in.Source].Department, Since: day, Today: in.Today, Problem: reason,
	}); err != nil {
		return fmt.Errorf("telling of the failure of %s: %w", in.Source, err)
	}
	activity.GetLogger(ctx).Info("failing connection told", "district", in.District, "source", in.Source.String())
	return a.Store.ConnectionReported(ctx, in.District, in.Source)
}

// ownColumns are what a file of rejected rows puts before the delivered columns. A mended file that is rejected
// again does not get them twice.
var ownColumns = []string{"行号", "列", "值", "原因"}

// WriteRejects writes a delivery's rejected rows as a table: row number, columns, values and reasons, then the row as it
// was delivered, one line per row, so that it can be mended in place and delivered again.
func WriteRejects(ctx context.Context, s *store.Store, id string, w files.TableWriter) error {
	headers, err := s.DeliveryHeaders(ctx, id)
	if err != nil {
		return err
	}
	first := 0
	if len(headers) >= len(ownColumns) && strings.Join(headers[:len(ownColumns)], ",") == strings.Join(ownColumns, ",") {
		first = len(ownColumns)
	}
	if err := w.Row(append(append([]string{}, ownColumns...), headers[first:]...)...); err != nil {
		return err
	}
	line := make([]string, 0, len(headers)+len(ownColumns))
	for after := 0; ; {
		page, err := s.Rejects(ctx, id, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			var columns, values, reasons []string
			for _, p := range r.Problems {
				columns, values, reasons = append(columns, p.Column), append(values, p.Value), append(reasons, p.Reason)
			}
			line = append(line[:0], fmt.Sprint(r.Number), strings.Join(columns, "；"), strings.Join(values, "；"), strings.Join(reasons, "；"))
			line = append(line, r.Cells[min(first, len(r.Cells)):]...)
			if err := w.Row(line...); err != nil {
				return err
			}
			after = r.Number
		}
	}
}
