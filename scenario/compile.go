package scenario

import (
	stdcontext "context"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// program is a scenario without mistakes that the compiler can find.
type program struct {
	file       *syntax.File
	kernel     string
	statements []*statement
	compiler   *compiler
}

// statement is a statement of a program.
type statement struct {
	*syntax.Stmt
	op      *Operation // nil for a question for a task's result
	args    []argument // one for each parameter of op
	task    string
	process string
	text    string // the call alone, for messages

	block     *block     // of a parallel block, nil for other statements
	condition *condition // of a condition, nil for other statements
}

func (st *statement) line() int { return st.Pos.Line }

func (st *statement) errorf(format string, args ...any) error {
	return &Mistake{Pos: st.Pos, err: fmt.Errorf(format, args...)}
}

// Mistake is an error in a scenario that is found only when the scenario runs.
type Mistake struct {
	Pos syntax.Pos
	err error
}

// Error returns the place and the mistake.
func (m *Mistake) Error() string { return m.Pos.String() + ": " + m.err.Error() }

// Unwrap returns the error without the place.
func (m *Mistake) Unwrap() error { return m.err }

// compiler checks a scenario statement by statement. It knows the names that earlier
// statements have defined.
type compiler struct {
	errs      syntax.Errors
	names     map[string]kind // descriptors, addresses and processes
	tasks     map[string]bool // tasks that have done anything
	processes []string
	isProcess map[string]bool // the names in processes
	maxTasks  int             // 0 for no bound
	block     *block          // the parallel block, nil before it
	inBlock   bool
}

// compile checks a scenario. The error is of type syntax.Errors, or the context's.
func compile(ctx stdcontext.Context, file *syntax.File, limits Limits) (*program, error) {
	if n := limits.Statements; n > 0 && len(file.Stmts) > n {
		return nil, syntax.Errors{tooMany(file.Stmts[n], "statement", n)}
	}
	c := &compiler{
		names: map[string]kind{}, tasks: map[string]bool{mainName: true}, maxTasks: limits.Tasks,
		processes: []string{mainName}, isProcess: map[string]bool{mainName: true},
	}
	p := &program{file: file, compiler: c}
	c.untilFull(func() { p.kernel = c.directives(file) })
	statements, err := c.statements(ctx, file)
	p.statements = statements
	return p, err
}

// statements checks the statements of a file. The names that they define are known from
// then on, even if a statement has a mistake.
func (c *compiler) statements(ctx stdcontext.Context, file *syntax.File) (checked []*statement, err error) {
	c.untilFull(func() {
		for _, stmt := range file.Stmts {
			if err = ctx.Err(); err != nil {
				return
			}
			if st := c.statement(stmt); st != nil {
				checked = append(checked, st)
			}
			if c.maxTasks > 0 && len(c.tasks) > c.maxTasks {
				c.errs.Add(tooMany(stmt, "task", c.maxTasks))
				return
			}
		}
	})
	if err != nil {
		c.errs = nil
		return nil, err
	}
	if errs := c.errs; errs != nil {
		c.errs = nil
		return nil, errs
	}
	return checked, nil
}

// full is the panic value that ends the check of a file with too many mistakes.
type full struct{}

// untilFull runs a check, and ends it when the maximal number of mistakes is reported: a
// single line may have tens of thousands.
func (c *compiler) untilFull(check func()) {
	defer func() {
		if p := recover(); p != nil && p != (full{}) {
			panic(p)
		}
	}()
	check()
}

// fail reports a mistake. It panics if that was the last one to report.
func (c *compiler) fail(pos syntax.Pos, hint, format string, args ...any) {
	if hint != "" {
		hint = fmt.Sprintf("did you mean %q?", hint)
	}
	if !c.errs.Add(&syntax.Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint}) {
		panic(full{})
	}
}

// notModelled reports an operation that Linux supports and the model does not.
func (c *compiler) notModelled(pos syntax.Pos, what, since string) {
	err := &sim.NotModelled{What: what, Since: since}
	if !c.errs.Add(&syntax.Error{Pos: pos, Msg: err.Error(), Err: err}) {
		panic(full{})
	}
}

// unknown reports an unknown word. what is its kind; known are the words of that kind.
func (c *compiler) unknown(pos syntax.Pos, what, word string, known []string) {
	switch hint := syntax.Suggest(word, known); {
	case hint == "" && len(known) == 1:
		c.fail(pos, "", "unknown %s %s: there is only %s", what, syntax.Quote(word), known[0])
	case hint == "" && len(known) > 0 && len(known) <= shortList:
		c.fail(pos, "", "unknown %s %s: there are %s", what, syntax.Quote(word), strings.Join(known, ", "))
	default:
		c.fail(pos, hint, "unknown %s %s", what, syntax.Quote(word))
	}
}

// shortList is the maximal number of words that a message lists if none of them is near.
const shortList = 6

var directives = []string{"kernel", "title", "teaches"}

// directives checks the file's directives, and returns the kernel to run on.
func (c *compiler) directives(file *syntax.File) string {
	name := DefaultKernel
	for _, d := range file.Directives {
		switch {
		case !slices.Contains(directives, d.Key):
			c.unknown(d.Pos, "directive", d.Key, directives)
		case d.Key == "kernel":
			p, err := kernel.Resolve(d.Value)
			if err != nil {
				c.fail(d.Pos, syntax.Suggest(d.Value, Kernels()[:2]), "%v", err)
			}
			name = p.Name
		}
	}
	return name
}

// Kernels returns the versions at which answers change, oldest first. A scenario can run
// on any release: see kernel.Resolve.
func Kernels() []string {
	var names []string
	for _, p := range kernel.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// statement checks a statement. It returns nil if the statement has a mistake.
func (c *compiler) statement(stmt *syntax.Stmt) *statement {
	before := len(c.errs)
	c.checkWant(stmt)
	st := &statement{Stmt: stmt, task: stmt.Task}
	switch {
	case stmt.Parallel != nil:
		st.block, st.text = c.parallel(stmt), stmt.Op
	case stmt.Condition != nil:
		st.condition, st.text = c.condition(stmt.Condition), stmt.Op
	case stmt.Await:
		if !c.tasks[stmt.Task] {
			c.fail(stmt.Pos, syntax.Suggest(stmt.Task, c.taskNames()), "no task %q has done anything yet", stmt.Task)
		}
	default:
		c.operation(st)
	}
	if len(c.errs) > before {
		return nil
	}
	return st
}

// checkWant checks the expected result of a statement.
func (c *compiler) checkWant(stmt *syntax.Stmt) {
	if want, ok := strings.CutPrefix(stmt.Want, "="); ok { // no operation returns such a text
		c.fail(stmt.Pos, "", "a single = precedes the expected result: = %s", syntax.Quote(strings.TrimSpace(want)))
	}
}

// operation checks a statement that performs an operation.
func (c *compiler) operation(st *statement) {
	stmt := st.Stmt
	st.text = stmt.Call.Name + stmt.Op[strings.IndexByte(stmt.Op, '('):]
	st.op = find(stmt.Call.Name)
	if since, ok := unmodelledOperations[stmt.Call.Name]; ok {
		c.notModelled(stmt.Call.Pos, stmt.Call.Name, since)
	} else if st.op == nil {
		c.unknown(stmt.Call.Pos, "operation", stmt.Call.Name, operationNames())
	} else {
		st.args = c.arguments(st.op, stmt.Call)
	}
	c.owner(st)
	if c.inBlock {
		c.bindResult(st)
	} else {
		c.bind(st)
	}
}

// owner finds the process that the statement's task belongs to: the process with the
// task's name, or with the part of the name before the first dot, or else the first one.
func (c *compiler) owner(st *statement) {
	if st.task == "" {
		st.task = mainName
	}
	name, _, dotted := strings.Cut(st.task, ".")
	switch {
	case c.isProcess[name]:
		st.process = name
	case dotted:
		c.unknown(st.Pos, "process", name, c.processes)
	case c.names[name] != kindNone:
		c.fail(st.Pos, "", "%s is %v, not a task", name, c.names[name])
	default:
		st.process = mainName
	}
	c.tasks[st.task] = true
}

// bind defines the name of the statement's result.
func (c *compiler) bind(st *statement) {
	switch name := st.Bind; {
	case st.op == nil:
		if name != "" { // uses of the name are no further mistakes
			c.names[name] = kindAny
		}
	case name == "" && st.op.binds == kindProcess:
		c.fail(st.Call.Pos, "", "the child needs a name: child = fork()")
	case name == "":
	case st.op.binds == kindNone:
		c.fail(st.Pos, "", "%s returns no value, so it cannot have a name", st.op.Name)
	case c.tasks[name] || c.isProcess[name]:
		c.fail(st.Pos, "", "%s is already the name of a task", name)
	case strings.Contains(name, "."):
		c.fail(st.Pos, "", "a name with a dot is a task of a process")
	case st.op.binds == kindProcess:
		c.processes = append(c.processes, name)
		c.isProcess[name] = true
		c.tasks[name] = true
	default:
		c.names[name] = st.op.binds
	}
}

func (c *compiler) taskNames() []string {
	var names []string
	for name := range c.tasks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// namesOf returns the defined names of the kind, sorted.
func (c *compiler) namesOf(k kind) []string {
	var names []string
	for name, kind := range c.names {
		if kind == k {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// result returns the result of the statement, and whether it is the expected one.
func (st *statement) result(a answer) *Result {
	r := &Result{
		File: st.Pos.File, Line: st.Pos.Line, Task: st.task, Op: st.text, Name: st.Bind,
		Answer: a.text, Block: a.block, Unready: a.unready,
		Want: st.Want, WantBlock: st.Block, Wanted: st.HasWant, BlockWanted: st.Block != nil,
	}
	r.unmet, r.fixed = a.unmet, st.block != nil || st.condition != nil
	r.OK = a.unmet == nil && (!r.Wanted || syntax.Match(r.Want, r.Answer)) && (!r.BlockWanted || syntax.MatchBlock(r.WantBlock, r.Block))
	return r
}
