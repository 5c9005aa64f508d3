package mm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// A swap entry and a migrating huge page: neither none nor present.
const swapEntry pgtable.Entry = 0x5<<PageShift | 0x20

// lockless reports whether a walk without locks finds no page at addr. It is the walk of
// userfaultfd_must_wait, whose own test is in package uffd.
func lockless(t *sim.Task, mm *MM, addr uint64) bool {
	tb := mm.PGD()
	for {
		entry := tb.Load(t, tb.Level().Index(addr))
		switch {
		case tb.Level() == pgtable.PTE:
			return entry.None()
		case !entry.Present():
			return true
		case entry.Huge():
			return false
		}
		tb = tb.Behind(tb.Level().Index(addr))
	}
}

func (w *world) storeAt(addr uint64, b byte) {
	w.Helper()
	outcome, _ := w.mm.Store(w.t, addr, []byte{b})
	require.Equal(w, Done, outcome)
}

func (w *world) loadAt(addr uint64) byte {
	w.Helper()
	var b [1]byte
	outcome, _ := w.mm.Load(w.t, addr, b[:])
	require.Equal(w, Done, outcome)
	return b[0]
}

// watch is the strategy inTurn, but calls the function with each step.
type watch func(s sim.Step)

func (fn watch) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	t := inTurn{}.Pick(enabled, current)
	fn(t.Next())
	return t
}

// While mmap_lock is held page tables are not freed, even if their pages are zapped. Huge
// pages may be mapped and dropped (MW-5, MW-6).
func TestLocklessWalkWhileZapping(t *testing.T) {
	answers := map[bool]int{}
	seeds(t, 300, func(w *world, s sim.Strategy) {
		w.mapHuge(1, nil)
		w.storeAt(hugeBase, 1)
		r := w.controlled(s)
		r.start("F", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			answers[lockless(t, w.mm, hugeBase)]++
			w.mm.MmapLock.UpRead(t)
		})
		r.start("Z", func(t *sim.Task) {
			require.NoError(w, w.mm.Madvise(t, hugeBase, PageSize, MadvDontNeed)) // splits it
			require.NoError(w, w.mm.Madvise(t, hugeBase, PMDSize, MadvDontNeed))
			w.mm.Store(t, hugeBase, []byte{2})
		})
		r.settle()
	})
	require.Len(t, answers, 2, "both answers are seen")
}

// Without mmap_lock (mutant 3, which breaks MW-6) the walk can read a page table that
// munmap has freed: a use after free.
func TestLocklessWalkReadingFreedTable(t *testing.T) {
	for _, level := range []pgtable.Level{pgtable.PTE, pgtable.PMD, pgtable.PUD} {
		t.Run("MW-6 "+level.String(), func(t *testing.T) {
			w := newWorld(t)
			w.mapped(1, protRW, nil)
			w.store(0, 1)
			tb := w.mm.pgd
			for tb.Level() > level {
				tb = tb.Child(tb.Level().Index(base))
			}
			entry := w.entryObject(tb, base)
			at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLoad, Obj: entry} }}
			r := w.controlled(at)
			r.start("F", func(t *sim.Task) { lockless(t, w.mm, base) })
			r.start("U", func(t *sim.Task) { require.NoError(w, w.mm.Munmap(t, base, PageSize)) })
			var bug *sim.Bug
			require.True(t, errors.As(r.exec.Settle(), &bug))
			require.True(t, at.reached)
			require.Equal(t, sim.BugUseAfterFree, bug.Kind)
			require.Equal(t, level.String()+" table", bug.Where)
		})
	}
}

// With mmap_lock held the walk reads no freed table, because the munmap waits (MW-6).
func TestLocklessWalkKeepsTables(t *testing.T) {
	seeds(t, 200, func(w *world, s sim.Strategy) {
		w.mapped(1, protRW, nil)
		w.store(0, 1)
		r := w.controlled(s)
		r.start("F", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			lockless(t, w.mm, base)
			w.mm.MmapLock.UpRead(t)
		})
		r.start("U", func(t *sim.Task) { require.NoError(w, w.mm.Munmap(t, base, PageSize)) })
		r.settle()
	})
}

func TestPageWalk(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	require.Equal(t, []pgtable.WalkLevel{{Level: "pgd"}}, w.mm.PageWalk(base))
	w.store(0, 1)
	walk := w.mm.PageWalk(base)
	require.Len(t, walk, 4)
	for i, name := range []string{"pgd", "pud", "pmd", "pte"} {
		require.Equal(t, name, walk[i].Level)
		require.True(t, walk[i].Entry.Present())
	}
	require.Equal(t, 256, walk[3].Index)
	require.Regexp(t, `^pte\[256\]\tpfn=\d+ present,rw,user,accessed,dirty$`, walk[3].String())
	require.Equal(t, "none", w.entry(pg(1)).Entry.String())
	w.load(1)
	require.Regexp(t, `^pfn=\d+ present,user,accessed,zero-page$`, w.entry(pg(1)).Entry.String())
}

// A copy-on-write clears the old entry before it stores the new one, as in the kernel
// (wp_page_copy). The walk takes no lock, so it can find none in between (MW-3). A fault
// that does so after the wake-up of the UFFDIO_ZEROPAGE that mapped the old page sleeps
// until another wake-up.
func TestLocklessWalkDuringCopyOnWrite(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, &fakeUffd{})
	w.fill(true, 0, 1)
	entry := w.entryObject(w.mm.pteTable(sim.Observer(), base), base)
	stores := 0
	at := &cut{at: func(s sim.Step) bool {
		if s == (sim.Step{Op: sim.OpStore, Obj: entry}) {
			stores++
		}
		return stores == 2
	}}
	r := w.controlled(at)
	r.start("G", func(t *sim.Task) { w.mm.Store(t, pg(0), []byte{1}) })
	wait := false
	r.start("F", func(t *sim.Task) {
		w.mm.MmapLock.DownRead(t)
		wait = lockless(t, w.mm, pg(0))
		w.mm.MmapLock.UpRead(t)
	})
	r.settle()
	require.True(t, at.reached)
	require.True(t, wait, "MW-3")
	require.Equal(t, byte(1), w.load(0))
}
