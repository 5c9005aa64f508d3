package pgtable

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// Translate is the processor's own walk for one page, followed by the access: it copies
// between buf and the page's bytes if the entry allows it, and reports false if there has
// to be a page fault first. tb is the top table; [addr, addr+len(buf)) must lie in one page.
// It takes no kernel lock.
//
// The whole is one visible step, on the lowest entry that there is: what the upper
// levels say can only change together with the entries below them, which are cleared
// before a table is freed.
func (tb *Table) Translate(t *sim.Task, addr uint64, buf []byte, write bool) bool {
	i := PGD.Index(addr)
	for tb.level > PTE {
		lower := tb.Child(i) // once: without mmap_lock it may be gone at the next look
		if lower == nil {
			break
		}
		tb, i = lower, lower.level.Index(addr)
	}
	tb.entries[i].Touch(t, write)
	tb.lock.Bare(t)
	defer tb.lock.EndBare(t)
	entry := Entry(tb.entries[i].Glance(t))
	if !entry.Allows(write) {
		return false
	}
	frames := tb.frames
	if entry.Huge() {
		frames = tb.lower[i].Peek().frames
	} else if tb.level > PTE {
		return false // a table has appeared since: the fault that follows finds it
	}
	frames[PTE.Index(addr)].Access(t, addr, buf, write)
	return true
}

// PMDTable returns the PMD table that covers addr, nil if there is none. tb is the top
// table. mmap_lock must be held, so that the table stays.
//
// The levels above are read without a visible step: while mmap_lock is held a table
// may appear but is never freed, and a caller that finds none takes a lock and looks again.
func (tb *Table) PMDTable(addr uint64) *Table {
	pud := tb.Child(PGD.Index(addr))
	if pud == nil {
		return nil
	}
	return pud.Child(PUD.Index(addr))
}

// PTETable returns the PTE table that covers addr, nil if there is none. tb is the top
// table. mmap_lock must be held.
func (tb *Table) PTETable(addr uint64) *Table {
	pmd := tb.PMDTable(addr)
	if pmd == nil {
		return nil
	}
	return pmd.Child(PMD.Index(addr))
}

// EachPMD calls fn for every pmd entry that is not none and maps part of [start, end), with
// the part: walk_page_range. tb is the top table. mmap_lock must be held.
func (tb *Table) EachPMD(start, end uint64, fn func(pmd *Table, i int, start, end uint64)) {
	for start < end {
		pud := tb.Child(PGD.Index(start))
		if pud == nil {
			start = PGD.Next(start)
			continue
		}
		pmd := pud.Child(PUD.Index(start))
		if pmd == nil {
			start = PUD.Next(start)
			continue
		}
		stop := min(end, PMD.Next(start))
		if i := PMD.Index(start); !pmd.Peek(i).None() {
			fn(pmd, i, start, stop)
		}
		start = stop
	}
}

// WalkLevel is one level of a walk.
type WalkLevel struct {
	Level string // "pgd", "pud", "pmd" or "pte"
	Index int    // of the entry in its table
	Entry Entry
}

// String returns the level as a walk prints it: "pte[1]	pfn=3 present,user,...".
func (l WalkLevel) String() string {
	return fmt.Sprintf("%s[%d]\t%v", l.Level, l.Index, l.Entry)
}

// Huge reports whether the entry maps a huge page.
func (l WalkLevel) Huge() bool { return l.Entry.Huge() }

// Walk follows the tables from the top table on to the entry that maps addr, or to the first
// one that is not present, and returns the entries on the way. It is a view: it takes no
// lock and no visible step.
func (tb *Table) Walk(addr uint64) []WalkLevel {
	var walk []WalkLevel
	for tb != nil {
		i := tb.level.Index(addr)
		walk = append(walk, WalkLevel{tb.level.String(), i, tb.Peek(i)})
		if tb.level == PTE {
			break
		}
		tb = tb.Child(i)
	}
	return walk
}
