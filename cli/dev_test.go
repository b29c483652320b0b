package cli

import (
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/deploy/engine"
)

func TestATakenPortIsNamedWithItsProcessAndSetting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port

	err = checkPort("BANGFU_MAIL_UI_PORT", port)
	require.Error(t, err)
	text := line(err)
	require.Contains(t, text, "BANGFU_MAIL_UI_PORT：端口 "+strconv.Itoa(port)+" 已被占用")
	if _, err := os.Stat("/proc/net/tcp"); err == nil {
		require.Contains(t, text, "进程 "+strconv.Itoa(os.Getpid()))
	}
}

func TestTwoSettingsWithTheSamePortAreBothNamed(t *testing.T) {
	a, err := engine.FreePort()
	require.NoError(t, err)
	b, err := engine.FreePort()
	require.NoError(t, err)
	d := dev{Config: Config{Addr: "127.0.0.1:" + strconv.Itoa(a), TemporalUIPort: b, MailUIPort: a}}
	grpc, err := engine.FreePort()
	require.NoError(t, err)
	err = d.checkPorts(grpc)
	require.Error(t, err)
	require.Contains(t, line(err), "BANGFU_MAIL_UI_PORT")
	require.Contains(t, line(err), "BANGFU_ADDR")
}

func TestASecondDevOnTheSameDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	require.NoError(t, err)
	_, err = lock(dir)
	require.Error(t, err)
	require.Contains(t, line(err), "进程 "+strconv.Itoa(os.Getpid()))
	unlock()
	again, err := lock(dir)
	require.NoError(t, err, "what was given back can be taken again")
	again()
}

func TestTheAdministratorsTokenIsMadeOnceAndReadableByItsOwnerOnly(t *testing.T) {
	path := t.TempDir() + "/admin.token"
	token, err := keptToken(path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(token), 32)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := keptToken(path)
	require.NoError(t, err)
	require.Equal(t, token, again)
}

func TestDevStartsItsEngineOnThisMachineOnly(t *testing.T) {
	_, err := dev{Config: Config{TemporalAddress: "temporal.example.cn:7233"}}.enginePort()
	require.Error(t, err)
	require.Contains(t, line(err), "TEMPORAL_ADDRESS")
	port, err := dev{Config: Config{TemporalAddress: "localhost:7233"}}.enginePort()
	require.NoError(t, err)
	require.Equal(t, 7233, port)
}
