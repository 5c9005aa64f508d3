// Package conform compares implementations of userfaultfd: it runs the operations of
// scenarios on two of them in step, and compares the answers.
package conform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Divergence is the first statement that two sides answer differently.
type Divergence struct {
	Ours, Theirs *scenario.Result
	// Err is why theirs gave no answer, nil if it gave one.
	Err error
}

// String shows both answers.
func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", d.Ours.File, d.Ours.Line, d.Ours.Statement())
	fmt.Fprintf(&b, "  model:  %s\n", whole(d.Ours))
	if d.Err != nil {
		fmt.Fprintf(&b, "  target: no answer: %v\n", d.Err)
	} else {
		fmt.Fprintf(&b, "  target: %s\n", whole(d.Theirs))
	}
	return b.String()
}

// whole returns the answer, indented for a list of answers.
func whole(r *scenario.Result) string {
	return strings.ReplaceAll(r.Whole(), "\n", "\n      ")
}

// Outcome counts what the comparison of a scenario found.
type Outcome struct {
	Same    int         // statements that both answered alike, except for Unready
	Unready int         // statements that both refused, because the handshake was missing
	Skipped int         // statements that the target cannot run
	Diverge *Divergence // nil if none
	// Ended is why the rest of the scenario was not compared although neither side was
	// wrong (see [scenario.Incomparable]), or a mistake in the scenario. Nil if all was
	// compared.
	Ended error
}

// Run runs a scenario's statements on both sides as long as they agree. It ignores what
// the scenario expects. The error says that a side cannot be started, or that the target
// is no program that answers.
func Run(pair Pair, file *syntax.File) (Outcome, error) {
	var o Outcome
	ours, theirs, err := pair()
	if scenario.Incomparable(err) {
		o.Ended = err
		return o, nil
	}
	if err != nil {
		return o, err
	}
	defer ours.Close()
	defer theirs.Close()
	r := &lockstep{ours: ours, theirs: theirs}
	for _, stmt := range file.Stmts {
		if stmt.Parallel != nil { // its results depend on the interleaving
			o.Ended = fmt.Errorf("%v: parallel: %w", stmt.Pos, scenario.ErrModelOnly)
			return o, nil
		}
		result, d, err := r.compare(func(d Doer) (*scenario.Result, error) { return doAt(d, file, stmt) })
		switch {
		case err != nil:
			o.Ended = err
			return o, nil
		case d != nil && scenario.Incomparable(d.Err):
			o.Ended = d.Err
			return o, nil
		case d != nil && errors.Is(d.Err, errUnanswered):
			return o, d.Err
		case d != nil:
			o.Diverge = d
			return o, nil
		case result.Skipped:
			o.Skipped++
		case result.Unready:
			o.Unready++
		default:
			o.Same++
		}
	}
	return o, nil
}
