package explore

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// cyclic is what the tasks of the programs below share.
type cyclic struct{ lock, own, other, flag sim.Word }

// retry takes the lock word and releases it, until the flag has the value.
func (s *cyclic) retry(r *Run, t *sim.Task, until uint64) string {
	for {
		r.At(t, "retry")
		if s.lock.Cmpxchg(t, 0, 1) {
			s.lock.Store(t, 0)
		}
		if s.flag.Load(t) == until {
			return "done"
		}
	}
}

// spin loads a word of its own forever.
func spin(r *Run, t *sim.Task, own *sim.Word) string {
	for {
		r.At(t, "spin")
		own.Load(t)
	}
}

// cyclicProgram returns a program of tasks that share a structure.
func cyclicProgram(name string, tasks func(r *Run, s *cyclic)) *Standalone {
	return &Standalone{Name: name, Tasks: func(r *Run) {
		s := &cyclic{}
		Label(r, s, "s", 0)
		tasks(r, s)
	}}
}

// Loops that never end do not postpone the steps of another task forever.
func TestCyclesPostponeNoFailure(t *testing.T) {
	// The random walks before the search do not find the run that alternates so often.
	const turns = 10
	bug := func(r *Run, s *cyclic) {
		r.Go("setter", func(t *sim.Task) string {
			for i := range uint64(turns) {
				s.own.Store(t, 1+i)
			}
			return ""
		})
		r.Go("unlucky", func(t *sim.Task) string {
			for i := range uint64(turns) {
				if s.own.Load(t) != 1+i {
					return "lucky"
				}
			}
			sim.BugOn(t, true, "unlucky", "it was scheduled")
			return ""
		})
	}
	for _, p := range []*Standalone{
		cyclicProgram("retriers", func(r *Run, s *cyclic) {
			r.Go("a", func(t *sim.Task) string { return s.retry(r, t, 9) })
			r.Go("b", func(t *sim.Task) string { return s.retry(r, t, 9) })
			bug(r, s)
		}),
		cyclicProgram("spinners", func(r *Run, s *cyclic) {
			r.Go("a", func(t *sim.Task) string { return spin(r, t, &s.flag) })
			r.Go("b", func(t *sim.Task) string { return spin(r, t, &s.other) })
			bug(r, s)
		}),
	} {
		for _, workers := range []int{1, 2} {
			found, err := Search(p, Options{Workers: workers})
			require.NoError(t, err)
			require.NotNil(t, found.Failure, p.Name)
			require.ErrorContains(t, found.Failure.Err, "it was scheduled", p.Name)
		}
	}
}

// The reductions keep the outcomes of programs with loops that end if another task runs.
func TestReductionsOnCycles(t *testing.T) {
	retriers := func(more func(r *Run, s *cyclic)) func(r *Run, s *cyclic) {
		return func(r *Run, s *cyclic) {
			r.Go("a", func(t *sim.Task) string { return s.retry(r, t, 1) })
			r.Go("b", func(t *sim.Task) string { return s.retry(r, t, 1) })
			more(r, s)
		}
	}
	for _, p := range []*Standalone{
		cyclicProgram("set", retriers(func(r *Run, s *cyclic) {
			r.Go("c", func(t *sim.Task) string { s.own.Store(t, 1); s.flag.Store(t, 1); return "" })
		})),
		cyclicProgram("look", retriers(func(r *Run, s *cyclic) {
			r.Go("c", func(t *sim.Task) string {
				if s.lock.Load(t) == 1 {
					s.flag.Store(t, 1)
					return "locked"
				}
				s.flag.Store(t, 1)
				return "free"
			})
		})),
	} {
		all, err := Search(p, Options{Bound: &Bound{Switches: AnyNumber, Preemptions: 1 << 15}})
		require.NoError(t, err)
		require.Nil(t, all.Failure)
		reduced, err := Search(p, Options{})
		require.NoError(t, err)
		require.Nil(t, reduced.Failure)
		require.True(t, reduced.Covered)
		require.Equal(t, slices.Sorted(maps.Keys(all.Outcomes)), slices.Sorted(maps.Keys(reduced.Outcomes)), p.Name)
		require.Less(t, reduced.States, all.States)
	}
}

// A covered search in which no run reaches an end says so, and shows a cycle.
func TestNoRunReachesAnEnd(t *testing.T) {
	p := cyclicProgram("retriers", func(r *Run, s *cyclic) {
		r.Go("a", func(t *sim.Task) string { return s.retry(r, t, 9) })
		r.Go("b", func(t *sim.Task) string { return s.retry(r, t, 9) })
	})
	for _, opts := range []Options{{}, {Workers: 1}, {TSO: true}} {
		found, err := Search(p, opts)
		require.NoError(t, err)
		require.Nil(t, found.Failure)
		require.True(t, found.Covered)
		require.True(t, found.Livelock)
		require.NotEmpty(t, found.IntoCycle)
	}
	var tb recorder
	Check(&tb, p, Options{Workers: 1})
	require.Contains(t, tb.message, "retriers: livelock: no run reaches an end; into a cycle: a*")
}

// A loop that only another task ends is no livelock.
func TestSpinningIsNoLivelock(t *testing.T) {
	p := cyclicProgram("wait", func(r *Run, s *cyclic) {
		r.Go("a", func(t *sim.Task) string { return s.retry(r, t, 1) })
		r.Go("b", func(t *sim.Task) string { s.flag.Store(t, 1); return "" })
	})
	require.False(t, Check(t, p, Options{}).Livelock)
}
