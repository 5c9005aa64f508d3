package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

func TestHugePageEnabled(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		mode  THPMode
		flags VMFlags
		ops   *VMOperations
		want  bool
	}{
		{THPMadvise, rw, nil, false},
		{THPMadvise, rw | VMHugePage, nil, true},
		{THPAlways, rw, nil, true},
		{THPAlways, rw | VMNoHugePage, nil, false},
		{THPAlways, rw | VMIO, nil, false},
		{THPAlways, rw, &VMOperations{}, false},
		{THPNever, rw | VMHugePage, nil, false},
	} {
		w.mm.THP = c.mode
		require.Equal(t, c.want, w.mm.transparentHugepageEnabled(&VMA{Flags: c.flags, Ops: c.ops}), "§17.3 %+v", c)
	}
}

// §17.3: a write maps a huge page of 512 frames, a read the huge zero page, but only if
// the aligned 2 MiB around the address lie in the VMA.
func TestHugeFault(t *testing.T) {
	for _, c := range []struct {
		name       string
		start, end uint64
		addr       uint64
		write      bool
		level      string
		inUse      uint64
	}{
		{"write", hugePage(0), hugePage(1), hugePage(0) + 0x12345, true, "pmd", pgtable.Entries},
		{"read", hugePage(0), hugePage(1), hugePage(0) + 0x12345, false, "pmd", 0},
		{"the VMA begins too late", hugePage(0) + PageSize, hugePage(2), hugePage(0) + PageSize, true, "pte", 1},
		{"the VMA ends too early", hugePage(0), hugePage(2) - PageSize, hugePage(1), true, "pte", 1},
		{"the same VMA, where it fits", hugePage(0), hugePage(2) - PageSize, hugePage(0), true, "pmd", pgtable.Entries},
	} {
		t.Run("§17.3 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mm.THP = THPAlways
			_, err := w.mm.Mmap(w.t, c.start, c.end-c.start, protRW, fixed, nil, 0)
			require.NoError(t, err)
			require.Equal(t, Done, w.mm.DoPageFault(w.t, c.addr, c.write, true))
			require.Equal(t, c.level, w.entry(c.addr).Level)
			require.Equal(t, c.inUse, w.memory.InUse())
			require.Equal(t, c.write, w.entry(c.addr).Entry.Write())
			w.frames()
			require.Zero(t, w.loadAt(c.addr))
		})
	}
}

// §17.3: the userfault on a missing huge page has the unrounded address. The retry takes
// the same path, or the path for small pages if UFFDIO_COPY has allocated a table.
func TestHugeUserfault(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapHuge(1, u)
	addr := hugeBase + 7*PageSize + 0x123
	w.storeAt(uint64(addr), 'y')
	require.Equal(t, []uffdCall{{uint64(addr), FaultAllowRetry | FaultKillable | FaultUser | FaultWrite, VMUffdMissing}}, u.calls)
	require.Equal(t, "pte", w.entry(hugeBase).Level)
	require.Equal(t, byte('x'), w.loadAt(hugeBase+7*PageSize))
	w.frames()

	w = newWorld(t)
	u = &fakeUffd{}
	w.mapHuge(1, u)
	require.Equal(t, BusError, w.mm.DoPageFault(w.t, hugeBase, false, true))
	require.Len(t, u.calls, 2)
	require.Zero(t, w.entry(hugeBase).Entry, "nothing was mapped")
	w.frames()
}

// §17.3: if no huge page can be allocated, the fault falls back to a small page, and
// raises exactly one userfault.
func TestHugeFallback(t *testing.T) {
	for _, registered := range []bool{true, false} {
		w := newWorld(t)
		u := w.filler('x')
		if !registered {
			u = nil
		}
		w.mapHuge(1, u)
		w.failSites("alloc_hugepage")
		require.Equal(t, Done, w.mm.DoPageFault(w.t, hugeBase, true, true))
		require.Equal(t, "pte", w.entry(hugeBase).Level)
		require.EqualValues(t, 1, w.memory.InUse())
		if registered {
			require.Len(t, u.calls, 1)
		}
		w.frames()
	}
}

// §17.3: whether the PMD entry is none is decided under the lock of its table.
func TestHugeFaultDecidesUnderLock(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mapHuge(2, u)
	w.copyPage(w.t, hugePage(1), 'x') // allocates the PMD table
	lock := w.lockObject(w.mm.pmdTable(sim.Observer(), hugeBase))
	at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLock, Obj: lock} }}
	r := w.controlled(at)
	outcome := BusError
	r.start("F", func(t *sim.Task) { outcome, _ = w.mm.Load(t, hugeBase, make([]byte, 1)) })
	r.start("C", func(t *sim.Task) {
		_, err := w.copyPage(t, hugeBase, 'x')
		require.NoError(w, err)
	})
	r.settle()
	require.True(t, at.reached)
	require.Equal(t, Done, outcome, "§17.3")
	require.Empty(t, u.calls, "§17.3")
	w.frames()
}

// A write to the huge zero page copies one small page and does not change the others.
func TestHugeZeroPageWrite(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(1, nil)
	w.loadAt(hugeBase)
	w.register(hugeBase, &fakeUffd{}) // answers SIGBUS in the end
	w.storeAt(hugeBase+PageSize, 'y') // §17.3: no userfault
	require.Equal(t, byte('y'), w.loadAt(hugeBase+PageSize))
	require.Zero(t, w.loadAt(hugeBase))
	require.Zero(t, w.loadAt(hugeBase+PMDSize-1))
	require.Empty(t, w.mm.lookup(hugeBase).Userfault.(*fakeUffd).calls)
	w.frames()
}

// An operation on a part of a huge page splits it, and keeps its bytes and rights. An
// operation on the whole page does not.
func TestHugeSplit(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(w *world) error
		level string
		inUse uint64
	}{
		{"DONTNEED of a page", func(w *world) error { return w.mm.Madvise(w.t, hugeBase+PageSize, PageSize, MadvDontNeed) }, "pte", 511},
		{"DONTNEED of all", func(w *world) error { return w.mm.Madvise(w.t, hugeBase, PMDSize, MadvDontNeed) }, "pmd", 0},
		{"munmap of a page", func(w *world) error { return w.mm.Munmap(w.t, hugeBase+PageSize, PageSize) }, "pte", 511},
		{"mprotect of a page", func(w *world) error { return w.mm.Mprotect(w.t, hugeBase+PageSize, PageSize, ProtRead) }, "pte", 512},
		{"mprotect of all", func(w *world) error { return w.mm.Mprotect(w.t, hugeBase, PMDSize, ProtRead) }, "pmd", 512},
		{"mprotect of all to nothing", func(w *world) error { return w.mm.Mprotect(w.t, hugeBase, PMDSize, ProtNone) }, "pmd", 512},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapHuge(1, nil)
			for i := range uint64(pgtable.Entries) {
				w.storeAt(hugeBase+i*PageSize, byte(i))
			}
			require.NoError(t, c.do(w))
			w.frames()
			require.Equal(t, c.level, w.entry(hugeBase).Level)
			require.Equal(t, c.inUse, w.memory.InUse())
			if c.inUse > 0 {
				w.mm.Mprotect(w.t, hugeBase, PMDSize, protRW)
				for _, i := range []uint64{0, 2, 511} {
					require.Equal(t, byte(i), w.loadAt(hugeBase+i*PageSize))
					w.storeAt(hugeBase+i*PageSize, byte(i+1))
					require.Equal(t, byte(i+1), w.loadAt(hugeBase+i*PageSize))
				}
				require.Equal(t, c.inUse, w.memory.InUse(), "nothing was copied")
				w.frames()
			}
		})
	}
}

// Huge pages are mapped, split and zapped in parallel.
func TestHugeRaces(t *testing.T) {
	seeds(t, 300, func(w *world, s sim.Strategy) {
		w.mapHuge(1, nil)
		r := w.controlled(s)
		for i := range 2 {
			r.start("F", func(t *sim.Task) {
				outcome, _ := w.mm.Store(t, hugeBase+uint64(i), []byte{1})
				require.Equal(w, Done, outcome)
				outcome, _ = w.mm.Load(t, hugeBase+5*PageSize, make([]byte, 1))
				require.Equal(w, Done, outcome)
			})
		}
		r.start("Z", func(t *sim.Task) {
			require.NoError(w, w.mm.Madvise(t, hugeBase+PageSize, PageSize, MadvDontNeed))
			require.NoError(w, w.mm.Madvise(t, hugeBase, PMDSize, MadvDontNeed))
		})
		r.settle()
		w.frames()
	})
}

// Zap, split and fork do not count references to the zero page, huge or small.
func TestHugeZeroPageIsNotCounted(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(2, nil)
	w.loadAt(hugePage(0))
	w.loadAt(hugePage(1))
	require.NoError(t, w.mm.Madvise(w.t, hugePage(0), PMDSize, MadvDontNeed))
	w.frames()
	require.NoError(t, w.mm.Madvise(w.t, hugePage(1), PageSize, MadvDontNeed))
	w.frames()
	child := w.forked() // 511 small zero pages
	require.NoError(t, CheckFrames(w.mm, child.mm))
	child.mm.Put(child.t)
	w.frames()
}

// Reads and writes need an anon_vma, even where a huge page can be allocated.
func TestHugeFaultWithoutAnonVMA(t *testing.T) {
	for _, write := range []bool{false, true} {
		w := newWorld(t)
		w.mapHuge(1, nil)
		w.failSites("anon_vma")
		require.Equal(t, OutOfMemory, w.mm.DoPageFault(w.t, hugeBase, write, true))
		require.False(t, w.present(hugeBase))
		w.frames()
	}
}

// Another task changes the PMD entry before the first task takes the lock of its table.
// The first task looks again under the lock, and does not treat a table as a huge page.
func TestHugeEntryChangesBeforeLock(t *testing.T) {
	dontneed := func(w *world, t *sim.Task, pages uint64) {
		require.NoError(w, w.mm.Madvise(t, hugeBase, pages*PageSize, MadvDontNeed))
	}
	store := func(w *world, t *sim.Task) {
		outcome, _ := w.mm.Store(t, hugeBase, []byte{'x'})
		require.Equal(w, Done, outcome)
	}
	for _, c := range []struct {
		name          string
		setup         func(w *world)
		first, others func(w *world, t *sim.Task)
		present       bool
	}{
		{
			name:   "two zaps of all of it",
			setup:  func(w *world) { w.storeAt(hugeBase, 'a') },
			first:  func(w *world, t *sim.Task) { dontneed(w, t, pgtable.Entries) },
			others: func(w *world, t *sim.Task) { dontneed(w, t, pgtable.Entries) },
		},
		{
			name:   "two zaps, of all and of a part",
			setup:  func(w *world) { w.storeAt(hugeBase, 'a') },
			first:  func(w *world, t *sim.Task) { dontneed(w, t, 1) },
			others: func(w *world, t *sim.Task) { dontneed(w, t, pgtable.Entries) },
		},
		{
			name:    "a write to the huge zero page, and a zap of a part",
			setup:   func(w *world) { w.loadAt(hugeBase) },
			first:   store,
			others:  func(w *world, t *sim.Task) { dontneed(w, t, 1) },
			present: true,
		},
		{
			name: "a small page for want of memory, and a huge page",
			first: func(w *world, t *sim.Task) {
				t.InjectFaults(func(site string) bool { return site == "alloc_hugepage" })
				store(w, t)
			},
			others:  store,
			present: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapHuge(2, nil)
			w.storeAt(hugePage(1), 'b') // allocates the PMD table
			if c.setup != nil {
				c.setup(w)
			}
			lock := w.lockObject(w.mm.pmdTable(sim.Observer(), hugeBase))
			at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLock, Obj: lock} }}
			r := w.controlled(at)
			r.start("first", func(t *sim.Task) { c.first(w, t) })
			r.start("other", func(t *sim.Task) { c.others(w, t) })
			r.settle()
			require.True(t, at.reached)
			require.Equal(t, c.present, w.present(hugeBase))
			w.frames()
		})
	}
}

// Recycle puts the tables of small pages back, and leaves those of huge pages to the
// garbage collector.
func TestRecycleWithHugePage(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(2, nil)
	w.storeAt(hugeBase, 'a')
	pmd := w.mm.pmdTable(sim.Observer(), hugeBase)
	w.mm.Recycle()
	require.True(t, pmd.Peek(pgtable.PMD.Index(hugeBase)).Huge())
	require.Nil(t, w.mm.pmdTable(sim.Observer(), hugeBase))
}

// fork ends at the first table that it cannot allocate.
func TestForkOfHugePagesOutOfMemory(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(2, nil)
	w.storeAt(hugePage(0), 'a')
	w.storeAt(hugePage(1), 'b')
	w.failSites("pmd_alloc")
	_, err := w.mm.Fork(w.t)
	require.Equal(t, errno.ENOMEM, err)
	w.frames()
}
