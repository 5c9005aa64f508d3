package lts

import (
	"fmt"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// Recorder follows a run of the program on a controlled executor, checks it against the
// system, and adds what the system does not know. The executor must record into its
// Recording.
type Recorder struct {
	Recording sim.Recording

	system *System
	exec   *sim.Controlled
	tasks  []*sim.Task
	state  State
	added  []Added

	scratch transition
}

// Added is a transition that was not known before. From is nil for the first local of a
// task.
type Added struct {
	From, To *Local
	Found    uint64 // the value that the step found in its object
}

// HiddenError says that a task has done something that does not follow from its location
// and from what it has found: it depends on data, or changes data, that the recording
// does not contain.
type HiddenError struct {
	Task string
	What string
}

// Error names the task.
func (e *HiddenError) Error() string {
	return fmt.Sprintf("explore: task %s: %s; tasks may share data only through package sim", e.Task, e.What)
}

// NewRecorder returns a recorder for the system.
func NewRecorder(s *System) *Recorder { return &Recorder{system: s} }

// Begin begins a run, whose tasks have announced their first steps.
func (r *Recorder) Begin(exec *sim.Controlled, tasks []*sim.Task) error {
	r.exec, r.tasks, r.added = exec, tasks, r.added[:0]
	s := r.system
	first := s.initial == nil
	for i, t := range tasks {
		l := r.localOf(i, nil, "")
		if first {
			s.initial = append(s.initial, l)
			state, signals := exec.StateObject(t), exec.SignalsObject(t)
			s.tasks[i].state = s.objectOf(&state, s.nothing())
			s.tasks[i].signals = s.objectOf(&signals, s.nothing())
			r.added = append(r.added, Added{To: l})
		} else if s.initial[i] != l {
			return r.hidden(i, "begins differently in another run")
		}
	}
	r.state.Begin(s)
	r.Recording.Reset()
	exec.Record(&r.Recording)
	return nil
}

// Added returns the transitions that the run has added so far.
func (r *Recorder) Added() []Added { return r.added }

// Step records that task i has taken its step. outcome is the task's outcome if it has
// ended.
func (r *Recorder) Step(i int, outcome string) error {
	r.exec.EndTransition()
	defer r.Recording.Reset()
	s, st, t := r.system, &r.state, r.tasks[i]
	from := st.Locals[i]
	if from.Ended || st.Enabled(s)>>i&1 == 0 {
		return r.hidden(i, fmt.Sprintf("takes its step, %v, where it should wait", from.Op))
	}
	waits := t.Queued()
	if !waits {
		if err := r.addTransition(i, from, outcome); err != nil {
			return err
		}
	}
	switch known := st.Step(s, i); {
	case !known:
		return r.hidden(i, fmt.Sprintf("takes a step on a freed structure, %v", from.Op))
	case st.Queued(i) != waits:
		return r.hidden(i, fmt.Sprintf("has to wait for a semaphore, or not, where it should be the other way round (%v)", from.Op))
	}
	return nil
}

// addTransition adds a record of the transition that the task has just made, unless there
// is one.
func (r *Recorder) addTransition(i int, from *Local, outcome string) error {
	s, st := r.system, &r.state
	now := transition{found: r.scratch.found[:0], then: r.scratch.then[:0]} // reused if the transition is known
	var changed []uint32                                                    // structures
	for k := range r.Recording.Accesses {
		a := &r.Recording.Accesses[k]
		switch a.Kind {
		case sim.Found:
			if in, known := s.structure(a.In); known && slices.Contains(changed, in) {
				continue // it follows from what the task has done
			}
			o := r.objectOf(a, a.Content)
			st.extend(s)
			c := s.cellOf(o, a.Content)
			if st.cells[o]&^locked != c {
				return r.hidden(i, fmt.Sprintf("finds a content that nothing has put there (%v)", from.Op))
			}
			now.found = append(now.found, c)
		case sim.Left:
			o := r.objectOf(a, a.Before)
			st.extend(s)
			now.then = append(now.then, effect{sim.Left, o, s.cellOf(o, a.Content)})
		default:
			ids := a.Structure()
			o := s.structureOf(&ids)
			st.extend(s)
			changed = append(changed, o)
			s.objects[o].born = s.objects[o].born || a.Kind == sim.Born
			mark := s.nothing()
			if a.Kind == sim.Freed {
				for j := range mark {
					mark[j] = freed
				}
			}
			now.then = append(now.then, effect{a.Kind, o, s.cellOf(o, mark)})
		}
	}
	r.scratch = now
	now.to = r.localOf(i, from, outcome)
	if from.object == 0 {
		from.object = s.byID[from.Obj.IDs[0]]
	}
	for k := range from.transitions {
		t := &from.transitions[k]
		if !slices.Equal(t.found, now.found) {
			continue
		}
		if t.to != now.to || !slices.Equal(t.then, now.then) {
			return r.hidden(i, fmt.Sprintf("has found what it found in another run, and does something else after %v", from.Op))
		}
		return nil
	}
	if st.find(s, from) != nil {
		return r.hidden(i, fmt.Sprintf("looks at other objects than before (%v)", from.Op))
	}
	r.added = append(r.added, Added{from, now.to, r.foundValue(from)})
	from.transitions = append(from.transitions, now)
	r.scratch = transition{}
	return nil
}

// objectOf returns the number of the object of an access. If it is new, it holds the
// content before the first step.
func (r *Recorder) objectOf(a *sim.Access, before []uint64) uint32 {
	if i, ok := r.system.byID[a.ID]; ok {
		return i
	}
	o := r.exec.ObjectOf(a)
	return r.system.objectOf(&o, before)
}

// foundValue returns the value in the object of a local's step.
func (r *Recorder) foundValue(l *Local) uint64 {
	if l.object == 0 {
		return 0
	}
	return r.state.value(r.system, l.object)
}

// localOf returns the local at which the task is. The one before was from.
func (r *Recorder) localOf(i int, from *Local, outcome string) *Local {
	s, t := r.system, r.tasks[i]
	key := localKey{task: i, at: r.exec.Location(t, 0), ended: t.State() == sim.Dead}
	if from != nil {
		key.prevOp, key.prevObj = from.Op, from.Obj.IDs[0]
	}
	if old := s.byKey[key]; old != nil {
		return old
	}
	l := &Local{Index: len(s.locals), Task: i, Ended: key.ended}
	for k := range s.perms {
		l.at[k] = r.exec.Location(t, k)
	}
	if from != nil {
		l.PrevOp, l.PrevObj = from.Op, from.Obj.IDs
	}
	if l.Ended {
		l.Outcome = outcome
	} else {
		next := t.Next()
		l.Op, l.Obj, l.Steps = next.Op, r.exec.Object(next.Obj), t.StepsSinceAbstraction()
		for k := range s.perms {
			l.Abstraction[k] = t.Abstraction(k)
		}
		if next.Obj != nil {
			l.structure = s.structureOf(&l.Obj.In)
			if content, ok := r.exec.Content(t, next); ok {
				l.object = s.objectOf(&l.Obj, content[:s.perms])
			}
			if l.Op == sim.OpDownRead || l.Op == sim.OpDownWrite {
				s.addSem(l.object)
			}
		}
	}
	s.locals = append(s.locals, l)
	s.byKey[key] = l
	return l
}

// hidden returns an error about a task.
func (r *Recorder) hidden(i int, what string) error {
	next := r.tasks[i].Next()
	return &HiddenError{Task: r.tasks[i].Name(), What: fmt.Sprintf("%s (its next step: %v %s)", what, next.Op, r.exec.ObjectName(next.Obj))}
}
