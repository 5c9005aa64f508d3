package mm

import (
	"maps"
	"slices"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// shmemLockClass is the class of the lock of a shared memory object's pages. Faults take
// it while they hold mmap_lock, and no page-table lock.
var shmemLockClass = &sim.LockClass{Name: "shmem", Rank: lockorder.Shmem}

// shmem is the object that provides the pages of a MAP_SHARED|MAP_ANONYMOUS mapping: in
// the kernel, an unlinked file of its internal tmpfs. It exists as long as a VMA, in this
// address space or in a child's, refers to its file.
type shmem struct {
	memory *Memory // immutable
	// size is the number of pages; immutable. An access above it is SIGBUS, which can
	// happen after mremap has extended the mapping.
	size uint64

	lock  sim.SpinLock
	pages map[uint64]*page.Frame // by pgoff, with one reference each; protected by lock
}

// The operations of the file and of its VMAs. The VMAs have no Close, so the parts of a
// split mapping can merge again. Different mappings cannot, because they have different
// files.
var (
	shmemFileOperations = &vfs.FileOperations{Release: shmemRelease}
	shmemVMOperations   = &VMOperations{Name: "shmem", Fault: shmemFault}
)

// shmemZeroSetup makes the VMA a mapping of a new object of the same size:
// shmem_zero_setup. mmap_lock must be held for writing.
func (mm *MM) shmemZeroSetup(t *sim.Task, vma *VMA) {
	s := &shmem{memory: mm.memory, size: vma.Pages(), pages: map[uint64]*page.Frame{}}
	sim.Label(t, s, "shmem", t.Unique())
	s.lock.Init(shmemLockClass)
	s.lock.Guards(func(sum *sim.Summary) {
		for pgoff, f := range s.pages {
			sum.AddToSet(func(sum *sim.Summary) {
				sum.Add(pgoff)
				f.SumUp(sum)
			})
		}
	})
	vma.File = vfs.NewFile("/dev/zero (deleted)", shmemFileOperations, 0, s)
	sim.LabelOf(t, vma.File, s, "shmem file", 0)
	vma.Ops = shmemVMOperations
}

// shmemFault returns the object's page at pgoff, with a reference for the caller, and
// allocates a zeroed one if it is missing: shmem_fault. mmap_lock must be held for
// reading. The errors are EINVAL (beyond the end of the object) and ENOMEM.
func shmemFault(t *sim.Task, vma *VMA, pgoff uint64) (*page.Frame, error) {
	s := vma.File.Private.(*shmem)
	if pgoff >= s.size {
		return nil, errno.EINVAL
	}
	s.lock.Lock(t)
	f := s.pages[pgoff]
	if f == nil {
		if t.ShouldFail("alloc_page") {
			s.lock.Unlock(t)
			return nil, errno.ENOMEM
		}
		f = s.memory.AllocZeroed(s.memory.Counter(0))
		page.ShareMutable(t, s, pgoff, f)
		s.pages[pgoff] = f
	}
	f.Get(t)
	s.lock.Unlock(t)
	return f, nil
}

// shmemRelease drops the object's pages when the last reference to the file is dropped.
// It needs no lock, because no other task can reach the object.
func shmemRelease(t *sim.Task, f *vfs.File) error {
	pages := f.Private.(*shmem).pages
	for _, pgoff := range slices.Sorted(maps.Keys(pages)) { // each Put is a step
		pages[pgoff].Put(t)
	}
	return nil
}
