package scenario

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Outcome is the end of a run of a parallel block: the results of its operations, and the
// memory that conditions ask for.
type Outcome struct {
	block  *block
	tasks  []taskOutcome // in the order of block.tasks
	memory []memoryValue // in the order of block.locations
	text   string
}

// taskOutcome is what a task of a parallel block has done.
type taskOutcome struct {
	results []string // of its operations that have begun
	asleep  bool     // in the last of these
	killed  bool
}

// memoryValue is the content of a memory location.
type memoryValue struct {
	page  procfs.Page
	bytes []byte // up to the end of the page, none if no page is present
}

// The results of operations that have not ended.
const (
	resultBlocked = "blocked" // it sleeps in the kernel
	resultKilled  = "killed"  // a signal has ended its task
	resultNotRun  = "not run" // the task has not come to it
)

// of returns the result of an operation.
func (o *taskOutcome) of(op *blockOp) string {
	switch {
	case op.index < len(o.results):
		return o.results[op.index]
	case op.index > len(o.results):
		return resultNotRun
	case o.killed:
		return resultKilled
	case o.asleep:
		return resultBlocked
	}
	return resultNotRun
}

// result returns the result of the task: that of its last operation, or the reason why
// the task has not finished that.
func (o *taskOutcome) result(t *blockTask) string {
	switch last := t.ops[len(t.ops)-1]; {
	case last.index < len(o.results):
		return o.results[last.index]
	case o.killed:
		return resultKilled
	case o.asleep:
		return resultBlocked
	}
	return resultNotRun
}

// unmet reports whether the operation has a result other than the one that the scenario
// expects.
func (o *taskOutcome) unmet(op *blockOp) bool { return op.HasWant && !syntax.Match(op.Want, o.of(op)) }

// resultOf returns the result of an operation.
func (o *Outcome) resultOf(op *blockOp) string { return o.tasks[o.block.indexOf(op.task)].of(op) }

// String returns the outcome as a proposition that is true of it: the result of each
// task, the results with names, those that the scenario does not expect, and the memory
// that conditions ask for.
func (o *Outcome) String() string { return o.text }

// spell returns the text of String.
func (o *Outcome) spell() string {
	var parts []string
	for i, t := range o.block.tasks {
		last := len(t.ops) - 1
		for _, op := range t.ops {
			if op.shown || op.index < last && o.tasks[i].unmet(op) {
				parts = append(parts, t.name+":"+op.name+" = "+syntax.Brief(o.tasks[i].of(op)))
			}
		}
		if !t.ops[last].shown || o.tasks[i].of(t.ops[last]) == resultNotRun {
			parts = append(parts, t.name+" = "+syntax.Brief(o.tasks[i].result(t)))
		}
	}
	for i, l := range o.block.locations {
		parts = append(parts, l.text+" = "+o.memory[i].String())
	}
	return strings.Join(parts, ` /\ `)
}

func (m *memoryValue) String() string {
	switch m.page {
	case procfs.PageNone:
		return pageNone
	case procfs.PageZero:
		return pageZero
	}
	return quote(m.bytes)
}

// lookAtMemory stores the memory that conditions ask for. The machine must be settled.
func (o *Outcome) lookAtMemory(s *Session) {
	for _, l := range o.block.locations {
		o.memory = append(o.memory, s.valueAt(l))
	}
}

func (s *Session) valueAt(l *location) memoryValue {
	p := s.process[l.process]
	if p == nil {
		return memoryValue{page: procfs.PageNone}
	}
	addr := l.address.number
	if l.address.name != "" {
		addr = s.names[l.address.name]
	}
	b := make([]byte, l.bytes)
	page, n := procfs.Mem(p.Process.(*modelProcess).MM, addr, b)
	return memoryValue{page, b[:n]}
}

// holds reports whether the proposition is true of the outcome.
func (p *proposition) holds(o *Outcome) bool {
	switch p.operator {
	case syntax.Not:
		return !p.parts[0].holds(o)
	case syntax.And:
		for _, part := range p.parts {
			if !part.holds(o) {
				return false
			}
		}
		return true
	case syntax.Or:
		for _, part := range p.parts {
			if part.holds(o) {
				return true
			}
		}
		return false
	}
	if p.op == nil {
		return o.memory[p.at].is(p)
	}
	if p.last {
		return resultIs(p.want, o.tasks[o.block.indexOf(p.op.task)].result(p.op.task))
	}
	return resultIs(p.want, o.resultOf(p.op))
}

func (b *block) indexOf(task *blockTask) int {
	for i, t := range b.tasks {
		if t == task {
			return i
		}
	}
	panic(fmt.Sprintf("no task %q in the block", task.name))
}

// is reports whether memory has the value that an atom asks for.
func (m *memoryValue) is(atom *proposition) bool {
	switch {
	case atom.bytes != nil:
		return bytes.HasPrefix(m.bytes, atom.bytes)
	case atom.want == pagePresent:
		return m.page != procfs.PageNone
	case atom.want == pageZero:
		return m.page == procfs.PageZero
	}
	return m.page == procfs.PageNone
}

// resultIs reports whether a result is the one that an atom asks for. Unlike an expected
// result, that may be the beginning of the result, in whole words, and an errno alone:
// SIGBUS, 0, loaded, EEXIST.
func resultIs(want, got string) bool {
	if strings.HasPrefix(got, "-1 "+want+" ") {
		return true
	}
	return syntax.Match(want, got) || syntax.Match(want+" ...", got)
}

// contradictedBy reports whether a single run of which the proposition is true, or not,
// shows that the condition is wrong.
func (c *condition) contradictedBy(is bool) bool {
	return c.quantifier == syntax.NotExists && is || c.quantifier == syntax.Forall && !is
}
