package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/vfs"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name     string
		newBelow bool
		after    string
	}{
		{"§17.6 new below", true, "aaPPPP"},
		{"§17.6 new above", false, "PPaaaa"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.lay("PPPPPP")['P']
			p.Userfault, p.Flags = &noUserfault{}, rw|VMUffdMissing
			p.File = vfs.NewFile("f", &vfs.FileOperations{}, 0, nil)
			p.anon.Init(&AnonVMA{chain: 2})
			p.Pgoff = 100
			w.locked(func() { require.NoError(t, w.mm.SplitVMA(w.t, p, pg(2), c.newBelow)) })
			require.Equal(t, c.after, w.bar())
			lower, upper := w.at(0), w.at(2)
			require.EqualValues(t, 100, lower.Pgoff)
			require.EqualValues(t, 102, upper.Pgoff)
			require.Equal(t, lower.Userfault, upper.Userfault)
			require.Equal(t, lower.Flags, upper.Flags)
			require.Same(t, lower.AnonVMA(), upper.AnonVMA())
			require.EqualValues(t, 2, p.File.Count())
		})
	}
}

func TestSplitLimit(t *testing.T) {
	w := newWorld(t)
	p := w.lay("PPPPPP")['P']
	w.mm.MaxMapCount = 1
	w.locked(func() {
		require.Equal(t, errno.ENOMEM, w.mm.SplitVMA(w.t, p, pg(2), true), "§17.6 at the limit")
		require.NoError(t, w.mm.splitVMA(w.t, p, pg(2), true), "§17.6 __split_vma has no limit")
	})
	require.Equal(t, 2, w.mm.mapCount)
}

func TestSplitAllocationFailure(t *testing.T) {
	w := newWorld(t)
	p := w.lay("PPPPPP")['P']
	w.failAt("split_vma", 1)
	w.locked(func() { require.Equal(t, errno.ENOMEM, w.mm.SplitVMA(w.t, p, pg(2), true)) })
	require.Equal(t, "PPPPPP", w.bar())
}

// The parts of a split VMA merge to the original, even for faulted memory, because they
// have the same anon_vma (§17.5).
func TestSplitMerge(t *testing.T) {
	w := newWorld(t)
	p := w.lay("PPPPPP")['P']
	require.NoError(t, p.anonVMAPrepare(w.t))
	w.locked(func() {
		require.NoError(t, w.mm.SplitVMA(w.t, p, pg(2), false))
		upper := w.at(2)
		require.Same(t, p, w.mm.VMAMerge(w.t, p, upper.Start, upper.End, new(upper.Attributes())))
	})
	require.Equal(t, "PPPPPP", w.bar())
}

// A huge page never contains the bound of a VMA: an operation that moves a bound there
// splits the huge page, and keeps its bytes.
func TestSplitHugePage(t *testing.T) {
	const from, to = 1792, 1792 + PMDSize/PageSize // columns of a huge page
	for _, c := range []struct {
		name  string
		moves func(w *world) error
		want  []string
	}{
		{"split", func(w *world) error { return w.mm.Mprotect(w.t, pg(from+3), 2*PageSize, ProtRead) },
			[]string{"1792-1795 rw-p", "1795-1797 r--p", "1797-2304 rw-p"}},
		{"case 4", func(w *world) error {
			if err := w.mm.Mprotect(w.t, pg(to), PageSize, ProtRead); err != nil {
				return err
			}
			return w.mm.Mprotect(w.t, pg(to-3), 3*PageSize, ProtRead)
		}, []string{"1792-2301 rw-p", "2301-2305 r--p"}},
		// A registration splits VMAs, but does not change the page table itself.
		{"new below", func(w *world) error { return w.split(from+3, true) }, []string{"1792-1795 rw-p", "1795-2304 rw-p"}},
		{"new above", func(w *world) error { return w.split(from+3, false) }, []string{"1792-1795 rw-p", "1795-2304 rw-p"}},
		{"munmap", func(w *world) error { return w.mm.Munmap(w.t, pg(from), 3*PageSize) }, []string{"1795-2304 rw-p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mm.THP = THPAlways
			w.mmap(from, to, protRW, private)
			if c.name == "case 4" {
				w.mmap(to, to+1, protRW, private)
			}
			w.store(from+10, 'x')
			require.Len(t, w.mm.PageWalk(pg(from+10)), 3, "a huge page")
			require.NoError(t, c.moves(w))
			w.check()
			require.Equal(t, c.want, w.maps())
			require.Len(t, w.mm.PageWalk(pg(from+10)), 4, "small pages")
			require.EqualValues(t, 'x', w.load(from+10))
		})
	}
}

// split splits the VMA at the column.
func (w *world) split(column int, newBelow bool) error {
	w.mm.MmapLock.DownWrite(w.t)
	err := w.mm.SplitVMA(w.t, w.at(column), pg(column), newBelow)
	w.mm.MmapLock.UpWrite(w.t)
	return err
}
