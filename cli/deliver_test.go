package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestFilesAreDeliveredOneByOneAndEachReceiptIsPrinted(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer sesame":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"detail":"请先登录"}`)
		case r.URL.Path == "/api/v1/districts":
			_, _ = io.WriteString(w, `{"items":[{"code":"110107"}]}`)
		default:
			form, err := r.MultipartReader()
			if err != nil {
				t.Error(err)
				return
			}
			var parts []string
			for {
				p, err := form.NextPart()
				if err != nil {
					break
				}
				b, _ := io.ReadAll(p)
				parts = append(parts, p.FormName()+p.FileName()+"="+string(b))
			}
			seen = append(seen, strings.Join(parts, " "))
			if strings.Contains(seen[len(seen)-1], "bad") {
				w.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = io.WriteString(w, `{"detail":"整体退回：缺少必需的列"}`)
				return
			}
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(receipt{ID: "110107-2026-tax-1", State: models.DeliveryAccepted, Rows: models.Rows{Read: 3, Accepted: 2, Rejected: 1},
				UnknownColumns: []string{"备注"}, RejectsURL: "/api/v1/deliveries/110107-2026-tax-1/rejects.csv"})
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("BANGFU_DATA_DIR", dir)
	t.Setenv("BANGFU_TOKEN", "")
	for name, content := range map[string]string{"tax.csv": "good", "IP.xlsx": "bad", "表.csv": "good", "admin.token": "sesame\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}

	out, err := run(deliverCommand(), "", "tax.csv", "--year", "2026", "--server", server.URL)
	require.NoError(t, err)
	require.Equal(t, []string{"source=tax district=110107 year=2026 filetax.csv=good"}, seen)
	require.Contains(t, out, "数据交付回执 110107-2026-tax-1")
	require.Contains(t, out, "读取 3 行，采用 2 行，重复 0 行，拒绝 1 行")
	require.Contains(t, out, "未采用的列：备注")
	require.Contains(t, out, server.URL+"/api/v1/deliveries/110107-2026-tax-1/rejects.csv")

	out, err = run(deliverCommand(), "", "IP.xlsx", "tax.csv", "--year", "2026", "--server", server.URL)
	require.ErrorContains(t, err, "2 个文件中有 1 个没有交付成功")
	require.Contains(t, out, "已生效", "a refused file does not keep the others back")

	for says, args := range map[string][]string{
		"看不出是哪个来源": {"表.csv"},
		"不是数据来源":   {"表.csv", "--source", "gas"},
		"文件不存在":    {"tax.csv", "nowhere/tax.csv"},
		"请先登录":     {"tax.csv", "--token", "wrong"},
		"连不上":      {"tax.csv", "--server", "http://127.0.0.1:1"},
	} {
		sent := len(seen)
		_, err := run(deliverCommand(), "", append([]string{"--server", server.URL}, args...)...)
		require.ErrorContains(t, err, says)
		require.Len(t, seen, sent, "nothing is sent")
	}
	require.NoError(t, os.Remove("admin.token"))
	_, err = run(deliverCommand(), "", "tax.csv", "--server", server.URL)
	require.ErrorContains(t, err, "没有令牌")
}
