package sim

import "iter"

// Coroutines keeps the coroutines of controlled executors for the next: what they cost is
// not their start but the growth of their stacks. It is not safe for concurrent use, and
// serves one executor at a time.
type Coroutines struct{ idle []*runner }

// Close ends the coroutines. No task may run on them any more.
func (cs *Coroutines) Close() {
	for _, r := range cs.idle {
		r.stop()
	}
	cs.idle = nil
}

// runner is a coroutine that runs one task after the other.
type runner struct {
	task   func()
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
}

// run returns a coroutine that will run the task when it is resumed, and then, if cs is
// not nil, wait there for another one.
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

// drop gives back a coroutine whose task has never been resumed.
func (cs *Coroutines) drop(r *runner) {
	if cs == nil || r.yield == nil {
		r.stop()
		return
	}
	cs.idle = append(cs.idle, r)
}
