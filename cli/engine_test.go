package cli

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bangfu/deploy/engine"
	"bangfu/workflows"
)

func TestAnEngineOfOthersIsGivenTheColumnsItLacksOnce(t *testing.T) {
	e, err := engine.Start(t.Context(), engine.Options{Dir: t.TempDir(), SearchAttributes: workflows.SearchAttributes()[:1]})
	require.NoError(t, err)
	t.Cleanup(e.Kill)
	c, err := temporalClient(Config{TemporalAddress: e.Address(), TemporalNamespace: "default"}, newLogger("text", io.Discard), prometheus.NewRegistry())
	require.NoError(t, err)
	t.Cleanup(c.Close)

	added, err := engine.RegisterAttributes(t.Context(), c, "default", workflows.SearchAttributes())
	require.NoError(t, err)
	require.Equal(t, len(workflows.SearchAttributes())-1, added)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		added, err := engine.RegisterAttributes(t.Context(), c, "default", workflows.SearchAttributes())
		assert.NoError(collect, err)
		assert.Zero(collect, added)
	}, 20*time.Second, 100*time.Millisecond)
}

// heard is what was said.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, _ = fmt.Fprintf(&h.text, format+"\n", args...)
}

func (h *heard) contains(s string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), s)
}

func TestAnEngineThatDiesIsStartedAgainAndSaidSo(t *testing.T) {
	port, err := engine.FreePort()
	require.NoError(t, err)
	ui, err := engine.FreePort()
	require.NoError(t, err)
	var said heard
	k, err := keepEngine(t.Context(), engine.Options{Dir: t.TempDir(), GRPCPort: port, UIPort: ui}, said.say)
	require.NoError(t, err)

	pid, _, ok := listener(strconv.Itoa(port))
	require.True(t, ok, "no /proc on this system")
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return said.contains("Temporal 引擎已恢复") }, time.Minute, 20*time.Millisecond)
	require.True(t, said.contains("意外停止"))

	k.stop()
	require.NoError(t, k.wait(), "stopped on purpose is no failure")
	_, err = net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
	require.Error(t, err, "what was stopped does not answer")
}

func TestAnEngineThatCannotStartIsNotTriedForEver(t *testing.T) {
	_, err := keepEngine(t.Context(), engine.Options{CLI: "/bin/false", Dir: t.TempDir()}, func(string, ...any) {})
	require.Error(t, err)
	require.Contains(t, line(err), "Temporal 引擎未能启动")
}
