package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// SetState puts a context into a state that no call sets.
func SetState(c *Ctx, s State) { c.state.Init(uint64(s)) }

// PageMissing reports whether an address has no page: the walk of userfaultfd_must_wait.
func PageMissing(t *sim.Task, m *mm.MM, address uint64) bool {
	return (&Ctx{mm: m, facts: &Facts{}}).pageMissing(t, address)
}

// WakeWithoutIndex wakes the pending faults in a range by a walk over the whole queue, as
// the kernel does: __wake_userfault without the index.
func WakeWithoutIndex(t *sim.Task, c *Ctx, start, length uint64) {
	c.faultPendingWqh.Lock.Lock(t)
	c.faultPendingWqh.WakeUpLockedKey(t, sim.Normal, sim.Key{Start: start, Len: length})
	c.faultPendingWqh.Lock.Unlock(t)
}

// Spoil returns functions that make a context with two pending faults inconsistent, by
// the error of CheckInvariants that must follow. The context's faults must be able to end
// for any signal.
func Spoil(c *Ctx) map[string]func() {
	uwq := c.faultPendingWqh.Tail().Container.(*waitQueue)
	return map[string]func(){
		"the index has 3 faults, the queues 2 and 0": func() { c.faults.add(&waitQueue{}) },
		"refcount is 4":                      func() { c.refcount.Init(4) },
		"freed is true with refcount 3":      func() { c.freed = true },
		"released, but a file is still open": func() { c.released.Init(1) },
		"is out of order at the fault of f0": func() { uwq.seq += 2 },
		"the index lacks the fault of f0":    func() { c.faults.remove(uwq); c.faults.add(&waitQueue{}) },
		"sleeps in its fault as": func() {
			facts := *c.facts
			facts.Signals = SignalsKillable
			c.facts = &facts
		},
	}
}
