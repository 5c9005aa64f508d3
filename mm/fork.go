package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Fork returns a copy of the address space with one user reference. Private pages are
// shared until one side writes. VMAs with VMDontCopy are not copied, and the child's VMAs
// are neither registered (REF-4) nor locked. No lock may be held. The error is ENOMEM. It
// recreates dup_mm.
func (mm *MM) Fork(t *sim.Task) (*MM, error) {
	child := New(mm.memory)
	child.TaskSize, child.MmapMinAddr, child.MmapBase = mm.TaskSize, mm.MmapMinAddr, mm.MmapBase
	child.MaxMapCount, child.THP, child.Dropped = mm.MaxMapCount, mm.THP, mm.Dropped
	child.Facts = mm.Facts
	sim.Label(t, child, "child mm", t.Unique())
	pgtable.Label(t, child.pgd, child)

	mm.MmapLock.DownWrite(t)
	child.MmapLock.DownWriteNested(t) // uncontended: no other task can reach the child yet
	err := mm.dupMmap(t, child)
	child.MmapLock.UpWrite(t)
	mm.MmapLock.UpWrite(t)
	if err != nil {
		child.Put(t)
		return nil, err
	}
	return child, nil
}

// dupMmap copies the VMAs and the page tables to the child: dup_mmap. Both mmap_locks
// must be held for writing. The error is ENOMEM; the child keeps the VMAs copied so far.
func (mm *MM) dupMmap(t *sim.Task, child *MM) error {
	if mm.Dropped.Any() {
		return mm.dupMmapWithout(t, child)
	}
	var prev *VMA
	for vma := mm.first; vma != nil; vma = vma.next {
		if vma.Flags&VMDontCopy != 0 {
			continue
		}
		if t.ShouldFail("fork") {
			return errno.ENOMEM
		}
		n := vma.dup(t, child)
		if vma.Userfault != nil {
			vma.Userfault.DupUserfaultfd(t)
		}
		n.Flags &^= VMLocked
		n.Flags &^= VMUffd // REF-4
		n.Userfault = nil
		n.anonVMAFork(t, vma)
		child.insert(t, n, prev)
		prev = n
		if err := mm.copyPageRange(t, child, vma); err != nil {
			return err
		}
	}
	return nil
}
