package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Runs that are made to draw the map are no part of the search, also where the map has been drawn
// by another worker since the run that left it.
func TestRunsForTheMapDoNotCount(t *testing.T) {
	s := &search{setup: FindSetup("copy"), opts: Options{Faulters: 1, Workers: 1}, graph: newFlowGraph([][]int{{0}})}
	s.reset()
	w := newWorker(s)
	defer w.factory.close()
	w.sampleGraph()
	w.extendGraph()
	require.Empty(t, s.result.Outcomes)
	require.Zero(t, s.visited.len())
}
