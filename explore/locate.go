package explore

import "github.com/uffdsim/uffdsim/sim"

// Where the tasks of a run are on the map.

// orient finds out where the tasks stand in a state. It reports false if one of them has
// come to a place, or by a way, that is not on the map.
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

// follow brings the state up to date after a task has taken its step.
func (w *worker) advance(c *globalState, mover int) (known bool) {
	known = w.advanceTask(c, mover, c.steps[mover])
	for i, t := range w.world.tasks {
		if s := &c.steps[i]; s.countsRefs() || s.op == sim.OpSchedule {
			*s = w.world.nextStep(t.sim) // the others may have changed what it will find
		}
	}
	return known
}

// move follows the task that has taken a step.
func (w *worker) advanceTask(c *globalState, i int, taken step) (known bool) {
	t, s := w.world.tasks[i].sim, &c.locations[i]
	ended := t.State() == sim.Dead
	if s.live && s.announced == t.Announced() && !ended {
		return true // it queues for a semaphore
	}
	acquired := w.updateHeld(c, s, taken)
	if ended {
		*s, c.steps[i] = location{}, step{}
		return true
	}
	next := w.world.nextStep(t)
	from := *s
	s.key = w.pointKeyOf(i, taken, 0)
	s.live, s.announced, s.point = true, t.Announced(), w.graph.points[s.key]
	s.acquires, _ = w.graph.lockBits(next)
	if next.countsRefs() {
		c.setRefs(next.obj, next.refs, s.acquires)
	}
	c.steps[i] = next
	if known = s.point != nil && (!from.live || from.point != nil && from.point.hasEdge(s.point, acquired)); !known {
		w.recordEdge(i, from, taken, acquired)
	}
	return known
}

// noteTrip writes down a way that is not on the map.
func (w *worker) recordEdge(i int, from location, taken step, acquired lockSet) {
	before := w.walkKeys[i]
	if from.point != nil {
		before = from.point.orbit
	}
	here := make([]pointKey, len(w.taskPerms))
	for k, to := range w.taskPerms {
		led := taken
		if from.live {
			led.obj = before[k].Obj
		}
		here[k] = w.pointKeyOf(i, led, k)
		if i < len(to) {
			here[k].Task = to[i]
		}
	}
	t := edgeRecord{To: here, Acquires: acquired != 0}
	if from.live {
		t.From = before
	}
	w.newEdges = append(w.newEdges, t)
	w.walkKeys[i] = here
}

// keyOf is the key of the place that a task is at, if it came there by the step.
func (w *worker) pointKeyOf(i int, taken step, renaming int) pointKey {
	t := w.world.tasks[i].sim
	next := t.Next()
	obj, in, _ := w.world.exec.ID(next.Obj, renaming)
	return pointKey{
		Task: i, Abstraction: t.Mark(renaming), Steps: t.SinceMark(),
		Op: next.Op, Obj: obj, In: in, PrevOp: taken.op, PrevObj: taken.obj,
	}
}

// leave is what taking the step has brought the task, and what of it others could be
// waiting for.
func (w *worker) updateHeld(c *globalState, s *location, taken step) (acquired lockSet) {
	acquire, exclude := w.graph.lockBits(taken)
	switch taken.op {
	case sim.OpLock, sim.OpDownRead, sim.OpDownWrite:
		s.held |= exclude
		return acquire
	case sim.OpUnlock, sim.OpUpRead, sim.OpUpWrite:
		s.held &^= exclude
	case sim.OpGet, sim.OpPut:
		c.setRefs(taken.obj, taken.refs-taken.refsDropped(), acquire)
		if taken.refsDropped() > 0 && taken.refs == 1 {
			return acquire // there are none left
		}
	}
	return 0
}

// count notes how many references there are.
func (c *globalState) setRefs(of sim.ObjectID, n int, last lockSet) {
	for i := range c.refs {
		if k := &c.refs[i]; k.of == of || k.of == 0 {
			*k = refCount{of, n, last}
			return
		}
	}
}
