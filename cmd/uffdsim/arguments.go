package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// arguments checks the number of arguments against the line of use: every word in upper
// case is an argument, one in brackets may be left out, and one with dots may be
// repeated. The error names what is missing or too many, and gives an example.
func arguments(cmd *cobra.Command, args []string) error {
	wanted := strings.Fields(cmd.Use)[1:]
	repeated := false
	for i, word := range wanted {
		repeated = repeated || strings.Contains(word, "...")
		if i >= len(args) && !strings.HasPrefix(word, "[") {
			return fmt.Errorf("%s is missing (usage: %s; example: %s)",
				strings.Trim(word, "[]."), usage(cmd), firstExample(cmd))
		}
	}
	if len(args) > len(wanted) && !repeated {
		return fmt.Errorf("one argument too many: %s (usage: %s)",
			strconv.Quote(args[len(wanted)]), usage(cmd))
	}
	return nil
}

// usage returns the command's line of use without the flags.
func usage(cmd *cobra.Command) string {
	return strings.TrimSuffix(cmd.UseLine(), " [flags]")
}

// firstExample returns the first of the command's examples without its explanation.
func firstExample(cmd *cobra.Command) string {
	line, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	line, _, _ = strings.Cut(line, "  ")
	return line
}

// noCommand is the error for arguments that name no command.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("no command %q%s: %s help lists the commands", args[0], didYouMean(args[0], commandNames(root)), root.Name())
}

// commandNames returns the names of the commands that the help text lists.
func commandNames(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}
