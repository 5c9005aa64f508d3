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
