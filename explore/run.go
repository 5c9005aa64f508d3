package explore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unsafe"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
)

// Run is one run of a program, on an executor of its own.
type Run struct {
	host    host
	exec    *sim.Controlled
	tasks   []*Task
	outcome func() string             // returns the outcome of the run; nil for that of the tasks
	wanted  func(outcome string) bool // that of the options
	firstID int                       // of the first task, as an ID of the executor
	atEnd   []func() error

	perms     []sim.Permutation // the symmetry group, for the fingerprints
	taskPerms [][]int           // the same, as permutations of the tasks
	alike     int               // the number of first tasks that the group permutes
	groups    [][]Member        // of interchangeable tasks

	later       []*Task // that tasks have started, in ascending order of ID
	startsTasks bool    // a task starts tasks

	invariants []func() error
	observed   map[unsafe.Pointer]bool // words that invariants read
	everyState bool                    // an invariant may read anything
}

// Task is a task of a run, with its outcome.
type Task struct {
	Name    string
	Outcome string // the result of its function, or "killed"; "" until it ends
	Sleeper bool   // it may be asleep in a final state

	sim   *sim.Task
	ended bool
}

// Sim returns the task as package sim knows it, for [sim.Task.WakeUpState].
func (t *Task) Sim() *sim.Task { return t.sim }

// addTask adds a task that the executor does not have yet.
func (r *Run) addTask(name string) *Task {
	task := r.newTask(name)
	r.tasks = append(r.tasks, task)
	return task
}

// newTask creates a task. It panics if a schedule could not name the task.
func (r *Run) newTask(name string) *Task {
	if name == "" || strings.ContainsAny(name, "*= \t\r\n") || strings.HasSuffix(name, ".buffer") {
		panic(fmt.Sprintf("explore: a schedule cannot name the task %q: it is empty, has a space, * or =, or ends in .buffer", name))
	}
	if slices.ContainsFunc(r.allTasks(), func(t *Task) bool { return t.Name == name }) {
		panic(fmt.Sprintf("explore: there are two tasks %q", name))
	}
	return &Task{Name: name}
}

// Go adds a task, whose outcome is the result of body. A task that is not a Sleeper must
// end in every run. Call it before the run begins; a task calls [Run.Start].
func (r *Run) Go(name string, body func(t *sim.Task) string) *Task {
	task := r.addTask(name)
	task.sim = r.exec.Go(name, nil, r.running(task, body))
	return task
}

// running returns the function that runs a task's body.
func (r *Run) running(task *Task, body func(t *sim.Task) string) func(t *sim.Task) {
	return func(t *sim.Task) {
		outcome := body(t)
		r.At(t, outcome)
		task.ended, task.Outcome = true, outcome
	}
}

// GoIn is [Run.Go] for a task of a process of the modelled machine.
func (r *Run) GoIn(p *machine.Process, name string, body func(t *machine.Task) string) *Task {
	task := r.addTask(name)
	var outcome string
	task.sim = p.Go(name, func(t *machine.Task) {
		outcome = body(t)
		r.At(t.Task, outcome)
	}, func(killed bool) {
		task.ended, task.Outcome = true, outcome
		if killed {
			task.Outcome = "killed"
		}
	})
	return task
}

// Ended reports whether the task has ended.
func (t *Task) Ended() bool { return t.ended }

// AtEnd adds a check of the final state, in which no task is enabled. Words are read with
// [sim.Word.Peek] there.
func (r *Run) AtEnd(check func() error) { r.atEnd = append(r.atEnd, check) }

// At declares the task's live local state: the program point, whose name is unique in the
// task, and all variables that the rest of the program reads. The search then treats
// tasks with equal live state as equal, whatever their histories. Without At every
// history is a state of its own, and a loop multiplies the states. A missing variable
// makes the search unsound: it merges states that differ, and nothing reports that.
func (r *Run) At(t *sim.Task, point string, variables ...uint64) {
	t.Abstract(func(permutation int) uint64 {
		h := fnv.New64a()
		h.Write([]byte(point))
		for _, v := range variables {
			if image := r.perms[permutation].Address; image != nil {
				v = image(v)
			}
			h.Write(binary.LittleEndian.AppendUint64(nil, v))
		}
		return h.Sum64()
	})
}

// Label gives a structure that tasks share a label, so that the words, locks and wait
// queues in it have names in diagrams, and can be recognised in other runs. The pair of
// name and number must be unique in the run.
func Label[T any](r *Run, p *T, name string, n uint64) { sim.LabelIn(r.exec, p, name, n) }

// enableFingerprints makes the executor compute fingerprints under each permutation of a
// symmetry group: see [symmetryGroup].
func (r *Run) enableFingerprints(perms []sim.Permutation, taskPerms [][]int) {
	r.perms, r.taskPerms = perms, taskPerms
	r.exec.Fingerprint(perms...)
}

// fingerprints appends the hashes of the current state, one for each permutation.
func (r *Run) fingerprints(to []uint64) []uint64 {
	to = r.exec.States(to)
	r.host.addState(to)
	return to
}

// Outcome returns the outcomes of all tasks: "t1=A t2=SIGBUS". If tasks are
// interchangeable, it sorts their outcomes, so that it is the same for a whole orbit.
func (r *Run) Outcome() string {
	if r.outcome != nil {
		return r.outcome()
	}
	tasks := r.allTasks()
	what := make([]string, len(tasks))
	for i, t := range tasks {
		what[i] = t.Outcome
		if !t.ended {
			what[i] = "asleep"
		}
	}
	if len(r.taskPerms) > 1 {
		slices.Sort(what[:r.alike])
		r.sortMembers(what)
	}
	parts := make([]string, 0, len(tasks))
	for i, t := range tasks {
		if what[i] != "" {
			parts = append(parts, t.Name+"="+what[i])
		}
	}
	return strings.Join(parts, " ")
}

// simTasks returns the tasks as package sim knows them.
func (r *Run) simTasks() []*sim.Task {
	tasks := make([]*sim.Task, len(r.tasks))
	for i, t := range r.tasks {
		tasks[i] = t.sim
	}
	return tasks
}

// check checks a final state.
func (r *Run) check() error {
	for _, t := range r.allTasks() {
		if !t.ended && !t.Sleeper {
			return fmt.Errorf("%s: %s is asleep forever (%v)", rule.LostWakeUp, t.Name, t.sim.State())
		}
	}
	for _, check := range r.atEnd {
		if err := check(); err != nil {
			return err
		}
	}
	if err := r.host.checkFinal(); err != nil {
		return err
	}
	if r.wanted != nil && r.wanted(r.Outcome()) {
		return ErrReached
	}
	return nil
}

// discard ends the run.
func (r *Run) discard() {
	r.exec.Stop()
	r.host.recycle()
}
