package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// remap is an mremap call of 6.17 and later: struct vma_remap_struct. Lengths are in
// bytes, page aligned.
type remap struct {
	addr, oldLen, newLen uint64
	flags                MremapFlags
	newAddr              uint64
	populateExpand       bool // the added part is locked and must be populated
}

// fixed reports whether the caller chose the new address.
func (r *remap) fixed() bool { return r.flags&MremapFixed != 0 }

// mremapChecked is [MM.Mremap] of 6.17 and later: do_mremap of 6.17. It makes all checks
// of the arguments before it unmaps anything, always requires addr to be mapped, and can
// move several mappings, and the gaps between them, if the length does not change. No
// lock may be held. The errors:
//
//	EINVAL  flags, alignment, a length of 0, an address out of range, an overlap, or
//	        private memory is duplicated
//	ENOMEM  too many VMAs, no gap is large enough, or an allocation failed
//	EFAULT  addr is not mapped, or the old range is not in one VMA
func (mm *MM) mremapChecked(t *sim.Task, addr, oldLen, newLen uint64, flags MremapFlags, newAddr uint64) (uint64, error) {
	r := &remap{addr: addr, oldLen: PageAlign(oldLen), newLen: PageAlign(newLen), flags: flags, newAddr: newAddr}
	if err := mm.checkMremapParams(r); err != nil {
		return 0, err
	}
	mm.MmapLock.DownWrite(t)
	var at uint64
	var err error
	switch vma := mm.lookup(r.addr); {
	case r.fixed() && r.oldLen == r.newLen:
		at, err = mm.remapMove(t, r)
	case vma == nil || vma.Start > r.addr:
		err = errno.EFAULT
	default:
		at, err = mm.remapOne(t, r, vma)
	}
	mm.MmapLock.UpWrite(t)
	if err == nil && r.populateExpand {
		mm.Populate(t, at+r.oldLen, at+r.newLen)
	}
	return at, err
}

// checkMremapParams makes the checks that do not need a VMA: check_mremap_params. The
// errors are EINVAL and ENOMEM. The kernel, too, reads the number of VMAs without
// mmap_lock.
func (mm *MM) checkMremapParams(r *remap) error {
	switch {
	case r.flags&^(MremapFixed|MremapMayMove) != 0, r.addr&^PageMask != 0, r.newLen == 0, r.newLen > mm.TaskSize:
		return errno.EINVAL
	case !r.fixed():
		return nil
	case r.newAddr > mm.TaskSize-r.newLen, r.newAddr&^PageMask != 0, r.flags&MremapMayMove == 0,
		r.addr+r.oldLen > r.newAddr && r.newAddr+r.newLen > r.addr: // source and target overlap
		return errno.EINVAL
	case mm.mapCount+2 >= mm.MaxMapCount-3: // unmapping source and target may split two VMAs
		return errno.ENOMEM
	}
	return nil
}

// remapOne remaps a range inside one VMA and returns its new address. mmap_lock must be
// held for writing. The errors are those of mremapChecked.
func (mm *MM) remapOne(t *sim.Task, r *remap, vma *VMA) (uint64, error) {
	if err := mm.checkPrepVMA(r, vma); err != nil {
		return 0, err
	}
	switch {
	case r.fixed():
		return mm.remapTo(t, r)
	case r.oldLen >= r.newLen:
		return r.addr, mm.shrink(t, r.addr, r.oldLen, r.newLen)
	}
	return mm.expandVMA(t, r, vma)
}

// checkPrepVMA checks whether the VMA can be remapped, and sets r.populateExpand:
// check_prep_vma. mmap_lock must be held for writing. The errors are those of
// vmaToResize.
func (mm *MM) checkPrepVMA(r *remap, vma *VMA) error {
	if !r.fixed() && r.newLen <= r.oldLen {
		return nil // it only unmaps
	}
	// The part that is cut off need not be in the VMA.
	if _, err := mm.vmaToResize(r.addr, min(r.oldLen, r.newLen), r.newLen); err != nil {
		return err
	}
	r.populateExpand = r.newLen > r.oldLen && vma.Flags&VMLocked != 0
	return nil
}

// remapTo moves the range to r.newAddr and returns that: mremap_to. mmap_lock must be
// held for writing. The errors are EFAULT and ENOMEM, and those of getUnmappedArea.
func (mm *MM) remapTo(t *sim.Task, r *remap) (uint64, error) {
	if err := mm.doMunmap(t, r.newAddr, r.newLen); err != nil {
		return 0, err
	}
	vma := mm.lookup(r.addr)
	if vma == nil || vma.Start > r.addr {
		return 0, errno.EFAULT
	}
	oldLen := r.oldLen
	if oldLen > r.newLen {
		if err := mm.shrink(t, r.addr, oldLen, r.newLen); err != nil {
			return 0, err
		}
		oldLen = r.newLen
		vma = mm.lookup(r.addr)
	}
	if _, err := mm.getUnmappedArea(r.newAddr, r.newLen, MapFixed); err != nil {
		return 0, err
	}
	return mm.moveVMA(t, vma, r.addr, oldLen, r.newLen, r.newAddr)
}

// expandVMA extends a VMA in place, or moves it, and returns the address: expand_vma.
// mmap_lock must be held for writing. The errors are ENOMEM and those of getUnmappedArea.
func (mm *MM) expandVMA(t *sim.Task, r *remap, vma *VMA) (uint64, error) {
	if r.addr+r.oldLen == vma.End && mm.vmaExpandable(vma, r.newLen-r.oldLen) {
		return r.addr, mm.growInPlace(t, vma, r.addr+r.newLen)
	}
	if r.flags&MremapMayMove == 0 {
		return 0, errno.ENOMEM
	}
	to, err := mm.getUnmappedArea(0, r.newLen, 0)
	if err != nil {
		return 0, err
	}
	return mm.moveVMA(t, vma, r.addr, r.oldLen, r.newLen, to)
}

// remapMove moves all mappings in the range to r.newAddr, one VMA after the other, with
// the gaps between them: remap_move. If one cannot be moved, those below stay moved.
// mmap_lock must be held for writing. The errors are those of mremapChecked.
func (mm *MM) remapMove(t *sim.Task, all *remap) (uint64, error) {
	end := all.addr + all.oldLen
	target, lastEnd := all.newAddr, uint64(0)
	moved := false
	for at := all.addr; at < end; {
		vma := mm.lookup(at)
		if vma == nil || vma.Start >= end {
			break
		}
		if !moved && vma.Start > all.addr {
			return 0, errno.EFAULT
		}
		// The userfaultfd API cannot report several moves to a monitor.
		if vma.Userfault != nil && (moved || vma.End < end) {
			return 0, errno.EFAULT
		}
		one := &remap{addr: max(vma.Start, all.addr), flags: all.flags, newAddr: target}
		one.oldLen = min(vma.End, end) - one.addr
		one.newLen = one.oldLen
		if moved {
			one.newAddr += vma.Start - lastEnd
		}
		lastEnd, at = vma.End, vma.End
		if err := mm.checkPrepVMA(one, vma); err != nil {
			return 0, err
		}
		to, err := mm.remapTo(t, one)
		if err != nil {
			return 0, err
		}
		target, moved = to+one.newLen, true
	}
	if !moved {
		return 0, errno.EFAULT
	}
	return all.newAddr, nil
}
