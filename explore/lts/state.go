package lts

import "github.com/uffdsim/uffdsim/sim"

// State is a state of the whole program: the locals of its tasks, the contents of the
// objects, and who holds locks and waits for them.
type State struct {
	Locals []*Local // by task

	cells           []uint32 // by object; see locked
	sems            []sem
	queued, granted uint32   // sets of tasks: they wait for a semaphore; they own it
	sum             []uint64 // the hashes of the cells
}

// locked is the bit of a spinlock's cell that says that a task holds it.
const locked = 1 << 31

// Begin sets the state to the one before the first step. The system must know it.
func (st *State) Begin(s *System) {
	st.Locals = append(st.Locals[:0], s.initial...)
	st.cells, st.sems = st.cells[:0], st.sems[:0]
	st.queued, st.granted = 0, 0
	st.sum = append(st.sum[:0], make([]uint64, s.perms)...)
	st.extend(s)
}

// CopyFrom sets the state to another one.
func (st *State) CopyFrom(from *State) {
	st.Locals = append(st.Locals[:0], from.Locals...)
	st.cells = append(st.cells[:0], from.cells...)
	st.sems = append(st.sems[:0], from.sems...)
	st.sum = append(st.sum[:0], from.sum...)
	st.queued, st.granted = from.queued, from.granted
}

// extend adds the objects that the system has learnt about since.
func (st *State) extend(s *System) {
	for i := len(st.cells); i < len(s.objects); i++ {
		st.cells = append(st.cells, s.objects[i].initial)
	}
	for len(st.sems) < len(s.sems) {
		st.sems = append(st.sems, sem{})
	}
}

// value returns the content of an object that holds a plain value.
func (st *State) value(s *System, object uint32) uint64 {
	return s.cells[st.cells[object]&^locked].content[0]
}

// Found returns the value that the task's next step finds in its object, a plain word.
func (st *State) Found(s *System, task int) uint64 {
	st.extend(s)
	return st.value(s, st.Locals[task].object)
}

// TaskState returns the scheduling state of a task.
func (st *State) TaskState(s *System, task int) sim.State {
	return sim.State(st.value(s, s.tasks[task].state))
}

// Queued reports whether the task waits in the queue of a semaphore, or was granted it.
func (st *State) Queued(task int) bool { return st.queued>>task&1 != 0 }

// Enabled returns the set of the tasks that can take their step.
func (st *State) Enabled(s *System) (set uint32) {
	st.extend(s)
	for i, l := range st.Locals {
		if !l.Ended && st.enabled(s, i, l) {
			set |= 1 << i
		}
	}
	return set
}

func (st *State) enabled(s *System, i int, l *Local) bool {
	if st.Queued(i) {
		return st.granted>>i&1 != 0
	}
	switch l.Op {
	case sim.OpLock:
		return st.cells[l.object]&locked == 0
	case sim.OpReadBegin:
		return st.value(s, l.object)%2 == 0
	case sim.OpSchedule:
		return sim.MayRun(st.TaskState(s, i), sim.Signal(st.value(s, s.tasks[i].signals)))
	}
	return true
}

// Step makes an enabled task take its step. If that is to take a semaphore which is not
// free, the task is [State.Queued] afterwards. Step returns false, and leaves the state
// unchanged, if the system has no record of the step.
func (st *State) Step(s *System, i int) (known bool) {
	st.extend(s)
	l := st.Locals[i]
	var sem *sem
	if l.Op == sim.OpDownRead || l.Op == sim.OpDownWrite {
		sem = &st.sems[s.objects[l.object].sem]
		if !st.Queued(i) && !sem.free(l.Op == sim.OpDownWrite) {
			sem.enqueue(i, l.Op == sim.OpDownWrite)
			st.queued |= 1 << i
			return true
		}
	}
	t := st.find(s, l)
	if t == nil {
		return false
	}
	switch l.Op {
	case sim.OpLock:
		st.cells[l.object] |= locked
	case sim.OpUnlock:
		st.cells[l.object] &^= locked
	case sim.OpDownRead, sim.OpDownWrite:
		if st.Queued(i) {
			st.queued &^= 1 << i
			st.granted &^= 1 << i
		} else {
			sem.grant(i, l.Op == sim.OpDownWrite)
		}
	case sim.OpUpRead, sim.OpUpWrite:
		st.granted |= st.sems[s.objects[l.object].sem].release(l.Op == sim.OpUpWrite)
	}
	for _, e := range t.then {
		st.apply(s, e)
	}
	st.Locals[i] = t.to
	return true
}

// find returns the record of the step of a task at a local, nil if there is none. A step
// on a freed structure has none: the program has to run to show what goes wrong.
func (st *State) find(s *System, l *Local) *transition {
	if l.structure != 0 && st.cells[l.structure] != s.objects[l.structure].zero && l.Op != sim.OpAccess && l.Op != sim.OpAccessWrite {
		return nil
	}
next:
	for i := range l.transitions {
		t := &l.transitions[i]
		for _, c := range t.found {
			if st.cells[s.cells[c].object]&^locked != c {
				continue next
			}
		}
		return t
	}
	return nil
}

// apply makes a change. The contents of a freed structure stay, because the processor may
// still find them, but the hashes have only that it is freed.
func (st *State) apply(s *System, e effect) {
	if e.kind == sim.Left {
		st.set(s, e.of, e.cell)
		return
	}
	o := &s.objects[e.of]
	hashed := st.cells[e.of] == o.zero
	if e.kind == sim.Freed {
		for _, m := range o.members {
			if hashed {
				st.addTerms(s, st.cells[m]&^locked, s.objects[m].zero)
			}
		}
		st.set(s, e.of, e.cell)
		return
	}
	for _, m := range o.members {
		if hashed {
			st.set(s, m, s.objects[m].zero)
		} else {
			st.cells[m] = s.objects[m].zero
		}
	}
	st.set(s, e.of, o.zero)
}

// set gives an object a cell.
func (st *State) set(s *System, object, to uint32) {
	from := st.cells[object]
	st.cells[object] = from&locked | to
	st.addTerms(s, from&^locked, to)
}

// addTerms replaces what a cell adds to the hashes by what another one adds.
func (st *State) addTerms(s *System, from, to uint32) {
	if from == to {
		return
	}
	old, now := s.terms[int(from)*s.perms:][:len(st.sum)], s.terms[int(to)*s.perms:][:len(st.sum)]
	for k := range st.sum {
		st.sum[k] += now[k] - old[k]
	}
}

// Hashes appends the hashes of the state, one for each permutation. States with equal
// hashes are equal, up to collisions.
func (st *State) Hashes(s *System, to []uint64) []uint64 {
	n := len(to)
	to = append(to, st.sum...)
	hashes := to[n:]
	for i, l := range st.Locals {
		what := uint64(0) // that the hash of the location does not cover
		switch {
		case l.Ended:
			what = 2
		case st.granted>>i&1 != 0:
			what = 1
		}
		for k := range hashes {
			if what == 0 {
				hashes[k] += l.at[k]
			} else {
				hashes[k] += sim.Mix(l.at[k], what)
			}
		}
	}
	for i := range st.sems {
		st.sems[i].addTo(hashes, &s.objects[s.sems[i]].ids, s.tasks)
	}
	return to
}
