package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// fill makes the UFFDIO_COPY, from a present source, or UFFDIO_ZEROPAGE of
// [pg(from), pg(to)).
func (w *world) fill(zero bool, from, to int) (uint64, error) {
	length := pg(to) - pg(from)
	if zero {
		return w.mm.MfillZeropage(w.t, pg(from), length)
	}
	return w.mm.McopyAtomic(w.t, pg(from), Current(w.t).Lend(1, ptBytes(to-from, 'x')), length)
}

// each runs fn for COPY and for ZEROPAGE.
func each(t *testing.T, rule string, fn func(t *testing.T, zero bool)) {
	t.Run(rule+" COPY", func(t *testing.T) { fn(t, false) })
	t.Run(rule+" ZERO-1", func(t *testing.T) { fn(t, true) })
}

// COPY-2: a range can be filled if it is in one VMA that is registered with any context,
// private and anonymous. Otherwise it is EINVAL.
func TestFillCOPY2(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to int // the VMAs are [2, 5) and [5, 8)
		change   func(w *world)
		err      error
	}{
		{"all of a VMA", 2, 5, nil, nil},
		{"part of it", 3, 4, nil, nil},
		{"the VMA of another context", 5, 8, nil, nil},
		{"nothing there or behind", 9, 10, nil, errno.EINVAL},
		{"in front of the VMA", 0, 1, nil, errno.EINVAL},
		{"begins in front of it", 1, 3, nil, errno.EINVAL},
		{"goes beyond its end", 6, 9, nil, errno.EINVAL},
		{"goes on into the next VMA", 4, 6, nil, errno.EINVAL},
		{"not registered", 2, 3, func(w *world) { w.at(2).Userfault, w.at(2).Flags = nil, rw }, errno.EINVAL},
		{"shared", 2, 3, func(w *world) { w.at(2).Flags |= VMShared }, errno.EINVAL},
		{"with vm_ops", 2, 3, func(w *world) { w.at(2).Ops = &VMOperations{} }, errno.EINVAL},
		{"anon_vma fails", 2, 3, func(w *world) { w.failSites("anon_vma") }, errno.ENOMEM},
	} {
		each(t, "COPY-2 "+c.name, func(t *testing.T, zero bool) {
			w := newWorld(t)
			w.mmap(2, 5, protRW, private)
			w.register(pg(2), &fakeUffd{})
			w.mmap(5, 8, protRW, private)
			w.register(pg(5), &fakeUffd{})
			if c.change != nil {
				c.change(w)
			}
			n, err := w.fill(zero, c.from, c.to)
			require.Equal(t, c.err, err)
			if err != nil {
				require.Zero(t, n)
				require.Equal(t, []pgtable.WalkLevel{{Level: "pgd"}}, w.mm.PageWalk(pg(c.from)), "nothing was touched")
				require.Zero(t, w.memory.InUse())
				return
			}
			require.Equal(t, pg(c.to)-pg(c.from), n)
			for i := c.from; i < c.to; i++ {
				require.True(t, w.present(pg(i)))
			}
			w.frames()
		})
	}
}

// COPY-3: the errors of filling one page, in their order, leak nothing.
func TestFillCOPY3(t *testing.T) {
	for _, site := range []string{"pmd_alloc", "pte_alloc", "alloc_page"} {
		each(t, "COPY-3 "+site, func(t *testing.T, zero bool) {
			w := newWorld(t)
			w.mapped(1, protRW, &fakeUffd{})
			w.failSites(site)
			n, err := w.fill(zero, 0, 1)
			if site == "alloc_page" {
				require.NotNil(t, w.mm.pteTable(sim.Observer(), base), "the levels stay")
			}
			if zero && site == "alloc_page" {
				require.NoError(t, err, "there is no page to allocate")
			} else {
				require.Equal(t, errno.ENOMEM, err)
				require.Zero(t, n)
			}
			w.frames()
		})
	}
	each(t, "COPY-3 huge pmd", func(t *testing.T, zero bool) {
		w := newWorld(t)
		w.mapHuge(1, nil)
		w.storeAt(hugeBase, 'h')
		w.register(hugeBase, &fakeUffd{})
		w.failSites("alloc_page") // not reached: the check for a huge page comes first
		var err error
		if zero {
			_, err = w.mm.MfillZeropage(w.t, hugeBase+PageSize, PageSize)
		} else {
			_, err = w.copyPage(w.t, hugeBase+PageSize, 'x')
		}
		require.Equal(t, errno.EEXIST, err)
		require.Equal(t, byte('h'), w.loadAt(hugeBase))
		w.frames()
	})
}

// COPY-3: a huge page that another task maps between the check of the PMD entry and the
// allocation of a table is EFAULT, not EEXIST. The VMA has a context but does not track
// missing pages, since otherwise no fault could map a huge page.
func TestFillCOPY3HugeAppears(t *testing.T) {
	each(t, "COPY-3", func(t *testing.T, zero bool) {
		w := newWorld(t)
		w.mapHuge(2, nil)
		w.storeAt(hugePage(1), 'h') // allocates the PMD table
		w.locked(func() {
			vma := w.mm.lookup(hugeBase)
			vma.Flags |= VMUffdWP
			vma.Userfault = &fakeUffd{}
		})
		lock := w.lockObject(w.mm.pmdTable(sim.Observer(), hugeBase))
		at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLock, Obj: lock} }}
		r := w.controlled(at)
		var err error
		r.start("C", func(t *sim.Task) {
			if zero {
				_, err = w.mm.MfillZeropage(t, hugeBase, PageSize)
			} else {
				_, err = w.copyPage(t, hugeBase, 'x')
			}
		})
		r.start("F", func(t *sim.Task) { w.mm.Store(t, hugeBase, []byte{'h'}) })
		r.settle()
		require.True(t, at.reached)
		require.Equal(t, errno.EFAULT, err)
		require.Equal(t, byte('h'), w.loadAt(hugeBase))
		require.NoError(t, CheckFrames(w.mm))
	})
}

// COPY-4: a fill never overwrites an entry that is not none.
func TestFillCOPY4Exists(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(w *world)
	}{
		{"page", func(w *world) { w.store(0, 'p') }},
		{"zero page", func(w *world) { w.load(0) }},
		{"swap entry", func(w *world) {
			w.store(1, 1)
			w.poke(w.mm.pteTable(sim.Observer(), base), pg(0), swapEntry)
		}},
	} {
		each(t, "COPY-4 "+c.name, func(t *testing.T, zero bool) {
			w := newWorld(t)
			w.mapped(2, protRW, nil)
			c.prepare(w)
			before := w.entry(pg(0))
			w.register(pg(0), &fakeUffd{})
			n, err := w.fill(zero, 0, 1)
			require.Equal(t, errno.EEXIST, err)
			require.Zero(t, n)
			require.Equal(t, before, w.entry(pg(0)))
			w.frames()
		})
	}
}

// COPY-4: the new page has the rights of the VMA. A read-only VMA can be filled.
func TestFillCOPY4Rights(t *testing.T) {
	const mask = pgtable.RW | pgtable.Dirty | pgtable.Special
	for prot, want := range map[Prot]pgtable.Entry{protRW: pgtable.RW | pgtable.Dirty, ProtRead: 0} {
		w := newWorld(t)
		w.mapped(2, prot, &fakeUffd{})
		_, err := w.fill(false, 0, 1)
		require.NoError(t, err, "COPY-4")
		require.EqualValues(t, want, w.entry(pg(0)).Entry&mask, "COPY-4")
		require.Equal(t, byte('x'), w.load(0))
		_, err = w.fill(true, 1, 2)
		require.NoError(t, err, "ZERO-1")
		require.Equal(t, pgtable.Special, w.entry(pg(1)).Entry&mask, "ZERO-1: read-only and special, always")
		require.Zero(t, w.load(1))
		w.frames()
	}
}

// A page of inaccessible memory can be filled, and can be read after an mprotect.
func TestFillWithoutAccess(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, ProtNone, &fakeUffd{})
	_, err := w.fill(false, 0, 1)
	require.NoError(t, err)
	require.Equal(t, SegFault, w.mm.DoPageFault(w.t, pg(0), false, true))
	var b [1]byte
	outcome, _ := w.mm.Load(w.t, pg(0), b[:])
	require.Equal(t, SegFault, outcome, "COPY-4")
	w.frames()
}

// ZERO-1: UFFDIO_ZEROPAGE allocates no frame. The write after it copies the page and is
// not a userfault.
func TestZeropageThenWrite(t *testing.T) {
	w := newWorld(t)
	u := &fakeUffd{}
	w.mapped(2, protRW, u)
	n, err := w.fill(true, 0, 2)
	require.NoError(t, err)
	require.EqualValues(t, 2*PageSize, n)
	require.Zero(t, w.memory.InUse())
	w.store(0, 1)
	require.Zero(t, w.load(1))
	require.Empty(t, u.calls, "ZERO-1")
	require.EqualValues(t, 1, w.memory.InUse())
	w.frames()
}

// COPY-3: the source may be any readable address; it need not be page aligned.
func TestCopyUnalignedSource(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, &fakeUffd{})
	w.mmap(4, 7, protRW, private)
	for i := range 3 {
		outcome, _ := w.mm.Store(w.t, pg(4+i), ptBytes(1, byte('a'+i)))
		require.Equal(t, Done, outcome)
	}
	n, err := w.mm.McopyAtomic(w.t, pg(0), pg(4)+1000, 2*PageSize)
	require.NoError(t, err)
	require.EqualValues(t, 2*PageSize, n)
	buf := make([]byte, 2*PageSize)
	w.mm.Load(w.t, pg(0), buf)
	want := append(append(ptBytes(1, 'a')[1000:], ptBytes(1, 'b')...), ptBytes(1, 'c')[:1000]...)
	require.Equal(t, want, buf)
	w.frames()
}

// The source is in the current task's address space, the destination in the context's
// (WAKE-7, REF-4), which may be another.
func TestCopyBetweenAddressSpaces(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, &fakeUffd{})
	other := New(w.memory)
	_, err := other.Mmap(w.t, pg(8), PageSize, protRW, fixed, nil, 0)
	require.NoError(t, err)
	exec := &sim.Free{}
	task := exec.Attach("other", &Thread{MM: other})
	other.Store(task, pg(8), []byte("other"))
	_, err = w.mm.McopyAtomic(task, pg(0), pg(8), PageSize)
	require.NoError(t, err)
	require.Equal(t, byte('o'), w.load(0))
	require.NoError(t, CheckFrames(w.mm, other))
}

// COPY-5: after an error that follows at least one filled page, the result is the number
// of bytes filled. A fatal signal (EINTR) is checked after each page.
func TestFillCOPY5(t *testing.T) {
	for _, c := range []struct {
		name  string
		zero  bool
		n     int
		spoil func(w *world)
	}{
		{"EEXIST", false, 2, func(w *world) { w.copyPage(w.t, pg(2), 'p') }},
		{"EEXIST", true, 2, func(w *world) { w.copyPage(w.t, pg(2), 'p') }},
		{"ENOMEM", false, 1, func(w *world) { w.failAt("alloc_page", 2) }},
		{"EINTR", false, 1, func(w *world) { w.t.Interrupt(sim.SignalFatal) }},
		{"EINTR", true, 1, func(w *world) { w.t.Interrupt(sim.SignalFatal) }},
		{"an ordinary signal is none", false, 3, func(w *world) { w.t.Interrupt(sim.SignalOrdinary) }},
	} {
		t.Run("COPY-5 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(3, protRW, &fakeUffd{})
			c.spoil(w)
			n, err := w.fill(c.zero, 0, 3)
			require.NoError(t, err)
			require.EqualValues(t, c.n*PageSize, n)
			for i := range c.n {
				require.True(t, w.present(pg(i)))
			}
			w.frames()
		})
	}
	t.Run("COPY-5 EFAULT", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(3, protRW, &fakeUffd{})
		src := Current(w.t).Lend(1, ptBytes(2, 'x'))
		n, err := w.mm.McopyAtomic(w.t, pg(0), src, 3*PageSize)
		require.NoError(t, err)
		require.EqualValues(t, 2*PageSize, n)
		n, err = w.mm.McopyAtomic(w.t, pg(2), src+2*PageSize, PageSize)
		require.Equal(t, errno.EFAULT, err)
		require.Zero(t, n)
		require.False(t, w.present(pg(2)))
		w.frames()
	})
}

// COPY-3: a missing source page is faulted in without mmap_lock. Then the whole
// destination, including the part already filled, is looked up and checked again.
func TestCopyColdSource(t *testing.T) {
	for _, c := range []struct {
		name    string
		during  func(w *world, t *sim.Task) error
		n       int // pages filled
		err     error
		present []bool // of the three pages of the destination
	}{
		{"nothing happens", func(*world, *sim.Task) error { return nil }, 3, nil, []bool{true, true, true}},
		{"destination unmapped", func(w *world, t *sim.Task) error {
			return w.mm.Munmap(t, pg(0), 3*PageSize)
		}, 0, errno.EINVAL, []bool{false, false, false}},
		{"its end unmapped", func(w *world, t *sim.Task) error {
			return w.mm.Munmap(t, pg(2), PageSize)
		}, 0, errno.EINVAL, []bool{false, false, false}},
		{"unregistered", func(w *world, t *sim.Task) error {
			vma := w.at(0)
			vma.Userfault, vma.Flags = nil, vma.Flags&^VMUffd
			return nil
		}, 0, errno.EINVAL, []bool{false, false, false}},
		{"mapped anew", func(w *world, t *sim.Task) error {
			_, err := w.mm.Mmap(t, pg(0), 3*PageSize, protRW, fixed, nil, 0)
			return err
		}, 0, errno.EINVAL, []bool{false, false, false}},
		{"split by mprotect", func(w *world, t *sim.Task) error {
			return w.mm.Mprotect(t, pg(1), PageSize, ProtRead)
		}, 0, errno.EINVAL, []bool{false, false, false}},
		{"page filled by another", func(w *world, t *sim.Task) error {
			_, err := w.mm.MfillZeropage(t, pg(0), PageSize)
			return err
		}, 0, errno.EEXIST, []bool{true, false, false}},
		{"second page filled by another", func(w *world, t *sim.Task) error {
			_, err := w.mm.MfillZeropage(t, pg(1), PageSize)
			return err
		}, 1, nil, []bool{true, true, false}},
		{"source unmapped", func(w *world, t *sim.Task) error {
			return w.mm.Munmap(t, pg(10), 3*PageSize)
		}, 0, errno.EFAULT, []bool{false, false, false}},
		{"fatal signal", func(_ *world, t *sim.Task) error {
			t.Interrupt(sim.SignalFatal)
			return nil
		}, 0, errno.EFAULT, []bool{false, false, false}},
	} {
		t.Run("COPY-3 "+c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(3, protRW, &fakeUffd{})
			w.mmap(10, 13, protRW, private)
			u := &fakeUffd{}
			u.during = func(task *sim.Task, addr uint64) {
				if len(u.calls) == 1 {
					require.NoError(w, c.during(w, task)) // takes mmap_lock for writing
				}
				w.copyPage(task, addr&PageMask, 's')
			}
			w.register(pg(10), u)
			n, err := w.mm.McopyAtomic(w.t, pg(0), pg(10), 3*PageSize)
			require.Equal(t, c.err, err)
			require.EqualValues(t, c.n*PageSize, n)
			for i, want := range c.present {
				require.Equal(t, want, w.present(pg(i)), "page %d", i)
			}
			if c.n == 3 {
				require.Equal(t, byte('s'), w.load(2))
				require.Len(t, u.calls, 3)
			}
			w.frames()
		})
	}
	// Mutant 62, which checks only the rest of the range again, would continue here.
	t.Run("COPY-3 COPY-5 the part done unmapped", func(t *testing.T) {
		w := newWorld(t)
		w.mapped(3, protRW, &fakeUffd{})
		w.mmap(10, 13, protRW, private)
		w.store(10, 's')
		u := &fakeUffd{during: func(task *sim.Task, addr uint64) {
			require.NoError(w, w.mm.Munmap(task, pg(0), PageSize))
			w.copyPage(task, addr, 's')
		}}
		w.register(pg(10), u)
		n, err := w.mm.McopyAtomic(w.t, pg(0), pg(10), 3*PageSize)
		require.NoError(t, err)
		require.EqualValues(t, PageSize, n)
		require.False(t, w.present(pg(1)))
		w.frames()
	})
}

// The source is copied once: the retry maps the copy that was made without mmap_lock.
func TestCopyColdSourceIsReadOnce(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, &fakeUffd{})
	w.mmap(10, 12, protRW, private)
	n, err := w.mm.McopyAtomic(w.t, pg(0), pg(10), PageSize)
	require.NoError(t, err, "COPY-3")
	require.EqualValues(t, PageSize, n)
	require.EqualValues(t, 1, Current(w.t).MinFlt)
	require.EqualValues(t, 1, w.memory.InUse(), "a new frame, although the source is the zero page")
	w.frames()
}

// COPY-3 concurrent with a munmap, in many interleavings: no page is mapped outside a
// registered VMA.
func TestCopyColdSourceRaces(t *testing.T) {
	results := map[error]int{}
	delay := 0
	seeds(t, 400, func(w *world, s sim.Strategy) {
		delay = (delay + 1) % 100
		w.mapped(2, protRW, &fakeUffd{})
		w.mmap(10, 12, protRW, private)
		r := w.controlled(s)
		var n uint64
		var err error
		r.start("C", func(t *sim.Task) { n, err = w.mm.McopyAtomic(t, pg(0), pg(10), 2*PageSize) })
		r.start("U", func(t *sim.Task) {
			for range delay {
				t.SmpMb() // delay the munmap, which would nearly always come first
			}
			require.NoError(w, w.mm.Munmap(t, pg(0), 2*PageSize))
		})
		r.settle()
		results[err]++
		if err != nil {
			require.Equal(w, errno.EINVAL, err)
			require.Zero(w, n)
		}
		require.Zero(w, w.memory.InUse())
		w.frames()
	})
	require.Len(t, results, 2, "both outcomes are seen")
}

// COPY-4 under a race (mutant 63): of concurrent copies to one page, one succeeds and the
// others return EEXIST, without a data race.
func TestFillInParallel(t *testing.T) {
	const pages = 256
	w := newWorld(t)
	w.mapped(pages, protRW, &fakeUffd{})
	exec := &sim.Free{}
	var done [3]int
	for k := range done {
		exec.Go("C", &Thread{MM: w.mm}, func(t *sim.Task) {
			for i := range pages {
				var err error
				if k == 0 {
					_, err = w.mm.MfillZeropage(t, pg(i), PageSize)
				} else {
					_, err = w.copyPage(t, pg(i), 'x')
				}
				if err == nil {
					done[k]++
				}
			}
		})
	}
	exec.Wait()
	require.Equal(t, pages, done[0]+done[1]+done[2], "COPY-4")
	require.EqualValues(t, done[1]+done[2], w.memory.InUse())
	w.frames()
}

// Wherever an allocation fails, the error is ENOMEM and no frame leaks.
func TestFillAllocationFailures(t *testing.T) {
	each(t, "COPY-3", func(t *testing.T, zero bool) {
		for k := 1; ; k++ {
			w := newWorld(t)
			w.mapped(1, protRW, &fakeUffd{})
			n := 0
			w.t.InjectFaults(func(string) bool { n++; return n == k })
			_, err := w.fill(zero, 0, 1)
			w.t.InjectFaults(nil)
			w.frames()
			if n < k {
				require.NoError(t, err)
				require.Greater(t, k, 3)
				return
			}
			require.Equal(t, errno.ENOMEM, err)
			require.Zero(t, w.memory.InUse())
		}
	})
}
