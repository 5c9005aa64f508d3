package pgtable

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

const (
	base      = 0x100000
	swapEntry = Entry(0x5<<page.Shift | 0x20)
)

// world is a page table with one PTE table, which maps a page at base and the zero page
// after it.
type world struct {
	memory page.Memory
	pool   Pool
	t      *sim.Task
	pgd    *Table
	pte    *Table
}

func newWorld() *world {
	w := &world{t: (&sim.Free{}).Attach("t", nil)}
	w.memory.Init()
	w.pool.Init(&w.memory)
	w.pgd = w.pool.New(PGD, "mm", 0)
	w.pte = w.table(PTE, base)
	i := PTE.Index(base)
	bits := Present | User | Accessed
	f := w.memory.AllocZeroed(w.memory.Counter(0))
	w.pte.Map(w.t, i, f, Make(f.PFN(), bits|RW|Dirty))
	w.pte.Map(w.t, i+1, w.memory.Zero(), Make(w.memory.Zero().PFN(), bits|Special))
	return w
}

// table returns the table of the level that covers addr, and allocates the missing ones.
func (w *world) table(l Level, addr uint64) *Table {
	tb := w.pgd
	for tb.Level() > l {
		i := tb.Level().Index(addr)
		if tb.Child(i) == nil {
			tb.Populate(w.t, i, w.pool.New(tb.Level()-1, "mm", addr))
		}
		tb = tb.Child(i)
	}
	return tb
}

// anything is an address space that permits any entry.
type anything struct{}

func (anything) Maps(start, end uint64) bool                      { return true }
func (anything) Permits(Entry, *page.Frame, uint64, uint64) error { return nil }

// Check finds every inconsistency that it can report.
func TestCheck(t *testing.T) {
	huge := func(w *world) *Table {
		pmd, deposit := w.table(PMD, 0), w.pool.New(PTE, "mm", PMDSize)
		block := w.memory.AllocHuge(w.memory.Counter(0))
		for j := range block {
			deposit.Frames()[j] = &block[j]
		}
		pmd.SetHuge(w.t, 1, deposit, Present|RW|User|Huge)
		return deposit
	}
	for _, c := range []struct {
		want  string
		spoil func(w *world, pte *Table, j int)
	}{
		{"counts 2 entries and has 3", func(_ *world, pte *Table, j int) { pte.entries[j+2].Init(uint64(swapEntry)) }},
		{"in use after it was freed", func(_ *world, pte *Table, _ int) { pte.dead = true }},
		{"its frame has another number", func(w *world, pte *Table, j int) { pte.frames[j] = w.memory.Zero() }},
		{"is left behind it", func(w *world, pte *Table, j int) { pte.frames[j+2] = w.memory.Zero() }},
		{"the frame is free", func(_ *world, pte *Table, j int) { pte.frames[j].Drop() }},
		{"only an entry of the zero page is special", func(_ *world, pte *Table, j int) { pte.entries[j].Init(uint64(pte.Peek(j) | Special)) }},
		{"zero page is writable", func(_ *world, pte *Table, j int) { pte.entries[j+1].Init(uint64(pte.Peek(j+1) | RW)) }},
		{"no table of the next level", func(w *world, _ *Table, _ int) { w.table(PMD, base).lower[0].Init(nil) }},
		{"a pte table is left behind it", func(w *world, pte *Table, _ int) { w.table(PMD, base).lower[1].Init(pte) }},
		{"the table behind it has pfn", func(w *world, pte *Table, _ int) { pte.pfn++ }},
		{"its frame number is not that of its first frame", func(w *world, pte *Table, j int) { huge(w).frames[0] = pte.frames[j] }},
		{"deposited entry 5 has no frame", func(w *world, _ *Table, _ int) { huge(w).frames[5] = nil }},
		{"small page 5: the frame is free", func(w *world, _ *Table, _ int) { huge(w).frames[5].Drop() }},
		{"a huge page of that size is not modelled", func(w *world, _ *Table, _ int) {
			pud := w.table(PUD, 0)
			pud.entries[0].Init(uint64(pud.Peek(0) | Huge))
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			w := newWorld()
			require.NoError(t, w.pgd.Check(anything{}))
			c.spoil(w, w.pte, PTE.Index(base))
			require.ErrorContains(t, w.pgd.Check(anything{}), c.want)
		})
	}
	w := newWorld()
	huge(w)
	require.NoError(t, w.pgd.Check(anything{}))
	w.table(PMD, 0).Set(w.t, 2, swapEntry) // the migration entry of a huge page
	require.NoError(t, w.pgd.Check(anything{}))
}

// emptied is an address space without VMAs.
type emptied struct{ anything }

func (emptied) Maps(start, end uint64) bool { return false }

func TestCheckAsksVMAs(t *testing.T) {
	require.ErrorContains(t, newWorld().pgd.Check(emptied{}), "pte table at 0x0 covers nothing that is mapped")
}

// A recycled table is empty, and is reused for the same kind of level.
func TestRecycle(t *testing.T) {
	w := newWorld()
	require.EqualValues(t, 1, w.memory.InUse())
	w.pool.Recycle(w.pgd)
	require.Zero(t, w.memory.InUse())
	for _, l := range []Level{PTE, PMD, PUD, PGD} {
		tb := w.pool.New(l, "mm", base)
		require.Equal(t, l, tb.Level())
		require.True(t, tb.Empty(sim.Observer()))
		require.Equal(t, l == PTE, tb.frames != nil)
		require.Equal(t, l != PTE, tb.lower != nil)
		require.NoError(t, tb.Check(anything{}))
	}
}

func TestMoveEntry(t *testing.T) {
	next := func(i int) int { return i + 1 }
	require.Zero(t, MoveEntry(0, next), "offset 0 is the level, not an entry")
	var offset uintptr
	for MoveEntry(offset, next) == offset {
		offset++
	}
	require.Equal(t, offset+8, MoveEntry(offset, next))
	require.Equal(t, offset+8*511, MoveEntry(offset+8*510, next))
	require.Equal(t, offset+8*512, MoveEntry(offset+8*512, next), "the last entry is the 512th")
}
