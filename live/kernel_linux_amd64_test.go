package live

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// unprivileged calls the function on a thread without capabilities. The test is skipped
// if the thread has none to drop.
func unprivileged(t *testing.T, fn func()) {
	t.Helper()
	if unix.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can become another user")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody, same = 65534, ^uintptr(0)
	_, _, no := unix.RawSyscall(unix.SYS_SETRESUID, same, nobody, same) // of this thread only
	require.Zero(t, no)
	defer func() {
		_, _, no := unix.RawSyscall(unix.SYS_SETRESUID, same, 0, same)
		require.Zero(t, no)
	}()
	fn()
}

// Without permission the error names what would give it.
func TestNotPermitted(t *testing.T) {
	var device bool
	var err error
	unprivileged(t, func() { device, err = permitted() })
	if err == nil {
		t.Skipf("SKIPPED: any user may use userfaultfd here, by the device: %v", device)
	}
	require.ErrorIs(t, err, unix.EPERM)
	for _, remedy := range []string{"vm.unprivileged_userfaultfd=1", "CAP_SYS_PTRACE", "/dev/userfaultfd"} {
		require.ErrorContains(t, err, remedy)
	}
}

// Where the device must be used instead of the system call, scenarios have the same
// answers.
func TestDevice(t *testing.T) {
	if fd, err := unix.Open("/dev/userfaultfd", unix.O_RDWR, 0); err != nil {
		t.Skipf("SKIPPED: %v", err)
	} else {
		require.NoError(t, unix.Close(fd))
	}
	k, err := Open()
	require.NoError(t, err)
	t.Cleanup(k.Close)
	k.arena.device = true
	require.NoError(t, k.start())
	s, _ := sessionOn(t, k)
	require.Equal(t, "blocked", answers(t, s, sleeper...))
	require.Equal(t, "4", answers(t, s, "fd2 = userfaultfd(O_NONBLOCK)"))
	require.Equal(t, "-1 EINVAL (Invalid argument)", answers(t, s, "userfaultfd(0x4)"))
}
