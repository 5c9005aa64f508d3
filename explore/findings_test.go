package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The findings of docs/findings.md, in the 2015 code and in later kernels.

// docs/findings.md, finding 1: the 2015 code can lose a wake-up even with every rule,
// because both queues look empty while a reader moves a fault from one to the other.
func TestRefileWindow(t *testing.T) {
	r, err := explore.Counterexample(explore.FindSetup("read-copy"), explore.Options{Version: "2015+copy", Budget: budget})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "lost wake-up: t1")
}

// The sequence count of 4.3 closes the window, in every interleaving, and with store
// buffers, too.
func TestRefileSeqSuffices(t *testing.T) {
	for _, name := range []string{"read-copy", "serve", "close", "kill-read"} {
		for _, tso := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s tso=%v", name, tso), func(t *testing.T) {
				if testing.Short() && tso && name != "serve" {
					t.Skip("SKIPPED by -short: the search is long")
				}
				t.Parallel()
				cover(t, explore.FindSetup(name), explore.Options{Version: "4.3", TSO: tso})
			})
		}
	}
}

// With the sequence count the order in which a waker tests the two queues is irrelevant
// (mutant 24).
func TestRefileSeqMakesTheOrderOfLooksRedundant(t *testing.T) {
	for _, tso := range []bool{false, true} {
		t.Run(fmt.Sprintf("tso=%v", tso), func(t *testing.T) {
			if testing.Short() && tso {
				t.Skip("SKIPPED by -short: the search is long")
			}
			t.Parallel()
			cover(t, explore.FindSetup("read-copy"), explore.Options{
				Version: "4.3", TSO: tso, Dropped: rule.Of(uffd.PendingLookedAtFirst),
			})
		})
	}
}

// docs/findings.md, finding 2: a fault during a close may get SIGBUS, until 4.14.
func TestSigbusDuringClose(t *testing.T) {
	for version, want := range map[string][]string{
		"2015+copy": {"t1=SIGBUS", "t1=zero"}, "4.3": {"t1=SIGBUS", "t1=zero"}, "4.11": {"t1=SIGBUS", "t1=zero"},
		"4.14": {"t1=zero"}, "5.7": {"t1=zero"}, "6.17": {"t1=zero"}, "6.18": {"t1=zero"},
	} {
		for _, name := range []string{"close-only", "poll-close"} {
			r := cover(t, explore.FindSetup(name), explore.Options{Version: version})
			require.Equal(t, want, slices.Sorted(maps.Keys(r.Outcomes)), "%s %s", name, version)
		}
	}
	// The later form of the rule is needed, like the earlier one.
	r, err := explore.Counterexample(explore.FindSetup("close-only"),
		explore.Options{Version: "6.18", Dropped: rule.Of(uffd.ReleasedIsNoError), Budget: budget})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "spurious SIGBUS: t1")
}

// docs/findings.md, finding 3: must_wait reads the entry without a lock, and finds it
// empty while a write to the page replaces it.
func TestCopyOnWriteWindow(t *testing.T) {
	r, err := explore.Counterexample(explore.FindSetup("copy-on-write"), explore.Options{Budget: budget})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "lost wake-up: t1")
}

// Each candidate fix is needed and sufficient in its program, in the oldest release and
// in the newest, with and without store buffers (docs/upstream/report.md).
func TestCandidateFixes(t *testing.T) {
	for _, fix := range kernel.Fixes() {
		setup := explore.FindSetup(fix.Program)
		for _, version := range []string{"4.3", "6.18"} {
			for _, tso := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s tso=%v", fix.Name, version, tso), func(t *testing.T) {
					t.Parallel()
					opts := explore.Options{Version: version, TSO: tso, Budget: budget}
					r, err := explore.Search(setup, opts)
					require.NoError(t, err)
					require.NotNil(t, r.Failure, "nothing goes wrong without the fix")
					require.ErrorContains(t, r.Failure.Err, "lost wake-up: t1")
					opts.Fix = fix.Name
					cover(t, setup, opts)
				})
			}
		}
	}
	_, err := explore.Search(explore.FindSetup("copy"), explore.Options{Fix: "none"})
	require.EqualError(t, err, `no candidate fix "none"`)
}

// docs/findings.md, finding 4: a late wake-up ends the sleep of a fault, and the kernel
// retries a fault only once. From 4.10 on the fault sleeps again; later kernels retry
// without a limit instead.
func TestLateWakeUp(t *testing.T) {
	setup := explore.FindSetup("late-wake")
	for _, version := range []string{"2015+copy", "4.3"} {
		r, err := explore.Counterexample(setup, explore.Options{Version: version, Budget: budget})
		require.NoError(t, err)
		require.NotNil(t, r.Failure, version)
		require.ErrorContains(t, r.Failure.Err, "spurious SIGBUS: t1")
	}
	for _, version := range []string{"4.11", "4.14", "4.20", "5.7", "5.11", "6.18"} {
		cover(t, setup, explore.Options{Version: version})
	}
	for _, version := range []string{"4.11", "6.18"} {
		cover(t, setup, explore.Options{Version: version, TSO: true})
	}
}

// A signal and its wake-up are sent under the target's siglock, which the target needs to
// take the signal. So the wake-up cannot come after the signal was handled, and end the
// sleep of the access's next fault.
func TestNoWakeUpIsLeftOfASignal(t *testing.T) {
	for _, version := range []string{"2015+copy", "4.3", "4.11", "4.14", "5.7", "6.18"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cover(t, explore.FindSetup("signal"), explore.Options{Version: version})
		})
	}
}
