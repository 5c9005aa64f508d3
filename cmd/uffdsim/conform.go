package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/bench"
	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// conformance is the conform command with its flags.
type conformance struct {
	kernel     string
	target     string
	program    bool // the target is a program, and not the running kernel
	timeout    time.Duration
	fuzz       time.Duration
	operations int
	seed       uint64
	workers    int
	in         io.Reader // for the scenario "-"
}

func newConform() *cobra.Command {
	c := conformance{timeout: 10 * time.Second, seed: 1, workers: min(runtime.GOMAXPROCS(0), maxWorkers)}
	cmd := &cobra.Command{
		Use:   "conform [FILE|DIR...]",
		Short: "Compare the model with the running kernel, or with another implementation",
		Long: `Run scenarios on the model and on a target, step by step, and compare the answers. The
target is the running kernel, or with --target a program that reads operations, one per line,
and prints answers: see docs/protocol.md. FILE is a file or a lesson's name, DIR a directory
with scenarios (*.uffd). Without arguments, the lessons are compared.

With --fuzz or --operations the scenarios are generated at random. If the answers differ, the
scenario is made as short as possible and printed.`,
		Example: `  uffdsim conform                           the lessons, on the running kernel
  uffdsim conform 01 my.uffd                a lesson and a file
  uffdsim conform --fuzz 60s --seed 1       random scenarios
  uffdsim conform --target 'uffdsim serve'  another implementation`,
		Args:              arguments,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal has its default effect: it ends the program
			c.program = cmd.Flags().Changed("target")
			c.in = cmd.InOrStdin()
			if c.kernel, err = oneKernel(cmd, c.kernel); err != nil {
				return err
			}
			return c.run(ctx, &printableWriter{out: cmd.OutOrStdout()}, cmd.ErrOrStderr(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.kernel, "kernel", newest(), "kernel `VERSION` of the model: "+kernelUsage)
	f.StringVar(&c.target, "target", "", "`PROGRAM` to compare the model with, and its arguments, separated by spaces, without quotes (default: the running kernel)")
	addNumber(cmd, &c.timeout, "timeout", time.Millisecond, maxTime, 10*time.Second, "how long a program may take to answer")
	addNumber(cmd, &c.fuzz, "fuzz", 0, maxTime, time.Minute, "generate scenarios for this `TIME`")
	addNumber(cmd, &c.operations, "operations", 0, maxOperations, 10_000, "generate scenarios until they had this many operations")
	addNumber(cmd, &c.seed, "seed", 0, math.MaxUint64, 1, "number of the first generated scenario")
	addNumber(cmd, &c.workers, "workers", 1, maxWorkers, 4, "number of scenarios at a time")
	return cmd
}

// newest returns the newest version of the model.
func newest() string {
	kernels := scenario.Kernels()
	return kernels[len(kernels)-1]
}

// sides names what is compared.
func (c *conformance) sides() string {
	if c.program {
		return fmt.Sprintf("target %s, model %s", c.target, c.kernel)
	}
	return fmt.Sprintf("kernel %s, model %s", bench.KernelVersion(), c.kernel)
}

// open opens the target.
func (c *conformance) open(errOut io.Writer) (conform.Target, error) {
	if !c.program {
		t, err := conform.OpenLive()
		if err != nil {
			return nil, folded{fmt.Errorf("the running kernel cannot be compared: %w\n--target needs no permission: it compares the model with a program", err)}
		}
		return t, nil
	}
	return &conform.Command{Args: strings.Fields(c.target), Timeout: c.timeout,
		Errors: &printableWriter{out: errOut}, Supervisor: []string{superviseName}}, nil
}

func (c *conformance) run(ctx context.Context, out, errOut io.Writer, paths []string) error {
	if err := c.check(paths); err != nil {
		return err
	}
	if c.fuzz > 0 || c.operations > 0 {
		return c.makeUp(ctx, out, errOut)
	}
	files, err := scenariosIn(c.in, paths)
	if err != nil {
		return err
	}
	target, err := c.open(errOut)
	if err != nil {
		return err
	}
	defer target.Close()
	endWith(ctx, target)
	fmt.Fprintln(out, c.sides())
	pair := conform.Against(target, scenario.Options{Kernel: c.kernel, Check: true})
	same, unready, bad, mistakes := 0, 0, 0, 0
	for _, file := range files {
		if ctx.Err() != nil {
			return errInterrupted
		}
		o, err := conform.Run(pair, file)
		if ctx.Err() != nil { // the target was ended, so a missing answer means nothing
			return errInterrupted
		}
		if err != nil {
			return err
		}
		same, unready = same+o.Same, unready+o.Unready
		note := ""
		if o.Unready > 0 {
			note = fmt.Sprintf(", %d refused before the handshake", o.Unready)
		}
		if o.Skipped > 0 {
			note += fmt.Sprintf(", %d that only the model can run", o.Skipped)
		}
		switch {
		case o.Diverge != nil:
			bad++
			fmt.Fprintf(out, "DIVERGES  %v", o.Diverge)
		case scenario.Incomparable(o.Ended), errors.Is(o.Ended, scenario.ErrCannotGoOn), scenario.IsNotModelled(o.Ended):
			fmt.Fprintf(out, "part  %s: %s alike%s; the rest has not been compared:\n", file.Name, syntax.Counted(o.Same, "statement"), note)
			printIndented(out, "    ", "    ", o.Ended.Error())
		case o.Ended != nil:
			mistakes++
			fmt.Fprintf(out, "MISTAKE  %s: after %s alike%s: %v\n", file.Name, syntax.Counted(o.Same, "statement"), note, o.Ended)
		case o.Same == 0:
			fmt.Fprintf(out, "none  %s: nothing was compared%s\n", file.Name, note)
		default:
			fmt.Fprintf(out, "ok  %s: %s alike%s\n", file.Name, syntax.Counted(o.Same, "statement"), note)
		}
	}
	printIndented(out, "", "    ", fmt.Sprintf("%s, %s alike, %s%s; %s",
		syntax.Counted(len(files), "scenario"), syntax.Counted(same, "statement"), refusedByBoth(unready),
		syntax.Counted(bad, "divergence"), syntax.Counted(len(conform.Known()), "known difference")))
	for _, d := range conform.Known() {
		printIndented(out, "  ", "    ", fmt.Sprintf("differs: %s: %s", d.Name, d.Reason))
	}
	if !c.program {
		for _, d := range conform.NotCompared() {
			printIndented(out, "  ", "    ", fmt.Sprintf("not compared: %s: %s", d.Name, d.Reason))
		}
	}
	switch {
	case mistakes > 0:
		return fmt.Errorf("mistakes in %s: compared only up to them", syntax.Counted(mistakes, "scenario"))
	case bad > 0:
		return errFailed
	case same == 0:
		return errNothingCompared
	}
	return nil
}

// refusedByBoth says how many statements both sides refused only because the handshake
// was missing. They show that it is needed, and nothing else about the statement.
func refusedByBoth(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d refused by both before the handshake, ", n)
}

var (
	errInterrupted     = errors.New("interrupted: not everything was compared")
	errNothingCompared = errors.New("nothing was compared: the target answered no statement")
)

// check returns an error if the flags make no sense.
func (c *conformance) check(paths []string) error {
	if c.program && strings.TrimSpace(c.target) == "" {
		return errors.New("--target: no program is named (without --target, the target is the running kernel)")
	}
	if (c.fuzz > 0 || c.operations > 0) && len(paths) > 0 {
		return fmt.Errorf("--fuzz and --operations generate the scenarios: leave out %s", shown(paths[0]))
	}
	return nil
}

// endWith ends the target, if it is a program, when the context ends.
func endWith(ctx context.Context, target conform.Target) {
	if program, ok := target.(*conform.Command); ok {
		context.AfterFunc(ctx, program.Close)
	}
}

// scenariosIn parses the scenarios of the paths: files, directories, lessons, or - for
// in. Without paths it parses all lessons.
func scenariosIn(in io.Reader, paths []string) ([]*syntax.File, error) {
	var files []*syntax.File
	add := func(name string, text []byte) error {
		file, err := syntax.Parse(printableName(name), text)
		files = append(files, file)
		return err
	}
	if len(paths) == 0 {
		for _, l := range lessons.All() {
			if err := add(l.Name+".uffd", []byte(l.Source)); err != nil {
				return nil, err
			}
		}
		return files, nil
	}
	names, err := expand(paths)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, path, err := readSource(in, name)
		if err != nil {
			return nil, err
		}
		if err := add(path, text); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// fuzzing is the state that the workers of makeUp share.
type fuzzing struct {
	mu         sync.Mutex
	next       uint64
	scenarios  int
	operations int
	same       int // operations that both sides answered alike
	parts      int // scenarios that were compared in part
	part       error
	found      *conform.Found
	seed       uint64
	err        error
	start      time.Time
}

// makeUp fuzzes until the time is over, enough operations were compared, or a divergence
// was found.
func (c *conformance) makeUp(ctx context.Context, out, errOut io.Writer) error {
	s := &fuzzing{next: c.seed, start: time.Now()}
	progress := isTerminal(errOut)
	var all sync.WaitGroup
	for range max(c.workers, 1) {
		target, err := c.open(errOut)
		if err != nil {
			return err
		}
		endWith(ctx, target)
		all.Go(func() {
			defer target.Close()
			pair := conform.Against(target, scenario.Options{Kernel: c.kernel})
			for c.more(ctx, s, errOut, progress) {
				s.one(ctx, pair)
			}
		})
	}
	all.Wait()
	took := time.Since(s.start)
	if progress {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	interrupted := ctx.Err() != nil
	if s.err != nil && !interrupted {
		return s.err
	}
	fmt.Fprintln(out, c.sides())
	fmt.Fprintf(out, "%s, %s, %.0f a second, from seed %d on\n",
		syntax.Counted(s.scenarios, "scenario"), syntax.Counted(s.operations, "operation"), float64(s.operations)/took.Seconds(), c.seed)
	if s.parts > 0 {
		fmt.Fprintf(out, "compared in part: %d, the last one because %v\n", s.parts, s.part)
	}
	switch {
	case s.found != nil:
	case interrupted:
		fmt.Fprintln(out, "no divergence so far")
		return errInterrupted
	case s.same == 0:
		return errNothingCompared
	default:
		fmt.Fprintln(out, "no divergence")
		return nil
	}
	fmt.Fprintf(out, "seed %d DIVERGES:\n\n%s", s.seed, s.found.Scenario(c.kernel))
	return errFailed
}

// more reports whether to generate another scenario.
func (c *conformance) more(ctx context.Context, s *fuzzing, errOut io.Writer, progress bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(s.start)
	if progress && s.scenarios%16 == 0 {
		fmt.Fprintf(errOut, "\r\x1b[K%d scenarios, %d operations, %.0f a second", s.scenarios, s.operations, float64(s.operations)/took.Seconds())
	}
	return s.found == nil && s.err == nil && ctx.Err() == nil &&
		(c.fuzz == 0 || took < c.fuzz) && (c.operations == 0 || s.operations < c.operations)
}

// one generates a scenario and runs it.
func (s *fuzzing) one(ctx context.Context, pair conform.Pair) {
	s.mu.Lock()
	seed := s.next
	s.next++
	s.mu.Unlock()
	effort, found, err := conform.FuzzOne(pair, seed)
	if found != nil && found.Err != nil && ctx.Err() != nil {
		found = nil // the target was ended, so a missing answer means nothing
	}
	if found != nil && err == nil {
		found = conform.Shrink(pair, found)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenarios++
	s.operations += effort.Operations
	s.same += effort.Same
	if effort.Ended != nil {
		s.parts++
		s.part = effort.Ended
	}
	switch {
	case err != nil:
		s.err = errors.Join(s.err, err)
	case found != nil && s.found == nil:
		s.found, s.seed = found, seed
	}
}

func newServe() *cobra.Command {
	var kernel string
	var live bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer operations from standard input, as a target of conform does",
		Long: `Read operations from standard input, one per line, and print an answer for each, in the
protocol of docs/protocol.md. Programs in other languages can use the model this way, and it
is an example of a target for "uffdsim conform --target".`,
		Example: "  echo 'userfaultfd(O_NONBLOCK)' | uffdsim serve\n  uffdsim conform --target 'uffdsim serve'",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kernel, err := oneKernel(cmd, kernel)
			if err != nil {
				return err
			}
			d, err := server(kernel, live)
			if err != nil {
				return err
			}
			defer d.Close()
			return conform.Serve(d, cmd.InOrStdin(), &printableWriter{out: cmd.OutOrStdout()})
		},
	}
	cmd.Flags().StringVar(&kernel, "kernel", newest(), "kernel `VERSION` of the model: "+kernelUsage)
	cmd.Flags().BoolVar(&live, "live", false, "answer with the running kernel instead of the model")
	return cmd
}

func server(kernel string, live bool) (conform.Doer, error) {
	if !live {
		return conform.NewModel(scenario.Options{Kernel: kernel})
	}
	t, err := conform.OpenLive()
	if err != nil {
		return nil, folded{err}
	}
	return t.New()
}
