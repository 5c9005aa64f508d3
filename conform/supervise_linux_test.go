package conform

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// supervisorVariable makes the test binary a supervisor.
const supervisorVariable = "UFFDSIM_CONFORM_SUPERVISOR"

// supervisor returns the arguments that make the test binary a supervisor.
func supervisor(t *testing.T) []string {
	t.Setenv(supervisorVariable, "1")
	return []string{"-test.run=^TestSupervise$", "--"}
}

// daemon is a program that starts processes which leave its process group, lose their
// parents and have an empty environment, and then answers. It writes their PIDs to a
// file.
func daemon(t *testing.T) (args []string, pids string) {
	t.Helper()
	for _, name := range []string{"sh", "setsid", "env", "sleep"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
	}
	pids = filepath.Join(t.TempDir(), "pids")
	script := `
		setsid sh -c 'sleep 300 <&- >&- 2>&- & echo $! >> PIDS'
		setsid sh -c 'env -i setsid sleep 300 <&- >&- 2>&- & echo $! >> PIDS'
		env -i setsid sh -c '(sleep 300; true) & echo $! >> PIDS; exit'
		sleep 300 & echo $! >> PIDS
		echo $$ >> PIDS
		while read -r line; do echo "= 3"; done`
	return []string{"sh", "-c", strings.ReplaceAll(script, "PIDS", pids)}, pids
}

// requireEnded requires that the processes of a daemon have ended.
func requireEnded(t *testing.T, pids string) {
	t.Helper()
	text, err := os.ReadFile(pids)
	require.NoError(t, err)
	require.Len(t, strings.Fields(string(text)), 5)
	for pid := range strings.FieldsSeq(string(text)) {
		requireGone(t, pid)
	}
}

// Nothing that a program has started is left: after Close of one program or of all, after
// the program's own end, and after a SIGKILL of the process that compares the model with
// it.
func TestSupervise(t *testing.T) {
	if os.Getenv(supervisorVariable) != "" && flag.NArg() > 0 {
		os.Exit(Supervise(flag.Args()))
	}
	t.Run("close", func(t *testing.T) {
		args, pids := daemon(t)
		target := &Command{Args: args, Timeout: time.Minute, Supervisor: supervisor(t)}
		d, err := target.New()
		require.NoError(t, err)
		r, err := d.Do("fd = userfaultfd(0)")
		require.NoError(t, err)
		require.Equal(t, "3", r.Answer)
		d.Close()
		requireEnded(t, pids)
	})
	t.Run("close of all", func(t *testing.T) {
		args, pids := daemon(t)
		target := &Command{Args: args, Timeout: time.Minute, Supervisor: supervisor(t)}
		d, err := target.New()
		require.NoError(t, err)
		_, err = d.Do("fd = userfaultfd(0)")
		require.NoError(t, err)
		target.Close()
		for err == nil { // the supervisor needs a moment
			_, err = d.Do("poll(fd)")
		}
		require.ErrorContains(t, err, "it has ended")
		d.Close()
		requireEnded(t, pids)
	})
	t.Run("end", func(t *testing.T) {
		args, pids := daemon(t)
		args[2] += "\nexit 3"
		target := &Command{Args: args, Timeout: time.Minute, Supervisor: supervisor(t)}
		d, err := target.New()
		require.NoError(t, err)
		_, err = d.Do("fd = userfaultfd(0)")
		require.NoError(t, err)
		require.NoError(t, d.(*running).in.Close())
		_, ok := <-d.(*running).answers
		require.False(t, ok)
		requireEnded(t, pids)
		d.Close()
		require.Equal(t, 3, d.(*running).cmd.ProcessState.ExitCode())
	})
	t.Run("stopped supervisor", func(t *testing.T) {
		args, pids := daemon(t)
		args[2] = "kill -STOP $PPID\n" + args[2]
		target := &Command{Args: args, Timeout: time.Minute, Supervisor: supervisor(t)}
		d, err := target.New()
		require.NoError(t, err)
		_, err = d.Do("fd = userfaultfd(0)")
		require.NoError(t, err)
		d.Close()
		requireEnded(t, pids)
	})
}

func TestSuperviseAfterKill(t *testing.T) {
	const variable = "UFFDSIM_CONFORM_SUPERVISED_KILLED"
	if os.Getenv(variable) != "" { // the process to be killed
		target := &Command{Args: flag.Args(), Timeout: time.Minute, Supervisor: supervisor(t)}
		d, err := target.New()
		require.NoError(t, err)
		_, err = d.Do("fd = userfaultfd(0)")
		require.NoError(t, err)
		fmt.Println("answered")
		select {}
	}
	args, pids := daemon(t)
	require.Equal(t, "answered\n", killedAfterLine(t, variable, args...))
	requireEnded(t, pids)
}

// A process that is killed at any time leaves nothing behind, whatever its targets start.
func TestSuperviseLeavesNothing(t *testing.T) {
	const variable, setChildSubreaper = "UFFDSIM_CONFORM_SUPERVISED_TARGETS", 36
	if os.Getenv(variable) != "" { // the process to be killed
		target := &Command{Args: flag.Args(), Timeout: time.Minute, Supervisor: supervisor(t)}
		for {
			d, err := target.New()
			require.NoError(t, err)
			_, err = d.Do("fd = userfaultfd(0)")
			require.NoError(t, err)
			d.Close()
		}
	}
	_, _, no := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	require.Zero(t, no)
	t.Cleanup(func() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 0, 0) })
	args, _ := daemon(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 30 {
		cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^TestSuperviseLeavesNothing$", "--"}, args...)...)
		cmd.Env = append(os.Environ(), variable+"=1")
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(rng.IntN(60_000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.Eventually(t, func() bool { // orphans are children of this process
			for {
				pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
				if pid <= 0 {
					return err == syscall.ECHILD
				}
			}
		}, 5*time.Second, time.Millisecond, "kill %d: left behind: %v", n, childrenOf(os.Getpid()))
	}
}

// A program that cannot be started is an error of New, with a supervisor and without.
func TestSuperviseNothing(t *testing.T) {
	_, err := (&Command{Args: []string{"/nowhere"}, Supervisor: supervisor(t)}).New()
	require.ErrorContains(t, err, "/nowhere")
}
