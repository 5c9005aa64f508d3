package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the lessons that come with the program",
		Long:    "List the lessons that come with the program: name, title, and what each teaches.\nuffdsim run takes a lesson's name, or the number at its start, for a file.",
		Example: "  uffdsim list\n  uffdsim run 01",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, l := range lessons.All() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", l.Name, l.Title, l.Teaches)
			}
			return w.Flush()
		},
	}
}

// completeLessons offers the lessons' names to the shell.
func completeLessons(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, l := range lessons.All() {
		names = append(names, cobra.CompletionWithDesc(l.Name, l.Title))
	}
	return names, cobra.ShellCompDirectiveDefault
}
