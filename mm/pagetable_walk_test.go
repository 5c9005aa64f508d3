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

// What is at the address decides whether the fault waits (MW-1 to MW-5). Flags and
// reason have no say.
func TestMustWait(t *testing.T) {
	const (
		near     = hugeBase
		otherPMD = near + PMDSize
		otherPUD = near + 1<<30
		otherPGD = near + 1<<39
	)
	for _, c := range []struct {
		rule, name string
		addr       uint64
		prepare    func(w *world)
		wait       bool
	}{
		{"MW-1", "no pgd entry", otherPGD, func(*world) {}, true},
		{"MW-1", "no pud entry", otherPUD, func(*world) {}, true},
		{"MW-1", "no pmd entry", otherPMD, func(*world) {}, true},
		{"MW-2", "huge page", otherPMD, func(w *world) {
			w.mapHuge(2, nil)
			w.storeAt(otherPMD+5*PageSize, 1)
		}, false},
		{"MW-3", "pte none", near + PageSize, func(*world) {}, true},
		{"MW-3", "pte none again after MADV_DONTNEED", near, func(w *world) {
			require.NoError(w, w.mm.Madvise(w.t, near, PageSize, MadvDontNeed))
		}, true},
		{"MW-4", "pte present", near, func(*world) {}, false},
		{"MW-4", "pte present, any byte of the page", near + 0xfff, func(*world) {}, false},
		{"MW-4", "zero page", near + 2*PageSize, func(w *world) { w.loadAt(near + 2*PageSize) }, false},
		{"MW-4", "no access rights left", near, func(w *world) {
			require.NoError(w, w.mm.Mprotect(w.t, near, PageSize, ProtNone))
		}, false},
		{"MW-4", "swap or migration entry", near + PageSize, func(w *world) {
			w.poke(w.mm.pteTable(near), near+PageSize, swapEntry)
		}, false},
		// The seed waits for a huge page in migration; 4.19 and later do not.
		{"MW-5", "pmd neither none nor present", otherPMD, func(w *world) {
			w.poke(w.mm.pmdTable(near), otherPMD, swapEntry)
		}, true},
	} {
		t.Run(c.rule+" "+c.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.mm.Mmap(w.t, near, PMDSize, protRW, fixed, nil, 0)
			require.NoError(t, err)
			w.storeAt(near, 1)
			c.prepare(w)
			w.readLocked(func() {
				require.Equal(t, c.wait, w.mm.UserfaultfdMustWait(w.t, c.addr))
			})
		})
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

// Every level is one load, the pmd above all (MW-5), and no lock is taken: the walk is
// a lockless one.
func TestMustWaitReadsEachLevelOnce(t *testing.T) {
	for _, huge := range []bool{false, true} {
		w := newWorld(t)
		w.mapHuge(1, nil)
		if huge {
			w.storeAt(hugeBase, 1)
		} else {
			require.NoError(t, w.mm.Madvise(w.t, hugeBase, PMDSize, MadvNoHugePage))
			w.storeAt(hugeBase, 1)
		}
		entry := w.entryObject(w.mm.pmdTable(hugeBase), hugeBase)
		var steps []sim.Step
		r := w.controlled(watch(func(s sim.Step) { steps = append(steps, s) }))
		r.start("F", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			w.mm.UserfaultfdMustWait(t, hugeBase)
			w.mm.MmapLock.UpRead(t)
		})
		r.settle()
		var ops []sim.Op
		pmd := 0
		for _, s := range steps {
			ops = append(ops, s.Op)
			if s.Obj == entry {
				pmd++
			}
		}
		require.Equal(t, 1, pmd, "MW-5")
		want := []sim.Op{sim.OpStart, sim.OpDownRead, sim.OpLoad, sim.OpLoad, sim.OpLoad, sim.OpLoad, sim.OpUpRead}
		if huge {
			want = []sim.Op{sim.OpStart, sim.OpDownRead, sim.OpLoad, sim.OpLoad, sim.OpLoad, sim.OpUpRead}
		}
		require.Equal(t, want, ops)
	}
}

// watch is the strategy inTurn that shows each step to fn.
type watch func(s sim.Step)

func (fn watch) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	t := inTurn{}.Pick(enabled, current)
	fn(t.Next())
	return t
}

// With mmap_lock held the tables stay, whatever is zapped from them meanwhile; huge
// pages may come and go (MW-5, MW-6).
func TestMustWaitWhileZapping(t *testing.T) {
	answers := map[bool]int{}
	seeds(t, 300, func(w *world, s sim.Strategy) {
		w.mapHuge(1, nil)
		w.storeAt(hugeBase, 1)
		r := w.controlled(s)
		r.start("F", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			answers[w.mm.UserfaultfdMustWait(t, hugeBase)]++
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

// Without mmap_lock (MW-6 broken, mutant 3) the walk can read a page-table page that
// munmap has freed: a use after free, not an answer.
func TestMustWaitReadingFreedTable(t *testing.T) {
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
			r.start("F", func(t *sim.Task) { w.mm.UserfaultfdMustWait(t, base) })
			r.start("U", func(t *sim.Task) { require.NoError(w, w.mm.Munmap(t, base, PageSize)) })
			var bug *sim.Bug
			require.True(t, errors.As(r.exec.Settle(), &bug))
			require.True(t, at.reached)
			require.Equal(t, sim.BugUseAfterFree, bug.Kind)
			require.Equal(t, level.String()+" table", bug.Where)
		})
	}
}

// The same with mmap_lock held is fine: the munmap has to wait (MW-6).
func TestMustWaitKeepsTables(t *testing.T) {
	seeds(t, 200, func(w *world, s sim.Strategy) {
		w.mapped(1, protRW, nil)
		w.store(0, 1)
		r := w.controlled(s)
		r.start("F", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			w.mm.UserfaultfdMustWait(t, base)
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

// A copy-on-write takes the old entry out before it puts the new one in, as in the
// kernel (wp_page_copy), and the walk takes no lock: MW-3 finds none where there was a
// page and will be one. A fault that gets there after the wake-up of the ZEROPAGE that
// mapped the old page then sleeps on, for want of another.
func TestMustWaitDuringCopyOnWrite(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, &fakeUffd{})
	w.fill(true, 0, 1)
	entry := w.entryObject(w.mm.pteTable(base), base)
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
		wait = w.mm.UserfaultfdMustWait(t, pg(0))
		w.mm.MmapLock.UpRead(t)
	})
	r.settle()
	require.True(t, at.reached)
	require.True(t, wait, "MW-3")
	require.Equal(t, byte(1), w.load(0))
}
