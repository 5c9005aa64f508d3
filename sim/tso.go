package sim

import (
	"slices"
	"unsafe"
)

// Total store order, as an x86 has it: what a task stores goes into a buffer of its
// processor first, and into memory later, in the order of the stores. Until then only the
// task itself sees it. What empties the buffer first: smp_mb, taking a lock, counting a
// reference, announcing a sleep with a barrier, sleeping, waking, sending a signal. What
// does not is a release: a lock is given back by a plain store behind the others, which is
// all that the kernel's memory model promises of spin_unlock and up_read.
//
// A step that has to empty the buffer is not possible before the strategy has had it
// emptied; the writing out of each store is a step of its own, taken by the buffer.
//
// Left out are user mode's stores and those to a [Ref], which wait until the buffer is
// empty: they could be buffered, too. It makes fewer runs possible than there are, and none
// that is not.

// storeBuffer is a task's.
type storeBuffer struct {
	stores []pendingStore // the oldest first
	task   *Task          // who stands for it with the strategy
}

// pendingStore is a store that only the task sees which has made it.
type pendingStore struct {
	step   Step
	fn     string // the kernel function that it belongs to, if anyone wants to know
	value  uint64 // of a word, or a task's state
	stands sums   // for the value, in the fingerprint
	handle bool   // and it does for a handle
	commit func() // what a release does when it is written out; nil for other stores
}

// TSO makes stores go through store buffers. Call it before the first task.
func (c *Controlled) TSO() { c.visible = map[*Word]uint64{} }

func (c *Controlled) buffered() bool { return c.visible != nil }

// BufferOf is the task whose store buffer t stands for: nil if it is a task proper. Its
// name ends in ".buffer", and its ID is the task's. It is for a controlled executor.
func (t *Task) BufferOf() *Task { return t.co.bufferOf }

// drains reports whether a task's step is possible only with an empty store buffer.
func (o Op) drains() bool {
	return o != OpLoad && o != OpReadBegin && o != OpAccess && o != OpStart
}

// buffer puts a store into the task's buffer.
func (c *Controlled) buffer(t *Task, s pendingStore) {
	b := &t.co.buffer
	if b.task == nil {
		b.task = newControlledTask(t.name+".buffer", t.id, nil)
		b.task.co.bufferOf = t
	}
	if c.Announce != nil {
		s.fn = kernelFunc()
	}
	b.stores = append(b.stores, s)
	if len(b.stores) == 1 {
		c.buffers = append(c.buffers, t)
		slices.SortFunc(c.buffers, func(x, y *Task) int { return x.id - y.id })
		c.announceOldest(b)
	}
}

// announceOldest makes the oldest store the buffer's next step.
func (c *Controlled) announceOldest(b *storeBuffer) {
	b.task.co.next = b.stores[0].step
	if c.Announce != nil {
		c.Announce(b.task, b.stores[0].step, b.stores[0].fn)
	}
}

// storeBuffered is a store to a word. The word's own value is always the newest, for those
// who hold the lock that guards it and look without a step; what the others see is kept
// apart as long as it differs.
func (c *Controlled) storeBuffered(t *Task, w *Word, s pendingStore) {
	if _, pending := c.visible[w]; !pending {
		c.visible[w] = w.v.Load()
	}
	w.v.Store(s.value)
	c.buffer(t, s)
}

// seenBy is the value that the task finds in the word.
func (c *Controlled) seenBy(t *Task, w *Word) uint64 {
	if own := t.co.buffer.newest(unsafe.Pointer(w)); own != nil {
		return own.value
	}
	return c.inMemory(w)
}

// inMemory is the value that all find in the word who have no store to it pending.
func (c *Controlled) inMemory(w *Word) uint64 {
	if v, pending := c.visible[w]; pending {
		return v
	}
	return w.v.Load()
}

// newest is the newest of the stores to the object, nil if there is none.
func (b *storeBuffer) newest(obj unsafe.Pointer) *pendingStore {
	for i := len(b.stores) - 1; i >= 0; i-- {
		if b.stores[i].step.Obj == obj {
			return &b.stores[i]
		}
	}
	return nil
}

// flush writes the oldest store out.
func (c *Controlled) flush(t *Task) {
	b := &t.co.buffer
	s := b.stores[0]
	if l := c.labelOf(s.step.Obj); l != nil && l.gone {
		c.fail(&Bug{BugUseAfterFree, s.fn, c.ObjectName(s.step.Obj) + " has been freed", b.task.name})
		return
	}
	b.stores = slices.Delete(b.stores, 0, 1)
	if len(b.stores) > 0 {
		c.announceOldest(b)
	} else {
		c.buffers = slices.DeleteFunc(c.buffers, func(other *Task) bool { return other == t })
	}
	switch {
	case s.commit != nil:
		s.commit()
	case s.step.Op == OpSetState:
		if t.State() != Dead {
			c.storeState(t, t, State(s.value))
		}
	default:
		c.flushWord(t, &s)
	}
}

func (c *Controlled) flushWord(t *Task, s *pendingStore) {
	w := (*Word)(s.step.Obj)
	var old sums
	if c.print.on {
		old = c.meaning(t, w)
	}
	c.visible[w] = s.value
	if !slices.ContainsFunc(c.buffers, func(t *Task) bool { return t.co.buffer.newest(s.step.Obj) != nil }) {
		delete(c.visible, w)
		w.v.Store(s.value)
	}
	if !c.print.on {
		return
	}
	l := c.mustLabel(t, s.step.Obj)
	l.dropContent(s.step.Obj)
	if s.handle {
		l.setContent(s.step.Obj, &s.stands)
	}
	c.became(t, s.step.Obj, &old, &s.stands)
}

// bufferSum stands for what is in the task's buffer.
func (c *Controlled) bufferSum(t *Task, k int) uint64 {
	h := c.print.renamings[k].task(t.id)
	for _, s := range t.co.buffer.stores {
		h = mix(mix(h, c.id(t, s.step.Obj, k)+uint64(s.step.Op)), s.stands[k])
	}
	return mix(h, uint64(len(t.co.buffer.stores)))
}

// ownState is the task's state as it sees it itself.
func (t *Task) ownState() State {
	if t.ctl == nil {
		return t.State()
	}
	if s := t.co.buffer.newest(unsafe.Pointer(t)); s != nil {
		return State(s.value)
	}
	return t.State()
}
