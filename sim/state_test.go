package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWakeUpMask(t *testing.T) {
	for _, tc := range []struct {
		state, mask State
		woken       bool
	}{
		{Interruptible, Interruptible, true},
		{Interruptible, Uninterruptible, false},
		{Interruptible, Normal, true},
		{Interruptible, Killable, false},
		{Interruptible, WakeKill, false},
		{Uninterruptible, Interruptible, false},
		{Uninterruptible, Normal, true},
		{Uninterruptible, WakeKill, false},
		{Killable, Interruptible, false},
		{Killable, Uninterruptible, true},
		{Killable, Normal, true}, // WAKE-6
		{Killable, WakeKill, true},
		{Interruptible | WakeKill, Interruptible, true},
		{Interruptible | WakeKill, Uninterruptible, false},
		{Running, Normal | WakeKill, false},
	} {
		t.Run(tc.state.String()+" by "+tc.mask.String(), func(t *testing.T) {
			onBoth(t, func(t *testing.T, e Executor) {
				sleeps := tc.state != Running
				sleeper := e.Go("sleeper", nil, func(t *Task) {
					t.SetState(tc.state)
					t.Schedule()
				})
				settle(t, e)
				require.Equal(t, sleeps, sleeper.Asleep())

				var woken bool
				e.Go("waker", nil, func(t *Task) { woken = t.WakeUpState(sleeper, tc.mask) })
				settle(t, e)
				require.Equal(t, tc.woken, woken)
				require.Equal(t, sleeps && !tc.woken, sleeper.Asleep())
				require.Equal(t, !sleeps || tc.woken, sleeper.State() == Dead)
			})
		})
	}
}

func TestSignals(t *testing.T) {
	const both = SignalOrdinary | SignalFatal
	for _, tc := range []struct {
		state State
		sig   Signal
		woken bool
	}{
		{Interruptible, SignalOrdinary, true},
		{Interruptible, SignalFatal, true},
		{Uninterruptible, SignalOrdinary, false},
		{Uninterruptible, SignalFatal, false},
		{Uninterruptible, both, false},
		{Killable, SignalOrdinary, false},
		{Killable, SignalFatal, true},
		{Killable, both, true},
	} {
		// The signal comes from another task, from outside, or before the sleep began.
		for name, send := range map[string]func(e Executor, target *Task){
			"task":    func(e Executor, target *Task) { e.Go("killer", nil, func(t *Task) { t.Signal(target, tc.sig) }) },
			"outside": func(_ Executor, target *Task) { target.Interrupt(tc.sig) },
			"before":  nil,
		} {
			t.Run(tc.state.String()+"/"+name, func(t *testing.T) {
				onBoth(t, func(t *testing.T, e Executor) {
					var pending, fatal bool
					sleeper := e.Go("sleeper", nil, func(t *Task) {
						if send == nil {
							t.Interrupt(tc.sig)
						}
						t.SetState(tc.state)
						t.Schedule()
						pending, fatal = t.SignalPending(), t.FatalSignalPending()
					})
					settle(t, e)
					if send != nil {
						require.True(t, sleeper.Asleep())
						send(e, sleeper)
						settle(t, e)
					}
					require.Equal(t, !tc.woken, sleeper.Asleep())
					require.Equal(t, tc.woken, pending)
					require.Equal(t, tc.woken && tc.sig&SignalFatal != 0, fatal)
				})
			})
		}
	}
}

func TestTakeSignals(t *testing.T) {
	for _, tc := range []struct {
		pending, left Signal
		dies          bool
	}{
		{0, 0, false},
		{SignalOrdinary, 0, false},
		{SignalFatal, SignalFatal, true},
		{SignalOrdinary | SignalFatal, SignalOrdinary | SignalFatal, true},
	} {
		onBoth(t, func(t *testing.T, e Executor) {
			var dies bool
			var left Signal
			e.Go("task", nil, func(t *Task) {
				t.Interrupt(tc.pending)
				dies, left = t.TakeSignals(), t.pendingSignals()
			})
			settle(t, e)
			require.Equal(t, tc.dies, dies)
			require.Equal(t, tc.left, left)
		})
	}
}

// A signal's wake-up happens before the target can take the signal, so it does not end
// the target's next sleep.
func TestSignalIsTakenAfterItsWakeUp(t *testing.T) {
	for seed := range uint64(200) {
		c := NewControlled(NewRandom(seed))
		target := c.Go("target", nil, func(t *Task) {
			for !t.SignalPending() {
				t.SetState(Interruptible)
				t.Schedule()
			}
			t.TakeSignals()
			t.SetState(Interruptible)
			t.Schedule()
		})
		c.Go("killer", nil, func(t *Task) { t.Signal(target, SignalOrdinary) })
		settle(t, c)
		require.True(t, target.Asleep(), "seed %d", seed)
		c.Stop()
	}
}

// A wake-up between SetState and Schedule is not lost, and does not end the next sleep
// too.
func TestWakeBeforeSchedule(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		passed := 0
		task := e.Go("task", nil, func(t *Task) {
			for range 3 {
				t.SetState(Killable)
				t.WakeUpState(t, Normal)
				t.Schedule()
				passed++
			}
			t.SetState(Killable)
			t.Schedule()
			passed++
		})
		settle(t, e)
		require.Equal(t, 3, passed)
		require.True(t, task.Asleep())
		require.Equal(t, Killable, task.State())
	})
}

// Schedule may return although the condition that the task waits for is false.
func TestSpuriousWakeUp(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var flag Word
		looks := 0
		sleeper := e.Go("sleeper", nil, func(t *Task) {
			sleepUntil(t, func() bool { looks++; return flag.Load(t) == 1 })
		})
		settle(t, e)
		for stray := 1; stray <= 3; stray++ {
			require.Equal(t, stray, looks)
			e.Go("stray", nil, func(t *Task) { t.WakeUpState(sleeper, Normal) })
			settle(t, e)
			require.True(t, sleeper.Asleep())
		}
		e.Go("waker", nil, func(t *Task) {
			flag.Store(t, 1)
			t.WakeUpState(sleeper, Normal)
		})
		settle(t, e)
		require.Equal(t, Dead, sleeper.State())
		require.False(t, sleeper.Asleep())
	})
}

func TestStateString(t *testing.T) {
	require.Equal(t, "TASK_KILLABLE", Killable.String())
	require.Equal(t, "TASK_INTERRUPTIBLE|TASK_WAKEKILL", (Interruptible | WakeKill).String())
}

func TestOpNames(t *testing.T) {
	for op := OpStart; op <= OpExit; op++ {
		require.NotEmpty(t, op.String())
	}
}

func TestWord(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var w Word
		var r Ref[int]
		var zero, one bool
		e.Go("task", nil, func(t *Task) {
			zero = w.IncNotZero(t)
			w.Store(t, 1)
			one = w.IncNotZero(t)
			w.Inc(t)
			w.Inc(t)
			w.Dec(t)
			w.Touch(t, true)
			r.Store(t, new(7))
		})
		settle(t, e)
		require.False(t, zero)
		require.True(t, one)
		require.EqualValues(t, 3, w.Peek())
		require.EqualValues(t, 5, w.Tick(2))
		require.Equal(t, 7, *r.Peek())
	})
}

func TestShouldFail(t *testing.T) {
	task := new(Free).Attach("task", nil)
	require.False(t, task.ShouldFail("split"))
	task.InjectFaults(func(site string) bool { return site == "split" })
	require.True(t, task.ShouldFail("split"))
	require.False(t, task.ShouldFail("merge"))
	task.InjectFaults(nil)
	require.False(t, task.ShouldFail("split"))
}

// Whether setting TASK_RUNNING is a step, and whether the end of the task is one, does
// not depend on whether another task has woken the task meanwhile.
func TestWakeUpsHideNoSteps(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(t *Task)
		want []Op
	}{
		{"running", func(t *Task) { t.SetRunning() }, []Op{OpStart, OpSetState, OpBarrier, OpSetState}},
		{"exit", func(*Task) {}, []Op{OpStart, OpSetState, OpBarrier, OpExit}},
		{"slept", func(t *Task) { t.Schedule(); t.SetRunning() }, []Op{OpStart, OpSetState, OpBarrier, OpSchedule}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var taken []Op
			var waker *Task
			c := NewControlled(pickFunc(func(enabled []*Task, _ *Task) *Task {
				if len(taken) == 2 && waker.State() != Dead {
					return waker
				}
				taken = append(taken, enabled[0].Next().Op)
				return enabled[0]
			}))
			sleeper := c.Go("sleeper", nil, func(t *Task) {
				t.SetState(Interruptible)
				t.SmpMb()
				tc.end(t)
			})
			waker = c.Go("waker", nil, func(t *Task) { t.WakeUpState(sleeper, Normal) })
			require.NoError(t, c.Settle())
			require.Equal(t, tc.want, taken)
		})
	}
}
