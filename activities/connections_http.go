package activities

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"bangfu/models"
)

// lookAtAddress asks a department's address for its file, unless it is the one that was imported last.
func (a *Connections) lookAtAddress(ctx context.Context, c models.Connection, meta models.Delivery, taken *atomic.Int64) (finding, error) {
	idle := a.Idle
	if idle == 0 {
		idle = time.Minute
	}
	client, err := httpClient(c, idle)
	if err != nil {
		return finding{}, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := fileRequest(ctx, c, meta.Year)
	if err != nil {
		return finding{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return finding{}, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusNotModified && request.Header.Get("If-None-Match") != "" {
		return finding{}, nil
	}
	if err := answered(response); err != nil {
		return finding{}, err
	}
	if response.ContentLength > a.MaxFile {
		return finding{}, &failure{reason: tooBig(a.MaxFile)}
	}
	meta.FileName = fileName(response)
	body := &patient{r: response.Body, idle: idle, taken: taken, stop: func() { cancel(errSilent) }}
	d, err := a.Store.ReceiveDelivery(ctx, meta, body, a.MaxFile)
	switch {
	case models.CodeOf(err) == models.CodeTooLarge:
		return finding{}, &failure{reason: tooBig(a.MaxFile)}
	case errors.Is(context.Cause(ctx), errSilent):
		return finding{}, &failure{reason: fmt.Sprintf("对方传输中断，%s没有新数据", idle)}
	case err != nil && body.failed:
		return finding{}, &failure{reason: "对方传输中断，文件没有收全"}
	}
	return finding{d, response.Header.Get("ETag")}, err
}

func tooBig(limit int64) string { return fmt.Sprintf("对方的文件超过%d MB的上限", limit>>20) }

func fileRequest(ctx context.Context, c models.Connection, year int) (*http.Request, error) {
	u, err := url.Parse(c.Address)
	if err != nil {
		return nil, &failure{reason: "地址无法读取"}
	}
	q := u.Query()
	q.Set("district", c.District)
	q.Set("year", strconv.Itoa(year))
	u.RawQuery = q.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, &failure{reason: "地址无法读取"}
	}
	request.Header.Set("Accept", "text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	request.Header.Set("User-Agent", "bangfu")
	if c.ETag != "" && c.ETagYear == year {
		request.Header.Set("If-None-Match", c.ETag)
	}
	if c.SecretEnv != "" {
		token := strings.TrimSpace(os.Getenv(c.SecretEnv))
		if token == "" {
			return nil, &failure{reason: "执行程序的环境中没有 " + c.SecretEnv + " 这个令牌"}
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, &failure{reason: "环境变量 " + c.SecretEnv + " 中的令牌含有不能用的字符"}
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// httpClient makes a client for one look at one address: no proxy from the environment, no address behind which no
// department stands, no redirect to another host.
func httpClient(c models.Connection, idle time.Duration) (*http.Client, error) {
	u, err := url.Parse(c.Address)
	if err != nil {
		return nil, &failure{reason: "地址无法读取"}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, &failure{reason: "执行程序读不到证书文件 " + c.CAFile}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &failure{reason: "证书文件 " + c.CAFile + " 中没有证书"}
		}
	}
	if c.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
		if err != nil {
			return nil, &failure{reason: "双向认证的证书或私钥无法使用：" + c.ClientCert}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, Control: departmentsOnly(u.Hostname())}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: idle, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			switch {
			case request.URL.Host != u.Host || request.URL.Scheme != u.Scheme:
				return &failure{reason: "对方要求转到另一个地址，已拒绝"}
			case len(via) > 5:
				return &failure{reason: "对方转址次数过多"}
			}
			return nil
		},
	}, nil
}

// departmentsOnly refuses addresses that a name may resolve to although no department is there: this machine itself
// (unless the list says so), link-local ones such as a cloud's metadata service, multicast.
func departmentsOnly(host string) func(network, address string, _ syscall.RawConn) error {
	listed, err := netip.ParseAddr(host)
	local := host == "localhost" || err == nil && listed.IsLoopback()
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &failure{reason: "地址无法读取"}
		}
		ip := to.Addr().Unmap()
		if ip.IsLoopback() && !local || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
			return &failure{reason: "对方的域名指向不允许访问的地址"}
		}
		return nil
	}
}

// unreachable says why no answer came, in words of our own.
func unreachable(err error) error {
	var (
		ours    *failure
		dns     *net.DNSError
		unsure  *tls.CertificateVerificationError
		remote  *net.OpError
		timeout net.Error
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &dns):
		return &failure{reason: "对方的域名解析不到"}
	case errors.As(err, &unsure):
		return &failure{reason: "对方的证书不可信、与域名不符或已过期"}
	case errors.As(err, &remote) && remote.Op == "remote error": // how crypto/tls words the other side's alert
		return &failure{reason: "对方拒绝了安全连接，请核对双向认证的证书"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{reason: "对方没有在该地址提供服务"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &failure{reason: "对方没有在规定时间内应答"}
	}
	return &failure{reason: "与对方的连接失败"}
}

// answered refuses an answer that is no file.
func answered(r *http.Response) error {
	f := &failure{}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && seconds > 0 {
		f.after = min(time.Duration(seconds)*time.Second, time.Hour)
	}
	switch code := r.StatusCode; {
	case code == http.StatusOK:
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "text/html" {
			f.reason = "对方返回的是网页而不是数据文件，请核对地址"
			return f
		}
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.reason = fmt.Sprintf("对方拒绝访问（%d），请核对令牌或证书", code)
	case code == http.StatusNotFound:
		f.reason = "对方没有这份数据（404），请核对地址，或数据尚未备好"
	case code == http.StatusTooManyRequests:
		f.reason = "对方要求放慢（429）"
	case code >= 500:
		f.reason = fmt.Sprintf("对方系统出错（%d）", code)
	default:
		f.reason = fmt.Sprintf("对方的应答不是数据文件（%d）", code)
	}
	return f
}

// fileName is what the address calls its file, with an extension by its type where the name has none.
func fileName(r *http.Response) string {
	name := ""
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil {
		name = params["filename"]
	}
	if name == "" {
		name = path.Base(r.Request.URL.Path)
	}
	name = models.CleanFileName(name)
	if path.Ext(name) == "" {
		switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
		case "text/csv":
			name += ".csv"
		case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
			name += ".xlsx"
		}
	}
	return name
}

var errSilent = errors.New("the other side fell silent")

// patient reads a body for as long as something keeps coming.
type patient struct {
	r      io.Reader
	idle   time.Duration
	taken  *atomic.Int64
	stop   func()
	failed bool
}

func (p *patient) Read(b []byte) (int, error) {
	t := time.AfterFunc(p.idle, p.stop)
	n, err := p.r.Read(b)
	t.Stop()
	p.taken.Add(int64(n))
	if err != nil && err != io.EOF {
		p.failed = true
	}
	return n, err
}
