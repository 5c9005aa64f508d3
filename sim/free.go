package sim

import (
	"runtime"
	"sync"
	"time"
)

// Free is the free-running executor: tasks are goroutines, scheduled by the Go
// runtime, in parallel. The zero value is ready to use.
type Free struct {
	// Trace receives the events of the tasks created after it was set; nil for none.
	Trace *Tracer

	siglock SpinLock // of all tasks

	mu    sync.Mutex // guards what follows, and the beginning of siglock
	tasks []*Task
	ended sync.WaitGroup
	last  int
}

// Attach makes the calling goroutine a task, which ends with the program that
// called. It is how a test or a benchmark gets a current task of its own.
func (f *Free) Attach(name string, private any) *Task {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &Task{name: name, id: f.last, Private: private, wake: make(chan struct{}, 1), trace: f.Trace, siglock: &f.siglock}
	if f.siglock.class == nil {
		f.siglock.Init(siglockClass)
	}
	f.last++
	return t
}

// Observer returns a task for a look at the model from outside. It belongs to an executor
// of its own, so that the locks it takes are no steps of any run.
func Observer() *Task { return new(Free).Attach("observer", nil) }

// Go starts a task that runs fn.
func (f *Free) Go(name string, private any, fn func(t *Task)) *Task {
	t := f.Attach(name, private)
	f.mu.Lock()
	f.tasks = append(f.tasks, t)
	f.mu.Unlock()
	f.ended.Add(1)
	go func() {
		defer f.end(t)
		fn(t)
	}()
	return t
}

// end notes that a task has returned, or left by runtime.Goexit.
func (f *Free) end(t *Task) {
	t.state.Store(uint32(Dead))
	f.ended.Done()
}

// Wait blocks until every task that Go started has ended.
func (f *Free) Wait() { f.ended.Wait() }

// Settle blocks until every task that Go started is asleep or has ended. Attached
// tasks must not be running kernel code meanwhile.
func (f *Free) Settle() error {
	for round := 0; !f.quiet(); round++ {
		if round < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
	return nil
}

// quiet reports whether there was an instant at which every task was asleep or
// dead. One look at each is not enough, since a task seen asleep may be woken by
// one not looked at yet; a second look that finds the same sleeps (the same counts)
// proves that none of them was interrupted between the looks.
func (f *Free) quiet() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	live := f.tasks[:0]
	for _, t := range f.tasks {
		if t.State() != Dead {
			live = append(live, t)
		}
	}
	clear(f.tasks[len(live):])
	f.tasks = live
	var first uint64
	for _, t := range f.tasks {
		n := uint64(t.parks.Load())
		if n%2 == 0 && t.State() != Dead {
			return false
		}
		first += n
	}
	var second uint64
	for _, t := range f.tasks {
		if t.mayRun() {
			return false
		}
		second += uint64(t.parks.Load())
	}
	return first == second
}
