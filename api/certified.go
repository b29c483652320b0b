package api

import (
	"context"
	"errors"

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
	options, state := workflows.CertifiedStart(cert, cycle.Clock)
	return s.tellProcess(ctx, options, workflows.CertifiedHousehold, state, message{c.CommandID, workflows.UpdateCertifiedAct, []any{c}})
}
