package mm

import "fmt"

// checkPageTable reports what is wrong with the page table, nil if nothing is: its
// counts, its tables (each covers something that is mapped: munmap frees the others),
// and its entries against the VMAs. mmap_lock must be held, or nothing else may run.
// It looks at no other address space, and so leaves the frames' reference counts to
// [CheckFrames].
func (mm *MM) checkPageTable() error { return mm.checkTable(mm.pgd, 0) }

// checkTable checks the table that covers addresses from start on, and those below it.
func (mm *MM) checkTable(tb *table, start uint64) error {
	span, used := tb.level.span(), 0
	for i := range tb.entries {
		entry, at := tb.entries[i].Peek(), start+uint64(i)*span
		if entry == 0 && tb.nothingBehind(i) {
			continue // most of them are, and this is done after every statement of a scenario
		}
		if entry != 0 {
			used++
		}
		if err := mm.checkEntry(tb, i, entry, at); err != nil {
			return fmt.Errorf("%v[%d] at %#x, %s: %w", tb.level, i, at, EntryString(entry), err)
		}
	}
	switch vma := mm.lookup(start); {
	case used != tb.used:
		return fmt.Errorf("%v table at %#x counts %d entries and has %d", tb.level, start, tb.used, used)
	case tb.dead:
		return fmt.Errorf("%v table at %#x is in use after it was freed", tb.level, start)
	case tb != mm.pgd && (vma == nil || vma.Start >= start+tableEntries*span):
		return fmt.Errorf("%v table at %#x covers nothing that is mapped", tb.level, start)
	}
	return nil
}

func (tb *table) nothingBehind(i int) bool {
	if tb.level == levelPTE {
		return tb.frames[i] == nil
	}
	return tb.lower[i].Peek() == nil
}

func (mm *MM) checkEntry(tb *table, i int, entry, at uint64) error {
	if tb.level == levelPTE {
		return mm.checkMapping(entry, tb.frames[i], at, PageSize)
	}
	lower := tb.lower[i].Peek()
	switch {
	case entry&entryPresent == 0: // none, or a huge page that is being migrated
		if entry == 0 && lower != nil {
			return fmt.Errorf("a %v table is left behind it", lower.level)
		}
		return nil
	case lower == nil || lower.level != tb.level-1:
		return fmt.Errorf("no table of the next level behind it")
	case entry&entryHuge != 0:
		return mm.checkHuge(tb, lower, entry, at)
	case entry>>PageShift != lower.pfn:
		return fmt.Errorf("the table behind it has pfn %d", lower.pfn)
	}
	return mm.checkTable(lower, at)
}

// checkHuge checks a huge page: the entry, and the frames in the deposited table.
func (mm *MM) checkHuge(tb, deposit *table, entry, at uint64) error {
	if tb.level != levelPMD {
		return fmt.Errorf("a huge page of that size is not modelled")
	}
	if first := deposit.frames[0]; first == nil || first.pfn != entry>>PageShift {
		return fmt.Errorf("it is not the first of its frames, %v", first)
	}
	for j, f := range deposit.frames {
		if f == nil || deposit.entries[j].Peek() != 0 {
			return fmt.Errorf("deposited entry %d has no frame, or is not none", j)
		}
		small := f.pfn<<PageShift | entry&(PageSize-1)
		if err := mm.checkMapping(small, f, at, PMDSize); err != nil {
			return fmt.Errorf("small page %d: %w", j, err)
		}
	}
	return nil
}

// checkMapping checks that the entry agrees with the frame behind it and with the VMA
// that covers its size bytes at addr.
func (mm *MM) checkMapping(entry uint64, f *Frame, addr, size uint64) error {
	if entry&entryPresent == 0 { // none, or a swap entry
		if f != nil {
			return fmt.Errorf("frame %d is left behind it", f.pfn)
		}
		return nil
	}
	if f == nil || f.pfn != entry>>PageShift {
		return fmt.Errorf("the frame behind it is another")
	}
	vma := mm.lookup(addr)
	switch {
	case vma == nil || vma.Start > addr || vma.End < addr+size:
		return fmt.Errorf("in no VMA, next is %v", vma)
	case f.refs.Peek() == 0:
		return fmt.Errorf("the frame is free")
	case f.isZeroPage() != (entry&entrySpecial != 0):
		return fmt.Errorf("the zero page, and it alone, is special")
	case f.isZeroPage() && entry&entryRW != 0:
		return fmt.Errorf("the zero page is writable")
	case entry&entryRW != 0 && vma.Flags&VMWrite == 0, entry&entryUser != 0 && vma.Flags&vmAccess == 0:
		return fmt.Errorf("more rights than VMA %v, %s", vma, vma.Flags.Prot())
	case entry&entryRW != 0 && vma.Flags&VMShared == 0 && f.shared():
		return fmt.Errorf("writable, and shared by %d in private memory", f.refs.Peek())
	}
	return nil
}

// CheckFrames reports a frame whose reference count is not the number of page-table
// entries and page caches that hold it, or a memory that counts other frames in use
// than those. The address spaces must be all that share a [Memory]; nothing else may
// run.
func CheckFrames(mms ...*MM) error {
	held := map[*Frame]uint64{}
	caches := map[*shmem]bool{}
	for _, mm := range mms {
		mm.pgd.eachFrame(func(f *Frame) { held[f]++ })
		for vma := mm.first; vma != nil; vma = vma.next {
			if vma.File == nil {
				continue
			}
			if s, ok := vma.File.Private.(*shmem); ok && !caches[s] {
				caches[s] = true
				for _, f := range s.pages {
					held[f]++
				}
			}
		}
	}
	for f, n := range held {
		if refs := f.refs.Peek(); refs != n {
			return fmt.Errorf("frame %d has %d references and %d holders", f.pfn, refs, n)
		}
	}
	for _, mm := range mms {
		if n := mm.memory.InUse(); n != uint64(len(held)) {
			return fmt.Errorf("%d frames in use, %d with a holder", n, len(held))
		}
		if refs := mm.memory.zero.refs.Peek(); refs != 1 {
			return fmt.Errorf("the zero page has %d references, and is not counted", refs)
		}
	}
	return nil
}

// eachFrame calls fn for every entry that maps a frame, the zero page apart; the small
// pages of a huge one count one by one.
func (tb *table) eachFrame(fn func(f *Frame)) {
	if tb.level == levelPTE {
		for _, f := range tb.frames {
			if f != nil && !f.isZeroPage() {
				fn(f)
			}
		}
		return
	}
	for i := range tb.lower {
		// Behind a huge page it is the deposited table, which holds the frames.
		if lower := tb.lower[i].Peek(); lower != nil {
			lower.eachFrame(fn)
		}
	}
}
