package machine

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// enter emits the event for the entry into a system call.
func (t *Task) enter(call string, args ...uint64) {
	if t.Tracing() {
		e := sim.Event{Kind: "syscall_enter", Object: call}
		for _, a := range args {
			e.Args = append(e.Args, sim.Arg{Key: "arg", Value: a})
		}
		t.Emit(e)
	}
}

// leave emits the event for the return from a system call, and returns to user mode,
// which takes the pending signals: handlers run, and a fatal signal ends the task with a
// panic. leave returns ret and err. It replaces ERESTARTSYS by EINTR.
func (t *Task) leave(call string, ret uint64, err error) (uint64, error) {
	return t.leaveOr(call, ret, err, func() {})
}

// leaveOr is leave, but calls undo before a fatal signal ends the task. undo frees the
// results of the call, which a dead task cannot use.
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
		err = errno.EINTR // the model's handlers are installed without SA_RESTART
	}
	return ret, err
}

// leaveErr is leave for a call that returns no value.
func (t *Task) leaveErr(call string, err error) error {
	_, err = t.leave(call, 0, err)
	return err
}

// Userfaultfd executes userfaultfd(2) and returns the descriptor. It returns EMFILE if no
// descriptor is free; otherwise EINVAL for any flag except O_CLOEXEC and O_NONBLOCK.
func (t *Task) Userfaultfd(flags uint32) (int, error) {
	t.enter("userfaultfd", uint64(flags))
	fd, err := uffd.Userfaultfd(t.Task, t.Process.files, flags, &t.Process.machine.Config)
	_, err = t.leave("userfaultfd", uint64(fd), err)
	return fd, err
}

// Ioctl executes ioctl(2); arg is a user address. It returns EBADF if fd is not open,
// ENOTTY if the file has no ioctls, else the error of the file's operation.
func (t *Task) Ioctl(fd int, cmd uint32, arg uint64) error {
	t.enter("ioctl", uint64(fd), uint64(cmd), arg)
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		unmodelledIoctl(t.Task, cmd)
		err = errno.ENOTTY
		if f.Ops.Ioctl != nil {
			err = f.Ops.Ioctl(t.Task, f, cmd, arg)
		}
		f.Put(t.Task)
	}
	return t.leaveErr("ioctl", err)
}

// IoctlBytes is Ioctl with an argument in Go memory, which the kernel reads and writes as
// if it were user memory.
func (t *Task) IoctlBytes(fd int, cmd uint32, arg []byte) error {
	return t.Ioctl(fd, cmd, t.local.Lend(0, arg))
}

// Read executes read(2) of count bytes to user address buf. It returns EBADF if fd is not
// open, EINVAL if the file has no read operation, EFAULT if the buffer is not in user
// space, else the error of the file's operation; a signal that interrupts a sleep gives
// EINTR.
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

// accessOK reports whether a buffer is in user space: access_ok. vfs_read checks it
// before it calls the file's operation.
func (t *Task) accessOK(buf, count uint64) bool {
	return mm.Lent(buf) || count <= t.Process.MM.TaskSize && buf <= t.Process.MM.TaskSize-count
}

// Write executes write(2) of count bytes from user address buf. It returns EBADF if fd is
// not open or is read-only, and EINVAL if the file has no write operation, as a
// userfaultfd.
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

// Lseek executes lseek(2). It returns EBADF if fd is not open, EINVAL if whence is
// unknown, ESPIPE if the file cannot seek.
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

// Poll executes poll(2) with a timeout of zero (wait is false) or none. It sets Revents
// and returns the number of descriptors with events, or EINTR if a signal arrived first.
func (t *Task) Poll(fds []vfs.PollFd, wait bool) (int, error) {
	t.enter("poll", uint64(len(fds)))
	if t.poll == nil {
		t.poll = vfs.NewPollWqueues(t.Task)
	}
	n, err := t.poll.Poll(t.Task, t.Process.files, fds, wait)
	_, err = t.leave("poll", uint64(n), err)
	return n, err
}

// Close executes close(2). It returns EBADF if fd is not open. If it drops the last
// reference to the file, the calling task releases the file (REL-12).
func (t *Task) Close(fd int) error {
	t.enter("close", uint64(fd))
	f, err := t.Process.files.PickFile(t.Task, fd)
	if err == nil {
		f.Put(t.Task)
	}
	return t.leaveErr("close", err)
}

// Dup executes dup(2) and returns the new descriptor. It returns EBADF if fd is not open,
// EMFILE if no descriptor is free.
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

// seekMax is the largest valid whence, SEEK_HOLE.
const seekMax = 4

// setflMask has the flags that F_SETFL changes, as far as the model knows them.
const setflMask = abi.ONonblock

// FcntlSetFlags executes fcntl(2) with F_SETFL. It returns EBADF if fd is not open. The
// flags belong to the file, hence to all its descriptors, and may change at any time
// (CREATE-10).
func (t *Task) FcntlSetFlags(fd int, flags uint32) error {
	t.enter("fcntl", uint64(fd), uint64(flags))
	f, err := t.Process.files.Fget(t.Task, fd)
	if err == nil {
		f.SetFlags(t.Task, f.Flags(t.Task)&^setflMask|flags&setflMask)
		f.Put(t.Task)
	}
	return t.leaveErr("fcntl", err)
}

// FcntlGetFlags executes fcntl(2) with F_GETFL and returns the file's O_ bits. It returns
// EBADF if fd is not open.
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

// Mmap executes mmap(2) and returns the address. offset is in bytes. fd is ignored for
// anonymous memory. It returns EINVAL if offset is not a multiple of the page size, EBADF
// if fd is not open, else the error of [mm.MM.Mmap].
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

// Munmap executes munmap(2): see [mm.MM.Munmap].
func (t *Task) Munmap(addr, length uint64) error {
	t.enter("munmap", addr, length)
	return t.leaveErr("munmap", t.Process.MM.Munmap(t.Task, addr, length))
}

// Mprotect executes mprotect(2): see [mm.MM.Mprotect].
func (t *Task) Mprotect(addr, length uint64, prot mm.Prot) error {
	t.enter("mprotect", addr, length, uint64(prot))
	return t.leaveErr("mprotect", t.Process.MM.Mprotect(t.Task, addr, length, prot))
}

// Mremap executes mremap(2) and returns the new address: see [mm.MM.Mremap].
func (t *Task) Mremap(old, oldLen, newLen uint64, flags mm.MremapFlags, to uint64) (uint64, error) {
	t.enter("mremap", old, oldLen, newLen, uint64(flags), to)
	at, err := t.Process.MM.Mremap(t.Task, old, oldLen, newLen, flags, to)
	return t.leave("mremap", at, err)
}

// Madvise executes madvise(2): see [mm.MM.Madvise].
func (t *Task) Madvise(addr, length uint64, advice mm.Advice) error {
	t.enter("madvise", addr, length, uint64(advice))
	return t.leaveErr("madvise", t.Process.MM.Madvise(t.Task, addr, length, advice))
}

// Kill sends a signal to the target: tgkill(2).
func (t *Task) Kill(target *sim.Task, sig sim.Signal) {
	t.enter("tgkill", uint64(target.ID()), uint64(sig))
	t.Signal(target, sig)
	_, _ = t.leave("tgkill", 0, nil)
}
