package explore

import (
	"sync"
	"sync/atomic"
)

// stateTable remembers the states that have been seen, each with a number: the set of
// tasks that were asleep, or the switches that had been used, when it was explored from.
type stateTable struct {
	parts [64]statePart
	n     atomic.Int64
}

type statePart struct {
	mu sync.Mutex
	m  map[uint64]uint32
	_  [40]byte // each part on a cache line of its own
}

// maxStates bounds the memory of a search. States beyond it are explored like the
// others, and again if they are met again.
const maxStates = 40_000_000

func newStateTable() *stateTable {
	t := &stateTable{}
	for i := range t.parts {
		t.parts[i].m = map[uint64]uint32{}
	}
	return t
}

// visit enters the state, or, if it has been seen, replaces its number by what update
// makes of it, and returns the number that it had.
func (t *stateTable) visit(state uint64, number uint32, update func(old, number uint32) uint32) (old uint32, known bool) {
	p := &t.parts[state>>58]
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known = p.m[state]
	switch {
	case known:
		p.m[state] = update(old, number)
	case len(p.m) < maxStates/len(t.parts):
		p.m[state] = number
		t.n.Add(1)
	}
	return old, known
}

func (t *stateTable) len() int { return int(t.n.Load()) }
