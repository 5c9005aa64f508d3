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
