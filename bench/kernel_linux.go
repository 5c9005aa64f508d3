package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// span is the size of the arena, in bytes: enough for the largest program.
const span = 1 << 34

// KernelVersion returns the version of the running kernel.
func KernelVersion() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// kernel is this process with a userfaultfd of the running kernel.
type kernel struct {
	main    *kernelThread
	fd      uintptr
	threads sync.WaitGroup
}

// newKernel makes a world of the running kernel. Only one may exist at a time.
func newKernel(nonblock bool, n int) (world, error) {
	if runtime.GOMAXPROCS(0) < 2 {
		return nil, errors.New("the kernel's sleepers and their monitor need two processors (GOMAXPROCS)")
	}
	if most, err := maxMapCount(); err == nil && n+1000 > most {
		return nil, fmt.Errorf("%d VMAs are more than vm.max_map_count = %d (sysctl -w vm.max_map_count=%d)", n, most, n+10_000)
	}
	flags := uintptr(unix.O_CLOEXEC)
	if nonblock {
		flags |= unix.O_NONBLOCK
	}
	fd, err := userfaultfd(flags)
	if err != nil {
		return nil, fmt.Errorf("userfaultfd: %w", err)
	}
	w := &kernel{fd: fd}
	w.main = &kernelThread{world: w}
	if err := w.main.api(&abi.API{API: abi.APIVersion}); err != nil {
		return nil, fmt.Errorf("UFFDIO_API: %w", err)
	}
	return w, nil
}

// userfaultfd makes a userfaultfd by the system call or, if that is not permitted, by the
// device. The error EPERM names what would permit it.
func userfaultfd(flags uintptr) (uintptr, error) {
	fd, _, no := unix.RawSyscall(unix.SYS_USERFAULTFD, flags, 0, 0)
	switch no {
	case 0:
		return fd, nil
	case unix.EPERM:
		device, err := unix.Open(abi.Device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, fmt.Errorf("%w; %s", no, abi.Remedies)
		}
		defer unix.Close(device)
		if fd, _, no = unix.RawSyscall(unix.SYS_IOCTL, uintptr(device), uintptr(abi.USERFAULTFD_IOC_NEW), flags); no == 0 {
			return fd, nil
		}
	}
	return 0, no
}

func maxMapCount() (int, error) {
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (w *kernel) Main() thread { return w.main }

func (w *kernel) Go(fn func(thread)) {
	w.threads.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		fn(&kernelThread{world: w})
	})
}

func (w *kernel) Wait() { w.threads.Wait() }

func (w *kernel) Close() {
	_ = unix.Close(int(w.fd))
	w.Wait()
	_, _, _ = unix.Syscall(unix.SYS_MUNMAP, uintptr(arena), span, 0)
}

// onKernel runs a part of a benchmark on the kernel. For Go, a thread that waits for a
// page only loads a byte, and counts as running (GOMAXPROCS), so there must be at least
// two. The garbage collector is off meanwhile: it would wait for that thread, and the
// monitor, which fills the page, for the collector.
func onKernel(part func() (float64, error)) (float64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC() // ends a collection in progress
	return part()
}

// kernelThread makes raw system calls, without the cost of Go's bookkeeping.
type kernelThread struct {
	world *kernel
	poll  [1]unix.PollFd
	arg   [abi.CopySize]byte // the argument of an ioctl, or a message; the largest struct
	page  [pageSize]byte     // lent memory
	byte  byte               // loaded by Touch
}

func status(_, _ uintptr, no unix.Errno) error {
	if no != 0 {
		return errno.Errno(no)
	}
	return nil
}

func (t *kernelThread) Map(at, length uint64) (uint64, error) {
	flags := uintptr(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS)
	if at != 0 {
		flags |= unix.MAP_FIXED
	}
	got, _, no := unix.RawSyscall6(unix.SYS_MMAP, uintptr(at), uintptr(length), unix.PROT_READ|unix.PROT_WRITE, flags, ^uintptr(0), 0)
	return uint64(got), status(0, 0, no)
}

func (t *kernelThread) Unmap(at, length uint64) error {
	return status(unix.RawSyscall(unix.SYS_MUNMAP, uintptr(at), uintptr(length), 0))
}

func (t *kernelThread) DontNeed(at, length uint64) error {
	return status(unix.RawSyscall(unix.SYS_MADVISE, uintptr(at), uintptr(length), unix.MADV_DONTNEED))
}

// ioctl makes an ioctl with the argument in arg.
func (t *kernelThread) ioctl(cmd uint32) error {
	return status(unix.RawSyscall(unix.SYS_IOCTL, t.world.fd, uintptr(cmd), uintptr(unsafe.Pointer(&t.arg[0]))))
}

func (t *kernelThread) api(a *abi.API) error {
	a.Encode(t.arg[:])
	err := t.ioctl(abi.UFFDIO_API)
	a.Decode(t.arg[:])
	return err
}

func (t *kernelThread) Register(r *abi.Register) error {
	r.Encode(t.arg[:])
	err := t.ioctl(abi.UFFDIO_REGISTER)
	r.Decode(t.arg[:])
	return err
}

func (t *kernelThread) Unregister(r abi.Range) error {
	r.Encode(t.arg[:])
	return t.ioctl(abi.UFFDIO_UNREGISTER)
}

func (t *kernelThread) Wake(r abi.Range) error {
	r.Encode(t.arg[:])
	return t.ioctl(abi.UFFDIO_WAKE)
}

func (t *kernelThread) Copy(c *abi.Copy) error {
	c.Encode(t.arg[:])
	err := t.ioctl(abi.UFFDIO_COPY)
	c.Decode(t.arg[:])
	return err
}

func (t *kernelThread) Zeropage(z *abi.Zeropage) error {
	z.Encode(t.arg[:])
	err := t.ioctl(abi.UFFDIO_ZEROPAGE)
	z.Decode(t.arg[:])
	return err
}

func (t *kernelThread) ReadMsg() (msg abi.Msg, err error) {
	err = status(unix.RawSyscall(unix.SYS_READ, t.world.fd, uintptr(unsafe.Pointer(&t.arg[0])), abi.MsgSize))
	if err == nil {
		msg.Decode(t.arg[:])
	}
	return msg, err
}

func (t *kernelThread) PollIn() error {
	t.poll[0] = unix.PollFd{Fd: int32(t.world.fd), Events: unix.POLLIN}
	forever := unix.Timespec{Sec: 3600}
	err := error(errno.EINTR)
	for err == errno.EINTR { // Go's scheduler sends its threads signals
		err = status(unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&t.poll[0])), 1, uintptr(unsafe.Pointer(&forever)), 0, 0, 0))
	}
	if err == nil && t.poll[0].Revents != unix.POLLIN {
		return errno.EIO
	}
	return err
}

func (t *kernelThread) Touch(at uint64) {
	t.byte = *(*byte)(unsafe.Add(unsafe.Pointer(nil), at))
}

// Block touches the page by a system call, so that Go knows that the thread is not
// running.
func (t *kernelThread) Block(at uint64) {
	_, _, no := unix.Syscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(at), 0)
	if no != 0 {
		panic(no)
	}
}

func (t *kernelThread) Lend(mem []byte) uint64 {
	copy(t.page[:], mem)
	return uint64(uintptr(unsafe.Pointer(&t.page[0])))
}
