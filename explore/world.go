package explore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Setup is a small program whose interleavings are explored.
type Setup struct {
	Name string
	// Doc says in a line which tasks there are.
	Doc string
	// Faulters is the number of faulting tasks if none is asked for.
	Faulters int
	// Tasks creates the tasks. The machine is ready: memory is mapped and registered.
	Tasks func(w *World)
	// Check looks at the outcome when nothing can run any more; nil is no further check.
	Check func(w *World) error
}

// World is a setup that runs. It is made anew for each run.
type World struct {
	Faulters int
	Process  *machine.Process
	Ctx      *uffd.Ctx
	Fd       int

	exec    *sim.Controlled
	machine *machine.Machine
	tasks   []*Task

	releaseNoted bool
}

// Task is a task of a world and what has become of it.
type Task struct {
	Name    string
	Outcome string // what it returned; "killed"; "" while it runs
	Sleeper bool   // it may be asleep at the end

	sim   *sim.Task
	ended bool
	// safe says that it slept in its fault when the release of the context began.
	safe bool
}

// Arena is where the world's memory begins. Its first pages are registered; the one
// at Plain is not, and is there.
const (
	Arena      = 0x200000
	arenaPages = 4
	Plain      = Arena + 16*mm.PageSize
)

// newWorld makes the machine: a process, a context in its running state, and
// registered memory whose page tables are there, so that faults have no tables to
// build.
func newWorld(strategy sim.Strategy, faulters int, dropped uffd.RuleSet) (*World, error) {
	version, _ := abi.Lookup("2015+copy")
	w := &World{Faulters: faulters, exec: sim.NewControlled(strategy)}
	w.machine = machine.New(w.exec, version)
	w.machine.Dropped = dropped
	w.Process = w.machine.NewProcess()
	var err error
	w.Process.Go("setup", func(t *machine.Task) { err = w.prepare(t) }, nil)
	if bug := w.exec.Settle(); bug != nil {
		return nil, bug
	}
	return w, err
}

func (w *World) prepare(t *machine.Task) (err error) {
	if w.Fd, err = t.Userfaultfd(0); err != nil {
		return err
	}
	w.Ctx = uffd.FromFile(w.Process.Files().File(w.Fd))
	if err := api(t, w.Fd); err != nil {
		return err
	}
	const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
	for _, at := range []uint64{Arena, Plain} {
		if _, err := t.Mmap(at, arenaPages*mm.PageSize, mm.ProtRead|mm.ProtWrite, flags, -1, 0); err != nil {
			return err
		}
	}
	t.Store(Plain, []byte{'p'})
	return register(t, w.Fd, Arena, arenaPages)
}

// Go adds a task. What body returns is its outcome. A task that is not a Sleeper has to
// end in every run.
func (w *World) Go(name string, body func(t *machine.Task) string) *Task {
	task := &Task{Name: name}
	w.tasks = append(w.tasks, task)
	var outcome string
	task.sim = w.Process.Go(name, func(t *machine.Task) {
		outcome = body(t)
		at(t, outcome)
	}, func(killed bool) {
		task.ended, task.Outcome = true, outcome
		if killed {
			task.Outcome = "killed"
		}
	})
	return task
}

// at tells the search that a task stands at a point of its program at which nothing of
// its past matters but what is named: the point itself, and the program's variables.
func at(t *machine.Task, point string, variables ...uint64) {
	h := fnv.New64a()
	h.Write([]byte(point))
	for _, v := range variables {
		h.Write(binary.LittleEndian.AppendUint64(nil, v))
	}
	t.Forget(h.Sum64())
}

// Outcome sums the outcomes up: "t1=A t2=SIGBUS".
func (w *World) Outcome() string {
	parts := make([]string, 0, len(w.tasks))
	for _, t := range w.tasks {
		what := t.Outcome
		if !t.ended {
			what = "asleep"
		}
		if what != "" {
			parts = append(parts, t.Name+"="+what)
		}
	}
	return strings.Join(parts, " ")
}

// noteRelease remembers who sleeps safely when release begins: they must not get
// SIGBUS for it.
func (w *World) noteRelease() {
	for _, t := range w.tasks {
		t.safe = !t.ended && t.sim.Asleep() && t.sim.State() == sim.Killable
	}
}

// check is what must hold at the end of every run.
func (w *World) check(s *Setup) error {
	for _, t := range w.tasks {
		switch {
		case !t.ended && !t.Sleeper:
			return fmt.Errorf("%s: %s is asleep for ever (%v)", uffd.LostWakeUp, t.Name, t.sim.State())
		case t.safe && t.Outcome == "SIGBUS":
			return fmt.Errorf("%s: %s slept when the close began", uffd.SpuriousBus, t.Name)
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
