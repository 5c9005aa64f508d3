package mm

import "github.com/uffdsim/uffdsim/sim"

// translate is the processor's own walk of the page table for one page, followed by
// the access: it copies between buf and the page's bytes if the entry allows it, and
// reports false if there has to be a page fault first. [addr, addr+len(buf)) must
// lie in one page. It takes no kernel lock.
//
// The whole is one visible step, on the lowest entry that there is: what the upper
// levels say can only change together with the entries below them, which are gone
// before a table is freed.
func (mm *MM) translate(t *sim.Task, addr uint64, buf []byte, write bool) bool {
	if addr >= mm.TaskSize {
		return false
	}
	tb, i := mm.pgd, levelPGD.index(addr)
	for tb.level > levelPTE {
		lower := tb.child(i) // once: without mmap_lock it may be gone at the next look
		if lower == nil {
			break
		}
		tb, i = lower, lower.level.index(addr)
	}
	tb.entries[i].Touch(t, write)
	tb.lock.Bare(t)
	defer tb.lock.EndBare(t)
	entry := tb.entries[i].Glance(t)
	if !allows(entry, write) {
		return false
	}
	frames := tb.frames
	if entry&entryHuge != 0 {
		frames = tb.lower[i].Peek().frames
	} else if tb.level > levelPTE {
		return false // a table has appeared since: the fault that follows finds it
	}
	access(t, frames[levelPTE.index(addr)], addr, buf, write)
	return true
}

func allows(entry uint64, write bool) bool {
	need := uint64(entryPresent | entryUser)
	if write {
		need |= entryRW
	}
	return entry&need == need
}

// access copies between buf and the frame. The lock of the table that maps the frame
// must be held, which does for one that no other table maps.
func access(t *sim.Task, f *Frame, addr uint64, buf []byte, write bool) {
	if f.shared() {
		f.bare.Bare(t)
		defer f.bare.EndBare(t)
	}
	page := f.data[addr&(PageSize-1):]
	if write {
		copy(page, buf)
	} else {
		copy(buf, page)
	}
}

// Load is a load by user mode: it fills buf from addr on, faulting pages in as the
// processor would, one instruction a page. Unless the outcome is Done the access
// stopped at the address returned.
func (mm *MM) Load(t *sim.Task, addr uint64, buf []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, buf, false)
}

// Store is a store by user mode, the counterpart of [MM.Load].
func (mm *MM) Store(t *sim.Task, addr uint64, data []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, data, true)
}

func (mm *MM) userAccess(t *sim.Task, addr uint64, buf []byte, write bool) (Outcome, uint64) {
	instruction := t.Bookmark()
	for len(buf) > 0 {
		n := min(len(buf), int(PageSize-addr&(PageSize-1)))
		if mm.translate(t, addr, buf[:n], write) {
			addr, buf = addr+uint64(n), buf[n:]
			instruction = t.Bookmark()
			continue
		}
		outcome := mm.DoPageFault(t, addr, write, true)
		// The way back to user mode is where signals are taken, also if the access has just
		// got one of its own: no handler of that runs in a task that is to die.
		if t.TakeSignals() {
			return Killed, addr
		}
		if outcome != Done {
			return outcome, addr
		}
		t.ForgetSince(instruction, "again", nil)
	}
	return Done, addr
}
