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

// State says whether the handshake has been made: enum userfaultfd_state.
type State uint64

// The states.
const (
	StateWaitAPI State = iota
	StateRunning
)

// String returns the kernel's name of the state.
func (s State) String() string {
	if s == StateWaitAPI {
		return "UFFD_STATE_WAIT_API"
	}
	return "UFFD_STATE_RUNNING"
}

// Ctx is a userfaultfd context: struct userfaultfd_ctx.
type Ctx struct {
	// faultPendingWqh holds the faults that have not been read. Its lock protects both
	// fault queues and the index.
	faultPendingWqh faultQueue
	// faultWqh holds the faults that have been read. Protected by fault_pending_wqh.lock.
	faultWqh faultQueue
	// faults indexes both queues by address. Protected by fault_pending_wqh.lock.
	faults faultIndex
	// fdWqh holds the sleeping readers and pollers. Protected by its own lock.
	fdWqh sim.WaitQueueHead
	// refileSeq covers the move of a fault from faultPendingWqh to faultWqh. Written
	// under fault_pending_wqh.lock, read without a lock. Since 4.3.
	refileSeq sim.SeqCount
	refcount  sim.Word // atomic
	state     sim.Word // a State; atomic
	released  sim.Word // 1 once release has begun; atomic
	features  sim.Word // asked for in the handshake; atomic, immutable once it has been made
	flags     uint32   // of userfaultfd(2); immutable
	// mm is the address space whose faults the context receives. The context holds a
	// reference on it, of the kind that facts.Pins says. Immutable.
	mm      *mm.MM
	facts   *Facts   // immutable
	dropped rule.Set // the rules that are dropped; immutable
	freed   bool     // set by the put that drops the last reference
	name    string   // in traces; immutable
}

// Config selects the kernel whose userfaultfd is modelled, and the rules that it drops.
type Config struct {
	Facts   Facts
	Dropped rule.Set // [CheckDropped] must allow the set
}

// newCtx returns a context for the current task's mm, with one reference. It does not
// take the reference on the mm. It panics if the rules in conf.Dropped cannot be dropped
// together.
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

// initOnce initializes the queues: init_once_userfaultfd_ctx. In the kernel this is the
// slab's constructor, which does not run again when the memory of a freed context is
// reused. So the last put requires the queues to be empty (CREATE-11).
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

// get takes a reference: userfaultfd_ctx_get. Another reference must exist during the
// call. In a fault it is the file's, which release cannot drop while the fault holds
// mmap_lock.
func (c *Ctx) get(t *sim.Task) {
	c.use(t, "userfaultfd_ctx_get")
	sim.BugOn(t, !c.refcount.IncNotZero(t), "userfaultfd_ctx_get", "the refcount was already zero")
	c.traceCount(t, "ref_get", c.refcount.Peek())
}

// put drops a reference. If it was the last, put asserts that the queues are empty, drops
// the mm and frees the context (REF-2). It recreates userfaultfd_ctx_put.
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

// free marks the context freed: kmem_cache_free.
func (c *Ctx) free(t *sim.Task) {
	c.freed = true
	sim.Kfree(t, c)
	c.trace(t, "ctx_free")
}

// pin takes the context's reference on its mm: on the memory, mm_users (REF-3), or since
// 4.7 on the mm_struct alone, mm_count.
func (c *Ctx) pin(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Grab(t)
	} else {
		c.mm.Get(t)
	}
}

// unpin drops the reference that pin took.
func (c *Ctx) unpin(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Drop(t)
	} else {
		c.mm.Put(t)
	}
}

// mmget takes a reference on the memory for the length of a call: mmget_not_zero. It
// reports false if the memory has been torn down. Before 4.7 the context's own reference
// suffices.
func (c *Ctx) mmget(t *sim.Task) bool { return c.facts.Pins == PinsMemory || c.mm.GetNotZero(t) }

// mmput drops the reference that mmget took.
func (c *Ctx) mmput(t *sim.Task) {
	if c.facts.Pins == PinsStruct {
		c.mm.Put(t)
	}
}

// loadState returns the state of the handshake. Since 5.15 a bit of the features holds
// it: userfaultfd_is_initialized.
func (c *Ctx) loadState(t *sim.Task) State {
	switch {
	case c.facts.Handshake != HandshakeCompareExchange:
		return State(c.state.Load(t))
	case c.features.Load(t)&abi.FeatureInitialized != 0:
		return StateRunning
	}
	return StateWaitAPI
}

// hasFeature reports whether the handshake asked for the feature.
func (c *Ctx) hasFeature(feature uint64) bool {
	return c.features.Peek()&feature != 0
}

// use reports a use after free if the context has been freed.
func (c *Ctx) use(t *sim.Task, where string) {
	if c.freed {
		sim.UseAfterFree(t, where, "the context has been freed")
	}
}

// The keys with which readers and pollers are woken.
var (
	pollIn  = sim.Key{Start: uint64(vfs.PollIn)}
	pollHup = sim.Key{Start: uint64(vfs.PollHup)}
)

// lockQueues takes fault_pending_wqh.lock, which protects both fault queues.
func (c *Ctx) lockQueues(t *sim.Task, where string) {
	c.use(t, where)
	c.faultPendingWqh.Lock.Lock(t)
	c.use(t, where)
}

// MM returns the address space whose faults the context receives.
func (c *Ctx) MM() *mm.MM { return c.mm }
