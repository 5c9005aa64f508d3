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

	watch watch
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

// observe implements [host]. It updates the check against spurious SIGBUS before a task
// takes its step. A task that has set a sleeping state, and has then found the context
// not released, must not get SIGBUS from a release that begins later. (The check depends
// on the load of released, not on the sleep itself, because independent steps can change
// the order of the sleep and the release.) With store buffers a release begins when its
// store reaches memory.
func (w *World) observe(chosen *sim.Task) {
	next, released := chosen.Next(), w.watched()
	s := step{op: next.Op}
	if next.Touches(released) {
		s.obj = 1
	}
	w.watch.step(chosen.ID()-firstTask, s, 1, func() uint64 { return released.Glance(chosen) }) // a store buffer has its task's ID
}

// watched implements [host].
func (w *World) watched() *sim.Word { return w.Ctx.ReleasedWord() }

// addState implements [host]: it adds what observe has recorded.
func (w *World) addState(to []uint64) {
	alive := uint32(0)
	for i, t := range w.tasks {
		if !t.ended || t.Outcome == bus {
			alive |= 1 << i
		}
	}
	w.watch.addTo(to, alive, w.taskPerms)
}

// checkFinal implements [host].
func (w *World) checkFinal() error {
	for i, t := range w.tasks {
		if w.watch.safe&(1<<i) != 0 && t.Outcome == "SIGBUS" {
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
