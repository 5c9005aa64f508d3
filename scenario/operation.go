package scenario

import (
	"slices"
	"strings"
)

// Operation is an operation of a scenario: a system call, a memory access, or a view of
// the machine.
type Operation struct {
	// Name is its name in a scenario.
	Name string
	// Doc describes its effect and its result in a line.
	Doc string
	// Example is a statement that uses it.
	Example string

	params []param
	binds  kind // of the name that a statement may define; kindNone if none is allowed
	// run performs it as a task of the machine. It is nil for an operation from outside
	// of the machine, between two steps, which look performs.
	run  func(c *call) answer
	look func(c *call) (answer, error)
	// modelOnly: other hosts skip it. needed: the statements after it depend on it, so
	// other hosts end the scenario instead.
	modelOnly, needed bool
	// view: it changes nothing.
	view bool
}

// param is a parameter of an operation. Optional parameters come last, and can be given
// by position or by name.
type param struct {
	name     string
	kind     kind
	domain   *domain // names for the argument, nil for none
	optional bool
	standard string // the default of an optional parameter, for the help
}

// Operations returns all operations, grouped, in the order of the help.
func Operations() []Operation { return slices.Clone(operations) }

// operations are all operations of the language, in the order of the help.
var operations = slices.Concat(
	userfaultfdOperations,
	fileOperations,
	memoryOperations,
	touchOperations,
	processOperations,
	viewOperations,
	controlOperations,
)

// find returns the operation with the name, nil if there is none.
func find(name string) *Operation {
	i := slices.IndexFunc(operations, func(o Operation) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return &operations[i]
}

func operationNames() []string {
	names := make([]string, len(operations))
	for i := range operations {
		names[i] = operations[i].Name
	}
	return names
}

// Args returns the operation's parameters as the help shows them: "fd, n [, buf]".
func (o *Operation) Args() string {
	var b strings.Builder
	for i, p := range o.params {
		switch {
		case p.optional && i > 0:
			b.WriteString(" [, ")
		case p.optional:
			b.WriteString("[")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(p.name)
		if p.optional {
			if p.standard != "" {
				b.WriteString("=" + p.standard)
			}
			b.WriteString("]")
		}
	}
	return b.String()
}

// required returns the number of parameters that must be given.
func (o *Operation) required() int {
	n := 0
	for _, p := range o.params {
		if !p.optional {
			n++
		}
	}
	return n
}

// paramIndex returns the index of the parameter with the name, -1 if none.
func (o *Operation) paramIndex(name string) int {
	return slices.IndexFunc(o.params, func(p param) bool { return p.name == name })
}

// optionalNames returns the names of the optional parameters.
func (o *Operation) optionalNames() []string {
	var names []string
	for _, p := range o.params {
		if p.optional {
			names = append(names, p.name)
		}
	}
	return names
}
