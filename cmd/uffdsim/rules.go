package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

func newRules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "List the rules that can be dropped, and what each prevents",
		Long: `List the rules of the protocol that can be dropped: name, number in docs/rules.md, the failure
that the rule prevents, and the program with its flags for "uffdsim explore" that shows the
failure. A rule that prevents nothing is redundant. The lines below each rule say what the
kernel does, and in which versions the rule has an effect, if not in all.`,
		Example: "  uffdsim rules\n  uffdsim explain recheck-after-enqueue",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules := uffd.Rules()
			rows := [][]string{{"RULE", "NUMBER", "PREVENTS", "SHOWN BY"}}
			for _, r := range rules {
				rows = append(rows, []string{r.Name, r.Number, string(r.Symptom), r.Program + explore.With(r.Rule).Flags()})
			}
			for i, lines := range tableLines(rows) {
				if i > 0 {
					r := &rules[i-1]
					lines = append(lines, indented(r.Func+" "+r.Does)...)
					lines = append(lines, indented(span(r))...)
				}
				for _, line := range lines {
					fmt.Fprintln(cmd.OutOrStdout(), line)
				}
			}
			return nil
		},
	}
}

// span says in which kernel versions the rule has an effect, "" for all.
func span(info *rule.Info) string {
	changes := kernel.Changes()
	text := ""
	if info.Since != changes[0].Release {
		text = "In effect since " + info.Since + ". "
	}
	for _, c := range changes {
		if c.Name == info.Until {
			backports := ""
			if c.Backports != nil {
				backports = "; backports " + strings.Join(c.Backports, ", ")
			}
			text += fmt.Sprintf("No effect on the program since %s (change %s%s): since then %s.", c.Release, c.Name, backports, info.Remains)
		}
	}
	return strings.TrimSpace(text)
}

// indented returns the lines of a text below a row of a table, none if the text is "".
func indented(text string) (lines []string) {
	if text == "" {
		return nil
	}
	for _, line := range wrap(text, columns-4) {
		lines = append(lines, "    "+line)
	}
	return lines
}
