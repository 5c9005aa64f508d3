package main

import "github.com/spf13/cobra"

const rootLong = `uffdsim is an executable model of Linux's userfaultfd and of the memory management under
it. It follows the kernel's own code, one Go function for each kernel function, and runs on
any system. userfaultfd lets a program handle the page faults of its own memory.

A scenario is a text that looks like an strace log: one operation per line, with its
expected result after the last " = ". uffdsim runs it and checks every expectation. It also
reports every bug that the modelled kernel runs into, such as a deadlock. A task that still
sleeps at the end is only noted: "uffdsim explore" finds tasks that sleep forever.

A rule is a behaviour of the kernel that the rest of the protocol relies on. Any rule can be
dropped, to see what goes wrong without it.

Exit status: 0 for success; 1 if an expectation failed or a bug was found; 2 if the command
line or a scenario is wrong; 3 if a scenario uses something that Linux supports and the model
does not.`

const rootExample = `  uffdsim demo                      draw a page fault step by step
  uffdsim list                      list the lessons
  uffdsim run 01                    run a lesson
  uffdsim run --check my.uffd       run a file, and check the kernel's data structures as well
  echo 'mmap(0, 4p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)' | uffdsim run -
  uffdsim ops                       explain every operation of a scenario
  uffdsim versions                  list the changes between the kernels that --kernel chooses`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "uffdsim",
		Short:             "Run Linux's userfaultfd as an executable model",
		Long:              rootLong,
		Version:           versionText(),
		Example:           rootExample,
		Args:              noCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true, // exitCode prints them
		SilenceUsage:      true, // a failed run is no reason to explain the flags
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.Flags().Bool("version", false, "show the version of this program")
	root.SetVersionTemplate("{{.Version}}")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(newHelp())
	root.AddCommand(newDemo(), newRun(), newList(), newOps(), newExplore(), newRules(), newExplain(),
		newPlay(), newBench(), newConform(), newServe(), newVectors(), newVersions(), newVersion(), newCompletion())
	return root
}
