package pgtable

import (
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// Pool allocates tables and keeps recycled ones for reuse. The free lists have their own
// locks.
type Pool struct {
	frames *page.Memory    // numbers the tables; immutable after Init
	pte    sim.Pool[Table] // free PTE tables
	upper  sim.Pool[Table] // free tables of the other levels
}

// Init initializes the pool. Its tables get page frame numbers of the memory.
func (p *Pool) Init(frames *page.Memory) { p.frames = frames }

// New returns an empty table of the level for the addresses around addr: pte_alloc_one,
// pmd_alloc_one, pud_alloc_one. space is the name of the address space in traces.
func (p *Pool) New(l Level, space string, addr uint64) *Table {
	start := addr &^ (l.Span()*Entries - 1)
	pfn := p.frames.Number(1)
	if tb := p.of(l).Get(); tb != nil {
		tb.level, tb.pfn, tb.dead = l, pfn, false
		tb.space, tb.start = space, start
		return tb
	}
	tb := &Table{level: l, pfn: pfn, space: space, start: start}
	InitLock(&tb.lock)
	if l == PTE {
		tb.frames = new([Entries]*page.Frame)
	} else {
		tb.lower = new([Entries]sim.Ref[Table])
	}
	return tb
}

// Label labels the table for a controlled executor: see [sim.LabelOf]. owner is the
// address space, which must have a label. A child's tables thus differ from those of its
// parent, which cover the same addresses.
func Label[O any](t *sim.Task, tb *Table, owner *O) {
	sim.LabelOf(t, tb, owner, tableNames[tb.level], tb.start)
}

// LabelIn is [Label] for a table created before the first task.
func LabelIn[O any](c *sim.Controlled, tb *Table, owner *O) {
	sim.LabelOfIn(c, tb, owner, tableNames[tb.level], tb.start)
}

// Recycle puts a top table and all tables and frames below it back into their pools,
// without the visible steps of tearing down the address space. No task may use the
// address space.
func (p *Pool) Recycle(tb *Table) {
	for i := 0; tb.used.Peek() > 0 && i < Entries; i++ {
		entry := tb.Peek(i)
		if entry.None() {
			continue
		}
		switch {
		case entry.Huge() && tb.level > PTE:
			return // the frames of a huge page are one allocation: leave all to the collector
		case tb.level > PTE:
			p.Recycle(tb.lower[i].Peek())
			tb.lower[i].Init(nil)
		case tb.frames[i] != nil:
			if !entry.Special() {
				tb.frames[i].Drop()
			}
		}
		tb.entries[i].Init(0)
		tb.used.Tick(^uint64(0))
	}
	if tb.used.Peek() == 0 {
		// An abandoned run may have stopped with the lock held and an entry half stored.
		tb.lock = sim.SpinLock{}
		InitLock(&tb.lock)
		if tb.frames != nil {
			clear(tb.frames[:])
		} else {
			*tb.lower = [Entries]sim.Ref[Table]{}
		}
		p.of(tb.level).Put(tb)
	}
}

// of returns the free list for tables of the level.
func (p *Pool) of(l Level) *sim.Pool[Table] {
	if l == PTE {
		return &p.pte
	}
	return &p.upper
}

// Populate makes entry i point to an empty table of the level below: pmd_populate,
// pud_populate. The lock that protects the table's entries must be held.
func (tb *Table) Populate(t *sim.Task, i int, lower *Table) {
	tb.lower[i].Init(lower) // before the entry's store, which publishes the lower table
	tb.Set(t, i, Make(lower.pfn, tableBits))
}

// FreeRange frees every table below tb that covers a part of [start, last], lies within
// [floor, ceiling) and is empty: free_pgd_range. page_table_lock must be held.
func (tb *Table) FreeRange(t *sim.Task, start, last, floor, ceiling uint64) {
	span := tb.level.Span()
	for i, at := tb.level.Index(start), start&^(span-1); i <= tb.level.Index(last); i, at = i+1, at+span {
		lower := tb.Lower(t, i)
		if lower == nil {
			continue
		}
		if lower.level > PTE {
			lower.FreeRange(t, max(start, at), min(last, at+span-1), floor, ceiling)
		}
		if at < floor || at+span > ceiling || !lower.Empty(t) {
			continue
		}
		tb.Set(t, i, 0)
		tb.lower[i].Init(nil)
		lower.dead = true
		sim.Kfree(t, lower)
		if t.Tracing() {
			t.Emit(sim.Event{Kind: "table_free", Object: lower.level.String(), Args: []sim.Arg{{Key: "address", Value: at}}})
		}
	}
}
