package models

import (
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Connection is how bangfu itself gets one source of one district: an administrator's list, and nothing outside it
// is ever called (contract, "How a delivery comes").
type Connection struct {
	District    string
	Source      Source
	Kind        Channel // ChannelHTTP or ChannelFolder
	Address     string  // http: the department's address; folder: an absolute directory
	SecretEnv   string  // name of the environment variable that holds the bearer token; the token itself is never stored
	ClientCert  string  // PEM files for mutual TLS, absolute paths on the worker
	ClientKey   string
	CAFile      string // PEM file of the authority that signs the department's server; empty = the system's
	Poll        int    // minutes between two looks
	ReportAfter int    // minutes of failing after which the department and the bureau are told

	ETag         string // what the server called the file that was last imported, for ETagYear
	ETagYear     int
	LastOKAt     time.Time
	FailingSince time.Time // zero = it works
	LastError    string    // Chinese, without secrets
}

// Limits of a connection's tuning, in minutes.
const (
	MinPoll        = 1
	MaxPoll        = 7 * 24 * 60
	MaxReportAfter = 30 * 24 * 60
)

// SecretPrefix is how the name of every environment variable with a department's token begins, so that no address on
// the list can be sent another secret of the worker.
const SecretPrefix = "BANGFU_SOURCE_"

var secretName = regexp.MustCompile(`^` + SecretPrefix + `[A-Z0-9_]{1,80}$`)

// Validate refuses a connection that cannot or must not be used. folders are the directories under which an
// installation allows watched folders.
func (c Connection) Validate(folders []string) error {
	switch {
	case c.Poll < MinPoll || c.Poll > MaxPoll:
		return Invalid("poll_minutes", "查询间隔应为 %d 至 %d 分钟", MinPoll, MaxPoll)
	case c.ReportAfter < 1 || c.ReportAfter > MaxReportAfter:
		return Invalid("report_after_minutes", "失败多久后通知应为 1 至 %d 分钟", MaxReportAfter)
	case len(c.Address) > 500:
		return Invalid("address", "地址超过 500 个字符")
	}
	switch c.Kind {
	case ChannelHTTP:
		return c.validateHTTP()
	case ChannelFolder:
		if c.SecretEnv != "" || c.ClientCert != "" || c.ClientKey != "" || c.CAFile != "" {
			return Invalid("kind", "共享目录不使用令牌和证书")
		}
		return InFolders(c.Address, folders)
	}
	return Invalid("kind", "连接方式应为 http 或 folder")
}

func (c Connection) validateHTTP() error {
	u, err := url.Parse(c.Address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return Invalid("address", "地址应以 https:// 开头")
	case u.User != nil:
		return Invalid("address", "地址中不能带用户名和密码，请用 secret_env 指明存放令牌的环境变量")
	case u.Fragment != "":
		return Invalid("address", "地址中不能带 # 片段")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return Invalid("address", "数据含个人信息，地址应使用 https://（仅本机地址可用 http://）")
	case c.SecretEnv != "" && !secretName.MatchString(c.SecretEnv):
		return Invalid("secret_env", "存放令牌的环境变量名应以 %s 开头，由大写字母、数字和下划线组成", SecretPrefix)
	case (c.ClientCert == "") != (c.ClientKey == ""):
		return Invalid("client_cert", "双向认证的证书和私钥应同时给出")
	}
	for _, f := range [...]struct{ field, path string }{{"client_cert", c.ClientCert}, {"client_key", c.ClientKey}, {"ca_file", c.CAFile}} {
		if f.path != "" && !filepath.IsAbs(f.path) || len(f.path) > 300 {
			return Invalid(f.field, "证书文件应为不超过 300 个字符的绝对路径")
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// InFolders refuses a directory that does not lie in one of the allowed folders, by its name; the watcher checks
// again after following the links on the way.
func InFolders(dir string, folders []string) error {
	if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir {
		return Invalid("address", "目录应为绝对路径，且不含 . 和 ..")
	}
	if !slices.ContainsFunc(folders, func(f string) bool {
		return strings.HasPrefix(dir, strings.TrimSuffix(filepath.Clean(f), "/")+"/")
	}) {
		return Invalid("address", "目录不在本系统允许的共享目录之下（设置 BANGFU_FOLDERS）")
	}
	return nil
}
