package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// Result is the result of a statement.
type Result struct {
	// Line is the statement's line in the file, from 1.
	Line int `json:"line"`
	// Task is the task that ran the operation, or that the statement asks about.
	Task string `json:"task,omitempty"`
	// Op is the statement as written, without task, name and expectation.
	Op string `json:"op"`
	// Answer is the operation's answer, and Block the lines that it printed.
	Answer string   `json:"answer"`
	Block  []string `json:"block,omitempty"`
	// Want and WantBlock are the expected answer and lines: see Wanted and BlockWanted.
	Want      string   `json:"want,omitempty"`
	WantBlock []string `json:"want_block,omitempty"`
	// Skipped reports that the statement did not run, because only the model can run it.
	Skipped bool `json:"skipped,omitempty"`
	// Unready reports that the statement came before the handshake of its userfaultfd,
	// and that the model refused it. Its answer shows nothing else about the kernel.
	Unready bool `json:"-"`
	// OK reports that no expectation of the statement has failed.
	OK bool `json:"ok"`
	// Finding is the bug that ended the run here, nil for none.
	Finding *Finding `json:"finding,omitempty"`
	// Events are the events during the statement, with Options.Trace.
	Events []sim.Event `json:"events,omitempty"`

	// File is the scenario's name, and Name the name that the statement gives its result.
	File string `json:"-"`
	Name string `json:"-"`
	// Wanted and BlockWanted report whether the scenario expects an answer, and lines.
	Wanted      bool `json:"-"`
	BlockWanted bool `json:"-"`
	// Begun is the last operation of the task that a statement such as "t1 = ..." asks
	// about, "load(0x101000)", and BegunAt is its line. Begun is "" for other statements,
	// and for a task that has begun no operation.
	Begun   string `json:"-"`
	BegunAt int    `json:"-"`

	unmet []string // lines of Diff about the expectations of a block or a condition
	fixed bool     // the statement has no result that Update may write
}

// Diff returns lines that show the place, the expected result and the actual one, "" if
// they match.
func (r *Result) Diff() string {
	if r.OK {
		return ""
	}
	if r.Finding != nil {
		return r.Finding.Error() + "\n"
	}
	if r.unmet != nil {
		return strings.Join(r.unmet, "")
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

// subject returns the operation with its task. For a question it returns the task with
// the operation that the task has begun.
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

// Finding is the reason why a run ended: a bug of the kernel or of the model (a BUG_ON, a
// deadlock, a run that does not settle, data structures that contradict each other), or
// something that is not modelled, which is no bug.
type Finding struct {
	File string `json:"-"`
	Line int    `json:"-"`
	// Op is the statement that ended the run.
	Op string `json:"-"`
	// What describes it.
	What string `json:"what"`
	// Err is the error of the executor: a *sim.Bug, *sim.Deadlock, *sim.Endless or
	// *sim.NotModelled, or the error of an invariant.
	Err error `json:"-"`
}

// Error returns the place and the reason.
func (f *Finding) Error() string {
	if f.NotModelled() {
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
	}
	return fmt.Sprintf("%s:%d: %s: finding: %s", f.File, f.Line, f.Op, f.What)
}

// NotModelled reports whether the run ended because of something that Linux supports and
// the model does not.
func (f *Finding) NotModelled() bool { return IsNotModelled(f.Err) }

// Unwrap returns the error of the executor.
func (f *Finding) Unwrap() error { return f.Err }

// Report is the result of a scenario.
type Report struct {
	// File is the scenario's name, and Kernel the version that it ran on.
	File, Kernel string
	// Results are the results of the statements that ran, in order.
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

// OK reports whether no expectation has failed and there is no finding.
func (r *Report) OK() bool { return len(r.Failures()) == 0 }

// Failures returns the results that are not OK.
func (r *Report) Failures() []*Result {
	var failures []*Result
	for i := range r.Results {
		if !r.Results[i].OK {
			failures = append(failures, &r.Results[i])
		}
	}
	return failures
}

// Checked returns the number of statements with an expectation.
func (r *Report) Checked() int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Wanted || r.Results[i].BlockWanted {
			n++
		}
	}
	return n
}

// Finding returns the finding that ended the run, nil if none.
func (r *Report) Finding() *Finding {
	if len(r.Results) == 0 {
		return nil
	}
	return r.Results[len(r.Results)-1].Finding
}

// String returns the statement with its answer, in the form of a scenario.
func (r *Result) String() string {
	s := r.Op
	if r.Name != "" {
		s = r.Name + " = " + s
	}
	switch {
	case r.Op == "": // a question for a task's answer
		s = r.Task
	case r.Task != "" && r.Task != mainName:
		s = r.Task + ": " + s
	}
	if r.Answer != "" {
		s += " = " + r.Answer
	}
	return s
}

// Statement returns String without the answer.
func (r *Result) Statement() string {
	bare := *r
	bare.Answer = ""
	return bare.String()
}

// Whole returns the whole result: the answer with the lines of the block, or the finding.
func (r *Result) Whole() string {
	if r.Finding != nil && !r.Finding.NotModelled() {
		return "finding: " + r.Finding.What
	}
	return strings.Join(slices.Concat([]string{r.Answer}, r.Block), "\n")
}
