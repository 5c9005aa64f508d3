package mm

import (
	"unsafe"

	"github.com/uffdsim/uffdsim/sim"
)

// level says what a table's entries map.
type level uint8

const (
	levelPTE level = iota // an entry maps a page
	levelPMD              // an entry points to a PTE table, or maps a huge page
	levelPUD
	levelPGD
)

// String is the kernel's name for an entry of the level.
func (l level) String() string { return [...]string{"pte", "pmd", "pud", "pgd"}[l] }

// tableNames are those of the tables, put together beforehand.
var tableNames = [...]string{"pte table", "pmd table", "pud table", "pgd table"}

// shift is the log2 of the bytes that one entry of the level covers.
func (l level) shift() uint { return PageShift + 9*uint(l) }

// span is the number of bytes that one entry of the level covers.
func (l level) span() uint64 { return 1 << l.shift() }

// index is the place of addr's entry in a table of the level.
func (l level) index(addr uint64) int { return int(addr>>l.shift()) & (tableEntries - 1) }

const tableEntries = 512

// The bits of an entry, as x86-64 has them. An entry is none (zero), present, or
// neither: a swap or migration entry.
const (
	entryPresent  = 1 << 0
	entryRW       = 1 << 1
	entryUser     = 1 << 2
	entryAccessed = 1 << 5
	entryDirty    = 1 << 6
	entryHuge     = 1 << 7 // in a pmd: it maps 2 MiB
	entrySpecial  = 1 << 9 // the zero page: no reference is counted

	entryTable = entryPresent | entryRW | entryUser | entryAccessed | entryDirty
)

// table is a page-table page. Entries are read by anyone, at any time, without a
// lock; they are stored under lock (PGD and PUD: under the MM's pageTableLock).
type table struct {
	level   level
	pfn     uint64
	lock    sim.SpinLock
	entries [tableEntries]sim.Word
	// lower is what the entries above the PTE level point to. Behind a huge pmd it is
	// the PTE table deposited for the day when the huge page is split; its frames are
	// the huge page's own.
	lower *[tableEntries]sim.Ref[table]
	// frames are what the entries of a PTE table map. Guarded by lock.
	frames *[tableEntries]*Frame
	// used counts the entries that are not none. Guarded like the entries.
	used int
	// mm and start say what it covers, in traces.
	mm    *MM
	start uint64
	// dead is set when the page is freed. Nobody may look at it from then on.
	dead bool
}

func newTable(l level, mm *MM, start uint64) *table {
	pfn := mm.memory.number(1)
	if tb := mm.memory.tablesOf(l).Get(); tb != nil {
		tb.level, tb.pfn, tb.dead = l, pfn, false
		tb.mm, tb.start = mm, start
		return tb
	}
	tb := &table{level: l, pfn: pfn, mm: mm, start: start}
	tb.initLock()
	if l == levelPTE {
		tb.frames = new([tableEntries]*Frame)
	} else {
		tb.lower = new([tableEntries]sim.Ref[table])
	}
	return tb
}

func (tb *table) initLock() {
	tb.lock.Init(PageTableLockClass)
	tb.lock.Guards(func(*sim.Summary) {}) // all of it is in the entries
}

// newTable returns an empty table for the part of the address space around addr.
func (mm *MM) newTable(t *sim.Task, l level, addr uint64) *table {
	start := addr &^ (l.span()*tableEntries - 1)
	tb := newTable(l, mm, start)
	sim.Label(t, tb, tableNames[l], start|uint64(l))
	return tb
}

// MoveEntry is the place that an entry of a table would have, in bytes from the table's
// beginning, if its index were another. Other places in a table stay as they are.
func MoveEntry(offset uintptr, index func(i int) int) uintptr {
	const begin, size = unsafe.Offsetof(table{}.entries), unsafe.Sizeof(sim.Word{})
	if offset < begin || offset >= begin+tableEntries*size {
		return offset
	}
	i := index(int((offset - begin) / size))
	return begin + uintptr(i)*size + (offset-begin)%size
}

// load reads an entry as the kernel's lockless walks do.
func (tb *table) load(t *sim.Task, i int) uint64 {
	entry := tb.entries[i].Load(t)
	if tb.dead {
		panic(&sim.Bug{Kind: sim.BugUseAfterFree, Where: tableNames[tb.level], What: "read after it was freed", Task: t.Name()})
	}
	return entry
}

// set stores an entry and keeps count of those in use. The lock that guards the
// table's entries must be held.
func (tb *table) set(t *sim.Task, i int, entry uint64) {
	old := tb.entries[i].Peek()
	tb.store(t, i, entry)
	tb.traceEntry(t, i, entry)
	switch {
	case old == 0 && entry != 0:
		tb.used++
	case old != 0 && entry == 0:
		tb.used--
	}
}

// store stores an entry. The number of a frame or table in it differs from run to run:
// what counts is the rights, and what is in the page.
func (tb *table) store(t *sim.Task, i int, entry uint64) {
	switch {
	case entry == 0: // ptep_get_and_clear is an xchg: what the entry maps may go away right behind it
		tb.entries[i].StoreAtOnce(t, 0)
		return
	case !t.Controlled():
		tb.entries[i].Store(t, entry)
		return
	}
	var page *Frame
	switch {
	case tb.level > levelPTE && entry&entryHuge == 0:
	case tb.level == levelPTE && tb.frames[i] != nil && !tb.frames[i].shared():
		page = tb.frames[i]
	default:
		tb.entries[i].StoreHandle(t, entry, nil)
		return
	}
	tb.entries[i].StoreHandle(t, entry, func(s *sim.Summary) {
		s.Add(entry & (PageSize - 1))
		if page != nil {
			s.Add(page.sum()) // with what user mode has stored there until now
		}
	})
}

// child is the table that entry i points to, nil if it points to none (it is none,
// huge or not present).
func (tb *table) child(i int) *table {
	entry := tb.entries[i].Peek()
	if entry&entryPresent == 0 || entry&entryHuge != 0 {
		return nil
	}
	return tb.lower[i].Peek()
}

// pmdTable returns the PMD table that covers addr, nil if there is none. mmap_lock
// must be held, so that the table stays.
//
// The levels above are read without a visible step: while mmap_lock is held a table
// may appear but never goes, and whoever finds none takes a lock and looks again.
func (mm *MM) pmdTable(addr uint64) *table {
	pud := mm.pgd.child(levelPGD.index(addr))
	if pud == nil {
		return nil
	}
	return pud.child(levelPUD.index(addr))
}

// pteTable returns the PTE table that covers addr, nil if there is none. mmap_lock
// must be held.
func (mm *MM) pteTable(addr uint64) *table {
	pmd := mm.pmdTable(addr)
	if pmd == nil {
		return nil
	}
	return pmd.child(levelPMD.index(addr))
}

// pmdAlloc is pmdTable, with the missing levels allocated: pud_alloc and pmd_alloc.
// Nil says that an allocation failed.
func (mm *MM) pmdAlloc(t *sim.Task, addr uint64) *table {
	if pmd := mm.pmdTable(addr); pmd != nil {
		return pmd
	}
	if t.ShouldFail("pmd_alloc") {
		return nil
	}
	mm.pageTableLock.Lock(t)
	tb := mm.pgd
	for tb.level > levelPMD {
		i := tb.level.index(addr)
		if tb.child(i) == nil {
			mm.install(t, tb, i, addr)
		}
		tb = tb.child(i)
	}
	mm.pageTableLock.Unlock(t)
	return tb
}

// install points the entry that covers addr to a new table.
func (mm *MM) install(t *sim.Task, tb *table, i int, addr uint64) {
	lower := mm.newTable(t, tb.level-1, addr)
	tb.lower[i].Init(lower) // the entry's store publishes it
	tb.set(t, i, lower.pfn<<PageShift|entryTable)
}

// pteAlloc is the PTE table that covers addr, below the table that pmdAlloc has returned, and
// allocated if need be: pte_alloc_map. It returns nil with huge set if a huge page maps the
// address, and nil without if this allocation failed, or that.
func (mm *MM) pteAlloc(t *sim.Task, pmd *table, addr uint64) (pte *table, huge bool) {
	if pmd == nil {
		return nil, false
	}
	i := levelPMD.index(addr)
	if pmd.entries[i].Peek() == 0 {
		if t.ShouldFail("pte_alloc") {
			return nil, false
		}
		pmd.lock.Lock(t)
		if pmd.entries[i].Peek() == 0 { // nobody was faster
			mm.install(t, pmd, i, addr)
		}
		pmd.lock.Unlock(t)
	}
	pte = pmd.child(i)
	return pte, pte == nil
}

// setPTE maps the frame, whose reference passes to the entry, with no more rights than
// the VMA has: COPY fills one without any, too. The table's lock must be held.
func (tb *table) setPTE(t *sim.Task, vma *VMA, i int, f *Frame, bits uint64) {
	entry := protect(f.pfn<<PageShift|entryPresent|entryAccessed|bits, vma.Flags)
	tb.frames[i] = f // before the entry is there for the hardware to follow
	tb.set(t, i, entry)
}

// clearPTE unmaps what entry i maps and drops the reference. The table's lock must
// be held.
func (tb *table) clearPTE(t *sim.Task, i int) {
	entry := tb.entries[i].Peek()
	tb.set(t, i, 0) // first, so that the hardware cannot follow it to a freed frame
	if f := tb.frames[i]; f != nil {
		tb.frames[i] = nil
		if entry&entrySpecial == 0 {
			f.put()
		}
	}
}
