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
type point struct {
	index   int
	step    step
	edges   []edge
	preds   []*point
	effects effects
	orbit   []pointKey // the same place, if faulters change places: one for each renaming
}

// way leads from a place to the next, along which the task has acquired something.
type edge struct {
	to       *point
	acquired lockSet
}

// lockSet is a set of things that a task must get hold of alone before it can go on: a
// lock, a semaphore in either way, the last reference. A task that comes by one of them
// has waited until nobody else held it in a way that excludes it.
type lockSet uint64

// future is what a task may do from a place on.
type effects struct {
	objects    map[sim.ObjectID]*accesses // of objects
	structures map[sim.ObjectID]*accesses // of structures: writes frees one, reads any step within it
}

// uses are the ways in which something may be used. Each list has an entry for each way,
// with what has to be acquired on the way there; only the smallest sets are kept.
type accesses struct {
	reads, writes, gets, puts []lockSet
	netPuts                   int // how many more references may be given up than taken, up to many
}

// many is more references than there ever are. A loop on the map may seem to give up any
// number.
const maxNetPuts = 64

// blocked reports whether who holds the set keeps each of the uses from coming about.
func excluded(sets []lockSet, held lockSet) bool {
	for _, s := range sets {
		if s&held == 0 {
			return false
		}
	}
	return true
}

// add puts a set into a list of smallest sets, and reports whether the list has changed.
func addMinimal(list *[]lockSet, s lockSet) bool {
	for _, old := range *list {
		if old&^s == 0 {
			return false
		}
	}
	*list = append(slices.DeleteFunc(*list, func(old lockSet) bool { return s&^old == 0 }), s)
	return true
}

// merge adds the uses of a later place, which is reached by acquiring something.
func (u *accesses) merge(later *accesses, acquired lockSet) (changed bool) {
	for _, l := range []struct {
		to   *[]lockSet
		from []lockSet
	}{{&u.reads, later.reads}, {&u.writes, later.writes}, {&u.gets, later.gets}, {&u.puts, later.puts}} {
		for _, s := range l.from {
			changed = addMinimal(l.to, s|acquired) || changed
		}
	}
	return changed
}

func (f *effects) object(id sim.ObjectID) *accesses    { return entry(&f.objects, id) }
func (f *effects) structure(id sim.ObjectID) *accesses { return entry(&f.structures, id) }

func entry(m *map[sim.ObjectID]*accesses, id sim.ObjectID) *accesses {
	if *m == nil {
		*m = map[sim.ObjectID]*accesses{}
	}
	u := (*m)[id]
	if u == nil {
		u = &accesses{}
		(*m)[id] = u
	}
	return u
}

// take adds the place's own step to its future.
func (p *point) addStep(signalled bool) (changed bool) {
	s := p.step
	if s.obj == 0 {
		return false
	}
	if s.op == sim.OpFree {
		return addMinimal(&p.effects.structure(s.in).writes, 0)
	}
	changed = addMinimal(&p.effects.structure(s.in).reads, 0)
	u := p.effects.object(s.obj)
	switch {
	case s.op.Releases(): // see [sim.Op.Releases]
	case s.op == sim.OpGet:
		changed = addMinimal(&u.gets, 0) || changed
	case s.op == sim.OpPut:
		changed = addMinimal(&u.puts, 0) || changed
	case s.op == sim.OpSchedule && !signalled:
		// Who sleeps goes on when it has been woken, and then a second wake-up finds the
		// same before and after it. Only a signal lets it go on unwoken.
	case s.op.Writes():
		changed = addMinimal(&u.writes, 0) || changed
	default:
		changed = addMinimal(&u.reads, 0) || changed
	}
	return changed
}

// learn works out the place's future from its step and from those of the places that
// follow it, and reports whether it has changed.
func (p *point) update(signalled bool) (changed bool) {
	changed = p.addStep(signalled)
	for _, w := range p.edges {
		for id, later := range w.to.effects.objects {
			u := p.effects.object(id)
			changed = u.merge(later, w.acquired) || changed
			drops := later.netPuts
			if p.step.obj == id {
				drops += p.step.refsDropped()
			}
			if drops = min(drops, maxNetPuts); drops > u.netPuts {
				u.netPuts, changed = drops, true
			}
		}
		for id, later := range w.to.effects.structures {
			changed = p.effects.structure(id).merge(later, w.acquired) || changed
		}
	}
	if u := p.effects.objects[p.step.obj]; u != nil && p.step.refsDropped() > u.netPuts {
		u.netPuts, changed = p.step.refsDropped(), true
	}
	return changed
}

// lockBits are what taking the step acquires, and what its holder keeps others from
// acquiring. For a release they are those of the acquisition that it ends.
func (a *flowGraph) lockBits(s step) (acquire, exclude lockSet) {
	switch s.op {
	case sim.OpLock, sim.OpUnlock:
		b := a.lockBit(lockKey{s.obj, 'x'})
		return b, b
	case sim.OpDownRead, sim.OpUpRead:
		return a.lockBit(lockKey{s.obj, 'r'}), a.lockBit(lockKey{s.obj, 'w'})
	case sim.OpDownWrite, sim.OpUpWrite:
		w := a.lockBit(lockKey{s.obj, 'w'})
		return w, w | a.lockBit(lockKey{s.obj, 'r'})
	case sim.OpGet, sim.OpPut:
		b := a.lockBit(lockKey{s.obj, '0'})
		return b, b
	}
	return 0, 0
}

// lockKey names something to acquire: a lock, for reading, for writing or at all; or the
// last reference of a count.
type lockKey struct {
	obj  sim.ObjectID
	mode byte
}
