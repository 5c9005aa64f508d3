package sim

import "iter"

// Coroutines keeps coroutines for reuse by the next controlled executor. Reuse saves the
// growth of their stacks, which costs more than their creation. It is not safe for
// concurrent use and serves one executor at a time.
type Coroutines struct{ idle []*runner }

// Close ends the idle coroutines. Every executor that used them must have stopped.
func (cs *Coroutines) Close() {
	for _, r := range cs.idle {
		r.stop()
	}
	cs.idle = nil
}

// runner is a coroutine that runs one task after another.
type runner struct {
	task   func()
	resume func() (struct{}, bool) // called by the executor
	stop   func()
	yield  func(struct{}) bool // called by the task; nil before the first resume
}

// run returns a coroutine that runs the task when it is resumed. Afterwards it goes back
// to cs, or ends if cs is nil.
func (cs *Coroutines) run(task func()) *runner {
	if cs != nil && len(cs.idle) > 0 {
		r := cs.idle[len(cs.idle)-1]
		cs.idle = cs.idle[:len(cs.idle)-1]
		r.task = task
		return r
	}
	r := &runner{task: task}
	r.resume, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		r.yield = yield
		for {
			r.task()
			if cs == nil {
				return
			}
			cs.idle = append(cs.idle, r)
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return r
}

// drop returns a coroutine to cs whose task was never resumed.
func (cs *Coroutines) drop(r *runner) {
	if cs == nil || r.yield == nil {
		r.stop()
		return
	}
	cs.idle = append(cs.idle, r)
}
