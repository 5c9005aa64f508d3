package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Mapper is the Private of a [vfs.File] that can be mapped: the ->mmap of its
// file_operations, which stands here because package vfs does not know VMAs.
type Mapper interface {
	// Mmap makes the VMA, which is in no tree yet, a mapping of the file: it sets the VMA's
	// Ops and may change its Flags. mmap_lock must be held for writing.
	Mmap(t *sim.Task, f *vfs.File, vma *VMA) error
}

// Mmap maps length bytes: memory with [MapAnonymous] (file is ignored then), else the
// file from page pgoff on. It returns the address. With [MapLocked] it faults the pages
// in, too. No lock may be held. It recreates mmap_pgoff and vm_mmap_pgoff; the errors, in
// the order in which the kernel looks for them:
//
//	EBADF      neither a file nor MapAnonymous
//	EINVAL     length 0
//	ENOMEM     length or address beyond the end of user addresses
//	EOVERFLOW  pgoff and length wrap around
//	ENOMEM     more VMAs than MaxMapCount already
//	           the errors of getUnmappedArea
//	EEXIST     MapFixedNoReplace, and something is there
//	EINVAL     neither or both of MapShared and MapPrivate
//	EACCES     the file is not open for what the mapping needs
//	ENODEV     the file cannot be mapped
//	EINVAL     MapGrowsDown with a file or with MapShared
//	ENOMEM     what is there cannot be unmapped, or no memory
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
		// Only now, for a fault takes mmap_lock, and may sleep. Whether it succeeds does not
		// matter to the mapping.
		mm.Populate(t, addr, addr+PageAlign(length))
	}
	return addr, err
}

// doMmap is Mmap with mmap_lock held for writing: do_mmap_pgoff.
func (mm *MM) doMmap(t *sim.Task, addr, length uint64, prot Prot, flags MapFlags, file *vfs.File, pgoff uint64) (uint64, error) {
	if length == 0 {
		return 0, errno.EINVAL
	}
	switch {
	case !mm.Facts.FixedNoReplace:
		flags &^= MapFixedNoReplace // and the address is a hint
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
			pgoff = 0 // of the object that mmapRegion makes
		}
	}
	if err := mm.mmapRegion(t, file, addr, length, vmFlags, pgoff); err != nil {
		return 0, err
	}
	return addr, nil
}

// roundHintToMin raises a hint below MmapMinAddr to it: round_hint_to_min. No hint
// stays no hint.
func (mm *MM) roundHintToMin(hint uint64) uint64 {
	hint &= PageMask
	if hint != 0 && hint < mm.MmapMinAddr {
		return PageAlign(mm.MmapMinAddr)
	}
	return hint
}

// mmapVMFlags are the flags of a new VMA, or why there cannot be one: the middle of
// do_mmap_pgoff. file is nil for anonymous memory.
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
			v &^= VMMayWrite | VMShared // it will never write to the file: as good as private
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

// accountable reports whether the memory counts against the commit limit:
// accountable_mapping. (There is no limit here, but the flag shows in the VMA.)
func accountable(v VMFlags) bool { return v&(VMNoReserve|VMShared|VMWrite) == VMWrite }

// mmapRegion maps [addr, addr+length) in place of whatever is there: mmap_region.
// mmap_lock must be held for writing.
func (mm *MM) mmapRegion(t *sim.Task, file *vfs.File, addr, length uint64, flags VMFlags, pgoff uint64) error {
	end := addr + length
	prev, free := mm.findVMALinks(addr, end)
	if !free {
		if mm.doMunmap(t, addr, length) != nil {
			return errno.ENOMEM
		}
		prev, _ = mm.findVMALinks(addr, end)
	}
	if accountable(flags) {
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
			mm.shmemZeroSetup(vma)
		}
		mm.insert(t, vma, prev)
	}
	if flags&VMLocked != 0 && flags&VMSpecial != 0 {
		vma.Flags &^= VMLocked
	}
	// Always, so that who tracks dirty pages can tell a new mapping from the one that
	// was here before. Merging ignores it.
	vma.Flags |= VMSoftDirty
	return nil
}

// mapFile lets the file make the VMA its own, and gives it a reference.
func (mm *MM) mapFile(t *sim.Task, vma *VMA, file *vfs.File, prev *VMA) error {
	file.Get(t)
	vma.File = file
	err := file.Private.(Mapper).Mmap(t, file, vma)
	if err != nil {
		mm.unmapRegion(t, prev, mm.after(prev), vma.Start, vma.End) // a driver may have mapped part of it
		file.Put(t)
	}
	return err
}

// findVMALinks returns the VMA below addr, nil if there is none, and whether nothing
// is mapped in [addr, end): find_vma_links. mmap_lock must be held.
func (mm *MM) findVMALinks(addr, end uint64) (prev *VMA, free bool) {
	next := mm.lookup(addr)
	if next == nil {
		return mm.highest(), true
	}
	return next.prev, next.Start >= end
}

// insert puts a new VMA into the tree behind prev: vma_link. mmap_lock must be held
// for writing.
func (mm *MM) insert(t *sim.Task, vma, prev *VMA) {
	mm.link(t, vma, prev)
}

// pgtablesCeiling is above every page-table page that user addresses can have, the
// last of which reaches beyond TaskSize: USER_PGTABLES_CEILING.
const pgtablesCeiling = 1 << 47

// Munmap unmaps [start, start+length), of which parts may not be mapped. No lock may
// be held. Tasks that sleep in a userfault there are not woken. The errors are EINVAL
// and ENOMEM. It recreates munmap (§17.7).
func (mm *MM) Munmap(t *sim.Task, start, length uint64) error {
	mm.MmapLock.DownWrite(t)
	err := mm.doMunmap(t, start, length)
	mm.MmapLock.UpWrite(t)
	return err
}

// doMunmap is Munmap with mmap_lock held for writing: do_munmap.
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
	// The pointer that mremap has must stay in what remains: a split below makes the
	// new VMA the upper part, one above the lower part.
	prev := vma.prev
	if start > vma.Start {
		// Below the limit the count may rise above it for a moment; a hole in one VMA,
		// though, would leave it there (§17.6).
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
	next := mm.detach(t, first, end)
	mm.unmapRegion(t, prev, next, start, end)
	mm.removeList(t, first, next)
	return nil
}

// detach takes the VMAs from first on that start below end out of the tree, and
// returns the one behind them. They keep their next pointers, up to that one. It
// recreates detach_vmas_to_be_unmapped.
func (mm *MM) detach(t *sim.Task, first *VMA, end uint64) (next *VMA) {
	for next = first; next != nil && next.Start < end; next = next.next {
		mm.unlink(t, next)
	}
	return next
}

// unmapRegion drops the pages in [start, end), where nothing is mapped now, and
// the tables that only they needed. prev and next are the VMAs on both sides. It
// recreates unmap_region.
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

// removeList says goodbye to the detached VMAs from first up to stop, which is not
// one of them: remove_vma_list.
func (mm *MM) removeList(t *sim.Task, first, stop *VMA) {
	for vma := first; vma != stop; vma = vma.next {
		if vma.Ops != nil && vma.Ops.Close != nil {
			vma.Ops.Close(vma)
		}
		if vma.File != nil {
			vma.File.Put(t)
		}
	}
}

// exitMmap unmaps everything when the last user has dropped its reference: exit_mmap. No
// lock is needed: no other task can take one.
func (mm *MM) exitMmap(t *sim.Task) {
	mm.dead = true
	first := mm.first
	if first != nil { // else a fork that failed early
		mm.unmapRegion(t, nil, nil, first.Start, mm.highestEnd())
		mm.reset()
		if t.Tracing() {
			t.Emit(sim.Event{Kind: "mm_exit", Object: mm.Name, Args: []sim.Arg{{Key: "mm", Value: mm.Name}}})
		}
		mm.removeList(t, first, nil)
	}
	mm.Drop(t)
}
