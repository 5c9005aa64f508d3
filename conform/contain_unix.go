//go:build unix

package conform

import (
	"os/exec"
	"syscall"
)

// contain makes the program and all that it starts one process group. On Linux, the
// program is killed when the thread that starts it ends, with its process or alone; a
// supervisor gets SIGTERM instead, and kills the program and all that it has started.
func contain(cmd *exec.Cmd, supervised bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	sig := syscall.SIGKILL
	if supervised {
		sig = syscall.SIGTERM
	}
	endWithThread(cmd.SysProcAttr, sig)
}

// kill kills the process group.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// stop makes a supervisor kill everything, and exit, even if the program has stopped it.
func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Process.Signal(syscall.SIGCONT)
}
