package uffd

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// CheckInvariants returns an error that describes the first inconsistency of the context,
// or nil. The machine must be settled: every task sleeps in schedule() or is outside of
// the kernel. openFile says whether the context's file is still open.
func (c *Ctx) CheckInvariants(openFile bool) error {
	holders := uint64(0)
	if openFile {
		holders++
	}
	for _, q := range []*faultQueue{&c.faultPendingWqh, &c.faultWqh} {
		if err := q.check(c); err != nil {
			return err
		}
		holders += uint64(q.Len())
	}
	if n := c.faults.tree.Len(); n != c.faultPendingWqh.Len()+c.faultWqh.Len() {
		return fmt.Errorf("uffd: the index has %d faults, the queues %d and %d", n, c.faultPendingWqh.Len(), c.faultWqh.Len())
	}
	switch refs := c.refcount.Peek(); {
	case refs != holders:
		return fmt.Errorf("uffd: refcount is %d, but the file and the queued faults are %d (REF-1)", refs, holders)
	case c.freed != (refs == 0):
		return fmt.Errorf("uffd: freed is %v with refcount %d", c.freed, refs)
	case c.Released() && openFile:
		return fmt.Errorf("uffd: released, but a file is still open")
	}
	return checkLinks(&c.fdWqh, "fd_wqh", nil)
}

// check compares the queue's list with the index, and its entries with their tasks.
func (q *faultQueue) check(c *Ctx) error {
	newer := ^uint64(0)
	return checkLinks(&q.WaitQueueHead, q.Name, func(e *sim.WaitQueueEntry) error {
		uwq := e.Container.(*waitQueue)
		task := e.Task.Name()
		switch {
		case uwq.queue != q.id || uwq.ctx != c:
			return fmt.Errorf("uffd: %s holds the fault of %s, whose entry names another queue", q.Name, task)
		case uwq.seq >= newer:
			return fmt.Errorf("uffd: %s is out of order at the fault of %s", q.Name, task)
		case !c.faults.tree.Has(faultKey{uwq.msg.Address, uwq}):
			return fmt.Errorf("uffd: the index lacks the fault of %s in %s", task, q.Name)
		case !e.Task.Asleep():
			return fmt.Errorf("uffd: %s holds the fault of %s, which is not asleep (%v)", q.Name, task, e.Task.State())
		case c.facts.Signals == SignalsKillable && e.Task.State() != sim.Killable:
			return fmt.Errorf("uffd: %s sleeps in its fault as %v", task, e.Task.State())
		}
		newer = uwq.seq
		return nil
	})
}

// checkLinks walks a wait queue, calls each (unless nil) with every entry, and checks the
// queue's length and tail.
func checkLinks(q *sim.WaitQueueHead, name string, each func(*sim.WaitQueueEntry) error) error {
	n := 0
	var last *sim.WaitQueueEntry
	for e := q.Head(); e != nil; last, e = e, e.Next() {
		n++
		if !e.Queued() {
			return fmt.Errorf("uffd: %s holds an entry that is not queued", name)
		}
		if each != nil {
			if err := each(e); err != nil {
				return err
			}
		}
	}
	if n != q.Len() || last != q.Tail() {
		return fmt.Errorf("uffd: %s counts %d entries, and a walk finds %d", name, q.Len(), n)
	}
	return nil
}
