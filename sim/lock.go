package sim

import (
	"slices"
	"sync"
	"unsafe"
)

// LockClass is a kind of lock: all spinlocks of one queue head's name, say. Its
// rank is its place in the lock order: see the package comment.
type LockClass struct {
	Name string
	Rank int
}

// heldLock is an entry of a task's list of held locks.
type heldLock struct {
	class  *LockClass
	obj    unsafe.Pointer
	spin   bool
	nested bool
	write  bool
}

// heldLocks is what a task holds, in order of taking.
type heldLocks []heldLock

// locks is what the task holds. The slice is the task's to change.
func (t *Task) locks() *heldLocks {
	if t.held == nil {
		held := make(heldLocks, 0, 4)
		t.held = &held
	}
	return t.held
}

// checking reports whether lock use is asserted for the task.
func checking(t *Task) bool { return lockcheck || t.ctl != nil }

// noteAcquire asserts the lock order before t takes a lock.
func (t *Task) noteAcquire(h heldLock) {
	held := t.locks()
	for _, other := range *held {
		if other.obj == h.obj {
			t.bug(BugLock, h.class.Name, "taken twice by one task")
		}
		if other.class.Rank > h.class.Rank || other.class.Rank == h.class.Rank && !h.nested {
			t.bug(BugLockOrder, h.class.Name, "taken while holding "+other.class.Name)
		}
	}
	if !h.spin {
		t.assertMaySleep(h.class.Name)
		if s := t.ownState(); s != Running { // waiting for the lock would overwrite it
			t.bug(BugSleepState, h.class.Name, "taken in "+s.String())
		}
	}
	*held = append(*held, h)
}

// noteRelease asserts that t holds the lock in the way that it releases it.
func (t *Task) noteRelease(class *LockClass, obj unsafe.Pointer, write bool) {
	held := t.locks()
	i := slices.IndexFunc(*held, func(h heldLock) bool { return h.obj == obj && h.write == write })
	if i < 0 {
		t.bug(BugLock, class.Name, "released by a task that does not hold it")
	}
	*held = slices.Delete(*held, i, i+1)
}

func (t *Task) find(obj unsafe.Pointer) (heldLock, bool) {
	for _, h := range *t.locks() {
		if h.obj == obj {
			return h, true
		}
	}
	return heldLock{}, false
}

func (t *Task) assertMaySleep(where string) {
	for _, h := range *t.locks() {
		if h.spin {
			t.bug(BugAtomicSleep, where, "sleeping with spinlock "+h.class.Name+" held")
		}
	}
}

// SpinLock is a spinlock: the holder must not sleep. Init it before use.
type SpinLock struct {
	BareLock
	class  *LockClass
	guards func(s *Summary) // controlled executor only, and so is owner
	owner  *Task
}

// Init gives the lock its class.
func (l *SpinLock) Init(class *LockClass) { l.class = class }

// Guards says what the lock guards, so that a controlled executor can tell states apart by
// that and not by the way in which they came about. Whatever a task can read under the
// lock must be summed up, unless it is in words of its own. Without it nothing is taken for
// the same again after the lock was held.
func (l *SpinLock) Guards(what func(s *Summary)) { l.guards = what }

// Lock takes the lock: spin_lock.
func (l *SpinLock) Lock(t *Task) { l.lock(t, false) }

// LockNested takes the lock while another one of its class is held, in an order
// that the caller answers for: spin_lock_nested.
func (l *SpinLock) LockNested(t *Task) { l.lock(t, true) }

func (l *SpinLock) lock(t *Task, nested bool) {
	if checking(t) {
		t.noteAcquire(heldLock{class: l.class, obj: unsafe.Pointer(l), spin: true, nested: nested, write: true})
	}
	if t.ctl != nil {
		s := Step{OpLock, unsafe.Pointer(l)}
		if t.trace != nil && l.owner != nil {
			t.traceWait(OpLock, l.class.Name)
		}
		t.ctl.step(t, s)
		l.owner = t
		t.ctl.acquired(t, s)
	} else {
		l.mu.Lock()
	}
	if t.trace != nil {
		t.traceStep(OpLock, l.class.Name)
	}
}

// Unlock releases the lock: spin_unlock.
func (l *SpinLock) Unlock(t *Task) {
	if checking(t) {
		t.noteRelease(l.class, unsafe.Pointer(l), true)
	}
	if t.ctl != nil {
		t.ctl.unlock(t, l)
	}
	if t.trace != nil { // before the next holder can trace that it took the lock
		t.traceStep(OpUnlock, l.class.Name)
	}
	if t.ctl == nil {
		l.mu.Unlock()
	}
}

func (c *Controlled) unlock(t *Task, l *SpinLock) {
	s := Step{OpUnlock, unsafe.Pointer(l)}
	if c.buffered() {
		c.saw(t, s, 0)
		c.buffer(t, pendingStore{step: s, commit: func() { c.unlocked(t, l) }})
		return
	}
	c.step(t, s)
	c.saw(t, s, 0)
	c.unlocked(t, l)
}

// unlocked is what the others see of a release.
func (c *Controlled) unlocked(t *Task, l *SpinLock) {
	l.owner = nil
	c.left(t, unsafe.Pointer(l), l.guards)
}

// BareLock stands in for the kernel's having no lock: for accesses that the hardware makes
// by itself. Every [SpinLock] is one, too.
type BareLock struct{ mu sync.Mutex }

// Bare takes the lock for an access that the hardware would make without
// one. In the free executor the lock is what keeps the access and
// the kernel's own apart for Go's memory model; in the controlled one, where
// nothing else runs before the next visible step, there is no lock to see.
func (l *BareLock) Bare(t *Task) {
	if t.ctl == nil {
		l.mu.Lock()
	}
}

// EndBare ends an access that Bare began.
func (l *BareLock) EndBare(t *Task) {
	if t.ctl == nil {
		l.mu.Unlock()
	}
}

// AssertHeld panics if the task does not hold the lock, where locks are checked.
func (l *SpinLock) AssertHeld(t *Task) {
	if checking(t) {
		l.assert(t)
	}
}

func (l *SpinLock) assert(t *Task) {
	if _, ok := t.find(unsafe.Pointer(l)); !ok {
		t.bug(BugLock, l.class.Name, "needed but not held")
	}
}

// IsLocked reports whether anyone holds the lock: spin_is_locked. Like the
// kernel's, it is for assertions only.
func (l *SpinLock) IsLocked(t *Task) bool {
	if t.ctl != nil {
		return l.owner != nil
	}
	if l.mu.TryLock() {
		l.mu.Unlock()
		return false
	}
	return true
}
