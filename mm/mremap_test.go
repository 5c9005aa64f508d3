package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
)

func TestMremapErrors(t *testing.T) {
	const may, fix = MremapMayMove, MremapMayMove | MremapFixed
	for _, c := range []struct {
		name                 string
		addr, oldLen, newLen uint64
		flags                MremapFlags
		newAddr              uint64
		setup                func(w *world, p *VMA)
		want                 error
		stillMapped          string // after the error, if not everything
	}{
		{name: "unknown flags", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: 8, want: errno.EINVAL},
		{name: "fixed alone", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: MremapFixed, want: errno.EINVAL},
		{name: "unaligned", addr: pg(0) + 1, oldLen: PageSize, newLen: PageSize, want: errno.EINVAL},
		{name: "new length 0", addr: pg(0), oldLen: PageSize, want: errno.EINVAL},
		{name: "new length wraps around to 0", addr: pg(0), oldLen: PageSize, newLen: math.MaxUint64, want: errno.EINVAL},
		{name: "not mapped", addr: pg(4), oldLen: PageSize, newLen: 2 * PageSize, want: errno.EFAULT},
		{name: "across the end of the VMA", addr: pg(2), oldLen: 3 * PageSize, newLen: 4 * PageSize, flags: may, want: errno.EFAULT},
		{name: "hugetlb", addr: pg(0), oldLen: PageSize, newLen: 2 * PageSize, setup: func(_ *world, p *VMA) { p.Flags |= VMHugeTLB }, want: errno.EINVAL},
		{name: "offset wraps around", addr: pg(0), oldLen: 4 * PageSize, newLen: 5 * PageSize, flags: may, setup: func(_ *world, p *VMA) { p.Pgoff = math.MaxUint64 - 4 }, want: errno.EINVAL},
		{name: "must not expand", addr: pg(0), oldLen: 4 * PageSize, newLen: 5 * PageSize, flags: may, setup: func(_ *world, p *VMA) { p.Flags |= VMDontExpand }, want: errno.EFAULT},
		{name: "physical pages", addr: pg(0), oldLen: 4 * PageSize, newLen: 5 * PageSize, flags: may, setup: func(_ *world, p *VMA) { p.Flags |= VMPFNMap }, want: errno.EFAULT},
		{name: "no room and may not move", addr: pg(0), oldLen: 4 * PageSize, newLen: 7 * PageSize, want: errno.ENOMEM},
		{name: "not at the end and may not move", addr: pg(0), oldLen: PageSize, newLen: 2 * PageSize, want: errno.ENOMEM},
		{name: "too long for any place", addr: pg(0), oldLen: PageSize, newLen: TaskSize, flags: may, want: errno.ENOMEM},
		{name: "three below the limit", addr: pg(0), oldLen: PageSize, newLen: 2 * PageSize, flags: may, setup: func(w *world, _ *VMA) { w.mm.MaxMapCount = 2 + 3 }, want: errno.ENOMEM},
		{name: "no memory for the copy", addr: pg(0), oldLen: PageSize, newLen: 2 * PageSize, flags: may, setup: func(w *world, _ *VMA) { w.failAt("copy_vma", 1) }, want: errno.ENOMEM},
		{name: "target unaligned", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: pg(9) + 1, want: errno.EINVAL},
		{name: "target out of range", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: TaskSize, want: errno.EINVAL},
		{name: "target too long", addr: pg(0), oldLen: PageSize, newLen: TaskSize + PageSize, flags: fix, newAddr: pg(9), want: errno.EINVAL},
		{name: "target overlaps", addr: pg(0), oldLen: 4 * PageSize, newLen: 4 * PageSize, flags: fix, newAddr: pg(3), want: errno.EINVAL},
		{name: "target overlaps from below", addr: pg(2), oldLen: 2 * PageSize, newLen: 2 * PageSize, flags: fix, newAddr: pg(1), want: errno.EINVAL},
		{name: "target too low", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: PageSize, want: errno.EPERM},
		{name: "target unmapped in spite of an error", addr: pg(4), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: pg(6), want: errno.EFAULT, stillMapped: "####...###"},
		{name: "too many VMAs to come, seen first", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: pg(6), setup: func(w *world, _ *VMA) { w.mm.Facts.Mremap.CountsFirst, w.mm.MaxMapCount = true, 2+5 }, want: errno.ENOMEM},
		{name: "too many VMAs to come, seen too late", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: pg(6), setup: func(w *world, _ *VMA) { w.mm.MaxMapCount = 2 + 3 }, want: errno.ENOMEM, stillMapped: "####...###"},
		{name: "no memory to clear the target", addr: pg(0), oldLen: PageSize, newLen: PageSize, flags: fix, newAddr: pg(7), setup: func(w *world, _ *VMA) { w.failAt("split_vma", 1) }, want: errno.ENOMEM},
		{name: "no memory to cut the rest off", addr: pg(0), oldLen: 3 * PageSize, newLen: PageSize, flags: fix, newAddr: pg(20), setup: func(w *world, _ *VMA) { w.failAt("split_vma", 1) }, want: errno.ENOMEM},
		{name: "no memory to grow in place", addr: pg(0), oldLen: 4 * PageSize, newLen: 5 * PageSize, setup: func(w *world, _ *VMA) { w.mm.Facts.Mremap.MergesGrown = true; w.failAt("vma_merge", 1) }, want: errno.ENOMEM},
		{name: "rest unmapped in spite of an error", addr: pg(0), oldLen: 4 * PageSize, newLen: PageSize, flags: fix, newAddr: PageSize, want: errno.EPERM, stillMapped: "#.....####"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.lay("PPPP..QQQQ")['P']
			if c.setup != nil {
				c.setup(w, p)
			}
			_, err := w.mm.Mremap(w.t, c.addr, c.oldLen, c.newLen, c.flags, c.newAddr)
			require.Equal(t, c.want, err)
			w.check()
			if c.stillMapped == "" {
				c.stillMapped = "####..####"
			}
			require.Equal(t, c.stillMapped, mono(w.bar()))
		})
	}
}

func TestMremapInPlace(t *testing.T) {
	for _, c := range []struct {
		name             string
		at, oldLen, newL int
		after            string
	}{
		{"shrinks", 0, 4, 2, "PP....QQQQ"},
		{"shrinks in the middle", 1, 2, 1, "PP.a..QQQQ"},
		{"grows", 0, 4, 5, "PPPPP.QQQQ"},
		{"grows from inside", 2, 2, 3, "PPPPP.QQQQ"},
		{"grows up to the next, and does not merge", 0, 4, 6, "PPPPPPQQQQ"},
		{"stays", 0, 4, 4, "PPPP..QQQQ"},
		{"stays, though nothing is there", 4, 2, 2, "PPPP..QQQQ"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.lay("PPPP..QQQQ")['P']
			p.Userfault, p.Flags = &noUserfault{}, rw|VMUffdMissing
			addr, err := w.mm.Mremap(w.t, pg(c.at), uint64(c.oldLen)*PageSize, uint64(c.newL)*PageSize, 0, 0)
			require.NoError(t, err)
			require.Equal(t, pg(c.at), addr)
			w.check()
			require.Equal(t, c.after, w.bar())
			require.NotNil(t, w.at(0).Userfault, "§17.7: growth extends the registration")
		})
	}
}

// A mapping that moves keeps its pages, its flags and its registration (§17.7, 4.3).
func TestMremapMoves(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	for i := range 4 {
		w.store(i, 'a'+byte(i))
	}
	vma := w.at(0)
	ctx := &noUserfault{}
	vma.Userfault, vma.Flags = ctx, vma.Flags|VMUffdMissing
	flags, anon := vma.Flags, vma.AnonVMA()

	addr, err := w.mm.Mremap(w.t, pg(1), 2*PageSize, 3*PageSize, MremapMayMove|MremapFixed, pg(10))
	require.NoError(t, err)
	require.Equal(t, pg(10), addr)
	w.check()
	require.Equal(t, []string{"0-1 rw-p", "3-4 rw-p", "10-13 rw-p"}, w.maps())
	moved := w.at(10)
	require.Equal(t, flags, moved.Flags)
	require.Equal(t, ctx, moved.Userfault)
	require.Same(t, anon, moved.AnonVMA())
	require.Equal(t, pg(1)>>PageShift, moved.Pgoff, "memory with an anon_vma keeps its offset")
	require.EqualValues(t, 'b', w.load(10))
	require.EqualValues(t, 'c', w.load(11))
	require.EqualValues(t, 4, w.memory.InUse())

	// Moved back, it merges again.
	_, err = w.mm.Mremap(w.t, pg(10), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(1))
	require.NoError(t, err)
	w.check()
	require.Equal(t, []string{"0-4 rw-p", "12-13 rw-p"}, w.maps())
	require.EqualValues(t, 'b', w.load(1))
}

// Memory without an anon_vma gets the offset for its new address, so that it can merge
// there, even with itself.
func TestMremapUnfaulted(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPP....QQQQ")
	_, err := w.mm.Mremap(w.t, pg(8), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(4))
	require.NoError(t, err)
	w.check()
	require.Equal(t, "PPPPPP....QQ", w.bar())

	_, err = w.mm.Mremap(w.t, pg(0), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(6))
	require.NoError(t, err)
	w.check()
	require.Equal(t, "..PPPPPP..QQ", w.bar(), "the VMA grew at one end and lost the other")

	_, err = w.mm.Mremap(w.t, pg(10), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(8))
	require.NoError(t, err)
	w.check()
	require.Equal(t, "..PPPPPPPP", w.bar(), "the copy is between the VMA itself and P")
}

func TestMremapMovesByItself(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPPQQQQ")
	addr, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 8*PageSize, MremapMayMove, 0)
	require.NoError(t, err)
	require.EqualValues(t, DefaultMmapBase-8*PageSize, addr)
	w.check()
	require.Nil(t, w.at(0))
}

// An old length of 0 duplicates the mapping.
func TestMremapDuplicates(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, shared)
	w.store(2, 'x')
	_, err := w.mm.Mremap(w.t, pg(0), 0, 4*PageSize, MremapMayMove|MremapFixed, pg(10))
	require.NoError(t, err)
	w.check()
	require.Equal(t, []string{"0-4 rw-s", "10-14 rw-s"}, w.maps())
	require.EqualValues(t, 'x', w.load(12))
}

// If the tables for the new place cannot be allocated, the mapping stays where it was.
func TestMremapRollsBack(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.store(1, 'x')
	w.failAt("pte_alloc", 1)
	_, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 4*PageSize, MremapMayMove|MremapFixed, pg(10000))
	require.Equal(t, errno.ENOMEM, err)
	w.check()
	require.Equal(t, []string{"0-4 rw-p"}, w.maps())
	require.EqualValues(t, 'x', w.load(1))
}

// If only some tables for the new place can be allocated, the pages already moved are
// moved back.
func TestMremapMovesBack(t *testing.T) {
	const from, to, target = 250, 260, 250 + 20*512 // both across the end of a table
	w := newWorld(t)
	w.mmap(from, to, protRW, private)
	w.store(251, 'x')
	w.store(257, 'y')
	w.failAt("pte_alloc", 2)
	_, err := w.mm.Mremap(w.t, pg(from), 10*PageSize, 10*PageSize, MremapMayMove|MremapFixed, pg(target))
	require.Equal(t, errno.ENOMEM, err)
	w.check()
	require.Equal(t, []string{"250-260 rw-p"}, w.maps())
	require.EqualValues(t, 'x', w.load(251))
	require.EqualValues(t, 'y', w.load(257))
	require.EqualValues(t, 2, w.memory.InUse())
}

// The source may merge with its own copy: here P swallows Q. mremap must then use P as
// the source.
func TestMremapSourceMergedAway(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPP..QQQQ")
	w.failAt("split_vma", 1)
	_, err := w.mm.Mremap(w.t, pg(8), 2*PageSize, 2*PageSize, MremapMayMove|MremapFixed, pg(4))
	require.NoError(t, err)
	w.check()
	require.Equal(t, "PPPPPPPPPP", w.bar())
	require.Zero(t, w.at(0).Flags&VMAccount)
}

// If the old range cannot be split off it stays mapped, without pages and charge.
func TestMremapCannotUnmap(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.store(1, 'x')
	w.failAt("split_vma", 1)
	_, err := w.mm.Mremap(w.t, pg(1), PageSize, PageSize, MremapMayMove|MremapFixed, pg(10))
	require.NoError(t, err)
	w.check()
	require.Equal(t, []string{"0-4 rw-p", "10-11 rw-p"}, w.maps())
	require.Zero(t, w.at(0).Flags&VMAccount)
	require.EqualValues(t, 'x', w.load(10))
	require.Zero(t, w.load(1))
}

// Since 6.17 all checks of the arguments precede the first change.
func TestMremapChecked(t *testing.T) {
	checked := func(t *testing.T, bar string) *world {
		w := newWorld(t)
		w.mm.Facts.Mremap.ChecksFirst = true
		w.lay(bar)
		return w
	}
	const fix = MremapMayMove | MremapFixed
	t.Run("grows elsewhere", func(t *testing.T) {
		w := checked(t, "PPPPQQQQ")
		addr, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 8*PageSize, MremapMayMove, 0)
		require.NoError(t, err)
		require.EqualValues(t, DefaultMmapBase-8*PageSize, addr)
		w.check()
		require.Nil(t, w.at(0))
	})
	t.Run("no room", func(t *testing.T) {
		w := checked(t, "PPPPQQQQ")
		_, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, TaskSize, MremapMayMove, 0)
		require.Equal(t, errno.ENOMEM, err)
		require.Equal(t, "PPPPQQQQ", w.bar())
	})
	t.Run("may not move", func(t *testing.T) {
		w := checked(t, "PPPPQQQQ")
		_, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 8*PageSize, 0, 0)
		require.Equal(t, errno.ENOMEM, err)
	})
	t.Run("room for six VMAs is asked for", func(t *testing.T) {
		for limit, want := range map[int]error{6: errno.ENOMEM, 7: errno.ENOMEM, 8: nil} {
			w := checked(t, "PPPPQQQQ")
			w.mm.MaxMapCount = limit
			_, err := w.mm.Mremap(w.t, pg(0), PageSize, PageSize, fix, pg(10))
			require.Equal(t, want, err, "with %d", limit)
		}
	})
	t.Run("no memory to clear the target", func(t *testing.T) {
		w := checked(t, "PPPPQQQQ")
		w.failAt("split_vma", 1)
		_, err := w.mm.Mremap(w.t, pg(0), PageSize, PageSize, fix, pg(5))
		require.Equal(t, errno.ENOMEM, err)
		require.Equal(t, "PPPPQQQQ", w.bar())
	})
	t.Run("no memory to cut the rest off", func(t *testing.T) {
		w := checked(t, "PPPPQQQQ")
		w.failAt("split_vma", 1)
		_, err := w.mm.Mremap(w.t, pg(0), 3*PageSize, PageSize, fix, pg(20))
		require.Equal(t, errno.ENOMEM, err)
		require.Equal(t, "PPPPQQQQ", w.bar())
	})
	t.Run("the second of two cannot go", func(t *testing.T) {
		w := checked(t, "PPQQ")
		w.at(2).Flags |= VMHugeTLB
		_, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 4*PageSize, fix, pg(10))
		require.Equal(t, errno.EINVAL, err)
		require.Nil(t, w.at(0), "the first has moved")
		require.NotNil(t, w.at(10))
		require.NotNil(t, w.at(2))
	})
}
