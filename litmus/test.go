package litmus

import (
	"context"
	"sync"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// Test is a scenario with a parallel block, as a program for package explore.
type Test struct {
	// Program is the program. Package explore can search, sample and replay it with
	// Options.
	Program *explore.Hosted
	// Options select the kernel and the dropped rules of the program.
	Options explore.Options

	parallel *scenario.Parallel
	mu       sync.Mutex
	ends     map[string]*scenario.Outcome // by the text of the outcome; protected by mu
}

// New checks a scenario, and runs it up to its parallel block. The options of package
// explore select the kernel, if they name one, and what is different about it. The error
// is that of [scenario.NewParallel].
func New(ctx context.Context, file *syntax.File, opts explore.Options, limits scenario.Limits) (*Test, error) {
	parallel, err := scenario.NewParallel(ctx, file, scenario.Options{
		Kernel: opts.Version, Profile: opts.Profile, Dropped: opts.Dropped, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	opts.Version, opts.Profile = parallel.Kernel(), &parallel.Profile
	t := &Test{Options: opts, parallel: parallel, ends: map[string]*scenario.Outcome{}}
	t.Program = &explore.Hosted{Name: file.Name, Doc: parallel.Title(), Prepare: t.prepare}
	return t, nil
}

// guest is a run of a test.
type guest struct {
	*Test
	run   *explore.Run
	block *scenario.ParallelRun
	tasks []*explore.Task
}

// prepare prepares the machine of a run: the function [explore.Hosted].Prepare.
func (t *Test) prepare(r *explore.Run, m *machine.Machine, exec *sim.Controlled) (explore.Guest, error) {
	block, err := t.parallel.Begin(m, exec)
	if err != nil {
		return nil, err
	}
	return &guest{Test: t, run: r, block: block}, nil
}

// Start implements [explore.Guest].
func (g *guest) Start() {
	g.block.Start(func(name string, p *machine.Process, body func(*machine.Task, func(string))) *sim.Task {
		task := g.run.GoIn(p, name, func(t *machine.Task) string {
			state := ""
			body(t, func(now string) {
				state = now
				g.run.At(t.Task, state)
			})
			return state
		})
		task.Sleeper = true // it is an outcome, which a condition can exclude
		g.tasks = append(g.tasks, task)
		return task.Sim()
	})
}

// end tells the block which tasks have ended.
func (g *guest) end() {
	for _, t := range g.tasks {
		if t.Ended() {
			g.block.End(t.Name, t.Outcome == "killed")
		}
	}
}

// Check implements [explore.Guest].
func (g *guest) Check() error {
	g.end()
	return g.block.Check()
}

// Outcome implements [explore.Guest].
func (g *guest) Outcome() string {
	g.end()
	o := g.block.Outcome()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ends[o.String()] = o
	return o.String()
}

// Recycle implements [explore.Guest].
func (g *guest) Recycle() { g.block.Recycle() }
