package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// forked returns a world that is the forked child, with a task that runs in it.
func (w *world) forked() (child *world) {
	w.Helper()
	mm, err := w.mm.Fork(w.t)
	require.NoError(w, err)
	exec := &sim.Free{}
	return &world{TB: w.TB, mm: mm, memory: w.memory, names: w.names, events: w.events,
		t: exec.Attach("child", &Thread{MM: mm})}
}

// Private pages are shared until one side writes, which gets a copy. The other side then
// writes without a copy.
func TestForkSharesUntilWrite(t *testing.T) {
	w := newWorld(t)
	w.mapped(3, protRW, nil)
	for i := range 3 {
		w.store(i, 'p')
	}
	child := w.forked()
	require.EqualValues(t, 3, w.memory.InUse())
	for _, side := range []*world{w, child} {
		for i := range 3 {
			require.False(t, side.entry(pg(i)).Entry.Write(), "both sides lose the right to write")
		}
	}
	require.NoError(t, CheckFrames(w.mm, child.mm))
	child.store(0, 'c')
	w.store(1, 'q')
	require.Equal(t, "pqp", string([]byte{w.load(0), w.load(1), w.load(2)}))
	require.Equal(t, "cpp", string([]byte{child.load(0), child.load(1), child.load(2)}))
	require.EqualValues(t, 5, w.memory.InUse())
	w.store(0, 'r') // the child no longer shares the page: no copy
	require.EqualValues(t, 5, w.memory.InUse())
	child.check()
	require.NoError(t, CheckFrames(w.mm, child.mm))
	child.mm.Put(child.t)
	w.store(2, 's')
	require.EqualValues(t, 3, w.memory.InUse())
	w.frames()
}

// fork does not copy the entries of a VMA without an anon_vma, which was only read so far
// (§17.3): the child faults again. A child that registers the VMA can see that. Checked
// on 6.18 with /proc/self/pagemap.
func TestForkLeavesOutWhatFaultsFind(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.mmap(2, 4, protRW, private)
	w.mmap(5, 6, protRW, shared)
	w.load(0)
	w.load(2)
	w.store(3, 1)
	w.store(5, 's')
	child := w.forked()
	require.False(t, child.present(pg(0)), "zero page in a VMA without an anon_vma")
	require.True(t, child.present(pg(2)), "zero page in a VMA with an anon_vma")
	require.True(t, child.present(pg(3)))
	require.False(t, child.present(pg(5)), "the object has it")
	require.Equal(t, byte('s'), child.load(5))
	require.NoError(t, CheckFrames(w.mm, child.mm))
}

// REF-4, §17.7: the child has the pages but not the registration. Its writes to pages
// that UFFDIO_COPY has filled are ordinary copies.
func TestForkOfRegistered(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(3, protRW, u)
	w.fill(false, 0, 1)
	w.fill(true, 1, 2)
	child := w.forked()
	require.Equal(t, byte('x'), child.load(0))
	child.store(0, 'c')
	child.store(1, 'c')
	child.store(2, 'c')
	require.Empty(t, u.calls)
	require.Equal(t, "x\x00x", string([]byte{w.load(0), w.load(1), w.load(2)}))
	require.Len(t, u.calls, 1, "the parent's registration stays")
	child.check()
	require.NoError(t, CheckFrames(w.mm, child.mm))
}

// fork copies swap entries, too.
func TestForkCopiesSwapEntries(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	w.store(0, 1)
	w.poke(w.mm.pteTable(sim.Observer(), base), pg(1), swapEntry)
	child := w.forked()
	require.EqualValues(t, swapEntry, child.entry(pg(1)).Entry)
	require.NoError(t, CheckFrames(w.mm, child.mm))
}

// Pages of a PROT_NONE mapping stay inaccessible in both address spaces.
func TestForkOfProtNone(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.store(0, 1)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, ProtNone))
	child := w.forked()
	require.Equal(t, SegFault, child.mm.DoPageFault(child.t, pg(0), false, true))
	child.check()
	require.NoError(t, child.mm.Mprotect(child.t, pg(0), PageSize, protRW))
	child.store(0, 2)
	require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, protRW))
	require.Equal(t, byte(1), w.load(0))
	require.NoError(t, CheckFrames(w.mm, child.mm))
}

// fork shares a whole huge page, and the first write splits it on that side only.
func TestForkOfHugePage(t *testing.T) {
	w := newWorld(t)
	w.mapHuge(2, nil)
	w.storeAt(hugePage(0), 'p')
	w.loadAt(hugePage(1)) // the huge zero page
	child := w.forked()
	require.EqualValues(t, pgtable.Entries, w.memory.InUse())
	child.storeAt(hugePage(0)+PageSize, 'c')
	require.Equal(t, "pte", child.entry(hugePage(0)).Level)
	require.Equal(t, "pmd", w.entry(hugePage(0)).Level)
	require.EqualValues(t, pgtable.Entries+1, w.memory.InUse())
	require.Zero(t, w.loadAt(hugePage(0)+PageSize))
	child.storeAt(hugePage(1), 'c')
	require.Zero(t, w.loadAt(hugePage(1)))
	w.check()
	child.check()
	require.NoError(t, CheckFrames(w.mm, child.mm))
	child.mm.Put(child.t)
	w.storeAt(hugePage(0), 'q')
	require.Equal(t, "pmd", w.entry(hugePage(0)).Level, "no longer shared: becomes writable without a split")
	require.EqualValues(t, pgtable.Entries, w.memory.InUse())
	w.frames()
}

// A fork in which any allocation fails leaves the parent unchanged and leaks no frame.
func TestForkAllocationFailures(t *testing.T) {
	for k := 1; ; k++ {
		w := newWorld(t)
		w.mapped(2, protRW, nil)
		w.store(1, 'p')
		w.mapHuge(1, nil)
		w.storeAt(hugeBase, 'h')
		n := 0
		w.t.InjectFaults(func(string) bool { n++; return n == k })
		child, err := w.mm.Fork(w.t)
		w.t.InjectFaults(nil)
		if n < k {
			require.NoError(t, err)
			require.Greater(t, k, 4)
			require.NoError(t, CheckFrames(w.mm, child))
			return
		}
		require.Equal(t, errno.ENOMEM, err)
		w.frames()
		require.EqualValues(t, pgtable.Entries+1, w.memory.InUse())
		w.store(1, 'q')
		require.Equal(t, byte('q'), w.load(1))
		w.frames()
	}
}
