package explore

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// factory creates the runs of one worker, one after the other. They share memory and
// coroutines, which are expensive to create.
type factory struct {
	memory     *mm.Memory
	coroutines sim.Coroutines
	trace      *sim.Tracer // receives all events, unless nil
}

func newFactory() *factory { return &factory{memory: mm.NewMemory()} }

func (f *factory) close() { f.coroutines.Close() }

// maxSteps is the maximum number of steps of a run. It exceeds that of every run of a
// setup that ends.
const maxSteps = 20_000

// newWorld creates the machine: a process, a context that is running (the handshake is
// done), and registered memory with page tables, so that faults need not create any.
func (f *factory) newWorld(strategy sim.Strategy, setup *Setup, opts *Options) (*World, error) {
	profile, err := opts.profile()
	if err != nil {
		return nil, err
	}
	if !profile.UFFD.Offers(abi.MaskCopy) {
		return nil, fmt.Errorf("kernel %s cannot resolve a fault: it has no UFFDIO_COPY", profile.Name)
	}
	w := &World{Faulters: opts.Faulters, setup: setup, profile: &profile}
	w.Run = f.newRun(strategy, opts, w)
	w.firstID, w.alike = firstTask, opts.Faulters
	w.machine = f.newMachine(w.exec, profile, opts)
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

// newMachine creates a machine without processes.
func (f *factory) newMachine(exec sim.Executor, profile kernel.Profile, opts *Options) *machine.Machine {
	m := machine.NewOn(f.memory, exec, profile)
	m.Dropped = opts.Dropped
	return m
}

// profile returns the profile that the options select, with the fix applied. The error
// says that a name is unknown, or that a rule cannot be dropped.
func (opts *Options) profile() (kernel.Profile, error) {
	var profile kernel.Profile
	var err error
	if opts.Profile != nil {
		profile = *opts.Profile
	} else if profile, err = kernel.Resolve(cmp.Or(opts.Version, DefaultVersion)); err != nil {
		return kernel.Profile{}, err
	}
	if opts.Fix != "" {
		fix := kernel.FindFix(opts.Fix)
		if fix == nil {
			return kernel.Profile{}, fmt.Errorf("no candidate fix %q", opts.Fix)
		}
		fix.Apply(&profile)
	}
	return profile, uffd.CheckDropped(opts.Dropped)
}

// newRun creates a run without tasks.
func (f *factory) newRun(strategy sim.Strategy, opts *Options, host host) *Run {
	r := &Run{host: host, exec: sim.NewControlled(strategy), wanted: opts.wanted}
	r.exec.Coroutines, r.exec.Trace = &f.coroutines, f.trace
	r.exec.MaxSteps, r.exec.CheckLabels = maxSteps, opts.checkLabels
	r.exec.Claims = opts.Dropped != rule.Set{}
	if opts.TSO {
		r.exec.TSO()
	}
	return r
}

// withoutRules returns " without" and the names of the dropped rules, "" if there are
// none.
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
	// VMAs and anon_vmas that exist from the start are labelled by their address, so that
	// permutations can map them.
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
