package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/uffd"
)

func newRules() *cobra.Command {
	return &cobra.Command{
		Use:     "rules",
		Short:   "List the rules that can be dropped, and what each prevents",
		Long:    "List the rules of the protocol that can be dropped: name, kernel function, and what\ngoes wrong without it. The ones that end in nothing are redundant.",
		Example: "  uffdsim rules\n  uffdsim explain recheck-after-enqueue",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RULE\tFUNCTION\tNUMBER\tPREVENTS\tSHOWS")
			for _, r := range uffd.Rules {
				note := ""
				if r.TSO {
					note = "\twith --tso"
				} else if r.Since != explore.DefaultVersion {
					note = "\tsince " + r.Since
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n", r.Name, r.Func, r.Number, r.Symptom, note)
			}
			return w.Flush()
		},
	}
}

func newExplain() *cobra.Command {
	var p picture
	cmd := &cobra.Command{
		Use:   "explain RULE",
		Short: "Show what goes wrong without a rule, and that nothing does with it",
		Long: `Say what the kernel does and what happens if it does not: the shortest run that goes
wrong, with a column for each task, and the proof that with the rule the same program
is right in every interleaving.`,
		Example: "  uffdsim explain recheck-after-enqueue",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			for _, r := range uffd.Rules {
				names = append(names, cobra.CompletionWithDesc(r.Name, string(r.Symptom)))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := findRule(args[0])
			if err != nil {
				return err
			}
			text, err := p.isText()
			switch {
			case err != nil:
				return err
			case !text:
				return drawRule(cmd.OutOrStdout(), &p, r)
			}
			out, done, err := p.open(cmd.OutOrStdout())
			if err != nil {
				return err
			}
			err = explainRule(out, r)
			if closed := done(); err == nil {
				err = closed
			}
			return err
		},
	}
	p.addFlags(cmd)
	return cmd
}

// drawRule shows what goes wrong without the rule.
func drawRule(out io.Writer, p *picture, r uffd.Rule) error {
	info, setup := uffd.Rules[r], explore.SetupFor(r)
	opts := explore.Options{TSO: info.TSO, Version: info.Since, Dropped: uffd.RuleSet(0).With(r)}
	without, err := explore.Counterexample(setup, opts)
	if err != nil {
		return err
	}
	if without.Failure == nil {
		return fmt.Errorf("nothing goes wrong without %s: there is no run to show", info.Name)
	}
	stream, err := streamOf(setup, opts, without.Failure.Schedule)
	if err != nil {
		return err
	}
	return p.draw(out, stream)
}

// flagsOf are the flags that make a run with the options.
func flagsOf(opts explore.Options) (flags string) {
	if opts.Version != explore.DefaultVersion {
		flags += " --kernel " + opts.Version
	}
	if opts.TSO {
		flags += " --tso"
	}
	return flags
}

func explainRule(out io.Writer, r uffd.Rule) error {
	info, setup := uffd.Rules[r], explore.SetupFor(r)
	fmt.Fprintf(out, "%s (%s)\n\n", info.Name, info.Number)
	fmt.Fprintf(out, "  %s %s.\n  Without the rule it %s.\n\n", info.Func, info.Does, info.Instead)
	fmt.Fprintf(out, "The program: %s.\n\n", setup.Doc)
	opts := explore.Options{TSO: info.TSO, Version: info.Since, Dropped: uffd.RuleSet(0).With(r)}
	without, err := explore.Counterexample(setup, opts)
	if err != nil {
		return err
	}
	if without.Failure == nil {
		fmt.Fprintf(out, "Without the rule: nothing goes wrong, with up to %d preemptions.\n", explore.MaxPreemptions)
	} else {
		fmt.Fprintf(out, "Without the rule: %v.\n\n", without.Failure.Err)
		rows, _, err := explore.Rows(setup, opts, without.Failure.Schedule)
		if err != nil {
			return err
		}
		explore.Diagram(out, rows)
		fmt.Fprintf(out, "\nAgain: uffdsim explore %s%s --drop %s --replay '%v'\n",
			setup.Name, flagsOf(opts), info.Name, without.Failure.Schedule)
	}
	proof := explore.Options{TSO: info.TSO, Version: info.Since}
	with, err := explore.Search(setup, proof)
	if err != nil {
		return err
	}
	if with.Failure != nil {
		fmt.Fprintf(out, "\nWith the rule it goes wrong, too: %v\n", with.Failure.Err)
		return errFailed
	}
	power, err := explore.Interleavings(setup, proof, countRuns, 1)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWith the rule: right in every one of about 10^%.0f interleavings (%d states, %d runs, %v).\n",
		power, with.States, with.Runs, with.Took.Round(time.Millisecond))
	return nil
}
