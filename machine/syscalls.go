package machine

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// enter and leave frame a system call for the trace. leave also is the way back to
// user mode, where signals are taken: handlers run, and a fatal one ends the task.
func (t *Task) enter(call string, args ...uint64) {
	if t.Tracing() {
		e := sim.Event{Kind: "syscall_enter", Object: call}
		for _, a := range args {
			e.Args = append(e.Args, sim.Arg{Key: "arg", Value: a})
		}
		t.Emit(e)
	}
}

func (t *Task) leave(call string, ret uint64, err error) (uint64, error) {
	return t.leaveOr(call, ret, err, func() {})
}

// leaveOr is leave for a call that has made something which is of no use to a dead task:
// undo is called before it dies.
func (t *Task) leaveOr(call string, ret uint64, err error, undo func()) (uint64, error) {
	if t.Tracing() {
		arg := sim.Arg{Key: "ret", Value: ret}
		if err != nil {
			arg.Value = err.Error()
		}
		t.Emit(sim.Event{Kind: "syscall_exit", Object: call, Args: []sim.Arg{arg}})
	}
	if t.TakeSignals() {
		undo()
		t.calls().dying = true
		panic(killed{})
	}
	if err == errno.ERESTARTSYS {
		err = errno.EINTR // the handlers here were installed without SA_RESTART
	}
	return ret, err
}

func (t *Task) leaveErr(call string, err error) error {
	_, err = t.leave(call, 0, err)
	return err
}

// Userfaultfd is userfaultfd(2). Flags other than O_CLOEXEC and O_NONBLOCK are
// EINVAL; EMFILE without a free descriptor comes first.
func (t *Task) Userfaultfd(flags uint32) (int, error) {
	t.enter("userfaultfd", uint64(flags))
	fd, err := uffd.Userfaultfd(t.Task, t.Process.files, flags, &t.Process.machine.Config)
	_, err = t.leave("userfaultfd", uint64(fd), err)
	return fd, err
}

// Ioctl is ioctl(2) with a user pointer. EBADF, ENOTTY for a file without ioctls, or
// what the file says.
func (t *Task) Ioctl(fd int, cmd uint32, arg uint64) error {
	t.enter("ioctl", uint64(fd), uint64(cmd), arg)
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		err = errno.ENOTTY
		if f.Ops.Ioctl != nil {
			err = f.Ops.Ioctl(t.Task, f, cmd, arg)
		}
		f.Put(t.Task)
	}
	return t.leaveErr("ioctl", err)
}

// IoctlBytes is Ioctl with a struct in Go memory, which the kernel reads and writes
// as the bytes of a user's.
func (t *Task) IoctlBytes(fd int, cmd uint32, arg []byte) error {
	return t.Ioctl(fd, cmd, t.local.Lend(0, arg))
}

// Read is read(2) into the task's memory. EBADF, EINVAL for a file without read, or
// what the file says; EINTR if a signal ended a wait.
func (t *Task) Read(fd int, buf, count uint64) (uint64, error) {
	t.enter("read", uint64(fd), buf, count)
	var n uint64
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		switch {
		case f.Ops.Read == nil:
			err = errno.EINVAL
		case !t.accessOK(buf, count):
			err = errno.EFAULT
		default:
			n, err = f.Ops.Read(t.Task, f, buf, count)
		}
		f.Put(t.Task)
	}
	return t.leave("read", n, err)
}

// ReadBytes is Read into Go memory.
func (t *Task) ReadBytes(fd int, buf []byte) (int, error) {
	n, err := t.Read(fd, t.local.Lend(0, buf), uint64(len(buf)))
	return int(n), err
}

// accessOK reports whether a buffer lies in the half of the addresses that is the user's:
// access_ok. vfs_read asks before the file is asked for anything.
func (t *Task) accessOK(buf, count uint64) bool {
	return mm.Lent(buf) || count <= t.Process.MM.TaskSize && buf <= t.Process.MM.TaskSize-count
}

// Write is write(2) from the task's memory. A userfaultfd has no write: EINVAL.
func (t *Task) Write(fd int, buf, count uint64) (uint64, error) {
	t.enter("write", uint64(fd), buf, count)
	var n uint64
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		switch {
		case f.Flags(t.Task)&vfs.OAccmode == vfs.ORdonly:
			err = errno.EBADF
		default:
			err = errno.EINVAL
		}
		if err == errno.EINVAL && f.Ops.Write != nil {
			n, err = f.Ops.Write(t.Task, f, buf, count)
		}
		f.Put(t.Task)
	}
	return t.leave("write", n, err)
}

// Lseek is lseek(2). EBADF, ESPIPE for a file that cannot seek.
func (t *Task) Lseek(fd int, offset int64, whence int) (int64, error) {
	t.enter("lseek", uint64(fd), uint64(offset), uint64(whence))
	var pos int64
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		err = errno.ESPIPE
		if whence < 0 || whence > seekMax {
			err = errno.EINVAL
		} else if f.Ops.Llseek != nil {
			pos, err = f.Ops.Llseek(t.Task, f, offset, whence)
		}
		f.Put(t.Task)
	}
	_, err = t.leave("lseek", uint64(pos), err)
	return pos, err
}

// Poll is poll(2) without a timeout (wait false) or with an endless one. It returns
// the number of descriptors with events; EINTR if a signal came first.
func (t *Task) Poll(fds []vfs.PollFd, wait bool) (int, error) {
	t.enter("poll", uint64(len(fds)))
	if t.poll == nil {
		t.poll = vfs.NewPollWqueues(t.Task)
	}
	n, err := t.poll.Poll(t.Task, t.Process.files, fds, wait)
	_, err = t.leave("poll", uint64(n), err)
	return n, err
}

// Close is close(2). EBADF. The last descriptor of a file releases it here, in the
// task that closes (REL-12).
func (t *Task) Close(fd int) error {
	t.enter("close", uint64(fd))
	f, err := t.Process.files.PickFile(t.Task, fd)
	if err == nil {
		f.Put(t.Task)
	}
	return t.leaveErr("close", err)
}

// Dup is dup(2). EBADF, EMFILE.
func (t *Task) Dup(fd int) (int, error) {
	t.enter("dup", uint64(fd))
	copied := -1
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		if copied, err = t.Process.files.GetUnusedFd(t.Task, 0); err == nil {
			t.Process.files.FdInstall(t.Task, copied, f)
		} else {
			f.Put(t.Task)
		}
	}
	_, err = t.leave("dup", uint64(copied), err)
	return copied, err
}

// seekMax is the highest whence that there is: SEEK_HOLE.
const seekMax = 4

// The flags that F_SETFL can change, of those that matter here.
const setflMask = abi.ONonblock

// FcntlSetFlags is fcntl(2) with F_SETFL. EBADF. It changes the file, and so every
// descriptor that was duplicated from it, at any time (CREATE-10).
func (t *Task) FcntlSetFlags(fd int, flags uint32) error {
	t.enter("fcntl", uint64(fd), uint64(flags))
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		f.SetFlags(t.Task, f.Flags(t.Task)&^setflMask|flags&setflMask)
		f.Put(t.Task)
	}
	return t.leaveErr("fcntl", err)
}

// FcntlGetFlags is fcntl(2) with F_GETFL. EBADF.
func (t *Task) FcntlGetFlags(fd int) (uint32, error) {
	t.enter("fcntl", uint64(fd))
	var flags uint32
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		flags = f.Flags(t.Task)
		f.Put(t.Task)
	}
	_, err = t.leave("fcntl", uint64(flags), err)
	return flags, err
}

// Mmap is mmap(2): see [mm.MM.Mmap] for the errors. fd is ignored for anonymous
// memory; offset is in bytes.
func (t *Task) Mmap(addr, length uint64, prot mm.Prot, flags mm.MapFlags, fd int, offset uint64) (uint64, error) {
	t.enter("mmap", addr, length, uint64(prot), uint64(flags), uint64(fd), offset)
	var at uint64
	var f *vfs.File
	var err error
	switch {
	case offset%mm.PageSize != 0:
		err = errno.EINVAL
	case flags&mm.MapAnonymous == 0:
		f, err = t.Process.files.Fget(t.Task, fd)
	}
	if err == nil {
		at, err = t.Process.MM.Mmap(t.Task, addr, length, prot, flags, f, offset>>mm.PageShift)
	}
	if f != nil {
		f.Put(t.Task)
	}
	return t.leave("mmap", at, err)
}

// Munmap is munmap(2): see [mm.MM.Munmap].
func (t *Task) Munmap(addr, length uint64) error {
	t.enter("munmap", addr, length)
	return t.leaveErr("munmap", t.Process.MM.Munmap(t.Task, addr, length))
}

// Mprotect is mprotect(2): see [mm.MM.Mprotect].
func (t *Task) Mprotect(addr, length uint64, prot mm.Prot) error {
	t.enter("mprotect", addr, length, uint64(prot))
	return t.leaveErr("mprotect", t.Process.MM.Mprotect(t.Task, addr, length, prot))
}

// Mremap is mremap(2): see [mm.MM.Mremap].
func (t *Task) Mremap(old, oldLen, newLen uint64, flags mm.MremapFlags, to uint64) (uint64, error) {
	t.enter("mremap", old, oldLen, newLen, uint64(flags), to)
	at, err := t.Process.MM.Mremap(t.Task, old, oldLen, newLen, flags, to)
	return t.leave("mremap", at, err)
}

// Madvise is madvise(2): see [mm.MM.Madvise].
func (t *Task) Madvise(addr, length uint64, advice mm.Advice) error {
	t.enter("madvise", addr, length, uint64(advice))
	return t.leaveErr("madvise", t.Process.MM.Madvise(t.Task, addr, length, advice))
}

// Kill sends a signal to a task: tgkill(2).
func (t *Task) Kill(target *sim.Task, sig sim.Signal) {
	t.enter("tgkill", uint64(target.ID()), uint64(sig))
	t.Signal(target, sig)
	_, _ = t.leave("tgkill", 0, nil)
}
