package sim

import (
	"sync"
	"unsafe"
)

// RWSem is a reader/writer semaphore whose holders may sleep. It is fair: a waiting
// writer blocks later readers. A reader that sleeps while it holds the semaphore
// therefore stalls the first writer and every task after it. Call Init before use.
type RWSem struct {
	mu    sync.RWMutex // free executor
	class *LockClass   // immutable

	// The fields below are used, and owned, by the controlled executor only.
	guards  func(s *Summary) // immutable
	finds   func(s *Summary) // immutable
	readers int              // number of readers that hold the semaphore
	writer  *Task            // holds the semaphore for writing; nil if none
	queue   []rwWaiter       // in order of arrival
}

// rwWaiter is a task that waits for a semaphore.
type rwWaiter struct {
	task  *Task
	write bool
}

// Init sets the semaphore's class.
func (s *RWSem) Init(class *LockClass) { s.class = class }

// Guards sets the function that sums up what the semaphore guards: see [SpinLock.Guards].
func (s *RWSem) Guards(what func(s *Summary)) { s.guards = what }

// Finds sets the function that sums up what changes under the semaphore held for reading:
// see [AddFound]. A controlled executor calls it when a task has taken the
// semaphore for writing. That task may then read these words without further ado.
func (s *RWSem) Finds(what func(s *Summary)) { s.finds = what }

// DownRead takes the semaphore for reading: down_read.
func (s *RWSem) DownRead(t *Task) { s.down(t, false, false) }

// DownWrite takes the semaphore for writing: down_write.
func (s *RWSem) DownWrite(t *Task) { s.down(t, true, false) }

// DownWriteNested takes the semaphore for writing while the task holds another one of its
// class: down_write_nested. The caller guarantees an order between the two. fork takes
// the parent's first, then the child's.
func (s *RWSem) DownWriteNested(t *Task) { s.down(t, true, true) }

func (s *RWSem) down(t *Task, write, nested bool) {
	op := OpDownRead
	if write {
		op = OpDownWrite
	}
	if checking(t) {
		t.noteAcquire(heldLock{class: s.class, obj: unsafe.Pointer(s), nested: nested, write: write, guards: s.guards})
	}
	switch {
	case t.ctl != nil:
		step := Step{op, unsafe.Pointer(s)}
		t.ctl.step(t, step)
		s.take(t, write)
		t.ctl.findGuarded(t, step)
		t.ctl.recordAcquire(t, step)
		if write && s.finds != nil {
			t.ctl.recordFinds(t, step, s.finds)
		}
	case write:
		s.mu.Lock()
	default:
		s.mu.RLock()
	}
	if t.trace != nil {
		t.traceStep(op, s.class.Name)
	}
}

// UpRead releases the semaphore held for reading: up_read.
func (s *RWSem) UpRead(t *Task) { s.up(t, false) }

// UpWrite releases the semaphore held for writing: up_write.
func (s *RWSem) UpWrite(t *Task) { s.up(t, true) }

func (s *RWSem) up(t *Task, write bool) {
	op := OpUpRead
	if write {
		op = OpUpWrite
	}
	if checking(t) {
		t.noteRelease(s.class, unsafe.Pointer(s), write)
	}
	if t.ctl != nil {
		t.ctl.up(t, s, Step{op, unsafe.Pointer(s)}, write)
	}
	if t.trace != nil { // before the next holder can trace that it took the semaphore
		t.traceStep(op, s.class.Name)
	}
	switch {
	case t.ctl != nil:
	case write:
		s.mu.Unlock()
	default:
		s.mu.RUnlock()
	}
}

func (c *Controlled) up(t *Task, s *RWSem, step Step, write bool) {
	if c.buffered() {
		c.recordStep(t, step, 0)
		pending := pendingStore{step: step}
		if write {
			left := c.sumUp(t, s.guards)
			pending.sum = &left
		}
		pending.commit = func() { c.releaseSem(t, s, write, pending.sum) }
		c.buffer(t, pending)
		return
	}
	c.step(t, step)
	c.recordStep(t, step, 0)
	var left Sums
	if write {
		left = c.sumUp(t, s.guards)
	}
	c.releaseSem(t, s, write, &left)
}

// releaseSem makes a release visible to other tasks. left is the content that a writer
// leaves.
func (c *Controlled) releaseSem(t *Task, s *RWSem, write bool, left *Sums) {
	if write {
		c.replaceContent(t, unsafe.Pointer(s), left)
	}
	s.release(t, write)
}

// take grants the semaphore to the task if it is free, else queues the task and blocks it
// until release grants the semaphore.
func (s *RWSem) take(t *Task, write bool) {
	before := s.shape(t.ctl)
	free := s.writer == nil && len(s.queue) == 0 && (!write || s.readers == 0)
	if free {
		s.grant(rwWaiter{t, write})
	} else {
		s.queue = append(s.queue, rwWaiter{t, write})
	}
	s.reshaped(t, &before)
	if !free {
		if t.trace != nil {
			op := OpDownRead
			if write {
				op = OpDownWrite
			}
			t.traceWait(op, s.class.Name)
		}
		t.ctl.waitForGrant(t)
	}
}

// shape returns a hash of the semaphore's state: the number of readers, the writer, and
// the waiting tasks in order.
func (s *RWSem) shape(c *Controlled) (to Sums) {
	for k := range c.fp.permutations {
		p := &c.fp.permutations[k]
		h := uint64(s.readers)
		if s.writer != nil {
			h = Mix(h, p.task(s.writer.id))
		}
		for _, w := range s.queue {
			h = Mix(h, p.task(w.task.id))
		}
		to[k] = h
	}
	return to
}

// reshaped replaces the semaphore's state, before, by the current one in the fingerprint.
func (s *RWSem) reshaped(t *Task, before *Sums) {
	if !t.ctl.fp.on {
		return
	}
	now := s.shape(t.ctl)
	t.ctl.replaceTerm(t, unsafe.Pointer(&s.readers), before, &now)
}

// grant makes a task a holder of the semaphore.
func (s *RWSem) grant(w rwWaiter) {
	if w.write {
		s.writer = w.task
	} else {
		s.readers++
	}
}

// release ends a hold and grants the semaphore, if it is then free, to the first waiter.
// If that is a reader, the readers directly behind it get it, too.
func (s *RWSem) release(t *Task, write bool) {
	before := s.shape(t.ctl)
	defer s.reshaped(t, &before)
	if write {
		s.writer = nil
	} else {
		s.readers--
	}
	for len(s.queue) > 0 && s.writer == nil {
		next := s.queue[0]
		if next.write && s.readers > 0 {
			return
		}
		s.queue = s.queue[1:]
		s.grant(next)
		next.task.co.granted = true
	}
}

// Claim makes assertions treat the semaphore as held by the task for writing although it
// is not. Code that omits the lock on purpose calls it, so that the run shows the
// consequences instead of a failed assertion. Disclaim ends it.
func (s *RWSem) Claim(t *Task) {
	t.claim(heldLock{class: s.class, obj: unsafe.Pointer(s), write: true, guards: s.guards})
}

// Disclaim ends what Claim began.
func (s *RWSem) Disclaim(t *Task) { t.disclaim(s.class, unsafe.Pointer(s)) }

// AssertHeld panics if the task holds the semaphore neither for reading nor for writing:
// rwsem_assert_held. It does nothing on a free executor built without -tags lockcheck.
func (s *RWSem) AssertHeld(t *Task) {
	if checking(t) {
		s.assert(t, false)
	}
}

// AssertHeldWrite panics if the task does not hold the semaphore for writing:
// rwsem_assert_held_write. It does nothing on a free executor built without -tags
// lockcheck.
func (s *RWSem) AssertHeldWrite(t *Task) {
	if checking(t) {
		s.assert(t, true)
	}
}

func (s *RWSem) assert(t *Task, write bool) {
	if h, ok := t.find(unsafe.Pointer(s)); !ok || write && !h.write {
		t.bug(BugLock, s.class.Name, "needed but not held")
	}
}
