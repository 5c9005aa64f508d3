package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// With store buffers, too, it is known who slept when the close began: that is when the others
// can see it, and not when the closer has stored it.
func TestSleepersAreSafeWithStoreBuffers(t *testing.T) {
	for _, tso := range []bool{false, true} {
		opts := Options{Version: "2015+copy", TSO: tso, Dropped: rule.Of(uffd.StripBeforeWake)}
		r, err := Search(FindSetup("close-only"), opts)
		require.NoError(t, err)
		require.NotNil(t, r.Failure, "store buffers: %v", tso)
		require.ErrorContains(t, r.Failure.Err, string(rule.SpuriousBus))
	}
}
