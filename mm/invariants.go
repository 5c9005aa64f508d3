package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// CheckInvariants returns the first inconsistency of the address space, or nil. It checks
// the tree, the list, the number of VMAs, the gap index, each VMA, and the page table
// against the VMAs. mmap_lock must be held, or no task may run. It recreates validate_mm
// and checks more. It does not use the task, which may be nil.
func (mm *MM) CheckInvariants(*sim.Task) error {
	var err error
	var gaps []gap
	var prev *VMA
	vma := mm.first
	mm.vmas.Ascend(func(k vmaKey) bool {
		if err = mm.checkPlace(k, vma, prev); err == nil {
			err = mm.checkVMA(vma)
		}
		if err != nil {
			return false
		}
		if start := vma.gapStart(); start != vma.Start {
			gaps = append(gaps, gap{start, vma.Start})
		}
		prev, vma = vma, vma.next
		return true
	})
	switch {
	case err != nil:
		return err
	case vma != nil:
		return fmt.Errorf("the list goes on after the tree's last VMA, with %v", vma)
	case mm.vmas.Len() != mm.mapCount:
		return fmt.Errorf("%d VMAs, map count %d", mm.vmas.Len(), mm.mapCount)
	}
	if recent := mm.recent.Peek(); recent != nil {
		if k, _ := mm.vmas.Get(vmaKey{start: recent.Start}); k.vma != recent {
			return fmt.Errorf("VMA %v, which was found last, is not in the tree", recent)
		}
	}
	if err := mm.gaps.check(gaps); err != nil {
		return err
	}
	return mm.checkPageTable()
}

// checkPlace checks that an item of the tree is the next VMA of the list, and that its
// link to prev is right.
func (mm *MM) checkPlace(k vmaKey, vma, prev *VMA) error {
	switch {
	case k.vma != vma:
		return fmt.Errorf("the tree has VMA %v where the list has %v", k.vma, vma)
	case k.start != vma.Start:
		return fmt.Errorf("VMA %v: the tree has it at %#x", vma, k.start)
	case vma.prev != prev:
		return fmt.Errorf("VMA %v: the VMA before it is %v, its link says %v", vma, prev, vma.prev)
	case prev != nil && prev.End > vma.Start:
		return fmt.Errorf("VMAs %v and %v overlap", prev, vma)
	}
	return nil
}

// checkVMA returns an error if the fields of the VMA contradict each other.
func (mm *MM) checkVMA(vma *VMA) error {
	if what := mm.inconsistency(vma); what != "" {
		return fmt.Errorf("VMA %v: %s", vma, what)
	}
	return nil
}

// inconsistency returns the first contradiction in the fields of the VMA, "" if none.
func (mm *MM) inconsistency(vma *VMA) string {
	switch anon := vma.anon.Peek(); {
	case vma.mm != mm:
		return "belongs to another address space"
	case (vma.Start|vma.End)&^PageMask != 0:
		return "bounds not page aligned"
	case vma.Start >= vma.End || vma.End > mm.TaskSize:
		return "bounds out of range"
	case (vma.Userfault != nil) != (vma.Flags&VMUffd != 0):
		return fmt.Sprintf("userfault context %v with flags %#x (REG-24)", vma.Userfault, vma.Flags&VMUffd)
	case vma.Flags&VMShared != 0 && vma.Flags&VMMayShare == 0:
		return "shared without VM_MAYSHARE"
	case vma.File == nil && vma.Flags&VMShared != 0:
		return "shared with no object behind it"
	case anon != nil && anon.chain < 1:
		return fmt.Sprintf("anon_vma with a chain of %d", anon.chain)
	case anon != nil && vma.Flags&VMShared != 0:
		return "shared with an anon_vma"
	}
	return ""
}

// check compares the index with the actual gaps.
func (x *gapIndex) check(gaps []gap) error {
	n := 0
	for c, tree := range x.classes {
		if tree == nil {
			continue
		}
		n += tree.Len()
		var wrong *gap
		tree.Ascend(func(g gap) bool {
			if gapClass(g.end-g.start) != c {
				wrong = &g
			}
			return wrong == nil
		})
		if wrong != nil {
			return fmt.Errorf("gap %s is in class %d", rangeString(wrong.start, wrong.end), c)
		}
	}
	for _, g := range gaps {
		tree := x.classes[gapClass(g.end-g.start)]
		if tree == nil {
			return fmt.Errorf("gap %s is not in the index", rangeString(g.start, g.end))
		}
		if found, ok := tree.Get(g); !ok || found != g {
			return fmt.Errorf("gap %s is in the index as %s", rangeString(g.start, g.end), rangeString(found.start, found.end))
		}
	}
	if n != len(gaps) {
		return fmt.Errorf("%d gaps in the index, %d in the address space", n, len(gaps))
	}
	return nil
}

// checkPageTable returns the first inconsistency of the page table, or nil: see
// [pgtable.Table.Check]. mmap_lock must be held, or no task may run. It does not check
// the reference counts of frames, which other address spaces may share: [CheckFrames]
// does.
func (mm *MM) checkPageTable() error { return mm.pgd.Check(checkedVMAs{mm}) }

// checkedVMAs implements [pgtable.VMAs] with the VMAs of an address space.
type checkedVMAs struct{ mm *MM }

// Maps reports whether a VMA covers any address in [start, end).
func (c checkedVMAs) Maps(start, end uint64) bool {
	vma := c.mm.lookup(start)
	return vma != nil && vma.Start < end
}

// Permits returns an error if the VMAs do not permit the entry to map the frame to the
// size bytes at addr.
func (c checkedVMAs) Permits(entry pgtable.Entry, f *page.Frame, addr, size uint64) error {
	vma := c.mm.lookup(addr)
	switch {
	case vma == nil || vma.Start > addr || vma.End < addr+size:
		return fmt.Errorf("in no VMA, next is %v", vma)
	case entry.Write() && vma.Flags&VMWrite == 0, entry.User() && vma.Flags&vmAccess == 0:
		return fmt.Errorf("more rights than VMA %v, %s", vma, vma.Flags.Prot())
	case entry.Write() && vma.Flags&VMShared == 0 && f.Refs() > 1:
		return fmt.Errorf("writable, and shared by %d in private memory", f.Refs())
	}
	return nil
}

// CheckFrames checks that the reference count of each frame is the number of page-table
// entries and page caches that refer to it, and that the number of frames in use is the
// number of these frames. mms must be all address spaces that share a [Memory]. No task
// may run.
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
