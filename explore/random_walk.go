package explore

import (
	"math/rand/v2"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// scout is what a worker needs for runs that leave the map: they go on at random, and note
// down their way.
type randomWalk struct {
	walkOnly  bool // every run is to leave the map at once
	offGraph  bool // this one has left it
	newEdges  []edgeRecord
	walkState globalState          // where the tasks are
	walkKeys  [maxTasks][]pointKey // the last place of each that was not on the map, under every renaming
	lastMoved int                  // which of them took the last step
	pct       *pct
	rng       *rand.Rand
	longest   int // steps of a run so far
}

// maxTasks is how many tasks there can be: sets of tasks are bit masks.
const maxTasks = 32

// survey draws a map of the programs before the search begins, with runs at random until
// they bring nothing new.
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

// stray lets a run leave the map, from the state that it has come to.
func (w *worker) leaveGraph(at globalState) {
	w.offGraph, w.lastMoved = true, -1
	w.walkState.locations = append(w.walkState.locations[:0], at.locations...)
	w.walkState.steps = append(w.walkState.steps[:0], at.steps...)
	w.walkState.refs = at.refs
	w.pct = newPCT(w.rng, 1+w.rng.IntN(8), max(w.longest, 100))
}

// wander chooses the next step of a run that has left the map.
func (w *worker) walkStep(enabled []*sim.Task) *sim.Task {
	if w.lastMoved >= 0 {
		w.advance(&w.walkState, w.lastMoved)
	}
	t := w.pct.pick(enabled)
	w.lastMoved = t.ID() - w.firstID
	return t
}

// explain puts the way of a run that has left the map on it, and those of some others that
// leave it there. It reports whether something was explored because of an answer that was
// wrong.
func (w *worker) extendGraph() (wrong bool) {
	const others = 8
	trips := slices.Clone(w.newEdges)
	w.walkOnly = true
	for range others {
		if !w.run() {
			break
		}
		trips = append(trips, w.newEdges...)
	}
	w.walkOnly = false
	return w.addEdges(trips)
}
