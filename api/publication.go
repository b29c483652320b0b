package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/serviceerror"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

func (s *Server) registerPublication() {
	results, handover, open := []string{"分型判定"}, []string{"汇总至名录"}, []string{"公众查询"}
	register(s, public, huma.Operation{OperationID: "look-up-households", Method: http.MethodGet, Path: "/public/v1/households", Summary: "按名称或统一社会信用代码查询已公布的分型分类结果", Tags: open}, s.lookUpHouseholds)
	register(s, everyone, huma.Operation{OperationID: "list-results", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/tiering/results", Summary: "每户的分型结果", Tags: results}, s.listResults)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, everyone, download("export-results-"+format, "/api/v1/cycles/{id}/tiering/results."+format, "每户的分型结果（"+format+" 文件）", results, kind), s.exportResults(format))
		register(s, readers, download("export-handover-"+format, "/api/v1/cycles/{id}/handover."+format, "名录汇总文件（"+format+" 文件）", handover, kind), s.exportHandover(format))
		register(s, readers, download("export-annotations-"+format, "/api/v1/cycles/{id}/annotations."+format, "国家企业信用信息公示系统标注文件（"+format+" 文件）", handover, kind), s.exportAnnotations(format))
	}
	register(s, readers, huma.Operation{OperationID: "get-handover", Method: http.MethodGet, Path: "/api/v1/cycles/{id}/handover", Summary: "名录汇总：户数、校验值、回执", Tags: handover}, s.getHandover)
	register(s, admins, huma.Operation{OperationID: "receive-handover", Method: http.MethodPost, Path: "/api/v1/cycles/{id}/handover/receipt", Summary: "登记名录汇总的回执", Tags: handover, DefaultStatus: http.StatusOK}, s.receiveHandover)
}

func (s *Server) lookUpHouseholds(ctx context.Context, _ models.User, in *struct {
	Q     string `query:"q" required:"true" maxLength:"200" doc:"名称的前两个字以上，或完整的统一社会信用代码"`
	After string `query:"after" maxLength:"30" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}) (*struct {
	Body Page[models.PublicHousehold]
}, error) {
	q, err := models.ParsePublicQuery(in.Q)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Store.PublicHouseholds(ctx, q, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	return &struct {
		Body Page[models.PublicHousehold]
	}{Page[models.PublicHousehold]{Items: list, Next: next}}, nil
}

// ResultView is a household's result.
type ResultView struct {
	USCC        string      `json:"uscc"`
	Name        string      `json:"name"`
	Tier        models.Tier `json:"tier" doc:"分型结果：研判决定优先，其次市级结果，再次本区判定"`
	OwnTier     models.Tier `json:"own_tier" doc:"本区判定"`
	CityTier    models.Tier `json:"city_tier" doc:"市级结果，空为没有"`
	DecidedTier models.Tier `json:"decided_tier" doc:"研判决定，空为没有"`
	Street      string      `json:"street" doc:"所属街道"`
	Trade       string      `json:"trade" doc:"行业代码"`
}

// ResultsInput selects results.
type ResultsInput struct {
	CycleInput
	Tier   string `query:"tier" maxLength:"20" doc:"分型，如 成长型 或 growth"`
	Street string `query:"street" maxLength:"60" doc:"所属街道"`
}

func (in ResultsInput) filter() (f store.ResultFilter, err error) {
	f.Street = in.Street
	if in.Tier != "" {
		f.Tier, err = models.ParseTier(in.Tier)
	}
	return f, err
}

func (s *Server) listResults(ctx context.Context, u models.User, in *struct {
	ResultsInput
	After string `query:"after" maxLength:"18" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[ResultView] }, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	run, _, err := s.currentRun(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.ResultPage(ctx, run, filter, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	view := func(r store.Result) ResultView {
		return ResultView{r.USCC, r.Name, r.Effective, r.Own, r.City, r.Decided, r.Street, r.Trade}
	}
	return &struct{ Body Page[ResultView] }{newPage(list, in.Limit, view, func(r store.Result) any { return r.USCC })}, nil
}

// exportPage is how many households are read at once for a file.
const exportPage = 5000

func (s *Server) exportResults(format string) func(context.Context, models.User, *ResultsInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *ResultsInput) (*huma.StreamResponse, error) {
		filter, err := in.filter()
		if err != nil {
			return nil, err
		}
		run, law, err := s.currentRun(ctx, u, in.ID)
		if err != nil {
			return nil, err
		}
		e := export{name: "results-" + in.ID, sheet: "分型结果", width: []float64{22, 36, 14, 14, 14, 14, 18, 10, 28, 20}}
		return s.table(ctx, format, e, func(t files.TableWriter) error {
			if err := t.Row("统一社会信用代码", "名称", "分型结果", "本区判定", "市级结果", "研判决定", "街道", "行业代码", "行业门类", "政策版本"); err != nil {
				return err
			}
			version := models.PolicyLabel(law.Version, run.PolicyHash)
			return pages(func(after string) ([]store.Result, error) {
				return s.Store.ResultPage(ctx, run, filter, after, exportPage)
			},
				func(r store.Result) (string, error) {
					return r.USCC, t.Row(r.USCC, r.Name, r.Effective.String(), r.Own.String(), r.City.String(), r.Decided.String(), r.Street, r.Trade,
						models.TradeOf(r.Trade).Name, version)
				})
		}), nil
	}
}

// pages goes through a list page by page; each gives a row's key.
func pages[R any](read func(after string) ([]R, error), each func(R) (string, error)) error {
	for after := ""; ; {
		page, err := read(after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			if after, err = each(r); err != nil {
				return err
			}
		}
	}
}

// HandoverView is the hand-over to the national register.
type HandoverView struct {
	Cycle      string        `json:"cycle"`
	Households int64         `json:"households" doc:"户数"`
	Counts     TierNumbers   `json:"counts" doc:"各分型户数"`
	SHA256     string        `json:"sha256" doc:"汇总文件（CSV）的 SHA-256"`
	PreparedOn calendar.Date `json:"prepared_on" doc:"生成日期"`
	Receipt    string        `json:"receipt" doc:"回执，空为尚未收到"`
	ReceivedOn calendar.Date `json:"received_on" doc:"回执日期"`
	FileURL    string        `json:"file_url"`
}

func viewHandover(h models.Handover) HandoverView {
	return HandoverView{Cycle: h.CycleID, Households: h.Counts.Total(), Counts: tierNumbers(h.Counts), SHA256: h.SHA256, PreparedOn: h.PreparedOn,
		Receipt: h.Receipt, ReceivedOn: h.ReceivedOn, FileURL: "/api/v1/cycles/" + h.CycleID + "/handover.csv"}
}

func (s *Server) handover(ctx context.Context, u models.User, id string) (models.Handover, error) {
	if err := cycleInDistrict(u, id); err != nil {
		return models.Handover{}, err
	}
	return s.Store.Handover(ctx, id)
}

func (s *Server) getHandover(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body HandoverView }, error) {
	h, err := s.handover(ctx, u, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body HandoverView }{viewHandover(h)}, nil
}

// exportHandover gives the file as it was prepared: as CSV byte for byte.
func (s *Server) exportHandover(format string) func(context.Context, models.User, *CycleInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
		h, err := s.handover(ctx, u, in.ID)
		if err == nil {
			err = s.Store.Audit(ctx, u.Actor(), "handover.download", "cycle/"+in.ID, map[string]any{"format": format, "sha256": h.SHA256})
		}
		if err != nil {
			return nil, err
		}
		name := "handover-" + in.ID
		if format == "csv" {
			return s.file(ctx, kindCSV, name+".csv", func(w io.Writer) error { return s.Store.HandoverFile(ctx, h, w) }), nil
		}
		return s.table(ctx, format, export{name: name, sheet: "名录汇总", width: []float64{22, 36, 14, 8, 10, 12, 20}}, func(t files.TableWriter) error {
			r, w := io.Pipe()
			defer func() { _ = r.Close() }()
			go func() { _ = w.CloseWithError(s.Store.HandoverFile(ctx, h, w)) }()
			return copyTable(r, t)
		}), nil
	}
}

// copyTable copies a CSV file of ours into another table.
func copyTable(r io.Reader, t files.TableWriter) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a table again: %w", err)
		}
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = models.PlainCell(strings.TrimPrefix(c, "\ufeff"))
		}
		if err := t.Row(cells...); err != nil {
			return err
		}
	}
}

// exportAnnotations is what the national credit publicity system marks households with (附一(二)2).
func (s *Server) exportAnnotations(format string) func(context.Context, models.User, *CycleInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
		if err := cycleInDistrict(u, in.ID); err != nil {
			return nil, err
		}
		district, year, err := models.ParseCycleID(in.ID)
		if err != nil {
			return nil, err
		}
		d, err := s.Store.District(ctx, district)
		if err != nil {
			return nil, err
		}
		first, err := s.Store.PublishedPage(ctx, district, year, "", 1)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			return nil, models.NotFound("%d 年度的分型结果尚未公布", year)
		}
		e := export{name: "annotations-" + in.ID, sheet: "标注", width: []float64{22, 36, 20, 8, 14, 24}}
		return s.table(ctx, format, e, func(t files.TableWriter) error {
			if err := t.Row("统一社会信用代码", "名称", "标注内容", "年度", "标注日期", "标注单位"); err != nil {
				return err
			}
			by, in := d.Name+"市场监督管理局", fmt.Sprint(year)
			return pages(func(after string) ([]models.PublishedTier, error) {
				return s.Store.PublishedPage(ctx, district, year, after, exportPage)
			},
				func(p models.PublishedTier) (string, error) {
					return p.USCC, t.Row(p.USCC, p.Name, models.Annotation(p.Tier), in, p.PublishedOn.String(), by)
				})
		}), nil
	}
}

func (s *Server) receiveHandover(ctx context.Context, u models.User, in *struct {
	CycleInput
	Body struct {
		Receipt    string        `json:"receipt" minLength:"1" maxLength:"200" doc:"名录系统给出的回执编号"`
		ReceivedOn calendar.Date `json:"received_on" doc:"回执日期"`
	}
}) (*struct{ Body HandoverView }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	receipt := strings.TrimSpace(in.Body.Receipt)
	if receipt == "" || in.Body.ReceivedOn.IsZero() {
		return nil, models.Invalid("receipt", "请填写回执编号和回执日期")
	}
	if err := s.Store.ReceiveHandover(ctx, in.ID, receipt, in.Body.ReceivedOn, u.Actor()); err != nil {
		return nil, err
	}
	// The receipt is on record; a cycle that is not told goes on when its date comes, and the same request tells it again.
	err := s.Temporal.SignalWorkflow(ctx, workflows.CycleWorkflowID(in.ID), "", workflows.SignalHandedOver, nil)
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return nil, commandError(err)
	}
	return s.getHandover(ctx, u, &in.CycleInput)
}
