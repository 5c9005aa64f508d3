package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Mremap makes the mapping at addr, of oldLen bytes, newLen bytes long: it cuts its
// end off, lets it grow where it is, or moves it (to newAddr with MremapFixed), and
// returns the address. The VMA's flags and its userfault context go with it, as they
// did in 4.3 (§17.7). What is added to locked memory is populated. No lock may be held.
// It recreates mremap; the errors:
//
//	EINVAL  unknown flags, an address that is not page aligned, newLen 0, MremapFixed
//	        without MremapMayMove, or with a target that overlaps or is out of range
//	EFAULT  addr is not mapped, the old range is not in one VMA, or that cannot grow
//	ENOMEM  no room, too many VMAs, or no memory
//	EPERM   a target below MmapMinAddr
func (mm *MM) Mremap(t *sim.Task, addr, oldLen, newLen uint64, flags MremapFlags, newAddr uint64) (uint64, error) {
	if mm.Facts.Mremap.ChecksFirst {
		return mm.mremapChecked(t, addr, oldLen, newLen, flags, newAddr)
	}
	if flags&^(MremapFixed|MremapMayMove) != 0 || flags == MremapFixed || addr&^PageMask != 0 {
		return 0, errno.EINVAL
	}
	oldLen, newLen = PageAlign(oldLen), PageAlign(newLen)
	if newLen == 0 { // an old length of 0 is let through: it duplicates
		return 0, errno.EINVAL
	}
	mm.MmapLock.DownWrite(t)
	var locked bool
	var err error
	switch vma := mm.lookup(addr); {
	case mm.Facts.Mremap.NeedsMapping && (vma == nil || vma.Start > addr):
		err = errno.EFAULT
	case flags&MremapFixed != 0:
		addr, err = mm.mremapTo(t, addr, oldLen, newAddr, newLen, &locked)
	case oldLen >= newLen:
		err = mm.shrink(t, addr, oldLen, newLen)
	default:
		addr, err = mm.mremapGrow(t, addr, oldLen, newLen, flags, &locked)
	}
	mm.MmapLock.UpWrite(t)
	if err != nil {
		return 0, err
	}
	if locked && newLen > oldLen {
		// Only now: a fault takes mmap_lock, and may sleep.
		mm.Populate(t, addr+oldLen, addr+newLen)
	}
	return addr, nil
}

// shrink unmaps what is beyond newLen. With nothing to unmap it looks at nothing, not
// even at whether anything is mapped.
func (mm *MM) shrink(t *sim.Task, addr, oldLen, newLen uint64) error {
	if oldLen == newLen {
		return nil
	}
	return mm.doMunmap(t, addr+newLen, oldLen-newLen)
}

// mremapGrow makes a mapping longer, in place if it can. locked is set to whether it is locked.
func (mm *MM) mremapGrow(t *sim.Task, addr, oldLen, newLen uint64, flags MremapFlags, locked *bool) (uint64, error) {
	vma, err := mm.vmaToResize(addr, oldLen, newLen)
	if err != nil {
		return 0, err
	}
	*locked = vma.Flags&VMLocked != 0
	if addr+oldLen == vma.End && mm.vmaExpandable(vma, newLen-oldLen) {
		return addr, mm.growInPlace(t, vma, addr+newLen)
	}
	if flags&MremapMayMove == 0 {
		return 0, errno.ENOMEM
	}
	newAddr, err := mm.getUnmappedArea(0, newLen, 0)
	if err != nil {
		return 0, err
	}
	return mm.moveVMA(t, vma, addr, oldLen, newLen, newAddr)
}

// growInPlace moves the VMA's end. Where it touches the next VMA then nobody tries to merge the two,
// until 6.1, when what is added became a range behind it that may merge with both. The error is ENOMEM.
func (mm *MM) growInPlace(t *sim.Task, vma *VMA, end uint64) error {
	if !mm.Facts.Mremap.MergesGrown {
		mm.vmaAdjust(t, vma, vma.Start, end, vma.Pgoff, nil)
		return nil
	}
	if mm.VMAMerge(t, vma, vma.End, end, new(vma.attributesAt(vma.End))) == nil {
		return errno.ENOMEM
	}
	return nil
}

// vmaToResize returns the VMA that [addr, addr+oldLen) lies in, or why it cannot get
// newLen: vma_to_resize.
func (mm *MM) vmaToResize(addr, oldLen, newLen uint64) (*VMA, error) {
	vma := mm.lookup(addr)
	if vma == nil || vma.Start > addr {
		return nil, errno.EFAULT
	}
	if vma.Flags&VMHugeTLB != 0 || oldLen == 0 && mm.Facts.Mremap.RefusesDuplicate && vma.Flags&(VMShared|VMMayShare) == 0 {
		return nil, errno.EINVAL
	}
	if oldLen > vma.End-addr {
		return nil, errno.EFAULT
	}
	if newLen == oldLen {
		return vma, nil
	}
	if pgoff := vma.Pgoff + (addr-vma.Start)>>PageShift; pgoff+newLen>>PageShift < pgoff {
		return nil, errno.EINVAL
	}
	if vma.Flags&(VMDontExpand|VMPFNMap) != 0 {
		return nil, errno.EFAULT
	}
	return vma, nil
}

// vmaExpandable reports whether the VMA has room for delta bytes more behind it:
// vma_expandable.
func (mm *MM) vmaExpandable(vma *VMA, delta uint64) bool {
	end := vma.End + delta
	if end < vma.End || vma.next != nil && vma.next.Start < end {
		return false
	}
	_, err := mm.getUnmappedArea(vma.Start, end-vma.Start, MapFixed)
	return err == nil
}

// mremapTo moves a mapping to a place of the caller's choice, where it unmaps what is
// there: mremap_to. On an error that has been done already. locked is set to whether the
// mapping is locked.
func (mm *MM) mremapTo(t *sim.Task, addr, oldLen, newAddr, newLen uint64, locked *bool) (uint64, error) {
	switch {
	case newAddr&^PageMask != 0,
		newLen > mm.TaskSize || newAddr > mm.TaskSize-newLen,
		addr+oldLen > newAddr && newAddr+newLen > addr: // they overlap
		return 0, errno.EINVAL
	case mm.Facts.Mremap.CountsFirst && mm.mapCount+2 >= mm.MaxMapCount-3: // each of the two places may be split in three
		return 0, errno.ENOMEM
	}
	if err := mm.doMunmap(t, newAddr, newLen); err != nil {
		return 0, err
	}
	if oldLen >= newLen {
		if err := mm.shrink(t, addr, oldLen, newLen); err != nil {
			return 0, err
		}
		oldLen = newLen
	}
	vma, err := mm.vmaToResize(addr, oldLen, newLen)
	if err != nil {
		return 0, err
	}
	*locked = vma.Flags&VMLocked != 0
	if _, err := mm.getUnmappedArea(newAddr, newLen, MapFixed); err != nil {
		return 0, err
	}
	return mm.moveVMA(t, vma, addr, oldLen, newLen, newAddr)
}

// moveVMA moves [addr, addr+oldLen), a part of the VMA, to free room of newLen bytes at
// newAddr: move_vma. The errors are ENOMEM. mmap_lock must be held for writing.
func (mm *MM) moveVMA(t *sim.Task, vma *VMA, addr, oldLen, newLen, newAddr uint64) (uint64, error) {
	// The unmap at the end may split one VMA into three, and must not fail for that.
	if mm.mapCount >= mm.MaxMapCount-3 {
		return 0, errno.ENOMEM
	}
	pgoff := vma.Pgoff + (addr-vma.Start)>>PageShift
	vma, moved := mm.copyVMA(t, vma, newAddr, newLen, pgoff)
	if moved == nil {
		return 0, errno.ENOMEM
	}
	target, err := newAddr, error(nil)
	if n := mm.movePageTables(t, addr, newAddr, oldLen); n < oldLen {
		// Back to where they were, whose tables are there still; then it is the new
		// place that goes.
		mm.movePageTables(t, newAddr, addr, n)
		vma, addr, oldLen = moved, newAddr, newLen
		target, err = 0, errno.ENOMEM
	}
	if err == nil && mm.Facts.Mremap.Unregisters {
		// All of what it has become part of, even if only a part has come here.
		moved.Flags, moved.Userfault = moved.Flags&^VMUffd, nil
		moved.TraceFlags(t)
	}
	if mm.doMunmap(t, addr, oldLen) != nil {
		// It stays, for want of a VMA to split it with or because nothing was asked to
		// move (oldLen 0). The commit charge has gone with the copy.
		vma.Flags &^= VMAccount
	}
	return target, err
}

// copyVMA makes a copy of the VMA at [addr, addr+length), which is free: part of a
// neighbour there that it merges with, or a new one. It returns the VMA itself, which
// may have become part of the copy, and the copy, nil if there is no memory. pgoff is
// what the first page is; memory that was never faulted does not care, and takes the
// one of its new place, in order to merge there (§17.7). It recreates copy_vma.
func (mm *MM) copyVMA(t *sim.Task, vma *VMA, addr, length, pgoff uint64) (old, copied *VMA) {
	unfaulted := vma.IsAnonymous() && vma.anon.Peek() == nil
	if unfaulted {
		pgoff = addr >> PageShift
	}
	prev, free := mm.findVMALinks(addr, addr+length)
	sim.BugOn(t, !free, "copy_vma", "the new place is not free")
	attrs := vma.Attributes()
	attrs.Pgoff = pgoff
	start := vma.Start
	if copied = mm.VMAMerge(t, prev, addr, addr+length, &attrs); copied != nil {
		if start >= copied.Start && start < copied.End {
			// Only without pages can the two places have followed each other.
			sim.BugOn(t, !unfaulted, "copy_vma", "faulted memory merged with its own copy")
			vma = copied
		}
		return vma, copied
	}
	if t.ShouldFail("copy_vma") {
		return vma, nil
	}
	copied = vma.dup(t, mm)
	copied.Start, copied.End, copied.Pgoff = addr, addr+length, pgoff
	copied.anonVMAClone(vma)
	mm.insert(t, copied, prev)
	return vma, copied
}

// movePageTables moves the entries of [from, from+length) to [to, to+length):
// move_page_tables. Where a table cannot be had at the new place the pages behind it
// stay behind, and the number of bytes moved says so. mmap_lock must be held for
// writing.
func (mm *MM) movePageTables(t *sim.Task, from, to, length uint64) (moved uint64) {
	for moved < length {
		src := mm.pmdTable(from + moved)
		i := pgtable.PMD.Index(from + moved)
		if src != nil && src.Peek(i).Huge() {
			mm.splitHugePMD(t, src, i)
		}
		pte := mm.pteTable(from + moved)
		if pte == nil {
			moved = min(length, pgtable.PMD.Next(from+moved)-from)
			continue
		}
		dst, _ := mm.pteAlloc(t, mm.pmdAlloc(t, to+moved), to+moved)
		if dst == nil {
			return moved
		}
		extent := min(length-moved, pgtable.PMD.Next(from+moved)-(from+moved), pgtable.PMD.Next(to+moved)-(to+moved))
		movePTEs(t, pte, pgtable.PTE.Index(from+moved), dst, pgtable.PTE.Index(to+moved), int(extent>>PageShift))
		moved += extent
	}
	return moved
}

// movePTEs moves n entries under the locks of both tables, which may be one.
func movePTEs(t *sim.Task, src *pgtable.Table, i int, dst *pgtable.Table, j, n int) {
	src.Lock(t)
	if dst != src {
		dst.LockNested(t)
	}
	for ; n > 0; i, j, n = i+1, j+1, n-1 {
		entry := src.PeekHeld(t, i)
		if entry.None() {
			continue
		}
		f := src.Clear(t, i)
		dst.Map(t, j, f, entry)
	}
	if dst != src {
		dst.Unlock(t)
	}
	src.Unlock(t)
}
