package mm

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// hugeBase is the address at which the tests of huge pages map memory, aligned to 2 MiB.
// hugePage returns the n-th huge page from there.
const hugeBase = 0x40000000

func hugePage(n int) uint64 { return hugeBase + uint64(n)*PMDSize }

// uffdCall is a recorded call of HandleUserfault.
type uffdCall struct {
	addr   uint64
	flags  FaultFlags
	reason VMFlags
}

// fakeUffd is a userfault context that records its calls. It returns what
// handle_userfault does: SIGBUS for a fault that may not ask for a retry (FAULT-4), RETRY
// at once for one that may not sleep (FAULT-5), and otherwise RETRY with mmap_lock
// dropped, after during has run or after a sleep.
type fakeUffd struct {
	calls  []uffdCall
	answer FaultResult // if not 0, returned for every fault, with mmap_lock held
	stuck  bool        // RETRY and drop mmap_lock even for a fault that may not retry
	sleep  bool
	during func(t *sim.Task, addr uint64)
	result FaultResult // bits to return with RETRY

	asleep []*sim.Task
}

func (u *fakeUffd) HandleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult {
	vma, addr, flags := vmf.VMA, vmf.Address, vmf.Flags
	vma.mm.MmapLock.AssertHeld(t)
	u.calls = append(u.calls, uffdCall{addr, flags, reason})
	switch {
	case u.answer != 0:
		return u.answer
	case flags&FaultAllowRetry == 0 && !u.stuck:
		return VMFaultSIGBUS
	case flags&FaultRetryNowait != 0:
		return VMFaultRetry
	}
	if u.sleep {
		u.asleep = append(u.asleep, t)
		t.SetState(sim.Killable)
		vma.mm.MmapLock.UpRead(t)
		t.Schedule()
		return VMFaultRetry | VMFaultMajor
	}
	vma.mm.MmapLock.UpRead(t)
	if u.during != nil {
		u.during(t, addr)
	}
	return VMFaultRetry | u.result
}

// wake wakes every fault that sleeps: UFFDIO_WAKE.
func (u *fakeUffd) wake(t *sim.Task) {
	for _, sleeper := range u.asleep {
		t.WakeUpState(sleeper, sim.Normal)
	}
	u.asleep = nil
}

// filler returns a context that resolves each fault with a page of bytes b.
func (w *world) filler(b byte) *fakeUffd {
	return &fakeUffd{during: func(t *sim.Task, addr uint64) {
		_, err := w.copyPage(t, addr&PageMask, b)
		require.NoError(w, err)
	}}
}

// copyPage fills the page at addr with bytes b, as UFFDIO_COPY does.
func (w *world) copyPage(t *sim.Task, addr uint64, b byte) (uint64, error) {
	return w.mm.McopyAtomic(t, addr, Current(t).Lend(1, ptBytes(1, b)), PageSize)
}

func ptBytes(pages int, b byte) []byte {
	mem := make([]byte, pages*PageSize)
	for i := range mem {
		mem[i] = b
	}
	return mem
}

// register sets the context of the VMA at addr, without the checks and splits of
// UFFDIO_REGISTER, which are in package uffd.
func (w *world) register(addr uint64, u Userfault) {
	w.Helper()
	w.locked(func() {
		vma := w.mm.lookup(addr)
		vma.Flags |= VMUffdMissing
		vma.Userfault = u
	})
}

// mapped maps n registered pages at pg(0). A nil u leaves them unregistered.
func (w *world) mapped(n int, prot Prot, u *fakeUffd) {
	w.Helper()
	w.mmap(0, n, prot, private)
	if u != nil {
		w.register(pg(0), u)
	}
}

// mapHuge maps memory for n huge pages at hugeBase, with MADV_HUGEPAGE.
func (w *world) mapHuge(n int, u *fakeUffd) {
	w.Helper()
	_, err := w.mm.Mmap(w.t, hugeBase, uint64(n)*PMDSize, protRW, fixed, nil, 0)
	require.NoError(w, err)
	require.NoError(w, w.mm.Madvise(w.t, hugeBase, uint64(n)*PMDSize, MadvHugePage))
	if u != nil {
		w.register(hugeBase, u)
	}
}

// readLocked runs fn with mmap_lock held for reading.
func (w *world) readLocked(fn func()) {
	w.mm.MmapLock.DownRead(w.t)
	fn()
	w.mm.MmapLock.UpRead(w.t)
}

// entry returns the last entry of the walk to addr.
func (w *world) entry(addr uint64) pgtable.WalkLevel {
	walk := w.mm.PageWalk(addr)
	return walk[len(walk)-1]
}

// present reports whether a page, small or huge, is mapped at addr.
func (w *world) present(addr uint64) bool {
	e := w.entry(addr)
	return e.Entry.Present() && (e.Level == "pte" || e.Huge())
}

// peekByte reads a byte without a page fault.
func (w *world) peekByte(addr uint64) (byte, bool) {
	var b [1]byte
	ok := w.mm.translate(w.t, addr, b[:], false)
	return b[0], ok
}

// poke stores a raw entry, such as a swap entry, for addr in the table. It clears the
// entry at the end of the test, because the model cannot.
func (w *world) poke(tb *pgtable.Table, addr uint64, entry pgtable.Entry) {
	i := tb.Level().Index(addr)
	tb.Lock(w.t)
	tb.Set(w.t, i, entry)
	tb.Unlock(w.t)
	w.Cleanup(func() {
		tb.Lock(w.t)
		tb.Set(w.t, i, 0)
		tb.Unlock(w.t)
	})
}

// frames checks the invariants and the frames of the address space, which must be the
// only one.
func (w *world) frames() {
	w.Helper()
	w.check()
	require.NoError(w, CheckFrames(w.mm))
}

// failSites makes every allocation at the site fail.
func (w *world) failSites(site string) {
	w.t.InjectFaults(func(s string) bool { return s == site })
}

// ptRun runs tasks against a world in the controlled executor.
type ptRun struct {
	*world
	exec *sim.Controlled
}

func (w *world) controlled(s sim.Strategy) *ptRun {
	r := &ptRun{w, sim.NewControlled(s)}
	w.Cleanup(r.exec.Stop)
	return r
}

func (r *ptRun) start(name string, fn func(t *sim.Task)) *sim.Task {
	return r.exec.Go(name, &Thread{MM: r.mm}, fn)
}

func (r *ptRun) settle() {
	r.Helper()
	require.NoError(r, r.exec.Settle())
}

// inTurn is the strategy that runs each task until it blocks, in the order of creation.
type inTurn struct{}

func (inTurn) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	for _, t := range enabled {
		if t == current {
			return t
		}
	}
	return enabled[0]
}

// cut is the strategy that runs the first task up to the step for which at reports true,
// then the others until they block or end, then the first again.
type cut struct {
	at      func(s sim.Step) bool
	reached bool
}

func (c *cut) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	first := enabled[0]
	if first.ID() == 0 && !c.reached {
		if c.reached = c.at(first.Next()); !c.reached {
			return first
		}
	}
	if first.ID() == 0 && len(enabled) > 1 {
		return inTurn{}.Pick(enabled[1:], current)
	}
	return inTurn{}.Pick(enabled, current)
}

// seeds runs fn with many random interleavings.
func seeds(t *testing.T, n int, fn func(w *world, s sim.Strategy)) {
	for seed := range n {
		w := newWorld(t)
		fn(w, sim.NewRandom(uint64(seed)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// entryObject returns the object of a step on the entry for addr.
func (w *world) entryObject(tb *pgtable.Table, addr uint64) unsafe.Pointer {
	return w.firstObject(func(t *sim.Task) { tb.Load(t, tb.Level().Index(addr)) })
}

// lockObject returns the object of a step on the table's lock.
func (w *world) lockObject(tb *pgtable.Table) unsafe.Pointer {
	return w.firstObject(func(t *sim.Task) {
		tb.Lock(t)
		tb.Unlock(t)
	})
}

// firstObject returns the object of the first step of a task that runs fn alone.
func (w *world) firstObject(fn func(t *sim.Task)) (obj unsafe.Pointer) {
	w.Helper()
	r := w.controlled(watch(func(s sim.Step) {
		if obj == nil {
			obj = s.Obj // nil for the start
		}
	}))
	r.start("w", fn)
	r.settle()
	return obj
}

func (*fakeUffd) DupUserfaultfd(*sim.Task) {}
func (*fakeUffd) MremapPrep(*sim.Task)     {}
func (*fakeUffd) Remove(*sim.Task)         {}
func (*fakeUffd) UnmapPrep(*sim.Task)      {}
