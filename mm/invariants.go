package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// CheckInvariants reports what is wrong with the address space's bookkeeping, nil if
// nothing is: the tree, the list, the count, the gap index, each VMA by itself, and the
// page table against the VMAs.
// mmap_lock must be held, or nothing else may run: an observer who has no task passes
// nil. It recreates validate_mm and looks at more.
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

// checkPlace compares an item of the tree with the VMA that the list has there, and
// with the one before that.
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

// checkVMA looks at one VMA by itself.
func (mm *MM) checkVMA(vma *VMA) error {
	if what := mm.wrong(vma); what != "" {
		return fmt.Errorf("VMA %v: %s", vma, what)
	}
	return nil
}

func (mm *MM) wrong(vma *VMA) string {
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

// check compares the index with the gaps that there are.
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
