package syntax

import (
	"fmt"
	"strings"
)

// Error is a mistake in a scenario.
type Error struct {
	Pos  Pos
	Msg  string
	Hint string // a suggestion, "" for none
	// Err is the cause, which the message contains; nil if there is none.
	Err error
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error returns "file:line:col: message (hint)".
func (e *Error) Error() string {
	if e.Hint != "" {
		return fmt.Sprintf("%v: %s (%s)", e.Pos, e.Msg, e.Hint)
	}
	return fmt.Sprintf("%v: %s", e.Pos, e.Msg)
}

// Errors are the mistakes of a file, in the order of the file.
type Errors []*Error

// Error returns a line for each mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the mistakes one by one, for errors.As.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// MaxErrors is the maximal number of mistakes that are reported for a file. The rest of
// the file is not checked.
const MaxErrors = 20

// Add appends a mistake, and reports whether more may follow. It replaces the first
// mistake beyond [MaxErrors] by a note that the list ends, and drops all further ones.
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

// Counted returns the number with the noun, whose plural ends in s, for messages:
// "1 statement", "2 statements".
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Quote returns the word in quotes, for messages. It shortens a long word.
func Quote(word string) string { return quote(word, MaxName) }

// quote returns the word in quotes, cut after limit bytes.
func quote(word string, limit int) string {
	if len(word) > limit {
		word = strings.ToValidUTF8(word[:limit], "") + "..." // the cut may be inside a rune
	}
	return fmt.Sprintf("%q", word)
}
