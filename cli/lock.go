package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"bangfu/models"
)

// lock keeps a second `bangfu dev` off the same data directory. The system gives it back when the process ends,
// however it ends; the returned function gives it back earlier.
func lock(dir string) (func(), error) {
	path := filepath.Join(dir, "dev.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, models.Invalid("BANGFU_DATA_DIR", "数据目录不能写：%s", reason(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b, _ := os.ReadFile(path)
		_ = f.Close()
		who := ""
		if pid := strings.TrimSpace(string(b)); pid != "" {
			who = "（进程 " + pid + "）"
		}
		return nil, models.Invalid("BANGFU_DATA_DIR", "另一个 bangfu dev%s 正在使用数据目录 %s，请先停止它，或用 BANGFU_DATA_DIR 换一个目录", who, dir)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return func() { _ = f.Close() }, nil
}
