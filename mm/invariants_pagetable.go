package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
)

// checkPageTable reports what is wrong with the page table, nil if nothing is: its
// counts, its tables (each covers something that is mapped: munmap frees the others),
// and its entries against the VMAs. mmap_lock must be held, or nothing else may run.
// It looks at no other address space, and so leaves the frames' reference counts to
// [CheckFrames].
func (mm *MM) checkPageTable() error { return mm.pgd.Check(checkedVMAs{mm}) }

// checkedVMAs are the VMAs of an address space as a check of its page table asks for them.
type checkedVMAs struct{ mm *MM }

// Maps reports whether anything in [start, end) is mapped.
func (c checkedVMAs) Maps(start, end uint64) bool {
	vma := c.mm.lookup(start)
	return vma != nil && vma.Start < end
}

// Permits says why the entry may not map the frame, and size bytes, at addr.
func (c checkedVMAs) Permits(entry pgtable.Entry, f *page.Frame, addr, size uint64) error {
	vma := c.mm.lookup(addr)
	switch {
	case vma == nil || vma.Start > addr || vma.End < addr+size:
		return fmt.Errorf("in no VMA, next is %v", vma)
	case entry.Write() && vma.Flags&VMWrite == 0, entry.User() && vma.Flags&vmAccess == 0:
		return fmt.Errorf("more rights than VMA %v, %s", vma, vma.Flags.Prot())
	case entry.Write() && vma.Flags&VMShared == 0 && f.Shared():
		return fmt.Errorf("writable, and shared by %d in private memory", f.Refs())
	}
	return nil
}

// CheckFrames reports a frame whose reference count is not the number of page-table
// entries and page caches that hold it, or a memory that counts other frames in use
// than those. The address spaces must be all that share a [Memory]; nothing else may
// run.
func CheckFrames(mms ...*MM) error {
	held := map[*page.Frame]uint64{}
	caches := map[*shmem]bool{}
	for _, mm := range mms {
		mm.pgd.EachFrame(func(f *page.Frame) { held[f]++ })
		for vma := mm.first; vma != nil; vma = vma.next {
			if vma.File == nil {
				continue
			}
			if s, ok := vma.File.Private.(*shmem); ok && !caches[s] {
				caches[s] = true
				for _, f := range s.pages {
					held[f]++
				}
			}
		}
	}
	for f, n := range held {
		if refs := f.Refs(); refs != n {
			return fmt.Errorf("frame %d has %d references and %d holders", f.PFN(), refs, n)
		}
	}
	for _, mm := range mms {
		if n := mm.memory.InUse(); n != uint64(len(held)) {
			return fmt.Errorf("%d frames in use, %d with a holder", n, len(held))
		}
		if refs := mm.memory.Zero().Refs(); refs != 1 {
			return fmt.Errorf("the zero page has %d references, and is not counted", refs)
		}
	}
	return nil
}
