package explore

import "github.com/uffdsim/uffdsim/sim"

// locate computes the locations of all tasks in a state. It reports false if a task is at
// a point that is not in the graph, or reached its point by an edge that is not.
func (w *worker) locate(n *node) (known bool) {
	if w.depth == 0 {
		n.locations = append(n.locations, make([]location, len(w.world.tasks))...)
		n.steps = append(n.steps, make([]step, len(w.world.tasks))...)
		known = true
		for i := range w.world.tasks {
			known = w.advanceTask(&n.globalState, i, step{}) && known
		}
		return known
	}
	parent := &w.path[w.depth-1]
	n.locations = append(n.locations, parent.locations...)
	n.steps = append(n.steps, parent.steps...)
	n.refs = parent.refs
	return w.advance(&n.globalState, parent.chosen)
}

// advance updates the locations after a task has taken its step. It reports whether the
// edge is in the graph.
func (w *worker) advance(gs *globalState, mover int) (known bool) {
	known = w.advanceTask(gs, mover, gs.steps[mover])
	for i, t := range w.world.tasks {
		if s := &gs.steps[i]; s.countsRefs() || s.op == sim.OpSchedule {
			*s = w.world.nextStep(t.sim) // another task may have changed what it finds
		}
	}
	return known
}

// advanceTask updates the location of task i, which has taken a step.
func (w *worker) advanceTask(gs *globalState, i int, taken step) (known bool) {
	t, s := w.world.tasks[i].sim, &gs.locations[i]
	ended := t.State() == sim.Dead
	if s.live && s.announced == t.Announced() && !ended {
		return true // it is queued for a semaphore
	}
	acquired := w.updateHeld(gs, s, taken)
	if ended {
		*s, gs.steps[i] = location{}, step{}
		return true
	}
	next := w.world.nextStep(t)
	from := *s
	s.key = w.pointKeyOf(i, taken, 0)
	s.live, s.announced, s.point = true, t.Announced(), w.graph.points[s.key]
	s.acquires, _ = w.graph.lockBits(next)
	if next.countsRefs() {
		gs.setRefs(next.obj, next.refs, s.acquires)
	}
	gs.steps[i] = next
	if known = s.point != nil && (!from.live || from.point != nil && from.point.hasEdge(s.point, acquired)); !known {
		w.recordEdge(i, from, taken, acquired)
	}
	return known
}

// recordEdge records an edge that is not in the graph.
func (w *worker) recordEdge(i int, from location, taken step, acquired lockSet) {
	source := w.walkKeys[i]
	if from.point != nil {
		source = from.point.orbit
	}
	target := make([]pointKey, len(w.taskPerms))
	for k, to := range w.taskPerms {
		led := taken
		if from.live {
			led.obj = source[k].Obj
		}
		target[k] = w.pointKeyOf(i, led, k)
		if i < len(to) {
			target[k].Task = to[i]
		}
	}
	e := edgeRecord{To: target, Acquires: acquired != 0}
	if from.live {
		e.From = source
	}
	w.newEdges = append(w.newEdges, e)
	w.walkKeys[i] = target
}

// pointKeyOf returns the key, under a permutation, of the point that task i has reached
// by the step.
func (w *worker) pointKeyOf(i int, taken step, permutation int) pointKey {
	t := w.world.tasks[i].sim
	op, obj, in := w.world.announced(t, permutation)
	return pointKey{
		Task: i, Abstraction: t.Abstraction(permutation), Steps: t.StepsSinceAbstraction(),
		Op: op, Obj: obj, In: in, PrevOp: taken.op, PrevObj: taken.obj,
	}
}

// updateHeld updates the location's lock set and the reference counts after a step. It
// returns what the step has acquired.
func (w *worker) updateHeld(gs *globalState, s *location, taken step) (acquired lockSet) {
	acquire, exclude := w.graph.lockBits(taken)
	switch taken.op {
	case sim.OpLock, sim.OpDownRead, sim.OpDownWrite:
		s.held |= exclude
		return acquire
	case sim.OpUnlock, sim.OpUpRead, sim.OpUpWrite:
		s.held &^= exclude
	case sim.OpGet, sim.OpPut:
		gs.setRefs(taken.obj, taken.refs-taken.refsDropped(), acquire)
		if taken.refsDropped() > 0 && taken.refs == 1 {
			return acquire // it dropped the last reference
		}
	}
	return 0
}

// setRefs sets the number of references on a structure, if it is one of those that are
// followed or there is room.
func (gs *globalState) setRefs(of sim.ObjectID, n int, last lockSet) {
	for i := range gs.refs {
		if k := &gs.refs[i]; k.of == of || k.of == 0 {
			*k = refCount{of, n, last}
			return
		}
	}
}
