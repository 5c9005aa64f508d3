package mm

import "github.com/uffdsim/uffdsim/sim"

// forEachPMD calls fn for every pmd entry that is not none and maps part of
// [start, end), with the part. mmap_lock must be held.
func (mm *MM) forEachPMD(start, end uint64, fn func(pmd *table, i int, start, end uint64)) {
	for start < end {
		pud := mm.pgd.child(levelPGD.index(start))
		if pud == nil {
			start = skip(start, levelPGD)
			continue
		}
		pmd := pud.child(levelPUD.index(start))
		if pmd == nil {
			start = skip(start, levelPUD)
			continue
		}
		stop := min(end, skip(start, levelPMD))
		if i := levelPMD.index(start); pmd.entries[i].Peek() != 0 {
			fn(pmd, i, start, stop)
		}
		start = stop
	}
}

// skip is the first address behind the entry of the level that covers addr.
func skip(addr uint64, l level) uint64 { return (addr | (l.span() - 1)) + 1 }

// zapPageRange drops every page in [start, end): zap_page_range. mmap_lock must be
// held; for reading is enough, and then faults may fill pages again at once.
func (mm *MM) zapPageRange(t *sim.Task, start, end uint64) {
	mm.forEachPMD(start, end, func(pmd *table, i int, start, end uint64) {
		if pmd.entries[i].Peek()&entryHuge != 0 {
			if end-start == PMDSize && zapHugePMD(t, pmd, i) {
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.child(i)
		if pte == nil { // another zap under the read lock was faster
			return
		}
		pte.lock.Lock(t)
		for j, n := levelPTE.index(start), int((end-start)>>PageShift); n > 0 && pte.used > 0; j, n = j+1, n-1 {
			if pte.entries[j].Peek() != 0 {
				pte.clearPTE(t, j)
			}
		}
		pte.lock.Unlock(t)
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
	mm.freeBelow(t, mm.pgd, start, end-1, floor, ceiling)
	mm.pageTableLock.Unlock(t)
}

func (mm *MM) freeBelow(t *sim.Task, tb *table, start, last, floor, ceiling uint64) {
	span := tb.level.span()
	for i, at := tb.level.index(start), start&^(span-1); i <= tb.level.index(last); i, at = i+1, at+span {
		lower := tb.child(i)
		if lower == nil {
			continue
		}
		if lower.level > levelPTE {
			mm.freeBelow(t, lower, max(start, at), min(last, at+span-1), floor, ceiling)
		}
		if at < floor || at+span > ceiling || lower.used > 0 {
			continue
		}
		tb.set(t, i, 0)
		tb.lower[i].Init(nil)
		lower.dead = true
		sim.Kfree(t, lower)
		if t.Tracing() {
			t.Emit(sim.Event{Kind: "table_free", Object: lower.level.String(), Args: []sim.Arg{{Key: "address", Value: at}}})
		}
	}
}

// changeProtection makes the entries in [start, end) agree with the VMA's flags:
// change_protection. A right that is taken away goes at once; write access that is
// granted comes with the next write fault, which knows whether to copy. mmap_lock
// must be held for writing.
func (mm *MM) changeProtection(t *sim.Task, vma *VMA, start, end uint64) {
	mm.forEachPMD(start, end, func(pmd *table, i int, start, end uint64) {
		if pmd.entries[i].Peek()&entryHuge != 0 {
			if end-start == PMDSize {
				pmd.lock.Lock(t)
				pmd.set(t, i, protect(pmd.entries[i].Peek(), vma.Flags))
				pmd.lock.Unlock(t)
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.child(i)
		pte.lock.Lock(t)
		for j, n := levelPTE.index(start), int((end-start)>>PageShift); n > 0; j, n = j+1, n-1 {
			if old := pte.entries[j].Peek(); old != protect(old, vma.Flags) {
				pte.set(t, j, protect(old, vma.Flags))
			}
		}
		pte.lock.Unlock(t)
	})
}

// protect is the entry with the rights that flags leave it. A page without any
// access stays present for the kernel but has no user bit (PROT_NONE).
func protect(entry uint64, flags VMFlags) uint64 {
	if entry == 0 {
		return 0
	}
	if flags&VMWrite == 0 {
		entry &^= entryRW
	}
	entry |= entryUser
	if flags&vmAccess == 0 {
		entry &^= entryUser
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
		i := levelPMD.index(from + moved)
		if src != nil && src.entries[i].Peek()&entryHuge != 0 {
			mm.splitHugePMD(t, src, i)
		}
		pte := mm.pteTable(from + moved)
		if pte == nil {
			moved = min(length, skip(from+moved, levelPMD)-from)
			continue
		}
		dst, _ := mm.pteAlloc(t, mm.pmdAlloc(t, to+moved), to+moved)
		if dst == nil {
			return moved
		}
		extent := min(length-moved, skip(from+moved, levelPMD)-(from+moved), skip(to+moved, levelPMD)-(to+moved))
		movePTEs(t, pte, levelPTE.index(from+moved), dst, levelPTE.index(to+moved), int(extent>>PageShift))
		moved += extent
	}
	return moved
}

// movePTEs moves n entries under the locks of both tables, which may be one.
func movePTEs(t *sim.Task, src *table, i int, dst *table, j, n int) {
	src.lock.Lock(t)
	if dst != src {
		dst.lock.LockNested(t)
	}
	for ; n > 0; i, j, n = i+1, j+1, n-1 {
		entry := src.entries[i].PeekHeld(t)
		if entry == 0 {
			continue
		}
		src.set(t, i, 0)
		dst.frames[j], src.frames[i] = src.frames[i], nil
		dst.set(t, j, entry)
	}
	if dst != src {
		dst.lock.Unlock(t)
	}
	src.lock.Unlock(t)
}

// copyPageRange gives the child the pages of the VMA, shared: copy_page_range. In a
// private mapping both sides lose write access, and the first write copies. Both
// mmap_locks must be held for writing. The error is ENOMEM.
func (mm *MM) copyPageRange(t *sim.Task, child *MM, vma *VMA) (err error) {
	if vma.anon.Peek() == nil && vma.Flags&(VMHugeTLB|VMPFNMap|VMMixedMap) == 0 {
		return nil // faults find all of it again: the zero page, or the object's pages
	}
	cow := vma.Flags&VMShared == 0
	mm.forEachPMD(vma.Start, vma.End, func(pmd *table, i int, start, end uint64) {
		if err != nil {
			return
		}
		if pmd.entries[i].Peek()&entryHuge != 0 {
			err = mm.copyHugePMD(t, child, pmd, i, start)
			return
		}
		err = copyPTEs(t, pmd.child(i), child, start, int((end-start)>>PageShift), cow)
	})
	return err
}
