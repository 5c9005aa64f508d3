package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Runs meet the counts in different orders: what is remembered of a crowd must say which is which.
func TestKeyOfACrowdTellsCountsApart(t *testing.T) {
	one := globalState{refs: [maxRefCounts]refCount{{of: 1, n: 2}, {of: 2, n: 1}}}
	other := globalState{refs: [maxRefCounts]refCount{{of: 2, n: 2}, {of: 1, n: 1}}}
	require.NotEqual(t, one.stubbornKey(0), other.stubbornKey(0))
}
