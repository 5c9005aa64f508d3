package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A task starts tasks on both executors. Settle waits for them.
func TestTaskStartsTasks(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var sum Word
		e.Go("parent", nil, func(t *Task) {
			for i := range uint64(3) {
				t.Go(fmt.Sprint("child", i), nil, func(t *Task) {
					t.Go("grandchild", nil, func(t *Task) { sum.Inc(t) })
				})
			}
		})
		settle(t, e)
		if f, ok := e.(*Free); ok {
			f.Wait()
		}
		require.EqualValues(t, 3, sum.Peek())
	})
}

// The IDs of tasks that tasks start are the same in every interleaving, and different
// from each other. The enabled tasks are in ascending order of ID.
func TestClonedIDs(t *testing.T) {
	run := func(seed uint64) map[string]int {
		ids := map[string]int{}
		strategy := &comparing{t: t, rng: NewRandom(seed).rng}
		c := NewControlled(strategy)
		strategy.c = c
		note := func(t *Task) {
			ids[t.Name()] = t.ID()
			strategy.all = append(strategy.all, t)
			for i := len(strategy.all) - 1; i > 0 && strategy.all[i-1].id > t.id; i-- {
				strategy.all[i-1], strategy.all[i] = strategy.all[i], strategy.all[i-1]
			}
		}
		for _, name := range []string{"a", "b"} {
			note(c.Go(name, nil, func(t *Task) {
				for i := range 3 {
					note(t.Go(fmt.Sprint(name, i), nil, func(t *Task) {
						note(t.Go(t.Name()+"'", nil, func(*Task) {}))
					}))
				}
			}))
		}
		require.NoError(t, c.Settle())
		return ids
	}
	first := run(1)
	require.Len(t, first, 14)
	different := map[int]bool{}
	for _, id := range first {
		different[id] = true
	}
	require.Len(t, different, 14)
	for seed := range uint64(50) {
		require.Equal(t, first, run(seed))
	}
}

// A run with more tasks than IDs exist for ends with an error.
func TestTooManyClones(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.Go("t1", nil, func(t *Task) {
		for range 64 {
			t.Go("child", nil, func(*Task) {})
		}
	})
	require.ErrorContains(t, c.Settle(), "task t1 cannot start task child: it has started 63, and has ID 0")
	c = NewControlled(NewRandom(1))
	var start func(t *Task)
	start = func(t *Task) { t.Go("next", nil, start) }
	c.Go("t1", nil, start)
	require.ErrorContains(t, c.Settle(), "task next cannot start task next")
	require.Equal(t, 9, c.Steps()) // five starts, and four tasks that were started
}

// Starting a task is a step with an event.
func TestCloneIsTraced(t *testing.T) {
	var kinds []string
	c := NewControlled(NewRandom(1))
	c.Trace = NewTracer(func(e Event) { kinds = append(kinds, e.Task+" "+e.Kind+" "+e.Object) })
	c.Go("t1", nil, func(t *Task) { t.Go("t2", nil, func(t *Task) {}) })
	require.NoError(t, c.Settle())
	require.Equal(t, []string{"t1 clone t2"}, kinds)
	require.Equal(t, 3, c.Steps())
}
