package explore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
)

// The reductions are sound: the final states are those of a search that explores every
// task in every state.
func TestReductionsKeepEveryFinalState(t *testing.T) {
	everything := &Bound{Switches: AnyNumber, Preemptions: 1 << 15}
	for _, tc := range []struct {
		setup    string
		faulters int
		long     bool
	}{
		{"copy", 1, false}, {"serve", 1, false}, {"close-only", 1, false}, {"kill", 1, false}, {"signal", 1, true},
		{"kill-close", 1, true}, {"copy-map", 1, true}, {"unmap", 1, false}, {"twice", 1, false}, {"poll", 1, false},
		{"exit", 0, false},
	} {
		t.Run(fmt.Sprint(tc.setup, " ", tc.faulters), func(t *testing.T) {
			skipIfShort(t, tc.long)
			t.Parallel()
			setup := FindSetup(tc.setup)
			all, reduced := finals(t, setup, tc.faulters, everything), finals(t, setup, tc.faulters, nil)
			require.Equal(t, all, reduced)
		})
	}
}

// With store buffers, too.
func TestReductionsKeepEveryFinalStateOfTSO(t *testing.T) {
	everything := &Bound{Switches: AnyNumber, Preemptions: 1 << 15}
	for _, name := range []string{"copy", "kill"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := finalsOf(t, FindSetup(name), Options{Faulters: 1, TSO: true, Bound: everything})
			reduced := finalsOf(t, FindSetup(name), Options{Faulters: 1, TSO: true})
			require.Equal(t, all, reduced)
		})
	}
}

// skipIfShort skips a long test under -short. Use it only if a shorter test of the same
// kind runs.
func skipIfShort(t *testing.T, long bool) {
	t.Helper()
	if long && testing.Short() {
		t.Skip("SKIPPED by -short: the search is long")
	}
}

func finals(t *testing.T, setup *Setup, faulters int, bound *Bound) map[uint64]bool {
	return finalsOf(t, setup, Options{Faulters: faulters, Bound: bound})
}

func finalsOf(t *testing.T, setup *Setup, opts Options) map[uint64]bool {
	opts.finalStates = map[uint64]bool{}
	r, err := Search(setup, opts)
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.True(t, r.Covered)
	require.NotEmpty(t, opts.finalStates)
	return opts.finalStates
}

// A program of a few steps, compared with a search of every interleaving.
func TestReductionsOnToys(t *testing.T) {
	flags := func(t *machine.Task, fd int) string {
		f, _ := t.FcntlGetFlags(fd)
		return fmt.Sprintf("%#x", f)
	}
	setup := &Setup{Name: "flags", Faulters: 1, Tasks: func(w *World) {
		w.Go("a", func(t *machine.Task) string { w.nonblock(t); return "" })
		w.Go("b", func(t *machine.Task) string { return flags(t, w.Fd) })
	}}
	plain := Options{Faulters: 1, Plain: true, finalStates: map[uint64]bool{}}
	r, err := Search(setup, plain)
	require.NoError(t, err)
	require.True(t, r.Covered)
	require.Equal(t, plain.finalStates, finals(t, setup, 1, nil))
}
