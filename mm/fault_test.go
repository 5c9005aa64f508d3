package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// The VMA alone decides which accesses are SIGSEGV, before any userfault (§17.2). So a
// write to a read-only registered page is never a userfault.
func TestFaultAccessCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		prot  Prot
		addr  uint64
		write bool
		want  Outcome
	}{
		{"below every VMA", protRW, base - 1, false, SegFault},
		{"behind every VMA", protRW, pg(2), false, SegFault},
		{"beyond the end of user addresses", protRW, TaskSize, false, SegFault},
		{"read, no access", ProtNone, pg(0), false, SegFault},
		{"write, no access", ProtNone, pg(0), true, SegFault},
		{"write, read-only", ProtRead, pg(0), true, SegFault},
		{"write, exec-only", ProtExec, pg(0), true, SegFault},
		{"write, read-exec", ProtRead | ProtExec, pg(1), true, SegFault},
		{"read, read-only", ProtRead, pg(0), false, Done},
		{"read, write-only", ProtWrite, pg(0), false, Done},
		{"read, exec-only", ProtExec, pg(0), false, Done},
		{"write, write-only", ProtWrite, pg(1) + 7, true, Done},
		{"write, read-write", protRW, pg(1), true, Done},
	} {
		t.Run("§17.2 "+c.name, func(t *testing.T) {
			for _, user := range []bool{true, false} {
				w := newWorld(t)
				u := w.filler('x')
				w.mapped(2, c.prot, u)
				require.Equal(t, c.want, w.mm.DoPageFault(w.t, c.addr, c.write, user))
				require.Equal(t, c.want == Done, len(u.calls) > 0, "userfault")
				w.frames()
			}
		})
	}
}

// An access to a gap between VMAs is SIGSEGV, although find_vma returns the VMA above
// (§17.2).
func TestFaultInGap(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 1, protRW, private)
	w.mmap(2, 3, protRW, private)
	require.Equal(t, SegFault, w.mm.DoPageFault(w.t, pg(1), false, true))
	require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(2), false, true))
}

// A fault may ask for a retry once (§17.2, FAULT-13): HandleUserfault is called exactly
// twice, and if the page is still missing the second time, the outcome is SIGBUS.
func TestFaultRetriesOnce(t *testing.T) {
	for _, c := range []struct {
		name        string
		write, user bool
		first, last FaultFlags
	}{
		{"user read", false, true, FaultAllowRetry | FaultKillable | FaultUser, FaultKillable | FaultUser | FaultTried},
		{"user write", true, true, FaultAllowRetry | FaultKillable | FaultUser | FaultWrite, FaultKillable | FaultUser | FaultTried | FaultWrite},
		{"kernel read", false, false, FaultAllowRetry | FaultKillable, FaultKillable | FaultTried},
		{"kernel write", true, false, FaultAllowRetry | FaultKillable | FaultWrite, FaultKillable | FaultTried | FaultWrite},
	} {
		t.Run("§17.2 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			u := &fakeUffd{result: VMFaultMajor}
			w.mapped(1, protRW, u)
			addr := pg(0) + 0x123 // not rounded: the offset in the page is kept (§17.3)
			require.Equal(t, BusError, w.mm.DoPageFault(w.t, addr, c.write, c.user))
			require.Equal(t, []uffdCall{{addr, c.first, VMUffdMissing}, {addr, c.last, VMUffdMissing}}, u.calls)
			th := Current(w.t)
			require.Zero(t, th.MajFlt+th.MinFlt, "a fault that failed is not counted")
			w.frames()
		})
	}
	t.Run("§17.2 a retry that asks for another is given up", func(t *testing.T) {
		w := newWorld(t)
		u := &fakeUffd{stuck: true}
		w.mapped(1, protRW, u)
		require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(0), false, true), "user mode just returns")
		require.Equal(t, Fixup, w.mm.DoPageFault(w.t, pg(0), false, false))
		require.Len(t, u.calls, 4)
	})
}

// Since 5.7 any signal ends a fault that the processor raised, and a fatal one a fault of
// get_user_pages that may drop mmap_lock.
func TestFaultFlagsNameTheSignals(t *testing.T) {
	w := newWorld(t)
	w.mm.Facts.InterruptibleFaults = true
	u := &fakeUffd{answer: VMFaultSIGBUS}
	w.mapped(1, protRW, u)
	w.mm.DoPageFault(w.t, pg(0), false, true)
	w.mm.DoPageFault(w.t, pg(0), false, false)
	_, _ = w.mm.GetUserPagesUnlocked(w.t, pg(0), 1, false)
	w.mm.MmapLock.DownRead(w.t)
	_ = w.mm.GetUserPage(w.t, pg(0), false)
	_ = w.mm.GetUserPageNowait(w.t, pg(0), false)
	w.mm.MmapLock.UpRead(w.t)
	var flags []FaultFlags
	for _, call := range u.calls {
		flags = append(flags, call.flags)
	}
	const processor = FaultAllowRetry | FaultKillable | FaultInterruptible
	require.Equal(t, []FaultFlags{
		processor | FaultUser, processor, FaultAllowRetry | FaultKillable, 0, FaultAllowRetry | FaultRetryNowait,
	}, flags)
}

// A result that a context returns without dropping mmap_lock ends the fault.
func TestFaultAnswers(t *testing.T) {
	for answer, want := range map[FaultResult]Outcome{
		VMFaultSIGBUS:  BusError,
		VMFaultSIGSEGV: SegFault,
		VMFaultOOM:     OutOfMemory,
		VMFaultMajor:   Done,
	} {
		w := newWorld(t)
		u := &fakeUffd{answer: answer}
		w.mapped(1, protRW, u)
		require.Equal(t, want, w.mm.DoPageFault(w.t, pg(0), true, true), "§17.2 %v", answer)
		require.Len(t, u.calls, 1)
		w.frames()
	}
}

// The retry looks up the VMA again (§17.2), which may have been changed or unmapped.
func TestFaultVMAChangesDuringWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		during func(w *world, t *sim.Task) error
		want   Outcome
		calls  int
	}{
		{"unmapped", func(w *world, t *sim.Task) error { return w.mm.Munmap(t, pg(0), 2*PageSize) }, SegFault, 1},
		{"that page unmapped", func(w *world, t *sim.Task) error { return w.mm.Munmap(t, pg(1), PageSize) }, SegFault, 1},
		{"read-only now", func(w *world, t *sim.Task) error { return w.mm.Mprotect(t, pg(0), 2*PageSize, ProtRead) }, SegFault, 1},
		{"mapped anew, not registered", func(w *world, t *sim.Task) error {
			_, err := w.mm.Mmap(t, pg(0), 2*PageSize, protRW, fixed, nil, 0)
			return err
		}, Done, 1},
		{"dropped again", func(w *world, t *sim.Task) error {
			if _, err := w.copyPage(t, pg(1), 'x'); err != nil {
				return err
			}
			return w.mm.Madvise(t, pg(1), PageSize, MadvDontNeed)
		}, BusError, 2},
	} {
		t.Run("§17.2 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			u := &fakeUffd{during: func(task *sim.Task, _ uint64) { require.NoError(w, c.during(w, task)) }}
			w.mapped(2, protRW, u)
			require.Equal(t, c.want, w.mm.DoPageFault(w.t, pg(1), true, true))
			require.Len(t, u.calls, c.calls)
			w.frames()
		})
	}
}

// A fault that sleeps ends with SIGSEGV if another task unmaps the page (§17.2), and with
// SIGBUS if another task wakes it without filling the page.
func TestFaultAsleep(t *testing.T) {
	for _, unmap := range []bool{true, false} {
		w := newWorld(t)
		u := &fakeUffd{sleep: true}
		w.mapped(1, protRW, u)
		r := w.controlled(inTurn{})
		outcome := Done
		f := r.start("F", func(t *sim.Task) { outcome, _ = w.mm.Load(t, pg(0), make([]byte, 1)) })
		r.settle()
		require.True(t, f.Asleep())
		if unmap {
			// The munmap neither wakes the fault nor waits for it: mmap_lock was dropped.
			r.start("U", func(t *sim.Task) { require.NoError(w, w.mm.Munmap(t, pg(0), PageSize)) })
			r.settle()
			require.True(t, f.Asleep())
		}
		r.start("W", u.wake)
		r.settle()
		require.Equal(t, map[bool]Outcome{true: SegFault, false: BusError}[unmap], outcome)
	}
}

// A fatal signal ends the fault after the sleep: a task in user mode dies, and an access
// in kernel mode fails (§17.2). An ordinary signal has no effect.
func TestFaultSignals(t *testing.T) {
	for _, c := range []struct {
		name string
		sig  sim.Signal
		fill bool
		user Outcome
		err  error
		n    int
	}{
		{"fatal", sim.SignalFatal, false, Killed, errno.EFAULT, 1},
		{"fatal, although the page is there now", sim.SignalFatal, true, Killed, errno.EFAULT, 1},
		{"ordinary", sim.SignalOrdinary, false, BusError, errno.EFAULT, 2},
		{"ordinary, page there", sim.SignalOrdinary, true, Done, nil, 1},
	} {
		for _, user := range []bool{true, false} {
			t.Run("§17.2 "+c.name, func(t *testing.T) {
				w := newWorld(t)
				u := &fakeUffd{}
				u.during = func(task *sim.Task, addr uint64) {
					if c.fill {
						_, err := w.copyPage(task, addr, 'x')
						require.NoError(w, err)
					}
					task.Interrupt(c.sig)
				}
				w.mapped(1, protRW, u)
				var buf [8]byte
				if user {
					outcome, addr := w.mm.Load(w.t, pg(0), buf[:])
					require.Equal(t, c.user, outcome)
					if outcome != Done {
						require.Equal(t, pg(0), addr)
					}
				} else {
					require.Equal(t, c.err, CopyFromUser(w.t, buf[:], pg(0)))
				}
				require.Len(t, u.calls, c.n)
				require.Equal(t, c.user == Killed, buf[0] == 0 && c.fill || c.n == 1 && !c.fill)
				w.frames()
			})
		}
	}
	t.Run("§17.2 DoPageFault", func(t *testing.T) {
		w := newWorld(t)
		u := &fakeUffd{during: func(task *sim.Task, _ uint64) { task.Interrupt(sim.SignalFatal) }}
		w.mapped(1, protRW, u)
		require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(0), false, true))
		require.Equal(t, Fixup, w.mm.DoPageFault(w.t, pg(0), false, false))
	})
}

// A fault that slept on any try counts as major, any other as minor, once (§17.2).
func TestFaultAccounting(t *testing.T) {
	for _, c := range []struct {
		name     string
		u        func(w *world) *fakeUffd
		maj, min uint64
	}{
		{"no userfault", func(*world) *fakeUffd { return nil }, 0, 1},
		{"did not sleep", func(w *world) *fakeUffd { return w.filler('x') }, 0, 1},
		{"slept", func(w *world) *fakeUffd {
			u := w.filler('x')
			u.result = VMFaultMajor
			return u
		}, 1, 0},
	} {
		t.Run("§17.2 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(1, protRW, c.u(w))
			w.store(0, 1)
			th := Current(w.t)
			require.Equal(t, [2]uint64{c.maj, c.min}, [2]uint64{th.MajFlt, th.MinFlt})
			w.store(0, 2)
			require.Equal(t, c.maj+c.min, th.MajFlt+th.MinFlt, "no fault, so nothing is counted")
		})
	}
}

// §17.3: a read maps the zero page, special and read-only. The write after it copies the
// page and is never a userfault.
func TestZeroPageThenCopy(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mapped(2, protRW, nil)
	require.Zero(t, w.load(0))
	require.Equal(t, w.mm.memory.Zero().PFN(), w.entry(pg(0)).Entry.PFN())
	require.Equal(t, pgtable.Special, w.entry(pg(0)).Entry&(pgtable.Special|pgtable.RW|pgtable.Dirty))
	require.Zero(t, w.memory.InUse())
	w.register(pg(0), u) // present pages stay present and never fault (REG-22)
	w.store(0, 7)
	require.Empty(t, u.calls)
	require.Equal(t, byte(7), w.load(0))
	require.EqualValues(t, 1, w.memory.InUse())
	require.Equal(t, pgtable.RW|pgtable.Dirty, w.entry(pg(0)).Entry&(pgtable.Special|pgtable.RW|pgtable.Dirty))
	require.Zero(t, w.mm.memory.Zero().Data()[0], "the zero page is unchanged")
	w.frames()
}

// §17.3: the operations that prepare the anon_vma.
func TestFaultAnonVMA(t *testing.T) {
	for _, c := range []struct {
		name string
		uffd bool
		do   func(w *world)
		want bool
	}{
		{"read", false, func(w *world) { w.loadAt(hugeBase) }, false},
		{"write", false, func(w *world) { w.storeAt(hugeBase, 1) }, true},
		{"write after read", false, func(w *world) { w.loadAt(hugeBase); w.storeAt(hugeBase, 1) }, true},
		{"read userfault", true, func(w *world) { w.mm.DoPageFault(w.t, hugeBase, false, true) }, false},
		{"write userfault, in vain", true, func(w *world) { w.mm.DoPageFault(w.t, hugeBase, true, true) }, true},
		{"COPY", true, func(w *world) { w.copyPage(w.t, hugeBase, 'x') }, true},
		{"ZEROPAGE", true, func(w *world) { w.mm.MfillZeropage(w.t, hugeBase, PageSize) }, true},
		{"COPY that fails", true, func(w *world) { w.mm.McopyAtomic(w.t, hugeBase, base, PageSize) }, true},
		{"huge read", false, func(w *world) { w.mm.THP = THPAlways; w.loadAt(hugeBase) }, true},
		{"huge read userfault, in vain", true, func(w *world) {
			w.mm.THP = THPAlways
			w.mm.DoPageFault(w.t, hugeBase, false, true)
		}, true},
	} {
		t.Run("§17.3 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.mm.Mmap(w.t, hugeBase, PMDSize, protRW, fixed, nil, 0)
			require.NoError(t, err)
			if c.uffd {
				w.register(hugeBase, &fakeUffd{})
			}
			c.do(w)
			require.Equal(t, c.want, w.mm.lookup(hugeBase).AnonVMA() != nil)
			w.frames()
		})
	}
}

// §17.3: a fault on shared memory without vm_ops is SIGBUS. mmap never creates such
// memory.
func TestFaultSharedWithoutOps(t *testing.T) {
	for _, write := range []bool{true, false} {
		w := newWorld(t)
		u := &fakeUffd{}
		w.mapped(1, protRW, u)
		vma := w.at(0)
		vma.Flags |= VMShared | VMMayShare
		require.Equal(t, BusError, w.mm.DoPageFault(w.t, pg(0), write, true))
		require.Empty(t, u.calls)
	}
}

// §17.3: faults on swap entries, protection faults and write-protect faults are not
// userfaults.
func TestFaultsThatAreNoUserfault(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mapped(4, protRW, nil)
	for i := range 3 {
		w.store(i, 1)
	}
	w.register(pg(0), u)
	w.poke(w.mm.pteTable(sim.Observer(), base), pg(3), swapEntry)
	require.Equal(t, BusError, w.mm.DoPageFault(w.t, pg(3), false, true), "the model has no swap")
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	w.store(0, 2) // a copy
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead))
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, protRW))
	w.store(1, 2)
	require.NoError(t, w.mm.Mprotect(w.t, pg(2), PageSize, ProtNone))
	require.Equal(t, SegFault, w.mm.DoPageFault(w.t, pg(2), true, true))
	require.Empty(t, u.calls)
	child.Put(w.t)
}

// §17.3: whether the page is missing is decided under the page-table lock. If another
// task fills the page just before the lock is taken, the fault succeeds without a
// userfault.
func TestFaultDecidesUnderLock(t *testing.T) {
	for _, write := range []bool{true, false} {
		w := newWorld(t)
		u := &fakeUffd{}
		w.mapped(2, protRW, u)
		_, err := w.copyPage(w.t, pg(1), 'y') // so that the table is there
		require.NoError(t, err)
		lock := w.lockObject(w.mm.pteTable(sim.Observer(), base))
		at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLock, Obj: lock} }}
		r := w.controlled(at)
		outcome := BusError
		r.start("F", func(t *sim.Task) { outcome = w.mm.DoPageFault(t, pg(0), write, true) })
		r.start("C", func(t *sim.Task) {
			_, err := w.copyPage(t, pg(0), 'x')
			require.NoError(w, err)
		})
		r.settle()
		require.True(t, at.reached)
		require.Equal(t, Done, outcome, "§17.3")
		require.Empty(t, u.calls, "§17.3")
		require.Equal(t, byte('x'), w.load(0))
		w.frames()
	}
}

// Concurrent faults on one address map one page and leak no frame.
func TestFaultRace(t *testing.T) {
	seeds(t, 200, func(w *world, s sim.Strategy) {
		w.mapped(1, protRW, nil)
		r := w.controlled(s)
		for i := range 3 {
			r.start("F", func(t *sim.Task) {
				outcome, _ := w.mm.Store(t, pg(0)+uint64(i), []byte{1})
				require.Equal(w, Done, outcome)
			})
		}
		r.settle()
		require.EqualValues(w, 1, w.memory.InUse())
		var got [3]byte
		w.mm.Load(w.t, pg(0), got[:])
		require.Equal(w, [3]byte{1, 1, 1}, got)
		w.frames()
	})
}

// A failed allocation is OutOfMemory (EFAULT in kernel mode) and leaks nothing, and the
// access can be repeated.
func TestFaultAllocationFailure(t *testing.T) {
	for _, c := range []struct {
		site  string
		write bool
		fails bool
	}{
		{"pmd_alloc", false, true}, {"pte_alloc", false, true}, {"anon_vma", true, true}, {"alloc_page", true, true},
		// A read allocates neither a page nor an anon_vma (§17.3).
		{"anon_vma", false, false}, {"alloc_page", false, false},
	} {
		t.Run(c.site, func(t *testing.T) {
			w := newWorld(t)
			u := w.filler('x')
			w.mapped(1, protRW, u)
			w.failSites(c.site)
			if c.fails {
				require.Equal(t, OutOfMemory, w.mm.DoPageFault(w.t, pg(0), c.write, true))
				require.Empty(t, u.calls)
				if !c.write {
					require.Equal(t, errno.EFAULT, CopyFromUser(w.t, make([]byte, 1), pg(0)))
				}
			}
			w.frames()
			w.t.InjectFaults(nil)
			require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(0), c.write, true))
			w.frames()
		})
	}
}

// A write makes a private page that is no longer shared writable without copying it. It
// allocates nothing, so it cannot fail.
func TestWriteProtectReuse(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.store(0, 1)
	pfn := w.entry(pg(0)).Entry >> PageShift
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	w.failSites("alloc_page")
	require.Equal(t, OutOfMemory, w.mm.DoPageFault(w.t, pg(0), true, true), "shared: must be copied")
	child.Put(w.t)
	require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(0), true, true), "no longer shared")
	require.Equal(t, pfn, w.entry(pg(0)).Entry>>PageShift)
	w.frames()
}

// A shared mapping that becomes writable again keeps its pages, writes through to them
// and never gets an anon_vma.
func TestWriteProtectShared(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 1, protRW, shared)
	w.store(0, 1)
	pfn := w.entry(pg(0)).Entry >> PageShift
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, ProtRead))
	require.Equal(t, SegFault, w.mm.DoPageFault(w.t, pg(0), true, true))
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, protRW))
	w.store(0, 2)
	require.Equal(t, pfn, w.entry(pg(0)).Entry>>PageShift)
	require.Nil(t, w.at(0).AnonVMA())
	w.frames()
}

// In a mapping with operations, a read maps the object's page, and a write to a private
// mapping copies it.
func TestFaultOps(t *testing.T) {
	for _, c := range []struct {
		name   string
		shared VMFlags
		write  bool
		own    bool
	}{
		{"private read", 0, false, false},
		{"private write", 0, true, true},
		{"shared read", VMShared | VMMayShare, false, false},
		{"shared write", VMShared | VMMayShare, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(3, protRW, nil)
			object := w.memory.AllocZeroed(w.memory.Counter(0))
			var asked []uint64
			vma := w.at(0)
			vma.Flags |= c.shared
			vma.Ops = &VMOperations{Name: "test", Fault: func(t *sim.Task, _ *VMA, pgoff uint64) (*page.Frame, error) {
				asked = append(asked, pgoff)
				object.Get(t)
				return object, nil
			}}
			require.Equal(t, Done, w.mm.DoPageFault(w.t, pg(2)+5, c.write, true))
			require.Equal(t, []uint64{pg(2) >> PageShift}, asked)
			require.Equal(t, c.own, w.entry(pg(2)).Entry.PFN() != object.PFN())
			require.Equal(t, c.own, vma.AnonVMA() != nil)
			w.mm.zapPageRange(w.t, pg(0), pg(3))
			require.EqualValues(t, 1, object.Refs(), "no reference is leaked or dropped twice")
			vma.Ops = &VMOperations{Name: "no pages"}
			require.Equal(t, BusError, w.mm.DoPageFault(w.t, pg(2), c.write, true))
		})
	}
	t.Run("no memory for the anon_vma of a copy", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(1, protRW, nil)
		w.at(0).Ops = &VMOperations{Fault: func(*sim.Task, *VMA, uint64) (*page.Frame, error) { panic("too late to ask") }}
		w.failSites("anon_vma")
		require.Equal(t, OutOfMemory, w.mm.DoPageFault(w.t, pg(0), true, true))
	})
	t.Run("it has no page", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(1, protRW, nil)
		w.at(0).Ops = &VMOperations{Fault: func(*sim.Task, *VMA, uint64) (*page.Frame, error) { return nil, errno.EINVAL }}
		require.Equal(t, BusError, w.mm.DoPageFault(w.t, pg(0), false, true))
	})
}

// §17.8: mmap_lock is granted in the order of arrival. So a reader that sleeps while it
// holds the lock also stalls the readers that arrive after the first writer.
func TestMmapLockFairness(t *testing.T) {
	for _, withWriter := range []bool{true, false} {
		w := newWorld(t)
		w.mapped(1, protRW, nil)
		var order []string
		r := w.controlled(inTurn{})
		sleeper := r.start("sleeper", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			t.SetState(sim.Uninterruptible)
			t.Schedule()
			order = append(order, "sleeper wakes")
			w.mm.MmapLock.UpRead(t)
		})
		if withWriter {
			r.start("writer", func(t *sim.Task) {
				require.NoError(w, w.mm.Munmap(t, pg(0), PageSize))
				order = append(order, "munmap")
			})
		}
		r.start("reader", func(t *sim.Task) {
			outcome := w.mm.DoPageFault(t, pg(0), true, true)
			order = append(order, "fault: "+outcome.String())
		})
		r.start("waker", func(t *sim.Task) { t.WakeUpState(sleeper, sim.Normal) })
		r.settle()
		if withWriter {
			require.Equal(t, []string{"sleeper wakes", "munmap", "fault: SIGSEGV"}, order, "§17.8")
		} else {
			require.Equal(t, []string{"fault: done", "sleeper wakes"}, order)
		}
	}
	t.Run("§17.8 total stall", func(t *testing.T) {
		w := newWorld(t)
		r := w.controlled(inTurn{})
		r.start("sleeper", func(t *sim.Task) {
			w.mm.MmapLock.DownRead(t)
			t.SetState(sim.Uninterruptible)
			t.Schedule()
		})
		r.start("writer", func(t *sim.Task) { w.mm.Munmap(t, pg(0), PageSize) })
		r.start("reader", func(t *sim.Task) { w.mm.DoPageFault(t, pg(0), true, true) })
		var stall *sim.Deadlock
		require.ErrorAs(t, r.exec.Settle(), &stall)
		require.Equal(t, []string{"writer waits for mmap_lock", "reader waits for mmap_lock"}, stall.Stuck)
	})
}
