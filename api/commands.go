package api

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// message is what a process is told by an update.
type message struct {
	id   string // the client's idempotency key
	name string
	args []any
}

// tellProcess brings a message to a process, which it starts with state where none runs, and waits until it took effect. The error is a
// *models.Error.
func (s *Server) tellProcess(ctx context.Context, options client.StartWorkflowOptions, workflow, state any, m message) error {
	for attempt := 1; ; attempt++ {
		handle, err := s.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: s.Temporal.NewWithStartWorkflowOperation(options, workflow, state),
			UpdateOptions: client.UpdateWorkflowOptions{UpdateID: m.id, UpdateName: m.name, Args: m.args,
				WaitForStage: client.WorkflowUpdateStageCompleted},
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		var ended *serviceerror.NotFound
		if attempt < 3 && errors.As(err, &ended) { // the process ended as the message arrived: another one takes it
			continue
		}
		return commandError(err)
	}
}
