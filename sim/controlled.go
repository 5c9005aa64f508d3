package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// Strategy chooses the interleaving of a controlled run.
type Strategy interface {
	// Pick chooses one of the enabled tasks (at least one, by rising ID, and behind them
	// store buffers that are not empty) to take the step that it announces in [Task.Next].
	// current is the task that took the last step; it is nil at first, and need not be
	// enabled. Nil gives the run up.
	Pick(enabled []*Task, current *Task) *Task
}

// Controlled is the executor that runs one task at a time and lets its strategy
// choose, before every visible step, which. Its tasks are coroutines. It is not
// safe for concurrent use.
type Controlled struct {
	// Trace receives the events of the tasks created after it was set; nil for none.
	Trace *Tracer
	// MaxSteps bounds the visible steps of one Settle; 0 means ten million.
	MaxSteps int
	// Announce, if not nil, is told of each visible step that a task announces, and of
	// the kernel function that it belongs to. The step is taken when the strategy next
	// chooses the task.
	Announce func(t *Task, s Step, kernelFunc string)

	// Coroutines are reused, if not nil, and kept for the next executor.
	Coroutines *Coroutines

	strategy Strategy
	tasks    []*Task // alive, by rising ID
	enabled  []*Task // scratch of pick
	current  *Task   // who took the last step
	chosen   *Task   // who takes the next one
	steps    int     // in all
	budget   int     // left in this Settle
	last     int
	err      error // what ended the run
	stopping bool
	labels   []*label // by address
	spare    []label  // memory for more
	freed    bool     // something has been
	print    fingerprint
	handles  map[unsafe.Pointer]func(*Summary) // meanings of handles stored before there were fingerprints
	memo     *label                            // of memoObj
	memoObj  unsafe.Pointer                    // which was asked for last
	visible  map[*Word]uint64                  // what others see of words with stores pending; nil without store buffers
	buffers  []*Task                           // those whose store buffer is not empty, by rising ID
}

// defaultMaxSteps is how many visible steps a Settle may take before the run is
// taken for one that never ends.
const defaultMaxSteps = 10_000_000

// ErrAbandoned is how a run ends that its strategy has given up.
var ErrAbandoned = errors.New("the strategy has abandoned the run")

// coroutine is what the controlled executor keeps in a task.
type coroutine struct {
	next    Step // announced, not taken yet
	queued  bool // in the queue of a semaphore
	granted bool // and the semaphore is the task's now
	started bool
	on      *runner
	history sums // sums up what the task did and saw, for the fingerprint
	mark    sums
	total   int // steps announced
	marked  int // of them up to the mark
	buffer  storeBuffer

	bufferOf *Task // whose store buffer the task stands for; immutable
}

// newControlledTask makes a task together with its coroutine, which those of a free executor do without.
func newControlledTask(name string, id int, private any) *Task {
	both := &struct {
		task    Task
		co      coroutine
		siglock SpinLock
		held    heldLocks
		locks   [4]heldLock
	}{task: Task{name: name, id: id, Private: private}}
	both.held = both.locks[:0]
	both.task.co, both.task.held = &both.co, &both.held
	both.siglock.Init(siglockClass)
	both.siglock.Guards(func(*Summary) {}) // the signals are a word of their own
	both.task.siglock = &both.siglock
	return &both.task
}

// unwind is the panic that ends a task whose run is being abandoned.
type unwind struct{}

// NewControlled returns an executor with no tasks.
func NewControlled(s Strategy) *Controlled { return &Controlled{strategy: s} }

// Go creates a task that will run fn. It takes its first step in Settle, or, where
// a running task creates it, when the strategy says so. In a stopped executor the
// task is dead from the start.
func (c *Controlled) Go(name string, private any, fn func(t *Task)) *Task {
	t := newControlledTask(name, c.last, private)
	c.last++
	t.ctl = c
	t.trace = c.Trace
	if c.stopping {
		c.bury(t)
		return t
	}
	t.co.next = Step{Op: OpStart}
	LabelIn(c, t, name, uint64(t.id))
	LabelIn(c, t.siglock, name+"'s siglock", uint64(t.id)<<32)
	t.co.on = c.Coroutines.run(func() {
		t.co.started = true
		defer c.end(t)
		c.saw(t, t.co.next, 0)
		fn(t)
	})
	c.tasks = append(c.tasks, t)
	return t
}

// end buries a task that returned or panicked, and lets another one go on.
func (c *Controlled) end(t *Task) {
	c.bury(t)
	switch p := recover().(type) {
	case nil, unwind:
	case *Bug:
		c.fail(p)
	default:
		c.fail(panicked(t, p))
	}
	if !c.stopping && c.err == nil {
		c.pick()
	}
}

func (c *Controlled) bury(t *Task) {
	if t.State() != Dead {
		for k := range c.print.renamings {
			c.print.dead[k] += c.position(t, k)
		}
	}
	t.state.Store(uint32(Dead))
	t.co.next = Step{Op: OpExit}
	if i := slices.Index(c.tasks, t); i >= 0 {
		c.tasks = slices.Delete(c.tasks, i, i+1)
	}
}

// fail ends the run with its first error. What goes wrong in tasks that are being
// unwound already is no finding.
func (c *Controlled) fail(err error) {
	if c.err == nil && !c.stopping {
		c.err = err
	}
}

// Settle runs the tasks until each is asleep or has ended. The error is a [*Bug], a
// [*Deadlock], an [*Endless] or a [*Panic]; after an error the executor is stopped.
func (c *Controlled) Settle() error {
	if c.err != nil {
		return c.err
	}
	c.budget = c.MaxSteps
	if c.budget == 0 {
		c.budget = defaultMaxSteps
	}
	settled := false
	defer func() {
		if !settled { // an error; or a task's Goexit, which comes out here
			c.Stop()
		}
	}()
	c.pick()
	for c.chosen != nil && c.err == nil {
		c.chosen.co.on.resume()
	}
	if c.err == nil {
		c.err = c.deadlock()
	}
	settled = c.err == nil
	return c.err
}

// Stop abandons the run: tasks that have not ended are unwound.
func (c *Controlled) Stop() {
	c.stopping = true
	for len(c.tasks) > 0 {
		t := c.tasks[0]
		if t.co.started {
			t.co.on.resume() // and it unwinds
		} else {
			c.Coroutines.drop(t.co.on)
		}
		c.bury(t) // once more if it had started
	}
	if c.err == nil {
		c.err = fmt.Errorf("the executor is stopped")
	}
}

// Steps is the number of visible steps taken since the executor was made.
func (c *Controlled) Steps() int { return c.steps }

// Next is the step that a task of a controlled executor announces.
func (t *Task) Next() Step { return t.co.next }

// Announced is the number of steps that a task of a controlled executor has announced.
func (t *Task) Announced() int { return t.co.total }

// SinceMark is the number of steps that it has announced since it last forgot its past.
func (t *Task) SinceMark() int { return t.co.total - t.co.marked }

// step announces a visible step and returns when the strategy has chosen it.
func (c *Controlled) step(t *Task, s Step) {
	if c.stopping || c.err != nil {
		panic(unwind{})
	}
	t.co.next = s
	t.co.total++
	if c.Announce != nil {
		c.Announce(t, s, kernelFunc())
	}
	c.pick()
	c.await(t)
	if c.freed {
		c.assertThere(t, s)
	}
}

// await gives the CPU to the chosen task, if that is another one.
func (c *Controlled) await(t *Task) {
	for c.chosen != t || c.err != nil {
		t.co.on.yield(struct{}{})
		if c.stopping {
			panic(unwind{})
		}
	}
}

// waitForGrant blocks a task that has queued for a semaphore until it owns it.
func (c *Controlled) waitForGrant(t *Task) {
	t.co.queued = true
	c.pick()
	c.await(t)
	t.co.queued, t.co.granted = false, false
}

// pick lets the strategy choose who goes next. Nobody is chosen if nobody can run.
func (c *Controlled) pick() {
	for {
		c.lookWhoCan()
		c.chosen = nil
		if len(c.enabled) == 0 || c.err != nil {
			return
		}
		if c.budget == 0 {
			c.fail(&Endless{Task: c.enabled[0].name})
			return
		}
		c.budget--
		c.steps++
		chosen := c.strategy.Pick(c.enabled, c.current)
		switch {
		case chosen == nil:
			c.fail(ErrAbandoned)
			return
		case chosen.co.bufferOf == nil:
			c.chosen, c.current = chosen, chosen
			return
		}
		c.flush(chosen.co.bufferOf) // the processor does that, and the tasks stay where they are
	}
}

// lookWhoCan finds out who can take a step.
func (c *Controlled) lookWhoCan() {
	c.enabled = c.enabled[:0]
	for _, t := range c.tasks {
		if c.isEnabled(t) {
			c.enabled = append(c.enabled, t)
		}
	}
	for _, t := range c.buffers {
		c.enabled = append(c.enabled, t.co.buffer.task)
	}
}

// isEnabled reports whether the task can take the step that it announces.
func (c *Controlled) isEnabled(t *Task) bool {
	if t.co.queued {
		return t.co.granted
	}
	if len(t.co.buffer.stores) > 0 && t.co.next.Op.drains() {
		return false
	}
	switch t.co.next.Op {
	case OpSchedule:
		return t.mayRun()
	case OpLock:
		return (*SpinLock)(t.co.next.Obj).owner == nil
	case OpReadBegin:
		return c.seenBy(t, (*Word)(t.co.next.Obj))%2 == 0
	}
	return true
}

// Asleep reports whether the task sleeps in schedule().
func (t *Task) Asleep() bool {
	if t.ctl != nil {
		return t.co.next.Op == OpSchedule && !t.mayRun()
	}
	return t.parks.Load()%2 == 1 && !t.mayRun()
}

// deadlock looks for tasks that are stuck on a lock when nothing can run any more.
func (c *Controlled) deadlock() error {
	var stuck []string
	for _, t := range c.tasks {
		switch {
		case t.co.queued:
			stuck = append(stuck, t.name+" waits for "+(*RWSem)(t.co.next.Obj).class.Name)
		case t.co.next.Op == OpLock:
			l := (*SpinLock)(unsafe.Pointer(t.co.next.Obj))
			stuck = append(stuck, t.name+" waits for "+l.class.Name+", held by "+l.owner.name)
		case t.co.next.Op == OpReadBegin:
			stuck = append(stuck, t.name+" waits for "+c.ObjectName(t.co.next.Obj)+" to be even")
		}
	}
	if stuck == nil {
		return nil
	}
	return &Deadlock{Stuck: stuck}
}

// Deadlock says that tasks wait for locks which nobody is left to release.
type Deadlock struct{ Stuck []string }

func (d *Deadlock) Error() string { return "deadlock: " + strings.Join(d.Stuck, "; ") }

// Endless says that a run took more steps than it was given.
type Endless struct{ Task string }

func (e *Endless) Error() string {
	return "the run does not settle: too many steps (last seen running: task " + e.Task + ")"
}
