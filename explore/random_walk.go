package explore

import (
	"math/rand/v2"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// randomWalk is a worker's state in a run that has left the known control-flow graph.
// Such a run continues as a random walk, and records the edges that the graph lacks.
type randomWalk struct {
	walkOnly  bool // every run leaves the graph at once
	offGraph  bool // this run has left it
	newEdges  []edgeRecord
	walkState globalState
	walkKeys  [maxTasks][]pointKey // each task's last point that is not in the graph, as its orbit
	lastMoved int                  // the task that took the last step, -1 if none
	pct       *pct
	rng       *rand.Rand
	longest   int // steps of the longest run so far
}

// maxTasks is the maximum number of tasks: sets of tasks are bit masks.
const maxTasks = 32

// sampleGraph builds the control-flow graph before the search begins: by random walks,
// until they add no more edges.
func (w *worker) sampleGraph() {
	const enough, most = 100, 4000
	w.walkOnly = true
	for runs, quiet := 0, 0; runs < most && quiet < enough; runs++ {
		if !w.run() || !w.addStats(w) {
			break
		}
		quiet++
		if len(w.newEdges) > 0 {
			w.addEdges(slices.Clone(w.newEdges))
			quiet = 0
		}
	}
	w.walkOnly = false
}

// leaveGraph makes the run a random walk from the state.
func (w *worker) leaveGraph(at globalState) {
	w.offGraph, w.lastMoved = true, -1
	w.walkState.locations = append(w.walkState.locations[:0], at.locations...)
	w.walkState.steps = append(w.walkState.steps[:0], at.steps...)
	w.walkState.refs = at.refs
	w.pct = newPCT(w.rng, 1+w.rng.IntN(8), max(w.longest, 100))
}

// walkStep chooses the next step of a random walk.
func (w *worker) walkStep(enabled []*sim.Task) *sim.Task {
	if w.lastMoved >= 0 {
		w.advance(&w.walkState, w.lastMoved)
	}
	t := w.pct.pick(enabled)
	w.lastMoved = t.ID() - w.firstID
	return t
}

// extendGraph adds the edges of the run that has left the graph, and those of some
// further random walks from the same state. It reports whether an assumption was
// invalidated.
func (w *worker) extendGraph() (wrong bool) {
	const others = 8
	edges := slices.Clone(w.newEdges)
	w.walkOnly = true
	for range others {
		if !w.run() {
			break
		}
		edges = append(edges, w.newEdges...)
	}
	w.walkOnly = false
	return w.addEdges(edges)
}
