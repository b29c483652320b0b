package engine_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bangfu/deploy/engine"
)

func start(t *testing.T, dir string) *engine.Engine {
	t.Helper()
	e, err := engine.Start(t.Context(), engine.Options{Dir: dir, SearchAttributes: []string{"District=Keyword"}})
	require.NoError(t, err)
	t.Cleanup(e.Kill)
	return e
}

func TestAnEngineThatWasKilledGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	c, err := client.DialContext(ctx, client.Options{HostPort: e.Address()})
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "kept", TaskQueue: "nobody",
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword("District").ValueSet("110107")),
	}, "Kept")
	require.NoError(t, err)
	c.Close()
	e.Kill()

	again := start(t, dir)
	c, err = client.DialContext(ctx, client.Options{HostPort: again.Address()})
	require.NoError(t, err)
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(ctx, "kept", "")
	require.NoError(t, err)
	require.Equal(t, "Kept", d.GetWorkflowExecutionInfo().GetType().GetName())

	again.Stop()
	select {
	case <-again.Done():
	default:
		t.Fatal("stopped, and yet the child has not ended")
	}
}

func TestAMissingProgramIsNamedAsSuch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "temporal")
	_, err := engine.Find(path)
	require.ErrorIs(t, err, engine.ErrMissing)
	require.ErrorContains(t, err, path)
}
