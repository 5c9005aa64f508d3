package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Random walks that extend the graph do not count as runs of the search, even if another
// worker has added their edges already.
func TestRandomWalksDoNotCount(t *testing.T) {
	s := &search{program: FindSetup("copy"), opts: Options{Faulters: 1, Workers: 1}, graph: newFlowGraph([][]int{{0}})}
	s.reset()
	w := newWorker(s)
	defer w.factory.close()
	w.sampleGraph()
	w.extendGraph()
	require.Empty(t, s.result.Outcomes)
	require.Zero(t, s.visited.len())
}
