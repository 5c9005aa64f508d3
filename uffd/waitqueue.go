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

	queue *faultQueue // which queue it is in; guarded by fault_pending_wqh.lock
	seq   uint64      // rises with every insertion into a queue; guarded likewise
	dead  bool        // set when its fault has returned: nobody may look at it any more
}

// wakeRange is what a wake-up is for, in bytes; a length of 0 is everything:
// struct userfaultfd_wake_range.
type wakeRange struct{ start, len uint64 }

// faultQueue is a wait queue of faults with an index by address, so that waking the
// waiters of one page does not walk over all the others. The order that anyone sees
// stays the list's own.
type faultQueue struct {
	sim.WaitQueueHead
	byAddress *btree.BTreeG[addressKey] // guarded like the list
	seq       uint64
}

type addressKey struct {
	address, seq uint64
	uwq          *waitQueue
}

func (q *faultQueue) init(name string, class *sim.LockClass) {
	q.Name = name
	q.Init(class)
	q.byAddress = btree.NewG(16, func(a, b addressKey) bool {
		return a.address < b.address || a.address == b.address && a.seq < b.seq
	})
}

// add puts the fault at the head of the queue (QUEUE-1, QUEUE-2).
// fault_pending_wqh.lock must be held.
func (q *faultQueue) add(t *sim.Task, uwq *waitQueue) {
	q.seq++
	uwq.queue, uwq.seq = q, q.seq
	q.byAddress.ReplaceOrInsert(addressKey{uwq.msg.Address, uwq.seq, uwq})
	q.Add(t, &uwq.wq)
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

// del takes the fault out by a plain delete. fault_pending_wqh.lock must be held.
// If a waker has removed it meanwhile nothing is left to do (QUEUE-6).
func (uwq *waitQueue) del(t *sim.Task) {
	q := uwq.queue
	if q == nil {
		return
	}
	uwq.leave()
	q.Del(t, &uwq.wq)
}

// delInit takes the fault out and links it to itself, which tells its owner that it
// need not take the lock any more. fault_pending_wqh.lock must be held. The entry
// must not be touched afterwards.
func (uwq *waitQueue) delInit(t *sim.Task) {
	q := uwq.queue
	uwq.leave()
	q.DelInit(t, &uwq.wq)
}

func (uwq *waitQueue) leave() {
	uwq.queue.byAddress.Delete(addressKey{address: uwq.msg.Address, seq: uwq.seq})
	uwq.queue = nil
}

// WaitsFor is the address that the fault waits for, in bytes.
func (uwq *waitQueue) WaitsFor() uint64 { return uwq.msg.Address }

// wakeLocked wakes what the range matches, newest first, as a walk over the whole
// list would (WAKE-4): __wake_up_locked_key. fault_pending_wqh.lock must be held.
func (q *faultQueue) wakeLocked(t *sim.Task, c *Ctx, r wakeRange) {
	key := sim.Key{Start: r.start, Len: r.len}
	mode := sim.Normal
	if !c.obeys(WakeNormal) {
		mode = sim.Interruptible
	}
	if r.len == 0 {
		q.WakeUpLockedKey(t, mode, key)
		return
	}
	end := r.start + r.len
	if !c.obeys(HalfOpenRange) {
		end++
	}
	matched := c.matched[:0]
	q.byAddress.AscendRange(addressKey{address: r.start}, addressKey{address: end},
		func(k addressKey) bool {
			matched = append(matched, k.uwq)
			return true
		})
	slices.SortFunc(matched, func(a, b *waitQueue) int { return cmp.Compare(b.seq, a.seq) })
	for _, uwq := range matched {
		if uwq.wq.Func(t, &uwq.wq, mode, key) && !c.obeys(WakeAllMatching) {
			break
		}
	}
	clear(matched)
	c.matched = matched[:0]
}

// userfaultfdWakeFunction wakes the fault's task if the range matches its address
// (WAKE-5), and takes the entry out if the task really was asleep (WAKE-6):
// userfaultfd_wake_function.
func userfaultfdWakeFunction(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	uwq := e.Container.(*waitQueue)
	uwq.use(t, "userfaultfd_wake_function")
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
		uwq.use(t, "userfaultfd_wake_function")
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
	c.faultPendingWqh.wakeLocked(t, c, r)
	c.faultWqh.wakeLocked(t, c, r)
	c.faultPendingWqh.Lock.Unlock(t)
}
