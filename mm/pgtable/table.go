package pgtable

import (
	"unsafe"

	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// lockClass is the class of the locks that protect page tables: the tables' own locks and
// the page_table_lock of each address space.
var lockClass = &sim.LockClass{Name: "page_table_lock", Rank: lockorder.PageTable}

// Table is a page-table page. The fields without a comment are immutable while the table
// is in use.
type Table struct {
	level Level
	pfn   uint64
	lock  sim.SpinLock // protects the entries of a PTE or PMD table
	// entries are stored under lock, or under page_table_lock in a PUD or PGD table, and
	// read without it.
	entries [Entries]sim.Word
	// lower are the tables that the entries point to; nil in a PTE table. Where the entry
	// maps a huge page it is the PTE table deposited for a split; its frames are those of
	// the huge page. Protected like the entries.
	lower *[Entries]sim.Ref[Table]
	// frames are the frames that the entries map; nil above the PTE level. Protected by
	// lock; in a deposited table, by that of the PMD table.
	frames *[Entries]*page.Frame
	// used is the number of entries that are not none. Protected like the entries.
	used sim.Word
	// space is the name of the address space and start the first address covered, for
	// traces.
	space string
	start uint64
	// dead is set when the table is freed. Reading an entry is a use after free from then
	// on.
	dead bool
}

// InitLock initializes a lock that protects page tables.
func InitLock(lock *sim.SpinLock) {
	lock.Init(lockClass)
	lock.Guards(func(*sim.Summary) {}) // the state is in words and Refs, which summaries have
}

// MoveEntry returns the offset in bytes, from the beginning of a Table, of the entry
// whose index is index(i), given the offset of entry i. An offset outside the entries is
// returned unchanged. An explorer needs it to compare states that differ only in
// addresses.
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

// Lock takes the table's own lock: pte_offset_map_lock, pmd_lock.
func (tb *Table) Lock(t *sim.Task) { tb.lock.Lock(t) }

// LockNested takes the table's own lock in a task that already holds the lock of another
// table.
func (tb *Table) LockNested(t *sim.Task) { tb.lock.LockNested(t) }

// Unlock releases the table's own lock.
func (tb *Table) Unlock(t *sim.Task) { tb.lock.Unlock(t) }

// Peek reads an entry without a visible step: see [sim.Word.Peek].
func (tb *Table) Peek(i int) Entry { return Entry(tb.entries[i].Peek()) }

// PeekHeld reads an entry under the lock that protects it: see [sim.Word.PeekHeld].
func (tb *Table) PeekHeld(t *sim.Task, i int) Entry { return Entry(tb.entries[i].PeekHeld(t)) }

// Load reads an entry without a lock, as a visible step: READ_ONCE. It panics with a
// [*sim.Bug] if the table was freed.
func (tb *Table) Load(t *sim.Task, i int) Entry {
	entry := Entry(tb.entries[i].Load(t))
	if tb.dead {
		panic(&sim.Bug{Kind: sim.BugUseAfterFree, Where: tableNames[tb.level], What: "read after it was freed", Task: t.Name()})
	}
	return entry
}

// Empty reports whether all entries are none. The lock that protects the entries must be
// held.
func (tb *Table) Empty(t *sim.Task) bool { return tb.used.PeekHeld(t) == 0 }

// Lower returns the table that entry i points to, or nil if the entry is none, huge or
// not present. It reads the entry without a visible step.
func (tb *Table) Lower(t *sim.Task, i int) *Table { return tb.below(tb.PeekHeld(t, i), i) }

// Child is Lower for observers.
func (tb *Table) Child(i int) *Table { return tb.below(tb.Peek(i), i) }

// below returns the table that entry i, whose value is given, points to.
func (tb *Table) below(entry Entry, i int) *Table {
	if !entry.Present() || entry.Huge() {
		return nil
	}
	return tb.lower[i].Peek()
}

// Behind returns the table that entry i points to, or the deposited table if the entry
// maps a huge page.
func (tb *Table) Behind(i int) *Table { return tb.lower[i].Peek() }

// Frame returns the frame that entry i of a PTE table maps. The table's lock must be
// held.
func (tb *Table) Frame(i int) *page.Frame { return tb.frames[i] }

// Frames returns the frames of a deposited table, which are those of the huge page. The
// lock of the PMD table must be held.
func (tb *Table) Frames() *[Entries]*page.Frame { return tb.frames }

// Set stores an entry and updates the count of used ones: set_pte_at. The lock that
// protects the entries must be held.
func (tb *Table) Set(t *sim.Task, i int, entry Entry) {
	old := tb.PeekHeld(t, i)
	if f := tb.mutable(i); f != nil {
		f.LockBytes(t)
		tb.store(t, i, entry)
		f.UnlockBytes(t)
	} else {
		tb.store(t, i, entry)
	}
	tb.traceEntry(t, i, entry)
	switch {
	case old == 0 && entry != 0:
		tb.used.AddHeld(t, 1)
	case old != 0 && entry == 0:
		tb.used.AddHeld(t, ^uint64(0))
	}
}

// mutable returns the frame of entry i if it is mutable, else nil: see
// [page.Frame.Mutable].
func (tb *Table) mutable(i int) *page.Frame {
	if tb.level == PTE && tb.frames[i] != nil && tb.frames[i].Mutable() {
		return tb.frames[i]
	}
	return nil
}

// store stores an entry. The state that an explorer compares gets the entry's bits and
// the page's bytes, but not the frame number, which differs from run to run.
func (tb *Table) store(t *sim.Task, i int, entry Entry) {
	switch {
	case entry == 0: // ptep_get_and_clear is an xchg; the page may be freed right after it
		tb.entries[i].StoreAtOnce(t, 0)
		return
	case !t.Controlled():
		tb.entries[i].Store(t, uint64(entry))
		return
	}
	tb.entries[i].StoreHandle(t, uint64(entry), tb.meaning(i, entry))
}

// meaning returns the function that sums up what entry i refers to, nil if none exists.
func (tb *Table) meaning(i int, entry Entry) func(s *sim.Summary) {
	var f *page.Frame
	switch {
	case tb.level > PTE && !entry.Huge():
	case tb.level == PTE && tb.frames[i] != nil:
		f = tb.frames[i]
	default:
		return nil
	}
	return func(s *sim.Summary) {
		s.Add(uint64(entry.Bits()))
		if f != nil {
			f.SumUp(s) // includes what user mode has stored there so far
		}
	}
}

// Share prepares the frame that entry i of a PTE table maps for a second reference: see
// [page.Share]. owner is the address space that gets the reference. The table's lock must
// be held.
func Share[O any](t *sim.Task, tb *Table, i int, owner *O) {
	page.Share(t, owner, tb.start+uint64(i)*page.Size, tb.frames[i])
	tb.entries[i].SetMeaning(t, tb.meaning(i, tb.Peek(i)))
}

// Map stores entry i of a PTE table, which maps the frame. The reference to the frame
// passes to the entry. The table's lock must be held.
func (tb *Table) Map(t *sim.Task, i int, f *page.Frame, entry Entry) {
	tb.frames[i] = f // before the entry, which the hardware may follow at once
	tb.Set(t, i, entry)
}

// Clear clears entry i of a PTE table and returns the frame that it mapped, nil if none:
// ptep_get_and_clear. The reference to the frame passes to the caller. The table's lock
// must be held.
func (tb *Table) Clear(t *sim.Task, i int) *page.Frame {
	tb.Set(t, i, 0) // first, so that the hardware cannot follow it to a freed frame
	f := tb.frames[i]
	tb.frames[i] = nil
	return f
}

// Unmap clears entry i of a PTE table and drops the reference to the frame that it
// mapped. The table's lock must be held.
func (tb *Table) Unmap(t *sim.Task, i int) {
	special := tb.PeekHeld(t, i).Special()
	if f := tb.Clear(t, i); f != nil && !special {
		f.Put(t)
	}
}
