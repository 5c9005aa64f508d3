package mm

import (
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// zapPageRange drops every page in [start, end): zap_page_range. mmap_lock must be
// held; for reading is enough, and then faults may fill pages again at once.
func (mm *MM) zapPageRange(t *sim.Task, start, end uint64) {
	mm.pgd.EachPMD(start, end, func(pmd *pgtable.Table, i int, start, end uint64) {
		if pmd.Peek(i).Huge() {
			if end-start == PMDSize && zapHugePMD(t, pmd, i) {
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.Child(i)
		if pte == nil { // another zap under the read lock was faster
			return
		}
		pte.Lock(t)
		for j, n := pgtable.PTE.Index(start), int((end-start)>>PageShift); n > 0 && !pte.Empty(); j, n = j+1, n-1 {
			if !pte.Peek(j).None() {
				pte.Unmap(t, j)
			}
		}
		pte.Unlock(t)
	})
}

// freePgtables frees the page-table pages that the unmapping of [start, end) has
// left empty: free_pgtables. floor and ceiling are the nearest addresses on either
// side that are still mapped; a table that covers any of them stays. mmap_lock must
// be held for writing.
func (mm *MM) freePgtables(t *sim.Task, start, end, floor, ceiling uint64) {
	if start >= end {
		return
	}
	mm.pageTableLock.Lock(t)
	mm.pgd.FreeRange(t, start, end-1, floor, ceiling)
	mm.pageTableLock.Unlock(t)
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

// copyPageRange gives the child the pages of the VMA, shared: copy_page_range. In a
// private mapping both sides lose write access, and the first write copies. Both
// mmap_locks must be held for writing. The error is ENOMEM.
func (mm *MM) copyPageRange(t *sim.Task, child *MM, vma *VMA) (err error) {
	if vma.anon.Peek() == nil && vma.Flags&(VMHugeTLB|VMPFNMap|VMMixedMap) == 0 {
		return nil // faults find all of it again: the zero page, or the object's pages
	}
	cow := vma.Flags&VMShared == 0
	mm.pgd.EachPMD(vma.Start, vma.End, func(pmd *pgtable.Table, i int, start, end uint64) {
		if err != nil {
			return
		}
		if pmd.Peek(i).Huge() {
			err = mm.copyHugePMD(t, child, pmd, i, start)
			return
		}
		err = copyPTEs(t, pmd.Child(i), child, start, int((end-start)>>PageShift), cow)
	})
	return err
}
