package explore

import "github.com/uffdsim/uffdsim/sim"

// question is what a search wants to know about a future. The answers that it has relied
// on are written down: when more of the future becomes known, only those need be looked at
// again.
type query struct {
	point int // whose future
	kind  queryKind
	step  sim.Op
	obj   sim.ObjectID
	in    sim.ObjectID
	held  lockSet
	puts  int
}

type queryKind uint8

const (
	mayConflict queryKind = iota // does anything ahead not commute with the step, in spite of what is held?
	mayAccess                    // the same, references apart
	mayWake                      // is anything ahead that may wake the task?
	mayPut                       // are more than so many references dropped, in spite of what is held?
)

// answer answers a question.
func (f *effects) answer(q query) bool {
	switch q.kind {
	case mayWake:
		u := f.objects[q.obj]
		return u != nil && len(u.writes) > 0
	case mayPut:
		return f.netPuts(q.obj, q.held) > q.puts
	}
	return f.conflicts(q)
}

// drops is how many references may be given up ahead, in spite of what is held.
func (f *effects) netPuts(of sim.ObjectID, held lockSet) int {
	if u := f.objects[of]; u != nil && !excluded(u.puts, held) {
		return u.netPuts
	}
	return 0
}

func (f *effects) conflicts(q query) bool {
	within := f.structures[q.in]
	if q.step == sim.OpFree {
		return within != nil && !excluded(within.reads, q.held)
	}
	if within != nil && !excluded(within.writes, q.held) {
		return true
	}
	u := f.objects[q.obj]
	if u == nil || q.step.Releases() {
		return false
	}
	reads, writes := !excluded(u.reads, q.held), !excluded(u.writes, q.held)
	gets, puts := !excluded(u.gets, q.held), !excluded(u.puts, q.held)
	switch {
	case q.kind == mayAccess:
		return reads || writes
	case q.step == sim.OpGet: // how many there are shows only when there are none
		return reads || writes || puts
	case q.step == sim.OpPut, q.step.Writes():
		return reads || writes || gets || puts
	}
	return writes || gets || puts
}
