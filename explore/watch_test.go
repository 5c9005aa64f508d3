package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// A task is safe from a SIGBUS if it had announced a sleep, and had then found the
// context not released, when the release began.
func TestWatch(t *testing.T) {
	const released = 3
	var m watch
	load := func(i int, found uint64) {
		m.step(i, step{op: sim.OpLoad, obj: released}, released, func() uint64 { return found })
	}
	announce := func(i int) { m.step(i, step{op: sim.OpSetState, obj: objectKey(10 + i)}, released, nil) }
	load(0, 0) // before it announces a sleep
	announce(0)
	announce(1)
	load(1, 0)
	load(2, 0) // announces none
	announce(3)
	load(3, 1)
	m.step(4, step{op: sim.OpStore, obj: released}, released, nil)
	load(0, 0) // after the release began
	require.Equal(t, uint32(0b0010), m.safe)
}

// The record is part of the state while a task that it is about can still get SIGBUS, and
// is permuted with the tasks.
func TestWatchIsPartOfTheState(t *testing.T) {
	swap := [][]int{{0, 1}, {1, 0}}
	hashes := func(m watch, alive uint32) (to []uint64) {
		to = make([]uint64, len(swap))
		m.addTo(to, alive, swap)
		return to
	}
	none := hashes(watch{}, 0b11)
	first := []watch{{announced: 0b01}, {announced: 0b01, looked: 0b01}, {announced: 0b01, looked: 0b01, safe: 0b01}}
	second := []watch{{announced: 0b10}, {announced: 0b10, looked: 0b10}, {announced: 0b10, looked: 0b10, safe: 0b10}}
	known := map[uint64]bool{none[0]: true}
	for i, m := range first {
		h := hashes(m, 0b11)
		require.False(t, known[h[0]], "%+v", m)
		known[h[0]] = true
		require.Equal(t, h[0], hashes(second[i], 0b11)[1])
		require.NotEqual(t, h[0], h[1])
		require.Equal(t, none, hashes(m, 0b10))
	}
}
