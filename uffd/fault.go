package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// msgInit returns a message of zeroes: msg_init. User space gets the padding as well.
func msgInit() abi.Msg { return abi.Msg{} }

// userfaultMsg returns the message of a fault: userfault_msg (FAULT-7). The address is the one
// accessed; since 4.10 it is rounded to the page unless the handshake asked for it exactly.
func (c *Ctx) userfaultMsg(t *sim.Task, vmf *mm.Fault, reason mm.VMFlags) abi.Msg {
	msg := msgInit()
	msg.Event = abi.EventPagefault
	msg.Address = vmf.Address
	if c.facts.MasksAddress && !c.asked(abi.FeatureExactAddress) {
		msg.Address &= mm.PageMask
	}
	if vmf.Flags&mm.FaultWrite != 0 {
		msg.Flags |= abi.PagefaultFlagWrite
	}
	if reason&mm.VMUffdWP != 0 {
		msg.Flags |= abi.PagefaultFlagWP
	}
	if c.asked(abi.FeatureThreadID) {
		msg.Ptid = mm.Current(t).TID
	}
	return msg
}

// mustWait reports whether the page is still missing: userfaultfd_must_wait (FAULT-9). The
// fault is queued by now. Whoever installed the page between the fault and its queueing found
// no fault to wake, so without this second look the task would sleep forever. mmap_lock must
// be held. The kind of access and the reason do not matter in 2015.
func (c *Ctx) mustWait(t *sim.Task, address uint64) bool {
	if c.dropped.Any() {
		return c.mustWaitWithout(t, address)
	}
	c.mm.MmapLock.AssertHeld(t)
	waits := pageMissing(t, c.mm.PGD(), address)
	c.traceMustWait(t, address, waits)
	return waits
}

// pageMissing is the walk of userfaultfd_must_wait: it reports whether the page table has no
// page for address (MW-1 to MW-6). It reads the entries without locks, each level once.
// mmap_lock must be held, so that no table is freed meanwhile.
func pageMissing(t *sim.Task, pgd *pgtable.Table, address uint64) bool {
	i := pgtable.PGD.Index(address)
	if !pgd.Load(t, i).Present() {
		return true // MW-1: no PUD table
	}
	pud := pgd.Behind(i)
	i = pgtable.PUD.Index(address)
	if !pud.Load(t, i).Present() {
		return true // MW-1: no PMD table
	}
	pmd := pud.Behind(i)
	i = pgtable.PMD.Index(address)
	// Read once: a huge pmd may come and go, and both questions must be answered from one
	// value (MW-5).
	entry := pmd.Load(t, i)
	if !entry.Present() {
		return true
	}
	if entry.Huge() {
		return false // MW-2
	}
	pte := pmd.Behind(i)
	// Any entry that is not none, a swap or migration entry too, has a page behind it,
	// and the retried fault will find it (MW-3, MW-4).
	return pte.Load(t, pgtable.PTE.Index(address)).None()
}

// HandleUserfault suspends the current task until its fault has been resolved:
// handle_userfault (FAULT-2 to FAULT-15). reason is VMUffdMissing or VMUffdWP. mmap_lock must
// be held for reading. The results:
//
//	VMFaultRetry   the fault is to be made again; mmap_lock has been dropped, unless
//	               vmf.Flags has FaultRetryNowait
//	VMFaultSIGBUS  it can neither wait nor be made again; mmap_lock is held
//	0              back to user mode, for a signal's handler or because the context was
//	               released: the access is made again; mmap_lock is held
func (c *Ctx) HandleUserfault(t *sim.Task, vmf *mm.Fault, reason mm.VMFlags) mm.FaultResult {
	if c.dropped.Any() {
		return c.handleUserfaultWithout(t, vmf, reason)
	}
	const where = "handle_userfault"
	vma, flags := vmf.VMA, vmf.Flags
	vma.MM().MmapLock.AssertHeld(t)
	start := t.Bookmark()
	sim.BugOn(t, c.mm != vma.MM(), where, "the context belongs to another mm") // FAULT-2
	sim.BugOn(t, reason != mm.VMUffdMissing && reason != mm.VMUffdWP, where, "not one reason")

	if c.asked(abi.FeatureSIGBUS) || c.flags&abi.UserModeOnly != 0 && flags&mm.FaultUser == 0 {
		return mm.VMFaultSIGBUS
	}
	// FAULT-3. A retry would find the VMA registered for as long as release waits for
	// mmap_lock, and a caller that loops with the lock held would keep it waiting.
	if c.facts.Released != ReleasedRetry && c.released.Load(t) != 0 {
		if c.facts.Released == ReleasedNoPage {
			return 0
		}
		return mm.VMFaultSIGBUS
	}
	// FAULT-4: mmap_lock cannot be dropped, so the task cannot sleep.
	if flags&mm.FaultAllowRetry == 0 {
		sim.BugOn(t, flags&mm.FaultRetryNowait != 0, where, "RETRY_NOWAIT without ALLOW_RETRY")
		return mm.VMFaultSIGBUS
	}
	// FAULT-5: the caller wants neither to sleep nor to lose mmap_lock.
	if flags&mm.FaultRetryNowait != 0 {
		return mm.VMFaultRetry
	}
	if c.facts.Released == ReleasedRetry && c.released.Load(t) != 0 {
		c.mm.MmapLock.UpRead(t) // release waits for it
		return mm.VMFaultRetry
	}
	// FAULT-6. While mmap_lock is held release cannot finish; once it is dropped only this
	// reference keeps the context.
	c.get(t)
	uwq := newWaitQueue(t, c, c.userfaultMsg(t, vmf, reason))
	blocking := c.blockingState(flags)

	queue := t.Bookmark()
	c.lockQueues(t, where)
	c.pend(t, uwq) // from here on poll and read see it
	// FAULT-8. Set the state before the lock is dropped, so that a waker that finds the entry
	// finds the task asleep; and before the page is looked at, with a full barrier between.
	t.SetState(blocking.state)
	c.faultPendingWqh.Lock.Unlock(t)
	t.ForgetSince(queue, "queued", nil) // and not behind which faults

	mustWait := c.mustWait(t, uwq.msg.Address) // FAULT-9
	c.mm.MmapLock.UpRead(t)                    // FAULT-10

	ret := mm.VMFaultRetry
	if mustWait &&
		c.released.Load(t) == 0 &&
		!c.signalPending(t, blocking) {
		c.fdWqh.WakeUpKey(t, sim.Normal, pollIn) // FAULT-11
		t.Schedule()
		if c.facts.Sleep != SleepOnce { // since 5.9 the arch fault handler knows by itself
			ret |= mm.VMFaultMajor
		}
		// FAULT-15. A wake-up for something else may come late: mmap_lock's last holder hands
		// the lock over first and wakes the task afterwards.
		for c.facts.Sleep == SleepUntilWoken && uwq.waken.Load(t) == 0 {
			t.SetState(blocking.state)
			if uwq.waken.Load(t) != 0 || c.released.Load(t) != 0 || blocking.endedBySignal(t) {
				break
			}
			t.Schedule()
		}
	}
	t.SetRunning()
	if blocking.yields && t.SignalPending() && !t.FatalSignalPending() {
		// §15.3: back to user mode as if the page were there, so that the signal's handler
		// runs; the access is then made again. Success means that mmap_lock is held.
		c.mm.MmapLock.DownRead(t)
		ret = 0
	}
	// The reason the wait ended no longer matters.
	t.ForgetSince(start, "leaving", func(s *sim.Summary) { s.AddBool(ret&mm.VMFaultRetry != 0) })
	unlink := t.Bookmark()
	// FAULT-12. A waker leaves the entry linked to itself, and then nothing is left to undo. A
	// reader that refiles it never does, so this look needs no lock (QUEUE-4).
	if !uwq.wq.ListEmptyCareful(t) {
		c.lockQueues(t, where)
		uwq.del(t)
		c.faultPendingWqh.Lock.Unlock(t)
	}
	t.ForgetSince(unlink, "unlinked", nil) // and not by which task
	uwq.returned(t)                        // QUEUE-8
	c.put(t)                               // after the last use of the queues: this may free them
	return ret
}

// blocking is how a fault sleeps.
type blocking struct {
	state sim.State
	light bool // any signal ends the sleep, not only a fatal one
	// yields: when a signal has ended the sleep the task goes back to user mode as if the page
	// were there.
	yields bool
}

// blockingState returns how a fault with these flags sleeps: userfaultfd_get_blocking_state,
// since 5.7. In 2015 every fault is killable (FAULT-14). From 4.3 to 5.6 one in user mode is
// interruptible, and since 5.7 the flags say which signals end the sleep.
func (c *Ctx) blockingState(flags mm.FaultFlags) blocking {
	if c.dropped.Any() {
		return c.blockingStateWithout(flags)
	}
	const returnToUserland = mm.FaultUser | mm.FaultKillable
	switch {
	case c.facts.Signals == SignalsYield && flags&returnToUserland == returnToUserland:
		return blocking{state: sim.Interruptible, light: true, yields: true}
	case c.facts.Signals == SignalsByFlags && flags&mm.FaultInterruptible != 0:
		return blocking{state: sim.Interruptible, light: true}
	case c.facts.Signals == SignalsByFlags && flags&mm.FaultKillable == 0:
		return blocking{state: sim.Uninterruptible}
	}
	return blocking{state: sim.Killable}
}

// signalPending reports whether a signal is pending that would end the sleep at once
// (FAULT-11). Since 5.9 the task does not look, and goes through an empty sleep.
func (c *Ctx) signalPending(t *sim.Task, b blocking) bool {
	return c.facts.Sleep != SleepOnce && b.endedBySignal(t)
}

// endedBySignal reports whether a signal is pending that ends the sleep.
func (b blocking) endedBySignal(t *sim.Task) bool {
	if b.light {
		return t.SignalPending()
	}
	return t.FatalSignalPending()
}

// newWaitQueue returns the task's wait queue entry, set up for a fault. It stands for memory
// on the kernel stack. A task is in one fault at a time, so its entry is reused by the next
// one. Under a controlled executor each fault has its own, so that a use after return shows.
func newWaitQueue(t *sim.Task, c *Ctx, msg abi.Msg) *waitQueue {
	th := mm.Current(t)
	uwq, _ := th.Fault.(*waitQueue)
	if uwq == nil || t.Controlled() {
		uwq = new(waitQueue)
		uwq.wq = sim.WaitQueueEntry{Func: userfaultfdWakeFunction, Container: uwq}
		sim.Label(t, uwq, t.Name()+"'s entry", t.Unique())
		th.Fault = uwq
	}
	uwq.msg, uwq.ctx, uwq.dead = msg, c, false
	uwq.waken.Init(0)
	uwq.wq.Task = t
	return uwq
}

// returned marks the end of the fault, whose stack the entry was on (QUEUE-8).
func (uwq *waitQueue) returned(t *sim.Task) {
	uwq.dead = true
	sim.Kfree(t, uwq)
}
