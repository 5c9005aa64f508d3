package sim

import "sync/atomic"

// Task is a thread of execution: the kernel's task_struct, as far as scheduling,
// signals and locks need it. Unless said otherwise a method is called by the task
// itself.
type Task struct {
	name string
	id   int

	// Private is what the floors above keep for the task. It is set at creation and
	// belongs to the task.
	Private any

	state   atomic.Uint32 // State; stored by the task, set to Running by wakers
	signals atomic.Uint32 // Signal bits pending; set by anyone, cleared by the task, both under siglock
	parks   atomic.Uint32 // free executor: how often the task fell asleep or woke up; odd while asleep
	uniques uint32        // numbers given out by Unique
	wake    chan struct{} // free executor: holds one token once the task was woken; else nil
	inject  func(site string) bool
	trace   *Tracer
	held    *heldLocks // checking only: nil before the first lock
	ctl     *Controlled
	co      *coroutine // controlled executor: owned by it; else nil
	// siglock is the task's own under the controlled executor. In the free one all tasks have the same, as in
	// the kernel those of a process have. Immutable.
	siglock *SpinLock
}

// Name is the name that the task was created with.
func (t *Task) Name() string { return t.name }

// ID is the task's number in its executor, in order of creation.
func (t *Task) ID() int { return t.id }

// Controlled reports whether the task runs on a controlled executor.
func (t *Task) Controlled() bool { return t.ctl != nil }

// Unique returns a number that the task has not returned before, nor any other task:
// the same in every run, for [Label].
func (t *Task) Unique() uint64 {
	t.uniques++
	return uint64(t.id)<<32 | uint64(t.uniques)
}

// State is what the task is doing. Any task may ask.
func (t *Task) State() State { return State(t.state.Load()) }

// SetState announces that the task is about to sleep, or that it is not any more:
// set_current_state, a store followed by a full barrier. The announcement comes
// before the task looks at what it waits for, so that a waker who changes that
// afterwards finds the task asleep.
func (t *Task) SetState(s State) {
	if t.ctl != nil {
		t.ctl.setState(t, s)
	} else if s != Running || t.State() != Running { // else nobody but the task can make it anything but that
		t.state.Store(uint32(s))
	}
	if t.trace != nil {
		t.traceStep(OpSetState, s.String())
	}
}

// SetStateUnordered is [Task.SetState] without the barrier: __set_current_state. With store
// buffers others may see it later than what the task looks at next.
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

// SetRunning ends the announcement of [Task.SetState]: __set_current_state(TASK_RUNNING),
// which needs no barrier, since nobody waits for it.
func (t *Task) SetRunning() { t.SetStateUnordered(Running) }

// Schedule gives the CPU away until the task is woken. It returns at once if the
// task has been woken since it announced its state, or if a signal is pending
// that the state lets through.
func (t *Task) Schedule() {
	if checking(t) {
		t.assertMaySleep("schedule")
	}
	if t.trace != nil { // before the sleep, so that it is the last that is seen of a sleeper
		t.traceStep(OpSchedule, t.State().String())
	}
	if t.ctl == nil {
		t.park()
		if t.State() != Running { // a signal has ended the sleep
			t.state.Store(uint32(Running))
		}
		return
	}
	t.ctl.schedule(t)
}

// park blocks the goroutine until the state allows it to run.
func (t *Task) park() {
	if t.mayRun() {
		return
	}
	t.parks.Add(1) // odd: asleep
	for !t.mayRun() {
		<-t.wake
	}
	t.parks.Add(1)
}

// mayRun reports whether schedule() would let the task go on: it is runnable, or a
// pending signal reaches its sleep.
func (t *Task) mayRun() bool {
	s := t.State()
	if s == Running {
		return true
	}
	sig := Signal(t.signals.Load())
	return sig != 0 && s&Interruptible != 0 || sig&SignalFatal != 0 && s&WakeKill != 0
}

// WakeUpState wakes the target if its state shares a bit with mask, and reports
// whether it did: wake_up_state. A target that already runs is left alone, and the
// answer is false.
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

func (t *Task) tryToWakeUp(mask State) bool {
	for {
		s := t.state.Load()
		if State(s)&mask == 0 {
			return false
		}
		if t.state.CompareAndSwap(s, uint32(Running)) {
			t.unpark()
			return true
		}
	}
}

func (t *Task) unpark() {
	select {
	case t.wake <- struct{}{}:
	default: // a token is there already, and one is enough; or nobody parks on it
	}
}

// Signal sends a signal to the target, and wakes it if its sleep lets the signal through:
// send_signal, complete_signal and signal_wake_up. The target may see the signal before it
// is woken, but can only take it afterwards, for that needs its siglock, too: no wake-up
// comes late, and ends a sleep that the signal has nothing to do with.
func (t *Task) Signal(target *Task, sig Signal) {
	target.siglock.Lock(t)
	if t.ctl != nil {
		t.ctl.signal(t, target, sig)
	} else {
		target.signals.Or(uint32(sig))
	}
	if t.trace != nil {
		t.traceStep(OpSignal, target.name)
	}
	t.WakeUpState(target, sig.wakes())
	target.siglock.Unlock(t)
}

// Interrupt makes a signal pending from outside of the model, where there is no
// current task.
func (t *Task) Interrupt(sig Signal) {
	t.siglock.Bare(t)
	t.signals.Or(uint32(sig))
	t.tryToWakeUp(sig.wakes())
	t.siglock.EndBare(t)
}

// wakes is the mask of the sleeps that the signal ends.
func (sig Signal) wakes() State {
	if sig&SignalFatal != 0 {
		return Interruptible | WakeKill
	}
	return Interruptible
}

// SignalPending reports whether any signal is pending: signal_pending(current).
func (t *Task) SignalPending() bool { return t.pendingSignals() != 0 }

// FatalSignalPending reports whether the task is going to die:
// fatal_signal_pending(current).
func (t *Task) FatalSignalPending() bool { return t.pendingSignals()&SignalFatal != 0 }

func (t *Task) pendingSignals() Signal {
	if t.ctl != nil {
		return t.ctl.loadSignals(t)
	}
	return Signal(t.signals.Load())
}

// TakeSignals is the way back to user mode: if a signal is pending the task takes its
// siglock, and then either runs the handlers of the ordinary ones, or, if there is a fatal
// one, is told that it must die, and keeps all of them.
func (t *Task) TakeSignals() (dies bool) {
	if !t.SignalPending() {
		return false
	}
	t.siglock.Lock(t)
	var sig Signal
	if t.ctl != nil {
		sig = t.ctl.takeSignals(t)
	} else if sig = Signal(t.signals.Load()); sig&SignalFatal == 0 {
		t.signals.Store(0)
	}
	t.siglock.Unlock(t)
	return sig&SignalFatal != 0
}

// SmpMb is a full memory barrier.
func (t *Task) SmpMb() {
	if t.ctl != nil {
		t.ctl.bareStep(t, Step{OpBarrier, nil})
	}
}

// ShouldFail reports whether the allocation at the named site must fail: the
// kernel's fault injection. It never does unless [Task.InjectFaults] was called.
func (t *Task) ShouldFail(site string) bool { return t.inject != nil && t.inject(site) }

// InjectFaults makes allocations of the task fail where fail says so; nil ends it.
func (t *Task) InjectFaults(fail func(site string) bool) { t.inject = fail }
