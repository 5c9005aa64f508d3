package explore

import (
	"math/bits"
)

// arriveReduced decides what to explore from a state: a stubborn set, without the tasks
// that sleep, and nothing if the state has been explored before. With store buffers there
// are no stubborn sets: a buffer's future is its task's.
func (w *worker) expandReduced(n *node) {
	if w.depth > 0 {
		parent := &w.path[w.depth-1]
		for rest := parent.sleep | parent.done; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros32(rest)
			if parent.steps[i].independent(parent.steps[parent.chosen]) {
				n.sleep |= 1 << i
			}
		}
	}
	set := n.enabled
	if !w.opts.TSO {
		set = w.stubbornOf(n)
	}
	n.todo = set &^ n.sleep
	if bits.OnesCount32(set) == 1 {
		return // no choice, and nothing to remember
	}
	w.states = w.world.fingerprints(w.states[:0])
	k := canonical(w.states)
	w.pruneVisited(n, w.states[k], w.taskPerms[k])
}

// arriveKnown leaves out what has been explored from the state before, or from one that is
// the same if faulters change places. What may be missing are the runs that begin with a task
// that slept then and is awake now; those with the others have been tried (Godefroid's
// state-space caching).
func (w *worker) pruneVisited(n *node, state uint64, permuted []int) {
	n.hash, n.storedSleep = state, permuteSet(n.sleep, permuted)
	before, known := w.visited.visit(state, n.storedSleep, func(old, now uint32) uint32 { return old & now })
	if known {
		n.storedSleep &= before
		slept := permuteSet(before, invert(permuted))
		n.todo = slept &^ n.sleep & n.enabled
		n.sleep &= slept
	} else if n.todo == 0 {
		w.markExplored(n) // all that could be done has been tried elsewhere
	}
	if w.opts.Shard > 0 {
		n.rotation = state ^ uint64(w.opts.Shard)*0x9e3779b97f4a7c15
	}
}

// canonical finds the smallest fingerprint.
func canonical(states []uint64) int {
	k := 0
	for i, s := range states {
		if s < states[k] {
			k = i
		}
	}
	return k
}
