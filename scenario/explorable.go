package scenario

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// Parallel is a scenario with a parallel block, to be run in many interleavings. The
// statements before the block prepare the machine. Several goroutines may call
// [Parallel.Begin] at a time.
type Parallel struct {
	// Profile is the kernel to run on.
	Profile kernel.Profile

	program *program
	opts    Options
	block   *block
}

// NewParallel checks a scenario, and runs it up to its parallel block. The error is a
// mistake in the scenario, a [*Unprepared], or the context's.
func NewParallel(ctx stdcontext.Context, file *syntax.File, opts Options) (*Parallel, error) {
	program, err := compile(ctx, file, opts.Limits)
	if err != nil {
		return nil, err
	}
	block := program.compiler.block
	if block == nil {
		return nil, syntax.Errors{{Pos: syntax.Pos{File: file.Name, Line: 1, Col: 1},
			Msg: "the scenario has no parallel block to explore: parallel { ... }"}}
	}
	p := &Parallel{program: program, block: block}
	if p.Profile, err = opts.complete(program); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	p.opts = opts
	return p, p.prepare(ctx)
}

// Unprepared is the error of a scenario whose statements before the parallel block have
// failed.
type Unprepared struct {
	Report *Report
}

// Error returns the failed expectations.
func (u *Unprepared) Error() string {
	text := "the scenario fails before its parallel block"
	for _, r := range u.Report.Failures() {
		text += "\n" + strings.TrimSuffix(r.Diff(), "\n")
	}
	return text
}

// Unwrap returns the finding that ended the run, nil if none.
func (u *Unprepared) Unwrap() error {
	if f := u.Report.Finding(); f != nil {
		return f
	}
	return nil
}

// prepare runs the scenario up to its parallel block once, and checks what it expects.
func (p *Parallel) prepare(ctx stdcontext.Context) error {
	s := newModelSession(p.program, newModel(p.opts, p.Profile))
	defer s.Close()
	report := &Report{File: p.program.file.Name, Kernel: s.Kernel()}
	for s.program.statements[s.next].block == nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := s.Next()
		if errors.Is(err, io.EOF) { // after a finding
			break
		}
		if err != nil {
			return err
		}
		report.Results = append(report.Results, *r)
	}
	if !report.OK() {
		return &Unprepared{report}
	}
	for _, t := range s.tasks {
		if t.sleeping() != nil {
			pos := syntax.Pos{File: p.program.file.Name, Line: t.lastLine, Col: 1}
			return syntax.Errors{{Pos: pos, Msg: fmt.Sprintf("%s still sleeps in %s when the parallel block begins: move it into the block", t.name, t.last)}}
		}
	}
	_, err := s.newParallelRun(p.block)
	return err
}

// Kernel returns the name of the version to run on.
func (p *Parallel) Kernel() string { return p.opts.Kernel }

// Title returns the scenario's title, or else its name.
func (p *Parallel) Title() string {
	if title := p.program.file.Directive("title"); title != "" {
		return title
	}
	return p.program.file.Name
}

// Condition is a condition on the outcomes of a parallel block.
type Condition struct {
	Line       int    // of the scenario, from 1
	Text       string // as written
	Quantifier syntax.Quantifier

	holds func(o *Outcome) bool
}

// Holds reports whether the condition's proposition is true of an outcome.
func (c *Condition) Holds(o *Outcome) bool { return c.holds(o) }

// Conditions returns the scenario's conditions in the order of the file. An expected
// result in the block is the condition that the operation has it in all runs.
func (p *Parallel) Conditions() (all []Condition) {
	for _, op := range p.block.ops {
		if op.HasWant {
			text := fmt.Sprintf("%s: %s = %s", op.task.name, op.text, op.Want)
			all = append(all, Condition{op.line(), text, syntax.Forall, func(o *Outcome) bool {
				return syntax.Match(op.Want, o.resultOf(op))
			}})
		}
	}
	for _, st := range p.program.statements {
		if c := st.condition; c != nil {
			all = append(all, Condition{st.line(), st.text, c.quantifier, c.proposition.holds})
		}
	}
	return all
}

// Proposition returns a function that reports whether a proposition is true of an
// outcome. Call it before the first Begin: the outcomes show what it asks for. The error
// is of type syntax.Errors.
func (p *Parallel) Proposition(prop *syntax.Proposition) (holds func(o *Outcome) bool, err error) {
	c := p.program.compiler
	var out *proposition
	c.untilFull(func() { out = c.proposition(prop) })
	if errs := c.errs; errs != nil {
		c.errs = nil
		return nil, errs
	}
	return out.holds, nil
}

// ParallelRun is a run of a parallel block on a machine whose tasks another program
// schedules.
type ParallelRun struct {
	run *parallelRun
}

// Begin runs the statements before the block on a machine without processes.
func (p *Parallel) Begin(on *machine.Machine, exec *sim.Controlled) (*ParallelRun, error) {
	m := &model{opts: p.opts, controlled: exec}
	defer func(steps int) { exec.MaxSteps = steps }(exec.MaxSteps)
	m.boot(on)
	s := newModelSession(p.program, m)
	for _, st := range p.program.statements {
		switch {
		case st.block != nil:
			run, err := s.newParallelRun(st.block)
			return &ParallelRun{run}, err
		case st.Await, st.op.view:
			continue // it changes nothing
		}
		if _, bug, err := s.do(st); bug != nil || err != nil {
			return nil, errors.Join(bug, err)
		}
	}
	panic("scenario: no parallel block")
}

// Start creates the block's tasks with the function create, which must return the new
// task. A task calls settled after each operation: state is then all that its later
// operations, and its part of the outcome, depend on.
func (r *ParallelRun) Start(create func(name string, p *machine.Process, body func(t *machine.Task, settled func(state string))) *sim.Task) {
	s := r.run.session
	for _, t := range r.run.tasks {
		process := t.process.Process.(*modelProcess)
		tid := s.model.tidOf(t.name)
		s.threads.set(s.task[t.name], tid)
		t.flight = create(t.name, process.Process, func(mt *machine.Task, settled func(string)) {
			mt.SetTID(tid)
			t.perform(&modelThread{mt, process}, func() { settled(t.state()) })
		})
	}
}

// state returns the results of the task's operations so far, as far as the outcome shows
// them, and the number of operations.
func (t *parallelTask) state() string {
	done := int(t.done.Load())
	state := fmt.Sprint(done)
	for i, op := range t.ops[:done] {
		if op.asked || op.HasWant && !syntax.Match(op.Want, t.answers[i].text) {
			state += "\n" + t.answers[i].text
		} else {
			state += "\n"
		}
	}
	return state
}

// End records that a task has ended.
func (r *ParallelRun) End(task string, killed bool) {
	for _, t := range r.run.tasks {
		if t.name == task {
			t.end(killed)
		}
	}
}

// Outcome returns the outcome of the run. The machine must be settled.
func (r *ParallelRun) Outcome() *Outcome { return r.run.outcome() }

// Check checks that the data structures of the machine agree. The machine must be
// settled.
func (r *ParallelRun) Check() error {
	r.run.land()
	return r.run.session.model.check(r.run.session.nameOf)
}

// Recycle returns the memory of the run to the machine. The run must have been stopped.
func (r *ParallelRun) Recycle() {
	if processes := r.run.session.model.processes; len(processes) == 1 { // others share frames
		processes[0].MM.Recycle()
	}
}
