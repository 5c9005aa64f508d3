package machine

import "github.com/uffdsim/uffdsim/uffd/abi"

// The ioctls of a userfaultfd, typed. Each passes the struct to ioctl(2) as the bytes that
// a program would pass, and stores what the kernel left there in the struct, with or
// without an error. None allocates after a task's first. A task that is killed does not
// return from them.

// callState is what a task's system calls keep from one to the next. It is separate from
// [Task] because most tasks do nothing but fault: they are smaller without it.
type callState struct {
	arg   [abi.CopySize]byte // the argument of an ioctl, or a message: no struct is larger
	dying bool               // set before the panic with killed
}

// calls returns the task's callState.
func (t *Task) calls() *callState {
	if t.kept == nil {
		t.kept = new(callState)
	}
	return t.kept
}

// UffdAPI is UFFDIO_API, the handshake. It sets api's Features and Ioctls to what the kernel
// offers. EINVAL if the handshake has been made already; EINVAL, with api zeroed, if the
// version or a feature is unknown.
func (t *Task) UffdAPI(fd int, api *abi.API) error {
	b := t.calls().arg[:abi.APISize]
	api.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_API, b)
	api.Decode(b)
	return err
}

// UffdRegister is UFFDIO_REGISTER. It sets r's Ioctls to what can be done with the range.
// EINVAL for the mode or the range, ENOMEM if nothing is mapped at or above its start,
// EINVAL if nothing is mapped in it or if the memory is of a kind that cannot be
// registered, EBUSY if another context has some of it.
func (t *Task) UffdRegister(fd int, r *abi.Register) error {
	b := t.calls().arg[:abi.RegisterSize]
	r.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_REGISTER, b)
	r.Decode(b)
	return err
}

// UffdUnregister is UFFDIO_UNREGISTER. The errors are those of [Task.UffdRegister], except
// EBUSY.
func (t *Task) UffdUnregister(fd int, r abi.Range) error {
	b := t.calls().arg[:abi.RangeSize]
	r.Encode(b)
	return t.IoctlBytes(fd, abi.UFFDIO_UNREGISTER, b)
}

// UffdWake is UFFDIO_WAKE. EINVAL for the range; nothing needs to be mapped there.
func (t *Task) UffdWake(fd int, r abi.Range) error {
	b := t.calls().arg[:abi.RangeSize]
	r.Encode(b)
	return t.IoctlBytes(fd, abi.UFFDIO_WAKE, b)
}

// UffdCopy is UFFDIO_COPY. c's Src is a user pointer: one that [Task.Lend] returns for Go
// memory. The call sets c's Copy to the bytes copied, or to a negative errno. EAGAIN if
// only some of the pages were copied, EEXIST if the first page is there already, EFAULT if
// the source cannot be read, EINVAL for the range or the mode.
func (t *Task) UffdCopy(fd int, c *abi.Copy) error {
	b := t.calls().arg[:abi.CopySize]
	c.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_COPY, b)
	c.Decode(b)
	return err
}

// UffdZeropage is UFFDIO_ZEROPAGE: as [Task.UffdCopy], but with pages of zeroes.
func (t *Task) UffdZeropage(fd int, z *abi.Zeropage) error {
	b := t.calls().arg[:abi.ZeropageSize]
	z.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_ZEROPAGE, b)
	z.Decode(b)
	return err
}

// UffdReadMsg is read(2) of one message. It sleeps until a fault is pending, unless the
// descriptor is non-blocking. EAGAIN if no fault is pending and it is, EINTR if a signal
// ended the sleep, EINVAL before the handshake.
func (t *Task) UffdReadMsg(fd int) (msg abi.Msg, err error) {
	b := t.calls().arg[:abi.MsgSize]
	if _, err = t.ReadBytes(fd, b); err == nil {
		msg.Decode(b)
	}
	return msg, err
}
