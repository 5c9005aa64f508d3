package explore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// watched is a random program of a few tasks that change words for a moment, two of them
// counts of references, and an invariant: two of the words are never changed at the same
// time.
func watched(seed uint64, declared bool) *Standalone {
	return &Standalone{Name: fmt.Sprint("watched", seed), Tasks: func(r *Run) {
		rng := rand.New(rand.NewPCG(seed, 1))
		words := &[5]sim.Word{} // the last two are counts
		words[3].Init(1)
		words[4].Init(1)
		Label(r, words, "words", 0)
		tasks := 2 + rng.IntN(2)
		for i := range tasks {
			var ops []func(t *sim.Task)
			for range 1 + rng.IntN(4-tasks) {
				w := &words[rng.IntN(3)]
				count, other := &words[3+rng.IntN(2)], &words[rng.IntN(3)]
				switch rng.IntN(4) {
				case 0, 1:
					ops = append(ops, func(t *sim.Task) { w.Store(t, 1); w.Store(t, 0) })
				case 2:
					ops = append(ops, func(t *sim.Task) { count.Inc(t); count.Dec(t) })
				case 3:
					ops = append(ops, func(t *sim.Task) {
						if other.Load(t) == 0 && t.Choose(2) == 0 {
							w.Store(t, 1)
							w.Store(t, 0)
						}
					})
				}
			}
			r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string {
				for _, op := range ops {
					op(t)
				}
				return ""
			})
		}
		two := rng.Perm(5)
		first, second := &words[two[0]], &words[two[1]]
		rest := []uint64{0, 0, 0, 1, 1}
		reads := []*sim.Word{first, second}
		if !declared {
			reads = nil
		}
		r.Invariant(func() error {
			if r.Value(first) != rest[two[0]] && r.Value(second) != rest[two[1]] {
				return errors.New("both")
			}
			return nil
		}, reads...)
	}}
}

// A search with reductions finds a state that violates an invariant if one without
// partial-order reduction does.
func TestInvariants(t *testing.T) {
	violated, runs, plainRuns := 0, 0, 0
	for seed := range uint64(200) {
		for _, tso := range []bool{false, true} {
			if tso && seed%8 != 0 {
				continue
			}
			plain, err := Search(watched(seed, true), Options{Plain: seed%4 == 1, Bound: &Bound{AnyNumber, 20}, TSO: tso})
			require.NoError(t, err)
			for _, declared := range []bool{true, false} {
				r, err := Search(watched(seed, declared), Options{TSO: tso})
				require.NoError(t, err)
				require.Equal(t, plain.Failure == nil, r.Failure == nil, "seed %d, TSO %v, declared %v: %v", seed, tso, declared, plain.Failure)
				if r.Failure != nil {
					violated++
					_, failure, err := Replay(watched(seed, declared), Options{TSO: tso}, r.Failure.Schedule, nil)
					require.NoError(t, err)
					require.EqualError(t, failure, "both")
				} else if declared && !tso {
					runs, plainRuns = runs+r.Runs, plainRuns+plain.Runs
				}
			}
		}
	}
	require.Greater(t, violated, 20)
	require.Less(t, runs, plainRuns/2, "the reductions have an effect")
}

// Every strategy checks invariants, in the state before the first step and in the last
// one, too. An invariant that holds fails no run.
func TestInvariantsOfEveryStrategy(t *testing.T) {
	program := func(bad uint64) *Standalone {
		return &Standalone{Name: "counts", Tasks: func(r *Run) {
			s := &struct{ n sim.Word }{}
			Label(r, s, "s", 0)
			for i := range 3 {
				r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string { s.n.Inc(t); return "" })
			}
			r.Invariant(func() error {
				if s.n.Peek() == bad {
					return fmt.Errorf("the count is %d", bad)
				}
				return nil
			}, &s.n)
		}}
	}
	for bad := range uint64(5) {
		for _, search := range []func(p Program, opts Options) (*Result, error){
			Search, Counterexample,
			func(p Program, opts Options) (*Result, error) { opts.Budget = 1; return Sample(p, opts, 1, 0) },
			func(p Program, opts Options) (*Result, error) { opts.Budget = 1; return Sample(p, opts, 1, 2) },
		} {
			r, err := search(program(bad), Options{})
			require.NoError(t, err)
			if bad == 4 {
				require.Nil(t, r.Failure)
				continue
			}
			require.EqualError(t, r.Failure.Err, fmt.Sprintf("the count is %d", bad))
			_, failure, err := Replay(program(bad), Options{}, r.Failure.Schedule, nil)
			require.NoError(t, err)
			require.Equal(t, r.Failure.Err, failure)
		}
	}
}
