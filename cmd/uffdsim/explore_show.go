package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// checkShow returns an error if --show does not go with the other flags.
func (x *exploration) checkShow() error {
	switch {
	case x.show == "":
		return nil
	case x.replay != "":
		return errors.New("--show and --replay each say which run to show: use one of them")
	case x.strategy != strategies[0]:
		return fmt.Errorf("--show looks for the shortest run: it does not go with --strategy %s", x.strategy)
	case x.shard != "":
		return errors.New("--show does not go with --shard: one process looks for the shortest run")
	}
	return nil
}

// showSetup shows the shortest run of a program to an outcome that has all results of
// --show, such as "t1=SIGBUS".
func (x *exploration) showSetup(out, errOut io.Writer, setup *explore.Setup, text bool) error {
	results := strings.Fields(x.show)
	r, err := x.reach(errOut, func(opts explore.Options) (*explore.Result, error) {
		return explore.Reach(setup, opts, func(outcome string) bool {
			has := strings.Fields(outcome)
			return !slices.ContainsFunc(results, func(r string) bool { return !slices.Contains(has, r) })
		})
	})
	if err != nil {
		return err
	}
	return x.showReached(out, subjectOf(setup), r, text)
}

// showTest shows the shortest run of a scenario to an outcome of which the proposition of
// --show is true, such as "t1 = SIGBUS".
func (x *exploration) showTest(out, errOut io.Writer, test *litmus.Test, of subject, text bool) error {
	p, err := syntax.ParseProposition("--show", x.show)
	if err != nil {
		return err
	}
	holds, err := test.Proposition(p)
	if err != nil {
		return err
	}
	r, err := x.reach(errOut, func(opts explore.Options) (*explore.Result, error) {
		test.Options.Progress = opts.Progress
		return test.Reach(holds)
	})
	if err != nil {
		return err
	}
	return x.showReached(out, of, r, text)
}

// reach calls search, and shows its progress.
func (x *exploration) reach(errOut io.Writer, search func(opts explore.Options) (*explore.Result, error)) (*explore.Result, error) {
	opts := x.Options
	if opts.Progress = progressLine(errOut); opts.Progress != nil {
		defer fmt.Fprint(errOut, "\r\x1b[K")
	}
	return search(opts)
}

// showReached shows the run that was found, or says why none was.
func (x *exploration) showReached(out io.Writer, of subject, r *explore.Result, text bool) error {
	switch {
	case r.Failure == nil && !text:
		return errors.New(x.unreached(r))
	case r.Failure == nil:
		fmt.Fprintln(out, printable(x.unreached(r)))
		return errFailed
	case !errors.Is(r.Failure.Err, explore.ErrReached):
		if scenario.IsNotModelled(r.Failure.Err) {
			return r.Failure.Err
		}
		fmt.Fprintln(out, "a run goes wrong, which ends the search:")
		x.printFailure(out, of.name, r)
		return errFailed
	case !text:
		return x.drawSchedule(out, of, r.Failure.Schedule)
	}
	return x.picture.to(out, func(out io.Writer) error { return x.describeRun(out, of, r) })
}

// describeRun prints a run: its outcome, its length, the reason of each SIGBUS, and the
// steps.
func (x *exploration) describeRun(out io.Writer, of subject, r *explore.Result) error {
	schedule := r.Failure.Schedule
	outcome, _, err := explore.Replay(of.Program, x.Options, schedule, nil)
	if err != nil {
		return err
	}
	reasons, err := explore.Reasons(of.Program, x.Options, schedule)
	if err != nil {
		return err
	}
	rows, _, err := explore.Rows(of.Program, x.Options, schedule)
	if err != nil {
		return err
	}
	printIndented(out, "outcome   ", "          ", printable(outcome))
	printIndented(out, "schedule  ", "          ", schedule.String())
	fmt.Fprintf(out, "          %s\n", shortest(r, "run to it"))
	for _, reason := range reasons {
		printIndented(out, "          ", "            ", reason.String())
	}
	fmt.Fprintln(out)
	explore.Diagram(out, rows)
	return nil
}

// unreached says that no run with the outcome was found, and lists the others.
func (x *exploration) unreached(r *explore.Result) string {
	text := fmt.Sprintf("no run with %q was found; not everything is covered", x.show)
	if r.Covered {
		text = fmt.Sprintf("no run has %q", x.show)
	}
	for i, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		if i == 0 {
			text += "; the outcomes are:"
		}
		text += "\n  " + o
	}
	return text
}
