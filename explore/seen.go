package explore

import (
	"sync"
	"sync/atomic"
)

// stateTable remembers the states that have been seen, each with a number: the set of
// tasks that were asleep, or the switches that had been used, when it was explored from.
type stateTable struct {
	shard int // that it is the table of
	parts [64]statePart
	n     atomic.Int64
}

type statePart struct {
	mu sync.Mutex
	m  map[uint64]seenState
	_  [40]byte // each part on a cache line of its own
}

type seenState struct {
	number uint32
	shard  uint32 // the first of those that have explored from it
}

// maxStates bounds the memory of a search. States beyond it are explored like the
// others, and again if they are met again.
const maxStates = 40_000_000

func newStateTable(shard int) *stateTable {
	t := &stateTable{shard: shard}
	for i := range t.parts {
		t.parts[i].m = map[uint64]seenState{}
	}
	return t
}

// visit enters the state, or, if it has been seen, replaces its number by what update
// makes of it, and returns the number that it had.
func (t *stateTable) visit(state uint64, number uint32, update func(old, number uint32) uint32) (old uint32, known bool) {
	return t.enter(state, seenState{number, uint32(t.shard)}, func(s *seenState) {
		s.number = update(s.number, number)
	})
}

// explored says that a shard has explored from the state while the set of tasks slept. That counts
// if it is more than what is known to be: of two that each lack something else one is kept. Runs that
// may begin with a sleeper of the one as well as with a sleeper of the other are in neither, and so
// the two do not add up to what nobody slept in.
func (t *stateTable) explored(state uint64, asleep uint32, shard int) {
	t.enter(state, seenState{asleep, uint32(shard)}, func(s *seenState) {
		if asleep&^s.number == 0 {
			s.number = asleep
		}
		s.shard = min(s.shard, uint32(shard))
	})
}

func (t *stateTable) enter(state uint64, s seenState, update func(*seenState)) (old uint32, known bool) {
	p := &t.parts[state>>58]
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.m[state]
	old = before.number
	switch {
	case known:
		update(&before)
		p.m[state] = before
	case len(p.m) < maxStates/len(t.parts):
		p.m[state] = s
		t.n.Add(1)
	}
	return old, known
}

func (t *stateTable) len() int { return int(t.n.Load()) }

// of is how many states the shard has explored that none before it has.
func (t *stateTable) of(shard int) (n int) {
	for i := range t.parts {
		for _, s := range t.parts[i].m {
			if s.shard == uint32(shard) {
				n++
			}
		}
	}
	return n
}
