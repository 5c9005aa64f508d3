package explore

import "github.com/uffdsim/uffdsim/sim"

// query is a question about the effects of a program point. If the answer is no, the
// search relies on it: the query is then an assumption, which is checked again when the
// point's effects grow.
type query struct {
	obj, in objectKey
	held    lockSet // what the tasks of the set exclude others from acquiring
	point   int32   // index of the program point
	puts    int32   // for mayPut: the number of references
	kind    queryKind
	step    sim.Op
}

type queryKind uint8

const (
	mayConflict queryKind = iota // is an access that held does not exclude dependent with the step?
	mayAccess                    // the same, without gets and puts of references
	mayWake                      // can a step wake a task that sleeps on the object?
	mayPut                       // can it drop more references than puts, in spite of held?
	isSticky                     // does an edge from the point close a cycle?
)

// answer answers a query.
func (f *effects) answer(q query) bool {
	switch q.kind {
	case mayWake:
		u := at(f.objects, q.obj)
		return u != nil && len(u.writes) > 0
	case mayPut:
		return f.netPuts(q.obj, q.held) > int(q.puts)
	case isSticky:
		return f.sticky
	}
	return f.conflicts(q)
}

// netPuts returns the maximum number of references that the continuation drops, in spite
// of held.
func (f *effects) netPuts(of objectKey, held lockSet) int {
	if u := at(f.objects, of); u != nil && !excluded(u.puts, held) {
		return u.netPuts
	}
	return 0
}

// conflicts answers the queries mayConflict and mayAccess: it reports whether an access
// of the continuation is dependent with the query's step.
func (f *effects) conflicts(q query) bool {
	within := at(f.structures, q.in)
	if q.step == sim.OpFree {
		return within != nil && !excluded(within.reads, q.held)
	}
	if within != nil && !excluded(within.writes, q.held) {
		return true
	}
	u := at(f.objects, q.obj)
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

// assumptions are the queries that a worker relies on.
type assumptions struct {
	all    map[query]struct{}
	recent []uint64 // hashes of some of them, which need not be looked up
}

// recentQueries is a power of two.
const recentQueries = 1 << 16

func newAssumptions() *assumptions {
	return &assumptions{all: map[query]struct{}{}, recent: make([]uint64, recentQueries)}
}

// add adds a query.
func (a *assumptions) add(q query) {
	h := sim.Mix(uint64(q.obj)<<32|uint64(q.in), uint64(q.held))
	h = sim.Mix(h, uint64(q.point)<<32|uint64(q.puts)<<16|uint64(q.kind)<<8|uint64(q.step))
	if r := &a.recent[h%recentQueries]; *r != h {
		*r = h
		a.all[q] = struct{}{}
	}
}
