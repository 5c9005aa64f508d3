package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// conformance is what the conform command was asked for.
type conformance struct {
	kernel     string
	target     string
	program    bool // the target is a program, and not the running kernel
	timeout    time.Duration
	fuzz       time.Duration
	operations int
	seed       uint64
	workers    int
}

func newConform() *cobra.Command {
	var c conformance
	cmd := &cobra.Command{
		Use:   "conform [FILE|DIR...]",
		Short: "Hold the model against the running kernel, or another implementation",
		Long: `Run scenarios on the model and on a target, in step, and compare the answers. The
target is the running kernel, or any program (--target) that reads operations, one a line,
and prints answers: see docs/protocol.md. Without files the lessons are run.

With --fuzz the scenarios are made up. What is answered differently is made as short as
it can be, and printed as a scenario.`,
		Example: `  uffdsim conform                           the lessons, on the running kernel
  uffdsim conform --fuzz 60s --seed 1       random scenarios
  uffdsim conform --target 'uffdsim serve'  another implementation`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the program as it always does
			c.program = cmd.Flags().Changed("target")
			if c.kernel, err = oneKernel(cmd, c.kernel); err != nil {
				return err
			}
			return c.run(ctx, &printableWriter{out: cmd.OutOrStdout()}, cmd.ErrOrStderr(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.kernel, "kernel", newest(), "version of the model: "+kernelUsage)
	f.StringVar(&c.target, "target", "", "program to hold the model against (default: the running kernel)")
	f.DurationVar(&c.timeout, "timeout", 10*time.Second, "how long a program may take for an answer")
	f.DurationVar(&c.fuzz, "fuzz", 0, "make scenarios up for this long")
	f.IntVar(&c.operations, "operations", 0, "make scenarios up until there were so many operations")
	f.Uint64Var(&c.seed, "seed", 1, "number of the first made-up scenario")
	f.IntVar(&c.workers, "workers", min(runtime.GOMAXPROCS(0), maxWorkers), "scenarios at a time")
	return cmd
}

// newest is the newest version that the model has.
func newest() string {
	kernels := scenario.Kernels()
	return kernels[len(kernels)-1]
}

// open opens the target.
func (c *conformance) open(errOut io.Writer) (conform.Target, error) {
	if !c.program {
		t, err := conform.OpenLive()
		if err != nil {
			return nil, fmt.Errorf("%w: userfaultfd cannot be used here; --target names another implementation", err)
		}
		return t, nil
	}
	return &conform.Command{Args: strings.Fields(c.target), Timeout: c.timeout, Errors: &printableWriter{out: errOut}}, nil
}

func (c *conformance) run(ctx context.Context, out, errOut io.Writer, paths []string) error {
	if err := c.check(paths); err != nil {
		return err
	}
	if c.fuzz > 0 || c.operations > 0 {
		return c.makeUp(ctx, out, errOut)
	}
	files, err := scenariosIn(paths)
	if err != nil {
		return err
	}
	target, err := c.open(errOut)
	if err != nil {
		return err
	}
	defer target.Close()
	endWith(ctx, target)
	pair := conform.Against(target, scenario.Options{Kernel: c.kernel, Check: true})
	same, unready, bad, mistakes := 0, 0, 0, 0
	for _, file := range files {
		if ctx.Err() != nil {
			return errInterrupted
		}
		o, err := conform.Run(pair, file)
		if ctx.Err() != nil { // the target was ended: what it does not answer means nothing
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
			note += fmt.Sprintf(", %d that only the model can do", o.Skipped)
		}
		switch {
		case o.Diverge != nil:
			bad++
			fmt.Fprintf(out, "DIVERGES  %v", o.Diverge)
		case errors.Is(o.Ended, scenario.ErrModelOnly), errors.Is(o.Ended, scenario.ErrNoRoom), errors.Is(o.Ended, scenario.ErrCannotGoOn),
			scenario.IsNotModelled(o.Ended):
			fmt.Fprintf(out, "part  %s: %d statements alike%s; the rest has not been compared: %v\n", file.Name, o.Same, note, o.Ended)
		case o.Ended != nil:
			mistakes++
			fmt.Fprintf(out, "MISTAKE  %s: after %d statements alike%s: %v\n", file.Name, o.Same, note, o.Ended)
		case o.Same == 0:
			fmt.Fprintf(out, "none  %s: nothing was compared%s\n", file.Name, note)
		default:
			fmt.Fprintf(out, "ok  %s: %d statements alike%s\n", file.Name, o.Same, note)
		}
	}
	fmt.Fprintf(out, "%d scenarios, %d statements alike, %s%d divergences; %d known differences\n",
		len(files), same, refusedByBoth(unready), bad, len(conform.Known()))
	for _, d := range conform.Known() {
		fmt.Fprintf(out, "  differs: %s: %s\n", d.Name, d.Reason)
	}
	if !c.program {
		for _, d := range conform.NotCompared() {
			fmt.Fprintf(out, "  not compared: %s: %s\n", d.Name, d.Reason)
		}
	}
	switch {
	case mistakes > 0:
		return fmt.Errorf("%d scenarios with mistakes, which have not been compared to their ends", mistakes)
	case bad > 0:
		return errFailed
	case same == 0:
		return errNothingCompared
	}
	return nil
}

// refusedByBoth says how many statements both sides refused only because the handshake was
// missing: they show that it is needed, and nothing else about the statement.
func refusedByBoth(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d refused by both before the handshake, ", n)
}

var (
	errInterrupted     = errors.New("interrupted: not everything was compared")
	errNothingCompared = errors.New("nothing was compared: the target has answered no statement")
)

// check says what makes no sense in what was asked for.
func (c *conformance) check(paths []string) error {
	if c.program && strings.TrimSpace(c.target) == "" {
		return errors.New("--target: no program is named (without --target, the target is the running kernel)")
	}
	err := errors.Join(
		within("--workers", c.workers, 1, maxWorkers),
		within("--operations", c.operations, 0, maxOperations),
		within("--fuzz", c.fuzz, 0, maxTime),
		within("--timeout", c.timeout, time.Millisecond, maxTime))
	switch {
	case err != nil:
		return err
	case (c.fuzz > 0 || c.operations > 0) && len(paths) > 0:
		return errors.New("--fuzz and --operations make scenarios up: no files with them")
	}
	return nil
}

// endWith ends a program that is the target when the context does: nobody waits for its answer then.
func endWith(ctx context.Context, target conform.Target) {
	if program, ok := target.(*conform.Command); ok {
		context.AfterFunc(ctx, program.Close)
	}
}

// scenariosIn parses the scenarios at the paths; none are the lessons.
func scenariosIn(paths []string) ([]*syntax.File, error) {
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
	for _, path := range paths {
		names := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			if names, err = filepath.Glob(filepath.Join(path, "*.uffd")); err != nil || len(names) == 0 {
				return nil, fmt.Errorf("%s: no scenarios (*.uffd) in it", path)
			}
		}
		for _, name := range names {
			text, err := readScenario(name)
			if err != nil {
				return nil, err
			}
			if err := add(name, text); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// fuzzing is what the workers of makeUp share.
type fuzzing struct {
	mu         sync.Mutex
	next       uint64
	scenarios  int
	operations int
	same       int // operations that both sides answered alike
	found      *conform.Found
	seed       uint64
	err        error
	start      time.Time
}

// makeUp fuzzes until the time is over, there were enough operations, or something was found.
func (c *conformance) makeUp(ctx context.Context, out, errOut io.Writer) error {
	s := &fuzzing{next: c.seed, start: time.Now()}
	progress := paletteFor(errOut).on
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
	fmt.Fprintf(out, "%d scenarios, %d operations, %.0f a second, from seed %d on\n",
		s.scenarios, s.operations, float64(s.operations)/took.Seconds(), c.seed)
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

// more reports whether another scenario is wanted.
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

// one makes a scenario up and runs it.
func (s *fuzzing) one(ctx context.Context, pair conform.Pair) {
	s.mu.Lock()
	seed := s.next
	s.next++
	s.mu.Unlock()
	effort, found, err := conform.FuzzOne(pair, seed)
	if found != nil && found.Err != nil && ctx.Err() != nil {
		found = nil // the target was ended: what it does not answer means nothing
	}
	if found != nil && err == nil {
		found = conform.Shrink(pair, found)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenarios++
	s.operations += effort.Operations
	s.same += effort.Same
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
		Short: "Be a target: read operations, one a line, and print answers",
		Long: `Read operations from standard input, one a line, and print an answer for each, as
docs/protocol.md has it: what uffdsim conform --target talks to. It is an example of such
a program, and a way to use the model from other languages.`,
		Example: "  echo 'userfaultfd(O_NONBLOCK)' | uffdsim serve",
		Args:    cobra.NoArgs,
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
	cmd.Flags().StringVar(&kernel, "kernel", newest(), "version of the model: "+kernelUsage)
	cmd.Flags().BoolVar(&live, "live", false, "the running kernel, and not the model")
	return cmd
}

func server(kernel string, live bool) (conform.Doer, error) {
	if !live {
		return conform.NewModel(scenario.Options{Kernel: kernel})
	}
	t, err := conform.OpenLive()
	if err != nil {
		return nil, err
	}
	return t.New()
}
