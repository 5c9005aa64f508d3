package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
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
		fmt.Fprint(out, "\r\x1b[K"+progress(s))
	}
}

// progress says how far a search has come.
func progress(s explore.Stats) string {
	rate := float64(s.Runs) / s.Took.Seconds()
	switch {
	case s.WaitsFor != nil:
		return fmt.Sprintf("pass %d: %d runs, %d states, waiting for %s", s.Passes, s.Runs, s.States, parts(s.WaitsFor))
	case s.Passes == 0: // what chance brings
		return fmt.Sprintf("%d runs, %.0f a second, depth %d", s.Runs, rate, s.Depth)
	}
	return fmt.Sprintf("pass %d: %d runs, %.0f a second, %d states, depth %d, %.1f %% of the tree",
		s.Passes, s.Runs, rate, s.States, s.Depth, 100*s.Done)
}

// parts names parts of a search.
func parts(numbers []int) string {
	text := "part"
	if len(numbers) > 1 {
		text = "parts"
	}
	for i, n := range numbers {
		if i > 0 {
			text += ","
		}
		text += " " + strconv.Itoa(n)
	}
	return text
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
	fmt.Fprintf(out, "  %s\n", x.nothing(r))
	return nil
}

// nothing says of a search in which nothing has gone wrong how much that means.
func (x *exploration) nothing(r *explore.Result) string {
	switch {
	case r.Covered && x.Shards > 1:
		return fmt.Sprintf("covered by %d parts together, with %d states, and nothing goes wrong", x.Shards, r.Whole)
	case r.Covered && x.strategy == "bounded":
		return fmt.Sprintf("covered with up to %d preemptions, and nothing goes wrong", explore.MaxPreemptions)
	case r.Covered:
		return "covered, and nothing goes wrong"
	}
	text := "nothing has gone wrong so far; not everything is covered"
	switch {
	case r.GaveUp != nil:
		text += "; " + parts(r.GaveUp) + " gave up"
	case r.WaitsFor != nil:
		text += "; it waited for " + parts(r.WaitsFor)
	}
	return text
}

// shortest says how short the run is that a bounded search has found, and whether there may
// be a shorter one.
func shortest(r *explore.Result) string {
	bound := r.Failure.Bound
	text := fmt.Sprintf("preempted %s, switched %s: ", times(bound.Preemptions), times(bound.Switches))
	if r.Covered {
		return text + "no run that goes wrong needs fewer"
	}
	return text + "the search was given up, and there may be a shorter one"
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
