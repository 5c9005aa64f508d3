package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

func TestShelfGivesBackTheLastFirst(t *testing.T) {
	var s sim.Shelf[int]
	require.Nil(t, s.Get())
	a, b, c := new(int), new(int), new(int)
	require.True(t, s.Put(a, 2))
	require.True(t, s.Put(b, 2))
	require.False(t, s.Put(c, 2), "there is room for two")
	require.Same(t, b, s.Get())
	require.True(t, s.Put(c, 2))
	require.Same(t, c, s.Get())
	require.Same(t, a, s.Get())
	require.Nil(t, s.Get())
}
