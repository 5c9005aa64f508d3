package live

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/uffdsim/uffdsim/scenario"
	"golang.org/x/sys/unix"
)

// slot is where a task gets its commands. The assembly knows the offsets.
type slot struct {
	seq, taken, done uint32 // number of the command asked for, begun and done; futexes
	sig              uint32 // the signal that ended a touch, 0 for none
	nr               int64  // system call, or one of the commands below
	args             [6]uint64
	ret              int64
	newslot          uint64 // of the task that cmdSpawn makes
	at               uint64 // where a touch ended
	parent           uint32 // PID of the controller, without which the task ends
}

const (
	cmdCopy  = -1 // copy args[2] bytes to args[0] from args[1]
	cmdSpawn = -2 // clone(args[0], args[1]), whose child serves newslot
)

// Each slot has a page to itself, and two panes: memory that stands for a program's own.
// Nothing is mapped behind the second, so that who reads past its end gets a fault.
const (
	pageSize  = 4096
	paneSize  = 2 << 20
	panes     = 2
	slotSize  = pageSize + panes*paneSize + pageSize
	maxSlots  = 14
	stackSize = 16 << 10
)

// arena is the memory of all slots. It is shared with every task, at the same address, and
// so are the stacks behind it that signal handlers run on; but those not between processes.
type arena struct {
	slots  []byte
	stacks []byte
	used   [maxSlots]bool
}

func newArena() (*arena, error) {
	a := &arena{}
	var err error
	if a.slots, err = unix.Mmap(-1, 0, maxSlots*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS); err != nil {
		return nil, fmt.Errorf("mmap of the slots: %w", err)
	}
	for i := range maxSlots {
		end := (i + 1) * slotSize
		if err := unix.Mprotect(a.slots[end-pageSize:end], unix.PROT_NONE); err != nil {
			return nil, fmt.Errorf("mprotect behind a slot: %w", err)
		}
	}
	a.stacks, err = unix.Mmap(-1, 0, maxSlots*stackSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mmap of the stacks: %w", err)
	}
	return a, nil
}

// close unmaps it all.
func (a *arena) close() {
	_ = unix.Munmap(a.slots)
	_ = unix.Munmap(a.stacks)
}

// take reserves a slot.
func (a *arena) take() (int, error) {
	for i, used := range a.used {
		if !used {
			a.used[i] = true
			*a.slot(i) = slot{parent: uint32(os.Getpid())}
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: more than %d tasks", scenario.ErrNoRoom, maxSlots)
}

func (a *arena) slot(i int) *slot { return (*slot)(unsafe.Pointer(&a.slots[i*slotSize])) }

// pane is the memory of a slot's pane. Pane 0 is the second.
func (a *arena) pane(i, p int) []byte {
	at := i*slotSize + pageSize + (panes-1-p)*paneSize
	return a.slots[at : at+paneSize]
}

// stackTop is the end of a slot's stack.
func (a *arena) stackTop(i int) uintptr {
	return address(a.stacks) + uintptr(i+1)*stackSize
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// post asks for a command. The last one must be done.
func (s *slot) post(nr int64, args ...uint64) {
	s.nr, s.sig, s.args = nr, 0, [6]uint64{}
	copy(s.args[:], args)
	atomic.AddUint32(&s.seq, 1)
	futexWake(&s.seq)
}

// finished reports whether the last command is done.
func (s *slot) finished() bool { return atomic.LoadUint32(&s.done) == atomic.LoadUint32(&s.seq) }

func futexWake(word *uint32) {
	const wake = 1
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, 1, 0, 0, 0)
}

// futexWait sleeps while the word has the value, but not for longer than the time.
func futexWait(word *uint32, value uint32, limit unix.Timespec) {
	const wait = 0
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wait, uintptr(value),
		uintptr(unsafe.Pointer(&limit)), 0, 0)
}

// startServer makes a task that serves the slot, until the calling thread ends: clone(2).
func startServer(flags, stack, slot uintptr) (pid int64)

// entryPoints are the addresses of the handlers.
func entryPoints() (fault, signal, restore uintptr)
