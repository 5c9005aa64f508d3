package sim

import (
	"errors"
	"fmt"
	"unsafe"
)

// Strategy chooses the interleaving of a controlled run.
type Strategy interface {
	// Pick returns the task that takes the next step, the one in its [Task.Next]. enabled
	// is not empty. It holds the enabled tasks in ascending order of ID, followed by the
	// tasks that stand for non-empty store buffers (see [Task.BufferOf]). current is the
	// task that took the previous step; it is nil at first and need not be enabled. If
	// Pick returns nil, the run ends with [ErrAbandoned].
	Pick(enabled []*Task, current *Task) *Task
}

// Controlled is the executor that runs one task at a time and, before every visible step,
// lets its strategy choose which. Its tasks are coroutines. It is not safe for concurrent
// use: one goroutine owns it, and all its fields.
type Controlled struct {
	// Trace receives the events of tasks created after it was set; nil for none.
	Trace *Tracer
	// MaxSteps limits the visible steps of one Settle; 0 means ten million.
	MaxSteps int
	// Announce, if not nil, is called for each visible step that a task announces, with
	// the kernel function that takes it. The task takes the step when the strategy next
	// chooses it.
	Announce func(t *Task, s Step, kernelFunc string)

	// Invariant, if not nil, is called in every state: before each step, and once no task
	// is enabled. An error ends the run.
	Invariant func() error

	// Coroutines, if not nil, provides the coroutines and takes them back at the end.
	Coroutines *Coroutines
	// NoFingerprints declares that Fingerprint will not be called. The executor then
	// keeps nothing of structures that no task can reach any more, so its memory does
	// not grow with the length of the run. Set it before the first label and the first
	// task.
	NoFingerprints bool
	// CheckLabels ends the run with an error if a structure gets the label of another one
	// that is not freed. It is for tests. Set it before the first label.
	CheckLabels bool
	// Claims declares that tasks may claim locks: see [RWSem.Claim]. Set it before the
	// first task.
	Claims bool

	strategy Strategy
	tasks    runQueue // that have not ended
	enabled  []*Task  // scratch memory of pick
	current  *Task    // took the previous step
	chosen   *Task    // takes the next step
	steps    int      // taken in total
	budget   int      // steps left in this Settle
	last     int      // the ID of the next task
	err      error    // ended the run
	stopping bool     // tasks are being unwound
	labels   labelIndex
	spare    []label           // preallocated labels
	freed    bool              // some structure has been freed
	record   *Recording        // see Record; nil if nothing is recorded
	labelled map[uint64]*label // the last label with each identity; only with CheckLabels
	fp       fingerprint
	// handles are the meanings of the handles stored before Fingerprint was called.
	handles map[unsafe.Pointer]func(*Summary)
	memo    *label         // the label of memoObj: a cache of one entry for mustLabel
	memoObj unsafe.Pointer // the object last looked up
	// visible is the value in memory of each word that has a store in a store buffer; nil
	// if the executor has no store buffers.
	visible map[*Word]uint64
	buffers []*Task // tasks whose store buffer is not empty, in ascending order of ID
}

// defaultMaxSteps is the number of visible steps in one Settle after which a run counts
// as endless.
const defaultMaxSteps = 10_000_000

// ErrAbandoned is the error of a run whose strategy returned no task.
var ErrAbandoned = errors.New("the strategy has abandoned the run")

// coroutine is the state of a task that only a controlled executor needs. The executor
// owns it.
type coroutine struct {
	next         Step  // announced, not taken yet
	queued       bool  // waits in the queue of a semaphore
	granted      bool  // owns the semaphore for which it was queued
	announced    State // the state that it has set last, Running after a sleep: a wake-up does not change it
	started      bool
	on           *runner
	history      Sums // hash of the steps taken and the values found, for the fingerprint
	abstraction  Sums // history at the last Abstract or AbstractSince; see Abstraction
	total        int  // number of steps announced
	abstractedAt int  // of these, the steps announced before that call
	buffer       storeBuffer

	bufferOf *Task // the task whose store buffer this task stands for; immutable

	sleeper sleeper // owned by the run queue
}

// newControlledTask allocates a task together with the state for a controlled executor.
func newControlledTask(name string, id int, private any) *Task {
	both := &struct {
		task    Task
		co      coroutine
		siglock SpinLock
		group   group
		held    heldLocks
		locks   [4]heldLock
	}{task: Task{name: name, id: id, Private: private}}
	both.held = both.locks[:0]
	both.task.co, both.task.held = &both.co, &both.held
	both.siglock.Init(siglockClass)
	both.siglock.Guards(func(*Summary) {}) // storeSignals adds the signals to the fingerprint
	both.group.siglock = &both.siglock
	both.task.group = &both.group
	return &both.task
}

// unwind is the panic that ends a task whose run is being abandoned.
type unwind struct{}

// NewControlled returns an executor with no tasks.
func NewControlled(s Strategy) *Controlled { return &Controlled{strategy: s} }

// Go creates a task that runs fn. The task takes its first step when the strategy chooses
// it: in the next Settle, or in the current one if a task calls Go. On a stopped executor
// the task is dead from the start.
func (c *Controlled) Go(name string, private any, fn func(t *Task)) *Task {
	t := c.newTask(name, c.last, private)
	c.last++
	c.start(t, fn)
	return t
}

// SkipIDs leaves out the next n IDs of tasks.
func (c *Controlled) SkipIDs(n int) { c.last += n }

// newTask creates a task that has not started.
func (c *Controlled) newTask(name string, id int, private any) *Task {
	t := newControlledTask(name, id, private)
	t.ctl = c
	t.trace = c.Trace
	if !c.stopping {
		LabelIn(c, t, name, uint64(t.id))
		LabelIn(c, t.group.siglock, name+"'s siglock", uint64(t.id)<<32)
	}
	return t
}

// start starts a task that runs fn.
func (c *Controlled) start(t *Task, fn func(t *Task)) {
	if c.stopping {
		c.markDead(t)
		return
	}
	t.co.next = Step{Op: OpStart}
	t.co.on = c.Coroutines.run(func() {
		t.co.started = true
		defer c.end(t)
		c.recordStep(t, t.co.next, 0)
		fn(t)
		c.exit(t)
	})
	c.tasks.add(t)
}

// exit ends a task that has returned. That is a step if another task can tell: if the
// task has announced a sleep, which a waker may find, or if its store buffer is not
// empty, which it must be first. No other task can tell a task in TASK_RUNNING from a
// dead one: no waker wakes either.
func (c *Controlled) exit(t *Task) {
	s := Step{OpExit, unsafe.Pointer(t)}
	if len(t.co.buffer.stores) > 0 || t.co.announced != Running {
		c.step(t, s)
	}
	t.co.next = s // not in the history: the same end is the same state, step or not
}

// end is deferred by a task: it marks the task dead, records its panic, if any, as the
// run's error, and chooses the next task.
func (c *Controlled) end(t *Task) {
	c.markDead(t)
	switch p := recover().(type) {
	case nil, unwind:
	case *Bug:
		c.fail(p)
	case *NotModelled:
		c.fail(p)
	default:
		c.fail(panicked(t, p))
	}
	if !c.stopping && c.err == nil {
		c.pick()
	}
}

// markDead sets a task's state to Dead and removes the task from the executor.
func (c *Controlled) markDead(t *Task) {
	if t.State() != Dead {
		for k := range c.fp.permutations {
			c.fp.dead[k] += Mix(c.position(t, k), 2) // not as one that is about to end
		}
	}
	c.leftValue(unsafe.Pointer(&t.state), uint64(t.State()), uint64(Dead))
	t.state.Store(uint32(Dead))
	t.co.next = Step{Op: OpExit}
	c.tasks.remove(t)
}

// fail ends the run with its first error. Errors of tasks that are being unwound are
// consequences of the first one and are ignored.
func (c *Controlled) fail(err error) {
	if c.err == nil && !c.stopping {
		c.err = err
	}
}

// Settle runs the tasks until each is asleep or has ended. It returns a [*Bug], a
// [*NotModelled], a [*Deadlock], an [*Endless], a [*Panic] or [ErrAbandoned]. An error
// stops the executor.
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
		if !settled { // an error, or a task's Goexit, which propagates to this goroutine
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

// Stop ends the run and unwinds every task that has not ended.
func (c *Controlled) Stop() {
	c.stopping = true
	c.tasks.wakeAll()
	for len(c.tasks.awake) > 0 {
		t := c.tasks.awake[0]
		if t.co.started {
			t.co.on.resume() // its step panics with unwind
		} else {
			c.Coroutines.drop(t.co.on)
		}
		c.markDead(t) // has no effect if end has done it
	}
	if c.err == nil {
		c.err = fmt.Errorf("the executor is stopped")
	}
}

// Steps returns the number of visible steps taken since the executor was created.
func (c *Controlled) Steps() int { return c.steps }

// Next returns the step that the task has announced and not taken. The task must belong
// to a controlled executor.
func (t *Task) Next() Step { return t.co.next }

// Announced returns the number of steps that the task has announced. The task must belong
// to a controlled executor.
func (t *Task) Announced() int { return t.co.total }

// StepsSinceAbstraction returns the number of steps that the task has announced since its
// last call of Abstract or AbstractSince. The task must belong to a controlled executor.
func (t *Task) StepsSinceAbstraction() int { return t.co.total - t.co.abstractedAt }

// step announces a visible step and returns once the strategy has chosen it.
func (c *Controlled) step(t *Task, s Step) {
	if c.stopping || c.err != nil {
		panic(unwind{})
	}
	t.co.next = s
	t.co.total++
	if c.Announce != nil {
		c.Announce(t, s, kernelFunc())
	}
	if c.Claims {
		c.leaveClaimed(t, s)
	}
	c.pick()
	c.await(t)
	if s.Op != OpDownRead && s.Op != OpDownWrite { // which may have to wait first
		c.findGuarded(t, s)
	}
	if c.freed {
		c.assertNotFreed(t, s)
	}
}

// findGuarded records what a transition that begins with the step finds in the data that
// locks guard, as far as the task's history does not have it.
func (c *Controlled) findGuarded(t *Task, s Step) {
	if c.Claims {
		c.findClaimed(t, s)
	}
	if c.record != nil {
		c.findForgotten(t)
	}
}

// await yields to the chosen task until t is chosen.
func (c *Controlled) await(t *Task) {
	for c.chosen != t || c.err != nil {
		t.co.on.yield(struct{}{})
		if c.stopping {
			panic(unwind{})
		}
	}
}

// waitForGrant blocks a task in a semaphore's queue until it owns the semaphore.
func (c *Controlled) waitForGrant(t *Task) {
	t.co.queued = true
	c.pick()
	c.await(t)
	t.co.queued, t.co.granted = false, false
}

// pick lets the strategy choose the next task. c.chosen is nil if no task is enabled or
// the run has ended.
func (c *Controlled) pick() {
	for {
		c.findEnabled()
		c.chosen = nil
		if c.Invariant != nil && c.err == nil {
			if err := c.Invariant(); err != nil {
				c.fail(err)
			}
		}
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
		c.flush(chosen.co.bufferOf) // a step of the processor: no task advances
	}
}
