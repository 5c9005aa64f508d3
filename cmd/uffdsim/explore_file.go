package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// fileBudget is the time after which the exploration of a scenario stops, unless --budget
// is given.
const fileBudget = time.Minute

// isScenario reports whether the argument of explore is a scenario and no program.
func isScenario(name string) bool {
	if explore.FindSetup(name) != nil {
		return false
	}
	info, err := os.Stat(name)
	return name == "-" || filepath.Ext(name) == ".uffd" || err == nil && !info.IsDir()
}

// exploreFile explores a scenario with a parallel block: on its own kernel, or on the one
// of --kernel, or on several in turn.
func (x *exploration) exploreFile(cmd *cobra.Command, name string) error {
	if !cmd.Flags().Changed("budget") {
		x.Budget = fileBudget
	}
	kernels := []string{""} // the scenario's own
	if cmd.Flags().Changed("kernel") {
		var err error
		if kernels, err = parseKernels(x.kernel); err != nil {
			return err
		}
		reportKernels(cmd.ErrOrStderr(), x.kernel, kernels)
	}
	if err := errors.Join(x.refuseForFile(), x.checkShow()); err != nil {
		return err
	}
	src, path, err := readSource(cmd.InOrStdin(), name)
	if err != nil {
		return err
	}
	file, err := syntax.Parse(printableName(path), src)
	if err != nil {
		return err
	}
	if err := x.picture.keeps([]string{name}); err != nil {
		return err
	}
	// Nearly all memory of a run is garbage after it, so rare collections are cheaper.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	if len(kernels) > 1 {
		return x.exploreOn(kernels, file, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	x.Version = kernels[0]
	return x.exploreTest(file, string(src), cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// exploreTest explores a scenario on one kernel.
func (x *exploration) exploreTest(file *syntax.File, src string, out, errOut io.Writer) error {
	test, err := litmus.New(x.Context, file, x.Options, scenario.Limits{})
	if err != nil {
		return unprepared(errOut, err)
	}
	x.Options = test.Options
	text, err := x.picture.isText()
	if err != nil {
		return err
	}
	of := subject{test.Program, file.Name, file.Name, src}
	switch {
	case x.replay != "":
		return x.showReplay(out, of, text)
	case x.show != "":
		return x.showTest(out, errOut, test, of, text)
	case !text:
		return fmt.Errorf("--format %s needs --show OUTCOME or --replay SCHEDULE, the run to show", x.picture.format)
	}
	return x.picture.to(out, func(out io.Writer) error { return x.explore(test, out, errOut) })
}

// refuseForFile returns an error for a flag that a scenario does not go with.
func (x *exploration) refuseForFile() error {
	switch {
	case x.Faulters > 0:
		return errors.New("--faulters: a scenario names its tasks itself")
	case x.shard != "" || x.Exchange != "":
		return errors.New("--shard and --exchange: a scenario is explored by one process")
	case x.strategy == "bounded":
		return errors.New("--strategy bounded looks for a failing run of a program: a scenario has outcomes")
	}
	return errors.Join(x.checkStrategy(), x.resolveFlags())
}

// unprepared prints why a scenario fails before its parallel block.
func unprepared(errOut io.Writer, err error) error {
	if u, ok := errors.AsType[*scenario.Unprepared](err); ok && !scenario.IsNotModelled(err) {
		fmt.Fprintln(errOut, printable(u.Error()))
		return errFailed
	}
	return err
}

// explore searches and prints the result.
func (x *exploration) explore(test *litmus.Test, out, errOut io.Writer) error {
	r, err := x.searchTest(test, errOut)
	if err != nil {
		return err
	}
	return x.reportTest(out, test, r)
}

// searchTest searches with the strategy, and shows the progress.
func (x *exploration) searchTest(test *litmus.Test, errOut io.Writer) (*litmus.Result, error) {
	if test.Options.Progress = progressLine(errOut); test.Options.Progress != nil {
		defer fmt.Fprint(errOut, "\r\x1b[K")
	}
	switch x.strategy {
	case "dpor", "plain":
		test.Options.Plain = x.strategy == "plain"
		return test.Search()
	case "random":
		return test.Sample(x.seed, 0)
	}
	return test.Sample(x.seed, x.depth)
}

// reportTest prints the outcomes, the conditions and the effort.
func (x *exploration) reportTest(out io.Writer, test *litmus.Test, r *litmus.Result) error {
	name := test.Program.Name
	fmt.Fprintf(out, "%s: %s, on kernel %s\n", name, printable(test.Program.Doc), x.Version)
	for i, o := range r.Outcomes {
		printIndented(out, fmt.Sprintf("  outcome %d  ", i+1), "             ", printable(o.String()))
		printIndented(out, "             ", "             ", fmt.Sprintf("%s, such as %v", syntax.Counted(o.Runs, "run"), o.Schedule))
	}
	for _, v := range r.Verdicts {
		printIndented(out, "  "+holds(v)+" ", "          ", fmt.Sprintf("line %d: %s", v.Line, printable(v.Text)))
	}
	if err := x.effort(out, test.Program, r.Result); err != nil {
		return err
	}
	switch {
	case r.Failure != nil:
		if scenario.IsNotModelled(r.Failure.Err) {
			return r.Failure.Err
		}
		x.printFailure(out, name, r.Result)
	case r.Covered:
		fmt.Fprintln(out, "  covered")
	default:
		fmt.Fprintln(out, "  not everything is covered: there may be further outcomes")
	}
	if !r.OK() {
		return errFailed
	}
	return nil
}

// holds returns the truth of a condition as a word of 7 characters.
func holds(v litmus.Verdict) string {
	return map[litmus.Truth]string{litmus.Yes: "holds  ", litmus.No: "FAILS  ", litmus.Unknown: "unknown"}[v.Holds]
}
