package explore

import (
	"cmp"
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
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Setup is a small program whose interleavings are explored.
type Setup struct {
	Name string
	// Doc says in a line which tasks there are.
	Doc string
	// Faulters is the number of faulting tasks if none is asked for.
	Faulters int
	// Symmetry says in how far they are alike.
	Symmetry Symmetry
	// Prepare does more with the machine before the tasks are there; nil for nothing.
	Prepare func(w *World, t *machine.Task) error
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
	Child    *machine.Process // of a fork, where a setup makes one

	profile *kernel.Profile
	exec    *sim.Controlled
	machine *machine.Machine
	tasks   []*Task

	perms     []sim.Permutation // of the fingerprints
	taskPerms [][]int           // the tasks, by each of them
}

// Task is a task of a world and what has become of it.
type Task struct {
	Name    string
	Outcome string // what it returned; "killed"; "" while it runs
	Sleeper bool   // it may be asleep at the end

	sim       *sim.Task
	ended     bool
	announced bool // it has announced a sleep
	looked    bool // and then found the context not released
	safe      bool // it had when the release began
}

// Arena is where the world's memory begins. Its first pages are registered; those at Plain
// are not, and one of them is there. The same again for each further faulter, a PMD's size
// apart.
const (
	Arena      = 0x200000
	arenaPages = 4
	Plain      = Arena + 16*mm.PageSize
)

// rig is what the worlds of one worker have in common, one after the other: memory and
// coroutines, which are dear to make.
type factory struct {
	memory     *mm.Memory
	coroutines sim.Coroutines
	trace      *sim.Tracer // nil for none
}

func newFactory() *factory { return &factory{memory: mm.NewMemory()} }

func (r *factory) close() { r.coroutines.Close() }

// maxSteps is more than any run of a setup takes that comes to an end.
const maxSteps = 20_000

// newWorld makes the machine: a process, a context in its running state, and
// registered memory whose page tables are there, so that faults have no tables to
// build.
func (r *factory) newWorld(strategy sim.Strategy, setup *Setup, opts *Options) (*World, error) {
	var profile kernel.Profile
	var err error
	if opts.Profile != nil {
		profile = *opts.Profile
	} else if profile, err = kernel.Resolve(cmp.Or(opts.Version, DefaultVersion)); err != nil {
		return nil, err
	}
	if !profile.UFFD.Offers(abi.MaskCopy) {
		return nil, fmt.Errorf("kernel %s cannot resolve a fault: it has no UFFDIO_COPY", profile.Name)
	}
	if err := uffd.CheckDropped(opts.Dropped); err != nil {
		return nil, err
	}
	w := &World{Faulters: opts.Faulters, profile: &profile, exec: sim.NewControlled(strategy)}
	w.exec.Coroutines, w.exec.Trace = &r.coroutines, r.trace
	w.exec.MaxSteps = maxSteps
	if opts.TSO {
		w.exec.TSO()
	}
	w.machine = machine.NewOn(r.memory, w.exec, profile)
	w.machine.Dropped = opts.Dropped
	w.Process = w.machine.NewProcess()
	w.Process.Go("setup", func(t *machine.Task) {
		if err = w.prepare(t); err == nil && setup.Prepare != nil {
			err = setup.Prepare(w, t)
		}
	}, nil)
	if bug := w.exec.Settle(); bug != nil {
		err = bug
	}
	if err != nil {
		return nil, fmt.Errorf("the program cannot be set up%s: %w", withoutRules(opts.Dropped), err)
	}
	return w, nil
}

// withoutRules names the rules that are dropped: " without a, b", "" if none is.
func withoutRules(dropped rule.Set) string {
	var names []string
	for r := range dropped.All() {
		names = append(names, uffd.RuleInfo(r).Name)
	}
	if names == nil {
		return ""
	}
	return " without " + strings.Join(names, ", ")
}

// discard ends the world.
func (w *World) discard() {
	w.exec.Stop()
	w.Process.MM.Recycle()
}

func (w *World) prepare(t *machine.Task) (err error) {
	if w.Fd, err = t.Userfaultfd(0); err != nil {
		return err
	}
	w.Ctx = uffd.FromFile(w.Process.Files().File(w.Fd))
	if err := t.UffdAPI(w.Fd, &abi.API{API: abi.APIVersion}); err != nil {
		return err
	}
	const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
	for i := range max(w.Faulters, 1) {
		arena, plain := own(i), own(i)+Plain-Arena
		for _, at := range []uint64{arena, plain} {
			if _, err := t.Mmap(at, arenaPages*mm.PageSize, mm.ProtRead|mm.ProtWrite, flags, -1, 0); err != nil {
				return err
			}
		}
		t.Store(plain, []byte("pp"))
		if err := register(t, w.Fd, arena, arenaPages); err != nil {
			return err
		}
	}
	// What is there from the start is called after its address, for the sake of symmetry.
	lock := &w.Process.MM.MmapLock
	lock.DownRead(t.Task)
	for v := w.Process.MM.First(t.Task); v != nil; v = v.Next() {
		sim.Label(t.Task, v, "vma at", v.Start)
		if anon := v.AnonVMA(); anon != nil {
			sim.Label(t.Task, anon, "anon_vma at", v.Start)
		}
	}
	lock.UpRead(t.Task)
	return nil
}

// firstTask is the ID of a world's first task, behind the one that makes it ready.
const firstTask = 1

// Go adds a task. What body returns is its outcome. A task that is not a Sleeper has to
// end in every run.
func (w *World) Go(name string, body func(t *machine.Task) string) *Task {
	return w.goIn(w.Process, name, body)
}

// goIn is Go for a task of another process.
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

// At tells the search that a task stands at a point of its program at which nothing of
// its past matters but what is named: the point itself, and the program's variables. Without
// it each past is a state of its own, which is dear in a loop. But a variable that is left
// out is a mistake that nobody notices: states are taken for the same that are not.
func (w *World) At(t *machine.Task, point string, variables ...uint64) {
	t.Forget(func(renaming int) uint64 {
		h := fnv.New64a()
		h.Write([]byte(point))
		for _, v := range variables {
			if rename := w.perms[renaming].Address; rename != nil {
				v = rename(v)
			}
			h.Write(binary.LittleEndian.AppendUint64(nil, v))
		}
		return h.Sum64()
	})
}

// observe looks at the step that a task is about to take. Who has announced its sleep, and
// then found the context not released, sleeps safely when the release begins: it must not
// get SIGBUS for it. (That it has looked, and not that it has come to sleep, is what does
// not depend on the order of steps that commute.) With store buffers the release begins when
// the others can see it.
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

// fingerprint makes the executor keep fingerprints, under the renamings: see [renamings].
func (w *World) enableFingerprints(renaming []sim.Permutation, permuted [][]int) {
	w.perms, w.taskPerms = renaming, permuted
	w.exec.Fingerprint(renaming...)
}

// states appends the fingerprints of the machine and of what has been observed, one for
// each renaming.
func (w *World) fingerprints(to []uint64) []uint64 {
	to = w.exec.States(to)
	var announced, looked, safe uint32
	for i, t := range w.tasks {
		switch {
		case t.ended && t.Outcome != "SIGBUS":
			continue // nobody will ask
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

// Outcome sums the outcomes up: "t1=A t2=SIGBUS". Where faulters may change places, which of them
// has come to what is chance, and they are put in the order of their outcomes.
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

// check is what must hold at the end of every run.
func (w *World) check(s *Setup) error {
	for _, t := range w.tasks {
		switch {
		case !t.ended && !t.Sleeper:
			return fmt.Errorf("%s: %s is asleep for ever (%v)", rule.LostWakeUp, t.Name, t.sim.State())
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
