package pgtable

import (
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// Pool makes tables and keeps those that are no longer needed.
type Pool struct {
	frames *page.Memory // that numbers the tables, too
	pte    sim.Pool[Table]
	upper  sim.Pool[Table] // tables of the other levels
}

// Init makes a pool ready whose tables are pages of the memory.
func (p *Pool) Init(frames *page.Memory) { p.frames = frames }

// New returns an empty table of the level for the part of the address space around addr. space
// is the address space's name in traces.
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

// Label names a table for a controlled executor: see [sim.Label].
func (tb *Table) Label(t *sim.Task) {
	sim.Label(t, tb, tableNames[tb.level], tb.start|uint64(tb.level))
}

// LabelIn names the top table of address space n: see [sim.LabelIn].
func (tb *Table) LabelIn(c *sim.Controlled, n uint64) {
	sim.LabelIn(c, tb, tableNames[tb.level], n)
}

// Recycle keeps a top table for reuse, and all tables and frames below it, without the steps
// of tearing the address space down. No task may exist that uses the address space.
func (p *Pool) Recycle(tb *Table) {
	for i := 0; tb.used > 0 && i < Entries; i++ {
		entry := tb.Peek(i)
		if entry.None() {
			continue
		}
		switch {
		case entry.Huge() && tb.level > PTE:
			return // its frames come as one, and so do its tables
		case tb.level > PTE:
			p.Recycle(tb.lower[i].Peek())
			tb.lower[i].Init(nil)
		case tb.frames[i] != nil:
			if !entry.Special() {
				tb.frames[i].Put()
			}
		}
		tb.entries[i].Init(0)
		tb.used--
	}
	if tb.used == 0 {
		// A run that was abandoned may have held the lock, with an entry half made.
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

// of returns the pool of free tables of the level.
func (p *Pool) of(l Level) *sim.Pool[Table] {
	if l == PTE {
		return &p.pte
	}
	return &p.upper
}

// Populate points entry i to an empty table of the level below: pmd_populate, pud_populate.
// The lock that guards the entries must be held.
func (tb *Table) Populate(t *sim.Task, i int, lower *Table) {
	tb.lower[i].Init(lower) // the entry's store publishes it
	tb.Set(t, i, Make(lower.pfn, tableBits))
}

// FreeRange frees the tables below tb that cover a part of [start, last], neither floor nor
// ceiling, and map nothing: free_pgd_range. page_table_lock must be held.
func (tb *Table) FreeRange(t *sim.Task, start, last, floor, ceiling uint64) {
	span := tb.level.Span()
	for i, at := tb.level.Index(start), start&^(span-1); i <= tb.level.Index(last); i, at = i+1, at+span {
		lower := tb.Child(i)
		if lower == nil {
			continue
		}
		if lower.level > PTE {
			lower.FreeRange(t, max(start, at), min(last, at+span-1), floor, ceiling)
		}
		if at < floor || at+span > ceiling || !lower.Empty() {
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
