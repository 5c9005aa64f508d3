package mm

import "github.com/uffdsim/uffdsim/sim"

// Restart makes the memory number its frames from the start again, so that what happens
// on it next happens as on new memory. No frame of it may be in use.
func (m *Memory) Restart() { m.pfn.Init(m.zero.pfn) }

// Recycle gives the page tables and frames of the address space back to the machine's
// memory without the steps of tearing it down. It is for the memory of machines whose run
// is over, so that the next one need not allocate it again: no task may exist that uses the
// address space.
func (mm *MM) Recycle() { mm.memory.recycle(mm.pgd) }

func (m *Memory) recycle(tb *table) {
	for i := 0; tb.used > 0 && i < tableEntries; i++ {
		entry := tb.entries[i].Peek()
		if entry == 0 {
			continue
		}
		switch {
		case entry&entryHuge != 0 && tb.level > levelPTE:
			return // its frames come as one, and so do its tables
		case tb.level > levelPTE:
			m.recycle(tb.lower[i].Peek())
			tb.lower[i].Init(nil)
		case tb.frames[i] != nil:
			if entry&entrySpecial == 0 {
				tb.frames[i].put()
			}
		}
		tb.entries[i].Init(0)
		tb.used--
	}
	if tb.used == 0 {
		// A run that was abandoned may have held the lock, with an entry half made.
		tb.lock = sim.SpinLock{}
		tb.initLock()
		if tb.frames != nil {
			clear(tb.frames[:])
		} else {
			*tb.lower = [tableEntries]sim.Ref[table]{}
		}
		m.tablesOf(tb.level).Put(tb)
	}
}

// tablesOf is where free tables of the level are kept.
func (m *Memory) tablesOf(l level) *sim.Pool[table] {
	if l == levelPTE {
		return &m.tables
	}
	return &m.upper
}
