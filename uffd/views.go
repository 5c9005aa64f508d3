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

// Queues returns the faults that have not been read and the faults that have been read,
// newest first. The machine must be settled, or fault_pending_wqh.lock held.
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

// State returns the state of the handshake, for observers.
func (c *Ctx) State() State {
	if c.features.Peek()&abi.FeatureInitialized != 0 {
		return StateRunning
	}
	return State(c.state.Peek())
}

// Released reports whether release has begun, for observers.
func (c *Ctx) Released() bool { return c.released.Peek() != 0 }

// Refs returns the number of references, for observers.
func (c *Ctx) Refs() uint64 { return c.refcount.Peek() }

// Freed reports whether the last reference has been dropped, for observers.
func (c *Ctx) Freed() bool { return c.freed }

// ReleasedWord returns the word behind [Ctx.Released], for observers of its accesses.
func (c *Ctx) ReleasedWord() *sim.Word { return &c.released }
