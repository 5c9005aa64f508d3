package live

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"

	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// maxFds is the usual limit on a process's descriptors: [machine.DefaultMaxFds].
const maxFds = 1024

// startFirst makes the first task, which keeps nothing of the Go program. It locks the
// calling goroutine to its thread, which must not end before the task: the kernel kills
// the task when the thread ends.
func startFirst(a *arena) (*task, error) {
	i, err := a.take()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	all, old := unix.Sigset_t{}, unix.Sigset_t{}
	for k := range all.Val {
		all.Val[k] = ^uint64(0)
	}
	// The child has no Go runtime: a signal must not run the runtime's handlers in it.
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old); err != nil {
		a.used[i] = false
		return nil, fmt.Errorf("sigmask: %w", err)
	}
	pid := startServer(unix.CLONE_VM, a.stackTop(i), address(a.slots)+uintptr(i*slotSize))
	unmasked := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	if pid < 0 {
		a.used[i] = false
		return nil, fmt.Errorf("clone: %w", unix.Errno(-pid))
	}
	// This task shares the program's memory, and thereby lost the C library's
	// registration for restartable sequences. A process that kept the registration would
	// die when that memory is unmapped.
	sharing, err := a.newTask(i, int(pid))
	if err != nil {
		return nil, err
	}
	defer func() {
		sharing.kill()
		sharing.release()
	}()
	if unmasked != nil {
		return nil, fmt.Errorf("sigmask: %w", unmasked)
	}
	// As many descriptors as the model's processes may have. All tasks inherit the limit.
	if err := unix.Prlimit(int(pid), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxFds, Max: maxFds}, nil); err != nil {
		return nil, fmt.Errorf("prlimit: %w", err)
	}
	t, err := sharing.spawn(shareNo)
	if err != nil {
		return nil, err
	}
	if err := t.undress(); err != nil {
		t.kill()
		t.release()
		return nil, err
	}
	return t, nil
}

// must executes a system call that cannot fail.
func (t *task) must(what string, nr int64, args ...uint64) error {
	ret, err := t.command(nr, args...)
	if err == nil && ret < 0 {
		err = unix.Errno(-ret)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// undress removes what the task inherited: memory, descriptors, handlers. It returns the
// error of the first system call that fails.
func (t *task) undress() error {
	if err := t.must("close_range", unix.SYS_CLOSE_RANGE, 3, 1<<31-1); err != nil {
		return err
	}
	if err := t.handlers(); err != nil {
		return err
	}
	if err := t.dropRawIO(); err != nil {
		return err
	}
	if t.arena.device {
		if err := t.openDevice(); err != nil {
			return err
		}
	}
	maps, err := readMaps(t.pid)
	if err != nil {
		return err
	}
	for _, m := range maps {
		if m.name == "[vsyscall]" { // beyond the user addresses
			continue
		}
		for _, part := range t.arena.without(m.start, m.end) {
			if err := t.must("munmap", unix.SYS_MUNMAP, part[0], part[1]-part[0]); err != nil {
				return fmt.Errorf("%w (%s at %#x)", err, m.name, m.start)
			}
		}
	}
	return nil
}

// openDevice opens /dev/userfaultfd as deviceFD.
func (t *task) openDevice() error {
	const opened = 3 // the first free descriptor
	path := append([]byte(abi.Device), 0)
	if err := t.must("open", unix.SYS_OPEN, t.lend(0, path), unix.O_RDWR); err != nil {
		return err
	}
	if err := t.must("dup2", unix.SYS_DUP2, opened, deviceFD); err != nil {
		return err
	}
	return t.must("close", unix.SYS_CLOSE, opened)
}

// dropRawIO drops CAP_SYS_RAWIO, which root has, so that vm.mmap_min_addr holds.
func (t *task) dropRawIO() error {
	const version, rawIO = 0x20080522, 17
	header := binary.LittleEndian.AppendUint32(nil, version)
	header = binary.LittleEndian.AppendUint32(header, 0)
	if err := t.must("capget", unix.SYS_CAPGET, t.lend(0, header), t.lend(1, make([]byte, 24))); err != nil {
		return err
	}
	caps := t.lent(1, 24) // effective, permitted, inheritable; and again for those above 31
	for i := range 3 {
		word := binary.LittleEndian.Uint32(caps[4*i:])
		binary.LittleEndian.PutUint32(caps[4*i:], word&^(1<<rawIO))
	}
	return t.must("capset", unix.SYS_CAPSET, t.lend(0, header), t.lend(1, bytes.Clone(caps)))
}

// sigaction is the kernel's struct.
type sigaction struct{ handler, flags, restorer, mask uint64 }

func (a *sigaction) bytes() []byte {
	var b []byte
	for _, w := range []uint64{a.handler, a.flags, a.restorer, a.mask} {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// handlers installs the handlers of SIGSEGV, SIGBUS and SIGUSR1. The task ignores all
// other signals: those of a terminal (Ctrl-C, Ctrl-Z) and of timeout(1) are sent to the
// whole process group, and the controller decides what to do about them.
func (t *task) handlers() error {
	const saSiginfo, saRestorer, sigIgnore, sigsetSize = 4, 0x04000000, 1, 8
	for sig := uint64(1); sig <= 64; sig++ {
		if sig == uint64(unix.SIGKILL) || sig == uint64(unix.SIGSTOP) {
			continue
		}
		act := sigaction{flags: saSiginfo | saRestorer, restorer: t.arena.restore}
		switch unix.Signal(sig) {
		case unix.SIGSEGV, unix.SIGBUS:
			act.handler = t.arena.fault
		case unix.SIGUSR1:
			act.handler = t.arena.signal
		default:
			act = sigaction{handler: sigIgnore}
		}
		if err := t.must("rt_sigaction", unix.SYS_RT_SIGACTION, sig, t.lend(0, act.bytes()), 0, sigsetSize); err != nil {
			return err
		}
	}
	return t.must("rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		t.lend(0, make([]byte, sigsetSize)), 0, sigsetSize)
}
