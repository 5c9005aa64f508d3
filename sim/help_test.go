package sim

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onBoth runs body on both executors and then ends the tasks that still sleep.
func onBoth(t *testing.T, body func(t *testing.T, e Executor)) {
	t.Run("free", func(t *testing.T) {
		f := &remembering{Free: new(Free)}
		defer f.drain()
		body(t, f)
	})
	t.Run("controlled", func(t *testing.T) {
		c := NewControlled(NewRandom(1))
		defer c.Stop()
		body(t, c)
	})
}

// remembering is a free executor that remembers its tasks.
type remembering struct {
	*Free
	mu    sync.Mutex
	tasks []*Task // protected by mu
}

func (r *remembering) Go(name string, private any, fn func(t *Task)) *Task {
	t := r.Free.Go(name, private, fn)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, t)
	return t
}

// drain kills and wakes sleeping tasks until every task has ended.
func (r *remembering) drain() {
	for {
		_ = r.Settle()
		live := 0
		for _, t := range r.tasks {
			if t.State() != Dead {
				t.Interrupt(SignalFatal)
				t.tryToWakeUp(Normal | WakeKill)
				live++
			}
		}
		if live == 0 {
			r.Wait()
			return
		}
	}
}

// settle settles an executor that must not fail.
func settle(t *testing.T, e Executor) {
	t.Helper()
	if err := e.Settle(); err != nil {
		t.Fatal(err)
	}
}

// sleepUntil is the kernel's wait loop: set the state, check the condition, sleep.
func sleepUntil(t *Task, done func() bool) {
	for {
		t.SetState(Killable)
		if done() {
			break
		}
		t.Schedule()
	}
	t.SetRunning()
}

// script is a strategy that chooses the named tasks in turn and then follows another
// strategy.
type script struct {
	names []string
	then  Strategy
}

func (s *script) Pick(enabled []*Task, current *Task) *Task {
	if len(s.names) == 0 {
		return s.then.Pick(enabled, current)
	}
	name := s.names[0]
	s.names = s.names[1:]
	for _, t := range enabled {
		if t.name == name {
			return t
		}
	}
	panic("script: " + name + " is not enabled")
}

// taken is a step in a form that can be compared between runs: objects are numbered in
// the order of their first use.
type taken struct {
	task string
	op   Op
	obj  int
}

// recorder records the choices of another strategy.
type recorder struct {
	Strategy
	steps []taken
	objs  map[unsafe.Pointer]int
}

func record(s Strategy) *recorder {
	return &recorder{Strategy: s, objs: map[unsafe.Pointer]int{nil: 0}}
}

func (r *recorder) Pick(enabled []*Task, current *Task) *Task {
	t := r.Strategy.Pick(enabled, current)
	next := t.Next()
	if _, ok := r.objs[next.Obj]; !ok {
		r.objs[next.Obj] = len(r.objs)
	}
	r.steps = append(r.steps, taken{t.Name(), next.Op, r.objs[next.Obj]})
	return t
}

// roundRobin switches to the next task at every step; stay runs a task as long as it is
// enabled.
type (
	roundRobin struct{}
	stay       struct{}
)

func (roundRobin) Pick(enabled []*Task, current *Task) *Task {
	for _, t := range enabled {
		if current != nil && t.ID() > current.ID() {
			return t
		}
	}
	return enabled[0]
}

func (stay) Pick(enabled []*Task, current *Task) *Task {
	for _, t := range enabled {
		if t == current {
			return t
		}
	}
	return enabled[0]
}

// bugKind returns the kind of bug that an error reports, "" if it reports none.
func bugKind(err error) BugKind {
	if bug, ok := errors.AsType[*Bug](err); ok {
		return bug.Kind
	}
	return ""
}

func ptr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }

// The time limit for conditions that should become true at once, and the polling
// interval.
const (
	waitLong = 10 * time.Second
	tick     = time.Millisecond
)

func joined(names []string) string { return strings.Join(names, "") }
