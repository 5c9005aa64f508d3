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
