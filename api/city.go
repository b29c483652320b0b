package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bangfu/activities/files"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/workflows"
)

// CityReportView is the report to the city with its spot check.
type CityReportView struct {
	Cycle      string           `json:"cycle"`
	SHA256     string           `json:"sha256" doc:"上报文件（CSV）的 SHA-256"`
	Certified  int64            `json:"certified" doc:"上报户数"`
	ReportedOn calendar.Date    `json:"reported_on" doc:"上报日期"`
	OutcomeDue calendar.Date    `json:"outcome_due" doc:"抽查结论期限，含当日"`
	Seed       string           `json:"seed" doc:"抽样的随机种子，空为尚未抽样"`
	SampleSize int              `json:"sample_size" doc:"抽取户数"`
	Method     string           `json:"method" doc:"抽样方法，任何人可据此复核"`
	SampledBy  models.Actor     `json:"sampled_by,omitempty"`
	ClosedOn   calendar.Date    `json:"closed_on" doc:"抽查结束日期，空为进行中"`
	ClosedBy   models.Actor     `json:"closed_by,omitempty"`
	FileURL    string           `json:"file_url"`
	City       models.CityBoard `json:"city" doc:"抽查进展"`
}

// sampleMethod says how a sample is verified; models.CitySampleOf draws it.
const sampleMethod = "对上报文件中的每个认定编号计算 SHA-256（随机种子后紧接认定编号，十六进制小写），由小到大排列，取前 N 户。" +
	"复核：while read -r n; do printf '%s %s\\n' \"$(printf %s \"$seed$n\" | sha256sum | cut -c1-64)\" \"$n\"; done <numbers.txt | sort | head -n \"$size\""

// CityCheckView is the city's check of one certification.
type CityCheckView struct {
	Number       string                `json:"number" doc:"认定编号"`
	USCC         string                `json:"uscc"`
	Name         string                `json:"name"`
	Tier         models.Tier           `json:"tier"`
	CategoryName string                `json:"category_name"`
	Application  int64                 `json:"application" doc:"申报件编号；完整案卷见 /api/v1/applications/{id}/case"`
	State        models.CityCheckState `json:"state" enum:"sampled,supplement_asked,supplemented,passed,refused"`
	StateName    string                `json:"state_name"`
	LimitOn      calendar.Date         `json:"limit_on" doc:"补充材料期限，含当日"`
	Asked        string                `json:"asked,omitempty" doc:"最近一次补充要求，或不予认定的理由"`
	Answer       string                `json:"answer,omitempty" doc:"区市场监管局最近一次答复"`
	UpdatedAt    string                `json:"updated_at"`
}

func viewCityCheck(c store.CityCheckItem) CityCheckView {
	return CityCheckView{Number: c.Number, USCC: c.USCC, Name: c.Name, Tier: c.Tier, CategoryName: c.Category.Name(), Application: c.ApplicationID, State: c.Check,
		StateName: c.Check.Name(), LimitOn: c.LimitOn, Asked: c.Asked, Answer: c.Answer, UpdatedAt: moment(c.UpdatedAt)}
}

// CityStepView is one event of a check.
type CityStepView struct {
	Event     models.CityEvent `json:"event"`
	EventName string           `json:"event_name"`
	StateName string           `json:"state_name" doc:"此后的状态"`
	On        calendar.Date    `json:"on"`
	Reason    string           `json:"reason,omitempty"`
	Clause    string           `json:"clause,omitempty"`
	Documents []string         `json:"documents,omitempty" doc:"所附材料编号"`
	Actor     models.Actor     `json:"actor"`
	At        string           `json:"at"`
}

func (s *Server) registerCity() {
	tags := []string{"市级抽查"}
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/cycles/{id}/city/" + path, Summary: summary, Tags: tags, DefaultStatus: http.StatusOK}
	}
	register(s, everyone, op("get-city-report", http.MethodGet, "report", "认定结果上报市市场监管局的情况和抽样依据"), s.getCityReport)
	for format, kind := range map[string]string{"csv": kindCSV, "xlsx": kindXLSX} {
		register(s, readers, download("export-city-report-"+format, "/api/v1/cycles/{id}/city/report."+format, "上报市市场监管局的认定名单（"+format+" 文件）", tags, kind), s.exportCityReport(format))
	}
	register(s, city, op("sample-city", http.MethodPost, "sample", "按户数或比例随机抽取抽查样本"), s.sampleCity)
	register(s, everyone, op("list-city-checks", http.MethodGet, "checks", "抽查清单；部门工作人员中只对区市场监管局开放"), s.listCityChecks)
	register(s, everyone, op("get-city-check", http.MethodGet, "checks/{number}", "一户的抽查经过"), s.getCityCheck)
	register(s, city, op("ask-city-supplement", http.MethodPost, "checks/{number}/supplements", "要求限期补充材料"), s.askCitySupplement)
	register(s, bureau, op("answer-city-supplement", http.MethodPost, "checks/{number}/answers", "补充材料（区市场监管局）"), s.answerCitySupplement)
	register(s, city, op("decide-city-check", http.MethodPost, "checks/{number}/decision", "抽查结论：无异议，或不予认定（写明理由和条款）"), s.decideCityCheck)
	register(s, city, op("close-city-check", http.MethodPost, "close", "结束抽查"), s.closeCityCheck)
	register(s, admins, op("finish-city-check", http.MethodPost, "finish", "不再等待市级抽查结论，未有结论的视为无异议，写明理由"), s.finishCityCheck)
}

func (s *Server) getCityReport(ctx context.Context, u models.User, in *CycleInput) (*struct{ Body CityReportView }, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	r, err := s.Store.CityReport(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.Store.CertificationBoard(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body CityReportView }{CityReportView{Cycle: r.CycleID, SHA256: r.SHA256, Certified: r.Certified, ReportedOn: r.ReportedOn, OutcomeDue: r.OutcomeDue,
		Seed: r.Seed, SampleSize: r.SampleSize, Method: sampleMethod, SampledBy: r.SampledBy, ClosedOn: r.ClosedOn, ClosedBy: r.ClosedBy,
		FileURL: "/api/v1/cycles/" + r.CycleID + "/city/report.csv", City: b.City}}, nil
}

// exportCityReport gives the file as it was reported: as CSV byte for byte.
func (s *Server) exportCityReport(format string) func(context.Context, models.User, *CycleInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, u models.User, in *CycleInput) (*huma.StreamResponse, error) {
		if err := cycleInDistrict(u, in.ID); err != nil {
			return nil, err
		}
		r, err := s.Store.CityReport(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		content, err := s.Store.CityReportFile(ctx, in.ID)
		if err == nil {
			err = s.Store.Audit(ctx, u.Actor(), "city.download", "cycle/"+in.ID, map[string]any{"format": format, "sha256": r.SHA256})
		}
		if err != nil {
			return nil, err
		}
		name := "certifications-" + in.ID
		if format == "csv" {
			return s.file(ctx, kindCSV, name+".csv", func(w io.Writer) error {
				_, err := w.Write(content)
				return err
			}), nil
		}
		e := export{name: name, sheet: "认定名单", width: []float64{26, 22, 36, 10, 8, 12, 10, 10, 14, 14, 20}}
		return s.table(ctx, format, e, func(t files.TableWriter) error { return copyTable(bytes.NewReader(content), t) }), nil
	}
}

// CityCommandInput is what every command of the spot check carries.
type CityCommandInput struct {
	CycleInput
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" doc:"同一请求重发时保持不变"`
}

// CityCheckInput names a check.
type CityCheckInput struct {
	CityCommandInput
	Number string `path:"number" maxLength:"40" doc:"认定编号"`
}

// cityAnswer is where the certification stands after a command.
type cityAnswer struct{ Body models.CertificationBoard }

// actOnCity keeps the reason (if the command has one) and sends the command; what cannot be a command is refused before that.
func (s *Server) actOnCity(ctx context.Context, u models.User, in CityCommandInput, c models.CityCommand, reason string) (*cityAnswer, error) {
	if err := cycleInDistrict(u, in.ID); err != nil {
		return nil, err
	}
	c.CommandID, c.CycleID, c.Actor = commandKey(in.IdempotencyKey), in.ID, u.Actor()
	c = c.Asked(reason)
	if reason != "" {
		c.ReasonID = 1 // stands for what is kept once the rest is found good
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if reason != "" {
		var err error
		if c.ReasonID, err = s.Store.AddReason(ctx, u.Actor(), reason); err != nil {
			return nil, err
		}
	}
	var b models.CertificationBoard
	if err := s.updateCertification(ctx, in.ID, c.CommandID, workflows.UpdateCity, c, &b); err != nil {
		return nil, err
	}
	// the engine answers another request under the same number as if it were the first
	if _, err := s.Store.CityCommandDone(ctx, c); err != nil {
		return nil, err
	}
	return &cityAnswer{b}, nil
}

func (s *Server) sampleCity(ctx context.Context, u models.User, in *struct {
	CityCommandInput
	Body struct {
		Size    int    `json:"size,omitempty" minimum:"1" maximum:"100000" doc:"抽取户数"`
		Percent int    `json:"percent,omitempty" minimum:"1" maximum:"100" doc:"抽取比例（%），户数不足一户的进为一户；与 size 填一项"`
		Seed    string `json:"seed,omitempty" maxLength:"64" pattern:"^[0-9A-Za-z._-]*$" doc:"随机种子，不填则由系统抽取并公布"`
	}
}) (*cityAnswer, error) {
	c := models.CityCommand{Event: models.CitySample, Size: in.Body.Size, Percent: in.Body.Percent, Seed: in.Body.Seed}
	if c.Seed == "" {
		c.Seed = rand.Text()
	}
	return s.actOnCity(ctx, u, in.CityCommandInput, c, "")
}

func (s *Server) askCitySupplement(ctx context.Context, u models.User, in *struct {
	CityCheckInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"需要补充什么"`
		Days   int    `json:"days,omitempty" minimum:"1" maximum:"60" doc:"期限（工作日），不填按政策规定"`
	}
}) (*cityAnswer, error) {
	return s.actOnCity(ctx, u, in.CityCommandInput, models.CityCommand{Event: models.CityAsk, Number: in.Number, Days: in.Body.Days}, in.Body.Reason)
}

func (s *Server) answerCitySupplement(ctx context.Context, u models.User, in *struct {
	CityCheckInput
	Body struct {
		Answer    string   `json:"answer" minLength:"1" maxLength:"2000" doc:"答复"`
		Documents []string `json:"documents,omitempty" maxItems:"20" uniqueItems:"true" doc:"已上传到申报件的材料编号"`
	}
}) (*cityAnswer, error) {
	if err := bureauOnly(u); err != nil {
		return nil, err
	}
	return s.actOnCity(ctx, u, in.CityCommandInput, models.CityCommand{Event: models.CityAnswer, Number: in.Number, Documents: in.Body.Documents}, in.Body.Answer)
}

func (s *Server) decideCityCheck(ctx context.Context, u models.User, in *struct {
	CityCheckInput
	Body struct {
		Outcome models.CityEvent `json:"outcome" enum:"pass,refuse" doc:"pass 无异议，refuse 不予认定"`
		Reason  string           `json:"reason,omitempty" maxLength:"2000" doc:"理由，不予认定的必填"`
		Clause  string           `json:"clause,omitempty" maxLength:"20" doc:"依据条款，不予认定的必填，如 附三(三)1"`
	}
}) (*cityAnswer, error) {
	return s.actOnCity(ctx, u, in.CityCommandInput, models.CityCommand{Event: in.Body.Outcome, Number: in.Number, Clause: in.Body.Clause}, in.Body.Reason)
}

func (s *Server) closeCityCheck(ctx context.Context, u models.User, in *CityCommandInput) (*cityAnswer, error) {
	return s.actOnCity(ctx, u, *in, models.CityCommand{Event: models.CityClose}, "")
}

func (s *Server) finishCityCheck(ctx context.Context, u models.User, in *struct {
	CityCommandInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"不再等待的理由"`
	}
}) (*cityAnswer, error) {
	return s.actOnCity(ctx, u, in.CityCommandInput, models.CityCommand{Event: models.CityFinish}, in.Body.Reason)
}

// ofCity refuses departments other than the bureau: what the city asks is between it and the bureau.
func ofCity(u models.User, cycleID string) error {
	if err := cycleInDistrict(u, cycleID); err != nil || u.Role != models.RoleDepartment {
		return err
	}
	return bureauOnly(u)
}

func (s *Server) listCityChecks(ctx context.Context, u models.User, in *struct {
	CycleInput
	State models.CityCheckState `query:"state" enum:"sampled,supplement_asked,supplemented,passed,refused"`
	After int                   `query:"after" minimum:"0" doc:"上一页的 next"`
	Limit int                   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*struct{ Body Page[CityCheckView] }, error) {
	if err := ofCity(u, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Store.CityChecks(ctx, store.CityQuery{CycleID: in.ID, State: in.State, After: in.After, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[CityCheckView] }{newPage(list, in.Limit, viewCityCheck, func(c store.CityCheckItem) any { return c.Seat })}, nil
}

// CityCheckDetail is a check with everything that happened in it.
type CityCheckDetail struct {
	CityCheckView
	Steps []CityStepView `json:"steps" doc:"经过"`
}

func (s *Server) getCityCheck(ctx context.Context, u models.User, in *struct {
	CycleInput
	Number string `path:"number" maxLength:"40" doc:"认定编号"`
}) (*struct{ Body CityCheckDetail }, error) {
	if err := ofCity(u, in.ID); err != nil {
		return nil, err
	}
	item, steps, err := s.Store.CityCheck(ctx, in.ID, in.Number)
	if err != nil {
		return nil, err
	}
	d := CityCheckDetail{CityCheckView: viewCityCheck(item), Steps: make([]CityStepView, len(steps))}
	for i, t := range steps {
		d.Steps[i] = CityStepView{Event: t.Event, EventName: t.Event.Name(), StateName: t.ToState.Name(), On: t.OnDate, Reason: t.Reason, Clause: t.Clause,
			Documents: t.Documents, Actor: t.Actor, At: moment(t.At)}
	}
	return &struct{ Body CityCheckDetail }{d}, nil
}
