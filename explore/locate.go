package explore

import (
	"github.com/uffdsim/uffdsim/explore/lts"
	"github.com/uffdsim/uffdsim/sim"
)

// site is what the search needs to know about a local: its program point, and the step
// that the task takes next.
type site struct {
	point            *point
	step             step
	acquire, exclude lockSet // what the step acquires, and what its holder excludes others from
}

// locate computes the locations and the next steps of all tasks in the state of a node,
// which the chosen task of its parent has led to. parent is nil for the root.
func (w *worker) locate(n, parent *node) {
	if parent == nil {
		n.locations = append(n.locations, make([]location, len(n.state.Locals))...)
		n.steps = append(n.steps, make([]step, len(n.state.Locals))...)
		for i := range n.locations {
			w.arrive(n, i)
		}
		return
	}
	n.locations = append(n.locations, parent.locations...)
	n.steps = append(n.steps, parent.steps...)
	n.refs = parent.refs
	if i := parent.chosen; !n.state.Queued(i) {
		w.leave(n, i, parent.state.Locals[i])
		w.arrive(n, i)
	}
	for i := range n.steps { // another task may have changed what the step finds
		switch s := &n.steps[i]; s.op {
		case sim.OpGet, sim.OpPut, sim.OpSchedule:
			w.look(n, i)
		}
	}
}

// leave updates the lock set and the reference counts after a task's step from a local.
func (w *worker) leave(n *node, i int, from *lts.Local) {
	at, taken, s := &w.sites[from.Index], n.steps[i], &n.locations[i]
	switch taken.op {
	case sim.OpLock, sim.OpDownRead, sim.OpDownWrite:
		s.held |= at.exclude
	case sim.OpUnlock, sim.OpUpRead, sim.OpUpWrite:
		s.held &^= at.exclude
	case sim.OpGet, sim.OpPut:
		n.setRefs(taken.obj, taken.refs-taken.refsDropped(), at.acquire)
	}
}

// arrive updates the location and the next step of a task that has reached a local.
func (w *worker) arrive(n *node, i int) {
	l := n.state.Locals[i]
	if l.Ended {
		n.locations[i], n.steps[i] = location{}, step{}
		return
	}
	at, s := &w.sites[l.Index], &n.locations[i]
	s.live, s.point, s.acquires = true, at.point, at.acquire
	n.steps[i] = at.step
	w.look(n, i)
	if n.steps[i].countsRefs() {
		n.setRefs(at.step.obj, n.steps[i].refs, s.acquires)
	}
}

// look updates what a task's next step depends on besides its local.
func (w *worker) look(n *node, i int) {
	switch s := &n.steps[i]; s.op {
	case sim.OpGet, sim.OpPut:
		s.refs = int(n.state.Found(w.system, i))
	case sim.OpSchedule:
		s.signalled = n.state.TaskState(w.system, i) != sim.Running
	}
}

// setRefs sets the number of references on a structure, if it is one of those that are
// followed or there is room.
func (gs *globalState) setRefs(of objectKey, n int, last lockSet) {
	for i := range gs.refs {
		if k := &gs.refs[i]; k.of == of || k.of == 0 {
			*k = refCount{of, n, last}
			return
		}
	}
}
