package main

import (
	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the lessons: scenarios that come with the program",
		Long:    "List the lessons, scenarios that come with the program: name, title, and what each teaches.\nA lesson's name, or the number at its start, stands for a file in every command.",
		Example: "  uffdsim list\n  uffdsim run 01",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rows [][]string
			for _, l := range lessons.All() {
				rows = append(rows, []string{l.Name, l.Title + ": " + l.Teaches})
			}
			writeTable(cmd.OutOrStdout(), rows)
			return nil
		},
	}
}

// completeLessons returns the lessons' names for completion.
func completeLessons(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, l := range lessons.All() {
		names = append(names, cobra.CompletionWithDesc(l.Name, l.Title))
	}
	return names, cobra.ShellCompDirectiveDefault
}
