package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrameReferences(t *testing.T) {
	m := NewMemory()
	require.Zero(t, m.InUse(), "the zero page does not count")
	require.True(t, m.zero.isZeroPage())
	f, g := m.allocZeroed(m.counter(0)), m.allocZeroed(m.counter(0))
	require.NotEqual(t, f.pfn, g.pfn)
	require.NotEqual(t, m.zero.pfn, f.pfn)
	require.EqualValues(t, 2, m.InUse())
	require.False(t, f.shared())
	f.get()
	require.True(t, f.shared())
	f.put()
	require.EqualValues(t, 2, m.InUse())
	f.put()
	g.put()
	require.Zero(t, m.InUse())
}

// A frame that is used again has a new number and old bytes only if it is to be
// overwritten.
func TestFrameReuse(t *testing.T) {
	m := NewMemory()
	seen := map[uint64]bool{m.zero.pfn: true}
	for range 100 {
		f := m.allocZeroed(m.counter(0))
		require.False(t, seen[f.pfn])
		seen[f.pfn] = true
		require.Equal(t, [PageSize]byte{}, *f.data)
		f.data[7] = 1
		f.put()
	}
}

// On a machine that keeps numbers it has its old one, and no two frames in use have the same.
func TestFrameKeepsNumber(t *testing.T) {
	m := NewMemory()
	m.KeepsNumbers = true
	f := m.alloc(m.counter(1))
	first := f.pfn
	f.put()
	seen := map[uint64]bool{m.zero.pfn: true}
	for i := range uint64(100) {
		f := m.alloc(m.counter(i))
		require.False(t, seen[f.pfn])
		seen[f.pfn] = true
	}
	require.Contains(t, seen, first)
	require.LessOrEqual(t, len(seen), 102)
	require.EqualValues(t, 100, m.InUse())
}

func TestHugeFrames(t *testing.T) {
	m := NewMemory()
	block := m.allocHuge(m.counter(0))
	require.EqualValues(t, tableEntries, m.InUse())
	for i := range block {
		f := &block[i]
		require.Equal(t, block[0].pfn+uint64(i), f.pfn, "contiguous")
		f.data[0] = byte(i)
	}
	require.Equal(t, byte(7), block[7].data[0], "bytes of their own")
	next := m.allocZeroed(m.counter(0))
	require.Greater(t, next.pfn, block[tableEntries-1].pfn)
	next.put()
	for i := range block {
		block[i].put()
	}
	require.Zero(t, m.InUse())
}

// CheckFrames finds what it is for.
func TestCheckFrames(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	w.store(0, 1)
	w.load(1)
	require.NoError(t, CheckFrames(w.mm))
	f := w.mm.pteTable(base).frames[levelPTE.index(base)]
	f.get()
	require.ErrorContains(t, CheckFrames(w.mm), "2 references and 1 holders")
	f.put()
	leaked := w.memory.allocZeroed(w.memory.counter(0))
	require.ErrorContains(t, CheckFrames(w.mm), "2 frames in use, 1 with a holder")
	leaked.put()
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	require.ErrorContains(t, CheckFrames(w.mm), "2 references and 1 holders")
	require.NoError(t, CheckFrames(w.mm, child))
	w.memory.zero.get()
	require.ErrorContains(t, CheckFrames(w.mm, child), "zero page has 2 references")
}

// checkPageTable finds what it is for.
func TestCheckPageTable(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(w *world, pte *table, j int)
	}{
		{"counts 2 entries and has 3", func(_ *world, pte *table, j int) { pte.entries[j+2].Init(swapEntry) }},
		{"covers nothing that is mapped", func(w *world, _ *table, _ int) { w.mm.pteAlloc(w.t, w.mm.pmdAlloc(w.t, 1<<40), 1<<40) }},
		{"in use after it was freed", func(_ *world, pte *table, _ int) { pte.dead = true }},
		{"frame behind it is another", func(w *world, pte *table, j int) { pte.frames[j] = w.mm.memory.zero }},
		{"is left behind it", func(w *world, pte *table, j int) { pte.frames[j+2] = w.mm.memory.zero }},
		{"in no VMA", func(w *world, pte *table, j int) { w.mm.resize(w.t, w.at(0), page(1), page(4)) }},
		{"the frame is free", func(_ *world, pte *table, j int) { pte.frames[j].put() }},
		{"it alone, is special", func(_ *world, pte *table, j int) { pte.entries[j].Init(pte.entries[j].Peek() | entrySpecial) }},
		{"zero page is writable", func(_ *world, pte *table, j int) { pte.entries[j+1].Init(pte.entries[j+1].Peek() | entryRW) }},
		{"more rights", func(w *world, _ *table, _ int) { w.at(0).Flags &^= VMWrite }},
		{"shared by 2 in private memory", func(_ *world, pte *table, j int) { pte.frames[j].get() }},
	} {
		t.Run(c.want, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(4, protRW, nil)
			w.store(0, 1)
			w.load(1)
			require.NoError(t, w.mm.checkPageTable())
			c.spoil(w, w.mm.pteTable(base), levelPTE.index(base))
			require.ErrorContains(t, w.mm.checkPageTable(), c.want)
		})
	}
}

// A memory with a limit gives out that many frames and tables, and not one more.
func TestMaxPages(t *testing.T) {
	m := NewMemory()
	m.MaxPages = tableEntries + 2
	New(m) // its pgd is the first
	m.alloc(m.counter(0)).put()
	m.allocHuge(m.counter(0))
	require.PanicsWithError(t, "out of memory in alloc_pages: more than 514 pages", func() { m.alloc(m.counter(0)) })
}
