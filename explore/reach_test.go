package explore_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/uffd"
)

// Reach finds the shortest run to an outcome that is allowed, and Reasons says which rule
// allows it.
func TestReach(t *testing.T) {
	for _, c := range []struct {
		program, version, outcome string
		preemptions, switches     int
		reasons                   []string
	}{
		{"close", "4.3", "t1=SIGBUS", 1, 3, []string{"t1 got SIGBUS: allowed on this kernel, REL-10 (it came while the context was being closed)"}},
		{"close", "4.3", "t1=zero", 0, 2, nil},
		{"close", "4.3", "t1=A", 0, 3, nil},
		{"unregister", "5.2", "t1=SIGBUS t2=SIGBUS", 0, 5, []string{
			"t1 got SIGBUS: allowed on this kernel, FAULT-13 (it was woken without a page, and a fault may sleep only once)",
			"t2 got SIGBUS: allowed on this kernel, FAULT-13 (it was woken without a page, and a fault may sleep only once)",
		}},
	} {
		program, opts := explore.FindSetup(c.program), explore.Options{Version: c.version}
		r, err := explore.Reach(program, opts, func(outcome string) bool { return outcome == c.outcome })
		require.NoError(t, err)
		require.True(t, r.Covered)
		require.ErrorIs(t, r.Failure.Err, explore.ErrReached, c.outcome)
		require.Equal(t, explore.Bound{Switches: c.switches, Preemptions: c.preemptions}, r.Failure.Bound, c.outcome)
		outcome, failure, err := explore.Replay(program, opts, r.Failure.Schedule, nil)
		require.NoError(t, err)
		require.NoError(t, failure)
		require.Equal(t, c.outcome, outcome)
		reasons, err := explore.Reasons(program, opts, r.Failure.Schedule)
		require.NoError(t, err)
		var texts []string
		for _, reason := range reasons {
			texts = append(texts, reason.String())
		}
		slices.Sort(texts)
		require.Equal(t, c.reasons, texts)
	}

	r, err := explore.Reach(explore.FindSetup("close-only"), explore.Options{}, func(outcome string) bool { return outcome == "t1=SIGBUS" })
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.True(t, r.Covered)
}

// A SIGBUS of a fault that slept when the close began violates a rule.
func TestReasonsOfSpuriousBus(t *testing.T) {
	drop, err := uffd.ParseRule("strip-before-wake")
	require.NoError(t, err)
	opts := explore.Without(drop)
	r, err := explore.Counterexample(explore.SetupFor(drop), opts)
	require.NoError(t, err)
	require.ErrorContains(t, r.Failure.Err, "spurious SIGBUS")
	reasons, err := explore.Reasons(explore.SetupFor(drop), opts, r.Failure.Schedule)
	require.NoError(t, err)
	require.Len(t, reasons, 1)
	require.Equal(t, "t1 got SIGBUS: not allowed, REL-9 (it slept when the close began, and should get its page)", reasons[0].String())
}
