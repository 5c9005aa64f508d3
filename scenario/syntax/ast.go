package syntax

import "fmt"

// Pos is a place in a file. Lines and columns count from 1, columns in bytes.
type Pos struct {
	File      string
	Line, Col int
}

// String returns the place in the form that editors understand: "file:line:col".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// File is a parsed scenario.
type File struct {
	Name       string
	Directives []Directive
	Stmts      []*Stmt

	lines []string // the text, for Rewrite
	block *Stmt    // the parallel block that Parse is in, nil for none
}

// Parallel returns the file's parallel block, nil if there is none.
func (f *File) Parallel() *Stmt {
	for _, stmt := range f.Stmts {
		if stmt.Parallel != nil {
			return stmt
		}
	}
	return nil
}

// Directive is a line "#! key: value".
type Directive struct {
	Pos        Pos
	Key, Value string
}

// Directive returns the value of the directive with the key, "" if there is none.
func (f *File) Directive(key string) string {
	for _, d := range f.Directives {
		if d.Key == key {
			return d.Value
		}
	}
	return ""
}

// Stmt is a statement: a call; with Await, a question for the result of Task; with
// Parallel, a parallel block; with Condition, a condition.
type Stmt struct {
	Pos   Pos
	Task  string // "" for the main task
	Bind  string // the name before the call, "" for none
	Await bool
	Call  *Call
	// Parallel has the operations of a parallel block, in the order of the file.
	Parallel []*Stmt
	// Condition is a condition on the ends of the runs of the parallel block.
	Condition *Condition
	// Want is the expected answer, if HasWant.
	Want    string
	HasWant bool
	// Block is the expected output, without the indentation.
	Block []string
	// Op is the statement without the answer, as written.
	Op string
}

// Call is an operation with its arguments.
type Call struct {
	Pos  Pos
	Name string
	Args []Arg
}

// Arg is an argument or the field of a struct.
type Arg struct {
	Pos   Pos
	Key   string // "" for an argument by position
	Value Value
}

// Kind is the kind of a value.
type Kind uint8

// The kinds of value.
const (
	Number   Kind = iota // in Number
	Flags                // in Items: names and numbers, or a single name
	Char                 // in Text: one byte
	String               // in Text
	Struct               // in Fields
	Wildcard             // ...
)

// String returns the name of the kind, for messages.
func (k Kind) String() string {
	return [...]string{"a number", "a name", "a character", "a string", "a struct", "..."}[k]
}

// Value is the value of an argument.
type Value struct {
	Pos    Pos
	Kind   Kind
	Number uint64
	Items  []Item
	Text   string
	Fields []Arg
}

// Item is a member of a flag set: a name, or, if that is empty, a number.
type Item struct {
	Pos    Pos
	Name   string
	Number uint64
}

// Name returns the value's name, "" if the value is not a single name.
func (v *Value) Name() string {
	if v.Kind == Flags && len(v.Items) == 1 {
		return v.Items[0].Name
	}
	return ""
}
