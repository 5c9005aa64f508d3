package uffd

import (
	"cmp"
	"slices"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// waitQueue is a fault that waits: struct userfaultfd_wait_queue. In the kernel it
// lives on the stack of the faulting task, and dies when the fault returns
// (QUEUE-8).
type waitQueue struct {
	msg abi.Msg // immutable while the entry is queued
	wq  sim.WaitQueueEntry
	ctx *Ctx

	waken sim.Word // 1 once the fault has been woken; asked for where a fault waits for that

	seq  uint64 // rises from fault to fault, in the order in which they were queued; guarded by fault_pending_wqh.lock
	in   which  // of the queues it is; guarded likewise
	dead bool   // set when its fault has returned: nobody may look at it any more
}

// which is the queue that a fault is in. (A pointer would make each sleeper larger.)
type which uint8

const (
	noQueue      which = iota
	pendingFault       // not read yet
	readFault
)

// wakeRange is what a wake-up is for, in bytes; a length of 0 is everything:
// struct userfaultfd_wake_range.
type wakeRange struct{ start, len uint64 }

// faultQueue is a wait queue of faults.
type faultQueue struct {
	sim.WaitQueueHead
	which which // immutable
}

func (q *faultQueue) init(which which, name string, class *sim.LockClass) {
	q.which, q.Name = which, name
	q.Init(class)
}

// add puts the fault at the head of the queue (QUEUE-1, QUEUE-2).
// fault_pending_wqh.lock must be held.
func (q *faultQueue) add(t *sim.Task, uwq *waitQueue) {
	uwq.in = q.which
	q.Add(t, &uwq.wq)
}

// faultIndex finds the faults of both queues by address, so that waking the waiters of one
// page does not walk over all the others. The order that anyone sees stays that of the
// lists. It is guarded like them.
type faultIndex struct {
	tree    *btree.BTreeG[faultKey]
	seq     uint64
	matched []*waitQueue // scratch of a wake-up
}

// faultKey is an item of the index. The address is kept beside the pointer so that a search
// touches the nodes of the tree only. One without a fault comes before all of its address.
type faultKey struct {
	address uint64
	uwq     *waitQueue
}

func (i *faultIndex) init() {
	i.tree = btree.NewG(32, func(a, b faultKey) bool {
		if a.address != b.address || a.uwq == nil || b.uwq == nil {
			return a.address < b.address || a.address == b.address && a.uwq == nil && b.uwq != nil
		}
		return a.uwq.seq < b.uwq.seq
	})
}

func (i *faultIndex) add(uwq *waitQueue) {
	i.seq++
	uwq.seq = i.seq
	i.tree.ReplaceOrInsert(faultKey{uwq.msg.Address, uwq})
}

func (i *faultIndex) remove(uwq *waitQueue) { i.tree.Delete(faultKey{uwq.msg.Address, uwq}) }

// between returns the faults from start to end: those that have not been read before those
// that have, and the newest first, as the lists have them. Since the oldest is read first, what
// has been read is in the order in which it was queued, too. It holds until the next call.
func (i *faultIndex) between(start, end uint64) []*waitQueue {
	i.matched = i.matched[:0]
	i.tree.AscendRange(faultKey{address: start}, faultKey{address: end}, func(k faultKey) bool {
		i.matched = append(i.matched, k.uwq)
		return true
	})
	slices.SortFunc(i.matched, func(a, b *waitQueue) int {
		return cmp.Or(cmp.Compare(a.in, b.in), cmp.Compare(b.seq, a.seq))
	})
	return i.matched
}

// sumUp sums the queue up: see [sim.SpinLock.Guards].
func (q *faultQueue) sumUp(s *sim.Summary) {
	for e := q.Head(); e != nil; e = e.Next() {
		s.AddObject(e)
		sumUpMsg(s, &e.Container.(*waitQueue).msg)
	}
	s.Add(uint64(q.Len()))
}

func sumUpMsg(s *sim.Summary, msg *abi.Msg) {
	s.Add(uint64(msg.Event))
	s.Add(msg.Flags)
	s.AddAddress(msg.Address)
	s.Add(uint64(msg.Ptid))
}

// pend puts a new fault at the head of the pending ones. fault_pending_wqh.lock must be held.
func (c *Ctx) pend(t *sim.Task, uwq *waitQueue) {
	c.faults.add(uwq)
	c.faultPendingWqh.add(t, uwq)
}

// del takes the fault out by a plain delete. fault_pending_wqh.lock must be held.
// If a waker has removed it meanwhile nothing is left to do (QUEUE-6).
func (uwq *waitQueue) del(t *sim.Task) {
	if q := uwq.leave(); q != nil {
		uwq.ctx.faults.remove(uwq)
		q.Del(t, &uwq.wq)
	}
}

// delInit takes the fault out and links it to itself, which tells its owner that it
// need not take the lock any more. fault_pending_wqh.lock must be held. The entry
// must not be touched afterwards.
func (uwq *waitQueue) delInit(t *sim.Task) {
	q := uwq.leave()
	uwq.ctx.faults.remove(uwq)
	q.DelInit(t, &uwq.wq)
}

// leave makes the fault one of no queue, and returns the one that it was in.
func (uwq *waitQueue) leave() *faultQueue {
	var q *faultQueue
	switch uwq.in {
	case pendingFault:
		q = &uwq.ctx.faultPendingWqh
	case readFault:
		q = &uwq.ctx.faultWqh
	}
	uwq.in = noQueue
	return q
}

// WaitsFor is the address that the fault waits for, in bytes.
func (uwq *waitQueue) WaitsFor() uint64 { return uwq.msg.Address }

// wakeLocked wakes what the range matches in both queues, newest first, as walks over the
// whole lists would (WAKE-4): __wake_up_locked_key, twice. fault_pending_wqh.lock must be held.
func (c *Ctx) wakeLocked(t *sim.Task, r wakeRange) {
	key := sim.Key{Start: r.start, Len: r.len}
	mode := c.wakeMode()
	if r.len == 0 {
		c.faultPendingWqh.WakeUpLockedKey(t, mode, key)
		c.faultWqh.WakeUpLockedKey(t, mode, key)
		return
	}
	end := r.start + r.len
	if !c.obeys(HalfOpenRange) {
		end++
	}
	matched := c.faults.between(r.start, end)
	done := noQueue
	for _, uwq := range matched {
		in := uwq.in
		if done != noQueue && in == done {
			continue
		}
		if uwq.wq.Func(t, &uwq.wq, mode, key) && !c.obeys(WakeAllMatching) {
			done = in
		}
	}
	clear(matched)
}

// wakeMode is the sleeps that a wake-up ends: TASK_NORMAL.
func (c *Ctx) wakeMode() sim.State {
	if !c.obeys(WakeNormal) {
		return sim.Interruptible
	}
	return sim.Normal
}

// userfaultfdWakeFunction wakes the fault's task if the range matches its address
// (WAKE-5), and takes the entry out if the task really was asleep (WAKE-6):
// userfaultfd_wake_function.
func userfaultfdWakeFunction(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	uwq := e.Container.(*waitQueue)
	uwq.look(t, "userfaultfd_wake_function")
	c := uwq.ctx
	if !c.matches(key, uwq.msg.Address) {
		return false
	}
	if c.version.WaitsToBeWoken {
		uwq.waken.Store(t, 1) // before the wake-up, and also if there is no one to wake
	}
	if !c.obeys(WakeBeforeUnlink) {
		uwq.delInit(t)
		woken := t.WakeUpState(e.Task, mode)
		uwq.look(t, "userfaultfd_wake_function")
		return woken
	}
	woken := t.WakeUpState(e.Task, mode)
	if !woken && c.obeys(UnlinkOnlySleepers) {
		return false // it runs already, and will take itself out
	}
	// Only now: once the entry links to itself its task may see so, return, and reuse
	// the memory. Nothing of the entry may be read from here on.
	uwq.delInit(t)
	return woken
}

// matches reports whether a wake-up of the range is for a fault at the address: the
// byte behind the range belongs to the next page, and a length of 0 means all (WAKE-2,
// WAKE-5).
func (c *Ctx) matches(key sim.Key, address uint64) bool {
	if key.Len == 0 && c.obeys(ZeroLengthIsAll) {
		return true
	}
	end := key.Start + key.Len
	if !c.obeys(MatchWholeRange) {
		end = key.Start + mm.PageSize
	}
	return key.Start <= address && (address < end || address == end && !c.obeys(HalfOpenRange))
}

// use panics if the entry's fault has returned.
func (uwq *waitQueue) use(t *sim.Task, where string) {
	if uwq.dead {
		sim.UseAfterFree(t, where, "the entry was on the stack of a fault that has returned")
	}
}

// look is use by who does not go on to change the entry: a step of its own, or nobody could
// tell that it must not come after the end of the entry.
func (uwq *waitQueue) look(t *sim.Task, where string) {
	uwq.waken.Load(t)
	uwq.use(t, where)
}

// findUserfault is the oldest pending fault, nil if there is none: find_userfault.
// fault_pending_wqh.lock must be held.
func (c *Ctx) findUserfault(t *sim.Task) *waitQueue {
	c.faultPendingWqh.Lock.AssertHeld(t)
	// New faults go to the head; from the tail they come out first in, first out.
	e := c.faultPendingWqh.Tail()
	if e == nil {
		return nil
	}
	uwq := e.Container.(*waitQueue)
	uwq.use(t, "find_userfault")
	return uwq
}

// wakeUserfault wakes the faults in the range, if there are any faults at all:
// wake_userfault.
func (c *Ctx) wakeUserfault(t *sim.Task, r wakeRange) {
	c.traceWake(t, r)
	// The look at the queues must not come before the store to the page table that
	// preceded it: a fault does the two in the other order, and one of the sides has
	// to see the other (WAKE-3).
	if c.obeys(BarrierBeforeLook) {
		t.SmpMb()
	}
	start := t.Bookmark()
	if !c.obeys(LookBeforeLock) || c.faultsWaitingStably(t) {
		t.ForgetSince(start, "waiting", nil) // and not in which queue
		c.wakeUserfaultSlow(t, r)
	}
}

// faultsWaitingStably looks at both queues without their lock, and, since 4.3, once more if
// a fault was on its way from the one to the other meanwhile: both may have looked empty.
func (c *Ctx) faultsWaitingStably(t *sim.Task) bool {
	if !c.countsRefiles() {
		return c.faultsWaiting(t)
	}
	for {
		seq := c.refileSeq.ReadBegin(t)
		waiting := c.faultsWaiting(t)
		if !c.refileSeq.ReadRetry(t, seq) {
			return waiting
		}
	}
}

func (c *Ctx) countsRefiles() bool { return c.version.RefileSeq && c.obeys(RefileCounted) }

// faultsWaiting looks at both queues without their lock.
func (c *Ctx) faultsWaiting(t *sim.Task) bool {
	// Pending first. A reader moves faults from this queue to the other one, so that
	// looking in the other order could miss one in both.
	if !c.obeys(PendingLookedAtFirst) {
		return c.faultWqh.Active(t) || c.faultPendingWqh.Active(t)
	}
	return c.faultPendingWqh.Active(t) || c.faultWqh.Active(t)
}

// wakeUserfaultSlow is __wake_userfault.
func (c *Ctx) wakeUserfaultSlow(t *sim.Task, r wakeRange) {
	c.lockQueues(t, "__wake_userfault")
	c.wakeLocked(t, r)
	c.faultPendingWqh.Lock.Unlock(t)
}
