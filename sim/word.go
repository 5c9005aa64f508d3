package sim

import (
	"sync/atomic"
	"unsafe"
)

// Word is a 64-bit word of memory that tasks may access without a lock. Every access is a
// visible step and, without store buffers, sequentially consistent. A Word occupies 8
// bytes, so an array of 512, such as a page table, occupies 4 KiB.
type Word struct{ v atomic.Uint64 }

// Load returns the word's value.
func (w *Word) Load(t *Task) uint64 {
	if t.ctl != nil {
		return t.ctl.load(t, w)
	}
	return w.v.Load()
}

// Store sets the word's value.
func (w *Word) Store(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.store(t, w, v)
		return
	}
	w.v.Store(v)
}

// StoreAtOnce is Store by a locked instruction. With store buffers it needs an empty
// buffer and is not buffered itself.
func (w *Word) StoreAtOnce(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.storeAtOnce(t, w, v)
		return
	}
	w.v.Store(v)
}

// Cmpxchg sets the word to v if its value is old, in one step, and reports whether it
// did: cmpxchg. With store buffers it needs an empty buffer and is not buffered itself.
func (w *Word) Cmpxchg(t *Task, old, v uint64) bool {
	if t.ctl != nil {
		return t.ctl.cmpxchg(t, w, old, v)
	}
	return w.v.CompareAndSwap(old, v)
}

// StoreHandle sets the word to a handle: a number that may differ between runs although
// it refers to equal data. meaning sums up that data, for the fingerprint; nil means that
// no summary exists. Zero is not a handle.
func (w *Word) StoreHandle(t *Task, v uint64, meaning func(s *Summary)) {
	if t.ctl != nil {
		t.ctl.storeHandle(t, w, v, meaning)
		return
	}
	w.v.Store(v)
}

// SetMeaning replaces the meaning of the handle that the word holds: see StoreHandle. It
// is not a visible step. The task must hold the lock under which the word is written.
func (w *Word) SetMeaning(t *Task, meaning func(s *Summary)) {
	if t.ctl != nil {
		t.ctl.setMeaning(t, w, meaning)
	}
}

// Inc adds one, for a reference that is taken: atomic_inc.
func (w *Word) Inc(t *Task) {
	if t.ctl != nil {
		t.ctl.count(t, w, OpGet, 1, false)
		return
	}
	w.v.Add(1)
}

// Dec subtracts one, for a reference that is dropped, and returns the new value:
// atomic_dec_return.
func (w *Word) Dec(t *Task) uint64 {
	if t.ctl != nil {
		return t.ctl.count(t, w, OpPut, ^uint64(0), false)
	}
	return w.v.Add(^uint64(0))
}

// IncNotZero adds one unless the word is zero, and reports whether it did:
// atomic_inc_not_zero.
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

// Touch takes the visible step of a processor's access to the memory that the word maps.
// The caller makes the access itself.
func (w *Word) Touch(t *Task, write bool) {
	if t.ctl != nil {
		t.ctl.touch(t, w, write)
	}
}

// Peek returns the word's value without a visible step. It is for observers outside the
// model (invariants, views). With store buffers it returns the value stored last by any
// task.
func (w *Word) Peek() uint64 { return w.v.Load() }

// PeekHeld is Peek for a task that holds the lock under which the word is written. The
// read needs no visible step, since no other task can write the word, but its result
// enters the task's history.
func (w *Word) PeekHeld(t *Task) uint64 {
	if t.ctl != nil {
		return t.ctl.loadNow(t, Step{OpLoad, unsafe.Pointer(w)}, w)
	}
	return w.v.Load()
}

// PeekFor is PeekHeld for a task that needs to know only whether the value satisfies a
// condition. Only that enters the task's history.
func (w *Word) PeekFor(t *Task, condition func(v uint64) bool) bool {
	ok := condition(w.v.Load())
	if t.ctl != nil {
		t.ctl.recordCondition(t, w, ok)
	}
	return ok
}

// AddHeld adds delta, without a visible step, for a task that holds the lock under which
// the word is written. What the task does next must not depend on the result: it does not
// enter the task's history.
func (w *Word) AddHeld(t *Task, delta uint64) {
	if t.ctl != nil {
		t.ctl.addHeld(t, w, delta)
		return
	}
	w.v.Add(delta)
}

// Glance returns the value that the task finds in the word, without a visible step. A
// step that the task has just taken, such as that of [Word.Touch], must cover the access.
func (w *Word) Glance(t *Task) uint64 {
	if t.ctl != nil && t.ctl.buffered() {
		return t.ctl.seenBy(t, w)
	}
	return w.v.Load()
}

// Tick adds delta without a visible step and returns the new value. It is for counters
// that do not affect a task's behaviour in a way that another task can observe (unique
// numbers, reference counts protected by another visible step).
func (w *Word) Tick(delta uint64) uint64 { return w.v.Add(delta) }

// Init sets the word's value before any other task can see the word.
func (w *Word) Init(v uint64) { w.v.Store(v) }

// Reset is Init for a word that is reused. No other task may be able to see the word.
func (w *Word) Reset(t *Task, v uint64) {
	if t.ctl != nil {
		t.ctl.setWord(t, w, v)
		return
	}
	w.v.Store(v)
}

// Ref is a [Word] that holds a pointer.
type Ref[T any] struct{ p atomic.Pointer[T] }

// Load returns the pointer.
func (r *Ref[T]) Load(t *Task) *T {
	if t.ctl != nil {
		s := Step{OpLoad, unsafe.Pointer(r)}
		t.ctl.step(t, s)
		t.ctl.recordAcquire(t, s)
	}
	return r.p.Load()
}

// Store sets the pointer.
func (r *Ref[T]) Store(t *Task, p *T) {
	if t.ctl != nil {
		s := Step{OpStore, unsafe.Pointer(r)}
		t.ctl.step(t, s)
		t.ctl.recordStep(t, s, 0)
		t.ctl.recordRelease(t, s.Obj, func(s *Summary) { s.AddObject(p) })
	}
	r.p.Store(p)
}

// Peek returns the pointer without a visible step, as [Word.Peek] does.
func (r *Ref[T]) Peek() *T { return r.p.Load() }

// PeekHeld is Peek for a task that holds the lock under which the pointer is written: see
// [Word.PeekHeld].
func (r *Ref[T]) PeekHeld(t *Task) *T {
	if t.ctl != nil {
		t.ctl.recordAcquire(t, Step{OpLoad, unsafe.Pointer(r)})
	}
	return r.p.Load()
}

// Reset is Init for a pointer whose value is not the same in each run. No other task may
// be able to see the Ref.
func (r *Ref[T]) Reset(t *Task, p *T) {
	if t.ctl != nil {
		t.ctl.recordRelease(t, unsafe.Pointer(r), func(s *Summary) { s.AddObject(p) })
	}
	r.p.Store(p)
}

// Init sets the pointer without a visible step. Either no other task can see the Ref yet,
// or a step that the task has just taken covers the store.
func (r *Ref[T]) Init(p *T) { r.p.Store(p) }
