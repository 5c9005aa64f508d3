package lessons_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
)

// A lesson is found by its name, its file's name and its number, with and without zeros.
func TestFindByNumber(t *testing.T) {
	for _, name := range []string{"01-first-fault", "01-first-fault.uffd", "01", "1", "001"} {
		l, ok := lessons.Find(name)
		require.True(t, ok, name)
		require.Equal(t, "01-first-fault", l.Name)
	}
	l, ok := lessons.Find("10")
	require.True(t, ok)
	require.Equal(t, "10-close-with-faults-pending", l.Name)
	for _, name := range []string{"h01", "h1", "h01-no-handshake"} {
		l, ok := lessons.Find(name)
		require.True(t, ok, name)
		require.Equal(t, "h01-no-handshake", l.Name)
	}
	for _, name := range []string{"", "h", "h0", "hh1", "0", "00", "100", "first-fault", "01-", "-1"} {
		_, ok := lessons.Find(name)
		require.False(t, ok, name)
	}
}
