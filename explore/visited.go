package explore

import (
	"sync"
	"sync/atomic"
)

// visitedSet is the set of states that were explored. It stores a 64-bit hash of each
// state, not the state itself (hash compaction: P. Wolper and D. Leroy, "Reliable hashing
// without collision detection", 1993), and with it a value: the sleep set with which it
// was explored, or in a bounded search the switches used so far.
type visitedSet struct {
	shard   int // number of the shard that this set belongs to
	stripes [64]stripe
	n       atomic.Int64
}

type stripe struct {
	mu sync.Mutex
	m  map[uint64]visitedState
	_  [40]byte // each stripe is on a cache line of its own
}

type visitedState struct {
	value uint32
	shard uint32 // the lowest number of a shard that has explored it
}

// maxVisited bounds the memory of a search. Further states are not stored, and explored
// each time that a run reaches them.
const maxVisited = 40_000_000

func newVisitedSet(shard int) *visitedSet {
	v := &visitedSet{shard: shard}
	for i := range v.stripes {
		v.stripes[i].m = map[uint64]visitedState{}
	}
	return v
}

// visit adds the state with the value. If it was known, visit instead replaces the stored
// value by update(old, value), and returns the old one.
func (v *visitedSet) visit(hash uint64, value uint32, update func(old, value uint32) uint32) (old uint32, known bool) {
	return v.update(hash, visitedState{value, uint32(v.shard)}, func(s *visitedState) {
		s.value = update(s.value, value)
	})
}

// addExplored records that a shard has explored the state with the sleep set. The stored
// sleep set is replaced only by a subset of it. If neither contains the other, it stays:
// their intersection would be wrong, because the runs that can begin with a task of
// either set were explored with neither.
func (v *visitedSet) addExplored(hash uint64, sleep uint32, shard int) {
	v.update(hash, visitedState{sleep, uint32(shard)}, func(s *visitedState) {
		if sleep&^s.value == 0 {
			s.value = sleep
		}
		s.shard = min(s.shard, uint32(shard))
	})
}

func (v *visitedSet) update(hash uint64, s visitedState, update func(*visitedState)) (old uint32, known bool) {
	p := &v.stripes[hash>>58]
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.m[hash]
	old = before.value
	switch {
	case known:
		update(&before)
		p.m[hash] = before
	case len(p.m) < maxVisited/len(v.stripes):
		p.m[hash] = s
		v.n.Add(1)
	}
	return old, known
}

func (v *visitedSet) len() int { return int(v.n.Load()) }

// countOf returns the number of states that the shard has explored and no shard with a
// lower number has.
func (v *visitedSet) countOf(shard int) (n int) {
	for i := range v.stripes {
		for _, s := range v.stripes[i].m {
			if s.shard == uint32(shard) {
				n++
			}
		}
	}
	return n
}
