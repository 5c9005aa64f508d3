package explore

import (
	"math/bits"

	"github.com/uffdsim/uffdsim/sim"
)

// stand is where a task stands in a state of a run.
type stand struct {
	place     *place  // nil: not on the map, or the task has ended
	held      lockSet // what it keeps others from acquiring
	wants     lockSet // what its step acquires
	announced int     // steps, up to the one that it is at
	key       placeKey
	live      bool
}

// crowd is a state: where the tasks stand, and what they are about to do.
type crowd struct {
	stands []stand
	steps  []step
	ready  uint32 // who can take the step
	counts [maxCounts]count
	asked  map[question]struct{} // about futures, with the answer no
}

// count is how many references there are on something.
type count struct {
	of   sim.ObjectID
	n    int
	last lockSet // what the one acquires who gives the last one up
}

// maxCounts is how many of them are followed. Of others it is not known whether they can
// run out.
const maxCounts = 6

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
func (c *crowd) stubborn(among uint32, preferred int) uint32 {
	best := c.ready
	try := func(i int) {
		if set := c.closure(i) & c.ready; bits.OnesCount32(set) < bits.OnesCount32(best) {
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
func (c *crowd) closure(first int) uint32 {
	set := uint32(1) << first
	held := c.lasting(set, c.stands[first].held)
	for todo := set; todo != 0; {
		i := bits.TrailingZeros32(todo)
		todo &^= 1 << i
		for j := range c.stands {
			if set&(1<<j) == 0 && c.stands[j].live && c.needs(i, j, set, held) {
				set |= 1 << j
				todo |= 1 << j
				held = c.lasting(set, held|c.stands[j].held)
			}
		}
	}
	return set
}

// needs reports whether the set, with task i in it, must have task j as well.
func (c *crowd) needs(i, j int, set uint32, held lockSet) bool {
	s := c.steps[i]
	switch {
	case c.ready&(1<<i) == 0:
		return c.unblocks(i, j)
	case s.obj == 0, s.op == sim.OpSchedule && !s.signalled:
		return false
	}
	q := question{kind: meets, step: s.op, obj: s.obj, in: s.in, held: held}
	if !s.counts() {
		return c.ask(j, q)
	}
	plain := q
	plain.kind = races
	return c.ask(j, plain) || c.ask(j, q) && c.left(s.obj, s.count, set, held) <= max(s.drop(), 0)
}

// unblocks reports whether task j may be what task i, which is not ready, waits for.
func (c *crowd) unblocks(i, j int) bool {
	s := c.steps[i]
	if s.op == sim.OpSchedule || s.op == sim.OpReadBegin {
		return c.ask(j, question{kind: wakes, obj: s.obj})
	}
	// A lock: its holder, or who is at it, too: queues for it, or has been handed it and has not gone on yet. One
	// that has no bit may be anybody's.
	wants := c.stands[i].wants
	return wants == 0 || c.stands[j].held&wants != 0 || c.steps[j].obj == s.obj
}

// lasting adds to what is held the last references of those counts that the tasks outside
// of the set cannot bring to nothing by themselves.
func (c *crowd) lasting(set uint32, held lockSet) lockSet {
	for range 2 { // one count may last because another one does
		for i := range c.counts {
			if k := &c.counts[i]; k.of != 0 && held&k.last == 0 && c.left(k.of, k.n, set, held) > 0 {
				held |= k.last
			}
		}
	}
	return held
}

// left is how many of n references there are at the least if the tasks outside of the set
// go on by themselves.
func (c *crowd) left(of sim.ObjectID, n int, set uint32, held lockSet) int {
	for j := range c.stands {
		if set&(1<<j) != 0 || !c.stands[j].live {
			continue
		}
		drops := c.stands[j].place.ahead.drops(of, held)
		c.asked[question{place: c.stands[j].place.index, kind: drop, obj: of, held: held, drops: drops}] = struct{}{}
		n -= drops
	}
	return n
}

// ask puts a question to the future of task j, and writes it down if the answer is no: the
// search has relied on it.
func (c *crowd) ask(j int, q question) bool {
	p := c.stands[j].place
	if p.ahead.answer(q) {
		return true
	}
	q.place = p.index
	c.asked[q] = struct{}{}
	return false
}
