package api

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/workflows"
)

// actCertified carries a command about a certified household out through its process, which the command starts where none runs, and gives the
// certification as it then is. The same command again gives the same answer. c needs no CertificationID. The error is a *models.Error when
// it is refused.
func (s *Server) actCertified(ctx context.Context, cert models.Certification, c models.CertifiedCommand) (models.Certification, error) {
	c.CertificationID = cert.ID
	if c.Request == "" {
		c = c.Asked()
	}
	err := c.Validate()
	if err == nil {
		err = s.sendCertified(ctx, cert, c)
	}
	if models.CodeOf(err) == models.CodeConflict { // it may have been carried out before
		if done, doneErr := s.Store.CertifiedCommandDone(ctx, c); doneErr != nil || !done {
			return cert, errors.Join(err, doneErr)
		}
		err = nil
	}
	if err != nil {
		return cert, err
	}
	// the engine answers another request under the same number as if it were the first
	if _, err := s.Store.CertifiedCommandDone(ctx, c); err != nil {
		return cert, err
	}
	return s.Store.CertificationByID(ctx, cert.ID)
}

// sendCertified brings a command to the certification's process and waits until it took effect.
func (s *Server) sendCertified(ctx context.Context, cert models.Certification, c models.CertifiedCommand) error {
	cycle, err := s.Store.Cycle(ctx, cert.CycleID)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		options, state := workflows.CertifiedStart(cert, cycle.Clock)
		handle, err := s.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: s.Temporal.NewWithStartWorkflowOperation(options, workflows.CertifiedHousehold, state),
			UpdateOptions: client.UpdateWorkflowOptions{UpdateID: c.CommandID, UpdateName: workflows.UpdateCertifiedAct, Args: []any{c},
				WaitForStage: client.WorkflowUpdateStageCompleted},
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		var ended *serviceerror.NotFound
		if attempt < 3 && errors.As(err, &ended) { // the process ended as the command arrived: another one takes it
			continue
		}
		return commandError(err)
	}
}
