package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/sdk/client"

	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/workflows"
)

// ConnectionBody is how a source is fetched.
type ConnectionBody struct {
	Kind        models.Channel `json:"kind" enum:"http,folder" doc:"http 调用部门接口，folder 查看共享目录"`
	Address     string         `json:"address" maxLength:"500" doc:"接口地址（https://），或本来源专用目录的绝对路径"`
	SecretEnv   string         `json:"secret_env,omitempty" maxLength:"100" doc:"存放令牌的环境变量名，以 BANGFU_SOURCE_ 开头；令牌本身不入库"`
	ClientCert  string         `json:"client_cert,omitempty" maxLength:"300" doc:"双向认证：证书文件（PEM）"`
	ClientKey   string         `json:"client_key,omitempty" maxLength:"300" doc:"双向认证：私钥文件（PEM）"`
	CAFile      string         `json:"ca_file,omitempty" maxLength:"300" doc:"部门服务器的签发机构证书（PEM）；空为系统信任的"`
	Poll        int            `json:"poll_minutes,omitempty" default:"60" doc:"查询间隔，分钟"`
	ReportAfter int            `json:"report_after_minutes,omitempty" default:"1440" doc:"连续失败多久后通知部门和区市场监管局，分钟"`
}

// ConnectionView is a connection and how it fares.
type ConnectionView struct {
	District   string        `json:"district"`
	Source     models.Source `json:"source"`
	SourceName string        `json:"source_name"`
	ConnectionBody
	LastOKAt     string `json:"last_ok_at,omitempty" doc:"最近一次正常"`
	FailingSince string `json:"failing_since,omitempty" doc:"从何时起一直失败；空为正常"`
	LastError    string `json:"last_error,omitempty"`
}

func viewConnection(c models.Connection) ConnectionView {
	return ConnectionView{
		District: c.District, Source: c.Source, SourceName: c.Source.Name(),
		ConnectionBody: ConnectionBody{Kind: c.Kind, Address: c.Address, SecretEnv: c.SecretEnv, ClientCert: c.ClientCert, ClientKey: c.ClientKey,
			CAFile: c.CAFile, Poll: c.Poll, ReportAfter: c.ReportAfter},
		LastOKAt: momentOrEmpty(&c.LastOKAt), FailingSince: momentOrEmpty(&c.FailingSince), LastError: c.LastError,
	}
}

func (s *Server) registerConnections() {
	tags := []string{"数据连接"}
	register(s, overseers, huma.Operation{OperationID: "list-connections", Method: http.MethodGet, Path: "/api/v1/districts/{district}/connections", Summary: "一个区的数据连接", Tags: tags}, s.listConnections)
	register(s, admins, huma.Operation{OperationID: "set-connection", Method: http.MethodPut, Path: "/api/v1/districts/{district}/connections/{source}", Summary: "新增或修改数据连接，并立即查看", Tags: tags}, s.setConnection)
	register(s, admins, huma.Operation{OperationID: "delete-connection", Method: http.MethodDelete, Path: "/api/v1/districts/{district}/connections/{source}", Summary: "撤销数据连接", Tags: tags, DefaultStatus: http.StatusNoContent}, s.deleteConnection)
}

func (s *Server) listConnections(ctx context.Context, u models.User, in *struct {
	District string `path:"district" pattern:"^[0-9]{6}$"`
}) (*struct{ Body Page[ConnectionView] }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	list, err := s.Store.Connections(ctx, in.District)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Page[ConnectionView] }{newPage(list, len(list), viewConnection, func(c models.Connection) any { return c.Source })}, nil
}

// ConnectionRef names a connection.
type ConnectionRef struct {
	District string `path:"district" pattern:"^[0-9]{6}$"`
	Source   string `path:"source" maxLength:"20" example:"tax"`
}

func (s *Server) setConnection(ctx context.Context, u models.User, in *struct {
	ConnectionRef
	Body ConnectionBody
}) (*struct{ Body ConnectionView }, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	source, err := models.ParseSource(in.Source)
	if err != nil {
		return nil, err
	}
	if _, err := s.Store.District(ctx, in.District); err != nil {
		return nil, err
	}
	b := in.Body
	c := models.Connection{District: in.District, Source: source, Kind: b.Kind, Address: b.Address, SecretEnv: b.SecretEnv,
		ClientCert: b.ClientCert, ClientKey: b.ClientKey, CAFile: b.CAFile, Poll: b.Poll, ReportAfter: b.ReportAfter}
	if err := c.Validate(s.Options.Folders); err != nil {
		return nil, err
	}
	if err := s.Store.SetConnection(ctx, u.Actor(), c); err != nil {
		return nil, err
	}
	if err := s.look(ctx, in.District, source); err != nil {
		return nil, err
	}
	return &struct{ Body ConnectionView }{viewConnection(c)}, nil
}

// look has every running year of the district look at the source at once; a year that began before the connection was set
// starts to watch it.
func (s *Server) look(ctx context.Context, district string, source models.Source) error {
	for after := ""; ; {
		cycles, err := s.Store.Cycles(ctx, district, after, 100)
		if err != nil || len(cycles) == 0 {
			return err
		}
		for _, c := range cycles {
			after = c.ID
			until := c.Plan[calendar.PlanHandoverDue]
			if c.State != models.CycleRunning && c.State != models.CyclePaused || c.Clock.Today(time.Now()) > until {
				continue
			}
			if s.Temporal == nil {
				return models.Errorf(models.CodeUnavailable, "连接已保存，但流程引擎暂时不可用，尚未开始取数；请稍后再保存一次")
			}
			_, err := s.Temporal.SignalWithStartWorkflow(ctx, workflows.FetchWorkflowID(c.ID, source.String()), workflows.SignalLook, nil, client.StartWorkflowOptions{
				TaskQueue: workflows.QueueMain, StaticSummary: "定时取数：" + source.Name(),
				TypedSearchAttributes: workflows.DeliveryAttributes(district, c.Year, source),
			}, workflows.Fetch, workflows.FetchInput{CycleID: c.ID, District: district, Year: c.Year, Source: source, Clock: c.Clock, Until: until})
			if err != nil {
				return away(err, "连接已保存，但流程引擎暂时不可用，尚未开始取数；请稍后再保存一次")
			}
		}
	}
}

func (s *Server) deleteConnection(ctx context.Context, u models.User, in *ConnectionRef) (*struct{}, error) {
	if err := inDistrict(u, in.District); err != nil {
		return nil, err
	}
	source, err := models.ParseSource(in.Source)
	if err != nil {
		return nil, err
	}
	return nil, s.Store.DeleteConnection(ctx, u.Actor(), in.District, source)
}
