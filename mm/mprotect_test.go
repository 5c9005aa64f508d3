package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

func TestMprotect(t *testing.T) {
	for _, c := range []struct {
		name, before, span string
		prot               Prot
		want               []string
	}{
		{"whole", "PPPP", "AAAA", ProtRead, []string{"0-4 r--p"}},
		{"head", "PPPP", "AA", ProtRead, []string{"0-2 r--p", "2-4 rw-p"}},
		{"tail", "PPPP", "  AA", ProtRead, []string{"0-2 rw-p", "2-4 r--p"}},
		{"middle", "PPPP", " AA", ProtNone, []string{"0-1 rw-p", "1-3 ---p", "3-4 rw-p"}},
		{"several", "PPQQRR", " AAAA", ProtRead, []string{"0-1 rw-p", "1-5 r--p", "5-6 rw-p"}},
		{"no change", "PPPP", " AA", protRW, []string{"0-4 rw-p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.lay(c.before)
			start, end := span(c.span)
			require.NoError(t, w.mm.Mprotect(w.t, start, end-start, c.prot))
			w.check()
			require.Equal(t, c.want, w.maps())
		})
	}
}

// When mprotect restores the rights, the parts merge again (§17.7), the registration is
// kept, and the pages have the rights of the VMA.
func TestMprotectBack(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 8, protRW, private)
	w.store(3, 'x')
	vma := w.at(0)
	vma.Userfault, vma.Flags = &noUserfault{}, vma.Flags|VMUffdMissing
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), 4*PageSize, ProtRead))
	require.Equal(t, []string{"0-2 rw-p", "2-6 r--p", "6-8 rw-p"}, w.maps())
	require.NotNil(t, w.at(2).Userfault)
	outcome, _ := w.mm.Store(w.t, pg(3), []byte{'y'})
	require.Equal(t, SegFault, outcome)
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), 4*PageSize, protRW))
	require.Equal(t, []string{"0-8 rw-p"}, w.maps())
	w.store(3, 'y')
	require.EqualValues(t, 'y', w.load(3))
	w.check()
}

func TestMprotectErrors(t *testing.T) {
	for _, c := range []struct {
		name          string
		start, length uint64
		prot          Prot
		want          error
		after         []string
	}{
		{"unaligned", pg(0) + 1, PageSize, ProtRead, errno.EINVAL, nil},
		{"unaligned, length 0", pg(0) + 1, 0, ProtRead, errno.EINVAL, nil},
		{"length 0", pg(0), 0, 0x80, nil, nil},
		{"wraps around", pg(0), math.MaxUint64 - 3*PageSize, ProtRead, errno.ENOMEM, nil},
		{"wraps before unknown bits", pg(0), math.MaxUint64 - 3*PageSize, 0x80, errno.ENOMEM, nil},
		{"unknown bits", pg(0), PageSize, 0x80, errno.EINVAL, nil},
		{"PROT_SEM is known", pg(0), 4 * PageSize, ProtSem | ProtRead, nil, []string{"0-4 r--p", "6-8 rw-p"}},
		{"nothing there", pg(20), PageSize, ProtRead, errno.ENOMEM, nil},
		{"hole first", pg(5), 2 * PageSize, ProtRead, errno.ENOMEM, nil},
		{"hole behind: the rest is done", pg(2), 6 * PageSize, ProtRead, errno.ENOMEM, []string{"0-2 rw-p", "2-4 r--p", "6-8 rw-p"}},
		{"both ways", pg(0), PageSize, ProtGrowsDown | ProtGrowsUp, errno.EINVAL, nil},
		{"does not grow down", pg(0), PageSize, ProtGrowsDown, errno.EINVAL, nil},
		{"does not grow up", pg(0), PageSize, ProtGrowsUp, errno.EINVAL, nil},
		{"grows down, nothing there", pg(4), PageSize, ProtGrowsDown, errno.ENOMEM, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.lay("PPPP..QQ")
			before := w.maps()
			err := w.mm.Mprotect(w.t, c.start, c.length, c.prot)
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.Equal(t, c.want, err)
			}
			w.check()
			if c.after == nil {
				c.after = before
			}
			require.Equal(t, c.after, w.maps())
		})
	}
}

func TestMprotectRefusals(t *testing.T) {
	w := newWorld(t)
	w.lay("PPPP")['P'].Flags &^= VMMayWrite | VMWrite
	require.Equal(t, errno.EACCES, w.mm.Mprotect(w.t, pg(0), PageSize, protRW))

	w = newWorld(t)
	w.lay("PPPP")
	w.mm.MaxMapCount = 1
	require.Equal(t, errno.ENOMEM, w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead), "no room for the split")
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), 4*PageSize, ProtRead), "none needed")
	w.mm.MaxMapCount = 2
	require.Equal(t, errno.ENOMEM, w.mm.Mprotect(w.t, pg(1), PageSize, protRW), "room for one of two")
	w.check()
	require.Equal(t, []string{"0-1 r--p", "1-4 r--p"}, w.maps(), "the first stays")
}

func TestMprotectGrowsDown(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private|MapGrowsDown)
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), PageSize, ProtRead|ProtGrowsDown))
	require.Equal(t, []string{"0-3 r--p", "3-4 rw-p"}, w.maps())
}

// Private memory is charged to the commit limit as soon as it becomes writable.
func TestMprotectAccounts(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 2, ProtRead, private)
	w.mmap(2, 4, ProtRead, private|MapNoReserve)
	w.mmap(4, 6, ProtRead, shared)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), 6*PageSize, protRW))
	require.NotZero(t, w.at(0).Flags&VMAccount)
	require.Zero(t, w.at(2).Flags&VMAccount)
	require.Zero(t, w.at(4).Flags&VMAccount)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), 6*PageSize, ProtRead))
	require.NotZero(t, w.at(0).Flags&VMAccount, "the charge stays")
}

// pages returns a picture of the columns [0, n): '.' is a missing page, 'z' the zero
// page, 'p' another page that is writable, 'r' one that is not.
func (w *world) pages(n int) string {
	w.Helper()
	bar := make([]byte, n)
	for i := range bar {
		switch e := w.entry(pg(i)).Entry; {
		case !w.present(pg(i)):
			bar[i] = '.'
		case e.Special():
			bar[i] = 'z'
		case e.Write():
			bar[i] = 'p'
		default:
			bar[i] = 'r'
		}
	}
	return string(bar)
}

// mprotect that makes locked private memory writable populates it.
func TestMprotectPopulatesLocked(t *testing.T) {
	for _, c := range []struct {
		name         string
		before, to   Prot
		flags        MapFlags
		first, after string
	}{
		{"read-only", ProtRead, protRW, private | MapLocked, "zzzz", "zppz"},
		{"inaccessible", ProtNone, protRW, private | MapLocked, "....", ".pp."},
		{"to write-only", ProtRead, ProtWrite, private | MapLocked, "zzzz", "zppz"},
		{"to read-only", ProtNone, ProtRead, private | MapLocked, "....", "...."},
		{"not locked", ProtRead, protRW, private, "....", "...."},
		{"shared", ProtNone, protRW, shared | MapLocked, "....", "...."},
		{"writable already", ProtWrite, protRW, private | MapLocked, "pppp", "pppp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mmap(0, 4, c.before, c.flags)
			require.Equal(t, c.first, w.pages(4))
			require.NoError(t, w.mm.Mprotect(w.t, pg(1), 2*PageSize, c.to))
			w.check()
			require.Equal(t, c.after, w.pages(4))
			w.frames()
		})
	}
}

// mprotect holds mmap_lock for writing while it populates, so a fault may not sleep: at a
// missing registered page the population stops, without an error.
func TestMprotectPopulatesUpToAUserfault(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mmap(0, 4, ProtNone, private|MapLocked)
	w.mmap(4, 6, ProtNone, private|MapLocked)
	require.NoError(t, w.mm.Madvise(w.t, pg(4), 2*PageSize, MadvDontFork)) // another VMA
	w.register(pg(0), u)
	_, err := w.copyPage(w.t, pg(0), 'x')
	require.NoError(t, err)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), 6*PageSize, protRW))
	w.check()
	require.Equal(t, []uffdCall{{pg(1), FaultWrite, VMUffdMissing}}, u.calls)
	require.Equal(t, "p...pp", w.pages(6), "the next VMA is populated")
	w.frames()
}

// mprotect populates only its own range, even if that has merged into a larger VMA.
func TestMprotectPopulatesItsRange(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, ProtNone, private|MapLocked)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, protRW))
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), PageSize, ProtRead))
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, protRW))
	w.check()
	require.Equal(t, []string{"0-2 rw-p", "2-3 r--p", "3-4 ---p"}, w.maps())
	require.Equal(t, "pp..", w.pages(4))
}

// A part of a huge page is protected by itself: the page is split first. mprotect never
// asks for that, because the bounds of a VMA lie in no huge page.
func TestProtectPartOfHugePage(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(1, nil)
	w.storeAt(hugeBase, 'x')
	w.locked(func() {
		vma := w.mm.lookup(hugeBase)
		flags := vma.Flags
		vma.Flags &^= VMWrite
		w.mm.changeProtection(w.t, vma, hugeBase, hugeBase+PageSize)
		vma.Flags = flags
	})
	require.False(t, w.entry(hugeBase).Entry.Write())
	require.True(t, w.entry(hugeBase+PageSize).Entry.Write())
	w.frames()
}

// A fault that finds a page without the user bit, in a VMA that allows the access, sets
// the bit.
func TestFaultSetsUserBit(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.store(0, 'x')
	pte, j := w.mm.pteTable(sim.Observer(), pg(0)), pgtable.PTE.Index(pg(0))
	entry := pte.Peek(j)
	pte.Lock(w.t)
	pte.Set(w.t, j, entry&^pgtable.User)
	pte.Unlock(w.t)
	require.EqualValues(t, 'x', w.load(0))
	require.Equal(t, entry, pte.Peek(j))
	w.frames()
}
