package live

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
	"golang.org/x/sys/unix"
)

// thread makes system calls on a task: it implements [scenario.Thread]. Each method
// returns the errno of the call. It panics with gone if the scenario killed the task, and
// with giveUp if the answer would not be the kernel's alone.
type thread struct {
	*task
	process *process
	lend    [panes][]byte // Go memory that is lent to the next call
}

// gone is the panic that ends an operation whose task was killed by the scenario.
type gone struct{}

// giveUp is the panic that ends an operation whose answer cannot be compared. The error
// is [scenario.ErrNoRoom] or [scenario.ErrInterference] with the reason.
type giveUp struct{ err error }

// noRoom panics with [scenario.ErrNoRoom] and the reason.
func noRoom(format string, args ...any) {
	panic(giveUp{fmt.Errorf("%w: %s", scenario.ErrNoRoom, fmt.Sprintf(format, args...))})
}

// call makes a system call. Lent memory is copied back with what the kernel wrote to it.
func (t *thread) call(nr int64, args ...uint64) (uint64, error) {
	ret, err := t.command(nr, args...)
	for pane, mem := range t.lend {
		copy(mem, t.lent(pane, len(mem)))
		t.lend[pane] = nil
	}
	switch {
	case errors.Is(err, errDead):
		panic(gone{})
	case err != nil:
		panic(giveUp{err})
	}
	if ret < 0 && ret > -4096 {
		return 0, errno.Errno(-ret)
	}
	return uint64(ret), nil
}

// status is call without the result.
func (t *thread) status(nr int64, args ...uint64) error {
	_, err := t.call(nr, args...)
	return err
}

// Lend implements [scenario.Thread]. It lends at most a pane.
func (t *thread) Lend(pane int, mem []byte) uint64 {
	if len(mem) > paneSize {
		noRoom("%d bytes at a time, and the maximum is %d", len(mem), paneSize)
	}
	t.lend[pane] = mem
	return t.task.lend(pane, mem)
}

// TID implements [scenario.Thread].
func (t *thread) TID() uint32 { return uint32(t.pid) }

func (t *thread) Userfaultfd(flags uint32) (int, error) {
	if t.arena.device {
		return newFD(t.call(unix.SYS_IOCTL, deviceFD, uint64(abi.USERFAULTFD_IOC_NEW), uint64(flags)))
	}
	return newFD(t.call(unix.SYS_USERFAULTFD, uint64(flags)))
}

func (t *thread) Ioctl(fd int, cmd uint32, arg uint64) error {
	t.notOwn(arg, 1)
	return t.status(unix.SYS_IOCTL, theirFD(fd), uint64(cmd), arg)
}

func (t *thread) IoctlBytes(fd int, cmd uint32, arg []byte) error {
	for _, r := range rangesOf(cmd, arg) {
		t.notOwn(r.start, r.length)
	}
	err := t.Ioctl(fd, cmd, t.Lend(0, arg))
	if cmd == abi.UFFDIO_API && err == errno.EPERM && !t.mayTrace() {
		// UFFD_FEATURE_EVENT_FORK, which the model permits to all.
		panic(giveUp{fmt.Errorf("%w: %w: UFFDIO_API: the feature needs CAP_SYS_PTRACE", scenario.ErrInterference, err)})
	}
	return err
}

func (t *thread) Read(fd int, buf, count uint64) (uint64, error) {
	t.notOwn(buf, count)
	return t.call(unix.SYS_READ, theirFD(fd), buf, count)
}

func (t *thread) Write(fd int, buf, count uint64) (uint64, error) {
	t.notOwn(buf, count)
	return t.call(unix.SYS_WRITE, theirFD(fd), buf, count)
}

func (t *thread) Lseek(fd int, offset int64, whence int) (int64, error) {
	pos, err := t.call(unix.SYS_LSEEK, theirFD(fd), uint64(offset), uint64(whence))
	return int64(pos), err
}

func (t *thread) Poll(fds []vfs.PollFd, wait bool) (int, error) {
	var b []byte
	for _, fd := range fds {
		b = binary.LittleEndian.AppendUint32(b, uint32(theirFD(fd.Fd)))
		b = binary.LittleEndian.AppendUint16(b, uint16(fd.Events))
		b = binary.LittleEndian.AppendUint16(b, 0)
	}
	timeout := uint64(0)
	if wait {
		timeout = ^uint64(0)
	}
	n, err := t.call(unix.SYS_POLL, t.Lend(0, b), uint64(len(fds)), timeout)
	for i := range fds {
		fds[i].Revents = vfs.PollEvents(binary.LittleEndian.Uint16(b[8*i+6:]))
	}
	return int(n), err
}

func (t *thread) Close(fd int) error {
	err := t.status(unix.SYS_CLOSE, theirFD(fd))
	if err == nil {
		t.process.forget(fd)
	}
	return err
}

func (t *thread) Dup(fd int) (int, error) { return newFD(t.call(unix.SYS_DUP, theirFD(fd))) }

func (t *thread) FcntlSetFlags(fd int, flags uint32) error {
	return t.status(unix.SYS_FCNTL, theirFD(fd), unix.F_SETFL, uint64(flags))
}

func (t *thread) FcntlGetFlags(fd int) (uint32, error) {
	flags, err := t.call(unix.SYS_FCNTL, theirFD(fd), unix.F_GETFL)
	return uint32(flags), err
}

func (t *thread) Load(addr uint64, buf []byte) (mm.Outcome, uint64) {
	t.notOwn(addr, uint64(len(buf)))
	return t.touch(t.Lend(0, buf), addr, len(buf))
}

func (t *thread) Store(addr uint64, data []byte) (mm.Outcome, uint64) {
	t.notOwn(addr, uint64(len(data)))
	return t.touch(addr, t.Lend(0, data), len(data))
}

// touch copies bytes by one instruction, and returns which signal ended it.
func (t *thread) touch(to, from uint64, n int) (mm.Outcome, uint64) {
	_, _ = t.call(cmdCopy, to, from, uint64(n))
	switch s := t.slot(); unix.Signal(s.sig) {
	case 0:
		return mm.Done, 0
	case unix.SIGBUS:
		return mm.BusError, s.at
	default:
		return mm.SegFault, s.at
	}
}

// Fork implements [scenario.Thread].
func (t *thread) Fork() (scenario.Process, int, error) {
	keeper, err := t.spawn(shareNo)
	switch {
	case errors.Is(err, errDead):
		panic(gone{})
	case err != nil:
		panic(giveUp{fmt.Errorf("fork: %w", err)})
	}
	h := t.process.host
	return h.addProcess(keeper, t.process.contexts), len(h.processes), nil
}

// Exit implements [scenario.Thread]: every task of the process ends.
func (t *thread) Exit() { t.process.end() }

// Kill implements [scenario.Thread].
func (t *thread) Kill(target scenario.Flight, sig sim.Signal) {
	victim := t.task
	if f, ok := target.(*flight); ok {
		victim = f.task
	}
	number := unix.SIGUSR1
	if sig&sim.SignalFatal != 0 {
		number = unix.SIGKILL
		victim.condemned.Store(true)
	}
	_ = t.status(unix.SYS_KILL, uint64(victim.pid), uint64(number))
}
