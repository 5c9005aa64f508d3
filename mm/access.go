package mm

import "github.com/uffdsim/uffdsim/sim"

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
