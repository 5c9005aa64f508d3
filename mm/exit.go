package mm

import "github.com/uffdsim/uffdsim/sim"

// exitMmap unmaps everything, when the last user has gone: exit_mmap. No lock is
// needed, for there is nobody left to take one.
func (mm *MM) exitMmap(t *sim.Task) {
	mm.dead = true
	first := mm.first
	if first != nil { // else a fork that failed early
		mm.unmapRegion(t, nil, nil, first.Start, mm.highestEnd())
		mm.reset()
		if t.Tracing() {
			t.Emit(sim.Event{Kind: "mm_exit", Object: mm.Name, Args: []sim.Arg{{Key: "mm", Value: mm.Name}}})
		}
		mm.removeList(t, first, nil)
	}
	mm.Drop(t)
}
