package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type gadget struct{ lock SpinLock }

func inlinedLeaf(t *Task)        { t.Emit(Event{Kind: "leaf"}) }
func inlinedMiddle(t *Task)      { inlinedLeaf(t) }
func helper(t *Task)             { t.Emit(Event{Kind: "helper"}) }
func functional(t *Task)         { t.Emit(Event{Kind: "named func…"}) }
func fallible(f func(), t *Task) { f(); helper(t) }

//go:noinline
func outlined(t *Task) { helper(t) }

func (g *gadget) method(t *Task) {
	g.lock.Lock(t)
	defer g.lock.Unlock(t)
	helper(t)
}

func (g *gadget) closures(t *Task) (later func()) {
	func() { func() { helper(t) }() }()
	fallible(func() { helper(t) }, t)
	return func() { helper(t) }
}

var testKernelFuncs = KernelFuncs(
	KernelFunc{"inlined_leaf", inlinedLeaf},
	KernelFunc{"outlined", outlined},
	KernelFunc{"functional", functional},
	KernelFunc{"gadget_method", (*gadget).method},
	KernelFunc{"gadget_closures", (*gadget).closures},
)

// traced runs fn as a task and returns the task's events.
func traced(e Executor, setTrace func(*Tracer), fn func(t *Task)) (events []Event) {
	setTrace(NewTracer(func(e Event) { events = append(events, e) }))
	e.Go("task", nil, fn)
	if err := e.Settle(); err != nil {
		panic(err)
	}
	return events
}

func onBothTraced(t *testing.T, fn func(t *Task), check func(t *testing.T, events []Event)) {
	t.Run("free", func(t *testing.T) {
		var f Free
		check(t, traced(&f, func(tr *Tracer) { f.Trace = tr }, fn))
	})
	t.Run("controlled", func(t *testing.T) {
		c := NewControlled(NewRandom(1))
		check(t, traced(c, func(tr *Tracer) { c.Trace = tr }, fn))
	})
}

func TestKernelFunc(t *testing.T) {
	for _, tc := range []struct {
		name string
		fn   func(t *Task)
		want []string // the functions of the events
	}{
		{"none", helper, []string{""}},
		{"inlined", inlinedMiddle, []string{"inlined_leaf"}},
		{"caller of a helper", outlined, []string{"outlined"}},
		{"name that begins with func", functional, []string{"functional"}},
		{"method and deferred call", func(t *Task) {
			var g gadget
			g.lock.Init(innerClass)
			g.method(t)
		}, []string{"gadget_method", "gadget_method", "gadget_method"}},
		{"closures, also when the function has returned", func(t *Task) {
			new(gadget).closures(t)()
		}, []string{"gadget_closures", "gadget_closures", "gadget_closures", "gadget_closures"}},
		{"twice, from the cache", func(t *Task) {
			for range 2 {
				inlinedMiddle(t)
				helper(t)
			}
		}, []string{"inlined_leaf", "", "inlined_leaf", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBothTraced(t, tc.fn, func(t *testing.T, events []Event) {
				var got []string
				for _, e := range events {
					got = append(got, e.Func)
				}
				require.Equal(t, tc.want, got)
			})
		})
	}
}

func TestGoName(t *testing.T) {
	require.Equal(t, "sim.outlined", testKernelFuncs[1].GoName())
	require.Equal(t, "sim.(*gadget).method", testKernelFuncs[3].GoName())
}

func TestEvents(t *testing.T) {
	var l SpinLock
	var s RWSem
	l.Init(innerClass)
	s.Init(semClass)
	onBothTraced(t, func(t *Task) {
		s.DownRead(t)
		l.Lock(t)
		l.Unlock(t)
		s.UpRead(t)
		t.SetState(Interruptible)
		t.WakeUpState(t, Normal)
		t.Schedule()
		t.Signal(t, SignalOrdinary)
	}, func(t *testing.T, events []Event) {
		var got []string
		for i, e := range events {
			require.EqualValues(t, i+1, e.Seq)
			require.Equal(t, "task", e.Task)
			got = append(got, e.Kind+" "+e.Object)
		}
		require.Equal(t, []string{
			"down_read sem", "spin_lock inner", "spin_unlock inner", "up_read sem",
			"set_current_state TASK_INTERRUPTIBLE", "try_to_wake_up task", "schedule TASK_RUNNING",
			"spin_lock siglock", "send_signal task", "try_to_wake_up task", "spin_unlock siglock",
		}, got)
		require.Equal(t, []Arg{{"woken", true}}, events[5].Args)
		text, err := json.Marshal(events[1])
		require.NoError(t, err)
		require.Equal(t, `{"seq":2,"task":"task","kind":"spin_lock","object":"inner"}`, string(text))
	})
}

// On either executor the trace shows the acquisitions and releases of a lock in their
// order.
func TestTraceOrderOfLocks(t *testing.T) {
	everyTrace(t, func(e Executor) {
		var l SpinLock
		l.Init(innerClass)
		for _, name := range []string{"a", "b", "c"} {
			e.Go(name, nil, func(t *Task) {
				for range 5 {
					l.Lock(t)
					l.Unlock(t)
				}
			})
		}
	}, func(t *testing.T, events []Event) {
		events = slices.DeleteFunc(events, func(e Event) bool { return e.Kind == "spin_lock_wait" })
		require.Len(t, events, 30)
		for i := 0; i < len(events); i += 2 {
			require.Equal(t, "spin_lock", events[i].Kind)
			require.Equal(t, "spin_unlock", events[i+1].Kind)
			require.Equal(t, events[i].Task, events[i+1].Task)
		}
	})
}

func everyTrace(t *testing.T, setup func(Executor), check func(*testing.T, []Event)) {
	var events []Event
	tracer := NewTracer(func(e Event) { events = append(events, e) })
	f := &Free{Trace: tracer}
	setup(f)
	f.Wait()
	check(t, events)
	for seed := range uint64(100) {
		events = nil
		c := NewControlled(NewRandom(seed))
		c.Trace = tracer
		setup(c)
		settle(t, c)
		check(t, events)
	}
}

// In a controlled run the event of a step comes directly after the step: no event of
// another task is in between.
func TestTraceFollowsSteps(t *testing.T) {
	for seed := range uint64(100) {
		var events []taken
		r := record(NewRandom(seed))
		c := NewControlled(r)
		c.Trace = NewTracer(func(e Event) {
			if strings.HasSuffix(e.Kind, "_wait") {
				return // emitted before the step, which follows once the lock is free
			}
			last := r.steps[len(r.steps)-1]
			require.Equal(t, last.task, e.Task)
			switch {
			case e.Kind == OpSchedule.String(): // emitted before the step
			case e.Kind == OpSetState.String() && e.Object == Running.String(): // not a step of a running task
			default:
				require.Equal(t, last.op.String(), e.Kind)
			}
			events = append(events, last)
		})
		mixture(c)
		settle(t, c)
		require.NotEmpty(t, events)
	}
}

func TestNoAllocationsUntraced(t *testing.T) {
	var f Free
	task, target := f.Attach("task", nil), f.Attach("target", nil)
	var (
		w Word
		r Ref[int]
		l SpinLock
		s RWSem
	)
	l.Init(innerClass)
	s.Init(semClass)
	require.False(t, task.Tracing())
	for name, op := range map[string]func(){
		"word": func() {
			w.Load(task)
			w.Store(task, 1)
			w.Inc(task)
			w.Dec(task)
			w.IncNotZero(task)
			w.Touch(task, true)
			r.Store(task, r.Load(task))
		},
		"spinlock":  func() { l.Lock(task); l.Unlock(task) },
		"semaphore": func() { s.DownRead(task); s.UpRead(task); s.DownWrite(task); s.UpWrite(task) },
		"wake":      func() { target.SetState(Killable); task.WakeUpState(target, Normal); target.Schedule() },
		"signal":    func() { task.Signal(target, SignalOrdinary); target.TakeSignals() },
	} {
		t.Run(name, func(t *testing.T) {
			require.Zero(t, testing.AllocsPerRun(100, op))
		})
	}
}
