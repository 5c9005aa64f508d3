package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// columns is the width that help texts and tables fit in.
const columns = 100

// usageTemplate is the part of a help text below the description, in the language of
// text/template. It differs from cobra's in wrapping the descriptions of the flags.
var usageTemplate = fmt.Sprintf(`Usage:{{if .HasParent}}
  {{.UseLine}}{{else}}
  {{.CommandPath}} COMMAND [ARGUMENT...] [flags]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped %d | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

{{.CommandPath}} help COMMAND explains a command.{{end}}
`, columns)

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command and its flags",
		Long:    "Explain a command and its flags; without a command, list the commands.",
		Example: "  uffdsim help run",
		Args:    arguments,
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			explained := cmd.Root()
			for _, c := range cmd.Root().Commands() {
				if len(args) == 1 && c.Name() == args[0] {
					explained = c
				}
			}
			if len(args) == 1 && !explained.HasParent() {
				return noCommand(cmd.Root(), args)
			}
			explained.InitDefaultHelpFlag() // so that it is listed, as with --help
			return explained.Help()
		},
	}
}

func newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script with which a shell completes commands, flags and names",
		Long: `Print a script for a shell: bash, zsh, fish or powershell. After loading it, the Tab key
completes commands, flags, lessons, rules and kernel versions.`,
		Example: `  uffdsim completion bash                       print it
  source <(uffdsim completion bash)             load it into this shell
  uffdsim completion fish > ~/.config/fish/completions/uffdsim.fish`,
		Args:                  arguments,
		ValidArgs:             shells,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return fmt.Errorf("no completion for %q%s: the shells are bash, zsh, fish and powershell", args[0], didYouMean(args[0], shells))
		},
	}
}
