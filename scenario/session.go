package scenario

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// mainName is the name of the first process, and of its first task.
const mainName = "main"

// Session is a run of a scenario. Between two statements the machine is settled. Close it
// after use.
type Session struct {
	opts    Options
	program *program
	next    int
	closed  bool

	host      Host
	model     *model // the host if that is the model, nil otherwise
	processes []*process
	process   map[string]*process // by name
	tasks     []*task
	task      map[string]*task  // by name
	names     map[string]uint64 // the values of names of descriptors and addresses
	contexts  contextNames
	threads   threadNames
	ended     landings
	focus     *place   // the address of the last memory access or ioctl, nil if none
	text      int      // bytes of answers so far
	added     int      // statements that Do has run
	outcome   *Outcome // of the parallel block, nil before it
}

// NewSession prepares a run. The error lists every mistake that can be found without
// running anything, one per line.
func NewSession(file *syntax.File, opts Options) (*Session, error) {
	return NewSessionContext(stdcontext.Background(), file, opts)
}

// NewSessionContext is [NewSession] with a context for the check of the scenario. It
// returns the error of the context if that is done. The context does not bound the run.
func NewSessionContext(ctx stdcontext.Context, file *syntax.File, opts Options) (*Session, error) {
	program, err := compile(ctx, file, opts.Limits)
	if err != nil {
		return nil, err
	}
	profile, err := opts.complete(program)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	return newModelSession(program, newModel(opts, profile)), nil
}

// newModelSession returns a run on the model.
func newModelSession(program *program, m *model) *Session {
	s := newSession(program, m)
	s.opts, s.model = m.opts, m
	return s
}

// ErrNoRoom is the error of a scenario that exceeds the host's resources: too many tasks,
// too much memory, or an address that the host uses itself.
var ErrNoRoom = errors.New("the host has no room for it")

// ErrInterference is the error of a scenario that was disturbed from outside: a process
// was killed or stopped, or a permission is missing.
var ErrInterference = errors.New("the host interfered")

// Incomparable reports whether an error ends a scenario although neither the scenario nor
// its host is wrong.
func Incomparable(err error) bool {
	return errors.Is(err, ErrModelOnly) || errors.Is(err, ErrNoRoom) || errors.Is(err, ErrInterference)
}

// ErrCannotGoOn is the error of a statement that cannot run, because a task sleeps or has
// ended, or a process does not exist. The scenario may be right: on another kernel, or in
// another order, the statement can run.
var ErrCannotGoOn = errors.New("the task cannot go on")

type cannotGoOn struct{ error }

func (cannotGoOn) Is(target error) bool { return target == ErrCannotGoOn }

func (c cannotGoOn) Unwrap() error { return c.error }

// ErrModelOnly is the error of a scenario that only the model can run.
var ErrModelOnly = errors.New("only the model can do this")

// NewSessionOn prepares a run on a host, which the session closes. It skips the
// operations that only the model supports.
func NewSessionOn(host Host, file *syntax.File) (*Session, error) {
	program, err := compile(stdcontext.Background(), file, Limits{})
	if err != nil {
		host.Close()
		return nil, err
	}
	return newSession(program, host), nil
}

func newSession(program *program, host Host) *Session {
	s := &Session{
		program: program, host: host, names: map[string]uint64{},
		process: map[string]*process{}, task: map[string]*task{},
	}
	s.addProcess(mainName, host.First())
	return s
}

func (s *Session) addProcess(name string, p Process) {
	added := &process{Process: p, name: name}
	s.processes = append(s.processes, added)
	s.process[name] = added
}

// Kernel returns the version that the session runs on.
func (s *Session) Kernel() string { return s.opts.Kernel }

// Next runs the next statement. The error is io.EOF after the last statement and after a
// finding. Any other error is a mistake in the scenario, and ends the run.
func (s *Session) Next() (*Result, error) {
	if s.closed || s.next == len(s.program.statements) {
		return nil, io.EOF
	}
	st := s.program.statements[s.next]
	s.next++
	return s.run(st)
}

// run runs a statement.
func (s *Session) run(st *statement) (*Result, error) {
	if s.model == nil && (st.block != nil || st.condition != nil) {
		s.Close()
		return nil, st.errorf("parallel: %w", ErrModelOnly)
	}
	if s.model == nil && st.op != nil && st.op.modelOnly {
		if st.op.needed {
			s.Close()
			return nil, st.errorf("%s: %w", st.op.Name, ErrModelOnly)
		}
		r := st.result(answer{})
		r.Skipped, r.OK = true, true
		return r, nil
	}
	s.takeEvents()
	if s.model != nil {
		s.model.forget()
	}
	a, bug, err := s.do(st)
	if err != nil {
		s.Close()
		return nil, err
	}
	if bug == nil && s.opts.Check && (st.op == nil || !st.op.view) {
		bug = s.model.check(s.nameOf)
	}
	if bug == nil {
		bug = s.beyondLimits(&a)
	}
	r := st.result(a)
	if st.Await {
		r.Begun, r.BegunAt = s.begun(st.task)
	}
	r.Events = s.takeEvents()
	if bug != nil {
		r.OK = false
		if n, ok := errors.AsType[*sim.NotModelled](bug); ok {
			r.Answer, bug = n.Error(), n
		}
		r.Finding = &Finding{File: r.File, Line: r.Line, Op: r.Op, What: bug.Error(), Err: bug}
		s.Close()
	}
	return r, nil
}

// Do runs a line of text with a statement that is not in the scenario, after everything
// that has run so far. The session does not keep the line. The error is a mistake in the
// line; the session can continue if it was found before the statement ran. Messages name
// the session's scenario, and number the statements.
func (s *Session) Do(line string) (*Result, error) {
	return s.DoAt(s.program.file.Name, len(s.program.statements)+s.added+1, line)
}

// DoAt is [Session.Do] for a statement of another file, which results and messages name,
// and of its line n.
func (s *Session) DoAt(name string, n int, line string) (*Result, error) {
	file, err := syntax.ParseAt(name, n, []byte(line))
	if err != nil {
		return nil, err
	}
	if len(file.Stmts) != 1 {
		return nil, fmt.Errorf("%q: %s instead of one", line, syntax.Counted(len(file.Stmts), "statement"))
	}
	statements, err := s.program.compiler.statements(stdcontext.Background(), file)
	if err != nil {
		return nil, err
	}
	s.added++
	if s.closed {
		return nil, io.EOF
	}
	return s.run(statements[0])
}

// do runs a statement. bug is a finding, err a mistake in the scenario.
func (s *Session) do(st *statement) (a answer, bug, err error) {
	switch {
	case st.Await:
		return s.await(st), nil, nil
	case st.block != nil:
		return s.parallel(st)
	case st.condition != nil:
		return s.judge(st), nil, nil
	case st.op.look != nil:
		p, err := s.processOf(st)
		if err != nil {
			return answer{}, nil, err
		}
		c, err := s.call(st, p, nil)
		if err != nil {
			return answer{}, nil, err
		}
		a, err = st.op.look(c)
		if err != nil {
			err = st.errorf("%w", err)
		}
		return a, nil, err
	}
	return s.perform(st)
}

// perform runs an operation as a task of the machine, until the machine settles.
func (s *Session) perform(st *statement) (a answer, bug, err error) {
	t, err := s.ready(st)
	if err != nil {
		return answer{}, nil, err
	}
	c, err := s.call(st, t.process, t)
	if err != nil {
		return answer{}, nil, err
	}
	unready := s.beforeHandshake(c, st.op)
	f := &flight{task: t, st: st}
	t.current, t.last, t.lastLine = f, st.text, st.line()
	f.flight = t.process.Start(t.name, func(thread Thread) {
		c.task = thread
		s.threads.set(t, thread.TID())
		f.answer = st.op.run(c)
	}, func(killed bool) {
		f.killed = killed
		s.ended.add(f)
		f.done.Store(true)
	})
	if bug := s.host.Settle(); Incomparable(bug) {
		return answer{}, nil, st.errorf("%w", bug)
	} else if bug != nil {
		return answer{}, bug, nil
	}
	s.land()
	a = t.report()
	a.unready = unready && a.refused()
	return a, nil, nil
}

// land records the operations that have ended, in the order of the tasks.
func (s *Session) land() {
	for _, f := range s.ended.take() {
		f.landed = true
		if f.killed {
			f.answer = answer{text: "killed", value: failed}
			f.task.dead = true
		}
		s.note(f.task, f)
		f.st, f.flight = nil, nil // only the answer is still needed
	}
}

// note records the effects of an operation that has ended: the value of its name, and
// processes that began or ended.
func (s *Session) note(t *task, f *flight) {
	st, a := f.st, f.answer
	if st.Bind != "" {
		s.names[st.Bind] = a.value
	}
	if st.op.Name == "userfaultfd" && a.value != failed {
		t.process.NameContext(int(int32(a.value)), s.contexts.unique(st.Bind))
	}
	if a.child != nil {
		s.addProcess(st.Bind, a.child)
	}
	if a.ended != nil {
		a.ended.dead = true
	}
	if st.op.Name == "exit" && !f.killed {
		t.process.exited = true
	}
}

// report returns the result of the task's operation, once.
func (t *task) report() answer {
	switch {
	case t.current == nil:
		return answer{text: "idle"}
	case !t.current.landed:
		return answer{text: "blocked"}
	}
	a := t.current.answer
	t.current = nil
	return a
}

// await returns the result of the operation of a task that was blocked.
func (s *Session) await(st *statement) answer {
	t := s.task[st.task]
	if t == nil {
		return answer{text: "idle"}
	}
	if t.current != nil {
		t.current.asked = true
	}
	return t.report()
}

// sleepers returns the tasks that sleep in an operation that no statement has asked
// about, in order of creation.
func (s *Session) sleepers() []Sleeper {
	var sleepers []Sleeper
	for _, t := range s.tasks {
		if t.sleeping() != nil && !t.current.asked {
			sleepers = append(sleepers, Sleeper{Task: t.name, Op: t.last, Line: t.lastLine})
		}
	}
	return sleepers
}

// begun returns the last operation of a task and its line, "" if it has begun none. The
// text is the statement's own and no copy: a scenario may ask 2,000 times about an
// operation of 64 KiB.
func (s *Session) begun(task string) (op string, line int) {
	if t := s.task[task]; t != nil {
		return t.last, t.lastLine
	}
	return "", 0
}

// takeEvents returns the events since the last call.
func (s *Session) takeEvents() []sim.Event {
	if s.model == nil {
		return nil
	}
	return s.model.takeEvents()
}

// Steps returns the number of visible steps so far, 0 on the free executor.
func (s *Session) Steps() int {
	if s.model == nil || s.model.controlled == nil {
		return 0
	}
	return s.model.controlled.Steps()
}

// nameOf returns the scenario's name of a process.
func (s *Session) nameOf(p Process) string {
	for _, known := range s.processes {
		if known.Process == p {
			return known.name
		}
	}
	return "without a name"
}

// Close ends the run, and the tasks that are still blocked.
func (s *Session) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.model != nil && s.model.free != nil {
		var sleepers []Flight
		for _, t := range s.tasks {
			if f := t.sleeping(); f != nil {
				sleepers = append(sleepers, f)
			}
		}
		s.model.interrupt(sleepers)
	}
	s.host.Close()
}
