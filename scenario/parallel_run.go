package scenario

import (
	"fmt"
	"sync/atomic"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// parallelRun is a run of a parallel block. The machine was settled before.
type parallelRun struct {
	session *Session
	block   *block
	tasks   []*parallelTask // in the order of block.tasks
}

// parallelTask is a task in a run of a parallel block.
type parallelTask struct {
	*blockTask
	run     *parallelRun
	process *process
	flight  Flight            // of the host; set before any task of the block runs
	values  map[string]uint64 // of the names that the task has bound

	// answers are those of the operations. The first done of them are valid: the host's
	// thread writes an answer first, and then done.
	answers []answer
	done    atomic.Int32
	killed  atomic.Bool
	ended   atomic.Bool
}

// newParallelRun prepares a run of a block. The error says which task cannot run.
func (s *Session) newParallelRun(b *block) (*parallelRun, error) {
	r := &parallelRun{session: s, block: b}
	if s.model != nil && len(s.model.faults) > 0 {
		s.model.faults = nil
		return nil, b.tasks[0].ops[0].errorf("fail_nth does not apply to a parallel block: put an operation between them")
	}
	for _, t := range b.tasks {
		known, err := s.ready(t.ops[0].statement)
		if err != nil {
			return nil, err
		}
		for _, op := range t.ops {
			if err := s.checkNames(op); err != nil {
				return nil, err
			}
		}
		r.tasks = append(r.tasks, &parallelTask{
			blockTask: t, run: r, process: known.process, answers: make([]answer, len(t.ops)),
		})
	}
	return r, nil
}

// checkNames returns an error if the operation uses a name of a statement before the
// block that has no value yet.
func (s *Session) checkNames(op *blockOp) error {
	_, err := s.callOf(op.statement, nil, func(name string) (uint64, error) {
		if op.task.named(name) {
			return 0, nil
		}
		return s.valueOf(op.statement)(name)
	}, func(string) target { return target{} })
	return err
}

// perform runs the task's operations one after the other on a thread of the host. It
// calls after, unless nil, after each of them.
func (t *parallelTask) perform(thread Thread, after func()) {
	s := t.run.session
	for i, op := range t.ops {
		c, err := s.callOf(op.statement, t.process, t.value, t.target)
		if err != nil {
			panic(err) // newParallelRun has evaluated all names
		}
		c.task = thread
		a := op.op.run(c)
		t.answers[i] = a
		if op.Bind != "" {
			if t.values == nil {
				t.values = map[string]uint64{}
			}
			t.values[op.Bind] = a.value
		}
		t.done.Store(int32(i + 1))
		if after != nil {
			after()
		}
	}
}

// value returns the value of a name: one that the task has bound, or else one of a
// statement before the block.
func (t *parallelTask) value(name string) (uint64, error) {
	if n, ok := t.values[name]; ok {
		return n, nil
	}
	return t.run.session.names[name], nil
}

// target returns a task of the block as the target of a signal.
func (t *parallelTask) target(name string) target {
	for _, other := range t.run.tasks {
		if other.name == name {
			return target{sleeping: other.flight, self: other == t}
		}
	}
	panic(fmt.Sprintf("no task %q in the block", name)) // the compiler has checked it
}

// end is called when the host's thread has ended.
func (t *parallelTask) end(killed bool) {
	t.killed.Store(killed)
	t.ended.Store(true)
}

// land records the effects of the block's operations on later answers: contexts get
// their names, and processes end. The machine must be settled.
func (r *parallelRun) land() {
	s := r.session
	for _, t := range r.tasks {
		for i, a := range t.answers[:t.done.Load()] {
			switch op := t.ops[i]; {
			case op.op.Name == "userfaultfd" && a.value != failed:
				t.process.NameContext(int(int32(a.value)), s.contexts.unique(op.Bind))
			case op.op.Name == "exit":
				t.process.exited = true
			}
		}
	}
}

// outcome returns the outcome of the run. The machine must be settled.
func (r *parallelRun) outcome() *Outcome {
	o := &Outcome{block: r.block}
	for _, t := range r.tasks {
		what := taskOutcome{killed: t.killed.Load(), asleep: !t.ended.Load()}
		for _, a := range t.answers[:t.done.Load()] {
			what.results = append(what.results, a.text)
		}
		o.tasks = append(o.tasks, what)
	}
	o.lookAtMemory(r.session)
	o.text = o.spell()
	return o
}

// parallel runs the parallel block in one interleaving, which Options.Seed chooses.
func (s *Session) parallel(st *statement) (a answer, bug, err error) {
	r, err := s.newParallelRun(st.block)
	if err != nil {
		return answer{}, nil, err
	}
	begin := make(chan struct{}) // the threads of some hosts run at once, and need all flights
	for _, t := range r.tasks {
		known := s.task[t.name]
		t.flight = t.process.Start(t.name, func(thread Thread) {
			<-begin
			s.threads.set(known, thread.TID())
			t.perform(thread, nil)
		}, t.end)
		known.current = &flight{task: known, flight: t.flight, asked: true}
	}
	close(begin)
	bug = s.host.Settle()
	r.land()
	for _, t := range r.tasks {
		if known := s.task[t.name]; t.ended.Load() {
			known.current, known.dead = nil, t.killed.Load()
		}
	}
	if bug != nil {
		return answer{}, bug, nil
	}
	s.outcome = r.outcome()
	return answer{block: s.outcome.lines(), unmet: s.outcome.unmet()}, nil, nil
}

// lines returns the block's operations with their results.
func (o *Outcome) lines() (lines []string) {
	for _, op := range o.block.ops {
		text := op.text
		if op.Bind != "" {
			text = op.Bind + " = " + text
		}
		lines = append(lines, fmt.Sprintf("%s: %s = %s", op.task.name, text, o.resultOf(op)))
	}
	return lines
}

// unmet returns a text for each operation of the block whose result is not the one that
// the scenario expects.
func (o *Outcome) unmet() (texts []string) {
	for _, op := range o.block.ops {
		if got := o.resultOf(op); op.HasWant && !syntax.Match(op.Want, got) {
			texts = append(texts, fmt.Sprintf("%s:%d: %s: %s\n  want = %s\n  got  = %s\n", op.Pos.File, op.line(), op.task.name, op.text, op.Want, got))
		}
	}
	return texts
}

// judge evaluates a condition for the outcome of this run alone. A single run can show
// that forall or ~exists is wrong, and nothing else.
func (s *Session) judge(st *statement) answer {
	cond := st.condition
	is := cond.proposition.holds(s.outcome)
	a := answer{text: fmt.Sprintf("%t in this run", is)}
	if cond.contradictedBy(is) {
		a.unmet = []string{fmt.Sprintf("%s:%d: %s\n  the proposition is %s\n", st.Pos.File, st.line(), st.text, a.text)}
	}
	return a
}
