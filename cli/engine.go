package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"bangfu/deploy/engine"
	"bangfu/models"
	"bangfu/workflows"
)

// keptEngine is an engine that is started again when it ends by itself.
type keptEngine struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // why it was given up; read after done
}

// restarts in a row, each within steady of the one before, after which something is wrong that a restart does
// not mend.
const (
	restarts = 5
	steady   = time.Minute
)

// keepEngine starts the engine and keeps it running until stop.
func keepEngine(ctx context.Context, o engine.Options, say func(string, ...any)) (*keptEngine, error) {
	start := func(ctx context.Context) (*engine.Engine, error) {
		e, err := engine.Start(ctx, o)
		if err != nil {
			return nil, &models.Error{Code: models.CodeUnavailable, Message: "Temporal 引擎未能启动：" + err.Error(), Cause: err}
		}
		return e, nil
	}
	e, err := start(ctx)
	if err != nil {
		return nil, err
	}
	// the engine outlives ctx: the worker ends its activities after ctx is done
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &keptEngine{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for tries := 0; ; {
			began := time.Now()
			select {
			case <-ctx.Done():
				e.Stop()
				return
			case <-e.Done():
			}
			if time.Since(began) > steady {
				tries = 0
			}
			for e = nil; e == nil; {
				if tries++; tries > restarts {
					k.err = models.Errorf(models.CodeUnavailable, "Temporal 引擎一再停止，已放弃重启，详见数据目录中的 temporal.log")
					return
				}
				say("Temporal 引擎意外停止，正在重新启动（第 %d 次）…", tries)
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Duration(tries*tries) * 200 * time.Millisecond):
				}
				if e, err = start(ctx); err != nil {
					if ctx.Err() != nil {
						return
					}
					say("%s", line(err))
				}
			}
			say("Temporal 引擎已恢复")
		}
	}()
	return k, nil
}

// stop ends the engine in order and returns when it has ended.
func (k *keptEngine) stop() {
	k.cancel()
	<-k.done
}

// wait returns when the engine has ended for good: nil after stop, else why it was given up.
func (k *keptEngine) wait() error {
	<-k.done
	return k.err
}

// engineCommand prepares an engine that others run; `bangfu dev` prepares its own.
func engineCommand() *cobra.Command {
	c := &cobra.Command{Use: "engine", Short: "准备 Temporal 引擎（生产环境）"}
	c.AddCommand(&cobra.Command{Use: "setup", Short: "登记检索属性，使 Temporal 页面可按区、年度、环节等筛选", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		config, err := loadConfig()
		if err != nil {
			return err
		}
		logger := newLogger(config.Log, c.ErrOrStderr())
		t, err := temporalClient(config, logger, prometheus.NewRegistry())
		if err != nil {
			return err
		}
		defer t.Close()
		if err := awaitEngine(c.Context(), t, logger); err != nil {
			return err
		}
		added, err := engine.RegisterAttributes(c.Context(), t, config.TemporalNamespace, workflows.SearchAttributes())
		if err != nil {
			return &models.Error{Code: models.CodeUnavailable, Message: "检索属性登记失败：" + reason(err), Cause: err}
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "检索属性已齐备，新登记 %d 项\n", added)
		return err
	}})
	return c
}
