package live

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"golang.org/x/sys/unix"
)

// opened returns a scenario on the running kernel. The test is skipped where userfaultfd
// cannot be used.
func opened(t *testing.T) (*scenario.Session, *Host) {
	t.Helper()
	if _, err := permitted(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	k, err := Open()
	require.NoError(t, err)
	t.Cleanup(k.Close)
	return sessionOn(t, k)
}

func sessionOn(t *testing.T, k *Kernel) (*scenario.Session, *Host) {
	t.Helper()
	h, err := k.NewHost()
	require.NoError(t, err)
	file, err := syntax.Parse("test", nil)
	require.NoError(t, err)
	s, err := scenario.NewSessionOn(h, file)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, h
}

// answers runs statements, and requires that each gets an answer.
func answers(t *testing.T, s *scenario.Session, lines ...string) (last string) {
	t.Helper()
	for _, line := range lines {
		r, err := s.Do(line)
		require.NoError(t, err, line)
		require.Nil(t, r.Finding, line)
		last = r.Whole()
	}
	return last
}

// sleeper maps a registered page at 0x10000000, on which t1 sleeps.
var sleeper = []string{
	"fd = userfaultfd(O_NONBLOCK)",
	"ioctl(fd, UFFDIO_API, {api=0xaa, features=0})",
	"mmap(0x10000000, 1p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)",
	"ioctl(fd, UFFDIO_REGISTER, {start=0x10000000, len=1p, mode=MISSING})",
	"t1: load(0x10000000)",
}

// victims are the processes of the scenario of sleeper that are disturbed from outside,
// each with a statement that follows.
var victims = []struct {
	name string
	task func(h *Host) *task
	next string
}{
	{"blocked", func(h *Host) *task { return h.processes[0].tasks["t1"] }, "poll(fd)"},
	{"idle", func(h *Host) *task { return h.processes[0].tasks["main"] }, "poll(fd)"},
	{"keeper before a new task", keeper, "t2: poll(fd)"},
	{"keeper before maps", keeper, "maps()"},
	{"keeper before present", keeper, "present(0x10000000, 1)"},
	{"keeper before fdinfo", keeper, "fdinfo(fd)"},
}

func keeper(h *Host) *task { return h.processes[0].keeper }

// The scenario cannot be compared further if one of its processes is killed from outside,
// whatever that process was doing, and whatever the scenario asks next.
func TestKilledFromOutside(t *testing.T) {
	for _, tc := range victims {
		for _, sig := range []unix.Signal{unix.SIGKILL, unix.SIGABRT} {
			t.Run(fmt.Sprintf("%s/%v", tc.name, sig), func(t *testing.T) {
				s, h := opened(t)
				require.Equal(t, "blocked", answers(t, s, sleeper...))
				require.NoError(t, unix.Kill(tc.task(h).pid, sig))
				if sig != unix.SIGKILL { // ignored: it may come from a terminal or from timeout(1)
					answers(t, s, tc.next)
					return
				}
				require.Eventually(t, func() bool { return tc.task(h).state() == 'Z' }, 5*time.Second, time.Millisecond)
				_, err := s.Do(tc.next)
				require.ErrorIs(t, err, scenario.ErrInterference)
				require.ErrorContains(t, err, "was ended from outside by signal 9")
			})
		}
	}
}

// A task that the scenario itself kills has the answer of the model.
func TestKilledByScenario(t *testing.T) {
	s, _ := opened(t)
	answers(t, s, sleeper...)
	require.Equal(t, "killed", answers(t, s, "kill(t1, SIGKILL)", "t1"))
	require.Equal(t, "killed", answers(t, s, "kill(main, SIGKILL)"))
}

// A stopped task times out with the reason, and leaves nothing behind.
func TestStopped(t *testing.T) {
	old := maxStops
	maxStops = 5
	t.Cleanup(func() { maxStops = old })
	for _, tc := range victims[:4] { // present and fdinfo read files, which a stopped process has
		t.Run(tc.name, func(t *testing.T) {
			s, h := opened(t)
			require.Equal(t, "blocked", answers(t, s, sleeper...))
			victim := tc.task(h)
			require.NoError(t, unix.Kill(victim.pid, unix.SIGSTOP))
			require.Eventually(t, func() bool { return victim.state() == 'T' }, 5*time.Second, time.Millisecond)
			_, err := s.Do(tc.next)
			require.ErrorIs(t, err, scenario.ErrInterference)
			require.ErrorContains(t, err, "is stopped (state T), by SIGSTOP or a debugger")
			require.ErrorIs(t, unix.Kill(victim.pid, 0), unix.ESRCH)
		})
	}
}

// A task that is stopped and continued answers as if nothing had happened.
func TestStoppedAndContinued(t *testing.T) {
	s, h := opened(t)
	answers(t, s, sleeper...)
	pid := h.processes[0].tasks["main"].pid
	require.NoError(t, unix.Kill(pid, unix.SIGSTOP))
	time.AfterFunc(50*time.Millisecond, func() { _ = unix.Kill(pid, unix.SIGCONT) })
	require.Equal(t, "POLLIN", answers(t, s, "poll(fd)"))
}

// The next scenario gets another first process if that was killed.
func TestFirstTaskKilled(t *testing.T) {
	if _, err := permitted(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	k, err := Open()
	require.NoError(t, err)
	t.Cleanup(k.Close)
	s, _ := sessionOn(t, k)
	answers(t, s, sleeper...)
	require.NoError(t, unix.Kill(k.first.pid, unix.SIGKILL))
	s, _ = sessionOn(t, k)
	require.Equal(t, "blocked", answers(t, s, sleeper...))
}
