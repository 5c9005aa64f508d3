package explore

import "github.com/uffdsim/uffdsim/sim"

// query is a question about the effects of a program point. If the answer is no, the
// search relies on it: the query is then an assumption, which is checked again when the
// point's effects grow.
type query struct {
	point int // index of the program point
	kind  queryKind
	step  sim.Op
	obj   sim.ObjectID
	in    sim.ObjectID
	held  lockSet // what the tasks of the set exclude others from acquiring
	puts  int     // for mayPut: the number of references
}

type queryKind uint8

const (
	mayConflict queryKind = iota // is an access that held does not exclude dependent with the step?
	mayAccess                    // the same, without gets and puts of references
	mayWake                      // can a step wake a task that sleeps on the object?
	mayPut                       // can it drop more references than puts, in spite of held?
)

// answer answers a query.
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

// netPuts returns the maximum number of references that the continuation drops, in spite
// of held.
func (f *effects) netPuts(of sim.ObjectID, held lockSet) int {
	if u := f.objects[of]; u != nil && !excluded(u.puts, held) {
		return u.netPuts
	}
	return 0
}

// conflicts answers the queries mayConflict and mayAccess: it reports whether an access
// of the continuation is dependent with the query's step.
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
	case q.step == sim.OpGet: // a count can be observed only when it drops to zero
		return reads || writes || puts
	case q.step == sim.OpPut, q.step.Writes():
		return reads || writes || gets || puts
	}
	return writes || gets || puts
}
