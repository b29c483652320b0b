package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"bangfu/activities"
	"bangfu/models"
)

// Config is every setting (docs/operate.md), from the environment and a .env file in the working directory; the
// environment wins. A zero port or limit is never valid.
type Config struct {
	Addr          string `env:"BANGFU_ADDR" envDefault:"127.0.0.1:8080"`
	PublicURL     string `env:"BANGFU_PUBLIC_URL"` // how people reach the API from outside; empty = http://<Addr>
	DataDir       string `env:"BANGFU_DATA_DIR" envDefault:"./data"`
	DB            string `env:"BANGFU_DB"`                                // empty = sqlite://<data dir>/bangfu.db
	WorkerAddr    string `env:"BANGFU_WORKER_ADDR"`                       // where a worker on its own shows its health and metrics; empty = nowhere
	TrustedProxy  string `env:"BANGFU_TRUSTED_PROXIES"`                   // addresses or networks whose X-Forwarded-For is believed, separated by ","
	PublicMinute  int    `env:"BANGFU_PUBLIC_PER_MINUTE" envDefault:"60"` // requests a minute of one address without login
	AdminToken    string `env:"BANGFU_ADMIN_TOKEN"`
	MaxUploadMB   int    `env:"BANGFU_MAX_UPLOAD_MB" envDefault:"512"`
	Folders       string `env:"BANGFU_FOLDERS"` // the directories under which departments' folders may lie, separated by ":"
	AllowRehearse bool   `env:"BANGFU_ALLOW_REHEARSAL"`
	Log           string `env:"BANGFU_LOG" envDefault:"text"` // text or json

	TemporalAddress   string `env:"TEMPORAL_ADDRESS" envDefault:"127.0.0.1:7233"`
	TemporalNamespace string `env:"TEMPORAL_NAMESPACE" envDefault:"default"`
	TemporalUI        string `env:"BANGFU_TEMPORAL_UI"`                        // its address, for links; in dev the local one
	TemporalUIPort    int    `env:"BANGFU_TEMPORAL_UI_PORT" envDefault:"8233"` // dev only
	TemporalCLI       string `env:"TEMPORAL_CLI"`                              // dev only

	SMTP       string `env:"BANGFU_SMTP"` // smtp://user:password@host:port; smtps:// for TLS from the first byte
	MailFrom   string `env:"BANGFU_MAIL_FROM" envDefault:"帮扶系统 <bangfu@localhost>"`
	MailUIPort int    `env:"BANGFU_MAIL_UI_PORT" envDefault:"8025"` // dev only

	Activities  int `env:"BANGFU_WORKER_ACTIVITIES" envDefault:"100"` // short activities at once
	BulkTasks   int `env:"BANGFU_WORKER_BULK" envDefault:"4"`         // imports and tiering pages at once
	MailsMinute int `env:"BANGFU_MAILS_PER_MINUTE" envDefault:"120"`
}

// loadConfig reads and checks the settings. The error is a *models.Error whose Field is the setting, and never
// holds a secret.
func loadConfig() (Config, error) {
	if err := godotenv.Load(".env"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// the reader's own words may quote the line, and with it a secret
		return Config{}, models.Invalid(".env", "文件读不懂：每行应为 名称=值，含空格或 # 的值加引号")
	}
	c, err := env.ParseAs[Config]()
	if err != nil {
		return Config{}, unreadable(err)
	}
	if c.DB == "" {
		c.DB = "sqlite://" + filepath.Join(c.DataDir, "bangfu.db")
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Addr
	}
	return c, c.validate()
}

// unreadable names the setting that is not a number or a yes/no.
func unreadable(err error) error {
	var parse env.ParseError
	if errors.As(err, &parse) {
		if f, ok := reflect.TypeFor[Config]().FieldByName(parse.Name); ok {
			kind := "整数"
			if f.Type.Kind() == reflect.Bool {
				kind = " true 或 false"
			}
			return models.Invalid(f.Tag.Get("env"), "应为%s", kind)
		}
	}
	return models.Invalid("环境变量", "设置读取失败")
}

func (c Config) validate() error {
	checks := []func() error{
		func() error { return checkAddress("BANGFU_ADDR", c.Addr) },
		func() error { return checkURL("BANGFU_PUBLIC_URL", c.PublicURL) },
		func() error { return checkDB(c.DB) },
		func() error {
			if c.WorkerAddr == "" {
				return nil
			}
			return checkAddress("BANGFU_WORKER_ADDR", c.WorkerAddr)
		},
		func() error { return checkProxies(c.TrustedProxies()) },
		func() error { return checkRange("BANGFU_PUBLIC_PER_MINUTE", c.PublicMinute, 1, 1000000) },
		func() error { return checkToken(c.AdminToken) },
		func() error { return checkRange("BANGFU_MAX_UPLOAD_MB", c.MaxUploadMB, 1, 4096) },
		func() error { return checkFolders(c.FolderList()) },
		func() error {
			if c.Log != "text" && c.Log != "json" {
				return models.Invalid("BANGFU_LOG", "应为 text 或 json")
			}
			return nil
		},
		func() error { return checkAddress("TEMPORAL_ADDRESS", c.TemporalAddress) },
		func() error {
			if c.TemporalUI == "" {
				return nil
			}
			return checkURL("BANGFU_TEMPORAL_UI", c.TemporalUI)
		},
		func() error { return checkRange("BANGFU_TEMPORAL_UI_PORT", c.TemporalUIPort, 1, 65535) },
		func() error { return checkRange("BANGFU_MAIL_UI_PORT", c.MailUIPort, 1, 65535) },
		func() error {
			_, err := activities.NewMailer(cmp.Or(c.SMTP, "smtp://localhost"), c.MailFrom)
			return err
		},
		func() error { return checkRange("BANGFU_WORKER_ACTIVITIES", c.Activities, 1, 10000) },
		func() error { return checkRange("BANGFU_WORKER_BULK", c.BulkTasks, 1, 256) },
		func() error { return checkRange("BANGFU_MAILS_PER_MINUTE", c.MailsMinute, 1, 100000) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// FolderList is BANGFU_FOLDERS as absolute paths.
func (c Config) FolderList() []string {
	var list []string
	for _, f := range filepath.SplitList(c.Folders) {
		if f != "" {
			list = append(list, filepath.Clean(f))
		}
	}
	return list
}

// TrustedProxies is BANGFU_TRUSTED_PROXIES as a list.
func (c Config) TrustedProxies() []string {
	return strings.FieldsFunc(c.TrustedProxy, func(r rune) bool { return r == ',' || r == ' ' })
}

// MaxUpload is the size limit of one delivered file in bytes.
func (c Config) MaxUpload() int64 { return int64(c.MaxUploadMB) << 20 }

func checkAddress(name, value string) error {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		return models.Invalid(name, "应为 主机:端口，如 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return models.Invalid(name, "端口“%s”应为 1 至 65535 的整数", port)
	}
	if strings.ContainsAny(host, "/@ ") {
		return models.Invalid(name, "应为 主机:端口，如 127.0.0.1:8080")
	}
	return nil
}

func checkURL(name, value string) error {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return models.Invalid(name, "应为 http:// 或 https:// 开头的网址")
	}
	return nil
}

func checkDB(value string) error {
	if file, ok := strings.CutPrefix(value, "sqlite://"); ok {
		if file == "" || strings.ContainsAny(file, "?#") {
			return models.Invalid("BANGFU_DB", "sqlite:// 后应为文件路径（不含 ? 和 #）")
		}
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "mysql" || u.Hostname() == "" || len(u.Path) < 2 || u.User.Username() == "" {
		return models.Invalid("BANGFU_DB", "应为 sqlite://文件 或 mysql://用户:密码@主机:3306/库名（密码中的特殊字符用 %%XX 写）")
	}
	return nil
}

func checkToken(value string) error {
	if value == "" {
		return nil
	}
	if len(value) < 32 {
		return models.Invalid("BANGFU_ADMIN_TOKEN", "至少 32 个字符（可用 openssl rand -hex 32 生成）")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return models.Invalid("BANGFU_ADMIN_TOKEN", "只能用可见的 ASCII 字符，不含空格")
	}
	return nil
}

func checkFolders(list []string) error {
	for _, f := range list {
		if !filepath.IsAbs(f) {
			return models.Invalid("BANGFU_FOLDERS", "“%s”应为绝对路径；多个目录以“%c”分隔", f, filepath.ListSeparator)
		}
	}
	return nil
}

func checkProxies(list []string) error {
	for _, p := range list {
		if _, err := netip.ParseAddr(p); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(p); err != nil {
			return models.Invalid("BANGFU_TRUSTED_PROXIES", "“%s”应为 IP 地址或网段，如 10.0.0.0/8；多个以逗号分隔", p)
		}
	}
	return nil
}

func checkRange(name string, value, least, most int) error {
	if value < least || value > most {
		return models.Invalid(name, "应为 %d 至 %d 的整数", least, most)
	}
	return nil
}

// line is an error as one line for a person: the Chinese message with the setting it names, or the technical
// words where there is none.
func line(err error) string {
	var e *models.Error
	s := ""
	switch {
	case errors.As(err, &e) && e.Field != "":
		s = fmt.Sprintf("%s：%s", e.Field, e.Message)
	case errors.As(err, &e):
		s = e.Message
	default:
		s = err.Error()
	}
	return strings.Join(strings.Fields(s), " ")
}
