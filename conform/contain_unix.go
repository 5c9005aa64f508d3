//go:build unix

package conform

import (
	"os/exec"
	"syscall"
)

// contain makes the program and all that it starts one process group, which kill ends. On Linux, the
// program is also killed when the thread that starts it ends, with its process or alone.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithThread(cmd.SysProcAttr)
}

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
