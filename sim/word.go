package sim

import (
	"sync/atomic"
	"unsafe"
)

// Word is a word of memory that tasks share without a lock: every access is a
// visible step and sequentially consistent. It is as big as the word it models,
// so that an array of 512 of them is 4 KiB.
type Word struct{ v atomic.Uint64 }

// Load reads the word.
func (w *Word) Load(t *Task) uint64 {
	if t.ctl != nil {
		return t.ctl.load(t, w)
	}
	return w.v.Load()
}

// Store writes the word.
func (w *Word) Store(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.store(t, w, v)
		return
	}
	w.v.Store(v)
}

// StoreAtOnce is Store by a locked instruction: with store buffers it waits until the task's is empty,
// and then all see it.
func (w *Word) StoreAtOnce(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.storeAtOnce(t, w, v)
		return
	}
	w.v.Store(v)
}

// Cmpxchg stores a value if the word has the old one, in one step, and reports whether it did:
// cmpxchg. With store buffers it waits until the task's is empty, and then all see it.
func (w *Word) Cmpxchg(t *Task, old, v uint64) bool {
	if t.ctl != nil {
		return t.ctl.cmpxchg(t, w, old, v)
	}
	return w.v.CompareAndSwap(old, v)
}

// StoreHandle writes a value that holds a handle: something whose number may differ
// from run to run though it stands for the same. meaning sums up what it stands for; nil if
// there is no telling. Zero is no handle.
func (w *Word) StoreHandle(t *Task, v uint64, meaning func(s *Summary)) {
	if t.ctl != nil {
		t.ctl.storeHandle(t, w, v, meaning)
		return
	}
	w.v.Store(v)
}

// Inc adds one: a reference that is counted.
func (w *Word) Inc(t *Task) {
	if t.ctl != nil {
		t.ctl.count(t, w, OpGet, 1, false)
		return
	}
	w.v.Add(1)
}

// Dec subtracts one and returns the new value: a reference that is given up.
func (w *Word) Dec(t *Task) uint64 {
	if t.ctl != nil {
		return t.ctl.count(t, w, OpPut, ^uint64(0), false)
	}
	return w.v.Add(^uint64(0))
}

// IncNotZero adds one unless the word is zero, and reports whether it did: the
// kernel's atomic_inc_not_zero.
func (w *Word) IncNotZero(t *Task) bool {
	if t.ctl != nil {
		return t.ctl.count(t, w, OpGet, 1, true) != 0
	}
	for {
		old := w.v.Load()
		if old == 0 {
			return false
		}
		if w.v.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

// Touch announces an access that is made by other means, to what the word stands for.
func (w *Word) Touch(t *Task, write bool) {
	if t.ctl != nil {
		t.ctl.touch(t, w, write)
	}
}

// Peek reads the word without a visible step: for observers outside of the model
// (invariants, views). With store buffers it is the newest value, whoever has stored it.
func (w *Word) Peek() uint64 { return w.v.Load() }

// PeekHeld is Peek for a task that holds a lock without which nobody stores to the word: no
// step of another task can come in between, but what was found there may matter later.
func (w *Word) PeekHeld(t *Task) uint64 {
	if t.ctl != nil {
		t.ctl.sawWord(t, Step{OpLoad, unsafe.Pointer(w)}, w)
	}
	return w.v.Load()
}

// Glance reads the word as the task would, without a visible step: after one that has
// announced the access, as [Word.Touch] does.
func (w *Word) Glance(t *Task) uint64 {
	if t.ctl != nil && t.ctl.buffered() {
		return t.ctl.seenBy(t, w)
	}
	return w.v.Load()
}

// Tick adds delta without a visible step and returns the new value: for counters
// that no task's behaviour depends on in a way that another task could notice
// (numbers that are handed out, references guarded by something visible).
func (w *Word) Tick(delta uint64) uint64 { return w.v.Add(delta) }

// Init gives the word a value before any other task can see it.
func (w *Word) Init(v uint64) { w.v.Store(v) }

// Reset is Init for a word that is used again: no other task can see it any more, or yet.
func (w *Word) Reset(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.replace(t, w, v)
		return
	}
	w.v.Store(v)
}

// Ref is a [Word] that holds a pointer.
type Ref[T any] struct{ p atomic.Pointer[T] }

// Load reads the pointer.
func (r *Ref[T]) Load(t *Task) *T {
	if t.ctl != nil {
		s := Step{OpLoad, unsafe.Pointer(r)}
		t.ctl.step(t, s)
		t.ctl.acquired(t, s)
	}
	return r.p.Load()
}

// Store writes the pointer.
func (r *Ref[T]) Store(t *Task, p *T) {
	if t.ctl != nil {
		s := Step{OpStore, unsafe.Pointer(r)}
		t.ctl.step(t, s)
		t.ctl.saw(t, s, 0)
		t.ctl.left(t, s.Obj, func(s *Summary) { s.AddObject(p) })
	}
	r.p.Store(p)
}

// Peek reads the pointer without a visible step, as [Word.Peek] does.
func (r *Ref[T]) Peek() *T { return r.p.Load() }

// Init sets the pointer without a visible step: before any other task can see it,
// or where a step that has been announced already covers it.
func (r *Ref[T]) Init(p *T) { r.p.Store(p) }
