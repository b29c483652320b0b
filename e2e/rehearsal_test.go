package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bangfu/deploy/engine"
	"bangfu/models"
	"bangfu/models/store"
)

// rehearsalRules are rules whose outcome does not depend on a few days: whoever has a short term does not use it up, and nobody delivers
// late.
var rehearsalRules = []string{"rehearse", "--seed", "e2e", "--days-per-second", "5", "--applicants", "15%", "--recommended", "0", "--supplements", "0",
	"--tier-objections", "0", "--objections", "0", "--city-refusals", "0", "--late-deliveries", "0", "--late-reports", "0", "--missed-reports", "20%",
	"--closures", "6%", "--penalties", "6%", "--operator-changes", "10%", "--revocations", "10%"}

// TestThreeYearsInWhichEverythingIsKilledEndLikeUndisturbedOnes rehearses a cycle and the three years after it twice, side by side and each on
// an engine of its own: once undisturbed, and once with the program and the engine both killed with kill -9 at a random moment of every
// winter, as when the power fails. Both end with the same
// record, and nobody would have had a mail twice.
func TestThreeYearsInWhichEverythingIsKilledEndLikeUndisturbedOnes(t *testing.T) { // before the others, which are parallel: its clock does not wait
	binary, err := build()
	require.NoError(t, err)
	var calm, killed rehearsed
	t.Run("both", func(t *testing.T) {
		t.Run("undisturbed", func(t *testing.T) {
			t.Parallel()
			calm = rehearseOnce(t, binary, false)
		})
		t.Run("killed at random", func(t *testing.T) {
			t.Parallel()
			killed = rehearseOnce(t, binary, true)
		})
	})
	require.NotEmpty(t, calm.certified, "somebody is certified in each run")
	require.Equal(t, calm.tiers, killed.tiers, "the same tiers in every year")
	require.Equal(t, calm.places, killed.places, "the same places in every year")
	require.Equal(t, calm.applications, killed.applications, "the same applications with the same end")
	require.Equal(t, calm.certified, killed.certified, "the same households certified, with the same end")
}

// rehearsed is what a rehearsal ended with, without dates: they depend on the machine.
type rehearsed struct {
	tiers        map[int]models.TierCounts
	places       map[int]int64
	applications map[string]models.ApplicationState // by year and household
	certified    map[string]string                  // category and state, by year and household
}

// rehearseOnce runs one rehearsal to its end, with kills or without, and reads its record.
func rehearseOnce(t *testing.T, binary string, kills bool) rehearsed {
	dir := t.TempDir()
	e, err := engine.Start(context.Background(), engine.Options{Dir: dir})
	require.NoError(t, err)
	defer func() { e.Kill() }()
	_, port, _ := strings.Cut(e.Address(), ":")
	env := append(os.Environ(), "BANGFU_DATA_DIR="+dir, "TEMPORAL_ADDRESS="+e.Address())
	log, err := os.Create(filepath.Join(dir, "rehearse.log"))
	require.NoError(t, err)
	defer func() {
		_ = log.Close()
		if b, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("rehearse printed:\n%s", tail(string(b), 4000))
		}
	}()
	start := func(args ...string) (*exec.Cmd, chan error) {
		cmd := exec.Command(binary, args...)
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, log, log
		require.NoError(t, cmd.Start())
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		return cmd, done
	}
	const id = "110107-2026-1"
	cmd, done := start(rehearsalRules...)
	defer func() { _ = cmd.Process.Kill() }()
	deadline, winter, count := time.After(12*time.Minute), 0, 0
	for over := false; !over; {
		select {
		case err := <-done:
			require.NoError(t, err)
			over = true
		case <-deadline:
			require.Fail(t, "the rehearsal does not end")
		case <-time.After(time.Second):
			season := patient(t, log.Name())
			if !kills || season == 0 || season == winter || rand.IntN(4) > 0 {
				continue
			}
			count++
			winter = season
			_ = cmd.Process.Kill()
			e.Kill()
			var exit *exec.ExitError
			if err := <-done; err != nil && !errors.As(err, &exit) {
				require.NoError(t, err)
			}
			e, err = engine.Start(context.Background(), engine.Options{Dir: dir, GRPCPort: number(t, port)})
			require.NoError(t, err)
			cmd, done = start("rehearse", "--resume", id)
		}
	}
	if kills {
		require.GreaterOrEqual(t, count, 3)
	}
	t.Logf("killed %d times", count)
	return readRehearsed(t, dir, id)
}

// patient gives the winter in which nobody's term runs that a standstill would use up; 0 = some does. The engine takes half a minute to notice
// that a worker is dead, and half a minute is five months of this clock: whoever applies or reports could not in time, and the years would
// rightly differ. From October to December everything waits for people, once a winter.
func patient(t *testing.T, log string) int {
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	dates := regexp.MustCompile(`(\d{4})-(\d\d)-\d\d  110107`).FindAllStringSubmatch(string(b), -1)
	if len(dates) == 0 || dates[len(dates)-1][2] < "10" {
		return 0
	}
	return number(t, dates[len(dates)-1][1])
}

func number(t *testing.T, s string) (n int) {
	_, err := fmt.Sscan(s, &n)
	require.NoError(t, err)
	return n
}

func readRehearsed(t *testing.T, dir, id string) rehearsed {
	ctx := context.Background()
	s, err := store.Connect("sqlite://" + filepath.Join(dir, "rehearsals", id, "bangfu.db"))
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	out := rehearsed{tiers: map[int]models.TierCounts{}, places: map[int]int64{}, applications: map[string]models.ApplicationState{}, certified: map[string]string{}}
	cycles, err := s.Cycles(ctx, "110107", "", 10)
	require.NoError(t, err)
	require.Len(t, cycles, 4, "a cycle and the three years after it")
	for _, c := range cycles {
		run, err := s.CurrentRun(ctx, c.ID)
		require.NoError(t, err)
		out.tiers[c.Year] = run.Counts
		p, err := s.Places(ctx, c.ID)
		require.NoError(t, err)
		out.places[c.Year] = p.Places
		applications, err := s.Applications(ctx, store.ApplicationFilter{CycleID: c.ID}, 0, 1000)
		require.NoError(t, err)
		for _, a := range applications {
			out.applications[fmt.Sprintf("%d %s", c.Year, a.USCC)] = a.State
		}
		certified, err := s.Certifications(ctx, store.CertificationQuery{CycleID: c.ID, Limit: 1000})
		require.NoError(t, err)
		require.LessOrEqual(t, int64(len(certified)), p.Places, "never more than there are places")
		for _, k := range certified {
			out.certified[fmt.Sprintf("%d %s", c.Year, k.USCC)] = fmt.Sprintf("%s %s", k.Category, k.State)
		}
	}

	var report struct {
		Intact   bool  `json:"audit_intact"`
		Total    int64 `json:"mail_total"`
		Files    int64 `json:"mail_files"`
		Repeated int64 `json:"mails_repeated"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "rehearsals", id, "report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &report))
	require.True(t, report.Intact, "the record is unbroken")
	require.Zero(t, report.Repeated, "no mail twice")
	require.NotZero(t, report.Total)
	require.Equal(t, report.Total, report.Files, "each mail is held once")
	return out
}

// TestARehearsalIsStartedFollowedReadAndRemovedThroughTheAPI rehearses a year beside the real installation, which stays as it was.
func TestARehearsalIsStartedFollowedReadAndRemovedThroughTheAPI(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	i.process("dev")
	i.ready()
	code, body := i.post("/api/v1/rehearsals", `{"district":"110107","year":2026,"applicants":140}`, nil)
	require.Equal(t, http.StatusUnprocessableEntity, code, body)
	require.Contains(t, body, "0% 至 100%")
	type view struct {
		ID, State string
		Progress  models.RehearsalProgress
	}
	var started view
	code, body = i.post("/api/v1/rehearsals", `{"district":"110107","year":2026,"years":0,"days_per_second":6,"applicants":10,"seed":"api"}`, &started)
	require.Equal(t, http.StatusAccepted, code, body)
	require.Equal(t, "110107-2026-1", started.ID)
	code, body = i.post("/api/v1/rehearsals", `{"district":"110107","year":2026}`, nil)
	require.Equal(t, http.StatusConflict, code, "one at a time: "+body)
	const at = "/api/v1/rehearsals/110107-2026-1"
	var now view
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		code, body := i.get(at, &now)
		assert.Equal(c, http.StatusOK, code, body)
		assert.Equal(c, "done", now.State)
	}, 5*time.Minute, time.Second)

	code, body = i.get(at+"/report.html", nil)
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "演练报告")
	require.Contains(t, body, "<svg")
	require.NotContains(t, body, "<script")
	var mails struct {
		Items []models.HeldMail
		Next  string
	}
	code, body = i.get(at+"/mails?limit=5", &mails)
	require.Equal(t, http.StatusOK, code, body)
	require.Len(t, mails.Items, 5)
	require.Equal(t, "5", mails.Next)
	require.Contains(t, mails.Items[0].Subject, "【演练】")

	sent, err := os.ReadDir(i.dir + "/mail")
	require.True(t, err != nil || len(sent) == 0, "nobody got mail")
	var cycles struct{ Items []any }
	code, body = i.get("/api/v1/cycles", &cycles)
	require.Equal(t, http.StatusOK, code, body)
	require.Empty(t, cycles.Items, "the real record has no year")

	code, body = i.call(http.MethodDelete, at, nil, "", nil)
	require.Equal(t, http.StatusNoContent, code, body)
	code, _ = i.get(at, nil)
	require.Equal(t, http.StatusNotFound, code)
	_, err = os.Stat(filepath.Join(i.dir, "rehearsals", "110107-2026-1"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
