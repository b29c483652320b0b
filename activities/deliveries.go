package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
)

// Deliveries brings what departments delivered into effect (R2).
type Deliveries struct{ Store *store.Store }

// ImportInput names a received delivery. Natural key: DeliveryID; a settled one answers with its receipt.
type ImportInput struct{ DeliveryID string }

// ImportResult is the receipt without words: they stay in the record.
type ImportResult struct {
	State models.DeliveryState
	Rows  models.Rows
}

const beat = 5 * time.Second

// ImportDelivery reads the file, checks every row and brings it into effect, whole or not at all. A file that cannot
// be taken is refused on record, with its reason, and is no error.
func (a *Deliveries) ImportDelivery(ctx context.Context, in ImportInput) (ImportResult, error) {
	var read atomic.Int64
	defer beats(ctx, func() any { return read.Load() })()
	d, err := a.importFile(ctx, in.DeliveryID, func(n int) { read.Store(int64(n)) })
	var refusal *models.Error
	if errors.As(err, &refusal) && ctx.Err() == nil {
		switch refusal.Code {
		case models.CodeInvalid, models.CodeTooLarge, models.CodeConflict:
			d, err = a.Store.RefuseDelivery(ctx, in.DeliveryID, refusal.Message)
		}
	}
	if err != nil {
		return ImportResult{}, lasting(err)
	}
	return ImportResult{State: d.State, Rows: d.Rows}, nil
}

func (a *Deliveries) importFile(ctx context.Context, id string, progress func(int)) (models.Delivery, error) {
	d, err := a.Store.Delivery(ctx, id)
	if err != nil || d.State.Settled() {
		return d, err
	}
	file, size, cleanup, err := a.Store.OpenDelivery(ctx, id)
	if err != nil {
		return d, err
	}
	defer cleanup()
	var r *files.Reader
	if err := guard(ctx, func() (err error) {
		r, err = files.Open(file, size, d.FileName, d.Source)
		return err
	}); err != nil {
		return d, fmt.Errorf("opening the file of %s: %w", id, err)
	}
	defer func() { _ = r.Close() }()
	return a.Store.ImportDelivery(ctx, id, guarded{r, ctx}, progress)
}

// guarded keeps a file that breaks a library from ending the worker, and every worker that would try it after.
type guarded struct {
	*files.Reader
	ctx context.Context
}

func (g guarded) Next() (row *models.Row, err error) {
	err = guard(g.ctx, func() (err error) {
		row, err = g.Reader.Next()
		return err
	})
	return row, err
}

func guard(ctx context.Context, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			activity.GetLogger(ctx).Error("reading a delivery panicked", "stack", string(debug.Stack())) // not p: it may quote the file
			err = models.Invalid("file", "文件结构异常，无法读取，请在 Excel 中打开并另存为 .xlsx 后重新交付")
		}
	}()
	return f()
}

// beats reports progress to the engine until the returned function is called: also while the database waits for a
// lock, so that slow work is not taken for a dead worker.
func beats(ctx context.Context, progress func() any) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(beat)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				activity.RecordHeartbeat(ctx, progress())
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}
