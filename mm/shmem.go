package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// shmemLockClass is the lock of a shared memory object's pages. Faults take it before
// any page-table lock.
var shmemLockClass = &sim.LockClass{Name: "shmem", Rank: lockorder.Shmem}

// shmem is the object behind a MAP_SHARED|MAP_ANONYMOUS mapping: an unlinked file of
// the kernel's own tmpfs. It lives as long as a VMA refers to its file, in this
// address space or in a child's.
type shmem struct {
	memory *Memory // immutable
	size   uint64  // in pages; immutable, and so a mapping that mremap has grown ends in SIGBUS

	lock  sim.SpinLock
	pages map[uint64]*page.Frame // with a reference each; guarded by lock
}

// The operations of the file and of its VMAs. They have no Close, and so the pieces
// of a mapping can merge again; the file keeps different mappings apart.
var (
	shmemFileOperations = &vfs.FileOperations{Release: shmemRelease}
	shmemVMOperations   = &VMOperations{Name: "shmem", Fault: shmemFault}
)

// shmemZeroSetup puts a new object of the VMA's size behind it: shmem_zero_setup.
func (mm *MM) shmemZeroSetup(vma *VMA) {
	s := &shmem{memory: mm.memory, size: vma.Pages(), pages: map[uint64]*page.Frame{}}
	s.lock.Init(shmemLockClass)
	vma.File = vfs.NewFile("/dev/zero (deleted)", shmemFileOperations, 0, s)
	vma.Ops = shmemVMOperations
}

// shmemFault finds the object's page, or makes it, zeroed: shmem_fault. EINVAL says
// that it lies beyond the end of the object, ENOMEM that there is no memory.
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
		s.pages[pgoff] = f
	}
	f.Get()
	s.lock.Unlock(t)
	return f, nil
}

// shmemRelease drops the pages with the last reference to the file.
func shmemRelease(_ *sim.Task, f *vfs.File) error {
	for _, page := range f.Private.(*shmem).pages {
		page.Put()
	}
	return nil
}
