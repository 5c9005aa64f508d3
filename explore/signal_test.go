package explore_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/explore"
)

// A signal and the wake-up that goes with it are sent under the target's siglock, which the target
// needs to take the signal. So the wake-up cannot come when the signal has been handled, and
// end the sleep of the fault that the access has taken anew.
func TestNoWakeUpIsLeftOfASignal(t *testing.T) {
	for _, version := range []string{"2015+copy", "4.3", "4.11", "4.14", "5.7", "6.18"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cover(t, explore.FindSetup("signal"), explore.Options{Version: version})
		})
	}
}
