package explore

import "github.com/uffdsim/uffdsim/sim"

// question is what a search wants to know about a future. The answers that it has relied
// on are written down: when more of the future becomes known, only those need be looked at
// again.
type question struct {
	place int // whose future
	kind  questionKind
	step  sim.Op
	obj   sim.ObjectID
	in    sim.ObjectID
	held  lockSet
	drops int
}

type questionKind uint8

const (
	meets questionKind = iota // does anything ahead not commute with the step, in spite of what is held?
	races                     // the same, references apart
	wakes                     // is anything ahead that may wake the task?
	drop                      // are more than so many references dropped, in spite of what is held?
)

// answer answers a question.
func (f *future) answer(q question) bool {
	switch q.kind {
	case wakes:
		u := f.uses[q.obj]
		return u != nil && len(u.writes) > 0
	case drop:
		return f.drops(q.obj, q.held) > q.drops
	}
	return f.meets(q)
}

// drops is how many references may be given up ahead, in spite of what is held.
func (f *future) drops(of sim.ObjectID, held lockSet) int {
	if u := f.uses[of]; u != nil && !blocked(u.puts, held) {
		return u.dropped
	}
	return 0
}

func (f *future) meets(q question) bool {
	within := f.in[q.in]
	if q.step == sim.OpFree {
		return within != nil && !blocked(within.reads, q.held)
	}
	if within != nil && !blocked(within.writes, q.held) {
		return true
	}
	u := f.uses[q.obj]
	if u == nil || q.step.Releases() {
		return false
	}
	reads, writes := !blocked(u.reads, q.held), !blocked(u.writes, q.held)
	gets, puts := !blocked(u.gets, q.held), !blocked(u.puts, q.held)
	switch {
	case q.kind == races:
		return reads || writes
	case q.step == sim.OpGet: // how many there are shows only when there are none
		return reads || writes || puts
	case q.step == sim.OpPut, q.step.Writes():
		return reads || writes || gets || puts
	}
	return writes || gets || puts
}
