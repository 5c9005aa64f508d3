package explore

import "github.com/uffdsim/uffdsim/sim"

// Where the tasks of a run are on the map.

// orient finds out where the tasks stand in a state. It reports false if one of them has
// come to a place, or by a way, that is not on the map.
func (w *worker) orient(n *node) (known bool) {
	if w.depth == 0 {
		n.stands = append(n.stands, make([]stand, len(w.world.tasks))...)
		n.steps = append(n.steps, make([]step, len(w.world.tasks))...)
		known = true
		for i := range w.world.tasks {
			known = w.move(&n.crowd, i, step{}) && known
		}
		return known
	}
	parent := &w.path[w.depth-1]
	n.stands = append(n.stands, parent.stands...)
	n.steps = append(n.steps, parent.steps...)
	n.counts = parent.counts
	return w.follow(&n.crowd, parent.chosen)
}

// follow brings the state up to date after a task has taken its step.
func (w *worker) follow(c *crowd, mover int) (known bool) {
	known = w.move(c, mover, c.steps[mover])
	for i, t := range w.world.tasks {
		if s := &c.steps[i]; s.counts() || s.op == sim.OpSchedule {
			*s = w.world.stepOf(t.sim) // the others may have changed what it will find
		}
	}
	return known
}

// move follows the task that has taken a step.
func (w *worker) move(c *crowd, i int, taken step) (known bool) {
	t, s := w.world.tasks[i].sim, &c.stands[i]
	ended := t.State() == sim.Dead
	if s.live && s.announced == t.Announced() && !ended {
		return true // it queues for a semaphore
	}
	acquired := w.leave(c, s, taken)
	if ended {
		*s, c.steps[i] = stand{}, step{}
		return true
	}
	next := w.world.stepOf(t)
	from := *s
	s.key = w.keyOf(i, taken, 0)
	s.live, s.announced, s.place = true, t.Announced(), w.atlas.places[s.key]
	s.wants, _ = w.atlas.lockBits(next)
	if next.counts() {
		c.count(next.obj, next.count, s.wants)
	}
	c.steps[i] = next
	if known = s.place != nil && (!from.live || from.place != nil && from.place.knows(s.place, acquired)); !known {
		w.noteTrip(i, from, taken, acquired)
	}
	return known
}

// noteTrip writes down a way that is not on the map.
func (w *worker) noteTrip(i int, from stand, taken step, acquired lockSet) {
	before := w.lostAt[i]
	if from.place != nil {
		before = from.place.twins
	}
	here := make([]placeKey, len(w.permuted))
	for k, to := range w.permuted {
		led := taken
		if from.live {
			led.obj = before[k].Obj
		}
		here[k] = w.keyOf(i, led, k)
		if i < len(to) {
			here[k].Task = to[i]
		}
	}
	t := trip{To: here, Acquires: acquired != 0}
	if from.live {
		t.From = before
	}
	w.trips = append(w.trips, t)
	w.lostAt[i] = here
}

// keyOf is the key of the place that a task is at, if it came there by the step.
func (w *worker) keyOf(i int, taken step, renaming int) placeKey {
	t := w.world.tasks[i].sim
	next := t.Next()
	obj, in, _ := w.world.exec.ID(next.Obj, renaming)
	return placeKey{
		Task: i, Mark: t.Mark(renaming), Announced: t.SinceMark(),
		Op: next.Op, Obj: obj, In: in, Before: taken.op, Prior: taken.obj,
	}
}

// leave is what taking the step has brought the task, and what of it others could be
// waiting for.
func (w *worker) leave(c *crowd, s *stand, taken step) (acquired lockSet) {
	acquire, exclude := w.atlas.lockBits(taken)
	switch taken.op {
	case sim.OpLock, sim.OpDownRead, sim.OpDownWrite:
		s.held |= exclude
		return acquire
	case sim.OpUnlock, sim.OpUpRead, sim.OpUpWrite:
		s.held &^= exclude
	case sim.OpGet, sim.OpPut:
		c.count(taken.obj, taken.count-taken.drop(), acquire)
		if taken.drop() > 0 && taken.count == 1 {
			return acquire // there are none left
		}
	}
	return 0
}

// count notes how many references there are.
func (c *crowd) count(of sim.ObjectID, n int, last lockSet) {
	for i := range c.counts {
		if k := &c.counts[i]; k.of == of || k.of == 0 {
			*k = count{of, n, last}
			return
		}
	}
}
