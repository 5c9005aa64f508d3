package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A choice has any value below n, on both executors. From one number there is nothing to
// choose.
func TestChoose(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var found [3]int
		e.Go("task", nil, func(t *Task) {
			for range 100 {
				found[t.Choose(3)]++
			}
			found[1] += t.Choose(1)
		})
		settle(t, e)
		require.Equal(t, 100, found[0]+found[1]+found[2])
		for _, n := range found {
			require.NotZero(t, n)
		}
	})
}

// Choices are steps that are traced. The same seed gives the same choices.
func TestChooseIsTraced(t *testing.T) {
	run := func(seed uint64) (values []any, steps int) {
		c := NewControlled(NewRandom(seed))
		c.Trace = NewTracer(func(e Event) {
			require.Equal(t, "choose", e.Kind)
			require.Equal(t, Arg{"of", 5}, e.Args[0])
			values = append(values, e.Args[1].Value)
		})
		c.Go("task", nil, func(t *Task) { t.Choose(5); t.Choose(5); t.Choose(5) })
		require.NoError(t, c.Settle())
		return values, c.Steps()
	}
	values, steps := run(7)
	require.Len(t, values, 3)
	require.Equal(t, 4, steps) // the start is one
	again, _ := run(7)
	require.Equal(t, values, again)
}

// onlyTasks is a strategy that cannot choose values.
type onlyTasks struct{}

func (onlyTasks) Pick(enabled []*Task, _ *Task) *Task { return enabled[0] }

// tooHigh is a strategy that chooses a value that is too high.
type tooHigh struct{ onlyTasks }

func (tooHigh) Choose(_ *Task, n int) int { return n }

// A choice that cannot be made ends the run with an error that says why.
func TestChooseFails(t *testing.T) {
	run := func(s Strategy, n int) error {
		c := NewControlled(s)
		c.Go("t1", nil, func(t *Task) { t.Choose(n) })
		return c.Settle()
	}
	require.ErrorContains(t, run(onlyTasks{}, 2), "task t1 makes a choice, but the strategy sim.onlyTasks is no Chooser")
	require.ErrorContains(t, run(tooHigh{}, 2), "the strategy sim.tooHigh chose 2 from 2 numbers")
	require.ErrorContains(t, run(tooHigh{}, 0), "Choose(0) has no number to choose from")
}

// A choice is part of the state's fingerprint.
func TestChooseIsInTheFingerprint(t *testing.T) {
	states := map[uint64]bool{}
	for seed := range uint64(100) {
		c := NewControlled(NewRandom(seed))
		c.Fingerprint()
		c.Go("t1", nil, func(t *Task) { t.Choose(4) })
		require.NoError(t, c.Settle())
		states[c.States(nil)[0]] = true
	}
	require.Len(t, states, 4)
}
