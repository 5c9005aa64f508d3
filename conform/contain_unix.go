//go:build unix

package conform

import (
	"os/exec"
	"syscall"
)

// contain makes the program and all that it starts one group, which kill ends.
func contain(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
