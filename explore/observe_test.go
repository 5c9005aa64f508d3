package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The check against spurious SIGBUS works with store buffers: a close begins when its
// store reaches memory, not when the closer executes the store.
func TestSleepersAreSafeWithStoreBuffers(t *testing.T) {
	for _, tso := range []bool{false, true} {
		opts := Options{Version: "2015+copy", TSO: tso, Dropped: rule.Of(uffd.StripBeforeWake)}
		r, err := Search(FindSetup("close-only"), opts)
		require.NoError(t, err)
		require.NotNil(t, r.Failure, "store buffers: %v", tso)
		require.ErrorContains(t, r.Failure.Err, string(rule.SpuriousBus))
	}
}
