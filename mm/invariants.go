package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// CheckInvariants reports what is wrong with the address space's bookkeeping, nil if
// nothing is: the tree, the list, the count, the gap index, and each VMA by itself.
// mmap_lock must be held, or nothing else may run. It recreates validate_mm and looks
// at more.
func (mm *MM) CheckInvariants(t *sim.Task) error {
	var prev *VMA
	var gaps []gap
	n := 0
	for vma := mm.first; vma != nil; prev, vma = vma, vma.next {
		n++
		if n > mm.vmas.Len() {
			return fmt.Errorf("the list goes on after the %d VMAs of the tree, at %v", mm.vmas.Len(), vma)
		}
		if err := mm.checkVMA(vma); err != nil {
			return fmt.Errorf("VMA %v: %w", vma, err)
		}
		if vma.prev != prev {
			return fmt.Errorf("VMA %v: the VMA before it is %v, its link says %v", vma, prev, vma.prev)
		}
		if prev != nil && prev.End > vma.Start {
			return fmt.Errorf("VMAs %v and %v overlap or are out of order", prev, vma)
		}
		if found := mm.lookup(vma.Start); found != vma {
			return fmt.Errorf("VMA %v: a lookup of its start finds %v", vma, found)
		}
		if start := vma.gapStart(); start != vma.Start {
			gaps = append(gaps, gap{start, vma.Start})
		}
	}
	if n != mm.vmas.Len() || n != mm.mapCount {
		return fmt.Errorf("%d VMAs in the list, %d in the tree, map count %d", n, mm.vmas.Len(), mm.mapCount)
	}
	if highest := mm.highest(); highest != prev {
		return fmt.Errorf("the last VMA is %v, the tree's highest %v", prev, highest)
	}
	return mm.gaps.check(gaps)
}

func (mm *MM) checkVMA(vma *VMA) error {
	switch anon := vma.anon.Peek(); {
	case vma.mm != mm:
		return fmt.Errorf("belongs to another address space")
	case (vma.Start|vma.End)&^PageMask != 0:
		return fmt.Errorf("bounds not page aligned")
	case vma.Start >= vma.End || vma.End > mm.TaskSize:
		return fmt.Errorf("bounds out of range")
	case (vma.Userfault != nil) != (vma.Flags&VMUffd != 0):
		return fmt.Errorf("userfault context %v with flags %#x (REG-24)", vma.Userfault, vma.Flags&VMUffd)
	case vma.Flags&VMShared != 0 && vma.Flags&VMMayShare == 0:
		return fmt.Errorf("shared without VM_MAYSHARE")
	case vma.File == nil && vma.Flags&VMShared != 0:
		return fmt.Errorf("shared with no object behind it")
	case anon != nil && anon.chain < 1:
		return fmt.Errorf("anon_vma with a chain of %d", anon.chain)
	case anon != nil && vma.Flags&VMShared != 0:
		return fmt.Errorf("shared with an anon_vma")
	}
	return nil
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
