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
	if c.obeys(RecheckUnderMmapLock) {
		c.mm.MmapLock.AssertHeld(t)
	}
	waits := c.mm.UserfaultfdMustWait(t, address)
	c.traceMustWait(t, address, waits)
	return waits
}

// HandleUserfault makes the current task wait until its fault at address has been
// resolved, and asks for a retry: handle_userfault. mmap_lock must be held for
// reading; it has been dropped if the result has VMFaultRetry, unless flags had
// FaultRetryNowait. SIGBUS says that the fault can neither wait nor be retried.
func (c *Ctx) HandleUserfault(t *sim.Task, vmf *mm.Fault, reason mm.VMFlags) mm.FaultResult {
	const where = "handle_userfault"
	vma, address, flags := vmf.VMA, vmf.Address, vmf.Flags
	vma.MM().MmapLock.AssertHeld(t)
	start := t.Bookmark()
	sim.BugOn(t, c.mm != vma.MM(), where, "the context belongs to another mm") // FAULT-2
	sim.BugOn(t, reason != mm.VMUffdMissing && reason != mm.VMUffdWP, where, "not one reason")

	// FAULT-3. A retry would find the VMA as it is for as long as release waits for
	// mmap_lock, and a caller that loops with the lock held would keep it waiting.
	retries := c.version.ReleasedRetries && c.obeys(ReleasedIsNoError)
	if !retries && c.obeys(FirstReleasedTest) && c.released.Load(t) != 0 {
		if c.version.ReleasedIsNoPage && c.obeys(ReleasedIsNoError) {
			return 0
		}
		return mm.VMFaultSIGBUS
	}
	if c.asked(abi.FeatureSIGBUS) || c.flags&abi.UserModeOnly != 0 && flags&mm.FaultUser == 0 {
		return mm.VMFaultSIGBUS
	}
	// FAULT-4: the lock cannot be dropped, so there is no way to wait.
	mayDrop := flags&mm.FaultAllowRetry != 0
	if !mayDrop && c.obeys(SleepOnlyIfAllowed) {
		sim.BugOn(t, flags&mm.FaultRetryNowait != 0, where, "RETRY_NOWAIT without ALLOW_RETRY")
		return mm.VMFaultSIGBUS
	}
	if c.version.MasksAddress && !c.asked(abi.FeatureExactAddress) {
		address &= mm.PageMask
	}
	msg := userfaultMsg(address, flags, reason)
	if c.asked(abi.FeatureThreadID) {
		msg.Ptid = mm.Current(t).TID
	}
	// FAULT-5: the caller wants neither to sleep nor to lose the lock.
	if flags&mm.FaultRetryNowait != 0 {
		c.breakNowait(t, msg)
		return mm.VMFaultRetry
	}
	if retries && c.released.Load(t) != 0 {
		vma.MM().MmapLock.UpRead(t) // for release to get it
		return mm.VMFaultRetry
	}
	// FAULT-6. While the lock is held release cannot have finished; once it is
	// dropped this reference alone keeps the context.
	if c.obeys(ReferenceUnderMmapLock) {
		c.get(t)
	}
	uwq := newWaitQueue(t, c, msg)
	how := sleep{
		dropNow: mayDrop && c.obeys(DropMmapLockToSleep),
		yields:  c.version.YieldsToSignals && flags&(mm.FaultUser|mm.FaultKillable) == mm.FaultUser|mm.FaultKillable,
	}
	how.light = how.yields || c.version.Interruptible && flags&mm.FaultKillable != 0
	mustWait := c.enqueue(t, uwq, address, how)

	ret := mm.VMFaultRetry
	if mustWait && !c.releasedNow(t) && !c.signalled(t, how) {
		if c.obeys(EnqueueBeforeWakingReaders) && c.obeys(WakeReadersUnlocked) {
			c.wakeReaders(t) // FAULT-11
		}
		if !c.obeys(SleepStateUnderQueueLock) {
			c.announceSleep(t, how)
		}
		t.Schedule()
		ret |= mm.VMFaultMajor
		if c.version.WaitsToBeWoken && c.obeys(WaitToBeWoken) {
			c.waitToBeWoken(t, uwq, how)
		}
	}
	t.SetRunning()
	if mayDrop && !how.dropNow {
		c.mm.MmapLock.UpRead(t)
	}
	if how.yields && t.SignalPending() && !t.FatalSignalPending() {
		// §15.3: back to user mode as if the page were there, for the signal's handler to
		// run; the access is then made again. Success means that the lock is held.
		vma.MM().MmapLock.DownRead(t)
		ret = 0
	}
	// Why it need not wait any more is all the same.
	t.ForgetSince(start, "leaving", func(s *sim.Summary) { s.AddBool(ret&mm.VMFaultRetry != 0) })
	c.leave(t, uwq)
	if !mayDrop {
		return 0 // the caller holds mmap_lock, and looks for itself
	}
	return ret
}

// sleep is how a fault sleeps.
type sleep struct {
	dropNow bool // without mmap_lock
	light   bool // until any signal comes, and not only a fatal one
	yields  bool // and then the access is as good as done, and made again when it has been handled
}

// enqueue makes the fault known and reports whether it still has to wait. mmap_lock
// must be held for reading, and has been dropped when it returns if that is how the fault
// sleeps.
func (c *Ctx) enqueue(t *sim.Task, uwq *waitQueue, address uint64, how sleep) bool {
	if !c.obeys(EnqueueBeforeWakingReaders) {
		c.wakeReaders(t)
	}
	early := c.obeys(RecheckNotBeforeEnqueue) || c.mustWait(t, address)
	start := t.Bookmark()

	c.lockQueues(t, "handle_userfault")
	c.pend(t, uwq) // from here on poll and read see it
	// The state comes before the look at the page, with a full barrier between (it is
	// part of SetState), and before the lock is let go: a waker that finds the entry
	// finds the task asleep (FAULT-8).
	if c.obeys(SleepStateUnderQueueLock) {
		c.announceSleep(t, how)
	}
	if !c.obeys(WakeReadersUnlocked) {
		c.wakeReaders(t)
	}
	c.faultPendingWqh.Lock.Unlock(t)
	t.ForgetSince(start, "queued", nil) // and not behind whom

	switch {
	case !c.obeys(RecheckUnderMmapLock):
		c.mm.MmapLock.UpRead(t)
	case !c.obeys(NoSleepingLockOnceAnnounced):
		c.mm.MmapLock.UpRead(t)
		c.mm.MmapLock.DownRead(t)
	}
	mustWait := early
	if c.obeys(RecheckNotBeforeEnqueue) {
		// FAULT-9: before the lock that keeps the tables in existence is dropped.
		mustWait = !c.obeys(RecheckAfterEnqueue) || c.mustWait(t, address)
	}
	if how.dropNow && c.obeys(RecheckUnderMmapLock) {
		c.mm.MmapLock.UpRead(t) // FAULT-10
	}
	if !c.obeys(ReferenceUnderMmapLock) {
		c.get(t)
	}
	return mustWait
}

// leave takes the fault out of the queues, if it is still in one, and drops its
// reference.
func (c *Ctx) leave(t *sim.Task, uwq *waitQueue) {
	start := t.Bookmark()
	if !c.obeys(PutAfterUnlink) {
		c.put(t)
	}
	// FAULT-12. A waker leaves the entry linked to itself, and then there is nothing
	// to undo. A reader that moves it from queue to queue never does, so that the
	// entry cannot be taken for removed half-way (QUEUE-4).
	if c.obeys(UnlinkOwnEntry) && !uwq.wq.ListEmptyCareful(t) {
		if c.obeys(UnlinkUnderQueueLock) {
			c.lockQueues(t, "handle_userfault")
			uwq.del(t)
			c.faultPendingWqh.Lock.Unlock(t)
		} else {
			uwq.del(t)
		}
	}
	t.ForgetSince(start, "unlinked", nil) // and not who did it

	uwq.dead = true // it was on the stack of the function that returns now (QUEUE-8)
	sim.Kfree(t, uwq)
	if c.obeys(PutAfterUnlink) {
		c.put(t) // after the last use of the queues: this may free them
	}
}

// wakeReaders wakes everybody who sleeps on fd_wqh: wake_up_poll.
func (c *Ctx) wakeReaders(t *sim.Task) {
	key := sim.Key{Start: uint64(mm.PollIn)}
	if c.obeys(WakeAllReaders) {
		c.fdWqh.WakeUpKey(t, sim.Normal, key)
		return
	}
	c.fdWqh.Lock.Lock(t)
	if e := c.fdWqh.Head(); e != nil {
		e.Func(t, e, sim.Normal, key)
	}
	c.fdWqh.Lock.Unlock(t)
}

// announceSleep says that the task is about to sleep. The barrier in it keeps the look at
// the page from coming before the entry and the state are there for a waker to find.
func (c *Ctx) announceSleep(t *sim.Task, how sleep) {
	if c.obeys(BarrierAfterSleepState) {
		t.SetState(c.sleepState(how))
	} else {
		t.SetStateUnordered(c.sleepState(how))
	}
}

// breakNowait is what a fault that must not wait does where its rules are dropped. It does
// nothing otherwise.
func (c *Ctx) breakNowait(t *sim.Task, msg abi.Msg) {
	if !c.obeys(NowaitNotQueued) {
		uwq := newWaitQueue(t, c, msg)
		c.lockQueues(t, "handle_userfault")
		c.pend(t, uwq)
		c.faultPendingWqh.Lock.Unlock(t)
		uwq.dead = true
		sim.Kfree(t, uwq)
	}
	if !c.obeys(NowaitKeepsLock) {
		c.mm.MmapLock.UpRead(t)
	}
}

// sleepState is the sleep of a fault: through all signals but fatal ones (FAULT-14), or, for
// user mode since 4.3 and for all accesses of the processor since 5.7, through none.
func (c *Ctx) sleepState(how sleep) sim.State {
	switch {
	case how.light, !c.obeys(SleepThroughSignals):
		return sim.Interruptible
	case !c.obeys(SleepKillable):
		return sim.Uninterruptible
	}
	return sim.Killable
}

// releasedNow is the second look at released, before the sleep (FAULT-11).
func (c *Ctx) releasedNow(t *sim.Task) bool {
	return c.obeys(SecondReleasedTest) && c.released.Load(t) != 0
}

// signalled reports whether a signal is pending that would end the sleep, so that there is
// no use in it (FAULT-11).
func (c *Ctx) signalled(t *sim.Task, how sleep) bool {
	return c.obeys(FatalTestBeforeSleep) && !c.version.LeavesSignals && c.endsSleep(t, how)
}

// endsSleep reports whether a signal is pending that the sleep lets through.
func (c *Ctx) endsSleep(t *sim.Task, how sleep) bool {
	if how.light {
		return t.SignalPending()
	}
	return t.FatalSignalPending()
}

// waitToBeWoken goes on sleeping until somebody has woken the fault, and not just its task:
// a wake-up for something else may come late, that of mmap_lock's last holder among
// others, who lets the task have the lock and then wakes it (FAULT-15).
func (c *Ctx) waitToBeWoken(t *sim.Task, uwq *waitQueue, how sleep) {
	for uwq.waken.Load(t) == 0 {
		// The state comes before the looks: who wakes the fault in between finds it asleep.
		t.SetState(c.sleepState(how))
		if uwq.waken.Load(t) != 0 || c.released.Load(t) != 0 || c.endsSleep(t, how) {
			return
		}
		t.Schedule()
	}
}

// newWaitQueue returns the task's wait queue entry, set up for a fault. A task is in
// one fault at a time, and so the entry is kept from one to the next: it stands for
// memory on the kernel stack. Under a controlled executor each fault has its own, so
// that a use of one that is gone shows.
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
