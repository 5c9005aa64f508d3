package explore

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// Each program point has a summary of its effects: the accesses that the task may still
// make from there on. Stubborn sets rely on the summaries. They are computed from the
// control-flow graph, as the least fixed point of a data-flow analysis that runs against
// the edges.
//
// The graph has only the edges that runs have taken, so the summaries are optimistic. The
// search is over only if no run has left the graph, or if the edges added then have
// invalidated no assumption. Then the graph was right for every run that was tried. It
// was right for all others, too: the shortest run that leaves the graph could be
// reordered, step by step, into one that was tried and leaves it at the same point.
// (The argument is that of S. D. Stoller and E. Cohen, "Optimistic synchronization-based
// state-space reduction", Formal Methods in System Design 28, 2006.)

// point is a program point of a task, with the step that the task takes from there.
type point struct {
	index   int
	step    step
	steps   int // of its key
	level   int // as long as the graph has no cycle, higher than that of each predecessor
	edges   []edge
	preds   []*point
	effects effects
	orbit   []pointKey // its key under each permutation of the symmetry group
}

// edge leads from a point to the next.
type edge struct {
	to       *point
	acquired lockSet // what the step acquires
}

// lockSet is a set of exclusive resources: a lock, a semaphore for reading or for
// writing, the last reference on a structure. A task acquires one only after every other
// task has released what excludes it.
type lockSet uint64

// effects is the may-access summary of a point's continuation.
type effects struct {
	sticky     bool        // an edge from the point closes a cycle: see cycles.go
	objects    []*accesses // by objectKey; an element may be nil
	structures []*accesses // the same; writes: one frees it; reads: any step within it
}

// accesses are the ways in which an object may be accessed. Each list has a lock set for
// each path to such an access: what the path acquires. Only the minimal sets are kept.
type accesses struct {
	reads, writes, gets, puts []lockSet

	netPuts int // maximum number of puts minus gets on any path, up to maxNetPuts
}

// maxNetPuts exceeds every reference count. A loop in the graph can seem to drop any
// number of references.
const maxNetPuts = 64

// excluded reports whether the locks in held exclude the access on every path.
func excluded(paths []lockSet, held lockSet) bool {
	for _, s := range paths {
		if s&held == 0 {
			return false
		}
	}
	return true
}

// addMinimal adds a set to a list of minimal sets, and reports whether the list has
// changed.
func addMinimal(list *[]lockSet, s lockSet) bool {
	for _, old := range *list {
		if old&^s == 0 {
			return false
		}
	}
	*list = append(slices.DeleteFunc(*list, func(old lockSet) bool { return s&^old == 0 }), s)
	return true
}

// merge adds the accesses of a successor, whose edge acquires the lock set.
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

// object and structure return the accesses to an object and to a structure, for changes.
func (f *effects) object(k objectKey) *accesses    { return entry(&f.objects, k) }
func (f *effects) structure(k objectKey) *accesses { return entry(&f.structures, k) }

func entry(list *[]*accesses, k objectKey) *accesses {
	for len(*list) <= int(k) {
		*list = append(*list, nil)
	}
	if (*list)[k] == nil {
		(*list)[k] = &accesses{}
	}
	return (*list)[k]
}

// at returns the accesses of a list, nil if there are none.
func at(list []*accesses, k objectKey) *accesses {
	if int(k) < len(list) {
		return list[k]
	}
	return nil
}

// addStep adds the point's own step to its effects. signalled says that signals are sent
// to the task.
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
		// The step is enabled only once the task has been woken. A further wake-up then
		// commutes with it. Only a signal enables it without a wake-up.
	case s.op.Writes():
		changed = addMinimal(&u.writes, 0) || changed
	default:
		changed = addMinimal(&u.reads, 0) || changed
	}
	return changed
}

// update computes the point's effects from its step and from the effects of its
// successors, and reports whether they have changed.
func (p *point) update(signalled bool) (changed bool) {
	changed = p.addStep(signalled)
	for _, e := range p.edges {
		for i, later := range e.to.effects.objects {
			if later == nil {
				continue
			}
			id := objectKey(i)
			u := p.effects.object(id)
			changed = u.merge(later, e.acquired) || changed
			n := later.netPuts
			if p.step.obj == id {
				n += p.step.refsDropped()
			}
			if n = min(n, maxNetPuts); n > u.netPuts {
				u.netPuts, changed = n, true
			}
		}
		for i, later := range e.to.effects.structures {
			if later != nil {
				changed = p.effects.structure(objectKey(i)).merge(later, e.acquired) || changed
			}
		}
	}
	if u := at(p.effects.objects, p.step.obj); u != nil && p.step.refsDropped() > u.netPuts {
		u.netPuts, changed = p.step.refsDropped(), true
	}
	return changed
}

// lockBits returns what taking the step acquires, and what its holder excludes others
// from acquiring. For a release it returns those of the acquisition that it ends.
func (g *flowGraph) lockBits(s step) (acquire, exclude lockSet) {
	switch s.op {
	case sim.OpLock, sim.OpUnlock:
		b := g.lockBit(lockKey{s.obj, 'x'})
		return b, b
	case sim.OpDownRead, sim.OpUpRead:
		return g.lockBit(lockKey{s.obj, 'r'}), g.lockBit(lockKey{s.obj, 'w'})
	case sim.OpDownWrite, sim.OpUpWrite:
		w := g.lockBit(lockKey{s.obj, 'w'})
		return w, w | g.lockBit(lockKey{s.obj, 'r'})
	case sim.OpGet, sim.OpPut:
		b := g.lockBit(lockKey{s.obj, '0'})
		return b, b
	}
	return 0, 0
}

// lockKey identifies an element of a lock set.
type lockKey struct {
	obj  objectKey
	mode byte // x: a spinlock; r, w: a semaphore for reading, for writing; 0: the last reference
}
