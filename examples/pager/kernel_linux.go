package pager

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// Kernel is a userfaultfd of the running kernel.
type Kernel struct{ file *os.File }

// OpenKernel returns a userfaultfd with which it has registered mem. An unprivileged
// caller must set [abi.UserModeOnly] in flags. A fault of the kernel itself, in a system
// call or in KVM, is then an error, and sends no message.
func OpenKernel(mem []byte, flags uintptr) (*Kernel, error) {
	// Non-blocking: os.File then waits for faults with epoll, and not with a thread.
	fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if e != 0 {
		return nil, os.NewSyscallError("userfaultfd", e)
	}
	b := make([]byte, abi.APISize)
	(&abi.API{API: abi.APIVersion}).Encode(b)
	err := os.NewSyscallError("UFFDIO_API", ioctl(fd, abi.UFFDIO_API, b))
	// After the handshake: before it poll reports an error, which os.File would remember.
	k := &Kernel{os.NewFile(fd, "userfaultfd")}
	if err == nil {
		err = k.register(mem)
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (k *Kernel) register(mem []byte) error {
	start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	b := make([]byte, abi.RegisterSize)
	(&abi.Register{Range: abi.Range{Start: start, Len: uint64(len(mem))}, Mode: abi.RegisterModeMissing}).Encode(b)
	return os.NewSyscallError("UFFDIO_REGISTER", k.ioctl(abi.UFFDIO_REGISTER, b))
}

// Close closes the userfaultfd. A ReadFault that waits returns os.ErrClosed. Faults that
// were not resolved get pages of zeroes.
func (k *Kernel) Close() error { return k.file.Close() }

// ReadFault implements [Uffd].
func (k *Kernel) ReadFault() (uint64, error) {
	b := make([]byte, abi.MsgSize)
	if _, err := k.file.Read(b); err != nil {
		return 0, err
	}
	var msg abi.Msg
	msg.Decode(b)
	return msg.Address &^ (PageSize - 1), nil
}

// Copy implements [Uffd].
func (k *Kernel) Copy(addr uint64, page []byte, wake bool) error {
	var pin runtime.Pinner // the kernel gets the address as a number, which does not pin page
	defer pin.Unpin()
	pin.Pin(unsafe.SliceData(page))
	c := abi.Copy{Dst: addr, Src: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(page)))), Len: uint64(len(page))}
	if !wake {
		c.Mode = abi.CopyModeDontwake
	}
	b := make([]byte, abi.CopySize)
	c.Encode(b)
	return os.NewSyscallError("UFFDIO_COPY", k.ioctl(abi.UFFDIO_COPY, b))
}

// Wake implements [Uffd].
func (k *Kernel) Wake(addr, length uint64) error {
	b := make([]byte, abi.RangeSize)
	(&abi.Range{Start: addr, Len: length}).Encode(b)
	return os.NewSyscallError("UFFDIO_WAKE", k.ioctl(abi.UFFDIO_WAKE, b))
}

// ioctl gets the descriptor's number from the file for each call. After Close the number
// may belong to another file.
func (k *Kernel) ioctl(cmd uint32, arg []byte) error {
	conn, err := k.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if conn.Control(func(fd uintptr) { failed = ioctl(fd, cmd, arg) }) != nil {
		return os.ErrClosed
	}
	return failed
}

func ioctl(fd uintptr, cmd uint32, arg []byte) error {
	_, _, e := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(cmd), uintptr(unsafe.Pointer(unsafe.SliceData(arg))))
	if e != 0 {
		return e
	}
	return nil
}
