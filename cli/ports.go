package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bangfu/models"
)

// listen opens the address that a setting names; a port that is taken is an error that names the port, who has
// it where the system tells, and the setting that moves it.
func listen(setting, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address) //nolint:noctx // no name is looked up that could take long
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		return nil, models.Invalid(setting, "端口 %s 已被占用%s，请先停止它，或用 %s 换一个端口", port, holder(port), setting)
	case errors.Is(err, syscall.EACCES):
		return nil, models.Invalid(setting, "没有权限使用 %s，请用 %s 换一个 1024 以上的端口", address, setting)
	default:
		return nil, models.Invalid(setting, "不能在 %s 上监听：%s", address, reason(err))
	}
}

// checkPort says in words whether a port of this machine can be opened by a child. A port that nobody has and that is taken all the same belongs
// to a process on its way out, such as the engine of a program that was killed a moment ago: it is waited for, for up to ten seconds.
func checkPort(setting string, port int) error {
	for attempt := 1; ; attempt++ {
		l, err := listen(setting, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return l.Close()
		}
		if _, _, held := listener(strconv.Itoa(port)); held || attempt == 100 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// holder says which process has the port, "" where that cannot be known.
func holder(port string) string {
	pid, name, ok := listener(port)
	if !ok {
		return ""
	}
	return fmt.Sprintf("（进程 %d %s）", pid, name)
}

// listener finds the process that listens on the port; not ok for another user's process, and where there is no /proc.
func listener(port string) (pid int, name string, ok bool) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0, "", false
	}
	socket := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for row := range strings.Lines(string(b)) {
			f := strings.Fields(row) // sl local_address rem_address st … inode; st 0A = listening
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) {
				socket = "socket:[" + f[9] + "]"
			}
		}
	}
	if socket == "" {
		return 0, "", false
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == socket {
			process := filepath.Dir(filepath.Dir(link))
			comm, _ := os.ReadFile(filepath.Join(process, "comm"))
			pid, err := strconv.Atoi(filepath.Base(process))
			return pid, strings.TrimSpace(string(comm)), err == nil
		}
	}
	return 0, "", false
}
