package explore

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TB is the part of [testing.TB] that [Check] uses.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Check explores the program in a Go test, and fails the test if a run goes wrong. The
// message has the error, a short failing run as a schedule and as a diagram, and the call
// of [CheckSchedule] that runs it again. Check also fails the test if the search was not
// covered within opts.Budget, or, if that is 0, nine tenths of the time that the test has
// left. The result is for further checks, such as which outcomes are possible.
func Check(t TB, program Program, opts Options) *Result {
	t.Helper()
	if opts.Budget == 0 {
		opts.Budget = timeLeft(t) * 9 / 10
	}
	r, err := Search(program, opts)
	switch {
	case err != nil:
		t.Fatalf("%s: %v", program.name(), err)
	case r.Failure != nil:
		t.Fatalf("%s", report(program, opts, shortest(program, opts, r.Failure)))
	case !r.Covered:
		t.Fatalf("%s: not covered after %v and %d runs, none of which went wrong: raise Options.Budget or make the program smaller",
			program.name(), r.Took.Round(time.Millisecond), r.Runs)
	case r.Livelock:
		t.Fatalf("%s: livelock: no run reaches an end; into a cycle: %v", program.name(), r.IntoCycle)
	}
	return r
}

// CheckSchedule runs the program once, along a schedule that [Check] has printed, and
// fails the test if the run goes wrong, or if the schedule no longer fits the program.
func CheckSchedule(t TB, program Program, opts Options, schedule string) {
	t.Helper()
	s, err := ParseSchedule(schedule)
	var failure error
	if err == nil {
		_, failure, err = Replay(program, opts, s, nil)
	}
	switch {
	case failure != nil:
		t.Fatalf("%s", report(program, opts, &Failure{Err: failure, Schedule: s}))
	case err != nil:
		t.Fatalf("%s: %v", program.name(), err)
	}
}

// timeLeft returns how long a test may still run, 0 if without limit.
func timeLeft(t TB) time.Duration {
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := d.Deadline(); ok {
			return max(time.Until(end), 1)
		}
	}
	return 0
}

// shortestBudget limits the search for the shortest failing run.
const shortestBudget = 5 * time.Second

// shortest returns the shortest failing run, or a short one if the search for that takes
// too long.
func shortest(program Program, opts Options, f *Failure) *Failure {
	bounded := opts
	bounded.Budget, bounded.Plain, bounded.Progress = shortestBudget, false, nil
	if r, err := Counterexample(program, bounded); err == nil && r.Failure != nil {
		return r.Failure
	}
	return Shrink(program, opts, f)
}

// report returns the message for a failing run.
func report(program Program, opts Options, f *Failure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v\n", program.name(), f.Err)
	if rows, _, err := Rows(program, opts, f.Schedule); err == nil && len(rows) > 0 {
		b.WriteByte('\n')
		Diagram(&b, ends(rows))
	}
	fmt.Fprintf(&b, "\nAgain: explore.CheckSchedule(t, program, opts, %q)", f.Schedule.String())
	return b.String()
}

// ends returns rows without the middle of a long run, such as one that does not end.
func ends(rows []Row) []Row {
	const most, end = 160, 50
	if len(rows) <= most {
		return rows
	}
	left := fmt.Sprintf("... %d more steps ...", len(rows)-2*end)
	return slices.Concat(rows[:end], []Row{{Task: rows[end].Task, Step: left}}, rows[len(rows)-end:])
}
