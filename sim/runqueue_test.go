package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// comparing is a random strategy that compares what it is given with every task of the
// run.
type comparing struct {
	t    *testing.T
	c    *Controlled
	all  []*Task // in ascending order of ID
	rng  *rand.Rand
	seen int // the most tasks that were awake when a step was chosen
}

func (s *comparing) Pick(enabled []*Task, _ *Task) *Task {
	var want []*Task
	for _, t := range s.all {
		if t.State() != Dead && s.c.isEnabled(t) {
			want = append(want, t)
		}
	}
	if !slices.Equal(want, enabled) {
		s.t.Fatal("not the enabled tasks in ascending order")
	}
	s.seen = max(s.seen, len(s.c.tasks.awake))
	return enabled[s.rng.IntN(len(enabled))]
}

// Tasks that sleep are no longer looked at, and come back in order when they are woken or
// signalled.
func TestRunQueue(t *testing.T) {
	const n = 200
	strategy := &comparing{t: t, rng: rand.New(rand.NewPCG(1, 2))}
	c := NewControlled(strategy)
	strategy.c = c
	defer c.Stop()
	run := func(fn func(t *Task)) *Task {
		task := c.Go("task", nil, fn)
		strategy.all = append(strategy.all, task)
		return task
	}
	for range n {
		run(func(t *Task) {
			for !t.FatalSignalPending() {
				t.SetState(Killable)
				t.Schedule()
			}
		})
		require.NoError(t, c.Settle())
	}
	require.LessOrEqual(t, strategy.seen, fewTasks+2, "a step must not look at all sleepers")

	sleepers := func() (count int) {
		for s := c.tasks.sleepers; s != nil; s = s.co.sleeper.next {
			count++
		}
		return count
	}
	live := n
	for range 40 {
		var targets []*Task
		for range strategy.rng.IntN(20) {
			targets = append(targets, strategy.all[strategy.rng.IntN(n)])
		}
		kill := strategy.rng.IntN(3) == 0
		run(func(t *Task) {
			for _, target := range targets {
				switch {
				case target.State() == Dead:
				case kill:
					t.Signal(target, SignalFatal)
				default:
					t.WakeUpState(target, Normal)
				}
			}
		})
		require.NoError(t, c.Settle())
		live = 0
		for _, task := range strategy.all[:n] {
			if task.State() != Dead {
				require.True(t, task.Asleep())
				live++
			}
		}
		require.Equal(t, live, len(c.tasks.awake)+sleepers())
	}
	require.Less(t, live, n)
	for _, task := range strategy.all[:n] {
		if task.State() != Dead && task.ID()%2 == 0 {
			task.Interrupt(SignalFatal)
		}
	}
	require.NoError(t, c.Settle())
	for _, task := range strategy.all[:n] {
		if task.ID()%2 == 0 {
			require.Equal(t, Dead, task.State())
		}
	}
}
