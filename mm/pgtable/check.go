package pgtable

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm/page"
)

// VMAs answers the questions of [Table.Check] about the address space.
type VMAs interface {
	// Maps reports whether a VMA covers any address in [start, end).
	Maps(start, end uint64) bool
	// Permits returns an error if the entry may not map the frame to the size bytes at
	// addr.
	Permits(entry Entry, f *page.Frame, addr, size uint64) error
}

// Check returns the first inconsistency in a top table and the tables below it, or nil.
// It checks the counts of used entries, that each table covers a VMA (munmap frees the
// others), and the entries against the frames and the VMAs. It does not check the
// reference counts of the frames: the caller must, since other address spaces may share
// them. mmap_lock must be held, or no task may run.
func (tb *Table) Check(vmas VMAs) error { return tb.check(vmas, 0) }

// check is Check for the table that covers the addresses from start on, and those below
// it.
func (tb *Table) check(vmas VMAs, start uint64) error {
	span, used := tb.level.Span(), 0
	for i := range tb.entries {
		entry, at := tb.Peek(i), start+uint64(i)*span
		if entry.None() && tb.nothingBehind(i) {
			continue // the common case, fast: scenarios check after every statement
		}
		if !entry.None() {
			used++
		}
		if err := tb.checkEntry(vmas, i, entry, at); err != nil {
			return fmt.Errorf("%v[%d] at %#x, %v: %w", tb.level, i, at, entry, err)
		}
	}
	switch {
	case uint64(used) != tb.used.Peek():
		return fmt.Errorf("%v table at %#x counts %d entries and has %d", tb.level, start, tb.used.Peek(), used)
	case tb.dead:
		return fmt.Errorf("%v table at %#x is in use after it was freed", tb.level, start)
	case tb.level != PGD && !vmas.Maps(start, start+Entries*span):
		return fmt.Errorf("%v table at %#x covers nothing that is mapped", tb.level, start)
	}
	return nil
}

// nothingBehind reports whether entry i has neither a frame nor a table.
func (tb *Table) nothingBehind(i int) bool {
	if tb.level == PTE {
		return tb.frames[i] == nil
	}
	return tb.lower[i].Peek() == nil
}

// checkEntry checks entry i, which covers the addresses from at on, and the tables below
// it.
func (tb *Table) checkEntry(vmas VMAs, i int, entry Entry, at uint64) error {
	if tb.level == PTE {
		return checkMapping(vmas, entry, tb.frames[i], at, page.Size)
	}
	lower := tb.lower[i].Peek()
	switch {
	case !entry.Present(): // none, or the migration entry of a huge page
		if entry.None() && lower != nil {
			return fmt.Errorf("a %v table is left behind it", lower.level)
		}
		return nil
	case lower == nil || lower.level != tb.level-1:
		return fmt.Errorf("no table of the next level behind it")
	case entry.Huge():
		return tb.checkHuge(vmas, lower, entry, at)
	case entry.PFN() != lower.pfn:
		return fmt.Errorf("the table behind it has pfn %d", lower.pfn)
	}
	return lower.check(vmas, at)
}

// checkHuge checks an entry that maps a huge page at address at, and the frames in the
// deposited table.
func (tb *Table) checkHuge(vmas VMAs, deposit *Table, entry Entry, at uint64) error {
	if tb.level != PMD {
		return fmt.Errorf("a huge page of that size is not modelled")
	}
	if first := deposit.frames[0]; first == nil || first.PFN() != entry.PFN() {
		return fmt.Errorf("its frame number is not that of its first frame, %v", first)
	}
	for j, f := range deposit.frames {
		if f == nil || !deposit.Peek(j).None() {
			return fmt.Errorf("deposited entry %d has no frame, or is not none", j)
		}
		if err := checkMapping(vmas, Make(f.PFN(), entry.Bits()), f, at, PMDSize); err != nil {
			return fmt.Errorf("small page %d: %w", j, err)
		}
	}
	return nil
}

// checkMapping checks that the entry matches its frame, and that the VMAs permit it for
// the size bytes at addr.
func checkMapping(vmas VMAs, entry Entry, f *page.Frame, addr, size uint64) error {
	if !entry.Present() { // none, or a swap entry
		if f != nil {
			return fmt.Errorf("frame %d is left behind it", f.PFN())
		}
		return nil
	}
	switch {
	case f == nil || f.PFN() != entry.PFN():
		return fmt.Errorf("its frame has another number, or is missing")
	case f.Refs() == 0:
		return fmt.Errorf("the frame is free")
	case f.IsZero() != entry.Special():
		return fmt.Errorf("only an entry of the zero page is special, and it must be")
	case f.IsZero() && entry.Write():
		return fmt.Errorf("the zero page is writable")
	}
	return vmas.Permits(entry, f, addr, size)
}

// EachFrame calls fn for every frame that the table and those below it map, once for each
// entry that maps it, except for the zero page. A huge page is 512 frames.
func (tb *Table) EachFrame(fn func(f *page.Frame)) {
	if tb.level == PTE {
		for _, f := range tb.frames {
			if f != nil && !f.IsZero() {
				fn(f)
			}
		}
		return
	}
	for i := range tb.lower {
		// For a huge page this is the deposited table, which has the frames.
		if lower := tb.lower[i].Peek(); lower != nil {
			lower.EachFrame(fn)
		}
	}
}
