package sim

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// mixture creates tasks that take most kinds of visible steps.
func mixture(e Executor) {
	var (
		l    SpinLock
		s    RWSem
		q    WaitQueueHead
		flag Word
	)
	l.Init(innerClass)
	s.Init(semClass)
	q.Init(queueClass)
	sleeper := e.Go("sleeper", nil, func(t *Task) {
		entry := WaitQueueEntry{Task: t, Func: DefaultWakeFunction}
		q.Lock.Lock(t)
		q.Add(t, &entry)
		q.Lock.Unlock(t)
		sleepUntil(t, func() bool { return flag.Load(t) == 2 || t.FatalSignalPending() })
	})
	for _, name := range []string{"a", "b"} {
		e.Go(name, nil, func(t *Task) {
			s.DownRead(t)
			l.Lock(t)
			flag.Inc(t)
			l.Unlock(t)
			s.UpRead(t)
			e.Go(name+"'s child", nil, func(t *Task) {
				s.DownWrite(t)
				q.WakeUpKey(t, Normal, Key{})
				s.UpWrite(t)
			})
			t.SmpMb()
		})
	}
	e.Go("killer", nil, func(t *Task) { t.Signal(sleeper, SignalOrdinary) })
}

func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) []taken {
		r := record(NewRandom(seed))
		c := NewControlled(r)
		mixture(c)
		settle(t, c)
		require.Equal(t, c.Steps(), len(r.steps))
		return r.steps
	}
	runs := map[string]bool{}
	for seed := range uint64(1000) {
		first := run(seed)
		require.Equal(t, first, run(seed))
		runs[fmt.Sprint(first)] = true
	}
	require.Greater(t, len(runs), 990, "different seeds reach different interleavings")
}

// A task is not interrupted between two steps, and the random strategy reaches every
// order of the steps of two tasks.
func TestAllInterleavings(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(1000) {
		r := record(NewRandom(seed))
		c := NewControlled(r)
		var w Word
		for _, name := range []string{"a", "b"} {
			c.Go(name, nil, func(t *Task) {
				for range 3 {
					w.Load(t)
				}
			})
		}
		settle(t, c)
		var order []string
		for _, s := range r.steps {
			order = append(order, s.task)
		}
		orders[joined(order)] = true
	}
	require.Len(t, orders, 70) // 8 choose 4: four steps each, including the start
}

func TestEnabledTasksGetTheirTurn(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.MaxSteps = 1000
	var turns [10]int
	for i := range turns {
		c.Go(fmt.Sprint(i), nil, func(t *Task) {
			for {
				turns[i]++
				t.SmpMb()
			}
		})
	}
	require.ErrorContains(t, c.Settle(), "does not settle")
	for i, n := range turns {
		require.Greater(t, n, 50, "task %d", i)
	}
}

// Pick gets exactly the tasks that can take a step, in ascending order of ID.
func TestEnabledTasks(t *testing.T) {
	var l SpinLock
	l.Init(innerClass)
	watch := pickFunc(func(enabled []*Task, current *Task) *Task {
		for i, task := range enabled {
			require.NotEqual(t, Dead, task.State())
			require.True(t, i == 0 || enabled[i-1].ID() < task.ID())
			if task.Next() == (Step{OpLock, ptr(&l)}) {
				require.Nil(t, l.owner)
			}
		}
		return NewRandom(uint64(len(enabled))).Pick(enabled, current)
	})
	c := NewControlled(watch)
	for i := range 4 {
		c.Go(fmt.Sprint(i), nil, func(t *Task) {
			l.Lock(t)
			l.Unlock(t)
		})
	}
	settle(t, c)
}

type pickFunc func(enabled []*Task, current *Task) *Task

func (f pickFunc) Pick(enabled []*Task, current *Task) *Task { return f(enabled, current) }

func TestDeadlockABBA(t *testing.T) {
	var found, fine int
	for seed := range uint64(100) {
		var a, b SpinLock
		a.Init(&LockClass{Name: "A"})
		b.Init(&LockClass{Name: "B"})
		c := NewControlled(NewRandom(seed))
		both := func(one, other *SpinLock) func(*Task) {
			return func(t *Task) {
				one.Lock(t)
				other.LockNested(t)
				other.Unlock(t)
				one.Unlock(t)
			}
		}
		c.Go("ab", nil, both(&a, &b))
		c.Go("ba", nil, both(&b, &a))
		err := c.Settle()
		if err == nil {
			fine++
			continue
		}
		found++
		require.EqualError(t, err, "deadlock: ab waits for B, held by ba; ba waits for A, held by ab")
		require.Equal(t, err, c.Settle(), "an error stays")
	}
	require.Positive(t, found)
	require.Positive(t, fine)
}

// A reader that sleeps while it holds the semaphore stalls the first writer and the
// readers behind it.
func TestDeadlockSleepingReader(t *testing.T) {
	var s RWSem
	s.Init(semClass)
	c := NewControlled(stay{})
	c.Go("sleeper", nil, func(t *Task) {
		s.DownRead(t)
		t.SetState(Killable)
		t.Schedule()
		s.UpRead(t)
	})
	settle(t, c)
	c.Go("writer", nil, func(t *Task) { s.DownWrite(t); s.UpWrite(t) })
	c.Go("reader", nil, func(t *Task) { s.DownRead(t); s.UpRead(t) })
	err, ok := errors.AsType[*Deadlock](c.Settle())
	require.True(t, ok)
	require.Equal(t, []string{"writer waits for sem", "reader waits for sem"}, err.Stuck)
}

func TestEndless(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.MaxSteps = 100
	var w Word
	c.Go("spinner", nil, func(t *Task) {
		for {
			w.Load(t)
		}
	})
	var endless *Endless
	require.ErrorAs(t, c.Settle(), &endless)
	require.Equal(t, "spinner", endless.Task)
	require.Equal(t, 100, c.Steps())
}

// MaxSteps limits each Settle separately.
func TestBudgetIsPerSettle(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.MaxSteps = 10
	for range 10 {
		c.Go("task", nil, func(t *Task) {
			for range 9 {
				t.SmpMb()
			}
		})
		settle(t, c)
	}
	require.Equal(t, 100, c.Steps())
}

func TestStopUnwinds(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	c := NewControlled(stay{})
	var l SpinLock
	l.Init(innerClass)
	unwound, beyond := 0, false
	asleep := c.Go("asleep", nil, func(t *Task) {
		defer func() { unwound++ }()
		defer l.Lock(t) // while unwinding, this is not a step
		t.SetState(Killable)
		t.Schedule()
		beyond = true
	})
	settle(t, c)
	unstarted := c.Go("unstarted", nil, func(*Task) { beyond = true })
	c.Stop()
	require.Equal(t, 1, unwound)
	require.False(t, beyond)
	require.Equal(t, Dead, asleep.State())
	require.Equal(t, Dead, unstarted.State())
	require.EqualError(t, c.Settle(), "the executor is stopped")
	late := c.Go("late", nil, func(*Task) { beyond = true })
	require.Error(t, c.Settle())
	require.Equal(t, Dead, late.State())
	require.False(t, beyond)
	c.Stop()
	goleak.VerifyNone(t, leaks)
}

// No coroutine is left after a run, however it ended.
func TestNothingLeaks(t *testing.T) {
	for name, last := range map[string]func(t *Task){
		"bug":    func(t *Task) { BugOn(t, true, "here", "that") },
		"panic":  func(*Task) { panic("what") },
		"error":  func(*Task) { _ = (*Task)(nil).name },
		"goexit": func(*Task) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			leaks := goleak.IgnoreCurrent()
			c := NewControlled(stay{})
			for _, name := range []string{"one", "two"} {
				c.Go(name, nil, func(t *Task) { t.SetState(Killable); t.Schedule() })
			}
			settle(t, c)
			c.Go("last", nil, last)
			ended := make(chan error)
			go func() {
				var err error
				defer func() { ended <- err }() // deferred, in case of Goexit
				err = c.Settle()
			}()
			err := <-ended
			switch p, _ := errors.AsType[*Panic](err); name {
			case "panic":
				require.Equal(t, "what", p.Value)
				require.Regexp(t, `^panic in task last: what \(controlled_test.go:\d+\)$`, p.Error())
			case "error":
				require.Regexp(t, `^panic in task last: .*nil pointer dereference \(controlled_test.go:\d+\)$`, p.Error())
				require.Contains(t, string(p.Stack), "TestNothingLeaks")
				_, ok := errors.AsType[runtime.Error](err)
				require.True(t, ok)
			case "goexit":
				require.NoError(t, err)
			default:
				require.Nil(t, p)
				require.Error(t, err)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

// A bug ends the run at once: deferred calls of its task are not interleaved with other
// tasks, which could report a consequence of the bug.
func TestBugEndsTheRun(t *testing.T) {
	for seed := range uint64(100) {
		var l SpinLock
		l.Init(innerClass)
		stop := false
		after := 0
		random := NewRandom(seed)
		c := NewControlled(pickFunc(func(enabled []*Task, current *Task) *Task {
			require.False(t, stop, "no choice is left")
			return random.Pick(enabled, current)
		}))
		c.Go("culprit", nil, func(t *Task) {
			l.Lock(t)
			defer l.Unlock(t)
			stop = true
			BugOn(t, true, "culprit", "it was here")
		})
		c.Go("bystander", nil, func(t *Task) {
			for range 20 {
				t.SmpMb()
				if stop {
					after++
				}
			}
			l.Unlock(t)
		})
		err := c.Settle()
		if stop {
			require.EqualError(t, err, "BUG_ON in culprit: it was here (task culprit)")
			require.Zero(t, after)
		}
	}
}

// A run's error is the first one: errors of tasks that are being unwound are ignored.
func TestFirstErrorStays(t *testing.T) {
	c := NewControlled(stay{})
	var s RWSem
	s.Init(semClass)
	c.Go("a", nil, func(t *Task) {
		s.DownWrite(t)
		defer BugOn(t, true, "deferred", "no finding")
		t.SetState(Killable)
		t.Schedule()
	})
	c.Go("b", nil, s.DownWrite)
	for range 2 {
		require.EqualError(t, c.Settle(), "deadlock: b waits for sem")
	}
}

func TestGoInsideTask(t *testing.T) {
	everywhere(t, func(e Executor) func(require.TestingT) {
		var born Word
		var spawn func(depth int) func(*Task)
		spawn = func(depth int) func(*Task) {
			return func(t *Task) {
				born.Inc(t)
				if depth > 0 {
					e.Go("left", nil, spawn(depth-1))
					e.Go("right", nil, spawn(depth-1))
				}
			}
		}
		e.Go("root", nil, spawn(4))
		return func(t require.TestingT) { require.EqualValues(t, 31, born.Peek()) }
	})
}

func TestSettleAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		settle(t, e) // with no tasks at all
		var turn Word
		var sleepers []*Task
		for i := range uint64(5) {
			sleepers = append(sleepers, e.Go("sleeper", nil, func(t *Task) {
				sleepUntil(t, func() bool { return turn.Load(t) > i })
			}))
			settle(t, e)
			settle(t, e)
			require.True(t, sleepers[i].Asleep())
			require.EqualValues(t, i, sleepers[i].ID())
		}
		for i, s := range sleepers {
			e.Go("waker", nil, func(t *Task) {
				turn.Inc(t)
				t.WakeUpState(s, Normal)
			})
			settle(t, e)
			for j, other := range sleepers {
				require.Equal(t, j <= i, other.State() == Dead)
			}
		}
	})
}

// Interrupt reaches a sleeping task between two calls of Settle.
func TestInterruptBetweenSettles(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		task := e.Go("task", nil, func(t *Task) {
			sleepUntil(t, t.FatalSignalPending)
		})
		settle(t, e)
		task.Interrupt(SignalOrdinary)
		settle(t, e)
		require.True(t, task.Asleep())
		task.Interrupt(SignalFatal)
		require.False(t, task.Asleep())
		settle(t, e)
		require.Equal(t, Dead, task.State())
	})
}

func TestPrivate(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		task := e.Go("task", 7, func(*Task) {})
		require.Equal(t, 7, task.Private)
		require.Equal(t, "task", task.Name())
		settle(t, e)
	})
}

// A task that sets its state before it checks the condition loses no wake-up, in any
// interleaving.
func TestNoLostWakeup(t *testing.T) {
	for seed := range uint64(10_000) {
		require.True(t, wakes(t, NewRandom(seed), sleepUntil), "seed %d", seed)
	}
	rapid.Check(t, func(rt *rapid.T) {
		chooser := pickFunc(func(enabled []*Task, _ *Task) *Task {
			return enabled[rapid.IntRange(0, len(enabled)-1).Draw(rt, "pick")]
		})
		require.True(rt, wakes(rt, chooser, sleepUntil))
	})
}

// A task that checks the flag before it sets its state loses a wake-up in between. The
// random strategy finds such a run.
func TestPlantedLostWakeupIsFound(t *testing.T) {
	lookFirst := func(t *Task, done func() bool) {
		for !done() {
			t.SetState(Killable)
			t.Schedule()
		}
	}
	lost := 0
	first := -1
	for seed := range 200 {
		if !wakes(t, NewRandom(uint64(seed)), lookFirst) {
			lost++
			if first < 0 {
				first = seed
			}
		}
	}
	require.GreaterOrEqual(t, first, 0)
	require.Less(t, first, 50)
	t.Logf("%d of 200 seeds lose the wake-up, seed %d the first", lost, first)
}

type failer interface {
	require.TestingT
	Helper()
}

// wakes reports whether a task that sleeps by calling wait ends.
func wakes(t failer, s Strategy, sleep func(*Task, func() bool)) bool {
	t.Helper()
	var flag Word
	c := NewControlled(s)
	defer c.Stop()
	sleeper := c.Go("sleeper", nil, func(t *Task) {
		sleep(t, func() bool { return flag.Load(t) == 1 })
	})
	c.Go("waker", nil, func(t *Task) {
		flag.Store(t, 1)
		t.WakeUpState(sleeper, Normal)
	})
	require.NoError(t, c.Settle())
	return sleeper.State() == Dead
}

// An invariant is checked in every state, and its error ends the run.
func TestInvariant(t *testing.T) {
	var w Word
	states := 0
	c := NewControlled(NewRandom(1))
	c.Invariant = func() error {
		states++
		if w.Peek() == 3 {
			return errors.New("three")
		}
		return nil
	}
	for i := range 4 {
		c.Go(fmt.Sprint("t", i), nil, func(t *Task) { w.Inc(t) })
	}
	require.EqualError(t, c.Settle(), "three")
	require.EqualValues(t, 3, w.Peek())
	require.Equal(t, c.Steps()+1, states)

	w.Init(2) // violated in the last state only
	c = NewControlled(NewRandom(1))
	c.Invariant = func() error {
		if w.Peek() == 3 {
			return errors.New("three")
		}
		return nil
	}
	c.Go("t1", nil, func(t *Task) { w.Inc(t) })
	require.EqualError(t, c.Settle(), "three")
}
