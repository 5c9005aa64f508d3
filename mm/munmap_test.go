package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
)

func TestMunmap(t *testing.T) {
	for _, c := range []struct{ before, span, after string }{
		{"PPPPPPPP", "AAAAAAAA", ""},
		{"PPPPPPPP", "AAAA", "....PPPP"},
		{"PPPPPPPP", "    AAAA", "PPPP"},
		{"PPPPPPPP", "  AAAA", "PP....PP"},
		{"PPQQ.RRS", " AAAAA", "P.....RS"},
		{"PP....QQ", "  AAAA", "PP....QQ"},
		{"..PPPP", "AA", "..PPPP"},
		{"PPPP", "      AA", "PPPP"},
		{"..PP", "AAAAAAAA", ""},
	} {
		t.Run(c.before+" "+c.span, func(t *testing.T) {
			w := newWorld(t)
			w.lay(c.before)
			start, end := span(c.span)
			require.NoError(t, w.mm.Munmap(w.t, start, end-start))
			w.check()
			// Which VMA object is new does not matter here: use one letter for all.
			require.Equal(t, mono(c.after), mono(w.bar()))
		})
	}
}

// mono replaces every letter of a bar by '#'.
func mono(bar string) string {
	b := []byte(bar)
	for i := range b {
		if b[i] != '.' {
			b[i] = '#'
		}
	}
	return string(b)
}

// The VMA object stays part of the remaining mapping, because mremap keeps a pointer to
// it.
func TestMunmapKeepsTheVMA(t *testing.T) {
	for _, c := range []struct{ span, after string }{
		{"AA", "..PPPP"},
		{"    AA", "PPPP"},
		{"  AA", "PP..aa"},
	} {
		w := newWorld(t)
		w.lay("PPPPPP")
		start, end := span(c.span)
		require.NoError(t, w.mm.Munmap(w.t, start, end-start))
		require.Equal(t, c.after, w.bar())
	}
}

func TestMunmapErrors(t *testing.T) {
	for _, c := range []struct {
		name          string
		start, length uint64
	}{
		{"unaligned", pg(0) + 1, PageSize},
		{"length 0", pg(0), 0},
		{"beyond the end", TaskSize + PageSize, PageSize},
		{"across the end", TaskSize - PageSize, 2 * PageSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.lay("PPPP")
			require.Equal(t, errno.EINVAL, w.mm.Munmap(w.t, c.start, c.length))
			require.Equal(t, "PPPP", w.bar())
		})
	}
	w := newWorld(t)
	w.lay("PPPP")
	require.NoError(t, w.mm.Munmap(w.t, pg(3), 1), "a length is rounded up")
	require.Equal(t, "PPP", w.bar())
}

// §17.6: munmap may exceed the limit temporarily, but makes no hole at the limit.
func TestMunmapAtLimit(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPPPPPP.QQQQ")
	w.mm.MaxMapCount = 2
	require.Equal(t, errno.ENOMEM, w.mm.Munmap(w.t, pg(2), 2*PageSize))
	require.Equal(t, "PPPPPPPP.QQQQ", w.bar())
	require.NoError(t, w.mm.Munmap(w.t, pg(6), 4*PageSize), "two splits, but not too many VMAs afterwards")
	w.check()
	require.Equal(t, "######....###", mono(w.bar()))
}

func TestMunmapAllocationFailure(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPPPPPP")
	w.failAt("split_vma", 2)
	require.Equal(t, errno.ENOMEM, w.mm.Munmap(w.t, pg(2), 2*PageSize))
	w.check()
	require.Equal(t, "PPaaaaaa", w.bar(), "the first split stays")
}

func TestMunmapFreesPages(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 8, protRW, private)
	for i := range 8 {
		w.store(i, 'x')
	}
	require.EqualValues(t, 8, w.memory.InUse())
	require.NoError(t, w.mm.Munmap(w.t, pg(2), 4*PageSize))
	require.EqualValues(t, 4, w.memory.InUse())
	require.NoError(t, w.mm.Munmap(w.t, pg(0), 8*PageSize))
	require.Zero(t, w.memory.InUse())
	for _, l := range w.mm.PageWalk(pg(0)) {
		require.Zero(t, l.Entry, "the tables are freed, too")
	}
}

// munmap and exit call the Close of a VMA.
func TestMunmapCloses(t *testing.T) {
	w := newWorld(t)
	closed := []string{}
	for c, vma := range w.lay("PPPPQQQQ") {
		vma.Ops = &VMOperations{Close: func(*VMA) { closed = append(closed, string(c)) }}
	}
	require.NoError(t, w.mm.Munmap(w.t, pg(0), 4*PageSize))
	require.Equal(t, []string{"P"}, closed)
	w.mm.Put(w.t)
	require.Equal(t, []string{"P", "Q"}, closed)
}
