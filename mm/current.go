package mm

import "github.com/uffdsim/uffdsim/sim"

// Thread is the part of a task_struct and its kernel stack that memory management needs.
// Every task that runs kernel code has it as its Private. Only the task itself uses it,
// so it needs no lock.
type Thread struct {
	// MM is the task's address space.
	MM *MM
	// TID is the task's number in its own pid namespace.
	TID uint32
	// Fault belongs to the handler of the task's userfaults, which keeps its state here
	// between faults so that a fault does not allocate.
	Fault any
	// MajFlt and MinFlt are the numbers of major and minor faults. A fault is major if it
	// slept or, since 5.9, if it was retried.
	MajFlt, MinFlt uint64

	vmf Fault // the page fault in progress

	// Allocated on first use, since most tasks need neither.
	wait   *sim.WaitQueueEntry
	window *[2][]byte
}

// WaitEntry returns the task's entry for the wait queue on which it sleeps in a system
// call. A task sleeps on one queue at a time, so it has one entry.
func (th *Thread) WaitEntry(t *sim.Task) *sim.WaitQueueEntry {
	if th.wait == nil {
		th.wait = &sim.WaitQueueEntry{Task: t, Func: sim.DefaultWakeFunction}
		sim.Label(t, th.wait, t.Name()+"'s wait", uint64(t.ID())<<32)
	}
	return th.wait
}

// Current returns the task's Thread.
func Current(t *sim.Task) *Thread { return t.Private.(*Thread) }

// The window is a range of addresses above user memory that stand for Go memory, lent for
// the duration of a call. Through it, a caller outside the model passes a struct or the
// bytes of a page to the kernel as a user pointer without mapping anything. It has two
// panes, so that a call can pass two pointers.
const (
	windowBase  = 0xffff_8000_0000_0000
	paneShift   = 40
	windowLimit = windowBase + 2<<paneShift
)

// Lend maps Go memory to a pane (0 or 1) of the task's window and returns the user
// pointer that stands for it. The pointer is valid until the next Lend of the same pane
// or TakeBack.
func (th *Thread) Lend(pane int, mem []byte) uint64 {
	if th.window == nil {
		th.window = new([2][]byte)
	}
	th.window[pane] = mem
	return windowBase + uint64(pane)<<paneShift
}

// TakeBack ends all loans. Without it, a task that has ended but is still referenced
// would keep the lent memory from being collected.
func (th *Thread) TakeBack() { th.window = nil }

// Lent reports whether the address is in a window, as those that Lend returns are.
func Lent(addr uint64) bool { return addr >= windowBase && addr < windowLimit }

// pane reports whether addr is in the window, and returns the n bytes of lent memory
// there. mem is nil if fewer than n bytes are lent at addr.
func (th *Thread) pane(addr uint64, n int) (mem []byte, lent bool) {
	if !Lent(addr) {
		return nil, false
	}
	if th.window == nil {
		return nil, true
	}
	mem = th.window[(addr-windowBase)>>paneShift]
	offset := addr & (1<<paneShift - 1)
	if offset+uint64(n) > uint64(len(mem)) {
		return nil, true
	}
	return mem[offset : offset+uint64(n)], true
}
