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
	return &cobra.Command{Use: "healthcheck", Short: "检查本机接口是否就绪（供容器使用）", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		config, err := loadConfig()
		if err != nil {
			return err
		}
		host, port, err := net.SplitHostPort(config.Addr)
		if err != nil {
			return err
		}
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1"
		}
		return ready(c.Context(), "http://"+net.JoinHostPort(host, port)+"/readyz")
	}}
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
