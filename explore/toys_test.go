package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
)

// On every version the small programs are right in every interleaving. A loop that waits
// for another task is no endless run, because its states repeat.
func TestEveryVersionIsRight(t *testing.T) {
	for _, version := range []string{"4.3", "4.14", "5.7", "6.4", "6.18"} {
		for _, name := range []string{"copy", "close-only", "kill"} {
			setup := FindSetup(name)
			r, err := Search(setup, Options{Version: version})
			require.NoError(t, err)
			require.Nil(t, r.Failure, "%s on %s", name, version)
			require.True(t, r.Covered)
		}
	}
}

// A panic of the program is a failure of that run.
func TestPanicsAreFailures(t *testing.T) {
	setup := &Setup{Name: "panics", Tasks: func(w *World) {
		w.Go("reader", func(t *machine.Task) string {
			addr, _ := readOne(t, w.Fd)
			pages := []string{"first"}
			return pages[(addr-Arena)/mm.PageSize]
		}).Sleeper = true
		w.Go("first", func(t *machine.Task) string { return touch(t, page(0)) }).Sleeper = true
		w.Go("second", func(t *machine.Task) string { return touch(t, page(1)) }).Sleeper = true
	}}
	r, err := Search(setup, Options{})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "panic in task reader: runtime error: index out of range [1] with length 1 (toys_test.go:")
	require.Contains(t, r.Failure.Schedule, "second")
}
