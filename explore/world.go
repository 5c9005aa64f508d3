package explore

import (
	"cmp"
	"fmt"

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
	*Run
	Faulters int
	Process  *machine.Process
	Ctx      *uffd.Ctx
	Fd       int
	Child    *machine.Process // the child of a setup that forks, else nil

	setup   *Setup
	profile *kernel.Profile
	machine *machine.Machine

	// Sets of tasks, as bit masks, for the check against spurious SIGBUS: see observe.
	announced uint32 // have set a sleeping state
	looked    uint32 // have then found the context not released
	safe      uint32 // had done both when the release began
}

// Arena is the address of the world's memory. Its first pages are registered. The pages
// at Plain are not registered, and the first of them is present. Each further faulter has
// the same layout, mm.PMDSize above the one before.
const (
	Arena      = 0x200000
	arenaPages = 4
	Plain      = Arena + 16*mm.PageSize
)

func (s *Setup) name() string { return s.Name }

func (s *Setup) complete(opts *Options) { opts.Faulters = cmp.Or(opts.Faulters, s.Faulters) }

func (s *Setup) symmetryGroup(opts *Options) ([]sim.Permutation, [][]int) {
	return symmetryGroup(opts.symmetry(s), opts.Faulters)
}

func (s *Setup) newRun(f *factory, strategy sim.Strategy, opts *Options) (*Run, error) {
	w, err := f.newWorld(strategy, s, opts)
	if err != nil {
		return nil, err
	}
	return w.Run, nil
}

// firstTask is the ID of a program's first task. ID 0 is the task of the setup of the
// machine, if there is one.
const firstTask = 1

// Go adds a task, whose outcome is the result of body. A task that is not a Sleeper must
// end in every run.
func (w *World) Go(name string, body func(t *machine.Task) string) *Task {
	return w.GoIn(w.Process, name, body)
}

// At is [Run.At] for a task of the machine.
func (w *World) At(t *machine.Task, point string, variables ...uint64) {
	w.Run.At(t.Task, point, variables...)
}

// start implements [host].
func (w *World) start() { w.setup.Tasks(w) }

// observe updates the check against spurious SIGBUS before a task takes its step. A task
// that has set a sleeping state, and has then found the context not released, must not
// get SIGBUS from a release that begins later. (The check depends on the load of
// released, not on the sleep itself, because independent steps can change the order of
// the sleep and the release.) With store buffers a release begins when its store reaches
// memory.
func (w *World) observe(chosen *sim.Task) {
	i, next := chosen.ID()-firstTask, chosen.Next() // a store buffer has its task's ID
	released := w.Ctx.ReleasedWord()
	switch {
	case next.Op == sim.OpSetState:
		w.announced |= 1 << i
	case !next.Touches(released):
	case next.Op == sim.OpStore:
		w.safe = w.looked
	case w.announced&(1<<i) != 0 && released.Glance(chosen) == 0:
		w.looked |= 1 << i
	}
}

// addState implements [host]: it adds what observe has recorded.
func (w *World) addState(to []uint64) {
	alive := uint32(0)
	for i, t := range w.tasks {
		if !t.ended || t.Outcome == "SIGBUS" { // else no check depends on it any more
			alive |= 1 << i
		}
	}
	safe := w.safe & alive
	looked := w.looked & alive &^ w.safe
	announced := w.announced & alive &^ w.safe &^ w.looked
	for k, p := range w.taskPerms {
		to[k] += 0x9e3779b97f4a7c15 * (uint64(permuteSet(announced, p))<<40 | uint64(permuteSet(looked, p))<<20 | uint64(permuteSet(safe, p)))
	}
}

// checkFinal implements [host].
func (w *World) checkFinal() error {
	for i, t := range w.tasks {
		if w.safe&(1<<i) != 0 && t.Outcome == "SIGBUS" {
			return fmt.Errorf("%s: %s slept when the close began", rule.SpuriousBus, t.Name)
		}
	}
	if w.setup.Check != nil {
		if err := w.setup.Check(w); err != nil {
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

// recycle implements [host].
func (w *World) recycle() { w.Process.MM.Recycle() }
