package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// McopyAtomic fills the missing pages in [dst, dst+length) of this address space with the
// bytes at src in the current task's address space: mcopy_atomic. Each page is copied
// before it is mapped. dst and length must be page aligned and validated. It returns the
// number of bytes copied, and the error only if that number is 0 (COPY-5). No lock may be
// held. The errors are those of atomicFill.
func (mm *MM) McopyAtomic(t *sim.Task, dst, src, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, src, length, fillCopy)
}

// McopyAtomicWP is [MM.McopyAtomic] that maps the pages write-protected
// (UFFDIO_COPY_MODE_WP, 5.7). The model does not support write-protection, so that it
// never succeeds: where McopyAtomic would, it returns EINVAL, as for a VMA without that
// mode.
func (mm *MM) McopyAtomicWP(t *sim.Task, dst, src, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, src, length, fillCopyWP)
}

// filling is the kind of page that a fill maps.
type filling uint8

const (
	fillCopy   filling = iota // a copy of the source
	fillCopyWP                // a copy of the source, write-protected
	fillZero                  // the zero page
)

// MfillZeropage maps the zero page at the missing pages in [dst, dst+length) of this
// address space: mfill_zeropage. Everything else is as in [MM.McopyAtomic].
func (mm *MM) MfillZeropage(t *sim.Task, dst, length uint64) (uint64, error) {
	return mm.atomicFill(t, dst, 0, length, fillZero)
}

// atomicFill fills the missing pages in [dst, dst+length): __mcopy_atomic. It returns the
// number of bytes filled, and the error only if that number is 0. No lock may be held.
// The errors, besides those of fillable:
//
//	ENOMEM  an allocation failed
//	EEXIST  a page is not missing
//	EFAULT  the source cannot be read
//	EINTR   a fatal signal is pending
//	EINVAL  fillCopyWP: the VMA does not track writes
func (mm *MM) atomicFill(t *sim.Task, dst, src, length uint64, with filling) (uint64, error) {
	if mm.Dropped.Any() {
		return mm.atomicFillWithout(t, dst, src, length, with)
	}
	var vma *VMA
	var pte *pgtable.Table
	var page *page.Frame // holds a copy of the source that is not mapped yet
	var copied uint64
	var err error
	const where = "mcopy_atomic"
	sim.BugOn(t, dst&^PageMask != 0 || length&^PageMask != 0, where, "the range is not page aligned")
	sim.BugOn(t, dst+length <= dst || with != fillZero && src+length <= src, where, "a range wraps around")
retry:
	mm.MmapLock.DownRead(t)
	vma = mm.FindVMA(t, dst)
	// Since 6.9 even a fill that fails the checks below leaves an anon_vma behind.
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
			// The source is not present. Reading it may be a userfault itself, and so
			// must not happen under mmap_lock. Afterwards the whole range is looked up
			// and checked again, because it may have changed meanwhile (COPY-3).
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
		page.Put(t)
	}
	sim.BugOn(t, copied == 0 && err == nil, where, "neither bytes nor an error")
	if copied > 0 {
		return copied, nil
	}
	return 0, err
}

// mcopyAtomicPTE maps a copy of the page of bytes at src to addr: mcopy_atomic_pte
// (COPY-4). If *page is not nil it already holds the copy; it is set to nil. If the
// source is not present the error is EFAULT, and *page is a frame that the caller must
// copy the source to. The other errors are ENOMEM and EEXIST. mmap_lock must be held for
// reading.
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
		frame.Put(t)
		return errno.EEXIST
	}
	setPTE(t, vma, pte, j, frame, bits)
	pte.Unlock(t)
	return nil
}

// mfillZeropagePTE maps the zero page to addr: mfill_zeropage_pte (ZERO-1). The error is
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

// fillTable returns the PTE table that covers addr, and allocates it if necessary: the
// middle of __mcopy_atomic. mmap_lock must be held for reading. The errors are ENOMEM,
// EEXIST (a huge page maps addr) and EFAULT (a huge page was mapped between the two
// checks).
func (mm *MM) fillTable(t *sim.Task, addr uint64) (*pgtable.Table, error) {
	pmd := mm.pmdAlloc(t, addr)
	if pmd == nil {
		return nil, errno.ENOMEM
	}
	if pmd.PeekHeld(t, pgtable.PMD.Index(addr)).Huge() {
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

// fillable returns an error unless [dst, dst+length) lies in the VMA and can be filled
// (COPY-2). mmap_lock must be held. The errors:
//
//	ENOENT  the range is not in the VMA, or that is not registered (EINVAL before 4.11)
//	EINVAL  the VMA is shared, or its type of memory cannot be filled
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
