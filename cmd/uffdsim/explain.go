package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

func newExplain() *cobra.Command {
	var p picture
	var budget time.Duration
	cmd := &cobra.Command{
		Use:   "explain RULE",
		Short: "Show what goes wrong without a rule, and that nothing does with it",
		Long: `Say what the kernel does and what happens if it does not: the shortest run that goes
wrong, with a column for each task, and the proof that with the rule the same program
is right in every interleaving. Of a rule without which nothing goes wrong it compares the
outcomes. The exit code is 1 if something goes wrong with the rule, too, or was not proved.

A rule is chosen by its name, or by its number in docs/rules.md.`,
		Example:           "  uffdsim explain recheck-after-enqueue\n  uffdsim explain FAULT-6\n  uffdsim explain wake-all-matching --budget 10s",
		Args:              oneRule,
		ValidArgsFunction: completeRules,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := within("--budget", budget, 0, maxTime); err != nil {
				return err
			}
			r, err := findRule(args[0])
			if err != nil {
				return err
			}
			e, err := newExplanation(uffd.RuleInfo(r), budget)
			if err != nil {
				return err
			}
			text, err := p.isText()
			switch {
			case err != nil:
				return err
			case !text:
				return drawRule(cmd.OutOrStdout(), &p, e)
			}
			out, done, err := p.open(cmd.OutOrStdout())
			if err != nil {
				return err
			}
			err = e.write(out)
			if closed := done(); err == nil {
				err = closed
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&budget, "budget", 0, "give up after this time, once for the run and once for the proof (default: never)")
	p.addFlags(cmd)
	return cmd
}

func oneRule(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("explain takes one rule: uffdsim rules lists them")
	}
	return nil
}

func completeRules(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, r := range uffd.Rules() {
		names = append(names, cobra.CompletionWithDesc(r.Name, string(r.Symptom)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// explanation is what there is to say of a rule.
type explanation struct {
	info          rule.Info
	setup         *explore.Setup
	with, without explore.Options
}

// newExplanation returns an error if the rule's program does not exist.
func newExplanation(info rule.Info, budget time.Duration) (*explanation, error) {
	setup, err := explore.SetupOf(info)
	if err != nil {
		return nil, err
	}
	e := &explanation{info, setup, explore.With(info.Rule), explore.Without(info.Rule)}
	e.with.Budget, e.without.Budget = budget, budget
	return e, nil
}

// drawRule shows what goes wrong without the rule.
func drawRule(out io.Writer, p *picture, e *explanation) error {
	r, err := explore.Exhibit(e.info.Rule, e.without)
	switch {
	case err != nil:
		return err
	case r.Failure == nil && !r.Covered:
		return fmt.Errorf("nothing has gone wrong without %s before the budget was spent: there is no run to show", e.info.Name)
	case r.Failure == nil:
		return fmt.Errorf("nothing goes wrong without %s: there is no run to show", e.info.Name)
	}
	stream, err := streamOf(e.setup, e.without, r.Failure.Schedule)
	if err != nil {
		return err
	}
	return p.draw(out, stream)
}

// write says what the rule is, what happens without it, and what does not with it.
func (e *explanation) write(out io.Writer) error {
	fmt.Fprintf(out, "%s (%s)\n\n", e.info.Name, e.info.Number)
	fmt.Fprintf(out, "  %s %s.\n  Without the rule it %s:\n\n", e.info.Func, e.info.Does, e.info.Instead)
	for i := range e.info.Hunks {
		for line := range strings.Lines(e.info.Hunks[i].String()) {
			fmt.Fprint(out, "    ", line)
		}
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "The program: %s (%s).\n\n", e.setup.Name, e.setup.Doc)
	if e.info.Symptom == rule.Nothing {
		return e.compare(out)
	}
	without, err := e.counterexample(out)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\nWith the rule: ")
	proved, with, err := prove(out, e.setup, e.with)
	switch {
	case err != nil:
		return err
	case without != nil && proved:
		return nil
	case without != nil && with.Failure != nil:
		_, failure, _ := explore.Replay(e.setup, e.with, without.Schedule, nil)
		fmt.Fprintf(out, "The run above comes to this with the rule, in the same order as far as there is one: %s.\n", outcomeOf(failure))
	}
	return errFailed
}

// outcomeOf says what a run has come to.
func outcomeOf(failure error) string {
	if failure == nil {
		return "nothing goes wrong"
	}
	return failure.Error()
}

// counterexample shows and returns the run that goes wrong without the rule, nil if there is
// none.
func (e *explanation) counterexample(out io.Writer) (*explore.Failure, error) {
	r, err := explore.Exhibit(e.info.Rule, e.without)
	if err != nil {
		return nil, err
	}
	if r.Failure == nil {
		fmt.Fprintf(out, "Without the rule: NOT SHOWN: nothing has gone wrong in %d runs.\n", r.Runs)
		return nil, nil
	}
	fmt.Fprintf(out, "Without the rule: %v.\n\n", r.Failure.Err)
	rows, _, err := explore.Rows(e.setup, e.without, r.Failure.Schedule)
	if err != nil {
		return nil, err
	}
	explore.Diagram(out, rows)
	fmt.Fprintf(out, "\n%s.\n", shortest(r))
	fmt.Fprintf(out, "Again: uffdsim explore %s%s --replay '%v'\n", e.setup.Name, e.without.Flags(), r.Failure.Schedule)
	return r.Failure, nil
}

// compare shows what the program comes to with a rule that prevents nothing, and without it.
func (e *explanation) compare(out io.Writer) error {
	fmt.Fprint(out, "Without the rule: ")
	first, without, err := prove(out, e.setup, e.without)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "With the rule: ")
	second, with, err := prove(out, e.setup, e.with)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nOutcomes without it: %s\nOutcomes with it:    %s\n", outcomes(without), outcomes(with))
	if !first || !second {
		return errFailed
	}
	return nil
}

// outcomes lists the outcomes of a search.
func outcomes(r *explore.Result) string {
	return strings.Join(slices.Sorted(maps.Keys(r.Outcomes)), ", ")
}

// prove covers the program, says with what result, and reports whether nothing goes wrong in
// any interleaving.
func prove(out io.Writer, setup *explore.Setup, opts explore.Options) (proved bool, r *explore.Result, err error) {
	r, err = explore.Search(setup, opts)
	if err != nil {
		return false, nil, err
	}
	effort := fmt.Sprintf("%d states, %d runs, %v", r.States, r.Runs, r.Took.Round(time.Millisecond))
	switch {
	case r.Failure != nil:
		fmt.Fprintf(out, "it goes wrong: %v, schedule %v (%s).\n", r.Failure.Err, r.Failure.Schedule, effort)
		return false, r, nil
	case !r.Covered:
		fmt.Fprintf(out, "NOT PROVED: nothing has gone wrong so far, but not everything is covered (%s).\n", effort)
		return false, r, nil
	}
	power, err := explore.Interleavings(setup, opts, countRuns, 1)
	if err != nil {
		return false, nil, err
	}
	fmt.Fprintf(out, "right in every one of about 10^%.0f interleavings (%s).\n", power, effort)
	return true, r, nil
}
