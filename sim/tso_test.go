package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// every is a strategy that enumerates all runs of a program.
type every struct {
	path []int // the choice at each step
	size []int // the number of choices at each step
	at   int
}

func (e *every) Pick(enabled []*Task, _ *Task) *Task {
	if e.at == len(e.path) {
		e.path, e.size = append(e.path, 0), append(e.size, len(enabled))
	}
	e.at++
	return enabled[e.path[e.at-1]]
}

// next advances to the next run and reports whether there is one.
func (e *every) next() bool {
	e.at = 0
	for len(e.path) > 0 {
		last := len(e.path) - 1
		if e.path[last]++; e.path[last] < e.size[last] {
			return true
		}
		e.path, e.size = e.path[:last], e.size[:last]
	}
	return false
}

// litmus runs a program in every interleaving, with store buffers or without, and returns
// the outcomes. An outcome lists the values that the loads found, in the order of the
// registers.
func litmus(t *testing.T, tso bool, registers int, program func(c *Controlled, r []uint64)) string {
	outcomes := map[string]bool{}
	for e := (&every{}); ; {
		c := NewControlled(e)
		if tso {
			c.TSO()
		}
		r := make([]uint64, registers)
		program(c, r)
		require.NoError(t, c.Settle())
		outcomes[strings.Trim(fmt.Sprint(r), "[]")] = true
		if !e.next() {
			return strings.Join(slices.Sorted(maps.Keys(outcomes)), ", ")
		}
	}
}

// The litmus tests of the literature on memory models: the outcomes that total store
// order allows, and those that sequential consistency allows.
func TestLitmus(t *testing.T) {
	type run func(t *Task)
	tasks := func(c *Controlled, bodies ...run) {
		for i, body := range bodies {
			c.Go(fmt.Sprint("t", i), nil, body)
		}
	}
	storeBuffering := func(between run) func(c *Controlled, r []uint64) {
		return func(c *Controlled, r []uint64) {
			var x, y Word
			tasks(c,
				func(t *Task) { x.Store(t, 1); between(t); r[0] = y.Load(t) },
				func(t *Task) { y.Store(t, 1); between(t); r[1] = x.Load(t) })
		}
	}
	for _, tc := range []struct {
		name      string
		registers int
		program   func(c *Controlled, r []uint64)
		sc, tso   string
	}{
		{"SB", 2, storeBuffering(func(*Task) {}), "0 1, 1 0, 1 1", "0 0, 0 1, 1 0, 1 1"},
		{"SB with smp_mb", 2, storeBuffering((*Task).SmpMb), "0 1, 1 0, 1 1", "0 1, 1 0, 1 1"},
		{"SB with a sleep announced", 2, storeBuffering(func(t *Task) { t.SetState(Killable); t.SetRunning() }),
			"0 1, 1 0, 1 1", "0 1, 1 0, 1 1"},
		{"SB with a sleep announced late", 2, storeBuffering(func(t *Task) { t.SetStateUnordered(Killable); t.SetRunning() }),
			"0 1, 1 0, 1 1", "0 0, 0 1, 1 0, 1 1"},
		{"MP: stores stay in order", 2, func(c *Controlled, r []uint64) {
			var data, flag Word
			tasks(c,
				func(t *Task) { data.Store(t, 1); flag.Store(t, 1) },
				func(t *Task) { r[0] = flag.Load(t); r[1] = data.Load(t) })
		}, "0 0, 0 1, 1 1", "0 0, 0 1, 1 1"},
		{"own stores are seen", 2, func(c *Controlled, r []uint64) {
			var x Word
			tasks(c,
				func(t *Task) { x.Store(t, 1); r[0] = x.Load(t) },
				func(t *Task) { x.Store(t, 2); r[1] = x.Load(t) })
		}, "1 1, 1 2, 2 2", "1 1, 1 2, 2 2"},
		{"a release does not hold loads back", 2, func(c *Controlled, r []uint64) {
			var x, y Word
			var l, m SpinLock
			l.Init(outerClass)
			m.Init(innerClass)
			tasks(c,
				func(t *Task) { l.Lock(t); x.Store(t, 1); l.Unlock(t); r[0] = y.Load(t) },
				func(t *Task) { m.Lock(t); y.Store(t, 1); m.Unlock(t); r[1] = x.Load(t) })
		}, "0 1, 1 0, 1 1", "0 0, 0 1, 1 0, 1 1"},
		{"nor does up_read", 2, func(c *Controlled, r []uint64) {
			var x, y Word
			var s RWSem
			s.Init(outerClass)
			tasks(c,
				func(t *Task) { s.DownRead(t); x.Store(t, 1); s.UpRead(t); r[0] = y.Load(t) },
				func(t *Task) { s.DownRead(t); y.Store(t, 1); s.UpRead(t); r[1] = x.Load(t) })
		}, "0 1, 1 0, 1 1", "0 0, 0 1, 1 0, 1 1"},
		{"a lock hands over what was stored under it", 2, func(c *Controlled, r []uint64) {
			var x Word
			var l SpinLock
			l.Init(outerClass)
			body := func(i int) run {
				return func(t *Task) {
					l.Lock(t)
					x.Store(t, x.Peek()+1)
					r[i] = x.Load(t)
					l.Unlock(t)
				}
			}
			tasks(c, body(0), body(1))
		}, "1 2, 2 1", "1 2, 2 1"},
		{"IRIW: all see the stores in one order", 4, func(c *Controlled, r []uint64) {
			var x, y Word
			tasks(c,
				func(t *Task) { x.Store(t, 1) },
				func(t *Task) { y.Store(t, 1) },
				func(t *Task) { r[0] = x.Load(t); r[1] = y.Load(t) },
				func(t *Task) { r[2] = y.Load(t); r[3] = x.Load(t) })
		}, iriw, iriw},
		{"counts are in memory at once", 2, func(c *Controlled, r []uint64) {
			var x, y, n Word
			n.Init(1)
			tasks(c,
				func(t *Task) { x.Store(t, 1); n.Inc(t); r[0] = y.Load(t) },
				func(t *Task) { y.Store(t, 1); n.Inc(t); r[1] = x.Load(t) })
		}, "0 1, 1 0, 1 1", "0 1, 1 0, 1 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.sc, litmus(t, false, tc.registers, tc.program), "sequentially consistent")
			require.Equal(t, tc.tso, litmus(t, true, tc.registers, tc.program), "with store buffers")
		})
	}
}

// All of 16 outcomes except "1 0 1 0", in which the readers disagree on the order of the
// two stores.
const iriw = "0 0 0 0, 0 0 0 1, 0 0 1 0, 0 0 1 1, 0 1 0 0, 0 1 0 1, 0 1 1 0, 0 1 1 1, " +
	"1 0 0 0, 1 0 0 1, 1 0 1 1, 1 1 0 0, 1 1 0 1, 1 1 1 0, 1 1 1 1"

// Writing a buffered store to memory after its structure was freed is a use after free.
func TestStoreIntoFreedMemory(t *testing.T) {
	type thing struct{ w Word }
	found := false
	for e := (&every{}); ; {
		c := NewControlled(e)
		c.TSO()
		x := &thing{}
		LabelIn(c, x, "thing", 1)
		c.Go("writer", nil, func(t *Task) { x.w.Store(t, 1) })
		c.Go("freer", nil, func(t *Task) { Kfree(t, x) })
		if err := c.Settle(); err != nil {
			require.Equal(t, BugUseAfterFree, bugKind(err))
			require.ErrorContains(t, err, "writer.buffer")
			found = true
		}
		if !e.next() {
			break
		}
	}
	require.True(t, found)
}

// Between its last step and its end a task can still be woken from a sleep that it has
// announced, and it ends only when its store buffer is empty.
func TestEndOfATask(t *testing.T) {
	// r: whether the sleep has been announced, the task's last store, whether the waker
	// woke the task, and the store once more.
	outcomes := func(tso bool, end func(t *Task, last *Word)) string {
		return litmus(t, tso, 4, func(c *Controlled, r []uint64) {
			var announced, last Word
			sleeper := c.Go("sleeper", nil, func(t *Task) {
				t.SetState(Interruptible)
				announced.StoreAtOnce(t, 1)
				end(t, &last)
			})
			c.Go("waker", nil, func(t *Task) {
				r[0], r[1] = announced.Load(t), last.Load(t)
				if t.WakeUpState(sleeper, Normal) {
					r[2] = 1
				}
				r[3] = last.Load(t)
			})
		})
	}
	asleep := func(t *Task, last *Word) { last.StoreAtOnce(t, 1) }
	require.Contains(t, outcomes(false, asleep), "1 1 1 1", "the end is no part of the last step")
	buffered := func(t *Task, last *Word) { last.Store(t, 1) }
	require.NotContains(t, outcomes(true, buffered), "1 0 0 0", "it has ended, and its store is not in memory")
	back := func(t *Task, _ *Word) { t.SetRunning() }
	require.Contains(t, outcomes(true, back), "1 0 1 0")
	require.Contains(t, outcomes(true, back), "1 0 0 0")
}
