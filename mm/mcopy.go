package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// McopyAtomic copies length bytes from src in the current task's memory to missing
// pages of this mm at dst, each page appearing at once: mcopy_atomic of 4.3. dst and
// length are page aligned and have been validated. It returns the bytes copied; the
// error is nil if there are any (COPY-5). mmap_lock must not be held.
func (mm *MM) McopyAtomic(t *sim.Task, dst, src, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, src, length, fillCopy)
}

// McopyAtomicWP is [MM.McopyAtomic] of pages that are to be write-protected for their context, as
// kernels know it since 5.7. No VMA here has its writes tracked: at best it is EINVAL.
func (mm *MM) McopyAtomicWP(t *sim.Task, dst, src, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, src, length, fillCopyWP)
}

// filling is what a fill fills with: a copy, a copy that is to be write-protected, the zero page.
type filling uint8

const (
	fillCopy filling = iota
	fillCopyWP
	fillZero
)

// MfillZeropage maps the zero page at missing pages of this mm: mfill_zeropage. It
// returns as [MM.McopyAtomic] does.
func (mm *MM) MfillZeropage(t *sim.Task, dst, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, 0, length, fillZero)
}

// atomicFill is __mcopy_atomic. page carries a source page over from a copy that
// had to be made with mmap_lock dropped, because the source was not there.
func (mm *MM) atomicFill(t *sim.Task, dst, src, length uint64, with filling) (uint64, error) {
	var copied uint64
	var page *Frame
	for {
		mm.MmapLock.DownRead(t)
		n, again, err := mm.fillLocked(t, dst, src, length, copied, with, &page)
		mm.MmapLock.UpRead(t)
		copied = n
		if again {
			// The source has to be faulted in, which may take its own userfault: not with
			// mmap_lock held. All of the range is then looked up and checked again, since
			// anything may have happened to it (COPY-3).
			page = mm.memory.alloc(mm.home)
			if err = CopyFromUser(t, page.data[:], src+copied); err == nil {
				continue
			}
		}
		if page != nil {
			page.put()
		}
		if copied > 0 {
			return copied, nil
		}
		return 0, err
	}
}

// fillLocked fills pages from copied on until it is done, fails, or needs a source
// page that is not there (again). mmap_lock must be held for reading.
func (mm *MM) fillLocked(t *sim.Task, dst, src, length, copied uint64, with filling, page **Frame) (n uint64, again bool, err error) {
	vma := mm.FindVMA(t, dst)
	if mm.Era.FillPreparesFirst && vma != nil && vma.Start <= dst && vma.Flags&VMShared == 0 {
		// Before the look at what the range is: even a fill that is refused leaves the
		// anon_vma behind.
		if vma.anonVMAPrepare(t) != nil {
			return copied, false, errno.ENOMEM
		}
	}
	if err := mm.fillable(vma, dst, length); err != nil && (*page == nil || vma == nil || mm.obeys(CheckAgainAfterFault)) {
		return copied, false, err
	}
	if with == fillCopyWP {
		return copied, false, errno.EINVAL
	}
	if vma.anonVMAPrepare(t) != nil {
		return copied, false, errno.ENOMEM
	}
	for copied < length {
		pte, err := mm.fillTable(t, dst+copied)
		if err != nil {
			return copied, false, err
		}
		if with != fillZero && *page == nil {
			if t.ShouldFail("alloc_page") {
				return copied, false, errno.ENOMEM
			}
			f := mm.memory.alloc(mm.home)
			if copyFromUserInatomic(t, f.data[:], src+copied) != nil {
				f.put()
				return copied, true, nil
			}
			*page = f
		}
		if err := mm.fillPTE(t, vma, pte, levelPTE.index(dst+copied), *page); err != nil {
			return copied, false, err
		}
		*page = nil
		copied += PageSize
		if t.FatalSignalPending() {
			return copied, false, errno.EINTR
		}
	}
	return copied, false, nil
}

// fillTable is the PTE table that covers addr, allocated if need be. A huge page there is
// EEXIST, and one that comes while the table is being allocated EFAULT.
func (mm *MM) fillTable(t *sim.Task, addr uint64) (*table, error) {
	pmd := mm.pmdAlloc(t, addr)
	if pmd == nil {
		return nil, errno.ENOMEM
	}
	if pmd.entries[levelPMD.index(addr)].Peek()&entryHuge != 0 {
		return nil, errno.EEXIST
	}
	pte, huge := mm.pteAlloc(t, pmd, addr)
	switch {
	case huge:
		return nil, errno.EFAULT
	case pte == nil:
		return nil, errno.ENOMEM
	}
	return pte, nil
}

// fillable reports with EINVAL, or later with ENOENT for the first two, that dst does not
// begin a range of length bytes inside one VMA that can be filled: registered (with any
// context), private, plain anonymous (COPY-2).
func (mm *MM) fillable(vma *VMA, dst, length uint64) error {
	switch {
	case vma == nil, dst < vma.Start || dst+length > vma.End, vma.Userfault == nil:
		if mm.Era.FillFindsNothing {
			return errno.ENOENT
		}
		return errno.EINVAL
	case vma.Flags&VMShared != 0, vma.Ops != nil:
		return errno.EINVAL
	}
	return nil
}

// fillPTE maps the page (nil: the zero page) if the entry is none, and says EEXIST
// if it is not: mcopy_atomic_pte and mfill_zeropage_pte (COPY-4, ZERO-1).
func (mm *MM) fillPTE(t *sim.Task, vma *VMA, pte *table, j int, page *Frame) error {
	pte.lock.Lock(t)
	if pte.entries[j].PeekHeld(t) != 0 {
		if mm.obeys(NeverOverwrite) {
			pte.lock.Unlock(t)
			return errno.EEXIST
		}
		pte.clearPTE(t, j)
	}
	if page == nil {
		pte.setPTE(t, vma, j, mm.memory.zero, entrySpecial)
	} else {
		bits := uint64(0)
		if vma.Flags&VMWrite != 0 {
			bits = entryDirty | entryRW
		}
		pte.setPTE(t, vma, j, page, bits)
	}
	pte.lock.Unlock(t)
	return nil
}
