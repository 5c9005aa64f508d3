package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// opened returns a world of the model, and its thread.
func opened(t *testing.T, nonblock bool) (world, thread) {
	w, err := newModel(nonblock, 100)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w, w.Main()
}

// perRun returns the average number of allocations of a call after its first one, rounded
// down. Rare allocations do not count, such as that of a frame after the collector has
// emptied the pool of free frames.
func perRun(t *testing.T, times int, call func() error) float64 {
	return testing.AllocsPerRun(times-1, func() { // it calls once more
		if err := call(); err != nil {
			t.Error(err)
		}
	})
}

// A round trip takes its frame from the pool of free frames.
func TestRoundTripAllocatesNothing(t *testing.T) {
	const times = 200
	for name, poll := range map[string]bool{"blocking": false, "polling": true} {
		t.Run(name, func(t *testing.T) {
			w, main := opened(t, poll)
			require.NoError(t, mapped(main, 0, 1))
			served := make(chan error, 1)
			w.Go(func(t thread) { served <- serve(t, times, poll, make([]byte, pageSize)) })
			require.Zero(t, perRun(t, times, func() error {
				main.Touch(page(0))
				return main.DontNeed(page(0), pageSize)
			}))
			require.NoError(t, <-served)
		})
	}
}

func TestWakeAllocatesNothing(t *testing.T) {
	w, main := opened(t, false)
	require.NoError(t, asleep(w, 100, 1))
	nobody := rangeOf(100, 1)
	require.Zero(t, perRun(t, 100, func() error { return main.Wake(nobody) }))
}

// A walk is an access to a present page.
func TestWalkAllocatesNothing(t *testing.T) {
	_, main := opened(t, false)
	require.NoError(t, zeroed(main, 0, 1))
	require.Zero(t, perRun(t, 100, func() error { main.Touch(page(0)); return nil }))
}

// Registering a page in the middle of a VMA takes two splits, and each allocates a VMA.
func TestSplitAllocatesOneVMA(t *testing.T) {
	_, main := opened(t, false)
	_, err := main.Map(page(0), 3*pageSize)
	require.NoError(t, err)
	middle := rangeOf(1, 1)
	reg := missing(middle)
	require.LessOrEqual(t, perRun(t, 100, func() error {
		if err := main.Register(reg); err != nil {
			return err
		}
		return main.Unregister(middle)
	}), 2.)
}
