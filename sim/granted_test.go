package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// along is a strategy that chooses tasks in a given order and takes the fingerprint after
// the last one.
type along struct {
	c      *Controlled
	order  []string
	states []uint64
}

func (a *along) Pick(enabled []*Task, _ *Task) *Task {
	if len(a.order) == 0 {
		if a.states == nil {
			a.states = a.c.States([]uint64{})
		}
		return enabled[0]
	}
	for _, t := range enabled {
		if t.name == a.order[0] {
			a.order = a.order[1:]
			return t
		}
	}
	panic("the order does not fit: " + a.order[0])
}

// A reader that has been granted the semaphore but not run since, and one that has not
// asked for it, have equal histories. The grant must be part of the state nevertheless,
// since only the second reader can be overtaken by a writer.
func TestGrantIsPartOfTheState(t *testing.T) {
	state := func(order ...string) uint64 {
		s := &struct{ sem RWSem }{}
		s.sem.Init(semClass)
		s.sem.Guards(func(*Summary) {})
		a := &along{order: order}
		a.c = NewControlled(a)
		LabelIn(a.c, s, "s", 0)
		a.c.Fingerprint()
		a.c.Go("w", nil, func(t *Task) { s.sem.DownWrite(t); s.sem.UpWrite(t) })
		for _, name := range []string{"x", "y"} {
			a.c.Go(name, nil, func(t *Task) { s.sem.DownRead(t); s.sem.UpRead(t) })
		}
		settle(t, a.c)
		require.Empty(t, a.order)
		return a.states[0]
	}
	x := state("w", "x", "y", "w", "x", "w") // x waits, w releases, y has not asked
	require.Equal(t, x, state("x", "w", "y", "w", "x", "w"), "the order of the tasks' starts does not matter")
	require.NotEqual(t, x, state("w", "x", "y", "w", "y", "w"))
}
