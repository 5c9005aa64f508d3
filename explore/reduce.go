package explore

import "math/bits"

// expandReduced selects the tasks to explore from a state: a stubborn set minus the sleep
// set, and none if the state was explored before.
//
// The sleep set has the tasks whose next step was explored from an earlier state of the
// path, and is independent of all steps taken since (P. Godefroid, Partial-Order Methods
// for the Verification of Concurrent Systems, 1996).
func (w *worker) expandReduced(n *node) {
	if w.depth > 0 {
		parent := &w.path[w.depth-1]
		for rest := parent.sleep | parent.choice.doneBefore; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros32(rest)
			if parent.steps[i].independent(parent.steps[parent.chosen]) {
				n.sleep |= 1 << i
			}
		}
	}
	set := n.enabled
	if w.composed {
		set = w.stubbornOf(n)
	}
	n.todo = set &^ n.sleep
	if bits.OnesCount32(set) == 1 && !n.hasChoice(set) {
		return // one successor, so the state is not stored
	}
	if w.composed {
		w.hashes = w.hashesOf(n, w.hashes[:0])
	} else {
		w.hashes = w.world.fingerprints(w.hashes[:0])
	}
	k := canonical(w.hashes)
	w.pruneVisited(n, w.hashes[k], w.taskPerms[k])
}

// pruneVisited skips what was explored from the state before, or from another state of
// its orbit. hash is that of the canonical representative, and perm the permutation that
// leads to it. The visited set stores a sleep set with each state. Only the tasks of the
// stored sleep set that are not in the current one remain to be explored; the stored one
// becomes the intersection of both (Godefroid 1996 combines sleep sets with stored states
// in this way).
func (w *worker) pruneVisited(n *node, hash uint64, perm []int) {
	n.hash, n.storedSleep = hash, permuteSet(n.sleep, perm)
	before, known := w.visited.visit(hash, n.storedSleep, func(old, now uint32) uint32 { return old & now })
	if known {
		if w.stats.Complete == 0 {
			w.noteCycle(hash)
		}
		n.storedSleep &= before
		slept := permuteSet(before, invert(perm))
		n.todo = slept &^ n.sleep & n.enabled
		n.sleep &= slept
	} else if n.todo == 0 {
		w.markExplored(n) // every enabled task of the stubborn set is in the sleep set
	}
	if w.opts.Shard > 0 {
		n.rotation = hash ^ uint64(w.opts.Shard)*0x9e3779b97f4a7c15
	}
}

// canonical returns the index of the smallest hash, that of the orbit's canonical
// representative.
func canonical(hashes []uint64) int {
	k := 0
	for i, h := range hashes {
		if h < hashes[k] {
			k = i
		}
	}
	return k
}
