// Package conform holds implementations of userfaultfd against one another: it makes the
// operations of scenarios on two of them in step, and compares the answers.
package conform

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
)

// Side is an implementation that a scenario is running on: a [scenario.Session], or a target.
type Side interface {
	// Next runs the next statement. The error is io.EOF after the last.
	Next() (*scenario.Result, error)
	Close()
}

// Divergence is the first statement that two sides answer differently.
type Divergence struct {
	Ours, Theirs *scenario.Result
	// Err is why theirs gave no answer at all, nil if it did.
	Err error
}

// String shows both answers.
func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", d.Ours.File, d.Ours.Line, statement(d.Ours))
	fmt.Fprintf(&b, "  model:  %s\n", whole(d.Ours))
	if d.Err != nil {
		fmt.Fprintf(&b, "  target: no answer: %v\n", d.Err)
	} else {
		fmt.Fprintf(&b, "  target: %s\n", whole(d.Theirs))
	}
	return b.String()
}

func statement(r *scenario.Result) string {
	bare := *r
	bare.Answer = ""
	return bare.String()
}

// whole is the answer with its block.
func whole(r *scenario.Result) string {
	text := r.Answer
	if r.Finding != nil {
		text = "finding: " + r.Finding.What
	}
	for _, line := range r.Block {
		text += "\n      " + line
	}
	return text
}

// Compare runs two sides in step until they differ, or one of them is at its end. It
// returns the number of statements that both have answered alike.
func Compare(ours, theirs Side) (same int, d *Divergence, err error) {
	for ; ; same++ {
		a, err := ours.Next()
		if errors.Is(err, io.EOF) {
			return same, nil, nil
		}
		if err != nil {
			return same, nil, err
		}
		b, err := theirs.Next()
		if err != nil {
			return same, &Divergence{Ours: a, Err: err}, nil
		}
		if b.Skipped {
			continue
		}
		if a.Finding != nil || a.Answer != b.Answer || !slices.Equal(a.Block, b.Block) {
			return same, &Divergence{Ours: a, Theirs: b}, nil
		}
	}
}
