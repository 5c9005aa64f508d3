package conform

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A program does not outlive the process that compares the model with it, even if that
// process is killed.
func TestProgramOfAKilledProcess(t *testing.T) {
	const variable = "UFFDSIM_CONFORM_KILLED"
	if os.Getenv(variable) != "" { // the process to be killed
		target := &Command{Args: []string{"sh", "-c", "echo target $$; exec sleep 300"}, Timeout: time.Minute}
		d, err := target.New()
		require.NoError(t, err)
		fmt.Println(<-d.(*running).answers)
		select {}
	}
	line := killedAfterLine(t, variable)
	pid, ok := strings.CutPrefix(strings.TrimSpace(line), "target ")
	require.True(t, ok, line)
	requireGone(t, pid)
}

// killedAfterLine runs the test in a process of its own, with the variable set and the
// arguments after "--". It kills the process when that has printed a line, and returns
// the line.
func killedAfterLine(t *testing.T, variable string, args ...string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^" + t.Name() + "$", "--"}, args...)...)
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	return line
}

// requireGone requires that a process ends soon.
func requireGone(t *testing.T, pid string) {
	t.Helper()
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 10*time.Millisecond, "process %s is still there", pid)
}
