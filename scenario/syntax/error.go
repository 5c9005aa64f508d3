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
	// Err is the cause, which the message contains; nil if there is none.
	Err error
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

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

// MaxErrors is how many mistakes of a file are reported. The rest of the file is not checked.
const MaxErrors = 20

// Add appends a mistake, and reports whether more may follow. The first mistake beyond [MaxErrors]
// is replaced by a note that the list ends; any others are dropped.
func (es *Errors) Add(e *Error) (more bool) {
	switch {
	case len(*es) > MaxErrors:
		return false
	case len(*es) == MaxErrors:
		e = &Error{Pos: e.Pos, Msg: fmt.Sprintf("more than %d mistakes: the rest of the file is not checked", MaxErrors)}
	}
	*es = append(*es, e)
	return len(*es) <= MaxErrors
}

// Quote returns the word in quotes, for messages. A long word is cut.
func Quote(word string) string { return quote(word, MaxName) }

// quote cuts a word that has more than limit bytes.
func quote(word string, limit int) string {
	if len(word) > limit {
		word = strings.ToValidUTF8(word[:limit], "") + "..." // the cut may be inside a rune
	}
	return fmt.Sprintf("%q", word)
}
