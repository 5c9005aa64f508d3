package uffd

import "github.com/uffdsim/uffdsim/sim"

// The functions of this file emit the events of a context. The events of its queues are
// emitted by [sim.WaitQueueHead]. An event's arguments are built only if a trace is
// recorded.

// String returns the context's name in traces.
func (c *Ctx) String() string { return c.name }

func (c *Ctx) trace(t *sim.Task, kind string) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: kind, Object: c.name})
	}
}

func (c *Ctx) traceNew(t *sim.Task) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "ctx_new", Object: c.name, Args: []sim.Arg{
			{Key: "mm", Value: c.mm.Name}, {Key: "count", Value: 1}, {Key: "state", Value: StateWaitAPI.String()},
		}})
	}
}

func (c *Ctx) traceCount(t *sim.Task, kind string, count uint64) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: kind, Object: c.name, Args: []sim.Arg{{Key: "count", Value: int(count)}}})
	}
}

func (c *Ctx) traceState(t *sim.Task) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "ctx_state", Object: c.name, Args: []sim.Arg{{Key: "state", Value: StateRunning.String()}}})
	}
}

func (c *Ctx) traceRead(t *sim.Task, uwq *waitQueue) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "msg_read", Object: c.name, Args: []sim.Arg{
			{Key: "waiter", Value: uwq.wq.Task.Name()}, {Key: "address", Value: uwq.msg.Address},
		}})
	}
}

func (c *Ctx) traceMustWait(t *sim.Task, address uint64, waits bool) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "must_wait", Object: c.name, Args: []sim.Arg{{Key: "address", Value: address}, {Key: "waits", Value: waits}}})
	}
}

func (c *Ctx) traceWake(t *sim.Task, r wakeRange) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "wake", Object: c.name, Args: []sim.Arg{{Key: "start", Value: r.start}, {Key: "len", Value: r.len}}})
	}
}
