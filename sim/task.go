package sim

import "sync/atomic"

// Task is a thread of execution: the parts of task_struct that scheduling, signals and
// locks need. Only the task itself may call a method, unless its comment says otherwise.
// A field without a comment is immutable.
type Task struct {
	name string
	id   int

	// Private holds the data of the packages above sim. It is set at creation. What
	// protects it is up to those packages.
	Private any

	state   atomic.Uint32 // a State; set by the task, and set to Running by wakers; see also parked
	signals atomic.Uint32 // pending Signal bits; written under siglock, read without
	uniques uint32        // numbers returned by Unique; accessed by the task only
	clones  int           // tasks started by Go; accessed by the task only
	// wake holds a token once the task has been woken. It is nil on a controlled
	// executor.
	wake   chan struct{}
	inject func(site string) bool // accessed by the task only
	trace  *Tracer                // nil without tracing
	held   *heldLocks             // accessed by the task only; nil before its first checked lock
	ctl    *Controlled            // nil on a free executor
	co     *coroutine             // owned by the controlled executor; nil on a free one
	// group has the siglock, which protects signals. On a controlled executor each task
	// has its own. On a free executor tasks share one, as the threads of a process do
	// in the kernel.
	group *group
}

// group is what the tasks of a free executor share. A task of a controlled executor has
// one of its own.
type group struct {
	siglock *SpinLock
	awake   atomic.Int64 // free executor: counts the tasks that are neither parked nor dead
	free    *Free        // immutable; nil on a controlled executor
}

// parked is a bit of Task.state on the free executor: the task sleeps and is not counted
// in group.awake. A waker clears the bit and then counts the task, before it can sleep
// itself. So no task of the group can run if the count is zero.
const parked = 1 << 31

// Name returns the task's name. Any task may call it.
func (t *Task) Name() string { return t.name }

// ID returns the task's number in its executor, in order of creation. Any task may call
// it.
func (t *Task) ID() int { return t.id }

// Controlled reports whether the task runs on a controlled executor.
func (t *Task) Controlled() bool { return t.ctl != nil }

// Unique returns a number that no call, by any task of the executor, has returned before.
// It does not depend on the interleaving, so it can be used for [Label].
func (t *Task) Unique() uint64 {
	t.uniques++
	return uint64(t.id)<<32 | uint64(t.uniques)
}

// State returns the task's state. Any task may call it.
func (t *Task) State() State { return State(t.state.Load() &^ parked) }

// SetState sets the task's state: set_current_state, a store followed by a full barrier.
// Set the state before checking the condition to wait for, so that a task that makes the
// condition true after the check finds this task asleep and wakes it.
func (t *Task) SetState(s State) {
	if t.ctl != nil {
		t.ctl.setState(t, s)
	} else if s != Running || t.State() != Running { // a waker sets no state but Running
		t.state.Store(uint32(s))
	}
	if t.trace != nil {
		t.traceStep(OpSetState, s.String())
	}
}

// SetStateUnordered is [Task.SetState] without the barrier: __set_current_state. With
// store buffers the task's next loads may come before other tasks see the new state.
func (t *Task) SetStateUnordered(s State) {
	if t.ctl != nil && t.ctl.buffered() {
		t.ctl.setStateUnordered(t, s)
		if t.trace != nil {
			t.traceStep(OpSetState, s.String())
		}
		return
	}
	t.SetState(s)
}

// SetRunning sets the task back to TASK_RUNNING: __set_current_state(TASK_RUNNING). It
// needs no barrier, since no task waits for this store.
func (t *Task) SetRunning() { t.SetStateUnordered(Running) }

// Schedule puts the task to sleep until it is woken: schedule. It returns at once if the
// task has been woken since it set its state, or if a signal that interrupts this sleep
// is pending. The task is in TASK_RUNNING afterwards. No spinlock may be held.
func (t *Task) Schedule() {
	if checking(t) {
		t.assertMaySleep("schedule")
	}
	if t.trace != nil { // before the sleep, so that it is a sleeping task's last event
		t.traceStep(OpSchedule, t.State().String())
	}
	if t.ctl == nil {
		t.park()
		if t.State() != Running { // a signal interrupted the sleep
			t.state.Store(uint32(Running))
		}
		return
	}
	t.ctl.schedule(t)
}

// park blocks the goroutine until the state allows it to run.
func (t *Task) park() {
	s := t.state.Load()
	if t.mayRun() || !t.state.CompareAndSwap(s, s|parked) { // only a waker changes the state
		return
	}
	t.group.awake.Add(-1)
	for !t.mayRun() {
		<-t.wake
	}
	if t.state.CompareAndSwap(s|parked, s) { // a signal ended the sleep, and its sender has not woken the task yet
		t.group.awake.Add(1)
	}
}

// mayRun reports whether the task need not sleep in schedule(): it is in TASK_RUNNING, or
// a pending signal interrupts its sleep. Any task may call it.
func (t *Task) mayRun() bool {
	return MayRun(t.State(), Signal(t.signals.Load()))
}

// MayRun is the same for a task in the state s with the pending signals.
func MayRun(s State, sig Signal) bool {
	if s == Running {
		return true
	}
	return sig != 0 && s&Interruptible != 0 || sig&SignalFatal != 0 && s&WakeKill != 0
}

// WakeUpState wakes the target if its state shares a bit with mask, and reports whether
// it did: wake_up_state. It reports false for a target in TASK_RUNNING.
func (t *Task) WakeUpState(target *Task, mask State) bool {
	var woken bool
	if t.ctl != nil {
		woken = t.ctl.wakeUp(t, target, mask)
	} else {
		woken = target.tryToWakeUp(mask)
	}
	if t.trace != nil {
		t.traceWake(target, woken)
	}
	return woken
}

// tryToWakeUp is WakeUpState on the free executor. Any task may call it.
func (t *Task) tryToWakeUp(mask State) bool {
	for {
		s := t.state.Load()
		if State(s)&mask == 0 {
			return false
		}
		if t.state.CompareAndSwap(s, uint32(Running)) {
			if s&parked != 0 {
				t.group.awake.Add(1)
			}
			t.unpark()
			return true
		}
	}
}

// unpark makes the task's goroutine check its state again. Any task may call it.
func (t *Task) unpark() {
	select {
	case t.wake <- struct{}{}:
	default: // a token is already there, or the channel is nil (controlled executor)
	}
}

// Signal sends a signal to the target and wakes it if the signal interrupts its sleep:
// send_signal, complete_signal and signal_wake_up. It takes the target's siglock. The
// target may see the signal before it is woken. It takes the signal under siglock, hence
// after the wake-up, so the wake-up cannot end a later, unrelated sleep.
func (t *Task) Signal(target *Task, sig Signal) {
	target.group.siglock.Lock(t)
	if t.ctl != nil {
		t.ctl.signal(t, target, sig)
	} else {
		target.signals.Or(uint32(sig))
	}
	if t.trace != nil {
		t.traceStep(OpSignal, target.name)
	}
	t.WakeUpState(target, sig.wakes())
	target.group.siglock.Unlock(t)
}

// Interrupt sends a signal to the task from outside the model, where no task is current.
// It is not a visible step.
func (t *Task) Interrupt(sig Signal) {
	t.group.siglock.Bare(t)
	t.signals.Or(uint32(sig))
	t.tryToWakeUp(sig.wakes())
	if t.ctl != nil {
		t.ctl.tasks.wake(t)
	}
	t.group.siglock.EndBare(t)
}

// wakes returns the mask of the states that the signal interrupts.
func (sig Signal) wakes() State {
	if sig&SignalFatal != 0 {
		return Interruptible | WakeKill
	}
	return Interruptible
}

// SignalPending reports whether any signal is pending: signal_pending(current).
func (t *Task) SignalPending() bool { return t.pendingSignals() != 0 }

// FatalSignalPending reports whether a fatal signal is pending:
// fatal_signal_pending(current).
func (t *Task) FatalSignalPending() bool { return t.pendingSignals()&SignalFatal != 0 }

func (t *Task) pendingSignals() Signal {
	if t.ctl != nil {
		return t.ctl.loadSignals(t)
	}
	return Signal(t.signals.Load())
}

// TakeSignals handles the pending signals on the return to user mode, and reports whether
// the task must die. If a signal is pending it takes siglock. If none is fatal it clears
// them (their handlers run); otherwise it leaves them pending.
func (t *Task) TakeSignals() (dies bool) {
	if !t.SignalPending() {
		return false
	}
	t.group.siglock.Lock(t)
	var sig Signal
	if t.ctl != nil {
		sig = t.ctl.takeSignals(t)
	} else if sig = Signal(t.signals.Load()); sig&SignalFatal == 0 {
		t.signals.Store(0)
	}
	t.group.siglock.Unlock(t)
	return sig&SignalFatal != 0
}

// SmpMb executes a full memory barrier: smp_mb.
func (t *Task) SmpMb() {
	if t.ctl != nil {
		t.ctl.bareStep(t, Step{OpBarrier, nil})
	}
}

// ShouldFail reports whether the allocation at the named site must fail: should_failslab
// of the kernel's fault injection. It reports false unless [Task.InjectFaults] was
// called.
func (t *Task) ShouldFail(site string) bool { return t.inject != nil && t.inject(site) }

// InjectFaults makes the task's allocations fail at the sites for which fail reports
// true; nil makes them succeed.
func (t *Task) InjectFaults(fail func(site string) bool) { t.inject = fail }
