package mm

import (
	"math/bits"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/errno"
)

// getUnmappedArea chooses the address of a new mapping of length bytes (page aligned,
// not 0): addr itself with MapFixed, else addr if it is free, else free room of the
// address space's own choice. mmap_lock must be held. The errors are ENOMEM (no room,
// or beyond the end of user addresses), EINVAL (a fixed address that is not page
// aligned) and EPERM (one below MmapMinAddr). It recreates get_unmapped_area.
func (mm *MM) getUnmappedArea(addr, length uint64, flags MapFlags) (uint64, error) {
	if length > mm.TaskSize {
		return 0, errno.ENOMEM
	}
	if flags&MapFixed == 0 {
		found, ok := mm.archGetUnmappedAreaTopdown(addr, length)
		if !ok {
			return 0, errno.ENOMEM
		}
		addr = found
	}
	switch {
	case addr > mm.TaskSize-length:
		return 0, errno.ENOMEM
	case addr&^PageMask != 0:
		return 0, errno.EINVAL
	case addr < mm.MmapMinAddr: // security_mmap_addr: nobody here is privileged
		return 0, errno.EPERM
	}
	return addr, nil
}

// archGetUnmappedAreaTopdown tries the hint (0 for none), then the room below
// MmapBase from the top down, then, lest the caller fail with room left elsewhere,
// the room above a third of the address space from the bottom up. It recreates
// arch_get_unmapped_area_topdown.
func (mm *MM) archGetUnmappedAreaTopdown(hint, length uint64) (uint64, bool) {
	if hint != 0 {
		hint = PageAlign(hint)
		vma := mm.lookup(hint)
		if mm.TaskSize-length >= hint && (vma == nil || hint+length <= vma.Start) {
			return hint, true
		}
	}
	if addr, ok := mm.unmappedAreaTopdown(length, max(PageSize, mm.MmapMinAddr), mm.MmapBase); ok {
		return addr, true
	}
	return mm.unmappedArea(length, PageAlign(mm.TaskSize/3), mm.TaskSize)
}

// unmappedAreaTopdown returns the highest address in [low, high) at which length
// bytes are free: unmapped_area_topdown.
func (mm *MM) unmappedAreaTopdown(length, low, high uint64) (uint64, bool) {
	if high < length || low > high-length {
		return 0, false
	}
	if mm.highestEnd() <= high-length {
		return high - length, true
	}
	// The gap that high lies in counts up to high only. Below it, gaps count in full.
	limit := high
	if above := mm.lookup(high); above != nil && above.Start >= high {
		limit = above.gapStart()
		if max(limit, low) <= high-length {
			return high - length, true
		}
	}
	g, ok := mm.gaps.highest(length, low, limit)
	return g.end - length, ok
}

// unmappedArea returns the lowest address in [low, high) at which length bytes are
// free: unmapped_area.
func (mm *MM) unmappedArea(length, low, high uint64) (uint64, bool) {
	if high < length || low > high-length {
		return 0, false
	}
	from := low // or the start of the gap that low lies in
	if above := mm.lookup(low); above != nil && above.Start > low {
		from = above.gapStart()
	}
	if g, ok := mm.gaps.lowest(length, from, low, high); ok {
		return max(g.start, low), true
	}
	addr := max(mm.highestEnd(), low)
	return addr, addr <= high-length
}

// highestEnd is where the highest VMA ends, 0 without any: mm->highest_vm_end.
func (mm *MM) highestEnd() uint64 {
	if vma := mm.highest(); vma != nil {
		return vma.End
	}
	return 0
}

// gapStart is where the free room below the VMA begins.
func (v *VMA) gapStart() uint64 {
	if v.prev != nil {
		return v.prev.End
	}
	return 0
}

// gap is free room below a VMA, down to the VMA before it or to address 0. The room
// above the highest VMA is not in the index.
type gap struct{ start, end uint64 }

// gapIndex finds free room in an address space. Gaps are sorted into classes by the
// binary logarithm of their size in pages, and each class is a tree ordered by
// address. (The kernel of 4.3 keeps the largest gap of each subtree in the VMAs' own
// tree instead.)
//
// A gap of a class above that of the wanted size always fits, so that of each such
// class one look in its tree suffices. The class of the wanted size itself is
// scanned, in the direction of the search and no further than the best gap found in
// the others. A search therefore costs O(log n) for each class that is not empty, plus
// the gaps of the one class that are passed over because they are too small. Those
// may in the worst case be all of them, which takes n gaps that are less than twice
// too small and no larger gap that is as high; for a power of two in pages, as for a
// single page, no gap of its class is too small.
type gapIndex struct {
	classes [64 - PageShift]*btree.BTreeG[gap] // nil until the class has had a gap
	free    *btree.FreeListG[gap]
}

func gapClass(size uint64) int { return bits.Len64(size>>PageShift) - 1 }

// add enters the gap. An empty one is no gap.
func (x *gapIndex) add(start, end uint64) {
	if start == end {
		return
	}
	c := gapClass(end - start)
	if x.classes[c] == nil {
		if x.free == nil {
			x.free = btree.NewFreeListG[gap](btree.DefaultFreeListSize)
		}
		x.classes[c] = btree.NewWithFreeListG(16, func(a, b gap) bool { return a.start < b.start }, x.free)
	}
	x.classes[c].ReplaceOrInsert(gap{start, end})
}

// remove takes the gap out.
func (x *gapIndex) remove(start, end uint64) {
	if start != end {
		x.classes[gapClass(end-start)].Delete(gap{start: start})
	}
}

// highest returns the highest gap below limit that has size bytes above low.
func (x *gapIndex) highest(size, low, limit uint64) (best gap, ok bool) {
	if limit == 0 {
		return gap{}, false
	}
	for c := len(x.classes) - 1; c >= gapClass(size); c-- {
		if x.classes[c] == nil {
			continue
		}
		x.classes[c].DescendLessOrEqual(gap{start: limit - 1}, func(g gap) bool {
			switch {
			case g.end < low+size || ok && g.start < best.start:
				return false
			case g.end-max(g.start, low) >= size:
				best, ok = g, true
				return false
			}
			return true
		})
	}
	return best, ok
}

// lowest returns the lowest gap from the one that starts at from on that has size
// bytes between low and high.
func (x *gapIndex) lowest(size, from, low, high uint64) (best gap, ok bool) {
	for c := len(x.classes) - 1; c >= gapClass(size); c-- {
		if x.classes[c] == nil {
			continue
		}
		x.classes[c].AscendGreaterOrEqual(gap{start: from}, func(g gap) bool {
			start := max(g.start, low)
			switch {
			case start+size > high || ok && g.start > best.start:
				return false
			case start+size <= g.end:
				best, ok = g, true
				return false
			}
			return true
		})
	}
	return best, ok
}
