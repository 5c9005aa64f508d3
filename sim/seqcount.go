package sim

import (
	"runtime"
	"unsafe"
)

// SeqCount is a sequence count: seqcount_t. Whoever changes what it covers makes it odd
// meanwhile; whoever reads that without a lock can tell that it has been changed under
// them, and reads again. The zero value is ready to use.
type SeqCount struct {
	// Absent: the modelled kernel does not have the count. Nothing is counted, no method is a
	// step, and no reader is asked to repeat. Set it before the first use.
	Absent bool

	seq Word
}

// WriteBegin begins a change: write_seqcount_begin. A lock must keep other writers out.
func (s *SeqCount) WriteBegin(t *Task) { s.tick(t) }

// WriteEnd ends it: write_seqcount_end.
func (s *SeqCount) WriteEnd(t *Task) { s.tick(t) }

func (s *SeqCount) tick(t *Task) {
	if !s.Absent {
		s.seq.Store(t, s.seq.Peek()+1)
	}
}

// ReadBegin waits until no change is going on, and returns the count for
// [SeqCount.ReadRetry]: read_seqcount_begin. The wait is a spin; a controlled executor does
// not choose the task before it would come to an end.
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

// ReadRetry reports whether there was a change since ReadBegin: read_seqcount_retry.
func (s *SeqCount) ReadRetry(t *Task, start uint64) bool {
	return !s.Absent && s.seq.Load(t) != start
}

func (c *Controlled) readBegin(t *Task, w *Word) uint64 {
	s := Step{OpReadBegin, unsafe.Pointer(w)}
	c.step(t, s)
	c.sawWord(t, s, w)
	return c.seenBy(t, w)
}
