package sim

import (
	"slices"
	"sync"
	"unsafe"
)

// LockClass is the class of all locks that play the same part, such as the fd_wqh.lock of
// every context. Immutable.
type LockClass struct {
	// Name is the name in traces and reports.
	Name string
	// Rank is the place in the lock order: see the package comment.
	Rank int
}

// heldLock is an entry of a task's list of held locks.
type heldLock struct {
	class  *LockClass
	obj    unsafe.Pointer
	spin   bool // a spinlock, not a semaphore
	nested bool // may be taken under a lock of the same class
	write  bool // held for writing; true for a spinlock
	// forgotten says that the task's history does not have the content that it found: see
	// [Task.AbstractSince].
	forgotten bool
	guards    func(s *Summary)
}

// heldLocks are the locks that a task holds, in the order in which it took them.
type heldLocks []heldLock

// locks returns the list of the locks that the task holds. Only the task accesses it.
func (t *Task) locks() *heldLocks {
	if t.held == nil {
		held := make(heldLocks, 0, 4)
		t.held = &held
	}
	return t.held
}

// checking reports whether the rules of locking are asserted for the task.
func checking(t *Task) bool { return lockcheck || t.ctl != nil }

// noteAcquire asserts that t may take the lock, and adds it to the held ones.
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
		if s := t.announced(); s != Running { // waiting for the lock would overwrite the state
			t.bug(BugSleepState, h.class.Name, "taken in "+s.String())
		}
	}
	*held = append(*held, h)
}

// noteRelease asserts that t holds the lock, for writing or not as given, and removes it
// from the held ones.
func (t *Task) noteRelease(class *LockClass, obj unsafe.Pointer, write bool) {
	held := t.locks()
	i := slices.IndexFunc(*held, func(h heldLock) bool { return h.obj == obj && h.write == write })
	if i < 0 {
		t.bug(BugLock, class.Name, "released by a task that does not hold it")
	}
	*held = slices.Delete(*held, i, i+1)
}

// find returns the task's hold on a lock and reports whether it has one.
func (t *Task) find(obj unsafe.Pointer) (heldLock, bool) {
	for _, h := range *t.locks() {
		if h.obj == obj {
			return h, true
		}
	}
	return heldLock{}, false
}

// assertMaySleep asserts that the task holds no spinlock.
func (t *Task) assertMaySleep(where string) {
	for _, h := range *t.locks() {
		if h.spin {
			t.bug(BugAtomicSleep, where, "sleeping with spinlock "+h.class.Name+" held")
		}
	}
}

// SpinLock is a spinlock: the holder must not sleep. Call Init before use.
type SpinLock struct {
	BareLock
	class  *LockClass       // immutable
	guards func(s *Summary) // immutable
	owner  *Task            // controlled executor only; owned by it
}

// Init sets the lock's class.
func (l *SpinLock) Init(class *LockClass) { l.class = class }

// Guards sets the function that sums up what the lock guards. With it a controlled
// executor recognises states as equal by content and not only by history. The summary
// must include everything that a task can read under the lock, except for the values of
// words, locks and tasks. Without Guards the lock's content is represented by the history
// of its last holder.
func (l *SpinLock) Guards(what func(s *Summary)) { l.guards = what }

// Lock takes the lock: spin_lock.
func (l *SpinLock) Lock(t *Task) { l.lock(t, false) }

// LockNested takes the lock while the task holds another one of its class:
// spin_lock_nested. The caller guarantees an order between the two.
func (l *SpinLock) LockNested(t *Task) { l.lock(t, true) }

func (l *SpinLock) lock(t *Task, nested bool) {
	if checking(t) {
		t.noteAcquire(heldLock{class: l.class, obj: unsafe.Pointer(l), spin: true, nested: nested, write: true, guards: l.guards})
	}
	if t.ctl != nil {
		s := Step{OpLock, unsafe.Pointer(l)}
		if t.trace != nil && l.owner != nil {
			t.traceWait(OpLock, l.class.Name)
		}
		t.ctl.step(t, s)
		l.owner = t
		t.ctl.recordAcquire(t, s)
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
		c.recordStep(t, s, 0)
		left := c.sumUp(t, l.guards)
		c.buffer(t, pendingStore{step: s, sum: &left, commit: func() { c.releaseLock(t, l, &left) }})
		return
	}
	c.step(t, s)
	c.recordStep(t, s, 0)
	left := c.sumUp(t, l.guards)
	c.releaseLock(t, l, &left)
}

// releaseLock makes a release visible to other tasks. left is the content that the holder
// leaves.
func (c *Controlled) releaseLock(t *Task, l *SpinLock, left *Sums) {
	l.owner = nil
	c.replaceContent(t, unsafe.Pointer(l), left)
}

// BareLock serialises accesses that the hardware makes without a lock. It is no lock of
// the modelled kernel; it exists because Go forbids data races. A [SpinLock] embeds one.
type BareLock struct{ mu sync.Mutex }

// Bare begins an access that the hardware would make without a lock. On the free executor
// it takes the lock. On the controlled executor it does nothing, since no other task runs
// before the next visible step.
func (l *BareLock) Bare(t *Task) {
	if t.ctl == nil {
		l.mu.Lock()
	}
}

// EndBare ends the access that Bare began.
func (l *BareLock) EndBare(t *Task) {
	if t.ctl == nil {
		l.mu.Unlock()
	}
}

// AssertHeld panics if the task does not hold the lock: lockdep_assert_held. It does
// nothing on a free executor built without -tags lockcheck.
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

// Claim is [RWSem.Claim] for a spinlock.
func (l *SpinLock) Claim(t *Task) {
	t.claim(heldLock{class: l.class, obj: unsafe.Pointer(l), spin: true, write: true, guards: l.guards})
}

// Disclaim ends what Claim began.
func (l *SpinLock) Disclaim(t *Task) { t.disclaim(l.class, unsafe.Pointer(l)) }

// claim adds a lock to the held ones although the task does not hold it.
func (t *Task) claim(h heldLock) {
	if checking(t) {
		t.noteAcquire(h)
	}
	if t.ctl != nil {
		t.ctl.recordAcquire(t, Step{OpLock, h.obj})
	}
}

// disclaim removes a claimed lock from the held ones.
func (t *Task) disclaim(class *LockClass, obj unsafe.Pointer) {
	if h, ok := t.find(obj); ok && t.ctl != nil {
		t.ctl.recordRelease(t, obj, h.guards)
	}
	if checking(t) {
		t.noteRelease(class, obj, true)
	}
}

// leaveClaimed and findClaimed record, at the end of a transition and at the beginning of
// the next one, what the task leaves and finds in the data that its locks guard, those
// that it holds and those that it claims. Where no task may claim a lock that is not
// needed. The lock that the step between the two acquires is among them only afterwards.
func (c *Controlled) leaveClaimed(t *Task, s Step) {
	for _, h := range *t.locks() {
		if h.write && h.obj != s.Obj {
			c.recordRelease(t, h.obj, h.guards)
		}
	}
}

func (c *Controlled) findClaimed(t *Task, s Step) {
	for _, h := range *t.locks() {
		if h.write && h.obj != s.Obj {
			c.recordAcquire(t, Step{OpLock, h.obj})
		}
	}
}

// IsLocked reports whether any task holds the lock: spin_is_locked. Like the kernel's, it
// is for assertions only.
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
