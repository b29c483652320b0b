package e2e

import (
	"bytes"
	"log/slog"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"bangfu/deploy/synth"
	"bangfu/models"
	"bangfu/workflows"
)

// TestADeliveryKilledInTheMiddleTakesEffectWholeAndOnce kills the whole program with kill -9 while it imports, and starts it
// again: nobody delivers anew, and the receipt is that of an undisturbed import.
func TestADeliveryKilledInTheMiddleTakesEffectWholeAndOnce(t *testing.T) {
	t.Parallel()
	const households = 60_000
	i := newInstallation(t)
	dev := i.process("dev")
	i.ready()
	var file bytes.Buffer
	require.NoError(t, synth.Write(&file, models.SourceRegistry, households, 7))

	answered := make(chan struct{})
	go func() {
		defer close(answered)
		i.attempt("registry", "2026", file.Bytes()) // the answer never comes: the program is killed
	}()
	type delivery struct {
		ID    string      `json:"id"`
		State string      `json:"state"`
		Rows  models.Rows `json:"rows"`
	}
	var list struct{ Items []delivery }
	engine, err := client.NewLazyClient(client.Options{HostPort: i.engine, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer engine.Close()
	require.Eventually(t, func() bool {
		w, err := engine.DescribeWorkflowExecution(t.Context(), workflows.DeliveryWorkflowID("110107-2026-registry-1"), "")
		return err == nil && len(w.PendingActivities) == 1 && w.PendingActivities[0].State == enums.PENDING_ACTIVITY_STATE_STARTED
	}, 60*time.Second, 5*time.Millisecond, "the import does not begin")
	code, body := i.get("/api/v1/deliveries?district=110107&year=2026", &list)
	require.Equal(t, http.StatusOK, code, body)
	require.NoError(t, dev.Process.Signal(syscall.SIGKILL))
	require.Equal(t, "received", list.Items[0].State, "it must be killed in the middle")
	_, _ = dev.Process.Wait()
	<-answered

	i.process("dev")
	i.ready()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		code, body := i.get("/api/v1/deliveries?district=110107&year=2026", &list)
		assert.Equal(c, http.StatusOK, code, body)
		if assert.Len(c, list.Items, 1) {
			assert.Equal(c, "accepted", list.Items[0].State)
		}
	}, 120*time.Second, 250*time.Millisecond)

	var undisturbed delivery
	code, body = i.deliver("registry", "2025", "registry.csv", file.Bytes(), &undisturbed)
	require.Equal(t, http.StatusCreated, code, body)
	require.Equal(t, households, undisturbed.Rows.Read)
	require.Equal(t, undisturbed.Rows, list.Items[0].Rows)

	var again delivery
	code, body = i.deliver("registry", "2026", "registry.csv", file.Bytes(), &again)
	require.Equal(t, http.StatusCreated, code, body)
	require.Equal(t, list.Items[0], again, "the same file again changes nothing")
}
