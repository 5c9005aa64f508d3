package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// As TestReductionsKeepEveryFinalState, in versions in which a fault sleeps or ends in
// other ways.
func TestReductionsKeepEveryFinalStateOfLaterVersions(t *testing.T) {
	everything := &Bound{Switches: AnyNumber, Preemptions: 1 << 15}
	for _, tc := range []struct {
		setup, version string
		long           bool
	}{
		{"signal", "4.3", true},
		{"late-wake", "4.11", true}, {"late-wake", "5.7", true}, {"late-wake", "6.18", true},
		{"close-only", "4.14", false}, {"close-only", "6.18", false}, {"two-pages", "4.11", false},
	} {
		t.Run(tc.setup+" "+tc.version, func(t *testing.T) {
			skipIfShort(t, tc.long)
			t.Parallel()
			opts := Options{Faulters: 1, Version: tc.version}
			reduced := finalsOf(t, FindSetup(tc.setup), opts)
			opts.Bound = everything
			require.Equal(t, finalsOf(t, FindSetup(tc.setup), opts), reduced)
		})
	}
}
