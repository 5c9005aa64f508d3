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
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd"
)

func newExplain() *cobra.Command {
	var p picture
	var budget time.Duration
	cmd := &cobra.Command{
		Use:   "explain RULE",
		Short: "Show what goes wrong without a rule, and prove that nothing does with it",
		Long: `Explain a rule: what the kernel does, and what happens if it does not. Print the shortest run
of a small program that goes wrong without the rule, with a column for each task. Then run
the program with the rule in every interleaving (order in which its tasks can take turns), to
prove that none goes wrong. If nothing goes wrong without the rule, compare the outcomes.

The exit status is 1 if a run goes wrong with the rule, too, or if the proof is not complete.

RULE is a name that "uffdsim rules" lists, or a number in docs/rules.md.`,
		Example:           "  uffdsim explain recheck-after-enqueue\n  uffdsim explain FAULT-6\n  uffdsim explain wake-all-matching --budget 10s",
		Args:              arguments,
		ValidArgsFunction: completeRules,
		RunE: func(cmd *cobra.Command, args []string) error {
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
			return p.to(cmd.OutOrStdout(), e.write)
		},
	}
	addNumber(cmd, &budget, "budget", 0, maxTime, 10*time.Second, "stop the search for the run, and then the proof, after this `TIME` each (default: never)")
	p.addFlags(cmd)
	return cmd
}

// completeRules returns the rules' names for completion.
func completeRules(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, r := range uffd.Rules() {
		names = append(names, cobra.CompletionWithDesc(r.Name, string(r.Symptom)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// explanation is a rule with its program, and the options to run that with and without
// the rule.
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

// drawRule draws the run that goes wrong without the rule.
func drawRule(out io.Writer, p *picture, e *explanation) error {
	r, err := explore.Exhibit(e.info.Rule, e.without)
	switch {
	case err != nil:
		return err
	case r.Failure == nil && !r.Covered:
		return fmt.Errorf("nothing went wrong without %s before the budget was spent: there is no run to show", e.info.Name)
	case r.Failure == nil:
		return fmt.Errorf("nothing goes wrong without %s: there is no run to show", e.info.Name)
	}
	stream, err := streamOf(subjectOf(e.setup), e.without, r.Failure.Schedule)
	if err != nil {
		return err
	}
	return p.draw(out, stream)
}

// write prints the rule, the run that goes wrong without it, and the proof that none does
// with it.
func (e *explanation) write(out io.Writer) error {
	fmt.Fprintf(out, "%s (%s)\n\n", e.info.Name, e.info.Number)
	for _, text := range []string{e.info.Func + " " + e.info.Does + ".", span(&e.info), "Without the rule it " + e.info.Instead + ":"} {
		for _, line := range indented(text) {
			fmt.Fprintln(out, line[2:])
		}
	}
	fmt.Fprintln(out)
	for i := range e.info.Hunks {
		for line := range strings.Lines(e.info.Hunks[i].String()) {
			fmt.Fprint(out, "    ", line)
		}
	}
	fmt.Fprintln(out)
	printWrapped(out, fmt.Sprintf("The program: %s (%s), on kernel %s.", e.setup.Name, e.setup.Doc, e.with.Version))
	fmt.Fprintln(out)
	if e.info.Symptom == rule.Nothing {
		return e.compare(out)
	}
	without, err := e.counterexample(out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	proved, with, err := prove(out, "With the rule: ", e.setup, e.with)
	switch {
	case err != nil:
		return err
	case without != nil && proved:
		return nil
	case without != nil && with.Failure != nil:
		_, failure, _ := explore.Replay(e.setup, e.with, without.Schedule, nil)
		printWrapped(out, fmt.Sprintf("The run above with the rule, in the same order as far as possible: %s.", outcomeOf(failure)))
	}
	return errFailed
}

// outcomeOf returns the failure of a run as text.
func outcomeOf(failure error) string {
	if failure == nil {
		return "nothing goes wrong"
	}
	return failure.Error()
}

// counterexample prints and returns the run that goes wrong without the rule, nil if
// none.
func (e *explanation) counterexample(out io.Writer) (*explore.Failure, error) {
	r, err := explore.Exhibit(e.info.Rule, e.without)
	if err != nil {
		return nil, err
	}
	if r.Failure == nil {
		fmt.Fprintf(out, "Without the rule: NOT SHOWN: nothing went wrong in %s.\n", syntax.Counted(r.Runs, "run"))
		return nil, nil
	}
	printWrapped(out, fmt.Sprintf("Without the rule: %v.", r.Failure.Err))
	fmt.Fprintln(out)
	rows, _, err := explore.Rows(e.setup, e.without, r.Failure.Schedule)
	if err != nil {
		return nil, err
	}
	explore.Diagram(out, rows)
	fmt.Fprintf(out, "\n%s.\n", shortest(r, "failing run"))
	fmt.Fprintf(out, "Again: uffdsim explore %s%s \\\n         --replay '%v'\n", e.setup.Name, e.without.Flags(), r.Failure.Schedule)
	return r.Failure, nil
}

// compare prints the outcomes of the program with a rule that prevents nothing, and
// without it.
func (e *explanation) compare(out io.Writer) error {
	first, without, err := prove(out, "Without the rule: ", e.setup, e.without)
	if err != nil {
		return err
	}
	second, with, err := prove(out, "With the rule: ", e.setup, e.with)
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

// prove runs the program in every interleaving, prints the result behind the title, and
// reports whether none goes wrong.
func prove(out io.Writer, title string, setup *explore.Setup, opts explore.Options) (proved bool, r *explore.Result, err error) {
	r, err = explore.Search(setup, opts)
	if err != nil {
		return false, nil, err
	}
	effort := fmt.Sprintf("%s, %s, %v", syntax.Counted(r.States, "state"), syntax.Counted(r.Runs, "run"), r.Took.Round(time.Millisecond))
	switch {
	case r.Failure != nil:
		printWrapped(out, fmt.Sprintf("%sit goes wrong: %v, schedule %v (%s).", title, r.Failure.Err, r.Failure.Schedule, effort))
		return false, r, nil
	case !r.Covered:
		printWrapped(out, fmt.Sprintf("%sNOT PROVED: nothing went wrong so far, but not everything is covered (%s).", title, effort))
		return false, r, nil
	}
	power, err := explore.Interleavings(setup, opts, countRuns, 1)
	if err != nil {
		return false, nil, err
	}
	printWrapped(out, fmt.Sprintf("%sright in every one of about 10^%.0f interleavings (%s).", title, power, effort))
	return true, r, nil
}
