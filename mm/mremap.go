package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Mremap changes the length of the mapping at addr from oldLen to newLen bytes: it cuts
// its end off, extends it in place, or moves it (to newAddr with MremapFixed). It returns
// the address. A mapping that moves keeps its flags and, before 5.0, its registration
// (§17.7). The part added to locked memory is populated. No lock may be held. It
// recreates mremap; the errors:
//
//	EINVAL  unknown flags, an address is not page aligned, newLen is 0, or MremapFixed
//	        without MremapMayMove, or the target overlaps the old range or is out of range
//	EFAULT  addr is not mapped, the old range is not in one VMA, or the VMA cannot grow
//	ENOMEM  no gap is large enough, there are too many VMAs, or an allocation failed
//	EPERM   the target is below MmapMinAddr
func (mm *MM) Mremap(t *sim.Task, addr, oldLen, newLen uint64, flags MremapFlags, newAddr uint64) (uint64, error) {
	flags.unmodelled(t)
	if mm.Facts.Mremap.ChecksFirst {
		return mm.mremapChecked(t, addr, oldLen, newLen, flags, newAddr)
	}
	if flags&^(MremapFixed|MremapMayMove) != 0 || flags == MremapFixed || addr&^PageMask != 0 {
		return 0, errno.EINVAL
	}
	oldLen, newLen = PageAlign(oldLen), PageAlign(newLen)
	if newLen == 0 { // oldLen may be 0: mremap duplicates the mapping then
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
		// After mmap_lock is dropped, because a fault takes it and may sleep.
		mm.Populate(t, addr+oldLen, addr+newLen)
	}
	return addr, nil
}

// shrink unmaps [addr+newLen, addr+oldLen). If that is empty it checks nothing, not even
// whether addr is mapped. mmap_lock must be held for writing. The errors are those of
// Munmap.
func (mm *MM) shrink(t *sim.Task, addr, oldLen, newLen uint64) error {
	if oldLen == newLen {
		return nil
	}
	return mm.doMunmap(t, addr+newLen, oldLen-newLen)
}

// mremapGrow extends a mapping, in place if possible, and returns its address: the end of
// mremap. It sets *locked to whether the mapping is locked. mmap_lock must be held for
// writing. The errors are those of vmaToResize and moveVMA.
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

// growInPlace moves the VMA's end up to end. Before 6.1 the VMA does not merge with the
// next one even if they become adjacent. Since 6.1 the added range merges with the VMA
// and, if possible, with the next one. mmap_lock must be held for writing. The error is
// ENOMEM.
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

// vmaToResize returns the VMA that contains [addr, addr+oldLen), which is to be newLen
// bytes long: vma_to_resize. mmap_lock must be held. The errors:
//
//	EFAULT  addr is not mapped, the range is not in one VMA, or the VMA must not grow
//	EINVAL  hugetlb memory, pgoff wraps around, or private memory is duplicated (4.14)
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

// vmaExpandable reports whether delta bytes after the VMA are free: vma_expandable.
// mmap_lock must be held.
func (mm *MM) vmaExpandable(vma *VMA, delta uint64) bool {
	end := vma.End + delta
	if end < vma.End || vma.next != nil && vma.next.Start < end {
		return false
	}
	_, err := mm.getUnmappedArea(vma.Start, end-vma.Start, MapFixed)
	return err == nil
}

// mremapTo moves a mapping to newAddr and returns that: mremap_to. It unmaps the target
// first and, if a later check fails, does not undo that. It sets *locked to whether the
// mapping is locked. mmap_lock must be held for writing. The errors are those of Mremap.
func (mm *MM) mremapTo(t *sim.Task, addr, oldLen, newAddr, newLen uint64, locked *bool) (uint64, error) {
	switch {
	case newAddr&^PageMask != 0,
		newLen > mm.TaskSize || newAddr > mm.TaskSize-newLen,
		addr+oldLen > newAddr && newAddr+newLen > addr: // source and target overlap
		return 0, errno.EINVAL
	case mm.Facts.Mremap.CountsFirst && mm.mapCount+2 >= mm.MaxMapCount-3:
		// The unmaps of source and target may each split a VMA in three.
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

// moveVMA moves [addr, addr+oldLen), a part of the VMA, to the unmapped range of newLen
// bytes at newAddr, and returns newAddr: move_vma. mmap_lock must be held for writing.
// The error is ENOMEM.
func (mm *MM) moveVMA(t *sim.Task, vma *VMA, addr, oldLen, newLen, newAddr uint64) (uint64, error) {
	// The unmap at the end may split one VMA in three, and must not fail at the limit.
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
		// Move the pages back, whose tables still exist. Then unmap the new place instead
		// of the old one.
		mm.movePageTables(t, newAddr, addr, n)
		vma, addr, oldLen = moved, newAddr, newLen
		target, err = 0, errno.ENOMEM
	}
	if err == nil && moved.Userfault != nil {
		moved.Userfault.MremapPrep(t)
	}
	if err == nil && mm.Facts.Mremap.Unregisters {
		// The whole merged VMA loses its registration, even if only a part of it moved.
		moved.Flags, moved.Userfault = moved.Flags&^VMUffd, nil
		moved.TraceFlags(t)
	}
	if mm.doMunmap(t, addr, oldLen) != nil {
		// The old VMA stays mapped, because it cannot be split, or because oldLen is 0,
		// which is EINVAL. The copy has its commit charge now.
		vma.Flags &^= VMAccount
	}
	return target, err
}

// copyVMA maps [addr, addr+length), which is unmapped, with the attributes of the VMA:
// copy_vma (§17.7). It extends a neighbour that merges with the range, or inserts a new
// VMA. It returns the VMA that now covers the start of the given one, usually the given
// one itself, and the VMA that covers the range, nil if an allocation failed. pgoff is
// the offset of the first page, in pages. Anonymous memory without an anon_vma ignores it
// and gets the offset for its new address, so that it can merge there. mmap_lock must be
// held for writing.
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
			// The VMA merged with its own copy. Memory with pages cannot, since it keeps
			// its pgoff.
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
	copied.anonVMAClone(t, vma)
	mm.insert(t, copied, prev)
	return vma, copied
}

// movePageTables moves the page-table entries of [from, from+length) to [to, to+length),
// and returns the number of bytes moved: move_page_tables. It is less than length if a
// table for the new place could not be allocated. mmap_lock must be held for writing.
func (mm *MM) movePageTables(t *sim.Task, from, to, length uint64) (moved uint64) {
	for moved < length {
		src := mm.pmdTable(t, from+moved)
		i := pgtable.PMD.Index(from + moved)
		if src != nil && src.PeekHeld(t, i).Huge() {
			mm.splitHugePMD(t, src, i)
		}
		pte := mm.pteTable(t, from+moved)
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

// movePTEs moves n entries from index i of src to index j of dst, which may be the same
// table: move_ptes. It takes the locks of both. mmap_lock must be held for writing.
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
