package explore

import (
	"math/bits"
)

// arriveReduced decides what to explore from a state: a stubborn set, without the tasks
// that sleep, and nothing if the state has been explored before. With store buffers there
// are no stubborn sets: a buffer's future is its task's.
func (w *worker) arriveReduced(n *node) {
	if w.depth > 0 {
		parent := &w.path[w.depth-1]
		n.forks = parent.forks
		for rest := parent.sleep | parent.done; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros32(rest)
			if parent.steps[i].commutes(parent.steps[parent.chosen]) {
				n.sleep |= 1 << i
			}
		}
	}
	if w.opts.Shards > 1 && n.forks <= cut {
		w.arriveAboveCut(n)
		return
	}
	set := n.ready
	if !w.opts.TSO {
		set = w.stubbornOf(n)
	}
	n.todo = set &^ n.sleep
	if bits.OnesCount32(set) == 1 {
		return // no choice, and nothing to remember
	}
	n.forks++
	w.states = w.world.states(w.states[:0])
	k := canonical(w.states)
	w.arriveKnown(n, w.states[k], w.permuted[k])
}

// arriveKnown leaves out what has been explored from the state before, or from one that is
// the same if faulters change places.
func (w *worker) arriveKnown(n *node, state uint64, permuted []int) {
	before, known := w.seen.visit(state, permute(n.sleep, permuted), func(old, now uint32) uint32 { return old & now })
	if known {
		before = permute(before, invert(permuted))
		n.todo = before &^ n.sleep & n.ready
		n.sleep &= before
	}
}

// cut is how many choices are made before a search is cut in shards.
const cut = 5

// arriveAboveCut decides what to explore near the root of a search that is made in shards.
// All shards explore that part, and in the same way: without the map of the programs, which
// they draw each for themselves, and without regard to states that are known. The states
// below belong each to one shard.
func (w *worker) arriveAboveCut(n *node) {
	n.todo = n.ready &^ n.sleep
	if bits.OnesCount32(n.ready) > 1 {
		n.forks++
	}
	if n.forks <= cut {
		return
	}
	w.states = w.world.states(w.states[:0])
	k := canonical(w.states)
	if int(w.states[k]>>8%uint64(w.opts.Shards)) != w.opts.Shard {
		n.todo = 0
		return
	}
	w.arriveKnown(n, w.states[k], w.permuted[k])
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
