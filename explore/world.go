package explore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// Setup is a small program whose interleavings are explored.
type Setup struct {
	Name string
	// Doc lists the tasks, in a line.
	Doc string
	// Faulters is the number of faulting tasks, unless [Options].Faulters says otherwise.
	Faulters int
	// Symmetry is that of the faulters.
	Symmetry Symmetry
	// Prepare, unless nil, extends the setup of the machine before the tasks exist.
	Prepare func(w *World, t *machine.Task) error
	// Tasks creates the tasks. Memory is mapped and registered already.
	Tasks func(w *World)
	// Check, unless nil, checks the final state, in which no task is enabled.
	Check func(w *World) error
}

// World is one run of a setup, with a machine of its own.
type World struct {
	Faulters int
	Process  *machine.Process
	Ctx      *uffd.Ctx
	Fd       int
	Child    *machine.Process // the child of a setup that forks, else nil

	profile *kernel.Profile
	exec    *sim.Controlled
	machine *machine.Machine
	tasks   []*Task

	perms     []sim.Permutation // the symmetry group, for the fingerprints
	taskPerms [][]int           // the same, as permutations of the tasks
}

// Task is a task of a world, with its outcome.
type Task struct {
	Name    string
	Outcome string // the result of its function, or "killed"; "" until it ends
	Sleeper bool   // it may be asleep in a final state

	sim       *sim.Task
	ended     bool
	announced bool // it has set a sleeping state
	looked    bool // it has then found the context not released
	safe      bool // it had done both when the release began
}

// Arena is the address of the world's memory. Its first pages are registered. The pages
// at Plain are not registered, and the first of them is present. Each further faulter has
// the same layout, mm.PMDSize above the one before.
const (
	Arena      = 0x200000
	arenaPages = 4
	Plain      = Arena + 16*mm.PageSize
)

// firstTask is the ID of a world's first task. ID 0 is the task of the setup.
const firstTask = 1

// Go adds a task, whose outcome is the result of body. A task that is not a Sleeper must
// end in every run.
func (w *World) Go(name string, body func(t *machine.Task) string) *Task {
	return w.goIn(w.Process, name, body)
}

// goIn is Go for a task of the process p.
func (w *World) goIn(p *machine.Process, name string, body func(t *machine.Task) string) *Task {
	task := &Task{Name: name}
	w.tasks = append(w.tasks, task)
	var outcome string
	task.sim = p.Go(name, func(t *machine.Task) {
		outcome = body(t)
		w.At(t, outcome)
	}, func(killed bool) {
		task.ended, task.Outcome = true, outcome
		if killed {
			task.Outcome = "killed"
		}
	})
	return task
}

// At declares the task's live local state: the program point, whose name is unique in the
// task, and all variables that the rest of the program reads. The search then treats
// tasks with equal live state as equal, whatever their histories. Without At every
// history is a state of its own, and a loop multiplies the states. A missing variable
// makes the search unsound: it merges states that differ, and nothing reports that.
func (w *World) At(t *machine.Task, point string, variables ...uint64) {
	t.Abstract(func(permutation int) uint64 {
		h := fnv.New64a()
		h.Write([]byte(point))
		for _, v := range variables {
			if image := w.perms[permutation].Address; image != nil {
				v = image(v)
			}
			h.Write(binary.LittleEndian.AppendUint64(nil, v))
		}
		return h.Sum64()
	})
}

// observe updates the check against spurious SIGBUS before a task takes its step. A task
// that has set a sleeping state, and has then found the context not released, must not
// get SIGBUS from a release that begins later. (The check depends on the load of
// released, not on the sleep itself, because independent steps can change the order of
// the sleep and the release.) With store buffers a release begins when its store reaches
// memory.
func (w *World) observe(chosen *sim.Task) {
	t, next := w.tasks[chosen.ID()-firstTask], chosen.Next() // a store buffer has its task's ID
	released := w.Ctx.ReleasedWord()
	switch {
	case next.Op == sim.OpSetState:
		t.announced = true
	case !next.Touches(released):
	case next.Op == sim.OpStore:
		for _, t := range w.tasks {
			t.safe = t.looked
		}
	case t.announced && released.Glance(chosen) == 0:
		t.looked = true
	}
}

// enableFingerprints makes the executor compute fingerprints under each permutation of a
// symmetry group: see [symmetryGroup].
func (w *World) enableFingerprints(perms []sim.Permutation, taskPerms [][]int) {
	w.perms, w.taskPerms = perms, taskPerms
	w.exec.Fingerprint(perms...)
}

// fingerprints appends the hashes of the current state, one for each permutation. They
// cover the machine and what observe has recorded.
func (w *World) fingerprints(to []uint64) []uint64 {
	to = w.exec.States(to)
	var announced, looked, safe uint32
	for i, t := range w.tasks {
		switch {
		case t.ended && t.Outcome != "SIGBUS":
			continue // dead: no check depends on it
		case t.safe:
			safe |= 1 << i
		case t.looked:
			looked |= 1 << i
		case t.announced:
			announced |= 1 << i
		}
	}
	for k, p := range w.taskPerms {
		to[k] += 0x9e3779b97f4a7c15 * (uint64(permuteSet(announced, p))<<40 | uint64(permuteSet(looked, p))<<20 | uint64(permuteSet(safe, p)))
	}
	return to
}

// Outcome returns the outcomes of all tasks: "t1=A t2=SIGBUS". If the faulters are
// interchangeable, it sorts their outcomes, so that it is the same for a whole orbit.
func (w *World) Outcome() string {
	what := make([]string, len(w.tasks))
	for i, t := range w.tasks {
		what[i] = t.Outcome
		if !t.ended {
			what[i] = "asleep"
		}
	}
	if len(w.taskPerms) > 1 {
		slices.Sort(what[:w.Faulters])
	}
	parts := make([]string, 0, len(w.tasks))
	for i, t := range w.tasks {
		if what[i] != "" {
			parts = append(parts, t.Name+"="+what[i])
		}
	}
	return strings.Join(parts, " ")
}

// check checks a final state.
func (w *World) check(s *Setup) error {
	for _, t := range w.tasks {
		switch {
		case !t.ended && !t.Sleeper:
			return fmt.Errorf("%s: %s is asleep forever (%v)", rule.LostWakeUp, t.Name, t.sim.State())
		case t.safe && t.Outcome == "SIGBUS":
			return fmt.Errorf("%s: %s slept when the close began", rule.SpuriousBus, t.Name)
		}
	}
	if s.Check != nil {
		if err := s.Check(w); err != nil {
			return err
		}
	}
	if err := w.Process.MM.CheckInvariants(nil); err != nil {
		return err
	}
	if w.Ctx.Freed() {
		return nil
	}
	open := w.Process.Files().File(w.Fd) != nil || w.Ctx.Refs() > 0 && !w.Ctx.Released()
	return w.Ctx.CheckInvariants(open)
}
