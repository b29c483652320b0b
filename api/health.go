package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
)

// probeTime is how long a part may take to answer before it counts as away.
const probeTime = 3 * time.Second

// Health is whether the program works.
type Health struct {
	Status   string `json:"status" enum:"ok"`
	Program  string `json:"program" doc:"程序版本"`
	Database string `json:"database,omitempty" doc:"数据库"`
	Engine   string `json:"engine,omitempty" doc:"流程引擎"`
}

func (s *Server) registerHealth() {
	tags := []string{"运行"}
	s.handle(unmetered, http.MethodGet, "/healthz", func(c *gin.Context) {
		c.JSON(http.StatusOK, Health{Status: "ok", Program: s.Options.Program})
	}, huma.Operation{OperationID: "healthz", Summary: "程序在运行", Tags: tags})
	s.handle(unmetered, http.MethodGet, "/readyz", s.ready, huma.Operation{OperationID: "readyz", Summary: "可以办理业务；不可以时指出哪一部分不可用", Tags: tags})
	scrape := gin.WrapH(promhttp.HandlerFor(s.Options.Registry, promhttp.HandlerOpts{}))
	s.handle(monitoring, http.MethodGet, "/metrics", scrape, huma.Operation{OperationID: "metrics", Summary: "Prometheus 指标（本机或管理员、审计人员）", Tags: tags})
}

// ready asks the database and the engine, at once.
func (s *Server) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), probeTime)
	defer cancel()
	engine := make(chan error, 1)
	go func() {
		if s.Temporal == nil {
			engine <- errors.New("no engine")
			return
		}
		_, err := s.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
		engine <- err
	}()
	var away []FieldError
	if err := s.Store.Ping(ctx); err != nil {
		away = append(away, FieldError{"database", "数据库连不上"})
		s.Options.Logger.WarnContext(ctx, "the database is away", "error", err)
	}
	if err := <-engine; err != nil {
		away = append(away, FieldError{"engine", "流程引擎连不上"})
		s.Options.Logger.WarnContext(ctx, "the engine is away", "error", err)
	}
	if len(away) > 0 {
		detail := away[0].Message
		for _, a := range away[1:] {
			detail += "，" + a.Message
		}
		s.refuse(c, newProblem(http.StatusServiceUnavailable, detail, away...))
		return
	}
	c.JSON(http.StatusOK, Health{Status: "ok", Program: s.Options.Program, Database: "ok", Engine: "ok"})
}

// metrics is what /metrics shows of HTTP.
type metrics struct {
	requests *prometheus.HistogramVec
	flight   prometheus.Gauge
}

// newMetrics registers HTTP's metrics and the process's own, where nobody did before.
func newMetrics(r *prometheus.Registry) metrics {
	m := metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bangfu_http_request_duration_seconds", Help: "HTTP requests by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"method", "route", "status"}),
		flight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "bangfu_http_requests_in_flight", Help: "HTTP requests being answered."}),
	}
	m.requests = registered(r, m.requests)
	m.flight = registered(r, m.flight)
	registered(r, collectors.NewGoCollector())
	registered(r, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// registered registers a collector, or gives the equal one that is there.
func registered[C prometheus.Collector](r *prometheus.Registry, c C) C {
	var there prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(C); ok {
			return old
		}
	}
	return c
}

func (m metrics) seen(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		method = "other" // a caller may invent methods, not time series
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}
