package mm

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// WalkLevel is one level of a page-table walk.
type WalkLevel struct {
	Level string // "pgd", "pud", "pmd" or "pte"
	Index int    // of the entry in its table
	Entry uint64 // its bits
}

// String is the level as a walk prints it: "pte[1]   0x3067 present,user,...".
func (l WalkLevel) String() string {
	return fmt.Sprintf("%s[%d]\t%s", l.Level, l.Index, EntryString(l.Entry))
}

// Huge reports whether the entry maps a huge page.
func (l WalkLevel) Huge() bool { return l.Entry&entryHuge != 0 }

// PageWalk follows the page table to the entry that maps addr, or to the first one
// that is not present, and returns what it met on the way. It is a view: it takes no
// lock and no visible step.
func (mm *MM) PageWalk(addr uint64) []WalkLevel {
	var walk []WalkLevel
	for tb := mm.pgd; tb != nil; {
		i := tb.level.index(addr)
		walk = append(walk, WalkLevel{tb.level.String(), i, tb.entries[i].Peek()})
		if tb.level == levelPTE {
			break
		}
		tb = tb.child(i)
	}
	return walk
}

// EntryString spells an entry's frame number and bits: "pfn=2 present,rw,user".
func EntryString(entry uint64) string {
	if entry == 0 {
		return "none"
	}
	var bits []string
	for _, b := range []struct {
		bit  uint64
		name string
	}{
		{entryPresent, "present"}, {entryRW, "rw"}, {entryUser, "user"}, {entryAccessed, "accessed"},
		{entryDirty, "dirty"}, {entryHuge, "huge"}, {entrySpecial, "zero-page"},
	} {
		if entry&b.bit != 0 {
			bits = append(bits, b.name)
		}
	}
	return fmt.Sprintf("pfn=%d %s", entry>>PageShift, strings.Join(bits, ","))
}

// UserfaultfdMustWait reports whether a fault at addr still has to wait: whether the
// page table has no page for it. It reads the entries without locks, each level
// once, and mmap_lock must be held so that none of the tables goes away meanwhile.
// It recreates the walk of userfaultfd_must_wait (MW-1 to MW-6), which lives here
// because page tables do.
func (mm *MM) UserfaultfdMustWait(t *sim.Task, addr uint64) bool {
	tb := mm.pgd
	for tb.level > levelPMD {
		i := tb.level.index(addr)
		if tb.load(t, i)&entryPresent == 0 {
			return true // MW-1
		}
		tb = tb.lower[i].Peek()
	}
	i := levelPMD.index(addr)
	// Read once: a huge pmd may come and go, and what is decided here must all be
	// decided on one value (MW-5).
	pmd := tb.load(t, i)
	if pmd&entryPresent == 0 {
		return true
	}
	if pmd&entryHuge != 0 {
		return false // MW-2
	}
	// Any entry that is not none, a swap or migration entry too, has a page behind it,
	// and the retried fault will find it (MW-3, MW-4).
	return tb.lower[i].Peek().load(t, levelPTE.index(addr)) == 0
}
