package explore

import "hash/maphash"

// memo remembers the stubborn sets of crowds that a worker has met before. Many states are
// alike in all that the set depends on, and differ in what the tasks have in their hands.
type memo struct {
	seed    maphash.Seed
	sets    map[uint64]uint32
	version int // of the map that they were found with
}

func newMemo() memo { return memo{seed: maphash.MakeSeed(), sets: map[uint64]uint32{}} }

// crowdKey is all that a stubborn set depends on, the futures apart.
type crowdKey struct {
	stands    [memoTasks]standKey
	counts    [maxCounts]count // in the order in which the run has met them
	ready     uint32
	preferred int
}

type standKey struct {
	place     int // 0 for a task that has ended
	held      lockSet
	count     int
	signalled bool
}

// memoTasks is how many tasks a crowd may have to be remembered.
const memoTasks = 8

// maxMemo bounds a worker's memory of them.
const maxMemo = 1 << 20

// stubbornOf is the stubborn set of a state.
func (w *worker) stubbornOf(n *node) uint32 {
	if len(n.stands) > memoTasks {
		return n.stubborn(n.ready, n.current)
	}
	if w.memo.version != w.atlas.version || len(w.memo.sets) >= maxMemo {
		clear(w.memo.sets)
		w.memo.version = w.atlas.version
	}
	key := maphash.Comparable(w.memo.seed, n.key(n.current))
	set, known := w.memo.sets[key]
	if !known {
		set = n.stubborn(n.ready, n.current)
		w.memo.sets[key] = set
	}
	return set
}

func (c *crowd) key(preferred int) crowdKey {
	key := crowdKey{counts: c.counts, ready: c.ready, preferred: preferred}
	for i := range c.stands {
		if s := &c.stands[i]; s.live {
			key.stands[i] = standKey{s.place.index + 1, s.held, c.steps[i].count, c.steps[i].signalled}
		}
	}
	return key
}
