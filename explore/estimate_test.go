package explore

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
)

// The estimate is close to the number of runs of a plain search.
func TestInterleavings(t *testing.T) {
	setup := &Setup{Name: "two", Faulters: 1, Tasks: func(w *World) {
		w.Go("a", func(t *machine.Task) string { w.nonblock(t); return "" })
		w.Go("b", func(t *machine.Task) string { w.nonblock(t); return "" })
	}}
	all, err := Search(setup, Options{Plain: true})
	require.NoError(t, err)
	require.True(t, all.Covered)
	power, err := Interleavings(setup, Options{}, 5000, 1)
	require.NoError(t, err)
	require.InEpsilon(t, all.Complete, math.Pow(10, power), 0.1)

	again, err := Interleavings(setup, Options{}, 5000, 1)
	require.NoError(t, err)
	require.Equal(t, power, again)
}
