package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/uffdsim/uffdsim/explore"
)

// progressLine shows how far a search has come, on a terminal; nil elsewhere.
func progressLine(out io.Writer) func(explore.Stats) {
	f, ok := out.(*os.File)
	if !ok || !paletteFor(f).on {
		return nil
	}
	var shown time.Duration
	return func(s explore.Stats) {
		if s.Took-shown < 100*time.Millisecond && s.Took > shown {
			return
		}
		shown = s.Took
		what := fmt.Sprintf("depth %d, %.1f %% of the tree", s.Depth, 100*s.Done)
		if s.Waiting {
			what = "waiting for the other parts"
		}
		fmt.Fprintf(out, "\r\x1b[Kpass %d: %d runs, %.0f a second, %d states, %s",
			s.Passes, s.Runs, float64(s.Runs)/s.Took.Seconds(), s.States, what)
	}
}

// report prints what a search has found.
func (x *exploration) report(out io.Writer, setup *explore.Setup, r *explore.Result) error {
	fmt.Fprintf(out, "%s: %s\n", setup.Name, setup.Doc)
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		fmt.Fprintf(out, "  outcome  %s\n", cmp.Or(o, "none of the tasks has any"))
	}
	fmt.Fprintf(out, "  %d runs, of them %d to an end, %d states, %d steps, in %v and %d MB\n",
		r.Runs, r.Complete, r.States, r.Steps, r.Took.Round(time.Millisecond), memory()>>20)
	power, err := explore.Interleavings(setup, x.Options, countRuns, x.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  there are about 10^%.0f interleavings\n", power)
	if r.Failure != nil {
		fmt.Fprintf(out, "  FAILED   %v\n  schedule %v\n", r.Failure.Err, r.Failure.Schedule)
		if x.strategy == "bounded" {
			fmt.Fprintf(out, "  %s\n", shortest(r))
		}
		fmt.Fprintf(out, "  to see   uffdsim explore %s%s --replay '%v'\n", setup.Name, x.Options.Flags(), r.Failure.Schedule)
		return errFailed
	}
	switch {
	case r.Covered && x.Shards > 1:
		fmt.Fprintf(out, "  covered by %d parts together, with %d states, and nothing goes wrong\n", x.Shards, r.Whole)
	case r.Covered && x.strategy == "bounded":
		fmt.Fprintf(out, "  covered with up to %d preemptions, and nothing goes wrong\n", explore.MaxPreemptions)
	case r.Covered:
		fmt.Fprintln(out, "  covered, and nothing goes wrong")
	default:
		fmt.Fprintln(out, "  nothing has gone wrong so far; not everything is covered")
	}
	return nil
}

// shortest says how short the run is that a bounded search has found, and whether there may
// be a shorter one.
func shortest(r *explore.Result) string {
	bound := r.Failure.Bound
	text := fmt.Sprintf("preempted %s, switched %s: ", times(bound.Preemptions), times(bound.Switches))
	if r.Covered {
		return text + "no run that goes wrong needs fewer"
	}
	return text + "the budget is spent, and there may be a shorter one"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// countRuns are the random runs that the number of interleavings is estimated from.
const countRuns = 2000

// memory is how much the program has got from the system, in bytes.
func memory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
