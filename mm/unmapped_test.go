package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"pgregory.net/rapid"
)

func TestMmapChoosesAddress(t *testing.T) {
	const top = DefaultMmapBase
	w := newWorld(t)
	get := func(hint, pages uint64) uint64 {
		t.Helper()
		addr, err := w.mm.Mmap(w.t, hint, pages*PageSize, ProtNone, private|MapNoReserve, nil, 0)
		require.NoError(t, err)
		w.check()
		return addr
	}
	require.EqualValues(t, top-4*PageSize, get(0, 4), "top down")
	require.EqualValues(t, top-8*PageSize, get(0, 4))
	require.EqualValues(t, pg(0), get(pg(0)+5, 1), "a hint is rounded down")
	require.EqualValues(t, top-9*PageSize, get(pg(0), 1), "a hint that is not free is ignored")
	require.EqualValues(t, top-10*PageSize, get(1, 1), "a hint in the first page is no hint")
	require.EqualValues(t, DefaultMmapMinAddr, get(PageSize, 1), "a low hint is raised")
	require.EqualValues(t, top, get(top, 1), "a hint may lie above mmap_base")
	require.NoError(t, w.mm.Munmap(w.t, top-6*PageSize, 2*PageSize))
	require.EqualValues(t, top-6*PageSize, get(0, 2), "the highest gap that fits")
	require.EqualValues(t, top-13*PageSize, get(TaskSize-PageSize, 3), "a hint that does not fit")
}

// If no gap below mmap_base is large enough, the rest is searched from the bottom up.
func TestMmapBottomUp(t *testing.T) {
	w := newWorld(t)
	w.mm.MmapBase = 4 * DefaultMmapMinAddr
	addr, err := w.mm.Mmap(w.t, 0, 3*DefaultMmapMinAddr, ProtNone, private, nil, 0)
	require.NoError(t, err)
	require.EqualValues(t, DefaultMmapMinAddr, addr)
	third := PageAlign(TaskSize / 3)
	for i := range uint64(3) {
		addr, err = w.mm.Mmap(w.t, 0, PageSize, ProtNone, private, nil, 0)
		require.NoError(t, err)
		require.Equal(t, third+i*PageSize, addr)
	}
	_, err = w.mm.Mmap(w.t, 0, TaskSize-third, ProtNone, private, nil, 0)
	require.Equal(t, errno.ENOMEM, err)
}

// The searches return the same result as a search that tries every page.
func TestUnmappedArea(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const pages = 64
		w := newWorld(t)
		w.mm.TaskSize = pg(pages)
		used := [pages]bool{}
		w.locked(func() {
			for i := rapid.IntRange(0, 3).Draw(r, "first"); i < pages; {
				n := rapid.IntRange(1, 6).Draw(r, "VMA")
				end := min(i+n, pages)
				w.mm.insert(w.t, &VMA{Start: pg(i), End: pg(end), mm: w.mm}, w.mm.highest())
				for ; i < end; i++ {
					used[i] = true
				}
				i += rapid.IntRange(0, 12).Draw(r, "gap")
			}
		})
		low := rapid.IntRange(0, pages).Draw(r, "low")
		high := rapid.IntRange(0, pages).Draw(r, "high")
		n := rapid.IntRange(1, 12).Draw(r, "length")
		fits := func(at int) bool {
			for i := at; i < at+n; i++ {
				if used[i] {
					return false
				}
			}
			return true
		}
		lowest, highest := -1, -1
		for at := low; at+n <= high; at++ {
			if fits(at) {
				if lowest < 0 {
					lowest = at
				}
				highest = at
			}
		}
		length := uint64(n) * PageSize
		addr, ok := w.mm.unmappedAreaTopdown(length, pg(low), pg(high))
		require.Equal(r, highest >= 0, ok, "top down")
		if ok {
			require.Equal(r, pg(highest), addr, "top down")
		}
		addr, ok = w.mm.unmappedArea(length, pg(low), pg(high))
		require.Equal(r, lowest >= 0, ok, "bottom up")
		if ok {
			require.Equal(r, pg(lowest), addr, "bottom up")
		}
	})
}
