package sim

import "sync"

// Pool keeps objects for reuse, as the kernel's allocators do. Its methods are not
// visible steps: no task may depend on which object it gets, or on whether it gets one.
// The zero value is empty and ready to use.
type Pool[T any] struct{ p sync.Pool }

// Get removes and returns an object, nil if the pool is empty.
func (p *Pool[T]) Get() *T {
	x, _ := p.p.Get().(*T)
	return x
}

// Put adds an object for a later Get.
func (p *Pool[T]) Put(x *T) { p.p.Put(x) }

// Shelf is a small stack of objects for reuse. Other than with [Pool], which shares
// objects among everything that runs on a processor, only the owner of a Shelf gets its
// objects back. The zero value is empty and ready to use.
type Shelf[T any] struct {
	mu      sync.Mutex
	objects []*T // protected by mu
}

// Get removes and returns the object added last, nil if the shelf is empty.
func (s *Shelf[T]) Get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.objects) - 1
	if last < 0 {
		return nil
	}
	x := s.objects[last]
	s.objects[last] = nil
	s.objects = s.objects[:last]
	return x
}

// Put adds an object for a later Get unless the shelf already has limit objects, and
// reports whether it did.
func (s *Shelf[T]) Put(x *T, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.objects) >= limit {
		return false
	}
	s.objects = append(s.objects, x)
	return true
}
