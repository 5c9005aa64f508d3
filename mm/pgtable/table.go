package pgtable

import (
	"unsafe"

	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// LockClass is the class of the locks that guard tables: those of the tables themselves, and
// page_table_lock of an address space.
var LockClass = &sim.LockClass{Name: "page_table_lock", Rank: lockorder.PageTable}

// Table is a page-table page.
type Table struct {
	level   Level
	pfn     uint64
	lock    sim.SpinLock
	entries [Entries]sim.Word
	// lower is what the entries above the PTE level point to. Behind a huge pmd it is
	// the PTE table deposited for the split of the huge page; its frames are the huge
	// page's own. Guarded like the entries.
	lower *[Entries]sim.Ref[Table]
	// frames are what the entries of a PTE table map. Guarded by lock.
	frames *[Entries]*page.Frame
	// used counts the entries that are not none. Guarded like the entries.
	used int
	// space and start say what it covers, in traces.
	space string
	start uint64
	// dead is set when the page is freed. Nothing may read it from then on.
	dead bool
}

// InitLock makes a lock ready that guards tables.
func InitLock(lock *sim.SpinLock) {
	lock.Init(LockClass)
	lock.Guards(func(*sim.Summary) {}) // all of it is in entries and Refs
}

// MoveEntry is the place that an entry of a table would have, in bytes from the table's
// beginning, if its index were another. Other places in a table stay as they are.
func MoveEntry(offset uintptr, index func(i int) int) uintptr {
	const begin, size = unsafe.Offsetof(Table{}.entries), unsafe.Sizeof(sim.Word{})
	if offset < begin || offset >= begin+Entries*size {
		return offset
	}
	i := index(int((offset - begin) / size))
	return begin + uintptr(i)*size + (offset-begin)%size
}

// Level returns the table's level.
func (tb *Table) Level() Level { return tb.level }

// Lock takes the table's own lock: pte_lockptr, pmd_lockptr.
func (tb *Table) Lock(t *sim.Task) { tb.lock.Lock(t) }

// LockNested is Lock for a task that holds the lock of another table.
func (tb *Table) LockNested(t *sim.Task) { tb.lock.LockNested(t) }

// Unlock releases the table's own lock.
func (tb *Table) Unlock(t *sim.Task) { tb.lock.Unlock(t) }

// Peek reads an entry without a visible step: see [sim.Word.Peek].
func (tb *Table) Peek(i int) Entry { return Entry(tb.entries[i].Peek()) }

// PeekHeld reads an entry with the lock held that guards it: see [sim.Word.PeekHeld].
func (tb *Table) PeekHeld(t *sim.Task, i int) Entry { return Entry(tb.entries[i].PeekHeld(t)) }

// Load reads an entry as the kernel's lockless walks do.
func (tb *Table) Load(t *sim.Task, i int) Entry {
	entry := Entry(tb.entries[i].Load(t))
	if tb.dead {
		panic(&sim.Bug{Kind: sim.BugUseAfterFree, Where: tableNames[tb.level], What: "read after it was freed", Task: t.Name()})
	}
	return entry
}

// Empty reports whether all entries are none. The lock that guards the entries must be held.
func (tb *Table) Empty() bool { return tb.used == 0 }

// Child returns the table that entry i points to, nil if it points to none (it is none,
// huge or not present).
func (tb *Table) Child(i int) *Table {
	entry := tb.Peek(i)
	if !entry.Present() || entry.Huge() {
		return nil
	}
	return tb.lower[i].Peek()
}

// Behind returns the table behind entry i, also the one deposited behind a huge page.
func (tb *Table) Behind(i int) *Table { return tb.lower[i].Peek() }

// Frame returns the frame that entry i of a PTE table maps. The table's lock must be held.
func (tb *Table) Frame(i int) *page.Frame { return tb.frames[i] }

// Frames returns the frames of a table deposited behind a huge page.
func (tb *Table) Frames() *[Entries]*page.Frame { return tb.frames }

// Set stores an entry and keeps count of those in use: set_pte_at. The lock that guards
// the entries must be held.
func (tb *Table) Set(t *sim.Task, i int, entry Entry) {
	old := tb.Peek(i)
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
func (tb *Table) store(t *sim.Task, i int, entry Entry) {
	switch {
	case entry == 0: // ptep_get_and_clear is an xchg: what the entry maps may go away right behind it
		tb.entries[i].StoreAtOnce(t, 0)
		return
	case !t.Controlled():
		tb.entries[i].Store(t, uint64(entry))
		return
	}
	var f *page.Frame
	switch {
	case tb.level > PTE && !entry.Huge():
	case tb.level == PTE && tb.frames[i] != nil && !tb.frames[i].Shared():
		f = tb.frames[i]
	default:
		tb.entries[i].StoreHandle(t, uint64(entry), nil)
		return
	}
	tb.entries[i].StoreHandle(t, uint64(entry), func(s *sim.Summary) {
		s.Add(uint64(entry.Bits()))
		if f != nil {
			s.Add(f.Sum()) // with what user mode has stored there until now
		}
	})
}

// Map stores an entry of a PTE table that maps the frame, whose reference passes to the
// entry. The table's lock must be held.
func (tb *Table) Map(t *sim.Task, i int, f *page.Frame, entry Entry) {
	tb.frames[i] = f // before the entry is there for the hardware to follow
	tb.Set(t, i, entry)
}

// Clear makes entry i of a PTE table none and returns the frame that it mapped, whose
// reference passes to the caller: ptep_get_and_clear. The frame is nil if the entry mapped
// none. The table's lock must be held.
func (tb *Table) Clear(t *sim.Task, i int) *page.Frame {
	tb.Set(t, i, 0) // first, so that the hardware cannot follow it to a freed frame
	f := tb.frames[i]
	tb.frames[i] = nil
	return f
}

// Unmap makes entry i of a PTE table none and drops the reference to the frame that it
// mapped. The table's lock must be held.
func (tb *Table) Unmap(t *sim.Task, i int) {
	special := tb.Peek(i).Special()
	if f := tb.Clear(t, i); f != nil && !special {
		f.Put()
	}
}
