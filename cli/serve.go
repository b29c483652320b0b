package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"bangfu/activities"
	"bangfu/api"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/rehearsal"
	"bangfu/worker"
)

func serveCommand() *cobra.Command {
	return serving("serve", "在一个进程中运行接口与工作进程（小型生产环境）", parts{api: true, worker: true})
}

func apiCommand() *cobra.Command {
	return serving("api", "只运行接口（可多份）", parts{api: true})
}

func workerCommand() *cobra.Command {
	return serving("worker", "只运行工作进程（可多份）", parts{worker: true})
}

// parts are what a process runs.
type parts struct{ api, worker bool }

func serving(name, short string, p parts) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		config, err := loadConfig()
		if err != nil {
			return err
		}
		if p.worker && config.SMTP == "" {
			return models.Invalid("BANGFU_SMTP", "请给出发信服务器，如 smtp://用户:密码@mail.example.cn:587")
		}
		ctx := c.Context()
		program, err := newProgram(ctx, config, newLogger(config.Log, c.ErrOrStderr()))
		if err != nil {
			return err
		}
		defer program.close()
		return program.run(ctx, p, func(address string) {
			program.logger.Info("已就绪", "地址", address)
		})
	}}
}

// program is one running bangfu: what its parts share.
type program struct {
	config   Config
	logger   *slog.Logger
	store    *store.Store
	temporal client.Client
	registry *prometheus.Registry
}

func newLogger(format string, to io.Writer) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, nil))
	}
	return slog.New(slog.NewTextHandler(to, nil))
}

func newProgram(ctx context.Context, c Config, logger *slog.Logger) (*program, error) {
	s, err := c.openStore(ctx)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t, err := temporalClient(c, logger, registry)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return &program{config: c, logger: logger, store: s, temporal: t, registry: registry}, nil
}

func (p *program) close() {
	p.temporal.Close()
	_ = p.store.Close()
}

// run works until ctx is done or a part fails, then stops the API before the worker, so that no command is
// taken that nobody would work on. ready is told the API's address when it listens.
func (p *program) run(ctx context.Context, what parts, ready func(address string)) error {
	workerCtx, stopWorker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorker()
	g, ctx := errgroup.WithContext(ctx)
	if what.worker {
		g.Go(func() error { return p.runWorker(workerCtx) })
	}
	g.Go(func() error {
		defer stopWorker()
		switch {
		case what.api:
			server := p.server()
			defer server.Wait() // what it does beside requests needs the database
			return p.answer(ctx, "BANGFU_ADDR", p.config.Addr, server.Handler(), ready)
		case p.config.WorkerAddr != "":
			return p.answer(ctx, "BANGFU_WORKER_ADDR", p.config.WorkerAddr, p.workerHealth(), ready)
		default:
			<-ctx.Done()
			return nil
		}
	})
	return g.Wait()
}

func (p *program) runWorker(ctx context.Context) error {
	if err := awaitEngine(ctx, p.temporal, p.logger); err != nil {
		return nil //nolint:nilerr // told to stop while the engine was away: nothing was begun
	}
	mailer, err := activities.NewMailer(p.config.SMTP, p.config.MailFrom)
	if err != nil {
		return err
	}
	if err := worker.Run(ctx, worker.Options{
		Client: p.temporal, Store: p.store, Mailer: mailer, Program: programVersion(),
		PublicURL: p.config.PublicURL, Folders: p.config.FolderList(), MaxFile: p.config.MaxUpload(),
		MailsPerMinute: p.config.MailsMinute, Activities: p.config.Activities, Bulk: p.config.BulkTasks,
		Rehearsals: p.rehearsals(),
	}); err != nil {
		return fmt.Errorf("工作进程停止：%w", err)
	}
	return nil
}

// rehearsals runs rehearsals beside the worker's own work, each on an installation of its own.
func (p *program) rehearsals() activities.Rehearsals {
	o := p.config.rehearsals(p.store, p.logger)
	return activities.Rehearsals{
		Run: func(ctx context.Context, id string, report func(models.RehearsalProgress)) error {
			return rehearsal.Run(ctx, o, id, report)
		},
		Remove: func(ctx context.Context, actor models.Actor, id string) error {
			return rehearsal.Remove(ctx, o, actor, id)
		},
	}
}

// answer answers HTTP until ctx is done, then lets the requests at hand end.
func (p *program) answer(ctx context.Context, setting, address string, handler http.Handler, ready func(address string)) error {
	l, err := listen(setting, address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:          slog.NewLogLogger(p.logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if err != nil {
			err = server.Close() // a request that would not end
		}
		stopped <- err
	})
	ready("http://" + l.Addr().String())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering HTTP: %w", err)
	}
	return <-stopped
}

func (p *program) server() *api.Server {
	return api.New(p.store, p.temporal, api.Options{
		Program: programVersion(), PublicURL: p.config.PublicURL, TemporalUI: p.config.TemporalUI, Namespace: p.config.TemporalNamespace,
		AllowRehearsal: p.config.AllowRehearse, MaxUpload: p.config.MaxUpload(), Folders: p.config.FolderList(), AdminToken: p.config.AdminToken,
		TrustedProxies: p.config.TrustedProxies(), PublicPerMinute: int64(p.config.PublicMinute),
		Registry: p.registry, Logger: p.logger,
	})
}

// workerHealth is what a worker on its own shows: whether its parts answer, and its measurements.
func (p *program) workerHealth() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if err := p.store.Ping(ctx); err != nil {
			http.Error(w, "数据库没有应答", http.StatusServiceUnavailable)
		} else if _, err := p.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
			http.Error(w, "Temporal 引擎没有应答", http.StatusServiceUnavailable)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	return mux
}
