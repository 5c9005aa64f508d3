package explore

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// A run whose schedule is permuted reaches, step by step, the state with the hash that
// was computed under the permutation. Otherwise the search would merge states of
// different orbits, or miss that states are in one orbit.
func TestPermutedRunsReachPermutedStates(t *testing.T) {
	for _, setup := range setups {
		if setup.Symmetry == Distinct {
			continue
		}
		for _, faulters := range []int{2, 3} {
			for seed := range uint64(20) {
				requirePermutedStates(t, setup, faulters, seed)
			}
		}
	}
}

// requirePermutedStates runs the setup at random, and again with each permutation of the
// faulters.
func requirePermutedStates(t *testing.T, program Program, faulters int, seed uint64) {
	schedule, states := permutedRun(t, program, faulters, seed, nil, nil)
	for k, to := range permutations(faulters) {
		_, permuted := permutedRun(t, program, faulters, seed, schedule, to)
		for i := range states {
			require.Equal(t, states[i][k], permuted[i][0], "%s: permutation %d after %d steps: %v", program.name(), k, i, schedule[:i])
		}
	}
}

// permutedRun runs the setup at random, or along a schedule with the tasks permuted, and
// returns the schedule and the fingerprints before each of its steps.
func permutedRun(t *testing.T, program Program, faulters int, seed uint64, schedule []int, to []int) ([]int, [][]uint64) {
	var states [][]uint64
	rng := rand.New(rand.NewPCG(seed, 0))
	factory := newFactory()
	defer factory.close()
	var r *Run
	var taken []int
	pick := func(enabled []*sim.Task, _ *sim.Task) *sim.Task {
		if r == nil {
			return enabled[0]
		}
		states = append(states, r.fingerprints(nil))
		id := enabled[rng.IntN(len(enabled))].ID()
		if schedule != nil {
			id = schedule[len(taken)]
			if i := id - firstTask; i < len(to) {
				id = to[i] + firstTask
			}
		}
		taken = append(taken, id)
		chosen := (&worker{}).taskAt(enabled, id)
		require.NotNil(t, chosen, "%s with %d faulters: %v of %v", program.name(), faulters, taken, schedule)
		r.host.observe(chosen)
		return chosen
	}
	opts := &Options{Faulters: faulters}
	run, err := program.newRun(factory, pickFunc(pick), opts)
	require.NoError(t, err)
	run.enableFingerprints(program.symmetryGroup(opts))
	run.host.start()
	r = run
	_ = r.exec.Settle()
	r.discard()
	return taken, states
}

type pickFunc func(enabled []*sim.Task, current *sim.Task) *sim.Task

func (f pickFunc) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task { return f(enabled, current) }

// A table that covers high addresses does not belong to a faulter whose number its
// address happens to contain.
func TestPermutedTables(t *testing.T) {
	perms, _ := symmetryGroup(OwnPage, 2)
	for _, tc := range []struct {
		name     string
		from, to uint64
	}{
		{"pte table", own(0), own(1)}, {"pmd table", 0, 0},
		{"pmd table", firstTask << 32, firstTask << 32}, {"pte table", firstTask << 32, firstTask << 32},
	} {
		name, n := perms[1].Label(tc.name, tc.from)
		require.Equal(t, tc.name, name)
		require.Equal(t, tc.to, n)
	}
}

// Outcomes of interchangeable faulters are sorted: there is one for each orbit.
func TestOutcomesOfInterchangeableFaulters(t *testing.T) {
	skipIfShort(t, true)
	r, err := Search(FindSetup("close"), Options{Version: "2015+copy", Faulters: 2})
	require.NoError(t, err)
	require.Contains(t, r.Outcomes, "t1=SIGBUS t2=zero")
	require.NotContains(t, r.Outcomes, "t1=zero t2=SIGBUS")
	require.Contains(t, r.Outcomes, "t1=A t2=zero")
}

// A search that cannot exploit the symmetry says so.
func TestSymmetryUnused(t *testing.T) {
	setup := FindSetup("close")
	require.NotEqual(t, Distinct, setup.Symmetry)
	require.Len(t, permutations(maxSymmetric), sim.MaxPermutations)
	for _, tc := range []struct {
		opts Options
		why  string
	}{
		{Options{}, ""},
		{Options{Faulters: 3}, ""},
		{Options{Faulters: 4}, ""},
		{Options{Faulters: 5}, "5 of them have more than 24 permutations"},
		{Options{Faulters: 4, Plain: true}, ""},
		{Options{Faulters: 2, TSO: true}, "with store buffers"},
	} {
		if tc.why == "" {
			require.Empty(t, tc.opts.SymmetryUnused(setup))
		} else {
			require.Contains(t, tc.opts.SymmetryUnused(setup), tc.why)
		}
		perms, _ := symmetryGroup(tc.opts.symmetry(setup), max(tc.opts.Faulters, 1))
		require.Equal(t, tc.opts.Faulters == 3, len(perms) == 6)
		require.Equal(t, tc.opts.Faulters == 4, len(perms) == 24)
	}
}
