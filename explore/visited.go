package explore

import (
	"sync"
	"sync/atomic"
)

// stateTable remembers the states that have been seen, each with a number: the set of
// tasks that were asleep, or the switches that had been used, when it was explored from.
type visitedSet struct {
	shard   int // that it is the table of
	stripes [64]stripe
	n       atomic.Int64
}

type stripe struct {
	mu sync.Mutex
	m  map[uint64]visitedState
	_  [40]byte // each part on a cache line of its own
}

type visitedState struct {
	value uint32
	shard uint32 // the first of those that have explored from it
}

// maxStates bounds the memory of a search. States beyond it are explored like the
// others, and again if they are met again.
const maxVisited = 40_000_000

func newVisitedSet(shard int) *visitedSet {
	t := &visitedSet{shard: shard}
	for i := range t.stripes {
		t.stripes[i].m = map[uint64]visitedState{}
	}
	return t
}

// visit enters the state, or, if it has been seen, replaces its number by what update
// makes of it, and returns the number that it had.
func (t *visitedSet) visit(state uint64, number uint32, update func(old, number uint32) uint32) (old uint32, known bool) {
	return t.update(state, visitedState{number, uint32(t.shard)}, func(s *visitedState) {
		s.value = update(s.value, number)
	})
}

// explored says that a shard has explored from the state while the set of tasks slept. That counts
// if it is more than what is known to be: of two that each lack something else one is kept. Runs that
// may begin with a sleeper of the one as well as with a sleeper of the other are in neither, and so
// the two do not add up to what nobody slept in.
func (t *visitedSet) addExplored(state uint64, asleep uint32, shard int) {
	t.update(state, visitedState{asleep, uint32(shard)}, func(s *visitedState) {
		if asleep&^s.value == 0 {
			s.value = asleep
		}
		s.shard = min(s.shard, uint32(shard))
	})
}

func (t *visitedSet) update(state uint64, s visitedState, update func(*visitedState)) (old uint32, known bool) {
	p := &t.stripes[state>>58]
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.m[state]
	old = before.value
	switch {
	case known:
		update(&before)
		p.m[state] = before
	case len(p.m) < maxVisited/len(t.stripes):
		p.m[state] = s
		t.n.Add(1)
	}
	return old, known
}

func (t *visitedSet) len() int { return int(t.n.Load()) }

// of is how many states the shard has explored that none before it has.
func (t *visitedSet) countOf(shard int) (n int) {
	for i := range t.stripes {
		for _, s := range t.stripes[i].m {
			if s.shard == uint32(shard) {
				n++
			}
		}
	}
	return n
}
