package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// Three tasks: one is about to load a word, one waits for a semaphore and would store to the
// word, and one has to do with the semaphore.
func crowdAtSemaphore(waits lockSet, third location, at step) *globalState {
	const word, sem = 1, 2
	storer := &point{step: step{op: sim.OpDownRead, obj: sem}}
	storer.effects.object(word).writes = []lockSet{0}
	third.point, third.live = &point{}, true
	return &globalState{
		locations:   []location{{point: &point{}, live: true}, {point: storer, live: true, acquires: waits}, third},
		steps:       []step{{op: sim.OpLoad, obj: word}, storer.step, at},
		enabled:     1<<0 | 1<<2,
		assumptions: map[query]struct{}{},
	}
}

// Who has been handed a semaphore holds it, though the step that asked for it is still its last:
// who queues behind it waits for it, and not for nobody.
func TestClosureHasWhoWasHandedTheSemaphore(t *testing.T) {
	c := crowdAtSemaphore(1, location{acquires: 2}, step{op: sim.OpDownWrite, obj: 2})
	require.Equal(t, uint32(0b111), c.closure(0))
}

// A lock that has no bit of its own, because there are too many, may be anybody's.
func TestClosureHasHolderOfLockWithoutBit(t *testing.T) {
	c := crowdAtSemaphore(0, location{}, step{op: sim.OpBarrier})
	require.Equal(t, uint32(0b111), c.closure(0))
}
