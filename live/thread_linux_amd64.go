package live

import (
	"encoding/binary"
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
	"golang.org/x/sys/unix"
)

// thread makes system calls on a task: it implements [scenario.Thread].
type thread struct {
	*task
	process *process
	lend    [panes][]byte // Go memory that is lent to the next call
}

// gone is the panic that ends an operation whose task has been killed.
type gone struct{}

// call makes a system call. What was lent comes back with what the kernel has written.
func (t *thread) call(nr int64, args ...uint64) (uint64, error) {
	ret, err := t.command(nr, args...)
	for pane, mem := range t.lend {
		copy(mem, t.lent(pane, len(mem)))
		t.lend[pane] = nil
	}
	if err != nil {
		panic(gone{})
	}
	if ret < 0 && ret > -4096 {
		return 0, errno.Errno(-ret)
	}
	return uint64(ret), nil
}

// status is call for what returns nothing.
func (t *thread) status(nr int64, args ...uint64) error {
	_, err := t.call(nr, args...)
	return err
}

// tooLarge is the panic of an operation that needs more memory than a pane has.
type tooLarge struct{ bytes int }

// Lend implements [scenario.Thread]. No more than a pane can be lent.
func (t *thread) Lend(pane int, mem []byte) uint64 {
	if len(mem) > paneSize {
		panic(tooLarge{len(mem)})
	}
	t.lend[pane] = mem
	return t.task.lend(pane, mem)
}

// TID implements [scenario.Thread].
func (t *thread) TID() uint32 { return uint32(t.pid) }

func (t *thread) Userfaultfd(flags uint32) (int, error) {
	fd, err := t.call(unix.SYS_USERFAULTFD, uint64(flags))
	return int(fd), err
}

func (t *thread) Ioctl(fd int, cmd uint32, arg uint64) error {
	return t.status(unix.SYS_IOCTL, uint64(fd), uint64(cmd), arg)
}

func (t *thread) IoctlBytes(fd int, cmd uint32, arg []byte) error {
	return t.Ioctl(fd, cmd, t.Lend(0, arg))
}

func (t *thread) Read(fd int, buf, count uint64) (uint64, error) {
	return t.call(unix.SYS_READ, uint64(fd), buf, count)
}

func (t *thread) Write(fd int, buf, count uint64) (uint64, error) {
	return t.call(unix.SYS_WRITE, uint64(fd), buf, count)
}

func (t *thread) Lseek(fd int, offset int64, whence int) (int64, error) {
	pos, err := t.call(unix.SYS_LSEEK, uint64(fd), uint64(offset), uint64(whence))
	return int64(pos), err
}

func (t *thread) Poll(fds []vfs.PollFd, wait bool) (int, error) {
	var b []byte
	for _, fd := range fds {
		b = binary.LittleEndian.AppendUint32(b, uint32(fd.Fd))
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
	err := t.status(unix.SYS_CLOSE, uint64(fd))
	if err == nil {
		t.process.forget(fd)
	}
	return err
}

func (t *thread) Dup(fd int) (int, error) {
	n, err := t.call(unix.SYS_DUP, uint64(fd))
	return int(n), err
}

func (t *thread) FcntlSetFlags(fd int, flags uint32) error {
	return t.status(unix.SYS_FCNTL, uint64(fd), unix.F_SETFL, uint64(flags))
}

func (t *thread) FcntlGetFlags(fd int) (uint32, error) {
	flags, err := t.call(unix.SYS_FCNTL, uint64(fd), unix.F_GETFL)
	return uint32(flags), err
}

func (t *thread) Mmap(addr, length uint64, prot mm.Prot, flags mm.MapFlags, fd int, offset uint64) (uint64, error) {
	return t.call(unix.SYS_MMAP, addr, length, uint64(prot), uint64(flags), uint64(fd), offset)
}

func (t *thread) Munmap(addr, length uint64) error { return t.status(unix.SYS_MUNMAP, addr, length) }

func (t *thread) Mprotect(addr, length uint64, prot mm.Prot) error {
	return t.status(unix.SYS_MPROTECT, addr, length, uint64(prot))
}

func (t *thread) Mremap(old, oldLen, newLen uint64, flags mm.MremapFlags, to uint64) (uint64, error) {
	return t.call(unix.SYS_MREMAP, old, oldLen, newLen, uint64(flags), to)
}

func (t *thread) Madvise(addr, length uint64, advice mm.Advice) error {
	return t.status(unix.SYS_MADVISE, addr, length, uint64(advice))
}

func (t *thread) Load(addr uint64, buf []byte) (mm.Outcome, uint64) {
	return t.touch(t.Lend(0, buf), addr, len(buf))
}

func (t *thread) Store(addr uint64, data []byte) (mm.Outcome, uint64) {
	return t.touch(addr, t.Lend(0, data), len(data))
}

// touch copies bytes by one instruction, and says what signal that has got.
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

// CopyFromUser writes the bytes to a pipe, and reads them from there.
func (t *thread) CopyFromUser(dst []byte, addr uint64) error {
	p, err := t.aPipe()
	if err != nil {
		return err
	}
	p.dirty = true
	n, err := t.call(unix.SYS_WRITE, p.in, addr, uint64(len(dst)))
	if err == nil && n < uint64(len(dst)) {
		err = errno.EFAULT
	}
	if err != nil {
		return err
	}
	_, err = t.call(unix.SYS_READ, p.out, t.Lend(0, dst), uint64(len(dst)))
	p.dirty = err != nil
	return err
}

// CopyToUser writes the bytes to a pipe, and reads them from there to where they are to go.
func (t *thread) CopyToUser(addr uint64, src []byte) error {
	p, err := t.aPipe()
	if err != nil {
		return err
	}
	p.dirty = true
	if _, err := t.call(unix.SYS_WRITE, p.in, t.Lend(0, src), uint64(len(src))); err != nil {
		return err
	}
	n, err := t.call(unix.SYS_READ, p.out, addr, uint64(len(src)))
	if err == nil && n < uint64(len(src)) {
		err = errno.EFAULT
	}
	p.dirty = err != nil
	return err
}

// pipe is a task's own, for the kernel to read and write the program's memory.
type pipe struct {
	out, in uint64
	dirty   bool // something was left in it
}

// firstPipe is the first descriptor of pipes. They are out of the way of the scenario's, and
// below what the kernel has to make a much larger table for.
const firstPipe = 256 - 2*maxSlots

// aPipe is the task's pipe, empty.
func (t *thread) aPipe() (*pipe, error) {
	if t.pipe != nil && !t.pipe.dirty {
		return t.pipe, nil
	}
	b := make([]byte, 8)
	if err := t.status(unix.SYS_PIPE2, t.Lend(0, b), 0); err != nil {
		return nil, err
	}
	p := &pipe{out: firstPipe + 2*uint64(t.index), in: firstPipe + 2*uint64(t.index) + 1}
	for i, to := range []uint64{p.out, p.in} {
		from := uint64(binary.LittleEndian.Uint32(b[4*i:]))
		if err := t.status(unix.SYS_DUP3, from, to, 0); err != nil {
			return nil, err
		}
		if err := t.status(unix.SYS_CLOSE, from); err != nil {
			return nil, err
		}
	}
	t.pipe = p
	return p, nil
}

// Fork implements [scenario.Thread].
func (t *thread) Fork() (scenario.Process, int, error) {
	keeper, err := t.spawn(shareNo)
	if err != nil {
		return nil, 0, fmt.Errorf("fork: %w", err)
	}
	return t.process.host.addProcess(keeper, t.process.contexts), len(t.process.host.processes), nil
}

// Exit implements [scenario.Thread]: every task of the process ends.
func (t *thread) Exit() { t.process.end() }

// Kill implements [scenario.Thread].
func (t *thread) Kill(target scenario.Flight, sig sim.Signal) {
	pid := t.pid
	if f, ok := target.(*flight); ok {
		pid = f.task.pid
	}
	number := unix.SIGUSR1
	if sig&sim.SignalFatal != 0 {
		number = unix.SIGKILL
	}
	_ = t.status(unix.SYS_KILL, uint64(pid), uint64(number))
}
