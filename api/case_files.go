package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/document"
	"bangfu/models/paper"
)

func (s *Server) registerCaseFiles() {
	tags := []string{"案卷"}
	readers := Rule{Roles: signedIn.Roles}
	register(s, readers, huma.Operation{OperationID: "get-case-file", Method: http.MethodGet, Path: "/api/v1/applications/{id}/case", Summary: "一件申报的完整案卷：情况、理由、经过、材料、走访、比选、公示、异议、认定、通知和操作记录", Tags: tags}, s.getCaseFile)
	register(s, readers, download("get-case-file-pdf", "/api/v1/applications/{id}/case.pdf", "一件申报的完整案卷（PDF）", tags, document.PDF), s.getCaseFilePDF)
}

// CaseFileInput names an application.
type CaseFileInput struct {
	ID int64 `path:"id" minimum:"1" doc:"申报件编号"`
}

// caseFile reads a case file for who may read it. That an official read it is on record.
func (s *Server) caseFile(ctx context.Context, u models.User, in *CaseFileInput, format string) (f models.CaseFile, err error) {
	a, err := s.Store.Application(ctx, in.ID)
	if err == nil {
		err = a.MayReadCase(u)
	}
	if err != nil {
		return f, err
	}
	own := u.Role == models.RoleOperator
	if f, err = s.Store.CaseFile(ctx, in.ID, own); err != nil || own {
		return f, err
	}
	return f, s.Store.Audit(ctx, u.Actor(), "application.case", models.ApplicationObject(in.ID), map[string]any{"format": format})
}

func (s *Server) getCaseFile(ctx context.Context, u models.User, in *CaseFileInput) (*struct{ Body models.CaseFile }, error) {
	f, err := s.caseFile(ctx, u, in, "json")
	if err != nil {
		return nil, err
	}
	return &struct{ Body models.CaseFile }{f}, nil
}

func (s *Server) getCaseFilePDF(ctx context.Context, u models.User, in *CaseFileInput) (*huma.StreamResponse, error) {
	f, err := s.caseFile(ctx, u, in, "pdf")
	if err != nil {
		return nil, err
	}
	pdf, err := paper.CaseFile(f)
	if err != nil {
		return nil, fmt.Errorf("writing the case file of application %d: %w", in.ID, err)
	}
	return s.file(ctx, document.PDF, fmt.Sprintf("case-%d.pdf", in.ID), func(w io.Writer) error {
		_, err := w.Write(pdf)
		return err
	}), nil
}
