package sim

import "sync"

// Pool keeps things for reuse, as the kernel's allocators do. It is invisible: no
// task may depend on which of the things it gets, or whether it gets one at all. The
// zero value is empty and ready to use.
type Pool[T any] struct{ p sync.Pool }

// Get takes something out, nil if there is nothing.
func (p *Pool[T]) Get() *T {
	x, _ := p.p.Get().(*T)
	return x
}

// Put leaves something for a later Get.
func (p *Pool[T]) Put(x *T) { p.p.Put(x) }

// Shelf keeps a few things for reuse by those who left them there, the last first, where a [Pool]
// gives them to whoever runs on the same processor. The zero value is empty and ready to use.
type Shelf[T any] struct {
	mu     sync.Mutex
	things []*T
}

// Get takes something out, nil if there is nothing.
func (s *Shelf[T]) Get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.things) - 1
	if last < 0 {
		return nil
	}
	x := s.things[last]
	s.things[last] = nil
	s.things = s.things[:last]
	return x
}

// Put leaves something for a later Get, unless there are so many things already: then it
// reports false.
func (s *Shelf[T]) Put(x *T, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.things) >= most {
		return false
	}
	s.things = append(s.things, x)
	return true
}
