package explore_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The budget is that of all the searches which a counterexample takes, and who has spent it
// has not covered anything. A search looks at the clock every so many runs: one that has
// nothing left takes no more than that.
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

// A counterexample that was found before the budget was spent need not be the shortest.
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

// The effort of a bounded search is that of all that it took.
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
