package sim

import (
	"reflect"
	"unsafe"
)

// Summary sums up what a lock guards, for the fingerprint of a controlled executor: all
// of it that anybody could ever notice, in an order that matters. See [SpinLock.Guards].
type Summary struct {
	c *Controlled
	k int // the renaming
	h uint64

	set     uint64 // the sum over AddToSet
	unknown bool
}

// Add adds a number.
func (s *Summary) Add(v uint64) { s.h = mix(s.h, v) }

// AddBool adds yes or no.
func (s *Summary) AddBool(b bool) {
	if b {
		s.Add(1)
	} else {
		s.Add(0)
	}
}

// AddToSet adds something the order of which does not matter.
func (s *Summary) AddToSet(what func(s *Summary)) {
	e := &s.c.print.member // one that the heap has already
	*e = Summary{c: s.c, k: s.k, h: 1}
	what(e)
	s.set += e.h
	s.unknown = s.unknown || e.unknown
}

// AddAddress adds a user address.
func (s *Summary) AddAddress(addr uint64) {
	if rename := s.c.print.renamings[s.k].Address; rename != nil {
		addr = rename(addr)
	}
	s.Add(addr)
}

// AddObject adds the identity of something: a pointer to a structure that has a label, or
// to something in one. Nil is an identity, too. With anything else there is no telling what
// the lock guards.
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

// sumUp makes the summaries of all renamings. Where there is none, everything that the
// task has ever done stands for what it leaves behind.
func (c *Controlled) sumUp(t *Task, what func(s *Summary)) (to sums) {
	if what == nil {
		return t.co.history
	}
	for k := range c.print.renamings {
		s := &c.print.summary
		*s = Summary{c: c, k: k, h: 1}
		what(s)
		if s.unknown && t == nil {
			return sums{}
		}
		if s.unknown {
			return t.co.history
		}
		to[k] = mix(s.h, s.set)
	}
	return to
}

// left notes what a task leaves behind in an object that it lets go of.
func (c *Controlled) left(t *Task, obj unsafe.Pointer, what func(s *Summary)) {
	if !c.print.on {
		return
	}
	now := c.sumUp(t, what)
	c.became(t, obj, c.contentOf(t, obj), &now)
	c.mustLabel(t, obj).setContent(obj, &now)
}
