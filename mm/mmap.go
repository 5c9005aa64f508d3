package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Mapper is the Private of a [vfs.File] that can be mapped. It stands for ->mmap of the
// file_operations, which cannot be in package vfs because that does not know VMAs.
type Mapper interface {
	// Mmap makes the VMA, which is not in the tree yet, a mapping of the file: it sets
	// Ops and may change Flags. mmap_lock must be held for writing. mmap returns the
	// error.
	Mmap(t *sim.Task, f *vfs.File, vma *VMA) error
}

// Mmap maps length bytes and returns their address. With [MapAnonymous] it maps new
// memory and ignores file; otherwise it maps the file from page pgoff on. With
// [MapLocked] it also makes the pages present. No lock may be held. It recreates
// mmap_pgoff and vm_mmap_pgoff; the errors, in the order in which the kernel checks for
// them:
//
//	EBADF      neither a file nor MapAnonymous
//	EINVAL     length is 0
//	ENOMEM     length or address is beyond the end of user addresses
//	EOVERFLOW  pgoff and length wrap around
//	ENOMEM     there are more VMAs than MaxMapCount
//	           the errors of getUnmappedArea
//	EEXIST     MapFixedNoReplace, and a part of the range is mapped
//	EINVAL     neither or both of MapShared and MapPrivate
//	EACCES     the file's access mode does not allow the mapping
//	ENODEV     the file cannot be mapped
//	EINVAL     MapGrowsDown with a file or with MapShared
//	ENOMEM     the old mapping cannot be unmapped, or an allocation failed
//	           the errors of the file's own Mmap
func (mm *MM) Mmap(t *sim.Task, addr, length uint64, prot Prot, flags MapFlags, file *vfs.File, pgoff uint64) (uint64, error) {
	if flags&MapAnonymous != 0 {
		file = nil
	} else if file == nil {
		return 0, errno.EBADF
	}
	mm.MmapLock.DownWrite(t)
	addr, err := mm.doMmap(t, addr, length, prot, flags, file, pgoff)
	mm.MmapLock.UpWrite(t)
	if err == nil && flags&MapLocked != 0 {
		// After mmap_lock is dropped, because a fault takes it and may sleep. The mapping
		// succeeds even if this fails.
		mm.Populate(t, addr, addr+PageAlign(length))
	}
	return addr, err
}

// doMmap is Mmap without the population: do_mmap_pgoff. mmap_lock must be held for
// writing.
func (mm *MM) doMmap(t *sim.Task, addr, length uint64, prot Prot, flags MapFlags, file *vfs.File, pgoff uint64) (uint64, error) {
	if length == 0 {
		return 0, errno.EINVAL
	}
	flags.unmodelled(t)
	switch {
	case !mm.Facts.FixedNoReplace:
		flags &^= MapFixedNoReplace // unknown: the address is a hint
	case flags&MapFixedNoReplace != 0:
		flags |= MapFixed
	}
	if flags&MapFixed == 0 {
		addr = mm.roundHintToMin(addr)
	}
	if length = PageAlign(length); length == 0 {
		return 0, errno.ENOMEM
	}
	if pgoff+length>>PageShift < pgoff {
		return 0, errno.EOVERFLOW
	}
	if mm.mapCount > mm.MaxMapCount {
		return 0, errno.ENOMEM
	}
	addr, err := mm.getUnmappedArea(addr, length, flags)
	if err != nil {
		return 0, err
	}
	if flags&MapFixedNoReplace != 0 {
		if _, free := mm.findVMALinks(addr, addr+length); !free {
			return 0, errno.EEXIST
		}
	}
	vmFlags, err := mmapVMFlags(prot, flags, file)
	if err != nil {
		return 0, err
	}
	if file == nil {
		pgoff = addr >> PageShift
		if vmFlags&VMShared != 0 {
			pgoff = 0 // in the object that mmapRegion creates
		}
	}
	if err := mm.mmapRegion(t, file, addr, length, vmFlags, pgoff); err != nil {
		return 0, err
	}
	return addr, nil
}

// roundHintToMin returns the hint rounded down to a page and raised to MmapMinAddr if it
// is below; 0 means no hint and stays 0: round_hint_to_min.
func (mm *MM) roundHintToMin(hint uint64) uint64 {
	hint &= PageMask
	if hint != 0 && hint < mm.MmapMinAddr {
		return PageAlign(mm.MmapMinAddr)
	}
	return hint
}

// mmapVMFlags returns the flags of a new VMA: the middle of do_mmap_pgoff. file is nil
// for anonymous memory. The errors are EINVAL, EACCES and ENODEV: see Mmap.
func mmapVMFlags(prot Prot, flags MapFlags, file *vfs.File) (VMFlags, error) {
	v := prot.vmFlags() | flags.vmFlags() | VMMayRead | VMMayWrite | VMMayExec
	kind := flags & MapType
	if kind != MapShared && kind != MapPrivate {
		return 0, errno.EINVAL
	}
	if kind == MapShared {
		v |= VMShared | VMMayShare
	}
	if file != nil {
		mode := file.AccessMode()
		if kind == MapShared && mode == vfs.ORdonly {
			if prot&ProtWrite != 0 {
				return 0, errno.EACCES
			}
			v &^= VMMayWrite | VMShared // can never write to the file, so treated as private
		}
		if mode == vfs.OWronly {
			return 0, errno.EACCES
		}
		if _, ok := file.Private.(Mapper); !ok {
			return 0, errno.ENODEV
		}
	}
	if v&VMGrowsDown != 0 && (file != nil || kind == MapShared) {
		return 0, errno.EINVAL
	}
	if flags&MapNoReserve != 0 {
		v |= VMNoReserve
	}
	return v, nil
}

// accountableMapping reports whether memory with the flags is charged to the commit
// limit: accountable_mapping. The model has no limit, but VMAccount is visible in the
// VMA.
func accountableMapping(v VMFlags) bool { return v&(VMNoReserve|VMShared|VMWrite) == VMWrite }

// mmapRegion maps [addr, addr+length) and replaces any mapping there: mmap_region.
// mmap_lock must be held for writing. The errors are ENOMEM and those of the file's own
// Mmap.
func (mm *MM) mmapRegion(t *sim.Task, file *vfs.File, addr, length uint64, flags VMFlags, pgoff uint64) error {
	end := addr + length
	prev, free := mm.findVMALinks(addr, end)
	if !free {
		if mm.doMunmap(t, addr, length) != nil {
			return errno.ENOMEM
		}
		prev, _ = mm.findVMALinks(addr, end)
	}
	if accountableMapping(flags) {
		flags |= VMAccount
	}
	vma := mm.VMAMerge(t, prev, addr, end, &Attributes{Flags: flags, File: file, Pgoff: pgoff})
	if vma == nil {
		if t.ShouldFail("mmap") {
			return errno.ENOMEM
		}
		vma = newVMA(t, mm)
		vma.Start, vma.End, vma.Flags, vma.Pgoff = addr, end, flags, pgoff
		if file != nil {
			if err := mm.mapFile(t, vma, file, prev); err != nil {
				return err
			}
			flags = vma.Flags // the file's own Mmap may have changed them
		} else if flags&VMShared != 0 {
			mm.shmemZeroSetup(t, vma)
		}
		mm.insert(t, vma, prev)
	}
	if flags&VMLocked != 0 && flags&VMSpecial != 0 {
		vma.Flags &^= VMLocked
	}
	// Set in every new mapping, so that a program that tracks dirty pages sees that the
	// mapping was replaced. vma_merge ignores it.
	vma.Flags |= VMSoftDirty
	return nil
}

// mapFile makes the VMA a mapping of the file, with a reference to it: the call of ->mmap
// in mmap_region. mmap_lock must be held for writing. The errors are those of the file's
// own Mmap.
func (mm *MM) mapFile(t *sim.Task, vma *VMA, file *vfs.File, prev *VMA) error {
	file.Get(t)
	vma.File = file
	err := file.Private.(Mapper).Mmap(t, file, vma)
	if err != nil {
		mm.unmapRegion(t, prev, mm.after(prev), vma.Start, vma.End) // Mmap may have mapped a part
		file.Put(t)
	}
	return err
}

// findVMALinks returns the VMA below addr, nil if none, and whether [addr, end) is
// unmapped: find_vma_links. mmap_lock must be held.
func (mm *MM) findVMALinks(addr, end uint64) (prev *VMA, free bool) {
	next := mm.lookup(addr)
	if next == nil {
		return mm.highest(), true
	}
	return next.prev, next.Start >= end
}

// insert adds a new VMA after prev (nil: as the first one): vma_link. mmap_lock must be
// held for writing.
func (mm *MM) insert(t *sim.Task, vma, prev *VMA) {
	mm.link(t, vma, prev)
}

// pgtablesCeiling is the end of the range of the last page table for user addresses,
// which is above TaskSize: USER_PGTABLES_CEILING.
const pgtablesCeiling = 1 << 47

// Munmap unmaps [start, start+length); parts of it may be unmapped already. It does not
// wake tasks that sleep in a userfault there. No lock may be held. It recreates munmap
// (§17.7); the errors:
//
//	EINVAL  start is not page aligned, length is 0, or the range is not user addresses
//	ENOMEM  a VMA could not be split: an allocation failed, or the limit on VMAs
func (mm *MM) Munmap(t *sim.Task, start, length uint64) error {
	mm.MmapLock.DownWrite(t)
	err := mm.doMunmap(t, start, length)
	mm.MmapLock.UpWrite(t)
	return err
}

// doMunmap is Munmap for a caller that holds mmap_lock for writing: do_munmap.
func (mm *MM) doMunmap(t *sim.Task, start, length uint64) error {
	if start&^PageMask != 0 || start > mm.TaskSize || length > mm.TaskSize-start {
		return errno.EINVAL
	}
	if length = PageAlign(length); length == 0 {
		return errno.EINVAL
	}
	end := start + length
	vma := mm.lookup(start)
	if vma == nil || vma.Start >= end {
		return nil
	}
	// mremap keeps using its pointer to the VMA. So each split makes the new VMA the part
	// that is unmapped.
	prev := vma.prev
	if start > vma.Start {
		// The splits may exceed the limit until the removal below. A hole inside one VMA
		// would exceed it for good (§17.6).
		if end < vma.End && mm.mapCount >= mm.MaxMapCount {
			return errno.ENOMEM
		}
		if err := mm.splitVMA(t, vma, start, false); err != nil {
			return err
		}
		prev = vma
	}
	if last := mm.lookup(end); last != nil && end > last.Start {
		if err := mm.splitVMA(t, last, end, true); err != nil {
			return err
		}
	}
	first := mm.after(prev)
	for vma := first; vma != nil && vma.Start < end; vma = vma.next {
		if vma.Userfault != nil {
			vma.Userfault.UnmapPrep(t)
		}
	}
	next := mm.detachVMAsToBeUnmapped(t, first, end)
	mm.unmapRegion(t, prev, next, start, end)
	mm.removeVMAList(t, first, next)
	return nil
}

// detachVMAsToBeUnmapped removes the VMAs from first on that start below end from the
// tree, and returns the VMA after them: detach_vmas_to_be_unmapped. The removed VMAs keep
// their next pointers. mmap_lock must be held for writing.
func (mm *MM) detachVMAsToBeUnmapped(t *sim.Task, first *VMA, end uint64) (next *VMA) {
	for next = first; next != nil && next.Start < end; next = next.next {
		mm.unlink(t, next)
	}
	return next
}

// unmapRegion drops the pages in [start, end), which no VMA covers any longer, and frees
// the page tables that only they needed: unmap_region. prev and next are the VMAs on both
// sides. mmap_lock must be held for writing.
func (mm *MM) unmapRegion(t *sim.Task, prev, next *VMA, start, end uint64) {
	floor, ceiling := uint64(0), uint64(pgtablesCeiling)
	if prev != nil {
		floor = prev.End
	}
	if next != nil {
		ceiling = next.Start
	}
	mm.zapPageRange(t, start, end)
	mm.freePgtables(t, start, end, floor, ceiling)
}

// removeVMAList closes the detached VMAs from first up to, but not including, stop, and
// drops their references to files: remove_vma_list.
func (mm *MM) removeVMAList(t *sim.Task, first, stop *VMA) {
	for vma := first; vma != stop; vma = vma.next {
		if vma.Ops != nil && vma.Ops.Close != nil {
			vma.Ops.Close(vma)
		}
		if vma.File != nil {
			vma.File.Put(t)
		}
	}
}

// exitMmap unmaps everything after the last user reference was dropped: exit_mmap. It
// needs no lock, because no other task can reach the VMAs.
func (mm *MM) exitMmap(t *sim.Task) {
	mm.dead = true
	first := mm.first
	if first != nil { // nil in the child of a fork that failed early
		mm.unmapRegion(t, nil, nil, first.Start, mm.highestEnd())
		mm.reset()
		if t.Tracing() {
			t.Emit(sim.Event{Kind: "mm_exit", Object: mm.Name, Args: []sim.Arg{{Key: "mm", Value: mm.Name}}})
		}
		mm.removeVMAList(t, first, nil)
	}
	mm.Drop(t)
}
