package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime/metrics"
	"slices"
	"strconv"
	"time"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// progressLine returns a function that shows the progress of a search on a terminal, nil
// if out is no terminal.
func progressLine(out io.Writer) func(explore.Stats) {
	if !isTerminal(out) {
		return nil
	}
	var shown time.Duration
	return func(s explore.Stats) {
		if s.Took-shown < 100*time.Millisecond && s.Took > shown {
			return
		}
		shown = s.Took
		fmt.Fprint(out, "\r\x1b[K"+searched(s))
	}
}

// searched describes the progress of a search.
func searched(s explore.Stats) string {
	rate := float64(s.Runs) / s.Took.Seconds()
	switch {
	case s.WaitsFor != nil:
		return fmt.Sprintf("pass %d: %d runs, %d states, waiting for %s", s.Passes, s.Runs, s.States, shards(s.WaitsFor))
	case s.Passes == 0: // random runs
		return fmt.Sprintf("%d runs, %.0f a second, depth %d", s.Runs, rate, s.Depth)
	}
	return fmt.Sprintf("pass %d: %d runs, %.0f a second, %d states, depth %d, %.1f %% of the tree",
		s.Passes, s.Runs, rate, s.States, s.Depth, 100*s.Done)
}

// shards returns the names of shards.
func shards(numbers []int) string {
	text := "shard"
	if len(numbers) > 1 {
		text = "shards"
	}
	for i, n := range numbers {
		if i > 0 {
			text += ","
		}
		text += " " + strconv.Itoa(n)
	}
	return text
}

// report prints the result of a search.
func (x *exploration) report(out io.Writer, setup *explore.Setup, r *explore.Result) error {
	fmt.Fprintf(out, "%s: %s\n", setup.Name, setup.Doc)
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		fmt.Fprintf(out, "  outcome  %s\n", cmp.Or(o, "no task has an outcome"))
	}
	if err := x.effort(out, setup, r); err != nil {
		return err
	}
	if why := x.Options.SymmetryUnused(setup); why != "" {
		fmt.Fprintf(out, "  %s\n", why)
	}
	if r.Failure != nil {
		x.printFailure(out, setup.Name, r)
		return errFailed
	}
	if r.Livelock {
		fmt.Fprintf(out, "  LIVELOCK covered, and no run reaches an end\n  schedule %v (into a cycle)\n", r.IntoCycle)
		return errFailed
	}
	fmt.Fprintf(out, "  %s\n", x.nothing(r))
	return nil
}

// effort prints what the search has done.
func (x *exploration) effort(out io.Writer, program explore.Program, r *explore.Result) error {
	fmt.Fprintf(out, "  %s, %d of them complete, %s, %s, in %v and %d MB\n",
		syntax.Counted(r.Runs, "run"), r.Complete, syntax.Counted(r.States, "state"), syntax.Counted(r.Steps, "step"), r.Took.Round(time.Millisecond), memory()>>20)
	power, err := explore.Interleavings(program, x.Options, countRuns, x.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  there are about 10^%.0f interleavings\n", power)
	return nil
}

// printFailure prints the run that went wrong.
func (x *exploration) printFailure(out io.Writer, name string, r *explore.Result) {
	fmt.Fprintf(out, "  FAILED   %v\n  schedule %v\n", r.Failure.Err, r.Failure.Schedule)
	if x.strategy == "bounded" {
		fmt.Fprintf(out, "  %s\n", shortest(r, "failing run"))
	}
	fmt.Fprintf(out, "  to see   uffdsim explore %s%s --replay '%v'\n", name, x.Options.Flags(), r.Failure.Schedule)
}

// nothing says how much of the program a search without a failure has covered.
func (x *exploration) nothing(r *explore.Result) string {
	switch {
	case r.Covered && x.Shards > 1:
		return fmt.Sprintf("covered by %d shards together, with %d states, and nothing goes wrong", x.Shards, r.TotalStates)
	case r.Covered && x.strategy == "bounded":
		return fmt.Sprintf("covered with up to %d preemptions, and nothing goes wrong", explore.MaxPreemptions)
	case r.Covered:
		return "covered, and nothing goes wrong"
	}
	text := "nothing went wrong so far; not everything is covered"
	switch {
	case r.GaveUp != nil:
		text += "; " + shards(r.GaveUp) + " stopped early"
	case r.WaitsFor != nil:
		text += "; it waited for " + shards(r.WaitsFor)
	}
	return text
}

// shortest says how long the run is that a bounded search has found, and whether a
// shorter one of its kind may exist.
func shortest(r *explore.Result, kind string) string {
	bound := r.Failure.Bound
	text := fmt.Sprintf("preempted %s, switched %s: ", times(bound.Preemptions), times(bound.Switches))
	if r.Covered {
		return text + "no " + kind + " needs fewer"
	}
	return text + "the search stopped early, and a shorter one may exist"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// countRuns is the number of random runs from which the number of interleavings is
// estimated.
const countRuns = 2000

// memory returns the size of the memory that the program has from the system, in bytes.
func memory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
