package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// Result is what became of a statement.
type Result struct {
	// Line is where the statement begins in the file, from 1.
	Line int `json:"line"`
	// Task is who did it, or whom the statement asks about.
	Task string `json:"task,omitempty"`
	// Op is the statement as it was written, without task, name and expectation.
	Op string `json:"op"`
	// Answer is what it ended with, and Block the lines that it showed.
	Answer string   `json:"answer"`
	Block  []string `json:"block,omitempty"`
	// Want and WantBlock are what the scenario expects: see Wanted and BlockWanted.
	Want      string   `json:"want,omitempty"`
	WantBlock []string `json:"want_block,omitempty"`
	// Skipped says that it did not run, because only the model can do it.
	Skipped bool `json:"skipped,omitempty"`
	// Unready says that the model refused the statement, which came before the handshake of
	// its userfaultfd: its answer shows nothing else about the kernel.
	Unready bool `json:"-"`
	// OK reports that nothing else was expected.
	OK bool `json:"ok"`
	// Finding is the bug that ended the run here, nil for none.
	Finding *Finding `json:"finding,omitempty"`
	// Events are what happened meanwhile, if that was asked for.
	Events []sim.Event `json:"events,omitempty"`

	// File is the scenario's name, and Name what the statement's result was called.
	File string `json:"-"`
	Name string `json:"-"`
	// Wanted and BlockWanted report that the scenario expects an answer, and a block.
	Wanted      bool `json:"-"`
	BlockWanted bool `json:"-"`
	// Begun is the last operation of the task that a statement such as "t1 = ..." asks
	// about, "load(0x101000)", and BegunAt is its line. Begun is "" for other statements,
	// and for a task that has begun no operation.
	Begun   string `json:"-"`
	BegunAt int    `json:"-"`
}

// Diff returns the lines that show the place, the expected result and the one that came
// instead, "" if they match.
func (r *Result) Diff() string {
	if r.OK {
		return ""
	}
	if r.Finding != nil {
		return r.Finding.Error() + "\n"
	}
	d := fmt.Sprintf("%s:%d: %s\n", r.File, r.Line, r.subject())
	if r.Wanted && !syntax.Match(r.Want, r.Answer) {
		d += fmt.Sprintf("  want = %s\n  got  = %s\n", r.Want, r.Answer)
	}
	if r.BlockWanted {
		d += "  expected lines:\n" + indent(r.WantBlock) + "  printed lines:\n" + indent(r.Block)
	}
	return d
}

// subject returns the operation with its task, or the task that is asked about with the
// operation that it began.
func (r *Result) subject() string {
	switch {
	case r.Op == "" && r.Begun != "":
		return fmt.Sprintf("%s = ... (%s of line %d)", r.Task, r.Begun, r.BegunAt)
	case r.Op == "":
		return r.Task + " = ..."
	case r.Task != "" && r.Task != mainName:
		return r.Task + ": " + r.Op
	}
	return r.Op
}

func indent(lines []string) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteString("    " + l + "\n")
	}
	return out.String()
}

// Finding is what ended a run: a bug of the kernel, or of the model (a BUG_ON, a
// deadlock, a run that does not settle, bookkeeping that contradicts itself), or the end of
// what is modelled, which is no bug.
type Finding struct {
	File string `json:"-"`
	Line int    `json:"-"`
	// Op is the statement during which it was found.
	Op string `json:"-"`
	// What describes it.
	What string `json:"what"`
	// Err is the error of the executor: a *sim.Bug, *sim.Deadlock, *sim.Endless or
	// *sim.NotModelled, or the error of an invariant.
	Err error `json:"-"`
}

// Error names the place and the reason.
func (f *Finding) Error() string {
	if f.NotModelled() {
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
	}
	return fmt.Sprintf("%s:%d: %s: finding: %s", f.File, f.Line, f.Op, f.What)
}

// NotModelled reports whether the run ended at something that Linux supports and the model
// does not.
func (f *Finding) NotModelled() bool { return IsNotModelled(f.Err) }

// Unwrap is the bug as the executor reported it.
func (f *Finding) Unwrap() error { return f.Err }

// Report is what became of a scenario.
type Report struct {
	// File is the scenario's name, and Kernel the version that it ran on.
	File, Kernel string
	// Results are those of the statements that ran, in order.
	Results []Result
	// Steps is the number of visible steps taken, 0 on the free executor.
	Steps int
	// Sleepers are the tasks that slept when the scenario ended, in order of creation,
	// except for those that the scenario has asked about. It is nil for a run that ended
	// early.
	Sleepers []Sleeper
}

// Sleeper is a task that sleeps in the kernel.
type Sleeper struct {
	Task string // its name in the scenario
	Op   string // its operation: "load(0x100000)"
	Line int    // the line of the operation, from 1
}

// String is "t1 still sleeps in load(0x100000) of line 5".
func (s Sleeper) String() string {
	return fmt.Sprintf("%s still sleeps in %s of line %d", s.Task, s.Op, s.Line)
}

// FailedBefore reports whether err, the error of [Session.Run], is a consequence of the
// failed expectations before it: a task cannot go on ([ErrCannotGoOn]). Then the run has
// failed, and the scenario has no mistake.
func (r *Report) FailedBefore(err error) bool {
	return errors.Is(err, ErrCannotGoOn) && !r.OK()
}

// OK reports whether every expectation was met and nothing was found.
func (r *Report) OK() bool { return len(r.Failures()) == 0 }

// Failures are the results that are not as they should be.
func (r *Report) Failures() []*Result {
	var failures []*Result
	for i := range r.Results {
		if !r.Results[i].OK {
			failures = append(failures, &r.Results[i])
		}
	}
	return failures
}

// Checked is the number of statements with an expectation.
func (r *Report) Checked() int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Wanted || r.Results[i].BlockWanted {
			n++
		}
	}
	return n
}

// Finding is the bug that ended the run, nil for none.
func (r *Report) Finding() *Finding {
	if len(r.Results) == 0 {
		return nil
	}
	return r.Results[len(r.Results)-1].Finding
}

// String is the statement with its answer, as a scenario has it.
func (r *Result) String() string {
	s := r.Op
	if r.Name != "" {
		s = r.Name + " = " + s
	}
	switch {
	case r.Op == "": // a task is asked
		s = r.Task
	case r.Task != "" && r.Task != mainName:
		s = r.Task + ": " + s
	}
	if r.Answer != "" {
		s += " = " + r.Answer
	}
	return s
}

// Statement is String without the answer.
func (r *Result) Statement() string {
	bare := *r
	bare.Answer = ""
	return bare.String()
}

// Whole is all that came of the statement: the answer, the lines of the block, or what was
// found.
func (r *Result) Whole() string {
	if r.Finding != nil && !r.Finding.NotModelled() {
		return "finding: " + r.Finding.What
	}
	return strings.Join(slices.Concat([]string{r.Answer}, r.Block), "\n")
}
