package engine

import "syscall"

// childAttributes keep the child out of the terminal's Ctrl-C, which the parent answers in order, and end it with
// the parent even when that is killed. What it holds is in a write-ahead log, so a hard end loses nothing.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
