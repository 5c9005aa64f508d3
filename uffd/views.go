package uffd

import (
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Waiter is a fault in one of the queues, for observers.
type Waiter struct {
	Task    string // the faulting task
	Address uint64 // of the access, in bytes
	Flags   uint64 // abi.PagefaultFlag bits of the message
}

// Queues returns the faults that have not been read and those that have, newest
// first. Nothing else may run meanwhile, or fault_pending_wqh.lock must be held.
func (c *Ctx) Queues() (pending, read []Waiter) {
	return c.faultPendingWqh.waiters(), c.faultWqh.waiters()
}

func (q *faultQueue) waiters() []Waiter {
	var ws []Waiter
	for e := q.Head(); e != nil; e = e.Next() {
		uwq := e.Container.(*waitQueue)
		ws = append(ws, Waiter{e.Task.Name(), uwq.msg.Address, uwq.msg.Flags})
	}
	return ws
}

// State is where the context stands in the handshake, for observers.
func (c *Ctx) State() State {
	if c.features.Peek()&abi.FeatureInitialized != 0 {
		return StateRunning
	}
	return State(c.state.Peek())
}

// Released reports whether release has begun, for observers.
func (c *Ctx) Released() bool { return c.released.Peek() != 0 }

// Refs is the number of references, for observers.
func (c *Ctx) Refs() uint64 { return c.refcount.Peek() }

// Freed reports whether the last reference has gone, for observers.
func (c *Ctx) Freed() bool { return c.freed }

// ReleasedWord is the word that says so, for observers of who looks at it.
func (c *Ctx) ReleasedWord() *sim.Word { return &c.released }
