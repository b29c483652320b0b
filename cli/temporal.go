package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/log"
)

// temporalClient gives the process's one client. It connects at its first use, so that the API starts and says
// what is away while the engine is. Its measurements go into the registry that /metrics serves.
func temporalClient(c Config, logger *slog.Logger, registry prometheus.Registerer) (client.Client, error) {
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("preparing the engine's metrics: %w", err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	t, err := client.NewLazyClient(client.Options{
		HostPort:  c.TemporalAddress,
		Namespace: c.TemporalNamespace,
		Logger:    log.NewStructuredLogger(logger),
		MetricsHandler: opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
			Meter: meters.Meter("temporal"),
			OnError: func(err error) {
				logger.Warn("measuring the engine's client", "error", err)
			},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the engine's client: %w", err)
	}
	return t, nil
}

// awaitEngine returns when the engine answers, or with ctx's error.
func awaitEngine(ctx context.Context, t client.Client, logger *slog.Logger) error {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 15*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := t.CheckHealth(attempt, &client.CheckHealthRequest{})
		cancel()
		if err == nil {
			return nil
		}
		logger.Warn("waiting for the engine", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
