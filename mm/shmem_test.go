package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

func TestSharedMemory(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, shared)
	vma := w.at(0)
	require.False(t, vma.IsAnonymous(), "it has operations, so userfaultfd of 2015 refuses it")
	require.Equal(t, "/dev/zero (deleted)", vma.File.Name)
	require.Zero(t, w.load(0))
	w.store(1, 'x')
	require.Nil(t, vma.AnonVMA())

	// The object has the pages: zapping the mapping loses no data.
	require.NoError(t, w.mm.Madvise(w.t, pg(0), 4*PageSize, MadvDontNeed))
	require.EqualValues(t, 'x', w.load(1))

	// The parts of one mapping merge.
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead))
	require.Equal(t, 3, w.mm.mapCount)
	require.EqualValues(t, 'x', w.load(1))
	require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, protRW))
	require.Equal(t, 1, w.mm.mapCount)
	require.EqualValues(t, 1, vma.File.Count())

	// An access beyond the end of the object is SIGBUS.
	_, err := w.mm.Mremap(w.t, pg(0), 4*PageSize, 5*PageSize, 0, 0)
	require.NoError(t, err)
	outcome, _ := w.mm.Store(w.t, pg(4), []byte{1})
	require.Equal(t, BusError, outcome)

	require.NoError(t, w.mm.Munmap(w.t, pg(0), 8*PageSize))
	require.Zero(t, w.memory.InUse())
}

// A page of the object that cannot be allocated ends the fault with OutOfMemory.
func TestSharedMemoryOutOfMemory(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 1, protRW, shared)
	w.failSites("alloc_page")
	require.Equal(t, OutOfMemory, w.mm.DoPageFault(w.t, pg(0), true, true))
	require.Zero(t, w.memory.InUse())
	w.failSites("")
	w.store(0, 'x')
	w.frames()
}

// A fault that finds the entry stored by another task meanwhile drops its own reference
// to the object's page.
func TestSharedMemoryFaultsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 2, protRW, shared)
	w.store(1, 'y') // allocates the table
	lock := w.lockObject(w.mm.pteTable(sim.Observer(), pg(0)))
	at := &cut{at: func(s sim.Step) bool { return s == sim.Step{Op: sim.OpLock, Obj: lock} }}
	r := w.controlled(at)
	outcome := BusError
	r.start("late", func(t *sim.Task) { outcome = w.mm.DoPageFault(t, pg(0), false, true) })
	r.start("first", func(t *sim.Task) { w.mm.Store(t, pg(0), []byte{'x'}) })
	r.settle()
	require.True(t, at.reached)
	require.Equal(t, Done, outcome)
	require.EqualValues(t, 'x', w.load(0))
	w.frames()
}
