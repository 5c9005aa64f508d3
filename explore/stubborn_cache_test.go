package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Runs encounter reference counts in different orders, so a stubbornKey includes the
// object of each count.
func TestStubbornKeyIdentifiesCounts(t *testing.T) {
	one := globalState{refs: [maxRefCounts]refCount{{of: 1, n: 2}, {of: 2, n: 1}}}
	other := globalState{refs: [maxRefCounts]refCount{{of: 2, n: 2}, {of: 1, n: 1}}}
	require.NotEqual(t, one.stubbornKey(0), other.stubbornKey(0))
}

// A stubbornKey includes everything else that a stubborn set depends on, too.
func TestStubbornKeyHasEverything(t *testing.T) {
	state := func() *globalState {
		return &globalState{
			locations: []location{{point: &point{index: 3}, live: true}, {point: &point{index: 4}, live: true}},
			steps:     make([]step, 2),
			enabled:   0b11,
			refs:      [maxRefCounts]refCount{{of: 1, n: 2, last: 4}},
		}
	}
	keys := map[uint64]int{state().stubbornKey(0): -1, state().stubbornKey(1): -2}
	for i, change := range []func(*globalState){
		func(gs *globalState) { gs.locations[0].point = &point{index: 5} },
		func(gs *globalState) { gs.locations[1] = location{} },
		func(gs *globalState) { gs.locations[0].held = 2 },
		func(gs *globalState) { gs.locations[1].held = 2 },
		func(gs *globalState) { gs.steps[0].signalled = true },
		func(gs *globalState) { gs.steps[0].refs = 1 },
		func(gs *globalState) { gs.refs[0].n = 1 },
		func(gs *globalState) { gs.refs[0].last = 0 },
		func(gs *globalState) { gs.enabled = 0b01 },
	} {
		gs := state()
		change(gs)
		key := gs.stubbornKey(0)
		require.NotContains(t, keys, key, "change %d", i)
		keys[key] = i
	}
}
