// Package e2e runs the program as a person would: the built binary, a real engine, real files, HTTP, kills.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
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
	i.base = fmt.Sprintf("http://127.0.0.1:%d", api)
	i.mailURL = fmt.Sprintf("http://127.0.0.1:%d", mail)
	i.env = append(os.Environ(),
		fmt.Sprintf("BANGFU_ADDR=127.0.0.1:%d", api), "BANGFU_DATA_DIR="+i.dir,
		fmt.Sprintf("TEMPORAL_ADDRESS=127.0.0.1:%d", grpc), fmt.Sprintf("BANGFU_TEMPORAL_UI_PORT=%d", ui),
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
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, v := range map[string]string{"source": source, "district": "110107", "year": year} {
		require.NoError(i.t, m.WriteField(k, v))
	}
	f, err := m.CreateFormFile("file", name)
	require.NoError(i.t, err)
	_, err = f.Write(content)
	require.NoError(i.t, err)
	require.NoError(i.t, m.Close())
	return i.call(http.MethodPost, "/api/v1/deliveries", &b, m.FormDataContentType(), out)
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
	}, 90*time.Second, 250*time.Millisecond)
}
