package mm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// tables returns the number of page tables at each level below the PGD: "pud pmd pte".
func (w *world) tables() (n [3]int) {
	var count func(tb *pgtable.Table)
	count = func(tb *pgtable.Table) {
		for i := range pgtable.Entries {
			if lower := tb.Child(i); lower != nil {
				n[pgtable.PUD-lower.Level()]++
				if lower.Level() > pgtable.PTE {
					count(lower)
				}
			}
		}
	}
	count(w.mm.pgd)
	return n
}

// MADV_DONTNEED drops the pages of its range and no others. It frees no page table
// (MW-6).
func TestZapRange(t *testing.T) {
	for _, c := range []struct{ from, to int }{{0, 8}, {0, 1}, {7, 8}, {2, 5}, {3, 4}} {
		w := newWorld(t)
		// Across a boundary of PTE tables.
		start := uint64(hugeBase - 4*PageSize)
		_, err := w.mm.Mmap(w.t, start, 8*PageSize, protRW, fixed, nil, 0)
		require.NoError(t, err)
		for i := range uint64(8) {
			w.storeAt(start+i*PageSize, byte(1+i))
		}
		before := w.tables()
		require.NoError(t, w.mm.Madvise(w.t, start+uint64(c.from)*PageSize, uint64(c.to-c.from)*PageSize, MadvDontNeed))
		require.EqualValues(t, 8-(c.to-c.from), w.memory.InUse())
		require.Equal(t, before, w.tables())
		w.frames()
		for i := range 8 {
			want := byte(1 + i)
			if c.from <= i && i < c.to {
				want = 0
			}
			require.Equal(t, want, w.loadAt(start+uint64(i)*PageSize), "page %d", i)
		}
		w.frames()
	}
}

// munmap frees a table if no VMA covers any of its range; floor and ceiling are the
// bounds of the neighbours (MW-6).
func TestFreePgtables(t *testing.T) {
	const middle = uint64(1)<<39 + 1<<30 + PMDSize + 8*PageSize
	for _, c := range []struct {
		name     string
		distance uint64
		left     [3]int
	}{
		{"alone", 0, [3]int{}},
		{"neighbour in the same table", PageSize, [3]int{1, 1, 1}},
		{"in the same 1 GiB", PMDSize, [3]int{1, 1, 1}},
		{"in the same 512 GiB", 1 << 30, [3]int{1, 1, 1}},
		{"elsewhere", 1 << 39, [3]int{1, 1, 1}},
	} {
		for _, below := range []bool{true, false} {
			for _, touched := range []bool{true, false} {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t)
					neighbour := middle + c.distance
					if below {
						neighbour = middle - c.distance
					}
					_, err := w.mm.Mmap(w.t, middle, PageSize, protRW, fixed, nil, 0)
					require.NoError(t, err)
					if c.distance != 0 {
						_, err := w.mm.Mmap(w.t, neighbour, PageSize, protRW, fixed, nil, 0)
						require.NoError(t, err)
						if touched {
							w.storeAt(neighbour, 'n')
						}
					}
					w.storeAt(middle, 'm')
					require.NoError(t, w.mm.Munmap(w.t, middle, PageSize))
					w.frames()
					want := c.left
					if !touched && c.distance != 0 {
						// Only the tables that cover both VMAs exist.
						want = map[uint64][3]int{PageSize: {1, 1, 1}, PMDSize: {1, 1, 0}, 1 << 30: {1, 0, 0}, 1 << 39: {}}[c.distance]
					}
					require.Equal(t, want, w.tables())
					if c.distance != 0 {
						if touched {
							require.Equal(t, byte('n'), w.loadAt(neighbour))
						}
						require.NoError(t, w.mm.Munmap(w.t, neighbour, PageSize))
					}
					require.Equal(t, [3]int{}, w.tables())
					require.True(t, w.mm.pgd.Empty(sim.Observer()))
					w.frames()
				})
			}
		}
	}
}

// A munmap of a range with several VMAs also frees the tables between them, and the last
// table of the address space, whose range extends beyond TaskSize.
func TestFreePgtablesWide(t *testing.T) {
	w := newWorld(t)
	for _, addr := range []uint64{DefaultMmapMinAddr, hugeBase, 1 << 45, TaskSize - PageSize} {
		_, err := w.mm.Mmap(w.t, addr, PageSize, protRW, fixed, nil, 0)
		require.NoError(t, err)
		w.storeAt(addr, 1)
	}
	require.Equal(t, [3]int{3, 4, 4}, w.tables())
	require.NoError(t, w.mm.Munmap(w.t, 0, TaskSize))
	require.Equal(t, [3]int{}, w.tables())
	require.Zero(t, w.memory.InUse())
	w.frames()
}

// Reading an entry of a freed table is a use after free.
func TestFreedTableIsDead(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.store(0, 1)
	pte := w.mm.pteTable(sim.Observer(), base)
	require.NoError(t, w.mm.Munmap(w.t, base, PageSize))
	require.Panics(t, func() { pte.Load(w.t, 0) })
}

// A mapping of 2^47 bytes costs no more than one page to map, zap, protect, fork,
// populate (without access) and unmap.
func TestHugeMappingCostsNothing(t *testing.T) {
	const start, length = DefaultMmapMinAddr, TaskSize - DefaultMmapMinAddr
	w := newWorld(t)
	_, err := w.mm.Mmap(w.t, start, length, protRW, fixed|MapNoReserve, nil, 0)
	require.NoError(t, err)
	require.Equal(t, [3]int{}, w.tables())
	far := []uint64{start, 1 << 46, TaskSize - PageSize}
	for _, addr := range far {
		w.storeAt(addr, 'x')
	}
	require.Equal(t, [3]int{3, 3, 3}, w.tables())
	require.EqualValues(t, 3, w.memory.InUse())
	child := w.forked()
	require.NoError(t, w.mm.Mprotect(w.t, start, length, ProtRead))
	require.NoError(t, w.mm.Mprotect(w.t, start, length, protRW))
	require.NoError(t, w.mm.Madvise(w.t, start, length, MadvDontNeed))
	w.check()
	for _, addr := range far {
		require.Equal(t, byte('x'), child.loadAt(addr))
		require.Zero(t, w.loadAt(addr))
	}
	child.mm.Put(child.t)
	require.NoError(t, w.mm.Munmap(w.t, start, length))
	w.frames()

	grow := testing.AllocsPerRun(10, func() {
		_, err := w.mm.Mmap(w.t, start, length, protRW, fixed|MapNoReserve, nil, 0)
		require.NoError(t, err)
		require.NoError(t, w.mm.Munmap(w.t, start, length))
	})
	require.Less(t, grow, 200.0)
}

// mprotect removes rights at once and grants write access at the next fault. Pages
// without any access keep their bytes.
func TestChangeProtection(t *testing.T) {
	w := newWorld(t)
	w.mapped(4, protRW, nil)
	for i := range 3 {
		w.store(i, byte(i))
	}
	w.load(3)
	bits := func() string {
		var out []string
		for i := range 4 {
			e, s := w.entry(pg(i)).Entry, ""
			if e.Write() {
				s = "w"
			}
			if e.User() {
				s = "r" + s
			}
			if !e.Present() {
				s = "none"
			}
			out = append(out, s)
		}
		return strings.Join(out, ",")
	}
	require.Equal(t, "rw,rw,rw,r", bits())
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), 3*PageSize, ProtRead))
	require.Equal(t, "rw,r,r,r", bits())
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), PageSize, ProtNone))
	require.Equal(t, "rw,r,,r", bits())
	w.frames()
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), 4*PageSize, protRW))
	require.Equal(t, "rw,r,r,r", bits())
	inUse := w.memory.InUse()
	for i := range 3 {
		require.Equal(t, byte(i), w.load(i))
		w.store(i, 9)
	}
	require.Equal(t, inUse, w.memory.InUse(), "made writable without a copy")
	w.store(3, 9)
	require.Equal(t, inUse+1, w.memory.InUse(), "the zero page is copied")
	require.Equal(t, "rw,rw,rw,rw", bits())
	w.frames()
}

// mremap moves entries of every kind, to any index of the new tables. It splits huge
// pages.
func TestMovePageTables(t *testing.T) {
	for _, shift := range []uint64{0, PageSize, 300 * PageSize} {
		for _, huge := range []bool{false, true} {
			w := newWorld(t)
			w.mapHuge(2, nil)
			if !huge {
				w.mm.THP = THPNever
			}
			for i := uint64(0); i < 2*pgtable.Entries; i += 37 {
				w.storeAt(hugeBase+i*PageSize, byte(i))
			}
			w.loadAt(hugeBase + PageSize)
			inUse := w.memory.InUse()
			to := uint64(1)<<40 + shift
			_, err := w.mm.Mremap(w.t, hugeBase, 2*PMDSize, 2*PMDSize, MremapMayMove|MremapFixed, to)
			require.NoError(t, err)
			require.Equal(t, inUse, w.memory.InUse())
			require.Zero(t, w.entry(hugeBase).Entry)
			w.frames()
			for i := uint64(0); i < 2*pgtable.Entries; i += 37 {
				require.True(t, w.present(to+i*PageSize))
				require.Equal(t, byte(i), w.loadAt(to+i*PageSize))
			}
			w.frames()
		}
	}
}

// A move that runs out of memory moves all entries back.
func TestMovePageTablesFails(t *testing.T) {
	for _, site := range []string{"pmd_alloc", "pte_alloc"} {
		for k := 1; k <= 2; k++ {
			w := newWorld(t)
			const from, to = 1<<40 - 4*PageSize, 1<<41 - 4*PageSize // across the tables of every level
			_, err := w.mm.Mmap(w.t, from, 8*PageSize, protRW, fixed, nil, 0)
			require.NoError(t, err)
			for i := range uint64(8) {
				w.storeAt(from+i*PageSize, byte('a'+i))
			}
			w.failAt(site, k)
			_, err = w.mm.Mremap(w.t, from, 8*PageSize, 8*PageSize, MremapMayMove|MremapFixed, to)
			w.t.InjectFaults(nil)
			require.Equal(t, errno.ENOMEM, err)
			w.frames()
			for i := range uint64(8) {
				require.Equal(t, byte('a'+i), w.loadAt(from+i*PageSize))
			}
			require.Equal(t, [3]int{2, 2, 2}, w.tables())
			require.EqualValues(t, 8, w.memory.InUse())
			w.frames()
		}
	}
}

// mremap can move entries from a table with other entries, or within one table.
func TestMoveWithinTable(t *testing.T) {
	w := newWorld(t)
	w.mapped(4, protRW, nil)
	for i := range 4 {
		w.store(i, byte(i))
	}
	_, err := w.mm.Mremap(w.t, pg(1), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(8))
	require.NoError(t, err)
	w.frames()
	_, err = w.mm.Mremap(w.t, pg(8), PageSize, PageSize, MremapMayMove|MremapFixed, hugeBase)
	require.NoError(t, err)
	w.frames()
	require.Equal(t, "\x00\x01\x02\x03", string([]byte{w.load(0), w.loadAt(hugeBase), w.load(9), w.load(3)}))
	require.EqualValues(t, 4, w.memory.InUse())
}
