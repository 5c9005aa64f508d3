package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// exploration is the explore command with its flags.
type exploration struct {
	explore.Options
	strategy string
	drop     []string
	seed     uint64
	depth    int
	shard    string
	replay   string
	show     string
	kernel   string
	picture  picture
}

func newExplore() *cobra.Command {
	x := exploration{seed: 1, depth: 3}
	cmd := &cobra.Command{
		Use:   "explore [PROGRAM|FILE]",
		Short: "Run a small program in every interleaving",
		Long: `Run a small program in every interleaving, that is, in every order in which its tasks can
take their visible steps, until one goes wrong: a task sleeps forever, a deadlock, a use after
free, a SIGBUS that no rule allows, a BUG_ON. Without PROGRAM, list the programs.

FILE is a scenario with a parallel block, or - for standard input. The statements before the
block prepare the machine. Print every outcome of the block with the number of runs and the
schedule of one of them, and whether each condition holds: exists, ~exists and forall, as
in herd7 (docs/litmus.md). A task that sleeps forever is an outcome here, and no failure.

Strategies:
  dpor     covers everything. It skips runs that differ only in the order of independent
           steps (partial-order reduction), states that it has visited, and states that
           differ only by a permutation of equal tasks.
  bounded  finds the failing run with the fewest preemptions and switches.
  random   runs random interleavings, for programs that are too large to cover.
  pct      runs random interleavings that find a bug of --depth d with known probability.
  plain    runs every interleaving, for tiny programs.

The exit status is 1 if a run went wrong, or if a condition was not found to hold. Ctrl-C,
SIGTERM or an exhausted --budget stops the search and prints what was found so far; the exit
status for a PROGRAM is then 0 if nothing went wrong. The last line says whether everything was
covered. With several kernels the search runs on each; for a FILE, print a table of its outcomes
and conditions.

--show prints the shortest run to an outcome, or draws it with --format: the one with the fewest
preemptions, and among these the one with the fewest switches. OUTCOME is a proposition of a FILE,
such as 't1 = SIGBUS /\ closer = 0', or some results of a PROGRAM, such as 't1=SIGBUS t2=zero'.

With --shard I/N this process is shard I, from 0 to N-1, of a search by N processes on
one machine or several. All need the same flags and the same --exchange directory. Each
process writes what it has explored there, and skips what the others have. They end together:
when everything is covered, when one finds a failing run, or when one stops.`,
		Example: `  uffdsim explore                                     list the programs
  uffdsim explore copy                                cover one
  uffdsim explore race.uffd                           the outcomes of a scenario
  uffdsim explore race.uffd --show 't1 = SIGBUS'      the shortest run to one of them
  uffdsim explore race.uffd --kernel all              on which versions its conditions hold
  uffdsim explore close --faulters 2 --budget 60s
  uffdsim explore close --faulters 3 --shard 0/2 --exchange /nfs/c3   and 1/2 elsewhere
  uffdsim explore copy --kernel 5.10,6.12.117         on two releases
  uffdsim explore copy --drop recheck-after-enqueue   find what goes wrong without a rule
  uffdsim explore copy --drop recheck-after-enqueue --replay 't1*10 copier*25 t1*7'`,
		Args:              arguments,
		ValidArgsFunction: completeSetups,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSetups(cmd)
			}
			if cmd.Flags().Changed("replay") && strings.TrimSpace(x.replay) == "" {
				return errors.New("--replay: must be a schedule, such as 't1*10 copier*25 t1*7': each task with its number of steps")
			}
			if cmd.Flags().Changed("show") && strings.TrimSpace(x.show) == "" {
				return errors.New("--show: must be an outcome, such as 't1=SIGBUS' of a PROGRAM or 't1 = SIGBUS' of a FILE")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal has its default effect: it ends the program
			x.Context = ctx
			if isScenario(args[0]) {
				return x.exploreFile(cmd, args[0])
			}
			kernels, err := x.parseKernels()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("kernel") {
				reportKernels(cmd.ErrOrStderr(), x.kernel, kernels)
			}
			return x.runOn(kernels, cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0])
		},
	}
	f := cmd.Flags()
	addNumber(cmd, &x.Faulters, "faulters", 0, 8, 2, "number of faulting tasks, up to 8 (default: the program's own)")
	f.Var(list{&x.drop}, "drop", "`RULE` that the kernel does not follow, as listed by \"uffdsim rules\"; several with commas")
	f.StringVar(&x.Fix, "fix", "", "candidate `FIX` that no kernel has: "+strings.Join(fixNames(), ", "))
	f.StringVar(&x.strategy, "strategy", "dpor", "`STRATEGY` of the search: dpor, bounded, random, pct or plain")
	f.StringVar(&x.kernel, "kernel", explore.DefaultVersion, "kernel `VERSION`, but not 2015: "+kernelUsage+"; several with commas, or all, are explored in turn")
	f.BoolVar(&x.TSO, "tso", false, "delay stores in store buffers, as x86 processors do (total store order)")
	f.StringVar(&x.shard, "shard", "", "be shard `I/N`, such as 0/4, of a search by N processes")
	f.StringVar(&x.Exchange, "exchange", "", "directory `DIR`, empty at first, through which the N processes share results")
	addNumber(cmd, &x.depth, "depth", 1, maxDepth, 3, "for pct: number of steps whose order a bug depends on")
	addNumber(cmd, &x.Workers, "workers", 0, maxWorkers, 4, "number of runs at a time (default: one per processor)")
	addNumber(cmd, &x.Budget, "budget", 0, maxTime, time.Minute, "stop the search after this `TIME` (default: never; 1m for a FILE, 10s for random and pct)")
	addNumber(cmd, &x.seed, "seed", 0, math.MaxUint64, 7, "seed of the random strategies")
	f.StringVar(&x.replay, "replay", "", "run one `SCHEDULE`, such as 't1*10 copier*25', and print each step")
	f.StringVar(&x.show, "show", "", "print the shortest run to an `OUTCOME`, such as 't1=SIGBUS', and the rule that allows a SIGBUS")
	x.picture.addFlags(cmd)
	_ = cmd.MarkFlagDirname("exchange")
	_ = cmd.RegisterFlagCompletionFunc("drop", completeRules)
	_ = cmd.RegisterFlagCompletionFunc("fix", cobra.FixedCompletions(fixNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("kernel", cobra.FixedCompletions(kernelsThatCopy(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(strategies, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var strategies = []string{"dpor", "bounded", "random", "pct", "plain"}

// kernelsThatCopy returns the versions that --kernel all explores: those with
// UFFDIO_COPY. In the others nothing resolves a fault.
func kernelsThatCopy() (names []string) {
	for _, p := range kernel.Profiles() {
		if p.UFFD.Offers(abi.MaskCopy) {
			names = append(names, p.Name)
		}
	}
	return names
}

// parseKernels returns the versions of --kernel.
func (x *exploration) parseKernels() ([]string, error) {
	if x.kernel == allKernels {
		return kernelsThatCopy(), nil
	}
	kernels, err := parseKernels(x.kernel)
	for _, k := range kernels {
		if p, err := kernel.Resolve(k); err == nil && !p.UFFD.Offers(abi.MaskCopy) {
			return nil, fmt.Errorf("--kernel %s: it cannot resolve a fault, 2015+copy and all later kernels can", k)
		}
	}
	return kernels, err
}

// runOn explores on each of the versions in turn. After a failure on one it continues
// with the next.
func (x *exploration) runOn(kernels []string, out, errOut io.Writer, name string) error {
	if len(kernels) > 1 && (x.picture.format != "text" || x.picture.output != "" || x.shard != "" || x.show != "") {
		return errors.New("--format, --output, --shard and --show take a single --kernel")
	}
	var failed error
	for i, k := range kernels {
		if i > 0 && x.Context.Err() != nil {
			fmt.Fprintf(out, "not explored on: %s\n", strings.Join(kernels[i:], ", "))
			break
		}
		if len(kernels) > 1 {
			fmt.Fprintf(out, "kernel %s\n", k)
		}
		p, err := kernel.Resolve(k)
		if err != nil {
			return err
		}
		x.Version, x.Profile = k, &p // resolved once, and not for each run
		if err := x.run(out, errOut, name); errors.Is(err, errFailed) {
			failed = err
		} else if err != nil {
			return err
		}
	}
	return failed
}

// listSetups prints the programs. It refuses flags, which would have no effect.
func listSetups(cmd *cobra.Command) error {
	if given := givenFlags(cmd); given != nil {
		return fmt.Errorf("%s needs a PROGRAM to explore: \"uffdsim explore\" alone lists the programs", strings.Join(given, ", "))
	}
	rows := [][]string{{"PROGRAM", "FAULTERS", "TASKS"}}
	for _, s := range explore.Setups() {
		faulters := "-"
		if s.Faulters > 0 {
			faulters = strconv.Itoa(s.Faulters)
		}
		rows = append(rows, []string{s.Name, faulters, s.Doc})
	}
	writeTable(cmd.OutOrStdout(), rows)
	return nil
}

func fixNames() (names []string) {
	for _, f := range kernel.Fixes() {
		names = append(names, f.Name)
	}
	return names
}

// checkFix returns an error if no candidate fix has the name of --fix.
func (x *exploration) checkFix() error {
	if x.Fix == "" || kernel.FindFix(x.Fix) != nil {
		return nil
	}
	return fmt.Errorf("no fix %q%s: the candidates are %s", x.Fix, didYouMean(x.Fix, fixNames()), strings.Join(fixNames(), ", "))
}

func setupNames() []string {
	var names []string
	for _, s := range explore.Setups() {
		names = append(names, s.Name)
	}
	return names
}

func completeSetups(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return setupNames(), cobra.ShellCompDirectiveNoFileComp
}

func (x *exploration) run(out, errOut io.Writer, name string) error {
	setup, err := findSetup(name)
	if err != nil {
		return err
	}
	if x.Faulters > 0 && setup.Faulters == 0 {
		return fmt.Errorf("--faulters %d: the tasks of %s are fixed", x.Faulters, setup.Name)
	}
	if err := x.resolveFlags(); err != nil {
		return err
	}
	text, err := x.picture.isText()
	if err != nil {
		return err
	}
	if err := x.checkShow(); err != nil {
		return err
	}
	if x.replay != "" {
		return x.showReplay(out, subjectOf(setup), text)
	}
	if err := x.checkStrategy(); err != nil {
		return err
	}
	if err := x.parseShard(); err != nil {
		return err
	}
	if err := x.picture.try(); err != nil {
		return err
	}
	// Nearly all memory of a run is garbage after it, so rare collections are cheaper.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	if x.show != "" {
		return x.showSetup(out, errOut, setup, text)
	}
	x.Progress = progressLine(errOut)
	result, err := x.search(setup)
	if x.Progress != nil {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil && x.Shards > 1 {
		return fmt.Errorf("--shard %s --exchange %s: %w", x.shard, x.Exchange, err) // several shards may write to one log
	}
	if err != nil {
		return err
	}
	if !text {
		return x.drawFailure(out, setup, result)
	}
	return x.picture.to(out, func(out io.Writer) error { return x.report(out, setup, result) })
}

// resolveFlags finds the rules of --drop, and checks that the fix of --fix exists.
func (x *exploration) resolveFlags() error {
	for _, d := range x.drop {
		r, err := findRule(strings.TrimSpace(d))
		if err != nil {
			return err
		}
		x.Dropped = x.Dropped.With(r)
	}
	return x.checkFix()
}

func (x *exploration) checkStrategy() error {
	if slices.Contains(strategies, x.strategy) {
		return nil
	}
	return fmt.Errorf("no strategy %q%s: the strategies are %s", x.strategy, didYouMean(x.strategy, strategies), strings.Join(strategies, ", "))
}

// drawFailure draws the run that went wrong.
func (x *exploration) drawFailure(out io.Writer, setup *explore.Setup, r *explore.Result) error {
	if r.Failure == nil {
		return fmt.Errorf("%s: %s: there is no run to show (--replay shows any run)", setup.Name, x.nothing(r))
	}
	return x.drawSchedule(out, subjectOf(setup), r.Failure.Schedule)
}

func (x *exploration) drawSchedule(out io.Writer, of subject, schedule explore.Schedule) error {
	stream, err := streamOf(of, x.Options, schedule)
	if err != nil {
		return err
	}
	if err := x.picture.draw(out, stream); err != nil {
		return err
	}
	if end := stream[len(stream)-1]; end.Str("ok") != "true" {
		return errFailed
	}
	return nil
}

func (x *exploration) search(setup *explore.Setup) (*explore.Result, error) {
	switch x.strategy {
	case "dpor":
		return explore.Search(setup, x.Options)
	case "plain":
		x.Plain = true
		return explore.Search(setup, x.Options)
	case "bounded":
		return explore.Counterexample(setup, x.Options)
	}
	return x.sample(setup)
}

// sample runs random interleavings, and shortens a run that went wrong.
func (x *exploration) sample(setup *explore.Setup) (*explore.Result, error) {
	if x.Budget == 0 {
		x.Budget = 10 * time.Second
	}
	depth := x.depth
	if x.strategy == "random" {
		depth = 0
	}
	r, err := explore.Sample(setup, x.Options, x.seed, depth)
	if err == nil && r.Failure != nil {
		r.Failure = explore.Shrink(setup, x.Options, r.Failure)
	}
	return r, err
}

// showReplay runs one schedule and draws it, as a table if text is true.
func (x *exploration) showReplay(out io.Writer, of subject, text bool) error {
	schedule, err := explore.ParseSchedule(x.replay)
	if err != nil {
		return err
	}
	if !text {
		return x.drawSchedule(out, of, schedule)
	}
	rows, failure, err := explore.Rows(of, x.Options, schedule)
	if err != nil {
		return err
	}
	explore.Diagram(out, rows)
	if failure != nil {
		fmt.Fprintf(out, "\n%v\n", failure)
		return errFailed
	}
	outcome, _, err := explore.Replay(of, x.Options, schedule, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nnothing goes wrong, outcome: %s\n", outcome)
	return nil
}
