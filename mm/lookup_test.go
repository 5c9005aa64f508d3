package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// §17.1: find_vma is the lowest VMA that ends above the address, and may begin above it;
// with none there, the predecessor is the highest VMA of all.
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
			{page(0), a, nil},
			{page(1) - 1, a, nil},
			{page(1), a, nil},
			{page(3) - 1, a, nil},
			{page(3), b, a}, // the end is not part of it
			{page(5) - 1, b, a},
			{page(5), b, a},
			{page(7) - 1, b, a},
			{page(7), nil, b},
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

// §17.1: an empty address space has neither.
func TestFindVMAInNothing(t *testing.T) {
	w := newWorld(t)
	w.locked(func() {
		vma, prev := w.mm.FindVMAPrev(w.t, 0)
		require.Nil(t, vma)
		require.Nil(t, prev)
	})
}
