package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Mprotect changes the access rights of [start, start+length). It stops at the first VMA
// that it cannot change; the VMAs below stay changed. Registrations are kept (§17.7). No
// lock may be held. It recreates mprotect; the errors:
//
//	EINVAL  start is not page aligned, or prot has unknown bits
//	ENOMEM  the range wraps around or has a hole, or a VMA could not be split
//	EACCES  the mapping does not allow a requested right
func (mm *MM) Mprotect(t *sim.Task, start, length uint64, prot Prot) error {
	grows := prot & (ProtGrowsDown | ProtGrowsUp)
	prot &^= grows
	if grows == ProtGrowsDown|ProtGrowsUp || start&^PageMask != 0 {
		return errno.EINVAL
	}
	if length == 0 {
		return nil
	}
	end := start + PageAlign(length)
	if end <= start {
		return errno.ENOMEM
	}
	if prot&^(ProtRead|ProtWrite|ProtExec|ProtSem) != 0 {
		return errno.EINVAL
	}
	mm.MmapLock.DownWrite(t)
	err := mm.doMprotect(t, start, end, prot.vmFlags(), grows)
	mm.MmapLock.UpWrite(t)
	return err
}

// doMprotect is the part of Mprotect under mmap_lock, which must be held for writing.
func (mm *MM) doMprotect(t *sim.Task, start, end uint64, rights VMFlags, grows Prot) error {
	vma := mm.lookup(start)
	switch {
	case vma == nil:
		return errno.ENOMEM
	case grows == ProtGrowsDown:
		if vma.Start >= end {
			return errno.ENOMEM
		}
		start = vma.Start
		if vma.Flags&VMGrowsDown == 0 {
			return errno.EINVAL
		}
	case vma.Start > start:
		return errno.ENOMEM
	case grows == ProtGrowsUp: // no mapping of x86 does
		return errno.EINVAL
	}
	prev := vma.prev
	if start > vma.Start {
		prev = vma
	}
	for {
		flags := rights | vma.Flags&^vmAccess
		if flags&vmAccess&^(flags>>4) != 0 { // VM_MAYREAD is VM_READ << 4, and so on
			return errno.EACCES
		}
		var err error
		if prev, err = mm.mprotectFixup(t, vma, prev, start, min(vma.End, end), flags); err != nil {
			return err
		}
		// prev may end after the part: a merge may have extended it.
		if start = prev.End; start >= end {
			return nil
		}
		if vma = prev.next; vma == nil || vma.Start != start {
			return errno.ENOMEM
		}
	}
}

// mprotectFixup sets the flags of [start, end), a part of the VMA, and returns the VMA
// that the part is in afterwards: mprotect_fixup. prev is the VMA before the part, or the
// VMA itself if the part does not begin at its start. Private locked memory that becomes
// writable is populated. mmap_lock must be held for writing. The error is ENOMEM.
func (mm *MM) mprotectFixup(t *sim.Task, vma, prev *VMA, start, end uint64, flags VMFlags) (*VMA, error) {
	old := vma.Flags
	if flags == old {
		return vma, nil
	}
	// Private memory that becomes writable is charged to the commit limit. The charge
	// stays when it becomes read-only again, because it may have been written to.
	if flags&VMWrite != 0 && old&(VMAccount|VMWrite|VMHugeTLB|VMShared|VMNoReserve) == 0 {
		flags |= VMAccount
	}
	if mm.Facts.ReturnsCharge && flags&VMWrite == 0 && vma.IsAnonymous() && vma.anon.Peek() == nil {
		flags &^= VMAccount
	}
	vma, err := mm.setFlags(t, vma, prev, start, end, flags)
	if err != nil {
		return nil, err
	}
	mm.changeProtection(t, vma, start, end)
	if old&(VMWrite|VMShared|VMLocked) == VMLocked && flags&VMWrite != 0 {
		// A write to locked memory must not fault. Errors are ignored; a userfault is
		// one, because it cannot sleep while mmap_lock is held for writing.
		_, _ = mm.populateVMAPageRange(t, vma, start, end, nil)
	}
	return vma, nil
}

// setFlags sets the flags of [start, end), a part of the VMA, and returns the VMA that
// the part is in afterwards: the common part of mprotect_fixup and madvise_behavior. It
// merges the part with neighbours that have the same attributes, or splits it off. prev
// is the VMA before the part, or the VMA itself if the part does not begin at its start.
// mmap_lock must be held for writing. The error is ENOMEM; a first split is not undone.
func (mm *MM) setFlags(t *sim.Task, vma, prev *VMA, start, end uint64, flags VMFlags) (*VMA, error) {
	attrs := vma.attributesAt(start)
	attrs.Flags = flags
	if merged := mm.VMAMerge(t, prev, start, end, &attrs); merged != nil {
		vma = merged
	} else {
		if start != vma.Start {
			if err := mm.SplitVMA(t, vma, start, true); err != nil {
				return nil, err
			}
		}
		if end != vma.End {
			if err := mm.SplitVMA(t, vma, end, false); err != nil {
				return nil, err
			}
		}
	}
	vma.Flags = flags
	vma.TraceFlags(t)
	return vma, nil
}

// changeProtection applies the VMA's flags to the page-table entries in [start, end):
// change_protection. It removes rights at once. It does not grant write access: the next
// write fault does, because it can tell whether the page must be copied. mmap_lock must
// be held for writing.
func (mm *MM) changeProtection(t *sim.Task, vma *VMA, start, end uint64) {
	mm.pgd.EachPMD(t, start, end, func(pmd *pgtable.Table, i int, start, end uint64) {
		if pmd.PeekHeld(t, i).Huge() {
			if end-start == PMDSize {
				pmd.Lock(t)
				pmd.Set(t, i, protect(pmd.PeekHeld(t, i), vma.Flags))
				pmd.Unlock(t)
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.Lower(t, i)
		pte.Lock(t)
		for j, n := pgtable.PTE.Index(start), int((end-start)>>PageShift); n > 0; j, n = j+1, n-1 {
			if old := pte.PeekHeld(t, j); old != protect(old, vma.Flags) {
				pte.Set(t, j, protect(old, vma.Flags))
			}
		}
		pte.Unlock(t)
	})
}

// protect returns the entry without the rights that the flags do not allow. A page
// without any access (PROT_NONE) stays present but loses the user bit.
func protect(entry pgtable.Entry, flags VMFlags) pgtable.Entry {
	if entry.None() {
		return 0
	}
	if flags&VMWrite == 0 {
		entry &^= pgtable.RW
	}
	entry |= pgtable.User
	if flags&vmAccess == 0 {
		entry &^= pgtable.User
	}
	return entry
}
