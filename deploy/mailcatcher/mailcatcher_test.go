package mailcatcher_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jordan-wright/email"
	"github.com/stretchr/testify/require"

	"bangfu/deploy/mailcatcher"
)

func start(t *testing.T, dir string) (*mailcatcher.Catcher, func()) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c, err := mailcatcher.Start(ctx, mailcatcher.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Dir: dir})
	require.NoError(t, err)
	end := func() {
		stop()
		require.NoError(t, c.Wait())
	}
	return c, end
}

func get(t *testing.T, c *mailcatcher.Catcher, path string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get("http://" + c.HTTPAddr + path)
	require.NoError(t, err)
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r, string(b)
}

func send(t *testing.T, c *mailcatcher.Catcher, to, subject, html string) {
	t.Helper()
	e := &email.Email{From: "帮扶 <bangfu@localhost>", To: []string{to}, Subject: subject, Text: []byte("正文：" + subject), HTML: []byte(html)}
	require.NoError(t, e.Send(c.SMTPAddr, nil))
}

func list(t *testing.T, c *mailcatcher.Catcher, query string) (items []mailcatcher.Summary) {
	t.Helper()
	r, body := get(t, c, "/api/messages"+query)
	require.Equal(t, 200, r.StatusCode, body)
	var answer struct{ Items []mailcatcher.Summary }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	return answer.Items
}

func TestEveryMailIsOneFileAndIsShownNewestFirst(t *testing.T) {
	dir := t.TempDir()
	c, end := start(t, dir)
	send(t, c, "shuiwu@example.cn", "第一封", "<p>一</p>")
	send(t, c, "renshe@example.cn", "第二封", "<p>二</p>")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	items := list(t, c, "")
	require.Equal(t, []string{"第二封", "第一封"}, []string{items[0].Subject, items[1].Subject})
	require.Equal(t, []string{"renshe@example.cn"}, items[0].To)
	require.Len(t, list(t, c, "?to=SHUIWU"), 1)
	require.Len(t, list(t, c, "?limit=1"), 1)
	require.Equal(t, "第一封", list(t, c, "?before="+items[0].ID)[0].Subject)
	end()

	c, end = start(t, dir)
	defer end()
	require.Len(t, list(t, c, ""), 2, "mails outlive a restart")
	_, page := get(t, c, "/messages/"+items[1].ID)
	require.Contains(t, page, "正文：第一封")
	r, raw := get(t, c, "/messages/"+items[1].ID+"/raw.eml")
	require.Contains(t, r.Header.Get("Content-Disposition"), "attachment")
	require.Contains(t, raw, "multipart/alternative")
}

func TestAHostileMailHarmsNobody(t *testing.T) {
	c, end := start(t, t.TempDir())
	defer end()
	html := `<script>fetch('http://evil.example')</script><img src=x onerror=alert(1)>`
	send(t, c, "a@example.cn", `</title><script>alert(1)</script>`, html)
	id := list(t, c, "")[0].ID

	r, page := get(t, c, "/messages/"+id)
	require.NotContains(t, page, "<script>")
	require.Contains(t, page, "<iframe sandbox src=")
	require.Contains(t, r.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, r.Header.Get("Content-Security-Policy"), "script-src")
	_, index := get(t, c, "/?to=%22%3E%3Cscript%3E")
	require.NotContains(t, index, "<script>")

	r, body := get(t, c, "/messages/"+id+"/html")
	require.Equal(t, html, strings.TrimSpace(body), "shown as it came")
	require.True(t, strings.HasPrefix(r.Header.Get("Content-Security-Policy"), "sandbox; default-src 'none'"), "and nothing in it can run")
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))

	for _, path := range []string{"/messages/..%2f..%2fetc%2fpasswd", "/api/messages/20260101T000000.000000-000001", "/messages/x/raw.eml"} {
		r, _ := get(t, c, path)
		require.Equal(t, 404, r.StatusCode, path)
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+c.HTTPAddr+"/api/messages", nil)
	require.NoError(t, err)
	request.Host = "evil.example"
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 403, answer.StatusCode, "a name elsewhere that points here is refused")
}

func TestWhatIsNoMailIsKeptAndShownAsText(t *testing.T) {
	dir := t.TempDir()
	c, end := start(t, dir)
	defer end()
	require.NoError(t, smtp.SendMail(c.SMTPAddr, nil, "a@example.cn", []string{"b@example.cn"}, []byte("\xff no header <b>\r\n")))
	m := list(t, c, "")[0]
	_, page := get(t, c, "/messages/"+m.ID)
	require.Contains(t, page, "no header &lt;b&gt;")
}

func TestTheCatcherListensOnThisMachineOnlyAndSaysWhatStandsInTheWay(t *testing.T) {
	ctx := t.Context()
	_, err := mailcatcher.Start(ctx, mailcatcher.Options{SMTPAddr: "0.0.0.0:0", HTTPAddr: "127.0.0.1:0", Dir: t.TempDir()})
	require.ErrorContains(t, err, "not of this machine")
	c, end := start(t, t.TempDir())
	defer end()
	_, err = mailcatcher.Start(ctx, mailcatcher.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: c.HTTPAddr, Dir: t.TempDir()})
	require.ErrorContains(t, err, "HTTP")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = mailcatcher.Start(ctx, mailcatcher.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Dir: file})
	require.Error(t, err)
}
