package scenario

import (
	"slices"
	"strings"
)

// Operation is something that a scenario can do: a system call, a touch of memory,
// a look at the machine.
type Operation struct {
	// Name is how it is written.
	Name string
	// Doc says in a line what it does and answers.
	Doc string
	// Example is a statement that uses it.
	Example string

	params []param
	binds  kind // what the name in front of it stands for; kindNone: no name allowed
	// run does it as a task of the machine. It is nil for an operation that is done
	// from outside of the machine, between two steps: look does that.
	run  func(c *call) answer
	look func(c *call) (answer, error)
	// modelOnly says that only the model can do it. On other hosts it is skipped; needed says
	// that what comes after would not be the same then.
	modelOnly, needed bool
	// view says that it changes nothing.
	view bool
}

// param is a parameter of an operation. Those that may be left out come last, and can
// be given by position or by name.
type param struct {
	name     string
	kind     kind
	domain   *domain // names that the argument may be written with
	optional bool
	standard string // what an optional one is if it is left out, for the help
}

// Operations lists all operations, by group and name.
func Operations() []Operation { return slices.Clone(operations) }

// operations is the whole language. The order is that of the help.
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

// Args is the operation's list of arguments as the help shows it: "fd, n [, buf]".
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

// required is the number of parameters that must be given.
func (o *Operation) required() int {
	n := 0
	for _, p := range o.params {
		if !p.optional {
			n++
		}
	}
	return n
}

// paramIndex is the place of the parameter with the name, -1 for none.
func (o *Operation) paramIndex(name string) int {
	return slices.IndexFunc(o.params, func(p param) bool { return p.name == name })
}

// optionalNames are the parameters that can be given by name.
func (o *Operation) optionalNames() []string {
	var names []string
	for _, p := range o.params {
		if p.optional {
			names = append(names, p.name)
		}
	}
	return names
}
