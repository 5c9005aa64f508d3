package pgtable

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// Translate walks the tables as the processor does and makes an access to one page: it
// copies between buf and the page's bytes if the entry allows it, and reports false if
// the access needs a page fault first. tb is the top table; [addr, addr+len(buf)) must
// lie in one page. It takes no kernel lock.
//
// Walk and access are one visible step, on the lowest entry found. The entries above need
// no step of their own: the entries of a table are cleared before the table is freed.
func (tb *Table) Translate(t *sim.Task, addr uint64, buf []byte, write bool) bool {
	i, top := PGD.Index(addr), tb
	for tb.level > PTE {
		lower := tb.Lower(t, i) // read once: without mmap_lock the table may be freed meanwhile
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
		return false // another task has stored a table since; the fault will find it
	}
	f := frames[PTE.Index(addr)]
	if !f.Mutable() {
		f.Access(t, addr, buf, write)
		return true
	}
	f.LockBytes(t)
	defer f.UnlockBytes(t)
	if !tb.stillAllows(t, i, f, write) {
		return top.Translate(t, addr, buf, write)
	}
	f.Access(t, addr, buf, write)
	return true
}

// stillAllows reports whether entry i still maps the frame and allows the access. The
// frame's bytes must be locked.
func (tb *Table) stillAllows(t *sim.Task, i int, f *page.Frame, write bool) bool {
	return tb.entries[i].PeekFor(t, func(v uint64) bool { return tb.frames[i] == f && Entry(v).Allows(write) })
}

// PMDTable returns the PMD table that covers addr, nil if none: pgd_offset, pud_offset
// and pmd_offset. tb is the top table. mmap_lock must be held, so that the table is not
// freed.
//
// The levels above are read without a visible step. While mmap_lock is held a table can
// be added but not freed, and a caller that finds none takes the lock and looks again.
func (tb *Table) PMDTable(t *sim.Task, addr uint64) *Table {
	pud := tb.Lower(t, PGD.Index(addr))
	if pud == nil {
		return nil
	}
	return pud.Lower(t, PUD.Index(addr))
}

// PTETable returns the PTE table that covers addr, nil if none: pte_offset_map. tb is the
// top table. mmap_lock must be held.
func (tb *Table) PTETable(t *sim.Task, addr uint64) *Table {
	pmd := tb.PMDTable(t, addr)
	if pmd == nil {
		return nil
	}
	return pmd.Lower(t, PMD.Index(addr))
}

// EachPMD calls fn for every entry of a PMD table that is not none and covers a part of
// [start, end): walk_page_range. fn gets the table, the entry's index and the part. tb is
// the top table. mmap_lock must be held.
func (tb *Table) EachPMD(t *sim.Task, start, end uint64, fn func(pmd *Table, i int, start, end uint64)) {
	for start < end {
		pud := tb.Lower(t, PGD.Index(start))
		if pud == nil {
			start = PGD.Next(start)
			continue
		}
		pmd := pud.Lower(t, PUD.Index(start))
		if pmd == nil {
			start = PUD.Next(start)
			continue
		}
		stop := min(end, PMD.Next(start))
		if i := PMD.Index(start); !pmd.PeekHeld(t, i).None() {
			fn(pmd, i, start, stop)
		}
		start = stop
	}
}

// WalkLevel is an entry on the way from the top table to a page.
type WalkLevel struct {
	Level string // "pgd", "pud", "pmd" or "pte"
	Index int    // of the entry in its table
	Entry Entry
}

// String returns a line of a walk: "pte[1]	pfn=3 present,user,...".
func (l WalkLevel) String() string {
	return fmt.Sprintf("%s[%d]\t%v", l.Level, l.Index, l.Entry)
}

// Huge reports whether the entry maps a huge page.
func (l WalkLevel) Huge() bool { return l.Entry.Huge() }

// Walk follows the tables from the top to the entry that maps addr, or to the first entry
// that is not present, and returns the entries on the way. It is for observers: it takes
// no lock and is no visible step.
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

// FrameAt returns the frame that maps addr, nil if no page is present there. It is for
// observers, as Walk is.
func (tb *Table) FrameAt(addr uint64) *page.Frame {
	for tb.level > PTE {
		i := tb.level.Index(addr)
		switch entry := tb.Peek(i); {
		case entry.None():
			return nil
		case entry.Huge():
			return tb.Behind(i).Frame(PTE.Index(addr))
		}
		tb = tb.Child(i)
	}
	if i := PTE.Index(addr); !tb.Peek(i).None() {
		return tb.Frame(i)
	}
	return nil
}
