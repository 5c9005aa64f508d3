package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/trace"
)

const runExample = `  uffdsim run 01-first-fault             a lesson, by its name or number
  uffdsim run --check my.uffd DIR        a file, and all scenarios of a directory
  uffdsim run --update new.uffd          write the results into the file
  uffdsim run --trace --json new.uffd    every event, for a program to read
  uffdsim run --format html -o 01.html 01    a page to step through
  uffdsim run --kernel 6.12.117 FILE     on a stable release
  uffdsim run --kernel all FILE          what the versions answer differently
  uffdsim run --drop read-refiles 01     what goes wrong without a rule
  uffdsim run --seed 7 -                 standard input, in another order of the tasks`

// runner is the run command with its flags.
type runner struct {
	opts                scenario.Options
	json, quiet, update bool
	kernels             []string // of --kernel; empty means the file's
	drop                []string
	picture             picture

	in       io.Reader
	out, err io.Writer
}

func newRun() *cobra.Command {
	r := &runner{opts: scenario.Options{Seed: 1, Steps: scenario.DefaultSteps}}
	cmd := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run scenarios and check what they expect",
		Long: `Run scenarios and check what they expect. FILE is a file, a directory with scenarios
(*.uffd), a lesson's name or number, or - for standard input.

Every statement is printed with its result. If that is not the expected one, both are shown.
A task that sleeps in the kernel has the result "blocked". A scenario runs on the kernel that
its line "#! kernel: VERSION" names, unless --kernel is given.

The tasks take turns in an order that --seed chooses. They can change places only at a
visible step: an access to memory, a lock or a queue that another task can reach. A parallel
block is run in one such order; "uffdsim explore FILE" runs it in all of them.

--update replaces each expectation that was not met by the result, and adds the result to each
statement without one. It prints how many of both.

Programs can read three streams, with an object per line. --json has the statements with their
results, and with --trace each also has its events. --format json has the events alone, which
begin with the scenario and the kernel: docs/trace.md.`,
		Example:           runExample,
		Args:              arguments,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.in, r.out, r.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := r.conflicts(cmd); err != nil {
				return err
			}
			return r.run(args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.opts.Kernel, "kernel", "", "kernel `VERSION`: "+kernelUsage+"; several with commas, or all, to see what they answer differently (default: the scenario's own, or "+scenario.DefaultKernel+")")
	addNumber(cmd, &r.opts.Seed, "seed", 0, math.MaxUint64, 7, "number that chooses the order in which tasks take turns")
	f.BoolVar(&r.opts.Free, "free", false, "run the tasks in parallel, as goroutines, in no fixed order")
	addNumber(cmd, &r.opts.Steps, "steps", 1, maxSteps, scenario.DefaultSteps, "limit on the visible steps of one operation")
	f.Var(list{&r.drop}, "drop", "`RULE` that the kernel does not follow, as listed by \"uffdsim rules\"; several with commas")
	f.BoolVar(&r.opts.Check, "check", false, "check that the kernel's data structures agree after each statement")
	f.BoolVar(&r.opts.Trace, "trace", false, "print every event: each visible step, with the kernel function it belongs to")
	f.BoolVar(&r.json, "json", false, "print a JSON object per statement, each on a line")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "print only failures, and one line per file")
	f.BoolVar(&r.update, "update", false, "write the results into the files as the expected ones")
	r.picture.addFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("kernel", completeKernels)
	return cmd
}

// conflicts returns an error if flags were given of which one would have no effect.
func (r *runner) conflicts(cmd *cobra.Command) error {
	if text, err := r.picture.isText(); err != nil {
		return err
	} else if !text {
		for _, flag := range []string{"json", "quiet", "update"} {
			if cmd.Flags().Changed(flag) {
				return fmt.Errorf("--format %s does not go with --%s: leave one of them out", r.picture.format, flag)
			}
		}
		if r.opts.Trace {
			return fmt.Errorf("--trace prints the events as text, and --format %s has every event anyway: leave one of them out", r.picture.format)
		}
	}
	return errors.Join(
		exclusive(cmd, "json", "quiet"),
		exclusive(cmd, "trace", "quiet"),
		exclusive(cmd, "free", "seed"),
		r.updateConflicts(cmd))
}

// updateConflicts is the part of conflicts about --update.
func (r *runner) updateConflicts(cmd *cobra.Command) error {
	if !r.update {
		return nil
	}
	return exclusive(cmd, "update", "trace", "json", "output")
}

// run runs the files as the flags say: with text for every file, or a picture of one.
func (r *runner) run(names []string) error {
	text, err := r.picture.isText()
	if err != nil {
		return err
	}
	if r.opts.Kernel != "" {
		if err := r.chooseKernels(); err != nil {
			return err
		}
	}
	for _, name := range r.drop {
		rule, err := findRule(name)
		if err != nil {
			return err
		}
		r.opts.Dropped = r.opts.Dropped.With(rule)
	}
	files, bad := expand(names)
	if err := r.picture.keeps(files); err != nil {
		return err
	}
	if !text {
		if bad != nil {
			return bad
		}
		return r.drawAll(files)
	}
	return r.picture.to(r.out, func(out io.Writer) error {
		r.out = out
		err := r.runAll(files)
		if bad != nil {
			fmt.Fprintln(r.err, printable(bad.Error()))
			err = errReported
		}
		return err
	})
}

// chooseKernels resolves --kernel, and reports what it resolved to.
func (r *runner) chooseKernels() (err error) {
	if r.kernels, err = parseKernels(r.opts.Kernel); err != nil {
		return err
	}
	if !r.quiet {
		reportKernels(r.err, r.opts.Kernel, r.kernels)
	}
	if len(r.kernels) == 1 {
		r.opts.Kernel = r.kernels[0]
		return nil
	}
	if r.update || r.json || r.opts.Trace {
		return errors.New("several kernels are only compared: --update, --json and --trace take a single --kernel")
	}
	return nil
}

// expand replaces each directory by the scenarios in it. The error lists the directories
// without one, or says that standard input cannot be read twice.
func expand(names []string) (files []string, err error) {
	if first := slices.Index(names, "-"); first >= 0 && slices.Contains(names[first+1:], "-") {
		return nil, errors.New("- stands for standard input, which can be read only once")
	}
	for _, name := range names {
		found, bad := filesIn(name)
		files = append(files, found...)
		err = errors.Join(err, bad)
	}
	return files, err
}

// drawAll shows a run in a format other than text. A failed expectation is an error here,
// too.
func (r *runner) drawAll(names []string) error {
	switch {
	case len(names) != 1:
		return fmt.Errorf("--format %s shows one scenario at a time, not %d", r.picture.format, len(names))
	case len(r.kernels) > 1:
		return fmt.Errorf("--format %s takes a single --kernel", r.picture.format)
	}
	src, path, err := readSource(r.in, names[0])
	if err != nil {
		return err
	}
	file, err := syntax.Parse(path, src)
	if err != nil {
		return err
	}
	r.opts.Trace = true
	session, err := scenario.NewSession(file, r.opts)
	if err != nil {
		return err
	}
	defer session.Close()
	p := startProgress(r.err)
	defer p.end()
	stream, report, early := trace.Of(session, path, string(src), r.opts.Seed, r.counted(p, path, file, nil))
	p.end()
	if early != nil && !report.FailedBefore(early) {
		return early
	}
	if err := r.picture.draw(r.out, stream); err != nil {
		return err
	}
	for _, f := range report.Failures() {
		fmt.Fprint(r.err, printable(f.Diff()))
	}
	printEarly(r.err, early)
	return verdict(report)
}

// printEarly prints why a run ended before its last statement, nothing for nil.
func printEarly(out io.Writer, early error) {
	if early != nil {
		fmt.Fprintf(out, "the run ends early: %s\n", printable(early.Error()))
	}
}

// runAll runs every file, including those after a failure. A mistake in one has
// precedence over a failed expectation in another.
func (r *runner) runAll(names []string) error {
	var worst error
	for _, name := range names {
		err := r.runOne(name)
		switch {
		case err == nil:
		case errors.Is(err, errFailed), errors.Is(err, errNotModelled):
		case scenario.IsNotModelled(err):
			fmt.Fprintln(r.err, printable(err.Error()))
			err = errNotModelled
		default:
			fmt.Fprintln(r.err, printable(err.Error()))
			err = errReported
		}
		worst = worse(worst, err)
	}
	return worst
}

func (r *runner) runOne(name string) error {
	src, path, err := readSource(r.in, name)
	if err != nil {
		return err
	}
	path = printableName(path)
	file, err := syntax.Parse(path, src)
	if err != nil {
		return err
	}
	p := startProgress(r.err)
	defer p.end()
	if len(r.kernels) > 1 {
		return compareVersions(&printableWriter{out: r.out}, p, file, r.opts, r.kernels)
	}
	session, err := scenario.NewSession(file, r.opts)
	if err != nil {
		return err
	}
	defer session.Close()
	report, err := session.Run(r.counted(p, path, file, r.printer(path)))
	p.end()
	if err != nil && (r.update || !report.FailedBefore(err)) {
		return err
	}
	if r.update && report.Finding() == nil {
		return r.writeBack(name, src, report.Update(file), path+": "+changes(report))
	}
	return r.summarise(report, err)
}

// counted returns a function for each result that shows the progress and calls print,
// which may be nil.
func (r *runner) counted(p *progress, path string, file *syntax.File, print func(*scenario.Result) error) func(*scenario.Result) error {
	n := 0
	count := func() {
		n++
		p.set("%s: statement %d of %d", path, min(n, len(file.Stmts)), len(file.Stmts))
	}
	count()
	return func(res *scenario.Result) error {
		count()
		if print == nil {
			return nil
		}
		return p.print(func() error { return print(res) })
	}
}

// printer returns the function that prints each result, nil if none is printed.
func (r *runner) printer(path string) func(*scenario.Result) error {
	colour := paletteFor(r.out)
	switch {
	case r.json:
		enc := json.NewEncoder(&printableWriter{out: r.out, json: true})
		enc.SetEscapeHTML(false)
		return func(res *scenario.Result) error { return enc.Encode(res) }
	case r.quiet, r.update:
		return nil
	}
	fmt.Fprintln(r.out, colour.bold(path))
	return func(res *scenario.Result) error {
		for _, e := range res.Events {
			fmt.Fprintln(r.out, colour.faint("        "+formatEvent(e)))
		}
		printStep(r.out, colour, res)
		if !res.OK {
			fmt.Fprint(r.out, colour.bad(res.Diff()))
		}
		return nil
	}
}

// summarise prints the last line of a file's output, and before it the failures that have
// not been shown, the tasks that still sleep, and early, the reason why the run ended
// before its last statement, if it is not nil.
func (r *runner) summarise(report *scenario.Report, early error) error {
	failures := report.Failures()
	if r.json {
		printEarly(r.err, early)
	} else {
		colour := paletteFor(r.out)
		if r.quiet {
			for _, f := range failures {
				fmt.Fprint(r.out, colour.bad(f.Diff()))
			}
		}
		printEarly(r.out, early)
		for _, s := range report.Sleepers {
			fmt.Fprintf(r.out, "note: %s\n", printable(s.String()))
		}
		outcome := colour.good("ok")
		switch verdict(report) {
		case errFailed:
			outcome = colour.bad(fmt.Sprintf("FAIL (%d)", len(failures)))
		case errNotModelled:
			outcome = colour.bad("NOT MODELLED")
		}
		fmt.Fprintf(r.out, "%s  %s: %s on %s, %s\n", outcome, report.File,
			syntax.Counted(len(report.Results), "statement"), report.Kernel, syntax.Counted(report.Checked(), "expectation"))
	}
	return verdict(report)
}

// writeBack stores the updated text in the file that was read, and prints what changed.
// The text of standard input goes to standard output, and what changed to standard error.
func (r *runner) writeBack(name string, ran, text []byte, changed string) error {
	out, err := r.out, error(nil)
	if name == "-" {
		out = r.err
		_, err = r.out.Write(text)
	} else {
		err = updateFile(name, ran, text)
	}
	if err == nil {
		_, err = fmt.Fprintln(out, changed)
	}
	return err
}
