package live

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// controllerVariable makes the test binary a controller that the test kills.
const controllerVariable = "UFFDSIM_LIVE_CONTROLLER"

func TestMain(m *testing.M) {
	if os.Getenv(controllerVariable) != "" {
		control()
	}
	os.Exit(m.Run())
}

// control makes tasks and ends them, until it is killed.
func control() {
	fmt.Println("started")
	for {
		a, err := newArena()
		if err != nil {
			panic(err)
		}
		first, err := startFirst(a)
		if err != nil {
			panic(err)
		}
		for range 20 {
			process, err := first.spawn(shareNo)
			if err != nil {
				panic(err)
			}
			thread, err := process.spawn(shareAll)
			if err != nil {
				panic(err)
			}
			for _, t := range []*task{thread, process} {
				t.kill()
				t.release()
			}
		}
		first.kill()
		first.release()
		runtime.UnlockOSThread()
		a.close()
	}
}

// kills returns how many controllers the test kills: 40, or UFFDSIM_KILLS.
func kills(t *testing.T) int {
	n := 40
	if text := os.Getenv("UFFDSIM_KILLS"); text != "" {
		_, err := fmt.Sscan(text, &n)
		require.NoError(t, err)
	}
	return n
}

// A controller that is killed at any time leaves no task behind.
func TestKilledControllerLeavesNothing(t *testing.T) {
	adopt(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range kills(t) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), controllerVariable+"=1")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		_, err = out.Read(make([]byte, 16))
		require.NoError(t, err)
		time.Sleep(time.Duration(rng.IntN(10_000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		requireNoChildren(t, "kill %d", n)
	}
}

// A task whose state cannot be read is killed.
func TestTaskWithoutStateIsEnded(t *testing.T) {
	adopt(t)
	first := first(t)
	a, err := newArena()
	require.NoError(t, err)
	defer a.close()
	before := first.arena.used
	noDescriptors(t, func() {
		_, err = startFirst(a)
		require.ErrorIs(t, err, unix.EMFILE)
		_, err = first.spawn(shareNo)
		require.ErrorIs(t, err, unix.EMFILE)
	})
	require.Equal(t, [maxSlots]bool{}, a.used)
	require.Equal(t, before, first.arena.used)
	first.kill()
	requireNoChildren(t, "after failures")
}

// noDescriptors calls the function while no descriptor can be opened.
func noDescriptors(t *testing.T, fn func()) {
	t.Helper()
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old)) }()
	fn()
}

// adopt makes orphans children of this process until the test ends.
func adopt(t *testing.T) {
	t.Helper()
	require.NoError(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	t.Cleanup(func() { require.NoError(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)) })
}

// requireNoChildren waits until no child is left, and kills those that stay.
func requireNoChildren(t *testing.T, format string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil)
		switch {
		case err == unix.ECHILD:
			return
		case pid == 0 && time.Now().After(deadline):
			t.Fatalf("%s: left behind: %s", fmt.Sprintf(format, args...), killChildren())
		case pid == 0:
			time.Sleep(time.Millisecond)
		}
	}
}

// killChildren kills the children of this process, and returns their lines of
// /proc/PID/stat.
func killChildren() string {
	var found bytes.Buffer
	names, _ := os.ReadDir("/proc")
	for _, name := range names {
		var pid, parent int
		stat, _ := os.ReadFile("/proc/" + name.Name() + "/stat")
		if _, err := fmt.Sscanf(string(bytes.Replace(stat, []byte(")"), []byte(" )"), 1)), "%d %s ) %c %d", &pid, new(string), new(rune), &parent); err == nil && parent == os.Getpid() {
			found.Write(stat)
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, unix.WALL, nil)
		}
	}
	return found.String()
}
