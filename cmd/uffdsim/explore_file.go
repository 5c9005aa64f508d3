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

// exploreFiles explores a scenario on the kernels of --kernel, or else on its own.
func (x *exploration) exploreFiles(cmd *cobra.Command, name string) error {
	if !cmd.Flags().Changed("budget") {
		x.Budget = fileBudget
	}
	if cmd.Flags().Changed("kernel") {
		kernels, err := parseKernels(x.kernel)
		if err != nil {
			return err
		}
		reportKernels(cmd.ErrOrStderr(), x.kernel, kernels)
		if len(kernels) > 1 {
			return errors.New("--kernel: a scenario is explored on one kernel at a time")
		}
		x.Version = kernels[0]
	}
	return x.exploreFile(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), name)
}

// exploreFile explores a scenario with a parallel block.
func (x *exploration) exploreFile(in io.Reader, out, errOut io.Writer, name string) error {
	if err := x.refuseForFile(); err != nil {
		return err
	}
	src, path, err := readSource(in, name)
	if err != nil {
		return err
	}
	path = printableName(path)
	file, err := syntax.Parse(path, src)
	if err != nil {
		return err
	}
	if err := x.picture.keeps([]string{name}); err != nil {
		return err
	}
	test, err := litmus.New(x.Context, file, x.Options, scenario.Limits{})
	if err != nil {
		return unprepared(errOut, err)
	}
	x.Options = test.Options
	text, err := x.picture.isText()
	if err != nil {
		return err
	}
	if x.replay != "" {
		return x.showReplay(out, subject{test.Program, path, string(src)}, text)
	}
	if !text {
		return fmt.Errorf("--format %s needs --replay SCHEDULE, the run to show", x.picture.format)
	}
	out, done, err := x.picture.open(out)
	if err != nil {
		return err
	}
	err = x.explore(test, out, errOut)
	if closed := done(); err == nil {
		err = closed
	}
	return err
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
	// Nearly all memory of a run is garbage after it, so rare collections are cheaper.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	test.Options.Progress = progressLine(errOut)
	r, err := x.searchTest(test)
	if test.Options.Progress != nil {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	return x.reportTest(out, test, r)
}

func (x *exploration) searchTest(test *litmus.Test) (*litmus.Result, error) {
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
