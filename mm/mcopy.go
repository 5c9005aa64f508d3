package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
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

// atomicFill is __mcopy_atomic. It returns the bytes filled, or, if there are none, the error:
// what [MM.fillable] says, ENOMEM, EEXIST for a page that is there, EFAULT for a source that
// cannot be read, EINTR for a fatal signal.
func (mm *MM) atomicFill(t *sim.Task, dst, src, length uint64, with filling) (uint64, error) {
	if mm.Dropped.Any() {
		return mm.atomicFillWithout(t, dst, src, length, with)
	}
	var vma *VMA
	var pte *pgtable.Table
	var page *page.Frame // a copy of the source that is not mapped yet
	var copied uint64
	var err error
	const where = "mcopy_atomic"
	sim.BugOn(t, dst&^PageMask != 0 || length&^PageMask != 0, where, "the range is not page aligned")
	sim.BugOn(t, dst+length <= dst || with != fillZero && src+length <= src, where, "a range wraps around")
retry:
	mm.MmapLock.DownRead(t)
	vma = mm.FindVMA(t, dst)
	// Since 6.9 even a fill that is refused leaves an anon_vma behind.
	if mm.Facts.Fill.PreparesFirst && vma != nil && vma.Start <= dst && vma.Flags&VMShared == 0 && vma.anonVMAPrepare(t) != nil {
		err = errno.ENOMEM
		goto outUnlock
	}
	if err = mm.fillable(vma, dst, length); err != nil { // COPY-2
		goto outUnlock
	}
	if with == fillCopyWP {
		err = errno.EINVAL
		goto outUnlock
	}
	if vma.anonVMAPrepare(t) != nil {
		err = errno.ENOMEM
		goto outUnlock
	}
	for copied < length {
		if pte, err = mm.fillTable(t, dst+copied); err != nil {
			break
		}
		if with != fillZero {
			err = mm.mcopyAtomicPTE(t, vma, pte, dst+copied, src+copied, &page)
		} else {
			err = mm.mfillZeropagePTE(t, vma, pte, dst+copied)
		}
		if err == errno.EFAULT {
			// The source has to be faulted in, which may be a userfault of its own: not with
			// mmap_lock held. The whole range is then looked up and checked again, since
			// anything may have happened to it (COPY-3).
			mm.MmapLock.UpRead(t)
			sim.BugOn(t, page == nil, where, "no page to copy the source to")
			if err = CopyFromUser(t, page.Data()[:], src+copied); err != nil {
				goto out
			}
			goto retry
		}
		sim.BugOn(t, page != nil, where, "a page is left over")
		if err != nil {
			break
		}
		copied += PageSize
		if t.FatalSignalPending() {
			err = errno.EINTR
			break
		}
	}
outUnlock:
	mm.MmapLock.UpRead(t)
out:
	if page != nil {
		page.Put()
	}
	sim.BugOn(t, copied == 0 && err == nil, where, "neither bytes nor an error")
	if copied > 0 {
		return copied, nil
	}
	return 0, err
}

// mcopyAtomicPTE maps a copy of the source's page at addr: mcopy_atomic_pte (COPY-4). It takes
// the copy from *page if that is not nil, and sets *page to nil. If the source is not there the
// error is EFAULT and *page is a page for the caller to copy it to. The other errors are ENOMEM
// and EEXIST. mmap_lock must be held for reading.
func (mm *MM) mcopyAtomicPTE(t *sim.Task, vma *VMA, pte *pgtable.Table, addr, src uint64, page **page.Frame) error {
	if mm.Dropped.Any() {
		return mm.mcopyAtomicPTEWithout(t, vma, pte, addr, src, page)
	}
	frame := *page
	if frame == nil {
		if t.ShouldFail("alloc_page") {
			return errno.ENOMEM
		}
		frame = mm.memory.Alloc(mm.home)
		if err := copyFromUserInatomic(t, frame.Data()[:], src); err != nil {
			*page = frame
			return err
		}
	}
	*page = nil
	var bits pgtable.Entry
	if vma.Flags&VMWrite != 0 {
		bits = pgtable.Dirty | pgtable.RW
	}
	j := pgtable.PTE.Index(addr)
	pte.Lock(t)
	if !pte.PeekHeld(t, j).None() {
		pte.Unlock(t)
		frame.Put()
		return errno.EEXIST
	}
	setPTE(t, vma, pte, j, frame, bits)
	pte.Unlock(t)
	return nil
}

// mfillZeropagePTE maps the zero page at addr: mfill_zeropage_pte (ZERO-1). The error is
// EEXIST. mmap_lock must be held for reading.
func (mm *MM) mfillZeropagePTE(t *sim.Task, vma *VMA, pte *pgtable.Table, addr uint64) error {
	if mm.Dropped.Any() {
		return mm.mfillZeropagePTEWithout(t, vma, pte, addr)
	}
	var err error
	j := pgtable.PTE.Index(addr)
	pte.Lock(t)
	if !pte.PeekHeld(t, j).None() {
		err = errno.EEXIST
		goto outUnlock
	}
	setPTE(t, vma, pte, j, mm.memory.Zero(), pgtable.Special)
outUnlock:
	pte.Unlock(t)
	return err
}

// fillTable is the PTE table that covers addr, allocated if need be. A huge page there is
// EEXIST, and one that comes while the table is being allocated EFAULT.
func (mm *MM) fillTable(t *sim.Task, addr uint64) (*pgtable.Table, error) {
	pmd := mm.pmdAlloc(t, addr)
	if pmd == nil {
		return nil, errno.ENOMEM
	}
	if pmd.Peek(pgtable.PMD.Index(addr)).Huge() {
		return nil, errno.EEXIST
	}
	pte, huge := mm.pteAlloc(t, pmd, addr)
	switch {
	case pte == nil && !huge:
		return nil, errno.ENOMEM
	case huge:
		return nil, errno.EFAULT
	}
	sim.BugOn(t, pte == nil, "mcopy_atomic", "no page table")
	return pte, nil
}

// fillable reports with EINVAL, or later with ENOENT for the first two, that dst does not
// begin a range of length bytes inside one VMA that can be filled: registered (with any
// context), private, plain anonymous (COPY-2).
func (mm *MM) fillable(vma *VMA, dst, length uint64) error {
	switch {
	case vma == nil, dst < vma.Start || dst+length > vma.End, vma.Userfault == nil:
		if mm.Facts.Fill.NotFound {
			return errno.ENOENT
		}
		return errno.EINVAL
	case vma.Flags&VMShared != 0, vma.UffdOps() == nil:
		return errno.EINVAL
	}
	return nil
}
