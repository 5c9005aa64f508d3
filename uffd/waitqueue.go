package uffd

import (
	"cmp"
	"slices"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/mm/rule"
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
	which   which    // immutable
	dropped rule.Set // the context's; immutable
}

func (q *faultQueue) init(c *Ctx, which which, name string, class *sim.LockClass) {
	q.which, q.Name, q.Owner, q.dropped = which, name, c.name, c.dropped
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

// between returns the faults of a queue at [start, end), the newest first, as the list has
// them. The result holds until the next call.
func (i *faultIndex) between(in which, start, end uint64) []*waitQueue {
	i.matched = i.matched[:0]
	i.tree.AscendRange(faultKey{address: start}, faultKey{address: end}, func(k faultKey) bool {
		if k.uwq.in == in {
			i.matched = append(i.matched, k.uwq)
		}
		return true
	})
	slices.SortFunc(i.matched, func(a, b *waitQueue) int { return cmp.Compare(b.seq, a.seq) })
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

// wakeUpLocked wakes the faults of the queue that the range matches, newest first:
// __wake_up_locked_key with TASK_NORMAL (WAKE-4). fault_pending_wqh.lock must be held.
func (q *faultQueue) wakeUpLocked(t *sim.Task, faults *faultIndex, r wakeRange) {
	if q.dropped.Any() {
		q.wakeUpLockedWithout(t, faults, r)
		return
	}
	mode, key := sim.Normal, sim.Key{Start: r.start, Len: r.len}
	if r.len == 0 {
		q.WakeUpLockedKey(t, mode, key)
		return
	}
	matched := faults.between(q.which, r.start, r.start+r.len)
	for _, uwq := range matched {
		uwq.wq.Func(t, &uwq.wq, mode, key)
	}
	clear(matched)
}

// userfaultfdWakeFunction wakes the fault's task if the range matches its address (WAKE-5),
// and takes the entry out of its queue if the task was asleep (WAKE-6). A length of 0 matches
// every address (WAKE-2). It recreates userfaultfd_wake_function.
func userfaultfdWakeFunction(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	uwq := e.Container.(*waitQueue)
	if uwq.ctx.dropped.Any() {
		return userfaultfdWakeFunctionWithout(t, e, mode, key)
	}
	const where = "userfaultfd_wake_function"
	uwq.look(t, where)
	start, end := key.Start, key.Start+key.Len
	if key.Len != 0 &&
		(start > uwq.msg.Address || end <= uwq.msg.Address) {
		return false
	}
	if uwq.ctx.facts.Sleep == SleepUntilWoken {
		uwq.waken.Store(t, 1) // before the wake-up, and also if the task is not asleep
	}
	woken := t.WakeUpState(e.Task, mode)
	if woken {
		// Only now: once the entry links to itself its task may see so, return, and reuse the
		// memory. Nothing of the entry may be read from here on.
		uwq.delInit(t)
	}
	return woken // if not: the task runs already, and takes its entry out itself
}

// use panics if the entry's fault has returned.
func (uwq *waitQueue) use(t *sim.Task, where string) {
	if uwq.dead {
		sim.UseAfterFree(t, where, "the entry was on the stack of a fault that has returned")
	}
}

// look panics if the entry's fault has returned, and is a step of its own: a task that only
// reads the entry must not do so after the fault's end, and only steps are ordered.
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

// wakeUserfault wakes the faults in the range: wake_userfault (WAKE-3). It takes the lock only
// if a look without it finds any fault at all.
func (c *Ctx) wakeUserfault(t *sim.Task, r wakeRange) {
	if c.dropped.Any() {
		c.wakeUserfaultWithout(t, r)
		return
	}
	c.traceWake(t, r)
	// The look at the queues must not come before the store to the page table that preceded
	// it: a fault does the two in the other order, and one side has to see the other.
	t.SmpMb()
	start := t.Bookmark()
	needWakeup := false
	for {
		// §15.2: if a reader moves a fault meanwhile, both queues may look empty.
		seq := c.refileSeq.ReadBegin(t)
		// Pending first: a reader moves faults from this queue to the other one, and the other
		// order could miss one in both.
		needWakeup = c.faultPendingWqh.Active(t) || c.faultWqh.Active(t)
		if !c.refileSeq.ReadRetry(t, seq) {
			break
		}
	}
	if needWakeup {
		t.ForgetSince(start, "waiting", nil) // and not in which queue
		c.wakeUserfaultSlow(t, r)
	}
}

// wakeUserfaultSlow wakes the faults in the range under the lock: __wake_userfault.
func (c *Ctx) wakeUserfaultSlow(t *sim.Task, r wakeRange) {
	c.lockQueues(t, "__wake_userfault")
	if c.faultPendingWqh.Len() != 0 {
		c.faultPendingWqh.wakeUpLocked(t, &c.faults, r)
	}
	if c.faultWqh.Len() != 0 {
		c.faultWqh.wakeUpLocked(t, &c.faults, r)
	}
	c.faultPendingWqh.Lock.Unlock(t)
}
