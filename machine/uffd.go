package machine

import "github.com/uffdsim/uffdsim/uffd/abi"

// This file has the typed ioctls of a userfaultfd. Each encodes its struct to the bytes
// that a program would pass to ioctl(2), and decodes the bytes afterwards, also if the
// ioctl fails. Only the first call of a task allocates. A killed task does not return
// from a call.

// callState is state that a task's system calls keep. It is separate from [Task] to keep
// tasks small: most of them only fault.
type callState struct {
	arg   [abi.CopySize]byte // the argument of an ioctl, or a message; no struct is larger
	dying bool               // set before the panic with killed
}

// calls returns the task's callState.
func (t *Task) calls() *callState {
	if t.kept == nil {
		t.kept = new(callState)
	}
	return t.kept
}

// UffdAPI executes UFFDIO_API, the handshake. It sets api's Features and Ioctls to those
// that the kernel supports. It returns EINVAL if the handshake has already been made; it
// returns EINVAL and zeroes api if the version or a feature is unknown.
func (t *Task) UffdAPI(fd int, api *abi.API) error {
	b := t.calls().arg[:abi.APISize]
	api.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_API, b)
	api.Decode(b)
	return err
}

// UffdRegister executes UFFDIO_REGISTER. It sets r's Ioctls to those that the range
// supports. It returns EINVAL if the mode or the range is invalid, if nothing is mapped
// in the range, or if it has memory of an unsupported type; ENOMEM if nothing is mapped
// at or above its start; EBUSY if some of it is registered with another context.
func (t *Task) UffdRegister(fd int, r *abi.Register) error {
	b := t.calls().arg[:abi.RegisterSize]
	r.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_REGISTER, b)
	r.Decode(b)
	return err
}

// UffdUnregister executes UFFDIO_UNREGISTER. The errors are those of [Task.UffdRegister],
// except EBUSY.
func (t *Task) UffdUnregister(fd int, r abi.Range) error {
	b := t.calls().arg[:abi.RangeSize]
	r.Encode(b)
	return t.IoctlBytes(fd, abi.UFFDIO_UNREGISTER, b)
}

// UffdWake executes UFFDIO_WAKE. It returns EINVAL if the range is invalid; nothing needs
// to be mapped there.
func (t *Task) UffdWake(fd int, r abi.Range) error {
	b := t.calls().arg[:abi.RangeSize]
	r.Encode(b)
	return t.IoctlBytes(fd, abi.UFFDIO_WAKE, b)
}

// UffdCopy executes UFFDIO_COPY. c's Src is a user address; [Task.Lend] returns one for
// Go memory. It sets c's Copy to the number of bytes copied, or to a negative errno. It
// returns EAGAIN if only some of the pages were copied, EEXIST if the first page is
// already present, EFAULT if the source cannot be read, EINVAL if the range or the mode
// is invalid.
func (t *Task) UffdCopy(fd int, c *abi.Copy) error {
	b := t.calls().arg[:abi.CopySize]
	c.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_COPY, b)
	c.Decode(b)
	return err
}

// UffdZeropage executes UFFDIO_ZEROPAGE. It is [Task.UffdCopy] with pages of zeroes as
// the source.
func (t *Task) UffdZeropage(fd int, z *abi.Zeropage) error {
	b := t.calls().arg[:abi.ZeropageSize]
	z.Encode(b)
	err := t.IoctlBytes(fd, abi.UFFDIO_ZEROPAGE, b)
	z.Decode(b)
	return err
}

// UffdReadMsg executes read(2) of one message and returns it. It sleeps until a fault is
// pending. If the descriptor is non-blocking it returns EAGAIN instead. It returns EINTR
// if a signal interrupted the sleep, EINVAL before the handshake.
func (t *Task) UffdReadMsg(fd int) (msg abi.Msg, err error) {
	b := t.calls().arg[:abi.MsgSize]
	if _, err = t.ReadBytes(fd, b); err == nil {
		msg.Decode(b)
	}
	return msg, err
}
