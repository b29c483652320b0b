package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bangfu/deploy/engine"
	"bangfu/deploy/mailcatcher"
	sampledistrict "bangfu/deploy/sample-district"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/workflows"
)

func devCommand() *cobra.Command {
	return &cobra.Command{
		Use: "dev", Short: "在本机运行全部组件（试用与开发）", Args: cobra.NoArgs,
		Long: "在本机运行全部组件：Temporal 引擎及其页面、邮件收集箱、工作进程、接口和 SQLite 数据库。\n" +
			"数据保存在数据目录（BANGFU_DATA_DIR，默认 ./data），停止后再启动会接着运行。",
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := loadConfig()
			if err != nil {
				return err
			}
			return dev{Config: config, out: c.OutOrStdout()}.run(c.Context())
		},
	}
}

// dev is the local stack of one data directory.
type dev struct {
	Config
	out io.Writer
}

// run starts every part, says where each answers, and stops them in order when ctx is done: API, worker, mail
// catcher, engine, database.
func (d dev) run(ctx context.Context) error {
	grpcPort, err := d.enginePort()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.DataDir, 0o700); err != nil {
		return models.Invalid("BANGFU_DATA_DIR", "数据目录建不了：%s", reason(err))
	}
	unlock, err := lock(d.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	temporal, err := engine.Find(d.TemporalCLI)
	if err != nil {
		return models.Invalid("TEMPORAL_CLI", "找不到 Temporal 引擎（temporal 程序）：请用 make run 启动（首次会自动构建），或用 TEMPORAL_CLI 指定它的位置")
	}
	if err := d.checkPorts(grpcPort); err != nil {
		return err
	}
	tokenPlace := "由 BANGFU_ADMIN_TOKEN 给定"
	if d.AdminToken == "" {
		tokenPlace = filepath.Join(d.DataDir, "admin.token")
		if d.AdminToken, err = keptToken(tokenPlace); err != nil {
			return err
		}
	}
	logPath := filepath.Join(d.DataDir, "bangfu.log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return models.Invalid("BANGFU_DATA_DIR", "数据目录不能写：%s", reason(err))
	}
	defer func() { _ = logFile.Close() }()

	d.say("bangfu %s，数据目录 %s", programVersion(), d.DataDir)
	defer d.say("已停止，数据保存在 %s", d.DataDir)
	context.AfterFunc(ctx, func() { d.say("正在停止 …（再按一次 Ctrl-C 立即结束）") })
	kept, err := keepEngine(ctx, engine.Options{
		CLI: temporal, Dir: d.DataDir, GRPCPort: grpcPort, UIPort: d.TemporalUIPort, Namespace: d.TemporalNamespace,
		SearchAttributes: workflows.SearchAttributes(),
	}, d.say)
	if err != nil {
		return err
	}
	defer kept.stop()
	d.address("Temporal 引擎", d.TemporalAddress, "")
	d.TemporalUI = "http://127.0.0.1:" + strconv.Itoa(d.TemporalUIPort)
	if err := answers(ctx, d.TemporalUI); err != nil {
		return err
	}
	d.address("Temporal 页面", d.TemporalUI, "")

	mailDir := filepath.Join(d.DataDir, "mail")
	// the catcher outlives ctx: the worker ends its sending after ctx is done
	catcherCtx, stopCatcher := context.WithCancel(context.WithoutCancel(ctx))
	catcher, err := mailcatcher.Start(catcherCtx, mailcatcher.Options{
		Dir: mailDir, SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:" + strconv.Itoa(d.MailUIPort),
	})
	if err != nil {
		stopCatcher()
		return models.Errorf(models.CodeInternal, "邮件收集箱未能启动：%s", reason(err))
	}
	defer func() {
		stopCatcher()
		_ = catcher.Wait()
	}()
	d.SMTP = "smtp://" + catcher.SMTPAddr
	mailUI := "http://" + catcher.HTTPAddr
	if err := answers(ctx, mailUI); err != nil {
		return err
	}
	d.address("邮件收集箱", mailUI, "邮件文件在 "+mailDir)

	d.AllowRehearse = true
	p, err := newProgram(ctx, d.Config, newLogger(d.Log, logFile))
	if err != nil {
		return err
	}
	defer p.close()
	if _, err := engine.RegisterAttributes(ctx, p.temporal, d.TemporalNamespace, workflows.SearchAttributes()); err != nil { // an earlier version's directory lacks some
		return models.Errorf(models.CodeInternal, "检索属性登记失败：%s", reason(err))
	}
	if err := sampleDistrict(ctx, p.store); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := kept.wait(); err != nil {
			cancel(err)
		}
	}()
	err = p.run(ctx, parts{api: true, worker: true}, func(address string) {
		go func() {
			if answers(ctx, address+"/healthz") != nil {
				return
			}
			d.address("接口", address, "说明 "+address+"/docs")
			d.address("管理员令牌", tokenPlace, "")
			d.address("日志", logPath, filepath.Join(d.DataDir, "temporal.log"))
			d.say("按 Ctrl-C 停止")
		}()
	})
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// enginePort is the port of the engine, which dev starts on this machine only.
func (d dev) enginePort() (int, error) {
	host, port, err := net.SplitHostPort(d.TemporalAddress)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return 0, models.Invalid("TEMPORAL_ADDRESS", "bangfu dev 只在本机启动引擎，应为 127.0.0.1:端口；连接其他引擎请用 bangfu serve")
	}
	return strconv.Atoi(port)
}

// checkPorts looks at every port before anything is started.
func (d dev) checkPorts(grpcPort int) error {
	_, port, err := net.SplitHostPort(d.Addr)
	if err != nil {
		return err
	}
	api, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	seen := map[int]string{}
	for _, p := range []struct {
		setting string
		port    int
	}{{"BANGFU_ADDR", api}, {"TEMPORAL_ADDRESS", grpcPort}, {"BANGFU_TEMPORAL_UI_PORT", d.TemporalUIPort}, {"BANGFU_MAIL_UI_PORT", d.MailUIPort}} {
		if other, ok := seen[p.port]; ok {
			return models.Invalid(p.setting, "端口 %d 与 %s 相同，请换一个", p.port, other)
		}
		seen[p.port] = p.setting
		if p.setting == "BANGFU_ADDR" {
			l, err := listen(p.setting, d.Addr)
			if err != nil {
				return err
			}
			_ = l.Close()
		} else if err := checkPort(p.setting, p.port); err != nil {
			return err
		}
	}
	return nil
}

// keptToken gives the administrator's token of a data directory, made at the first start.
func keptToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		token := strings.TrimSpace(string(b))
		if err := checkToken(token); err != nil || token == "" {
			return "", models.Errorf(models.CodeInvalid, "%s 中的令牌不足 32 个字符，请删除该文件后再启动", path)
		}
		return token, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", models.Invalid("BANGFU_DATA_DIR", "管理员令牌读不出：%s", reason(err))
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	token := hex.EncodeToString(random)
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", models.Invalid("BANGFU_DATA_DIR", "管理员令牌写不了：%s", reason(err))
	}
	return token, nil
}

// sampleDistrict gives an empty database the district of the work plan, so that a first walk has somewhere to go.
func sampleDistrict(ctx context.Context, s *store.Store) error {
	districts, err := s.Districts(ctx)
	if err != nil || len(districts) > 0 {
		return err
	}
	if err := s.SetDistrict(ctx, models.ActorSystem, sampledistrict.District); err != nil {
		return err
	}
	for _, department := range sampledistrict.Departments() {
		if err := s.SetDepartment(ctx, models.ActorSystem, department); err != nil {
			return err
		}
	}
	return nil
}

// answers returns when something answers HTTP at the address.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("asking %s: %w", url, err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			return answer.Body.Close()
		}
		select {
		case <-ctx.Done():
			return models.Errorf(models.CodeUnavailable, "%s 没有应答", url)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (d dev) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, format+"\n", args...)
}

// address prints one aligned line; a Chinese character is two columns wide.
func (d dev) address(label, value, note string) {
	width := 0
	for _, r := range label {
		width++
		if r > 0x2E80 {
			width++
		}
	}
	if note != "" {
		note = "  （" + note + "）"
	}
	d.say("  %s%s%s%s", label, strings.Repeat(" ", max(16-width, 1)), value, note)
}
