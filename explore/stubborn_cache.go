package explore

import "hash/maphash"

// memo remembers the stubborn sets of crowds that a worker has met before. Many states are
// alike in all that the set depends on, and differ in what the tasks have in their hands.
type stubbornCache struct {
	seed    maphash.Seed
	sets    map[uint64]uint32
	version int // of the map that they were found with
}

func newStubbornCache() stubbornCache {
	return stubbornCache{seed: maphash.MakeSeed(), sets: map[uint64]uint32{}}
}

// crowdKey is all that a stubborn set depends on, the futures apart.
type stubbornKey struct {
	locations [maxCachedTasks]locationKey
	refs      [maxRefCounts]refCount // in the order in which the run has met them
	enabled   uint32
	preferred int
}

type locationKey struct {
	point     int // 0 for a task that has ended
	held      lockSet
	refs      int
	signalled bool
}

// memoTasks is how many tasks a crowd may have to be remembered.
const maxCachedTasks = 8

// maxMemo bounds a worker's memory of them.
const maxCachedSets = 1 << 20

// stubbornOf is the stubborn set of a state.
func (w *worker) stubbornOf(n *node) uint32 {
	if len(n.locations) > maxCachedTasks {
		return n.stubbornSet(n.enabled, n.current)
	}
	if w.cache.version != w.graph.version || len(w.cache.sets) >= maxCachedSets {
		clear(w.cache.sets)
		w.cache.version = w.graph.version
	}
	key := maphash.Comparable(w.cache.seed, n.stubbornKey(n.current))
	set, known := w.cache.sets[key]
	if !known {
		set = n.stubbornSet(n.enabled, n.current)
		w.cache.sets[key] = set
	}
	return set
}

func (c *globalState) stubbornKey(preferred int) stubbornKey {
	key := stubbornKey{refs: c.refs, enabled: c.enabled, preferred: preferred}
	for i := range c.locations {
		if s := &c.locations[i]; s.live {
			key.locations[i] = locationKey{s.point.index + 1, s.held, c.steps[i].refs, c.steps[i].signalled}
		}
	}
	return key
}
