package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// §17.1: find_vma returns the lowest VMA that ends above the address, which may begin
// above it. If there is none, the VMA before is the highest VMA.
func TestFindVMA(t *testing.T) {
	w := newWorld(t)
	vmas := w.lay(".AA..BB.")
	a, b := vmas['A'], vmas['B']
	w.locked(func() {
		for _, test := range []struct {
			addr      uint64
			vma, prev *VMA
		}{
			{0, a, nil},
			{pg(0), a, nil},
			{pg(1) - 1, a, nil},
			{pg(1), a, nil},
			{pg(3) - 1, a, nil},
			{pg(3), b, a}, // the end is exclusive
			{pg(5) - 1, b, a},
			{pg(5), b, a},
			{pg(7) - 1, b, a},
			{pg(7), nil, b},
			{TaskSize - 1, nil, b},
			{^uint64(0), nil, b},
		} {
			vma, prev := w.mm.FindVMAPrev(w.t, test.addr)
			require.Same(t, test.vma, vma, "find_vma(%#x)", test.addr)
			require.Same(t, test.prev, prev, "the VMA before find_vma(%#x)", test.addr)
			require.Same(t, test.vma, w.mm.FindVMA(w.t, test.addr))
		}
	})
}

// A lookup tries the VMA found last first, but not after that was unmapped or merged
// away.
func TestFindVMAForgets(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, a *VMA) error
		want   bool // a lookup of its second page still finds the VMA
	}{
		{"unmapped", func(w *world, a *VMA) error { return w.mm.Munmap(w.t, a.Start, 2*PageSize) }, false},
		{"cut off at its end", func(w *world, a *VMA) error { return w.mm.Munmap(w.t, pg(2), PageSize) }, false},
		{"cut off at its start", func(w *world, a *VMA) error { return w.mm.Munmap(w.t, pg(1), PageSize) }, true},
		{"split", func(w *world, a *VMA) error { return w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.lay(".AA..BB.")['A']
			at := func(addr uint64) (vma *VMA) {
				w.locked(func() { vma = w.mm.FindVMA(w.t, addr) })
				return vma
			}
			require.Same(t, a, at(pg(2)))
			require.NoError(t, c.change(w, a))
			require.Equal(t, c.want, at(pg(2)) == a)
		})
	}
}

// §17.1: in an empty address space find_vma and find_vma_prev return nil.
func TestFindVMAInNothing(t *testing.T) {
	w := newWorld(t)
	w.locked(func() {
		vma, prev := w.mm.FindVMAPrev(w.t, 0)
		require.Nil(t, vma)
		require.Nil(t, prev)
	})
}

// A look into an address space that has been torn down is a use after free.
func TestFindVMAAfterExit(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 1, protRW, private)
	w.mm.Grab(w.t)
	w.mm.Put(w.t)
	var bug *sim.Bug
	require.ErrorAs(t, w.bug(func() { w.readLocked(func() { w.mm.FindVMA(w.t, pg(0)) }) }), &bug)
	require.Equal(t, sim.BugUseAfterFree, bug.Kind)
}
