package explore

import "github.com/uffdsim/uffdsim/sim"

// bus is the outcome of a task that was killed by SIGBUS.
const bus = "SIGBUS"

// watch is what the check against spurious SIGBUS records about tasks, as sets.
type watch struct {
	announced uint32 // have set a sleeping state
	looked    uint32 // have then found the context not released
	safe      uint32 // had done both when the release began
}

// step updates the record before task i takes a step. released is the object that says
// whether the context is released, and value returns what is in it.
func (m *watch) step(i int, s step, released objectKey, value func() uint64) {
	switch {
	case s.op == sim.OpSetState:
		m.announced |= 1 << i
	case s.obj != released:
	case s.op == sim.OpStore:
		m.safe = m.looked
	case m.announced&(1<<i) != 0 && value() == 0:
		m.looked |= 1 << i
	}
}

// addTo adds the record to the hashes of a state. No check depends on a task that is not
// in the set alive.
func (m *watch) addTo(hashes []uint64, alive uint32, taskPerms [][]int) {
	safe := m.safe & alive
	looked := m.looked & alive &^ m.safe
	announced := m.announced & alive &^ m.safe &^ m.looked
	if safe|looked|announced == 0 {
		return
	}
	for k, p := range taskPerms {
		hashes[k] += 0x9e3779b97f4a7c15 * (uint64(permuteSet(announced, p))<<40 | uint64(permuteSet(looked, p))<<20 | uint64(permuteSet(safe, p)))
	}
}
