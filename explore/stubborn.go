package explore

import (
	"math/bits"

	"github.com/uffdsim/uffdsim/sim"
)

// stand is where a task stands in a state of a run.
type location struct {
	point     *point  // nil: not on the map, or the task has ended
	held      lockSet // what it keeps others from acquiring
	acquires  lockSet // what its step acquires
	announced int     // steps, up to the one that it is at
	key       pointKey
	live      bool
}

// crowd is a state: where the tasks stand, and what they are about to do.
type globalState struct {
	locations   []location
	steps       []step
	enabled     uint32 // who can take the step
	refs        [maxRefCounts]refCount
	assumptions map[query]struct{} // about futures, with the answer no
}

// count is how many references there are on something.
type refCount struct {
	of   sim.ObjectID
	n    int
	last lockSet // what the one acquires who gives the last one up
}

// maxCounts is how many of them are followed. Of others it is not known whether they can
// run out.
const maxRefCounts = 6

// stubborn returns the smallest set of tasks that it finds with these properties:
//
//   - one of its tasks is ready;
//   - whatever the tasks outside of the set do by themselves, the step of a ready task
//     of the set stays possible, and commutes with all of it;
//   - and makes no task of the set ready that is not.
//
// Then nothing is lost if only the ready tasks of the set are tried: any other run can be
// reordered into one that begins with one of them (Godefroid's persistent sets, found as
// Valmari's stubborn ones). among are the ready tasks that may begin such a set.
func (c *globalState) stubbornSet(among uint32, preferred int) uint32 {
	best := c.enabled
	try := func(i int) {
		if set := c.closure(i) & c.enabled; bits.OnesCount32(set) < bits.OnesCount32(best) {
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

// closure is the smallest such set with the task in it.
func (c *globalState) closure(first int) uint32 {
	set := uint32(1) << first
	held := c.withPinned(set, c.locations[first].held)
	for todo := set; todo != 0; {
		i := bits.TrailingZeros32(todo)
		todo &^= 1 << i
		for j := range c.locations {
			if set&(1<<j) == 0 && c.locations[j].live && c.requires(i, j, set, held) {
				set |= 1 << j
				todo |= 1 << j
				held = c.withPinned(set, held|c.locations[j].held)
			}
		}
	}
	return set
}

// needs reports whether the set, with task i in it, must have task j as well.
func (c *globalState) requires(i, j int, set uint32, held lockSet) bool {
	s := c.steps[i]
	switch {
	case c.enabled&(1<<i) == 0:
		return c.mayEnable(i, j)
	case s.obj == 0, s.op == sim.OpSchedule && !s.signalled:
		return false
	}
	q := query{kind: mayConflict, step: s.op, obj: s.obj, in: s.in, held: held}
	if !s.countsRefs() {
		return c.ask(j, q)
	}
	plain := q
	plain.kind = mayAccess
	return c.ask(j, plain) || c.ask(j, q) && c.refsLeft(s.obj, s.refs, set, held) <= max(s.refsDropped(), 0)
}

// unblocks reports whether task j may be what task i, which is not ready, waits for.
func (c *globalState) mayEnable(i, j int) bool {
	s := c.steps[i]
	if s.op == sim.OpSchedule || s.op == sim.OpReadBegin {
		return c.ask(j, query{kind: mayWake, obj: s.obj})
	}
	// A lock: its holder, or who is at it, too: queues for it, or has been handed it and has not gone on yet. One
	// that has no bit may be anybody's.
	wants := c.locations[i].acquires
	return wants == 0 || c.locations[j].held&wants != 0 || c.steps[j].obj == s.obj
}

// lasting adds to what is held the last references of those counts that the tasks outside
// of the set cannot bring to nothing by themselves.
func (c *globalState) withPinned(set uint32, held lockSet) lockSet {
	for range 2 { // one count may last because another one does
		for i := range c.refs {
			if k := &c.refs[i]; k.of != 0 && held&k.last == 0 && c.refsLeft(k.of, k.n, set, held) > 0 {
				held |= k.last
			}
		}
	}
	return held
}

// left is how many of n references there are at the least if the tasks outside of the set
// go on by themselves.
func (c *globalState) refsLeft(of sim.ObjectID, n int, set uint32, held lockSet) int {
	for j := range c.locations {
		if set&(1<<j) != 0 || !c.locations[j].live {
			continue
		}
		drops := c.locations[j].point.effects.netPuts(of, held)
		c.assumptions[query{point: c.locations[j].point.index, kind: mayPut, obj: of, held: held, puts: drops}] = struct{}{}
		n -= drops
	}
	return n
}

// ask puts a question to the future of task j, and writes it down if the answer is no: the
// search has relied on it.
func (c *globalState) ask(j int, q query) bool {
	p := c.locations[j].point
	if p.effects.answer(q) {
		return true
	}
	q.point = p.index
	c.assumptions[q] = struct{}{}
	return false
}
