package explore

import "github.com/uffdsim/uffdsim/sim"

// step is what a task is about to do, in terms that hold in every run.
type step struct {
	op  sim.Op
	obj sim.ObjectID
	in  sim.ObjectID // the structure that the object lies in
	// count is how many references there are, if the step counts them.
	refs int
	// signalled says that a sleep is over because of a signal, and not a wake-up.
	signalled bool
}

func (w *World) nextStep(t *sim.Task) step {
	next := t.Next()
	obj, in, _ := w.exec.ID(next.Obj, 0)
	s := step{op: next.Op, obj: obj, in: in}
	switch {
	case s.countsRefs():
		s.refs = int(next.Count())
	case s.op == sim.OpSchedule:
		s.signalled = t.State() != sim.Running
	}
	return s
}

// stepsOf are the steps of the tasks that can go on, each at its task's number.
func (w *World) nextSteps(enabled []*sim.Task, number func(*sim.Task) int, to []step) []step {
	to = append(to[:0], make([]step, maxTasks)...)
	for _, t := range enabled {
		to[number(t)] = w.nextStep(t)
	}
	return to
}

// commutes reports whether the order of two steps of different tasks that are possible
// in one state does not matter.
func (a step) independent(b step) bool {
	switch {
	case a.obj == 0 || b.obj == 0:
		return true
	case a.op == sim.OpFree || b.op == sim.OpFree:
		return a.in != b.in
	case a.obj != b.obj:
		return true
	case a.op.Releases() || b.op.Releases():
		return true
	case a.op == sim.OpSchedule && !a.signalled || b.op == sim.OpSchedule && !b.signalled:
		return true // it has been woken, and another wake-up finds the same before and after
	case a.countsRefs() && b.countsRefs():
		// How many references there are shows only when there are none.
		return a.refs-max(a.refsDropped(), 0)-max(b.refsDropped(), 0) > 0
	}
	return !a.op.Writes() && !b.op.Writes()
}

// counts reports whether the step counts references.
func (a step) countsRefs() bool { return a.op == sim.OpGet || a.op == sim.OpPut }

// drop is by how much the step lowers a count of references.
func (a step) refsDropped() int {
	switch a.op {
	case sim.OpPut:
		return 1
	case sim.OpGet:
		return -1
	}
	return 0
}
