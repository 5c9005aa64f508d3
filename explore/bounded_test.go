package explore_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The budget limits all searches of a counterexample together, and an exhausted budget
// covers nothing. A search looks at the clock only after a number of runs: a search with
// an exhausted budget takes that many.
func TestBudgetOfABoundedSearch(t *testing.T) {
	setup := explore.FindSetup("close")
	one, err := explore.Search(setup, explore.Options{Budget: 1, Workers: 1, Bound: &explore.Bound{Switches: explore.AnyNumber}})
	require.NoError(t, err)
	require.False(t, one.Covered)
	r, err := explore.Counterexample(setup, explore.Options{Budget: 1})
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.False(t, r.Covered)
	require.Equal(t, one.Runs, r.Runs)
}

// If the budget was exhausted, the counterexample need not be the shortest.
func TestShortestIsSaidToBe(t *testing.T) {
	setup := explore.FindSetup("close")
	opts := explore.Options{Dropped: rule.Of(uffd.ReleaseWakes)}
	shortest, err := explore.Counterexample(setup, opts)
	require.NoError(t, err)
	require.NotNil(t, shortest.Failure)
	require.True(t, shortest.Covered)

	opts.Budget = 1
	hasty, err := explore.Counterexample(setup, opts)
	require.NoError(t, err)
	require.NotNil(t, hasty.Failure)
	require.False(t, hasty.Covered)
	require.GreaterOrEqual(t, hasty.Failure.Schedule.Switches(), shortest.Failure.Schedule.Switches())
}

// The statistics of a counterexample are the sums over all its searches.
func TestEffortOfABoundedSearch(t *testing.T) {
	setup := explore.FindSetup("copy")
	r, err := explore.Counterexample(setup, explore.Options{})
	require.NoError(t, err)
	require.True(t, r.Covered)
	var runs int
	for n := range explore.MaxPreemptions + 1 {
		each, err := explore.Search(setup, explore.Options{Workers: 1, Bound: &explore.Bound{Switches: explore.AnyNumber, Preemptions: n}})
		require.NoError(t, err)
		runs += each.Runs
	}
	require.Equal(t, runs, r.Runs)
}
