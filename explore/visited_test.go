package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What has been explored from a state while some slept takes in what has been explored while more did.
// Two that each lack something do not make up for one another: a run that begins with either of two
// sleepers, in any order, is in neither.
func TestWhatOthersHaveExplored(t *testing.T) {
	for _, tc := range []struct{ here, there, together uint32 }{
		{0b011, 0b011, 0b011},
		{0b011, 0b001, 0b001},
		{0b001, 0b011, 0b001},
		{0b011, 0b000, 0b000},
		{0b001, 0b010, 0b001},
		{0b011, 0b110, 0b011},
	} {
		table := newVisitedSet(1)
		table.visit(7, tc.here, nil)
		table.addExplored(7, tc.there, 0)
		asleep, known := table.visit(7, 0, func(old, now uint32) uint32 { return old & now })
		require.True(t, known)
		require.Equal(t, tc.together, asleep, "%b and %b", tc.here, tc.there)
	}
}
