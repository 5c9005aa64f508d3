package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// exploration is what the explore command was asked for.
type exploration struct {
	explore.Options
	strategy string
	drop     []string
	seed     uint64
	depth    int
	shard    string
	replay   string
	kernel   string
	picture  picture
}

func newExplore() *cobra.Command {
	var x exploration
	cmd := &cobra.Command{
		Use:   "explore [SETUP]",
		Short: "Run a small program in every interleaving",
		Long: `Run a small program of tasks in every interleaving of its visible steps, or until
one goes wrong: a task asleep for ever, a deadlock, memory used after it was freed, a
SIGBUS that nobody deserves, a BUG_ON. Without a setup, list them.

The strategies: dpor covers everything, and leaves out what differs only in the order of
steps that commute, what has been seen before, and what is the same if faulters change
places; bounded finds the failing run with the fewest preemptions and switches; random
and pct run what chance brings, for programs that are too large; plain runs every
interleaving there is, for tiny ones.

With several kernels the search is made on each in turn. The exit code is 1 if a run went wrong. A search that was given up is no error: the last
line says whether everything was covered. ^C gives up as a spent --budget does, and tells
what was found so far; so does SIGTERM.

With --shard i/n this is part i, from 0 to n-1, of a search that n processes make
together, on one machine or on several. All need the same options, and a directory that
they can reach, --exchange, which is empty at first: there each writes what it has
explored, for the others to leave out. They wait for each other, and end together: when
everything is covered, when one finds a run that goes wrong, or when one gives up.`,
		Example: `  uffdsim explore                                     the setups
  uffdsim explore copy                                cover one
  uffdsim explore close --faulters 2 --budget 60s
  uffdsim explore close --faulters 3 --shard 0/2 --exchange /nfs/close3   and 1/2 elsewhere
  uffdsim explore copy --kernel 5.10,6.12.117         on two releases
  uffdsim explore copy --drop recheck-after-enqueue   and see what the rule is for
  uffdsim explore copy --drop recheck-after-enqueue --replay 't1*10 copier*25 t1*7'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeSetups,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSetups(cmd.OutOrStdout())
			}
			if cmd.Flags().Changed("replay") && strings.TrimSpace(x.replay) == "" {
				return fmt.Errorf("--replay: a schedule, as in 't1*10 copier*25 t1*7'")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the program as it always does
			x.Context = ctx
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
	f.IntVar(&x.Faulters, "faulters", 0, "number of faulting tasks, up to 8 (default: the setup's own)")
	f.StringSliceVar(&x.drop, "drop", nil, "rules not to obey, with commas between them (uffdsim rules lists them)")
	f.StringVar(&x.strategy, "strategy", "dpor", "dpor, bounded, random, pct or plain")
	f.StringVar(&x.kernel, "kernel", explore.DefaultVersion, "kernel version, 2015 excepted: "+kernelUsage+"; several with commas, or all, are explored in turn")
	f.BoolVar(&x.TSO, "tso", false, "let stores go through store buffers, as on an x86")
	f.StringVar(&x.shard, "shard", "", "be part i of n, as in 0/4, of a search that processes make together")
	f.StringVar(&x.Exchange, "exchange", "", "directory, empty at first, in which the parts tell each other what they find")
	f.IntVar(&x.depth, "depth", 3, "how many steps a bug depends on the order of, for pct")
	f.IntVar(&x.Workers, "workers", 0, "runs at a time (default: one for each processor)")
	f.DurationVar(&x.Budget, "budget", 0, "give up after this time (default: never; 10s for random and pct)")
	f.Uint64Var(&x.seed, "seed", 1, "seed of the random strategies")
	f.StringVar(&x.replay, "replay", "", "run one schedule, step by step")
	x.picture.addFlags(cmd)
	_ = cmd.MarkFlagDirname("exchange")
	_ = cmd.RegisterFlagCompletionFunc("drop", completeRules)
	_ = cmd.RegisterFlagCompletionFunc("kernel", cobra.FixedCompletions(kernelsThatCopy(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(strategies, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var strategies = []string{"dpor", "bounded", "random", "pct", "plain"}

// kernelsThatCopy are the versions that --kernel all explores: in the others no fault is ever
// resolved.
func kernelsThatCopy() (names []string) {
	for _, p := range kernel.Profiles() {
		if p.UFFD.Offers(abi.MaskCopy) {
			names = append(names, p.Name)
		}
	}
	return names
}

// parseKernels returns the versions that --kernel asks for.
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

// runOn explores on each of the versions in turn. After a version on which something went
// wrong it continues with the next.
func (x *exploration) runOn(kernels []string, out, errOut io.Writer, name string) error {
	if len(kernels) > 1 && (x.picture.format != "text" || x.picture.output != "" || x.shard != "") {
		return errors.New("explore: --format, --output and --shard take a single --kernel")
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

func listSetups(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETUP\tFAULTERS\tTASKS")
	for _, s := range explore.Setups() {
		faulters := "-"
		if s.Faulters > 0 {
			faulters = strconv.Itoa(s.Faulters)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, faulters, s.Doc)
	}
	return w.Flush()
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
	if err := x.checkLimits(); err != nil {
		return err
	}
	if x.Faulters > 0 && setup.Faulters == 0 {
		return fmt.Errorf("--faulters %d: %s has no faulters to choose the number of", x.Faulters, setup.Name)
	}
	for _, d := range x.drop {
		r, err := findRule(strings.TrimSpace(d))
		if err != nil {
			return err
		}
		x.Dropped = x.Dropped.With(r)
	}
	text, err := x.picture.isText()
	if err != nil {
		return err
	}
	if x.replay != "" {
		return x.showReplay(out, setup, text)
	}
	if !slices.Contains(strategies, x.strategy) {
		return fmt.Errorf("no strategy %q%s: there are %s", x.strategy, didYouMean(x.strategy, strategies), strings.Join(strategies, ", "))
	}
	if err := x.parseShard(); err != nil {
		return err
	}
	if err := x.picture.try(); err != nil {
		return err
	}
	// A run leaves garbage, and little else: it pays to collect it rarely.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	x.Progress = progressLine(errOut)
	result, err := x.search(setup)
	if x.Progress != nil {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil && x.Shards > 1 {
		return fmt.Errorf("--shard %s --exchange %s: %w", x.shard, x.Exchange, err) // of many that write to one log
	}
	if err != nil {
		return err
	}
	if !text {
		return x.drawFailure(out, setup, result)
	}
	out, done, err := x.picture.open(out)
	if err != nil {
		return err
	}
	err = x.report(out, setup, result)
	if closed := done(); err == nil {
		err = closed
	}
	return err
}

// checkLimits returns an error that names each flag whose value is out of its limits.
func (x *exploration) checkLimits() error {
	return errors.Join(
		within("--faulters", x.Faulters, 0, 8),
		within("--workers", x.Workers, 0, maxWorkers),
		within("--budget", x.Budget, 0, maxTime),
		within("--depth", x.depth, 1, maxDepth))
}

// drawFailure shows the run that went wrong.
func (x *exploration) drawFailure(out io.Writer, setup *explore.Setup, r *explore.Result) error {
	if r.Failure == nil {
		return fmt.Errorf("%s: %s: there is no run to show (--replay shows one of your choice)", setup.Name, x.nothing(r))
	}
	return x.drawSchedule(out, setup, r.Failure.Schedule)
}

func (x *exploration) drawSchedule(out io.Writer, setup *explore.Setup, schedule explore.Schedule) error {
	stream, err := streamOf(setup, x.Options, schedule)
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

// parseShard reads "i/n".
func (x *exploration) parseShard() error {
	if x.shard == "" {
		if x.Exchange != "" {
			return errors.New("--exchange is for the parts of a search, see --shard")
		}
		return nil
	}
	i, n, ok := strings.Cut(x.shard, "/")
	var err1, err2 error
	x.Shard, err1 = strconv.Atoi(i)
	x.Shards, err2 = strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || x.Shards < 1 {
		return fmt.Errorf("--shard %s: part i of n, as in 0/4", x.shard)
	}
	if x.Shard < 0 || x.Shard >= x.Shards {
		return fmt.Errorf("--shard %s: parts are counted from 0: there are 0/%d to %d/%[2]d", x.shard, x.Shards, x.Shards-1)
	}
	if x.Shards > maxShards {
		return fmt.Errorf("--shard %s: must be at most %d parts", x.shard, maxShards)
	}
	if x.strategy != "dpor" {
		return fmt.Errorf("--shard %s: --strategy %s cannot be shared out, only dpor can", x.shard, x.strategy)
	}
	if x.Shards > 1 && x.Exchange == "" {
		return fmt.Errorf("--shard %s: the parts need a directory in which they tell each other what they find: --exchange DIR", x.shard)
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

// sample runs what chance brings, and makes what it finds as short as it can.
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

// showReplay runs one schedule and draws it, as a table if text is asked for.
func (x *exploration) showReplay(out io.Writer, setup *explore.Setup, text bool) error {
	schedule, err := explore.ParseSchedule(x.replay)
	if err != nil {
		return err
	}
	if !text {
		return x.drawSchedule(out, setup, schedule)
	}
	rows, failure, err := explore.Rows(setup, x.Options, schedule)
	if err != nil {
		return err
	}
	explore.Diagram(out, rows)
	if failure != nil {
		fmt.Fprintf(out, "\n%v\n", failure)
		return errFailed
	}
	outcome, _, err := explore.Replay(setup, x.Options, schedule, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nnothing goes wrong, outcome: %s\n", outcome)
	return nil
}
