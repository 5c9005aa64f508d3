package uffd

import (
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// The classes of the locks that the package takes.
var (
	fdWqhLockClass           = &sim.LockClass{Name: "fd_wqh.lock", Rank: lockorder.FdWqh}
	faultPendingWqhLockClass = &sim.LockClass{Name: "fault_pending_wqh.lock", Rank: lockorder.FaultPendingWqh}
	faultWqhLockClass        = &sim.LockClass{Name: "fault_wqh.lock", Rank: lockorder.FaultWqh}
)

// State is where a context stands in the handshake: enum userfaultfd_state.
type State uint64

// The states.
const (
	StateWaitAPI State = iota
	StateRunning
)

// String is the kernel's name.
func (s State) String() string {
	if s == StateWaitAPI {
		return "UFFD_STATE_WAIT_API"
	}
	return "UFFD_STATE_RUNNING"
}

// Ctx is a userfaultfd context: struct userfaultfd_ctx.
type Ctx struct {
	faultPendingWqh faultQueue        // faults that have not been read; its lock guards both fault queues
	faultWqh        faultQueue        // faults that have been read
	faults          faultIndex        // of both
	fdWqh           sim.WaitQueueHead // sleeping readers and pollers
	refileSeq       sim.SeqCount      // covers the move from one to the other; written under their lock
	refcount        sim.Word
	state           sim.Word // State
	released        sim.Word // 1 once release has begun
	features        sim.Word // asked for in the handshake; immutable once state is running
	flags           uint32   // of the system call; immutable
	mm              *mm.MM   // whose faults these are, which it pins; immutable
	facts           *Facts
	dropped         rule.Set // rules that are not kept; immutable
	freed           bool     // set when the last reference has gone
	name            string   // in traces; immutable
}

// Config says which userfaultfd it is: which kernel's, and keeping which rules.
type Config struct {
	Facts   Facts
	Dropped rule.Set // rules that are not kept, to see what they are for; [CheckDropped] must allow the set
}

// newCtx returns a context for the current task's mm, with one reference. It panics if the rules
// of conf.Dropped cannot be dropped together.
func newCtx(t *sim.Task, flags uint32, conf *Config) *Ctx {
	if err := CheckDropped(conf.Dropped); err != nil {
		panic(err)
	}
	c := &Ctx{flags: flags, mm: mm.Current(t).MM, facts: &conf.Facts, dropped: conf.Dropped, name: t.TraceName("ctx")}
	sim.Label(t, c, "ctx", t.Unique())
	c.initOnce()
	c.refcount.Init(1)
	c.state.Init(uint64(StateWaitAPI))
	c.traceNew(t)
	return c
}

// initOnce sets up the queues: init_once_userfaultfd_ctx. In the kernel it is the
// slab's constructor, which does not run again for a context whose memory is used
// again; that is why the last put insists on empty queues (CREATE-11).
func (c *Ctx) initOnce() {
	if c.dropped.Any() {
		c.initOnceWithout()
		return
	}
	c.faultPendingWqh.init(c, pendingFault, "fault_pending_wqh", faultPendingWqhLockClass)
	c.faultWqh.init(c, readFault, "fault_wqh", faultWqhLockClass)
	c.faults.init()
	c.fdWqh.Init(fdWqhLockClass)
	c.refileSeq.Absent = !c.facts.CountsRefiles
	c.fdWqh.Name, c.fdWqh.Owner = "fd_wqh", c.name
	c.faultPendingWqh.Lock.Guards(func(s *sim.Summary) {
		c.faultPendingWqh.sumUp(s)
		c.faultWqh.sumUp(s)
	})
	c.fdWqh.Lock.Guards(c.fdWqh.SumUp)
}

// get takes a reference from one that is known to exist: userfaultfd_ctx_get.
func (c *Ctx) get(t *sim.Task) {
	c.use(t, "userfaultfd_ctx_get")
	sim.BugOn(t, !c.refcount.IncNotZero(t), "userfaultfd_ctx_get", "the refcount was zero already")
	c.traceCount(t, "ref_get", c.refcount.Peek())
}

// put drops a reference. The last one finds the queues empty, gives the mm up and
// frees the context (REF-2): userfaultfd_ctx_put.
func (c *Ctx) put(t *sim.Task) {
	if c.dropped.Any() {
		c.putWithout(t)
		return
	}
	const where = "userfaultfd_ctx_put"
	c.use(t, where)
	left := c.refcount.Dec(t)
	c.traceCount(t, "ref_put", left)
	if left != 0 {
		return
	}
	sim.BugOn(t, c.faultPendingWqh.Lock.IsLocked(t), where, "fault_pending_wqh.lock is held")
	sim.BugOn(t, c.faultPendingWqh.Len() != 0, where, "fault_pending_wqh is not empty")
	sim.BugOn(t, c.faultWqh.Lock.IsLocked(t), where, "fault_wqh.lock is held")
	sim.BugOn(t, c.faultWqh.Len() != 0, where, "fault_wqh is not empty")
	sim.BugOn(t, c.fdWqh.Lock.IsLocked(t), where, "fd_wqh.lock is held")
	sim.BugOn(t, c.fdWqh.Len() != 0, where, "fd_wqh is not empty")
	c.unpin(t)
	c.free(t)
}

// free ends the context's existence: kmem_cache_free.
func (c *Ctx) free(t *sim.Task) {
	c.freed = true
	sim.Kfree(t, c)
	c.trace(t, "ctx_free")
}

// pin makes the context keep its mm: all of the memory (REF-3), or later the structure alone.
func (c *Ctx) pin(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Grab(t)
	} else {
		c.mm.Get(t)
	}
}

// unpin ends what pin began.
func (c *Ctx) unpin(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Drop(t)
	} else {
		c.mm.Put(t)
	}
}

// mmget makes sure of the memory for the length of a call, and reports false if it has gone:
// mmget_not_zero. A context that keeps the memory need not ask.
func (c *Ctx) mmget(t *sim.Task) bool { return c.facts.Pins == PinsMemory || c.mm.GetNotZero(t) }

// mmput ends what mmget began.
func (c *Ctx) mmput(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Put(t)
	}
}

// loadState returns where the context stands in the handshake. Since 5.15 a bit of the features
// says so: userfaultfd_is_initialized.
func (c *Ctx) loadState(t *sim.Task) State {
	switch {
	case c.facts.Handshake != HandshakeCompareExchange:
		return State(c.state.Load(t))
	case c.features.Load(t)&abi.FeatureInitialized != 0:
		return StateRunning
	}
	return StateWaitAPI
}

// asked reports whether the handshake has asked for the feature.
func (c *Ctx) asked(feature uint64) bool {
	return c.features.Peek()&feature != 0
}

// use panics if the context has been freed.
func (c *Ctx) use(t *sim.Task, where string) {
	if c.freed {
		sim.UseAfterFree(t, where, "the context has been freed")
	}
}

// The keys of wake-ups of readers and pollers.
var (
	pollIn  = sim.Key{Start: uint64(vfs.PollIn)}
	pollHup = sim.Key{Start: uint64(vfs.PollHup)}
)

// lockQueues takes the lock of both fault queues.
func (c *Ctx) lockQueues(t *sim.Task, where string) {
	c.use(t, where)
	c.faultPendingWqh.Lock.Lock(t)
	c.use(t, where)
}

// MM is the address space whose faults the context receives.
func (c *Ctx) MM() *mm.MM { return c.mm }
