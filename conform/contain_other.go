//go:build !unix

package conform

import "os/exec"

func contain(*exec.Cmd, bool) {}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func stop(cmd *exec.Cmd) { kill(cmd) }
