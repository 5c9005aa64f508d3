package explore

import (
	"math/bits"

	"github.com/uffdsim/uffdsim/sim"
)

// location is a task's program point in a state, and its locks.
type location struct {
	point    *point  // nil if the task has ended
	held     lockSet // what the task excludes others from acquiring
	acquires lockSet // what its next step acquires
	live     bool    // the task has not ended
}

// globalState is the part of a state that stubborn sets depend on: the locations of all
// tasks and their next steps. Both slices are indexed by task.
type globalState struct {
	locations   []location
	steps       []step
	enabled     uint32 // the tasks whose next step is enabled
	refs        [maxRefCounts]refCount
	assumptions *assumptions // queries whose answer was no
}

// refCount is the number of references on a structure.
type refCount struct {
	of   objectKey
	n    int
	last lockSet // what the step acquires that drops the last one
}

// maxRefCounts is the number of counts that a globalState follows. Any other count is
// assumed to be able to drop to zero.
const maxRefCounts = 6

// stubbornSet returns the enabled tasks of the smallest set that it finds with these
// properties:
//
//   - A task of the set is enabled.
//   - Whatever the tasks outside the set do on their own, the next step of each enabled
//     task of the set stays enabled, and is independent of all of it.
//   - The tasks outside the set cannot, on their own, enable a disabled task of the set.
//   - It has all enabled tasks, or none of its enabled tasks is at a sticky point: see
//     cycles.go.
//
// Then it suffices to explore the enabled tasks of the set: any other run can be
// reordered, by commuting independent steps, into one that begins with one of them. They
// are a persistent set (P. Godefroid, Partial-Order Methods for the Verification of
// Concurrent Systems, 1996), computed as a stubborn set (A. Valmari, "Stubborn sets for
// reduced state space generation", 1991). The search computes the closure of each task of
// among in turn, of preferred first, and stops at a set with one enabled task.
func (gs *globalState) stubbornSet(among uint32, preferred int) uint32 {
	best := gs.enabled
	try := func(i int) {
		if set := gs.closure(i) & gs.enabled; bits.OnesCount32(set) < bits.OnesCount32(best) && !gs.sticky(set) {
			best = set
		}
	}
	if preferred >= 0 && among&(1<<preferred) != 0 {
		try(preferred)
	}
	for rest := among; rest != 0 && bits.OnesCount32(best) > 1; rest &= rest - 1 {
		try(bits.TrailingZeros32(rest))
	}
	return best
}

// sticky reports whether a task of the set is at a sticky point.
func (gs *globalState) sticky(set uint32) bool {
	for ; set != 0; set &= set - 1 {
		if gs.ask(bits.TrailingZeros32(set), query{kind: isSticky}) {
			return true
		}
	}
	return false
}

// closure returns the smallest stubborn set that contains the task: the tasks that it
// requires, the tasks that those require, and so on. Some of them may be disabled.
func (gs *globalState) closure(first int) uint32 {
	set := uint32(1) << first
	held := gs.withPinned(set, gs.locations[first].held)
	for todo := set; todo != 0; {
		i := bits.TrailingZeros32(todo)
		todo &^= 1 << i
		for j := range gs.locations {
			if set&(1<<j) == 0 && gs.locations[j].live && gs.requires(i, j, set, held) {
				set |= 1 << j
				todo |= 1 << j
				held = gs.withPinned(set, held|gs.locations[j].held)
			}
		}
	}
	return set
}

// requires reports whether a stubborn set that contains task i must contain task j: if i
// is enabled, because j may take a step that is dependent with that of i; if not, because
// j may enable i.
func (gs *globalState) requires(i, j int, set uint32, held lockSet) bool {
	s := gs.steps[i]
	switch {
	case gs.enabled&(1<<i) == 0:
		return gs.mayEnable(i, j)
	case s.obj == 0, s.op == sim.OpSchedule && !s.signalled:
		return false
	}
	q := query{kind: mayConflict, step: s.op, obj: s.obj, in: s.in, held: held}
	if !s.countsRefs() {
		return gs.ask(j, q)
	}
	access := q
	access.kind = mayAccess
	return gs.ask(j, access) || gs.ask(j, q) && gs.refsLeft(s.obj, s.refs, set, held) <= max(s.refsDropped(), 0)
}

// mayEnable reports whether task j may enable task i, which is disabled (in the
// literature, whether j is in the necessary enabling set of i).
func (gs *globalState) mayEnable(i, j int) bool {
	s := gs.steps[i]
	if s.op == sim.OpSchedule || s.op == sim.OpReadBegin {
		return gs.ask(j, query{kind: mayWake, obj: s.obj})
	}
	// Task i waits for a lock. Its holder may enable it, and so may a task whose step is
	// on the same lock: it is queued, or was granted the lock and has not continued yet.
	// Any task may hold a lock that has no bit in lock sets.
	wanted := gs.locations[i].acquires
	return wanted == 0 || gs.locations[j].held&wanted != 0 || gs.steps[j].obj == s.obj
}

// withPinned returns held with the last references of those counts that the tasks outside
// the set cannot drop to zero on their own.
func (gs *globalState) withPinned(set uint32, held lockSet) lockSet {
	for range 2 { // a pinned count may pin another one
		for i := range gs.refs {
			if k := &gs.refs[i]; k.of != 0 && held&k.last == 0 && gs.refsLeft(k.of, k.n, set, held) > 0 {
				held |= k.last
			}
		}
	}
	return held
}

// refsLeft returns a lower bound on the references left of n, whatever the tasks outside
// the set do on their own.
func (gs *globalState) refsLeft(of objectKey, n int, set uint32, held lockSet) int {
	for j := range gs.locations {
		if set&(1<<j) != 0 || !gs.locations[j].live {
			continue
		}
		p := gs.locations[j].point
		puts := p.effects.netPuts(of, held)
		gs.assumptions.add(query{point: int32(p.index), kind: mayPut, obj: of, held: held, puts: int32(puts)})
		n -= puts
	}
	return n
}

// ask answers a query about the effects of task j. If the answer is no, it records the
// query as an assumption.
func (gs *globalState) ask(j int, q query) bool {
	p := gs.locations[j].point
	if p.effects.answer(q) {
		return true
	}
	q.point = int32(p.index)
	gs.assumptions.add(q)
	return false
}
