//go:build unix && !linux

package engine

import "syscall"

// childAttributes keep the child out of the terminal's Ctrl-C, which the parent answers in order. Where the kernel
// does not end a child with its parent, a killed parent leaves the engine running; the next start names it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
