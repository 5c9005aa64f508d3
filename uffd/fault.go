package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// msgInit returns a message of zeroes: msg_init. The padding is copied to user space too.
func msgInit() abi.Msg { return abi.Msg{} }

// userfaultMsg returns the message of a fault: userfault_msg (FAULT-7). Its address is
// the one accessed; since 4.10 it is rounded down to the page, unless the handshake asked
// for the exact address.
func (c *Ctx) userfaultMsg(t *sim.Task, vmf *mm.Fault, reason mm.VMFlags) abi.Msg {
	msg := msgInit()
	msg.Event = abi.EventPagefault
	msg.Address = vmf.Address
	if c.facts.MasksAddress && !c.hasFeature(abi.FeatureExactAddress) {
		msg.Address &= mm.PageMask
	}
	if vmf.Flags&mm.FaultWrite != 0 {
		msg.Flags |= abi.PagefaultFlagWrite
	}
	if reason&mm.VMUffdWP != 0 {
		msg.Flags |= abi.PagefaultFlagWP
	}
	if c.hasFeature(abi.FeatureThreadID) {
		msg.Ptid = mm.Current(t).TID
	}
	return msg
}

// mustWait reports whether the page is still missing: userfaultfd_must_wait (FAULT-9). It
// is called after the fault has been queued. A task that installed the page before found
// no fault to wake, so without this second check the fault would sleep forever. In the
// 2015 code the result depends neither on the kind of access nor on the reason. mmap_lock
// must be held.
func (c *Ctx) mustWait(t *sim.Task, address uint64) bool {
	if c.dropped.Any() {
		return c.mustWaitWithout(t, address)
	}
	c.mm.MmapLock.AssertHeld(t)
	waits := c.pageMissing(t, address)
	c.traceMustWait(t, address, waits)
	return waits
}

// pageMissing reports whether the page table has no page for address (MW-1 to MW-6). It
// is the walk of userfaultfd_must_wait: it reads one entry per level, each once and
// without a lock. mmap_lock must be held, so that no table is freed during the walk.
func (c *Ctx) pageMissing(t *sim.Task, address uint64) bool {
	pgd := c.mm.PGD()
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
	// Read once: another task may set or clear a huge pmd, and both tests below must see
	// the same value (MW-5).
	entry := pmd.Load(t, i)
	if !entry.Present() {
		return true
	}
	if entry.Huge() {
		return false // MW-2
	}
	pte := pmd.Behind(i)
	i = pgtable.PTE.Index(address)
	// Every entry other than none, including a swap or migration entry, has a page that
	// the retried fault will find (MW-3, MW-4).
	missing := pte.Load(t, i).None()
	if missing && c.facts.MustWaitRereads {
		// A task that replaces an entry holds the lock while the entry is none. A task
		// that stores an entry after this look finds the fault in the queue.
		pte.Lock(t)
		missing = pte.PeekHeld(t, i).None()
		pte.Unlock(t)
	}
	return missing
}

// HandleUserfault queues a fault of the current task and sleeps until it is woken:
// handle_userfault (FAULT-2 to FAULT-15). reason is VMUffdMissing or VMUffdWP. mmap_lock
// must be held for reading. The results:
//
//	VMFaultRetry   the caller must retry the fault; mmap_lock has been dropped, unless
//	               vmf.Flags has FaultRetryNowait. With VMFaultMajor if the task slept
//	               (until 5.8).
//	VMFaultSIGBUS  the fault may neither sleep nor be retried; mmap_lock is held
//	0              the task returns to user mode, because a signal is pending (4.3 to
//	               5.6) or the context was released (4.14 to 6.14), and repeats the
//	               access; mmap_lock is held
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

	if c.hasFeature(abi.FeatureSIGBUS) || c.flags&abi.UserModeOnly != 0 && flags&mm.FaultUser == 0 {
		return mm.VMFaultSIGBUS
	}
	// FAULT-3: no retry here. It would find the VMA registered for as long as release
	// waits for mmap_lock, and a caller that retries with the lock held would block
	// release forever.
	if c.facts.Released != ReleasedRetry && c.released.Load(t) != 0 {
		if c.facts.Released == ReleasedNoPage {
			return 0
		}
		return mm.VMFaultSIGBUS
	}
	// FAULT-4: mmap_lock may not be dropped, so the task may not sleep.
	if flags&mm.FaultAllowRetry == 0 {
		sim.BugOn(t, flags&mm.FaultRetryNowait != 0, where, "RETRY_NOWAIT without ALLOW_RETRY")
		return mm.VMFaultSIGBUS
	}
	// FAULT-5: the caller wants neither to sleep nor to drop mmap_lock.
	if flags&mm.FaultRetryNowait != 0 {
		return mm.VMFaultRetry
	}
	if c.facts.Released == ReleasedRetry && c.released.Load(t) != 0 {
		c.mm.MmapLock.UpRead(t) // release waits for it
		return mm.VMFaultRetry
	}
	// FAULT-6. While mmap_lock is held, release cannot finish. After it is dropped, only
	// this reference keeps the context.
	c.get(t)
	uwq := newWaitQueue(t, c, c.userfaultMsg(t, vmf, reason))
	blocking := c.blockingState(flags)

	queue := t.Bookmark()
	c.lockQueues(t, where)
	c.enqueue(t, uwq) // from here on poll and read see the fault
	// FAULT-8. Set the state before releasing the lock, so that a waker that finds the
	// entry sees the task asleep, and before mustWait, with a full barrier in between.
	t.SetState(blocking.state)
	c.faultPendingWqh.Lock.Unlock(t)
	t.AbstractSince(queue, "queued", nil) // the faults queued before no longer matter

	mustWait := c.mustWait(t, uwq.msg.Address) // FAULT-9
	c.mm.MmapLock.UpRead(t)                    // FAULT-10

	ret := mm.VMFaultRetry
	if mustWait &&
		c.released.Load(t) == 0 &&
		!c.signalPending(t, blocking) {
		c.fdWqh.WakeUpKey(t, sim.Normal, pollIn) // FAULT-11
		t.Schedule()
		if c.facts.Sleep != SleepOnce { // since 5.9 the arch fault handler counts it
			ret |= mm.VMFaultMajor
		}
		// FAULT-15. The wake-up may be a late one that was not for this fault: the holder
		// of mmap_lock hands the lock over first and wakes the waiting task afterwards.
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
		// §15.3: return to user mode as if the page were present, so that the signal's
		// handler runs; the task then repeats the access. The result 0 implies that
		// mmap_lock is held.
		c.mm.MmapLock.DownRead(t)
		ret = 0
	}
	// The reason the wait ended no longer matters.
	t.AbstractSince(start, "leaving", func(s *sim.Summary) { s.AddBool(ret&mm.VMFaultRetry != 0) })
	unlink := t.Bookmark()
	// FAULT-12. A waker has removed the entry and linked it to itself; then nothing is
	// left to do. A reader that moves the entry never links it to itself, so this test
	// needs no lock (QUEUE-4).
	if !uwq.wq.ListEmptyCareful(t) {
		c.lockQueues(t, where)
		uwq.del(t)
		c.faultPendingWqh.Lock.Unlock(t)
	}
	t.AbstractSince(unlink, "unlinked", nil) // it no longer matters by which task
	uwq.returned(t)                          // QUEUE-8
	c.put(t)                                 // after the last use of the queues, which this may free
	return ret
}

// blocking says how a fault sleeps. Immutable.
type blocking struct {
	state sim.State // while the fault sleeps
	light bool      // any signal ends the sleep, not only a fatal one
	// yields: if a signal ended the sleep, the task returns to user mode as if the page
	// were present.
	yields bool
}

// blockingState returns how a fault with these flags sleeps. In the 2015 code every fault
// is killable (FAULT-14). From 4.3 to 5.6 a fault of user mode is interruptible. Since
// 5.7 the flags say which signals end the sleep: userfaultfd_get_blocking_state.
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

// signalPending reports whether a pending signal would end the sleep at once (FAULT-11).
// Since 5.9 the task does not test this, and schedule() returns at once instead.
func (c *Ctx) signalPending(t *sim.Task, b blocking) bool {
	return c.facts.Sleep != SleepOnce && b.endedBySignal(t)
}

// endedBySignal reports whether a pending signal ends the sleep.
func (b blocking) endedBySignal(t *sim.Task) bool {
	if b.light {
		return t.SignalPending()
	}
	return t.FatalSignalPending()
}

// newWaitQueue returns the task's wait queue entry, initialized for a fault. The entry
// models memory on the kernel stack. A task is in one fault at a time, so its next fault
// reuses the entry. Under a controlled executor each fault has its own, so that a use
// after the fault's return is detected.
func newWaitQueue(t *sim.Task, c *Ctx, msg abi.Msg) *waitQueue {
	th := mm.Current(t)
	uwq, _ := th.Fault.(*waitQueue)
	if uwq == nil || t.Controlled() {
		uwq = new(waitQueue)
		uwq.wq = sim.WaitQueueEntry{Func: userfaultfdWakeFunction, Container: uwq}
		sim.Label(t, uwq, t.Name()+"'s entry", uint64(t.ID())<<32) // no other of the task is alive
		th.Fault = uwq
	}
	uwq.msg, uwq.ctx, uwq.dead = msg, c, false
	uwq.waken.Init(0)
	uwq.wq.Task = t
	return uwq
}

// returned marks the entry dead: its fault returns, and the entry was on the fault's
// kernel stack (QUEUE-8).
func (uwq *waitQueue) returned(t *sim.Task) {
	uwq.dead = true
	sim.Kfree(t, uwq)
	sim.Retire(t, uwq) // the task's next entry has the same label
}
