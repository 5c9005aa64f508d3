package sim

import (
	"slices"
	"unsafe"
)

// This file implements total store order, the memory model of x86. A store first enters
// the FIFO store buffer of the task's processor and is written to memory later. Until
// then only the task itself sees it.
//
// These steps need an empty store buffer: smp_mb, taking a lock, changing a reference
// count, set_current_state, schedule, waking a task, sending a signal. Releasing a lock
// does not: it is a buffered store, because the kernel's memory model guarantees no more
// of spin_unlock and up_read.
//
// A step that needs an empty buffer is not enabled before the buffer is empty. The write
// of each store to memory is a visible step of its own, taken by a task that stands for
// the buffer.
//
// Stores by user mode and to a [Ref] are not buffered; they need an empty buffer. The
// model thus omits some runs that hardware allows, but has no run that hardware forbids.

// storeBuffer is the store buffer of a task. The executor owns it.
type storeBuffer struct {
	stores []pendingStore // the oldest first
	task   *Task          // stands for the buffer in Strategy.Pick
}

// pendingStore is a store that has not been written to memory.
type pendingStore struct {
	step   Step
	fn     string // the kernel function that stored, if there is an Announce function
	value  uint64 // of a word, or a State
	sum    *Sums  // represents the value in the fingerprint; nil if the value does
	commit func() // for the release of a lock: what the write to memory does; else nil
}

// TSO makes stores go through store buffers. Call it before the first task is created.
func (c *Controlled) TSO() { c.visible = map[*Word]uint64{} }

// buffered reports whether stores go through store buffers.
func (c *Controlled) buffered() bool { return c.visible != nil }

// BufferOf returns the task whose store buffer t stands for, nil if t is an ordinary
// task. The task of a buffer has the other task's ID and a name that ends in ".buffer". t
// must belong to a controlled executor.
func (t *Task) BufferOf() *Task { return t.co.bufferOf }

// drains reports whether a step needs an empty store buffer.
func (o Op) drains() bool {
	return o != OpLoad && o != OpReadBegin && o != OpAccess && o != OpChoose && o != OpStart
}

// buffer appends a store to the task's store buffer.
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

// storeBuffered appends a store to a word. w.v gets the newest value at once, for Peek
// and for tasks that read the word without a step under the lock that protects it.
// c.visible holds the value in memory while the store is pending.
func (c *Controlled) storeBuffered(t *Task, w *Word, s pendingStore) {
	if _, pending := c.visible[w]; !pending {
		c.visible[w] = w.v.Load()
	}
	w.v.Store(s.value)
	c.buffer(t, s)
}

// seenBy returns the value that the task finds in the word.
func (c *Controlled) seenBy(t *Task, w *Word) uint64 {
	if own := t.co.buffer.newest(unsafe.Pointer(w)); own != nil {
		return own.value
	}
	return c.inMemory(w)
}

// inMemory returns the word's value in memory: the one that every task without a pending
// store to the word finds.
func (c *Controlled) inMemory(w *Word) uint64 {
	if v, pending := c.visible[w]; pending {
		return v
	}
	return w.v.Load()
}

// InMemory returns the word's value in memory, without a visible step: the value that
// every task without a pending store to the word finds.
func (c *Controlled) InMemory(w *Word) uint64 { return c.inMemory(w) }

// newest returns the newest pending store to the object, nil if none.
func (b *storeBuffer) newest(obj unsafe.Pointer) *pendingStore {
	for i := len(b.stores) - 1; i >= 0; i-- {
		if b.stores[i].step.Obj == obj {
			return &b.stores[i]
		}
	}
	return nil
}

// flush writes the oldest store of the task's buffer to memory.
func (c *Controlled) flush(t *Task) {
	b := &t.co.buffer
	s := b.stores[0]
	if l := c.labelOf(s.step.Obj); l != nil && l.freed {
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

// flushWord writes a store to a word to memory.
func (c *Controlled) flushWord(t *Task, s *pendingStore) {
	w := (*Word)(s.step.Obj)
	c.replaceWord(t, w, s.value, s.sum)
	c.visible[w] = s.value
	if !slices.ContainsFunc(c.buffers, func(t *Task) bool { return t.co.buffer.newest(s.step.Obj) != nil }) {
		delete(c.visible, w)
		w.v.Store(s.value)
	}
}

// bufferSum returns a hash of the stores in the task's buffer.
func (c *Controlled) bufferSum(t *Task, k int) uint64 {
	h := c.fp.permutations[k].task(t.id)
	for _, s := range t.co.buffer.stores {
		v := s.value
		if s.sum != nil {
			v = s.sum[k]
		}
		h = Mix(Mix(h, c.id(t, s.step.Obj, k)+uint64(s.step.Op)), v)
	}
	return Mix(h, uint64(len(t.co.buffer.stores)))
}

// announced returns the state that the task has set last, Running if it has slept since.
// On a free executor it may return Running after a wake-up, too.
func (t *Task) announced() State {
	if t.ctl == nil {
		return t.State()
	}
	return t.co.announced
}
