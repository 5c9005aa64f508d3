package syntax

import (
	"fmt"
	"strings"
)

// Error is a mistake in a scenario.
type Error struct {
	Pos  Pos
	Msg  string
	Hint string // what was perhaps meant, "" for none
}

// Error is "file:line:col: message (hint)".
func (e *Error) Error() string {
	if e.Hint != "" {
		return fmt.Sprintf("%v: %s (%s)", e.Pos, e.Msg, e.Hint)
	}
	return fmt.Sprintf("%v: %s", e.Pos, e.Msg)
}

// Errors are the mistakes of a file, in its order.
type Errors []*Error

// Error has a line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single mistakes.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// maxErrors is how many mistakes are reported before the rest of a file is given up.
const maxErrors = 20
