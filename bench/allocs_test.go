package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// opened is a world of the model, and its thread.
func opened(t *testing.T, nonblock bool) (world, thread) {
	w, err := newModel(nonblock, 100)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w, w.Main()
}

// perRun is how many allocations a call makes once it has been made before. What is allocated now and then
// (a frame, where the collector has emptied the pool of free ones) is not in it.
func perRun(t *testing.T, times int, call func() error) float64 {
	return testing.AllocsPerRun(times-1, func() { // which makes one more
		if err := call(); err != nil {
			t.Error(err)
		}
	})
}

// A round trip finds the frame among those that are free.
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

// A walk is an access to a page that is there.
func TestWalkAllocatesNothing(t *testing.T) {
	_, main := opened(t, false)
	require.NoError(t, zeroed(main, 0, 1))
	require.Zero(t, perRun(t, 100, func() error { main.Touch(page(0)); return nil }))
}

// A page in the middle of a VMA takes two splits, and each has a VMA to make.
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
