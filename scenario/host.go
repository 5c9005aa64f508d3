package scenario

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Host is the system that a scenario runs on: the modelled machine, or a kernel.
type Host interface {
	// First returns the first process. It has the descriptors 0, 1 and 2.
	First() Process
	// Settle returns when every operation has ended or sleeps in the kernel. The error is
	// a bug of the host.
	Settle() error
	// Close ends all processes.
	Close()
}

// Process is a process of a host.
type Process interface {
	// Start runs fn as a thread of the process, and calls done when the thread has ended.
	// A process has at most one thread of a name at a time.
	Start(name string, fn func(t Thread), done func(killed bool)) Flight
	// NameContext sets the scenario's name of the context of a descriptor that
	// userfaultfd has just returned.
	NameContext(fd int, name string)
	// Maps returns the mappings, lowest first.
	Maps() ([]Mapping, error)
	// Present reports for each of n pages from addr on whether the page table has it:
	// /proc/PID/pagemap.
	Present(addr uint64, n int) ([]bool, error)
	// Fdinfo returns the text of /proc/PID/fdinfo/FD, without the lines that all files
	// have.
	Fdinfo(fd int) (string, error)
}

// Flight is an operation that has begun, in the form of its host.
type Flight any

// Mapping is a line of /proc/PID/maps, with the registration.
type Mapping struct {
	Start, End uint64 // in bytes
	Prot       string // "rw-p"
	Kind       string // the file or the operations; "" for anonymous memory
	Context    string // the name of the context that gets the faults, "" for none
	Modes      string // of the registration: "missing"
}

// Thread makes the system calls of an operation. The methods are those of [machine.Task],
// with the same errors: an error of the kernel is an errno.Errno.
type Thread interface {
	// TID returns the thread's number, as gettid does.
	TID() uint32
	Userfaultfd(flags uint32) (int, error)
	Ioctl(fd int, cmd uint32, arg uint64) error
	IoctlBytes(fd int, cmd uint32, arg []byte) error
	Read(fd int, buf, count uint64) (uint64, error)
	Write(fd int, buf, count uint64) (uint64, error)
	Lseek(fd int, offset int64, whence int) (int64, error)
	Poll(fds []vfs.PollFd, wait bool) (int, error)
	Close(fd int) error
	Dup(fd int) (int, error)
	FcntlSetFlags(fd int, flags uint32) error
	FcntlGetFlags(fd int) (uint32, error)

	Mmap(addr, length uint64, prot mm.Prot, flags mm.MapFlags, fd int, offset uint64) (uint64, error)
	Munmap(addr, length uint64) error
	Mprotect(addr, length uint64, prot mm.Prot) error
	Mremap(old, oldLen, newLen uint64, flags mm.MremapFlags, to uint64) (uint64, error)
	Madvise(addr, length uint64, advice mm.Advice) error

	Load(addr uint64, buf []byte) (mm.Outcome, uint64)
	Store(addr uint64, data []byte) (mm.Outcome, uint64)
	CopyFromUser(dst []byte, addr uint64) error
	CopyToUser(addr uint64, src []byte) error
	// Lend returns a user pointer to Go memory. It is valid until the next call returns.
	Lend(pane int, mem []byte) uint64

	// Fork returns the child process and its PID.
	Fork() (Process, int, error)
	Exit()
	// Kill sends a signal to an operation that has begun; nil is the caller's own.
	Kill(target Flight, sig sim.Signal)
}
