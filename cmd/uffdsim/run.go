package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/trace"
)

const runExample = `  uffdsim run 01-first-fault             a lesson, by its name or number
  uffdsim run --check *.uffd             files, with the kernel's bookkeeping checked
  uffdsim run --update new.uffd          write the answers into the file
  uffdsim run --trace --json new.uffd    every event, for a program to read
  uffdsim run --format html -o 01.html 01-first-fault    a page to step through
  uffdsim run --kernel 6.12.117 FILE     on a stable release
  uffdsim run --kernel all FILE          what the versions answer differently
  uffdsim run --drop read-refiles 01     what goes wrong without a rule
  uffdsim run --seed 7 -                 standard input, under another interleaving`

// runner is the run command with its flags.
type runner struct {
	opts                scenario.Options
	json, quiet, update bool
	kernels             []string // what --kernel asks for; empty is the file's
	drop                []string
	picture             picture

	in       io.Reader
	out, err io.Writer
}

func newRun() *cobra.Command {
	r := &runner{}
	cmd := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run scenarios and check what they expect",
		Long: `Run scenarios and check what they expect. FILE is a file, a lesson's name, or - for
standard input. Every statement is printed with its answer; what differs from the
expectation is shown with both. A file is run on the kernel that its "#! kernel:"
line asks for, unless --kernel is given.`,
		Example:           runExample,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.in, r.out, r.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return r.run(args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.opts.Kernel, "kernel", "", "kernel version: "+kernelUsage+"; several with commas, or all, to see what they answer differently (default: the file's, or "+scenario.DefaultKernel+")")
	f.Uint64Var(&r.opts.Seed, "seed", 1, "seed of the interleaving")
	f.BoolVar(&r.opts.Free, "free", false, "run the tasks in parallel, as goroutines, instead of one at a time by the seed")
	f.IntVar(&r.opts.Steps, "steps", scenario.DefaultSteps, "limit on the visible steps of one operation")
	f.StringSliceVar(&r.drop, "drop", nil, "rule that the kernel is not to obey (uffdsim rules lists them); may be repeated")
	f.BoolVar(&r.opts.Check, "check", false, "check the kernel's bookkeeping after each statement")
	f.BoolVar(&r.opts.Trace, "trace", false, "show every event")
	f.BoolVar(&r.json, "json", false, "print an object a line for each statement")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "print a line a file, and what is wrong")
	f.BoolVar(&r.update, "update", false, "write the answers into the files as what they expect")
	r.picture.addFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("kernel", completeKernels)
	return cmd
}

// run does what the command line asks for: text for every file, or a picture of one.
func (r *runner) run(names []string) error {
	if err := within("--steps", r.opts.Steps, 1, maxSteps); err != nil {
		return err
	}
	text, err := r.picture.isText()
	if err != nil {
		return err
	}
	if r.opts.Kernel != "" {
		if r.kernels, err = parseKernels(r.opts.Kernel); err != nil {
			return err
		}
		if !r.quiet {
			reportKernels(r.err, r.opts.Kernel, r.kernels)
		}
		if len(r.kernels) == 1 {
			r.opts.Kernel = r.kernels[0]
		}
	}
	for _, name := range r.drop {
		rule, err := findRule(name)
		if err != nil {
			return err
		}
		r.opts.Dropped = r.opts.Dropped.With(rule)
	}
	if !text {
		return r.drawAll(names)
	}
	out, done, err := r.picture.open(r.out)
	if err != nil {
		return err
	}
	r.out = out
	err = r.runAll(names)
	if closed := done(); err == nil {
		err = closed
	}
	return err
}

// drawAll shows a run as something else than text. Expectations that it did not meet are an error
// all the same.
func (r *runner) drawAll(names []string) error {
	switch {
	case len(names) != 1:
		return fmt.Errorf("uffdsim run --format %s: one file at a time, and not %d", r.picture.format, len(names))
	case len(r.kernels) > 1, r.update, r.json, r.quiet:
		return fmt.Errorf("uffdsim run --format %s: not with several kernels, --update, --json or --quiet", r.picture.format)
	}
	src, path, err := r.source(names[0])
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
	stream, report, err := trace.Of(session, path, string(src), r.opts.Seed, nil)
	if err != nil {
		return err
	}
	if err := r.picture.draw(r.out, stream); err != nil {
		return err
	}
	for _, f := range report.Failures() {
		fmt.Fprint(r.err, printable(f.Diff()))
	}
	return verdict(report)
}

// runAll runs every file, whatever becomes of the others. A mistake in one is worse
// than an expectation that another did not meet.
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

// worse returns the error that the exit status of several files reports.
func worse(a, b error) error {
	for _, err := range []error{errReported, errFailed, errNotModelled} {
		if a == err || b == err {
			return err
		}
	}
	return nil
}

// verdict returns the error for the report of a run, nil if every expectation was met.
func verdict(report *scenario.Report) error {
	for _, f := range report.Failures() {
		if f.Finding == nil || !f.Finding.NotModelled() {
			return errFailed
		}
	}
	if !report.OK() {
		return errNotModelled
	}
	return nil
}

func (r *runner) runOne(name string) error {
	src, path, err := r.source(name)
	if err != nil {
		return err
	}
	path = printableName(path)
	file, err := syntax.Parse(path, src)
	if err != nil {
		return err
	}
	if len(r.kernels) > 1 {
		return compareVersions(&printableWriter{out: r.out}, file, r.opts, r.kernels)
	}
	session, err := scenario.NewSession(file, r.opts)
	if err != nil {
		return err
	}
	defer session.Close()
	report, err := session.Run(r.printer(path))
	if err != nil {
		return err
	}
	if r.update && report.Finding() == nil {
		return r.writeBack(name, report.Update(file))
	}
	return r.summarise(report)
}

// source reads a file, a lesson or standard input, and says what to call it.
func (r *runner) source(name string) (src []byte, path string, err error) {
	if name == "-" {
		src, err = readAll(r.in, "<stdin>")
		return src, "<stdin>", err
	}
	src, err = readScenario(name)
	if errors.Is(err, os.ErrNotExist) {
		if lesson, ok := lessons.Find(name); ok {
			return []byte(lesson.Source), lesson.Name + ".uffd", nil
		}
		return nil, "", fmt.Errorf("%s: no such file, and no lesson of that name (\"uffdsim list\" shows them)", name)
	}
	return src, name, err
}

// maxScenario is more than any scenario is long, in bytes.
const maxScenario = 16 << 20

// readScenario is os.ReadFile for a file that may turn out to be no scenario, and endless.
func readScenario(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name)
}

func readAll(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxScenario+1))
	if err == nil && len(text) > maxScenario {
		err = fmt.Errorf("%s: more than %d MiB, which is no scenario", name, maxScenario>>20)
	}
	return text, err
}

// printer returns what is done with each result as it comes.
func (r *runner) printer(path string) func(*scenario.Result) error {
	colour := paletteFor(r.out)
	switch {
	case r.json:
		enc := json.NewEncoder(r.out)
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

// summarise ends a file's output with a line, and with what is wrong if that has not
// been shown.
func (r *runner) summarise(report *scenario.Report) error {
	failures := report.Failures()
	if !r.json {
		colour := paletteFor(r.out)
		if r.quiet {
			for _, f := range failures {
				fmt.Fprint(r.out, colour.bad(f.Diff()))
			}
		}
		outcome := colour.good("ok")
		switch verdict(report) {
		case errFailed:
			outcome = colour.bad(fmt.Sprintf("FAIL (%d)", len(failures)))
		case errNotModelled:
			outcome = colour.bad("NOT MODELLED")
		}
		fmt.Fprintf(r.out, "%s  %s: %d statements on %s, %d expectations\n",
			outcome, report.File, len(report.Results), report.Kernel, report.Checked())
	}
	return verdict(report)
}

// writeBack stores the updated text where it came from; what came from standard input
// goes to standard output.
func (r *runner) writeBack(name string, text []byte) error {
	if name == "-" {
		_, err := r.out.Write(text)
		return err
	}
	old, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("uffdsim run --update: a lesson cannot be written to: %w", err)
	}
	if string(old) == string(text) {
		return nil
	}
	return os.WriteFile(name, text, 0o666)
}
