package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// As TestReductionsKeepEveryFinalState, in the versions in which a fault ends, and sleeps, in other ways.
func TestReductionsKeepEveryFinalStateOfLaterVersions(t *testing.T) {
	everything := &Bound{Switches: AnyNumber, Preemptions: 1 << 15}
	for _, tc := range []struct{ setup, version string }{
		{"signal", "4.3"},
		{"late-wake", "4.11"}, {"late-wake", "5.7"}, {"late-wake", "6.18"},
		{"close-only", "4.14"}, {"close-only", "6.18"}, {"two-pages", "4.11"},
	} {
		t.Run(tc.setup+" "+tc.version, func(t *testing.T) {
			t.Parallel()
			opts := Options{Faulters: 1, Version: tc.version}
			reduced := finalsOf(t, FindSetup(tc.setup), opts)
			opts.Bound = everything
			require.Equal(t, finalsOf(t, FindSetup(tc.setup), opts), reduced)
		})
	}
}
