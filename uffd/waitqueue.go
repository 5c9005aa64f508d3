package uffd

import (
	"cmp"
	"slices"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// waitQueue is a waiting fault: struct userfaultfd_wait_queue. In the kernel it is on the
// stack of the faulting task, and does not outlive the fault (QUEUE-8).
type waitQueue struct {
	msg abi.Msg            // immutable while the entry is queued
	wq  sim.WaitQueueEntry // its links are protected by fault_pending_wqh.lock
	ctx *Ctx               // immutable while the entry is queued

	waken sim.Word // 1 once the fault has been woken; atomic; since 4.10

	seq   uint64  // ascends in the order of queueing; protected by fault_pending_wqh.lock
	queue queueID // the queue of the entry; protected by fault_pending_wqh.lock
	dead  bool    // the fault has returned: no task may access the entry; set by its own task
}

// queueID names the queue of a fault. (A pointer would make every sleeping fault larger.)
type queueID uint8

const (
	noQueue      queueID = iota
	pendingFault         // not read yet
	readFault
)

// wakeRange is the range of a wake-up, in bytes: struct userfaultfd_wake_range. A length
// of 0 matches every address.
type wakeRange struct{ start, len uint64 }

// faultQueue is a wait queue of faults. Its own lock is never taken if it is fault_wqh:
// fault_pending_wqh.lock protects both queues.
type faultQueue struct {
	sim.WaitQueueHead
	id queueID // immutable
}

func (q *faultQueue) init(c *Ctx, id queueID, name string, class *sim.LockClass) {
	q.id, q.Name, q.Owner = id, name, c.name
	q.Init(class)
}

// add puts the fault at the head of the queue (QUEUE-1, QUEUE-2).
// fault_pending_wqh.lock must be held.
func (q *faultQueue) add(t *sim.Task, uwq *waitQueue) {
	uwq.queue = q.id
	q.Add(t, &uwq.wq)
}

// faultIndex finds the faults of both queues by address, so that a wake-up of one page
// does not walk over all other faults. The kernel has no such index; the visible order is
// that of the queues. Protected by fault_pending_wqh.lock.
type faultIndex struct {
	tree    *btree.BTreeG[faultKey]
	seq     uint64       // of the last fault added
	matched []*waitQueue // the result of between, reused by the next call
}

// faultKey is an item of the index. It repeats the fault's address so that a search only
// touches the nodes of the tree. A key without a fault sorts before every fault at its
// address.
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

// between returns the faults of a queue in [start, end), newest first, as in the queue's
// list. The result is valid until the next call.
func (i *faultIndex) between(id queueID, start, end uint64) []*waitQueue {
	i.matched = i.matched[:0]
	i.tree.AscendRange(faultKey{address: start}, faultKey{address: end}, func(k faultKey) bool {
		if k.uwq.queue == id {
			i.matched = append(i.matched, k.uwq)
		}
		return true
	})
	slices.SortFunc(i.matched, func(a, b *waitQueue) int { return cmp.Compare(b.seq, a.seq) })
	return i.matched
}

// sumUp adds the queue to the hash of the state: see [sim.SpinLock.Guards].
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

// enqueue adds a new fault at the head of fault_pending_wqh, whose lock must be held.
func (c *Ctx) enqueue(t *sim.Task, uwq *waitQueue) {
	c.faults.add(uwq)
	c.faultPendingWqh.add(t, uwq)
}

// del removes the fault from its queue without linking it to itself (list_del). It does
// nothing if a waker has removed the fault meanwhile (QUEUE-6). fault_pending_wqh.lock
// must be held.
func (uwq *waitQueue) del(t *sim.Task) {
	if q := uwq.leave(); q != nil {
		uwq.ctx.faults.remove(uwq)
		q.Del(t, &uwq.wq)
	}
}

// delInit removes the fault from its queue and links it to itself (list_del_init), so
// that its task need not take the lock to remove it. fault_pending_wqh.lock must be held.
// The caller must not access the entry afterwards.
func (uwq *waitQueue) delInit(t *sim.Task) {
	q := uwq.leave()
	uwq.ctx.faults.remove(uwq)
	q.DelInit(t, &uwq.wq)
}

// leave sets the fault's queue to none, and returns its old queue, nil if none.
// fault_pending_wqh.lock must be held.
func (uwq *waitQueue) leave() *faultQueue {
	var q *faultQueue
	switch uwq.queue {
	case pendingFault:
		q = &uwq.ctx.faultPendingWqh
	case readFault:
		q = &uwq.ctx.faultWqh
	}
	uwq.queue = noQueue
	return q
}

// WaitsFor returns the address that the fault waits for, in bytes.
func (uwq *waitQueue) WaitsFor() uint64 { return uwq.msg.Address }

// wakeUpLocked wakes the faults of the queue, one of c's, in the range, newest first:
// __wake_up_locked_key with TASK_NORMAL (WAKE-4). fault_pending_wqh.lock must be held.
func (q *faultQueue) wakeUpLocked(t *sim.Task, c *Ctx, r wakeRange) {
	if c.dropped.Any() {
		q.wakeUpLockedWithout(t, c, r)
		return
	}
	mode, key := sim.Normal, sim.Key{Start: r.start, Len: r.len}
	if r.len == 0 {
		q.WakeUpLockedKey(t, mode, key)
		return
	}
	matched := c.faults.between(q.id, r.start, r.start+r.len)
	for _, uwq := range matched {
		uwq.wq.Func(t, &uwq.wq, mode, key)
	}
	clear(matched)
}

// userfaultfdWakeFunction wakes the fault's task if the half-open range of the key
// contains its address (WAKE-5), and removes the entry from its queue if the task was
// asleep (WAKE-6). A length of 0 matches every address (WAKE-2). It reports whether it
// woke the task. fault_pending_wqh.lock must be held. It recreates
// userfaultfd_wake_function.
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
		uwq.waken.Store(t, 1) // before the wake-up, and even if the task is not asleep
	}
	woken := t.WakeUpState(e.Task, mode)
	if woken {
		// After the wake-up: as soon as the task sees the entry linked to itself, it may
		// return and reuse the memory. Do not access the entry from here on.
		uwq.delInit(t)
	}
	return woken // if false, the task is already running and removes its entry itself
}

// use reports a use after free if the entry's fault has returned.
func (uwq *waitQueue) use(t *sim.Task, where string) {
	if uwq.dead {
		sim.UseAfterFree(t, where, "the entry was on the stack of a fault that has returned")
	}
}

// look is use as a visible step of its own. The explorer orders only visible steps, so
// without one it would miss that a task reads the entry after the fault's return.
func (uwq *waitQueue) look(t *sim.Task, where string) {
	uwq.waken.Load(t)
	uwq.use(t, where)
}

// findUserfault returns the oldest pending fault, nil if none: find_userfault.
// fault_pending_wqh.lock must be held.
func (c *Ctx) findUserfault(t *sim.Task) *waitQueue {
	c.faultPendingWqh.Lock.AssertHeld(t)
	// New faults are added at the head, so the tail is the oldest.
	e := c.faultPendingWqh.Tail()
	if e == nil {
		return nil
	}
	uwq := e.Container.(*waitQueue)
	uwq.use(t, "find_userfault")
	return uwq
}

// wakeUserfault wakes the faults in the range: wake_userfault (WAKE-3). It takes
// fault_pending_wqh.lock only if a check without it finds a queue that is not empty.
func (c *Ctx) wakeUserfault(t *sim.Task, r wakeRange) {
	if c.dropped.Any() {
		c.wakeUserfaultWithout(t, r)
		return
	}
	c.traceWake(t, r)
	// The caller has stored to the page table before; the queues must be read after that
	// store. A fault stores to the queue and then reads the page table. With a barrier on
	// each side, at least one of the two sees the other's store.
	t.SmpMb()
	start := t.Bookmark()
	needWakeup := false
	for {
		// §15.2: both queues may look empty while a reader moves a fault.
		seq := c.refileSeq.ReadBegin(t)
		// Pending first: a reader moves faults from this queue to the other one, so the
		// other order could miss a fault in both.
		needWakeup = c.faultPendingWqh.Active(t) || c.faultWqh.Active(t)
		if !c.refileSeq.ReadRetry(t, seq) {
			break
		}
	}
	if needWakeup {
		t.AbstractSince(start, "waiting", nil) // it no longer matters in which queue
		c.wakeUserfaultSlow(t, r)
	}
}

// wakeUserfaultSlow wakes the faults in the range: __wake_userfault. It takes
// fault_pending_wqh.lock.
func (c *Ctx) wakeUserfaultSlow(t *sim.Task, r wakeRange) {
	c.lockQueues(t, "__wake_userfault")
	if c.faultPendingWqh.Len() != 0 {
		c.faultPendingWqh.wakeUpLocked(t, c, r)
	}
	if c.faultWqh.Len() != 0 {
		c.faultWqh.wakeUpLocked(t, c, r)
	}
	c.faultPendingWqh.Lock.Unlock(t)
}
