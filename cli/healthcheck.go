package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bangfu/models"
)

// healthcheckCommand asks the API of this machine whether it is ready: for containers, whose image has no other program.
func healthcheckCommand() *cobra.Command {
	var worker bool
	c := &cobra.Command{Use: "healthcheck", Short: "检查本机接口或工作进程是否就绪（供容器使用）", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		config, err := loadConfig()
		if err != nil {
			return err
		}
		address := config.Addr
		if worker {
			if address = config.WorkerAddr; address == "" {
				return models.Invalid("BANGFU_WORKER_ADDR", "未设置，工作进程没有可检查的地址")
			}
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return ready(c.Context(), "http://"+net.JoinHostPort(host, port)+"/readyz")
	}}
	c.Flags().BoolVar(&worker, "worker", false, "检查工作进程（BANGFU_WORKER_ADDR）而不是接口")
	return c
}

// ready asks once; the error says what answered.
func ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return &models.Error{Code: models.CodeUnavailable, Message: "没有应答：" + reason(err), Cause: err}
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if answer.StatusCode != http.StatusOK {
		return models.Errorf(models.CodeUnavailable, "未就绪（%s）：%s", answer.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
