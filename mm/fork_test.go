package mm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// inChild runs fn with the child as the task's address space.
func (w *world) inChild(child *MM, fn func()) {
	w.Helper()
	parent := w.mm
	w.mm, Current(w.t).MM = child, child
	fn()
	w.check()
	w.mm, Current(w.t).MM = parent, parent
}

func TestFork(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.mmap(6, 8, protRW, shared)
	w.mmap(10, 12, protRW, private|MapLocked)
	w.mmap(14, 16, protRW, private)
	w.mmap(18, 20, protRW, private)
	require.NoError(t, w.mm.Madvise(w.t, pg(14), 2*PageSize, MadvDontFork))
	w.store(1, 'p')
	w.store(6, 's')
	registered := w.at(18)
	registered.Userfault, registered.Flags = &noUserfault{}, registered.Flags|VMUffdMissing

	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	w.check()
	require.NotNil(t, registered.Userfault)
	w.inChild(child, func() {
		require.Equal(t, []string{"0-4 rw-p", "6-8 rw-s", "10-12 rw-p", "18-20 rw-p"}, w.maps(), "VM_DONTCOPY is left out")
		require.Nil(t, w.at(18).Userfault, "REF-4")
		require.Zero(t, w.at(18).Flags&VMUffd, "REF-4")
		require.Zero(t, w.at(10).Flags&VMLocked)
		require.EqualValues(t, 'p', w.load(1))
		w.store(1, 'c')
		w.store(7, 'c')
		require.EqualValues(t, 's', w.load(6))
	})
	require.EqualValues(t, 'p', w.load(1), "private memory is copied on write")
	require.EqualValues(t, 'c', w.load(7), "shared memory is one object")

	w.mm.Put(w.t)
	w.inChild(child, func() { require.EqualValues(t, 's', w.load(6), "it outlives the parent") })
	child.Put(w.t)
	require.Zero(t, w.memory.InUse())
}

// §17.5: the child's VMAs have a longer chain, and merge only with VMAs that have the
// same anon_vma. The parent's VMAs do not change.
func TestForkLengthensChains(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.store(0, 'x')
	anon := w.at(0).AnonVMA()
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	w.inChild(child, func() {
		require.NotSame(t, anon, w.at(0).AnonVMA())
		require.Equal(t, 2, w.at(0).AnonVMA().chain)
		w.mmap(4, 8, protRW, private)
		require.Equal(t, []string{"0-4 rw-p", "4-8 rw-p"}, w.maps())
		require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, ProtRead))
		require.NoError(t, w.mm.Mprotect(w.t, pg(1), PageSize, protRW))
		require.Equal(t, []string{"0-4 rw-p", "4-8 rw-p"}, w.maps(), "the two parts have the same anon_vma")
		grandchild, err := w.mm.Fork(w.t)
		require.NoError(t, err)
		require.Equal(t, 3, grandchild.first.AnonVMA().chain)
		require.Nil(t, grandchild.first.next.AnonVMA(), "a VMA that never faulted has no chain to extend")
	})
	w.mmap(4, 8, protRW, private)
	require.Equal(t, []string{"0-8 rw-p"}, w.maps())
}

func TestForkInheritsLimits(t *testing.T) {
	w := newWorld(t)
	w.mm.TaskSize, w.mm.MmapMinAddr, w.mm.MmapBase = TaskSize/2, PageSize, TaskSize/4
	w.mm.MaxMapCount, w.mm.THP = 7, THPNever
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	require.Equal(t, [4]uint64{TaskSize / 2, PageSize, TaskSize / 4, 7},
		[4]uint64{child.TaskSize, child.MmapMinAddr, child.MmapBase, uint64(child.MaxMapCount)})
	require.Equal(t, THPNever, child.THP)
	require.EqualValues(t, 1, child.Users())
}

// A fork that fails leaks no frame and no reference to a file.
func TestForkAllocationFailure(t *testing.T) {
	for _, site := range []string{"fork", "pmd_alloc", "pte_alloc"} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("%s %d", site, n), func(t *testing.T) {
				w := newWorld(t)
				// 1 GiB apart, so that each needs its own tables.
				for i, kind := range []MapFlags{private, shared, private, private} {
					w.mmap(i<<18, i<<18+2, protRW, kind)
					w.store(i<<18, 'x')
				}
				inUse, file := w.memory.InUse(), w.at(1<<18).File
				w.failAt(site, n)
				_, err := w.mm.Fork(w.t)
				require.Equal(t, errno.ENOMEM, err)
				w.check()
				require.Equal(t, inUse, w.memory.InUse())
				require.EqualValues(t, 1, file.Count())
				w.t.InjectFaults(nil)
				w.store(0, 'y')
				require.Equal(t, inUse, w.memory.InUse(), "only the parent maps the page again")
				w.mm.Put(w.t)
				require.Zero(t, w.memory.InUse())
			})
		}
	}
}

func TestExit(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	w.mm.Get(w.t)
	w.mm.Put(w.t)
	require.NotNil(t, w.at(0), "the address space still has a user (REF-3)")
	_, err := w.mm.Mmap(w.t, TaskSize-PageSize, PageSize, protRW, fixed, nil, 0)
	require.NoError(t, err)
	outcome, _ := w.mm.Store(w.t, TaskSize-1, []byte{'x'})
	require.Equal(t, Done, outcome)
	w.mm.Put(w.t)
	w.check()
	require.Empty(t, w.maps())
	require.Zero(t, w.memory.InUse())
	require.True(t, w.mm.pgd.Empty(sim.Observer()), "the page tables are freed, too")
	New(w.memory).Put(w.t) // an empty address space
}
