package mm

import "github.com/uffdsim/uffdsim/sim"

// Thread is what current points at, as far as memory is concerned: the address
// space, and what the floors above keep on the task's kernel stack. It is the
// Private of every task that runs kernel code.
type Thread struct {
	// MM is the task's address space.
	MM *MM
	// TID is the task's number, as it sees it itself.
	TID uint32
	// Fault is the userfault that the task is in, kept from one to the next by its
	// handler so that a fault allocates nothing.
	Fault any
	// MajFlt and MinFlt count the faults that slept and those that did not.
	MajFlt, MinFlt uint64

	vmf Fault // that the task is in

	// What the first call makes that needs it, and later ones use: most tasks never do.
	wait   *sim.WaitQueueEntry
	window *[2][]byte
}

// WaitEntry is the entry for the one wait queue that the task sleeps on in a system call.
func (th *Thread) WaitEntry(t *sim.Task) *sim.WaitQueueEntry {
	if th.wait == nil {
		th.wait = &sim.WaitQueueEntry{Task: t, Func: sim.DefaultWakeFunction}
		sim.Label(t, th.wait, t.Name()+"'s wait", uint64(t.ID())<<32)
	}
	return th.wait
}

// Current returns the task's Thread.
func Current(t *sim.Task) *Thread { return t.Private.(*Thread) }

// The window is a stretch of addresses above every TaskSize behind which lies Go
// memory, lent by a task for the length of a call. A caller outside of the model
// passes a struct or a page's bytes to the kernel through it, as a pointer, and
// needs no mapping for that. It has two panes.
const (
	windowBase  = 0xffff_8000_0000_0000
	paneShift   = 40
	windowLimit = windowBase + 2<<paneShift
)

// Lend puts Go memory behind a pane (0 or 1) of the task's window and returns the
// user pointer that stands for it. It holds until the next Lend of the same pane.
func (th *Thread) Lend(pane int, mem []byte) uint64 {
	if th.window == nil {
		th.window = new([2][]byte)
	}
	th.window[pane] = mem
	return windowBase + uint64(pane)<<paneShift
}

// TakeBack ends what has been lent. A task that has ended may be known to somebody for as long as the machine
// lives, and its window with it.
func (th *Thread) TakeBack() { th.window = nil }

// Lent reports whether the address is one that Lend returns: it stands for a user's,
// though it is none.
func Lent(addr uint64) bool { return addr >= windowBase && addr < windowLimit }

// pane returns the lent memory at addr, if that is where the address lies. Less
// than n bytes of it are an unreadable address.
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
