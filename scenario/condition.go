package scenario

import (
	"slices"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// condition is a condition on the outcomes of a parallel block.
type condition struct {
	quantifier  syntax.Quantifier
	proposition *proposition
}

// proposition is a proposition whose names have been resolved.
type proposition struct {
	operator syntax.Operator
	parts    []*proposition
	// The fields of an atom.
	op    *blockOp // whose result is asked for, nil for memory
	last  bool     // the result of the task as a whole
	at    int      // index of the memory location in block.locations
	want  string
	bytes []byte // that memory must have, nil if want is a word
}

// location is a memory location that a condition asks for.
type location struct {
	text    string // as the outcome shows it
	process string
	address argument
	bytes   int // to show
}

// condition checks a condition.
func (c *compiler) condition(cond *syntax.Condition) *condition {
	return &condition{cond.Quantifier, c.proposition(cond.Proposition)}
}

func (c *compiler) proposition(p *syntax.Proposition) *proposition {
	out := &proposition{operator: p.Operator, want: p.Want}
	for _, part := range p.Parts {
		out.parts = append(out.parts, c.proposition(part))
	}
	if c.block == nil { // it has a mistake
		return out
	}
	switch {
	case p.Operator != syntax.Atom:
	case p.Address != nil:
		c.memoryAtom(p, out)
	default:
		c.resultAtom(p, out)
	}
	return out
}

// resultAtom checks an atom about a result.
func (c *compiler) resultAtom(p *syntax.Proposition, out *proposition) {
	t := c.block.task(p.Task)
	if t == nil {
		c.unknown(p.Pos, "task of the parallel block", p.Task, c.block.taskNames())
		return
	}
	if out.last = p.Name == ""; out.last {
		out.op = t.ops[len(t.ops)-1]
		return
	}
	if out.op = t.result(p.Name); out.op == nil {
		var names []string
		for _, op := range t.ops {
			names = append(names, op.name)
		}
		c.unknown(p.Pos, "result of "+t.name, p.Name, names)
		return
	}
	out.op.asked, out.op.shown = true, true
}

func (b *block) taskNames() []string {
	names := make([]string, len(b.tasks))
	for i, t := range b.tasks {
		names[i] = t.name
	}
	return names
}

// The words for the state of a page in a condition.
const (
	pageNone    = "none"    // the page table has no page
	pagePresent = "present" // it has one
	pageZero    = "zero"    // it has the zero page
)

var pageWords = []string{pageNone, pagePresent, pageZero}

// maxAsked is the maximal number of bytes that a condition can ask for.
const maxAsked = 64

// memoryAtom checks an atom about memory.
func (c *compiler) memoryAtom(p *syntax.Proposition, out *proposition) {
	process := p.Task
	if process == "" {
		process = mainName
	}
	if !c.isProcess[process] {
		c.unknown(p.Pos, "process", process, c.processes)
		return
	}
	address := c.numberOrName(&param{name: "the address", kind: kindAddress}, p.Address)
	n := 1
	if !slices.Contains(pageWords, p.Want) {
		text, ok := syntax.Unquote(p.Want)
		switch {
		case !ok:
			c.fail(p.Pos, syntax.Suggest(p.Want, pageWords), "memory is none, present, zero, 'A' or \"bytes\", not %s", syntax.Quote(p.Want))
			return
		case text == "" || len(text) > maxAsked:
			c.fail(p.Pos, "", "a condition asks for 1 to %d bytes of memory", maxAsked)
			return
		}
		out.bytes, n = []byte(text), len(text)
	}
	text := p.Place()
	out.at = slices.IndexFunc(c.block.locations, func(l *location) bool { return l.text == text })
	if out.at < 0 {
		out.at = len(c.block.locations)
		c.block.locations = append(c.block.locations, &location{text: text, process: process, address: address})
	}
	l := c.block.locations[out.at]
	l.bytes = max(l.bytes, n)
}
