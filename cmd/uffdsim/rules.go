package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/uffd"
)

func newRules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "List the rules that can be dropped, and what each prevents",
		Long: `List the rules of the protocol that can be dropped: name, kernel function, number in
docs/rules.md, what goes wrong without it, and what to explore to see that. Those that
prevent nothing are redundant.`,
		Example: "  uffdsim rules\n  uffdsim explain recheck-after-enqueue",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RULE\tFUNCTION\tNUMBER\tPREVENTS\tSHOWN BY")
			for _, r := range uffd.Rules() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s%s\n", r.Name, r.Func, r.Number, r.Symptom,
					r.Program, explore.With(r.Rule).Flags())
			}
			return w.Flush()
		},
	}
}
