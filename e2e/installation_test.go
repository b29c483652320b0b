// Package e2e runs the program as a person would: the built binary, a real engine, real files, HTTP, kills. Its tests run
// beside each other, because each mostly waits and has an installation of its own.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bangfu/deploy/engine"
)

// TestMain lets all tests run at once, however few processors there are.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const adminToken = "e2e-administrator-token-of-32-characters"

// build compiles the program once for all tests of the package.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bangfu-e2e")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "bangfu")
	cmd := exec.Command("go", "build", "-o", binary, "bangfu")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bangfu: %w\n%s", err, out)
	}
	return binary, nil
})

// installation is bangfu on a data directory of its own, on ports of its own.
type installation struct {
	t       *testing.T
	binary  string
	dir     string
	env     []string
	base    string
	engine  string // address
	mailURL string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	binary, err := build()
	require.NoError(t, err)
	i := &installation{t: t, binary: binary, dir: t.TempDir()}
	port := func() int {
		p, err := engine.FreePort()
		require.NoError(t, err)
		return p
	}
	api, grpc, ui, mail := port(), port(), port(), port()
	i.engine = fmt.Sprintf("127.0.0.1:%d", grpc)
	i.base = fmt.Sprintf("http://127.0.0.1:%d", api)
	i.mailURL = fmt.Sprintf("http://127.0.0.1:%d", mail)
	i.env = append(os.Environ(),
		fmt.Sprintf("BANGFU_ADDR=127.0.0.1:%d", api), "BANGFU_DATA_DIR="+i.dir,
		"TEMPORAL_ADDRESS="+i.engine, fmt.Sprintf("BANGFU_TEMPORAL_UI_PORT=%d", ui),
		fmt.Sprintf("BANGFU_MAIL_UI_PORT=%d", mail), "BANGFU_ADMIN_TOKEN="+adminToken)
	return i
}

// process starts one of the program's commands; its output is shown when the test fails.
func (i *installation) process(args ...string) *exec.Cmd {
	i.t.Helper()
	cmd := exec.Command(i.binary, args...)
	cmd.Env, cmd.Dir = i.env, i.dir
	log, err := os.OpenFile(filepath.Join(i.dir, args[0]+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(i.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(i.t, cmd.Start())
	i.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if i.t.Failed() {
			if b, err := os.ReadFile(log.Name()); err == nil {
				i.t.Logf("%s printed:\n%s", args[0], tail(string(b), 6000))
			}
		}
	})
	return cmd
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// ready waits until every part answers.
func (i *installation) ready() {
	i.t.Helper()
	require.Eventually(i.t, func() bool {
		r, err := http.Get(i.base + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 90*time.Second, 200*time.Millisecond, "bangfu does not answer")
}

// call sends a request as the administrator and decodes a JSON answer into out, if one is given.
func (i *installation) call(method, path string, body io.Reader, contentType string, out any) (int, string) {
	i.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, i.base+path, body)
	require.NoError(i.t, err)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	require.NoError(i.t, err)
	if out != nil && r.StatusCode < 300 {
		require.NoError(i.t, json.Unmarshal(b, out), "%s", b)
	}
	return r.StatusCode, string(b)
}

func (i *installation) get(path string, out any) (int, string) {
	i.t.Helper()
	return i.call(http.MethodGet, path, nil, "", out)
}

func (i *installation) post(path, body string, out any) (int, string) {
	i.t.Helper()
	return i.call(http.MethodPost, path, strings.NewReader(body), "application/json", out)
}

// deliver uploads one file.
func (i *installation) deliver(source, year, name string, content []byte, out any) (int, string) {
	i.t.Helper()
	body, contentType := form(i.t, source, year, name, content)
	return i.call(http.MethodPost, "/api/v1/deliveries", body, contentType, out)
}

// attempt uploads one file to a program that may die meanwhile.
func (i *installation) attempt(source, year string, content []byte) {
	body, contentType := form(i.t, source, year, source+".csv", content)
	req, err := http.NewRequest(http.MethodPost, i.base+"/api/v1/deliveries", body)
	if !assert.NoError(i.t, err) {
		return
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", contentType)
	if r, err := http.DefaultClient.Do(req); err == nil {
		_ = r.Body.Close()
	}
}

// form is a delivery as a browser sends it.
func form(t *testing.T, source, year, name string, content []byte) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	for k, v := range map[string]string{"source": source, "district": "110107", "year": year} {
		assert.NoError(t, m.WriteField(k, v))
	}
	f, err := m.CreateFormFile("file", name)
	if assert.NoError(t, err) {
		_, err = f.Write(content)
		assert.NoError(t, err)
	}
	assert.NoError(t, m.Close())
	return body, m.FormDataContentType()
}

// deliverSample delivers the sample district's file of a source.
func (i *installation) deliverSample(name string) {
	i.t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "deploy", "sample-district", name))
	require.NoError(i.t, err)
	source := strings.TrimSuffix(name, filepath.Ext(name))
	code, body := i.deliver(source, "2026", name, content, nil)
	require.Equal(i.t, http.StatusCreated, code, "%s: %s", name, body)
}

// stage waits until the cycle stands at a stage.
func (i *installation) stage(id, stage string) {
	i.t.Helper()
	require.EventuallyWithT(i.t, func(c *assert.CollectT) {
		var v struct {
			Stage string `json:"stage"`
			State string `json:"state"`
		}
		code, body := i.get("/api/v1/cycles/"+id, &v)
		assert.Equal(c, http.StatusOK, code, body)
		assert.Equal(c, stage, v.Stage)
	}, 180*time.Second, 250*time.Millisecond)
}
