package explore

import "github.com/uffdsim/uffdsim/sim"

// step is a task's next visible step (its next transition), in terms that hold in every
// run.
type step struct {
	op  sim.Op
	obj objectKey
	in  objectKey // the structure that contains the object
	// refs is the number of references, if the step changes it.
	refs int
	// signalled says that a signal ended the sleep, not a wake-up.
	signalled bool
}

// objectKey identifies an object or a structure, 0 none. In a composed search it is the
// control-flow graph's number for it, otherwise its [sim.ObjectID].
type objectKey uint64

// nextStep returns the next step of a task.
func (r *Run) nextStep(t *sim.Task) step {
	op, obj, in := r.announced(t, 0)
	s := step{op: op, obj: objectKey(obj), in: objectKey(in)}
	switch {
	case s.countsRefs():
		s.refs = int(t.Next().Count())
	case s.op == sim.OpSchedule:
		s.signalled = t.State() != sim.Running
	}
	return s
}

// nextSteps returns the next steps of the enabled tasks, indexed by task.
func (r *Run) nextSteps(enabled []*sim.Task, number func(*sim.Task) int, to []step) []step {
	to = append(to[:0], make([]step, maxTasks)...)
	for _, t := range enabled {
		to[number(t)] = r.nextStep(t)
	}
	return to
}

// independent reports whether two steps of different tasks that are enabled in one state
// commute: neither disables the other, and both orders lead to the same state.
func (s step) independent(other step) bool {
	switch {
	case s.obj == 0 || other.obj == 0:
		return true
	case s.op == sim.OpFree || other.op == sim.OpFree:
		return s.in != other.in
	case s.obj != other.obj:
		return true
	case s.op.Releases() || other.op.Releases():
		return true
	case s.op == sim.OpSchedule && !s.signalled || other.op == sim.OpSchedule && !other.signalled:
		return true // the task has been woken, so another wake-up has no effect
	case s.countsRefs() && other.countsRefs():
		// A count can be observed only when it drops to zero.
		return s.refs-max(s.refsDropped(), 0)-max(other.refsDropped(), 0) > 0
	}
	return !s.op.Writes() && !other.op.Writes()
}

// countsRefs reports whether the step changes a count of references.
func (s step) countsRefs() bool { return s.op == sim.OpGet || s.op == sim.OpPut }

// refsDropped returns by how much the step lowers a count of references.
func (s step) refsDropped() int {
	switch s.op {
	case sim.OpPut:
		return 1
	case sim.OpGet:
		return -1
	}
	return 0
}
