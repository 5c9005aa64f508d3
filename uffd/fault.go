package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// msgInit is a message of zeroes: msg_init. The bytes between its fields go to user
// space as well.
func msgInit() abi.Msg { return abi.Msg{} }

// userfaultMsg is the message that tells a reader of the fault: userfault_msg
// (FAULT-7). The address is as the access had it, with the offset in its page.
func userfaultMsg(address uint64, flags mm.FaultFlags, reason mm.VMFlags) abi.Msg {
	msg := msgInit()
	msg.Event, msg.Address = abi.EventPagefault, address
	if flags&mm.FaultWrite != 0 {
		msg.Flags |= abi.PagefaultFlagWrite
	}
	if reason&mm.VMUffdWP != 0 {
		msg.Flags |= abi.PagefaultFlagWP
	}
	return msg
}

// mustWait looks, after the fault has been queued, whether its page is still
// missing: userfaultfd_must_wait. Without that second look a page that was installed
// between the fault and its queueing would be waited for in vain: whoever installed
// it found nobody to wake. The kind of access and the reason do not matter in 2015.
func (c *Ctx) mustWait(t *sim.Task, address uint64) bool {
	c.mm.MmapLock.AssertHeld(t)
	return c.mm.UserfaultfdMustWait(t, address)
}

// HandleUserfault makes the current task wait until its fault at address has been
// resolved, and asks for a retry: handle_userfault. mmap_lock must be held for
// reading; it has been dropped if the result has VMFaultRetry, unless flags had
// FaultRetryNowait. SIGBUS says that the fault can neither wait nor be retried.
func (c *Ctx) HandleUserfault(t *sim.Task, vma *mm.VMA, address uint64, flags mm.FaultFlags, reason mm.VMFlags) mm.FaultResult {
	const where = "handle_userfault"
	c.mm.MmapLock.AssertHeld(t)
	sim.BugOn(t, c.mm != vma.MM(), where, "the context belongs to another mm") // FAULT-2
	sim.BugOn(t, reason != mm.VMUffdMissing && reason != mm.VMUffdWP, where, "not one reason")

	// FAULT-3. A retry would find the VMA as it is for as long as release waits for
	// mmap_lock, and a caller that loops with the lock held would keep it waiting.
	if c.released.Load(t) != 0 {
		return mm.VMFaultSIGBUS
	}
	// FAULT-4: the lock cannot be dropped, so there is no way to wait.
	if flags&mm.FaultAllowRetry == 0 {
		sim.BugOn(t, flags&mm.FaultRetryNowait != 0, where, "RETRY_NOWAIT without ALLOW_RETRY")
		return mm.VMFaultSIGBUS
	}
	// FAULT-5: the caller wants neither to sleep nor to lose the lock.
	if flags&mm.FaultRetryNowait != 0 {
		return mm.VMFaultRetry
	}
	// FAULT-6. While the lock is held release cannot have finished; once it is
	// dropped this reference alone keeps the context.
	c.get(t)

	uwq := newWaitQueue(t, c, userfaultMsg(address, flags, reason))
	c.faultPendingWqh.Lock.Lock(t)
	c.faultPendingWqh.add(t, uwq) // from here on poll and read see it
	// The state comes before the look at the page, with a full barrier between (it is
	// part of SetState), and before the lock is let go: a waker that finds the entry
	// finds the task asleep (FAULT-8).
	t.SetState(sim.Killable)
	c.faultPendingWqh.Lock.Unlock(t)

	mustWait := c.mustWait(t, address) // FAULT-9: before the lock that keeps the tables is dropped
	c.mm.MmapLock.UpRead(t)            // FAULT-10

	ret := mm.VMFaultRetry
	if mustWait && c.released.Load(t) == 0 && !t.FatalSignalPending() {
		c.fdWqh.WakeUpKey(t, sim.Normal, sim.Key{Start: uint64(mm.PollIn)}) // FAULT-11
		t.Schedule()
		ret |= mm.VMFaultMajor
	}
	t.SetRunning()

	// FAULT-12. A waker leaves the entry linked to itself, and then there is nothing
	// to undo. A reader that moves it from queue to queue never does, so that the
	// entry cannot be taken for removed half-way (QUEUE-4).
	if !uwq.wq.ListEmptyCareful(t) {
		c.faultPendingWqh.Lock.Lock(t)
		uwq.del(t)
		c.faultPendingWqh.Lock.Unlock(t)
	}
	c.put(t) // after the last use of the queues: this may free them
	return ret
}

// newWaitQueue returns the task's wait queue entry, set up for a fault. A task is in
// one fault at a time, and so the entry is kept from one to the next: it stands for
// memory on the kernel stack.
func newWaitQueue(t *sim.Task, c *Ctx, msg abi.Msg) *waitQueue {
	th := mm.Current(t)
	uwq, _ := th.Fault.(*waitQueue)
	if uwq == nil {
		uwq = new(waitQueue)
		uwq.wq = sim.WaitQueueEntry{Task: t, Func: userfaultfdWakeFunction, Container: uwq}
		th.Fault = uwq
	}
	uwq.msg, uwq.ctx = msg, c
	uwq.wq.Task = t
	return uwq
}
