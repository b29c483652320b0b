package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAStudySettledByDecisionsLeadsToPublicationAndHandOver settles every difference on the real engine, the program
// killed between two decisions, and goes on to the register's receipt without anyone advancing the year.
func TestAStudySettledByDecisionsLeadsToPublicationAndHandOver(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	dev := i.process("dev")
	i.ready()
	code, body := i.post("/api/v1/cycles", `{"district":"110107","year":2026,"clock":{"start":"2026-07-01","days_per_second":0.05}}`, nil)
	require.Equal(t, http.StatusAccepted, code, body)
	for _, f := range []string{"registry.csv", "annual_report.csv", "credit.csv", "tax.xlsx", "social_security.csv", "ip.xlsx", "honours.csv", "city_tiering.csv"} {
		i.deliverSample(f)
	}
	i.stage("110107-2026", "study")

	const at = "/api/v1/cycles/110107-2026"
	type difference struct {
		ID         int64
		USCC       string
		OwnTier    string `json:"own_tier"`
		CityTier   string `json:"city_tier"`
		Tier       string
		Department string
	}
	var list struct{ Items []difference }
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		code, body := i.get(at+"/differences", &list)
		assert.Equal(c, http.StatusOK, code, body)
		assert.Len(c, list.Items, 21)
	}, 60*time.Second, 250*time.Millisecond)

	decide := func(key, tier string, items ...difference) (int, string) {
		ids := make([]int64, len(items))
		for n, d := range items {
			ids[n] = d.ID
		}
		b, err := json.Marshal(map[string]any{"ids": ids, "tier": tier, "reason": "经核对原始数据"})
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, i.base+at+"/differences/decisions", strings.NewReader(string(b)))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+adminToken)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		r, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = r.Body.Close() }()
		var answer struct {
			Settled int
			Open    int
		}
		var out strings.Builder
		require.NoError(t, json.NewDecoder(r.Body).Decode(&answer))
		fmt.Fprintf(&out, "%d/%d", answer.Settled, answer.Open)
		return r.StatusCode, out.String()
	}
	code, body = decide("first", "own", list.Items[:5]...)
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, "5/16", body)
	code, body = decide("first", "own", list.Items[:5]...)
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, "5/16", body, "the same decision again is answered alike")
	code, _ = decide("no-such", "own", difference{ID: 1 << 40})
	require.Equal(t, http.StatusNotFound, code)
	code, _ = decide("no-tier", "最高型", list.Items[6])
	require.Equal(t, http.StatusUnprocessableEntity, code)

	require.NoError(t, dev.Process.Signal(syscall.SIGKILL))
	_, _ = dev.Process.Wait()
	i.process("dev")
	i.ready()
	code, body = decide("second", "city", list.Items[5:]...)
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, "16/0", body)
	i.stage("110107-2026", "publication") // nothing is open: the study ends by itself

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for n, d := range list.Items[3:7] {
			var found struct {
				Items []struct {
					Tier  string
					Years []int
				}
			}
			code, body := i.get("/public/v1/households?q="+d.USCC, &found)
			assert.Equal(c, http.StatusOK, code, body)
			want := d.OwnTier
			if n >= 2 {
				want = d.CityTier
			}
			if assert.Len(c, found.Items, 1) {
				assert.Equal(c, want, found.Items[0].Tier)
				assert.Equal(c, []int{2026}, found.Items[0].Years)
			}
		}
	}, 60*time.Second, 250*time.Millisecond)

	code, body = i.post(at+"/commands", `{"command":"advance","reason":"异议期满"}`, nil)
	require.Equal(t, http.StatusOK, code, body)
	i.stage("110107-2026", "handover")
	var handover struct {
		SHA256     string
		Households int
		PreparedOn string `json:"prepared_on"`
		Receipt    string
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		code, body := i.get(at+"/handover", &handover)
		assert.Equal(c, http.StatusOK, code, body)
	}, 60*time.Second, 250*time.Millisecond)
	require.Equal(t, 500, handover.Households)
	code, body = i.get(at+"/handover.csv", nil)
	require.Equal(t, http.StatusOK, code)
	sum := sha256.Sum256([]byte(body))
	require.Equal(t, handover.SHA256, hex.EncodeToString(sum[:]))
	code, body = i.post(at+"/handover/receipt", `{"receipt":"MLHZ-2026-0001","received_on":"`+handover.PreparedOn+`"}`, &handover)
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, "MLHZ-2026-0001", handover.Receipt)
	i.stage("110107-2026", "application") // the receipt ends the stage
}
