package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/models"
	"bangfu/models/document"
)

// DocumentView is a document that was handed in.
type DocumentView struct {
	ID          string                 `json:"id"`
	Purpose     models.DocumentPurpose `json:"purpose" doc:"evidence 佐证材料，photo 走访照片，confidential 保密证据，statement 陈述申辩材料"`
	PurposeName string                 `json:"purpose_name"`
	Name        string                 `json:"name" doc:"文件名"`
	MediaType   string                 `json:"media_type"`
	Size        int64                  `json:"size" doc:"字节"`
	SHA256      string                 `json:"sha256" doc:"所存文件的校验值。上传的文件经检查后重新生成，与原文件不同"`
	By          models.Actor           `json:"by" doc:"上传人"`
	At          string                 `json:"at"`
	URL         string                 `json:"url"`
}

func viewDocument(d models.Document) DocumentView {
	return DocumentView{ID: d.ID, Purpose: d.Purpose, PurposeName: d.Purpose.Name(), Name: d.Name, MediaType: d.MediaType, Size: d.Size, SHA256: d.SHA256,
		By: d.ByActor, At: moment(d.At), URL: "/api/v1/documents/" + d.ID}
}

// documentBody is how large a request with one document may be: the file and the form around it.
const documentBody = document.MaxSize + 64<<10

func (s *Server) registerDocuments() {
	tags := []string{"材料"}
	for _, k := range []struct {
		kind, plural, name string
		add, read          Rule
	}{
		{"application", "applications", "申报", concerned, signedIn},
		{"objection", "objections", "异议", concerned, signedIn},
		{"visit", "visits", "走访", bureau, everyone},
		{"case", "cases", "认定存续事项", concerned, signedIn},
		{"report", "reports", "年度信息报告", concerned, signedIn},
		{"help", "help", "帮扶", concerned, signedIn},
		{"consent", "consents", "同意书", bureau, signedIn},
		{"duty", "duties", "职责", officers, everyone},
		{"order", "orders", "督办", officers, everyone},
	} {
		path := "/api/v1/" + k.plural + "/{id}/documents"
		register(s, k.add, huma.Operation{
			OperationID: "add-" + k.kind + "-document", Method: http.MethodPost, Path: path, Summary: "上传" + k.name + "的材料", Tags: tags, DefaultStatus: http.StatusCreated,
			Description:  "一次一个文件，PDF、JPG 或 PNG，最大10MB。文件经检查后重新生成：照片去除拍摄信息、PDF 去除脚本和附件。同一文件重复上传只存一份。",
			MaxBodyBytes: documentBody, Errors: []int{http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity},
		}, s.addDocument(k.kind))
		s.api.OpenAPI().Paths[path].Post.RequestBody = documentForm() // after registering: huma would read a body that it knows of into memory
		register(s, k.read, huma.Operation{OperationID: "list-" + k.kind + "-documents", Method: http.MethodGet, Path: path, Summary: k.name + "的材料", Tags: tags}, s.listDocuments(k.kind))
	}
	register(s, signedIn, download("get-document", "/api/v1/documents/{id}", "下载一份材料", tags, document.PDF, document.JPEG, document.PNG), s.getDocument)
	register(s, concerned, huma.Operation{OperationID: "delete-document", Method: http.MethodDelete, Path: "/api/v1/documents/{id}", Summary: "删除本人上传、尚未提交的材料", Tags: tags, DefaultStatus: http.StatusNoContent}, s.deleteDocument)
}

func documentForm() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"purpose": {Type: huma.TypeString, Enum: []any{models.PurposeEvidence, models.PurposePhoto, models.PurposeConfidential, models.PurposeStatement}, Description: "evidence 佐证材料、证据，photo 走访照片，confidential 保密证据，statement 陈述申辩材料；可不填"},
			"file":    {Type: huma.TypeString, Format: "binary", Description: "PDF、JPG 或 PNG，最大10MB"},
		}}}}}
}

// AddDocumentInput is the request as it streams in.
type AddDocumentInput struct {
	ID          int64  `path:"id" minimum:"1"`
	ContentType string `header:"Content-Type"`
	Length      int64  `header:"Content-Length"`
	// of a case about a certification only
	Confidential bool `query:"confidential" doc:"保密证据：只有区市场监管局可见，如举报人的材料；仅用于认定存续事项"`
	body         io.Reader
}

// Resolve keeps the body as a stream: nobody's file is read before it is known that it may come.
func (in *AddDocumentInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

// DocumentOutput answers with one document.
type DocumentOutput struct {
	Location string `header:"Location"`
	Body     DocumentView
}

func (s *Server) addDocument(kind string) func(context.Context, models.User, *AddDocumentInput) (*DocumentOutput, error) {
	purpose := models.PurposeEvidence
	if kind == "visit" {
		purpose = models.PurposePhoto
	}
	return func(ctx context.Context, u models.User, in *AddDocumentInput) (*DocumentOutput, error) {
		if in.Length > documentBody {
			return nil, document.TooLarge()
		}
		subject := documentSubject(kind, in.ID)
		c, err := s.Store.DocumentCase(ctx, subject)
		purpose := purpose
		switch {
		case err != nil:
		case c.Case != nil:
			purpose = c.Case.DocumentPurpose(u, in.Confidential)
		case in.Confidential:
			err = models.Invalid("confidential", "只有认定存续事项的证据可以标注为保密")
		}
		if err == nil {
			err = c.MayAdd(u, purpose)
		}
		if err != nil {
			return nil, err
		}
		name, content, err := readDocument(in, purpose)
		if err != nil {
			return nil, err
		}
		var clean document.Document
		if err := s.clean(ctx, func() { clean, err = document.Clean(name, content) }); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		d, err := s.Store.AddDocument(ctx, u, subject, purpose, clean)
		if err != nil {
			return nil, err
		}
		v := viewDocument(d)
		return &DocumentOutput{Location: v.URL, Body: v}, nil
	}
}

func documentSubject(kind string, id int64) string { return kind + "/" + strconv.FormatInt(id, 10) }

// clean takes one of the places for cleaning files: a large picture unpacks to 200 MB.
func (s *Server) clean(ctx context.Context, f func()) error {
	select {
	case s.cleaning <- struct{}{}:
		defer func() { <-s.cleaning }()
		f()
		return nil
	case <-ctx.Done():
		return errors.Join(models.Errorf(models.CodeUnavailable, "上传的人太多，请稍后再试"), ctx.Err())
	}
}

// readDocument reads the form with one document.
func readDocument(in *AddDocumentInput, purpose models.DocumentPurpose) (name string, content []byte, err error) {
	return formFile(in.ContentType, in.body, document.MaxSize, func(part *multipart.Part) error {
		if part.FormName() != "purpose" {
			return nil
		}
		value, err := io.ReadAll(io.LimitReader(part, 101))
		if err != nil {
			return broken(err)
		}
		if models.DocumentPurpose(value) != purpose {
			return models.Invalid("purpose", "此处只能上传%s（%s）", purpose.Name(), purpose)
		}
		return nil
	})
}

// formFile reads a form with one file part by part, into memory only: the file has at most so many bytes. other reads the other parts.
func formFile(contentType string, body io.Reader, most int64, other func(*multipart.Part) error) (name string, content []byte, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return "", nil, models.Invalid("", "请以 multipart/form-data 表单上传，文件放在 file 一项")
	}
	form := multipart.NewReader(body, params["boundary"])
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && content == nil:
			return "", nil, models.Invalid("file", "表单中没有文件（file），或文件是空的")
		case errors.Is(err, io.EOF):
			return name, content, nil
		case err != nil:
			return "", nil, broken(err)
		case parts > 10:
			return "", nil, models.Invalid("", "表单的项数过多")
		}
		if part.FormName() != "file" {
			if err := other(part); err != nil {
				return "", nil, err
			}
			continue
		}
		if content != nil {
			return "", nil, models.Invalid("file", "一次只能上传一个文件")
		}
		name = part.FileName()
		if content, err = io.ReadAll(io.LimitReader(part, most+1)); err != nil {
			return "", nil, broken(err)
		}
		if int64(len(content)) > most {
			return "", nil, document.TooLarge()
		}
	}
}

func (s *Server) listDocuments(kind string) func(context.Context, models.User, *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{ Body Page[DocumentView] }, error) {
	return func(ctx context.Context, u models.User, in *struct {
		ID int64 `path:"id" minimum:"1"`
	}) (*struct{ Body Page[DocumentView] }, error) {
		c, err := s.Store.DocumentCase(ctx, documentSubject(kind, in.ID))
		if err == nil {
			err = c.MayRead(u)
		}
		if err != nil {
			return nil, err
		}
		list, err := s.Store.Documents(ctx, c.Subject)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(d models.Document) bool { return c.MaySee(u, d) != nil })
		return &struct{ Body Page[DocumentView] }{newPage(list, models.MaxDocuments, viewDocument, func(d models.Document) any { return d.ID })}, nil
	}
}

// DocumentRef names a document.
type DocumentRef struct {
	ID string `path:"id" minLength:"26" maxLength:"26" pattern:"^[A-Z2-7]+$"`
}

// getDocument answers with a file for saving, never for showing: a browser must not take it for a page. Who reads another's
// documents is on record.
func (s *Server) getDocument(ctx context.Context, u models.User, in *DocumentRef) (*huma.StreamResponse, error) {
	d, err := s.Store.Document(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	c, err := s.Store.DocumentCase(ctx, d.Subject)
	if err == nil {
		err = c.MaySee(u, d)
	}
	if err != nil {
		return nil, err
	}
	content, err := s.Store.DocumentContent(ctx, d)
	if err != nil {
		return nil, err
	}
	if d.ByActor != u.Actor() {
		if err := s.Store.Audit(ctx, u.Actor(), "document.read", d.Subject, map[string]any{"document": d.ID}); err != nil {
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", d.MediaType)
		hc.SetHeader("Content-Length", strconv.Itoa(len(content)))
		hc.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q; filename*=UTF-8''%s", d.ID+path.Ext(d.Name), url.PathEscape(d.Name)))
		hc.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
		if _, err := hc.BodyWriter().Write(content); err != nil {
			s.Options.Logger.ErrorContext(ctx, "a download broke off", "request", requestID(ctx), "document", d.ID, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Server) deleteDocument(ctx context.Context, u models.User, in *DocumentRef) (*struct{}, error) {
	return nil, s.Store.DeleteDocument(ctx, u, in.ID)
}
