package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// §17.4, first row: get_user_pages cannot sleep, so a missing registered page is EFAULT.
// mmap_lock stays held.
func TestGetUserPage(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x') // would fill the page if the fault could sleep
	w.mapped(2, protRW, u)
	_, err := w.copyPage(w.t, pg(1), 'y')
	require.NoError(t, err)
	w.readLocked(func() {
		require.Equal(t, errno.EFAULT, w.mm.GetUserPage(w.t, pg(0)+5, true), "§17.4")
		require.Equal(t, []uffdCall{{pg(0) + 5, FaultWrite, VMUffdMissing}}, u.calls)
		require.NoError(t, w.mm.GetUserPage(w.t, pg(1), true))
		require.Equal(t, errno.EFAULT, w.mm.GetUserPage(w.t, pg(2), false), "no VMA")
		require.Equal(t, errno.EFAULT, w.mm.GetUserPage(w.t, pg(0)-1, false), "no VMA")
	})
	require.Len(t, u.calls, 1)
	w.frames()
}

func TestGetUserPageFaultsIn(t *testing.T) {
	for _, write := range []bool{true, false} {
		w := newWorld(t)
		w.mapped(1, protRW, nil)
		w.readLocked(func() { require.NoError(t, w.mm.GetUserPage(w.t, pg(0), write)) })
		require.Equal(t, write, w.entry(pg(0)).Entry.Write())
		require.True(t, w.present(pg(0)))
		w.readLocked(func() { require.NoError(t, w.mm.GetUserPage(w.t, pg(0), true)) })
		require.True(t, w.entry(pg(0)).Entry.Write(), "copied for the write")
		w.frames()
	}
}

// A huge page needs no fault for the accesses that it allows.
func TestGetUserPageOfHugePage(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(1, nil)
	w.storeAt(hugeBase, 'x')
	w.failSites("alloc_page")
	w.readLocked(func() {
		require.NoError(t, w.mm.GetUserPage(w.t, hugeBase+7*PageSize, false))
		require.NoError(t, w.mm.GetUserPage(w.t, hugeBase+7*PageSize, true))
	})
	require.True(t, w.entry(hugeBase).Huge())
	w.frames()
}

func TestGetUserPageRights(t *testing.T) {
	for _, c := range []struct {
		prot        Prot
		read, write error
	}{
		{protRW, nil, nil}, {ProtRead, nil, errno.EFAULT}, {ProtNone, errno.EFAULT, errno.EFAULT},
		// The processor, in contrast, allows reads if it allows any access.
		{ProtWrite, errno.EFAULT, nil}, {ProtExec, errno.EFAULT, errno.EFAULT},
	} {
		w := newWorld(t)
		w.mapped(1, c.prot, nil)
		w.readLocked(func() {
			require.Equal(t, c.read, w.mm.GetUserPage(w.t, pg(0), false), "%v", c.prot)
			require.Equal(t, c.write, w.mm.GetUserPage(w.t, pg(0), true), "%v", c.prot)
		})
	}
}

// §17.4, third row: FOLL_NOWAIT returns at once, with mmap_lock held.
func TestGetUserPageNowait(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(2, protRW, u)
	w.readLocked(func() {
		require.Equal(t, errno.EBUSY, w.mm.GetUserPageNowait(w.t, pg(0), false), "§17.4")
		w.mm.MmapLock.AssertHeld(w.t)
		require.Equal(t, []uffdCall{{pg(0), FaultAllowRetry | FaultRetryNowait, VMUffdMissing}}, u.calls)
		require.Equal(t, errno.EFAULT, w.mm.GetUserPageNowait(w.t, pg(2), false))
	})
	_, err := w.copyPage(w.t, pg(0), 'y')
	require.NoError(t, err)
	w.readLocked(func() { require.NoError(t, w.mm.GetUserPageNowait(w.t, pg(0), true)) })
	w.frames()
}

// §17.4, second row: get_user_pages_unlocked may sleep once for each page. The retry for
// that page may not sleep.
func TestGetUserPagesUnlocked(t *testing.T) {
	const first, again = FaultAllowRetry, FaultTried
	for _, c := range []struct {
		name  string
		fill  int // pages that the context fills, from page 0 on
		n     int
		err   error
		flags []FaultFlags
	}{
		{"all filled", 3, 3, nil, []FaultFlags{first, first, first}},
		{"the first one missing still", 0, 0, errno.EFAULT, []FaultFlags{first, again}},
		{"the last one missing still", 2, 2, nil, []FaultFlags{first, first, first, again}},
	} {
		t.Run("§17.4 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			u := &fakeUffd{}
			u.during = func(task *sim.Task, addr uint64) {
				if addr < pg(c.fill) {
					_, err := w.copyPage(task, addr, 'x')
					require.NoError(t, err)
				}
			}
			w.mapped(3, protRW, u)
			n, err := w.mm.GetUserPagesUnlocked(w.t, pg(0), 3, true)
			require.Equal(t, c.n, n)
			require.Equal(t, c.err, err)
			var flags []FaultFlags
			for _, call := range u.calls {
				flags = append(flags, call.flags&^FaultWrite)
			}
			require.Equal(t, c.flags, flags)
			w.frames() // and mmap_lock is free
		})
	}
	t.Run("§17.4 pages so far at the end of the mapping", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(2, protRW, nil)
		n, err := w.mm.GetUserPagesUnlocked(w.t, pg(1), 2, false)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
	t.Run("§17.4 a second retry is a bug", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(1, protRW, &fakeUffd{stuck: true})
		var bug *sim.Bug
		require.ErrorAs(t, w.bug(func() { w.mm.GetUserPagesUnlocked(w.t, pg(0), 1, true) }), &bug)
		require.Equal(t, "get_user_pages_unlocked", bug.Where)
	})
	t.Run("§17.4 unmapped during the wait", func(t *testing.T) {
		w := newWorld(t)
		u := &fakeUffd{during: func(task *sim.Task, addr uint64) { w.mm.Munmap(task, pg(0), PageSize) }}
		w.mapped(1, protRW, u)
		_, err := w.mm.GetUserPagesUnlocked(w.t, pg(0), 1, false)
		require.Equal(t, errno.EFAULT, err)
		w.frames()
	})
}

// GetUserPagesUnlocked sleeps without mmap_lock: a writer can take it meanwhile (§17.4).
func TestGetUserPagesUnlockedSleeps(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{sleep: true}
	w.mapped(1, protRW, u)
	r := w.controlled(inTurn{})
	var n int
	g := r.start("G", func(t *sim.Task) { n, _ = w.mm.GetUserPagesUnlocked(t, pg(0), 1, false) })
	r.settle()
	require.True(t, g.Asleep())
	r.start("C", func(t *sim.Task) {
		_, err := w.mm.Mmap(t, pg(4), PageSize, protRW, fixed, nil, 0)
		require.NoError(w, err)
		_, err = w.copyPage(t, pg(0), 'x')
		require.NoError(w, err)
		u.wake(t)
	})
	r.settle()
	require.Equal(t, 1, n)
}

// §17.4: with a fatal signal the result is ERESTARTSYS, or the number of pages so far.
// The signal is checked before each page, even one that is present.
func TestGetUserPagesFatalSignal(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	u.during = func(task *sim.Task, addr uint64) {
		_, err := w.copyPage(task, addr, 'x')
		require.NoError(t, err)
		if addr == pg(1) {
			task.Interrupt(sim.SignalFatal)
		}
	}
	w.mapped(3, protRW, u)
	n, err := w.mm.GetUserPagesUnlocked(w.t, pg(0), 3, false)
	require.NoError(t, err)
	require.Equal(t, 1, n, "the second page is present, but the task is dying")
	n, err = w.mm.GetUserPagesUnlocked(w.t, pg(0), 3, false)
	require.Equal(t, errno.ERESTARTSYS, err)
	require.Zero(t, n)
	w.readLocked(func() {
		require.Equal(t, errno.ERESTARTSYS, w.mm.GetUserPage(w.t, pg(2), false), "missing")
		require.Equal(t, errno.ERESTARTSYS, w.mm.GetUserPage(w.t, pg(0), false), "present")
		require.Equal(t, errno.ERESTARTSYS, w.mm.GetUserPageNowait(w.t, pg(2), false))
	})
	require.Len(t, u.calls, 2)
}

// §17.4, last row: mm_populate repeats a fault that asks for a retry, any number of
// times. Each repetition may sleep, so a wake-up without a page just leads to another
// fault.
func TestPopulate(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	u.during = func(task *sim.Task, addr uint64) {
		if addr != pg(1) || len(u.calls) == 4 {
			_, err := w.copyPage(task, addr, 'x')
			require.NoError(t, err)
		}
	}
	w.mapped(3, protRW, u)
	w.mm.Populate(w.t, pg(0), pg(3))
	var addrs []uint64
	for _, call := range u.calls {
		addrs = append(addrs, call.addr)
		require.Equal(t, FaultAllowRetry|FaultWrite, call.flags, "never as a retry")
	}
	require.Equal(t, []uint64{pg(0), pg(1), pg(1), pg(1), pg(2)}, addrs, "§17.4")
	require.True(t, w.present(pg(0)) && w.present(pg(1)) && w.present(pg(2)))
	w.frames()
}

// Populate ends if, while it sleeps, the task is killed or the mapping is unmapped.
func TestPopulateEnds(t *testing.T) {
	for name, end := range map[string]func(w *world, task *sim.Task){
		"killed":   func(w *world, task *sim.Task) { task.Interrupt(sim.SignalFatal) },
		"unmapped": func(w *world, task *sim.Task) { require.NoError(w, w.mm.Munmap(task, pg(0), 2*PageSize)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := &fakeUffd{during: func(task *sim.Task, _ uint64) { end(w, task) }}
			w.mapped(2, protRW, u)
			w.mmap(3, 4, protRW, private)
			w.mm.Populate(w.t, pg(0), pg(4))
			require.Len(t, u.calls, 1)
			require.Equal(t, name == "unmapped", w.present(pg(3)))
			w.frames()
		})
	}
}

// Populate makes write faults in private writable memory and read faults elsewhere. It
// skips holes and memory without access.
func TestPopulateRange(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 2, protRW, private)
	w.mmap(3, 4, ProtRead, private)
	w.mmap(4, 6, ProtNone, private)
	w.mmap(6, 7, protRW, shared)
	w.mmap(8, 9, protRW, private)
	w.mm.Populate(w.t, pg(1), pg(8))
	got := ""
	for i := range 9 {
		switch e := w.entry(pg(i)).Entry; {
		case !w.present(pg(i)):
			got += "."
		case e.Special():
			got += "z"
		default:
			got += "p"
		}
	}
	require.Equal(t, ".p.z..p..", got)
	w.frames()
}

// Populate tries one page of an inaccessible VMA, not every page.
func TestPopulateGivesUpOnVMA(t *testing.T) {
	w := newWorld(t)
	_, err := w.mm.Mmap(w.t, 1<<40, 1<<45, ProtNone, fixed, nil, 0)
	require.NoError(t, err)
	_, err = w.mm.Mmap(w.t, 1<<40+1<<45, PageSize, protRW, fixed, nil, 0)
	require.NoError(t, err)
	w.mm.Populate(w.t, 1<<40, 1<<40+1<<45+PageSize)
	require.True(t, w.present(1<<40+1<<45))
}

// Populate makes read faults in memory that allows any access (FOLL_FORCE).
func TestPopulateWithoutRead(t *testing.T) {
	for prot, want := range map[Prot]bool{ProtExec: true, ProtWrite: true, ProtNone: false} {
		w := newWorld(t)
		w.mapped(1, prot, nil)
		w.mm.Populate(w.t, pg(0), pg(1))
		require.Equal(t, want, w.present(pg(0)), "%v", prot)
		w.frames()
	}
}

// Populate makes read faults in a shared mapping, which dirty no page: entries that
// mprotect has made read-only stay read-only.
func TestPopulateReadsShared(t *testing.T) {
	for kind, want := range map[MapFlags]bool{shared: false, private: true} {
		w := newWorld(t)
		w.mmap(0, 1, protRW, kind)
		w.store(0, 1)
		require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, ProtRead))
		require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, protRW))
		w.mm.Populate(w.t, pg(0), pg(1))
		require.Equal(t, want, w.entry(pg(0)).Entry.Write())
		w.frames()
	}
}
