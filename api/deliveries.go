package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"bangfu/activities"
	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/workflows"
)

// DeliveryView is a delivery and its receipt.
type DeliveryView struct {
	ID             string               `json:"id" example:"110107-2026-tax-3"`
	Source         models.Source        `json:"source"`
	SourceName     string               `json:"source_name"`
	District       string               `json:"district"`
	Year           int                  `json:"year"`
	Channel        models.Channel       `json:"channel" doc:"upload 上传，http 接口，folder 共享目录"`
	File           string               `json:"file" doc:"文件名"`
	Size           int64                `json:"size" doc:"字节"`
	SHA256         string               `json:"sha256"`
	State          models.DeliveryState `json:"state" doc:"received 已收到、尚未生效，accepted 已生效，refused 整体退回"`
	Reason         string               `json:"reason,omitempty" doc:"退回的原因"`
	Rows           models.Rows          `json:"rows"`
	UnknownColumns []string             `json:"unknown_columns" doc:"文件中未采用的列"`
	RejectsURL     string               `json:"rejects_url" doc:"被拒绝的行（CSV；改为 .xlsx 即 Excel 文件）"`
	ReceivedAt     string               `json:"received_at"`
	SettledAt      string               `json:"settled_at,omitempty"`
}

func viewDelivery(d models.Delivery) DeliveryView {
	return DeliveryView{
		ID: d.ID, Source: d.Source, SourceName: d.Source.Name(), District: d.District, Year: d.Year, Channel: d.Channel, File: d.FileName,
		Size: d.Size, SHA256: d.SHA256, State: d.State, Reason: d.Reason, Rows: d.Rows, UnknownColumns: d.UnknownColumns,
		RejectsURL: "/api/v1/deliveries/" + d.ID + "/rejects.csv", ReceivedAt: moment(d.ReceivedAt), SettledAt: momentOrEmpty(&d.SettledAt),
	}
}

func (s *Server) registerDeliveries() {
	tags := []string{"数据交付"}
	register(s, officers, huma.Operation{
		OperationID: "deliver", Method: http.MethodPost, Path: "/api/v1/deliveries", Summary: "交付一份数据文件", Tags: tags, DefaultStatus: http.StatusCreated,
		Description:  "一次一个文件：一个来源、一个区、一个年度。读完全部行、生效后才答复。同一文件重复交付不会重复生效。",
		MaxBodyBytes: -1, Errors: []int{http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.deliver)
	s.api.OpenAPI().Paths["/api/v1/deliveries"].Post.RequestBody = deliveryForm() // after registering: huma would read a body that it knows of into memory
	register(s, everyone, huma.Operation{OperationID: "list-deliveries", Method: http.MethodGet, Path: "/api/v1/deliveries", Summary: "交付列表，新的在前", Tags: tags}, s.listDeliveries)
	register(s, everyone, huma.Operation{OperationID: "get-delivery", Method: http.MethodGet, Path: "/api/v1/deliveries/{id}", Summary: "一次交付的回执", Tags: tags}, s.getDelivery)
	rejects := Rule{Roles: []models.Role{models.RoleAdmin, models.RoleDepartment, models.RoleAuditor}}
	register(s, rejects, huma.Operation{OperationID: "get-rejects-csv", Method: http.MethodGet, Path: "/api/v1/deliveries/{id}/rejects.csv", Summary: "被拒绝的行（CSV），改正后可再次交付", Tags: tags}, s.rejects("csv"))
	register(s, rejects, huma.Operation{OperationID: "get-rejects-xlsx", Method: http.MethodGet, Path: "/api/v1/deliveries/{id}/rejects.xlsx", Summary: "被拒绝的行（Excel），改正后可再次交付", Tags: tags}, s.rejects("xlsx"))
}

func deliveryForm() *huma.RequestBody {
	sources := make([]any, 0, models.SourceCount)
	for s := range models.SourceCount {
		sources = append(sources, s.String())
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"source", "district", "year", "file"}, Properties: map[string]*huma.Schema{
			"source":   {Type: huma.TypeString, Enum: sources, Description: "数据来源"},
			"district": {Type: huma.TypeString, Pattern: "^[0-9]{6}$", Description: "行政区划代码"},
			"year":     {Type: huma.TypeInteger, Description: "年度工作所属年"},
			"file":     {Type: huma.TypeString, Format: "binary", Description: ".xlsx，或 UTF-8、GB18030 的 .csv；放在最后可边传边存"},
		}}}}}
}

// DeliverInput is the request as it streams in.
type DeliverInput struct {
	ContentType string `header:"Content-Type"`
	body        io.Reader
}

// Resolve keeps the body as a stream: files are large, and nothing of them is held in memory.
func (in *DeliverInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

// How long the API waits for the engine to take a delivery, and to bring it into effect.
const (
	startTime  = 15 * time.Second
	importTime = 20 * time.Minute
)

func (s *Server) deliver(ctx context.Context, u models.User, in *DeliverInput) (*struct{ Body DeliveryView }, error) {
	if s.Temporal == nil {
		return nil, models.Errorf(models.CodeUnavailable, "流程引擎暂时不可用，请稍后再交付")
	}
	d, err := s.receive(ctx, u, in)
	if err != nil {
		return nil, err
	}
	if !d.State.Settled() {
		if d, err = s.importDelivery(ctx, d); err != nil {
			return nil, err
		}
	}
	if d.State == models.DeliveryRefused {
		return nil, models.Invalid("file", "交付（编号 %s）被整体退回，原有数据不变：%s", d.ID, d.Reason)
	}
	return &struct{ Body DeliveryView }{viewDelivery(d)}, nil
}

// importDelivery has the engine bring a stored file into effect. While the engine is away the file does not count; the
// same file delivered again takes it up.
func (s *Server) importDelivery(ctx context.Context, d models.Delivery) (models.Delivery, error) {
	in := workflows.DeliveryInput{DeliveryID: d.ID, District: d.District, Year: d.Year, Source: d.Source}
	start, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	run, err := s.Temporal.ExecuteWorkflow(start, client.StartWorkflowOptions{
		ID: workflows.DeliveryWorkflowID(d.ID), TaskQueue: workflows.QueueMain,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            workflows.DeliverySummary(in),
		TypedSearchAttributes:    workflows.DeliveryAttributes(d.District, d.Year, d.Source),
	}, workflows.Delivery, in)
	if err != nil {
		return d, away(err, "文件已收到（编号 %s），但流程引擎暂时不可用，尚未生效；请稍后用同一文件再交付一次", d.ID)
	}
	wait, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	if err := run.Get(wait, nil); err != nil {
		return d, away(err, "文件已收到（编号 %s），导入尚未完成；请稍后查询回执，或用同一文件再交付一次", d.ID)
	}
	return s.Store.Delivery(ctx, d.ID)
}

// away tells of an engine that does not answer in the words of what was asked of it.
func away(err error, format string, args ...any) error {
	err = commandError(err)
	if models.CodeOf(err) != models.CodeUnavailable {
		return err
	}
	return &models.Error{Code: models.CodeUnavailable, Message: fmt.Sprintf(format, args...), Cause: err}
}

// receive reads the form part by part. A file that comes before its fields waits in a private temporary file.
func (s *Server) receive(ctx context.Context, u models.User, in *DeliverInput) (models.Delivery, error) {
	kind, params, err := mime.ParseMediaType(in.ContentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return models.Delivery{}, models.Invalid("", "请以 multipart/form-data 表单交付，含 source、district、year、file 四项")
	}
	form := multipart.NewReader(in.body, params["boundary"])
	fields := map[string]string{}
	var waiting *os.File
	var name string
	defer func() {
		if waiting != nil {
			_ = waiting.Close()
		}
	}()
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && waiting == nil:
			return models.Delivery{}, models.Invalid("file", "表单中没有文件（file）")
		case errors.Is(err, io.EOF):
			return s.store(ctx, u, fields, name, waiting)
		case err != nil:
			return models.Delivery{}, broken(err)
		}
		if part.FormName() != "file" {
			if err := field(fields, part); err != nil {
				return models.Delivery{}, err
			}
			continue
		}
		if waiting != nil {
			return models.Delivery{}, models.Invalid("file", "一次只能交付一个文件")
		}
		if name = part.FileName(); fields["source"] != "" && fields["district"] != "" && fields["year"] != "" {
			return s.store(ctx, u, fields, name, part)
		}
		if waiting, err = s.keep(part); err != nil {
			return models.Delivery{}, err
		}
	}
}

// field reads one of the form's small fields; others are skipped.
func field(fields map[string]string, part *multipart.Part) error {
	name := part.FormName()
	if !slices.Contains([]string{"source", "district", "year"}, name) {
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(part, 101))
	if err != nil {
		return broken(err)
	}
	if _, twice := fields[name]; twice || len(value) > 100 {
		return models.Invalid(name, "表单中的 %s 重复或过长", name)
	}
	fields[name] = string(value)
	return nil
}

func (s *Server) keep(part io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "bangfu-upload-*")
	if err != nil {
		return nil, fmt.Errorf("spooling an upload: %w", err)
	}
	_ = os.Remove(f.Name())
	n, err := io.Copy(f, io.LimitReader(part, s.Options.MaxUpload+1))
	if err == nil && n > s.Options.MaxUpload {
		err = &http.MaxBytesError{Limit: s.Options.MaxUpload}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, broken(err)
	}
	return f, nil
}

// broken tells an upload that broke off from one that is too large and from our own disk.
func broken(err error) error {
	var disk *os.PathError
	if tooLarge(err) || errors.As(err, &disk) {
		return err
	}
	return &models.Error{Code: models.CodeInvalid, Field: "file", Message: "上传中断或表单不完整，请重新交付", Cause: err}
}

func (s *Server) store(ctx context.Context, u models.User, fields map[string]string, name string, file io.Reader) (models.Delivery, error) {
	source, err := models.ParseSource(fields["source"])
	if err != nil {
		return models.Delivery{}, err
	}
	year, err := strconv.Atoi(fields["year"])
	if err != nil || year < 2024 || year > 2100 {
		return models.Delivery{}, models.Invalid("year", "year 应为 2024 至 2100 的年份")
	}
	if err := inDistrict(u, fields["district"]); err != nil {
		return models.Delivery{}, err
	}
	if _, err := s.Store.District(ctx, fields["district"]); err != nil {
		return models.Delivery{}, err
	}
	if err := s.owns(ctx, u, fields["district"], year, source); err != nil {
		return models.Delivery{}, err
	}
	upload := &upload{r: file}
	d, err := s.Store.ReceiveDelivery(ctx, models.Delivery{
		District: fields["district"], Year: year, Source: source, Channel: models.ChannelUpload, FileName: name, By: string(u.Actor()),
	}, upload, s.Options.MaxUpload)
	if upload.err != nil && models.CodeOf(err) == models.CodeInternal {
		return d, broken(upload.err)
	}
	return d, err
}

// upload remembers that it was the sender who failed.
type upload struct {
	r   io.Reader
	err error
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		u.err = err
	}
	return n, err
}

// owns refuses an officer whose department does not own the source by the policy of the year.
func (s *Server) owns(ctx context.Context, u models.User, district string, year int, source models.Source) error {
	if u.Role != models.RoleDepartment {
		return nil
	}
	law, err := s.Store.EnsurePolicy(ctx, district, year)
	if err != nil {
		return err
	}
	if owner := law.Sources[source]; owner.Department != u.Department {
		return models.Errorf(models.CodeForbidden, "%s数据由%s负责，您的部门不能交付或下载", source.Name(), owner.DepartmentName)
	}
	return nil
}

func (s *Server) listDeliveries(ctx context.Context, u models.User, in *struct {
	District string `query:"district" doc:"空为可见的全部区"`
	Year     int    `query:"year"`
	Source   string `query:"source"`
	State    string `query:"state" enum:"received,accepted,refused"`
	After    string `query:"after" doc:"上一页的 next"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[DeliveryView] }, error) {
	district := in.District
	if district == "" {
		district = u.District
	}
	if err := inDistrict(u, district); err != nil {
		return nil, err
	}
	list, err := s.Store.Deliveries(ctx, store.DeliveryFilter{District: district, Year: in.Year, Source: in.Source, State: models.DeliveryState(in.State)}, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[DeliveryView] }{newPage(list, in.Limit, viewDelivery, func(d models.Delivery) any { return d.ID })}, nil
}

// DeliveryRef names a delivery.
type DeliveryRef struct {
	ID string `path:"id" maxLength:"60" example:"110107-2026-tax-3"`
}

func (s *Server) delivery(ctx context.Context, u models.User, id string) (models.Delivery, error) {
	d, err := s.Store.Delivery(ctx, id)
	if err == nil {
		err = inDistrict(u, d.District)
	}
	return d, err
}

func (s *Server) getDelivery(ctx context.Context, u models.User, in *DeliveryRef) (*struct{ Body DeliveryView }, error) {
	d, err := s.delivery(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body DeliveryView }{viewDelivery(d)}, nil
}

// rejects streams the rejected rows; they hold personal data, so that each download is on record.
func (s *Server) rejects(format string) func(ctx context.Context, u models.User, in *DeliveryRef) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *DeliveryRef) (*huma.StreamResponse, error) {
		d, err := s.delivery(ctx, u, in.ID)
		if err == nil {
			err = s.owns(ctx, u, d.District, d.Year, d.Source)
		}
		if err == nil {
			err = s.Store.Audit(ctx, u.Actor(), "delivery.rejects", d.ID, map[string]any{"format": format, "rows": d.Rows.Rejected})
		}
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			kind := "text/csv; charset=utf-8"
			if format == "xlsx" {
				kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
			}
			hc.SetHeader("Content-Type", kind)
			hc.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-rejects.%s"`, d.ID, format))
			if err := s.writeRejects(ctx, hc.BodyWriter(), format, d.ID); err != nil {
				s.Options.Logger.ErrorContext(ctx, "writing rejected rows broke off", "delivery", d.ID, "error", err)
			}
		}}, nil
	}
}

func (s *Server) writeRejects(ctx context.Context, w io.Writer, format, id string) error {
	var table files.TableWriter = files.NewCSVWriter(w)
	if format == "xlsx" {
		x, err := files.NewXLSXWriter(w, "拒绝行", 8, 20, 24, 40)
		if err != nil {
			return err
		}
		table = x
	}
	if err := activities.WriteRejects(ctx, s.Store, id, table); err != nil {
		return err
	}
	return table.Close()
}
