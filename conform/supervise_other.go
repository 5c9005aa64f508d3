//go:build !linux

package conform

import (
	"fmt"
	"os"
	"os/exec"
)

const canSupervise = false

func supervised(_, args []string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

// Supervise returns the exit status 127: there are supervisors on Linux only.
func Supervise([]string) int {
	fmt.Fprintln(os.Stderr, "target: only Linux has supervisors")
	return 127
}
