package sim

import (
	"runtime"
	"sync"
	"time"
)

// Free is the free-running executor: tasks are goroutines that the Go runtime schedules,
// in parallel. The zero value is ready to use.
type Free struct {
	// Trace receives the events of tasks created after it was set; nil for none.
	Trace *Tracer

	siglock SpinLock // of all tasks

	mu    sync.Mutex // protects the fields below, and the initialisation of siglock
	tasks []*Task    // started by Go, not known to be dead
	ended sync.WaitGroup
	last  int // the ID of the next task
}

// Attach makes the calling goroutine a task and returns it. Tests and benchmarks get a
// current task this way. Settle and Wait ignore attached tasks.
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

// Observer returns a task for reading the model's state from outside. It belongs to a new
// free executor, so the locks that it takes are not visible steps of any run.
func Observer() *Task { return new(Free).Attach("observer", nil) }

// Go starts a task that runs fn. private becomes its [Task.Private].
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

// end is deferred by a task: it marks the task dead, whether fn returned or called
// runtime.Goexit.
func (f *Free) end(t *Task) {
	t.state.Store(uint32(Dead))
	f.ended.Done()
}

// Wait blocks until every task that Go started has ended.
func (f *Free) Wait() { f.ended.Wait() }

// Settle blocks until every task that Go started is asleep or has ended. Attached tasks
// must not run kernel code meanwhile. It always returns nil.
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

// quiet reports whether at some instant every task was asleep or dead. Checking each task
// once is not enough: a task found asleep may be woken by one that is checked later. A
// second pass that finds the same counts of sleeps proves that no task woke up between
// the passes.
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
