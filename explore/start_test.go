package explore

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// server starts a task for each request, which one of two clients makes. The tasks race
// for a word, and the last one ends the run.
func server() *Standalone {
	return &Standalone{Name: "server", Tasks: func(r *Run) {
		s := &struct{ total sim.Word }{}
		Label(r, s, "s", 0)
		for i := range 2 {
			r.Go(fmt.Sprint("client", i+1), func(t *sim.Task) string {
				if i == 0 && s.total.Load(t) == 0 {
					return "early"
				}
				handler := r.Start(t, t.Name()+"'", func(t *sim.Task) string {
					before := s.total.Load(t)
					s.total.Store(t, before+1)
					return fmt.Sprint("after ", before)
				})
				if i == 1 && t.Choose(2) == 1 {
					r.Start(t, t.Name()+"''", func(t *sim.Task) string {
						t.WakeUpState(handler.Sim(), sim.Normal)
						return ""
					})
				}
				return "started"
			})
		}
	}}
}

// Tasks that tasks start have the same name, index and outcome in every interleaving.
func TestTasksStartTasks(t *testing.T) {
	plain, err := Search(server(), Options{Plain: true})
	require.NoError(t, err)
	require.Nil(t, plain.Failure)
	require.True(t, plain.Covered)
	outcomes := slices.Sorted(maps.Keys(plain.Outcomes))
	require.Contains(t, outcomes, "client1=started client2=started client1'=after 1 client2'=after 0")
	for name, opts := range map[string]Options{
		"one worker": {Workers: 1},
		"workers":    {Workers: 3},
		"TSO":        {TSO: true},
		"bounded":    {Bound: &Bound{AnyNumber, 8}},
	} {
		for range 3 {
			r, err := Search(server(), opts)
			require.NoError(t, err)
			require.True(t, r.Covered, name)
			require.Nil(t, r.Failure)
			require.Equal(t, outcomes, slices.Sorted(maps.Keys(r.Outcomes)), name)
		}
	}
	r, err := Sample(server(), Options{Budget: 1e8}, 1, 2)
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.Subset(t, outcomes, slices.Collect(maps.Keys(r.Outcomes)))
}

// Sets of tasks have room for 16 tasks, and shards would number the tasks differently.
func TestTasksThatCannotStart(t *testing.T) {
	many := func(first, started int) *Standalone {
		return &Standalone{Name: "many", Tasks: func(r *Run) {
			for i := range first {
				r.Go(fmt.Sprint("t", i), func(t *sim.Task) string {
					if i == 0 {
						for k := range started {
							r.Start(t, fmt.Sprint("started", k), func(*sim.Task) string { return "" })
						}
					}
					return ""
				})
			}
		}}
	}
	for _, opts := range []Options{{}, {Bound: &Bound{3, 0}}} {
		for _, tc := range []struct {
			first, started int
			message        string
		}{{16, 0, ""}, {17, 0, "many has more than 16 tasks"}, {2, 2, ""}, {1, 16, "many has more than 16 tasks"}} {
			r, err := Search(many(tc.first, tc.started), opts)
			if tc.message != "" {
				require.EqualError(t, err, tc.message)
			} else {
				require.NoError(t, err)
				require.True(t, r.Covered)
			}
		}
	}
	_, err := Search(server(), Options{Shards: 2, Exchange: t.TempDir()})
	require.ErrorContains(t, err, "shards cannot share the search of server, whose tasks start tasks")
}

// A task that cannot be named ends the run.
func TestStartRefusesNames(t *testing.T) {
	for _, name := range []string{"t1", "two words", "x", ""} {
		program := &Standalone{Name: "names", Tasks: func(r *Run) {
			r.Go("t1", func(t *sim.Task) string {
				r.Start(t, "x", func(t *sim.Task) string { return "" })
				r.Start(t, name, func(t *sim.Task) string { return "" })
				return ""
			})
		}}
		r, err := Search(program, Options{})
		require.NoError(t, err)
		require.ErrorContains(t, r.Failure.Err, "panic in task t1: explore: ")
		require.ErrorContains(t, r.Failure.Err, fmt.Sprintf("%q", name))
	}
}
