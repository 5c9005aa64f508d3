package explore

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// What a task may still do decides which tasks have to be tried in a state: a task whose
// next step nobody else's future has anything to do with can go first, and the others
// need not be tried before it. The futures are learnt: the places of the programs, and
// the steps that lead from one to another, are written down as runs come through them.
// A search is over only if no run has come to a place that was not on the map, or if
// what lay behind it changed nobody's future. Then the map held for every run that was
// tried, and for the others, too: the shortest of those that leave the map could be
// reordered, step by step, into one that was tried and leaves it in the same place.

// place is a place in a task's program, with the step that the task takes from there.
type place struct {
	index int
	step  step
	ways  []way
	back  []*place
	ahead future
	twins []placeKey // the same place, if faulters change places: one for each renaming
}

// way leads from a place to the next, along which the task has acquired something.
type way struct {
	to       *place
	acquired lockSet
}

// lockSet is a set of things that a task must get hold of alone before it can go on: a
// lock, a semaphore in either way, the last reference. A task that comes by one of them
// has waited until nobody else held it in a way that excludes it.
type lockSet uint64

// future is what a task may do from a place on.
type future struct {
	uses map[sim.ObjectID]*uses // of objects
	in   map[sim.ObjectID]*uses // of structures: writes frees one, reads any step within it
}

// uses are the ways in which something may be used. Each list has an entry for each way,
// with what has to be acquired on the way there; only the smallest sets are kept.
type uses struct {
	reads, writes, gets, puts []lockSet
	dropped                   int // how many more references may be given up than taken, up to many
}

// many is more references than there ever are. A loop on the map may seem to give up any
// number.
const many = 64

// blocked reports whether who holds the set keeps each of the uses from coming about.
func blocked(sets []lockSet, held lockSet) bool {
	for _, s := range sets {
		if s&held == 0 {
			return false
		}
	}
	return true
}

// add puts a set into a list of smallest sets, and reports whether the list has changed.
func add(list *[]lockSet, s lockSet) bool {
	for _, old := range *list {
		if old&^s == 0 {
			return false
		}
	}
	*list = append(slices.DeleteFunc(*list, func(old lockSet) bool { return s&^old == 0 }), s)
	return true
}

// merge adds the uses of a later place, which is reached by acquiring something.
func (u *uses) merge(later *uses, acquired lockSet) (changed bool) {
	for _, l := range []struct {
		to   *[]lockSet
		from []lockSet
	}{{&u.reads, later.reads}, {&u.writes, later.writes}, {&u.gets, later.gets}, {&u.puts, later.puts}} {
		for _, s := range l.from {
			changed = add(l.to, s|acquired) || changed
		}
	}
	return changed
}

func (f *future) object(id sim.ObjectID) *uses    { return entry(&f.uses, id) }
func (f *future) structure(id sim.ObjectID) *uses { return entry(&f.in, id) }

func entry(m *map[sim.ObjectID]*uses, id sim.ObjectID) *uses {
	if *m == nil {
		*m = map[sim.ObjectID]*uses{}
	}
	u := (*m)[id]
	if u == nil {
		u = &uses{}
		(*m)[id] = u
	}
	return u
}

// take adds the place's own step to its future.
func (p *place) take(signalled bool) (changed bool) {
	s := p.step
	if s.obj == 0 {
		return false
	}
	if s.op == sim.OpFree {
		return add(&p.ahead.structure(s.in).writes, 0)
	}
	changed = add(&p.ahead.structure(s.in).reads, 0)
	u := p.ahead.object(s.obj)
	switch {
	case s.op.Releases(): // see [sim.Op.Releases]
	case s.op == sim.OpGet:
		changed = add(&u.gets, 0) || changed
	case s.op == sim.OpPut:
		changed = add(&u.puts, 0) || changed
	case s.op == sim.OpSchedule && !signalled:
		// Who sleeps goes on when it has been woken, and then a second wake-up finds the
		// same before and after it. Only a signal lets it go on unwoken.
	case s.op.Writes():
		changed = add(&u.writes, 0) || changed
	default:
		changed = add(&u.reads, 0) || changed
	}
	return changed
}

// learn works out the place's future from its step and from those of the places that
// follow it, and reports whether it has changed.
func (p *place) learn(signalled bool) (changed bool) {
	changed = p.take(signalled)
	for _, w := range p.ways {
		for id, later := range w.to.ahead.uses {
			u := p.ahead.object(id)
			changed = u.merge(later, w.acquired) || changed
			drops := later.dropped
			if p.step.obj == id {
				drops += p.step.drop()
			}
			if drops = min(drops, many); drops > u.dropped {
				u.dropped, changed = drops, true
			}
		}
		for id, later := range w.to.ahead.in {
			changed = p.ahead.structure(id).merge(later, w.acquired) || changed
		}
	}
	if u := p.ahead.uses[p.step.obj]; u != nil && p.step.drop() > u.dropped {
		u.dropped, changed = p.step.drop(), true
	}
	return changed
}

// lockBits are what taking the step acquires, and what its holder keeps others from
// acquiring. For a release they are those of the acquisition that it ends.
func (a *atlas) lockBits(s step) (acquire, exclude lockSet) {
	switch s.op {
	case sim.OpLock, sim.OpUnlock:
		b := a.bit(lockKey{s.obj, 'x'})
		return b, b
	case sim.OpDownRead, sim.OpUpRead:
		return a.bit(lockKey{s.obj, 'r'}), a.bit(lockKey{s.obj, 'w'})
	case sim.OpDownWrite, sim.OpUpWrite:
		w := a.bit(lockKey{s.obj, 'w'})
		return w, w | a.bit(lockKey{s.obj, 'r'})
	case sim.OpGet, sim.OpPut:
		b := a.bit(lockKey{s.obj, '0'})
		return b, b
	}
	return 0, 0
}

// lockKey names something to acquire: a lock, for reading, for writing or at all; or the
// last reference of a count.
type lockKey struct {
	obj sim.ObjectID
	how byte
}
