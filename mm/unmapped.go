package mm

import (
	"math/bits"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/errno"
)

// getUnmappedArea returns the address for a new mapping of length bytes (page aligned,
// not 0): get_unmapped_area. With MapFixed that is addr. Otherwise addr is a hint (0:
// none), which it returns if the range there is free, and else it chooses a gap.
// mmap_lock must be held. The errors:
//
//	ENOMEM  no gap is large enough, or the range is beyond the end of user addresses
//	EINVAL  a fixed address is not page aligned
//	EPERM   a fixed address is below MmapMinAddr
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
	case addr < mm.MmapMinAddr: // security_mmap_addr: no task has CAP_SYS_RAWIO
		return 0, errno.EPERM
	}
	return addr, nil
}

// archGetUnmappedAreaTopdown returns a free address and true, or false if no gap is large
// enough: arch_get_unmapped_area_topdown. It tries the hint (0: none), then the gaps
// below MmapBase from the top down, then the gaps above a third of the address space from
// the bottom up.
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

// unmappedAreaTopdown returns the highest address such that length bytes from it on are
// in [low, high) and free: unmapped_area_topdown. It reports false if none.
func (mm *MM) unmappedAreaTopdown(length, low, high uint64) (uint64, bool) {
	if high < length || low > high-length {
		return 0, false
	}
	if mm.highestEnd() <= high-length {
		return high - length, true
	}
	// Only the part below high of the gap that contains high can be used.
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

// unmappedArea returns the lowest address such that length bytes from it on are in
// [low, high) and free: unmapped_area. It reports false if none.
func (mm *MM) unmappedArea(length, low, high uint64) (uint64, bool) {
	if high < length || low > high-length {
		return 0, false
	}
	from := low // or the start of the gap that contains low
	if above := mm.lookup(low); above != nil && above.Start > low {
		from = above.gapStart()
	}
	if g, ok := mm.gaps.lowest(length, from, low, high); ok {
		return max(g.start, low), true
	}
	addr := max(mm.highestEnd(), low)
	return addr, addr <= high-length
}

// highestEnd returns the end of the highest VMA, 0 if none: mm->highest_vm_end.
func (mm *MM) highestEnd() uint64 {
	if vma := mm.highest(); vma != nil {
		return vma.End
	}
	return 0
}

// gapStart returns the start of the gap below the VMA: the end of the VMA before it, or
// 0.
func (v *VMA) gapStart() uint64 {
	if v.prev != nil {
		return v.prev.End
	}
	return 0
}

// gap is an unmapped range below a VMA, down to the VMA before it or to address 0. The
// range above the highest VMA is not in the index.
type gap struct{ start, end uint64 }

// gapIndex is an index of the gaps in an address space, protected by mmap_lock. Class c
// has the gaps of 2^c to 2^(c+1)-1 pages, in a tree ordered by address. The kernel of 4.3
// has no index: it stores the largest gap of each subtree in the tree of VMAs.
//
// Every gap in a class above that of the wanted size is large enough, so one lookup in
// each of their trees suffices. The class of the wanted size has gaps that are too small,
// and is scanned in the direction of the search, up to the best gap of the other classes.
// A search costs O(log n) for each class that is not empty, plus the number of gaps
// scanned. In the worst case these are all n, if all gaps are of that class and too
// small. If the wanted size is a power of two in pages, such as one page, no gap of its
// class is too small.
type gapIndex struct {
	classes [64 - PageShift]*btree.BTreeG[gap] // nil until the first gap of the class
	free    *btree.FreeListG[gap]              // nodes for reuse, shared by the trees
}

// gapClass returns the class of gaps of size bytes.
func gapClass(size uint64) int { return bits.Len64(size>>PageShift) - 1 }

// add adds the gap [start, end), unless it is empty.
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

// remove removes the gap [start, end), unless it is empty.
func (x *gapIndex) remove(start, end uint64) {
	if start != end {
		x.classes[gapClass(end-start)].Delete(gap{start: start})
	}
}

// highest returns the highest gap that starts below limit and has size bytes at or above
// low. limit is not 0.
func (x *gapIndex) highest(size, low, limit uint64) (best gap, ok bool) {
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

// lowest returns the lowest gap that starts at or above from and has size bytes in
// [low, high).
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
