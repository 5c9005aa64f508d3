package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A search that has converged knows every edge: no random run takes another one.
// Otherwise an assumption that has not been checked could be wrong. (A program that frees
// page tables can have such runs: the processor reads the upper levels without a step.)
func TestNoRunLeavesTheGraphOfAConvergedSearch(t *testing.T) {
	for _, name := range []string{"mixed", "readers", "kill-read", "close", "signal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w := coveredBy(t, FindSetup(name), Options{Version: "2015+copy", Workers: 1})
			for range 400 {
				r := w.learn(nil)
				require.True(t, r.more)
				require.False(t, r.edges)
			}
			require.Nil(t, s.result.Failure)
		})
	}
}

// coveredBy searches a program until the search has converged, and returns the search
// with a further worker.
func coveredBy(t *testing.T, p Program, opts Options) (*search, *worker) {
	p.complete(&opts)
	s := newSearch(p, opts)
	for {
		s.reset()
		s.runPass()
		require.NoError(t, s.err)
		if s.converge() {
			break
		}
	}
	w := newWorker(s)
	t.Cleanup(w.factory.close)
	return s, w
}

// Runs that learn transitions do not count as runs that the search has explored.
func TestLearningDoesNotCount(t *testing.T) {
	s, w := coveredBy(t, FindSetup("copy"), Options{Workers: 1})
	s.reset()
	w.learnFirst()
	w.walkFrom(nil)
	require.Empty(t, s.result.Outcomes)
	require.Zero(t, s.visited.len())
}
