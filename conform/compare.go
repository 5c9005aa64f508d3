// Package conform holds implementations of userfaultfd against one another: it makes the
// operations of scenarios on two of them in step, and compares the answers.
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
	// Err is why theirs gave no answer at all, nil if it did.
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

// whole is the answer as it is shown under others.
func whole(r *scenario.Result) string {
	return strings.ReplaceAll(r.Whole(), "\n", "\n      ")
}

// Outcome is what came of a scenario.
type Outcome struct {
	Same    int         // statements that both have answered alike, except for Unready
	Unready int         // that both have refused, because the handshake was missing
	Skipped int         // that the target cannot do
	Diverge *Divergence // nil for none
	// Ended is why the scenario does not go on to its end, though neither was wrong: it asks
	// for what only the model can do, or for more than the target has room for; else there is a mistake in
	// it. Nil if it does.
	Ended error
}

// Run gives a scenario's statements to both, as long as they agree. What the scenario expects
// does not matter.
func Run(pair Pair, file *syntax.File) (Outcome, error) {
	var o Outcome
	ours, theirs, err := pair()
	if err != nil {
		return o, err
	}
	defer ours.Close()
	defer theirs.Close()
	r := &lockstep{ours: ours, theirs: theirs}
	for _, stmt := range file.Stmts {
		result, d, err := r.do(stmt.Op)
		switch {
		case err != nil:
			o.Ended = err
			return o, nil
		case d != nil && (errors.Is(d.Err, scenario.ErrModelOnly) || errors.Is(d.Err, scenario.ErrNoRoom)):
			o.Ended = d.Err
			return o, nil
		case d != nil:
			d.Ours.File, d.Ours.Line = file.Name, stmt.Pos.Line
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
