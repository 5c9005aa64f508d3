package scenario

import (
	"fmt"
	"maps"
	"strings"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// The limits of a parallel block.
const (
	MaxParallelTasks = 8  // tasks of the block
	MaxParallelOps   = 32 // operations of the block, of all tasks together
)

// block is a parallel block without mistakes that the compiler can find.
type block struct {
	stmt      *syntax.Stmt
	tasks     []*blockTask // in the order of their first operations
	ops       []*blockOp   // in the order of the file
	locations []*location  // the memory that conditions ask for
}

// blockTask is a task of a parallel block.
type blockTask struct {
	name    string
	process string
	ops     []*blockOp // in program order
	scope   map[string]kind
}

// blockOp is an operation of a parallel block.
type blockOp struct {
	*statement
	task  *blockTask
	index int    // in task.ops
	name  string // of its result: the name before the call, or op1, op2 and so on
	// asked: the result is a part of the outcome. It is so if the operation is the task's
	// last one, if it has a name, and if a condition asks for it.
	asked bool
	shown bool // under its name: it has one from the scenario, or a condition asks for it
}

// parallel checks a parallel block.
func (c *compiler) parallel(stmt *syntax.Stmt) *block {
	b := &block{stmt: stmt}
	c.block, c.inBlock = b, true
	outside := c.names
	defer func() { c.names, c.inBlock = outside, false }()
	if n := len(stmt.Parallel); n > MaxParallelOps {
		c.fail(stmt.Parallel[MaxParallelOps].Pos, "", "a parallel block has at most %d operations", MaxParallelOps)
		return b
	}
	for _, line := range stmt.Parallel {
		if task := nameOfTask(line); b.task(task) == nil {
			if strings.HasSuffix(task, ".buffer") {
				c.fail(line.Pos, "", "the name of a task in a parallel block must not end in .buffer, as in %s: schedules call store buffers so", task)
			}
			if len(b.tasks) == MaxParallelTasks {
				c.fail(line.Pos, "", "a parallel block has at most %d tasks", MaxParallelTasks)
				return b
			}
			b.tasks = append(b.tasks, &blockTask{name: task, scope: maps.Clone(outside)})
		}
	}
	for _, line := range stmt.Parallel {
		t := b.task(nameOfTask(line))
		op := &blockOp{statement: &statement{Stmt: line, task: line.Task}, task: t, index: len(t.ops)}
		if op.name = line.Bind; op.name == "" {
			op.name = fmt.Sprintf("op%d", op.index+1)
		}
		c.names = t.scope
		c.checkWant(line)
		c.operation(op.statement)
		t.process = op.process
		op.asked, op.shown = line.Bind != "", line.Bind != ""
		t.ops, b.ops = append(t.ops, op), append(b.ops, op)
	}
	for _, t := range b.tasks {
		t.ops[len(t.ops)-1].asked = true
	}
	c.checkBlock(b)
	return b
}

func nameOfTask(stmt *syntax.Stmt) string {
	if stmt.Task == "" {
		return mainName
	}
	return stmt.Task
}

// task returns the task with the name, nil if none.
func (b *block) task(name string) *blockTask {
	for _, t := range b.tasks {
		if t.name == name {
			return t
		}
	}
	return nil
}

// result returns the operation of the task whose result has the name, nil if none. A name
// that the scenario gives takes precedence over the usual one.
func (t *blockTask) result(name string) *blockOp {
	var found *blockOp
	for _, op := range t.ops {
		if op.name == name && (found == nil || op.Bind != "") {
			found = op
		}
	}
	return found
}

// checkBlock refuses the operations that a parallel block cannot have.
func (c *compiler) checkBlock(b *block) {
	for _, op := range b.ops {
		switch {
		case op.op == nil:
		case op.op.look != nil:
			c.fail(op.Call.Pos, "", "%s cannot be in a parallel block: it looks at the machine, or changes it, between two operations", op.op.Name)
		case op.op.binds == kindProcess:
			c.fail(op.Call.Pos, "", "%s cannot be in a parallel block: put it before the block", op.op.Name)
		case op.op.Name == "exit" && !b.mayExit(op):
			c.fail(op.Call.Pos, "", "exit in a parallel block must be the last operation of the only task of its process")
		}
	}
}

// mayExit reports whether no other operation of the block runs in the process after exit.
func (b *block) mayExit(exit *blockOp) bool {
	for _, t := range b.tasks {
		if t != exit.task && t.process == exit.process {
			return false
		}
	}
	return exit.index == len(exit.task.ops)-1
}

// blockTask checks the name of a task in an argument within the block.
func (c *compiler) blockTask(v *syntax.Value) {
	if c.block.task(v.Name()) != nil {
		return
	}
	var names []string
	for _, t := range c.block.tasks {
		names = append(names, t.name)
	}
	c.unknown(v.Pos, "task of the parallel block", spell(v), names)
}

// bindResult defines the name of a result within the block. Conditions can ask for any
// result with a name; later operations of the task can use its value if it has one.
func (c *compiler) bindResult(st *statement) {
	name := st.Bind
	switch {
	case name == "":
	case strings.Contains(name, "."):
		c.fail(st.Pos, "", "the name of a result has no dot")
	case c.tasks[name] || c.isProcess[name] || c.block.task(name) != nil:
		c.fail(st.Pos, "", "%s is already the name of a task", name)
	case c.block.task(st.task).named(name):
		c.fail(st.Pos, "", "%s has a result %s already", st.task, name)
	case st.op == nil:
		c.names[name] = kindAny
	case st.op.binds == kindNone:
		delete(c.names, name)
	default:
		c.names[name] = st.op.binds
	}
}

// named reports whether the scenario gives the name to a result of the task.
func (t *blockTask) named(name string) bool {
	op := t.result(name)
	return op != nil && op.Bind != ""
}
