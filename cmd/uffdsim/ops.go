package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/scenario"
)

const language = `A scenario has one statement per line; # begins a comment.

    t1: op(args) = result     task t1 performs op; the result must be the one given
    op(args)                  task main performs op; any result is accepted
    fd = op(args)             fd is the name of the result from here on
    #! kernel: 6.12.117       before the first statement: the kernel to run on
    t1 = result               the result of t1's operation, which was blocked before
        a line                under an operation that prints lines: the expected lines

The result of an operation, and of a task's name, is "blocked" while the task sleeps in the
kernel. A task's name then gives the operation's result once, "killed" if a signal ended the
task, and "idle" if no operation has a result that was not given yet.

Sizes are in bytes, or with a unit: 4p is four pages of 4096 bytes; 4k, 4m and 4g are KiB, MiB
and GiB. In an expected result ... matches anything. The text in parentheses after an error may
be left out: -1 EINVAL. In most examples below, t1 sleeps in a fault at 0x101000, and the page at
0x102000 is present.
A statement creates the task that it names first. After each operation the machine settles:
every task sleeps in the kernel or is ready for its next operation.
`

func newOps() *cobra.Command {
	return &cobra.Command{
		Use:   "ops [NAME]",
		Short: "Explain the operations of a scenario",
		Long: `Explain the syntax of a scenario and its operations, each with an example; with a name,
that operation alone.`,
		Example: "  uffdsim ops\n  uffdsim ops ioctl",
		Args:    arguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return operationNames(), cobra.ShellCompDirectiveNoFileComp
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
	return fmt.Errorf("no operation %q%s: \"uffdsim ops\" lists them", name, didYouMean(name, operationNames()))
}

// operationNames returns the names of all operations.
func operationNames() (names []string) {
	for _, o := range scenario.Operations() {
		names = append(names, o.Name)
	}
	return names
}

func printOperation(w io.Writer, o scenario.Operation) {
	printIndented(w, "", "    ", o.Name+"("+o.Args()+")")
	for _, line := range indented(o.Doc) {
		fmt.Fprintln(w, line)
	}
	for line := range strings.SplitSeq(o.Example, "\n") {
		fmt.Fprintln(w, "        "+line)
	}
}
