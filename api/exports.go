package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
)

// Kinds of files.
const (
	kindCSV  = "text/csv; charset=utf-8"
	kindHTML = "text/html; charset=utf-8"
	kindXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// export is a file that an operation answers with.
type export struct {
	name  string // without extension
	sheet string // name of the sheet of a workbook, Chinese
	width []float64
}

// table answers with a table, streamed as it is read; format is csv or xlsx.
func (s *Server) table(ctx context.Context, format string, e export, rows func(files.TableWriter) error) *huma.StreamResponse {
	kind := kindCSV
	if format == "xlsx" {
		kind = kindXLSX
	}
	return s.file(ctx, kind, e.name+"."+format, func(w io.Writer) error {
		if format != "xlsx" {
			return writeTable(files.NewCSVWriter(w), rows)
		}
		x, err := files.NewXLSXWriter(w, e.sheet, e.width...)
		if err != nil {
			return err
		}
		return writeTable(x, rows)
	})
}

func writeTable(t files.TableWriter, rows func(files.TableWriter) error) error {
	if err := rows(t); err != nil {
		return err
	}
	return t.Close()
}

// file answers with what write writes. The name is ASCII. An answer that broke off is cut, never completed.
func (s *Server) file(ctx context.Context, kind, name string, write func(io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		if err := write(hc.BodyWriter()); err != nil {
			s.Options.Logger.ErrorContext(ctx, "a download broke off", "request", requestID(ctx), "file", name, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}
}

// download documents an operation that answers with files of these kinds.
func download(id, path, summary string, tags []string, kinds ...string) huma.Operation {
	content := map[string]*huma.MediaType{}
	for _, k := range kinds {
		content[k] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: tags,
		Responses: map[string]*huma.Response{"200": {Description: "文件", Content: content}}}
}
