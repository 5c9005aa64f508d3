package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// remap is an mremap of 6.17 and later, on its way: vma_remap_struct. Lengths are page
// aligned.
type remap struct {
	addr, oldLen, newLen uint64
	flags                MremapFlags
	newAddr              uint64
	populateExpand       bool // what is added is locked
}

func (r *remap) fixed() bool { return r.flags&MremapFixed != 0 }

// mremapChecked is mremap as it is since 6.17: what is asked for is checked in full before
// anything is unmapped, there has to be a mapping in every case, and a move that changes no
// length may be one of several mappings with the room between them. It recreates do_mremap;
// the errors:
//
//	EINVAL  flags, alignment, a length of 0 or an address out of range, overlap; a private
//	        mapping that is to be duplicated
//	ENOMEM  too many VMAs, no room, or no memory
//	EFAULT  addr is not mapped, the old range is not in one VMA
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

// checkMremapParams checks what can be checked without the VMAs: check_mremap_params.
func (mm *MM) checkMremapParams(r *remap) error {
	switch {
	case r.flags&^(MremapFixed|MremapMayMove) != 0, r.addr&^PageMask != 0, r.newLen == 0, r.newLen > mm.TaskSize:
		return errno.EINVAL
	case !r.fixed():
		return nil
	case r.newAddr > mm.TaskSize-r.newLen, r.newAddr&^PageMask != 0, r.flags&MremapMayMove == 0,
		r.addr+r.oldLen > r.newAddr && r.newAddr+r.newLen > r.addr: // they overlap
		return errno.EINVAL
	case mm.mapCount+2 >= mm.MaxMapCount-3: // each of the two places may be split in three
		return errno.ENOMEM
	}
	return nil
}

// remapOne remaps one VMA, which addr lies in.
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

// checkPrepVMA says why the VMA cannot be remapped so, or sets whether what is added is to be
// populated: check_prep_vma.
func (mm *MM) checkPrepVMA(r *remap, vma *VMA) error {
	if !r.fixed() && r.newLen <= r.oldLen {
		return nil // nothing new is mapped
	}
	if _, err := mm.vmaToResize(r.addr, min(r.oldLen, r.newLen), r.newLen); err != nil { // what is cut off may lie beyond it
		return err
	}
	r.populateExpand = r.newLen > r.oldLen && vma.Flags&VMLocked != 0
	return nil
}

// remapTo moves to a place of the caller's choice: mremap_to.
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

// expandVMA makes a VMA longer where it is, or moves it: expand_vma.
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

// remapMove moves all that is mapped in the range, one VMA after the other, and leaves the room
// between them as it is: remap_move. What has been moved stays moved if one of them cannot be.
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
		// Whoever tracks faults could not be told of several moves.
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
