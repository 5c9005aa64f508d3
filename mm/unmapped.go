package mm

import "github.com/uffdsim/uffdsim/errno"

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
