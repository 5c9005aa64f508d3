package explore

import "hash/maphash"

// stubbornCache stores the stubborn sets that a worker has computed. Many states agree in
// everything that the set depends on, and differ only in local variables of the tasks.
type stubbornCache struct {
	seed    maphash.Seed
	sets    map[uint64]uint32 // by hash of the stubbornKey
	version int               // of the graph, when the sets were computed
}

func newStubbornCache() stubbornCache {
	return stubbornCache{seed: maphash.MakeSeed(), sets: map[uint64]uint32{}}
}

// stubbornKey has everything that a stubborn set depends on, except for the effects.
type stubbornKey struct {
	locations [maxCachedTasks]locationKey
	refs      [maxRefCounts]refCount // in the order in which the run encountered them
	enabled   uint32
	preferred int
}

type locationKey struct {
	point     int // 0 for a task that has ended
	held      lockSet
	refs      int
	signalled bool
}

// maxCachedTasks is the maximum number of tasks of a state whose stubborn set is cached.
const maxCachedTasks = 8

// maxCachedSets is the maximum number of sets in a worker's cache.
const maxCachedSets = 1 << 20

// stubbornOf returns the stubborn set of a state.
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

func (gs *globalState) stubbornKey(preferred int) stubbornKey {
	key := stubbornKey{refs: gs.refs, enabled: gs.enabled, preferred: preferred}
	for i := range gs.locations {
		if s := &gs.locations[i]; s.live {
			key.locations[i] = locationKey{s.point.index + 1, s.held, gs.steps[i].refs, gs.steps[i].signalled}
		}
	}
	return key
}
