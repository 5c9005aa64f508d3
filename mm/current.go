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
