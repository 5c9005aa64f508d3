package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/scenario"
)

const language = `A scenario has one statement a line; # begins a comment.

    t1: op(args) = answer     task t1 does op; the answer must be the one given
    op(args)                  task main does it; any answer will do
    fd = op(args)             the result has a name from here on
    #! kernel: 6.12.117       before the first statement: the kernel to run on
    t1 = answer               what has become of t1, which was blocked
        a line                under an operation that shows lines: what they must be

Sizes are bytes, or pages with a p: 4p. In an expected answer ... stands for anything.
A task is made when it is first named. After each operation every task is either
asleep in the kernel or waits for its next operation.
`

func newOps() *cobra.Command {
	return &cobra.Command{
		Use:     "ops [NAME]",
		Short:   "Explain the operations that a scenario can use",
		Example: "  uffdsim ops\n  uffdsim ops ioctl",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			for _, o := range scenario.Operations() {
				names = append(names, o.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return explain(cmd.OutOrStdout(), args[0])
			}
			fmt.Fprint(cmd.OutOrStdout(), language+"\n")
			for _, o := range scenario.Operations() {
				printOperation(cmd.OutOrStdout(), o)
			}
			return nil
		},
	}
}

func explain(w io.Writer, name string) error {
	for _, o := range scenario.Operations() {
		if o.Name == name {
			printOperation(w, o)
			return nil
		}
	}
	return fmt.Errorf("uffdsim ops: no operation %q; \"uffdsim ops\" lists them all", name)
}

func printOperation(w io.Writer, o scenario.Operation) {
	fmt.Fprintf(w, "%s(%s)\n    %s\n        %s\n", o.Name, o.Args(), o.Doc, strings.ReplaceAll(o.Example, "\n", "\n        "))
}
