package e2e

import (
	"bytes"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bangfu/deploy/synth"
	"bangfu/models"
)

// TestATieringKilledInTheMiddleGivesTheResultOfAnUndisturbedOne kills the whole program with kill -9 while it judges a
// district, and starts it again.
func TestATieringKilledInTheMiddleGivesTheResultOfAnUndisturbedOne(t *testing.T) {
	t.Parallel()
	const households = 30_000
	i := newInstallation(t)
	dev := i.process("dev")
	i.ready()
	for _, source := range models.FactSources() {
		var file bytes.Buffer
		require.NoError(t, synth.Write(&file, source, households, 7))
		code, body := i.deliver(source.String(), "2026", source.String()+".csv", file.Bytes(), nil)
		require.Equal(t, http.StatusCreated, code, body)
	}
	code, body := i.post("/api/v1/cycles", `{"district":"110107","year":2026,"clock":{"start":"2026-06-30","days_per_second":1}}`, nil)
	require.Equal(t, http.StatusAccepted, code, body)

	type run struct {
		State      string
		Households int64
		Judged     int64
		Number     int
	}
	var runs struct{ Items []run }
	require.Eventually(t, func() bool {
		code, _ := i.get("/api/v1/cycles/110107-2026/tiering/runs", &runs)
		return code == http.StatusOK && len(runs.Items) > 0 && runs.Items[0].Judged > 0
	}, 90*time.Second, 5*time.Millisecond)
	require.NoError(t, dev.Process.Signal(syscall.SIGKILL))
	require.Equal(t, "open", runs.Items[0].State, "it must be killed in the middle")
	require.Less(t, runs.Items[0].Judged, int64(households))
	_, _ = dev.Process.Wait()

	i.process("dev")
	i.ready()
	i.stage("110107-2026", "study")
	code, body = i.get("/api/v1/cycles/110107-2026/tiering/runs", &runs)
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, []run{{State: "done", Households: households, Judged: households, Number: 1}}, runs.Items, "one run, taken up where it stood")

	code, body = i.get("/api/v1/cycles/110107-2026/tiering/results.csv", nil)
	require.Equal(t, http.StatusOK, code)
	rows := readCSV(t, body)
	require.Len(t, rows, households, "nobody twice, nobody missed")
	want := make(map[string]string, households)
	for n := range households {
		h := synth.New(7, n)
		want[h.USCC] = h.Tier.String()
	}
	for _, r := range rows {
		if want[r["统一社会信用代码"]] != r["本区判定"] {
			require.Equal(t, want[r["统一社会信用代码"]], r["本区判定"], r["统一社会信用代码"])
		}
	}
}
