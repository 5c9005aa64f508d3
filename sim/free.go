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

	siglock  SpinLock // of all tasks
	attached group    // the tasks made by Attach
	started  group    // the tasks made by Go
	ended    sync.WaitGroup

	mu   sync.Mutex // protects last, and the initialisation of siglock and the groups
	last int        // the ID of the next task
}

// Attach makes the calling goroutine a task and returns it. Tests and benchmarks get a
// current task this way. Settle and Wait ignore attached tasks.
func (f *Free) Attach(name string, private any) *Task { return f.newTask(&f.attached, name, private) }

func (f *Free) newTask(g *group, name string, private any) *Task {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &Task{name: name, id: f.last, Private: private, wake: make(chan struct{}, 1), trace: f.Trace, group: g}
	if f.siglock.class == nil {
		f.siglock.Init(siglockClass)
		f.attached.siglock, f.started.siglock = &f.siglock, &f.siglock
		f.attached.free, f.started.free = f, f
	}
	f.last++
	return t
}

// Observer returns a task for reading the model's state from outside. It belongs to a new
// free executor, so the locks that it takes are not visible steps of any run.
func Observer() *Task { return new(Free).Attach("observer", nil) }

// Go starts a task that runs fn. private becomes its [Task.Private].
func (f *Free) Go(name string, private any, fn func(t *Task)) *Task {
	t := f.newTask(&f.started, name, private)
	f.started.awake.Add(1)
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
	f.started.awake.Add(-1)
	f.ended.Done()
}

// Wait blocks until every task that Go started has ended.
func (f *Free) Wait() { f.ended.Wait() }

// Settle blocks until every task that Go started is asleep or has ended. Attached tasks
// must not run kernel code meanwhile. It always returns nil.
func (f *Free) Settle() error {
	for round := 0; f.started.awake.Load() > 0; round++ {
		if round < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
	return nil
}
