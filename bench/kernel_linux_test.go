package bench

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Without permission the reason, which the table shows, names what would permit it.
func TestNotPermitted(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can become another user")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody, same = 65534, ^uintptr(0)
	_, _, no := unix.RawSyscall(unix.SYS_SETRESUID, same, nobody, same) // of this thread only
	require.Zero(t, no)
	fd, err := userfaultfd(unix.O_CLOEXEC)
	_, _, no = unix.RawSyscall(unix.SYS_SETRESUID, same, 0, same)
	require.Zero(t, no)
	if err == nil {
		require.NoError(t, unix.Close(int(fd)))
		t.Skip("SKIPPED: any user may use userfaultfd here")
	}
	require.ErrorIs(t, err, unix.EPERM)
	for _, remedy := range []string{"vm.unprivileged_userfaultfd=1", "CAP_SYS_PTRACE", "/dev/userfaultfd"} {
		require.ErrorContains(t, err, remedy)
	}
}
