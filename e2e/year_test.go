package e2e

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var required = []string{"registry.csv", "annual_report.csv", "credit.csv", "tax.xlsx", "social_security.csv", "ip.xlsx"}

// readCSV reads a file with a BOM into rows by header.
func readCSV(t *testing.T, s string) []map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(s, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	var out []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, h := range rows[0] {
			m[h] = r[i]
		}
		out = append(out, m)
	}
	return out
}

// expected is the tier that the work plan gives each household of the sample district.
func expected(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../deploy/sample-district/expected.csv")
	require.NoError(t, err)
	tiers := map[string]string{}
	for _, r := range readCSV(t, string(b)) {
		tiers[r["统一社会信用代码"]] = r["分型结果"]
	}
	require.Len(t, tiers, 500)
	return tiers
}

// TestTheYearFromFilesToPublishedTiers is the walk of a newcomer through the first half of the year, with the whole
// program killed in the middle of it.
func TestTheYearFromFilesToPublishedTiers(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	dev := i.process("dev")
	i.ready()

	t.Run("the year can begin by itself", func(t *testing.T) {
		var schedule struct {
			District string `json:"district"`
			Next     string `json:"next"`
		}
		code, body := i.call(http.MethodPut, "/api/v1/districts/110107/schedule", strings.NewReader(`{"enabled":true,"month":6,"day":1}`), "application/json", &schedule)
		require.Equal(t, http.StatusOK, code, body)
		require.Equal(t, "110107", schedule.District)
		require.Contains(t, schedule.Next, "-06-01T08:00:00+08:00")
	})

	var started struct {
		ID         string `json:"id"`
		WorkflowID string `json:"workflow_id"`
		RunID      string `json:"run_id"`
	}
	start := `{"district":"110107","year":2026,"clock":{"start":"2026-06-20","days_per_second":0.5}}`
	code, body := i.post("/api/v1/cycles", start, &started)
	require.Equal(t, http.StatusAccepted, code, body)
	require.Equal(t, "110107-2026", started.ID)

	t.Run("two starts of the same year are one cycle", func(t *testing.T) {
		var again struct {
			RunID string `json:"run_id"`
		}
		code, body := i.post("/api/v1/cycles", start, &again)
		require.Equal(t, http.StatusAccepted, code, body)
		require.Equal(t, started.RunID, again.RunID)
		code, body = i.post("/api/v1/cycles", `{"district":"110107","year":2026}`, nil)
		require.Equal(t, http.StatusConflict, code, body)
	})

	t.Run("departments that owe data are reminded by mail", func(t *testing.T) {
		require.Eventually(t, func() bool {
			files, err := os.ReadDir(i.dir + "/mail")
			return err == nil && len(files) > 0
		}, 90*time.Second, 250*time.Millisecond)
	})

	for _, f := range required[:3] {
		i.deliverSample(f)
	}

	t.Run("what was delivered and started survives kill -9 of everything", func(t *testing.T) {
		require.NoError(t, dev.Process.Signal(syscall.SIGKILL))
		_, _ = dev.Process.Wait()
		i.process("dev")
		i.ready()
	})

	for _, f := range append(required[3:], "honours.csv") {
		i.deliverSample(f)
	}
	i.stage("110107-2026", "study")

	t.Run("every household gets the tier of the work plan", func(t *testing.T) {
		code, body := i.get("/api/v1/cycles/110107-2026/tiering/results.csv", nil)
		require.Equal(t, http.StatusOK, code, body)
		rows := readCSV(t, body)
		require.Len(t, rows, 500)
		want := expected(t)
		for _, r := range rows {
			assert.Equal(t, want[r["统一社会信用代码"]], r["本区判定"], r["统一社会信用代码"])
			assert.NotEmpty(t, r["政策版本"])
		}
	})

	i.deliverSample("city_tiering.csv")
	t.Run("the differences from the city's result are a work list", func(t *testing.T) {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var d struct {
				Items []map[string]any `json:"items"`
			}
			code, body := i.get("/api/v1/cycles/110107-2026/differences", &d)
			assert.Equal(c, http.StatusOK, code, body)
			assert.NotEmpty(c, d.Items)
		}, 60*time.Second, 250*time.Millisecond)
	})

	code, body = i.post("/api/v1/cycles/110107-2026/commands", `{"command":"advance","reason":"研判已完成"}`, nil)
	require.Contains(t, []int{http.StatusOK}, code, body)
	i.stage("110107-2026", "publication")

	t.Run("anyone looks a household up, and sees what the plan makes public and nothing else", func(t *testing.T) {
		rows := readCSV(t, mustRead(t, "../deploy/sample-district/expected.csv"))
		uscc := rows[0]["统一社会信用代码"]
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var found struct {
				Items []map[string]any `json:"items"`
			}
			code, body := i.get("/public/v1/households?q="+url.QueryEscape(uscc), &found)
			assert.Equal(c, http.StatusOK, code, body)
			if assert.Len(c, found.Items, 1) {
				assert.Equal(c, uscc, found.Items[0]["uscc"])
				for k := range found.Items[0] {
					assert.Contains(c, []string{"name", "uscc", "tier", "category", "years"}, k)
				}
			}
		}, 30*time.Second, 250*time.Millisecond)
		var why struct {
			Tier     string           `json:"tier"`
			Findings []map[string]any `json:"findings"`
		}
		code, body := i.get("/api/v1/households/"+uscc+"/tiering/2026", &why)
		require.Equal(t, http.StatusOK, code, body)
		require.NotEmpty(t, why.Findings)
	})

	code, body = i.post("/api/v1/cycles/110107-2026/commands", `{"command":"advance","reason":"异议期满"}`, nil)
	require.Equal(t, http.StatusOK, code, body)
	i.stage("110107-2026", "handover")
	t.Run("the hand-over file has every household", func(t *testing.T) {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			code, body := i.get("/api/v1/cycles/110107-2026/handover.csv", nil)
			assert.Equal(c, http.StatusOK, code, body)
			assert.Equal(c, 501, strings.Count(body, "\n"))
		}, 30*time.Second, 250*time.Millisecond)
	})

	t.Run("the record is unbroken", func(t *testing.T) {
		code, body := i.get("/api/v1/audit/verify", nil)
		require.Equal(t, http.StatusOK, code, body)
	})
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
