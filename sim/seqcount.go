package sim

import (
	"runtime"
	"unsafe"
)

// SeqCount is a sequence count: seqcount_t. A writer keeps the count odd while it changes
// the data. A reader that takes no lock repeats its reads if the count has changed. The
// zero value is ready to use.
type SeqCount struct {
	// Absent is true if the modelled kernel does not have this count. Then no method is a
	// visible step, and ReadRetry reports false. Set it before the first use.
	Absent bool

	seq Word // written under the lock that excludes other writers; read without a lock
}

// WriteBegin begins a change: write_seqcount_begin. The caller holds a lock that excludes
// other writers.
func (s *SeqCount) WriteBegin(t *Task) { s.tick(t) }

// WriteEnd ends a change: write_seqcount_end. The caller still holds the lock.
func (s *SeqCount) WriteEnd(t *Task) { s.tick(t) }

func (s *SeqCount) tick(t *Task) {
	if !s.Absent {
		s.seq.Store(t, s.seq.PeekHeld(t)+1)
	}
}

// ReadBegin spins until no change is in progress and returns the count for
// [SeqCount.ReadRetry]: read_seqcount_begin. On a controlled executor the task does not
// spin; its step is enabled once the count is even.
func (s *SeqCount) ReadBegin(t *Task) uint64 {
	if s.Absent {
		return 0
	}
	if t.ctl != nil {
		return t.ctl.readBegin(t, &s.seq)
	}
	for {
		if seq := s.seq.Load(t); seq%2 == 0 {
			return seq
		}
		runtime.Gosched()
	}
}

// ReadRetry reports whether the data may have changed since ReadBegin returned start, so
// that the reader must read again: read_seqcount_retry.
func (s *SeqCount) ReadRetry(t *Task, start uint64) bool {
	return !s.Absent && s.seq.Load(t) != start
}

// readBegin takes the step of ReadBegin.
func (c *Controlled) readBegin(t *Task, w *Word) uint64 {
	s := Step{OpReadBegin, unsafe.Pointer(w)}
	c.step(t, s)
	c.recordWord(t, s, w)
	return c.seenBy(t, w)
}
