package sim

import (
	"reflect"
	"unsafe"
)

// Summary is a hash of data that a lock guards or a handle refers to, for the fingerprint
// of a controlled executor: see [SpinLock.Guards]. It must include everything that any
// task can observe. The order of the additions matters, except for AddToSet.
type Summary struct {
	c *Controlled
	k int    // the permutation
	h uint64 // over everything except AddToSet

	set     uint64 // sum over AddToSet
	unknown bool   // an object without a label was added
}

// Add adds a number.
func (s *Summary) Add(v uint64) { s.h = Mix(s.h, v) }

// AddBool adds a boolean.
func (s *Summary) AddBool(b bool) {
	if b {
		s.Add(1)
	} else {
		s.Add(0)
	}
}

// AddToSet adds a member of a set, which sumUp sums up: the order of the members does not
// matter. Calls do not nest.
func (s *Summary) AddToSet(sumUp func(s *Summary)) {
	e := &s.c.fp.member // scratch memory, to avoid an allocation
	*e = Summary{c: s.c, k: s.k, h: 1}
	sumUp(e)
	s.set += e.h
	s.unknown = s.unknown || e.unknown
}

// AddAddress adds a user address.
func (s *Summary) AddAddress(addr uint64) {
	if rename := s.c.fp.permutations[s.k].Address; rename != nil {
		addr = rename(addr)
	}
	s.Add(addr)
}

// AddObject adds the identity of an object: p is nil or a pointer into a labelled
// structure. Any other pointer makes the summary unknown; the history of the task then
// represents the data.
func (s *Summary) AddObject(p any) {
	v := reflect.ValueOf(p)
	if p == nil || v.IsNil() {
		s.Add(0)
		return
	}
	obj := v.UnsafePointer()
	if l := s.c.labelOf(obj); l != nil {
		s.Add(s.c.idIn(l, obj, s.k))
	} else {
		s.unknown = true
	}
}

// AddFound adds the identity of a pointer that tasks share, and what it points to: the
// task finds it.
func AddFound[T any](s *Summary, r *Ref[T]) {
	obj := unsafe.Pointer(r)
	l := s.c.labelOf(obj)
	if l == nil {
		s.unknown = true
		return
	}
	s.Add(s.c.idIn(l, obj, s.k))
	sum := l.content(obj)
	if sum == nil {
		sum = &Sums{}
	}
	s.Add(sum[s.k])
	if s.k == 0 {
		s.c.found(obj, sum)
	}
}

// recordFinds adds to the task's history what a summary finds.
func (c *Controlled) recordFinds(t *Task, s Step, finds func(s *Summary)) {
	if c.fp.on {
		sum := c.sumUp(t, finds)
		c.recordStepSum(t, s, &sum)
	}
}

// sumUp returns the summary under each permutation. If there is no summary, or it is
// unknown, it returns what contentBy returns instead.
func (c *Controlled) sumUp(t *Task, summary func(s *Summary)) (to Sums) {
	if summary == nil {
		return c.contentBy(t)
	}
	for k := range c.fp.permutations {
		s := &c.fp.summary
		*s = Summary{c: c, k: k, h: 1}
		summary(s)
		if s.unknown && t == nil {
			return Sums{}
		}
		if s.unknown {
			return c.contentBy(t)
		}
		to[k] = Mix(s.h, s.set)
	}
	return to
}

// contentBy returns a hash that represents whatever the task writes now: it is determined
// by the task's program and by its history. Tasks with different programs can have equal
// histories.
func (c *Controlled) contentBy(t *Task) (to Sums) {
	for k := range c.fp.permutations {
		to[k] = Mix(c.fp.permutations[k].task(t.id), t.co.history[k])
	}
	return to
}

// recordRelease replaces the content of an object by what it guards, or points to, now.
func (c *Controlled) recordRelease(t *Task, obj unsafe.Pointer, summary func(s *Summary)) {
	if c.fp.on {
		now := c.sumUp(t, summary)
		c.replaceContent(t, obj, &now)
	}
}

// replaceContent replaces the content, in the fingerprint, of a lock that the task
// releases, or of a pointer that it stores.
func (c *Controlled) replaceContent(t *Task, obj unsafe.Pointer, now *Sums) {
	if c.fp.on {
		before := c.contentOf(t, obj)
		c.found(obj, before)
		c.replaceSum(t, obj, before, now)
		c.mustLabel(t, obj).setContent(obj, now)
	}
}
