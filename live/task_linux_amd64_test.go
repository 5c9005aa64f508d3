package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

func first(t *testing.T) *task {
	t.Helper()
	a, err := newArena()
	require.NoError(t, err)
	first, err := startFirst(a)
	require.NoError(t, err)
	t.Cleanup(func() { first.kill(); first.release(); a.close() })
	return first
}

func TestSystemCallsInATask(t *testing.T) {
	task := first(t)
	ret, err := task.command(unix.SYS_GETPID)
	require.NoError(t, err)
	require.EqualValues(t, task.pid, ret)
	ret, err = task.command(unix.SYS_CLOSE, 99)
	require.NoError(t, err)
	require.EqualValues(t, -int64(unix.EBADF), ret)
	maps, err := readMaps(task.pid)
	require.NoError(t, err)
	require.Less(t, len(maps), 4*maxSlots+4, "slots and panes, stacks and text")
}

func TestFaultsInATask(t *testing.T) {
	task := first(t)
	addr := task.lend(0, []byte("x"))
	_, err := task.command(cmdCopy, addr, 0x12345, 1)
	require.NoError(t, err)
	require.EqualValues(t, unix.SIGSEGV, task.slot().sig)
	require.EqualValues(t, 0x12345, task.slot().at)
	ret, err := task.command(cmdCopy, addr, task.lend(1, []byte("y")), 1)
	require.NoError(t, err)
	require.Zero(t, ret)
	require.Zero(t, task.slot().sig)
	require.Equal(t, "y", string(task.lent(0, 1)))
}

// A fault's signal that comes from another process does not end what the task does.
func TestSentFaultsAreIgnored(t *testing.T) {
	task := first(t)
	addr := task.lend(0, []byte("x"))
	for _, sig := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS} {
		require.NoError(t, unix.Kill(task.pid, sig))
		ret, err := task.command(cmdCopy, addr, task.lend(1, []byte("y")), 1)
		require.NoError(t, err)
		require.Zero(t, ret)
		require.Zero(t, task.slot().sig, sig)
		ret, err = task.command(unix.SYS_KILL, uint64(task.pid), uint64(sig))
		require.NoError(t, err)
		require.Zero(t, ret)
		require.Zero(t, task.slot().sig, sig)
	}
}

func TestATaskSharesMemoryAndAProcessDoesNot(t *testing.T) {
	task := first(t)
	const at = 0x10000000
	ret, err := task.command(unix.SYS_MMAP, at, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uint64(0), 0)
	require.NoError(t, err)
	require.EqualValues(t, at, ret)
	thread, err := task.spawn(shareAll)
	require.NoError(t, err)
	defer thread.kill()
	child, err := task.spawn(shareNo)
	require.NoError(t, err)
	defer child.kill()
	_, err = thread.command(cmdCopy, at, thread.lend(0, []byte("z")), 1)
	require.NoError(t, err)
	_, err = task.command(cmdCopy, task.lend(0, []byte("-")), at, 1)
	require.NoError(t, err)
	require.Equal(t, "z", string(task.lent(0, 1)))
	_, err = child.command(cmdCopy, child.lend(0, []byte("-")), at, 1)
	require.NoError(t, err)
	require.Equal(t, "\x00", string(child.lent(0, 1)))
}

func TestASleepIsSeen(t *testing.T) {
	task := first(t)
	task.slot().post(unix.SYS_PAUSE)
	require.Eventually(t, task.blocked, 5*time.Second, time.Millisecond)
	require.NoError(t, unix.Kill(task.pid, unix.SIGUSR1))
	require.Eventually(t, task.slot().finished, 5*time.Second, time.Millisecond)
	require.EqualValues(t, -int64(unix.EINTR), task.slot().ret)
}

// A task that the scenario kills is dead. One that anything else kills is an
// interference.
func TestAKilledTask(t *testing.T) {
	task := first(t)
	thread, err := task.spawn(shareAll)
	require.NoError(t, err)
	done := make(chan error)
	go func() { _, err := thread.command(unix.SYS_PAUSE); done <- err }()
	require.Eventually(t, thread.blocked, 5*time.Second, time.Millisecond)
	thread.condemn()
	require.ErrorIs(t, <-done, errDead)
	require.NoError(t, thread.check())
	_, err = task.command(unix.SYS_GETPID)
	require.NoError(t, err)

	thread, err = task.spawn(shareAll)
	require.NoError(t, err)
	require.NoError(t, thread.check())
	require.NoError(t, unix.Kill(thread.pid, unix.SIGKILL))
	_, err = thread.command(unix.SYS_GETPID)
	require.ErrorIs(t, err, scenario.ErrInterference)
	require.ErrorContains(t, err, "was ended from outside by signal 9 (killed)")
	require.Equal(t, err, thread.check())
}

// A fault of get_user_pages sleeps through ordinary signals: its state is D. The function
// in which it sleeps identifies it.
func TestASleepInGetUserPagesIsSeen(t *testing.T) {
	const at = 0x10000000
	for _, c := range []struct {
		name  string
		flags uint64
		nr    int64
		args  []uint64
	}{
		{"mremap", unix.MAP_LOCKED, unix.SYS_MREMAP, []uint64{at, pageSize, 2 * pageSize}},
		{"madvise", 0, unix.SYS_MADVISE, []uint64{at, pageSize, unix.MADV_POPULATE_READ}},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := first(t)
			thread, err := task.spawn(shareAll)
			require.NoError(t, err)
			defer thread.kill()
			if fd, err := task.command(unix.SYS_USERFAULTFD, 0); err == nil && (fd == -int64(unix.EPERM) || fd == -int64(unix.ENOSYS)) {
				t.Skipf("SKIPPED: userfaultfd cannot be used here: %v", unix.Errno(-fd))
			}
			do := func(nr int64, args ...uint64) uint64 {
				ret, err := task.command(nr, args...)
				require.NoError(t, err)
				require.GreaterOrEqual(t, ret, int64(0))
				return uint64(ret)
			}
			fd := do(unix.SYS_USERFAULTFD, 0)
			api := make([]byte, abi.APISize)
			(&abi.API{API: abi.APIVersion}).Encode(api)
			do(unix.SYS_IOCTL, fd, uint64(abi.UFFDIO_API), task.lend(0, api))
			do(unix.SYS_MMAP, at, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|c.flags, ^uint64(0), 0)
			register := make([]byte, abi.RegisterSize)
			(&abi.Register{Range: abi.Range{Start: at, Len: pageSize}, Mode: abi.RegisterModeMissing}).Encode(register)
			do(unix.SYS_IOCTL, fd, uint64(abi.UFFDIO_REGISTER), task.lend(0, register))

			thread.slot().post(c.nr, c.args...)
			require.Eventually(t, thread.blocked, 5*time.Second, time.Millisecond)
			require.EqualValues(t, 'D', thread.state())
			do(unix.SYS_CLOSE, fd)
			require.Eventually(t, thread.slot().finished, 5*time.Second, time.Millisecond)
			require.Zero(t, min(thread.slot().ret, 0))
		})
	}
}

func BenchmarkCommand(b *testing.B) {
	a, err := newArena()
	require.NoError(b, err)
	task, err := startFirst(a)
	require.NoError(b, err)
	defer task.kill()
	for b.Loop() {
		_, _ = task.command(unix.SYS_GETPID)
	}
}
