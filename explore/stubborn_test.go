package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// stateAtSemaphore returns a state of three tasks: one is about to load a word, one waits
// for a semaphore before it stores to the word, and the third is at the given location
// with the given step.
func stateAtSemaphore(waits lockSet, third location, at step) *globalState {
	const word, sem = 1, 2
	storer := &point{step: step{op: sim.OpDownRead, obj: sem}}
	storer.effects.object(word).writes = []lockSet{0}
	third.point, third.live = &point{}, true
	return &globalState{
		locations:   []location{{point: &point{}, live: true}, {point: storer, live: true, acquires: waits}, third},
		steps:       []step{{op: sim.OpLoad, obj: word}, storer.step, at},
		enabled:     1<<0 | 1<<2,
		assumptions: newAssumptions(),
	}
}

// A task that was granted a semaphore, and has not continued yet, holds it, although its
// next step is still the acquisition. A task queued behind it depends on it.
func TestClosureHasTaskWithGrantedSemaphore(t *testing.T) {
	gs := stateAtSemaphore(1, location{acquires: 2}, step{op: sim.OpDownWrite, obj: 2})
	require.Equal(t, uint32(0b111), gs.closure(0))
}

// Any task may hold a lock that has no bit in lock sets.
func TestClosureHasHolderOfLockWithoutBit(t *testing.T) {
	gs := stateAtSemaphore(0, location{}, step{op: sim.OpBarrier})
	require.Equal(t, uint32(0b111), gs.closure(0))
}

// How many references the other tasks drop is an assumption, even if they drop none.
func TestReferencesLeftAreAnAssumption(t *testing.T) {
	gs := stateAtSemaphore(1, location{}, step{op: sim.OpBarrier})
	require.Equal(t, 2, gs.refsLeft(3, 2, 1<<0, 0))
	require.Contains(t, gs.assumptions.all, query{kind: mayPut, obj: 3})
}
