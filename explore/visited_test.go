package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A state that was explored with a sleep set was explored with each superset as well. If
// two shards have explored a state with sleep sets of which neither contains the other,
// the intersection does not hold: a run that begins with a task of the one and then one
// of the other is in neither.
func TestSleepSetsOfSeveralShards(t *testing.T) {
	for _, tc := range []struct{ here, there, stored uint32 }{
		{0b011, 0b011, 0b011},
		{0b011, 0b001, 0b001},
		{0b001, 0b011, 0b001},
		{0b011, 0b000, 0b000},
		{0b001, 0b010, 0b001},
		{0b011, 0b110, 0b011},
	} {
		set := newVisitedSet(1)
		set.visit(7, tc.here, nil)
		set.addExplored(7, tc.there, 0)
		sleep, known := set.visit(7, 0, func(old, now uint32) uint32 { return old & now })
		require.True(t, known)
		require.Equal(t, tc.stored, sleep, "%b and %b", tc.here, tc.there)
	}
}
