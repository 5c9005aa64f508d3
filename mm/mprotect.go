package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Mprotect changes the access rights of [start, start+length). VMAs below the first
// one that cannot be changed stay changed. A registration with a userfault context
// stays (§17.7). No lock may be held. The errors are EINVAL (unaligned start, unknown
// bits), ENOMEM (the range wraps around, has a hole, or a split failed) and EACCES (a
// right that the mapping may not have). It recreates mprotect.
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

// doMprotect is Mprotect with mmap_lock held for writing.
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
	case grows == ProtGrowsUp: // nothing here does
		return errno.EINVAL
	}
	prev := vma.prev
	if start > vma.Start {
		prev = vma
	}
	for {
		flags := rights | vma.Flags&^vmAccess
		if flags&vmAccess&^(flags>>4) != 0 { // VM_MAY… are four bits above
			return errno.EACCES
		}
		var err error
		if prev, err = mm.mprotectFixup(t, vma, prev, start, min(vma.End, end), flags); err != nil {
			return err
		}
		// Not the end of the part: a merge may have gone beyond it.
		if start = prev.End; start >= end {
			return nil
		}
		if vma = prev.next; vma == nil || vma.Start != start {
			return errno.ENOMEM
		}
	}
}

// mprotectFixup gives [start, end), a part of the VMA, the flags, and returns the VMA
// that it is in afterwards. prev is the VMA before it, or the VMA itself if start cuts
// into it. Private locked memory that becomes writable is populated. It recreates
// mprotect_fixup. The error is ENOMEM.
func (mm *MM) mprotectFixup(t *sim.Task, vma, prev *VMA, start, end uint64, flags VMFlags) (*VMA, error) {
	old := vma.Flags
	if flags == old {
		return vma, nil
	}
	// Private memory that becomes writable counts against the commit limit from now
	// on, and stays counted: it may have been written to.
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
		// A write to locked memory is not to fault. Errors do not matter. A userfault is one: with
		// mmap_lock held for writing it cannot sleep.
		_, _ = mm.populateVMAPageRange(t, vma, start, end, nil)
	}
	return vma, nil
}

// setFlags gives [start, end), a part of the VMA, the flags: it merges it with its
// neighbours if they have them already, or splits it off. It is what mprotect and
// madvise have in common. prev is the VMA before the range, or the VMA itself if start
// cuts into it. mmap_lock must be held for writing. The error is ENOMEM; a split that
// was made before stays.
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

// changeProtection makes the entries in [start, end) agree with the VMA's flags:
// change_protection. A right that is taken away goes at once; write access that is
// granted comes with the next write fault, which knows whether to copy. mmap_lock
// must be held for writing.
func (mm *MM) changeProtection(t *sim.Task, vma *VMA, start, end uint64) {
	mm.pgd.EachPMD(start, end, func(pmd *pgtable.Table, i int, start, end uint64) {
		if pmd.Peek(i).Huge() {
			if end-start == PMDSize {
				pmd.Lock(t)
				pmd.Set(t, i, protect(pmd.Peek(i), vma.Flags))
				pmd.Unlock(t)
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.Child(i)
		pte.Lock(t)
		for j, n := pgtable.PTE.Index(start), int((end-start)>>PageShift); n > 0; j, n = j+1, n-1 {
			if old := pte.Peek(j); old != protect(old, vma.Flags) {
				pte.Set(t, j, protect(old, vma.Flags))
			}
		}
		pte.Unlock(t)
	})
}

// protect is the entry with the rights that flags leave it. A page without any
// access stays present for the kernel but has no user bit (PROT_NONE).
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
