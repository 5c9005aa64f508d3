package explore

import "github.com/uffdsim/uffdsim/sim"

// stubbornCache stores the stubborn sets that a worker has computed last. Many states
// agree in everything that the set depends on, and differ only in local variables of the
// tasks.
type stubbornCache struct {
	entries []cachedSet // at the lower bits of their keys
	version int         // of the graph, when the sets were computed
}

// cachedSet is a stubborn set. Key 0 is none.
type cachedSet struct {
	key uint64
	set uint32
}

// cachedSets is the size of a worker's cache, a power of two.
const cachedSets = 1 << 16

func newStubbornCache() stubbornCache { return stubbornCache{entries: make([]cachedSet, cachedSets)} }

// stubbornOf returns the stubborn set of a state.
func (w *worker) stubbornOf(n *node) uint32 {
	if w.cache.version != w.graph.version {
		clear(w.cache.entries)
		w.cache.version = w.graph.version
	}
	key := n.stubbornKey(n.current)
	e := &w.cache.entries[key%cachedSets]
	if e.key != key {
		*e = cachedSet{key, n.stubbornSet(n.enabled, n.current)}
	}
	return e.set
}

// stubbornKey returns a hash over everything that a stubborn set depends on, except for
// the effects.
func (gs *globalState) stubbornKey(preferred int) uint64 {
	h := sim.Mix(uint64(gs.enabled), uint64(preferred+1))
	for i := range gs.locations {
		s, t := &gs.locations[i], &gs.steps[i]
		if !s.live {
			h = sim.Mix(h, 1<<63)
			continue
		}
		local := uint64(s.point.index)<<32 | uint64(uint32(t.refs))<<1
		if t.signalled {
			local |= 1
		}
		h = sim.Mix(sim.Mix(h, local), uint64(s.held))
	}
	for i := range gs.refs { // in the order in which the run encountered them
		if k := &gs.refs[i]; k.of != 0 {
			h = sim.Mix(sim.Mix(h, uint64(k.of)<<32|uint64(uint32(k.n))), uint64(k.last))
		}
	}
	return h
}
