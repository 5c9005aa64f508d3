package sim

import (
	"sync"
	"unsafe"
)

// RWSem is a reader/writer semaphore whose holders may sleep. It is fair: a
// writer that waits keeps later readers out, so that a reader that sleeps while it
// holds the semaphore stalls everybody after the first writer. Init it before use.
type RWSem struct {
	mu    sync.RWMutex
	class *LockClass

	// The rest belongs to the controlled executor.
	guards  func(s *Summary)
	readers int
	writer  *Task
	queue   []rwWaiter // first come, first served
}

type rwWaiter struct {
	task  *Task
	write bool
}

// Init gives the semaphore its class.
func (s *RWSem) Init(class *LockClass) { s.class = class }

// Guards says what the semaphore guards: see [SpinLock.Guards].
func (s *RWSem) Guards(what func(s *Summary)) { s.guards = what }

// DownRead takes the semaphore for reading: down_read.
func (s *RWSem) DownRead(t *Task) { s.down(t, false, false) }

// DownWrite takes the semaphore for writing: down_write.
func (s *RWSem) DownWrite(t *Task) { s.down(t, true, false) }

// DownWriteNested takes it for writing while another one of its class is held
// (fork: the parent's first, then the child's): down_write_nested.
func (s *RWSem) DownWriteNested(t *Task) { s.down(t, true, true) }

func (s *RWSem) down(t *Task, write, nested bool) {
	op := OpDownRead
	if write {
		op = OpDownWrite
	}
	if checking(t) {
		t.noteAcquire(heldLock{class: s.class, obj: unsafe.Pointer(s), nested: nested, write: write})
	}
	switch {
	case t.ctl != nil:
		step := Step{op, unsafe.Pointer(s)}
		t.ctl.step(t, step)
		s.take(t, write)
		t.ctl.acquired(t, step)
	case write:
		s.mu.Lock()
	default:
		s.mu.RLock()
	}
	if t.trace != nil {
		t.traceStep(op, s.class.Name)
	}
}

// UpRead releases a reader's hold: up_read.
func (s *RWSem) UpRead(t *Task) { s.up(t, false) }

// UpWrite releases the writer's hold: up_write.
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
		c.saw(t, step, 0)
		c.buffer(t, pendingStore{step: step, commit: func() { c.upped(t, s, write) }})
		return
	}
	c.step(t, step)
	c.saw(t, step, 0)
	c.upped(t, s, write)
}

// upped is what the others see of a release.
func (c *Controlled) upped(t *Task, s *RWSem, write bool) {
	if write {
		c.left(t, unsafe.Pointer(s), s.guards)
	}
	s.release(t, write)
}

// take grants the semaphore, or queues the task until release grants it.
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

// shape sums up who holds the semaphore and who waits for it, in order.
func (s *RWSem) shape(c *Controlled) (to sums) {
	for k := range c.print.renamings {
		r := &c.print.renamings[k]
		h := uint64(s.readers)
		if s.writer != nil {
			h = mix(h, r.task(s.writer.id))
		}
		for _, w := range s.queue {
			h = mix(h, r.task(w.task.id))
		}
		to[k] = h
	}
	return to
}

// reshaped replaces the semaphore's part of the fingerprint.
func (s *RWSem) reshaped(t *Task, before *sums) {
	now := s.shape(t.ctl)
	t.ctl.became(t, unsafe.Pointer(&s.readers), before, &now)
}

func (s *RWSem) grant(w rwWaiter) {
	if w.write {
		s.writer = w.task
	} else {
		s.readers++
	}
}

// release hands the semaphore over: to the first waiter, and if that is a reader
// to all the readers directly behind it.
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

// Claim makes the task's assertions take the semaphore for held, for writing, which it is
// not: to see what comes of that. Disclaim ends it.
func (s *RWSem) Claim(t *Task) {
	if checking(t) {
		t.noteAcquire(heldLock{class: s.class, obj: unsafe.Pointer(s), write: true})
	}
}

// Disclaim ends what Claim began.
func (s *RWSem) Disclaim(t *Task) {
	if checking(t) {
		t.noteRelease(s.class, unsafe.Pointer(s), true)
	}
}

// AssertHeld panics if the task holds the semaphore neither way, where locks are
// checked.
func (s *RWSem) AssertHeld(t *Task) {
	if checking(t) {
		s.assert(t, false)
	}
}

// AssertHeldWrite panics if the task does not hold the semaphore for writing,
// where locks are checked.
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
